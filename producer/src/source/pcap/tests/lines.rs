//! MoldUDP64: lines of a feed, and the same records as from a file.

use jiff::civil::date;
use tickring::record::{Mbo, Record, UNDEF_TIME};

use super::*;
use crate::source::itch::{ItchOptions, ItchSource};
use build::mold;

const SESSION: &[u8; 10] = b"2017071001";

fn message(code: u8, body: &[&[u8]]) -> Vec<u8> {
    // 10:32:17.9 in New York: a tenth of a second before the captures begin.
    let time = 37_937_900_000_000u64.to_be_bytes();
    [&[code, 0, 7, 0, 0][..], &time[2..], &body.concat()].concat()
}

fn add(order: u64, shares: u32) -> Vec<u8> {
    let (order, shares, price) =
        (order.to_be_bytes(), shares.to_be_bytes(), 10_000u32.to_be_bytes());
    message(b'A', &[&order, b"B", &shares, b"ZIEXT   ", &price])
}

fn executed(order: u64, shares: u32) -> Vec<u8> {
    message(b'E', &[&order.to_be_bytes(), &shares.to_be_bytes(), &order.to_be_bytes()])
}

/// Messages that give records of every kind.
fn session() -> Vec<Vec<u8>> {
    let directory = [&b"ZIEXT   QN"[..], &[0, 0, 0, 100], b"NC  PNN1N", &[0; 4], b"N"].concat();
    let prices = [0u8; 12];
    let imbalance = [&[0; 16][..], b"NZIEXT   ", &prices, b"OL"].concat();
    let collar = [&b"ZIEXT   "[..], &prices, &[0; 4]].concat();
    let mut messages = vec![
        message(b'S', &[b"Q"]),
        message(b'R', &[&directory]),
        message(b'H', &[b"ZIEXT   T T1  "]),
        message(b'J', &[&collar]),
        message(b'I', &[&imbalance]),
    ];
    for order in 1..=60 {
        messages.push(add(order, 300));
        if order % 3 == 0 {
            messages.extend([executed(order, 100), message(b'D', &[&order.to_be_bytes()])]);
        }
    }
    messages
}

/// Frames with so many messages each, to a line.
fn frames(line: u8, messages: &[Vec<u8>], each: usize) -> Vec<Vec<u8>> {
    let chunks = (1..).step_by(each).zip(messages.chunks(each));
    chunks.map(|(first, chunk)| ethernet(&ip(line, 26_400, &mold(SESSION, first, chunk)))).collect()
}

/// Frames of both lines with messages that give records of every kind.
pub(super) fn frames_of_all_kinds() -> Vec<Vec<u8>> {
    let messages = session();
    [frames(1, &messages, 20), frames(2, &messages, 30)].concat()
}

fn open(bytes: &[u8], options: &PcapOptions) -> Result<(Tape, Report, Option<Error>), Error> {
    let file = File::new(bytes);
    Ok(drain(PcapSource::open(&file.path(), options)?, 5))
}

fn read_mold(frames: Vec<Vec<u8>>, options: &PcapOptions) -> (Tape, Report) {
    let (tape, report, error) = open(&ethernet_file(&packets(frames)), options).unwrap();
    assert!(error.is_none(), "{error:?}");
    (tape, report)
}

/// The order ids of a tape, where a gap is its bounds, negative.
fn orders_and_gaps(tape: &Tape) -> Vec<i64> {
    let (mut orders, mut gaps) = (tape.of::<Mbo>().into_iter(), tape.of::<Gap>().into_iter());
    let mut seen = Vec::new();
    for name in tape.names() {
        match name {
            "mbo" => seen.push(orders.next().unwrap().order_id.cast_signed()),
            "gap" => {
                let gap = gaps.next().unwrap();
                seen.extend([gap.first_missing, gap.end_missing].map(|at| -at.cast_signed()));
            }
            other => panic!("{other}"),
        }
    }
    seen
}

#[test]
fn a_capture_has_the_records_of_the_file_with_the_times_of_its_packets() {
    let messages = session();
    let framed = messages.iter().map(|message| {
        [&u16::try_from(message.len()).unwrap().to_be_bytes()[..], message].concat()
    });
    let file = File::new(&framed.collect::<Vec<_>>().concat());
    let options = ItchOptions { date: date(2017, 7, 10), ..ItchOptions::default() };
    let mut by_file = Tape::default();
    let mut source = ItchSource::open(&file.path(), &options).unwrap();
    while source.poll(&mut by_file, 100).unwrap() != Progress::End {}
    let kinds = ["mbo", "trade", "status", "instrument_def", "imbalance", "stat"];
    assert!(kinds.iter().all(|kind| by_file.names().contains(kind)), "{:?}", by_file.names());

    let frames = frames(1, &messages, 7);
    let captured = ethernet_file(&packets(frames));
    let cases = [None, Some(date(2017, 7, 10))];
    for date in cases {
        let options = PcapOptions { date, ..PcapOptions::default() };
        let (mut tape, report, error) = open(&captured, &options).unwrap();
        assert!(error.is_none() && report.anomalies.is_empty(), "{error:?} {report:?}");
        for record in &mut tape.records {
            let at = match record.name {
                "mbo" => std::mem::offset_of!(Mbo, ts_recv),
                "trade" => std::mem::offset_of!(Trade, ts_recv),
                _ => 16,
            };
            let time = record.bytes.get_mut(at..at + 8).unwrap();
            let ts_recv = u64::from_le_bytes(<[u8; 8]>::try_from(&*time).unwrap());
            assert!((START_NS + 1_000..START_NS + 100_000).contains(&ts_recv), "{record:?}");
            time.copy_from_slice(&UNDEF_TIME.to_le_bytes());
        }
        assert_eq!(tape, by_file);
    }
}

#[test]
fn a_record_that_was_received_before_it_happened_is_labelled_and_counted() {
    let options = PcapOptions { date: Some(date(2017, 7, 11)), ..PcapOptions::default() };
    let (tape, report) = read_mold(frames(1, &[add(1, 100)], 1), &options);
    let [mbo] = tape.of::<Mbo>()[..] else { panic!("{tape:?}") };
    assert_eq!(mbo.flags, flag::LAST | flag::BAD_TS_RECV);
    assert_eq!(mbo.ts_recv, START_NS + 1_000);
    assert!(mbo.header().ts_event > mbo.ts_recv);
    assert_eq!(counts(&report.anomalies), [("record received before it happened", 1)]);
}

#[test]
fn two_lines_merge_into_one_feed_by_option_only() {
    let messages: Vec<Vec<u8>> = (1..=6).map(|order| add(order, 100)).collect();
    let (a, b) = (frames(1, &messages, 1), frames(2, &messages, 1));
    let lines = |order: &[(u8, usize)]| -> Vec<Vec<u8>> {
        let frame = |&(line, at): &(u8, usize)| if line == 1 { &a[at - 1] } else { &b[at - 1] };
        order.iter().map(|at| frame(at).clone()).collect()
    };
    // Line A loses 3, B loses 5 and is late with 1; both lose 6, as a heartbeat tells.
    let mut both = lines(&[(1, 1), (1, 2), (2, 1), (2, 2), (2, 3), (1, 4), (2, 4), (1, 5)]);
    both.push(ethernet(&ip(2, 26_400, &mold(SESSION, 7, &[]))));
    let merged = PcapOptions { merge: true, ..PcapOptions::default() };
    let (tape, report) = read_mold(both.clone(), &merged);
    assert_eq!(orders_and_gaps(&tape), [1, 2, 3, 4, 5, -6, -7]);
    let anomalies = [("gap", 1), ("message missing", 1), ("duplicate message", 3)];
    assert_eq!(counts(&report.anomalies), anomalies);

    let bytes = ethernet_file(&packets(both));
    let (tape, _, error) = open(&bytes, &PcapOptions::default()).unwrap();
    assert_eq!(tape.names().len(), 2, "what came before");
    let error = error.unwrap().to_string();
    let expected = "packet 2 is to 239.0.0.2:26400, those before to 239.0.0.1:26400";
    assert!(error.contains(expected), "{error}");
}

#[test]
fn a_hole_in_all_lines_is_told_with_the_line_that_showed_it() {
    let messages: Vec<Vec<u8>> = (1..=4).map(|order| add(order, 100)).collect();
    let (a, b) = (frames(1, &messages, 1), frames(2, &messages, 1));
    let frames = vec![a[0].clone(), b[3].clone(), a[1].clone(), a[3].clone()];
    let options = PcapOptions { merge: true, ..PcapOptions::default() };
    let (tape, report) = read_mold(frames, &options);
    assert_eq!(orders_and_gaps(&tape), [1, 2, -3, -4, 4]);
    let gap = tape.of::<Gap>()[0];
    assert_eq!((gap.line, gap.header().publisher_id), (1, 2));
    let labels = tape.of::<Mbo>().into_iter().map(|mbo| mbo.flags & flag::MAYBE_BAD_BOOK);
    assert_eq!(labels.collect::<Vec<_>>(), [0, 0, flag::MAYBE_BAD_BOOK], "behind the hole");
    let anomalies = [("gap", 1), ("message missing", 1), ("duplicate message", 1)];
    assert_eq!(counts(&report.anomalies), anomalies);
}

/// Frames of two lines, of which the second is so many packets behind, without those that a line
/// lost.
fn two_lines(messages: &[Vec<u8>], behind: usize, lost: [&[usize]; 2]) -> Vec<Vec<u8>> {
    let lines = [frames(1, messages, 1), frames(2, messages, 1)];
    let mut both = Vec::new();
    for at in 0..messages.len() + behind {
        for (index, line) in lines.iter().enumerate() {
            let at = at.checked_sub(behind * index).filter(|at| !lost[index].contains(at));
            both.extend(at.and_then(|at| line.get(at)).cloned());
        }
    }
    both
}

#[test]
fn what_one_line_lost_comes_by_the_other_though_it_is_behind() {
    let messages: Vec<Vec<u8>> = (1..=120).map(|order| add(order, 100)).collect();
    let options = PcapOptions { merge: true, ..PcapOptions::default() };
    for behind in [0, 1, 5, 30] {
        let lost: [&[usize]; 2] = [&[40, 50, 51, 90], &[30, 44, 89, 119]];
        let (tape, report) = read_mold(two_lines(&messages, behind, lost), &options);
        assert_eq!(orders_and_gaps(&tape), (1..=120).collect::<Vec<_>>(), "{behind} behind");
        assert_eq!(counts(&report.anomalies), [("duplicate message", 112)], "{behind} behind");
    }
    let (tape, _) = read_mold(two_lines(&messages, 3, [&[40, 60], &[40]]), &options);
    let orders: Vec<i64> = (1..=40).chain([-41, -42]).chain(42..=120).collect();
    assert_eq!(orders_and_gaps(&tape), orders, "what both lost is missing");
}

#[test]
fn a_packet_waits_for_a_bounded_number_of_packets_and_a_bounded_time() {
    let messages: Vec<Vec<u8>> = (1..=200).map(|order| add(order, 100)).collect();
    let options = PcapOptions { merge: true, ..PcapOptions::default() };
    let a = frames(1, &messages, 1);
    // Both lines are known by their first packets.
    let start = [a[0].clone(), frames(2, &messages, 1)[0].clone()];
    let second_behind = |most: usize| [&start[..], &a[2..most], &a[1..2]].concat();
    let (tape, report) = read_mold(second_behind(60), &options);
    assert_eq!(orders_and_gaps(&tape), (1..=60).collect::<Vec<_>>());
    assert_eq!(counts(&report.anomalies), [("duplicate message", 1)]);
    let (tape, report) = read_mold(second_behind(70), &options);
    assert_eq!(orders_and_gaps(&tape)[..4], [1, -2, -3, 3]);
    assert!(counts(&report.anomalies).contains(&("message too late", 1)));

    for (wait_us, expected) in [(100_000, vec![1, 2, 3, 4]), (100_001, vec![1, -2, -3, 3, 4])] {
        let mut packets = packets([&start[..], &a[2..4], &a[1..2]].concat());
        for late in &mut packets[3..] {
            late.time_ns = packets_time(wait_us);
        }
        let (tape, _, _) = open(&ethernet_file(&packets), &options).unwrap();
        assert_eq!(orders_and_gaps(&tape), expected);
    }
}

/// So many microseconds after the third packet.
fn packets_time(wait_us: u64) -> u64 {
    START_NS + 3_000 + wait_us * 1_000
}

#[test]
fn other_traffic_is_not_taken_for_the_feed() {
    let mut frames = frames(1, &[add(1, 100), add(2, 100)], 1);
    // Twenty bytes and more that would be a heartbeat of another session.
    frames.insert(1, ethernet(&ip(9, 123, &[0; 48])));
    let (tape, report) = read_mold(frames.clone(), &PcapOptions::default());
    assert_eq!(orders_and_gaps(&tape), [1, 2]);
    assert!(counts(&report.inputs).contains(&("datagram of another protocol", 1)));
    // By its port it is.
    let options = PcapOptions {
        ports: vec![123, 26_400],
        payload: Some(Payload::MoldUdp64),
        ..PcapOptions::default()
    };
    let (_, _, error) = open(&ethernet_file(&packets(frames)), &options).unwrap();
    assert!(error.unwrap().to_string().contains("239.0.0.9:123"));
}

#[test]
fn orders_do_not_outlive_their_session() {
    let next = |first, messages: &[Vec<u8>]| {
        ethernet(&ip(1, 26_400, &mold(b"2017071101", first, messages)))
    };
    let mut frames = frames(1, &[add(1, 100)], 1);
    frames.extend([next(1, &[add(2, 100), executed(1, 100)])]);
    let (tape, report) = read_mold(frames, &PcapOptions::default());
    assert_eq!(tape.names(), ["mbo", "gap", "mbo", "trade", "mbo"]);
    assert_eq!(tape.of::<Gap>()[0].state, gap_state::SESSION_RESET);
    let anomalies = [("unknown order", 1), ("session reset", 1)];
    assert_eq!(counts(&report.anomalies), anomalies);
    assert_eq!(counts(&report.inputs)[..2], [("A", 2), ("E", 1)]);
}

#[test]
fn the_highest_number_of_all_is_read() {
    let highest = ethernet(&ip(1, 26_400, &mold(SESSION, u64::MAX - 1, &[add(7, 300)])));
    let (tape, _) = read_mold(vec![highest], &PcapOptions::default());
    assert_eq!(orders_and_gaps(&tape), [7]);
}

#[test]
fn damaged_packets_are_counted_and_damaged_messages_are_errors() {
    let mut frames = frames(1, &[add(1, 100), add(2, 100), add(3, 100)], 1);
    // A packet whose message is said to be longer than it is.
    frames[1][14 + 28 + 21] = 200;
    let (tape, report) = read_mold(frames.clone(), &PcapOptions::default());
    assert_eq!(orders_and_gaps(&tape), [1, -2, -3, 3]);
    assert!(counts(&report.anomalies).contains(&("malformed datagram", 1)));
    // A message of a type that ITCH 5.0 does not have.
    frames[2][14 + 28 + 22] = b'?';
    let (tape, _, error) = open(&ethernet_file(&packets(frames)), &PcapOptions::default()).unwrap();
    assert_eq!(tape.of::<Mbo>().len(), 1);
    let error = error.unwrap().to_string();
    assert!(error.contains("packet 2, message 3: unknown message type 0x3f"), "{error}");
}

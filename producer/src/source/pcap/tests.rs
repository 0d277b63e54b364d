mod build;
mod files;
mod lines;

use std::path::PathBuf;

use tempfile::TempDir;
use tickring::record::{DeltaW, Gap, Quote, Trade, flag, gap_cause, gap_state};

use super::*;
use crate::sink::tape::Tape;
use crate::source::Count;
use crate::wire::iextp::DEEP_10;
use build::{Packet, START_NS, ethernet, ethernet_file, ip, level, quote, segment, tops, trade};

/// A file that goes away with the test.
struct File {
    folder: TempDir,
}

impl File {
    fn new(bytes: &[u8]) -> Self {
        let file = Self { folder: tempfile::tempdir().unwrap() };
        std::fs::write(file.path(), bytes).unwrap();
        file
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("capture")
    }
}

/// Reads a source to its end or an error.
fn drain(mut source: PcapSource, budget: usize) -> (Tape, Report, Option<Error>) {
    let mut tape = Tape::default();
    let error = loop {
        match source.poll(&mut tape, budget) {
            Ok(Progress::Advanced(consumed)) => assert!((1..=budget).contains(&consumed)),
            Ok(Progress::Idle) => panic!("a file is never idle"),
            Ok(Progress::End) => break None,
            Err(error) => break Some(error),
        }
    };
    (tape, source.report(), error)
}

/// Reads a capture of IEX-TP.
fn read(bytes: &[u8]) -> (Tape, Report, Option<Error>) {
    let file = File::new(bytes);
    let options = PcapOptions { payload: Some(Payload::IexTp), ..PcapOptions::default() };
    drain(PcapSource::open(&file.path(), &options).unwrap(), 3)
}

/// Reads a capture of IEX-TP that has no error.
fn read_whole(bytes: &[u8]) -> (Tape, Report) {
    let (tape, report, error) = read(bytes);
    assert!(error.is_none(), "{error:?}");
    (tape, report)
}

fn counts(counts: &[Count]) -> Vec<(&str, u64)> {
    counts.iter().map(|count| (count.name.as_str(), count.count)).collect()
}

/// Frames at one microsecond each.
fn packets(frames: Vec<Vec<u8>>) -> Vec<Packet> {
    (1..).zip(frames).map(|(time_us, frame)| Packet::new(time_us, frame)).collect()
}

/// The sizes of the trades of a tape, where a gap is its bounds, negative.
fn trades_and_gaps(tape: &Tape) -> Vec<i64> {
    let (mut trades, mut gaps) = (tape.of::<Trade>().into_iter(), tape.of::<Gap>().into_iter());
    let mut seen = Vec::new();
    for name in tape.names() {
        match name {
            "trade" => seen.push(trades.next().unwrap().size.into()),
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
fn messages_become_records_with_the_times_of_their_packets() {
    let bytes = ethernet_file(&packets(vec![
        tops(1, 1, &[]),
        tops(1, 1, &[quote(10), trade(20)]),
        tops(1, 3, &[trade(30)]),
    ]));
    let (tape, report) = read_whole(&bytes);
    assert_eq!(tape.names(), ["quote", "trade", "trade"]);
    assert_eq!(tape.of::<Quote>()[0].ts_recv, START_NS + 2_000);
    let trades = tape.of::<Trade>();
    assert_eq!((trades[0].sequence, trades[1].sequence), (2, 3));
    assert_eq!((trades[0].ts_recv, trades[1].ts_recv), (START_NS + 2_000, START_NS + 3_000));
    assert_eq!((trades[0].ts_in_delta, trades[1].ts_in_delta), (2_000, 3_000));
    assert_eq!(counts(&report.inputs), [("Q", 1), ("T", 2), ("heartbeat", 1), ("packet", 3)]);
    assert_eq!(report.anomalies, []);
    assert_eq!(tape.instruments.len(), 1);
}

#[test]
fn a_hole_is_told_before_the_next_message() {
    let bytes = ethernet_file(&packets(vec![
        tops(1, 1, &[trade(1)]),
        tops(1, 4, &[trade(4), trade(5)]),
        tops(1, 2, &[trade(2)]),
        tops(1, 4, &[trade(4), trade(5), trade(6)]),
        tops(1, 9, &[]),
    ]));
    let (tape, report) = read_whole(&bytes);
    assert_eq!(trades_and_gaps(&tape), [1, -2, -4, 4, 5, 6, -7, -9]);
    let expected = Gap {
        ts_detect: START_NS + 2_000,
        first_missing: 2,
        end_missing: 4,
        state: gap_state::UNRECOVERABLE,
        cause: gap_cause::SEQUENCE,
        ..Gap::empty(crate::source::iex::PUBLISHER, 0, u64::MAX)
    };
    assert_eq!(tape.of::<Gap>()[0], expected);
    assert_eq!(tape.of::<Gap>()[1].ts_detect, START_NS + 5_000);
    let anomalies =
        [("gap", 2), ("message missing", 4), ("duplicate message", 2), ("message too late", 1)];
    assert_eq!(counts(&report.anomalies), anomalies);
}

#[test]
fn a_new_session_is_told_before_its_first_message() {
    let bytes = ethernet_file(&packets(vec![
        tops(1, 1, &[trade(1)]),
        tops(2, 1, &[]),
        tops(2, 1, &[trade(2)]),
        tops(1, 2, &[trade(3)]),
    ]));
    let (tape, report) = read_whole(&bytes);
    assert_eq!(trades_and_gaps(&tape), [1, -1, -1, 2]);
    let gap = tape.of::<Gap>()[0];
    assert_eq!((gap.state, gap.cause), (gap_state::SESSION_RESET, gap_cause::UNKNOWN));
    let anomalies = [("session reset", 1), ("datagram of an ended session", 1)];
    assert_eq!(counts(&report.anomalies), anomalies);
}

#[test]
fn tops_and_deep_are_streams_of_their_own() {
    let deep = |first, messages: &[Vec<u8>]| {
        ethernet(&ip(2, 10_378, &segment(DEEP_10, 1, first, messages)))
    };
    let bytes = ethernet_file(&packets(vec![
        tops(1, 1, &[trade(1)]),
        deep(1, &[level(b'8', 0, 100), level(b'5', 1, 0)]),
        tops(1, 2, &[trade(2)]),
        deep(5, &[level(b'8', 1, 300)]),
    ]));
    let (tape, _) = read_whole(&bytes);
    assert_eq!(tape.names(), ["trade", "delta_w", "delta_w", "trade", "gap", "delta_w"]);
    let levels: Vec<_> = tape.of::<DeltaW>().iter().map(|d| (d.sequence, d.qty)).collect();
    assert_eq!(levels, [(1, 100), (2, 0), (5, 300)]);
    let labels = tape.of::<DeltaW>().into_iter().map(|d| d.flags & flag::MAYBE_BAD_BOOK);
    assert_eq!(labels.collect::<Vec<_>>(), [0, 0, flag::MAYBE_BAD_BOOK], "behind the hole");
    let gap = tape.of::<Gap>()[0];
    assert_eq!((gap.channel_id, gap.first_missing, gap.end_missing), (1, 3, 5));
    assert_eq!(tape.instruments.len(), 1, "one security in both");
}

#[test]
fn what_is_not_of_the_feed_is_counted_by_its_kind() {
    let segment_of = |protocol| ethernet(&ip(1, 1, &segment(protocol, 1, 1, &[trade(1)])));
    let mut damaged = tops(1, 1, &[trade(1)]);
    damaged[14 + 28 + 40] = 200;
    let mut fragment = tops(1, 1, &[trade(1)]);
    fragment[20] = 0x20;
    let mut malformed = tops(1, 1, &[trade(1)]);
    malformed[14] = 0x41;
    let mut tcp = tops(1, 1, &[trade(1)]);
    tcp[23] = 6;
    let mut arp = tops(1, 1, &[trade(1)]);
    arp[13] = 6;
    let mut packets = packets(vec![
        segment_of(0x8005),
        ethernet(&ip(1, 1, b"something else")),
        damaged,
        fragment,
        malformed,
        tcp,
        arp,
        tops(1, 1, &[trade(1)]),
        tops(1, 1, &[trade(1)]),
    ]);
    packets[7].kept -= 1;
    let (tape, report) = read_whole(&ethernet_file(&packets));
    assert_eq!(tape.names(), ["trade"]);
    let inputs = [
        ("T", 1),
        ("packet", 9),
        ("frame without IP", 1),
        ("packet without UDP", 1),
        ("datagram of another protocol", 2),
    ];
    assert_eq!(counts(&report.inputs), inputs);
    let anomalies = [
        ("fragment", 1),
        ("packet cut by the capture", 1),
        ("malformed packet", 1),
        ("malformed datagram", 1),
    ];
    assert_eq!(counts(&report.anomalies), anomalies);
}

#[test]
fn only_the_chosen_ports_are_read() {
    let to = |port, size| ethernet(&ip(1, port, &segment(DEEP_10, 1, size, &[trade(7)])));
    let file = File::new(&ethernet_file(&packets(vec![to(5, 1), to(6, 2), to(7, 2)])));
    let options = PcapOptions { ports: vec![5, 7], ..PcapOptions::default() };
    let (tape, report, _) = drain(PcapSource::open(&file.path(), &options).unwrap(), 9);
    assert_eq!((tape.names().len(), report.anomalies), (2, vec![]));
    assert!(counts(&report.inputs).contains(&("datagram to another port", 1)));
}

#[test]
fn a_crowd_of_channels_is_bounded_and_counted() {
    let frames = (0..100u32).map(|channel| {
        let mut segment = segment(DEEP_10, 1, 1, &[trade(1)]);
        segment[4..8].copy_from_slice(&channel.to_le_bytes());
        ethernet(&ip(1, 1, &segment))
    });
    let (tape, report) = read_whole(&ethernet_file(&packets(frames.collect())));
    assert_eq!(tape.names().len(), 64);
    assert_eq!(counts(&report.anomalies), [("datagram of a stream too many", 36)]);
}

#[test]
fn a_capture_without_market_data_is_an_error_that_says_what_is_read() {
    let other = ethernet_file(&packets(vec![ethernet(&ip(1, 1, b"something else"))]));
    let plus = ethernet(&ip(1, 1, &segment(0x8005, 1, 1, &[trade(1)])));
    let cases =
        [(other, "in the first 1 packets"), (ethernet_file(&packets(vec![plus])), "0x8005")];
    for (bytes, expected) in cases {
        let file = File::new(&bytes);
        let error = PcapSource::open(&file.path(), &PcapOptions::default()).unwrap_err();
        let error = error.to_string();
        assert!(error.contains(expected) && error.contains("DEEP 1.0"), "{error}");
    }
    let file = File::new(&ethernet_file(&[]));
    let empty = PcapSource::open(&file.path(), &PcapOptions::default()).unwrap();
    assert!(drain(empty, 1).2.is_none(), "no packets at all are no error");
}

#[test]
fn the_next_packet_has_its_time_before_it_is_taken() {
    let bytes = ethernet_file(&packets(vec![tops(1, 1, &[trade(1)]), tops(1, 2, &[trade(2)])]));
    let file = File::new(&bytes[..bytes.len() - 1]);
    let mut source = PcapSource::open(&file.path(), &PcapOptions::default()).unwrap();
    let mut tape = Tape::default();
    assert_eq!(source.next_time_ns(), Some(START_NS + 1_000));
    assert_eq!(source.next_time_ns(), Some(START_NS + 1_000));
    assert_eq!(source.poll(&mut tape, 1).unwrap(), Progress::Advanced(1));
    assert_eq!(source.next_time_ns(), None, "an error is next");
    assert!(source.poll(&mut tape, 1).is_err());
    assert_eq!(tape.names().len(), 1);
}

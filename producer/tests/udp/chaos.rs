//! Lines that lose, repeat, reorder and damage packets, and servers that help or do not.

use std::collections::BTreeSet;

use tickring::record::flag;
use tickring_producer::pipeline::{Feed, FeedOptions};
use tickring_producer::play::udp::{Chaos, Trouble};
use tickring_producer::source::Sink;

use super::*;
use crate::bus::Bus;

const CHAOS: Chaos =
    Chaos { seed: 1, loss: 0.01, loss_both: 0.0, duplicate: 0.01, reorder: 0.02, corrupt: 0.0 };

/// Recovery that is quick to give up, for servers that do not help.
const BRIEF: RecoveryOptions = RecoveryOptions {
    request: 1_000,
    first_wait: Duration::from_millis(5),
    longest_wait: Duration::from_millis(20),
    attempts: 3,
    limit: Duration::from_secs(60),
    most_messages: 1_000_000,
};

/// Recovery that does not give up a server that does help, however busy the machine is.
fn persistent() -> RecoveryOptions {
    RecoveryOptions { attempts: 1_000, limit: PATIENCE, ..BRIEF }
}

#[test]
fn lines_that_lose_repeat_and_reorder_give_the_ring_of_the_lossless_stream() {
    let stage = Stage::new(12_000);
    for seed in [1, 2, 3] {
        println!("seed {seed}");
        let options = UdpOptions { recovery: persistent(), ..stage.source_options() };
        let chaos = Chaos { seed, ..CHAOS };
        let (source, mut player) =
            stage.with_server(options, |player| UdpPlayerOptions { chaos, ..player });
        let bus = Bus::new();
        let options = FeedOptions { capacity: 1 << 16, ..bus.options() };
        let mut feed = Feed::open(source, &options).unwrap();
        let deadline = Instant::now() + PATIENCE;
        loop {
            assert!(Instant::now() < deadline, "stuck: {}", feed.summary());
            let _ = player.run_once(TURN).unwrap();
            match feed.run_once(usize::MAX).unwrap() {
                Progress::End => break,
                Progress::Idle => feed.wait(Duration::from_millis(1)),
                Progress::Advanced(_) => {}
            }
        }
        let mut tape = Tape::default();
        bus.each("ticks", |record| {
            if let Some(mbo) = record.get::<Mbo>() {
                tape.tick(mbo).unwrap();
            } else if let Some(trade) = record.get::<Trade>() {
                tape.tick(trade).unwrap();
            } else if let Some(gap) = record.get::<Gap>() {
                tape.tick(gap).unwrap();
            }
        });
        let (summary, played) = (feed.close(), player.report());
        println!("{summary}\n{played:?}");
        for mishap in ["packets lost", "packets sent twice", "packets delayed"] {
            for line in ["A", "B"] {
                assert!(count(&played.anomalies, &format!("line {line}: {mishap}")) > 0);
            }
        }
        assert!(timeless(&tape) == timeless(&stage.lossless()), "seed {seed}");
        // A gap is there only where both lines happened to lose the same packet.
        let gaps = checked_gaps(&tape);
        assert!(gaps.iter().all(|gap| gap.state == gap_state::FILLED), "{gaps:?}");
        assert!(gaps.len() < 5, "{gaps:?}");
    }
}

/// Both lines lose about one packet of fifty; the script says how many.
fn lossy(player: UdpPlayerOptions) -> UdpPlayerOptions {
    UdpPlayerOptions { chaos: Chaos { loss_both: 0.02, seed: 7, ..Chaos::default() }, ..player }
}

#[test]
fn what_both_lines_lose_is_one_gap_each_that_a_server_fills() {
    let stage = Stage::new(6_000);
    let patience = Duration::from_millis(1);
    let options = UdpOptions { recovery: persistent(), patience, ..stage.source_options() };
    let (mut source, mut player) = stage.with_server(options, lossy);
    let (tape, played, received) = to_its_end(&mut player, &mut source);
    assert!(timeless(&tape) == timeless(&stage.lossless()));
    let gaps = checked_gaps(&tape);
    let lost = count(&played.anomalies, "packets lost by all lines");
    assert!(lost > 5, "{played:?}");
    let missing: u64 = gaps.iter().map(|gap| gap.end_missing - gap.first_missing).sum();
    assert_eq!(missing, lost * 10);
    for gap in &gaps {
        assert_eq!(gap.state, gap_state::FILLED);
        assert_eq!(gap.recovered, gap.end_missing - gap.first_missing);
        assert_eq!(((gap.first_missing - 1) % 10, (gap.end_missing - 1) % 10), (0, 0));
        assert!(gap.attempts > 0);
    }
    assert_eq!(count(&received.anomalies, "gaps filled"), gaps.len() as u64);
    assert_eq!(count(&received.anomalies, "messages lost"), 0);
}

#[test]
fn what_both_lines_lose_is_one_gap_each_that_stays_where_the_server_refuses() {
    let stage = Stage::new(6_000);
    for has_server in [true, false] {
        let patience = Duration::from_millis(1);
        let options = UdpOptions { recovery: BRIEF, patience, ..stage.source_options() };
        let trouble = Trouble { refuse: true, ..Trouble::default() };
        let (mut source, mut player) = if has_server {
            stage.with_server(options, |player| UdpPlayerOptions { trouble, ..lossy(player) })
        } else {
            let source = UdpSource::open(&options).unwrap();
            let player = lossy(stage.player_options(&source));
            (source, UdpPlayer::open(&player).unwrap())
        };
        let (tape, played, received) = to_its_end(&mut player, &mut source);
        let gaps = checked_gaps(&tape);
        let lost = count(&played.anomalies, "packets lost by all lines");
        let missing: Vec<u64> =
            gaps.iter().flat_map(|gap| gap.first_missing..gap.end_missing).collect();
        assert_eq!(missing.len() as u64, lost * 10);
        for gap in &gaps {
            assert_eq!((gap.state, gap.recovered), (gap_state::UNRECOVERABLE, 0));
            assert_eq!(gap.attempts, if has_server { 3 } else { 0 });
        }
        let mut all: BTreeSet<u64> = tape.records.iter().filter_map(sequence).collect();
        all.extend(missing);
        assert!(all.into_iter().eq(1..=stage.messages));
        assert_eq!(count(&received.anomalies, "messages lost"), lost * 10);
        // From the first loss on nobody can know that a book is right.
        let first = gaps[0].first_missing;
        let is_flagged = |mbo: &Mbo| mbo.flags & flag::MAYBE_BAD_BOOK != 0;
        let mut orders = tape.of::<Mbo>().into_iter();
        assert!(orders.all(|mbo| is_flagged(&mbo) == (u64::from(mbo.sequence) > first)));
    }
}

#[test]
fn a_server_that_is_late_to_answer_is_asked_again() {
    let stage = Stage::new(1_500);
    let patience = Duration::from_millis(1);
    let options = UdpOptions { recovery: persistent(), patience, ..stage.source_options() };
    let trouble = Trouble { ignore: 4, ..Trouble::default() };
    let (mut source, mut player) =
        stage.with_server(options, |player| UdpPlayerOptions { trouble, ..lossy(player) });
    let (tape, ..) = to_its_end(&mut player, &mut source);
    assert!(timeless(&tape) == timeless(&stage.lossless()));
    let gaps = checked_gaps(&tape);
    assert!(gaps[0].state == gap_state::FILLED && gaps[0].attempts >= 5, "{gaps:?}");
}

#[test]
fn a_server_that_dies_in_the_middle_of_an_answer_holds_up_nothing() {
    let stage = Stage::new(6_000);
    let patience = Duration::from_millis(1);
    let options = UdpOptions { recovery: BRIEF, patience, ..stage.source_options() };
    let trouble = Trouble { die_after: Some(2), ..Trouble::default() };
    let (mut source, mut player) =
        stage.with_server(options, |player| UdpPlayerOptions { trouble, ..lossy(player) });
    let (tape, played, received) = to_its_end(&mut player, &mut source);
    let gaps = checked_gaps(&tape);
    let filled = gaps.iter().filter(|gap| gap.state == gap_state::FILLED).count();
    let recovered: u64 = gaps.iter().map(|gap| gap.recovered).sum();
    let missing: u64 = gaps.iter().map(|gap| gap.end_missing - gap.first_missing).sum();
    assert!(filled <= 2 && filled < gaps.len(), "{gaps:?}");
    assert!(recovered > 0 && recovered < missing);
    assert!(gaps.iter().any(|gap| gap.state == gap_state::UNRECOVERABLE && gap.recovered > 0));
    assert_eq!(missing, 10 * count(&played.anomalies, "packets lost by all lines"));
    assert_eq!(count(&received.anomalies, "messages lost"), missing - recovered);
}

#[test]
fn damaged_packets_are_counted_and_the_feed_comes_to_its_end() {
    let stage = Stage::new(3_000);
    for seed in 1..=5 {
        println!("seed {seed}");
        let options = UdpOptions {
            recovery: BRIEF,
            patience: Duration::from_millis(50),
            ..stage.source_options()
        };
        let chaos = Chaos { seed, corrupt: 0.05, ..CHAOS };
        let (mut source, mut player) =
            stage.with_server(options, |player| UdpPlayerOptions { chaos, ..player });
        let (tape, played, received) = to_its_end(&mut player, &mut source);
        println!("{played:?}\n{received:?}");
        assert!(count(&played.anomalies, "line A: packets damaged") > 5);
        let given = tape.records.iter().filter_map(sequence).collect::<BTreeSet<u64>>();
        assert!(given.len() as u64 > stage.messages * 8 / 10, "{}", given.len());
    }
}

#[test]
fn datagrams_that_are_no_packets_are_counted_and_dropped() {
    let stage = Stage::new(30);
    let mut source = UdpSource::open(&stage.source_options()).unwrap();
    let options = stage.player_options(&source);
    let sender = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    if options.lines[0].ip().is_multicast() {
        socket2::SockRef::from(&sender).set_multicast_if_v4(&Ipv4Addr::LOCALHOST).unwrap();
    }
    let long = vec![0xFF; 5_000];
    for bytes in [&b""[..], b"x", &[0; 19], &[0xFF; 22], &long] {
        sender.send_to(bytes, options.lines[0]).unwrap();
    }
    let mut player = UdpPlayer::open(&options).unwrap();
    let (tape, _, received) = to_its_end(&mut player, &mut source);
    assert!(timeless(&tape) == timeless(&stage.lossless()));
    assert_eq!(count(&received.anomalies, "line A: packets not MoldUDP64"), 3, "{received:?}");
    assert_eq!(count(&received.anomalies, "line A: packets longer than the buffer"), 1);
    // All ones end a session, but of a name that none has.
    assert_eq!(count(&received.anomalies, "line A: packets of another session"), 2);
}

//! What the kernel says of datagrams, and what the source asks of it.

use std::time::{SystemTime, UNIX_EPOCH};

use tickring::record::gap_cause;
use tickring_producer::pipeline::{Feed, FeedOptions};
use tickring_producer::play::udp::Chaos;

use super::*;
use crate::allocations;
use crate::bus::Bus;

fn now_ns() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(now.as_nanos()).unwrap()
}

#[test]
fn records_carry_the_time_of_their_receipt() {
    let stage = Stage::new(300);
    let mut source = UdpSource::open(&stage.source_options()).unwrap();
    let mut player = UdpPlayer::open(&stage.player_options(&source)).unwrap();
    let before = now_ns();
    let (tape, ..) = to_its_end(&mut player, &mut source);
    let after = now_ns();
    let times: Vec<u64> = tape.of::<Mbo>().iter().map(|mbo| mbo.ts_recv).collect();
    assert!(times.iter().all(|time| (before..=after).contains(time)), "{before} {after}");
    assert!(
        times.len() > 100 && times.iter().collect::<std::collections::BTreeSet<_>>().len() > 10
    );
}

#[test]
fn what_the_kernel_drops_is_counted_and_said_to_be_the_cause() {
    let stage = Stage::new(3_000);
    let recovery =
        RecoveryOptions { attempts: 1_000, limit: PATIENCE, ..RecoveryOptions::default() };
    let options = UdpOptions {
        receive_bytes: Some(4_000),
        patience: Duration::from_millis(1),
        recovery,
        ..stage.source_options()
    };
    let (mut source, mut player) = stage.with_server(options, |player| player);
    // Nobody takes them off the sockets meanwhile.
    let _ = player.run_once(1_000).unwrap();
    let _ = player.run_once(1_000).unwrap();
    let (tape, _, received) = to_its_end(&mut player, &mut source);
    assert!(timeless(&tape) == timeless(&stage.lossless()));
    let gaps = checked_gaps(&tape);
    assert!(gaps.iter().any(|gap| gap.cause == gap_cause::SOCKET_OVERFLOW), "{gaps:?}");
    for line in ["A", "B"] {
        let name = format!("line {line}: packets dropped by the kernel");
        assert!(count(&received.anomalies, &name) > 10, "{received:?}");
    }
}

#[test]
fn a_buffer_larger_than_the_system_allows_is_an_error_that_names_the_limit() {
    let stage = Stage::new(3);
    let receive_bytes = Some(1 << 30);
    let error = UdpSource::open(&UdpOptions { receive_bytes, ..stage.source_options() });
    let Err(error) = error else {
        println!("skipped: this machine allows receive buffers of 1 GiB");
        return;
    };
    assert!(error.to_string().contains("net.core.rmem_max"), "{error}");
}

#[test]
fn only_the_named_sender_is_received() {
    let stage = Stage::new(30);
    for (sender, messages) in [([127, 0, 0, 1], stage.messages), ([127, 0, 0, 9], 0)] {
        let line = |line| LineOptions { source: Some(Ipv4Addr::from(sender)), ..line };
        let options =
            UdpOptions { lines: lines().into_iter().map(line).collect(), ..stage.source_options() };
        if !options.lines[0].address.ip().is_multicast() {
            let error = UdpSource::open(&options).unwrap_err().to_string();
            assert!(error.contains("expected a multicast group"), "{error}");
            return;
        }
        let mut source = UdpSource::open(&options).unwrap();
        let linger = Duration::ZERO;
        let options = UdpPlayerOptions { linger, ..stage.player_options(&source) };
        let mut player = UdpPlayer::open(&options).unwrap();
        let mut tape = Tape::default();
        play(&mut player, &mut source, &mut tape);
        let given = tape.records.iter().filter_map(sequence).max().unwrap_or(0);
        assert_eq!(given, messages, "from {sender:?}");
    }
}

#[test]
fn a_source_needs_lines_it_can_open() {
    let stage = Stage::new(3);
    let none = UdpOptions { lines: Vec::new(), ..stage.source_options() };
    let error = UdpSource::open(&none).unwrap_err().to_string();
    assert!(error.contains("expected 1 to 255 lines, found 0"), "{error}");
    let elsewhere = LineOptions::new("192.0.2.1:0".parse().unwrap());
    let elsewhere = UdpOptions { lines: vec![elsewhere], ..stage.source_options() };
    let error = UdpSource::open(&elsewhere).unwrap_err().to_string();
    let is_refused = error.starts_with("cannot receive on 192.0.2.1:0");
    assert!(is_refused || cfg!(not(target_os = "linux")), "{error}");
    let busy = UdpOptions { busy_poll: Some(Duration::from_micros(50)), ..stage.source_options() };
    match UdpSource::open(&busy) {
        Ok(_) => {}
        // Only a privileged user may, on older kernels.
        Err(error) => assert!(error.to_string().contains("busy polling"), "{error}"),
    }
}

#[test]
fn nothing_is_allocated_for_a_message_even_where_packets_are_held_and_asked_for() {
    let stage = Stage::new(30_000);
    let recovery =
        RecoveryOptions { attempts: 1_000, limit: PATIENCE, ..RecoveryOptions::default() };
    let patience = Duration::from_millis(1);
    let options = UdpOptions { recovery, patience, ..stage.source_options() };
    let chaos = Chaos { seed: 3, loss: 0.05, loss_both: 0.01, reorder: 0.05, ..Chaos::default() };
    let (source, mut player) =
        stage.with_server(options, |player| UdpPlayerOptions { chaos, ..player });
    let bus = Bus::new();
    let options = FeedOptions { capacity: 1 << 10, ..bus.options() };
    let mut feed = Feed::open(source, &options).unwrap();
    let deadline = Instant::now() + PATIENCE;
    let (mut allocations_of, mut is_at_end) = ([0u64; 2], false);
    while !is_at_end {
        assert!(Instant::now() < deadline, "stuck: {}", feed.summary());
        let _ = player.run_once(TURN).unwrap();
        let records = feed.summary().records;
        // Buffers reach their size in the first half.
        let half = usize::from(records > 30_000);
        let allocated = allocations::during(|| match feed.run_once(usize::MAX).unwrap() {
            Progress::End => is_at_end = true,
            Progress::Idle => feed.wait(Duration::from_millis(1)),
            Progress::Advanced(_) => {}
        });
        if !is_at_end {
            allocations_of[half] += allocated;
        }
    }
    let summary = feed.summary();
    println!("{allocations_of:?} {summary}");
    assert!(allocations_of[0] > 0, "the counter counts");
    assert_eq!(allocations_of[1], 0);
    assert!(count(&summary.source.anomalies, "gaps filled") > 10, "{summary}");
    assert!(summary.records > 60_000);
}

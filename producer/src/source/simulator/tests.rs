use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use tickring::record::{action, flag};

use super::*;
use crate::book::{Applied, Book};
use crate::sink::tape::Tape;

mod session;

fn run(options: &SimulatorOptions, budget: usize) -> Tape {
    let mut simulator = Simulator::new(options).unwrap();
    let mut tape = Tape::default();
    while simulator.poll(&mut tape, budget).unwrap() != Progress::End {}
    tape
}

fn options(seed: u64, instruments: u32, count: u64) -> SimulatorOptions {
    SimulatorOptions { seed, instruments, count: Some(count), ..SimulatorOptions::default() }
}

fn sha256(tape: &Tape) -> [u8; 32] {
    let mut hash = Sha256::new();
    tape.records.iter().for_each(|taped| hash.update(&taped.bytes));
    hash.finalize().into()
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let first = sha256(&run(&options(5, 20, 100_000), 64));
    assert_eq!(first, sha256(&run(&options(5, 20, 100_000), 1000)));
    assert_ne!(first, sha256(&run(&options(6, 20, 100_000), 64)));
}

#[test]
fn every_stream_is_valid_for_a_book() {
    for (seed, instruments, count) in [(1, 1, 400_000), (2, 100, 400_000), (3, 8_000, 600_000)] {
        let tape = run(&options(seed, instruments, count), 256);
        assert_eq!(tape.of::<Mbo>().len() as u64, count);
        assert_eq!(tape.of::<InstrumentDef>().len(), instruments as usize);
        let mut books = BTreeMap::<u32, Book>::new();
        for record in tape.of::<Mbo>() {
            let book = books.entry(record.header.instrument_id).or_default();
            let applied = book.apply(&record);
            assert!(matches!(applied, Applied::Changed | Applied::Unchanged), "{record:?}");
            if record.flags & flag::LAST != 0 {
                assert!(!book.is_crossed(), "crossed after {record:?}");
            }
        }
        assert!(books.values().all(|book| book.unknown() + book.refused() == 0));
    }
}

#[test]
fn times_do_not_run_backwards_and_receipt_comes_after_the_event() {
    let tape = run(&options(4, 10, 200_000), 256);
    for pair in tape.of::<Mbo>().windows(2) {
        assert!(pair[0].header.ts_event <= pair[1].header.ts_event);
        assert!(pair[0].ts_recv <= pair[1].ts_recv);
    }
    assert!(tape.of::<Mbo>().iter().all(|record| record.ts_recv > record.header.ts_event));
}

#[test]
fn events_end_with_last_and_trades_carry_their_fills() {
    let tape = run(&options(9, 3, 200_000), 256);
    let mut event: Vec<Mbo> = Vec::new();
    let mut hidden = 0;
    for record in tape.of::<Mbo>() {
        event.push(record);
        if record.flags & flag::LAST == 0 {
            continue;
        }
        let actions: Vec<u8> = event.iter().map(|record| record.action).collect();
        if event.len() > 1 {
            let fills = event.iter().filter(|record| record.action == action::FILL);
            assert_eq!(actions[0], action::TRADE);
            assert_eq!(fills.clone().count() * 2 + 1, event.len(), "{actions:?}");
            assert_eq!(fills.map(|fill| fill.size).sum::<u32>(), event[0].size);
            assert!(event.iter().all(|record| record.price == event[0].price));
        } else if actions[0] == action::TRADE {
            assert_eq!((event[0].side, event[0].order_id), (b'N', 0), "hidden");
            hidden += 1;
        } else {
            assert!(matches!(actions[0], action::ADD | action::CANCEL | action::MODIFY));
        }
        event.clear();
    }
    assert!(event.is_empty() && hidden > 100, "{hidden}");
}

#[test]
fn the_mix_of_actions_is_near_that_of_a_real_session() {
    let tape = run(&options(10, 1, 1_000_000), 256);
    let mut counts = BTreeMap::<char, u32>::new();
    for record in tape.of::<Mbo>() {
        *counts.entry(char::from(record.action)).or_default() += 1;
    }
    println!("mix: {counts:?}");
    // A book that does not grow for ever has as many C as A.
    for (letter, percent) in [('A', 34.0), ('C', 30.0), ('M', 20.0), ('F', 11.0), ('T', 5.0)] {
        let found = f64::from(counts[&letter]) / 1e4;
        assert!((found - percent).abs() < 2.5, "{letter}: {found} % for {percent} %");
    }
}

#[test]
fn arrivals_are_clustered_and_signs_remember() {
    let seconds = 120;
    let options = SimulatorOptions {
        events_per_second: 5_000.0,
        duration: Some(Duration::from_secs(seconds)),
        ..options(11, 1, u64::MAX)
    };
    let tape = run(&options, 256);
    let mut counts = vec![0.0; usize::try_from(seconds).unwrap()];
    let mut signs = Vec::new();
    for record in tape.of::<Mbo>() {
        let second = (record.header.ts_event - options.start_ns) / 1_000_000_000;
        counts[usize::try_from(second).unwrap()] += 1.0;
        match (record.action, record.side) {
            (action::TRADE, b'B') => signs.push(1.0),
            (action::TRADE, b'A') => signs.push(-1.0),
            _ => {}
        }
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let average = mean(&counts);
    let variance = mean(&counts.iter().map(|count| (count - average).powi(2)).collect::<Vec<_>>());
    let fano = variance / average;
    let products: Vec<f64> = signs.windows(2).map(|pair| pair[0] * pair[1]).collect();
    let memory = mean(&products) - mean(&signs).powi(2);
    println!("Fano(1 s) {fano:.1}, sign autocorrelation {memory:.3}, {} trades", signs.len());
    assert!((30.0..=200.0).contains(&fano), "{fano}");
    assert!(memory > 0.1, "{memory}");
}

#[test]
fn messages_are_numbered_without_holes_and_an_order_changes_or_is_left_alone() {
    let tape = run(&options(8, 2, 100_000), 256);
    let mut orders = BTreeMap::new();
    let mut next = 1;
    for record in tape.of::<Mbo>() {
        assert_eq!(record.sequence, next, "{record:?}");
        next += u32::from(record.flags & flag::LAST != 0);
        let now = (record.price, record.size);
        match record.action {
            action::ADD => assert_eq!(orders.insert(record.order_id, now), None),
            action::MODIFY => assert_ne!(orders.insert(record.order_id, now), Some(now)),
            _ => {}
        }
    }
}

#[test]
fn instruments_are_drawn_by_rank() {
    let tape = run(&options(12, 100, 500_000), 256);
    let mut counts = vec![0u32; 101];
    for record in tape.of::<Mbo>() {
        counts[record.header.instrument_id as usize] += 1;
    }
    assert!(counts[1] > 4 * counts[10] && counts[10] > 3 * counts[80], "{counts:?}");
    assert!(counts[1..].iter().all(|&count| count >= 40));
}

#[test]
fn count_ends_the_input_to_the_record_and_duration_to_the_time() {
    for count in [0, 1, 39, 41, 1_234] {
        assert_eq!(run(&options(3, 1, count), 7).of::<Mbo>().len() as u64, count);
    }
    let limited = SimulatorOptions {
        duration: Some(Duration::from_millis(100)),
        ..SimulatorOptions::default()
    };
    let tape = run(&limited, 64);
    let last = tape.of::<Mbo>().last().unwrap().header.ts_event;
    assert!(last < limited.start_ns + 100_000_000 && tape.of::<Mbo>().len() > 41);
}

#[test]
fn options_out_of_range_are_refused() {
    for wrong in [
        SimulatorOptions { instruments: 0, ..SimulatorOptions::default() },
        SimulatorOptions { events_per_second: f64::NAN, ..SimulatorOptions::default() },
    ] {
        assert!(matches!(Simulator::new(&wrong), Err(Error::Option { .. })));
    }
}

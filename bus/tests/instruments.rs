//! The instrument directory and the last values, as writer and readers see them.

use crate::support::{Bench, trade};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use tickring::record::{Quote, Record, Trade};
use tickring::{Error, Instrument, RingInfo, RingSpec, Start};

fn bench(instruments: u64) -> Bench {
    let mut bench = Bench::new(64);
    let kinds = [Trade::kinds(), Quote::kinds()].concat();
    bench.spec = RingSpec { capacity: 64, instruments, ..RingSpec::new(kinds).unwrap() };
    bench
}

#[test]
fn a_late_reader_knows_the_instruments_and_what_was_last_said_of_them() {
    let bench = bench(16);
    let mut writer = bench.writer();
    for (id, symbol) in [(7, "ESZ6"), (8, "NQZ6")] {
        let mut instrument = Instrument::new(1, id, symbol).unwrap();
        instrument.tick = 250_000_000;
        writer.define(&instrument).unwrap();
    }
    let quote = Quote { bid_px: 10, ask_px: 11, ..Quote::empty(1, 7, 5) };
    writer.publish(&quote).unwrap();
    let last = Trade { price: 10, size: 3, ..Trade::empty(1, 7, 6) };
    writer.publish(&last).unwrap();
    // Everything else is long overwritten in the ring.
    for n in 0..500 {
        writer.publish(&Trade { price: n, ..Trade::empty(1, 8, 7) }).unwrap();
    }
    let reader = bench.reader(Start::Latest);
    let mut symbols: Vec<_> = reader.instruments().map(|i| i.symbol().into_owned()).collect();
    symbols.sort();
    assert_eq!(symbols, ["ESZ6", "NQZ6"]);
    assert_eq!(reader.instrument(7).unwrap().tick, 250_000_000);
    assert_eq!(reader.instrument(9), None);
    let latest = reader.latest(7);
    assert_eq!(latest.quote.unwrap().record().get::<Quote>(), Some(&quote));
    let value = latest.trade.unwrap();
    assert_eq!(value.record().get::<Trade>(), Some(&last));
    let batch = reader.batch_of(&value.record());
    assert_eq!((batch.len(), batch.first_seq()), (1, value.record().seq()));
    assert_eq!(batch.iter().next().unwrap().get::<Trade>(), Some(&last));
    let other = reader.latest(8).trade.unwrap();
    assert_eq!(other.record().seq(), 501);
    assert_eq!(reader.latest(8).quote, None);
}

#[test]
fn a_full_directory_refuses_definitions_and_counts_what_it_cannot_remember() {
    let bench = bench(8);
    let mut writer = bench.writer();
    for id in 0..7 {
        writer.define(&Instrument::new(1, id, "X").unwrap()).unwrap();
    }
    let error = writer.define(&Instrument::new(1, 7, "Y").unwrap()).unwrap_err();
    assert!(
        matches!(error, Error::NoRoomForInstrument { instrument_id: 7, room: 7, .. }),
        "{error}"
    );
    for n in 0..5 {
        writer.publish(&Trade::empty(1, 100, n)).unwrap();
    }
    let info = RingInfo::read(&bench.directory, &bench.name).unwrap();
    assert_eq!((info.instruments, info.unlisted, info.published), (8, 6, 5));
    assert_eq!(bench.reader(Start::Latest).latest(100).trade, None);
}

#[test]
fn a_ring_without_a_directory_says_so() {
    let bench = Bench::new(64);
    let mut writer = bench.writer();
    let error = writer.define(&Instrument::new(1, 1, "X").unwrap()).unwrap_err();
    assert!(error.to_string().contains("RingSpec::instruments"), "{error}");
    writer.publish(&trade(1)).unwrap();
    assert_eq!(bench.reader(Start::Latest).latest(1), Default::default());
}

#[test]
fn the_next_writer_keeps_directory_and_last_values() {
    let bench = bench(16);
    let mut writer = bench.writer();
    writer.define(&Instrument::new(1, 7, "ESZ6").unwrap()).unwrap();
    writer.publish(&trade(7)).unwrap();
    drop(writer);
    let mut writer = bench.writer();
    let reader = bench.reader(Start::Latest);
    assert_eq!(reader.instrument(7).unwrap().symbol(), "ESZ6");
    assert_eq!(reader.latest(7).trade.unwrap().record().get::<Trade>(), Some(&trade(7)));
    let seq = writer.publish(&trade(107)).unwrap();
    assert_eq!(reader.latest(7).trade.unwrap().record().seq(), seq);
}

/// Readers of one hot instrument while the writer runs at full speed: nothing torn, and nothing
/// older than what was seen before.
#[test]
fn last_values_read_at_full_speed_are_whole_and_never_go_back() {
    let bench = bench(16);
    let mut writer = bench.writer();
    let stop = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let (reader, stop) = (bench.reader(Start::Latest), Arc::clone(&stop));
            thread::spawn(move || {
                let (mut seen, mut last) = (0_u64, 0);
                while !stop.load(Ordering::Relaxed) || seen == 0 {
                    let Some(value) = reader.latest(7).trade else { continue };
                    let record = value.record();
                    let found = record.get::<Trade>().unwrap();
                    assert_eq!(*found, trade(found.trade_id), "torn");
                    assert!(record.seq() >= last, "went back");
                    (seen, last) = (seen + 1, record.seq());
                }
                seen
            })
        })
        .collect();
    for n in 0..400_000 {
        writer.publish(&trade(n * 100 + 7)).unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    let seen: u64 = readers.into_iter().map(|reader| reader.join().unwrap()).sum();
    println!("{seen} last values read");
}

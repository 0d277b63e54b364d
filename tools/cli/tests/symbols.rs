//! `tickring symbols`, and joining at a time or a token.

use crate::support::{Bus, ring};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use tickring::record::{Quote, Record, Trade, book_state};
use tickring::{Instrument, Reader, RingSpec, Start, Writer};

fn writer(bus: &Bus) -> Writer {
    let kinds = [Trade::kinds(), Quote::kinds()].concat();
    let spec = RingSpec { capacity: 64, instruments: 16, ..RingSpec::new(kinds).unwrap() };
    Writer::open(&bus.directory(), &ring("demo/ticks"), &spec).unwrap()
}

#[test]
fn instruments_are_listed_with_their_last_quote_and_trade() {
    let bus = Bus::new();
    let mut writer = writer(&bus);
    let mut instrument = Instrument::new(1, 17, "ESZ6").unwrap();
    instrument.tick = 250_000_000;
    instrument.book_state = book_state::SYNCED;
    writer.define(&instrument).unwrap();
    let (bid_px, ask_px) = (4_810_250_000_000, 4_810_500_000_000);
    writer.publish(&Quote { bid_px, ask_px, ..Quote::empty(1, 17, 0) }).unwrap();
    writer.publish(&Trade { price: bid_px, ..Trade::empty(1, 18, 0) }).unwrap();
    assert_eq!(
        bus.run("symbols demo/ticks").clean(),
        "id  symbol         tick             bid             ask            last  quote seq  \
         trade seq  book      defined\n\
         17  ESZ6    0.250000000  4810.250000000  4810.500000000               -          0  \
         \x20       -  synced    -\n\
         18                    -               -               -  4810.250000000          -  \
         \x20       1  unsynced  -\n"
    );
    let one = bus.run("symbols demo/ticks ESZ6 --json").objects();
    assert_eq!((one.len(), &one[0]["ask"]), (1, &Value::from("4810.500000000")));
    assert_eq!(one[0]["last"], Value::Null);
    assert_eq!(bus.run("symbols demo/ticks 18 --json").objects()[0]["trade_seq"], 1);
    let ran = bus.run("symbols demo/ticks CLZ6");
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""));
    assert!(ran.err.contains("does not list CLZ6"), "{}", ran.err);
}

#[test]
fn a_feed_lists_its_instruments_in_the_ring_of_ticks() {
    let bus = Bus::new();
    let feed = "feed simulate --to demo --instruments 3 --count 2000 --pace max --directory 8";
    assert_eq!(bus.run(feed).code, Some(0));
    let listed = bus.run("symbols demo/ticks --json").objects();
    assert_eq!(listed.len(), 3);
    assert!(listed.iter().all(|one| one["symbol"].as_str().is_some_and(|name| !name.is_empty())));
    assert!(listed.iter().any(|one| one["trade_seq"].is_u64()), "{listed:?}");
    let object = bus.run("inspect demo/ticks --json --header").objects().pop().unwrap();
    assert_eq!((&object["instruments"], &object["unlisted"]), (&8.into(), &0.into()));
}

#[test]
fn a_tail_begins_at_an_age_a_time_or_a_token() {
    let bus = Bus::new();
    let mut writer = writer(&bus);
    for n in 0..30 {
        writer.publish(&Trade::empty(1, 18, n)).unwrap();
    }
    let mut reader =
        Reader::open(&bus.directory(), &ring("demo/ticks"), Start::Sequence(25)).unwrap();
    let count = |from: &str| {
        let ran = bus.run(&format!("tail demo/ticks --json --from {from}"));
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{from}");
        ran.out.lines().count()
    };
    assert_eq!(count(&reader.token().to_string()), 5);
    assert!(reader.poll().record().is_some());
    assert_eq!(count(&reader.token().to_string()), 4);
    assert_eq!(count("-1h"), 30);
    assert_eq!(count("2026-01-05T14:30:00Z"), 30);
    assert_eq!(count("2399-01-05T14:30:00Z"), 0);
    let other = format!("{:032x}-1-3", 77);
    let err = bus.run(&format!("tail demo/ticks --from {other}")).failure(2);
    assert!(err.contains("is not of demo/ticks"), "{err}");
    let err = bus.run("tail demo/ticks --from yesterday").failure(2);
    assert!(err.contains("an age such as -5s"), "{err}");
}

#[test]
fn a_feed_makes_its_rings_as_it_is_told() {
    let bus = Bus::new();
    let feed = "feed simulate --to demo --count 100 --pace max --mode 444 --wake-ticker 5ms \
                --huge-pages --numa-node 0";
    let ran = bus.run(feed);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let path = bus.directory().path_of(&ring("demo/ticks"));
    let mode = std::fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o444);
    let err = bus.run("feed simulate --to other --count 1 --numa-node 4000").failure(2);
    assert!(err.contains("NUMA node 4000"), "{err}");
}

//! What a message costs: no allocation, once the client has started.

use std::fs;

use tickring::WrongKind;
use tickring::record::Record;
use tickring_producer::source::{Progress, Sink, Source};

use super::support::{Day, Playing};
use crate::allocations;

/// Counts records and keeps none.
#[derive(Default)]
struct Counter {
    records: u64,
}

impl Sink for Counter {
    fn tick<R: Record>(&mut self, _: &R) -> Result<(), WrongKind> {
        self.records += 1;
        Ok(())
    }

    fn definition<R: Record>(&mut self, _: &R) -> Result<(), WrongKind> {
        Ok(())
    }

    fn statistic<R: Record>(&mut self, _: &R) -> Result<(), WrongKind> {
        Ok(())
    }
}

/// Orders that are added and executed in whole, so that one at a time rests.
fn day(orders: u64) -> Day {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("day.itch");
    let each = (1..=orders).flat_map(|order| {
        let (head, id) = (b"\0\x01\0\0\0\0\0\0\x03\xE8", order.to_be_bytes());
        let shares = 90u32.to_be_bytes();
        let price = 10_000u32.to_be_bytes();
        let add = [&b"\0\x24A"[..], head, &id, b"B", &shares, b"TEST    ", &price].concat();
        let executed = [&b"\0\x1FE"[..], head, &id, &shares, &id].concat();
        [add, executed].concat()
    });
    fs::write(&path, each.collect::<Vec<u8>>()).unwrap();
    Day::of(path).keeping(folder)
}

#[test]
fn messages_cost_no_allocation_after_the_start() {
    let day = day(20_000);
    let server = Playing::start(day.server());
    let (mut client, mut sink) = (day.client(&server), Counter::default());
    let mut run = |until: u64| {
        while sink.records < until {
            match client.poll(&mut sink, 256).unwrap() {
                Progress::Advanced(_) => {}
                Progress::Idle => client.wait(std::time::Duration::from_millis(100)),
                Progress::End => panic!("the session has {until} records"),
            }
        }
    };
    // An order gives three records; the end of the session, which frees memory, is 2,000 messages
    // away.
    run(3_000);
    assert_eq!(allocations::during(|| run(57_000)), 0);
}

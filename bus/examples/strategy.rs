//! A small strategy: follows ticks and bars of a bus together and prints its orders.
//!
//! It buys when an instrument trades above the high of its last bar, and sells when it trades
//! below the low: a breakout. One position per instrument. It knows only what it has read,
//! trades no bar that is flagged INCOMPLETE, and goes flat when it was lapped.
//!
//! `cargo run --example strategy -- demo` follows `demo/ticks` and `demo/bars` until both end.

use std::collections::HashMap;
use std::time::Duration;
use tickring::record::{Mbo, Trade, WindowBar, action, window_flag};
use tickring::{Directory, Error, Poll, Reader, RecordRef, RingName, Start, wait_any};

/// Longest wait at a stretch.
const PATIENCE: Duration = Duration::from_secs(1);

fn main() -> Result<(), Error> {
    let bus = std::env::args().nth(1).unwrap_or_else(|| "demo".to_owned());
    let directory = Directory::from_env();
    let open = |ring| Reader::open(&directory, &RingName::new(&bus, ring)?, Start::Oldest);
    let (mut ticks, mut bars) = (open("ticks")?, open("bars")?);
    let mut strategy = Strategy::default();
    loop {
        // Bars first: a tick must not be judged by a bar that is older than one already there.
        let bar = step(&mut bars, |record| strategy.bar(record));
        let tick = step(&mut ticks, |record| strategy.tick(record));
        match (bar, tick) {
            (Step::Ended, Step::Ended) => break,
            (Step::Lapped, _) | (_, Step::Lapped) => strategy.go_flat(),
            (Step::Read, _) | (_, Step::Read) => {}
            // A ring that has ended has nothing to wait for.
            (Step::Ended, _) => _ = ticks.wait(PATIENCE),
            (_, Step::Ended) => _ = bars.wait(PATIENCE),
            _ => _ = wait_any(&mut [&mut bars, &mut ticks], PATIENCE),
        }
    }
    println!("{} orders", strategy.orders);
    Ok(())
}

/// What one look at a ring gave.
enum Step {
    Read,
    Nothing,
    Lapped,
    Ended,
}

fn step(reader: &mut Reader, f: impl FnOnce(&RecordRef<'_>)) -> Step {
    match reader.poll() {
        Poll::Record(record) => {
            f(&record);
            Step::Read
        }
        Poll::Lapped { missed, .. } => {
            println!("missed {missed} records");
            Step::Lapped
        }
        Poll::Empty | Poll::Tombstone { .. } | Poll::Restarted { .. } => Step::Nothing,
        Poll::Closed(_) => Step::Ended,
    }
}

#[derive(Default)]
struct Strategy {
    /// High and low of the last whole bar of each instrument.
    ranges: HashMap<u32, (i64, i64)>,
    /// Long +1 or short -1, by instrument.
    positions: HashMap<u32, i8>,
    orders: u64,
}

impl Strategy {
    fn bar(&mut self, record: &RecordRef<'_>) {
        let Some(bar) = record.get::<WindowBar>() else { return };
        let id = bar.header.instrument_id;
        if bar.flags & window_flag::INCOMPLETE == 0 {
            self.ranges.insert(id, (bar.high, bar.low));
        } else {
            self.ranges.remove(&id);
        }
    }

    fn tick(&mut self, record: &RecordRef<'_>) {
        let (id, price) = match (record.get::<Trade>(), record.get::<Mbo>()) {
            (Some(trade), _) => (trade.header.instrument_id, trade.price),
            (_, Some(mbo)) if mbo.action == action::TRADE => (mbo.header.instrument_id, mbo.price),
            _ => return,
        };
        let Some((high, low)) = self.ranges.get(&id) else { return };
        let wanted = i8::from(price > *high) - i8::from(price < *low);
        let position = self.positions.entry(id).or_default();
        if wanted != 0 && wanted != *position {
            let side = if wanted > 0 { "BUY " } else { "SELL" };
            println!("{side} instrument {id} at {:.9} (seq {})", price as f64 * 1e-9, record.seq());
            *position = wanted;
            self.orders += 1;
        }
    }

    /// What the market did meanwhile is not known: hold nothing, trust no bar.
    fn go_flat(&mut self) {
        for (id, _) in self.positions.drain().filter(|(_, position)| *position != 0) {
            println!("FLAT instrument {id}");
            self.orders += 1;
        }
        self.ranges.clear();
    }
}

//! Books, quotes, levels, statistics and vectors allocate nothing once they have seen their market.

use std::cell::Cell;
use std::rc::Rc;

use tickring::record::{InstrumentDef, Mbo, Record, action, flag};
use tickring_producer::Error;
use tickring_producer::calendar::Venues;
use tickring_producer::features::FeatureOptions;
use tickring_producer::pipeline::{FeedOptions, QuoteOptions, StatsOptions};
use tickring_producer::sink::tape::Tape;
use tickring_producer::source::simulator::{Simulator, SimulatorOptions};
use tickring_producer::source::{Kinds, Progress, Report, Sink, Source};

use crate::allocations;
use crate::bus::Bus;

const INSTRUMENTS: u32 = 20;
/// A map of orders may find in its second session that it wants more room for what it has deleted.
const ROUNDS: usize = 4;

/// The same session again and again, each from empty books.
struct Rounds {
    session: Vec<Mbo>,
    next: usize,
    /// How often memory was allocated or freed in each round while records were taken.
    counts: Rc<[Cell<u64>; ROUNDS]>,
}

impl Source for Rounds {
    fn kinds(&self) -> Kinds {
        Kinds { ticks: Mbo::kinds(), definitions: InstrumentDef::kinds(), statistics: Vec::new() }
    }

    fn next_time_ns(&mut self) -> Option<u64> {
        None
    }

    fn poll<S: Sink>(&mut self, sink: &mut S, _budget: usize) -> Result<Progress, Error> {
        let (round, place) = (self.next / self.session.len(), self.next % self.session.len());
        let (Some(count), Some(record)) = (self.counts.get(round), self.session.get(place)) else {
            return Ok(Progress::End);
        };
        self.next += 1;
        let mut taken = Ok(());
        let allocations = allocations::during(|| taken = sink.tick(record));
        count.set(count.get() + allocations);
        taken.map_err(tickring::Error::from)?;
        Ok(Progress::Advanced(1))
    }

    fn report(&self) -> Report {
        Report::default()
    }
}

#[test]
fn what_is_derived_allocates_nothing_once_its_maps_have_grown() {
    let simulated = SimulatorOptions {
        instruments: INSTRUMENTS,
        count: Some(30_000),
        ..SimulatorOptions::default()
    };
    let mut source = Simulator::new(&simulated).unwrap();
    let mut tape = Tape::default();
    while source.poll(&mut tape, 1_000).unwrap() != Progress::End {}
    let clear = |id| Mbo { action: action::CLEAR, flags: flag::LAST, ..Mbo::empty(0, id, 0) };
    let mut session: Vec<Mbo> = (1..=INSTRUMENTS).map(clear).collect();
    session.extend(tape.of::<Mbo>());

    let bus = Bus::new();
    let counts = Rc::new([const { Cell::new(0) }; ROUNDS]);
    let source = Rounds { session, next: 0, counts: Rc::clone(&counts) };
    let venues = Venues::builtin().unwrap();
    let stats = Some(StatsOptions { venues, venue: Some("XNAS".to_owned()) });
    let options = FeedOptions {
        capacity: 1 << 12,
        instruments: 64,
        vectors: Some(FeatureOptions::default()),
        quotes: Some(QuoteOptions { capacity: 1 << 12, stats }),
        depth: Some(1 << 10),
        ..bus.options()
    };
    let summary = bus.feed(source, &options).unwrap();
    let published = summary.vectors + summary.derived.iter().map(|c| c.count).sum::<u64>();
    assert!(published > 30_000, "{summary}");
    let counts = counts.each_ref().map(Cell::get);
    assert!(counts[0] > 0, "what does allocate is counted");
    assert_eq!(counts[2..], [0; ROUNDS - 2], "{counts:?}");
}

//! Feeds of the simulator: rings, vectors, paces, ends.

use std::collections::BTreeSet;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tickring::record::{
    Heartbeat, InstrumentDef, Mbo, Record, Status, Trade, Vector, status_action,
};
use tickring::{Poll, RingCount, RingState};
use tickring_producer::Error;
use tickring_producer::features::{FeatureOptions, Features};
use tickring_producer::market::Markets;
use tickring_producer::pace::{Pace, StepClock};
use tickring_producer::pipeline::{Feed, FeedOptions};
use tickring_producer::source::simulator::{Simulator, SimulatorOptions};
use tickring_producer::source::{Kinds, Progress, Report, Sink, Source};

use crate::bus::Bus;
use crate::hand::{Given, Hand};

fn simulator(count: u64) -> Simulator {
    let options =
        SimulatorOptions { instruments: 5, count: Some(count), ..SimulatorOptions::default() };
    Simulator::new(&options).unwrap()
}

#[test]
fn a_feed_fills_ticks_definitions_and_vectors_and_closes_them() {
    for dim in [32, 128] {
        let bus = Bus::new();
        let vectors = FeatureOptions { dim, every: 4, ..FeatureOptions::default() };
        let options = FeedOptions { vectors: Some(vectors), ..bus.options() };
        let summary = bus.feed(simulator(50_000), &options).unwrap();
        let ticks: Vec<Mbo> = bus.records("ticks");
        assert_eq!(ticks.len(), 50_000);
        assert_eq!(summary.records, 50_005);
        let definitions: Vec<InstrumentDef> = bus.records("definitions");
        let ids: Vec<u32> = definitions.iter().map(|def| def.header.instrument_id).collect();
        assert_eq!(ids, [1, 2, 3, 4, 5]);
        assert!(!bus.has("statistics"));

        // The ring of vectors is what the encoder makes of the ring of ticks.
        let (mut markets, mut features) = (Markets::new(), Features::new(vectors).unwrap());
        let mut expected = Vec::new();
        for (seq, tick) in (0..).zip(&ticks) {
            let update = markets.apply(tick).unwrap();
            if let Some(feature) = features.observe(seq, &update) {
                let vec_id = expected.len() as u64;
                let vector = Vector { vec_id, ..feature.vector };
                expected.push((vector, feature.lanes.to_vec()));
            }
        }
        let mut found = Vec::new();
        bus.each("vectors", |record| {
            let lanes = &record.bytes()[Vector::LANES_OFFSET..][..usize::from(dim) * 4];
            let lanes = lanes.chunks(4).map(|l| f32::from_le_bytes(l.try_into().unwrap()));
            found.push((*record.get::<Vector>().unwrap(), lanes.collect::<Vec<f32>>()));
        });
        assert!(found.len() > 1_000, "{}", found.len());
        assert_eq!(summary.vectors, found.len() as u64);
        assert!(found == expected);
        for (vector, _) in &found {
            let tick = &ticks[usize::try_from(vector.src_seq).unwrap()];
            assert_eq!(tick.header.ts_event, vector.header.ts_event);
            assert_eq!(tick.header.instrument_id, vector.header.instrument_id);
        }
    }
}

#[test]
fn two_feeds_of_one_seed_write_the_same_bytes() {
    let run = || {
        let bus = Bus::new();
        let vectors = Some(FeatureOptions::default());
        bus.feed(simulator(30_000), &FeedOptions { vectors, ..bus.options() }).unwrap();
        let mut hash = Sha256::new();
        for ring in ["definitions", "ticks", "vectors"] {
            bus.each(ring, |record| hash.update(record.bytes()));
        }
        hash.finalize()
    };
    assert_eq!(run(), run());
}

#[test]
fn the_end_of_the_input_closes_the_rings_once_and_for_all() {
    let bus = Bus::new();
    let mut feed = Feed::open(simulator(100), &bus.options()).unwrap();
    let mut reader = bus.reader("ticks");
    assert_eq!(feed.run_once(50).unwrap(), Progress::Advanced(50));
    assert_eq!(reader.info().state, RingState::Live);
    while feed.run_once(50).unwrap() != Progress::End {}
    assert_eq!(reader.info().state, RingState::Closed);
    assert_eq!(feed.run_once(50).unwrap(), Progress::End);
    let mut records = 0;
    while let Poll::Record(_) = reader.poll() {
        records += 1;
    }
    assert_eq!(records, 100);
    assert!(matches!(reader.poll(), Poll::Closed(_)));
}

#[test]
fn a_second_feed_of_a_bus_is_refused_while_the_first_lives_and_goes_on_after_it() {
    let bus = Bus::new();
    let first = Feed::open(simulator(100), &bus.options()).unwrap();
    let refused = Feed::open(simulator(100), &bus.options()).unwrap_err();
    assert!(matches!(refused, Error::Bus(tickring::Error::AlreadyOwned { .. })), "{refused}");
    drop(first);
    bus.feed(simulator(100), &bus.options()).unwrap();
    let mut reader = bus.reader("ticks");
    assert_eq!(reader.poll(), Poll::Restarted { epoch: 2 });
    assert!(matches!(reader.poll(), Poll::Record(_)));
}

#[test]
fn a_replay_publishes_by_event_time() {
    let bus = Bus::new();
    let options = FeedOptions { pace: Pace::Replay(10.0), ..bus.options() };
    let simulated =
        SimulatorOptions { duration: Some(Duration::from_secs(2)), ..SimulatorOptions::default() };
    let source = Simulator::new(&simulated).unwrap();
    let mut feed = Feed::with_clock(source, &options, StepClock::default()).unwrap();
    let mut reader = bus.reader("ticks");
    let (mut idle, mut newest) = (0u64, 0);
    loop {
        match feed.run_once(1_000).unwrap() {
            Progress::Idle => idle += 1,
            Progress::Advanced(_) => {}
            Progress::End => break,
        }
        while let Poll::Record(record) = reader.poll() {
            newest = record.header().unwrap().ts_event - simulated.start_ns;
        }
        // Between two steps the clock moves by at most one rest of 20 ms.
        assert!(newest <= (idle + 1) * 200_000_000, "{newest} ns after {idle} rests");
    }
    assert!(newest > 1_900_000_000);
    assert!(idle >= 10, "two seconds at 10x take at least ten rests of 20 ms: {idle}");
}

/// One trade every five seconds; the other rings stay empty.
struct Sparse {
    next: u64,
    with_heartbeats: bool,
}

impl Sparse {
    const START_NS: u64 = 1_700_000_000_000_000_000;
    const EVERY_NS: u64 = 5_000_000_000;
    const COUNT: u64 = 3;
}

impl Source for Sparse {
    fn kinds(&self) -> Kinds {
        let heartbeats = if self.with_heartbeats { Heartbeat::kinds() } else { Vec::new() };
        Kinds {
            ticks: [Trade::kinds(), heartbeats.clone()].concat(),
            definitions: [InstrumentDef::kinds(), heartbeats].concat(),
            statistics: Vec::new(),
        }
    }

    fn next_time_ns(&mut self) -> Option<u64> {
        (self.next < Self::COUNT).then_some(Self::START_NS + self.next * Self::EVERY_NS)
    }

    fn poll<S: Sink>(&mut self, sink: &mut S, _budget: usize) -> Result<Progress, Error> {
        let Some(time_ns) = self.next_time_ns() else { return Ok(Progress::End) };
        sink.tick(&Trade::empty(1, 7, time_ns)).map_err(tickring::Error::from)?;
        self.next += 1;
        Ok(Progress::Advanced(1))
    }

    fn report(&self) -> Report {
        Report::default()
    }
}

#[test]
fn silent_rings_get_a_heartbeat_a_second_but_not_at_full_speed() {
    for (pace, with_heartbeats) in
        [(Pace::Replay(1.0), true), (Pace::Replay(1.0), false), (Pace::Max, true)]
    {
        let bus = Bus::new();
        let source = Sparse { next: 0, with_heartbeats };
        let options = FeedOptions { pace, ..bus.options() };
        let mut feed = Feed::with_clock(source, &options, StepClock::default()).unwrap();
        while feed.run_once(10).unwrap() != Progress::End {}
        let summary = feed.close();
        assert_eq!(summary.records, Sparse::COUNT, "heartbeats are no records of the source");
        let (mut trades, mut heartbeats) = (0, Vec::new());
        bus.each("ticks", |record| match record.get::<Heartbeat>() {
            Some(heartbeat) => heartbeats.push((trades, heartbeat.watermark)),
            None => trades += 1,
        });
        let of_definitions = bus.records::<Heartbeat>("definitions").len();
        if pace == Pace::Max || !with_heartbeats {
            assert_eq!((trades, heartbeats.len(), of_definitions), (Sparse::COUNT, 0, 0));
            continue;
        }
        // Ten seconds, in which the ticks were silent but in the seconds of their three trades.
        assert!((9..=10).contains(&of_definitions), "{of_definitions}");
        assert!((7..=9).contains(&heartbeats.len()), "{heartbeats:?}");
        for (trades, watermark) in heartbeats {
            assert_eq!(watermark, Sparse::START_NS + (trades - 1) * Sparse::EVERY_NS);
        }
    }
}

#[test]
fn a_rate_limits_the_records_of_each_step() {
    let bus = Bus::new();
    let options = FeedOptions { pace: Pace::Rate(100_000.0), ..bus.options() };
    let mut feed = Feed::with_clock(simulator(20_000), &options, StepClock::default()).unwrap();
    let mut steps = 0;
    loop {
        match feed.run_once(100_000).unwrap() {
            // Half a millisecond at this rate, and the rest of an event.
            Progress::Advanced(inputs) => assert!(inputs <= 60, "{inputs}"),
            Progress::Idle => {}
            Progress::End => break,
        }
        steps += 1;
    }
    assert!(steps > 400, "{steps}");
}

#[test]
fn steps_publish_as_many_inputs_as_are_allowed() {
    let bus = Bus::new();
    let options = FeedOptions { pace: Pace::Step, ..bus.options() };
    let mut feed = Feed::with_clock(simulator(1_000), &options, StepClock::default()).unwrap();
    assert_eq!(feed.run_once(50).unwrap(), Progress::Idle, "nobody has allowed a step");
    for steps in [1, 3, 7] {
        feed.allow(steps);
        let mut inputs = 0;
        while let Progress::Advanced(advanced) = feed.run_once(2).unwrap() {
            inputs += advanced as u64;
        }
        assert_eq!(inputs, steps);
    }
    feed.allow(u64::MAX);
    while feed.run_once(50).unwrap() != Progress::End {}
}

#[test]
fn what_a_feed_has_seen_is_shown_beside_its_ring_once_a_second() {
    let bus = Bus::new();
    let options = FeedOptions { pace: Pace::Rate(10_000.0), ..bus.options() };
    let mut feed = Feed::with_clock(simulator(50_000), &options, StepClock::default()).unwrap();
    let shown = || {
        let list = RingCount::list(&bus.options().directory, &"test/ticks".parse().unwrap());
        let count = list.unwrap().into_iter().find(|count| count.name == "records");
        count.map_or(0, |count| count.count)
    };
    let mut values = BTreeSet::new();
    for _ in 0..40 {
        // A tenth of a second at this rate, at most.
        for _ in 0..200 {
            let _ = feed.run_once(1_000).unwrap();
        }
        values.insert(shown());
    }
    assert!((3..=6).contains(&values.len()), "{values:?}");
    let total = feed.close().records;
    assert!(values.last().is_some_and(|last| *last <= total), "{values:?} of {total}");
}

#[test]
fn wrong_options_are_refused_before_a_ring_appears() {
    let bus = Bus::new();
    let vectors = Some(FeatureOptions { dim: 31, ..FeatureOptions::default() });
    let wrong = [
        FeedOptions { vectors, ..bus.options() },
        FeedOptions { pace: Pace::Rate(0.0), ..bus.options() },
    ];
    for options in wrong {
        let error = Feed::open(simulator(1), &options).unwrap_err();
        assert!(matches!(error, Error::Option { .. }), "{error}");
    }
    assert!(!bus.has("ticks"));
}

#[test]
fn the_directory_tells_the_last_trading_status_and_not_what_was_said_of_short_sales() {
    let bus = Bus::new();
    let status = |action| Given::Status(Status { action, ..Status::empty(2, 7, 50) });
    let definition = InstrumentDef { raw_symbol: symbol("ABC"), ..InstrumentDef::empty(2, 7, 50) };
    let actions = [status_action::HALT, status_action::SSR_CHANGE, status_action::NONE];
    let records = [Given::Definition(Box::new(definition))].into_iter();
    let source = Hand::new(records.chain(actions.map(status)).collect());
    bus.feed(source, &bus.options()).unwrap();
    let listed = bus.reader("ticks").instrument(7).unwrap();
    assert_eq!((listed.status_action, listed.symbol().as_ref()), (status_action::HALT, "ABC"));
}

fn symbol<const N: usize>(text: &str) -> [u8; N] {
    let mut bytes = [0; N];
    bytes[..text.len()].copy_from_slice(text.as_bytes());
    bytes
}

//! The consumer between two real rings.

use tempfile::TempDir;
use tickring::record::{Heartbeat, Mbo, Record, Trade, WindowBar, action, window_flag};
use tickring::{Directory, Poll, Reader, RingInfo, RingName, RingSpec, Start, Writer};
use tickring_window::{Progress, WindowConsumer, WindowRings, WindowSpec, WindowStats};

struct Bus {
    _root: TempDir,
    directory: Directory,
    ticks: RingName,
    bars: RingName,
    late: RingName,
}

impl Bus {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let directory = Directory::at(root.path());
        let name = |ring| RingName::new("test", ring).unwrap();
        Self {
            ticks: name("ticks"),
            bars: name("bars"),
            late: name("bars-late"),
            _root: root,
            directory,
        }
    }

    fn ticks(&self) -> Writer {
        let kinds = [Mbo::kinds(), Trade::kinds(), Heartbeat::kinds()].concat();
        let spec = RingSpec { capacity: 256, ..RingSpec::new(kinds).unwrap() };
        Writer::open(&self.directory, &self.ticks, &spec).unwrap()
    }

    fn consumer(&self, start: Start) -> WindowConsumer {
        WindowConsumer::open(
            &self.directory,
            (&self.ticks, start),
            &WindowRings {
                bars: self.bars.clone(),
                bars_capacity: 1 << 10,
                late: self.late.clone(),
                late_capacity: 1 << 6,
            },
            &WindowSpec::tumbling(100),
        )
        .unwrap()
    }

    fn bars(&self) -> Vec<WindowBar> {
        let mut reader = Reader::open(&self.directory, &self.bars, Start::Oldest).unwrap();
        let mut bars = Vec::new();
        while let Poll::Record(record) = reader.poll() {
            bars.push(*record.get::<WindowBar>().unwrap());
        }
        bars
    }
}

fn run(consumer: &mut WindowConsumer) -> WindowStats {
    while let Progress::Advanced(_) = consumer.run_once().unwrap() {}
    consumer.stats().clone()
}

fn tick(ts: u64) -> Trade {
    Trade { price: 5, size: 2, side: b'B', ..Trade::empty(1, 17, ts) }
}

#[test]
fn bars_are_published_as_they_fire_and_the_rest_when_the_input_is_closed() {
    let bus = Bus::new();
    let mut ticks = bus.ticks();
    let mut consumer = bus.consumer(Start::Oldest);
    for ts in [10, 20, 110, 230] {
        ticks.publish(&tick(ts)).unwrap();
    }
    assert_eq!(run(&mut consumer).counts.bars, 2);
    let starts = |bars: Vec<WindowBar>| bars.iter().map(|bar| bar.start_ns).collect::<Vec<_>>();
    assert_eq!(starts(bus.bars()), [0, 100]);
    assert_eq!(consumer.run_once().unwrap(), Progress::Idle);
    ticks.close();
    assert_eq!(consumer.run_once().unwrap(), Progress::Ended);
    assert_eq!(consumer.run_once().unwrap(), Progress::Ended, "and stays so");
    let bars = bus.bars();
    assert_eq!(starts(bars.clone()), [0, 100, 200]);
    assert!(bars.iter().all(|bar| bar.flags == window_flag::FINAL));
    assert_eq!((bars[0].count, bars[0].volume, bars[0].buy_volume), (2, 4, 4));
}

#[test]
fn late_trades_are_counted_and_shown_in_the_ring() {
    let bus = Bus::new();
    let mut ticks = bus.ticks();
    let mut consumer = bus.consumer(Start::Oldest);
    for ts in [10, 110, 50, 60] {
        ticks.publish(&tick(ts)).unwrap();
    }
    let counts = run(&mut consumer).counts;
    assert_eq!((counts.trades, counts.accepted, counts.late), (4, 2, 2));
    assert_eq!(RingInfo::read(&bus.directory, &bus.bars).unwrap().dropped, 2);
}

#[test]
fn only_the_trade_of_an_order_event_is_a_trade_and_every_event_moves_the_watermark() {
    let bus = Bus::new();
    let mut ticks = bus.ticks();
    let mut consumer = bus.consumer(Start::Oldest);
    for (ts, action) in
        [(10, action::ADD), (20, action::TRADE), (20, action::FILL), (20, action::CANCEL)]
    {
        ticks.publish(&Mbo { price: 7, size: 3, action, ..Mbo::empty(1, 17, ts) }).unwrap();
    }
    assert_eq!(run(&mut consumer).counts.bars, 0);
    ticks.publish(&Mbo { action: action::ADD, ..Mbo::empty(1, 17, 100) }).unwrap();
    assert_eq!(run(&mut consumer).counts.bars, 1);
    let bars = bus.bars();
    assert_eq!((bars[0].count, bars[0].volume), (1, 3));
}

#[test]
fn a_heartbeat_moves_the_watermark_of_an_idle_stream() {
    let bus = Bus::new();
    let mut ticks = bus.ticks();
    let mut consumer = bus.consumer(Start::Oldest);
    ticks.publish(&tick(10)).unwrap();
    ticks.publish(&Heartbeat { watermark: 99, ..Heartbeat::empty(1, 0, u64::MAX) }).unwrap();
    assert_eq!(run(&mut consumer).counts.bars, 0);
    ticks.publish(&Heartbeat { watermark: 100, ..Heartbeat::empty(1, 0, u64::MAX) }).unwrap();
    assert_eq!(run(&mut consumer).counts.bars, 1);
}

#[test]
fn a_lapped_consumer_counts_what_it_missed_and_flags_the_bars() {
    let bus = Bus::new();
    let mut ticks = bus.ticks();
    let mut consumer = bus.consumer(Start::Oldest);
    for n in 0..1000 {
        ticks.publish(&tick(n)).unwrap();
    }
    ticks.close();
    let stats = run(&mut consumer);
    assert_eq!(stats.missed + stats.counts.records, 1000);
    let bars = bus.bars();
    let flagged = |bar: &WindowBar| bar.flags & window_flag::INCOMPLETE != 0;
    assert!(flagged(&bars[0]) && bars[0].missed == stats.missed);
    assert!(!flagged(&bars[bars.len() - 1]));
    let volume: u64 = bars.iter().map(|bar| bar.volume).sum();
    assert_eq!(volume, 2 * stats.counts.accepted);
}

#[test]
fn a_consumer_that_joins_late_marks_its_first_window_partial() {
    let bus = Bus::new();
    let mut ticks = bus.ticks();
    ticks.publish(&tick(10)).unwrap();
    let mut consumer = bus.consumer(Start::Latest);
    for ts in [20, 120] {
        ticks.publish(&tick(ts)).unwrap();
    }
    ticks.close();
    run(&mut consumer);
    let flags: Vec<u32> = bus.bars().iter().map(|bar| bar.flags & window_flag::PARTIAL).collect();
    assert_eq!(flags, [window_flag::PARTIAL, 0]);
}

#[test]
fn the_consumer_goes_on_when_the_input_gets_a_new_writer() {
    let bus = Bus::new();
    let mut ticks = bus.ticks();
    let mut consumer = bus.consumer(Start::Oldest);
    ticks.publish(&tick(10)).unwrap();
    drop(ticks.claim());
    drop(ticks);
    run(&mut consumer);
    let mut ticks = bus.ticks();
    ticks.publish(&tick(110)).unwrap();
    let stats = run(&mut consumer);
    assert_eq!((stats.restarts, stats.tombstones, stats.counts.bars), (1, 1, 1));
    assert_eq!(stats.missed, 0);
}

#[test]
fn replaying_the_same_input_gives_the_same_bytes() {
    let rings: Vec<Vec<WindowBar>> = (0..2)
        .map(|chunk| {
            let bus = Bus::new();
            let mut ticks = bus.ticks();
            let mut consumer = bus.consumer(Start::Oldest);
            for n in 0..2000_u64 {
                let ts = n * 13 + n * n * 7 % 90;
                ticks.publish(&tick(ts)).unwrap();
                if n % (37 + chunk * 50) == 0 {
                    run(&mut consumer);
                }
            }
            ticks.close();
            run(&mut consumer);
            bus.bars()
        })
        .collect();
    assert_eq!(rings[0], rings[1]);
    assert!(rings[0].len() > 100);
}

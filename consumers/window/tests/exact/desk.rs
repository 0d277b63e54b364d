//! A consumer with checkpoints between rings of its own, and the input that it gets.

use std::ops::Range;
use std::path::PathBuf;
use tempfile::TempDir;
use tickring::record::{Heartbeat, Record, Trade, WindowBar, action};
use tickring::{Directory, JournalSpec, Poll, Reader, RingName, RingSpec, Start, Writer};
use tickring_window::{
    Aggregate, CheckpointEvery, CheckpointOptions, Corrections, Progress, WindowConsumer,
    WindowError, WindowHistory, WindowInput, WindowRings, WindowSpec,
};
use zerocopy::FromBytes;

/// Records of the whole input.
pub(crate) const INPUT: u64 = 40_000;

/// Rings, checkpoints and journal in a directory that is removed at the end.
pub(crate) struct Desk {
    _root: Option<Root>,
    /// Of everything that is no ring.
    pub(crate) files: PathBuf,
    pub(crate) directory: Directory,
    pub(crate) ticks: RingName,
    pub(crate) rings: WindowRings,
    pub(crate) spec: WindowSpec,
    pub(crate) capacity: u64,
    pub(crate) every: CheckpointEvery,
    pub(crate) is_journaled: bool,
    pub(crate) history: Option<WindowHistory>,
}

/// What is removed at the end of a test.
struct Root {
    _files: TempDir,
    directory: Directory,
}

impl Drop for Root {
    /// A writer that was killed leaves a control segment outside of the directory.
    fn drop(&mut self) {
        for name in self.directory.list().unwrap_or_default() {
            let _ = self.directory.remove(&name);
        }
    }
}

impl Desk {
    /// A desk whose ring of ticks has so many slots.
    pub(crate) fn new(capacity: u64) -> Self {
        let files = tempfile::tempdir().unwrap();
        let desk = Self::at(files.path().to_owned(), capacity);
        let directory = desk.directory.clone();
        Self { _root: Some(Root { _files: files, directory }), ..desk }
    }

    /// The desk that another process has made.
    pub(crate) fn at(path: PathBuf, capacity: u64) -> Self {
        let name = |ring| RingName::new("test", ring).unwrap();
        Self {
            _root: None,
            directory: Directory::at(path.join("rings")),
            files: path,
            ticks: name("ticks"),
            rings: WindowRings {
                bars: name("bars"),
                bars_capacity: 1 << 15,
                late: name("bars-late"),
                late_capacity: 1 << 13,
            },
            spec: spec(),
            capacity,
            every: CheckpointEvery::Records(2_000),
            is_journaled: false,
            history: None,
        }
    }

    pub(crate) fn every(self, every: CheckpointEvery) -> Self {
        Self { every, ..self }
    }

    /// The same desk for another specification; it owns nothing.
    pub(crate) fn clone_with(&self, spec: WindowSpec) -> Self {
        Self { spec, ..Self::at(self.files.clone(), self.capacity) }
    }

    /// The writer of the ticks, with a journal if the desk has one.
    pub(crate) fn input(&self) -> Writer {
        let kinds = [Trade::kinds(), Heartbeat::kinds()].concat();
        let journal = self.is_journaled.then(|| JournalSpec::new(self.files.join("journal")));
        let spec = RingSpec { capacity: self.capacity, journal, ..RingSpec::new(kinds).unwrap() };
        Writer::open(&self.directory, &self.ticks, &spec).unwrap()
    }

    pub(crate) fn publish(&self, input: &mut Writer, range: Range<u64>) {
        for n in range {
            match n % 53 {
                0 => input.publish(&heartbeat(n)).unwrap(),
                _ => input.publish(&tick(n)).unwrap(),
            };
        }
    }

    pub(crate) fn consumer(&self) -> Result<WindowConsumer, WindowError> {
        let input = WindowInput {
            journal: self.is_journaled.then(|| self.files.join("journal")),
            history: self.history.clone(),
            ..WindowInput::new(self.ticks.clone(), Start::Sequence(0))
        };
        let directory = self.files.join("checkpoints");
        let options = CheckpointOptions { directory, every: self.every };
        WindowConsumer::open_with(&self.directory, &input, &self.rings, &self.spec, Some(&options))
    }

    /// A consumer without checkpoints.
    pub(crate) fn plain(&self, rings: &WindowRings) -> WindowConsumer {
        let from = (&self.ticks, Start::Sequence(0));
        WindowConsumer::open(&self.directory, from, rings, &self.spec).unwrap()
    }

    /// The writer of one of the rings of outputs, as another process may be.
    pub(crate) fn output_writer(&self, name: &RingName) -> Writer {
        let reader = Reader::open(&self.directory, name, Start::Latest).unwrap();
        let spec = RingSpec {
            schema: reader.schema().clone(),
            capacity: reader.info().capacity,
            ..RingSpec::new(WindowBar::kinds()).unwrap()
        };
        Writer::open(&self.directory, name, &spec).unwrap()
    }

    /// The records of windows that a ring holds, in order.
    pub(crate) fn outputs(&self, name: &RingName) -> Vec<Vec<u8>> {
        let mut reader = Reader::open(&self.directory, name, Start::Sequence(0)).unwrap();
        let mut records = Vec::new();
        loop {
            match reader.poll() {
                Poll::Record(record) => records.push(record.bytes().to_vec()),
                Poll::Restarted { .. } | Poll::Tombstone { .. } => {}
                Poll::Lapped { missed, .. } => panic!("the ring is too small, by {missed}"),
                Poll::Empty | Poll::Closed(_) => return records,
            }
        }
    }

    pub(crate) fn bars(&self) -> Vec<WindowBar> {
        let records = self.outputs(&self.rings.bars);
        records.iter().filter_map(|record| bar_of(record)).collect()
    }

    pub(crate) fn count_bars(&self, records: &[Vec<u8>]) -> usize {
        records.iter().filter(|record| bar_of(record).is_some()).count()
    }

    /// Demands that both rings hold, byte for byte and in order, what a run over the whole input
    /// leaves that nobody interrupts.
    pub(crate) fn assert_exact(&self) {
        let name = |ring| RingName::new("plain", ring).unwrap();
        let rings =
            WindowRings { bars: name("bars"), late: name("bars-late"), ..self.rings.clone() };
        let _ = self.directory.remove(&rings.bars);
        let _ = self.directory.remove(&rings.late);
        run(&mut self.plain(&rings));
        for (own, plain) in [(&self.rings.bars, &rings.bars), (&self.rings.late, &rings.late)] {
            let (own, plain) = (self.outputs(own), self.outputs(plain));
            let first = own.iter().zip(&plain).position(|(own, plain)| own != plain);
            assert_eq!((own.len(), first), (plain.len(), None), "against {}", plain.len());
            assert!(plain.len() > 100, "{} records show nothing", plain.len());
        }
    }
}

/// Takes what is there.
pub(crate) fn run(consumer: &mut WindowConsumer) {
    while let Progress::Advanced(_) = consumer.run_once().unwrap() {}
}

fn bar_of(record: &[u8]) -> Option<WindowBar> {
    let (bar, _) = WindowBar::read_from_prefix(record).ok()?;
    WindowBar::accepts(bar.header.rtype).then_some(bar)
}

/// Windows with revisions, corrections, late records and further aggregates.
pub(crate) fn spec() -> WindowSpec {
    WindowSpec {
        delay_ns: 2_000,
        lateness_ns: 10_000,
        aggregates: vec![Aggregate::Twap, Aggregate::Flow, Aggregate::Quantiles],
        corrections: Some(Corrections { horizon_ns: 20_000, log: 4_000 }),
        ..WindowSpec::tumbling(20_000)
    }
}

/// A disordered stream: some trades revise a window, some are late, some are broken by the venue.
pub(crate) fn tick(n: u64) -> Trade {
    let random = n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    let behind = match random % 200 {
        0..=3 => 30_000 + random % 60_000,
        4..=9 => 2_000 + random % 9_000,
        _ => random % 1_500,
    };
    let ts = 100_000 + n * 97 - behind;
    let trade = Trade {
        price: i64::try_from(1_000 + random % 90).unwrap(),
        size: u32::try_from(1 + random % 9).unwrap(),
        side: [b'A', b'B', b'N'][usize::try_from(random % 3).unwrap()],
        trade_id: n + 1,
        sequence: u32::try_from(n).unwrap(),
        ..Trade::empty(1, u32::try_from(1 + random % 5).unwrap(), ts)
    };
    if n % 61 == 60 {
        let of = tick(n - 7);
        let header = of.header;
        let back = Trade { trade_id: of.trade_id, action: action::CANCEL, ..trade };
        return Trade { header: tickring::record::RecordHeader { ts_event: ts, ..header }, ..back };
    }
    trade
}

/// What a source says of itself, in step with [`tick`].
fn heartbeat(n: u64) -> Heartbeat {
    Heartbeat { watermark: n * 97, ..Heartbeat::empty(1, 0, u64::MAX) }
}

//! How long it takes to create a ring of 64 MiB, to take it over, and to attach to it.

use super::{Bench, trade};
use crate::failure::Failure;
use crate::peer::PATIENCE_SECONDS;
use crate::pin;
use std::hint::black_box;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};
use tickring::record::{Record, Trade};
use tickring::{
    Directory, Memory, Reader, ReaderOptions, RingInfo, RingName, RingSpec, Start, Writer,
};

/// Slots of the ring: 64 MiB.
const SLOTS: u64 = 1 << 20;
const RING_BYTES: usize = 64 << 20;
/// Records that are published at once to fill the ring.
const BATCH: u64 = 1024;

/// What is timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Bytes that are in memory are set.
    SetAgain,
    /// Bytes are set that the system has to find memory for.
    SetFresh,
    /// A ring is created. Birth touches every page.
    Create,
    /// A ring without writer, full of records, is taken over.
    TakeOver,
    /// A reader attaches to it.
    Attach,
    /// Its header is looked at.
    Look,
}

impl Step {
    /// What it is called in results.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SetAgain => "memset, memory there",
            Self::SetFresh => "memset, fresh memory",
            Self::Create => "create",
            Self::TakeOver => "take over",
            Self::Attach => "attach a reader",
            Self::Look => "`RingInfo::read`",
        }
    }
}

/// One step over all tries.
#[derive(Clone, Debug)]
pub struct Time {
    /// The step.
    pub step: Step,
    /// Whether pages were faulted in beforehand; where it makes a difference.
    pub prefault: Option<bool>,
    /// How long it took, in nanoseconds, by try.
    pub ns: Vec<u64>,
}

/// All steps.
#[derive(Clone, Debug)]
pub struct Times {
    /// By step.
    pub times: Vec<Time>,
}

impl Times {
    /// How long a step of which there is one sort took, by try.
    #[must_use]
    pub fn of(&self, step: Step) -> &[u64] {
        let found = self.times.iter().find(|time| time.step == step);
        found.map_or(&[], |time| &time.ns)
    }

    fn push(&mut self, step: Step, prefault: Option<bool>, elapsed: Duration) {
        let ns = u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX);
        let is_it = |time: &&mut Time| time.step == step && time.prefault == prefault;
        match self.times.iter_mut().find(is_it) {
            Some(time) => time.ns.push(ns),
            None => self.times.push(Time { step, prefault, ns: vec![ns] }),
        }
    }
}

/// Goes through all steps in each try.
pub(super) fn measure(bench: &Bench) -> Result<Times, Failure> {
    let mut times = Times { times: Vec::new() };
    let mut bytes = vec![1_u8; RING_BYTES];
    for number in 0..bench.plan.tries {
        pin::end_after(PATIENCE_SECONDS);
        let begin = Instant::now();
        let value = u8::try_from(number % 255).unwrap_or(0);
        let ((), again) = timed(|| black_box(&mut bytes).fill(black_box(value)));
        times.push(Step::SetAgain, None, again);
        let (fresh, set) = timed(|| black_box(vec![black_box(1_u8); RING_BYTES]));
        drop(fresh);
        times.push(Step::SetFresh, None, set);
        for prefault in [true, false] {
            cycle(bench.root.path(), prefault, &mut times)?;
        }
        if bench.rests {
            thread::sleep(begin.elapsed());
        }
    }
    Ok(times)
}

/// The life of a ring from birth to removal.
fn cycle(root: &Path, prefault: bool, times: &mut Times) -> Result<(), Failure> {
    let (directory, name) = (Directory::at(root), RingName::new("waiting", "large")?);
    let memory = Memory { prefault, ..Memory::default() };
    let spec = RingSpec { capacity: SLOTS, memory, ..RingSpec::new(Trade::kinds())? };
    let prefault = Some(prefault);

    let (writer, elapsed) = timed(|| Writer::open(&directory, &name, &spec));
    times.push(Step::Create, prefault, elapsed);
    fill(&mut writer?)?;

    let (writer, elapsed) = timed(|| Writer::open(&directory, &name, &spec));
    times.push(Step::TakeOver, prefault, elapsed);
    let writer = writer?;

    let options = ReaderOptions { memory, ..ReaderOptions::new(Start::Latest) };
    let (reader, elapsed) = timed(|| Reader::open_with(&directory, &name, &options));
    times.push(Step::Attach, prefault, elapsed);
    let reader = reader?;

    let (info, elapsed) = timed(|| RingInfo::read(&directory, &name));
    times.push(Step::Look, None, elapsed);
    // The restart record of the takeover stands behind the trades.
    let (sent, published) = (writer.next_seq(), info?.published);
    if sent != published || reader.published() != published {
        return Err(Failure::Unaccounted { case: "attach", sent, read: published, missed: 0 });
    }
    Ok(directory.remove(&name)?)
}

fn fill(writer: &mut Writer) -> Result<(), Failure> {
    let trades: Vec<Trade> = (0..BATCH).map(|seq| trade(seq, 1, 0)).collect();
    while writer.next_seq() < SLOTS {
        writer.publish_batch(&trades)?;
    }
    Ok(())
}

fn timed<T>(what: impl FnOnce() -> T) -> (T, Duration) {
    let begin = Instant::now();
    let outcome = what();
    (outcome, begin.elapsed())
}

//! The other process: readers that wait, do nothing, or are woken.

use super::{Ring, is_trade};
use crate::distribution::Distribution;
use crate::failure::Failure;
use crate::peer::{Errand, PATIENCE_SECONDS, SHARED_FILE};
use crate::pin;
use crate::ping;
use crate::process::{READY, answer};
use crate::shared::{Shared, ticks_after_loads};
use nix::time::{ClockId, clock_gettime};
use std::fmt;
use std::io::{self, BufRead};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tickring::record::Trade;
use tickring::{Batch, Directory, Poll, Reader, ReaderOptions, Start, Wait};

/// Longest wait at a stretch: then a reader looks whether it is to stop.
const STRETCH: Duration = Duration::from_millis(50);
/// A burst whose end does not come within this has been lost.
const BURST_LIMIT: Duration = Duration::from_secs(10);
/// The line that ends a row of stamps.
pub const END: &str = "end";
/// The size of a trade that ends a burst.
pub const END_SIZE: u32 = 0;
/// Records that are taken at once.
const BATCH: usize = 1024;

/// How a reader waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// [`Wait::sleeping`].
    Sleeping,
    /// [`Wait::default`].
    Default,
    /// [`Wait::spinning`].
    Spinning,
}

impl Strategy {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Sleeping, Self::Default, Self::Spinning];

    fn wait(self) -> Wait {
        match self {
            Self::Sleeping => Wait::sleeping(),
            Self::Default => Wait::default(),
            Self::Spinning => Wait::spinning(),
        }
    }

    fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|strategy| strategy.to_string() == name)
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Sleeping => "sleeping",
            Self::Default => "default",
            Self::Spinning => "spinning",
        })
    }
}

/// What the other process is told to do. It says that it is ready when it has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Answer pings with its clock.
    Compare,
    /// Take stamps as lines until [`END`], and answer how late they were.
    Pipe,
    /// Read a burst and answer with its [`Tally`].
    Wake(Strategy),
    /// Wait for so many milliseconds for nothing, and answer with a [`Tally`].
    Idle(Strategy, u64),
    /// Hold so many readers that do nothing.
    Hold(u32),
    /// Run so many readers that sleep until there is something.
    Sleep(u32),
    /// Let go of all readers, and answer how often they were woken in all.
    Release,
}

impl Task {
    /// The line for it.
    #[must_use]
    pub fn encode(self) -> String {
        match self {
            Self::Compare => "compare".to_owned(),
            Self::Pipe => "pipe".to_owned(),
            Self::Wake(strategy) => format!("wake {strategy}"),
            Self::Idle(strategy, millis) => format!("idle {strategy} {millis}"),
            Self::Hold(count) => format!("hold {count}"),
            Self::Sleep(count) => format!("sleep {count}"),
            Self::Release => "release".to_owned(),
        }
    }

    /// The task of a line.
    #[must_use]
    pub fn decode(line: &str) -> Option<Self> {
        match *line.split_whitespace().collect::<Vec<_>>() {
            ["compare"] => Some(Self::Compare),
            ["pipe"] => Some(Self::Pipe),
            ["wake", strategy] => Some(Self::Wake(Strategy::of(strategy)?)),
            ["idle", strategy, millis] => {
                Some(Self::Idle(Strategy::of(strategy)?, millis.parse().ok()?))
            }
            ["hold", count] => Some(Self::Hold(count.parse().ok()?)),
            ["sleep", count] => Some(Self::Sleep(count.parse().ok()?)),
            ["release"] => Some(Self::Release),
            _ => None,
        }
    }
}

/// How a reader fared.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Records read.
    pub read: u64,
    /// Records whose content does not belong to their sequence, and outcomes that no burst has.
    pub wrong: u64,
    /// Time on a processor, in nanoseconds.
    pub cpu_ns: u64,
    /// Time that passed, in nanoseconds.
    pub elapsed_ns: u64,
    /// From the scheduled time to the moment the record was there, in ticks.
    pub latency: Distribution,
}

impl Tally {
    fn encode(&self) -> String {
        let Self { read, wrong, cpu_ns, elapsed_ns, latency } = self;
        format!("{read} {wrong} {cpu_ns} {elapsed_ns};{}", latency.encode())
    }

    /// The tally of a line.
    #[must_use]
    pub fn decode(line: &str) -> Option<Self> {
        let (numbers, latency) = line.split_once(';')?;
        let numbers: Option<Vec<u64>> = numbers.split(' ').map(|n| n.parse().ok()).collect();
        let &[read, wrong, cpu_ns, elapsed_ns] = numbers?.as_slice() else { return None };
        Some(Self { read, wrong, cpu_ns, elapsed_ns, latency: Distribution::decode(latency)? })
    }
}

/// Readers that run until they are released.
struct Woken {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<u64>>,
}

/// Is the other process: does the tasks that come on standard input until that ends.
///
/// # Errors
///
/// [`Failure::Pin`] if the core is refused, [`Failure::Protocol`] for an unknown task.
pub fn run(errand: &Errand) -> Result<(), Failure> {
    pin::die_with(errand.parent)?;
    pin::end_after(PATIENCE_SECONDS);
    pin::pin(errand.core)?;
    let shared = Shared::attach(&errand.root.join(SHARED_FILE))?;
    let root = errand.root.as_path();
    let (mut held, mut woken) = (Vec::new(), None);
    answer(READY)?;
    loop {
        let line = line()?;
        if line.is_empty() {
            return Ok(());
        }
        pin::end_after(PATIENCE_SECONDS);
        let task = Task::decode(&line);
        match task.ok_or(Failure::Protocol { expected: "a task", found: line })? {
            Task::Compare => ping::respond_with_ticks(&shared)?,
            Task::Pipe => answer(&pipe()?.encode())?,
            Task::Wake(strategy) => answer(&wake(root, strategy)?.encode())?,
            Task::Idle(strategy, millis) => {
                answer(&idle(root, strategy, Duration::from_millis(millis))?.encode())?;
            }
            Task::Hold(count) => {
                for _ in 0..count {
                    held.push(reader(root, Wait::default())?);
                }
                answer(READY)?;
            }
            Task::Sleep(count) => {
                woken = Some(Woken::start(root, count)?);
                answer(READY)?;
            }
            Task::Release => {
                held.clear();
                let count = woken.take().map_or(0, Woken::release);
                answer(&count.to_string())?;
            }
        }
    }
}

/// The next line, empty at the end.
fn line() -> Result<String, Failure> {
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line);
    read.map_err(|source| Failure::io("read", Path::new("standard input"), source))?;
    Ok(line.trim_end().to_owned())
}

fn reader(root: &Path, wait: Wait) -> Result<Reader, Failure> {
    let options = ReaderOptions { wait, ..ReaderOptions::new(Start::Latest) };
    Ok(Reader::open_with(&Directory::at(root), &Ring::Plain.name()?, &options)?)
}

fn pipe() -> Result<Tally, Failure> {
    let mut tally = Tally::default();
    answer(READY)?;
    let (begin, cpu_ns) = (Instant::now(), cpu_ns()?);
    loop {
        let line = line()?;
        let now = ticks_after_loads();
        let Ok(due) = line.parse::<u64>() else { break };
        tally.latency.record(now.saturating_sub(due));
        tally.read += 1;
    }
    tally.time(begin, cpu_ns)?;
    Ok(tally)
}

/// Reads until the trade that ends the burst, one record at a time.
fn wake(root: &Path, strategy: Strategy) -> Result<Tally, Failure> {
    let mut reader = reader(root, strategy.wait())?;
    let mut tally = Tally::default();
    answer(READY)?;
    let (begin, cpu_ns) = (Instant::now(), cpu_ns()?);
    loop {
        match reader.poll() {
            Poll::Record(record) => {
                let now = ticks_after_loads();
                match record.get::<Trade>() {
                    Some(trade) if trade.size == END_SIZE => break,
                    Some(trade) if is_trade(record.seq(), trade) => {
                        tally.latency.record(now.saturating_sub(trade.ts_recv));
                        tally.read += 1;
                    }
                    _ => tally.wrong += 1,
                }
            }
            Poll::Empty => {
                let is_there = reader.wait(STRETCH);
                if !is_there && begin.elapsed() > BURST_LIMIT {
                    break;
                }
            }
            _ => tally.wrong += 1,
        }
    }
    tally.time(begin, cpu_ns)?;
    Ok(tally)
}

/// Waits in vain.
fn idle(root: &Path, strategy: Strategy, limit: Duration) -> Result<Tally, Failure> {
    let mut reader = reader(root, strategy.wait())?;
    let mut tally = Tally::default();
    let (begin, cpu_ns) = (Instant::now(), cpu_ns()?);
    tally.wrong += u64::from(reader.wait(limit));
    tally.time(begin, cpu_ns)?;
    Ok(tally)
}

impl Tally {
    fn time(&mut self, begin: Instant, cpu_before_ns: u64) -> Result<(), Failure> {
        self.cpu_ns = cpu_ns()?.saturating_sub(cpu_before_ns);
        self.elapsed_ns = u64::try_from(begin.elapsed().as_nanos()).unwrap_or(u64::MAX);
        Ok(())
    }
}

/// Time that this process has had on a processor.
fn cpu_ns() -> Result<u64, Failure> {
    let failed = |errno| Failure::System { operation: "ask for the time on a processor", errno };
    let time = clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).map_err(failed)?;
    Ok(u64::try_from(Duration::from(time).as_nanos()).unwrap_or(u64::MAX))
}

impl Woken {
    /// Starts the readers, each on a thread of its own, and waits until they are attached.
    fn start(root: &Path, count: u32) -> Result<Self, Failure> {
        let stop = Arc::new(AtomicBool::new(false));
        let (attached, attachments) = mpsc::channel();
        let threads = (0..count).map(|_| {
            let (stop, attached, root) = (Arc::clone(&stop), attached.clone(), PathBuf::from(root));
            thread::spawn(move || match reader(&root, Wait::sleeping()) {
                Ok(reader) => {
                    let _ = attached.send(Ok(()));
                    drain(reader, &stop)
                }
                Err(failure) => {
                    let _ = attached.send(Err(failure));
                    0
                }
            })
        });
        let threads = threads.collect();
        for attachment in attachments.iter().take(usize::try_from(count).unwrap_or(usize::MAX)) {
            attachment?;
        }
        Ok(Self { stop, threads })
    }

    /// Stops them; how often they were woken in all.
    fn release(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.into_iter().map(|thread| thread.join().unwrap_or(0)).sum()
    }
}

/// Sleeps, and takes all there is when woken, until `stop`; how often it was woken.
fn drain(mut reader: Reader, stop: &AtomicBool) -> u64 {
    let (mut batch, mut woken) = (Batch::new(), 0);
    while !stop.load(Ordering::Relaxed) {
        if reader.wait(STRETCH) {
            woken += 1;
        }
        while !matches!(reader.poll_batch(&mut batch, BATCH), Poll::Empty)
            && !stop.load(Ordering::Relaxed)
        {}
    }
    woken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_survives_being_written_and_read() {
        for task in [
            Task::Compare,
            Task::Pipe,
            Task::Wake(Strategy::Default),
            Task::Idle(Strategy::Spinning, 1000),
            Task::Hold(64),
            Task::Sleep(4),
            Task::Release,
        ] {
            assert_eq!(Task::decode(&task.encode()), Some(task));
        }
        for bad in ["", "wake", "wake up", "idle sleeping", "hold x", "sleep"] {
            assert_eq!(Task::decode(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_tally_survives_being_written_and_read() {
        let mut tally = Tally { read: 2, wrong: 1, cpu_ns: 3, elapsed_ns: 4, ..Tally::default() };
        tally.latency.record(77);
        let found = Tally::decode(&tally.encode()).unwrap();
        assert_eq!(found.encode(), tally.encode());
        assert!(Tally::decode("1 2 3;77:1").is_none());
    }
}

//! The other process: the binary runs itself again as the reading side.
//!
//! The two talk in lines of text: the sending side writes a task to the standard input of the
//! other, which answers with a line when the task is done. Between tasks the reading side sleeps
//! in `read`, so that it takes no core. In a burst they share words of memory only.

use crate::failure::Failure;
use crate::pin;
use crate::ping;
use crate::process::{Process, READY, answer};
use crate::receiver::{Order, Receiver, Tally};
use crate::shared::Shared;
use crate::workload::Load;
use std::io;
use std::path::{Path, PathBuf};

/// Name of the file that both sides map, in the directory of a run.
pub const SHARED_FILE: &str = "shared";
/// Longest time that either side lives without another sample.
pub const PATIENCE_SECONDS: u32 = 60;

/// A reading process, which ends when this is dropped.
#[derive(Debug)]
pub struct Peer {
    process: Process,
}

/// What the reading side is told to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Answer pings with its clock.
    Compare,
    /// Answer pings.
    Ping,
    /// Answer pings, read a burst, answer pings.
    Read(Load, Order),
}

impl Task {
    fn encode(self) -> String {
        match self {
            Self::Compare => "compare".to_owned(),
            Self::Ping => "ping".to_owned(),
            Self::Read(load, order) => {
                let Order { is_timed, skip, gap_ticks } = order;
                let dim = match load {
                    Load::Ticks => 0,
                    Load::Vectors(dim) => dim,
                };
                format!("read {dim} {is_timed} {skip} {gap_ticks}")
            }
        }
    }

    fn decode(line: &str) -> Option<Self> {
        match *line.split_whitespace().collect::<Vec<_>>() {
            ["compare"] => Some(Self::Compare),
            ["ping"] => Some(Self::Ping),
            ["read", dim, is_timed, skip, gap_ticks] => {
                let load = match dim.parse().ok()? {
                    0 => Load::Ticks,
                    dim => Load::Vectors(dim),
                };
                let order = Order {
                    is_timed: is_timed.parse().ok()?,
                    skip: skip.parse().ok()?,
                    gap_ticks: gap_ticks.parse().ok()?,
                };
                Some(Self::Read(load, order))
            }
            _ => None,
        }
    }
}

impl Peer {
    /// Starts this binary again, reading in `root` on `core`, and waits until it is ready.
    ///
    /// # Errors
    ///
    /// [`Failure::Io`] if it cannot be started; [`Failure::Protocol`] if it ends at once, with
    /// the reason in its own message.
    pub fn start(root: &Path, core: usize) -> Result<Self, Failure> {
        Ok(Self { process: Process::start(root, core)? })
    }

    /// Gives it a task; only reading has an answer, its [`tally`](Self::tally).
    ///
    /// # Errors
    ///
    /// [`Failure::Protocol`] if it has ended.
    pub fn tell(&mut self, task: Task) -> Result<(), Failure> {
        self.process.tell(&task.encode())
    }

    /// Waits for the tally of a burst.
    ///
    /// # Errors
    ///
    /// [`Failure::Protocol`] if it says something else.
    pub fn tally(&mut self) -> Result<Tally, Failure> {
        let line = self.process.line()?;
        Tally::decode(&line).ok_or(Failure::Protocol { expected: "a tally", found: line })
    }
}

/// What a reading process is started with.
#[derive(Clone, Debug)]
pub struct Errand {
    /// The directory of the run.
    pub root: PathBuf,
    /// The process that started it.
    pub parent: u32,
    /// The core to stay on.
    pub core: usize,
}

impl Errand {
    /// Is the reading side: does the tasks that come on standard input until that ends.
    ///
    /// # Errors
    ///
    /// [`Failure::Pin`] if the core is refused, [`Failure::Protocol`] for an unknown task,
    /// [`Failure::Stuck`] if the sending side stays silent within a task.
    pub fn run(&self) -> Result<(), Failure> {
        pin::die_with(self.parent)?;
        pin::end_after(PATIENCE_SECONDS);
        pin::pin(self.core)?;
        let shared = Shared::attach(&self.root.join(SHARED_FILE))?;
        let mut receivers: Vec<Receiver> = Vec::new();
        answer(READY)?;
        for line in io::stdin().lines() {
            let line =
                line.map_err(|source| Failure::io("read", Path::new("standard input"), source))?;
            pin::end_after(PATIENCE_SECONDS);
            match Task::decode(&line) {
                Some(Task::Compare) => ping::respond_with_ticks(&shared)?,
                Some(Task::Ping) => ping::respond(&shared)?,
                Some(Task::Read(load, order)) => {
                    let receiver = self.receiver(&mut receivers, load)?;
                    receiver.prepare();
                    ping::respond(&shared)?;
                    let tally = receiver.burst(order, &shared);
                    ping::respond(&shared)?;
                    answer(&tally.encode())?;
                }
                None => return Err(Failure::Protocol { expected: "a task", found: line }),
            }
        }
        Ok(())
    }

    /// The receiver of `load`, opened when it is needed first: the sending side has made the
    /// ring by then.
    fn receiver<'r>(
        &self,
        receivers: &'r mut Vec<Receiver>,
        load: Load,
    ) -> Result<&'r mut Receiver, Failure> {
        let found = receivers.iter().position(|receiver| receiver.load() == load);
        let at = found.unwrap_or(receivers.len());
        if found.is_none() {
            receivers.push(Receiver::open(load, &self.root)?);
        }
        let Some(receiver) = receivers.get_mut(at) else { unreachable!("it was found or pushed") };
        Ok(receiver)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_survives_being_written_and_read() {
        let order = Order { is_timed: true, skip: 5, gap_ticks: 1300 };
        for task in [
            Task::Compare,
            Task::Ping,
            Task::Read(Load::Ticks, order),
            Task::Read(Load::Vectors(768), Order { is_timed: false, ..order }),
        ] {
            assert_eq!(Task::decode(&task.encode()), Some(task));
        }
        for bad in ["", "stop", "read", "read 0 true 5", "read x true 5 6", "read 0 maybe 5 6"] {
            assert_eq!(Task::decode(bad), None, "{bad}");
        }
    }
}

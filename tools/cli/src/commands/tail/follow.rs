//! The loop that reads and prints.

use crate::failure::Failure;
use crate::file_id;
use crate::notation::Grouped;
use crate::note::note;
use crate::outcome::Outcome;
use crate::output::Output;
use crate::printer::layout::{Layout, Shown};
use crate::printer::{Printer, Row};
use crate::signals::{Request, Signals};
use std::time::{Duration, Instant};
use tickring::{CloseReason, Poll, Reader, RecordRef, RingState};

/// Records between two looks at signals and the clock.
const TURN: usize = 256;
/// Longest wait at a stretch: a signal may come to another thread, and must be seen soon.
const PATIENCE: Duration = Duration::from_millis(200);
/// From one look at the writer and at stdout to the next while nothing comes.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// When to end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// In front of this sequence.
    pub(super) end: Option<u64>,
    /// After so many records.
    pub(super) count: Option<u64>,
    /// At this moment.
    pub(super) deadline: Option<Instant>,
}

/// A tail at work.
#[derive(Debug)]
pub(super) struct Tail<'a> {
    reader: Reader,
    layout: &'a Layout,
    printer: Printer,
    limits: Limits,
    printed: u64,
    unknown: u64,
    signals: Signals,
    /// Device and inode of the segment.
    file: Option<(u64, u64)>,
    next_look: Instant,
    is_death_told: bool,
}

/// What a poll led to.
enum Turn {
    Next,
    Nothing,
    Ended,
}

impl<'a> Tail<'a> {
    pub(super) fn new(
        reader: Reader,
        layout: &'a Layout,
        printer: Printer,
        limits: Limits,
    ) -> Result<Self, Failure> {
        Ok(Self {
            file: file_id::at(&reader.info().path),
            next_look: Instant::now() + LOOK_EVERY,
            signals: Signals::catch()?,
            printed: 0,
            unknown: 0,
            is_death_told: false,
            reader,
            layout,
            printer,
            limits,
        })
    }

    /// Prints until a limit or the end of the ring is reached.
    ///
    /// # Errors
    ///
    /// [`Failure::Io`] if stdout cannot be written, [`Failure::Replaced`] if the ring is gone.
    pub(super) fn run(mut self, output: &mut Output) -> Result<Outcome, Failure> {
        let outcome = self.follow(output)?;
        self.printer.settle(output)?;
        if self.unknown > 0 {
            let count = Grouped(self.unknown);
            note(
                "tail",
                format_args!("{count} records of no kind that the schema knows were passed over"),
            );
        }
        Ok(outcome)
    }

    fn follow(&mut self, output: &mut Output) -> Result<Outcome, Failure> {
        loop {
            match self.signals.request() {
                Some(Request::Interrupt) => return Ok(Outcome::Interrupted),
                Some(Request::End) => return Ok(Outcome::Done),
                None => {}
            }
            for _ in 0..TURN {
                if self.is_complete() {
                    return Ok(Outcome::Done);
                }
                match self.turn(output)? {
                    Turn::Next => {}
                    Turn::Ended => return Ok(Outcome::Done),
                    Turn::Nothing if self.limits.end.is_some() => return Ok(Outcome::Done),
                    Turn::Nothing => {
                        self.printer.settle(output)?;
                        self.look(output)?;
                        self.reader.wait(self.patience());
                        break;
                    }
                }
            }
            if self.limits.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Ok(Outcome::TimedOut);
            }
        }
    }

    fn patience(&self) -> Duration {
        let left = |deadline: Instant| deadline.saturating_duration_since(Instant::now());
        self.limits.deadline.map_or(PATIENCE, |deadline| left(deadline).min(PATIENCE))
    }

    fn is_complete(&self) -> bool {
        self.limits.count.is_some_and(|count| self.printed >= count)
            || self.limits.end.is_some_and(|end| self.reader.cursor() >= end)
    }

    fn turn(&mut self, output: &mut Output) -> Result<Turn, Failure> {
        let Self { reader, layout, printer, .. } = self;
        let text = match reader.poll() {
            Poll::Record(record) => {
                match layout.find(record.rtype()) {
                    Shown::As(kind_index, kind) => {
                        let (seq, bytes) = (record.seq(), RecordRef::bytes(&record));
                        printer.row(Row { seq, kind_index, kind, bytes }, output)?;
                        self.printed += 1;
                    }
                    Shown::Not => {}
                    Shown::Unknown => self.unknown += 1,
                }
                return Ok(Turn::Next);
            }
            Poll::Empty => return Ok(Turn::Nothing),
            Poll::Closed(CloseReason::Ended) => return Ok(Turn::Ended),
            Poll::Closed(_) => {
                return Err(Failure::Replaced { name: reader.info().name.to_string() });
            }
            Poll::Lapped { missed, resume } => {
                let (first, last) = (resume.saturating_sub(missed), resume.saturating_sub(1));
                format!("missed {} records (seq {first}…{last})", Grouped(missed))
            }
            Poll::Restarted { epoch } => {
                self.is_death_told = false;
                format!("writer restarted, epoch {epoch}")
            }
            Poll::Tombstone { seq } => {
                format!("no record at seq {seq}: a writer died while it wrote it (tombstone)")
            }
        };
        // What was printed before it happened shall stand before it.
        self.printer.settle(output)?;
        note("tail", text);
        Ok(Turn::Next)
    }

    /// Looks, once in a while, for reasons why nothing comes.
    fn look(&mut self, output: &Output) -> Result<(), Failure> {
        let now = Instant::now();
        if now < self.next_look {
            return Ok(());
        }
        self.next_look = now + LOOK_EVERY;
        output.check_reader()?;
        let info = self.reader.info();
        if self.file != file_id::at(&info.path) {
            return Err(Failure::Replaced { name: info.name.to_string() });
        }
        if info.state == RingState::Dead && !self.is_death_told {
            self.is_death_told = true;
            let pid = info.owner_pid;
            note("tail", format_args!("writer {pid} is gone, waiting for another"));
        }
        Ok(())
    }
}

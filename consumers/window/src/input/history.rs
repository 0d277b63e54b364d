//! What is read before the ring: the journal of another ring, up to the record where both meet.
//!
//! # The seam
//!
//! A history is a journal of the same stream: of a ring that was there before, or of one that a
//! file was fed to (`tickring feed dbn FILE --to BUS --journal DIR`). It ends where the live ring
//! begins: at the record that the ring holds as its oldest. That record is found in the history by
//! its bytes, and so are the few behind it, since venues repeat themselves. Control records, which
//! are those of a writer and not of the stream, do not count. So there is neither a hole nor a
//! record that is read twice; where the two do not meet, the consumer does not begin.
//!
//! Records of a history bear the sequences that count back from the seam, or 0 before the ring's
//! first.

use crate::error::WindowError;
use std::collections::VecDeque;
use std::path::PathBuf;
use tickring::record::rtype;
use tickring::{
    Batch, Directory, JournalReader, JournalStart, Poll, Reader, ReaderOptions, RecordRef,
    RingName, Start,
};

/// Records by which the seam is recognised.
const MARKS: usize = 16;

/// A history to begin with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowHistory {
    /// The journal's directory, or one of its files.
    pub journal: PathBuf,
    /// Which ring, where the directory has the journals of several.
    pub ring: Option<RingName>,
}

/// A history that is being read.
#[derive(Debug)]
pub(crate) struct History {
    reader: JournalReader,
    path: PathBuf,
    /// The sequence in the history of the record where the ring begins.
    end: u64,
    /// The sequence of the same record in the ring.
    meets: u64,
}

/// A place where the records of the ring may begin in the history.
struct Candidate {
    seq: u64,
    matched: usize,
}

/// Finds where a ring begins in a history: the sequence in the history, and that in the ring.
///
/// # Errors
///
/// [`WindowError::Seam`] if it does not, and those of reading.
pub(crate) fn find(
    directory: &Directory,
    ring: &RingName,
    history: &WindowHistory,
) -> Result<(u64, u64), WindowError> {
    let marks = marks_of(directory, ring)?;
    let path = &history.journal;
    let Some((meets, _)) = marks.first() else {
        let found = format!("{ring} is empty");
        let hint = "begin once the ring has records";
        return Err(WindowError::Seam { path: path.clone(), found, hint });
    };
    let mut reader = JournalReader::open(path, history.ring.as_ref(), JournalStart::Oldest)?;
    let mut open: VecDeque<Candidate> = VecDeque::new();
    loop {
        match reader.poll()? {
            Poll::Record(record) if !rtype::is_control(record.rtype()) => {
                let is_mark = |at: usize| {
                    marks.get(at).is_some_and(|(_, mark)| is_same(record.bytes(), mark))
                };
                open.retain_mut(|candidate| {
                    candidate.matched += 1;
                    is_mark(candidate.matched - 1)
                });
                if is_mark(0) {
                    open.push_back(Candidate { seq: record.seq(), matched: 1 });
                }
                let whole = open.iter().find(|candidate| candidate.matched >= marks.len());
                if let Some(whole) = whole {
                    return Ok((whole.seq, *meets));
                }
            }
            Poll::Record(_) | Poll::Restarted { .. } | Poll::Tombstone { .. } => {}
            Poll::Lapped { .. } => open.clear(),
            Poll::Empty | Poll::Closed(_) => break,
        }
    }
    // The history ends within what the ring was recognised by.
    open.front().map(|candidate| (candidate.seq, *meets)).ok_or_else(|| WindowError::Seam {
        path: path.clone(),
        found: format!("it does not have the oldest record of {ring}, sequence {meets}"),
        hint: "give a history that goes on until the ring begins, or begin without one",
    })
}

/// The first records of the stream that the ring holds, with their sequences.
fn marks_of(
    directory: &Directory,
    ring: &RingName,
) -> Result<Vec<(u64, Vec<u8>)>, tickring::Error> {
    let joining = ReaderOptions::named("", Start::Oldest);
    let mut reader = Reader::open_with(directory, ring, &joining)?;
    let mut marks = Vec::new();
    while marks.len() < MARKS {
        match reader.poll() {
            Poll::Record(record) if !rtype::is_control(record.rtype()) => {
                marks.push((record.seq(), record.bytes().to_vec()));
            }
            Poll::Record(_) | Poll::Restarted { .. } | Poll::Tombstone { .. } => {}
            Poll::Lapped { .. } => marks.clear(),
            Poll::Empty | Poll::Closed(_) => break,
        }
    }
    Ok(marks)
}

/// Whether two slots hold the same record: rings may have slots of different sizes.
fn is_same(a: &[u8], b: &[u8]) -> bool {
    let (short, long) = if a.len() < b.len() { (a, b) } else { (b, a) };
    let (front, behind) = long.split_at_checked(short.len()).unwrap_or((long, &[]));
    front == short && behind.iter().all(|byte| *byte == 0)
}

impl History {
    /// Reads a history up to `end`, the record that the ring has at `meets`.
    ///
    /// # Errors
    ///
    /// Those of opening a journal.
    pub(crate) fn open(
        history: &WindowHistory,
        (end, meets): (u64, u64),
    ) -> Result<Self, tickring::Error> {
        let path = history.journal.clone();
        let reader = JournalReader::open(&path, history.ring.as_ref(), JournalStart::Oldest)?;
        Ok(Self { reader, path, end, meets })
    }

    /// The sequence in the history of the record where the ring begins.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// Gives the record the place that it has before the ring.
    pub(crate) fn placed<'a>(&self, record: RecordRef<'a>) -> RecordRef<'a> {
        let before = self.end.saturating_sub(record.seq());
        record.with_seq(self.meets.saturating_sub(before))
    }

    /// Takes up to `max` records; `None` at the end.
    ///
    /// # Errors
    ///
    /// [`WindowError::Seam`] if it ends early, and those of reading.
    pub(super) fn poll_batch(
        &mut self,
        batch: &mut Batch,
        max: usize,
    ) -> Result<Option<Poll<usize>>, WindowError> {
        let left = self.end.saturating_sub(self.reader.cursor());
        if left == 0 {
            return Ok(None);
        }
        let max = usize::try_from(left).unwrap_or(usize::MAX).min(max);
        match self.reader.poll_batch(batch, max)? {
            Poll::Empty | Poll::Closed(_) => Err(WindowError::Seam {
                path: self.path.clone(),
                found: format!("it ends at sequence {}", self.reader.cursor()),
                hint: "give the history that the consumer was begun with",
            }),
            found => Ok(Some(found)),
        }
    }
}

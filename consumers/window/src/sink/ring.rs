//! A reader of a ring that writes its records to files.

use super::error::SinkError;
use super::options::SinkOptions;
use super::{FileSink, Pushed};
use crate::Progress;
use std::time::Duration;
use tickring::schema::Kind;
use tickring::{Directory, Poll, Reader, ReaderOptions, RingName, Start};

/// Records that one step takes at most.
const STEP: usize = 1024;

/// What became of a ring's records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RingSinkCounts {
    /// Records that are in a file, or will be in the next.
    pub rows: u64,
    /// Files that were committed.
    pub files: u64,
}

/// Follows a ring and writes its records to files of their kinds, each exactly once.
///
/// The sequences of the files are those of the ring. Opened again, after a crash too, it goes on
/// behind the committed files; it begins with the oldest record of the ring where there are none.
/// A file is committed at the latest when it covers half the slots of the ring: what was not
/// committed is then still there.
///
/// Cost: that of [`FileSink`], so at a rotation it waits for the medium.
///
/// # Examples
///
/// ```
/// use tickring::record::{Record, WindowBar};
/// use tickring::{Directory, RingSpec, Writer};
/// use tickring_window::sink::{RingSink, Rotation, SinkOptions};
///
/// let folder = tempfile::tempdir()?;
/// let directory = Directory::at(folder.path().join("bus"));
/// let ring = "demo/bars".parse()?;
/// let mut bars = Writer::open(&directory, &ring, &RingSpec::new(WindowBar::kinds())?)?;
/// let rotation = Rotation { rows: 10_000, ..Rotation::default() };
/// let folder = folder.path().join("files");
/// let options = SinkOptions { folder, rotation, ..SinkOptions::default() };
/// let mut sink = RingSink::open(&directory, &ring, &options, &[("bars", WindowBar::kind())])?;
/// bars.publish(&WindowBar::empty(1, 17, 1_000))?;
/// let _ = sink.run_once()?;
/// sink.commit()?;
/// assert_eq!((sink.counts().rows, sink.counts().files), (1, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct RingSink {
    reader: Reader,
    sinks: Vec<FileSink>,
    /// Sequences that a file may cover before it is committed.
    most_pending: u64,
    counts: RingSinkCounts,
}

impl RingSink {
    /// Attaches to `ring`, opens a sink for each prefix and kind, and takes what is there; of
    /// `options`, the prefix, the first sequence and the source are not used.
    ///
    /// # Errors
    ///
    /// Those of [`FileSink::open`], of the ring and of [`run_once`](Self::run_once);
    /// [`SinkError::Option`] for more rows in a file than half the slots of the ring,
    /// [`SinkError::Ahead`] if the files hold more than the ring has published.
    pub fn open(
        directory: &Directory,
        ring: &RingName,
        options: &SinkOptions,
        kinds: &[(&str, Kind)],
    ) -> Result<Self, SinkError> {
        let joining = ReaderOptions::named("files", Start::Oldest);
        let mut reader = Reader::open_with(directory, ring, &joining)?;
        let info = reader.info();
        let most_pending = (info.capacity / 2).max(1);
        if options.rotation.rows > most_pending {
            return Err(SinkError::Option {
                option: "rows of a file",
                expected: "at most half the slots of the ring, from which they come again after a \
                           crash",
                found: format!("{} with {} slots", options.rotation.rows, info.capacity),
            });
        }
        let open = |(prefix, kind): &(&str, Kind)| {
            let own = SinkOptions {
                prefix: (*prefix).to_owned(),
                first_seq: reader.cursor(),
                source: format!("{:032x}", info.ring_id),
                ..options.clone()
            };
            FileSink::open(&own, kind)
        };
        let sinks = kinds.iter().map(open).collect::<Result<Vec<_>, _>>()?;
        let due = || sinks.iter().map(FileSink::next_seq);
        let most = due().max().unwrap_or(0);
        if most > reader.published() {
            return Err(SinkError::Ahead {
                ring: ring.to_string(),
                expected: most,
                found: reader.published(),
            });
        }
        let first = due().min().unwrap_or_else(|| reader.cursor());
        reader.seek(Start::Sequence(first))?;
        let mut sink = Self { reader, sinks, most_pending, counts: RingSinkCounts::default() };
        // The oldest records are the next to be overwritten.
        while let Progress::Advanced(_) = sink.run_once()? {}
        Ok(sink)
    }

    /// Takes what is there, at most 1,024 records; at the end of the ring commits what is pending.
    ///
    /// # Errors
    ///
    /// [`SinkError::Lapped`] if records were overwritten, and those of [`FileSink::push`].
    pub fn run_once(&mut self) -> Result<Progress, SinkError> {
        for taken in 0..STEP {
            let seq = self.reader.cursor();
            match self.reader.poll() {
                Poll::Record(record) => {
                    for sink in &mut self.sinks {
                        let pushed = sink.push_record(&record)?;
                        let is_row = sink.rtype == record.rtype() && pushed != Pushed::Known;
                        self.counts.rows += u64::from(is_row);
                        self.counts.files += u64::from(matches!(pushed, Pushed::Committed(_)));
                    }
                    self.bound()?;
                }
                // Both take up a sequence.
                Poll::Restarted { .. } | Poll::Tombstone { .. } => {
                    for sink in &mut self.sinks {
                        let _: Pushed = sink.skip(seq)?;
                    }
                }
                Poll::Lapped { resume, .. } => {
                    let ring = self.reader.info().name.to_string();
                    return Err(SinkError::Lapped {
                        ring,
                        first: seq,
                        last: resume.saturating_sub(1),
                    });
                }
                Poll::Empty if taken == 0 => return Ok(Progress::Idle),
                Poll::Empty => return Ok(Progress::Advanced(taken)),
                Poll::Closed(_) => {
                    self.commit()?;
                    return Ok(Progress::Ended);
                }
            }
        }
        Ok(Progress::Advanced(STEP))
    }

    /// Completes the files with what is pending.
    ///
    /// # Errors
    ///
    /// Those of [`FileSink::commit`].
    pub fn commit(&mut self) -> Result<(), SinkError> {
        for sink in &mut self.sinks {
            self.counts.files += u64::from(sink.commit()?.is_some());
        }
        Ok(())
    }

    /// Waits until there is something to take, for `limit` at most.
    pub fn wait(&mut self, limit: Duration) -> bool {
        self.reader.wait(limit)
    }

    /// What happened so far.
    #[must_use]
    pub fn counts(&self) -> RingSinkCounts {
        self.counts
    }

    /// Commits the files that cover as much as may be pending.
    fn bound(&mut self) -> Result<(), SinkError> {
        for sink in &mut self.sinks {
            if sink.next.saturating_sub(sink.first) >= self.most_pending {
                self.counts.files += u64::from(sink.commit()?.is_some());
            }
        }
        Ok(())
    }
}

//! A reader of a ring of bars that publishes shapes to a ring of vectors.

use super::encoder::{ShapeCounts, ShapeEncoder};
use super::error::ShapeError;
use super::options::ShapeOptions;
use crate::Progress;
use std::time::Duration;
use tickring::record::{Vector, WindowBar};
use tickring::{Directory, Poll, Reader, ReaderOptions, RingName, RingSpec, Start, Writer};

/// Bars that one step takes at most.
const STEP: usize = 1024;

/// The rings of a consumer of bars.
#[derive(Clone, Copy, Debug)]
pub struct ShapeRings<'a> {
    /// The ring that is read.
    pub bars: &'a RingName,
    /// Where reading begins. After a restart, [`Start::Oldest`]: vectors that are in their ring
    /// already are not published again.
    pub start: Start,
    /// The ring that is created, or taken over.
    pub vectors: &'a RingName,
    /// Its slots, a power of two.
    pub capacity: u64,
}

/// Reads bars and publishes a vector for each that completes a shape.
#[derive(Debug)]
pub struct ShapeConsumer {
    bars: Reader,
    /// `None` once the bars have ended and the ring is closed.
    vectors: Option<Writer>,
    encoder: ShapeEncoder,
    /// The bar of the newest vector that was in the ring before.
    known: Option<u64>,
    missed: u64,
}

impl ShapeConsumer {
    /// Attaches to the bars and creates or takes over the ring of vectors.
    ///
    /// # Errors
    ///
    /// Those of [`ShapeEncoder::new`] and of both rings.
    pub fn open(
        directory: &Directory,
        rings: ShapeRings<'_>,
        options: ShapeOptions,
    ) -> Result<Self, ShapeError> {
        let encoder = ShapeEncoder::new(options)?;
        let joining = ReaderOptions::named("shape", rings.start);
        let bars = Reader::open_with(directory, rings.bars, &joining)?;
        bars.expect::<WindowBar>()?;
        let kinds = vec![Vector::kind_with_dim(options.lanes()?)];
        let spec = RingSpec { capacity: rings.capacity, ..RingSpec::new(kinds)? };
        let vectors = Writer::open(directory, rings.vectors, &spec)?;
        let known = newest_source(directory, rings.vectors)?;
        Ok(Self { bars, vectors: Some(vectors), encoder, known, missed: 0 })
    }

    /// Takes what is there, at most 1,024 records, and publishes what is due.
    ///
    /// # Errors
    ///
    /// [`ShapeError::WrongKind`] if the vectors ring refuses a vector.
    pub fn run_once(&mut self) -> Result<Progress, ShapeError> {
        for taken in 0..STEP {
            match self.bars.poll() {
                Poll::Record(record) => {
                    let Some(bar) = record.get::<WindowBar>() else { continue };
                    let seq = record.seq();
                    let shape = self.encoder.push(seq, bar);
                    let is_due = self.known.is_none_or(|known| seq > known);
                    let Some((shape, vectors)) =
                        shape.filter(|_| is_due).zip(self.vectors.as_mut())
                    else {
                        continue;
                    };
                    let mut claim = vectors.claim();
                    claim.write(&shape.vector)?;
                    claim.write_lanes(shape.lanes)?;
                    claim.commit();
                }
                Poll::Empty if taken == 0 => return Ok(Progress::Idle),
                Poll::Empty => return Ok(Progress::Advanced(taken)),
                Poll::Lapped { missed, .. } => {
                    self.missed += missed;
                    self.encoder.begin_anew();
                }
                Poll::Restarted { .. } | Poll::Tombstone { .. } => {}
                Poll::Closed(_) if taken == 0 => {
                    if let Some(vectors) = self.vectors.take() {
                        vectors.close();
                    }
                    return Ok(Progress::Ended);
                }
                Poll::Closed(_) => return Ok(Progress::Advanced(taken)),
            }
        }
        Ok(Progress::Advanced(STEP))
    }

    /// Waits until there is something to take, for `limit` at most.
    pub fn wait(&mut self, limit: Duration) -> bool {
        self.bars.wait(limit)
    }

    /// What happened so far.
    #[must_use]
    pub fn counts(&self) -> ShapeCounts {
        self.encoder.counts()
    }

    /// Bars that were overwritten before they were read.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.missed
    }
}

/// The bar behind the newest vector in a ring.
fn newest_source(directory: &Directory, vectors: &RingName) -> Result<Option<u64>, ShapeError> {
    let mut reader = Reader::open(directory, vectors, Start::Oldest)?;
    let mut newest = None;
    loop {
        match reader.poll() {
            Poll::Record(record) => {
                newest = record.get::<Vector>().map_or(newest, |vector| Some(vector.src_seq));
            }
            Poll::Empty | Poll::Closed(_) => return Ok(newest),
            Poll::Lapped { .. } | Poll::Restarted { .. } | Poll::Tombstone { .. } => {}
        }
    }
}

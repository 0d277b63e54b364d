//! Where a matcher searches: in the ring, in place, or in a corpus of its own.

use crate::corpus::{Corpus, Terms};
use crate::filter::Filter;
use crate::nearest::Neighbour;
use crate::scan::{ExactScan, Scan};
use std::ops::Range;
use tickring::Reader;
use tickring::record::{Query, Vector};

/// What is searched.
#[derive(Debug)]
pub(super) enum Search {
    InPlace {
        scan: ExactScan,
        /// Sequences that are searched, counted back from the query.
        window: u64,
        /// Sequences before this one were not resident when the matcher joined.
        floor: u64,
    },
    Corpus(Box<Corpus>),
}

impl Search {
    pub(super) fn corpus(&self) -> Option<&Corpus> {
        match self {
            Self::InPlace { .. } => None,
            Self::Corpus(corpus) => Some(corpus),
        }
    }

    pub(super) fn corpus_mut(&mut self) -> Option<&mut Corpus> {
        match self {
            Self::InPlace { .. } => None,
            Self::Corpus(corpus) => Some(corpus),
        }
    }

    /// Moves the clock on to a vector that has come.
    pub(super) fn advance(&mut self, vector: &Vector) {
        if let Self::Corpus(corpus) = self {
            corpus.advance(vector);
        }
    }

    /// Puts a vector into the window, if it is one of its own.
    pub(super) fn insert(&mut self, seq: u64, vector: &Vector, lanes: &[f32]) {
        if let Self::Corpus(corpus) = self {
            corpus.insert(seq, vector, lanes);
        }
    }

    /// Finds the nearest of what stands before `end`: of a corpus that is what it holds.
    pub(super) fn before(&mut self, ring: &Reader, end: u64, query: &[f32], k: usize) -> Scan {
        match self {
            Self::InPlace { scan, window, floor } => {
                scan.search(ring, range_before(end, *window, *floor), query)
            }
            Self::Corpus(corpus) => {
                corpus.search(query, &Terms { k, radius: None, filter: Filter::default() })
            }
        }
    }

    /// What the last search found.
    pub(super) fn neighbours(&self) -> &[Neighbour] {
        match self {
            Self::InPlace { scan, .. } => scan.neighbours(),
            Self::Corpus(corpus) => corpus.neighbours(),
        }
    }

    /// The generation of the index, 0 where there is none.
    pub(super) fn generation(&self) -> u32 {
        self.corpus().and_then(Corpus::list_stats).map_or(0, |stats| stats.generation)
    }

    /// Vectors that must come after a loss before a window of one's own is whole again. Of a ring
    /// each search tells by itself.
    pub(super) fn hole_of(&self) -> u64 {
        self.corpus().map_or(0, |corpus| corpus.live.window.room() as u64)
    }
}

/// The window of a query that sees everything before `end`.
fn range_before(end: u64, window: u64, floor: u64) -> Range<u64> {
    end.saturating_sub(window).max(floor).min(end)..end
}

/// The terms of a query of another process.
pub(super) fn terms_of(query: &Query) -> Terms {
    let is_set = |bit: u8| query.filters & bit != 0;
    let filter = Filter {
        instrument: is_set(Query::OF_INSTRUMENT).then_some(query.header.instrument_id),
        since_ns: query.since,
        until_ns: query.until,
        tag_mask: query.tag_mask,
        tag: query.tag,
    };
    let radius = is_set(Query::WITHIN_RADIUS).then_some(query.radius);
    Terms { k: query.k.into(), radius, filter }
}

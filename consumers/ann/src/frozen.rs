//! A corpus that stands still, while the one that it was taken from goes on.
//!
//! It shares blocks of the window and chunks of the lists with its origin, which copies what it
//! must change and others still have: nothing that can be seen here ever changes. So it can be
//! searched, or saved, by any thread, and is the corpus as it was at one sequence, whole.

use crate::filter::Filter;
use crate::index::{Ask, Exact, Index};
use crate::lists::{Body, Effort, Found, Seeker};
use crate::nearest::Nearest;
use crate::recall::Recall;
use crate::scan::Scan;
use crate::window::Window;
use std::sync::Arc;

/// A window with its index, standing still.
#[derive(Clone, Debug)]
pub(crate) struct Still {
    pub(crate) window: Window,
    /// What the lists are; `None` where every search is exact.
    pub(crate) body: Option<Body>,
}

/// The corpus, standing still.
#[derive(Clone, Debug)]
pub(crate) struct Frozen {
    pub(crate) live: Still,
    /// It never changes, so all have the same.
    pub(crate) pinned: Option<Arc<Still>>,
    /// How far a search of the pinned part goes.
    pub(crate) pinned_effort: Effort,
    pub(crate) recall: Recall,
    pub(crate) not_finite: u64,
    /// Whether the index is not between two generations of lists.
    pub(crate) is_settled: bool,
    /// The sequence behind the last vector that was put in.
    pub(crate) watermark: u64,
}

/// What a thread needs for itself to search what stands still.
#[derive(Debug)]
pub(crate) struct Glass {
    exact: Exact,
    seeker: Seeker,
    /// What was found in one part.
    part: Nearest,
    /// Positions of an instrument's vectors.
    own: Vec<u64>,
}

impl Glass {
    pub(crate) fn new(exact: Exact, seeker: Seeker) -> Self {
        Self { exact, seeker, part: Nearest::new(0), own: Vec::new() }
    }

    /// Offers `nearest` what is near to a query, and says whether neighbours may be missing.
    pub(crate) fn search(
        &mut self,
        frozen: &Frozen,
        ask: &Ask<'_>,
        (k, radius): (usize, Option<f32>),
        nearest: &mut Nearest,
    ) -> (Scan, bool) {
        nearest.begin(k, radius);
        if ask.query.len() != frozen.live.window.dim() {
            return (Scan::default(), false);
        }
        let effort = frozen.live.body.as_ref().map(Body::effort);
        let (mut scan, mut is_approximate) = self.look(&frozen.live, effort, ask, nearest);
        if let Some(pinned) = &frozen.pinned {
            let mut part = std::mem::replace(&mut self.part, Nearest::new(0));
            part.begin(k, radius);
            let found = self.look(pinned, Some(frozen.pinned_effort), ask, &mut part);
            scan += found.0;
            is_approximate |= found.1;
            part.as_slice().iter().for_each(|near| nearest.offer(*near));
            self.part = part;
        }
        (scan, is_approximate)
    }

    /// Offers `nearest` what is nearest of all, exactly.
    pub(crate) fn compare(
        &mut self,
        frozen: &Frozen,
        ask: &Ask<'_>,
        (k, radius): (usize, Option<f32>),
        nearest: &mut Nearest,
    ) -> Scan {
        nearest.begin(k, radius);
        let mut scan = self.look_at_all(&frozen.live, ask, nearest);
        if let Some(pinned) = &frozen.pinned {
            let mut part = std::mem::replace(&mut self.part, Nearest::new(0));
            part.begin(k, radius);
            scan += self.look_at_all(pinned, ask, &mut part);
            part.as_slice().iter().for_each(|near| nearest.offer(*near));
            self.part = part;
        }
        scan
    }

    fn look_at_all(&mut self, still: &Still, ask: &Ask<'_>, nearest: &mut Nearest) -> Scan {
        let Still { window, body } = still;
        match body {
            Some(body) => self.seeker.search_all(body, window, ask, nearest),
            None => self.exact.search(window, ask, nearest),
        }
    }

    fn look(
        &mut self,
        still: &Still,
        effort: Option<Effort>,
        ask: &Ask<'_>,
        nearest: &mut Nearest,
    ) -> (Scan, bool) {
        let Still { window, body } = still;
        let few = body.as_ref().map_or(u64::MAX, |body| body.choice.few());
        // A filter that leaves few is asked first, never afterwards.
        if self.is_of_few(window, ask.filter, few) {
            let own = self.own.iter().copied();
            return (self.exact.search_at(window, own, ask, nearest), false);
        }
        match (body, effort) {
            (Some(body), Some(effort)) => {
                let (scan, found) = self.seeker.search(body, window, effort, ask, nearest);
                (scan, found == Found::Approximate)
            }
            _ => (self.exact.search(window, ask, nearest), false),
        }
    }

    /// Whether a filter asks for an instrument that has no more than `most` vectors, whose
    /// positions are then known. Cost: a pass over the marks, if it asks for one.
    fn is_of_few(&mut self, window: &Window, filter: Filter, most: u64) -> bool {
        let Some(instrument) = filter.instrument else { return false };
        self.own.clear();
        let mut position = window.live().start;
        loop {
            let (_, marks) = window.run(position, usize::MAX);
            if marks.is_empty() {
                return true;
            }
            let own = (position..).zip(marks).filter(|(_, mark)| mark.instrument_id == instrument);
            self.own.extend(own.map(|(position, _)| position));
            if self.own.len() as u64 > most {
                return false;
            }
            position += marks.len() as u64;
        }
    }
}

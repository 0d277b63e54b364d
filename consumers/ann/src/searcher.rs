//! Searches by other threads, beside the one that inserts.
//!
//! The owner of a corpus hands over what stands still (`frozen`): a copy of pointers, made after
//! so many vectors if somebody searched since the last one. Behind a mutex lies the newest; it is
//! held for as long as it takes to copy or to replace one pointer, and the owner never waits
//! for it: where it is taken the owner goes on and tries again with the next vector. Freed is
//! what nobody has any more.

use crate::code::stride_of;
use crate::corpus::Terms;
use crate::frozen::{Frozen, Glass};
use crate::index::{Ask, Exact};
use crate::lists::Seeker;
use crate::metric::Metric;
use crate::nearest::{Nearest, Neighbour};
use crate::scan::Scan;
use crate::window::Window;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Vectors from one handing over to the next, at least.
pub(crate) const SHARE_EVERY: u64 = 256;
/// The part of a window that may come before it is handed over though nobody asks, so that what
/// was handed over last does not keep all of it from being freed.
const UNASKED_PART: u64 = 8;

/// What lies between the owner and those who search.
#[derive(Debug)]
struct Shared {
    newest: Arc<Frozen>,
    /// Whether somebody took it.
    is_taken: bool,
    /// Neighbours found and looked for, by searches that were also answered exactly.
    compared: Vec<[u64; 2]>,
}

#[derive(Debug)]
struct Exchange(Mutex<Shared>);

impl Exchange {
    fn lock(&self) -> MutexGuard<'_, Shared> {
        // What is behind it is whole at any time.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The owner's side.
#[derive(Debug)]
pub(crate) struct Sharing {
    exchange: Arc<Exchange>,
    /// Vectors since the last handing over.
    since: u64,
    /// What the clock and the window were then.
    at: (u64, u64, u64),
}

impl Sharing {
    pub(crate) fn new(frozen: Frozen) -> Self {
        let at = state_of(&frozen.live.window);
        let shared = Shared { newest: Arc::new(frozen), is_taken: false, compared: Vec::new() };
        Self { exchange: Arc::new(Exchange(Mutex::new(shared))), since: 0, at }
    }

    pub(crate) fn searcher(&self, metric: Metric, dim: usize, every: u64) -> Searcher {
        Searcher {
            exchange: Arc::clone(&self.exchange),
            glass: Glass::new(Exact::new(metric), Seeker::new(metric, stride_of(dim))),
            metric,
            dim,
            nearest: Nearest::new(0),
            truth: Nearest::new(0),
            is_approximate: false,
            watermark: 0,
            generation: 0,
            every,
            unmeasured: 0,
        }
    }

    /// Counts a vector and says whether it is time to look if somebody wants what is new.
    pub(crate) fn is_time(&mut self) -> bool {
        self.since += 1;
        self.since >= SHARE_EVERY
    }

    /// Whether nobody can search any more.
    pub(crate) fn is_alone(&self) -> bool {
        Arc::strong_count(&self.exchange) == 1
    }

    /// Whether somebody wants what is new, or what is there keeps too much from being freed;
    /// `false` also while somebody is taking it.
    pub(crate) fn is_wanted(&self, room: u64) -> bool {
        let is_taken = self.exchange.0.try_lock().is_ok_and(|shared| shared.is_taken);
        is_taken || self.since >= SHARE_EVERY.max(room / UNASKED_PART)
    }

    /// Whether the owner's window is not as it was handed over last.
    pub(crate) fn is_behind(&self, window: &Window) -> bool {
        self.at != state_of(window)
    }

    /// Hands over, and takes what was compared.
    pub(crate) fn hand_over(&mut self, frozen: Frozen) -> Vec<[u64; 2]> {
        self.since = 0;
        self.at = state_of(&frozen.live.window);
        let mut next = Arc::new(frozen);
        let mut shared = self.exchange.lock();
        // Freed, if at all, when the mutex is not held.
        std::mem::swap(&mut shared.newest, &mut next);
        shared.is_taken = false;
        let compared = std::mem::take(&mut shared.compared);
        drop(shared);
        compared
    }
}

/// What changes in a window: where it begins and ends, and its clock.
fn state_of(window: &Window) -> (u64, u64, u64) {
    let live = window.live();
    (live.start, live.end, window.clock_ns())
}

/// A search of a corpus from another thread, while its owner inserts.
///
/// Each search sees the corpus as it was behind one vector, whole: neither half a vector nor one
/// that had left by then. [`watermark`](Self::watermark) says which. While vectors come it is some
/// hundred of them behind, see [`Corpus::share`](crate::Corpus::share).
///
/// # Examples
///
/// ```
/// use tickring::record::{Record, Vector};
/// use tickring_ann::{Corpus, CorpusOptions, Filter, Indexing, Metric, RecallOptions, Terms};
///
/// let mut corpus = Corpus::new(2, CorpusOptions {
///     metric: Metric::L2,
///     window: 1_000,
///     ttl: None,
///     indexing: Indexing::Exact,
///     recall: RecallOptions::default(),
///     pinned: None,
/// })?;
/// for seq in 0..10 {
///     corpus.insert(seq, &Vector { vec_id: seq, ..Vector::empty(1, 7, seq) }, &[seq as f32, 0.0]);
/// }
/// let mut searcher = corpus.searcher();
/// let asking = std::thread::spawn(move || {
///     let terms = Terms { k: 2, radius: None, filter: Filter::default() };
///     searcher.search(&[3.2, 0.0], &terms);
///     let ids: Vec<u64> = searcher.neighbours().iter().map(|near| near.id).collect();
///     (ids, searcher.watermark())
/// });
/// assert_eq!(asking.join().expect("no panic"), (vec![3, 4], 10));
/// # Ok::<(), tickring_ann::Error>(())
/// ```
#[derive(Debug)]
pub struct Searcher {
    exchange: Arc<Exchange>,
    glass: Glass,
    metric: Metric,
    dim: usize,
    nearest: Nearest,
    truth: Nearest,
    is_approximate: bool,
    watermark: u64,
    generation: u32,
    /// Approximate searches from one that is compared to the next; 0 compares none.
    every: u64,
    unmeasured: u64,
}

impl Clone for Searcher {
    /// Another search of the same corpus, which has found nothing yet.
    fn clone(&self) -> Self {
        Self {
            exchange: Arc::clone(&self.exchange),
            glass: Glass::new(
                Exact::new(self.metric),
                Seeker::new(self.metric, stride_of(self.dim)),
            ),
            nearest: Nearest::new(0),
            truth: Nearest::new(0),
            ..*self
        }
    }
}

impl Searcher {
    /// Finds what is near to `query` in what the owner handed over last.
    ///
    /// As [`Corpus::search`](crate::Corpus::search) with the same vectors in it. Every so many
    /// searches are also answered exactly, and the owner draws conclusions. Cost: no allocation,
    /// unless more are asked for than ever before; an instrument in the filter costs a pass over
    /// what is known of all vectors; never waits for the owner.
    pub fn search(&mut self, query: &[f32], terms: &Terms) -> Scan {
        let frozen = {
            let mut shared = self.exchange.lock();
            shared.is_taken = true;
            Arc::clone(&shared.newest)
        };
        let ask = Ask { query, filter: terms.filter };
        let size = (terms.k, terms.radius);
        let (mut scan, is_approximate) = self.glass.search(&frozen, &ask, size, &mut self.nearest);
        self.is_approximate = is_approximate;
        self.watermark = frozen.watermark;
        self.generation = frozen.live.body.as_ref().map_or(0, |body| body.stats.generation);
        self.unmeasured += u64::from(is_approximate);
        if is_approximate && self.every > 0 && self.unmeasured >= self.every {
            self.unmeasured = 0;
            scan += self.glass.compare(&frozen, &ask, size, &mut self.truth);
            let compared = overlap(&self.nearest, &self.truth);
            self.exchange.lock().compared.push(compared);
        }
        scan
    }

    /// What the last search found, in the order of [`Corpus`](crate::Corpus::neighbours).
    #[must_use]
    pub fn neighbours(&self) -> &[Neighbour] {
        self.nearest.as_slice()
    }

    /// Whether the last search may have missed neighbours.
    #[must_use]
    pub fn is_approximate(&self) -> bool {
        self.is_approximate
    }

    /// The sequence behind the last vector that the last search could see; 0 before the first
    /// search.
    #[must_use]
    pub fn watermark(&self) -> u64 {
        self.watermark
    }

    /// The generation of the index that the last search saw, 0 where there is none.
    #[must_use]
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// Compares nothing from now on, so that searches here do not change those of the owner.
    pub(crate) fn without_comparing(self) -> Self {
        Self { every: 0, ..self }
    }
}

/// How many of the true neighbours were found, and how many there are.
pub(crate) fn overlap(found: &Nearest, truth: &Nearest) -> [u64; 2] {
    let found = found.as_slice();
    let is_found = |near: &&Neighbour| found.iter().any(|own| own.seq == near.seq);
    let truth = truth.as_slice();
    [truth.iter().filter(is_found).count() as u64, truth.len() as u64]
}

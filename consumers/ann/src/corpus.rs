//! Everything that is searched: the window of vectors, what is pinned beside it, and the indexes.
//!
//! A corpus knows no rings. It is a function of the vectors that were put in and the queries that
//! were asked, in their order: the same ones give the same answers.

use crate::error::Error;
use crate::filter::Filter;
use crate::frozen::{Frozen, Still};
#[cfg(feature = "usearch")]
use crate::graph::Graph;
use crate::index::{Ask, Exact, Index};
use crate::lists::{Choice, Effort, ListStats, Lists, MOST_PERMILLE};
use crate::metric::{Metric, norm};
use crate::nearest::{Nearest, Neighbour};
use crate::pinned::Pinned;
use crate::recall::{Recall, RecallEstimate, RecallOptions, Verdict};
use crate::scan::Scan;
use crate::searcher::{Searcher, Sharing, overlap};
use crate::window::{Clock, Mark, Ttl, Window};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use tickring::record::Vector;

/// How a corpus is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Indexing {
    /// Always exactly, by all lanes of all vectors.
    Exact,
    /// As the number of live vectors suggests: exactly, up to where there are lists.
    Lists(Choice),
}

/// What a corpus is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct CorpusOptions {
    /// The measure of distance.
    pub metric: Metric,
    /// The most vectors in the window; the oldest leaves when one more comes.
    pub window: u64,
    /// How long vectors stay; without it they stay until their room is needed.
    pub ttl: Option<Ttl>,
    /// How it is searched.
    pub indexing: Indexing,
    /// How recall is measured, where searches are approximate.
    pub recall: RecallOptions,
    /// Vectors that are searched too and never leave. The row is the id.
    pub pinned: Option<Pinned>,
}

/// What is asked beside the query's lanes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Terms {
    /// Neighbours wanted.
    pub k: usize,
    /// The distance that they may have at most.
    pub radius: Option<f32>,
    /// What they must be like.
    pub filter: Filter,
}

/// A window with its index.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) window: Window,
    pub(crate) index: Indexed,
}

/// The index of a window.
#[derive(Debug)]
pub(crate) enum Indexed {
    Exact(Exact),
    Lists(Box<Lists>),
    #[cfg(feature = "usearch")]
    Graph(Box<Graph>),
}

/// The corpus.
#[derive(Debug)]
pub struct Corpus {
    metric: Metric,
    clock: Clock,
    pub(crate) live: Part,
    pinned: Option<Part>,
    /// The positions of each instrument's live vectors, the oldest first.
    instruments: HashMap<u32, VecDeque<u64>>,
    pub(crate) recall: Recall,
    exact: Exact,
    nearest: Nearest,
    /// What was found in the pinned part, of its own so that the rest is not forgotten.
    part: Nearest,
    /// What the search that recall is measured by found.
    truth: Nearest,
    is_approximate: bool,
    /// Vectors that were refused because a lane is no finite number.
    not_finite: u64,
    /// The sequence behind the last vector that was put in.
    watermark: u64,
    /// What other threads search; `None` if there are none.
    sharing: Option<Sharing>,
    /// The pinned part as others see it.
    still: Option<Arc<Still>>,
}

impl Part {
    fn still(&self) -> Still {
        let body = match &self.index {
            Indexed::Lists(lists) => Some(lists.body.clone()),
            _ => None,
        };
        Still { window: self.window.clone(), body }
    }
}

impl Indexed {
    pub(crate) fn new(window: &Window, metric: Metric, indexing: Indexing) -> Self {
        match indexing {
            Indexing::Exact => Self::Exact(Exact::new(metric)),
            Indexing::Lists(choice) => Self::Lists(Box::new(Lists::new(window, metric, choice))),
        }
    }

    pub(crate) fn as_index(&mut self) -> &mut dyn Index {
        match self {
            Self::Exact(exact) => exact,
            Self::Lists(lists) => &mut **lists,
            #[cfg(feature = "usearch")]
            Self::Graph(graph) => &mut **graph,
        }
    }

    fn is_last_exact(&self) -> bool {
        match self {
            Self::Exact(_) => true,
            Self::Lists(lists) => lists.is_last_exact(),
            #[cfg(feature = "usearch")]
            Self::Graph(graph) => graph.is_last_exact(),
        }
    }

    /// Vectors of one instrument up to which a search compares them all.
    fn few(&self) -> u64 {
        match self {
            Self::Lists(lists) => lists.body.choice.few(),
            _ => u64::MAX,
        }
    }
}

impl Corpus {
    /// Makes an empty corpus of vectors with `dim` lanes.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`] for a window that cannot be; [`Error::Dimension`] for pinned vectors
    /// of another dimension.
    pub fn new(dim: usize, options: CorpusOptions) -> Result<Self, Error> {
        let CorpusOptions { metric, window, ttl, indexing, recall, pinned } = options;
        let window = Window::new(dim, window, ttl.map(|ttl| ttl.stay_ns))?;
        let index = Indexed::new(&window, metric, indexing);
        let pinned = pinned.map(|pinned| pinned.part(dim, metric, indexing)).transpose()?;
        let still = pinned.as_ref().map(|pinned| Arc::new(pinned.still()));
        Ok(Self {
            metric,
            clock: ttl.map(|ttl| ttl.clock).unwrap_or_default(),
            live: Part { window, index },
            pinned,
            instruments: HashMap::new(),
            recall: Recall::new(recall),
            exact: Exact::new(metric),
            nearest: Nearest::new(0),
            part: Nearest::new(0),
            truth: Nearest::new(0),
            is_approximate: false,
            not_finite: 0,
            watermark: 0,
            sharing: None,
            still,
        })
    }

    /// Moves the clock on to the time of `vector` and lets those go that were too long here.
    /// To be called before a query of that time.
    pub fn advance(&mut self, vector: &Vector) {
        let time_ns = match self.clock {
            Clock::Event => vector.header.ts_event,
            Clock::Receive => vector.ts_recv,
        };
        self.live.window.advance(time_ns);
        self.expire(false);
    }

    /// Puts a vector in, after [`advance`](Self::advance), and lets the oldest one go if there is
    /// no room. Says `false` if it was refused, because a lane is not finite or the number of lanes
    /// is another.
    ///
    /// Its norm is computed, whatever its writer stored. Cost: no allocation once the window is
    /// full, unless an instrument has more vectors in it than ever before.
    pub fn insert(&mut self, seq: u64, vector: &Vector, lanes: &[f32]) -> bool {
        let is_new = self.put(seq, vector, lanes);
        if self.sharing.as_mut().is_some_and(Sharing::is_time) {
            self.share_if_wanted();
        }
        is_new
    }

    fn put(&mut self, seq: u64, vector: &Vector, lanes: &[f32]) -> bool {
        if !lanes.iter().all(|lane| lane.is_finite()) {
            self.not_finite += 1;
            return false;
        }
        self.expire(true);
        let header = vector.header;
        #[expect(clippy::cast_possible_truncation, reason = "rounds to the nearest f32")]
        let norm = norm(lanes) as f32;
        let mark = Mark {
            seq,
            id: vector.vec_id,
            ts_event: header.ts_event,
            clock_ns: 0,
            instrument_id: header.instrument_id,
            norm,
            tag: vector.flags,
        };
        let Some(position) = self.live.window.push(mark, lanes) else { return false };
        self.live.index.as_index().insert(&self.live.window, position);
        self.note(mark, position);
        true
    }

    /// A search for another thread. The corpus hands over what is to be searched every few hundred
    /// vectors, if there were searches; see [`share`](Self::share).
    ///
    /// Searches of other threads that are compared change how far those here go, as
    /// [`RecallOptions`] says: then answers depend on when others ask.
    pub fn searcher(&mut self) -> Searcher {
        let (metric, dim) = (self.metric, self.live.window.dim());
        let every = self.recall.options.every;
        let sharing = self.sharing.take().unwrap_or_else(|| Sharing::new(self.freeze()));
        self.sharing.insert(sharing).searcher(metric, dim, every)
    }

    /// Lets other threads search what is here now, instead of what was there up to a few hundred
    /// vectors ago: for owners that have nothing else to do. Takes what those threads found about
    /// recall.
    ///
    /// Cost: nothing if nothing is new or nobody searches; otherwise a pointer copied for every 128
    /// vectors and every list, and later a copy of the end of each list that goes on.
    pub fn share(&mut self) {
        if self.sharing.as_ref().is_some_and(Sharing::is_alone) {
            self.sharing = None;
        }
        let window = &self.live.window;
        if self.sharing.as_ref().is_none_or(|sharing| !sharing.is_behind(window)) {
            return;
        }
        let frozen = self.freeze();
        let compared = self.sharing.as_mut().map(|sharing| sharing.hand_over(frozen));
        for [hits, wanted] in compared.into_iter().flatten() {
            self.learn(hits, wanted);
        }
    }

    fn share_if_wanted(&mut self) {
        let room = self.live.window.room() as u64;
        if self.sharing.as_ref().is_some_and(|own| own.is_alone() || own.is_wanted(room)) {
            self.share();
        }
    }

    /// Whether the index is not between two generations of lists, so that it can be saved.
    pub(crate) fn is_settled(&self) -> bool {
        match &self.live.index {
            Indexed::Lists(lists) => lists.is_settled(),
            _ => true,
        }
    }

    /// Completes at once what the index has under way, so that the state can be saved. Cost: may
    /// train centroids.
    pub(crate) fn settle(&mut self) {
        let Part { window, index } = &mut self.live;
        if let Indexed::Lists(lists) = index {
            lists.settle(window);
        }
    }

    /// The corpus as it is now, for others.
    pub(crate) fn freeze(&self) -> Frozen {
        let [probe_permille, rerank] = self.pinned_effort();
        Frozen {
            live: self.live.still(),
            pinned: self.still.clone(),
            pinned_effort: Effort { probe_permille, rerank },
            recall: self.recall.clone(),
            not_finite: self.not_finite,
            is_settled: self.is_settled(),
            watermark: self.watermark,
        }
    }

    /// Begins with an empty window at a position, to be filled from a snapshot.
    pub(crate) fn begin_at(&mut self, position: u64, clock_ns: u64, not_finite: u64) {
        self.live.window.begin_at(position, clock_ns);
        self.not_finite = not_finite;
    }

    /// How far a search of the pinned part looks, and how many candidates it compares for each
    /// neighbour; 0 without lists of such a part.
    pub(crate) fn pinned_effort(&self) -> [u64; 2] {
        match self.pinned.as_ref().map(|pinned| &pinned.index) {
            Some(Indexed::Lists(lists)) => [lists.stats().probe_permille, lists.stats().rerank],
            _ => [0, 0],
        }
    }

    /// Sets what [`pinned_effort`](Self::pinned_effort) gave.
    pub(crate) fn set_pinned_effort(&mut self, [permille, rerank]: [u64; 2]) {
        if let Some(Part { index: Indexed::Lists(lists), .. }) = &mut self.pinned {
            lists.set_probe_permille(permille);
            lists.set_rerank(rerank);
        }
    }

    /// Notes which instrument a vector in the window is of.
    pub(crate) fn note(&mut self, mark: Mark, position: u64) {
        self.instruments.entry(mark.instrument_id).or_default().push_back(position);
        self.watermark = mark.seq.saturating_add(1);
    }

    /// Finds what is near to `query`; the answer is then in [`neighbours`](Self::neighbours).
    ///
    /// As many are found as were asked for, if there are so many that the terms admit. Cost: no
    /// allocation, unless more are asked for than ever before.
    pub fn search(&mut self, query: &[f32], terms: &Terms) -> Scan {
        self.nearest.begin(terms.k, terms.radius);
        self.is_approximate = false;
        if query.len() != self.live.window.dim() {
            return Scan::default();
        }
        let ask = Ask { query, filter: terms.filter };
        let mut scan = self.search_live(&ask);
        if let Some(Part { window, index }) = &mut self.pinned {
            self.part.begin(terms.k, terms.radius);
            scan += index.as_index().search(window, &ask, &mut self.part);
            self.is_approximate |= !index.is_last_exact();
            self.part.as_slice().iter().for_each(|near| self.nearest.offer(*near));
        }
        if self.is_approximate && self.recall.is_due() {
            scan += self.measure(&ask, terms);
        }
        scan
    }

    /// What the last search found, the nearest first, of equal ones the lower sequence first and
    /// pinned ones last.
    #[must_use]
    pub fn neighbours(&self) -> &[Neighbour] {
        self.nearest.as_slice()
    }

    /// Whether the last search may have missed neighbours.
    #[must_use]
    pub fn is_approximate(&self) -> bool {
        self.is_approximate
    }

    /// How many vectors are live, without pinned ones.
    #[must_use]
    pub fn len(&self) -> usize {
        self.live.window.len()
    }

    /// Whether no vector is live.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.live.window.is_empty()
    }

    /// Vectors that were refused because of a lane that is not finite.
    #[must_use]
    pub fn not_finite(&self) -> u64 {
        self.not_finite
    }

    /// The recall of late; `None` if none was measured.
    #[must_use]
    pub fn recall(&self) -> Option<RecallEstimate> {
        self.recall.estimate()
    }

    /// Sets how far a search looks, see [`ListStats::probe_permille`]; the measured recall may
    /// change it again.
    pub fn set_probe_permille(&mut self, permille: u64) {
        for part in std::iter::once(&mut self.live).chain(&mut self.pinned) {
            if let Indexed::Lists(lists) = &mut part.index {
                lists.set_probe_permille(permille);
            }
        }
    }

    /// What the lists have done; `None` if searches are always exact.
    #[must_use]
    pub fn list_stats(&self) -> Option<&ListStats> {
        match &self.live.index {
            Indexed::Lists(lists) => Some(lists.stats()),
            _ => None,
        }
    }

    /// What was chosen for the index; `None` if searches are always exact.
    #[must_use]
    pub fn choice(&self) -> Option<Choice> {
        match &self.live.index {
            Indexed::Lists(lists) => Some(lists.body.choice),
            _ => None,
        }
    }

    fn search_live(&mut self, ask: &Ask<'_>) -> Scan {
        let Part { window, index } = &mut self.live;
        // A filter that leaves few is asked first, never afterwards.
        if let Some(instrument) = ask.filter.instrument {
            let none = VecDeque::new();
            let own = self.instruments.get(&instrument).unwrap_or(&none);
            if own.len() as u64 <= index.few() {
                return self.exact.search_at(window, own.iter().copied(), ask, &mut self.nearest);
            }
        }
        let scan = index.as_index().search(window, ask, &mut self.nearest);
        self.is_approximate = !index.is_last_exact();
        scan
    }

    /// Answers the last search exactly, too, and draws conclusions.
    fn measure(&mut self, ask: &Ask<'_>, terms: &Terms) -> Scan {
        self.truth.begin(terms.k, terms.radius);
        let mut scan =
            self.live.index.as_index().search_all(&self.live.window, ask, &mut self.truth);
        if let Some(Part { window, index }) = &mut self.pinned {
            self.part.begin(terms.k, terms.radius);
            scan += index.as_index().search_all(window, ask, &mut self.part);
            self.part.as_slice().iter().for_each(|near| self.truth.offer(*near));
        }
        let [hits, wanted] = overlap(&self.nearest, &self.truth);
        self.learn(hits, wanted);
        scan
    }

    /// Takes the comparison of a search with the exact answer.
    fn learn(&mut self, hits: u64, wanted: u64) {
        let verdict = self.recall.take(hits, wanted);
        for part in std::iter::once(&mut self.live).chain(&mut self.pinned) {
            match &mut part.index {
                Indexed::Exact(_) => {}
                Indexed::Lists(lists) => follow(lists, verdict),
                #[cfg(feature = "usearch")]
                Indexed::Graph(graph) => graph.follow(verdict),
            }
        }
    }

    /// Lets go what must: because it is too old, or because its room is needed.
    fn expire(&mut self, is_room_needed: bool) {
        let Part { window, index } = &mut self.live;
        while let Some(position) = window.due(is_room_needed) {
            index.as_index().expire(window, position);
            let instrument = window.mark(position).instrument_id;
            if let Some(own) = self.instruments.get_mut(&instrument) {
                own.pop_front();
                if own.is_empty() {
                    self.instruments.remove(&instrument);
                }
            }
            window.pop();
        }
    }
}

/// Changes how far searches look, and how many candidates are compared.
fn follow(lists: &mut Lists, verdict: Verdict) {
    let ListStats { probe_permille, rerank, lists: all, .. } = *lists.stats();
    lists.set_probe_permille(verdict.step(probe_permille));
    // From half of what nothing escapes on, it is not for want of lists.
    let is_far = probe_permille * 2 >= MOST_PERMILLE;
    match verdict {
        Verdict::Keep => {}
        Verdict::Fewer => lists.set_rerank(rerank - 1),
        Verdict::More if is_far => {
            lists.set_rerank(verdict.step(rerank));
            if all > 1 {
                lists.retrain();
            }
        }
        Verdict::More => {}
    }
}

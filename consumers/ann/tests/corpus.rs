//! The corpus against a naive model over random runbooks.

use crate::model::distance;
use proptest::prelude::*;
use std::collections::{HashSet, VecDeque};
use tickring::record::{Record, Vector};
use tickring_ann::{
    Choice, Clock, Corpus, CorpusOptions, Filter, Indexing, Metric, Neighbour, PINNED, Queries,
    RecallOptions, Terms, Ttl,
};

pub(crate) const DIM: usize = 5;

/// A line of a runbook.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Insert { lanes: Vec<f32>, time: u64, instrument: u32, tag: u16 },
    Query { lanes: Vec<f32>, k: usize, radius: Option<f32>, filter: Filter },
    Restart,
}

/// A vector of the model.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) seq: u64,
    pub(crate) lanes: Vec<f32>,
    pub(crate) time: u64,
    pub(crate) clock: u64,
    pub(crate) instrument: u32,
    pub(crate) tag: u16,
}

/// A vector's record.
pub(crate) fn record(id: u64, time: u64, instrument: u32, tag: u16) -> Vector {
    Vector { vec_id: id, flags: tag, ts_recv: time + 3, ..Vector::empty(1, instrument, time) }
}

/// The corpus as it is defined.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    metric: Metric,
    rows: VecDeque<Row>,
    window: usize,
    ttl: Option<Ttl>,
    clock: u64,
    pinned: Vec<Vec<f32>>,
}

impl Model {
    pub(crate) fn insert(&mut self, row: Row) {
        let time = match self.ttl.map(|ttl| ttl.clock) {
            Some(Clock::Receive) => row.time + 3,
            _ => row.time,
        };
        self.clock = self.clock.max(time);
        self.rows.push_back(Row { clock: self.clock, ..row });
        while self.rows.len() > self.window {
            self.rows.pop_front();
        }
        if let Some(ttl) = self.ttl {
            let clock = self.clock;
            self.rows.retain(|row| clock - row.clock < ttl.stay_ns);
        }
    }

    /// All that may be found: sequence, id and distance, the nearest first.
    pub(crate) fn admitted(
        &self,
        query: &[f32],
        radius: Option<f32>,
        filter: &Filter,
    ) -> Vec<(u64, u64, f64)> {
        let live = self.rows.iter().filter(|row| {
            filter.instrument.is_none_or(|own| own == row.instrument)
                && row.time >= filter.since_ns
                && row.time <= filter.until_ns
                && row.tag & filter.tag_mask == filter.tag & filter.tag_mask
        });
        let live = live.map(|row| (row.seq, row.seq + 50, &row.lanes));
        let none = filter.instrument.unwrap_or(0) != 0
            || filter.since_ns > 0
            || filter.tag & filter.tag_mask != 0;
        let pinned = (0..).zip(self.pinned.iter().filter(|_| !none));
        let pinned = pinned.map(|(id, lanes)| (id | PINNED, id, lanes));
        let mut all: Vec<(u64, u64, f64)> = live
            .chain(pinned)
            .map(|(seq, id, lanes)| (seq, id, distance(self.metric, lanes, query)))
            .filter(|(_, _, far)| radius.is_none_or(|radius| *far <= f64::from(radius)))
            .collect();
        all.sort_by(|a, b| (a.2, a.0).partial_cmp(&(b.2, b.0)).unwrap());
        all
    }
}

/// Small integers: distances by L2 and inner product are exact, and ties are many.
fn lanes() -> impl Strategy<Value = Vec<f32>> {
    prop::collection::vec((-3i8..4).prop_map(f32::from), DIM)
}

fn filter() -> impl Strategy<Value = Filter> {
    let instrument = prop::option::weighted(0.3, 0u32..4);
    let times = prop::option::weighted(0.3, (0u64..400, 0u64..400));
    (instrument, times, 0u16..2, 0u16..4).prop_map(|(instrument, times, tag_mask, tag)| {
        let (since_ns, until_ns) = times.map_or((0, u64::MAX), |(a, b)| (a.min(b), a.max(b)));
        Filter { instrument, since_ns, until_ns, tag_mask, tag }
    })
}

/// Time goes on by what a runbook says, and now and then a vector is late.
pub(crate) fn runbook(most: usize) -> impl Strategy<Value = Vec<Step>> {
    let insert = (lanes(), 0u64..4, 0u64..9, 0u32..4, 0u16..4);
    let radius = prop::option::weighted(0.2, (0u8..60).prop_map(f32::from));
    let query = (lanes(), 0usize..12, radius, filter());
    let step = prop_oneof![
        25 => insert.prop_map(|(lanes, on, late, instrument, tag)| {
            Step::Insert { lanes, time: on << 8 | late, instrument, tag }
        }),
        1 => Just(Step::Restart),
        5 => query.prop_map(|(lanes, k, radius, filter)| Step::Query { lanes, k, radius, filter }),
    ];
    prop::collection::vec(step, 1..most).prop_map(|mut steps| {
        let mut clock = 100;
        for step in &mut steps {
            if let Step::Insert { time, .. } = step {
                clock += *time >> 8;
                *time = clock.saturating_sub(*time & 0xff);
            }
        }
        steps
    })
}

fn indexing() -> impl Strategy<Value = Indexing> {
    let choice = (0u64..30, 1u64..60, 1u32..9, 1u32..4);
    prop_oneof![
        1 => Just(Indexing::Exact),
        3 => choice.prop_map(|(exact_up_to, lists_from, lists, rerank)| {
            Indexing::Lists(Choice { exact_up_to, lists_from, lists, per_list: 1, rerank })
        }),
    ]
}

prop_compose! {
    pub(crate) fn options()(
        metric in prop::sample::select(vec![Metric::L2, Metric::InnerProduct, Metric::Cosine]),
        window in 1u64..90,
        ttl in prop::option::of((1u64..150, any::<bool>())),
        indexing in indexing(),
        every in 0u64..4,
        pinned in prop::option::weighted(0.3, prop::collection::vec(lanes(), 1..80)),
    ) -> CorpusOptions {
        let ttl = ttl.map(|(stay_ns, is_event)| {
            Ttl { stay_ns, clock: if is_event { Clock::Event } else { Clock::Receive } }
        });
        let pinned = pinned.map(|rows| Queries::new(DIM, rows.concat()).unwrap().into());
        let recall = RecallOptions { every, target_permille: 950 };
        CorpusOptions { metric, window, ttl, indexing, recall, pinned }
    }
}

pub(crate) fn model(options: &CorpusOptions) -> Model {
    let rows = options.pinned.as_ref().map(|pinned| &pinned.rows);
    let pinned = rows.map_or(Vec::new(), |rows| {
        (0..rows.len()).map(|row| rows.get(row).unwrap().to_vec()).collect()
    });
    Model {
        metric: options.metric,
        rows: VecDeque::new(),
        window: options.window as usize,
        ttl: options.ttl,
        clock: 0,
        pinned,
    }
}

/// Compares an answer with all that could be in it.
pub(crate) fn check(
    (found, is_approximate): (&[Neighbour], bool),
    metric: Metric,
    k: usize,
    has_radius: bool,
    all: &[(u64, u64, f64)],
) -> Result<(), TestCaseError> {
    let slack = if metric == Metric::Cosine { 1e-5 } else { 0.0 };
    if !has_radius || slack == 0.0 {
        prop_assert_eq!(found.len(), k.min(all.len()), "as many as there are");
    }
    let mut seen = HashSet::new();
    for near in found {
        prop_assert!(seen.insert(near.seq), "twice: {near:?}");
        let own = all.iter().find(|(seq, ..)| *seq == near.seq);
        let Some((_, id, far)) = own else {
            prop_assert!(has_radius && slack > 0.0, "not to be found: {near:?} in {all:?}");
            continue;
        };
        prop_assert_eq!(*id, near.id);
        prop_assert!((f64::from(near.distance) - far).abs() <= slack, "{near:?}, not {far}");
    }
    for pair in found.windows(2) {
        let key = |at: usize| (pair[at].distance, pair[at].seq);
        prop_assert!(key(0) < key(1), "out of order: {pair:?}");
    }
    if !is_approximate && slack == 0.0 {
        let found: Vec<u64> = found.iter().map(|near| near.seq).collect();
        let expected: Vec<u64> = all.iter().take(k).map(|(seq, ..)| *seq).collect();
        prop_assert_eq!(found, expected, "exact answers are those of the model");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn whatever_happens_an_answer_holds_what_it_may_and_as_many_as_it_can(
        options in options(),
        steps in runbook(400),
    ) {
        let mut model = model(&options);
        let metric = options.metric;
        let mut corpus = Corpus::new(DIM, options.clone()).unwrap();
        // One that was never saved, to be equal to.
        let mut other = Corpus::new(DIM, options.clone()).unwrap();
        let mut seq = 0;
        for step in steps {
            match step {
                Step::Insert { lanes, time, instrument, tag } => {
                    seq += 1 + seq % 3;
                    let record = record(seq + 50, time, instrument, tag);
                    corpus.advance(&record);
                    prop_assert!(corpus.insert(seq, &record, &lanes));
                    other.advance(&record);
                    other.insert(seq, &record, &lanes);
                    model.insert(Row { seq, lanes, time, clock: 0, instrument, tag });
                    prop_assert_eq!(corpus.len(), model.rows.len());
                }
                Step::Query { lanes, k, radius, filter } => {
                    let terms = Terms { k, radius, filter };
                    prop_assert_eq!(corpus.search(&lanes, &terms), other.search(&lanes, &terms));
                    prop_assert_eq!(corpus.neighbours(), other.neighbours());
                    prop_assert_eq!(corpus.list_stats(), other.list_stats());
                    let all = model.admitted(&lanes, radius, &filter);
                    let found = (corpus.neighbours(), corpus.is_approximate());
                    check(found, metric, k, radius.is_some(), &all)?;
                }
                Step::Restart => {
                    // Between two generations there is nothing to save.
                    if let Some(saved) = corpus.saved() {
                        let restored = Corpus::restored(DIM, options.clone(), &saved).unwrap();
                        corpus = restored.expect("what was saved can be restored");
                        prop_assert_eq!(corpus.saved(), Some(saved));
                    }
                }
            }
        }
    }
}

#[test]
fn what_is_no_vector_is_refused_and_counted() {
    let options = CorpusOptions {
        metric: Metric::L2,
        window: 4,
        ttl: None,
        indexing: Indexing::Exact,
        recall: RecallOptions::default(),
        pinned: None,
    };
    let mut corpus = Corpus::new(2, options).unwrap();
    for lanes in [[f32::NAN, 0.0], [0.0, f32::INFINITY], [f32::NEG_INFINITY, 1.0]] {
        assert!(!corpus.insert(0, &record(1, 1, 1, 0), &lanes));
    }
    assert!(!corpus.insert(0, &record(1, 1, 1, 0), &[1.0]));
    assert!(corpus.insert(0, &record(1, 1, 1, 0), &[1.0, 1.0]));
    assert_eq!((corpus.len(), corpus.not_finite()), (1, 3));
    let terms = Terms { k: 3, radius: None, filter: Filter::default() };
    corpus.search(&[1.0], &terms);
    assert_eq!(corpus.neighbours(), [], "a query of another dimension");
}

#[test]
fn a_state_that_cannot_be_is_refused_wherever_it_ends() {
    let choice = Choice { exact_up_to: 0, lists_from: 10, lists: 3, per_list: 1, rerank: 2 };
    let options = CorpusOptions {
        metric: Metric::L2,
        window: 40,
        ttl: None,
        indexing: Indexing::Lists(choice),
        recall: RecallOptions::default(),
        pinned: None,
    };
    let mut corpus = Corpus::new(1, options.clone()).unwrap();
    for seq in 0..100 {
        corpus.insert(seq, &record(seq, seq, 1, 0), &[seq as f32]);
    }
    let saved = corpus.saved().expect("settled long after there were four times as many");
    assert_eq!(corpus.list_stats().unwrap().lists, 3);
    for end in 0..saved.len() {
        assert!(Corpus::restored(1, options.clone(), &saved[..end]).unwrap().is_none(), "{end}");
    }
    let more = [&saved[..], &[0]].concat();
    assert!(Corpus::restored(1, options.clone(), &more).unwrap().is_none());
    assert!(Corpus::restored(1, options, &saved).unwrap().is_some());
}

#[test]
fn a_search_that_finds_too_few_compares_more_until_it_finds_enough() {
    // A lane so much greater than the others that codes of one byte can hardly tell those apart.
    let choice = Choice { exact_up_to: 0, lists_from: 50, lists: 2, per_list: 1, rerank: 1 };
    let options = CorpusOptions {
        metric: Metric::L2,
        window: 500,
        ttl: None,
        indexing: Indexing::Lists(choice),
        recall: RecallOptions { every: 1, target_permille: 900 },
        pinned: None,
    };
    let mut corpus = Corpus::new(8, options).unwrap();
    let terms = Terms { k: 10, radius: None, filter: Filter::default() };
    let mut first = None;
    for seq in 0..3_000_u64 {
        let mut lanes: [f32; 8] =
            std::array::from_fn(|lane| ((seq * (lane as u64 * 7 + 3)) % 97) as f32 / 97.0);
        lanes[0] = 400.0;
        corpus.search(&lanes, &terms);
        corpus.insert(seq, &record(seq, seq, 1, 0), &lanes);
        first = first.or_else(|| corpus.recall().filter(|found| found.neighbours > 1_500));
    }
    let (first, last) = (first.unwrap(), corpus.recall().unwrap());
    assert!(first.mean < 0.9, "{first:?}");
    assert!(last.mean >= 0.9, "{last:?} after {first:?}");
    assert!(corpus.list_stats().unwrap().rerank > 2);
}

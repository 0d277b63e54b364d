//! Searches by other threads while the owner inserts: each answer is that of the model at the
//! watermark that it carries.

use crate::corpus::DIM;
use crate::corpus::{Model, Row, Step, check, model, options, record, runbook};
use proptest::prelude::*;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use tickring_ann::{
    Choice, Corpus, CorpusOptions, Filter, Indexing, Metric, RecallOptions, Searcher, Terms, Ttl,
};

/// An answer as a thread got it.
struct Given {
    watermark: u64,
    query: usize,
    near: Vec<tickring_ann::Neighbour>,
    is_approximate: bool,
}

/// Asks the queries in turn until `is_over`, and once more.
fn ask(mut searcher: Searcher, queries: &[(Vec<f32>, Terms)], is_over: &AtomicBool) -> Vec<Given> {
    let mut given = Vec::new();
    loop {
        let is_last = is_over.load(Ordering::Acquire);
        for (query, (lanes, terms)) in queries.iter().enumerate() {
            searcher.search(lanes, terms);
            given.push(Given {
                watermark: searcher.watermark(),
                query,
                near: searcher.neighbours().to_vec(),
                is_approximate: searcher.is_approximate(),
            });
        }
        if is_last {
            return given;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn an_answer_of_another_thread_is_that_of_the_model_at_its_watermark(
        options in options(),
        steps in runbook(900),
        share_every in 1u64..40,
    ) {
        let mut model = model(&options);
        let mut corpus = Corpus::new(DIM, options.clone()).unwrap();
        let queries: Vec<_> = steps.iter().filter_map(|step| match step {
            Step::Query { lanes, k, radius, filter } => {
                Some((lanes.clone(), Terms { k: *k, radius: *radius, filter: *filter }))
            }
            _ => None,
        }).take(8).collect();
        let is_over = AtomicBool::new(false);
        let searcher = corpus.searcher();
        // The model at each watermark: what the owner had when it came there.
        let mut models: HashMap<u64, Model> = HashMap::from([(0, model.clone())]);
        let given: Vec<Given> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..2)
                .map(|_| {
                    let searcher = searcher.clone();
                    scope.spawn(|| ask(searcher, &queries, &is_over))
                })
                .collect();
            let mut seq = 0;
            for step in steps {
                let Step::Insert { lanes, time, instrument, tag } = step else { continue };
                seq += 1 + seq % 3;
                let record = record(seq + 50, time, instrument, tag);
                corpus.advance(&record);
                assert!(corpus.insert(seq, &record, &lanes));
                model.insert(Row { seq, lanes, time, clock: 0, instrument, tag });
                models.insert(seq + 1, model.clone());
                if seq % share_every == 0 {
                    corpus.share();
                }
            }
            corpus.share();
            is_over.store(true, Ordering::Release);
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        for one in given {
            let (lanes, terms) = &queries[one.query];
            let all = models[&one.watermark].admitted(lanes, terms.radius, &terms.filter);
            let (k, has_radius) = (terms.k, terms.radius.is_some());
            check((&one.near, one.is_approximate), options.metric, k, has_radius, &all)?;
        }
    }
}

/// A vector that says what it is: lanes that follow from its sequence.
fn lanes_of(seq: u64) -> [f32; 8] {
    std::array::from_fn(|lane| (((seq * 2_654_435_761) >> (lane + 3)) % 251) as f32)
}

#[test]
fn while_vectors_rush_by_no_answer_holds_a_torn_an_expired_or_a_future_one() {
    let choice = Choice { exact_up_to: 0, lists_from: 500, lists: 16, per_list: 1, rerank: 4 };
    for indexing in [Indexing::Exact, Indexing::Lists(choice)] {
        let options = CorpusOptions {
            metric: Metric::L2,
            window: 1_500,
            ttl: Some(Ttl { stay_ns: 1_200, clock: Default::default() }),
            indexing,
            recall: RecallOptions { every: 10, target_permille: 950 },
            pinned: None,
        };
        let mut corpus = Corpus::new(8, options).unwrap();
        let filter = Filter { tag_mask: 1, tag: 1, ..Filter::default() };
        let queries: Vec<_> = (0..50)
            .map(|at| (lanes_of(at * 577).to_vec(), Terms { k: 10, radius: None, filter }))
            .collect();
        let is_over = AtomicBool::new(false);
        let searcher = corpus.searcher();
        let given: Vec<Given> = std::thread::scope(|scope| {
            let thread = {
                let searcher = searcher.clone();
                scope.spawn(|| ask(searcher, &queries, &is_over))
            };
            for seq in 0..40_000 {
                let record = record(seq, seq, 1, (seq % 2) as u16);
                corpus.advance(&record);
                corpus.insert(seq, &record, &lanes_of(seq));
            }
            corpus.share();
            is_over.store(true, Ordering::Release);
            thread.join().unwrap()
        });
        let mut watermarks: Vec<u64> = given.iter().map(|one| one.watermark).collect();
        assert_eq!(watermarks.last(), Some(&40_000));
        assert!(watermarks.is_sorted(), "later answers see no less");
        watermarks.dedup();
        for one in &given {
            let live = one.watermark.saturating_sub(1_200)..one.watermark;
            let odd = live.clone().filter(|seq| seq % 2 == 1).count();
            assert_eq!(one.near.len(), odd.min(10), "at {}", one.watermark);
            for near in &one.near {
                assert!(live.contains(&near.seq) && near.seq % 2 == 1, "{near:?} at {live:?}");
                let (own, query) = (lanes_of(near.seq), &queries[one.query].0);
                let far: f32 = own.iter().zip(query).map(|(a, b)| (a - b) * (a - b)).sum();
                assert_eq!(near.distance, far, "torn");
            }
        }
        if indexing != Indexing::Exact {
            // What was compared last comes with the next handing over.
            corpus.insert(40_000, &record(40_000, 40_000, 1, 0), &lanes_of(40_000));
            corpus.share();
            assert!(corpus.recall().is_some_and(|recall| recall.mean > 0.5), "comparisons arrive");
        }
    }
}

#[test]
fn without_searchers_nothing_is_shared_and_with_them_share_brings_what_is_new() {
    let options = CorpusOptions {
        metric: Metric::L2,
        window: 10,
        ttl: None,
        indexing: Indexing::Exact,
        recall: RecallOptions::default(),
        pinned: None,
    };
    let mut corpus = Corpus::new(8, options).unwrap();
    let mut searcher = corpus.searcher();
    let terms = Terms { k: 1, radius: None, filter: Filter::default() };
    for seq in 0..20 {
        corpus.insert(seq, &record(seq, seq, 1, 0), &lanes_of(seq));
        searcher.search(&lanes_of(seq), &terms);
        assert_eq!(searcher.watermark(), seq);
        corpus.share();
        searcher.search(&lanes_of(seq), &terms);
        assert_eq!((searcher.watermark(), searcher.neighbours()[0].seq), (seq + 1, seq));
    }
    drop(searcher);
    corpus.share();
    assert_eq!(corpus.searcher().watermark(), 0);
}

//! Our corpus: exact, one list of codes, many lists, and as it is chosen by itself.

use super::{Answers, Asked, Candidate, timed};
use crate::K;
use crate::sets::{Set, each};
use std::error::Error;
use tickring::record::{Record, Vector};
use tickring_ann::{
    Choice, Corpus, CorpusOptions, Filter, Indexing, Queries, RecallOptions, Terms,
};

/// Numbers of lists, and of candidates for each neighbour.
const LISTS: [u32; 4] = [32, 64, 128, 256];
const RERANKS: [u32; 3] = [1, 2, 4];
/// How far a search looks, in thousandths.
const PROBES: [u64; 12] = [50, 100, 150, 200, 250, 300, 350, 400, 500, 600, 800, 1_000];
/// Searches of its own before the automatic choice is asked, each compared.
const LEARNED: usize = 2_000;

/// A corpus that is full.
struct Ours {
    corpus: Corpus,
    probes: Vec<u64>,
}

fn terms() -> Terms {
    Terms { k: K, radius: None, filter: Filter::default() }
}

impl Asked for Ours {
    fn ask(&mut self, setting: usize, queries: &Queries) -> Result<Answers, Box<dyn Error>> {
        let Self { corpus, probes } = self;
        if let Some(probes) = probes.get(setting) {
            corpus.set_probe_permille(*probes);
        }
        let terms = terms();
        timed(queries, |query, ids| {
            let _ = corpus.search(query, &terms);
            ids.extend(corpus.neighbours().iter().map(|near| near.id));
            Ok(())
        })
    }
}

pub(super) fn build(set: &Set) -> Result<Vec<Candidate>, Box<dyn Error>> {
    let mut all = Vec::new();
    let one = |engine, name: &str, indexing| -> Result<Candidate, Box<dyn Error>> {
        let asked = Box::new(Ours { corpus: filled(set, indexing, 0)?, probes: Vec::new() });
        Ok(Candidate { engine, name: name.to_owned(), settings: vec![String::new()], asked })
    };
    all.push(one("tickring exact", "exact", Indexing::Exact)?);
    let choice = |lists, rerank| {
        let lists_from = set.base.len() as u64 / 2;
        Indexing::Lists(Choice { exact_up_to: 0, lists_from, lists, per_list: 1, rerank })
    };
    all.push(one("tickring codes", "exact by codes", choice(1, 1))?);
    for (lists, rerank) in LISTS.iter().flat_map(|lists| RERANKS.map(|rerank| (*lists, rerank))) {
        all.push(Candidate {
            engine: "tickring lists",
            name: format!("{lists} lists, rerank {rerank}, "),
            settings: PROBES.iter().map(|probes| format!("{probes} ‰")).collect(),
            asked: Box::new(Ours {
                corpus: filled(set, choice(lists, rerank), 0)?,
                probes: PROBES.to_vec(),
            }),
        });
    }
    // As it comes: what it is, and how far it looks, is its own business.
    let chosen = Choice::calibrated(set.base.dim());
    let mut corpus = filled(set, Indexing::Lists(chosen), 1)?;
    for number in 0..LEARNED {
        if let Some(query) = set.lessons.get(number % set.lessons.len()) {
            let _ = corpus.search(query, &terms());
        }
    }
    let kind = match set.base.len() as u64 {
        few if few <= chosen.exact_up_to => "exact",
        some if some < chosen.lists_from => "codes",
        _ => "lists",
    };
    let learned = corpus.list_stats().map_or(0, |stats| stats.probe_permille);
    let mut fixed = filled(set, Indexing::Lists(chosen), 0)?;
    fixed.set_probe_permille(learned);
    all.push(Candidate {
        engine: "tickring auto",
        name: format!("chose {kind}"),
        settings: vec![String::new()],
        asked: Box::new(Ours { corpus: fixed, probes: Vec::new() }),
    });
    Ok(all)
}

/// A corpus that holds all vectors, twice put in so that all are in lists of trained centroids.
fn filled(set: &Set, indexing: Indexing, every: u64) -> Result<Corpus, Box<dyn Error>> {
    let options = CorpusOptions {
        metric: set.metric,
        window: set.base.len() as u64,
        ttl: None,
        indexing,
        recall: RecallOptions { every, ..RecallOptions::default() },
        pinned: None,
    };
    let mut corpus = Corpus::new(set.base.dim(), options)?;
    let rows = (0..2_u64).flat_map(|_| (0..).zip(each(&set.base)));
    for (seq, (id, lanes)) in (0..).zip(rows) {
        let vector = Vector { vec_id: id, ..Vector::empty(0, 0, seq) };
        corpus.advance(&vector);
        if !corpus.insert(seq, &vector, lanes) {
            return Err(format!("{}: row {id} was refused", set.name).into());
        }
    }
    Ok(corpus)
}

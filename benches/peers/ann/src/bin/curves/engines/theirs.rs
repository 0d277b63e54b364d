//! Engines of others that are called in this process: usearch, and faiss where it was built.

use super::{Answers, Asked, Candidate, timed};
use crate::K;
use crate::sets::{Set, each};
use std::error::Error;
use tickring_ann::{Metric, Queries};
use usearch::{Index, IndexOptions, MetricKind, ScalarKind};

/// Connections of a node, and how far the graph is followed when one is added.
const GRAPHS: [(usize, usize); 2] = [(16, 128), (32, 256)];
/// How far it is followed by a query.
const EXPANSIONS: [usize; 9] = [10, 16, 24, 32, 48, 64, 128, 256, 512];

/// usearch.
struct Graph {
    index: Index,
}

impl Asked for Graph {
    fn ask(&mut self, setting: usize, queries: &Queries) -> Result<Answers, Box<dyn Error>> {
        if let Some(expansion) = EXPANSIONS.get(setting) {
            self.index.change_expansion_search(*expansion);
        }
        timed(queries, |query, ids| {
            ids.extend(self.index.search(query, K)?.keys);
            Ok(())
        })
    }
}

pub(super) fn build(set: &Set) -> Result<Vec<Candidate>, Box<dyn Error>> {
    let mut all = Vec::new();
    for (connectivity, expansion_add) in GRAPHS {
        let index = Index::new(&IndexOptions {
            dimensions: set.base.dim(),
            metric: match set.metric {
                Metric::L2 => MetricKind::L2sq,
                Metric::InnerProduct => MetricKind::IP,
                Metric::Cosine => MetricKind::Cos,
            },
            quantization: ScalarKind::F32,
            connectivity,
            expansion_add,
            ..IndexOptions::default()
        })?;
        index.reserve(set.base.len())?;
        for (id, row) in (0..).zip(each(&set.base)) {
            index.add(id, row)?;
        }
        all.push(Candidate {
            engine: "usearch",
            name: format!("{connectivity} connections, "),
            settings: EXPANSIONS.iter().map(|ef| format!("expansion {ef}")).collect(),
            asked: Box::new(Graph { index }),
        });
    }
    #[cfg(feature = "faiss")]
    all.extend(faiss::build(set)?);
    #[cfg(not(feature = "faiss"))]
    eprintln!("without faiss: built without the feature of that name");
    Ok(all)
}

#[cfg(feature = "faiss")]
#[path = "faiss.rs"]
mod faiss;

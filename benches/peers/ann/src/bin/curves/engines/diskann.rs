//! DiskANN's graphs in memory: of f32 lanes, and of codes of eight bits with a second look.

use super::{Answers, Asked, Candidate, flat, timed};
use crate::K;
use crate::sets::Set;
use diskann::graph::config::{Builder, MaxDegree as Most};
use diskann::graph::search::Knn;
use diskann::graph::{Config, DiskANNIndex};
use diskann::neighbor::Neighbor;
use diskann_inmem::num::{Capacity, MaxDegree};
use diskann_inmem::repr::quantized::scalar::{Metric as CodeMetric, Scalar};
use diskann_inmem::repr::quantized::{Backend, Rerank};
use diskann_inmem::repr::{Full, Insert, Quantized, RepresentationConfig};
use diskann_inmem::{Context, Provider, Strategy};
use diskann_quantization::num::Positive;
use diskann_quantization::scalar::train::ScalarQuantizationParameters;
use diskann_utils::sampling::medoid::ComputeMedoid;
use diskann_utils::views::rowmajor::{self, Matrix};
use diskann_vector::distance::Metric as Distance;
use pollster::block_on;
use std::error::Error;
use tickring_ann::{Metric, Queries};

/// Connections of a node, and how far the graph is followed when one is added.
const GRAPHS: [(usize, usize); 2] = [(32, 100), (64, 200)];
/// How much longer than a connection a way around it may be, for it to be left out.
const ALPHA: f32 = 1.2;
/// How far it is followed by a query.
const LENGTHS: [usize; 9] = [10, 16, 24, 32, 48, 64, 128, 256, 512];
/// Deviations from the mean of all lanes that codes reach to.
const DEVIATIONS: f64 = 2.0;

/// A graph over vectors as they are represented.
struct Graph<R: Insert> {
    index: DiskANNIndex<Provider<R, u64>>,
    found: Vec<Neighbor<u64>>,
    is_cosine: bool,
}

impl<R: for<'a> Insert<Query<'a> = &'a [f32]>> Graph<R> {
    fn filled(
        set: &Set,
        base: rowmajor::Ref<'_, f32>,
        representation: impl RepresentationConfig<Representation = R>,
        config: Config,
    ) -> Result<Self, Box<dyn Error>> {
        let index = DiskANNIndex::new(config, Provider::new(representation)?, None);
        for (id, row) in (0..).zip(base.rows()) {
            block_on(index.insert(&Strategy, &Context, &id, row))?;
        }
        Ok(Self { index, found: Vec::new(), is_cosine: set.metric == Metric::Cosine })
    }
}

impl<R: for<'a> Insert<Query<'a> = &'a [f32]>> Asked for Graph<R> {
    fn ask(&mut self, setting: usize, queries: &Queries) -> Result<Answers, Box<dyn Error>> {
        let length = LENGTHS.get(setting).copied().unwrap_or(K);
        let queries = Queries::new(queries.dim(), flat(queries, self.is_cosine))?;
        timed(&queries, |query, ids| {
            self.found.clear();
            let knn = Knn::new(length, None)?;
            block_on(self.index.search(knn, &Strategy, &Context, query, &mut self.found))?;
            ids.extend(self.found.iter().take(K).map(|near| *near.id()));
            Ok(())
        })
    }
}

pub(super) fn build(set: &Set) -> Result<Vec<Candidate>, Box<dyn Error>> {
    let distance = match set.metric {
        Metric::L2 => Distance::L2,
        Metric::InnerProduct => Distance::InnerProduct,
        Metric::Cosine => Distance::CosineNormalized,
    };
    let code_distance = match set.metric {
        Metric::L2 => CodeMetric::SquaredL2,
        Metric::InnerProduct => CodeMetric::InnerProduct,
        Metric::Cosine => CodeMetric::CosineNormalized,
    };
    let lanes = flat(&set.base, set.metric == Metric::Cosine);
    let base = rowmajor::Ref::try_from_data(&lanes, set.base.len(), set.base.dim())
        .map_err(|failed| failed.to_string())?;
    let start = || rowmajor::Owned::row_vector(Box::from(f32::compute_medoid(base)));
    let quantiser = ScalarQuantizationParameters::new(Positive::new(DEVIATIONS)?).train(base);
    let capacity = Capacity::new(set.base.len());
    let mut all = Vec::new();
    for (connections, construction) in GRAPHS {
        let config = || {
            let most = Most::default_slack();
            Builder::new_with(connections, most, construction, distance.into(), |builder| {
                builder.alpha(ALPHA);
            })
            .build()
        };
        let most = MaxDegree::new(config()?.max_degree().get());
        let full = Full::config(capacity, most, distance, start())?;
        let codes = Backend::new(Scalar::<8>::new(quantiser.clone(), code_distance));
        let rerank = Rerank::F16 { metric: distance.into() };
        let codes = Quantized::config(codes, capacity, most, start(), rerank)?;
        let asked: [(_, Box<dyn Asked>); 2] = [
            ("diskann", Box::new(Graph::filled(set, base, full, config()?)?)),
            ("diskann, codes", Box::new(Graph::filled(set, base, codes, config()?)?)),
        ];
        all.extend(asked.into_iter().map(|(engine, asked)| Candidate {
            engine,
            name: format!("{connections} connections, "),
            settings: LENGTHS.iter().map(|length| format!("length {length}")).collect(),
            asked,
        }));
    }
    Ok(all)
}

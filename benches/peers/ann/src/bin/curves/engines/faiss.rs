//! faiss through its C interface: inverted files of vectors, and of codes with a second look.

use crate::K;
use crate::engines::{Answers, Asked, Candidate, flat, timed};
use crate::sets::Set;
use faiss::index::IndexImpl;
use faiss::index::autotune::ParameterSpace;
use faiss::{Index, MetricType, index_factory};
use std::error::Error;
use tickring_ann::{Metric, Queries};

/// Lists.
const LISTS: [u32; 4] = [32, 64, 128, 256];
/// How many are looked through.
const PROBES: [u32; 10] = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32];
/// Candidates for each neighbour where codes are looked at first.
const FACTORS: [u32; 3] = [2, 4, 8];

struct Inverted {
    index: IndexImpl,
    parameters: ParameterSpace,
    /// Lists looked through, and candidates for each neighbour.
    settings: Vec<(u32, Option<u32>)>,
    is_cosine: bool,
}

impl Asked for Inverted {
    fn ask(&mut self, setting: usize, queries: &Queries) -> Result<Answers, Box<dyn Error>> {
        let Some((probes, factor)) = self.settings.get(setting) else {
            return Err("no such".into());
        };
        self.parameters.set_index_parameter(&self.index, "nprobe", f64::from(*probes))?;
        if let Some(factor) = factor {
            self.parameters.set_index_parameter(&self.index, "k_factor_rf", f64::from(*factor))?;
        }
        let queries = Queries::new(queries.dim(), flat(queries, self.is_cosine))?;
        timed(&queries, |query, ids| {
            ids.extend(self.index.search(query, K)?.labels.iter().filter_map(|id| id.get()));
            Ok(())
        })
    }
}

pub(super) fn build(set: &Set) -> Result<Vec<Candidate>, Box<dyn Error>> {
    let (dim, is_cosine) = (u32::try_from(set.base.dim())?, set.metric == Metric::Cosine);
    let metric = if set.metric == Metric::L2 { MetricType::L2 } else { MetricType::InnerProduct };
    let base = flat(&set.base, is_cosine);
    let mut all = Vec::new();
    for lists in LISTS {
        for (engine, kind, factors) in [
            ("faiss IVF", "Flat", &[None][..]),
            ("faiss IVF, refined", "SQ8,RFlat", &FACTORS.map(Some)),
        ] {
            let mut index = index_factory(dim, format!("IVF{lists},{kind}"), metric)?;
            index.train(&base)?;
            index.add(&base)?;
            let each = |probes| factors.iter().map(move |factor| (probes, *factor));
            let settings: Vec<_> = PROBES.into_iter().flat_map(each).collect();
            let shown = |(probes, factor): &(u32, Option<u32>)| match factor {
                Some(factor) => format!("{probes} looked at, factor {factor}"),
                None => format!("{probes} looked at"),
            };
            all.push(Candidate {
                engine,
                name: format!("{lists} lists, "),
                settings: settings.iter().map(shown).collect(),
                asked: Box::new(Inverted {
                    index,
                    parameters: ParameterSpace::new()?,
                    settings,
                    is_cosine,
                }),
            });
        }
    }
    Ok(all)
}

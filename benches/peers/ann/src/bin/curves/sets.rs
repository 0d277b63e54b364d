//! Vectors, queries, and the true neighbours.

use crate::K;
use std::error::Error;
use std::path::Path;
use tickring_ann::{Metric, Queries};
use tickring_benches::stream::{Spec, quotes};

/// Vectors and queries of one origin.
pub(crate) struct Set {
    pub(crate) name: String,
    /// The same in the name of a file.
    pub(crate) slug: String,
    pub(crate) metric: Metric,
    pub(crate) base: Queries,
    pub(crate) queries: Queries,
    /// Other queries of the same origin, for engines that learn while they are used.
    pub(crate) lessons: Queries,
    /// The distance of each query's last true neighbour.
    farthest: Vec<f64>,
}

/// A set that settings are chosen on, and others.
pub(crate) struct Group {
    pub(crate) chosen_on: Set,
    pub(crate) judged_on: Vec<Set>,
}

/// Distances that differ by less, relative to one, are equal: engines round in other places.
const SLACK: f64 = 1e-6;
/// Vectors of the simulated sets, the queries among them, and their lanes.
const SIMULATED: usize = 50_000;
const QUERIES: usize = 200;
const LANES: usize = 128;

/// The groups of these names, or all; those of recorded data only where that is.
pub(crate) fn groups(data: Option<&Path>, names: &[String]) -> Result<Vec<Group>, Box<dyn Error>> {
    let is_wanted = |name: &str| names.is_empty() || names.iter().any(|wanted| wanted == name);
    let mut groups = Vec::new();
    match data.map(|data| data.join("ann")) {
        Some(folder) => {
            if is_wanted("quotes") {
                groups.push(recorded_quotes(&folder)?);
            }
            if is_wanted("sift") {
                let name = ("SIFT, 4,900 descriptors", "sift");
                groups.push(rows(&folder, name, "sift5k_u8", Metric::L2)?);
            }
            if is_wanted("glove") {
                let name = ("GloVe, 8,000 words", "glove");
                groups.push(rows(&folder, name, "glove8k_f32_cos", Metric::Cosine)?);
            }
        }
        None => eprintln!("no recorded data: simulated vectors only; set TICKRING_DATA"),
    }
    if is_wanted("market") {
        let market = |seed| {
            let names = (format!("simulated market of seed {seed}"), "market".to_owned());
            simulated(seed).map(|rows| Set::new(names, Metric::L2, rows))
        };
        groups.push(Group { chosen_on: market(1)?, judged_on: vec![market(2)?] });
    }
    Ok(groups)
}

/// The instruments of the recorded quotes, settings chosen on the first. The split of the data set.
fn recorded_quotes(folder: &Path) -> Result<Group, Box<dyn Error>> {
    let set = |instrument: usize| -> Result<Set, Box<dyn Error>> {
        let all = quotes(&folder.join("bbo_binance.npy"), &[instrument])?;
        let base = take(&all, 0..16_000)?;
        let queries = take(&all, (16_000..19_000).step_by(30))?;
        let lessons = take(&all, (16_015..19_000).step_by(30))?;
        let name = format!("quotes of instrument {instrument}, 16,000 states");
        let names = (name, format!("quotes-{instrument}"));
        Ok(Set::new(names, Metric::L2, (base, queries, lessons)))
    };
    Ok(Group { chosen_on: set(0)?, judged_on: vec![set(1)?, set(2)?] })
}

/// A base with queries: settings chosen on the even ones, judged on the odd ones.
fn rows(
    folder: &Path,
    (name, slug): (&str, &str),
    file: &str,
    metric: Metric,
) -> Result<Group, Box<dyn Error>> {
    let load = |part: &str| Queries::load(&folder.join(format!("{file}.{part}.npy")));
    let (base, all) = (load("base")?, load("query")?);
    let set = |first: usize, which: &str| -> Result<Set, Box<dyn Error>> {
        let half = |first| take(&all, (first..all.len()).step_by(2));
        let names = (format!("{name}, {which} queries"), slug.to_owned());
        Ok(Set::new(names, metric, (base.clone(), half(first)?, half(1 - first)?)))
    };
    Ok(Group { chosen_on: set(0, "even")?, judged_on: vec![set(1, "odd")?] })
}

/// Features of a market: some of its vectors are queries and lessons, spread among the last half.
fn simulated(seed: u64) -> Result<(Queries, Queries, Queries), Box<dyn Error>> {
    let spec: Spec = toml::from_str(&format!(
        "kind = 'market'\ninstruments = 200\nevents-per-second = 20_000.0\nevery = 4\nseed = {seed}"
    ))?;
    let mut stream = spec.begin(LANES, Path::new(""))?;
    const EVERY: usize = SIMULATED / 2 / QUERIES;
    let (mut base, mut queries, mut lessons) = (Vec::new(), Vec::new(), Vec::new());
    let mut lanes = vec![0.0; LANES];
    for number in 0..SIMULATED {
        stream.next(&mut lanes)?;
        let to = match number % EVERY {
            0 if number >= SIMULATED / 2 => &mut queries,
            half if half == EVERY / 2 && number >= SIMULATED / 2 => &mut lessons,
            _ => &mut base,
        };
        to.extend_from_slice(&lanes);
    }
    let rows = |lanes| Queries::new(LANES, lanes);
    Ok((rows(base)?, rows(queries)?, rows(lessons)?))
}

fn take(
    rows: &Queries,
    which: impl IntoIterator<Item = usize>,
) -> Result<Queries, tickring_ann::Error> {
    let lanes = which.into_iter().filter_map(|row| rows.get(row)).flatten().copied().collect();
    Queries::new(rows.dim(), lanes)
}

/// All rows.
pub(crate) fn each(rows: &Queries) -> impl Iterator<Item = &[f32]> {
    (0..rows.len()).filter_map(|row| rows.get(row))
}

impl Set {
    fn new(
        (name, slug): (String, String),
        metric: Metric,
        (base, queries, lessons): (Queries, Queries, Queries),
    ) -> Self {
        let farthest = each(&queries).map(|query| {
            let mut far: Vec<f64> = each(&base).map(|row| distance(metric, query, row)).collect();
            *far.select_nth_unstable_by(K - 1, f64::total_cmp).1
        });
        let farthest = farthest.collect();
        Self { name, slug, metric, base, queries, lessons, farthest }
    }

    /// The share of true neighbours among those found, where of several at the distance of the last
    /// one any will do.
    pub(crate) fn recall(&self, found: &[Vec<u64>]) -> f64 {
        let mut hits = 0;
        for ((query, found), farthest) in each(&self.queries).zip(found).zip(&self.farthest) {
            let mut near: Vec<u64> = found
                .iter()
                .take(K)
                .copied()
                .filter(|id| {
                    let row = usize::try_from(*id).ok().and_then(|row| self.base.get(row));
                    let is_near = |row| distance(self.metric, query, row) <= farthest + SLACK;
                    row.is_some_and(is_near)
                })
                .collect();
            near.sort_unstable();
            near.dedup();
            hits += near.len();
        }
        hits as f64 / (self.queries.len() * K) as f64
    }
}

fn distance(metric: Metric, a: &[f32], b: &[f32]) -> f64 {
    let pairs = || a.iter().zip(b).map(|(a, b)| (f64::from(*a), f64::from(*b)));
    let dot =
        |pairs: &mut dyn Iterator<Item = (f64, f64)>| -> f64 { pairs.map(|(a, b)| a * b).sum() };
    match metric {
        Metric::L2 => pairs().map(|(a, b)| (a - b) * (a - b)).sum(),
        Metric::InnerProduct => -dot(&mut pairs()),
        Metric::Cosine => {
            let squares =
                dot(&mut pairs().map(|(a, _)| (a, a))) * dot(&mut pairs().map(|(_, b)| (b, b)));
            1.0 - dot(&mut pairs()) / squares.sqrt()
        }
    }
}

//! The engines, each built and ready to be asked.

mod called;
mod diskann;
mod ours;
mod theirs;

use crate::options::Options;
use crate::sets::{Set, each};
use called::Program;
use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};
use tickring_ann::Queries;

/// What came back of all queries.
#[derive(Default)]
pub(crate) struct Answers {
    pub(crate) ids: Vec<Vec<u64>>,
    pub(crate) times: Vec<Duration>,
}

/// Something that can be asked, at settings counted from 0.
pub(crate) trait Asked {
    /// Asks all queries without timing, then with.
    fn ask(&mut self, setting: usize, queries: &Queries) -> Result<Answers, Box<dyn Error>>;
}

/// An engine as it was built.
pub(crate) struct Candidate {
    /// Those of one engine make one curve.
    pub(crate) engine: &'static str,
    /// What it was built with, in front of its settings.
    pub(crate) name: String,
    pub(crate) settings: Vec<String>,
    pub(crate) asked: Box<dyn Asked>,
}

/// Builds all of them.
pub(crate) fn build(set: &Set, options: &Options) -> Result<Vec<Candidate>, Box<dyn Error>> {
    let mut all = ours::build(set)?;
    all.extend(theirs::build(set)?);
    all.extend(diskann::build(set)?);
    let called = [
        ("hnswlib", &options.hnswlib, [(16, 200), (32, 200)]),
        ("svs", &options.svs, [(32, 100), (64, 200)]),
    ];
    for (engine, path, graphs) in called {
        match path {
            Some(path) => all.extend(called::build(set, &Program { engine, path, graphs })?),
            None => eprintln!("without {engine}: name its program by --{engine}"),
        }
    }
    Ok(all)
}

/// Asks through a function that searches once.
fn timed(
    queries: &Queries,
    mut find: impl FnMut(&[f32], &mut Vec<u64>) -> Result<(), Box<dyn Error>>,
) -> Result<Answers, Box<dyn Error>> {
    let mut ids = Vec::new();
    for query in each(queries) {
        find(query, &mut ids)?;
    }
    let mut answers = Answers::default();
    for query in each(queries) {
        ids.clear();
        let begin = Instant::now();
        find(query, &mut ids)?;
        answers.times.push(begin.elapsed());
        answers.ids.push(black_box(ids.clone()));
    }
    Ok(answers)
}

/// All rows behind one another, of length 1 if directions are compared, for engines without that.
fn flat(rows: &Queries, is_cosine: bool) -> Vec<f32> {
    let mut lanes = Vec::new();
    for row in each(rows) {
        let square: f32 = row.iter().map(|lane| lane * lane).sum();
        let scale = if is_cosine && square > 0.0 { square.sqrt().recip() } else { 1.0 };
        lanes.extend(row.iter().map(|lane| lane * scale));
    }
    lanes
}

//! Recall against latency: our exact search, codes and lists beside usearch, diskann, hnswlib, SVS
//! and faiss, on recorded vectors and simulated ones, one thread, in turns.
//!
//! Run by `cargo xtask bench curves`. A group has one set that settings are chosen on, the fastest
//! of each engine that reaches a recall, and others that they are judged on. Within a round every
//! engine answers the same queries at every setting; ratios are those within a round.

mod engines;
mod options;
mod report;
mod sets;

use clap::Parser;
use engines::Candidate;
use options::Options;
use sets::{Group, Set};
use std::error::Error;
use std::fs;
use tickring_benches::machine::Machine;

/// Neighbours that are asked for.
const K: usize = 10;

/// What a setting did on a set: a recall, and latencies by round.
#[derive(Clone, Debug, Default)]
struct Did {
    /// The setting, with what the engine was built with.
    setting: String,
    recall: f64,
    /// In microseconds.
    p50: Vec<f64>,
    p99: Vec<f64>,
}

/// What an engine did on a set at all its settings.
#[derive(Clone, Debug)]
struct Curve {
    engine: &'static str,
    did: Vec<Did>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let machine = Machine::inspect()?;
    let mut text = String::new();
    for group in sets::groups(options.data.as_deref(), &options.sets)? {
        let chosen_on = measure(&group.chosen_on, &options)?;
        for set in &group.judged_on {
            let judged = measure(set, &options)?;
            let section = report::section(&group, set, &chosen_on, &judged);
            println!("{section}");
            text.push_str(&section);
            if let Some(record) = &options.record {
                let name = report::draw(set, &judged, record)?;
                text.push_str(&format!("![Recall by latency]({name})\n\n"));
            }
        }
    }
    if let Some(path) = &options.record {
        fs::write(path, report::record(&machine, &options, text.trim_end()))?;
    }
    Ok(())
}

/// Lets all engines take turns over a set.
fn measure(set: &Set, options: &Options) -> Result<Vec<Curve>, Box<dyn Error>> {
    eprintln!("{}: {} vectors of {} lanes", set.name, set.base.len(), set.base.dim());
    let mut candidates = engines::build(set, options)?;
    let mut curves: Vec<Curve> = Vec::new();
    for Candidate { engine, .. } in &candidates {
        if curves.iter().all(|curve| curve.engine != *engine) {
            curves.push(Curve { engine, did: Vec::new() });
        }
    }
    for round in 0..options.rounds {
        // Nobody is always the one who comes behind the same other.
        let count = candidates.len();
        candidates.rotate_left(round as usize % count);
        for Candidate { engine, name, settings, asked } in &mut candidates {
            let Some(curve) = curves.iter_mut().find(|curve| curve.engine == *engine) else {
                continue;
            };
            for (number, setting) in settings.iter().enumerate() {
                let mut answers = asked.ask(number, &set.queries)?;
                let setting = format!("{name}{setting}");
                let did = match curve.did.iter().position(|did| did.setting == setting) {
                    Some(at) => &mut curve.did[at],
                    None => {
                        let recall = set.recall(&answers.ids);
                        curve.did.push(Did { setting, recall, ..Did::default() });
                        curve.did.last_mut().ok_or("just pushed")?
                    }
                };
                answers.times.sort_unstable();
                let micros = |part: usize| {
                    let time = answers.times[(answers.times.len() - 1) * part / 100];
                    time.as_secs_f64() * 1e6
                };
                did.p50.push(micros(50));
                did.p99.push(micros(99));
            }
        }
    }
    Ok(curves)
}

impl Curve {
    /// The fastest setting that reaches a recall.
    fn fastest(&self, target: f64) -> Option<&Did> {
        let reaching = self.did.iter().filter(|did| did.recall >= target);
        reaching.min_by(|a, b| a.median().total_cmp(&b.median()))
    }

    fn at(&self, setting: &str) -> Option<&Did> {
        self.did.iter().find(|did| did.setting == setting)
    }

    /// The settings that no other is both faster and better than, by their latency.
    fn frontier(&self) -> Vec<(f64, f64)> {
        let mut points: Vec<_> = self.did.iter().map(|did| (did.median(), did.recall)).collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut best = 0.0;
        points.retain(|(_, recall)| {
            let is_better = *recall > best;
            best = f64::max(best, *recall);
            is_better
        });
        points
    }
}

impl Did {
    /// The middle of the rounds' p50, in microseconds.
    fn median(&self) -> f64 {
        let spread = tickring_benches::spread::Spread::of(self.p50.iter().copied());
        spread.map_or(f64::INFINITY, |spread| spread.median)
    }
}

/// Whether an engine is one of ours.
fn is_ours(engine: &str) -> bool {
    engine.starts_with("tickring")
}

/// The fastest of some engines' settings that reaches a recall, with its engine.
fn fastest_of<'c>(
    curves: impl Iterator<Item = &'c Curve>,
    target: f64,
) -> Option<(&'static str, &'c Did)> {
    let all = curves.filter_map(|curve| Some((curve.engine, curve.fastest(target)?)));
    all.min_by(|a, b| a.1.median().total_cmp(&b.1.median()))
}

impl Group {
    /// Where settings were chosen, in words.
    fn origin(&self, set: &Set) -> String {
        format!("{}: settings chosen on {}", set.name, self.chosen_on.name)
    }
}

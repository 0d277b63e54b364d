//! Tables, plots and the record.

use crate::options::Options;
use crate::sets::{Group, Set};
use crate::{Curve, Did, fastest_of, is_ours};
use std::error::Error;
use std::path::Path;
use tickring_benches::machine::Machine;
use tickring_benches::plot::{Line, Plot};
use tickring_benches::spread::Spread;
use tickring_benches::table::Table;

/// Recalls that settings are chosen for.
const TARGETS: [f64; 2] = [0.95, 0.99];
/// What is plotted: above this recall.
const PLOTTED: f64 = 0.8;

/// The tables of a set.
pub(crate) fn section(group: &Group, set: &Set, chosen: &[Curve], judged: &[Curve]) -> String {
    let mut text = format!("## {}\n\n", group.origin(set));
    for target in TARGETS {
        let named = || chosen.iter().filter(|curve| is_named(curve));
        let ours = fastest_of(named(), target);
        let ours = ours.and_then(|(engine, did)| of(judged, engine)?.at(&did.setting));
        let named = || judged.iter().filter(|curve| is_named(curve));
        let ours_here = fastest_of(named(), target).map(|(_, did)| did);
        let mut table = Table::new(&[
            "engine",
            "chosen setting",
            "recall",
            "p50 µs",
            "p99 µs",
            "ours / it",
            "fastest here",
            "p50 µs",
            "ours / it",
        ]);
        for curve in chosen {
            let here = of(judged, curve.engine);
            let did = curve.fastest(target).and_then(|did| here?.at(&did.setting));
            let mut row = vec![curve.engine.to_owned()];
            row.extend(match did {
                Some(did) => [
                    did.setting.clone(),
                    format!(
                        "{:.3}{}",
                        did.recall,
                        if did.recall < target { ", below" } else { "" }
                    ),
                    shown(&did.p50),
                    shown(&did.p99),
                    ratio(ours, did),
                ],
                None => ["none reaches it", "-", "-", "-", "-"].map(str::to_owned),
            });
            row.extend(match here.and_then(|curve| curve.fastest(target)) {
                Some(did) => [did.setting.clone(), shown(&did.p50), ratio(ours_here, did)],
                None => ["none reaches it", "-", "-"].map(str::to_owned),
            });
            table.rows.push(row);
        }
        text.push_str(&format!("At recall {target}:\n\n{}\n", table.text()));
    }
    text
}

fn shown(values: &[f64]) -> String {
    Spread::of(values.iter().copied()).map_or("-".to_owned(), |spread| spread.to_string())
}

/// The p50 of ours beside that of another, round by round.
fn ratio(ours: Option<&Did>, did: &Did) -> String {
    let own = ours.map_or(&[][..], |ours| &ours.p50);
    shown(&own.iter().zip(&did.p50).map(|(own, its)| own / its).collect::<Vec<_>>())
}

/// Engines of ours that are chosen by name, and not by themselves.
fn is_named(curve: &Curve) -> bool {
    is_ours(curve.engine) && curve.engine != "tickring auto"
}

fn of<'c>(curves: &'c [Curve], engine: &str) -> Option<&'c Curve> {
    curves.iter().find(|curve| curve.engine == engine)
}

/// Draws the curves of a set into a file beside the record, and gives its name.
pub(crate) fn draw(set: &Set, judged: &[Curve], record: &Path) -> Result<String, Box<dyn Error>> {
    let lines = judged.iter().filter_map(|curve| {
        let mut points = curve.frontier();
        points.retain(|(_, recall)| *recall >= PLOTTED);
        // One point is drawn as a short line, or it would not be seen.
        if let [(p50, recall)] = points[..] {
            points.push((p50 * 1.06, recall));
        }
        (!points.is_empty()).then_some(Line { name: curve.engine, points })
    });
    let title = format!("Recall by latency: {}", set.name);
    let plot = Plot {
        title: &title,
        x: "p50 of a query, in µs",
        y: "recall@10",
        y_range: Some((PLOTTED, 1.003)),
        is_logarithmic: true,
    };
    let stem = record.file_stem().unwrap_or_default().to_string_lossy();
    let name = format!("{stem}-{}.svg", set.slug);
    plot.write(&record.with_file_name(&name), &lines.collect::<Vec<_>>())?;
    Ok(name)
}

/// The record.
pub(crate) fn record(machine: &Machine, options: &Options, text: &str) -> String {
    let Machine { processor, kernel, cores, load_average, .. } = machine;
    format!(
        "# Nearest neighbours: recall against latency\n\n\
         - Processor: {processor}; cores allowed: {cores}; kernel: Linux {kernel}; load average \
         before the run: {load_average}\n\
         - Command: `cargo xtask bench curves --rounds {rounds}`\n\n{READING}\n\n{text}\n",
        rounds = options.rounds,
    )
}

const READING: &str = "\
k = 10, single queries on one thread. Of each engine the fastest setting that reached the recall on
the first set is judged on another; \"below\" says that it missed the recall there, and then the
figures beside it are of different recalls. Fastest here is what reaches it on the judged set, known
afterwards. Latencies are medians over the rounds with [smallest..largest] of p50 and p99; ours / it
is the p50 of the fastest of ours, chosen in the same way, beside the row's in the same round. Of
equal distances any counts. hnswlib and SVS (a Vamana graph of f32 lanes) are called from C++ and
time themselves; faiss is called from Rust through its C interface, built for this processor and
held to one thread; usearch and diskann (of f32 lanes, and of codes of eight bits with a second look
at f16) from Rust. Directions are normalised for all of them but usearch beforehand, which is not
timed. What
tickring auto chooses by itself is what a user gets who chooses nothing.";

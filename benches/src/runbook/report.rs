//! What came out, as tables and plots.

use super::book::{Book, EXACT};
use super::engine::Row;
use crate::failure::Failure;
use crate::plot::{Line, Plot};
use crate::table::Table;
use std::fmt::Write;
use std::path::Path;

/// Rows of a table in a record, at most about so many.
const SHOWN: usize = 12;
/// Bytes of a vector beside its lanes and its codes, in the goal.
const BESIDE: f64 = 16.0;
/// Times the bytes of lanes and codes that a vector may take.
const MEMORY_GOAL: f64 = 1.5;
/// Turnovers from which on memory must not grow.
const SETTLED: f64 = 2.0;

/// An engine that followed a book.
#[derive(Clone, Debug)]
pub struct Followed {
    /// The engine.
    pub engine: String,
    /// What it told; the first row is from before there was a corpus.
    pub rows: Vec<Row>,
}

/// A book and the engines that followed it.
#[derive(Clone, Debug)]
pub struct Report {
    /// The name of the file, without folder and ending.
    pub name: String,
    /// The book.
    pub book: Book,
    /// The engines, the exact one first.
    pub engines: Vec<Followed>,
}

impl Report {
    /// All tables; of each engine every row, or about a dozen.
    #[must_use]
    pub fn text(&self, every_row: bool) -> String {
        let Self { name, book, engines } = self;
        let Book { title, dim, metric, k, window, rate, .. } = book;
        let life = book.ttl_s.map_or(String::new(), |ttl_s| format!(" for {ttl_s} s"));
        let mut text = format!(
            "## {name}: {title}\n\nAt most {window} vectors of {dim} lanes{life}, {rate} a second \
             of stream time; {metric}, k = {k}. A turnover is {:.0} vectors.\n",
            book.turnover()
        );
        for engine in engines {
            let table = self.course(engine, every_row).text();
            let _ = write!(text, "\n### {}\n\n{table}", engine.engine);
        }
        let _ = write!(text, "\n### Recall by fifths of the run\n\n{}", self.fifths().text());
        let _ = write!(text, "\n### Memory\n\n{}", self.memory().text());
        text
    }

    /// The rows of an engine.
    fn course(&self, followed: &Followed, every_row: bool) -> Table {
        let mut table = Table::new(&[
            "turnovers",
            "live",
            "recall",
            "p50 µs",
            "p99",
            "p99.9",
            "max",
            "updates/s",
            "MiB",
            "lists",
            "remark",
        ]);
        let rows = followed.rows.get(1..).unwrap_or_default();
        let step = if every_row { 1 } else { rows.len().div_ceil(SHOWN).max(1) };
        let last = rows.len().saturating_sub(1);
        for (at, row) in rows.iter().enumerate() {
            if at % step != 0 && at != last && row.checkpoint.is_none() {
                continue;
            }
            let micros = |ns: u64| match row.queries {
                0 => "-".to_owned(),
                _ => format!("{:.1}", ns as f64 / 1e3),
            };
            let [lists, permille, rerank] = row.lists;
            let mut cells = vec![
                format!("{:.2}", self.turnovers(row)),
                row.live.to_string(),
                row.recall().map_or("-".to_owned(), |recall| format!("{recall:.4}")),
            ];
            cells.extend(row.latency_ns.map(micros));
            cells.push(if row.updates > 0.0 { format!("{:.0}", row.updates) } else { "-".into() });
            cells.push(format!("{:.1}", row.rss_mib));
            cells.push(match lists {
                0 => "-".to_owned(),
                _ => format!("{lists}, {permille} ‰, rerank {rerank}"),
            });
            cells.push(row.checkpoint.clone().unwrap_or_default());
            table.rows.push(cells);
        }
        table
    }

    /// How often the window was replaced before a row.
    fn turnovers(&self, row: &Row) -> f64 {
        row.inserted as f64 / self.book.turnover()
    }

    /// The recall of each fifth of an engine's run, by vectors inserted; `None` for a fifth without
    /// queries.
    #[must_use]
    pub fn recall_by_fifths(&self, followed: &Followed) -> [Option<f64>; 5] {
        let total = followed.rows.last().map_or(0, |row| row.inserted).max(1);
        let mut sums = [[0; 2]; 5];
        for row in followed.rows.iter().filter(|row| row.wanted > 0) {
            // What was asked at the end of a fifth belongs to it.
            let fifth = (row.inserted * 5).saturating_sub(1) / total;
            if let Some([hits, wanted]) = sums.get_mut(usize::try_from(fifth).unwrap_or(4)) {
                *hits += row.hits;
                *wanted += row.wanted;
            }
        }
        sums.map(|[hits, wanted]| (wanted > 0).then(|| hits as f64 / wanted as f64))
    }

    fn fifths(&self) -> Table {
        let mut table =
            Table::new(&["engine", "1st", "2nd", "3rd", "4th", "5th", "target", "reached"]);
        let target = f64::from(self.book.target) / 1e3;
        for followed in self.engines.iter().filter(|followed| followed.engine != EXACT) {
            let fifths = self.recall_by_fifths(followed);
            let mut cells = vec![followed.engine.clone()];
            let shown = |recall: Option<f64>| {
                recall.map_or("-".to_owned(), |recall| format!("{recall:.4}"))
            };
            cells.extend(fifths.map(shown));
            cells.push(format!("{target:.3}"));
            let below = fifths.iter().flatten().filter(|recall| **recall < target).count();
            cells.push(match below {
                0 => "in all".to_owned(),
                some => format!("not in {some}"),
            });
            table.rows.push(cells);
        }
        table
    }

    fn memory(&self) -> Table {
        let mut table = Table::new(&[
            "engine",
            "MiB before",
            "at 2 turnovers",
            "most after",
            "at the end",
            "bytes a vector",
            "of the goal",
        ]);
        let dim = self.book.dim as f64;
        let goal = MEMORY_GOAL * (dim * 4.0 + dim + BESIDE);
        for Followed { engine, rows } in &self.engines {
            let (Some(first), Some(last)) = (rows.first(), rows.last()) else { continue };
            let settled = || rows.iter().filter(|row| self.turnovers(row) >= SETTLED);
            let most = settled().map(|row| row.rss_mib).fold(0.0, f64::max);
            let shown = |mib: Option<f64>| mib.map_or("-".to_owned(), |mib| format!("{mib:.1}"));
            // Where it was fullest, and of such rows the last.
            let fullest = rows.iter().max_by_key(|row| row.live).unwrap_or(last);
            let bytes = (fullest.rss_mib - first.rss_mib) * f64::from(1 << 20);
            let each = bytes / (fullest.live.max(1) as f64);
            table.rows.push(vec![
                engine.clone(),
                format!("{:.1}", first.rss_mib),
                shown(settled().next().map(|row| row.rss_mib)),
                shown((most > 0.0).then_some(most)),
                format!("{:.1}", last.rss_mib),
                format!("{each:.0}"),
                format!("{:.2} of {goal:.0}", each / goal),
            ]);
        }
        table
    }
}

/// What is drawn over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Course {
    /// Recall of all engines but the exact one.
    Recall,
    /// Memory of all engines.
    Memory,
}

/// Draws lines of all engines of all reports into a file: by hours of stream time if vectors live
/// for a time in all of them, else by turnovers. Of recall, engines that found everything all the
/// time are left out unless all did; of memory, the exact ones if there are several reports.
///
/// # Errors
///
/// [`Failure::Plot`].
pub fn draw(course: Course, reports: &[Report], path: &Path) -> Result<(), Failure> {
    let by_time = reports.iter().all(|report| report.book.ttl_s.is_some());
    let mut named: Vec<(String, Vec<(f64, f64)>)> =
        reports.iter().flat_map(|report| lines(course, report, by_time, reports.len())).collect();
    let has_gap = |points: &[(f64, f64)]| points.iter().any(|(_, recall)| *recall < 1.0);
    if course == Course::Recall && named.iter().any(|(_, points)| has_gap(points)) {
        named.retain(|(_, points)| has_gap(points));
    }
    let mut lines: Vec<Line<'_>> =
        named.iter().map(|(name, points)| Line { name, points: points.clone() }).collect();
    let all = || named.iter().flat_map(|(_, points)| points);
    let end = all().map(|point| point.0).fold(0.0, f64::max);
    let x = if by_time { "hours of stream time" } else { "turnovers of the window" };
    let mut plot = Plot {
        title: "Memory of a process with the engine",
        x,
        y: "MiB resident",
        y_range: None,
        is_logarithmic: false,
    };
    if course == Course::Recall {
        let target = reports.iter().map(|report| f64::from(report.book.target) / 1e3);
        let target = target.fold(0.0, f64::max);
        let least = all().map(|point| point.1).fold(target, f64::min);
        // Room for the names below.
        let low = (least - (1.0 - least).max(0.02)).max(0.0);
        let begin = all().map(|point| point.0).fold(end, f64::min);
        lines.push(Line { name: "target", points: vec![(begin, target), (end, target)] });
        let y_range = Some((low, 1.0));
        plot = Plot { title: "Recall over time", y: "recall@k of a turnover", y_range, ..plot };
    }
    plot.write(path, &lines)
}

fn lines(
    course: Course,
    report: &Report,
    by_time: bool,
    books: usize,
) -> Vec<(String, Vec<(f64, f64)>)> {
    let x = |row: &Row| {
        if by_time { row.stream_s / 3_600.0 } else { report.turnovers(row) }
    };
    let points = |rows: &[Row]| match course {
        Course::Memory => rows.iter().map(|row| (x(row), row.rss_mib)).collect(),
        // Steps of one turnover together: queries behind one another are alike.
        Course::Recall => rows
            .chunk_by(|a, b| report.turnovers(a).ceil() == report.turnovers(b).ceil())
            .filter_map(|rows| {
                let [hits, wanted] = rows
                    .iter()
                    .fold([0, 0], |[hits, wanted], row| [hits + row.hits, wanted + row.wanted]);
                (wanted > 0).then_some((x(rows.last()?), hits as f64 / wanted as f64))
            })
            .collect(),
    };
    let with_exact = course == Course::Memory && books == 1;
    let is_drawn = |followed: &&Followed| with_exact || followed.engine != EXACT;
    let line = |followed: &Followed| {
        let own = &followed.engine;
        let name = if books > 1 { format!("{}, {own}", report.name) } else { own.clone() };
        (name, points(&followed.rows))
    };
    report.engines.iter().filter(is_drawn).map(line).collect()
}

#[cfg(test)]
mod tests;

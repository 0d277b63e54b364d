//! The harnesses of two processes from outside: that they end, count every record, and print their
//! ratios. Nothing here depends on how long anything took.

use std::process::{Command, Output};
use tickring_benches::case::CASES;
use tickring_benches::failure::Failure;
use tickring_benches::waiting::cost;
use tickring_benches::waiting::sleeper::Strategy;
use tickring_benches::waiting::wake::RATES;

/// Samples of each case in a short run.
const ROUNDS: usize = 2;

/// Runs the harness; `None`, with a message, on a machine where it cannot measure.
fn latency(arguments: &[&str]) -> Option<String> {
    run(env!("CARGO_BIN_EXE_latency"), arguments)
}

fn run(binary: &str, arguments: &[&str]) -> Option<String> {
    let Output { status, stdout, stderr } =
        Command::new(binary).args(arguments).output().expect("the harness starts");
    let stderr = String::from_utf8_lossy(&stderr);
    if status.code() == Some(Failure::NOT_HERE.into()) {
        println!("skipped, not measurable here: {stderr}");
        return None;
    }
    assert!(status.success(), "{status}: {stderr}");
    Some(String::from_utf8(stdout).expect("the harness writes UTF-8"))
}

/// The value of `name=` in a line, up to the next blank or within quotation marks.
fn value<'t>(line: &'t str, name: &str) -> &'t str {
    let (_, behind) = line.split_once(&format!(" {name}=")).expect(name);
    match behind.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next().unwrap_or(quoted),
        None => behind.split(' ').next().unwrap_or(behind),
    }
}

fn number(line: &str, name: &str) -> u64 {
    value(line, name).parse().expect(line)
}

#[test]
fn a_short_run_accounts_for_every_record_and_prints_a_ratio_for_each_sample() {
    let Some(text) = latency(&["--short"]) else { return };
    let samples: Vec<&str> = text.lines().filter(|line| line.starts_with("sample ")).collect();
    assert_eq!(samples.len(), ROUNDS * CASES.len(), "{text}");
    for (line, case) in samples.iter().zip(CASES.iter().cycle()) {
        assert_eq!(value(line, "case"), case.name, "{line}");
        let ratio: f64 = value(line, "ratio").parse().expect(line);
        // Beside an interrupted ping-pong the ratio may be too small to be seen.
        let is_mixed = value(line, "state") == "mixed";
        assert!(ratio.is_finite() && (ratio > 0.0 || is_mixed), "{line}");
        let sent = number(line, "sent");
        assert!(sent > 0, "{line}");
        if case.is_read {
            assert_eq!(sent, number(line, "read") + number(line, "missed"), "{line}");
            assert_eq!(number(line, "wrong") + number(line, "disorder"), 0, "{line}");
        } else {
            assert!(!line.contains("read="), "{line}");
        }
    }
}

#[test]
fn a_record_says_where_when_and_how_it_was_measured() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("record.md");
    let Some(text) = latency(&["--short", "--record", path.to_str().unwrap()]) else { return };
    let record = std::fs::read_to_string(&path).unwrap();
    for part in ["# One-way latency", " UTC", "- Processor: ", "- Kernel: Linux ", "-- --short`"] {
        assert!(record.contains(part), "{part}: {record}");
    }
    let tables = text.split_once("## Limits").map(|(_, tables)| tables).expect("tables");
    assert!(record.ends_with(tables), "the record holds what was printed");
}

#[test]
fn a_single_core_is_refused_with_advice() {
    let core = tickring_benches::pin::allowed().unwrap()[0];
    // The thread hands its only core down to the harness.
    let output = std::thread::spawn(move || {
        tickring_benches::pin::pin(core).unwrap();
        Command::new(env!("CARGO_BIN_EXE_latency")).arg("--short").output().unwrap()
    });
    let output = output.join().unwrap();
    assert_eq!(output.status.code(), Some(Failure::NOT_HERE.into()));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("two cores are needed") && message.contains("hint"), "{message}");
}

#[test]
fn every_engine_follows_a_runbook_and_the_exact_one_has_all_neighbours() {
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name).to_str().unwrap().to_owned();
    let (record, recall, memory) = (path("record.md"), path("recall.svg"), path("memory.svg"));
    let book = concat!(env!("CARGO_MANIFEST_DIR"), "/runbooks/short.toml");
    let arguments = [book, "--record", &record, "--recall", &recall, "--memory", &memory];
    let text = run(env!("CARGO_BIN_EXE_runbook"), &arguments).expect("no core is pinned");
    let engines: Vec<&str> = text.split("\n### ").skip(1).collect();
    for (name, section) in ["exact", "auto", "flat", "lists"].into_iter().zip(&engines) {
        assert!(section.starts_with(name), "{section}");
        // Turnovers are those of the three seconds, live what came in the last two of them.
        let rows: Vec<Vec<&str>> = section
            .lines()
            .filter(|line| line.starts_with("| "))
            .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
            .skip(1)
            .collect();
        let of = |column: usize| rows.iter().map(|cells| cells[column]).collect::<Vec<_>>();
        let turnovers = ["1.00", "1.50", "2.00", "2.50", "3.00", "3.00", "3.00", "3.00"];
        assert_eq!(of(0), turnovers, "{section}");
        let live = ["2000", "2000", "2000", "2000", "2000", "2000", "1000", "0"];
        assert_eq!(of(1), live, "{section}");
        assert!(section.contains("| later: restarted from "), "{section}");
        let recalls = of(2).into_iter().filter(|cell| *cell != "-");
        let least = if name == "exact" { 1.0 } else { 0.5 };
        let recalls: Vec<f64> = recalls.map(|cell| cell.parse().unwrap()).collect();
        assert_eq!(recalls.len(), 5);
        assert!(recalls.iter().all(|recall| (least..=1.0).contains(recall)), "{section}");
    }
    assert!(engines[4].starts_with("Recall by fifths") && engines[5].starts_with("Memory"));
    let record = std::fs::read_to_string(record).unwrap();
    assert!(record.contains("- Processor: ") && record.contains("![Recall over time](recall.svg)"));
    for plot in [recall, memory] {
        assert!(std::fs::read_to_string(plot).unwrap().contains("<polyline"));
    }
}

#[test]
fn a_runbook_that_cannot_be_followed_is_refused_before_anything_runs() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("book.toml");
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/runbooks/short.toml"));
    std::fs::write(&path, text.unwrap().replace("ttl-s = 3.0\n", "")).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_runbook")).arg(&path).output().unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.contains("expire: expected the key ttl-s"), "{message}");
}

/// The cells of the rows that begin with `name`, without that.
fn rows<'t>(text: &'t str, name: &str) -> Vec<Vec<&'t str>> {
    let cells = |line: &'t str| line.trim_matches('|').split('|').map(str::trim).collect();
    let rows = text.lines().filter(|line| line.starts_with('|')).map(cells);
    let rows = rows.filter(|cells: &Vec<&str>| cells.first() == Some(&name));
    rows.map(|cells| cells.into_iter().skip(1).collect()).collect()
}

#[test]
fn a_short_run_of_waiting_reads_every_record_and_measures_every_case() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("record.md");
    let arguments = ["--short", "--record", path.to_str().unwrap()];
    let Some(text) = run(env!("CARGO_BIN_EXE_waiting"), &arguments) else { return };
    for strategy in Strategy::ALL {
        let rows = rows(&text, &strategy.to_string());
        for (cells, rate) in rows.iter().zip(RATES) {
            // Bursts of 5 ms.
            let sent = rate / 200;
            assert_eq!(cells[..2], [format!("{rate}/s"), sent.to_string()], "{text}");
            let p50: f64 = cells[2].parse().expect(&text);
            assert!(p50 > 0.0, "{text}");
        }
        // A row for each rate, and one of an idle reader.
        assert_eq!(rows.len(), RATES.len() + 1, "{text}");
    }
    for case in cost::cases() {
        let rows = rows(&text, &case.to_string());
        let batch = case.batch.to_string();
        let best = rows.iter().filter(|cells| cells[1] == batch).map(|cells| cells[3].parse());
        let best: Vec<f64> = best.map(|best| best.expect(&text)).collect();
        assert!(!best.is_empty() && best.iter().all(|ns| *ns > 0.0), "{case}: {text}");
    }
    for step in ["create", "take over", "attach a reader"] {
        assert_eq!(rows(&text, step).len(), 2, "{step}: {text}");
    }
    let record = std::fs::read_to_string(&path).unwrap();
    assert!(record.contains(" UTC\n") && record.contains("-- --short`"), "{record}");
    assert!(record.ends_with(&text), "the record holds what was printed");
}

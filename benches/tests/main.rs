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

//! `cargo xtask ordering-mutants`: proves that a loom test guards every row of the protocol.
//!
//! Each line that ends in `// row LABEL` is broken in turn in a copy of the bus, and the loom
//! tests must fail. [`rows`] says how a line is broken, [`workshop`] builds and runs the copy.
//! A mutant that the tests do not notice is a survivor: the row has no test, or no purpose.

use std::fs;
use std::path::Path;

use crate::failure::Failure;
use crate::process;
use crate::tree::Tree;
use rows::{Mutant, Row};
use workshop::{Outcome, Workshop};

mod rows;
mod workshop;

/// The modules of the bus that hold orderings, each under a protocol table.
pub(crate) const PROTOCOLS: [&str; 3] =
    ["bus/src/slot.rs", "bus/src/header.rs", "bus/src/registry.rs"];

/// Breaks every row, or the one that `--row` names, and prints what the tests made of it.
///
/// # Errors
/// `Usage` for an unknown option or row, `Setup` when a label cannot be used or the tests fail
/// without a mutant, `Findings` when a mutant survives.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let only = match arguments {
        [] => None,
        [option, row] if option == "--row" => Some(row.as_str()),
        other => {
            let expected = "nothing or `--row ROW`".to_owned();
            return Err(Failure::Usage { expected, found: other.join(" ") });
        }
    };
    let rows = select(load(process::root())?, only)?;
    let workshop = Workshop::open(&process::target_dir().join("ordering-mutants"))?;
    let unbroken = workshop.test_unbroken()?;
    println!("unbroken: {} loom tests pass in {:.1} s", unbroken.passed, unbroken.took_s);
    println!("{:5} {:24} {:22} {:17} failed loom tests", "row", "where", "mutant", "outcome");
    let (mut mutants, mut survivors) = (0, 0);
    for row in &rows {
        if let Some(by) = &row.covered_by {
            println!("{:5} {:24} {:22} covered by {by}", row.label, row.place(), "-");
        }
        for mutant in &row.mutants {
            let outcome = workshop.test(&row.path, &row.broken_by(mutant), &row.source)?;
            mutants += 1;
            survivors += usize::from(outcome.survived());
            println!("{}", shown(row, mutant, &outcome));
        }
    }
    println!("{mutants} mutants, {} killed, {survivors} survivors", mutants - survivors);
    match survivors {
        0 => Ok(()),
        count => Err(Failure::Findings { check: "surviving mutants", count }),
    }
}

/// Reads the rows of all protocol modules that exist.
fn load(root: &Path) -> Result<Vec<Row>, Failure> {
    let mut files = Vec::new();
    for path in PROTOCOLS {
        let file = root.join(path);
        if file.exists() {
            let text = fs::read_to_string(&file).map_err(Failure::file("read", &file))?;
            files.push((path, text));
        }
    }
    let mut rows = Vec::new();
    for file in &Tree::of(files).files {
        rows.extend(rows::rows(file)?);
    }
    rows::check_cover(&rows)?;
    Ok(rows)
}

/// The rows with the wanted label, or all.
fn select(rows: Vec<Row>, only: Option<&str>) -> Result<Vec<Row>, Failure> {
    let Some(label) = only else { return Ok(rows) };
    let mut labels: Vec<_> = rows.iter().map(|row| row.label.clone()).collect();
    labels.dedup();
    if !labels.iter().any(|known| known == label) {
        let expected = format!("one of the rows {}", labels.join(", "));
        return Err(Failure::Usage { expected, found: label.to_owned() });
    }
    Ok(rows.into_iter().filter(|row| row.label == label).collect())
}

/// The line of the report on one mutant.
fn shown(row: &Row, mutant: &Mutant, outcome: &Outcome) -> String {
    let verdict = match outcome {
        Outcome::Passed { .. } => "SURVIVED".to_owned(),
        Outcome::Failed { tests, how } if tests.is_empty() => format!("killed ({how})"),
        Outcome::Failed { tests, .. } => format!("killed by {}", tests.len()),
        Outcome::TimedOut { .. } => "killed by timeout".to_owned(),
    };
    let tests = outcome.failed_tests().join(", ");
    let line =
        format!("{:5} {:24} {:22} {verdict:17} {tests}", row.label, row.place(), mutant.name);
    line.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn unknown_options_and_rows_are_refused_before_anything_is_built() {
        for text in ["--rows W1", "W1", "--row", "--row W1 R1", "--row Q77"] {
            let failure = run(&arguments(text)).unwrap_err();
            assert!(failure.is_usage(), "{text}: {failure}");
        }
    }

    #[test]
    fn every_label_of_the_real_protocol_gives_a_mutant_or_is_covered() {
        let rows = load(process::root()).unwrap();
        for label in ["W1", "W2", "W3", "W4", "R1", "R2", "R3", "R4"] {
            assert!(rows.iter().any(|row| row.label == label), "no line is row {label}");
        }
        for row in &rows {
            assert_ne!(row.mutants.is_empty(), row.covered_by.is_none(), "{}", row.label);
        }
    }

    #[test]
    fn the_report_names_the_tests_that_failed_and_the_survivors() {
        let source = "//! | W1 |\nx.store(1, Release); // row W1\n";
        let tree = Tree::of([("bus/src/slot.rs", source.to_owned())]);
        let rows = rows::rows(tree.files.first().unwrap()).unwrap();
        let row = rows.first().unwrap();
        let mutant = row.mutants.first().unwrap();
        let failed = Outcome::Failed { tests: vec!["a".into(), "b".into()], how: String::new() };
        let line = shown(row, mutant, &failed);
        let words: Vec<_> = line.split_whitespace().collect();
        assert_eq!(words, ["W1", "slot.rs:2", "delete", "killed", "by", "2", "a,", "b"]);
        let passed = Outcome::Passed { passed: 3 };
        assert!(shown(row, mutant, &passed).ends_with("SURVIVED"));
    }
}

//! Steps that run one after the other, each with its duration.

use std::time::{Duration, Instant};

use crate::failure::Failure;

/// A named piece of work.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) work: fn() -> Result<(), Failure>,
}

/// Runs the steps in order, prints a line for each and a table at the end.
///
/// # Errors
/// The failure of the first step that fails; the steps behind it do not run.
pub(crate) fn run_all(steps: &[Step]) -> Result<(), Failure> {
    let mut done: Vec<(&str, Duration)> = Vec::new();
    let mut result = Ok(());
    for step in steps {
        println!("== {}", step.name);
        let start = Instant::now();
        result = (step.work)();
        let took = start.elapsed();
        let outcome = if result.is_ok() { "ok" } else { "FAILED" };
        println!("== {}: {outcome} in {:.1} s", step.name, took.as_secs_f64());
        done.push((step.name, took));
        if result.is_err() {
            break;
        }
    }
    print!("{}", table(steps, &done, result.is_ok()));
    result
}

/// The table of all steps; the last one done failed unless `ok`.
fn table(steps: &[Step], done: &[(&str, Duration)], ok: bool) -> String {
    let mut rows = format!("\n{:32} {:>9}  outcome\n", "step", "seconds");
    for (position, step) in steps.iter().enumerate() {
        let failed = !ok && position + 1 == done.len();
        let row = match done.get(position) {
            Some((name, took)) => {
                let outcome = if failed { "FAILED" } else { "ok" };
                format!("{name:32} {:9.1}  {outcome}\n", took.as_secs_f64())
            }
            None => format!("{:32} {:>9}  not run\n", step.name, "-"),
        };
        rows.push_str(&row);
    }
    let total: Duration = done.iter().map(|(_, took)| *took).sum();
    rows.push_str(&format!("{:32} {:9.1}\n", "total", total.as_secs_f64()));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fails() -> Result<(), Failure> {
        Err(Failure::Findings { check: "sample", count: 1 })
    }

    fn must_not_run() -> Result<(), Failure> {
        panic!("a step ran after a failed one");
    }

    #[test]
    fn the_first_failure_stops_the_steps_and_is_returned() {
        let steps = [
            Step { name: "one", work: || Ok(()) },
            Step { name: "two", work: fails },
            Step { name: "three", work: must_not_run },
        ];
        assert!(matches!(run_all(&steps), Err(Failure::Findings { check: "sample", .. })));
    }

    #[test]
    fn the_table_shows_what_passed_failed_and_did_not_run() {
        let steps = ["one", "two", "three"].map(|name| Step { name, work: fails });
        let second = Duration::from_secs(1);
        let shown = table(&steps, &[("one", second), ("two", second)], false);
        let outcomes: Vec<_> = shown
            .lines()
            .map(|line| line.split_whitespace().last().unwrap_or_default())
            .filter(|word| !word.is_empty())
            .collect();
        assert_eq!(outcomes, ["outcome", "ok", "FAILED", "run", "2.0"]);
    }
}

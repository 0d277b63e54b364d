//! `cargo xtask torture`: the long form of the tests that kill writers and consumers, and count
//! torn records.
//!
//! The tests are those of the `torture` modules of the packages below; only their numbers are
//! larger here, and they run optimised and one after the other, so that what they measure is not
//! their own crowd.

use crate::failure::Failure;
use crate::process;

/// Those that have such tests.
const PACKAGES: [&str; 3] = ["tickring", "tickring-window", "tickring-ann"];

/// The numbers that may be set: option, environment variable, value of the long form.
const NUMBERS: [(&str, &str, u64); 2] = [
    ("--rounds", "TICKRING_TORTURE_ROUNDS", 10_000),
    ("--reads", "TICKRING_TORTURE_READS", 1_000_000_000),
];

/// What to run: a value for each number, and the tests whose names contain the filter.
#[derive(Debug, PartialEq, Eq)]
struct Plan {
    values: [u64; NUMBERS.len()],
    filter: String,
}

/// Runs the long form and shows its summary lines.
///
/// # Errors
/// `Usage` for an argument that is no option, number or test; `Command` when a test fails.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let plan = parse(arguments)?;
    let mut command = process::cargo(["test", "--release"]);
    command.args(PACKAGES.iter().flat_map(|package| ["--package", package]));
    command.args(["--test", "main", "--", &plan.filter, "--nocapture", "--test-threads=1"]);
    for ((_, variable, _), value) in NUMBERS.iter().zip(plan.values) {
        eprintln!("{variable}={value}");
        command.env(variable, value.to_string());
    }
    process::run(&mut command)
}

fn parse(arguments: &[String]) -> Result<Plan, Failure> {
    let mut plan =
        Plan { values: NUMBERS.map(|(_, _, value)| value), filter: "torture::".to_owned() };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let place = NUMBERS.iter().position(|(option, _, _)| option == argument);
        match place.and_then(|place| plan.values.get_mut(place)) {
            Some(value) => *value = number(rest.next())?,
            None if argument.starts_with('-') => {
                let options: Vec<_> = NUMBERS.iter().map(|(option, _, _)| *option).collect();
                return Err(Failure::Usage {
                    expected: format!("{} or a part of a test's name", options.join(", ")),
                    found: argument.clone(),
                });
            }
            None => plan.filter.clone_from(argument),
        }
    }
    Ok(plan)
}

fn number(argument: Option<&String>) -> Result<u64, Failure> {
    let found = argument.cloned().unwrap_or_default();
    let value = found.parse().ok().filter(|value| *value > 0);
    value.ok_or(Failure::Usage { expected: "a number from 1 on".to_owned(), found })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(arguments: &[&str]) -> Result<Plan, Failure> {
        parse(&arguments.iter().map(|argument| (*argument).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn the_long_form_is_the_default_and_each_number_can_be_set() {
        let all = "torture::".to_owned();
        let default = Plan { values: [10_000, 1_000_000_000], filter: all.clone() };
        assert_eq!(plan(&[]).unwrap(), default);
        let set = Plan { values: [7, 8], filter: all };
        assert_eq!(plan(&["--rounds", "7", "--reads", "8"]).unwrap(), set);
        assert_eq!(plan(&["window"]).unwrap().filter, "window");
    }

    #[test]
    fn wrong_arguments_are_refused() {
        for wrong in [&["--round", "7"][..], &["--rounds"], &["--rounds", "0"], &["--reads", "x"]] {
            assert!(plan(wrong).unwrap_err().is_usage(), "{wrong:?}");
        }
    }
}

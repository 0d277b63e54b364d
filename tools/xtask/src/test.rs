//! `cargo xtask test`: every test, Rust, usearch, loom and Python.

use std::process::{Command, Stdio};

use crate::failure::Failure;
use crate::step::{self, Step};
use crate::{ordering_mutants, process};

pub(crate) mod python;

/// The parts of the tests: the option that selects the part, and its steps.
const PARTS: [(&str, &[Step]); 4] = [
    ("--rust", &[Step { name: "rust tests", work: rust }]),
    ("--usearch", &[Step { name: "usearch tests", work: usearch }]),
    (
        "--loom",
        // The models as they are, then each with a row broken.
        &[Step { name: "loom models and mutants", work: || ordering_mutants::run(&[]) }],
    ),
    (
        "--python",
        &[
            Step { name: "python environment", work: python::environment },
            Step { name: "python module", work: python::module },
            Step { name: "python tests", work: python::tests },
        ],
    ),
];

/// Runs the parts that the options name, or all of them.
///
/// # Errors
/// `Usage` for an unknown option, else the failure of the first step that fails.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let known = |argument: &&String| PARTS.iter().any(|(option, _)| option == argument);
    if let Some(found) = arguments.iter().find(|argument| !known(argument)) {
        let options: Vec<_> = PARTS.iter().map(|(option, _)| *option).collect();
        let expected = format!("any of {}", options.join(", "));
        return Err(Failure::Usage { expected, found: found.clone() });
    }
    step::run_all(&steps(arguments))
}

/// The steps of the parts that `options` name, or of all parts when there is none.
pub(crate) fn steps(options: &[String]) -> Vec<Step> {
    PARTS
        .iter()
        .filter(|(name, _)| options.is_empty() || options.iter().any(|option| option == name))
        .flat_map(|(_, steps)| steps.iter().copied())
        .collect()
}

fn rust() -> Result<(), Failure> {
    process::run(&mut rust_tests())
}

/// The tests of the graph for pinned vectors, which is built from C++.
fn usearch() -> Result<(), Failure> {
    let compiler = Command::new("c++").arg("--version").stdout(Stdio::null()).status();
    if !compiler.is_ok_and(|status| status.success()) {
        println!("skipped: no C++ compiler `c++`, which the feature usearch needs");
        return Ok(());
    }
    let tests = ["test", "-p", "tickring-ann", "--features", "files,usearch", "--test", "main"];
    process::run(process::cargo(tests).arg("graph"))
}

/// The Python crate is left out: its library is an extension module, which only Python can load.
fn rust_tests() -> Command {
    process::cargo(["test", "--workspace", "--exclude", "tickring-python"])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(options: &[&str]) -> Vec<&'static str> {
        let options: Vec<_> = options.iter().map(|option| (*option).to_owned()).collect();
        steps(&options).iter().map(|step| step.name).collect()
    }

    #[test]
    fn an_option_selects_its_part_and_none_selects_all() {
        assert_eq!(names(&["--rust"]), ["rust tests"]);
        assert_eq!(names(&["--loom"]), ["loom models and mutants"]);
        assert_eq!(names(&["--loom", "--rust"]).len(), 2);
        assert_eq!(names(&[]).len(), 6);
    }

    #[test]
    fn an_unknown_option_is_refused_before_anything_runs() {
        let failure = run(&["--rust".to_owned(), "--pyhton".to_owned()]).unwrap_err();
        assert!(failure.is_usage());
        assert!(failure.to_string().contains("--python"), "{failure}");
    }
}

//! `cargo xtask ci`: everything that must hold before a change is merged.

use crate::failure::Failure;
use crate::step::{self, Step};
use crate::{layers, process, test, tidy};

const CHECKS: [Step; 5] = [
    Step { name: "fmt", work: fmt },
    Step { name: "clippy", work: clippy },
    Step { name: "doc", work: doc },
    Step { name: "layers", work: || layers::run(&[]) },
    Step { name: "tidy", work: || tidy::run(&[]) },
];

/// Runs the checks and then every test.
///
/// # Errors
/// `Usage` for any argument, else the failure of the first step that fails.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    Failure::unless_empty(arguments)?;
    let steps: Vec<Step> = CHECKS.into_iter().chain(test::steps(&[])).collect();
    step::run_all(&steps)
}

fn fmt() -> Result<(), Failure> {
    process::run(&mut process::cargo(["fmt", "--all", "--check"]))
}

fn clippy() -> Result<(), Failure> {
    let arguments = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
    process::run(&mut process::cargo(arguments))
}

fn doc() -> Result<(), Failure> {
    let mut command = process::cargo(["doc", "--workspace", "--no-deps"]);
    process::run(command.env("RUSTDOCFLAGS", "-D warnings"))
}

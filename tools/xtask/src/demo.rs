//! `cargo xtask demo`: builds the command line and becomes `tickring demo`.

use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::failure::Failure;
use crate::process;

/// Builds `tickring` and replaces this process by `tickring demo ARGUMENTS`.
///
/// Because the process is replaced and not waited for, Ctrl-C and every other signal reach the
/// demo itself, nothing dies before it, and its exit code is the exit code.
///
/// # Errors
/// `Command` when the build fails, `Start` when the binary cannot be started.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    process::run(&mut process::cargo(["build", "--release", "--package", "tickring-cli"]))?;
    let mut demo = Command::new(process::target_dir().join("release/tickring"));
    demo.arg("demo").args(arguments);
    let command = process::show(&demo);
    Err(Failure::Start { command, source: demo.exec() })
}

//! Running other programs from the root of the repository.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::failure::Failure;

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.ancestors().nth(2).unwrap_or(manifest)
}

/// The directory that cargo builds into: `target`, or what `CARGO_TARGET_DIR` says.
pub(crate) fn target_dir() -> PathBuf {
    root().join(env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}

/// A call of the cargo that runs this program, from the root of the repository.
pub(crate) fn cargo<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root());
    command
}

/// Compiles under `cfg(loom)`, whatever flags the caller's environment holds.
pub(crate) fn under_loom(command: &mut Command, target_dir: &Path) {
    command
        .env("RUSTFLAGS", "--cfg loom")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env("CARGO_TARGET_DIR", target_dir);
}

/// Says what runs, runs it with the caller's stdin, stdout and stderr, and waits.
///
/// # Errors
/// `Start` when it cannot be started, `Command` when it does not succeed.
pub(crate) fn run(command: &mut Command) -> Result<(), Failure> {
    let shown = show(command);
    eprintln!("$ {shown}");
    let status =
        command.status().map_err(|source| Failure::Start { command: shown.clone(), source })?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::Command { command: shown, outcome: status.to_string() })
}

/// Runs a program and returns its stdout; its stderr is shown.
///
/// # Errors
/// As [`run`].
pub(crate) fn capture(command: &mut Command) -> Result<String, Failure> {
    let shown = show(command);
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|source| Failure::Start { command: shown.clone(), source })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(Failure::Command { command: shown, outcome: output.status.to_string() })
}

/// The command as one would type it: the program without its folder, then the arguments.
pub(crate) fn show(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let mut shown = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
    for argument in command.get_args() {
        shown.push(' ');
        shown.push_str(&argument.to_string_lossy());
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_where_the_workspace_manifest_is() {
        assert!(root().join("tools/xtask/Cargo.toml").is_file());
        assert!(root().join("Cargo.lock").is_file());
    }

    #[test]
    fn a_failing_program_is_named_with_its_exit_code() {
        let failure = capture(Command::new("sh").args(["-c", "exit 7"])).unwrap_err().to_string();
        assert!(failure.contains("`sh -c exit 7`") && failure.contains('7'), "{failure}");
    }

    #[test]
    fn a_missing_program_is_named() {
        let failure = run(&mut Command::new("no-such-program-here")).unwrap_err();
        assert!(matches!(failure, Failure::Start { .. }), "{failure}");
    }
}

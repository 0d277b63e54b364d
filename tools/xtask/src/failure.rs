//! Why a command did not succeed.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Why a command did not succeed; its text goes to stderr.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Failure {
    /// The arguments are not understood.
    #[error("expected {expected}, found `{found}`; `cargo xtask help` lists the commands")]
    Usage { expected: String, found: String },
    /// A program ended with something other than success.
    #[error("`{command}`: expected success, found {outcome}; its output above says why")]
    Command { command: String, outcome: String },
    /// A program could not be started.
    #[error("cannot start `{command}`: {source}; is it installed and on PATH?")]
    Start { command: String, source: io::Error },
    /// A file could not be used.
    #[error("cannot {action} {}: {source}", path.display())]
    File { action: &'static str, path: PathBuf, source: io::Error },
    /// A check found something.
    #[error("{check}: expected none, found {count}; each line above says what to do")]
    Findings { check: &'static str, count: usize },
    /// Something that the command relies on is not as expected.
    #[error("expected {expected}, found {found}; {hint}")]
    Setup { expected: String, found: String, hint: String },
}

impl Failure {
    /// Refuses arguments for a command that takes none.
    ///
    /// # Errors
    /// `Usage` when there is an argument.
    pub(crate) fn unless_empty(arguments: &[String]) -> Result<(), Self> {
        match arguments.first() {
            None => Ok(()),
            Some(found) => {
                Err(Self::Usage { expected: "no argument".to_owned(), found: found.clone() })
            }
        }
    }

    /// Turns an I/O error into a failure that names the file; for `map_err`.
    pub(crate) fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { action, path, source }
    }

    /// Whether the arguments were wrong, rather than what they asked for.
    pub(crate) fn is_usage(&self) -> bool {
        matches!(self, Self::Usage { .. })
    }

    /// 2 for wrong arguments, else 1.
    pub(crate) fn exit_code(&self) -> ExitCode {
        if self.is_usage() { ExitCode::from(2) } else { ExitCode::FAILURE }
    }
}

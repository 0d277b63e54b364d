//! Why a measurement could not be made, or must not be believed.

use nix::errno::Errno;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The two processes would have to share a core.
    #[error(
        "two cores are needed, one for each process; this process may use: {allowed:?}; \
         hint: run it on a machine, or in a container, with two cores"
    )]
    Cores {
        /// The cores that may be used.
        allowed: Vec<usize>,
    },
    /// The system does not let a process have this core.
    #[error(
        "cannot pin to core {core}: {errno}; allowed: {allowed:?}; \
         hint: choose two of these with --cores, or allow sched_setaffinity"
    )]
    Pin {
        /// The core asked for.
        core: usize,
        /// The cores that may be used.
        allowed: Vec<usize>,
        /// The system's answer.
        errno: Errno,
    },
    /// The clocks of the two cores do not agree, so that one-way times mean nothing.
    #[error(
        "{violations} of {rounds} answers were stamped before their question or after their \
         arrival: the cores' {clock} counters differ; hint: measure on a machine whose kernel \
         trusts its TSC"
    )]
    Clocks {
        /// Name of the clock.
        clock: &'static str,
        /// Answers outside the time they were given in.
        violations: u64,
        /// All answers.
        rounds: u64,
    },
    /// The other process does not answer.
    #[error("the other process did not {what} within {seconds} s; hint: see its messages above")]
    Stuck {
        /// What it was expected to do.
        what: &'static str,
        /// How long that was waited for.
        seconds: u64,
    },
    /// The other process said something else than agreed.
    #[error("expected {expected} from the other process, found {found:?}")]
    Protocol {
        /// What was expected.
        expected: &'static str,
        /// What came; empty if it has ended.
        found: String,
    },
    /// Records were torn, out of order or of unknown content.
    #[error("{case}: {wrong} records were not what was sent and {disorder} came out of order")]
    Wrong {
        /// The case.
        case: &'static str,
        /// Records whose content does not belong to their sequence.
        wrong: u64,
        /// Records whose sequence was not above the one before.
        disorder: u64,
    },
    /// Records are neither read nor reported as missed.
    #[error("{case}: {sent} records were sent, but {read} read and {missed} missed")]
    Unaccounted {
        /// The case.
        case: &'static str,
        /// Records sent.
        sent: u64,
        /// Records read.
        read: u64,
        /// Records reported as missed.
        missed: u64,
    },
    /// Windows could not be set up or run.
    #[error("windows: {reason}")]
    Windows {
        /// What they say.
        reason: String,
    },
    /// A file of columns could not be written.
    #[error("columns: {reason}")]
    Columns {
        /// What the library says.
        reason: String,
    },
    /// A plot could not be drawn.
    #[error("cannot draw {}: {reason}; hint: name a file in a folder that exists", path.display())]
    Plot {
        /// The file.
        path: PathBuf,
        /// What the library says.
        reason: String,
    },
    /// A stream of vectors cannot begin.
    #[error("{key}: expected {expected}, found {found}; hint: change that key of the stream")]
    Stream {
        /// The key.
        key: &'static str,
        /// What would do.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// A file is no runbook.
    #[error(
        "{} is no runbook: {reason}hint: benches/runbooks has some that are", path.display()
    )]
    RunbookText {
        /// The file.
        path: PathBuf,
        /// What is wrong and where, in lines.
        reason: String,
    },
    /// A runbook cannot be followed.
    #[error(
        "{}: {key}: expected {expected}, found {found}; hint: change that key", path.display()
    )]
    Runbook {
        /// The file.
        path: PathBuf,
        /// The key.
        key: &'static str,
        /// What would do.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// An engine did not do its work.
    #[error("{engine}: expected {expected}, found {found}; hint: its messages stand above")]
    Engine {
        /// The engine.
        engine: String,
        /// What was expected of it.
        expected: String,
        /// What it said.
        found: String,
    },
    /// The bus refused something.
    #[error(transparent)]
    Bus(#[from] tickring::Error),
    /// The ring refused a record.
    #[error(transparent)]
    Refused(#[from] tickring::WrongKind),
    /// A file or process could not be used.
    #[error("cannot {operation} {}: {source}", path.display())]
    Io {
        /// What was tried.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A system call failed.
    #[error("cannot {operation}: {errno}")]
    System {
        /// What was tried.
        operation: &'static str,
        /// The system's answer.
        errno: Errno,
    },
}

impl Failure {
    /// Exit code of a machine on which this cannot be measured.
    pub const NOT_HERE: u8 = 3;

    /// Adds operation and path to an error of the standard library.
    #[must_use]
    pub fn io(operation: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { operation, path: path.to_owned(), source }
    }

    /// What windows say, for `map_err`.
    #[must_use]
    pub fn windows(error: impl std::error::Error) -> Self {
        Self::Windows { reason: error.to_string() }
    }

    /// What a library of columns says, for `map_err`.
    #[must_use]
    pub fn columns(error: impl std::error::Error) -> Self {
        Self::Columns { reason: error.to_string() }
    }

    /// The exit code that a process ends with: 3 where the machine is the reason, else 1.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Cores { .. } | Self::Pin { .. } | Self::Clocks { .. } => {
                ExitCode::from(Self::NOT_HERE)
            }
            _ => ExitCode::FAILURE,
        }
    }
}

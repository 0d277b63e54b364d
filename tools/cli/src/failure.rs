//! Why a command could not do what it was asked.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE_OR_IO: u8 = 2;
const NOT_FOUND: u8 = 3;
const MISMATCH: u8 = 4;

/// Why a command failed; its text goes to stderr and says what to do next.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum Failure {
    /// A ring could not be listed, attached, created or written.
    #[error(transparent)]
    Bus(#[from] tickring::Error),
    /// A feed could not be opened, or not go on.
    #[error(transparent)]
    Producer(#[from] tickring_producer::Error),
    /// A matcher could not be opened, or not go on.
    #[error(transparent)]
    Ann(#[from] tickring_ann::Error),
    /// A window consumer could not be opened, or not go on.
    #[error(transparent)]
    Window(#[from] tickring_window::WindowError),
    /// Files could not be opened, or not go on.
    #[error(transparent)]
    Files(#[from] tickring_window::sink::SinkError),
    /// Shapes could not be made.
    #[error(transparent)]
    Shape(#[from] tickring_window::shape::ShapeError),
    /// No calendar knows the venue.
    #[error("no hours are known of venue {found}; known are: {}", known.join(", "))]
    UnknownVenue {
        /// The venue as given.
        found: String,
        /// Those that have hours.
        known: Vec<String>,
    },
    /// The venue does not trade on any of the dates.
    #[error("{venue} has no {phases} session from {from} to {to}; choose other dates or phases")]
    NoSessions {
        /// The venue.
        venue: String,
        /// The phases as given.
        phases: String,
        /// The first date.
        from: jiff::civil::Date,
        /// The last date.
        to: jiff::civil::Date,
    },
    /// A pattern for names cannot be understood.
    #[error("{found:?} is not a pattern for names: {source}; write for instance 'demo/*'")]
    Pattern {
        /// The pattern as given.
        found: String,
        /// What is wrong with it.
        source: glob::PatternError,
    },
    /// No ring has a name that matches the pattern.
    #[error("no ring matches {found}; `tickring ls` lists those that exist")]
    NoMatch {
        /// The pattern as given.
        found: String,
    },
    /// Several rings match where one is needed.
    #[error("{found} matches {}; this command takes one ring: name it", names.join(", "))]
    SeveralMatches {
        /// The pattern as given.
        found: String,
        /// The rings that match.
        names: Vec<String>,
    },
    /// The ring has no such kind of records.
    #[error("{name} has no records of kind {found}; its kinds are: {}", kinds.join(", "))]
    UnknownKind {
        /// The ring.
        name: String,
        /// The kind as given.
        found: String,
        /// The kinds that it has.
        kinds: Vec<String>,
    },
    /// The records shown have no such field.
    #[error("{name} has no field {found}; its fields are: {}", fields.join(", "))]
    UnknownField {
        /// The ring.
        name: String,
        /// The field as given.
        found: String,
        /// The fields of the kinds that are shown.
        fields: Vec<String>,
    },
    /// CSV was asked for of several kinds, which have different columns.
    #[error(
        "{name} holds records of several kinds, and CSV has one header: choose one with --kind; \
         its kinds are: {}", kinds.join(", ")
    )]
    SeveralKinds {
        /// The ring.
        name: String,
        /// The kinds that it has.
        kinds: Vec<String>,
    },
    /// The file that was followed is not the ring of that name any more.
    #[error(
        "{name} was removed or created anew, nothing more will come from what was followed; run \
         the command again"
    )]
    Replaced {
        /// The ring.
        name: String,
    },
    /// Some rings could not be looked at; each was reported when it was met.
    #[error("{count} of the rings could not be read, see above")]
    Unreadable {
        /// How many.
        count: usize,
    },
    /// A process of the demo ended before its time, or not in time.
    #[error("the demo's {name} process: {status}; its own message stands above")]
    Part {
        /// Which one.
        name: &'static str,
        /// How it ended.
        status: String,
    },
    /// The system refused an operation on a file that is to be written.
    #[error("cannot {operation} {path}: {source}; {hint}")]
    File {
        /// What was tried.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
        /// What to do next.
        hint: &'static str,
    },
    /// The system refused an operation that is not about a ring.
    #[error("cannot {operation}: {source}")]
    Io {
        /// What was tried.
        operation: &'static str,
        /// The system's answer.
        source: io::Error,
    },
}

impl Failure {
    /// Wraps the system's answer to `operation`; for `map_err`.
    pub(crate) fn io(operation: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { operation, source }
    }

    /// Wraps the system's answer to `operation` on a file; for `map_err`.
    pub(crate) fn file(
        operation: &'static str,
        path: &Path,
    ) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| {
            let hint = match source.kind() {
                io::ErrorKind::AlreadyExists => "choose another name, or delete it",
                _ => "check the path, its permissions and the space there",
            };
            Self::File { operation, path, source, hint }
        }
    }

    /// Whether whoever read our output has gone, which is no failure.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::BrokenPipe)
    }

    /// The exit code, as `tickring help` lists them.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Bus(error)
            | Self::Producer(tickring_producer::Error::Bus(error))
            | Self::Ann(tickring_ann::Error::Bus(error))
            | Self::Window(tickring_window::WindowError::Ring(error))
            | Self::Files(tickring_window::sink::SinkError::Ring(error))
            | Self::Shape(tickring_window::shape::ShapeError::Ring(error)) => code_of(error),
            Self::NoMatch { .. } | Self::Replaced { .. } => NOT_FOUND,
            Self::UnknownKind { .. } | Self::UnknownField { .. } => MISMATCH,
            Self::Window(
                tickring_window::WindowError::WrongKind(_)
                | tickring_window::WindowError::OtherSpec { .. }
                | tickring_window::WindowError::OtherInput { .. }
                | tickring_window::WindowError::Diverged { .. },
            )
            | Self::Files(tickring_window::sink::SinkError::Columns { .. })
            | Self::Shape(tickring_window::shape::ShapeError::WrongKind(_))
            | Self::Ann(
                tickring_ann::Error::NotVectors { .. } | tickring_ann::Error::Dimension { .. },
            ) => MISMATCH,
            _ => USAGE_OR_IO,
        })
    }
}

fn code_of(error: &tickring::Error) -> u8 {
    use tickring::Error as E;
    match error {
        E::NotFound { .. } | E::NoJournal { .. } => NOT_FOUND,
        E::NotASegment { .. }
        | E::LayoutVersion { .. }
        | E::Truncated { .. }
        | E::Corrupt { .. }
        | E::Schema { .. }
        | E::SchemaMismatch { .. }
        | E::CapacityMismatch { .. }
        | E::NotAJournal { .. }
        | E::JournalVersion { .. }
        | E::DamagedJournal { .. }
        | E::WrongKind(_) => MISMATCH,
        _ => USAGE_OR_IO,
    }
}

//! What can go wrong when windows are set up or restored.

use std::path::PathBuf;

/// A failure to set up or run windows.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WindowError {
    /// A field of the specification has a value that makes no sense, alone or with the others.
    #[error("{field} is {found}: expected {expected}")]
    Spec {
        /// The field, as it is named in TOML.
        field: &'static str,
        /// What is possible.
        expected: &'static str,
        /// What was given.
        found: String,
    },
    /// The text is not a specification.
    #[error("not a window specification: {source}")]
    Toml {
        /// What is wrong, and where.
        source: Box<toml::de::Error>,
    },
    /// The delay and the retention are so long that too many windows would be open at once.
    #[error(
        "a delay of {delay_ns} ns and a retention (lateness or horizon) of {retention_ns} ns with \
         windows of {size_ns} ns in panes of {pane_ns} ns keep more than {most} panes open: use a \
         shorter delay or retention, or longer windows or hops"
    )]
    Delay {
        /// The delay, in nanoseconds.
        delay_ns: u64,
        /// The longer of lateness and horizon, in nanoseconds.
        retention_ns: u64,
        /// Length of a window, in nanoseconds.
        size_ns: u64,
        /// Length of a pane, in nanoseconds.
        pane_ns: u64,
        /// Most panes that may be open.
        most: u64,
    },
    /// Bytes are not a saved state of these windows.
    #[error("cannot restore the state: expected {expected}, found {found}; begin without it")]
    State {
        /// What was expected.
        expected: String,
        /// What was found.
        found: String,
    },
    /// A file of a checkpoint, or its directory, could not be used.
    #[error("cannot {what} {}: {source}", path.display())]
    CheckpointFile {
        /// What was tried.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// Another consumer keeps its checkpoints in this directory.
    #[error("{} belongs to a consumer that is running: give each its own", path.display())]
    CheckpointOwned {
        /// The directory.
        path: PathBuf,
    },
    /// There were checkpoints, and none of them is whole.
    #[error(
        "no checkpoint in {} is whole ({found}): to begin anew, remove the directory and the \
         rings of bars and of late records", path.display()
    )]
    DamagedCheckpoints {
        /// The directory.
        path: PathBuf,
        /// What is wrong with each file.
        found: String,
    },
    /// The checkpoint is of windows of another specification.
    #[error(
        "the checkpoint in {} is of another specification (- there, + wanted):\n{difference}\
         give that specification, or another directory and other rings", path.display()
    )]
    OtherSpec {
        /// The directory.
        path: PathBuf,
        /// The lines that differ.
        difference: String,
    },
    /// The checkpoint is of another input.
    #[error(
        "the checkpoint in {} does not fit the input: {source}; to go on behind another ring, give \
         the directory of its journal, to begin anew, another directory and other rings",
        path.display()
    )]
    OtherInput {
        /// The directory.
        path: PathBuf,
        /// What does not fit.
        source: Box<tickring::Error>,
    },
    /// There is no checkpoint, and the output ring is not empty: nobody knows what of the input
    /// is in it.
    #[error(
        "{ring} holds records already and {} no checkpoint: give the directory that belongs to \
         the ring, or another ring, or remove this one", path.display()
    )]
    NoCheckpoint {
        /// The output ring.
        ring: String,
        /// The directory.
        path: PathBuf,
    },
    /// The output ring holds less than the checkpoint says was published.
    #[error(
        "{ring} ends at sequence {found}, the checkpoint is of {expected}: the ring lost records \
         with its machine; to begin anew, give another directory and other rings"
    )]
    RingBehind {
        /// The output ring.
        ring: String,
        /// The next sequence at the checkpoint.
        expected: u64,
        /// The next sequence of the ring.
        found: u64,
    },
    /// The replay gave another output than the one that was published before the crash.
    #[error(
        "{ring} holds at sequence {seq} {there}, where the replay gives {replayed}: the input is \
         not what it was, or this is another version of the program; nothing was published. To \
         begin anew, give another directory and other rings"
    )]
    Diverged {
        /// The output ring.
        ring: String,
        /// The sequence.
        seq: u64,
        /// What stands there.
        there: String,
        /// What should.
        replayed: String,
    },
    /// The consumer has failed before.
    #[error("the consumer has failed before and publishes nothing: open it again")]
    Failed,
    /// History and input do not meet.
    #[error("the history in {} does not reach the input: {found}; {hint}", path.display())]
    Seam {
        /// The journal of the history.
        path: PathBuf,
        /// What was found.
        found: String,
        /// What to do.
        hint: &'static str,
    },
    /// A ring could not be attached, created or written.
    #[error(transparent)]
    Ring(#[from] tickring::Error),
    /// The ring of bars or of late records refused a record.
    #[error(transparent)]
    WrongKind(#[from] tickring::WrongKind),
}

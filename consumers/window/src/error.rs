//! What can go wrong when windows are set up or restored.

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
    /// A ring could not be attached, created or written.
    #[error(transparent)]
    Ring(#[from] tickring::Error),
    /// The ring of bars or of late records refused a record.
    #[error(transparent)]
    WrongKind(#[from] tickring::WrongKind),
}

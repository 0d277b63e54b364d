//! What can go wrong when a window consumer is set up.

/// A failure to set up or run a window consumer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WindowError {
    /// The window has no length.
    #[error("a window of 0 ns: expected a size of at least 1 ns, such as 1s")]
    Size,
    /// The delay is so long that too many windows would be open at once.
    #[error(
        "a delay of {delay_ns} ns with windows of {size_ns} ns keeps more than {most} windows \
         open: use a shorter delay or longer windows"
    )]
    Delay {
        /// The delay, in nanoseconds.
        delay_ns: u64,
        /// Length of a window, in nanoseconds.
        size_ns: u64,
        /// Most windows that may be open.
        most: u64,
    },
    /// A ring could not be attached, created or written.
    #[error(transparent)]
    Ring(#[from] tickring::Error),
    /// The bars ring refused a bar.
    #[error(transparent)]
    WrongKind(#[from] tickring::WrongKind),
}

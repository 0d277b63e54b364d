//! What can go wrong with shapes.

/// A failure to set up or run an encoder of shapes.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShapeError {
    /// The parts have too few or too many lanes together.
    #[error(
        "{bars} bars give vectors of {found} lanes: expected {least} to {most}, choose another \
         number of bars or other parts"
    )]
    Lanes {
        /// The number of bars.
        bars: u16,
        /// Fewest lanes.
        least: u32,
        /// Most lanes.
        most: u32,
        /// The lanes of all parts.
        found: u32,
    },
    /// A weight is no number from 0 on.
    #[error("weight of {part}: expected a finite number from 0 on, found {found}")]
    Weight {
        /// The part.
        part: &'static str,
        /// The weight.
        found: f32,
    },
    /// A ring could not be attached, created or written.
    #[error(transparent)]
    Ring(#[from] tickring::Error),
    /// The vectors ring refused a vector.
    #[error(transparent)]
    WrongKind(#[from] tickring::WrongKind),
}

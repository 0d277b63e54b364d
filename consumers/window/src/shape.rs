//! Market shapes: the last bars of an instrument as one vector, for the matcher of `tickring-ann`.
//!
//! # Concepts
//!
//! - A [`ShapeEncoder`] keeps the last N bars of each instrument. With every bar that makes N or
//!   more it gives a vector of up to three *parts*, in this order:
//!
//!   | part | lanes | value, before scaling |
//!   |---|---|---|
//!   | closes | N | the close, less the mean of the N closes (z-normalised) |
//!   | returns | N - 1 | the logarithm of a close over the one before |
//!   | volumes | N | the volume |
//!
//!   Lanes go from the oldest bar to the newest. A part is scaled to its weight as Euclidean
//!   norm, so that neither the price, nor its scale, nor the number of shares outweighs another
//!   part; one that is zero throughout (a flat price) stays zero. A weight of zero leaves the
//!   part out.
//! - The bars are those with trades, as they come: a window without trades is no bar, unless the
//!   window consumer publishes empty ones. An empty bar without a close takes the close before.
//! - A *revision* replaces its bar where it is among the last N, and counts in the vectors that
//!   come after. It gives no vector itself, and what was published is not revised: a vector says
//!   what was known when its last bar came, as a strategy would have seen it.
//! - `src_seq` and `vec_id` of a vector are the output sequence of its last bar, so a replay gives
//!   the same ids. Where bars were missed, all instruments begin anew: N bars in a row or no
//!   vector.
//!
//! Arithmetic is in f64 in a fixed order and rounded to f32 at the end. It is output and never
//! read back as state: a replay on the same machine gives the same bytes; on another the last bit
//! of a logarithm may differ with the mathematical library. After the encoder is made, nothing is
//! allocated.
//!
//! [`ShapeEncoder`] is the function; [`ShapeConsumer`] joins it with a ring of bars and a ring of
//! vectors.

mod consumer;
mod encoder;
mod error;
mod history;
mod options;

pub use consumer::{ShapeConsumer, ShapeRings};
pub use encoder::{Shape, ShapeCounts, ShapeEncoder};
pub use error::ShapeError;
pub use options::ShapeOptions;

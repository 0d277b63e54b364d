//! Vectors that come one after the other, for measurements of nearest neighbours.
//!
//! What a [`Spec`] says, a [`Stream`] gives: the same each time.
//!
//! | kind | vectors |
//! |---|---|
//! | `clouds` | scattered around centres that drift |
//! | `walk` | walkers that take steps in turns, nothing ever holding them |
//! | `market` | rolling features of a simulated market, which another one follows now and then |
//! | `quotes` | 64 quotes of recorded instruments each: middle prices and imbalances |
//! | `npy` | rows of a file |

mod clouds;
mod market;
mod quotes;
mod walk;

use crate::failure::Failure;
use serde::Deserialize;
use std::ops::Range;
use std::path::{Path, PathBuf};
use tickring_ann::Queries;

pub use clouds::Clouds;
pub use market::{MarketSpec, Markets};
pub use quotes::quotes;
pub use walk::Walk;

/// What stands before paths in the folder of recorded data.
const DATA: &str = "$TICKRING_DATA/";

/// What a stream is made of.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
#[serde(deny_unknown_fields)]
pub enum Spec {
    /// Clouds around centres.
    Clouds {
        /// Clouds.
        centres: u32,
        /// Deviation of a vector from its centre, in each lane. That of centres is 1.
        spread: f32,
        /// Deviation of the step, in every sixteenth lane, that a centre takes with each vector.
        drift: f32,
        /// The seed.
        seed: u64,
    },
    /// Walkers.
    Walk {
        /// Walkers, who begin at places of deviation 1.
        walkers: u32,
        /// Deviation of a step in each lane.
        step: f32,
        /// The seed.
        seed: u64,
    },
    /// A simulated market.
    Market(MarketSpec),
    /// Recorded quotes.
    Quotes {
        /// The file: a .npy array of quotes.
        file: PathBuf,
        /// The instruments, counted from 0 in the order in which they stand in the file.
        instruments: Vec<usize>,
    },
    /// Rows of a file.
    Npy {
        /// The file: a .npy array of float32 or uint8 in two dimensions.
        file: PathBuf,
    },
}

/// Where vectors come from.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there are few, and none is moved")]
pub enum Stream {
    /// Clouds around centres.
    Clouds(Clouds),
    /// Walkers.
    Walk(Walk),
    /// A simulated market.
    Market(Markets),
    /// Rows, over and over.
    Rows {
        /// All of them.
        rows: Queries,
        /// The next one.
        next: usize,
    },
}

impl Spec {
    /// Begins a stream of vectors with `dim` lanes. Paths are relative to `folder`, or to that of
    /// recorded data where they begin with `$TICKRING_DATA/`.
    ///
    /// # Errors
    ///
    /// [`Failure::Stream`] for what cannot be, with the name of the key or file.
    pub fn begin(&self, dim: usize, folder: &Path) -> Result<Stream, Failure> {
        let some = |key: &'static str, count: u32| match count {
            0 => Err(refused(key, "at least 1", "0")),
            _ => Ok(usize::try_from(count).unwrap_or(usize::MAX)),
        };
        Ok(match self {
            Self::Clouds { centres, spread, drift, seed } => {
                Stream::Clouds(Clouds::new(dim, some("centres", *centres)?, *spread, *drift, *seed))
            }
            Self::Walk { walkers, step, seed } => {
                Stream::Walk(Walk::new(dim, some("walkers", *walkers)?, *step, *seed))
            }
            Self::Market(market) => Stream::Market(Markets::new(dim, *market)?),
            Self::Quotes { file, instruments } => rows(quotes(&place(file, folder)?, instruments)?),
            Self::Npy { file } => {
                let path = place(file, folder)?;
                let failed = |error: tickring_ann::Error| {
                    refused("file", "a .npy array of rows", &error.to_string())
                };
                rows(Queries::load(&path).map_err(failed)?)
            }
        })
        .and_then(|stream| stream.of_dim(dim))
    }
}

impl Stream {
    /// Writes the next vector and gives its instrument.
    ///
    /// # Errors
    ///
    /// Those of the simulator.
    pub fn next(&mut self, lanes: &mut [f32]) -> Result<u32, Failure> {
        match self {
            Self::Clouds(clouds) => clouds.next(lanes),
            Self::Walk(walk) => return Ok(walk.next(lanes)),
            Self::Market(markets) => return markets.next(lanes),
            Self::Rows { rows, next } => {
                if let Some(row) = rows.get(*next) {
                    lanes.copy_from_slice(row);
                }
                *next = (*next + 1) % rows.len();
            }
        }
        Ok(0)
    }

    /// Goes to the first row of a range.
    ///
    /// # Errors
    ///
    /// [`Failure::Stream`] if not all of its rows are there, or if the stream has no rows.
    pub fn seek(&mut self, range: &Range<u64>) -> Result<(), Failure> {
        let Self::Rows { rows, next } = self else {
            return Err(refused("range", "a stream of kind quotes or npy", "another kind"));
        };
        let count = rows.len() as u64;
        if range.is_empty() || range.end > count {
            let found = format!("{} to {}", range.start, range.end);
            return Err(refused("range", &format!("rows among 0 to {count}"), &found));
        }
        *next = usize::try_from(range.start).unwrap_or(0);
        Ok(())
    }

    fn of_dim(self, dim: usize) -> Result<Self, Failure> {
        match &self {
            Self::Rows { rows, .. } if rows.dim() != dim => {
                Err(refused("dim", &format!("{dim} lanes"), &format!("{} in the file", rows.dim())))
            }
            _ => Ok(self),
        }
    }
}

fn rows(rows: Queries) -> Stream {
    Stream::Rows { rows, next: 0 }
}

/// What a stream refuses.
fn refused(key: &'static str, expected: &str, found: &str) -> Failure {
    Failure::Stream { key, expected: expected.to_owned(), found: found.to_owned() }
}

/// Where a file is.
fn place(file: &Path, folder: &Path) -> Result<PathBuf, Failure> {
    let Some(rest) = file.to_str().and_then(|text| text.strip_prefix(DATA)) else {
        return Ok(folder.join(file));
    };
    let data = std::env::var_os("TICKRING_DATA").map(PathBuf::from);
    let data = data.filter(|data| data.is_dir()).ok_or_else(|| {
        refused("file", "TICKRING_DATA to name the folder of recorded data", "none there")
    })?;
    Ok(data.join(rest))
}

#[cfg(test)]
mod tests;

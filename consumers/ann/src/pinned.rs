//! Vectors that are searched beside the window and never leave.

use crate::corpus::{Indexed, Indexing, Part};
use crate::error::Error;
#[cfg(feature = "usearch")]
use crate::graph::Graph;
use crate::metric::{Metric, norm};
use crate::queries::Queries;
use crate::window::{Mark, PINNED, Window};

/// A library of vectors, each known by its row, which is its id.
#[derive(Clone, Debug, PartialEq)]
pub struct Pinned {
    /// The vectors.
    pub rows: Queries,
    /// How they are searched.
    pub index: PinnedIndex,
}

/// How vectors that never leave are searched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PinnedIndex {
    /// As those of the window.
    #[default]
    AsWindow,
    /// By the graph of usearch, which suits what never changes; this crate must have been built
    /// with the feature `usearch`.
    Usearch,
}

impl From<Queries> for Pinned {
    /// Searched as the window is.
    fn from(rows: Queries) -> Self {
        Self { rows, index: PinnedIndex::AsWindow }
    }
}

impl PinnedIndex {
    fn over(self, window: &Window, metric: Metric, indexing: Indexing) -> Result<Indexed, Error> {
        match self {
            Self::AsWindow => Ok(Indexed::new(window, metric, indexing)),
            #[cfg(feature = "usearch")]
            Self::Usearch => Ok(Indexed::Graph(Box::new(Graph::new(window, metric)?))),
            #[cfg(not(feature = "usearch"))]
            Self::Usearch => Err(Error::NotBuilt { feature: "usearch" }),
        }
    }
}

impl Pinned {
    /// The part of a corpus that never changes.
    pub(crate) fn part(
        &self,
        dim: usize,
        metric: Metric,
        indexing: Indexing,
    ) -> Result<Part, Error> {
        let Self { rows, index } = self;
        if rows.dim() != dim {
            let name = "the vectors ring".to_owned();
            return Err(Error::Dimension { name, expected: dim, found: rows.dim() });
        }
        let mut window = Window::new(dim, rows.len() as u64, None)?;
        let mut index = index.over(&window, metric, indexing)?;
        for (row, lanes) in (0..).map_while(|row| Some((row, rows.get(row)?))) {
            let id = row as u64;
            #[expect(clippy::cast_possible_truncation, reason = "rounds to the nearest f32")]
            let norm = norm(lanes) as f32;
            let mark = Mark { seq: id | PINNED, id, norm, ..Mark::default() };
            if let Some(position) = window.push(mark, lanes) {
                index.as_index().insert(&window, position);
            }
        }
        if let Indexed::Lists(lists) = &mut index {
            lists.settle(&window);
        }
        Ok(Part { window, index })
    }
}

//! Registered queries: vectors that are looked for again and again.

use crate::error::Error;
#[cfg(feature = "files")]
use crate::tables::{self, Format};
use npyz::{NpyFile, Order};
use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;

/// Query vectors, each known by its row.
#[derive(Clone, Debug, PartialEq)]
pub struct Queries {
    dim: usize,
    lanes: Vec<f32>,
}

impl Queries {
    /// Takes queries of `dim` lanes each, one behind the other.
    ///
    /// # Errors
    ///
    /// [`Error::Rows`] if there is no query or the last is not complete; [`Error::NotFinite`]
    /// for a lane that is NaN or infinite.
    pub fn new(dim: usize, lanes: Vec<f32>) -> Result<Self, Error> {
        if lanes.is_empty() || lanes.len().checked_rem(dim).is_none_or(|rest| rest != 0) {
            return Err(Error::Rows { dim, found: lanes.len() });
        }
        match lanes.iter().position(|lane| !lane.is_finite()) {
            Some(at) => {
                let found = lanes.get(at).copied().unwrap_or(f32::NAN);
                Err(Error::NotFinite { row: at / dim, found })
            }
            None => Ok(Self { dim, lanes }),
        }
    }

    /// Reads a file, whose format its first bytes tell: .npy, a two-dimensional array of float32 or
    /// uint8, one query per row; or with the feature `files` Parquet, or an Arrow IPC file or
    /// stream, with a column of lists of equal length.
    ///
    /// # Errors
    ///
    /// [`Error::QueryFile`], [`Error::QueryType`], [`Error::QueryShape`], [`Error::QueryColumn`],
    /// [`Error::QueryRow`], and those of [`new`](Self::new).
    pub fn load(path: &Path) -> Result<Self, Error> {
        let failed = |source: io::Error| Error::QueryFile { path: path.to_owned(), source };
        #[cfg(feature = "files")]
        if let Some(format) = Format::of_file(path).map_err(failed)? {
            return tables::load(path, format);
        }
        let file = BufReader::new(File::open(path).map_err(failed)?);
        let npy = NpyFile::new(file).map_err(failed)?;
        let fortran = npy.order() == Order::Fortran;
        let &[_, dim] = npy.shape() else { return Err(shape_error(path, &npy)) };
        if fortran {
            return Err(shape_error(path, &npy));
        }
        let lanes: Vec<f32> = match npy.try_data::<f32>() {
            Ok(lanes) => lanes.collect::<io::Result<_>>().map_err(failed)?,
            Err(npy) => match npy.try_data::<u8>() {
                Ok(lanes) => lanes
                    .map(|lane| lane.map(f32::from))
                    .collect::<io::Result<_>>()
                    .map_err(failed)?,
                Err(npy) => {
                    return Err(Error::QueryType {
                        path: path.to_owned(),
                        found: npy.dtype().descr(),
                    });
                }
            },
        };
        Self::new(usize::try_from(dim).unwrap_or(usize::MAX), lanes)
    }

    /// Lanes of each query.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// How many queries there are, at least one.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lanes.len() / self.dim
    }

    /// Whether there is no query, which cannot be.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lanes.is_empty()
    }

    /// A checksum of the lanes. Cost: a pass over them.
    #[must_use]
    pub(crate) fn checksum(&self) -> u32 {
        let mut sum = 0;
        for lane in &self.lanes {
            sum = crc32c::crc32c_append(sum, &lane.to_le_bytes());
        }
        sum
    }

    /// The lanes of the query in `row`; `None` behind the last.
    #[must_use]
    pub fn get(&self, row: usize) -> Option<&[f32]> {
        let start = row.checked_mul(self.dim)?;
        self.lanes.get(start..start.checked_add(self.dim)?)
    }
}

fn shape_error(path: &Path, npy: &NpyFile<BufReader<File>>) -> Error {
    Error::QueryShape {
        path: path.to_owned(),
        found: npy.shape().to_vec(),
        fortran: npy.order() == Order::Fortran,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A .npy file of version 1.0 with this header dictionary and data.
    fn file(descr: &str, order: &str, shape: &str, data: &[u8]) -> tempfile::NamedTempFile {
        let mut header =
            format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}");
        while (header.len() + 11) % 64 != 0 {
            header.push(' ');
        }
        header.push('\n');
        let length = u16::try_from(header.len()).unwrap();
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend(length.to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(data);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        file
    }

    fn floats(lanes: &[f32]) -> Vec<u8> {
        lanes.iter().flat_map(|lane| lane.to_le_bytes()).collect()
    }

    #[test]
    fn rows_of_floats_and_of_bytes_are_loaded() {
        let expected = Queries::new(3, vec![1.0, 2.0, 3.0, 4.0, 5.0, 255.0]).unwrap();
        let data = floats(&[1.0, 2.0, 3.0, 4.0, 5.0, 255.0]);
        let as_floats = file("<f4", "False", "(2, 3)", &data);
        let as_bytes = file("|u1", "False", "(2, 3)", &[1, 2, 3, 4, 5, 255]);
        for file in [as_floats, as_bytes] {
            let found = Queries::load(file.path()).unwrap();
            assert_eq!(found, expected);
            assert_eq!((found.len(), found.dim(), found.is_empty()), (2, 3, false));
            assert_eq!(found.get(1), Some(&[4.0, 5.0, 255.0][..]));
            assert_eq!(found.get(2), None);
        }
    }

    #[test]
    fn files_that_are_no_rows_of_queries_are_refused_with_what_was_found() {
        let four = floats(&[1.0, 2.0, 3.0, 4.0]);
        let cases = [
            (file("<f4", "False", "(4,)", &four), "shape [4]"),
            (file("<f4", "False", "(1, 2, 2)", &four), "shape [1, 2, 2]"),
            (file("<f4", "True", "(2, 2)", &four), "Fortran order"),
            (file("<f8", "False", "(1, 2)", &four), "f8"),
            (file("<f4", "False", "(3, 2)", &four), "cannot read queries"),
            (file("<f4", "False", "(0, 4)", &[]), "at least one query"),
            (file("<f4", "False", "(4, 0)", &[]), "at least one query"),
            (file("<f4", "False", "(2, 1)", &floats(&[0.0, f32::NAN])), "query 1"),
        ];
        for (file, expected) in cases {
            let error = Queries::load(file.path()).unwrap_err().to_string();
            assert!(error.contains(expected), "expected {expected:?} in {error:?}");
        }
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("text.npy");
        std::fs::write(&path, "no array").unwrap();
        for path in [path, root.path().join("none.npy")] {
            assert!(matches!(Queries::load(&path), Err(Error::QueryFile { .. })), "{path:?}");
        }
    }
}

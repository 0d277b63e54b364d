//! Vectors from columns: Parquet files, Arrow IPC files and streams.
//!
//! The column is the one called `vector`, `embedding`, `lanes`, or one of these in the plural; or
//! the only one of lists. Its lists have the same length, and hold floats of 16, 32 or 64 bits or
//! bytes; none is null.

use crate::error::Error;
use crate::queries::Queries;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Float16Type, Float32Type, Float64Type, Int8Type, UInt8Type,
};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, DataType, Schema};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::thread;

/// What a column of vectors is called.
const NAMES: [&str; 6] = ["vector", "vectors", "embedding", "embeddings", "lanes", "values"];

/// How a table is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Parquet,
    ArrowFile,
    ArrowStream,
}

impl Format {
    /// The format of a file by its first bytes; `None` if it is no table.
    pub(crate) fn of_file(path: &Path) -> io::Result<Option<Self>> {
        let mut begin = Vec::new();
        File::open(path)?.take(6).read_to_end(&mut begin)?;
        Ok(match begin.as_slice() {
            [b'P', b'A', b'R', b'1', ..] => Some(Self::Parquet),
            b"ARROW1" => Some(Self::ArrowFile),
            [0xFF, 0xFF, 0xFF, 0xFF, ..] => Some(Self::ArrowStream),
            _ => None,
        })
    }
}

/// Reads the column of vectors of a table. In a thread of its own, because decoders of these
/// formats panic on some damaged files.
///
/// # Errors
///
/// [`Error::QueryFile`], [`Error::QueryColumn`], [`Error::QueryRow`], [`Error::QueryType`], and
/// those of [`Queries::new`].
pub(crate) fn load(path: &Path, format: Format) -> Result<Queries, Error> {
    let read = || {
        let reader = thread::Builder::new().name("reads a table".to_owned());
        thread::scope(|scope| {
            Some(reader.spawn_scoped(scope, || decode(path, format)).ok()?.join())
        })
    };
    read().and_then(Result::ok).unwrap_or_else(|| {
        let source =
            io::Error::new(io::ErrorKind::InvalidData, "its decoder gave up: it is damaged");
        Err(Error::QueryFile { path: path.to_owned(), source })
    })
}

fn decode(path: &Path, format: Format) -> Result<Queries, Error> {
    let failed = |source: io::Error| Error::QueryFile { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    let other = |error: ArrowError| failed(io::Error::other(error));
    let mut rows = Rows { path, lanes: Vec::new(), dim: None };
    match format {
        Format::Parquet => {
            let broken = |error| failed(io::Error::other(error));
            let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(broken)?;
            let column = column_of(path, builder.schema())?;
            for batch in builder.build().map_err(broken)? {
                rows.take(&batch.map_err(other)?, column)?;
            }
        }
        Format::ArrowFile => {
            let reader = arrow_ipc::reader::FileReader::try_new(BufReader::new(file), None);
            let reader = reader.map_err(other)?;
            let column = column_of(path, &reader.schema())?;
            for batch in reader {
                rows.take(&batch.map_err(other)?, column)?;
            }
        }
        Format::ArrowStream => {
            let reader = arrow_ipc::reader::StreamReader::try_new(BufReader::new(file), None);
            let reader = reader.map_err(other)?;
            let column = column_of(path, &reader.schema())?;
            for batch in reader {
                rows.take(&batch.map_err(other)?, column)?;
            }
        }
    }
    Queries::new(rows.dim.unwrap_or(0), rows.lanes)
}

/// The place of the column of vectors.
fn column_of(path: &Path, schema: &Schema) -> Result<usize, Error> {
    let fields = schema.fields();
    let is_list = |ty: &DataType| {
        matches!(ty, DataType::FixedSizeList(..) | DataType::List(_) | DataType::LargeList(_))
    };
    let named = fields.iter().position(|field| {
        NAMES.contains(&field.name().to_lowercase().as_str()) && is_list(field.data_type())
    });
    let mut lists = fields.iter().enumerate().filter(|(_, field)| is_list(field.data_type()));
    let only = match (lists.next(), lists.next()) {
        (Some((at, _)), None) => Some(at),
        _ => None,
    };
    named.or(only).ok_or_else(|| Error::QueryColumn {
        path: path.to_owned(),
        found: fields.iter().map(|f| format!("{} ({})", f.name(), f.data_type())).collect(),
    })
}

/// The rows that were read so far.
struct Rows<'a> {
    path: &'a Path,
    lanes: Vec<f32>,
    dim: Option<usize>,
}

impl Rows<'_> {
    fn take(&mut self, batch: &RecordBatch, column: usize) -> Result<(), Error> {
        let Some(array) = batch.columns().get(column) else { return Ok(()) };
        for row in 0..array.len() {
            let list = match array.data_type() {
                DataType::FixedSizeList(..) => array.as_fixed_size_list_opt().map(|a| a.value(row)),
                DataType::List(_) => array.as_list_opt::<i32>().map(|a| a.value(row)),
                DataType::LargeList(_) => array.as_list_opt::<i64>().map(|a| a.value(row)),
                _ => None,
            };
            let list = list.filter(|list| array.is_valid(row) && list.null_count() == 0);
            let list = list.ok_or_else(|| self.wrong(row, "null".to_owned()))?;
            let dim = *self.dim.get_or_insert(list.len());
            if list.len() != dim {
                return Err(self.wrong(row, format!("a list of {}, not of {dim}", list.len())));
            }
            self.extend(&list)?;
        }
        Ok(())
    }

    fn wrong(&self, row: usize, found: String) -> Error {
        let row = self.dim.filter(|dim| *dim > 0).map_or(row, |dim| self.lanes.len() / dim);
        Error::QueryRow { path: self.path.to_owned(), row, found }
    }

    fn extend(&mut self, list: &ArrayRef) -> Result<(), Error> {
        #[expect(clippy::cast_possible_truncation, reason = "lanes are f32")]
        let narrow = |lane: f64| lane as f32;
        match list.data_type() {
            DataType::Float32 => self.push::<Float32Type>(list, |lane| lane),
            DataType::Float64 => self.push::<Float64Type>(list, narrow),
            DataType::Float16 => self.push::<Float16Type>(list, f32::from),
            DataType::UInt8 => self.push::<UInt8Type>(list, f32::from),
            DataType::Int8 => self.push::<Int8Type>(list, f32::from),
            other => {
                let (path, found) = (self.path.to_owned(), other.to_string());
                return Err(Error::QueryType { path, found });
            }
        }
        Ok(())
    }

    fn push<T: ArrowPrimitiveType>(&mut self, list: &ArrayRef, lane: impl Fn(T::Native) -> f32) {
        if let Some(values) = list.as_primitive_opt::<T>() {
            self.lanes.extend(values.values().iter().map(|value| lane(*value)));
        }
    }
}

//! A file that is being written.

use super::error::SinkError;
use super::options::FileFormat;
use arrow_array::RecordBatch;
use arrow_ipc::reader::FileReader;
use arrow_ipc::writer::FileWriter;
use arrow_schema::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::{KeyValue, ParquetMetaDataReader};
use parquet::file::properties::WriterProperties;
use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::{BufWriter, Seek};
use std::path::Path;

/// Rows of a Parquet row group at most: what the encoder keeps in memory.
const GROUP_ROWS: usize = 131_072;

/// Writes batches in one of the formats.
pub(super) enum Encoder {
    Parquet(Box<ArrowWriter<File>>),
    Arrow(Box<FileWriter<BufWriter<File>>>),
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Parquet(_) => "Parquet",
            Self::Arrow(_) => "Arrow",
        })
    }
}

impl Encoder {
    /// Creates the file at `path`.
    pub(super) fn create(
        format: FileFormat,
        path: &Path,
        schema: &SchemaRef,
    ) -> Result<Self, SinkError> {
        let file = File::create(path).map_err(SinkError::file("create", path))?;
        Ok(match format {
            FileFormat::Parquet => {
                let pairs = schema.metadata().iter();
                let mut pairs: Vec<KeyValue> =
                    pairs.map(|(key, value)| pair(key, value.clone())).collect();
                pairs.sort_by(|left, right| left.key.cmp(&right.key));
                let properties = WriterProperties::builder()
                    .set_compression(Compression::ZSTD(ZstdLevel::default()))
                    .set_max_row_group_row_count(Some(GROUP_ROWS))
                    .set_key_value_metadata(Some(pairs))
                    .build();
                let writer = ArrowWriter::try_new(file, SchemaRef::clone(schema), Some(properties));
                Self::Parquet(Box::new(writer.map_err(SinkError::format)?))
            }
            FileFormat::Arrow => {
                let writer = FileWriter::try_new_buffered(file, schema);
                Self::Arrow(Box::new(writer.map_err(SinkError::format)?))
            }
        })
    }

    /// Adds a batch.
    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), SinkError> {
        match self {
            Self::Parquet(writer) => writer.write(batch).map_err(SinkError::format),
            Self::Arrow(writer) => writer.write(batch).map_err(SinkError::format),
        }
    }

    /// Bytes that the file has, or would have if its row group ended here.
    pub(super) fn bytes(&mut self, path: &Path) -> Result<u64, SinkError> {
        match self {
            Self::Parquet(writer) => {
                let bytes = writer.bytes_written().saturating_add(writer.in_progress_size());
                Ok(u64::try_from(bytes).unwrap_or(u64::MAX))
            }
            Self::Arrow(writer) => {
                writer.get_mut().stream_position().map_err(SinkError::file("measure", path))
            }
        }
    }

    /// Writes the end of the file, with these pairs in its metadata.
    pub(super) fn finish(self, pairs: [(&str, String); 2]) -> Result<File, SinkError> {
        match self {
            Self::Parquet(mut writer) => {
                for (key, value) in pairs {
                    writer.append_key_value_metadata(pair(key, value));
                }
                writer.into_inner().map_err(SinkError::format)
            }
            Self::Arrow(mut writer) => {
                for (key, value) in pairs {
                    writer.write_metadata(key, value);
                }
                writer.finish().map_err(SinkError::format)?;
                let buffered = writer.into_inner().map_err(SinkError::format)?;
                buffered.into_inner().map_err(SinkError::format)
            }
        }
    }
}

fn pair(key: &str, value: String) -> KeyValue {
    KeyValue::new(key.to_owned(), value)
}

/// The metadata of a complete file.
///
/// # Errors
///
/// [`SinkError::File`] or [`SinkError::Format`] if it cannot be read.
pub(super) fn metadata(
    format: FileFormat,
    path: &Path,
) -> Result<HashMap<String, String>, SinkError> {
    let file = File::open(path).map_err(SinkError::file("open", path))?;
    match format {
        FileFormat::Parquet => {
            let metadata = ParquetMetaDataReader::new().parse_and_finish(&file);
            let metadata = metadata.map_err(SinkError::format)?;
            let pairs = metadata.file_metadata().key_value_metadata().into_iter().flatten();
            let pairs = pairs.map(|pair| (pair.key.clone(), pair.value.clone()));
            Ok(pairs.filter_map(|(key, value)| Some((key, value?))).collect())
        }
        FileFormat::Arrow => {
            let reader = FileReader::try_new_buffered(file, None).map_err(SinkError::format)?;
            Ok(reader.schema().metadata().clone().into())
        }
    }
}

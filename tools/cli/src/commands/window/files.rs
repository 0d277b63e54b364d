//! The options about files, and the files.

use crate::bytes;
use crate::duration;
use crate::failure::Failure;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Duration;
use tickring::record::{BarStats, Late, Record, WindowBar};
use tickring::{Directory, RingName};
use tickring_window::sink::{FileFormat, RingSink, Rotation, SinkOptions};
use tickring_window::{Progress, WindowSpec};

/// Whether the rings go to files too.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Options {
    /// Write bars to files in this folder too, and what is late: each record once, under names
    /// with the sequences in the ring, bars-FIRST-LAST, stats-FIRST-LAST and late-FIRST-LAST
    #[arg(long, value_name = "DIR")]
    files: Option<PathBuf>,
    /// Format of the files
    #[arg(long, value_name = "FORMAT", requires = "files", default_value = "parquet")]
    format: Format,
    /// Rows of a file [default: and at most: half the slots of the ring, from which they come again
    /// after a crash]
    #[arg(long, value_name = "N", requires = "files")]
    rotate_rows: Option<u64>,
    /// Size behind which the next file is begun, such as 16MiB
    #[arg(long, value_name = "SIZE", value_parser = bytes::parse, requires = "files")]
    rotate_bytes: Option<u64>,
    /// Event time that a file spans, such as 1h
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, requires = "files")]
    rotate_span: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Parquet,
    Arrow,
}

/// The rings that are followed into files.
#[derive(Debug)]
pub(super) struct Files {
    sinks: [RingSink; 2],
}

impl Options {
    /// Opens the files for the rings of bars and of what is late, if there are to be any.
    ///
    /// # Errors
    ///
    /// [`Failure::Files`].
    pub(super) fn open(
        &self,
        directory: &Directory,
        (bars, late): (&RingName, &RingName),
        spec: &WindowSpec,
    ) -> Result<Option<Files>, Failure> {
        let Some(folder) = self.files.clone() else { return Ok(None) };
        let span_ns =
            self.rotate_span.map_or(0, |span| u64::try_from(span.as_nanos()).unwrap_or(u64::MAX));
        let options = SinkOptions {
            folder,
            format: match self.format {
                Format::Parquet => FileFormat::Parquet,
                Format::Arrow => FileFormat::Arrow,
            },
            rotation: Rotation {
                rows: self.rotate_rows.unwrap_or(0),
                bytes: self.rotate_bytes.unwrap_or(0),
                span_ns,
            },
            spec: spec.canonical(),
            ..SinkOptions::default()
        };
        let mut kinds = vec![("bars", WindowBar::kind())];
        if spec.wanted() != 0 {
            kinds.push(("stats", BarStats::kind()));
        }
        // Late records are few: no limit of rows, which their ring may be too small for.
        let rows = Rotation { rows: 0, ..options.rotation };
        let rare = SinkOptions { rotation: rows, ..options.clone() };
        let sinks = [
            RingSink::open(directory, bars, &options, &kinds)?,
            RingSink::open(directory, late, &rare, &[("late", Late::kind())])?,
        ];
        Ok(Some(Files { sinks }))
    }
}

impl Files {
    /// Takes what is in the rings; at their end the files are committed.
    pub(super) fn take(&mut self) -> Result<(), Failure> {
        for sink in &mut self.sinks {
            while let Progress::Advanced(_) = sink.run_once()? {}
        }
        Ok(())
    }

    /// Takes what is in the rings and commits it.
    pub(super) fn commit(&mut self) -> Result<(), Failure> {
        self.take()?;
        self.sinks.iter_mut().try_for_each(RingSink::commit).map_err(Failure::from)
    }

    /// Rows and files so far.
    pub(super) fn counts(&self) -> (u64, u64) {
        let counts = self.sinks.iter().map(RingSink::counts);
        counts.fold((0, 0), |(rows, files), more| (rows + more.rows, files + more.files))
    }

    pub(super) fn json(&self) -> Value {
        let (rows, files) = self.counts();
        json!({"rows": rows, "files": files})
    }
}

//! Records of a ring as a DBN file, version 3.
//!
//! A record that came from DBN is written as the bytes it had there (after the upgrade to version
//! 3, for older files). A trade loses the venue's trade id, which DBN has no field for. Kinds that
//! DBN does not have are not written.

use std::io::Write;
use std::path::{Path, PathBuf};

use dbn::encode::dbn::MetadataEncoder;
use dbn::{MetadataBuilder, SType, Schema as DbnSchema};
use tickring::record::{Record, rtype};
use tickring::schema::Schema;
use tickring::{RecordRef, WrongKind};

use crate::error::{DbnError, Error};
use crate::source::Sink;
use crate::source::dbn::layout::{self, TRADE_LEN};

/// Bytes of a trade in words of 4 bytes, as the header says it.
const TRADE_WORDS: u8 = 12;

const _: () = assert!(TRADE_WORDS as usize * 4 == TRADE_LEN);

/// What the file's metadata says, apart from the schema, which follows from the ring's.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DbnHeader {
    /// Dataset code, for instance `GLBX.MDP3`.
    pub dataset: String,
    /// Time of the first record, in ns since the Unix epoch, UTC.
    pub start_ns: u64,
}

/// Writes a DBN file: records of a ring, or as a [`Sink`] those of a source, of all its rings in
/// the order they come.
#[derive(Debug)]
pub struct DbnWriter<W> {
    path: PathBuf,
    output: W,
    written: u64,
    refused: u64,
    /// The first error as a sink.
    error: Option<Error>,
}

impl<W: Write> DbnWriter<W> {
    /// Writes the metadata. `path` is for error messages only.
    ///
    /// # Errors
    /// [`Error::Dbn`] if the metadata cannot be encoded or written.
    pub fn new(path: &Path, output: W, header: DbnHeader, schema: &Schema) -> Result<Self, Error> {
        let metadata = MetadataBuilder::new()
            .dataset(header.dataset)
            .schema(schema_of(schema))
            .start(header.start_ns)
            .stype_in(None)
            .stype_out(SType::InstrumentId)
            .build();
        let mut output = output;
        MetadataEncoder::new(&mut output).encode(&metadata).map_err(|source| Error::Dbn {
            path: path.to_owned(),
            source: DbnError::Metadata { source },
        })?;
        Ok(Self { path: path.to_owned(), output, written: 0, refused: 0, error: None })
    }

    /// Writes metadata as [`DbnSource::metadata`](crate::source::dbn::DbnSource::metadata) gives
    /// them: with the records of that source behind them, the file is the one that it read.
    ///
    /// # Errors
    /// [`Error::Io`] if the output refuses it.
    pub fn with_metadata(path: &Path, mut output: W, metadata: &[u8]) -> Result<Self, Error> {
        output.write_all(metadata).map_err(|source| Error::io("write", path, source))?;
        Ok(Self { path: path.to_owned(), output, written: 0, refused: 0, error: None })
    }

    /// Writes one record, and returns whether DBN has its kind.
    ///
    /// # Errors
    /// [`Error::Io`] if the output refuses it.
    pub fn write(&mut self, record: RecordRef<'_>) -> Result<bool, Error> {
        self.put(record.rtype(), record.bytes())
    }

    /// Writes the bytes of one record, which may be followed by others.
    fn put(&mut self, rtype: u8, bytes: &[u8]) -> Result<bool, Error> {
        let len = layout::len(dbn::DBN_VERSION, rtype);
        let Some(bytes) = len.and_then(|len| bytes.get(..len)) else {
            self.refused += 1;
            return Ok(false);
        };
        let written = match bytes {
            // The record in the ring is longer, and its header says so.
            [_, rest @ ..] if rtype == rtype::TRADE => {
                self.output.write_all(&[TRADE_WORDS]).and_then(|()| self.output.write_all(rest))
            }
            _ => self.output.write_all(bytes),
        };
        written.map_err(|source| Error::io("write", &self.path, source))?;
        self.written += 1;
        Ok(true)
    }

    /// Writes a record unless there was an error before, and keeps its error.
    fn keep<R: Record>(&mut self, record: &R) {
        if self.error.is_none()
            && let Err(error) = self.put(record.header().rtype, record.as_bytes())
        {
            self.error = Some(error);
        }
    }

    /// Returns how many records were written.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Returns how many records were not, because DBN does not have their kind.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// Tells the first error as a sink, after which nothing was written. The caller is to stop
    /// then.
    ///
    /// # Errors
    /// That error.
    pub fn check(&mut self) -> Result<(), Error> {
        self.error.take().map_or(Ok(()), Err)
    }

    /// Flushes the output and returns it.
    ///
    /// # Errors
    /// [`Error::Io`] if the output refuses, or the error that [`check`](Self::check) tells.
    pub fn finish(mut self) -> Result<W, Error> {
        self.check()?;
        self.output.flush().map_err(|source| Error::io("write", &self.path, source))?;
        Ok(self.output)
    }
}

impl<W: Write> Sink for DbnWriter<W> {
    fn tick<R: Record>(&mut self, record: &R) -> Result<(), WrongKind> {
        self.keep(record);
        Ok(())
    }

    fn definition<R: Record>(&mut self, record: &R) -> Result<(), WrongKind> {
        self.keep(record);
        Ok(())
    }

    fn statistic<R: Record>(&mut self, record: &R) -> Result<(), WrongKind> {
        self.keep(record);
        Ok(())
    }
}

/// Returns the schema of a ring with one kind of DBN's, `None` for a mix.
fn schema_of(schema: &Schema) -> Option<DbnSchema> {
    let is_dbn = |rtype| layout::len(dbn::DBN_VERSION, rtype).is_some();
    let mut kinds = schema.data_kinds().filter(|kind| is_dbn(kind.rtype));
    let (first, more) = (kinds.next()?, kinds.next().is_some());
    (!more).then_some(match first.rtype {
        rtype::MBO => DbnSchema::Mbo,
        rtype::TRADE => DbnSchema::Trades,
        rtype::MBP_1 => DbnSchema::Mbp1,
        rtype::MBP_10 => DbnSchema::Mbp10,
        rtype::CMBP_1 => DbnSchema::Cmbp1,
        rtype::CBBO_1S => DbnSchema::Cbbo1S,
        rtype::CBBO_1M => DbnSchema::Cbbo1M,
        rtype::TCBBO => DbnSchema::Tcbbo,
        rtype::BBO_1S => DbnSchema::Bbo1S,
        rtype::BBO_1M => DbnSchema::Bbo1M,
        rtype::BAR_1S => DbnSchema::Ohlcv1S,
        rtype::BAR_1M => DbnSchema::Ohlcv1M,
        rtype::BAR_1H => DbnSchema::Ohlcv1H,
        rtype::BAR_1D => DbnSchema::Ohlcv1D,
        rtype::BAR_EOD => DbnSchema::OhlcvEod,
        rtype::STATUS => DbnSchema::Status,
        rtype::INSTRUMENT_DEF => DbnSchema::Definition,
        rtype::IMBALANCE => DbnSchema::Imbalance,
        rtype::STAT => DbnSchema::Statistics,
        _ => return None,
    })
}

//! Records of a ring as a DBN file, version 3.
//!
//! A record that came from DBN is written as the bytes it had there (after the upgrade to version
//! 3, for older files). A trade loses the venue's trade id, which DBN has no field for. Kinds that
//! DBN does not have are not written.

use std::io::Write;
use std::path::{Path, PathBuf};

use dbn::encode::dbn::MetadataEncoder;
use dbn::{MetadataBuilder, SType, Schema as DbnSchema, v3};
use tickring::RecordRef;
use tickring::record::{
    Bar, Imbalance, InstrumentDef, Mbo, Mbp1, Mbp10, Stat, Status, SymbolMapping, rtype,
};
use tickring::schema::Schema;

use crate::error::{DbnError, Error};

/// Bytes of a trade in DBN.
const TRADE_LEN: usize = size_of::<v3::TradeMsg>();
/// The same in words of 4 bytes, as the header says it.
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

/// Writes a DBN file.
#[derive(Debug)]
pub struct DbnWriter<W> {
    path: PathBuf,
    output: W,
    written: u64,
    refused: u64,
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
        Ok(Self { path: path.to_owned(), output, written: 0, refused: 0 })
    }

    /// Writes one record, and returns whether DBN has its kind.
    ///
    /// # Errors
    /// [`Error::Io`] if the output refuses it.
    pub fn write(&mut self, record: RecordRef<'_>) -> Result<bool, Error> {
        let Some(bytes) = dbn_len(record.rtype()).and_then(|len| record.bytes().get(..len)) else {
            self.refused += 1;
            return Ok(false);
        };
        let written = match bytes {
            // The record in the ring is longer, and its header says so.
            [_, rest @ ..] if record.rtype() == rtype::TRADE => {
                self.output.write_all(&[TRADE_WORDS]).and_then(|()| self.output.write_all(rest))
            }
            _ => self.output.write_all(bytes),
        };
        written.map_err(|source| Error::io("write", &self.path, source))?;
        self.written += 1;
        Ok(true)
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

    /// Flushes the output and returns it.
    ///
    /// # Errors
    /// [`Error::Io`] if the output refuses.
    pub fn finish(mut self) -> Result<W, Error> {
        self.output.flush().map_err(|source| Error::io("write", &self.path, source))?;
        Ok(self.output)
    }
}

/// Returns the bytes of a record of this type in DBN version 3, `None` if DBN does not have it.
fn dbn_len(rtype: u8) -> Option<usize> {
    Some(match rtype {
        rtype::MBO => size_of::<Mbo>(),
        rtype::TRADE => TRADE_LEN,
        rtype::MBP_1 => size_of::<Mbp1>(),
        rtype::MBP_10 => size_of::<Mbp10>(),
        rtype::BAR_1S..=rtype::BAR_EOD => size_of::<Bar>(),
        rtype::STATUS => size_of::<Status>(),
        rtype::INSTRUMENT_DEF => size_of::<InstrumentDef>(),
        rtype::IMBALANCE => size_of::<Imbalance>(),
        rtype::STAT => size_of::<Stat>(),
        rtype::SYMBOL_MAPPING => size_of::<SymbolMapping>(),
        _ => return None,
    })
}

/// Returns the schema of a ring with one kind of DBN's, `None` for a mix.
fn schema_of(schema: &Schema) -> Option<DbnSchema> {
    let mut kinds = schema.data_kinds().filter(|kind| dbn_len(kind.rtype).is_some());
    let (first, more) = (kinds.next()?, kinds.next().is_some());
    (!more).then_some(match first.rtype {
        rtype::MBO => DbnSchema::Mbo,
        rtype::TRADE => DbnSchema::Trades,
        rtype::MBP_1 => DbnSchema::Mbp1,
        rtype::MBP_10 => DbnSchema::Mbp10,
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

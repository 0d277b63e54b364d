//! What stands before the first record: version, dataset, schema.

use dbn::decode::dbn::MetadataDecoder;
use dbn::{Schema, VersionUpgradePolicy};
use tickring::record::{
    Bar, Imbalance, InstrumentDef, Mbo, Mbp1, Mbp10, Record, Stat, Status, SymbolMapping, Trade,
    rtype,
};
use tickring::schema::Kind;

use super::input::Input;
use crate::error::DbnError;

/// Bytes before the metadata: "DBN", version, length.
const PRELUDE_LEN: usize = 8;

/// What the file says about its records.
#[derive(Clone, Debug)]
pub(super) struct Preamble {
    pub(super) version: u8,
    pub(super) dataset: String,
    pub(super) kinds: Vec<Kind>,
}

impl Preamble {
    /// Reads the metadata and leaves the input at the first record.
    pub(super) fn read(input: &mut Input) -> Result<Self, DbnError> {
        let bytes = input.fill(PRELUDE_LEN);
        let (version, length) = match bytes {
            [] => return Err(input.take_error().unwrap_or(DbnError::Empty)),
            [b'D', b'B', b'N', version, a, b, c, d, ..] => {
                (*version, u32::from_le_bytes([*a, *b, *c, *d]))
            }
            [b'D', b'B', b'N', ..] => {
                let found = bytes.len();
                let truncated = DbnError::TruncatedMetadata { expected: PRELUDE_LEN, found };
                return Err(input.take_error().unwrap_or(truncated));
            }
            _ if is_dbz(bytes) => return Err(DbnError::LegacyDbz),
            _ => {
                return Err(DbnError::NoMetadata {
                    found: bytes.iter().take(4).copied().collect(),
                });
            }
        };
        if !(1..=3).contains(&version) {
            return Err(DbnError::Version { found: version });
        }
        let expected = usize::try_from(length).unwrap_or(usize::MAX).saturating_add(PRELUDE_LEN);
        let bytes = input.fill(expected);
        let Some(bytes) = bytes.get(..expected) else {
            let found = bytes.len();
            let truncated = DbnError::TruncatedMetadata { expected, found };
            return Err(input.take_error().unwrap_or(truncated));
        };
        let metadata = MetadataDecoder::with_upgrade_policy(bytes, VersionUpgradePolicy::AsIs)
            .decode()
            .map_err(|source| DbnError::Metadata { source })?;
        input.consume(expected);
        if metadata.ts_out {
            return Err(DbnError::TsOut);
        }
        Ok(Self { version, dataset: metadata.dataset, kinds: kinds_of(metadata.schema)? })
    }
}

/// Returns whether the file is in DBZ: a Zstandard skippable frame whose content begins "DBZ".
fn is_dbz(bytes: &[u8]) -> bool {
    matches!(bytes, [0x50..=0x5F, 0x2A, 0x4D, 0x18, ..])
}

/// Returns the kinds that a file of this schema has.
fn kinds_of(schema: Option<Schema>) -> Result<Vec<Kind>, DbnError> {
    Ok(match schema {
        Some(Schema::Mbo) => Mbo::kinds(),
        Some(Schema::Trades) => Trade::kinds(),
        Some(Schema::Mbp1 | Schema::Tbbo) => Mbp1::kinds(),
        Some(Schema::Mbp10) => Mbp10::kinds(),
        Some(Schema::Ohlcv1S) => bar(rtype::BAR_1S),
        Some(Schema::Ohlcv1M) => bar(rtype::BAR_1M),
        Some(Schema::Ohlcv1H) => bar(rtype::BAR_1H),
        Some(Schema::Ohlcv1D) => bar(rtype::BAR_1D),
        Some(Schema::OhlcvEod) => bar(rtype::BAR_EOD),
        Some(Schema::Definition) => InstrumentDef::kinds(),
        Some(Schema::Statistics) => Stat::kinds(),
        Some(Schema::Status) => Status::kinds(),
        Some(Schema::Imbalance) => Imbalance::kinds(),
        Some(other) => return Err(DbnError::Schema { found: other.as_str() }),
        None => [
            Trade::kinds(),
            Mbp1::kinds(),
            Mbp10::kinds(),
            Status::kinds(),
            InstrumentDef::kinds(),
            Imbalance::kinds(),
            SymbolMapping::kinds(),
            Stat::kinds(),
            Bar::kinds(),
            Mbo::kinds(),
        ]
        .concat(),
    })
}

/// Returns the kind of bars of one interval.
fn bar(rtype: u8) -> Vec<Kind> {
    Bar::kinds().into_iter().filter(|kind| kind.rtype == rtype).collect()
}

//! What stands before the first record: version, dataset, schema.

use std::str::FromStr;

use dbn::decode::dbn::MetadataDecoder;
use dbn::encode::dbn::MetadataEncoder;
use dbn::{Schema, VersionUpgradePolicy};
use tickring::record::rtype;
use tickring::schema::Kind;

use super::{Fragment, layout};
use crate::error::{DbnError, Error};
use crate::input::Input;

/// First bytes of a file.
pub(super) const MAGIC: &[u8] = b"DBN";

/// Bytes before the metadata: "DBN", version, length.
const PRELUDE_LEN: usize = 8;
/// Versions whose records can be brought to the last of them.
const VERSIONS: std::ops::RangeInclusive<u8> = 1..=dbn::DBN_VERSION;

/// What the file says about its records.
#[derive(Clone, Debug)]
pub(super) struct Preamble {
    pub(super) version: u8,
    pub(super) dataset: String,
    pub(super) kinds: Vec<Kind>,
    /// Whether each record is followed by the gateway's send time.
    pub(super) ts_out: bool,
    /// The metadata's bytes as of version 3, without a send time; empty for a fragment.
    pub(super) upgraded: Vec<u8>,
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
        if !VERSIONS.contains(&version) {
            return Err(DbnError::Version { found: version });
        }
        let expected = usize::try_from(length).unwrap_or(usize::MAX).saturating_add(PRELUDE_LEN);
        let bytes = input.fill(expected);
        let Some(bytes) = bytes.get(..expected) else {
            let found = bytes.len();
            let truncated = DbnError::TruncatedMetadata { expected, found };
            return Err(input.take_error().unwrap_or(truncated));
        };
        let failed = |source| DbnError::Metadata { source };
        let mut metadata =
            MetadataDecoder::with_upgrade_policy(bytes, VersionUpgradePolicy::UpgradeToV3)
                .decode()
                .map_err(failed)?;
        let (ts_out, schema) = (metadata.ts_out, metadata.schema);
        let mut upgraded = bytes.to_vec();
        if version < dbn::DBN_VERSION || ts_out {
            // The library computes the room without a symbol's end, and panics or wraps.
            if metadata.symbol_cstr_len == 0 {
                let reason = "the metadata has symbols of 0 bytes: expected at least 1, for the \
                              zero byte that ends them; the file is damaged: get it again";
                return Err(failed(dbn::Error::decode(reason)));
            }
            metadata.ts_out = false;
            upgraded.clear();
            MetadataEncoder::new(&mut upgraded).encode(&metadata).map_err(failed)?;
        }
        input.take(expected);
        let kinds = kinds_of(schema);
        Ok(Self { version, dataset: metadata.dataset, kinds, ts_out, upgraded })
    }

    /// Takes what the caller says of a file without metadata.
    pub(super) fn of_fragment(fragment: &Fragment) -> Result<Self, Error> {
        let &Fragment { version, ref schema } = fragment;
        if !VERSIONS.contains(&version) {
            let found = version.to_string();
            return Err(Error::Option { name: "version", expected: "1, 2 or 3", found });
        }
        let schema = schema.as_deref().map(|name| {
            Schema::from_str(name).map_err(|_| Error::Option {
                name: "schema",
                expected: "a DBN schema such as mbo, trades or mbp-1",
                found: name.to_owned(),
            })
        });
        let kinds = kinds_of(schema.transpose()?);
        let (dataset, upgraded) = (String::new(), Vec::new());
        Ok(Self { version, dataset, kinds, ts_out: false, upgraded })
    }
}

/// Returns whether the file is in DBZ: a Zstandard skippable frame whose content begins "DBZ".
pub(super) fn is_dbz(bytes: &[u8]) -> bool {
    matches!(bytes, [0x50..=0x5F, 0x2A, 0x4D, 0x18, _, _, _, _, b'D', b'B', b'Z', ..])
}

/// Returns the kinds that a file of this schema has.
fn kinds_of(schema: Option<Schema>) -> Vec<Kind> {
    let rtype = match schema {
        Some(Schema::Mbo) => rtype::MBO,
        Some(Schema::Trades) => rtype::TRADE,
        Some(Schema::Mbp1 | Schema::Tbbo) => rtype::MBP_1,
        Some(Schema::Mbp10) => rtype::MBP_10,
        Some(Schema::Cmbp1) => rtype::CMBP_1,
        Some(Schema::Cbbo1S) => rtype::CBBO_1S,
        Some(Schema::Cbbo1M) => rtype::CBBO_1M,
        Some(Schema::Tcbbo) => rtype::TCBBO,
        Some(Schema::Bbo1S) => rtype::BBO_1S,
        Some(Schema::Bbo1M) => rtype::BBO_1M,
        Some(Schema::Ohlcv1S) => rtype::BAR_1S,
        Some(Schema::Ohlcv1M) => rtype::BAR_1M,
        Some(Schema::Ohlcv1H) => rtype::BAR_1H,
        Some(Schema::Ohlcv1D) => rtype::BAR_1D,
        Some(Schema::OhlcvEod) => rtype::BAR_EOD,
        Some(Schema::Definition) => rtype::INSTRUMENT_DEF,
        Some(Schema::Statistics) => rtype::STAT,
        Some(Schema::Status) => rtype::STATUS,
        Some(Schema::Imbalance) => rtype::IMBALANCE,
        None => return layout::kinds(),
    };
    layout::kinds().into_iter().filter(|kind| kind.rtype == rtype).collect()
}

//! From bytes to records.

use std::fmt;
use std::path::{Path, PathBuf};

use dbn::decode::dbn::fsm::{DbnFsm, ProcessResult};
use dbn::{VersionUpgradePolicy, v1, v2, v3};
use tickring::record::{
    Bar, Imbalance, InstrumentDef, Mbo, Mbp1, Mbp10, Record, RecordHeader, Stat, Status,
    SymbolMapping, Trade, UNDEF_TIME, rtype,
};
use zerocopy::IntoBytes;

use super::metadata::Preamble;
use crate::error::{DbnError, Error};
use crate::source::{Count, Report, Sink};

/// Bytes of a record's header.
const HEADER_LEN: usize = size_of::<RecordHeader>();

/// Bytes of a DBN trade: ours has the venue's trade id behind it.
pub(crate) const TRADE_LEN: usize = size_of::<v3::TradeMsg>();

/// How far a walk came, and why not further.
#[derive(Debug)]
pub(super) struct Walked {
    pub(super) records: usize,
    pub(super) bytes: usize,
    pub(super) error: Option<Error>,
}

/// Turns the bytes of one file into records.
pub(super) struct Walk {
    path: PathBuf,
    version: u8,
    wanted: [bool; 256],
    seen: [u64; 256],
    skipped: [u64; 256],
    number: u64,
    offset: u64,
    upgrade: Option<Box<DbnFsm>>,
}

impl Walk {
    pub(super) fn new(path: &Path, offset: u64, preamble: &Preamble) -> Result<Self, DbnError> {
        let mut wanted = [false; 256];
        for kind in &preamble.kinds {
            if let Some(wanted) = wanted.get_mut(usize::from(kind.rtype)) {
                *wanted = true;
            }
        }
        let (version, number) = (preamble.version, 0);
        let upgrade = (version < dbn::DBN_VERSION)
            .then(|| upgrader(version))
            .transpose()
            .map_err(|source| DbnError::Upgrade { number, offset, source })?;
        Ok(Self {
            path: path.to_owned(),
            version,
            wanted,
            seen: [0; 256],
            skipped: [0; 256],
            number,
            offset,
            upgrade,
        })
    }

    /// Gives the whole records at the start of `bytes` to `sink`, up to `budget`.
    pub(super) fn records<S: Sink>(&mut self, bytes: &[u8], budget: usize, sink: &mut S) -> Walked {
        let mut rest = bytes;
        let mut records = 0;
        let mut error = None;
        while records < budget {
            let Some(&[words, rtype]) = rest.first_chunk::<2>() else {
                break;
            };
            let found = usize::from(words) * 4;
            let Some((record, after)) = rest.split_at_checked(found.max(HEADER_LEN)) else {
                break;
            };
            let given = self.check(rtype, found).and_then(|()| self.record(rtype, record, sink));
            if given.is_err() {
                error = given.err();
                break;
            }
            rest = after;
            records += 1;
            self.number += 1;
            self.offset += found as u64;
        }
        Walked { records, bytes: bytes.len() - rest.len(), error }
    }

    /// Returns the error of a file that ends with `bytes`, which are less than a record.
    pub(super) fn truncated(&self, bytes: &[u8]) -> DbnError {
        let words = bytes.first().copied().unwrap_or_default();
        DbnError::Truncated {
            number: self.number,
            offset: self.offset,
            expected: (usize::from(words) * 4).max(HEADER_LEN),
            found: bytes.len(),
        }
    }

    pub(super) fn error(&self, source: DbnError) -> Error {
        Error::Dbn { path: self.path.clone(), source }
    }

    pub(super) fn report(&self) -> Report {
        let names = |counts: &[u64; 256], name: fn(u8) -> String| {
            let present = (0..=u8::MAX).zip(counts).filter(|&(_, &count)| count > 0);
            present.map(|(rtype, &count)| Count::new(name(rtype), count)).collect()
        };
        Report {
            inputs: names(&self.seen, kind_name),
            anomalies: names(&self.skipped, |rtype| format!("{} skipped", kind_name(rtype))),
        }
    }

    fn check(&self, rtype: u8, found: usize) -> Result<(), Error> {
        let expected = match layout_len(self.version, rtype) {
            Some(expected) if expected == found => return Ok(()),
            Some(expected) => expected,
            None if found >= HEADER_LEN => return Ok(()),
            None => HEADER_LEN,
        };
        let (number, offset) = (self.number, self.offset);
        Err(self.error(DbnError::Length { number, offset, rtype, expected, found }))
    }

    #[inline]
    fn record<S: Sink>(&mut self, rtype: u8, bytes: &[u8], sink: &mut S) -> Result<(), Error> {
        let index = usize::from(rtype);
        if !self.wanted.get(index).copied().unwrap_or_default() {
            if let Some(skipped) = self.skipped.get_mut(index) {
                *skipped += 1;
            }
            return Ok(());
        }
        if let Some(seen) = self.seen.get_mut(index) {
            *seen += 1;
        }
        let changed = matches!(rtype, rtype::INSTRUMENT_DEF | rtype::STAT | rtype::SYMBOL_MAPPING);
        if changed && let Some(upgrade) = &mut self.upgrade {
            upgrade.write_all(bytes);
            let source = match upgrade.process() {
                ProcessResult::Record(()) => None,
                ProcessResult::Err(source) => Some(source),
                ProcessResult::ReadMore(_) | ProcessResult::Metadata(_) => {
                    Some(dbn::Error::decode("the record is not whole"))
                }
            };
            if let Some(source) = source {
                let (number, offset) = (self.number, self.offset);
                return Err(self.error(DbnError::Upgrade { number, offset, source }));
            }
            return match upgrade.last_record() {
                Some(record) => give_any(rtype, record.as_ref(), sink),
                None => Ok(()),
            };
        }
        give_any(rtype, bytes, sink)
    }
}

impl fmt::Debug for Walk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Walk")
            .field("path", &self.path)
            .field("version", &self.version)
            .field("number", &self.number)
            .field("offset", &self.offset)
            .finish_non_exhaustive()
    }
}

/// Returns when a record was received (DBN's index time), or when its event was if it does not
/// say; `None` if it says neither or is not whole.
pub(super) fn time_ns(bytes: &[u8]) -> Option<u64> {
    let (header, _) = bytes.first_chunk::<HEADER_LEN>()?.split_at(8);
    let rtype = *header.get(1)?;
    let offset = match rtype {
        rtype::MBO => 40,
        rtype::TRADE | rtype::MBP_1 | rtype::MBP_10 => 32,
        rtype::STATUS | rtype::INSTRUMENT_DEF | rtype::IMBALANCE | rtype::STAT => 16,
        _ => 8,
    };
    let time = bytes.get(offset..)?.first_chunk::<8>()?;
    Some(u64::from_le_bytes(*time)).filter(|&ns| ns != UNDEF_TIME)
}

/// Creates the machine that brings single records of an older version to version 3.
fn upgrader(version: u8) -> dbn::Result<Box<DbnFsm>> {
    let fsm = DbnFsm::builder()
        .skip_metadata(true)
        .upgrade_policy(VersionUpgradePolicy::UpgradeToV3)
        .input_dbn_version(Some(version))?
        .build()?;
    Ok(Box::new(fsm))
}

/// Returns the bytes of a record in this version of DBN, `None` for types without a ring kind.
fn layout_len(version: u8, rtype: u8) -> Option<usize> {
    Some(match (rtype, version) {
        (rtype::MBO, _) => size_of::<Mbo>(),
        (rtype::TRADE, _) => TRADE_LEN,
        (rtype::MBP_1, _) => size_of::<Mbp1>(),
        (rtype::MBP_10, _) => size_of::<Mbp10>(),
        (rtype::BAR_1S..=rtype::BAR_EOD, _) => size_of::<Bar>(),
        (rtype::STATUS, _) => size_of::<Status>(),
        (rtype::IMBALANCE, _) => size_of::<Imbalance>(),
        (rtype::INSTRUMENT_DEF, 1) => size_of::<v1::InstrumentDefMsg>(),
        (rtype::INSTRUMENT_DEF, 2) => size_of::<v2::InstrumentDefMsg>(),
        (rtype::INSTRUMENT_DEF, _) => size_of::<InstrumentDef>(),
        (rtype::STAT, 1) => size_of::<v1::StatMsg>(),
        (rtype::STAT, 2) => size_of::<v2::StatMsg>(),
        (rtype::STAT, _) => size_of::<Stat>(),
        (rtype::SYMBOL_MAPPING, 1) => size_of::<v1::SymbolMappingMsg>(),
        (rtype::SYMBOL_MAPPING, _) => size_of::<SymbolMapping>(),
        _ => return None,
    })
}

/// Gives the record in `bytes`, which is of version 3 and as long as its type says.
#[inline]
fn give_any<S: Sink>(rtype: u8, bytes: &[u8], sink: &mut S) -> Result<(), Error> {
    match rtype {
        rtype::MBO => give::<Mbo, S>(bytes, sink),
        rtype::TRADE => give_trade(bytes, sink),
        rtype::MBP_1 => give::<Mbp1, S>(bytes, sink),
        rtype::MBP_10 => give::<Mbp10, S>(bytes, sink),
        rtype::BAR_1S..=rtype::BAR_EOD => give::<Bar, S>(bytes, sink),
        rtype::STATUS => give::<Status, S>(bytes, sink),
        rtype::IMBALANCE => give::<Imbalance, S>(bytes, sink),
        rtype::INSTRUMENT_DEF => give::<InstrumentDef, S>(bytes, sink),
        rtype::STAT => give::<Stat, S>(bytes, sink),
        rtype::SYMBOL_MAPPING => give::<SymbolMapping, S>(bytes, sink),
        _ => Ok(()),
    }
}

/// Gives the record where it lies if that is aligned (as in files of version 3), else a copy.
#[inline]
fn give<R: Record, S: Sink>(bytes: &[u8], sink: &mut S) -> Result<(), Error> {
    if let Ok(record) = R::ref_from_bytes(bytes) {
        sink.tick(record).map_err(tickring::Error::from)?;
    } else if let Ok(record) = R::read_from_bytes(bytes) {
        sink.tick(&record).map_err(tickring::Error::from)?;
    }
    Ok(())
}

/// Gives a trade: DBN's 48 bytes, then no trade id.
#[inline]
fn give_trade<S: Sink>(bytes: &[u8], sink: &mut S) -> Result<(), Error> {
    let mut trade = Trade::empty(0, 0, 0);
    let length = trade.header.length;
    for (to, from) in trade.as_mut_bytes().iter_mut().zip(bytes) {
        *to = *from;
    }
    trade.header.length = length;
    trade.trade_id = 0;
    sink.tick(&trade).map_err(tickring::Error::from)?;
    Ok(())
}

/// Returns what people call records of this type.
fn kind_name(rtype: u8) -> String {
    let known = tickring::record::builtin_kinds().into_iter().find(|kind| kind.rtype == rtype);
    known.map_or_else(|| format!("rtype {rtype:#04x}"), |kind| kind.name.into_owned())
}

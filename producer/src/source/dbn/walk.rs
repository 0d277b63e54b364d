//! From bytes to records.

use std::fmt;
use std::path::{Path, PathBuf};

use dbn::VersionUpgradePolicy;
use dbn::decode::dbn::fsm::{DbnFsm, ProcessResult};
use tickring::record::{RecordHeader, UNDEF_TIME, rtype};
use zerocopy::IntoBytes;

use super::metadata::{MAGIC, Preamble};
use super::{LONGEST_RECORD, layout};
use crate::error::{DbnError, Error};
use crate::source::{Count, Report, Sink};

/// Bytes of a record's header.
const HEADER_LEN: usize = size_of::<RecordHeader>();

/// Bytes of the gateway's send time behind each record of a capture that has it.
const TS_OUT_LEN: usize = size_of::<u64>();

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
    /// Bytes behind each record that the rings' records do not have.
    tail_len: usize,
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
            tail_len: if preamble.ts_out { TS_OUT_LEN } else { 0 },
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
            let given = self.check(rtype, record).and_then(|()| self.record(rtype, record, sink));
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
        if bytes.starts_with(MAGIC) {
            return self.metadata_inside();
        }
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

    fn metadata_inside(&self) -> DbnError {
        DbnError::MetadataInside { number: self.number, offset: self.offset }
    }

    pub(super) fn report(&self) -> Report {
        let sent: u64 = if self.tail_len > 0 { self.seen.iter().sum() } else { 0 };
        let sent = (sent > 0).then(|| Count::new("ts_out not kept", sent));
        let names = |counts: &[u64; 256], name: fn(u8) -> String| {
            let present = (0..=u8::MAX).zip(counts).filter(|&(_, &count)| count > 0);
            present.map(|(rtype, &count)| Count::new(name(rtype), count)).collect::<Vec<_>>()
        };
        let skipped = names(&self.skipped, |rtype| format!("{} skipped", kind_name(rtype)));
        Report {
            inputs: names(&self.seen, kind_name),
            anomalies: skipped.into_iter().chain(sent).collect(),
        }
    }

    /// Checks the length that the header gives; `record` is at least as long as a header.
    #[inline]
    fn check(&self, rtype: u8, record: &[u8]) -> Result<(), Error> {
        let found = record.first().map_or(0, |&words| usize::from(words) * 4);
        let expected = match layout::len(self.version, rtype) {
            Some(expected) if expected + self.tail_len == found => return Ok(()),
            Some(expected) => expected + self.tail_len,
            None if record.starts_with(MAGIC) => return Err(self.error(self.metadata_inside())),
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
        if self.tail_len == 0 {
            return self.whole(rtype, bytes, sink);
        }
        let own_len = bytes.len().saturating_sub(self.tail_len);
        let own = bytes.get(..own_len).unwrap_or_default();
        let mut copy = [0_u64; LONGEST_RECORD / 8];
        let Some(copy) = copy.as_mut_bytes().get_mut(..own.len()) else {
            return Ok(());
        };
        copy.copy_from_slice(own);
        if let (Some(words), Ok(own_words)) = (copy.first_mut(), u8::try_from(own_len / 4)) {
            *words = own_words;
        }
        self.whole(rtype, copy, sink)
    }

    /// Gives a record that is what its type says, after its upgrade where it needs one.
    #[inline]
    fn whole<S: Sink>(&mut self, rtype: u8, bytes: &[u8], sink: &mut S) -> Result<(), Error> {
        if layout::has_changed(rtype)
            && let Some(upgrade) = &mut self.upgrade
        {
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
                Some(record) => layout::give(rtype, record.as_ref(), sink),
                None => Ok(()),
            };
        }
        layout::give(rtype, bytes, sink)
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
        rtype::TRADE | rtype::MBP_1 | rtype::MBP_10 | rtype::CMBP_1 => 32,
        rtype::CBBO_1S..=rtype::BBO_1M => 32,
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

/// Returns what people call records of this type.
fn kind_name(rtype: u8) -> String {
    let known = tickring::record::builtin_kinds().into_iter().find(|kind| kind.rtype == rtype);
    known.map_or_else(|| format!("rtype {rtype:#04x}"), |kind| kind.name.into_owned())
}

//! Nasdaq TotalView-ITCH 5.0 from a BinaryFILE.
//!
//! The file is mapped and its messages are viewed in place; nothing is copied before the record.
//! What each message becomes is said in [`normalise`]. With [`ItchOptions::raw`] each message goes
//! to the ring as the bytes that it is instead.

pub mod normalise;
mod raw;
pub(crate) mod received;

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use tickring::record::{
    Heartbeat, Imbalance, InstrumentDef, Mbo, Raw, Record, Stat, Status, Trade,
};

use crate::error::Error;
use crate::map::MappedFile;
use crate::source::{Kinds, Progress, Report, Sink, Source};
use crate::wire::binary_file::{BinaryFile, Frame, FrameError};
use crate::wire::itch50;
use normalise::Normaliser;
use raw::Messages;

/// Messages from one that is foreseen to the one that is decoded meanwhile.
const AHEAD: usize = 16;

/// What ends a session: a message without bytes.
const END_MARK: &[u8] = &[0, 0];

/// The longest time of day that a message can carry: 48 bits of nanoseconds.
const LONGEST_DAY_NS: u64 = 1 << 48;

/// Where the venue's days begin and end.
const NEW_YORK: &str = "America/New_York";

/// Options of [`ItchSource`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ItchOptions {
    /// Date of the session in New York. ITCH carries times of day only, and the file's name is no
    /// evidence, so without an option it is 1970-01-01.
    pub date: Date,
    /// Give each message undecoded, as [`Raw`] records, in place of what it means. The file can be
    /// [written](crate::sink::raw::RawWriter) from them again, byte for byte.
    pub raw: bool,
}

impl Default for ItchOptions {
    fn default() -> Self {
        Self { date: Date::constant(1970, 1, 1), raw: false }
    }
}

/// Reads the messages of an ITCH 5.0 BinaryFILE.
#[derive(Debug)]
pub struct ItchSource {
    path: PathBuf,
    file: MappedFile,
    offset: usize,
    number: u64,
    output: Output,
}

/// What becomes of messages.
#[derive(Debug)]
enum Output {
    /// What they mean.
    Normalised(Normaliser),
    /// What they are.
    Raw(Messages),
}

impl ItchSource {
    /// Maps the file.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be mapped, [`Error::Frame`] if it is empty, [`Error::Option`] if
    /// the date is outside 1970 to 2554.
    pub fn open(path: &Path, options: &ItchOptions) -> Result<Self, Error> {
        let midnight_ns = new_york_midnight_ns(options.date)?;
        let file = MappedFile::open(path)?;
        let path = path.to_owned();
        if file.is_empty() {
            return Err(Error::Frame { path, source: FrameError::Empty });
        }
        let output = match options.raw {
            false => Output::Normalised(Normaliser::new(midnight_ns)),
            true => Output::Raw(Messages::new(midnight_ns)),
        };
        Ok(Self { path, file, offset: 0, number: 0, output })
    }

    /// Gives the mark at the end of the session, where messages are given as they are and the file
    /// has one; returns how many inputs that were.
    fn end<S: Sink>(&mut self, sink: &mut S) -> Result<usize, Error> {
        let Output::Raw(messages) = &mut self.output else {
            return Ok(0);
        };
        if self.file.get(self.offset..) != Some(END_MARK) {
            return Ok(0);
        }
        messages.end(self.number, sink).map_err(tickring::Error::from)?;
        self.offset += END_MARK.len();
        Ok(1)
    }
}

/// Returns midnight of `date` in New York, in ns since the Unix epoch.
pub(crate) fn new_york_midnight_ns(date: Date) -> Result<u64, Error> {
    TimeZone::get(NEW_YORK)
        .and_then(|zone| date.to_zoned(zone))
        .ok()
        .and_then(|midnight| u64::try_from(midnight.timestamp().as_nanosecond()).ok())
        .filter(|&ns| ns < u64::MAX - LONGEST_DAY_NS)
        .ok_or_else(|| Error::Option {
            name: "date",
            expected: "a date from 1970-01-01 to 2554-07-01",
            found: date.to_string(),
        })
}

/// Returns what date it is in New York now.
pub(crate) fn new_york_date() -> Date {
    let now = Timestamp::now();
    // The zone is built in.
    now.in_tz(NEW_YORK).unwrap_or_else(|_| now.to_zoned(TimeZone::UTC)).date()
}

impl Source for ItchSource {
    fn kinds(&self) -> Kinds {
        if let Output::Raw(_) = self.output {
            let ticks = [Raw::kinds(), Heartbeat::kinds()].concat();
            return Kinds { ticks, ..Kinds::default() };
        }
        Kinds {
            ticks: [Mbo::kinds(), Trade::kinds(), Status::kinds(), Heartbeat::kinds()].concat(),
            definitions: InstrumentDef::kinds(),
            statistics: [Imbalance::kinds(), Stat::kinds()].concat(),
        }
    }

    fn next_time_ns(&mut self) -> Option<u64> {
        let frame = BinaryFile::resume(&self.file, self.offset, self.number).next()?.ok()?;
        let message = itch50::parse(frame.bytes).ok()?;
        Some(match &self.output {
            Output::Normalised(normaliser) => normaliser.time_ns(message.header()),
            Output::Raw(messages) => messages.time_ns(message.header()),
        })
    }

    fn poll<S: Sink>(&mut self, sink: &mut S, budget: usize) -> Result<Progress, Error> {
        let mut file = BinaryFile::resume(&self.file, self.offset, self.number);
        let mut ahead = file.clone();
        ahead.by_ref().take(AHEAD.min(budget)).for_each(drop);
        let mut consumed = 0;
        while consumed < budget {
            let Some(frame) = file.next() else {
                consumed += self.end(sink)?;
                break;
            };
            let Frame { number, offset, bytes } =
                frame.map_err(|source| Error::Frame { path: self.path.clone(), source })?;
            let given = match &mut self.output {
                Output::Normalised(normaliser) => {
                    if let Some(Ok(later)) = ahead.next() {
                        normaliser.foresee(later.bytes);
                    }
                    let message = itch50::parse(bytes).map_err(|source| {
                        let path = self.path.clone();
                        Error::Itch { path, number, offset, source }
                    })?;
                    normaliser.message(number, &message, sink)
                }
                Output::Raw(messages) => messages.message(number, bytes, sink),
            };
            given.map_err(tickring::Error::from)?;
            (self.offset, self.number) = (file.offset(), file.number());
            consumed += 1;
        }
        Ok(if consumed == 0 && budget > 0 { Progress::End } else { Progress::Advanced(consumed) })
    }

    fn report(&self) -> Report {
        match &self.output {
            Output::Normalised(normaliser) => normaliser.report(),
            Output::Raw(messages) => messages.report(),
        }
    }
}

#[cfg(test)]
mod tests;

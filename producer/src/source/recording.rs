//! WebSocket messages that somebody recorded, one a line, plain or compressed by gzip.
//!
//! Two formats are understood, line by line:
//!
//! ```text
//! cryptofeed                          hftbacktest
//! URL <-> TIME             connected  NANOSECONDS {message}
//! URL <- TIME: {message}   sent
//! URL -> TIME: {answer}    HTTP GET
//! TIME: {message}          received
//! ```
//!
//! TIME is in seconds, with decimals. Times are those of receipt, and become ts_recv. Several files
//! are merged by their times, so that snapshots recorded apart come when they came; an answer's
//! instrument is named by `symbol=` in its URL.
//!
//! A line that is none of these is treated as a message that cannot be read: the recording has a
//! hole there.

mod line;

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use thiserror::Error;
use tickring::record::{DeltaW, Gap, Heartbeat, QuoteW, Record, TradeW};

use crate::error::Error;
use crate::source::{Count, Kinds, Progress, Report, Sink, Source};
use crate::venue::{Lost, Message, Normaliser, Venue};
use line::Line;

/// The longest line, in bytes: some thirty times the largest snapshot seen.
const MOST_LINE: u64 = 1 << 26;
/// The first bytes of a gzip file.
const GZIP: [u8; 2] = [0x1F, 0x8B];

/// Says why a recording cannot be read.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum RecordingError {
    /// The first line is in neither format.
    #[error(
        "not a recording: expected `TIME: {{message}}`, `URL <-> TIME` or \
         `NANOSECONDS {{message}}`, found {found:?}; give a file that cryptofeed or hftbacktest \
         wrote"
    )]
    Format {
        /// How the line begins.
        found: String,
    },
    /// The file has no lines.
    #[error("empty recording: expected a message a line, found 0 bytes; record it again")]
    Empty,
    /// A line is too long to be a message.
    #[error(
        "line too long: expected at most {most} bytes, found more; no venue sends such messages: \
         check that the file is a recording"
    )]
    Long {
        /// The longest line that is read.
        most: u64,
    },
}

/// Reads recordings of one venue's messages.
#[derive(Debug)]
pub struct RecordingSource {
    files: Vec<Recording>,
    normaliser: Normaliser,
    /// URLs that were connected to.
    connected: Vec<Box<[u8]>>,
    /// Time of the last line that had one.
    now_ns: u64,
    connections: u64,
    sent: u64,
}

impl RecordingSource {
    /// Opens recordings of a venue.
    ///
    /// # Errors
    /// [`Error::Io`] if one cannot be read, [`Error::Recording`] if one is none.
    pub fn open(venue: Venue, paths: &[PathBuf]) -> Result<Self, Error> {
        let files = paths.iter().map(|path| Recording::open(path)).collect::<Result<_, _>>()?;
        Ok(Self {
            files,
            normaliser: Normaliser::new(venue),
            connected: Vec::new(),
            now_ns: 0,
            connections: 0,
            sent: 0,
        })
    }

    /// Returns the file whose line is next: lines without a time at once, then the earliest.
    fn next(&mut self) -> Option<&mut Recording> {
        let files = self.files.iter_mut().filter(|file| !file.is_at_end);
        files.min_by_key(|file| file.time_ns)
    }
}

/// Gives the records of a line.
fn publish<S: Sink>(
    line: &Line<'_>,
    connected: &mut Vec<Box<[u8]>>,
    (now_ns, normaliser): (u64, &mut Normaliser),
    sink: &mut S,
) -> Result<(), tickring::WrongKind> {
    match *line {
        Line::Connected { url } => {
            if connected.iter().any(|known| **known == *url) {
                normaliser.lost(Lost::Connection, now_ns, sink)?;
            } else {
                connected.push(url.into());
            }
            normaliser.connected(sink);
            Ok(())
        }
        Line::Received(bytes) => normaliser.message(Message { ts_recv: now_ns, bytes }, sink),
        Line::Fetched { url, bytes } => {
            let message = Message { ts_recv: now_ns, bytes };
            match line::symbol(url) {
                Some(symbol) => normaliser.snapshot(symbol, message, sink),
                None => normaliser.message(message, sink),
            }
        }
        Line::Sent | Line::Note => Ok(()),
        Line::Unknown(bytes) => normaliser.unreadable(Message { ts_recv: now_ns, bytes }, sink),
    }
}

impl Source for RecordingSource {
    fn kinds(&self) -> Kinds {
        kinds()
    }

    fn next_time_ns(&mut self) -> Option<u64> {
        let now_ns = self.now_ns;
        self.next().map(|file| file.time_ns.unwrap_or(now_ns))
    }

    fn poll<S: Sink>(&mut self, sink: &mut S, budget: usize) -> Result<Progress, Error> {
        let mut consumed = 0;
        while consumed < budget {
            let now_ns = self.now_ns;
            let files = self.files.iter_mut().filter(|file| !file.is_at_end);
            let Some(file) = files.min_by_key(|file| file.time_ns) else { break };
            self.now_ns = file.time_ns.unwrap_or(now_ns);
            let line = Line::read(file.line()).1;
            self.connections += u64::from(matches!(line, Line::Connected { .. }));
            self.sent += u64::from(line == Line::Sent);
            publish(&line, &mut self.connected, (self.now_ns, &mut self.normaliser), sink)
                .map_err(tickring::Error::from)?;
            // What a recording cannot give is not asked for.
            while self.normaliser.drop_request() {}
            file.advance()?;
            consumed += 1;
        }
        Ok(if consumed == 0 && budget > 0 { Progress::End } else { Progress::Advanced(consumed) })
    }

    fn report(&self) -> Report {
        let mut report = self.normaliser.report();
        let own = [("connection", self.connections), ("message sent", self.sent)];
        let own = own.into_iter().filter(|(_, count)| *count > 0);
        report.inputs.extend(own.map(|(name, count)| Count::new(name, count)));
        report
    }
}

/// Returns the kinds of records of every venue.
pub(super) fn kinds() -> Kinds {
    let ticks =
        [TradeW::kinds(), QuoteW::kinds(), DeltaW::kinds(), Gap::kinds(), Heartbeat::kinds()];
    Kinds { ticks: ticks.concat(), ..Kinds::default() }
}

/// One file, at a line.
struct Recording {
    path: PathBuf,
    input: Box<dyn BufRead + Send>,
    /// The line, with its end.
    text: Vec<u8>,
    number: u64,
    time_ns: Option<u64>,
    is_at_end: bool,
}

impl std::fmt::Debug for Recording {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { path, number, .. } = self;
        f.debug_struct("Recording").field("path", path).field("number", number).finish()
    }
}

impl Recording {
    fn open(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).map_err(|source| Error::io("open", path, source))?;
        let mut input = BufReader::with_capacity(1 << 16, file);
        let head = input.fill_buf().map_err(|source| Error::io("read", path, source))?;
        let is_gzip = head.starts_with(&GZIP);
        let input: Box<dyn BufRead + Send> = if is_gzip {
            Box::new(BufReader::with_capacity(1 << 16, MultiGzDecoder::new(input)))
        } else {
            Box::new(input)
        };
        let mut own = Self {
            path: path.to_owned(),
            input,
            text: Vec::new(),
            number: 0,
            time_ns: None,
            is_at_end: false,
        };
        own.advance()?;
        let first = own.line();
        if own.is_at_end {
            return Err(own.error(RecordingError::Empty));
        }
        if matches!(Line::read(first).1, Line::Unknown(_)) {
            let found = String::from_utf8_lossy(first.get(..first.len().min(60)).unwrap_or(&[]));
            return Err(own.error(RecordingError::Format { found: found.into_owned() }));
        }
        Ok(own)
    }

    /// Goes to the next line that is not empty.
    fn advance(&mut self) -> Result<(), Error> {
        loop {
            self.text.clear();
            let read = (&mut self.input).take(MOST_LINE).read_until(b'\n', &mut self.text);
            let read = read.map_err(|source| Error::io("read", &self.path, source))?;
            self.is_at_end = read == 0;
            self.number += 1;
            if u64::try_from(read).is_ok_and(|read| read == MOST_LINE) {
                return Err(self.error(RecordingError::Long { most: MOST_LINE }));
            }
            if self.is_at_end || !self.line().is_empty() {
                break;
            }
        }
        self.time_ns = Line::read(self.line()).0;
        Ok(())
    }

    fn line(&self) -> &[u8] {
        self.text.trim_ascii()
    }

    fn error(&self, source: RecordingError) -> Error {
        Error::Recording { path: self.path.clone(), line: self.number, source }
    }
}

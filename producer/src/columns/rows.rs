//! A text file as a source, whatever its lines are made of.

use std::path::Path;

use tickring::WrongKind;
use tickring::record::{DeltaW, Heartbeat, Record, flag};

use super::fault::{At, Fault, Faults};
use super::lines::{Lines, Step};
use super::map::ColumnMap;
use super::shape::{Body, Key, Shaped, Shaper};
use super::{Field, Row, TableError};
use crate::error::Error;
use crate::source::{Count, Kinds, Progress, Report, Sink, Source};

/// Bytes of a line that an error shows.
const SHOWN_BYTES: usize = 200;

/// Finds the cells of a line.
pub(crate) trait Cut {
    /// Cost: no allocation once lines as long were seen.
    fn cut<'a>(&'a mut self, line: &'a [u8]) -> Result<Row<'a>, Fault>;
}

/// Gives the rows of a text file as records.
///
/// It reads one row ahead: whether a record is the last of its event shows at the next row.
#[derive(Debug)]
pub(crate) struct Rows<C> {
    lines: Lines,
    cut: C,
    shaper: Shaper,
    /// Whether to stop at the first row that cannot be a record.
    is_strict: bool,
    /// Whether the line at hand was not looked at yet.
    is_line_new: bool,
    pending: Option<Shaped>,
    /// Why the row behind it could not be read, if a look at the time found that.
    failed: Option<Error>,
    /// The event of the last record that was given.
    given: Option<Key>,
    /// Levels of the pending book, and of the row behind it.
    levels: [Vec<DeltaW>; 2],
    rows: u64,
    faults: Faults,
}

impl<C: Cut> Rows<C> {
    /// `is_line_new` says that the line at hand of `lines` is a row.
    pub(crate) fn new(
        lines: Lines,
        is_line_new: bool,
        cut: C,
        map: &ColumnMap,
        is_strict: bool,
    ) -> Self {
        let (shaper, levels, faults) = (Shaper::new(map), Default::default(), Faults::default());
        let (pending, failed, given, rows) = (None, None, None, 0);
        Self {
            lines,
            cut,
            shaper,
            is_strict,
            is_line_new,
            pending,
            failed,
            given,
            levels,
            rows,
            faults,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.lines.path()
    }

    /// Takes the next line: `None` at the end, `Some(None)` for one that is no record.
    fn next_row(&mut self) -> Result<Option<Option<Shaped>>, Error> {
        let step = match std::mem::take(&mut self.is_line_new) {
            true => Step::Line,
            false => self.lines.step()?,
        };
        let shaped = match step {
            Step::End => return Ok(None),
            Step::TooLong => Err(Fault::Length.into()),
            Step::Line if self.lines.line().trim_ascii().is_empty() => return Ok(Some(None)),
            Step::Line => {
                let [_, levels] = &mut self.levels;
                levels.clear();
                let row = self.cut.cut(self.lines.line());
                row.map_err(At::from).and_then(|row| self.shaper.shape(&row, levels))
            }
        };
        self.rows += 1;
        match shaped {
            Ok(shaped) => Ok(Some(Some(shaped))),
            Err(at) if self.is_strict => Err(self.refused(at)),
            Err(at) => {
                self.faults.add(at, self.lines.number());
                Ok(Some(None))
            }
        }
    }

    fn refused(&self, at: At) -> Error {
        let line = self.lines.line();
        let shown = line.get(..SHOWN_BYTES).unwrap_or(line);
        let source = TableError::Row {
            line: self.lines.number(),
            field: at.field.map_or("row", Field::name),
            fault: at.fault,
            found: String::from_utf8_lossy(shown).into_owned(),
        };
        Error::Table { path: self.path().to_owned(), source }
    }

    /// Keeps a row until the next one is known.
    fn hold(&mut self, shaped: Shaped) {
        self.pending = Some(shaped);
        self.levels.swap(0, 1);
    }

    /// Gives the record of a row, which is followed by one of the event `next`.
    fn give<S: Sink>(
        &mut self,
        row: Shaped,
        next: Option<Key>,
        sink: &mut S,
    ) -> Result<(), WrongKind> {
        let Shaped { key, body, new } = row;
        if let Some(instrument) = new {
            sink.instrument(&instrument);
        }
        let last = if next == Some(key) { 0 } else { flag::LAST };
        let is_first = self.given.replace(key) != Some(key);
        match body {
            Body::Trade(record) => sink.tick(&record),
            Body::TradeW(record) => sink.tick(&record),
            Body::Quote(record) => sink.tick(&record),
            Body::QuoteW(record) => sink.tick(&record),
            Body::Delta(record) => {
                if key.is_snapshot && is_first {
                    sink.tick(&self.shaper.clear(&key))?;
                }
                sink.tick(&DeltaW { flags: record.flags | last, ..record })
            }
            Body::Book => {
                let [levels, _] = &self.levels;
                let clear = self.shaper.clear(&key);
                let mut records = [clear].into_iter().chain(levels.iter().copied()).peekable();
                while let Some(record) = records.next() {
                    let last = if records.peek().is_some() { 0 } else { flag::LAST };
                    sink.tick(&DeltaW { flags: record.flags | last, ..record })?;
                }
                Ok(())
            }
        }
    }
}

impl<C: Cut> Source for Rows<C> {
    fn kinds(&self) -> Kinds {
        let ticks = [self.shaper.kinds(), Heartbeat::kinds()].concat();
        Kinds { ticks, ..Kinds::default() }
    }

    fn next_time_ns(&mut self) -> Option<u64> {
        while self.pending.is_none() && self.failed.is_none() {
            match self.next_row() {
                Ok(None) => return None,
                Ok(Some(None)) => {}
                Ok(Some(Some(shaped))) => self.hold(shaped),
                Err(error) => self.failed = Some(error),
            }
        }
        let Key { ts_event, ts_recv, .. } = self.pending?.key;
        Some(if ts_recv == u64::MAX { ts_event } else { ts_recv })
    }

    fn poll<S: Sink>(&mut self, sink: &mut S, budget: usize) -> Result<Progress, Error> {
        let mut consumed = 0;
        while consumed < budget {
            consumed += 1;
            let next = match self.failed.take() {
                None => self.next_row(),
                Some(error) => Err(error),
            };
            if next.is_err()
                && let Some(row) = self.pending.take()
            {
                self.give(row, None, sink).map_err(tickring::Error::from)?;
            }
            match next? {
                Some(None) => {}
                Some(Some(next)) => {
                    if let Some(row) = self.pending.take() {
                        let given = self.give(row, Some(next.key), sink);
                        given.map_err(tickring::Error::from)?;
                    }
                    self.hold(next);
                }
                None => {
                    let Some(row) = self.pending.take() else {
                        consumed -= 1;
                        break;
                    };
                    self.give(row, None, sink).map_err(tickring::Error::from)?;
                }
            }
        }
        Ok(if consumed == 0 && budget > 0 { Progress::End } else { Progress::Advanced(consumed) })
    }

    fn report(&self) -> Report {
        let inputs = if self.rows > 0 { vec![Count::new("row", self.rows)] } else { Vec::new() };
        let anomalies = self.faults.counts().chain(self.shaper.anomalies()).collect();
        Report { inputs, anomalies }
    }
}

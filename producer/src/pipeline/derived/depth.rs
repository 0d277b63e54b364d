//! The ring of levels: the ten best of each side after each event that changed them.

use tickring::record::{Level, Mbp10, Record, RecordHeader, flag};
use tickring::schema::Kind;
use tickring::{Writer, WrongKind};

use super::quotes::{KEPT, NO_CAUSE};
use crate::market::{self, Cause, DEPTH, Update};

/// Publishes levels.
#[derive(Debug)]
pub(super) struct Depth {
    pub(super) writer: Writer,
    /// What was last published of each market, by its place.
    last: Vec<Option<Told>>,
    pub(super) published: u64,
}

/// Levels and label of a record.
#[derive(Clone, Copy, Debug)]
struct Told {
    levels: [Level; DEPTH],
    is_bad: bool,
}

impl Depth {
    pub(super) fn new(writer: Writer) -> Self {
        Self { writer, last: Vec::new(), published: 0 }
    }

    pub(super) fn kinds() -> Vec<Kind> {
        Mbp10::kinds()
    }

    /// Publishes the levels after an event if they are others than before, or have another label.
    /// Sources that tell one level have no ten.
    #[inline]
    pub(super) fn observe(&mut self, update: &Update<'_>, is_bad: bool) -> Result<(), WrongKind> {
        if self.last.len() <= update.place {
            self.last.resize(update.place + 1, None);
        }
        let Some(last) = self.last.get_mut(update.place) else { return Ok(()) };
        let is_touched = update.changed.is_some_and(|changed| changed < DEPTH);
        if !is_touched && last.as_ref().is_none_or(|last| last.is_bad == is_bad) {
            return Ok(());
        }
        let nothing = [market::level(None, None); DEPTH];
        let mut levels = nothing;
        if !update.market.levels(&mut levels) {
            return Ok(());
        }
        // Nothing is said of a market before it has a price.
        let is_said = match last {
            None => levels == nothing,
            Some(last) => last.is_bad == is_bad && last.levels == levels,
        };
        if is_said {
            return Ok(());
        }
        *last = Some(Told { levels, is_bad });
        self.published += 1;
        let Cause { action, side, price, size } = update.cause.unwrap_or(NO_CAUSE);
        let depth = update.changed.and_then(|changed| u8::try_from(changed).ok());
        let bad = if is_bad { flag::MAYBE_BAD_BOOK } else { 0 };
        let RecordHeader { publisher_id, instrument_id, ts_event, .. } = update.header;
        let record = Mbp10 {
            header: RecordHeader::new::<Mbp10>(publisher_id, instrument_id, ts_event),
            price,
            size,
            action,
            side,
            flags: update.flags & KEPT | flag::MBP | bad,
            depth: depth.unwrap_or_default(),
            ts_recv: update.ts_recv,
            ts_in_delta: update.ts_in_delta,
            sequence: update.sequence,
            levels,
        };
        let _ = self.writer.stage(&record)?;
        Ok(())
    }
}

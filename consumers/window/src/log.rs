//! The trades of the horizon, kept so that they can be corrected.
//!
//! A ring of trades of fixed size in order of arrival; those of one instrument are chained, newest
//! first. When it is full the oldest trade is forgotten, and the caller is told. A trade that was
//! split between windows has an entry for each part, one behind the other.

use crate::WindowError;
use crate::state::{Loader, Saver};
use crate::trade::WindowTrade;
use tickring::record::{UNDEF_PRICE, action, late_reason};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// A trade in the log.
#[derive(Clone, Copy, Debug, PartialEq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct Entry {
    pub(crate) ts_ns: i64,
    seq: u64,
    price: i64,
    size: u64,
    trade_id: u64,
    /// Position behind that of the instrument's trade before; 0 if there was none.
    before: u64,
    /// Where windows are in order of arrival, which one or which trade of the instrument this is.
    pub(crate) ordinal: u64,
    /// The size as it was told at first.
    told: u64,
    instrument_id: u32,
    pub(crate) number: u32,
    sequence: u32,
    publisher_id: u16,
    side: u8,
    /// Bits of those below.
    state: u8,
}

/// The venue did not break the trade.
const STANDS: u8 = 1;
/// This is a further part of the trade in the entry before.
const CONTINUES: u8 = 2;

impl Entry {
    pub(crate) fn stands(&self) -> bool {
        self.state & STANDS != 0
    }

    pub(crate) fn trade(&self) -> WindowTrade {
        WindowTrade {
            seq: self.seq,
            publisher_id: self.publisher_id,
            instrument_id: self.instrument_id,
            ts_event_ns: self.ts_ns,
            price_e9: self.price,
            size: self.size,
            side: self.side,
            action: action::TRADE,
            trade_id: self.trade_id,
            sequence: self.sequence,
        }
    }
}

/// The last trades, at most so many.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    entries: Vec<Entry>,
    room: usize,
    /// Position of the next trade; it stands at this modulo the room.
    next: u64,
    /// For each instrument the position behind its newest trade, 0 if there is none.
    newest: Vec<u64>,
}

impl Log {
    pub(crate) fn new(room: u32) -> Self {
        let room = room as usize;
        Self { entries: Vec::with_capacity(room), room, next: 0, newest: Vec::new() }
    }

    /// Keeps a trade; gives the one that is forgotten for it, unless the venue broke that.
    pub(crate) fn push(&mut self, number: usize, trade: &WindowTrade) -> Option<Entry> {
        self.push_part(number, trade, 0, false)
    }

    /// Keeps a part of a trade, or a whole one, with its ordinal; a part that `continues` comes
    /// right behind the part before. Gives what is forgotten for it, unless the venue broke that.
    pub(crate) fn push_part(
        &mut self,
        number: usize,
        trade: &WindowTrade,
        ordinal: u64,
        continues: bool,
    ) -> Option<Entry> {
        if number >= self.newest.len() {
            self.newest.resize(number + 1, 0);
        }
        let newest = self.newest.get_mut(number)?;
        let entry = Entry {
            ts_ns: trade.ts_event_ns,
            seq: trade.seq,
            price: trade.price_e9,
            size: trade.size,
            trade_id: trade.trade_id,
            before: *newest,
            ordinal,
            told: trade.size,
            instrument_id: trade.instrument_id,
            number: u32::try_from(number).unwrap_or(u32::MAX),
            sequence: trade.sequence,
            publisher_id: trade.publisher_id,
            side: trade.side,
            state: if continues { STANDS | CONTINUES } else { STANDS },
        };
        self.next += 1;
        *newest = self.next;
        if self.entries.len() < self.room {
            self.entries.push(entry);
            return None;
        }
        let place = self.place(self.next - 1);
        let oldest = std::mem::replace(self.entries.get_mut(place)?, entry);
        oldest.stands().then_some(oldest)
    }

    /// The trade that a correction is of: the newest of the instrument with its trade id, or if it
    /// has none with its sequence.
    pub(crate) fn find(&self, number: usize, correction: &WindowTrade) -> Option<u64> {
        let is_it = |entry: &Entry| match correction.trade_id {
            0 => entry.sequence == correction.sequence,
            id => entry.trade_id == id,
        };
        self.chain(number).find(|(_, entry)| is_it(entry)).map(|(position, _)| position)
    }

    pub(crate) fn get(&self, position: u64) -> Option<&Entry> {
        self.entries.get(self.place(position))
    }

    /// Takes back or changes the trade at a position, whose window holds `held` trades of its
    /// instrument, at times that are `within` it. The window is computed anew from here then, so
    /// that nothing changes, and the reason is given, if the log has not all of them.
    pub(crate) fn correct(
        &mut self,
        position: u64,
        correction: &WindowTrade,
        held: u64,
        mut within: impl FnMut(&Entry) -> bool,
    ) -> Result<(), u8> {
        let number = self.get(position).ok_or(late_reason::UNKNOWN_TRADE)?.number as usize;
        let logged = self.chain(number).filter(|(_, entry)| within(entry)).count();
        if logged as u64 != held {
            return Err(late_reason::FORGOTTEN);
        }
        self.change(position, correction, correction.size);
        Ok(())
    }

    /// Takes back or changes what is at a position, which then has this size.
    pub(crate) fn change(&mut self, position: u64, correction: &WindowTrade, size: u64) {
        let place = self.place(position);
        let Some(entry) = self.entries.get_mut(place) else { return };
        if correction.action == action::CANCEL {
            entry.state &= !STANDS;
        } else {
            if correction.price_e9 != UNDEF_PRICE {
                entry.price = correction.price_e9;
            }
            entry.size = size;
            entry.side = correction.side;
        }
    }

    /// Finds the positions of all parts of the trade whose last part is at `position`, first part
    /// first, each with the size that was told. Gives the reason if some are forgotten.
    pub(crate) fn parts(&self, position: u64, into: &mut Vec<(u64, u64)>) -> Result<(), u8> {
        into.clear();
        let number = self.get(position).ok_or(late_reason::UNKNOWN_TRADE)?.number as usize;
        for (position, entry) in self.links(number).skip_while(|(at, _)| *at > position) {
            into.push((position, entry.told));
            if entry.state & CONTINUES == 0 {
                into.reverse();
                return Ok(());
            }
        }
        Err(late_reason::FORGOTTEN)
    }

    /// The trades of an instrument that stand, with their positions, newest first.
    pub(crate) fn chain(&self, number: usize) -> impl Iterator<Item = (u64, &Entry)> {
        self.links(number).filter(|(_, entry)| entry.stands())
    }

    /// The trades of an instrument, those that the venue broke too, newest first.
    pub(crate) fn links(&self, number: usize) -> impl Iterator<Item = (u64, &Entry)> {
        let oldest = self.next.saturating_sub(self.entries.len() as u64);
        let mut behind = self.newest.get(number).copied().unwrap_or(0);
        std::iter::from_fn(move || {
            let position = behind.checked_sub(1).filter(|position| *position >= oldest)?;
            let entry = self.get(position)?;
            // Chains lead back, whatever a restored state says.
            behind = entry.before.min(position);
            Some((position, entry))
        })
    }

    #[expect(clippy::cast_possible_truncation, reason = "below the room, which is a usize")]
    fn place(&self, position: u64) -> usize {
        (position % self.room.max(1) as u64) as usize
    }

    pub(crate) fn save(&self, to: &mut Saver<'_>) {
        to.value(&self.next);
        to.slice(&self.newest);
        to.slice(&self.entries);
    }

    pub(crate) fn load(&mut self, from: &mut Loader<'_>) -> Result<(), WindowError> {
        self.next = from.value()?;
        self.newest = from.slice()?;
        let entries: Vec<Entry> = from.slice()?;
        // Keeps the room that was made.
        self.entries.clear();
        self.entries.extend(entries.into_iter().take(self.room));
        Ok(())
    }
}

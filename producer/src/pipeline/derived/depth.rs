//! The ring of levels: the ten best of each side after each event that changed them.

use tickring::record::{DepthW, Level, LevelW, Mbp10, Record, RecordHeader, UNDEF_PRICE, flag};
use tickring::schema::Kind;
use tickring::{Writer, WrongKind};

use super::Families;
use super::quotes::{KEPT, NO_CAUSE, low_bits};
use crate::market::{self, Cause, DEPTH, Update};

/// Publishes levels.
#[derive(Debug)]
pub(super) struct Depth {
    pub(super) writer: Writer,
    /// What was last published of each market, by its place.
    last: Vec<Option<Told<Level>>>,
    last_wide: Vec<Option<Told<LevelW>>>,
    /// Records with sizes of 32 bits, and with fractional quantities.
    pub(super) published: [u64; 2],
}

/// Levels and label of a record.
#[derive(Clone, Copy, Debug)]
struct Told<L> {
    levels: [L; DEPTH],
    is_bad: bool,
}

/// A level that is not there.
const NO_LEVEL: LevelW = LevelW {
    bid_px: UNDEF_PRICE,
    ask_px: UNDEF_PRICE,
    bid_qty: 0,
    ask_qty: 0,
    bid_ct: 0,
    ask_ct: 0,
};

impl<L: PartialEq> Told<L> {
    /// Returns whether this is nothing new after what was told last. Nothing is said of a market
    /// before it has a price.
    fn is_said(&self, last: Option<&Self>, nothing: &[L; DEPTH]) -> bool {
        match last {
            None => self.levels == *nothing,
            Some(last) => last.is_bad == self.is_bad && last.levels == self.levels,
        }
    }
}

/// The place of a market in an array that is made long enough for it.
fn place<T: Clone>(last: &mut Vec<Option<T>>, place: usize) -> Option<&mut Option<T>> {
    if last.len() <= place {
        last.resize(place + 1, None);
    }
    last.get_mut(place)
}

impl Depth {
    pub(super) fn new(writer: Writer) -> Self {
        Self { writer, last: Vec::new(), last_wide: Vec::new(), published: [0; 2] }
    }

    pub(super) fn kinds(families: Families) -> Vec<Kind> {
        families.kinds(Mbp10::kinds(), DepthW::kinds())
    }

    /// Publishes the levels after an event if they are others than before, or have another label.
    /// Sources that tell one level have no ten.
    #[inline]
    pub(super) fn observe(&mut self, update: &Update<'_>, is_bad: bool) -> Result<(), WrongKind> {
        let Some(last) = place(&mut self.last, update.place) else { return Ok(()) };
        let is_touched = update.changed.is_some_and(|changed| changed < DEPTH);
        if !is_touched && last.as_ref().is_none_or(|last| last.is_bad == is_bad) {
            return Ok(());
        }
        let nothing = [market::level(None, None); DEPTH];
        let mut levels = nothing;
        if !update.market.levels(&mut levels) {
            return Ok(());
        }
        let told = Told { levels, is_bad };
        if told.is_said(last.as_ref(), &nothing) {
            return Ok(());
        }
        *last = Some(told);
        let [published, _] = &mut self.published;
        *published += 1;
        let Cause { action, side, price, size } = update.cause.unwrap_or(NO_CAUSE);
        let depth = update.changed.and_then(|changed| u8::try_from(changed).ok());
        let bad = if is_bad { flag::MAYBE_BAD_BOOK } else { 0 };
        let RecordHeader { publisher_id, instrument_id, ts_event, .. } = update.header;
        let record = Mbp10 {
            header: RecordHeader::new::<Mbp10>(publisher_id, instrument_id, ts_event),
            price,
            size: u32::try_from(size).unwrap_or(u32::MAX),
            action,
            side,
            flags: update.flags & KEPT | flag::MBP | bad,
            depth: depth.unwrap_or_default(),
            ts_recv: update.ts_recv,
            ts_in_delta: update.ts_in_delta,
            sequence: low_bits(update.sequence),
            levels,
        };
        let _ = self.writer.stage(&record)?;
        Ok(())
    }

    /// As [`observe`](Self::observe), of a market with fractional quantities. Levels that no
    /// exponent holds together are told as undefined, and labelled.
    #[inline]
    pub(super) fn observe_wide(
        &mut self,
        update: &Update<'_>,
        is_bad: bool,
    ) -> Result<(), WrongKind> {
        let Some(last) = place(&mut self.last_wide, update.place) else { return Ok(()) };
        let is_touched = update.changed.is_some_and(|changed| changed < DEPTH);
        let label = |last: &Told<LevelW>| last.is_bad == is_bad;
        if !update.market.has_wide_levels() || (!is_touched && last.as_ref().is_none_or(label)) {
            return Ok(());
        }
        let nothing = [NO_LEVEL; DEPTH];
        let mut levels = nothing;
        let qty_exp = update.market.wide_levels(&mut levels);
        if qty_exp.is_none() {
            levels = nothing;
        }
        let told = Told { levels, is_bad: is_bad || qty_exp.is_none() };
        if told.is_said(last.as_ref(), &nothing) {
            return Ok(());
        }
        *last = Some(told);
        let [_, published] = &mut self.published;
        *published += 1;
        let Cause { action, side, .. } = update.cause.unwrap_or(NO_CAUSE);
        let depth = update.changed.and_then(|changed| u8::try_from(changed).ok());
        let bad = if told.is_bad { flag::MAYBE_BAD_BOOK } else { 0 };
        let RecordHeader { publisher_id, instrument_id, ts_event, .. } = update.header;
        self.writer
            .stage(&DepthW {
                ts_recv: update.ts_recv,
                sequence: update.sequence,
                flags: update.flags & KEPT | flag::MBP | bad,
                action,
                side,
                qty_exp: qty_exp.unwrap_or_default(),
                depth: depth.unwrap_or_default(),
                levels,
                ..DepthW::empty(publisher_id, instrument_id, ts_event)
            })
            .map(drop)
    }
}

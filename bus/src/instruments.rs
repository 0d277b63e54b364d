//! The instrument directory and the last values: what a late reader needs without history.
//!
//! A hash table in the segment, from instrument id to an entry of three [slots](crate::slot), with
//! linear probing. Entries are only ever added, so a reader may search while the writer adds.
//!
//! ```text
//! entry, 256 bytes
//!    0  definition   stamp, then an Instrument; the stamp counts its versions
//!  128  last quote   stamp, then the record; the stamp is that of the record in the ring
//!  192  last trade   stamp, then the record; the stamp is that of the record in the ring
//! ```
//!
//! Each slot follows rows W1 to W4 and R1 to R4 of the ring's own: nothing torn is accepted. The
//! first word of a definition never changes once it is there, so an entry is found by it whatever
//! the writer does to the rest.

mod definition;
#[cfg(test)]
mod tests;

pub use definition::Instrument;

use crate::geometry::{DEFINITION_BYTES, INSTRUMENT_BYTES, LINE_BYTES};
use crate::poll::{RecordRef, rtype_of};
use crate::record::{RecordHeader, action, rtype};
use crate::schema::Layouts;
use crate::slot::{Entry, Residue, Slot, load};
use crate::words::{Slots, Words};
use definition::{DEFINITION_WORDS, Definition, id_of};
use zerocopy::FromBytes;

const ENTRY_WORDS: usize = (INSTRUMENT_BYTES / 8) as usize;
const SLOT_WORDS: usize = (DEFINITION_BYTES / 8) as usize;
/// Words of a record that has a last value, which are those of a tick.
pub(crate) const VALUE_WORDS: usize = (LINE_BYTES / 8) as usize - 1;
/// Looks at a slot that is being written before a reader gives up: the writer died there.
const LOOKS: usize = 1000;

/// What was last said of one instrument. Either part is `None` if nothing was said yet, or a
/// writer died while it said it and none has followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Latest {
    /// The last [`Quote`](crate::record::Quote) or [`QuoteW`](crate::record::QuoteW).
    pub quote: Option<LastValue>,
    /// The last [`Trade`](crate::record::Trade), [`TradeW`](crate::record::TradeW), or
    /// [`Mbo`](crate::record::Mbo) whose action is a trade.
    pub trade: Option<LastValue>,
}

/// A validated copy of the last record of its sort.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastValue {
    seq: u64,
    words: [u64; VALUE_WORDS],
    /// What the ring's schema says of its type.
    kind_key: u64,
}

impl LastValue {
    /// The record, with its sequence in the ring.
    #[must_use]
    pub fn record(&self) -> RecordRef<'_> {
        RecordRef::with_key(self.seq, &self.words, self.kind_key)
    }
}

/// The two sorts of records that have last values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sort {
    Quote,
    Trade,
}

/// The sort of a record of a type, given as bytes: of orders the action says it. Cost: none for
/// most types where the type is known when the caller is compiled.
#[inline(always)]
pub(crate) fn sort_of(rtype: u8, record: &[u8]) -> Option<Sort> {
    const ACTION_AT: usize = core::mem::offset_of!(crate::record::Mbo, action);
    match rtype {
        rtype::QUOTE | rtype::QUOTE_W => Some(Sort::Quote),
        rtype::TRADE | rtype::TRADE_W => Some(Sort::Trade),
        rtype::MBO if record.get(ACTION_AT) == Some(&action::TRADE) => Some(Sort::Trade),
        _ => None,
    }
}

/// The table in a mapping.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Instruments {
    words: Words,
    count: usize,
}

/// Where an instrument is, or would be.
enum Place<'a> {
    At(Places<'a>),
    Free(Places<'a>),
    Full,
}

/// The three slots of an entry.
#[derive(Clone, Copy)]
struct Places<'a> {
    definition: Slot<'a>,
    quote: Slot<'a>,
    trade: Slot<'a>,
}

impl Instruments {
    /// Takes `words` as a table of `count` entries, a power of two or 0; `None` if too few.
    pub(crate) fn new(words: Words, count: u64) -> Option<Self> {
        let count = usize::try_from(count).ok()?;
        let fits = count == 0 || count.is_power_of_two();
        (fits && count.checked_mul(ENTRY_WORDS)? <= words.all().len())
            .then_some(Self { words, count })
    }

    /// How many instruments have room: some entries stay free, so that searches stay short.
    pub(crate) fn room(&self) -> usize {
        self.count - self.count / 8
    }

    /// How many entries are taken. Cost: looks at each.
    pub(crate) fn len(&self) -> usize {
        let taken = |places: &Places<'_>| places.definition.residue() != Residue::Blank;
        (0..self.count).filter_map(|index| self.places(index)).filter(taken).count()
    }

    /// The definition of an instrument.
    pub(crate) fn get(&self, id: u32) -> Option<Instrument> {
        match self.find(id) {
            Place::At(places) => read_definition(places.definition),
            Place::Free(_) | Place::Full => None,
        }
    }

    /// All definitions, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Instrument> {
        let (table, count) = (*self, self.count);
        (0..count).filter_map(move |index| read_definition(table.places(index)?.definition))
    }

    /// The last quote and trade of an instrument, in a ring of these layouts.
    pub(crate) fn latest(&self, id: u32, layouts: &Layouts) -> Latest {
        match self.find(id) {
            Place::At(places) => Latest {
                quote: read_value(places.quote, layouts),
                trade: read_value(places.trade, layouts),
            },
            Place::Free(_) | Place::Full => Latest::default(),
        }
    }

    /// Stores a definition; `false` if there is no entry for it. Only the writer calls this.
    /// `may_add` says whether there is room for another instrument, `added` whether it was used.
    pub(crate) fn define(&self, instrument: &Instrument, may_add: bool) -> Stored {
        let (definition, version, stored) = match self.find(instrument.instrument_id) {
            Place::At(places) => match places.definition.residue() {
                Residue::Whole(version) => (places.definition, version + 1, Stored::Changed),
                Residue::Blank | Residue::Torn(_) => return Stored::NoRoom,
            },
            Place::Free(places) if may_add => (places.definition, 0, Stored::Added),
            Place::Free(_) | Place::Full => return Stored::NoRoom,
        };
        definition.claim(version);
        definition.put(0, instrument.words().into_iter());
        definition.commit(version);
        stored
    }

    /// Stores a last value: the record at `seq`, given as bytes that begin with a header, under an
    /// entry that is added if need be and possible. Only the writer calls this.
    #[inline]
    pub(crate) fn remember(&self, sort: Sort, seq: u64, record: &[u8], may_add: bool) -> Stored {
        let Ok((header, _)) = RecordHeader::ref_from_prefix(record) else { return Stored::NoRoom };
        let mut stored = Stored::Changed;
        let places = match self.find(header.instrument_id) {
            Place::At(places) => places,
            Place::Free(places) if may_add => {
                let id = header.instrument_id;
                stored = self.define(&Instrument::unnamed(header.publisher_id, id), true);
                places
            }
            Place::Free(_) | Place::Full => return Stored::NoRoom,
        };
        let slot = if sort == Sort::Quote { places.quote } else { places.trade };
        let (words, _) = record.as_chunks::<8>();
        slot.claim(seq);
        slot.put(0, words.iter().take(VALUE_WORDS).map(|word| u64::from_le_bytes(*word)));
        slot.clear(words.len().min(VALUE_WORDS));
        slot.commit(seq);
        stored
    }

    /// Completes what a writer left half written when it died: a last value from the ring if its
    /// record is still there, else as none; a definition as one without name. The caller holds
    /// the writer lock. Killed at any store, it is done again by the next.
    pub(crate) fn repair(&self, ring: &Slots) {
        for places in (0..self.count).filter_map(|index| self.places(index)) {
            if let Residue::Torn(version) = places.definition.residue() {
                let [first, ..] = places.definition.payload() else { continue };
                let id = if version == 0 { None } else { id_of(load(first)) };
                let blank = id.map_or_else(Instrument::dead, |id| Instrument::unnamed(0, id));
                places.definition.put(1, blank.words().into_iter().skip(1));
                if version == 0 {
                    places.definition.put(0, blank.words().into_iter().take(1));
                }
                places.definition.commit(version);
            }
            for value in [places.quote, places.trade] {
                if let Residue::Torn(seq) = value.residue() {
                    let mut words = [0; VALUE_WORDS];
                    let slot = ring.slot(seq);
                    if slot.residue() == Residue::Whole(seq) {
                        slot.copy_to(&mut words);
                    }
                    value.put(0, words.into_iter());
                    value.commit(seq);
                }
            }
        }
    }

    /// Looks for the entry of an instrument. Cost: one entry for most.
    #[inline]
    fn find(&self, id: u32) -> Place<'_> {
        let mask = self.count.wrapping_sub(1);
        let start = hash(id);
        for step in 0..self.count {
            let Some(places) = self.places(start.wrapping_add(step) & mask) else { break };
            // The first version is there or a later one: then the first word stands for good.
            if places.definition.enter(0) == Entry::NotYet {
                return Place::Free(places);
            }
            if places.definition.payload().first().is_some_and(|word| id_of(load(word)) == Some(id))
            {
                return Place::At(places);
            }
        }
        Place::Full
    }

    #[inline]
    fn places(&self, index: usize) -> Option<Places<'_>> {
        let first = index.checked_mul(ENTRY_WORDS)?;
        let words = self.words.all().get(first..first.checked_add(ENTRY_WORDS)?)?;
        let (definition, values) = words.split_at_checked(SLOT_WORDS)?;
        let (quote, trade) = values.split_at_checked(VALUE_WORDS + 1)?;
        let slot = |words| slot_of(words);
        Some(Places { definition: slot(definition)?, quote: slot(quote)?, trade: slot(trade)? })
    }
}

/// What became of something to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Stored {
    /// In an entry that was there.
    Changed,
    /// In an entry that was added.
    Added,
    /// Nowhere.
    NoRoom,
}

fn slot_of(words: &[crate::sync::AtomicU64]) -> Option<Slot<'_>> {
    let (stamp, payload) = words.split_first()?;
    Some(Slot::new(stamp, payload))
}

/// Fibonacci hashing: the high bits of a product with 2^64 divided by the golden ratio.
#[inline]
fn hash(id: u32) -> usize {
    (u64::from(id).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as usize
}

/// Copies the payload of a slot, whatever sequence it holds now, with that sequence.
fn read<const N: usize>(slot: Slot<'_>) -> Option<(u64, [u64; N])> {
    for _ in 0..LOOKS {
        match slot.residue() {
            Residue::Blank => return None,
            Residue::Torn(_) => core::hint::spin_loop(),
            Residue::Whole(seq) => {
                let mut words = [0; N];
                if slot.enter(seq) == Entry::Ready {
                    slot.copy_to(&mut words);
                    if slot.leave(seq) {
                        return Some((seq, words));
                    }
                }
            }
        }
    }
    None
}

fn read_definition(slot: Slot<'_>) -> Option<Instrument> {
    let (_, words) = read::<DEFINITION_WORDS>(slot)?;
    Definition(words).instrument()
}

fn read_value(slot: Slot<'_>, layouts: &Layouts) -> Option<LastValue> {
    let (seq, words) = read::<VALUE_WORDS>(slot)?;
    let is_record = words.first().is_some_and(|first| *first != 0);
    let kind_key = layouts.key(rtype_of(&words));
    is_record.then_some(LastValue { seq, words, kind_key })
}

//! The definition of one instrument, as the directory holds it.

use crate::error::Error;
use crate::geometry::{DEFINITION_BYTES, STAMP_BYTES};
use crate::record::{UNDEF_PRICE, UNDEF_TIME, family};
use std::borrow::Cow;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Room for a symbol, in bytes.
const SYMBOL_BYTES: usize = 72;
/// Words of a definition.
pub(super) const DEFINITION_WORDS: usize = size_of::<Instrument>() / 8;
/// In [`Instrument::is_listed`]: the entry is an instrument's.
const LISTED: u8 = 1;

/// What is known of an instrument: its name, how its numbers are to be shown, and its state.
///
/// Shape: 120 bytes, aligned to 8, no padding. Key: [`instrument_id`](Self::instrument_id), which
/// is unique in a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Instrument {
    /// The id that records carry.
    pub instrument_id: u32,
    /// Publisher in DBN's numbering.
    pub publisher_id: u16,
    /// Decimals of its prices; 255 if not known.
    pub price_decimals: u8,
    /// Set for the entry of an instrument; 0 in one that is nobody's.
    is_listed: u8,
    /// The symbol as the publisher writes it, filled up with NUL; see [`symbol`](Self::symbol).
    pub raw_symbol: [u8; SYMBOL_BYTES],
    /// Smallest difference of two prices, 1e-9; undefined as `i64::MAX`.
    pub tick: i64,
    /// Smallest quantity, in units of 10^`qty_exp`; 0 if not known.
    pub lot: i64,
    /// When it was defined, ns since the Unix epoch, UTC; undefined as `u64::MAX`.
    pub ts_defined: u64,
    /// Last trading status, a value of [`status_action`](crate::record::status_action).
    pub status_action: u16,
    /// Reason of that status, in DBN's numbering.
    pub status_reason: u16,
    /// Decimals of its quantities; 255 if not known.
    pub qty_decimals: u8,
    /// Exponent of its quantities: one unit is 10^`qty_exp`.
    pub qty_exp: i8,
    /// Kinds of its records, a value of [`family`].
    pub family: u8,
    /// State of its book, a value of [`book_state`](crate::record::book_state).
    pub book_state: u8,
    /// Reserved, zero.
    reserved: [u8; 8],
}

const _: () = assert!(size_of::<Instrument>() as u64 == DEFINITION_BYTES - STAMP_BYTES);

impl Instrument {
    /// An instrument with a symbol; everything else is not known.
    ///
    /// # Errors
    ///
    /// [`Error::Symbol`] if the symbol is longer than 72 bytes or has a NUL in it.
    pub fn new(publisher_id: u16, instrument_id: u32, symbol: &str) -> Result<Self, Error> {
        if symbol.len() > SYMBOL_BYTES || symbol.contains('\0') {
            return Err(Error::Symbol { found: symbol.to_owned(), most_bytes: SYMBOL_BYTES });
        }
        let mut instrument = Self::unnamed(publisher_id, instrument_id);
        instrument.raw_symbol.iter_mut().zip(symbol.bytes()).for_each(|(to, from)| *to = from);
        Ok(instrument)
    }

    /// An instrument of which only the id is known.
    pub(super) fn unnamed(publisher_id: u16, instrument_id: u32) -> Self {
        Self {
            instrument_id,
            publisher_id,
            price_decimals: u8::MAX,
            is_listed: LISTED,
            raw_symbol: [0; SYMBOL_BYTES],
            tick: UNDEF_PRICE,
            lot: 0,
            ts_defined: UNDEF_TIME,
            status_action: 0,
            status_reason: 0,
            qty_decimals: u8::MAX,
            qty_exp: 0,
            family: family::DBN,
            book_state: 0,
            reserved: [0; 8],
        }
    }

    /// What stands in an entry that is nobody's.
    pub(super) fn dead() -> Self {
        Self { is_listed: 0, ..Self::unnamed(0, 0) }
    }

    /// The symbol; empty if it is not known.
    #[must_use]
    pub fn symbol(&self) -> Cow<'_, str> {
        let bytes = self.raw_symbol.split(|byte| *byte == 0).next().unwrap_or(&[]);
        String::from_utf8_lossy(bytes)
    }

    pub(super) fn words(&self) -> [u64; DEFINITION_WORDS] {
        zerocopy::transmute!(*self)
    }
}

/// The words of a definition as they stand in an entry.
pub(super) struct Definition(pub(super) [u64; DEFINITION_WORDS]);

impl Definition {
    /// The instrument, if the entry is one's.
    pub(super) fn instrument(self) -> Option<Instrument> {
        let instrument: Instrument = zerocopy::transmute!(self.0);
        (instrument.is_listed == LISTED).then_some(instrument)
    }
}

/// The id in the first word of a definition, if the entry is an instrument's.
#[inline]
pub(super) fn id_of(first: u64) -> Option<u32> {
    let [a, b, c, d, .., listed] = first.to_le_bytes();
    (listed == LISTED).then_some(u32::from_le_bytes([a, b, c, d]))
}

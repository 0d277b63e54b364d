//! The record kinds: what stands in a slot after its stamp.
//!
//! A record is a `#[repr(C)]` struct without padding whose size is a multiple of 8. It begins with
//! the 16-byte [`RecordHeader`], whose `rtype` says which kind it is:
//!
//! ```text
//!  0        1       2               4               8                               16
//!  +--------+-------+---------------+---------------+-------------------------------+----
//!  | length | rtype | publisher_id  | instrument_id |           ts_event            | the kind's
//!  |  u8    |  u8   |     u16       |      u32      |             u64               | own fields
//!  +--------+-------+---------------+---------------+-------------------------------+----
//! ```
//!
//! Four families share the header:
//! - the kinds of Databento's DBN version 3, byte for byte (`rtype` below 0xC8);
//! - the records of programs that use this bus (`rtype` 0xC8 to 0xDF);
//! - wide kinds (`TradeW`, `QuoteW`, `DeltaW`, `DepthW`) for venues with fractional quantities or
//!   64-bit ids: a quantity is an i64 mantissa times 10^exponent;
//! - the kinds of this bus (`rtype` 0xE0 and up): derived results and control records.
//!
//! Prices are i64 in units of 1e-9, undefined as [`UNDEF_PRICE`]. Times are u64 nanoseconds since
//! the Unix epoch, UTC, undefined as [`UNDEF_TIME`]. Fields whose name starts with `_` are
//! reserved: they are written as zero and never shown.
//!
//! Each struct is written once, with [`record!`](crate::record!); the struct, its [`Kind`] (the
//! rows of the schema table) and its [`Record`] implementation all come from that one text. A
//! record that is known at run time only is a [`Kind`] from [`Kind::define`], published by its
//! bytes.

#![expect(
    missing_debug_implementations,
    reason = "the KnownLayout derive makes public helper types; the records themselves have Debug"
)]

mod bar;
mod book;
mod code;
mod consolidated;
mod control;
mod definition;
pub mod describe;
mod gateway;
mod header;
mod lane;
mod raw;
pub mod rtype;
mod status;
mod tick;
mod vector;

#[cfg(test)]
mod tests;

pub use bar::{Bar, BarStats, Late, WindowBar};
pub use book::{Bbo, DepthW, Level, LevelW, Mbp1, Mbp10};
pub use code::{
    action, bar_stat, book_state, family, feed_state, flag, gap_cause, gap_state, lane_type,
    late_reason, metric, quote_label, raw_proto, restart_cause, session_phase, side, status_action,
    window_flag,
};
pub use consolidated::{Cbbo, Cmbp1, ConsolidatedLevel};
pub use control::{Gap, Heartbeat, Restart, Tombstone};
pub use definition::{InstrumentDef, SymbolMapping};
pub use gateway::{GatewayError, GatewayNotice};
pub use header::RecordHeader;
pub use lane::Lane;
pub use raw::Raw;
pub use status::{Imbalance, Stat, Status};
pub use tick::{DeltaW, Mbo, Quote, QuoteStats, QuoteW, Trade, TradeW};
pub use vector::{Answer, Match, Query, Vector};

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::schema::{Kind, Schema, key};
use describe::Member;

/// The value of a price field that holds no price.
pub const UNDEF_PRICE: i64 = i64::MAX;
/// The value of a time field that holds no time.
pub const UNDEF_TIME: u64 = u64::MAX;
/// The value of an order size or auction quantity that holds none, as DBN writes it.
pub const UNDEF_SIZE: u32 = u32::MAX;

/// Is a fixed-layout value that stands in a slot.
///
/// Shape: `#[repr(C)]`, no padding, alignment 8, size a multiple of 8, begins with a
/// [`RecordHeader`]. Implemented by [`record!`](crate::record!) only.
pub trait Record: FromBytes + IntoBytes + Immutable + KnownLayout + Copy + 'static {
    /// Every record type this struct is the layout of, with the kind's name; the first pair is
    /// [`RTYPE`](Self::RTYPE) and [`NAME`](Self::NAME). Few have more than one, as [`Bar`] has.
    const KINDS: &'static [(u8, &'static str)];
    /// The fields, the header first.
    const MEMBERS: &'static [Member];
    /// The record type that [`RecordHeader::new`] writes for this struct.
    const RTYPE: u8 = first(Self::KINDS).0;
    /// The name of the kind with that record type.
    const NAME: &'static str = first(Self::KINDS).1;
    /// The number that stands for the layout of this struct, see [`Kind::layout_hash`]: a record is
    /// read or published as an `R` only in a ring whose kind has the same.
    const LAYOUT_HASH: u64 = describe::layout_hash(Self::MEMBERS);

    /// Returns the schema rows of this struct under [`NAME`](Self::NAME).
    ///
    /// Cost: allocates.
    #[must_use]
    fn kind() -> Kind {
        let size_bytes = const { describe::narrow(size_of::<Self>()) };
        describe::kind((Self::RTYPE, Self::NAME), size_bytes, Self::MEMBERS)
    }

    /// Returns the header.
    fn header(&self) -> &RecordHeader;

    /// Returns a record whose fields are undefined, or zero where no undefined value exists.
    ///
    /// For DBN's kinds the values are DBN's defaults. Meant as the base of a struct update:
    /// `Mbo { price, ..Mbo::empty(1, 7, ts_event) }`.
    fn empty(publisher_id: u16, instrument_id: u32, ts_event: u64) -> Self;

    /// Returns whether a record of this type has the layout of this struct.
    #[must_use]
    fn accepts(rtype: u8) -> bool {
        Self::KINDS.iter().any(|(own, _)| *own == rtype)
    }

    /// Returns whether this is the number of one of [`KINDS`](Self::KINDS) with the layout of this
    /// struct, see [`RecordRef::get`](crate::RecordRef::get).
    #[inline]
    #[must_use]
    fn is_kind(kind_key: u64) -> bool {
        Self::KINDS.iter().any(|(own, _)| kind_key == key(*own, Self::LAYOUT_HASH))
    }

    /// Returns a line for each way in which a ring of this schema cannot be read as records of
    /// this struct: "here" is the struct, "there" the ring. Empty if the ring has at least one of
    /// [`KINDS`](Self::KINDS), and has those with the layout of the struct.
    ///
    /// Cost: allocates; for error messages and checks at attach.
    #[must_use]
    fn difference(schema: &Schema) -> Vec<String> {
        let theirs =
            |own: &Kind| schema.kind_by_rtype(own.rtype).or_else(|| schema.kind_by_name(&own.name));
        let own = Self::kinds();
        let mut pairs = own.iter().filter_map(|own| Some((own, theirs(own)?))).peekable();
        if pairs.peek().is_none() {
            let names: Vec<&str> = schema.kinds().iter().map(|kind| &*kind.name).collect();
            return vec![format!("{}: only here; there are {}", Self::NAME, names.join(", "))];
        }
        pairs.flat_map(|(own, theirs)| own.difference(&theirs.fixed_part())).collect()
    }

    /// Returns the schema rows once for each record type of [`KINDS`](Self::KINDS).
    ///
    /// Cost: allocates.
    #[must_use]
    fn kinds() -> Vec<Kind> {
        Self::KINDS
            .iter()
            .map(|&(rtype, name)| Kind { name: name.into(), rtype, ..Self::kind() })
            .collect()
    }
}

/// Returns the record type and name that a struct is created with.
const fn first(kinds: &'static [(u8, &'static str)]) -> (u8, &'static str) {
    match kinds {
        [first, ..] => *first,
        [] => panic!("a record has a record type"),
    }
}

/// Returns the kinds of every record struct in this module, in ascending order of `rtype`.
///
/// `vector` and `query` stand here with their fixed part only; [`Vector::kind_with_dim`] gives the
/// kind of a ring of vectors. Cost: allocates.
#[must_use]
pub fn builtin_kinds() -> Vec<Kind> {
    let mut kinds: Vec<Kind> = [
        Trade::kinds(),
        Mbp1::kinds(),
        Mbp10::kinds(),
        Status::kinds(),
        InstrumentDef::kinds(),
        Imbalance::kinds(),
        GatewayError::kinds(),
        SymbolMapping::kinds(),
        GatewayNotice::kinds(),
        Stat::kinds(),
        Bar::kinds(),
        Mbo::kinds(),
        Cmbp1::kinds(),
        Cbbo::kinds(),
        Bbo::kinds(),
        Vector::kinds(),
        Match::kinds(),
        TradeW::kinds(),
        Quote::kinds(),
        QuoteW::kinds(),
        DeltaW::kinds(),
        WindowBar::kinds(),
        QuoteStats::kinds(),
        BarStats::kinds(),
        Late::kinds(),
        DepthW::kinds(),
        Query::kinds(),
        Answer::kinds(),
        Heartbeat::kinds(),
        Gap::kinds(),
        Restart::kinds(),
        Tombstone::kinds(),
        Raw::kinds(),
    ]
    .concat();
    kinds.sort_by_key(|kind| kind.rtype);
    kinds
}

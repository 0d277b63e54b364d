//! Rolling features: each instrument's recent market as a vector.
//!
//! At every `every`-th event of an instrument a step of four channels is taken:
//!
//! | channel | value |
//! |---|---|
//! | return | change of the mid price since the last step, relative to it |
//! | spread | best ask less best bid, relative to the mid price |
//! | imbalance | (bid size - ask size) / (bid size + ask size) at the best prices, -1 to 1 |
//! | volume | traded since the last step, bought less sold, in whole units |
//!
//! A vector is the last `dim / 4` steps: all returns from old to new, then all spreads, imbalances
//! and volumes. Each channel is normalised over the window to mean 0 and deviation 1; a channel
//! that does not change is 0. Nothing is given before the window is full.
//!
//! An event ends at a record flagged LAST; a trade of an instrument that was never quoted is an
//! event of its own, with the trade price as mid. No step is taken from a snapshot, from a book
//! with an empty side, or from a crossed one.
//!
//! The same records give the same vectors. Cost: an update of the instrument's book for each
//! order record, and 8 floating-point operations for each lane of a vector; no allocation but
//! when an instrument is seen for the first time or a book grows.

mod instrument;

use std::any::Any;
use std::collections::HashMap;

use tickring::record::{Mbo, Mbp1, Mbp10, Record, RecordHeader, Trade, Vector, lane_type, metric};
use tickring::schema::Kind;

use crate::error::Error;
use crate::order_id::OrderIdHash;
use instrument::Instrument;

/// Channels of a step.
pub const CHANNELS: u16 = 4;

/// The number of this encoder in [`Vector::model_id`].
pub const MODEL_ID: u16 = 1;

/// Options of [`Features`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FeatureOptions {
    /// Lanes of a vector: a multiple of 4 from 8 to 1024.
    pub dim: u16,
    /// Events of an instrument between two steps, at least 1.
    pub every: u32,
    /// Slots of the ring of vectors, a power of two.
    pub capacity: u64,
}

impl Default for FeatureOptions {
    /// 32 lanes, a step every 8 events, 16 Ki slots.
    fn default() -> Self {
        Self { dim: 32, every: 8, capacity: 1 << 14 }
    }
}

/// A finished vector; its lanes are lent until the next record.
#[derive(Debug)]
pub struct Feature<'a> {
    /// The fixed part, but for `vec_id`: that is given where it is published.
    pub vector: Vector,
    /// The lanes.
    pub lanes: &'a [f32],
}

/// Turns records into vectors.
#[derive(Debug)]
pub struct Features {
    options: FeatureOptions,
    instruments: HashMap<u32, Instrument, OrderIdHash>,
    lanes: Vec<f32>,
}

impl Features {
    /// Creates an encoder that has seen nothing.
    ///
    /// # Errors
    /// [`Error::Option`] if an option is out of range.
    pub fn new(options: FeatureOptions) -> Result<Self, Error> {
        if !options.dim.is_multiple_of(CHANNELS) || !(8..=1024).contains(&options.dim) {
            let found = options.dim.to_string();
            let expected = "a multiple of 4 from 8 to 1024";
            return Err(Error::Option { name: "dim", expected, found });
        }
        if options.every == 0 {
            let found = options.every.to_string();
            return Err(Error::Option { name: "every", expected: "at least 1", found });
        }
        let lanes = vec![0.0; options.dim.into()];
        Ok(Self { options, instruments: HashMap::default(), lanes })
    }

    /// Returns the slots that the ring of vectors is to have.
    #[must_use]
    pub fn capacity(&self) -> u64 {
        self.options.capacity
    }

    /// Returns the kinds of the ring of vectors.
    ///
    /// Cost: allocates.
    #[must_use]
    pub fn kinds(&self) -> Vec<Kind> {
        vec![Vector::kind_with_dim(self.options.dim)]
    }

    /// Takes one record, whose sequence in the source ring is `seq`, and returns the vector that
    /// it completes, if it does.
    ///
    /// Orders, trades and books of price levels count; all other kinds are ignored.
    #[inline]
    pub fn observe<R: Record>(&mut self, seq: u64, record: &R) -> Option<Feature<'_>> {
        let record = record as &dyn Any;
        if let Some(mbo) = record.downcast_ref::<Mbo>() {
            self.step(seq, &mbo.header, mbo.ts_recv, |instrument| instrument.order(mbo))
        } else if let Some(trade) = record.downcast_ref::<Trade>() {
            self.step(seq, &trade.header, trade.ts_recv, |instrument| instrument.trade(trade))
        } else if let Some(book) = record.downcast_ref::<Mbp1>() {
            let event = (book.action, book.side, book.size, book.flags);
            let [top] = &book.levels;
            self.step(seq, &book.header, book.ts_recv, |instrument| instrument.level(top, event))
        } else if let Some(book) = record.downcast_ref::<Mbp10>() {
            let event = (book.action, book.side, book.size, book.flags);
            let [top, ..] = &book.levels;
            self.step(seq, &book.header, book.ts_recv, |instrument| instrument.level(top, event))
        } else {
            None
        }
    }

    fn step(
        &mut self,
        seq: u64,
        header: &RecordHeader,
        ts_recv: u64,
        update: impl FnOnce(&mut Instrument) -> bool,
    ) -> Option<Feature<'_>> {
        let FeatureOptions { dim, every, .. } = self.options;
        let instrument = self
            .instruments
            .entry(header.instrument_id)
            .or_insert_with(|| Instrument::new(usize::from(dim / CHANNELS)));
        if !(update(instrument) && instrument.sample(every)) {
            return None;
        }
        let norm = instrument.encode(&mut self.lanes);
        let vector = Vector {
            ts_recv,
            src_seq: seq,
            dim,
            dtype: lane_type::F32,
            metric: metric::L2,
            model_id: MODEL_ID,
            norm,
            ..Vector::empty(header.publisher_id, header.instrument_id, header.ts_event)
        };
        Some(Feature { vector, lanes: &self.lanes })
    }
}

#[cfg(test)]
mod tests;

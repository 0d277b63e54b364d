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
//! The books are those of [`market`](crate::market), whose updates are taken one by one. The same
//! records give the same vectors. Cost: 8 floating-point operations for each lane of a vector; no
//! allocation but when an instrument is seen for the first time.

mod instrument;
mod plant;

use tickring::record::{Record, Vector, lane_type, metric};
use tickring::schema::Kind;

use crate::error::Error;
use crate::market::Update;
use instrument::Instrument;

pub(crate) use plant::Planter;
pub use plant::{Plant, PlantOptions};

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
    /// Near-duplicates to be planted among the vectors; none without.
    pub plant: Option<PlantOptions>,
}

impl Default for FeatureOptions {
    /// 32 lanes, a step every 8 events, 16 Ki slots, nothing planted.
    fn default() -> Self {
        Self { dim: 32, every: 8, capacity: 1 << 14, plant: None }
    }
}

/// A finished vector; its lanes are lent until the next update.
#[derive(Debug)]
pub struct Feature<'a> {
    /// The fixed part, but for `vec_id`: that is given where it is published.
    pub vector: Vector,
    /// The lanes.
    pub lanes: &'a [f32],
}

/// Turns updates of markets into vectors.
#[derive(Debug)]
pub struct Features {
    options: FeatureOptions,
    /// By the places of their markets.
    instruments: Vec<Instrument>,
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
        if options.plant.is_some_and(|plant| plant.one_in == 0) {
            let (expected, found) = ("at least 1", "0".to_owned());
            return Err(Error::Option { name: "one_in", expected, found });
        }
        let lanes = vec![0.0; options.dim.into()];
        Ok(Self { options, instruments: Vec::new(), lanes })
    }

    /// Returns what plants vectors among those of this encoder, if anything is to.
    pub(crate) fn planter(&self) -> Option<Planter> {
        let FeatureOptions { dim, capacity, plant, .. } = self.options;
        plant.map(|options| Planter::new(options, dim, capacity))
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

    /// Takes what a record, whose sequence in the source ring is `seq`, made of a market, and
    /// returns the vector that it completes, if it does.
    #[inline]
    pub fn observe(&mut self, seq: u64, update: &Update<'_>) -> Option<Feature<'_>> {
        let FeatureOptions { dim, every, .. } = self.options;
        if self.instruments.len() <= update.place {
            let new = || Instrument::new(usize::from(dim / CHANNELS));
            self.instruments.resize_with(update.place + 1, new);
        }
        let instrument = self.instruments.get_mut(update.place)?;
        if let Some(traded) = &update.traded {
            instrument.trade(traded);
        }
        let is_step = update.ends_event && !update.is_snapshot();
        if !(is_step && instrument.sample(update.market, every)) {
            return None;
        }
        let norm = instrument.encode(&mut self.lanes);
        let header = update.header;
        let vector = Vector {
            ts_recv: update.ts_recv,
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

//! Rolling features of a simulated market.

use super::refused;
use crate::failure::Failure;
use serde::Deserialize;
use std::collections::VecDeque;
use tickring::WrongKind;
use tickring::record::Record;
use tickring_producer::features::{FeatureOptions, Features};
use tickring_producer::market::Markets as Books;
use tickring_producer::source::simulator::{Simulator, SimulatorOptions};
use tickring_producer::source::{Sink, Source};

/// Simulated events from one look for vectors to the next.
const BUDGET: usize = 256;
/// Numbers from the instruments of one market to those of the next.
const APART: u32 = 1 << 20;

/// What the market is like.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct MarketSpec {
    /// Instruments, traded by Zipf's law.
    pub instruments: u32,
    /// Events in a second of simulated time.
    pub events_per_second: f64,
    /// Events of an instrument from one step of its features to the next.
    pub every: u32,
    /// Vectors after which other instruments follow; the same for ever without.
    pub regime: Option<u64>,
    /// The seed.
    pub seed: u64,
}

/// Simulated markets, one after the other.
#[derive(Debug)]
pub struct Markets {
    spec: MarketSpec,
    dim: u16,
    simulator: Simulator,
    encoder: Encoder,
    /// Markets that are over.
    past: u32,
    /// Vectors of this market that were given.
    given: u64,
}

/// Makes vectors of records.
#[derive(Debug)]
struct Encoder {
    books: Books,
    features: Features,
    seq: u64,
    ready: VecDeque<(u32, Vec<f32>)>,
    spare: Vec<Vec<f32>>,
}

impl Encoder {
    fn new(dim: u16, every: u32) -> Result<Self, Failure> {
        let options = FeatureOptions { dim, every, ..FeatureOptions::default() };
        Ok(Self {
            books: Books::new(),
            features: Features::new(options).map_err(failed)?,
            seq: 0,
            ready: VecDeque::new(),
            spare: Vec::new(),
        })
    }
}

impl Markets {
    /// Opens the first market, for vectors of `dim` lanes.
    ///
    /// # Errors
    ///
    /// [`Failure::Stream`] for options that cannot be.
    pub fn new(dim: usize, spec: MarketSpec) -> Result<Self, Failure> {
        if spec.regime == Some(0) {
            return Err(refused("regime", "at least 1 vector, or no such key", "0"));
        }
        let dim = u16::try_from(dim).unwrap_or(u16::MAX);
        let encoder = Encoder::new(dim, spec.every)?;
        Ok(Self { spec, dim, simulator: open(&spec, 0)?, encoder, past: 0, given: 0 })
    }

    /// Writes the next vector and gives its instrument.
    ///
    /// # Errors
    ///
    /// [`Failure::Stream`] with what the simulator says.
    pub fn next(&mut self, lanes: &mut [f32]) -> Result<u32, Failure> {
        if self.spec.regime.is_some_and(|regime| self.given >= regime) {
            self.past += 1;
            self.given = 0;
            self.simulator = open(&self.spec, self.past)?;
            self.encoder = Encoder::new(self.dim, self.spec.every)?;
        }
        while self.encoder.ready.is_empty() {
            let _ = self.simulator.poll(&mut self.encoder, BUDGET).map_err(failed)?;
        }
        self.given += 1;
        let Some((instrument, vector)) = self.encoder.ready.pop_front() else { return Ok(0) };
        lanes.copy_from_slice(&vector);
        self.encoder.spare.push(vector);
        Ok(instrument.wrapping_add(self.past.wrapping_mul(APART)))
    }
}

/// Opens a market. Those that follow are as much faster or slower as they are different.
fn open(spec: &MarketSpec, number: u32) -> Result<Simulator, Failure> {
    let pace = [1.0, 3.0, 0.5, 2.0].get(number as usize % 4).copied().unwrap_or(1.0);
    let options = SimulatorOptions {
        seed: spec.seed.wrapping_add(number.into()),
        instruments: spec.instruments,
        events_per_second: spec.events_per_second * pace,
        ..SimulatorOptions::default()
    };
    Simulator::new(&options).map_err(failed)
}

fn failed(error: tickring_producer::Error) -> Failure {
    refused("market", "a market that can be simulated", &error.to_string())
}

impl Sink for Encoder {
    fn tick<R: Record>(&mut self, record: &R) -> Result<(), WrongKind> {
        self.seq += 1;
        let Some(update) = self.books.apply(record) else { return Ok(()) };
        if let Some(feature) = self.features.observe(self.seq, &update) {
            let mut lanes = self.spare.pop().unwrap_or_default();
            lanes.clear();
            lanes.extend_from_slice(feature.lanes);
            self.ready.push_back((feature.vector.header.instrument_id, lanes));
        }
        Ok(())
    }

    fn definition<R: Record>(&mut self, _: &R) -> Result<(), WrongKind> {
        Ok(())
    }

    fn statistic<R: Record>(&mut self, _: &R) -> Result<(), WrongKind> {
        Ok(())
    }
}

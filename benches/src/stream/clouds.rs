//! Clouds around centres that drift.

use crate::random::Random;

/// Every so many lanes one drifts.
const DRIFTING: usize = 16;

/// Vectors around centres that drift.
#[derive(Clone, Debug)]
pub struct Clouds {
    random: Random,
    centres: Vec<f32>,
    dim: usize,
    spread: f32,
    drift: f32,
}

impl Clouds {
    /// Clouds around `centres` of deviation 1: their vectors deviate by `spread` in each lane, and
    /// with each a centre takes a step of `drift` in every sixteenth lane.
    #[must_use]
    pub fn new(dim: usize, centres: usize, spread: f32, drift: f32, seed: u64) -> Self {
        let mut random = Random(seed);
        let centres = (0..dim * centres).map(|_| random.normal()).collect();
        Self { random, centres, dim, spread, drift }
    }

    /// Writes the next vector.
    pub fn next(&mut self, lanes: &mut [f32]) {
        let Self { random, centres, dim, spread, drift } = self;
        let at = random.place(centres.len() / *dim) * *dim;
        let centre = centres.get_mut(at..at + *dim).unwrap_or_default();
        for lane in centre.iter_mut().step_by(DRIFTING) {
            *lane += random.normal() * *drift;
        }
        for (lane, middle) in lanes.iter_mut().zip(centre) {
            *lane = *middle + random.normal() * *spread;
        }
    }
}

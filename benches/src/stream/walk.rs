//! Walkers.

use crate::random::Random;

/// Walkers that take steps in turns by chance.
#[derive(Clone, Debug)]
pub struct Walk {
    random: Random,
    places: Vec<f32>,
    dim: usize,
    step: f32,
}

impl Walk {
    /// Walkers at places of deviation 1, whose steps deviate by `step` in each lane.
    #[must_use]
    pub fn new(dim: usize, walkers: usize, step: f32, seed: u64) -> Self {
        let mut random = Random(seed);
        let places = (0..dim * walkers).map(|_| random.normal()).collect();
        Self { random, places, dim, step }
    }

    /// Writes the place of the walker that moved, and gives its number.
    pub fn next(&mut self, lanes: &mut [f32]) -> u32 {
        let Self { random, places, dim, step } = self;
        let walker = random.place(places.len() / *dim);
        let place = places.get_mut(walker * *dim..(walker + 1) * *dim).unwrap_or_default();
        for (lane, own) in lanes.iter_mut().zip(place) {
            *own += random.normal() * *step;
            *lane = *own;
        }
        u32::try_from(walker).unwrap_or(u32::MAX)
    }
}

//! Planted neighbours: near-duplicates of earlier vectors, at known distances.
//!
//! Whoever searches the stream is to find each planted vector's original as its nearest neighbour
//! (or one of the nearest, where the market itself repeats), so that recall can be scored without
//! a search of one's own. After one in so many vectors one of
//! the 256 before is taken (each at most once, and no planted one), moved in a random direction by
//! a thousandth to a twentieth of its norm, and published as well. A planted vector looks like any
//! other: the [`Plant`]s tell them.

use tickring::record::Vector;

use crate::random::Random;

/// Vectors that may be duplicated: the last so many.
const MEMORY: usize = 256;
/// The shortest and the longest way that a vector is moved, as a part of its norm.
const MOVED: [f64; 2] = [0.001, 0.05];

/// Options of planting.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PlantOptions {
    /// A vector is planted after one in so many, on average; at least 1.
    pub one_in: u32,
    /// Seed: the same vectors give the same plants.
    pub seed: u64,
}

/// A planted vector.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plant {
    /// Its `vec_id`.
    pub query_id: u64,
    /// The `vec_id` of its original.
    pub neighbour_id: u64,
    /// The squared Euclidean distance between both.
    pub distance: f64,
}

/// Plants vectors into a stream.
///
/// Cost: a copy of each vector; a planted one draws a number for each lane. No allocation but that
/// of the list of plants, which its reader empties.
#[derive(Debug)]
pub(crate) struct Planter {
    options: PlantOptions,
    random: Random,
    dim: usize,
    /// The last vectors: `vec_id` and lanes; `None` for one that has its duplicate.
    ids: Vec<Option<u64>>,
    lanes: Vec<f32>,
    next: usize,
    planted: Vec<f32>,
    plants: Vec<Plant>,
}

impl Planter {
    /// Creates a planter that has seen nothing, for vectors of `dim` lanes in a ring of `capacity`
    /// slots.
    pub(crate) fn new(options: PlantOptions, dim: u16, capacity: u64) -> Self {
        let dim = usize::from(dim);
        // An original must not be overwritten before its duplicate is looked for.
        let memory = usize::try_from(capacity / 4).unwrap_or(MEMORY).clamp(1, MEMORY);
        Self {
            options,
            random: Random::new(options.seed),
            dim,
            ids: vec![None; memory],
            lanes: vec![0.0; memory * dim],
            next: 0,
            planted: vec![0.0; dim],
            plants: Vec::new(),
        }
    }

    /// Takes the vector that was published last, and returns one to be published behind it under
    /// the next `vec_id`, if one is to be planted.
    pub(crate) fn after(&mut self, vector: &Vector, lanes: &[f32]) -> Option<(Vector, &[f32])> {
        let place = self.next;
        if let Some(kept) = self.lanes.get_mut(place * self.dim..(place + 1) * self.dim) {
            kept.copy_from_slice(lanes);
        }
        if let Some(id) = self.ids.get_mut(place) {
            *id = Some(vector.vec_id);
        }
        self.next = (place + 1) % self.ids.len().max(1);
        if self.random.below(self.options.one_in) != 0 {
            return None;
        }
        let place = self.random.index(self.ids.len());
        let neighbour_id = self.ids.get_mut(place)?.take()?;
        let distance = self.shift(place);
        let query_id = vector.vec_id + 1;
        self.plants.push(Plant { query_id, neighbour_id, distance });
        let norm = norm(&self.planted);
        Some((Vector { vec_id: query_id, norm, ..*vector }, &self.planted))
    }

    /// Moves a copy of a kept vector, and returns how far: the squared distance of what came of it.
    #[expect(clippy::cast_possible_truncation, reason = "lanes are f32 by definition")]
    fn shift(&mut self, place: usize) -> f64 {
        let original = self.lanes.get(place * self.dim..(place + 1) * self.dim);
        let original = original.unwrap_or_default();
        let [least, most] = MOVED;
        let part = least * libm::pow(most / least, self.random.unit());
        let way = part * f64::from(norm(original)).max(1.0);
        // Each lane between -1 and 1: the mean square is a third.
        let scale = way / (exact(self.dim) / 3.0).sqrt();
        let mut distance = 0.0;
        for (lane, &from) in self.planted.iter_mut().zip(original) {
            *lane = (f64::from(from) + scale * (2.0 * self.random.unit() - 1.0)) as f32;
            let moved = f64::from(*lane) - f64::from(from);
            distance += moved * moved;
        }
        distance
    }

    /// Gives the plants since the last call, in order.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = Plant> {
        self.plants.drain(..)
    }
}

/// Returns the norm of a vector as its record has it.
#[expect(clippy::cast_possible_truncation, reason = "the field is f32 by definition")]
pub(super) fn norm(lanes: &[f32]) -> f32 {
    lanes.iter().map(|lane| f64::from(*lane) * f64::from(*lane)).sum::<f64>().sqrt() as f32
}

/// Returns a number of lanes as a float.
#[expect(clippy::cast_precision_loss, reason = "a vector has at most 1024 lanes")]
fn exact(dim: usize) -> f64 {
    dim as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use tickring::record::Record;

    const DIM: u16 = 32;

    /// A number from -32 to 32 in steps of a thousandth.
    fn lane(random: &mut Random) -> f32 {
        f32::from(u16::try_from(random.below(64_000)).unwrap()) / 1_000.0 - 32.0
    }

    /// A stream of random vectors with what is planted among them.
    fn stream(options: PlantOptions, capacity: u64) -> (Vec<Vec<f32>>, Vec<Plant>) {
        let mut random = Random::new(99);
        let mut planter = Planter::new(options, DIM, capacity);
        let mut published: Vec<Vec<f32>> = Vec::new();
        let mut plants = Vec::new();
        while published.len() < 5_000 {
            let lanes: Vec<f32> = (0..DIM).map(|_| lane(&mut random)).collect();
            let vec_id = published.len() as u64;
            let vector = Vector { vec_id, norm: norm(&lanes), ..Vector::empty(0, 1, 7) };
            published.push(lanes);
            if let Some((vector, lanes)) = planter.after(&vector, published.last().unwrap()) {
                assert_eq!((vector.vec_id, vector.header.ts_event), (vec_id + 1, 7));
                assert_eq!(vector.norm, norm(lanes));
                published.push(lanes.to_vec());
            }
            plants.extend(planter.drain());
        }
        (published, plants)
    }

    fn distance(a: &[f32], b: &[f32]) -> f64 {
        a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum()
    }

    #[test]
    fn the_original_is_the_nearest_of_all_at_the_distance_that_is_told() {
        let (vectors, plants) = stream(PlantOptions { one_in: 10, seed: 1 }, 1 << 14);
        assert!((350..550).contains(&plants.len()), "{}", plants.len());
        for plant in &plants {
            let [query, original] =
                [plant.query_id, plant.neighbour_id].map(|id| usize::try_from(id).unwrap());
            assert!(original < query && query - original <= 2 * MEMORY);
            let found = (0..query)
                .map(|id| (distance(&vectors[query], &vectors[id]), id))
                .min_by(|a, b| a.0.total_cmp(&b.0))
                .unwrap();
            assert_eq!(found, (plant.distance, original));
            assert!(plant.distance > 0.0);
        }
        let mut originals: Vec<u64> = plants.iter().map(|plant| plant.neighbour_id).collect();
        let queries: Vec<u64> = plants.iter().map(|plant| plant.query_id).collect();
        originals.sort_unstable();
        assert!(originals.windows(2).all(|pair| pair[0] < pair[1]), "each once");
        assert!(originals.iter().all(|id| !queries.contains(id)), "no planted one");
    }

    #[test]
    fn plants_are_fixed_by_their_seed_and_stay_near_in_small_rings() {
        let options = PlantOptions { one_in: 2, seed: 5 };
        assert!(stream(options, 64) == stream(options, 64));
        assert!(stream(options, 64).1 != stream(PlantOptions { seed: 6, ..options }, 64).1);
        let (_, plants) = stream(options, 64);
        assert!(plants.iter().all(|plant| plant.query_id - plant.neighbour_id <= 2 * 16));
        assert!(plants.len() > 500, "{}", plants.len());
    }
}

//! Vectors as clouds around centres that drift.

/// Lanes of a vector.
pub(crate) const DIM: usize = 128;
/// Centres of the clouds.
const CENTRES: usize = 2_000;

/// Numbers that follow from a seed: SplitMix64, by Steele, Lea and Flood.
pub(crate) struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// About normal: the sum of four uniform numbers.
    fn normal(&mut self) -> f32 {
        let bits = self.next().to_le_bytes();
        let (parts, _) = bits.as_chunks::<2>();
        let sum: f32 = parts.iter().map(|part| f32::from(u16::from_le_bytes(*part))).sum();
        (sum / 65_535.0 - 2.0) * 1.7
    }
}

/// A stream of vectors around centres that drift.
pub(crate) struct Stream {
    random: Random,
    centres: Vec<Vec<f32>>,
    seq: u64,
}

impl Stream {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let mut row = || (0..DIM).map(|_| random.normal()).collect();
        let centres = (0..CENTRES).map(|_| row()).collect();
        Self { random, centres, seq: 0 }
    }

    pub(crate) fn next(&mut self) -> Vec<f32> {
        self.seq += 1;
        let at = usize::try_from(self.random.next() % CENTRES as u64).unwrap_or(0);
        let Some(centre) = self.centres.get_mut(at) else { return Vec::new() };
        for lane in centre.iter_mut().step_by(16) {
            *lane += self.random.normal() * 0.02;
        }
        centre.iter().map(|lane| lane + self.random.normal() * 0.5).collect()
    }
}

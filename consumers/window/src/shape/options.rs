//! What a shape is made of.

use super::error::ShapeError;

/// Fewest lanes of a vector.
const LEAST_LANES: u32 = 8;
/// Most lanes of a vector.
const MOST_LANES: u32 = 4096;

/// What a shape is made of, and of how many instruments.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ShapeOptions {
    /// Bars in a shape, at least 2.
    pub bars: u16,
    /// Weight of the closes; zero leaves them out.
    pub closes: f32,
    /// Weight of the logarithmic returns; zero leaves them out.
    pub returns: f32,
    /// Weight of the volumes; zero leaves them out.
    pub volumes: f32,
    /// Most instruments; bars of further ones are counted and give no vectors.
    pub instruments: u32,
    /// Whether bars that are not FINAL, because they may be revised still, are left out. With
    /// windows that allow lateness hardly any bar is FINAL.
    pub only_final: bool,
    /// The `model_id` of the vectors; shapes of different options need different ones.
    pub model_id: u16,
    /// The `generation` of the vectors.
    pub generation: u32,
}

impl Default for ShapeOptions {
    /// Closes and volumes of 32 bars, of 8,192 instruments at most.
    fn default() -> Self {
        Self {
            bars: 32,
            closes: 1.0,
            returns: 0.0,
            volumes: 0.5,
            instruments: 8192,
            only_final: false,
            model_id: 0,
            generation: 0,
        }
    }
}

impl ShapeOptions {
    /// The number of lanes: the sum of the parts'.
    ///
    /// # Errors
    ///
    /// [`ShapeError::Lanes`] for fewer than 8 or more than 4,096, or less than two bars;
    /// [`ShapeError::Weight`].
    pub fn lanes(&self) -> Result<u16, ShapeError> {
        let bars = u32::from(self.bars);
        let parts = [
            ("closes", self.closes, bars),
            ("returns", self.returns, bars.saturating_sub(1)),
            ("volumes", self.volumes, bars),
        ];
        let mut found = 0;
        for (part, weight, lanes) in parts {
            if !(weight.is_finite() && weight >= 0.0) {
                return Err(ShapeError::Weight { part, found: weight });
            }
            found += if weight > 0.0 { lanes } else { 0 };
        }
        let is_possible = self.bars >= 2 && (LEAST_LANES..=MOST_LANES).contains(&found);
        match u16::try_from(found) {
            Ok(lanes) if is_possible => Ok(lanes),
            _ => Err(ShapeError::Lanes {
                bars: self.bars,
                least: LEAST_LANES,
                most: MOST_LANES,
                found,
            }),
        }
    }
}

//! Recorded quotes as vectors.

use super::refused;
use crate::failure::Failure;
use npyz::NpyFile;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use tickring_ann::Queries;

/// Quotes of a vector.
const QUOTES: usize = 64;
/// Lanes of a vector: the middle prices, then the imbalances.
const DIM: usize = 2 * QUOTES;
/// Deviation of the logarithms of prices below which they never moved.
const STILL: f64 = 1e-12;
/// Bytes of a quote: time i64, instrument u32, bid and ask i32, their sizes f32.
const ROW: usize = 28;

/// Reads the quotes of some instruments, counted from 0 in the order in which they stand in the
/// file. Each 64 quotes behind one another are a vector: the logarithms of the middle prices,
/// normalised to mean 0 and deviation 1, and (bid size - ask size) / (bid size + ask size).
///
/// # Errors
///
/// [`Failure::Io`], and [`Failure::Stream`] if an instrument has no 64 quotes.
pub fn quotes(path: &Path, instruments: &[usize]) -> Result<Queries, Failure> {
    let failed = |source| Failure::io("read", path, source);
    let file = BufReader::new(File::open(path).map_err(failed)?);
    let npy = NpyFile::new(file).map_err(failed)?;
    let mut bytes = Vec::new();
    npy.into_inner().read_to_end(&mut bytes).map_err(failed)?;
    let (quotes, _) = bytes.as_chunks::<ROW>();
    let mut ids: Vec<u32> = Vec::new();
    let mut lanes = Vec::new();
    for quote in quotes {
        let id = u32::from_le_bytes(word(quote, 8));
        if ids.last() != Some(&id) && !ids.contains(&id) {
            ids.push(id);
        }
    }
    for number in instruments {
        let expected = format!("instruments 0 to {} of the file", ids.len().saturating_sub(1));
        let unknown = || refused("instruments", &expected, &number.to_string());
        let id = *ids.get(*number).ok_or_else(unknown)?;
        let own = quotes.iter().filter(|quote| u32::from_le_bytes(word(quote, 8)) == id);
        let states: Vec<[f64; 2]> = own.map(state).collect();
        states.windows(QUOTES).for_each(|states| encode(states, &mut lanes));
    }
    let none = |error: tickring_ann::Error| {
        refused("file", "64 quotes of an instrument at least", &error.to_string())
    };
    Queries::new(DIM, lanes).map_err(none)
}

fn word(quote: &[u8; ROW], at: usize) -> [u8; 4] {
    quote.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or_default()
}

/// The logarithm of the middle price, and the imbalance.
fn state(quote: &[u8; ROW]) -> [f64; 2] {
    let price = |at| f64::from(i32::from_le_bytes(word(quote, at)));
    let size = |at| f64::from(f32::from_le_bytes(word(quote, at)));
    let (bid, ask) = (size(20), size(24));
    [((price(12) + price(16)) / 200.0).ln(), (bid - ask) / (bid + ask)]
}

fn encode(states: &[[f64; 2]], lanes: &mut Vec<f32>) {
    let count = states.len() as f64;
    let mean = states.iter().map(|[mid, _]| mid).sum::<f64>() / count;
    let variance = states.iter().map(|[mid, _]| (mid - mean).powi(2)).sum::<f64>() / count;
    let deviation = variance.sqrt();
    // Prices that never moved deviate by rounding alone.
    let scale = if deviation < STILL { 0.0 } else { deviation.recip() };
    #[expect(clippy::cast_possible_truncation, reason = "rounds to the nearest f32")]
    let narrow = |lane: f64| lane as f32;
    lanes.extend(states.iter().map(|[mid, _]| narrow((mid - mean) * scale)));
    lanes.extend(states.iter().map(|[_, imbalance]| narrow(*imbalance)));
}

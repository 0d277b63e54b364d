//! The function from bars to vectors.

use super::error::ShapeError;
use super::history::{History, Kept, Point};
use super::options::ShapeOptions;
use std::collections::HashMap;
use tickring::record::{Record, Vector, WindowBar, window_flag};

/// How many bars went where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShapeCounts {
    /// Bars taken.
    pub bars: u64,
    /// Vectors given out.
    pub vectors: u64,
    /// Revisions of a bar that is among the last.
    pub revised: u64,
    /// Bars that are not FINAL, older than what is kept, or without a close.
    pub ignored: u64,
    /// Vectors left out because a close was zero or less and has no logarithm.
    pub unpriced: u64,
    /// Bars of instruments for which there was no room.
    pub unlisted: u64,
}

/// A vector that is due.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shape<'a> {
    /// Its fixed part.
    pub vector: Vector,
    /// Its lanes.
    pub lanes: &'a [f32],
}

/// Keeps the last bars of each instrument and makes vectors of them.
///
/// # Examples
///
/// ```
/// use tickring::record::{Record, WindowBar};
/// use tickring_window::shape::{ShapeEncoder, ShapeOptions};
///
/// let options = ShapeOptions { bars: 8, volumes: 0.0, ..ShapeOptions::default() };
/// let mut encoder = ShapeEncoder::new(options)?;
/// for n in 0..8 {
///     let close = 100 + 10 * (n as i64 % 2);
///     let bar = WindowBar { start_ns: n, close, ..WindowBar::empty(1, 17, n + 1) };
///     let shape = encoder.push(n, &bar);
///     assert_eq!(shape.is_some(), n == 7);
///     if let Some(shape) = shape {
///         let lane = 1.0 / 8_f32.sqrt();
///         assert_eq!(shape.lanes, [-lane, lane, -lane, lane, -lane, lane, -lane, lane]);
///     }
/// }
/// # Ok::<(), tickring_window::shape::ShapeError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ShapeEncoder {
    options: ShapeOptions,
    /// The place of each instrument that was met.
    places: HashMap<u32, usize>,
    histories: Box<[History]>,
    lanes: Vec<f32>,
    counts: ShapeCounts,
}

impl ShapeEncoder {
    /// An encoder that has seen no bar.
    ///
    /// Cost: allocates 24 bytes for each bar of each instrument, all that it ever does.
    ///
    /// # Errors
    ///
    /// Those of [`ShapeOptions::lanes`].
    pub fn new(options: ShapeOptions) -> Result<Self, ShapeError> {
        let lanes = usize::from(options.lanes()?);
        let instruments = usize::try_from(options.instruments).unwrap_or(usize::MAX);
        let history = History::new(usize::from(options.bars));
        Ok(Self {
            options,
            places: HashMap::with_capacity(instruments),
            histories: vec![history; instruments].into(),
            lanes: Vec::with_capacity(lanes),
            counts: ShapeCounts::default(),
        })
    }

    /// Takes the bar with output sequence `seq`, and gives the vector that it completes.
    pub fn push(&mut self, seq: u64, bar: &WindowBar) -> Option<Shape<'_>> {
        self.counts.bars += 1;
        if self.options.only_final && bar.flags & window_flag::FINAL == 0 {
            self.counts.ignored += 1;
            return None;
        }
        let Some(place) = self.place(bar.header.instrument_id) else {
            self.counts.unlisted += 1;
            return None;
        };
        let history = self.histories.get_mut(place)?;
        match history.push(bar) {
            Kept::Newest if history.is_full() => {}
            Kept::Newest => return None,
            Kept::Revised => {
                self.counts.revised += 1;
                return None;
            }
            Kept::Not => {
                self.counts.ignored += 1;
                return None;
            }
        }
        self.lanes.clear();
        if !encode(&self.options, history, &mut self.lanes) {
            self.counts.unpriced += 1;
            return None;
        }
        self.counts.vectors += 1;
        Some(Shape { vector: self.fixed(seq, bar), lanes: &self.lanes })
    }

    /// Forgets all bars: some were missed, and what comes next does not join them.
    pub fn begin_anew(&mut self) {
        self.histories.iter_mut().for_each(History::clear);
    }

    /// What happened so far.
    #[must_use]
    pub fn counts(&self) -> ShapeCounts {
        self.counts
    }

    /// The place of an instrument, given to it now if there is one left.
    fn place(&mut self, instrument_id: u32) -> Option<usize> {
        let next = self.places.len();
        if let Some(place) = self.places.get(&instrument_id) {
            return Some(*place);
        }
        if next >= self.histories.len() {
            return None;
        }
        self.places.insert(instrument_id, next);
        Some(next)
    }

    fn fixed(&self, seq: u64, bar: &WindowBar) -> Vector {
        let header = bar.header;
        Vector {
            vec_id: seq,
            src_seq: seq,
            dim: u16::try_from(self.lanes.len()).unwrap_or(u16::MAX),
            dtype: 0,
            metric: 0,
            model_id: self.options.model_id,
            flags: 0,
            norm: single(norm(self.lanes.iter().map(|lane| f64::from(*lane)))),
            generation: self.options.generation,
            ..Vector::empty(header.publisher_id, header.instrument_id, header.ts_event)
        }
    }
}

/// Appends the lanes of all parts; `false` if a close has no logarithm where one is needed.
fn encode(options: &ShapeOptions, history: &History, lanes: &mut Vec<f32>) -> bool {
    let points = || history.iter();
    if options.closes > 0.0 {
        // Differences from the oldest are whole numbers: adding to all prices changes no bit.
        let base = points().next().map_or(0, |point| point.close);
        let above = move |point: Point| (i128::from(point.close) - i128::from(base)) as f64;
        let mean = points().map(above).sum::<f64>() / f64::from(options.bars);
        append(options.closes, || points().map(|point| above(point) - mean), lanes);
    }
    if options.returns > 0.0 {
        if points().any(|point| point.close <= 0) {
            return false;
        }
        let pairs = || points().zip(points().skip(1));
        let rise =
            |(before, after): (Point, Point)| (after.close as f64 / before.close as f64).ln();
        append(options.returns, || pairs().map(rise), lanes);
    }
    if options.volumes > 0.0 {
        append(options.volumes, || points().map(|point| point.volume as f64), lanes);
    }
    true
}

/// Appends values, scaled to `weight` as their norm.
fn append<I: Iterator<Item = f64>>(weight: f32, values: impl Fn() -> I, lanes: &mut Vec<f32>) {
    let norm = norm(values());
    let scale = if norm > 0.0 { f64::from(weight) / norm } else { 0.0 };
    lanes.extend(values().map(|value| single(value * scale)));
}

/// The Euclidean norm.
fn norm(values: impl Iterator<Item = f64>) -> f64 {
    values.map(|value| value * value).sum::<f64>().sqrt()
}

#[expect(clippy::cast_possible_truncation, reason = "a lane has the precision of f32")]
fn single(value: f64) -> f32 {
    value as f32
}

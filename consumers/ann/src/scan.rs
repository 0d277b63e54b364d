//! Exact search: every vector of a range of sequences is compared where it stands.
//!
//! The ring is looked at in views of [`CHUNK`] slots, oldest first. Inside a view everything is
//! garbage until the view has been validated, so candidates go to a scratch list, which is
//! merged into the answer only after that; the limit that a candidate must keep stands still
//! during a view, so that garbage cannot move it.

use crate::kernel;
use crate::metric::{Metric, cosine_distance};
use crate::nearest::{Nearest, Neighbour};
use crate::shape::Shape;
use std::mem::offset_of;
use std::ops::{AddAssign, Range};
use tickring::record::Vector;
use tickring::schema::FieldType;
use tickring::{Lanes, LiveRecord, Reader};

/// Slots that are looked at between two validations: long enough that validation costs
/// nothing, short enough that a lap costs little.
const CHUNK: usize = 256;
/// Slots that are given up when a view was lapped: few, because the next may still be there, and
/// finding out that they are not costs two loads.
const STEP: usize = 32;

/// What a scan did. Every sequence of its range is counted in exactly one of the first three.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scan {
    /// Vectors that were compared with the query.
    pub scanned: u64,
    /// Sequences that were no longer there, or were overwritten while being compared, or not
    /// published yet. None of them contributes to the answer.
    pub dropped: u64,
    /// Records that cannot be compared: control records, other numbers or types of lanes.
    pub not_vectors: u64,
    /// Compared vectors whose distance is no number, because of their lanes or their norm.
    /// They are never neighbours.
    pub not_numbers: u64,
}

impl AddAssign for Scan {
    fn add_assign(&mut self, other: Self) {
        self.scanned += other.scanned;
        self.dropped += other.dropped;
        self.not_vectors += other.not_vectors;
        self.not_numbers += other.not_numbers;
    }
}

/// The exact search for the k nearest vectors in a ring, in place.
///
/// # Examples
///
/// ```
/// use tickring::record::{Record, Vector};
/// use tickring::{Directory, Reader, RingSpec, Start, Writer};
/// use tickring_ann::{ExactScan, Metric};
///
/// let root = tempfile::tempdir().expect("a temporary directory");
/// let directory = Directory::at(root.path());
/// let name = "demo/vectors".parse()?;
/// let spec = RingSpec::new(vec![Vector::kind_with_dim(2)])?;
/// let mut writer = Writer::open(&directory, &name, &spec)?;
/// for (vec_id, lanes) in [(100, [0.0, 0.0]), (101, [3.0, 4.0]), (102, [1.0, 0.0])] {
///     let mut claim = writer.claim();
///     claim.write(&Vector { vec_id, dim: 2, ..Vector::empty(1, 7, 0) })?;
///     claim.write_lanes(&lanes)?;
///     claim.commit();
/// }
///
/// let reader = Reader::open(&directory, &name, Start::Oldest)?;
/// let mut search = ExactScan::new(Metric::L2, 2);
/// let scan = search.search(&reader, reader.resident(), &[3.0, 3.0]);
/// let near: Vec<_> = search.neighbours().iter().map(|n| (n.id, n.distance)).collect();
/// assert_eq!(near, [(101, 1.0), (102, 13.0)]);
/// assert_eq!(scan.scanned, 3);
/// # Ok::<(), tickring::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ExactScan {
    metric: Metric,
    nearest: Nearest,
    candidates: Vec<Neighbour>,
    /// Lanes of other types than f32.
    widened: Vec<f32>,
}

impl ExactScan {
    /// Prepares a search for `k` neighbours. Cost: allocates; searching does not.
    #[must_use]
    pub fn new(metric: Metric, k: usize) -> Self {
        Self {
            metric,
            nearest: Nearest::new(k),
            candidates: Vec::with_capacity(CHUNK),
            widened: Vec::new(),
        }
    }

    /// Finds the vectors of `range` that are nearest to `query`; they are then in
    /// [`neighbours`](Self::neighbours).
    ///
    /// Vectors with as many lanes as `query` are compared, of whatever type the ring's schema says:
    /// those of f32 are read where they stand, others are copied and widened first. They are taken
    /// in order of their sequences, and of equal distances the lower sequence comes first: for one
    /// range and one query the answer is always the same, unless the writer took part of the range
    /// away, which [`Scan::dropped`] counts. Cost: one pass over the range; no system call, no
    /// allocation but the first time with lanes of another type than f32.
    pub fn search(&mut self, vectors: &Reader, range: Range<u64>, query: &[f32]) -> Scan {
        self.nearest.clear();
        let ty = Shape::of::<Vector>(vectors.schema()).map_or(FieldType::F32, |shape| shape.ty);
        let query = Asked {
            lanes: query,
            norm: self.metric.norm_of(query),
            shape: Shape::new(query.len(), ty),
        };
        let mut scan = Scan::default();
        let mut first = range.start;
        while first < range.end {
            let most = usize::try_from(range.end - first).unwrap_or(CHUNK).min(CHUNK);
            match self.look(vectors, first, most, &query) {
                Some((seen, count)) => {
                    scan += seen;
                    first += count;
                    self.candidates.iter().for_each(|near| self.nearest.offer(*near));
                }
                None => {
                    // The oldest are lost first: younger ones may still be there.
                    let lost = most.min(STEP) as u64;
                    scan.dropped += lost;
                    first += lost;
                }
            }
        }
        scan
    }

    /// What the last search found, the nearest first. Cost: none.
    #[must_use]
    pub fn neighbours(&self) -> &[Neighbour] {
        self.nearest.as_slice()
    }

    /// Compares up to `most` vectors from `first` on, leaving those near enough in the scratch
    /// list. `None` if the view was lapped: the scratch list is garbage then.
    #[inline]
    fn look(
        &mut self,
        vectors: &Reader,
        first: u64,
        most: usize,
        asked: &Asked<'_>,
    ) -> Option<(Scan, u64)> {
        let limit = self.nearest.limit();
        let Self { metric, candidates, widened, .. } = self;
        let Asked { lanes: query, norm: query_norm, shape } = *asked;
        candidates.clear();
        if shape.ty != FieldType::F32 {
            widened.resize(query.len(), 0.0);
        }
        vectors.view_at(first, most, |view| {
            let mut seen = Seen { not_numbers: 0, limit, candidates };
            let mut not_vectors = 0;
            let comparable = view.iter().filter_map(|record| {
                if shape.is_of(&record) {
                    return Some((record, record.lanes()));
                }
                not_vectors += 1;
                None
            });
            match metric {
                _ if shape.ty != FieldType::F32 => comparable.for_each(|(record, lanes)| {
                    shape.widen(lanes, widened);
                    let sum = kernel::fold(widened, query, metric.operation());
                    seen.take(&record, metric.distance(sum, norm_of(&record), query_norm));
                }),
                Metric::L2 => Lanes::l2_squared_each(comparable, query, |record, distance| {
                    seen.take(&record, distance);
                }),
                Metric::InnerProduct => Lanes::dot_each(comparable, query, |record, dot| {
                    // Not `-dot`, which makes a zero negative.
                    seen.take(&record, 0.0 - dot);
                }),
                Metric::Cosine => Lanes::dot_each(comparable, query, |record, dot| {
                    seen.take(&record, cosine_distance(dot, norm_of(&record), query_norm));
                }),
            }
            let (not_numbers, count) = (seen.not_numbers, view.len() as u64);
            let scanned = count - not_vectors;
            (Scan { scanned, dropped: 0, not_vectors, not_numbers }, count)
        })
    }
}

/// What was seen in one view. Garbage until the view has been validated, and total on garbage.
struct Seen<'s> {
    not_numbers: u64,
    limit: f32,
    candidates: &'s mut Vec<Neighbour>,
}

impl Seen<'_> {
    /// Keeps a compared vector if it is near enough.
    #[inline]
    fn take(&mut self, record: &LiveRecord<'_>, distance: f32) {
        if distance >= self.limit {
            return;
        }
        if distance.is_nan() {
            self.not_numbers += 1;
            return;
        }
        let id = record.word(offset_of!(Vector, vec_id) / 8);
        self.candidates.push(Neighbour { seq: record.seq(), id, distance });
    }
}

/// What is searched for, and what it is compared with.
struct Asked<'q> {
    lanes: &'q [f32],
    norm: f64,
    shape: Shape,
}

/// The norm that a vector's writer stored.
#[inline]
fn norm_of(record: &LiveRecord<'_>) -> f32 {
    const NORM: usize = offset_of!(Vector, norm);
    const _: () = assert!(NORM.is_multiple_of(8));
    let [a, b, c, d, ..] = record.word(NORM / 8).to_le_bytes();
    f32::from_le_bytes([a, b, c, d])
}

//! A vector copied out of its slot, and the ring that it must come from.

use crate::error::Error;
use crate::shape::Shape;
use tickring::record::{Record, Restart, Tombstone, UNDEF_TIME, Vector};
use tickring::schema::Schema;
use tickring::{LiveRecord, RingName};

/// A vector copied out of its slot.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) seq: u64,
    pub(super) vector: Vector,
    /// As f32, whatever they are in the ring.
    pub(super) lanes: Box<[f32]>,
    /// What they are in the ring.
    shape: Shape,
}

/// What stood in the slot that was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    Vector,
    Other,
    Restart { epoch: u64 },
    Tombstone,
}

impl Slot {
    pub(super) fn blank(shape: Shape) -> Self {
        let vector = Vector::empty(0, 0, UNDEF_TIME);
        Self { seq: 0, vector, lanes: vec![0.0; shape.dim].into_boxed_slice(), shape }
    }

    /// Copies a vector out of its slot. Total on garbage; what is copied counts only if the
    /// view was validated.
    pub(super) fn take(&mut self, record: Option<LiveRecord<'_>>) -> Found {
        let Some(record) = record else { return Found::Other };
        if self.shape.is_of(&record) {
            self.seq = record.seq();
            self.vector = record.read();
            self.shape.widen(record.lanes(), &mut self.lanes);
            return Found::Vector;
        }
        match record.rtype() {
            Restart::RTYPE => Found::Restart { epoch: record.read::<Restart>().epoch },
            Tombstone::RTYPE => Found::Tombstone,
            _ => Found::Other,
        }
    }
}

/// The lanes that the schema of a vectors ring gives them.
pub(crate) fn shape_of(name: &RingName, schema: &Schema) -> Result<Shape, Error> {
    Shape::of::<Vector>(schema).ok_or_else(|| Error::NotVectors {
        name: name.to_string(),
        found: schema.kinds().iter().map(|kind| kind.name.to_string()).collect(),
    })
}

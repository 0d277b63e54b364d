//! How many lanes vectors have, and of which type.

use std::mem::offset_of;
use tickring::record::{Lane, Record, Vector, lane_type};
use tickring::schema::{FieldType, Schema, Unit};
use tickring::{Lanes, LiveRecord, f16};

/// The lanes of the vectors, or queries, of a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) dim: usize,
    pub(crate) ty: FieldType,
    /// What a record says of lanes of that type.
    dtype: u8,
    /// The room that they take, in lanes of f32.
    room: usize,
}

impl Shape {
    /// So many lanes of a type, or of f32 if lanes are never of that type.
    pub(crate) fn new(dim: usize, ty: FieldType) -> Self {
        let (dtype, ty) = lane_type::of(ty).map_or((lane_type::F32, FieldType::F32), |d| (d, ty));
        let bytes = dim.saturating_mul(usize::try_from(ty.size_bytes()).unwrap_or(usize::MAX));
        Self { dim, ty, dtype, room: bytes.div_ceil(size_of::<f32>()) }
    }

    /// What a schema says of the records of a kind; `None` if they have no lanes that can be
    /// compared.
    pub(crate) fn of<R: Record>(schema: &Schema) -> Option<Self> {
        let kind = schema.kinds().iter().find(|kind| kind.rtype == R::RTYPE)?;
        let lanes = kind.fields.iter().find(|field| field.unit == Unit::Lanes)?;
        let is_there = usize::try_from(lanes.offset) == Ok(Vector::LANES_OFFSET);
        let can_be = is_there && lanes.count > 0 && lane_type::of(lanes.ty).is_some();
        can_be.then_some(Self::new(usize::try_from(lanes.count).ok()?, lanes.ty))
    }

    /// Whether a record is a vector of this shape.
    #[inline]
    pub(crate) fn is_of(&self, record: &LiveRecord<'_>) -> bool {
        const DIM: usize = offset_of!(Vector, dim);
        const _: () = assert!(DIM.is_multiple_of(8) && offset_of!(Vector, dtype) == DIM + 2);
        let [dim_low, dim_high, dtype, ..] = record.word(DIM / 8).to_le_bytes();
        record.rtype() == Vector::RTYPE
            && usize::from(u16::from_le_bytes([dim_low, dim_high])) == self.dim
            && dtype == self.dtype
            && record.lanes().len() >= self.room
    }

    /// Copies lanes of this shape out of their slot.
    #[inline]
    pub(crate) fn widen(&self, lanes: Lanes<'_>, out: &mut [f32]) {
        match self.ty {
            f16::FIELD => lanes.widen_to::<f16>(out),
            i8::FIELD => lanes.widen_to::<i8>(out),
            _ => lanes.copy_to(out),
        }
    }
}

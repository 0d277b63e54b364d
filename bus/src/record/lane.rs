//! What the elements of vectors are made of.

use crate::schema::FieldType;
use bytemuck::Pod;
use half::f16;
use half::slice::HalfFloatSliceExt;

/// A type of vector elements, as they stand in slots: `f32`, [`half::f16`] or `i8`.
///
/// Whatever it is, distances are computed in `f32`, into which each of them goes without loss.
pub trait Lane: Pod {
    /// The type of the field `lanes` of a ring's schema; `lane_type::of` it is what
    /// [`Vector::dtype`](crate::record::Vector::dtype) says.
    const FIELD: FieldType;

    /// Writes lanes as `f32`, as many as both have. Cost: one pass, no allocation.
    fn widen(from: &[Self], to: &mut [f32]);
}

impl Lane for f32 {
    const FIELD: FieldType = FieldType::F32;

    #[inline]
    fn widen(from: &[Self], to: &mut [f32]) {
        to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
    }
}

impl Lane for f16 {
    const FIELD: FieldType = FieldType::F16;

    #[inline]
    fn widen(from: &[Self], to: &mut [f32]) {
        let count = from.len().min(to.len());
        if let (Some(from), Some(to)) = (from.get(..count), to.get_mut(..count)) {
            from.convert_to_f32_slice(to);
        }
    }
}

impl Lane for i8 {
    const FIELD: FieldType = FieldType::I8;

    #[inline]
    fn widen(from: &[Self], to: &mut [f32]) {
        to.iter_mut().zip(from).for_each(|(to, from)| *to = f32::from(*from));
    }
}

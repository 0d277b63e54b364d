//! Vectors and their neighbours.

use crate::record::describe::{builtin, narrow};
use crate::record::{Record, UNDEF_TIME, rtype};
use crate::schema::{Field, FieldType, Kind, Unit};

builtin! {
    /// The fixed part of a vector; its lanes follow at body offset 56, slot offset 64.
    ///
    /// Shape: 56 bytes, then `dim` lanes; the slot is a multiple of 64 long.
    pub struct Vector(rtype::VECTOR = "vector") {
        /// Time the newest input was received, ns since the Unix epoch, UTC.
        ts_recv: u64 => NanosEpoch (null UNDEF_TIME),
        /// Id of the vector, unique within the ring.
        vec_id: u64 => None,
        /// Sequence in the source ring of the newest record behind this vector.
        src_seq: u64 => Sequence,
        /// Number of lanes.
        dim: u16 => Count,
        /// Type of a lane: 0 f32, 1 f16, 2 i8.
        dtype: u8 => Enum,
        /// Metric it is meant for: 0 squared Euclidean, 1 cosine, 2 negative inner product.
        metric: u8 => Enum,
        /// Number of the encoder that made it; vectors of two models do not compare.
        model_id: u16 => None,
        /// Bits, none assigned yet: zero.
        flags: u16 => Flags,
        /// Euclidean norm of the lanes.
        norm: f32 => None,
        /// Generation of the encoder's parameters.
        generation: u32 => Count,
    }
}

impl Vector {
    /// The body offset of the first lane, in bytes.
    pub const LANES_OFFSET: usize = size_of::<Self>();

    /// Returns the kind of a ring of vectors with `dim` lanes of f32.
    ///
    /// Adds the field `lanes`, and `_pad` after an odd number of lanes. With `dim` 0 it is
    /// [`kind`](Record::kind). Cost: allocates.
    #[must_use]
    pub fn kind_with_dim(dim: u16) -> Kind {
        let mut kind = Self::kind();
        if dim == 0 {
            return kind;
        }
        let mut field = Field {
            name: "lanes".into(),
            offset: const { narrow(Self::LANES_OFFSET) },
            ty: FieldType::F32,
            count: u32::from(dim),
            unit: Unit::Lanes,
            null: None,
            doc: "The vector's elements.".into(),
        };
        kind.size_bytes += field.size_bytes();
        kind.fields.push(field.clone());
        if !kind.size_bytes.is_multiple_of(8) {
            field.name = "_pad".into();
            field.offset = kind.size_bytes;
            field.count = 1;
            field.unit = Unit::None;
            field.doc = "Reserved, zero.".into();
            kind.size_bytes += 4;
            kind.fields.push(field);
        }
        kind
    }
}

builtin! {
    /// One neighbour of one query; a query with k neighbours gives k records.
    ///
    /// Shape: 56 bytes. Units: `header.instrument_id` is the query's instrument.
    pub struct Match(rtype::MATCH = "match") {
        /// Event time of the query: of the vector that asked, or that caused a registered answer.
        ts_query: u64 => NanosEpoch (null UNDEF_TIME),
        /// Id of the query: the vec_id of the query vector.
        query_id: u64 => None,
        /// Id of the neighbour: the vec_id of the vector found.
        match_id: u64 => None,
        /// Distance of the two in the metric of the index.
        distance: f32 => None,
        /// Place of this neighbour, 0 is the nearest.
        rank: u16 => Count,
        /// Number of neighbours asked for.
        k: u16 => Count,
        /// Time from reading the query to publishing its first match.
        latency_ns: u32 => Nanos,
        /// Generation of the index that answered.
        generation: u32 => Count,
    }
}

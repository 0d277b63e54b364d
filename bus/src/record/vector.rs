//! Vectors, what is asked about them, and their neighbours.

use crate::record::describe::{builtin, narrow};
use crate::record::{Lane, Record, UNDEF_TIME, rtype};
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
        /// A tag of the user's, which queries may ask for; zero without one.
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
    /// As [`kind_with_lanes`](Self::kind_with_lanes). Cost: allocates.
    #[must_use]
    pub fn kind_with_dim(dim: u16) -> Kind {
        Self::kind_with_lanes::<f32>(dim)
    }

    /// Returns the kind of a ring of vectors with `dim` lanes of a type.
    ///
    /// Adds the field `lanes`, and `_pad` where the lanes do not fill their last word. With `dim` 0
    /// it is [`kind`](Record::kind). Cost: allocates.
    ///
    /// # Examples
    ///
    /// ```
    /// use tickring::record::{Record, Vector};
    /// use tickring::{Directory, Reader, RingName, RingSpec, Start, Writer};
    ///
    /// let root = tempfile::tempdir().expect("a temporary directory");
    /// let directory = Directory::at(root.path());
    /// let name: RingName = "demo/vectors".parse()?;
    /// let spec = RingSpec::new(vec![Vector::kind_with_lanes::<i8>(3)])?;
    /// let mut writer = Writer::open(&directory, &name, &spec)?;
    /// let mut reader = Reader::open(&directory, &name, Start::Oldest)?;
    /// let mut claim = writer.claim();
    /// claim.write(&Vector { dim: 3, dtype: 2, ..Vector::empty(1, 7, 0) })?;
    /// claim.write_lanes(&[1_i8, -2, 3])?;
    /// claim.commit();
    ///
    /// let mut lanes = [0.0; 3];
    /// reader.view(1, |view| {
    ///     view.iter().for_each(|record| record.lanes().widen_to::<i8>(&mut lanes));
    /// });
    /// assert_eq!(lanes, [1.0, -2.0, 3.0]);
    /// # Ok::<(), tickring::Error>(())
    /// ```
    #[must_use]
    pub fn kind_with_lanes<L: Lane>(dim: u16) -> Kind {
        with_lanes(Self::kind(), dim, L::FIELD)
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

builtin! {
    /// What a process asks of the nearest-neighbour consumer, the fixed part; its lanes follow as
    /// those of a vector.
    ///
    /// Shape: 56 bytes, then `dim` lanes; the slot is a multiple of 64 long.
    pub struct Query(rtype::QUERY = "query") {
        /// Id of the query, by which its answer is known.
        query_id: u64 => None,
        /// Only vectors of this event time or later, ns since the Unix epoch, UTC; 0 asks for all.
        since: u64 => NanosEpoch,
        /// Only vectors of this event time or earlier, ns since the Unix epoch, UTC.
        until: u64 => NanosEpoch (null UNDEF_TIME),
        /// Number of lanes.
        dim: u16 => Count,
        /// Type of a lane: 0 f32.
        dtype: u8 => Enum,
        /// Bit 0: only vectors of the header's instrument. Bit 1: only vectors within `radius`.
        filters: u8 => Flags,
        /// Number of neighbours asked for.
        k: u16 => Count,
        /// What the bits of a vector's flags must be where `tag_mask` has ones.
        tag: u16 => Flags,
        /// Greatest distance of a neighbour.
        radius: f32 => None,
        /// The bits of a vector's flags that are compared with `tag`; none asks for all.
        tag_mask: u16 => Flags,
        /// Reserved, zero.
        _reserved: u16 => None,
    }
}

impl Query {
    /// The bit of `filters` that asks for the header's instrument only.
    pub const OF_INSTRUMENT: u8 = 1;
    /// The bit of `filters` that asks for vectors within `radius` only.
    pub const WITHIN_RADIUS: u8 = 2;

    /// Returns the kind of a ring of queries with `dim` lanes of f32; see
    /// [`Vector::kind_with_dim`]. Cost: allocates.
    #[must_use]
    pub fn kind_with_dim(dim: u16) -> Kind {
        with_lanes(Self::kind(), dim, FieldType::F32)
    }
}

builtin! {
    /// The head of the answer to a query of another process; its neighbours follow at once, one
    /// [`Match`] each.
    pub struct Answer(rtype::ANSWER = "answer") {
        /// Id of the query.
        query_id: u64 => None,
        /// Sequence of the query in its ring.
        query_seq: u64 => Sequence,
        /// Sequence of the vectors ring up to which, exclusive, vectors were searched.
        watermark: u64 => Sequence,
        /// Number of the ring of the query: FNV-1a of its id, 32 bits.
        asker: u32 => None,
        /// Time from reading the query to publishing its answer.
        latency_ns: u32 => Nanos,
        /// Number of neighbours that follow.
        count: u16 => Count,
        /// Bit 0: neighbours may be missing, the search was approximate. Bit 1: part of the window
        /// was not there.
        flags: u16 => Flags,
        /// Epoch of the writer of the vectors ring (low 32 bits).
        epoch: u32 => Count,
    }
}

impl Answer {
    /// The bit of `flags` of an approximate search.
    pub const APPROXIMATE: u16 = 1;
    /// The bit of `flags` of a search that missed part of the window.
    pub const INCOMPLETE: u16 = 2;
}

/// Adds the field `lanes`, and `_pad` up to a whole word, to a fixed part of 56 bytes.
fn with_lanes(mut kind: Kind, dim: u16, ty: FieldType) -> Kind {
    if dim == 0 {
        return kind;
    }
    let mut field = Field {
        name: "lanes".into(),
        offset: const { narrow(Vector::LANES_OFFSET) },
        ty,
        count: u32::from(dim),
        unit: Unit::Lanes,
        null: None,
        doc: "The vector's elements.".into(),
    };
    kind.size_bytes += field.size_bytes();
    kind.fields.push(field.clone());
    let rest = kind.size_bytes.next_multiple_of(8) - kind.size_bytes;
    if rest > 0 {
        field.name = "_pad".into();
        field.offset = kind.size_bytes;
        field.count = rest / ty.size_bytes();
        field.unit = Unit::None;
        field.doc = "Reserved, zero.".into();
        kind.size_bytes += rest;
        kind.fields.push(field);
    }
    kind
}

//! What can be wrong with a schema.

/// Says which rule a schema, or its bytes in a segment, breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// There is no kind.
    #[error("the schema has no kind; hint: a ring needs at least one record kind")]
    Empty,
    /// A number of kinds or fields is outside its limits.
    #[error("number of {what}: expected 1 to {limit}, found {found}")]
    Count {
        /// What was counted.
        what: &'static str,
        /// Largest number allowed.
        limit: usize,
        /// Number found.
        found: usize,
    },
    /// A name has a character or a length that is not allowed.
    #[error("name {name:?}: expected 1 to {limit} of a-z, 0-9 and _")]
    Name {
        /// Name found.
        name: String,
        /// Largest length in bytes.
        limit: usize,
    },
    /// Two kinds, or two fields of a kind, have the same name.
    #[error("the name {name:?} stands twice in {place}; hint: rename one of them")]
    DuplicateName {
        /// The kind, or the table.
        place: String,
        /// Name found twice.
        name: String,
    },
    /// Two kinds have the same record type.
    #[error(
        "kinds {first} and {second} both have rtype {rtype:#04x}; hint: give one another rtype"
    )]
    DuplicateRtype {
        /// Record type found twice.
        rtype: u8,
        /// Name of the first kind.
        first: String,
        /// Name of the second kind.
        second: String,
    },
    /// A record size is not usable.
    #[error(
        "size of {kind}: expected a multiple of 8 from 8 to {limit} bytes, found {found}; \
         hint: fill up with {} reserved bytes, e.g. _pad", found.wrapping_neg() % 8
    )]
    Size {
        /// Name of the kind.
        kind: String,
        /// Largest size in bytes.
        limit: u32,
        /// Size found, in bytes.
        found: u32,
    },
    /// A user-defined kind has a record type that is not for users.
    #[error(
        "rtype of {kind}: expected 0xc8 to 0xdf, which are for user-defined records, found \
         {found:#04x}; hint: choose one of these"
    )]
    UserRtype {
        /// Name of the kind.
        kind: String,
        /// Record type found.
        found: u8,
    },
    /// A user-defined kind does not begin with the header of all records.
    #[error(
        "the first fields of {kind} are not length, rtype, publisher_id, instrument_id and \
         ts_event: every record begins with this header; hint: make the kind with Kind::define"
    )]
    NoHeader {
        /// Name of the kind.
        kind: String,
    },
    /// A field has no element.
    #[error("count of {kind}.{field}: expected at least 1, found 0")]
    NoElements {
        /// Name of the kind.
        kind: String,
        /// Name of the field.
        field: String,
    },
    /// A field does not lie on a multiple of its type's size.
    #[error(
        "offset of {kind}.{field}: expected a multiple of {align}, found {found}; hint: put {} \
         reserved bytes in front of it, e.g. _pad, or order fields from large to small",
        align - found % align
    )]
    Misaligned {
        /// Name of the kind.
        kind: String,
        /// Name of the field.
        field: String,
        /// Alignment of the type in bytes.
        align: u32,
        /// Offset found.
        found: u32,
    },
    /// A field begins before the one ahead of it ends.
    #[error(
        "offset of {kind}.{field}: expected {expected}, where the field before it ends, \
         found {found}; hint: list fields in order of offset"
    )]
    Overlap {
        /// Name of the kind.
        kind: String,
        /// Name of the field.
        field: String,
        /// End of the field before.
        expected: u32,
        /// Offset found.
        found: u32,
    },
    /// Bytes of the record belong to no field.
    #[error(
        "bytes {from}..{to} of {kind} belong to no field; hint: name them with a reserved field, \
         e.g. _pad"
    )]
    Hole {
        /// Name of the kind.
        kind: String,
        /// First byte of the hole.
        from: u32,
        /// End of the hole, exclusive.
        to: u32,
    },
    /// A field ends after the record.
    #[error("end of {kind}.{field}: expected at most {limit}, the record's size, found {found}")]
    OutsideRecord {
        /// Name of the kind.
        kind: String,
        /// Name of the field.
        field: String,
        /// Size of the record in bytes.
        limit: u32,
        /// End of the field.
        found: u32,
    },
    /// A null pattern cannot occur in its field.
    #[error(
        "null {null:#x} of {kind}.{field} does not fit: expected a single number of type {ty} and \
         no bits beyond it"
    )]
    Null {
        /// Name of the kind.
        kind: String,
        /// Name of the field.
        field: String,
        /// Type of the field.
        ty: &'static str,
        /// Pattern found.
        null: u64,
    },
    /// A doc line is too long, or not one line.
    #[error(
        "doc of {kind}.{field}: expected one line of at most {limit} bytes without control \
         characters, found {found} bytes"
    )]
    Doc {
        /// Name of the kind.
        kind: String,
        /// Name of the field.
        field: String,
        /// Largest length in bytes.
        limit: usize,
        /// Length found.
        found: usize,
    },
    /// The table does not begin with its magic.
    #[error("no schema table: the magic is missing; hint: the segment is damaged or not a ring")]
    Magic,
    /// The table has a version that this build does not know.
    #[error("schema table version: expected {expected}, found {found}; hint: update tickring")]
    Version {
        /// Version of this build.
        expected: u32,
        /// Version found.
        found: u32,
    },
    /// The table is shorter or longer than its counts say.
    #[error("schema table length: expected {expected} bytes, found {found}")]
    Length {
        /// Length that follows from the counts.
        expected: usize,
        /// Length found.
        found: usize,
    },
    /// The kinds claim more or fewer fields than the table holds.
    #[error("fields of all kinds: expected {expected} as the table header says, found {found}")]
    FieldTotal {
        /// Number in the table header.
        expected: usize,
        /// Sum over the kinds.
        found: usize,
    },
    /// A code has no meaning in this version.
    #[error("{what} code at byte {at} of the schema table: {found} is not known")]
    Code {
        /// What the code stands for.
        what: &'static str,
        /// Position of the entry in the table.
        at: usize,
        /// Code found.
        found: u8,
    },
    /// A text slot does not hold UTF-8.
    #[error("text at byte {at} of the schema table: expected UTF-8")]
    Text {
        /// Position of the slot in the table.
        at: usize,
    },
    /// A reserved byte is not zero.
    #[error("reserved bytes at byte {at} of the schema table: expected zero")]
    Reserved {
        /// Position of the bytes in the table.
        at: usize,
    },
}

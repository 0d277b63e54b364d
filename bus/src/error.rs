//! What can go wrong when rings are created, attached and listed. The data path has outcomes
//! instead ([`Poll`](crate::Poll)).

use crate::schema::SchemaError;
use std::io;
use std::path::PathBuf;

/// A failure of the control path. Every variant says what was expected, what was found and
/// what to do next.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A bus or ring name is not of the allowed form.
    #[error(
        "{found:?} is not a name: expected `bus/ring`, each part of at most 63 characters \
         a-z 0-9 . _ - beginning with a letter or digit"
    )]
    Name {
        /// The name as given.
        found: String,
    },
    /// No ring of this name exists.
    #[error("no ring {name} in {}; there {}", root.display(), listed(near))]
    NotFound {
        /// The name as `bus/ring`.
        name: String,
        /// The directory that was searched.
        root: PathBuf,
        /// Rings that do exist there.
        near: Vec<String>,
    },
    /// The capacity is not a power of two, or too small, or the segment would be too large.
    #[error(
        "capacity {found} with records of {stride_bytes} bytes: expected a power of two from 64 \
         slots up whose segment stays below 1 TiB"
    )]
    Capacity {
        /// Slots that were asked for.
        found: u64,
        /// Size of a record, in bytes.
        stride_bytes: u64,
    },
    /// The number of entries for instruments is impossible.
    #[error("{found} entries for instruments: expected 0, or a power of two up to {most}")]
    Instruments {
        /// Entries that were asked for.
        found: u64,
        /// Largest number.
        most: u64,
    },
    /// A symbol does not fit the instrument directory.
    #[error("{found:?} is no symbol: expected at most {most_bytes} bytes without NUL")]
    Symbol {
        /// The symbol as given.
        found: String,
        /// Room for a symbol, in bytes.
        most_bytes: usize,
    },
    /// The instrument directory is full, or the ring has none.
    #[error(
        "{name} has no room for instrument {instrument_id}: it holds {room} at most; create the \
         ring with more (RingSpec::instruments)"
    )]
    NoRoomForInstrument {
        /// The ring.
        name: String,
        /// The instrument that was to be defined.
        instrument_id: u32,
        /// How many the ring holds.
        room: usize,
    },
    /// A resume token is not one.
    #[error("{found:?} is not a resume token: expected RING_ID-EPOCH-SEQUENCE as a reader gave it")]
    Token {
        /// The text as given.
        found: String,
    },
    /// A resume token is of another ring, or of a life of this ring that never was.
    #[error(
        "the token {token} is not of {name}, which is {found}: the ring was created anew since; \
         join at the oldest record, or read the old ones from a journal"
    )]
    TokenMismatch {
        /// The ring.
        name: String,
        /// The token.
        token: String,
        /// The ring as a token at its end.
        found: String,
    },
    /// The schema table does not fit its limit.
    #[error("the schema table has {found} bytes, at most {most} are possible: use fewer kinds")]
    SchemaTooLarge {
        /// Size of the encoded table, in bytes.
        found: u64,
        /// Largest size, in bytes.
        most: u64,
    },
    /// The file is not a tickring segment.
    #[error(
        "{} is not a tickring segment: it begins with {found:02x?}, expected \"TICKRING\"; remove \
         it or choose another ring name", path.display()
    )]
    NotASegment {
        /// The file.
        path: PathBuf,
        /// Its first eight bytes.
        found: [u8; 8],
    },
    /// The segment was written by an incompatible version of tickring.
    #[error(
        "{} has layout version {found}, this build reads version {expected}: upgrade the older \
         side, or remove the file while no process uses it", path.display()
    )]
    LayoutVersion {
        /// The file.
        path: PathBuf,
        /// The version that this build reads.
        expected: u32,
        /// The version in the file.
        found: u32,
    },
    /// The file is shorter than its header says, or too short for a header.
    #[error(
        "{} is truncated: expected {expected} bytes, found {found}; remove it and let the \
         producer create it again", path.display()
    )]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Size that the segment must have, in bytes.
        expected: u64,
        /// Size of the file, in bytes.
        found: u64,
    },
    /// A checked number of the segment is wrong.
    #[error(
        "{} is corrupt: {what} is {found:#x}, expected {expected:#x}; remove it and let the \
         producer create it again", path.display()
    )]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// Which number.
        what: &'static str,
        /// The value that follows from the rest of the segment, or an example of a valid one.
        expected: u64,
        /// The value in the file.
        found: u64,
    },
    /// The schema table of a segment, or a schema given to create one, is not valid.
    #[error("the schema of {name} is not valid: {source}")]
    Schema {
        /// Ring or file.
        name: String,
        /// What is wrong with it.
        source: SchemaError,
    },
    /// The ring exists with another schema than the writer's.
    #[error(
        "{name} exists with another schema:\n  {}\nwrite to another ring, replace it \
         (OnMismatch::Replace), or remove {} while no process uses it",
        difference.join("\n  "), path.display()
    )]
    SchemaMismatch {
        /// The ring.
        name: String,
        /// The file.
        path: PathBuf,
        /// One line for each difference.
        difference: Vec<String>,
    },
    /// A reader expects a kind of record that the ring does not have, or has with another layout.
    #[error(
        "{name} does not hold {kind} records as this program knows them:\n  {}\nread another ring, \
         or build reader and writer from the same definition", difference.join("\n  ")
    )]
    KindMismatch {
        /// The ring.
        name: String,
        /// Name of the kind.
        kind: String,
        /// One line for each difference.
        difference: Vec<String>,
    },
    /// The ring exists in another size than the writer's.
    #[error(
        "{name} exists with {found} {what}, the writer asks for {expected}: ask for {found}, \
         replace it (OnMismatch::Replace), or remove {} while no process uses it", path.display()
    )]
    CapacityMismatch {
        /// The ring.
        name: String,
        /// The file.
        path: PathBuf,
        /// What differs in number: slots, or entries for instruments.
        what: &'static str,
        /// How many the writer asked for.
        expected: u64,
        /// How many the ring has.
        found: u64,
    },
    /// Another process holds the writer lock.
    #[error(
        "{name} is already written by process {pid} (since {since_ns} ns after the Unix epoch): \
         a ring has one writer; end that process or write to another ring"
    )]
    AlreadyOwned {
        /// The ring.
        name: String,
        /// Process id as the owner stored it, for display only.
        pid: u64,
        /// When it took the ring, in nanoseconds since the Unix epoch.
        since_ns: u64,
    },
    /// The file system has no room for the segment.
    #[error(
        "no room for {name}: {needed_bytes} bytes are needed in {}, {available_bytes} are free; \
         remove old rings, choose a smaller capacity, or enlarge the file system (in a \
         container: --shm-size)", path.display()
    )]
    NoSpace {
        /// The ring.
        name: String,
        /// The directory.
        path: PathBuf,
        /// Size of the segment, in bytes.
        needed_bytes: u64,
        /// What the file system has left, in bytes.
        available_bytes: u64,
    },
    /// A wish on how the segment lies in memory cannot be fulfilled.
    #[error("{}: {wish} is not possible: {source}; {hint}", path.display())]
    Memory {
        /// The file, or the directory of a new one.
        path: PathBuf,
        /// Which wish.
        wish: String,
        /// The system's answer.
        source: io::Error,
        /// What there is, and what to do.
        hint: String,
    },
    /// No journal of the ring exists in the directory.
    #[error(
        "no journal of {name} in {}; record one with `tickring record`, or name the directory \
         that holds it", path.display()
    )]
    NoJournal {
        /// The ring, or `any ring`.
        name: String,
        /// The directory.
        path: PathBuf,
    },
    /// The directory holds journals of several rings where one was asked for.
    #[error("{} holds journals of {}; name one of them", path.display(), names.join(", "))]
    SeveralJournals {
        /// The directory.
        path: PathBuf,
        /// The rings.
        names: Vec<String>,
    },
    /// The file is not a journal.
    #[error(
        "{} is not a journal: it begins with {found:02x?}, expected \"TRJOURNL\"; move it out of \
         the directory of journals", path.display()
    )]
    NotAJournal {
        /// The file.
        path: PathBuf,
        /// Its first eight bytes.
        found: [u8; 8],
    },
    /// The journal has another version of the format.
    #[error(
        "{} has journal version {found}, this build reads version {expected}: use the version of \
         tickring that wrote it", path.display()
    )]
    JournalVersion {
        /// The file.
        path: PathBuf,
        /// The version that this build reads.
        expected: u32,
        /// The version in the file.
        found: u32,
    },
    /// A checked number in the header of a journal file is wrong.
    #[error(
        "{} is damaged: {what} is {found:#x}, expected {expected:#x}; move it out of the \
         directory, and what it held is reported as missed", path.display()
    )]
    DamagedJournal {
        /// The file.
        path: PathBuf,
        /// Which number.
        what: &'static str,
        /// The value that follows from the rest of the file, or an example of a valid one.
        expected: u64,
        /// The value in the file.
        found: u64,
    },
    /// Another process appends to the journal.
    #[error(
        "{} is being written by another process: a journal has one writer; end that process or \
         choose another directory", path.display()
    )]
    JournalOwned {
        /// The newest file of the journal.
        path: PathBuf,
    },
    /// An option of a journal is out of range.
    #[error("{name} {found} is out of range: expected at least {least}")]
    JournalOption {
        /// Which option.
        name: &'static str,
        /// The smallest possible value.
        least: u64,
        /// The value given.
        found: u64,
    },
    /// The system refused an operation on a file.
    #[error("{operation} {}: {source}", path.display())]
    Io {
        /// What was tried.
        operation: &'static str,
        /// On which file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A record was published that the ring's schema does not contain, or that does not fit.
    #[error(transparent)]
    WrongKind(#[from] WrongKind),
    /// Bytes were published that are no record of a kind of the ring's schema.
    #[error(transparent)]
    WrongRow(#[from] WrongRow),
}

/// Bytes were refused as records of a kind: a mistake of the calling program, found before
/// anything was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WrongRow {
    /// The ring's schema has no kind with this record type.
    #[error(
        "rows of rtype {rtype:#04x} cannot go into this ring: its schema has no such kind; create \
         the ring with it"
    )]
    NoKind {
        /// Record type asked for.
        rtype: u8,
    },
    /// The kind is one that only recovery writes.
    #[error("rows of rtype {rtype:#04x} cannot be published: only recovery writes that kind")]
    Recovery {
        /// Record type asked for.
        rtype: u8,
    },
    /// The bytes are not a record, or not a whole number of records.
    #[error(
        "rows of rtype {rtype:#04x} have {expected_bytes} bytes each, found {found_bytes}: give \
         whole records as the ring's schema lays them out"
    )]
    Size {
        /// Record type asked for.
        rtype: u8,
        /// Size of a record, in bytes.
        expected_bytes: usize,
        /// Size of what was given, in bytes.
        found_bytes: usize,
    },
}

/// A record was refused because the ring's schema does not contain its kind, or contains one of
/// that record type with another layout: a mistake of the
/// calling program, found before anything was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a record of rtype {rtype:#04x} and {found_bytes} bytes cannot go into this ring: expected a \
     kind of its schema, laid out like the record, of at most {most_bytes} bytes; create the ring \
     with that kind"
)]
pub struct WrongKind {
    /// Record type, the second byte of a record.
    pub rtype: u8,
    /// Size of the record, in bytes.
    pub found_bytes: usize,
    /// Largest record that fits into a slot, in bytes.
    pub most_bytes: usize,
}

impl Error {
    /// Whether the header of a journal file cannot be relied on.
    pub(crate) fn is_damage(&self) -> bool {
        matches!(
            self,
            Self::NotAJournal { .. }
                | Self::DamagedJournal { .. }
                | Self::Schema { .. }
                | Self::Name { .. }
        )
    }

    /// Wraps the system's answer to `operation` on `path`.
    pub(crate) fn io(operation: &'static str, path: &std::path::Path, source: io::Error) -> Self {
        Self::Io { operation, path: path.to_owned(), source }
    }
}

fn listed(near: &[String]) -> String {
    if near.is_empty() {
        "is no ring at all: start a producer, or set TICKRING_DIR to where it writes".to_owned()
    } else {
        format!("are: {}", near.join(", "))
    }
}

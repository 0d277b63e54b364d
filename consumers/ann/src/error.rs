//! What can go wrong when a matcher is opened. Matching itself has outcomes and counts instead.

use std::io;
use std::path::PathBuf;

/// A failure of this crate. Every variant says what was expected, what was found and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A ring could not be opened, or refused a record.
    #[error(transparent)]
    Bus(#[from] tickring::Error),
    /// The ring to be searched holds no vectors.
    #[error(
        "{name} is not a ring of vectors: expected the kind `vector` with a field `lanes` of \
         f32, found the kinds {}; name a ring that an encoder writes", found.join(", ")
    )]
    NotVectors {
        /// The ring.
        name: String,
        /// The kinds in its schema.
        found: Vec<String>,
    },
    /// What was asked for is in another build.
    #[error(
        "built without the feature {feature}: build it with `cargo build --release --features \
         {feature}`, which takes a C++ compiler, or leave the option away"
    )]
    NotBuilt {
        /// The feature.
        feature: &'static str,
    },
    /// usearch could not make its index.
    #[error("usearch: expected memory for all vectors, found: {found}; use fewer vectors")]
    Graph {
        /// What it says.
        found: String,
    },
    /// No metric has this name.
    #[error("{found:?} is not a metric: expected l2, inner-product (or ip), or cosine")]
    Metric {
        /// The name as given.
        found: String,
    },
    /// An option of the matcher is out of its range.
    #[error("{option} is {found}: expected {least} to {most}; {hint}")]
    OutOfRange {
        /// Name of the option.
        option: &'static str,
        /// Smallest value.
        least: u64,
        /// Largest value.
        most: u64,
        /// The value as given.
        found: u64,
        /// What sets the limit, or what to change.
        hint: &'static str,
    },
    /// A file of queries could not be read.
    #[error("cannot read queries from {}: {source}", path.display())]
    QueryFile {
        /// The file.
        path: PathBuf,
        /// The system's answer, or what is wrong with the .npy header.
        source: io::Error,
    },
    /// A file of queries holds elements of another type.
    #[error(
        "{} holds elements of type {found}: expected float32 (<f4) or uint8 (|u1), in a table \
         float16 and float64, too; convert it, in numpy with .astype(\"float32\")", path.display()
    )]
    QueryType {
        /// The file.
        path: PathBuf,
        /// The type as the file says it.
        found: String,
    },
    /// A table has no column of vectors.
    #[error(
        "{} has no column of vectors: expected one of lists called vector or embedding, or only \
         one of lists; found {}", path.display(), found.join(", ")
    )]
    QueryColumn {
        /// The file.
        path: PathBuf,
        /// The columns, with their types.
        found: Vec<String>,
    },
    /// A row of a table is no vector.
    #[error(
        "row {row} of {} holds {found}: expected lists of the same length without nulls; remove or \
         repair the row", path.display()
    )]
    QueryRow {
        /// The file.
        path: PathBuf,
        /// The row, from 0.
        row: usize,
        /// What is there.
        found: String,
    },
    /// A file of queries is not one query per row.
    #[error(
        "{} holds an array of shape {found:?}{}: expected two dimensions, one query per row, in \
         C order; in numpy: np.ascontiguousarray(queries.reshape(-1, dim))",
        path.display(), if *fortran { " in Fortran order" } else { "" }
    )]
    QueryShape {
        /// The file.
        path: PathBuf,
        /// The shape as the file says it.
        found: Vec<u64>,
        /// Whether the array is stored column by column.
        fortran: bool,
    },
    /// Queries have no lanes, or their lanes are no whole number of rows.
    #[error(
        "{found} lanes cannot be divided into queries of {dim}: expected at least one query, \
         each of `dim` lanes"
    )]
    Rows {
        /// Lanes per query.
        dim: usize,
        /// Lanes in all.
        found: usize,
    },
    /// A query holds a NaN or an infinity, so that it would be near to nothing.
    #[error("query {row} has a lane that is not finite ({found}): remove or repair the row")]
    NotFinite {
        /// Row of the query, from 0.
        row: usize,
        /// The lane.
        found: f32,
    },
    /// The queries have another number of lanes than the vectors.
    #[error(
        "the queries have {found} lanes, the vectors of {name} have {expected}: use queries made \
         by the encoder of that ring"
    )]
    Dimension {
        /// The ring.
        name: String,
        /// Lanes of its vectors.
        expected: usize,
        /// Lanes of a query.
        found: usize,
    },
    /// A snapshot could not be read or written.
    #[error(
        "cannot use the snapshot {}: {source}; name a file in a folder that this process may \
         write to", path.display()
    )]
    Snapshot {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A snapshot is not whole, or not one.
    #[error(
        "{} is no snapshot that can be used: {what}; remove it to begin without one",
        path.display()
    )]
    DamagedSnapshot {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: &'static str,
    },
    /// A snapshot was made with other options.
    #[error(
        "{} was made with other options: expected {expected}, found {found}; use those, or \
         remove it to begin without one", path.display()
    )]
    OtherConfig {
        /// The file.
        path: PathBuf,
        /// The options now.
        expected: String,
        /// The options then.
        found: String,
    },
    /// The system gave no thread to search with.
    #[error("cannot start a search thread: {source}; ask for fewer, or allow more threads")]
    Thread {
        /// The system's answer.
        source: io::Error,
    },
    /// A search thread has ended by itself, so that queries would wait forever.
    #[error(
        "a search thread has died, expected it to answer: this is a defect of tickring, which \
         its message on standard error describes; start the matcher again, queries without \
         an answer will get one"
    )]
    SearchThread,
    /// Whoever writes the matches takes no queries of other processes.
    #[error(
        "{name} holds no answers: its matcher takes no queries; start it with --requests, or \
         requests set"
    )]
    NoRequests {
        /// The ring of matches.
        name: String,
    },
    /// An answer did not come in time.
    #[error(
        "no answer in {name} within {waited_ms} ms: {}",
        if *is_written {
            "its matcher runs, but does not follow the ring of queries, or has too much to do; \
             start it with --requests and the same prefix, or wait longer".to_owned()
        } else {
            format!("nobody writes that ring; start `tickring ann {bus} --requests`")
        }
    )]
    NoAnswer {
        /// The ring of matches.
        name: String,
        /// The bus.
        bus: String,
        /// How long was waited, in milliseconds.
        waited_ms: u64,
        /// Whether a process writes the ring.
        is_written: bool,
    },
    /// Matches were overwritten before the client read them.
    #[error(
        "{missed} records were overwritten before they were read, and up to {lost} answers among \
         them: ask again, and take answers sooner, or give the matches a larger ring (--capacity)"
    )]
    AnswersLost {
        /// Records that were overwritten.
        missed: u64,
        /// Queries that are given up.
        lost: u64,
    },
    /// The ring of matches was closed, and queries are open.
    #[error("{name} was closed by its matcher before it answered: start it again, then ask again")]
    MatcherEnded {
        /// The ring of matches.
        name: String,
    },
    /// Patterns do not have a threshold each.
    #[error("there are {found} thresholds for {expected} patterns: give one for each, or one")]
    Thresholds {
        /// Patterns.
        expected: usize,
        /// Thresholds.
        found: usize,
    },
    /// An option needs a window of one's own, which searching in place has not.
    #[error(
        "{option} cannot be had while the ring is searched in place: choose another index than \
         in-place, such as auto or exact"
    )]
    NeedsWindow {
        /// Name of the option.
        option: &'static str,
    },
    /// A specification cannot be understood.
    #[error("cannot understand the specification: {message}")]
    Spec {
        /// What is wrong and where.
        message: String,
    },
}

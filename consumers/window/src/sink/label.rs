//! What a file says of itself.
//!
//! Keys in the metadata of every file: `tickring.kind` and `tickring.schema_hash` (of a schema of
//! that kind alone, [`Schema::hash`], hexadecimal) say what the rows were made of,
//! `tickring.raw` whether the raw integers are there, `tickring.spec` what made the records,
//! `tickring.source` what the sequences count, if that is known;
//! `tickring.first_seq` and `tickring.last_seq` repeat the name. In an Arrow file those two stand
//! in the footer.

use super::encoder;
use super::error::SinkError;
use super::options::SinkOptions;
use std::collections::HashMap;
use std::path::Path;
use tickring::schema::{Kind, Schema};

const KIND: &str = "tickring.kind";
const HASH: &str = "tickring.schema_hash";
const RAW: &str = "tickring.raw";
const SPEC: &str = "tickring.spec";
const SOURCE: &str = "tickring.source";
/// The first output sequence of a file.
pub(super) const FIRST: &str = "tickring.first_seq";
/// The last output sequence of a file.
pub(super) const LAST: &str = "tickring.last_seq";

/// What two files must have in common to stand in one row.
const ALIKE: [&str; 4] = [KIND, HASH, RAW, SOURCE];

/// The metadata of files of this kind.
///
/// # Errors
///
/// [`SinkError::Schema`] for a kind that no schema takes.
pub(super) fn of(kind: &Kind, options: &SinkOptions) -> Result<HashMap<String, String>, SinkError> {
    let hash = Schema::new(vec![kind.clone()])?.hash();
    let mut label = HashMap::from([
        (KIND.to_owned(), kind.name.clone().into_owned()),
        (HASH.to_owned(), format!("{hash:016x}")),
        (RAW.to_owned(), options.raw.to_string()),
        (SPEC.to_owned(), options.spec.clone()),
    ]);
    if !options.source.is_empty() {
        label.insert(SOURCE.to_owned(), options.source.clone());
    }
    Ok(label)
}

/// Compares the label of the newest committed file with what is to be written.
///
/// # Errors
///
/// [`SinkError::Columns`] with the difference, or those of reading the file.
pub(super) fn check(
    path: &Path,
    options: &SinkOptions,
    expected: &HashMap<String, String>,
) -> Result<(), SinkError> {
    let found = encoder::metadata(options.format, path)?;
    let shown = |label: &HashMap<String, String>| {
        let values = ALIKE.map(|key| {
            let value = label.get(key).map_or("nothing", String::as_str);
            format!("{key} {value}")
        });
        values.join(", ")
    };
    let (expected, found) = (shown(expected), shown(&found));
    if expected == found {
        return Ok(());
    }
    Err(SinkError::Columns { path: path.to_owned(), expected, found })
}

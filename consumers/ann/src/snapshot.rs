//! The state of a matcher in a file, so that the next one goes on where it stands.
//!
//! A snapshot belongs to one segment of the vectors ring, known by its random number, and to one
//! configuration; it says which sequence comes next. Codes and norms are not saved, since they
//! follow from the lanes. The file is written beside its name, flushed, and renamed, so that under
//! the name there is always a whole one.
//!
//! ```text
//!  0            8            16           24
//!  +------------+------------+------------+--------------------------------------------------+
//!  |   magic    |   bytes    |   CRC32C   | payload: identity, configuration, window, index   |
//!  +------------+------------+------------+--------------------------------------------------+
//! ```
//! All numbers are little-endian words of 8 bytes; lanes are words of 4.

mod corpus;
mod pack;

use crate::corpus::{Corpus, CorpusOptions};
use crate::error::Error;
use crate::frozen::Frozen;
use crate::lists::Choice;
use pack::{Packer, Unpacker};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// What a file begins with: a name, and the version in the last byte.
const MAGIC: u64 = u64::from_le_bytes(*b"TR-ANN\0\x03");
/// Bytes in front of the payload.
const HEAD: usize = 24;

/// Where a matcher stood when its state was saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stand {
    /// The segment of the vectors ring.
    pub(crate) ring_id: u128,
    /// The life of its writer.
    pub(crate) epoch: u64,
    /// The sequence that is read next.
    pub(crate) next: u64,
    /// The segment of the matches ring.
    pub(crate) matches_id: u128,
    /// The life of its writer, which is this matcher.
    pub(crate) matches_epoch: u64,
    /// The sequence of the matches ring that is written next.
    pub(crate) matches_next: u64,
    /// Vectors that must come before the window has no hole.
    pub(crate) hole: u64,
    /// Vectors read since the last registered answer.
    pub(crate) fresh: u64,
    /// What was chosen for the index, so that it is not measured anew.
    pub(crate) choice: Option<Choice>,
}

/// Packs the state; `None` if the index is between two generations of lists.
pub(crate) fn pack(stand: &Stand, config: &str, corpus: &Frozen) -> Option<Vec<u8>> {
    let mut packer = Packer::default();
    for half in [stand.ring_id, stand.matches_id] {
        packer.bytes(&half.to_le_bytes());
    }
    for word in [stand.epoch, stand.next, stand.matches_epoch, stand.matches_next] {
        packer.word(word);
    }
    let none = Choice { exact_up_to: 0, lists_from: 0, lists: 0, per_list: 0, rerank: 0 };
    let choice = stand.choice.unwrap_or(none);
    for word in [stand.hole, stand.fresh, choice.exact_up_to, choice.lists_from] {
        packer.word(word);
    }
    for word in [choice.lists, choice.per_list, choice.rerank] {
        packer.word(word.into());
    }
    packer.text(config);
    corpus::pack(corpus, &mut packer)?;
    Some(packer.into_bytes())
}

/// Writes a packed state to `path`. Cost: blocks until the disk has it.
pub(crate) fn write(path: &Path, payload: &[u8]) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    let mut file = File::create(&beside)?;
    for word in [MAGIC, payload.len() as u64, u64::from(crc32c::crc32c(payload))] {
        file.write_all(&word.to_le_bytes())?;
    }
    file.write_all(payload)?;
    file.sync_all()?;
    std::fs::rename(&beside, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Reads the state from `path` into the empty corpus that `make` gives, `None` from it saying that
/// it belongs to another ring; `None` if there is no such file.
///
/// # Errors
///
/// [`Error::Snapshot`] if it cannot be read, [`Error::DamagedSnapshot`] if it is not whole, and
/// [`Error::OtherConfig`] if it was made with other options.
pub(crate) fn read(
    path: &Path,
    config: &str,
    make: impl FnOnce(&Stand) -> Result<Option<Corpus>, Error>,
) -> Result<Option<(Stand, Corpus)>, Error> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(Error::Snapshot { path: path.to_owned(), source }),
    };
    let damaged = |what| Error::DamagedSnapshot { path: path.to_owned(), what };
    let (head, payload) = bytes.split_at_checked(HEAD).ok_or(damaged("its head is missing"))?;
    let mut head = Unpacker::new(head);
    if head.word() != Some(MAGIC) {
        return Err(damaged("it begins with other bytes"));
    }
    if head.word() != Some(payload.len() as u64) {
        return Err(damaged("it has another length than it says"));
    }
    if head.word() != Some(u64::from(crc32c::crc32c(payload))) {
        return Err(damaged("its checksum differs"));
    }
    let mut unpacker = Unpacker::new(payload);
    let (stand, saved) = unpack_stand(&mut unpacker).ok_or(damaged("it ends too soon"))?;
    if saved != config {
        let (path, found, expected) = (path.to_owned(), saved, config.to_owned());
        return Err(Error::OtherConfig { path, expected, found });
    }
    let mut corpus = make(&stand)?.ok_or(damaged("it is of another ring of that name"))?;
    corpus::unpack(&mut corpus, &mut unpacker).ok_or(damaged("its state cannot be"))?;
    Ok(Some((stand, corpus)))
}

fn unpack_stand(unpacker: &mut Unpacker<'_>) -> Option<(Stand, String)> {
    let [ring_id, matches_id] = [unpacker.long()?, unpacker.long()?];
    let (epoch, next) = (unpacker.word()?, unpacker.word()?);
    let (matches_epoch, matches_next) = (unpacker.word()?, unpacker.word()?);
    let (hole, fresh) = (unpacker.word()?, unpacker.word()?);
    let (exact_up_to, lists_from) = (unpacker.word()?, unpacker.word()?);
    let mut small = || u32::try_from(unpacker.word()?).ok();
    let (lists, per_list, rerank) = (small()?, small()?, small()?);
    let choice = Choice { exact_up_to, lists_from, lists, per_list, rerank };
    let choice = Some(choice).filter(|choice| choice.lists > 0);
    let stand = Stand {
        ring_id,
        epoch,
        next,
        matches_id,
        matches_epoch,
        matches_next,
        hole,
        fresh,
        choice,
    };
    Some((stand, unpacker.text()?))
}

impl Corpus {
    /// The state as bytes, from which [`restored`](Self::restored) makes a corpus that answers as
    /// this one does; `None` while the index is between two generations of lists.
    #[must_use]
    pub fn saved(&self) -> Option<Vec<u8>> {
        let mut packer = Packer::default();
        corpus::pack(&self.freeze(), &mut packer)?;
        Some(packer.into_bytes())
    }

    /// A corpus with the state that [`saved`](Self::saved) gave, with the same options; `None` if
    /// the bytes are not such a state.
    ///
    /// # Errors
    ///
    /// Those of [`new`](Self::new).
    pub fn restored(
        dim: usize,
        options: CorpusOptions,
        saved: &[u8],
    ) -> Result<Option<Self>, Error> {
        let mut corpus = Self::new(dim, options)?;
        Ok(corpus::unpack(&mut corpus, &mut Unpacker::new(saved)).map(|()| corpus))
    }
}

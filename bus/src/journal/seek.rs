//! Finding a place in a journal: the file by binary search, the block by the headers in it.

use super::block::{Block, Found};
use super::file::{self, JournalFile};
use super::format::{BlockHeader, BlockKind, Head, Origin};
use super::open::Open;
use super::reader::JournalStart;
use crate::error::Error;
use std::path::Path;

/// Where to go on reading.
pub(super) struct Place {
    /// The file, at the block that holds the cursor or follows it; `None` if there is no file.
    pub(super) open: Option<Open>,
    pub(super) cursor: u64,
}

/// Finds the place of `start` in the journal of `origin`.
///
/// # Errors
///
/// [`Error::Io`], or those of a file with a damaged header.
pub(super) fn find(
    directory: &Path,
    origin: &Origin,
    block: &mut Block,
    start: JournalStart,
) -> Result<Place, Error> {
    let files = file::list_ring(directory, origin.ring_id)?;
    match start {
        JournalStart::Oldest => {
            let cursor = files.first().map_or(0, |file| file.first_seq);
            let open = files.first().map(|file| Open::new(file, origin)).transpose()?;
            Ok(Place { open, cursor })
        }
        JournalStart::Sequence(seq) => {
            let later = files.partition_point(|file| file.first_seq <= seq);
            let Some(mut open) = open_before(&files, later, origin)? else {
                return Ok(Place { open: None, cursor: seq });
            };
            while let Some(block) = records_at(&open, origin)? {
                if block.end_seq() > seq {
                    break;
                }
                open.offset += block.shape(origin.stride_bytes).block_bytes();
            }
            Ok(Place { open: Some(open), cursor: seq })
        }
        JournalStart::Time(at_ns) => at_time(&files, origin, block, at_ns),
    }
}

/// Goes to the last block that begins before `at_ns`, and in it to the last noted time before.
fn at_time(
    files: &[JournalFile],
    origin: &Origin,
    block: &mut Block,
    at_ns: u64,
) -> Result<Place, Error> {
    let (mut low, mut high) = (0, files.len());
    while low < high {
        let middle = low + (high - low) / 2;
        let first = match files.get(middle) {
            Some(file) => match Open::new(file, origin) {
                Ok(open) => records_at(&open, origin)?,
                Err(error) if error.is_damage() => None,
                Err(error) => return Err(error),
            },
            None => None,
        };
        if first.is_some_and(|first| first.first_ns < at_ns) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    let Some(mut open) = open_before(files, low, origin)? else {
        return Ok(Place { open: None, cursor: 0 });
    };
    let mut cursor = open.first_seq;
    let mut place = open.offset;
    while let Some(block) = records_at(&open, origin)? {
        if block.first_ns >= at_ns && cursor != block.first_seq {
            break;
        }
        (cursor, place) = (block.first_seq, open.offset);
        open.offset += block.shape(origin.stride_bytes).block_bytes();
    }
    open.offset = place;
    let found = block.read(&open.file, place, origin);
    if let Found::Block(_) = found.map_err(|source| Error::io("read", &open.path, source))? {
        let noted = block.times().take_while(|(_, noted_ns)| *noted_ns < at_ns).last();
        cursor = noted.map_or(cursor, |(seq, _)| seq);
    }
    Ok(Place { open: Some(open), cursor })
}

/// Opens the last of the first `later` files, or the first file behind them. Files whose headers
/// are damaged are passed over, unless there is no other.
fn open_before(
    files: &[JournalFile],
    later: usize,
    origin: &Origin,
) -> Result<Option<Open>, Error> {
    let (before, behind) = files.split_at_checked(later).unwrap_or((files, &[]));
    let mut damage = None;
    for file in before.iter().rev().chain(behind) {
        match Open::new(file, origin) {
            Ok(open) => return Ok(Some(open)),
            Err(error) if error.is_damage() => damage = Some(error),
            Err(error) => return Err(error),
        }
    }
    damage.map_or(Ok(None), Err)
}

/// The header of the block of records at the present offset, if there is one.
fn records_at(open: &Open, origin: &Origin) -> Result<Option<BlockHeader>, Error> {
    Ok(match open.head(origin)? {
        Head::Block(block) if block.kind == BlockKind::Records => Some(block),
        Head::Block(_) | Head::Blank | Head::Bad => None,
    })
}

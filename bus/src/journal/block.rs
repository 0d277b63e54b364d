//! Blocks: put together for one write, and read back whole or not at all.

use super::format::{BLOCK_HEADER_BYTES, BLOCK_HEADER_WORDS, BlockHeader, BlockKind, Head, Origin};
use crate::geometry::TIME_EVERY;
use crate::poll::RecordRef;
use crate::schema::Layouts;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use zerocopy::IntoBytes;

/// The stamp of a slot that holds sequence `seq`, as the ring's format has it.
pub(super) const fn stamp_of(seq: u64) -> u64 {
    seq.wrapping_mul(2).wrapping_add(2)
}

/// One block in memory, as it stands in the file.
#[derive(Clone, Debug)]
pub(super) struct Block {
    words: Vec<u64>,
    stride_words: usize,
    header: Option<BlockHeader>,
    words_before_slots: usize,
    layouts: Arc<Layouts>,
}

/// What was found at a place of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A whole block; it is in memory now.
    Block(BlockHeader),
    /// Nothing was written here, or the file ends.
    Blank,
    /// Something that is not a whole block: damaged, or being written.
    Bad,
}

impl Block {
    /// An empty block for a ring's records, which takes any block of them without allocating.
    pub(super) fn new(origin: &Origin) -> Self {
        let most = usize::try_from(origin.most_block_bytes() / 8).unwrap_or(0);
        Self {
            words: Vec::with_capacity(most + BLOCK_HEADER_WORDS),
            stride_words: origin.stride_words(),
            header: None,
            words_before_slots: BLOCK_HEADER_WORDS,
            layouts: Layouts::of(origin.schema.kinds()),
        }
    }

    /// The layouts of the ring's records.
    pub(super) fn layouts(&self) -> &Arc<Layouts> {
        &self.layouts
    }

    /// Forgets what it holds.
    pub(super) fn clear(&mut self) {
        self.header = None;
    }

    /// The header of the block that it holds.
    pub(super) fn header(&self) -> Option<&BlockHeader> {
        self.header.as_ref()
    }

    /// Makes room for the times and slots of `header`, and lends the words of both. Slots hold
    /// what a block before has left: all of them are to be written.
    pub(super) fn prepare(&mut self, header: BlockHeader) -> (&mut [u64], &mut [u64]) {
        let stride_bytes = self.stride_words as u64 * 8;
        let shape = header.shape(stride_bytes);
        let words = usize::try_from(shape.block_bytes() / 8).unwrap_or(usize::MAX);
        // Slots are overwritten as a whole by who prepares a block: only the front is cleared.
        self.words.resize(words, 0);
        self.header = Some(header);
        self.words_before_slots = shape.words_before_slots();
        let (front, slots) =
            self.words.split_at_mut_checked(self.words_before_slots).unwrap_or_default();
        front.fill(0);
        let times = usize::try_from(shape.times).unwrap_or(0);
        let times = front.get_mut(BLOCK_HEADER_WORDS..BLOCK_HEADER_WORDS + times);
        (times.unwrap_or_default(), slots)
    }

    /// Completes checksums and header, and gives the bytes for `offset` of the file.
    pub(super) fn seal(&mut self, offset: u64) -> &[u8] {
        let payload = self.words.get(BLOCK_HEADER_WORDS..).unwrap_or(&[]);
        if let Some(header) = &mut self.header {
            header.payload_crc32c = crc32c::crc32c(payload.as_bytes());
            let encoded = header.encode(offset);
            let (encoded, _) = encoded.as_chunks::<8>();
            for (to, from) in self.words.iter_mut().zip(encoded) {
                *to = u64::from_le_bytes(*from);
            }
        }
        self.words.as_bytes()
    }

    /// Reads the block at `offset` of a file of `origin`'s journal. The bytes are not trusted:
    /// a block counts only if both checksums, all sizes and every stamp are right.
    ///
    /// # Errors
    ///
    /// The system's, of reading.
    pub(super) fn read(&mut self, file: &File, offset: u64, origin: &Origin) -> io::Result<Found> {
        self.header = None;
        let header = match read_head(file, offset, origin)? {
            Head::Blank => return Ok(Found::Blank),
            Head::Bad => return Ok(Found::Bad),
            Head::Block(header) => header,
        };
        // Below the size of the largest block of this ring, which `decode` saw to.
        self.prepare(header);
        let payload = self.words.get_mut(BLOCK_HEADER_WORDS..).unwrap_or_default().as_mut_bytes();
        self.header = None;
        match file.read_exact_at(payload, offset + BLOCK_HEADER_BYTES as u64) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(Found::Bad),
            read => read?,
        }
        if crc32c::crc32c(payload) != header.payload_crc32c {
            return Ok(Found::Bad);
        }
        self.header = Some(header);
        let stamps = (header.first_seq..).zip(self.slots());
        if !stamps.into_iter().all(|(seq, slot)| slot.first() == Some(&stamp_of(seq))) {
            self.header = None;
            return Ok(Found::Bad);
        }
        Ok(Found::Block(header))
    }

    /// The record `seq`, if the block holds it.
    pub(super) fn record(&self, seq: u64) -> Option<RecordRef<'_>> {
        let slot = self.slots_from(seq).next()?;
        Some(RecordRef::new(seq, slot.get(1..)?, &self.layouts))
    }

    /// The payload words of the records from `seq` on.
    pub(super) fn records_from(&self, seq: u64) -> impl Iterator<Item = &[u64]> {
        self.slots_from(seq).filter_map(|slot| slot.get(1..))
    }

    /// The publish times of the sequences divisible by 64, with those sequences.
    pub(super) fn times(&self) -> impl Iterator<Item = (u64, u64)> {
        let first = self.header.map_or(0, |header| header.first_seq.next_multiple_of(TIME_EVERY));
        let end = self.header.map_or(0, |header| header.end_seq());
        let words = self.words.get(BLOCK_HEADER_WORDS..self.words_before_slots).unwrap_or(&[]);
        let seqs = (first..end).step_by(usize::try_from(TIME_EVERY).unwrap_or(1));
        seqs.zip(words.iter().copied())
    }

    fn slots(&self) -> impl Iterator<Item = &[u64]> {
        self.slots_from(self.header.map_or(0, |header| header.first_seq))
    }

    fn slots_from(&self, seq: u64) -> impl Iterator<Item = &[u64]> {
        let held = self.header.filter(|header| header.kind == BlockKind::Records);
        let index = held.and_then(|header| seq.checked_sub(header.first_seq));
        let slots = index
            .and_then(|index| usize::try_from(index).ok()?.checked_mul(self.stride_words))
            .and_then(|at| self.words.get(at.checked_add(self.words_before_slots)?..));
        slots.unwrap_or(&[]).chunks_exact(self.stride_words.max(1))
    }
}

/// Reads and checks the header at `offset`.
///
/// # Errors
///
/// The system's, of reading.
pub(super) fn read_head(file: &File, offset: u64, origin: &Origin) -> io::Result<Head> {
    let mut bytes = [0; BLOCK_HEADER_BYTES];
    match file.read_exact_at(&mut bytes, offset) {
        // Part of a header at the end of a file is what a cut or a full disk leaves.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(Head::Blank),
        read => read.map(|()| BlockHeader::decode(&bytes, offset, origin)),
    }
}

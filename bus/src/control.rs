//! The control segment: the mapping that readers of a ring may write to.
//!
//! It holds their entries and the waiters' word (see [`crate::registry`]), what the writer counts
//! (see [`crate::counter`]), and never market data.
//! It is a POSIX shared memory object beside the ring, because a reader maps the ring read-only.
//! Whoever has no control segment, as it is another user's or was lost, has one of its own in
//! ordinary memory that nobody else sees: reading and writing go on, only nobody is told.
//!
//! # Invariants
//!
//! - The words lie inside a mapping or allocation that the [`Control`] owns, aligned to a page or
//!   a word; they are accessed as atomics only. A mapping has [`control::BYTES`] or more.
//! - Pages are allocated at creation (`MADV_POPULATE_WRITE`): a store cannot run out of memory.

#![expect(unsafe_code, reason = "words over the owned mapping")]

use crate::counter::{COUNTER_WORDS, Counter};
use crate::fault::{Guard, Mapped};
use crate::geometry::control;
use crate::header::identity::{IDENTITY_BYTES, MAGIC, RING_ID_AT};
use crate::registry::{ENTRY_WORDS, Entry};
use crate::slot::{load, store};
use crate::sync::AtomicU64;
use crate::words::Words;
use nix::libc::{MADV_POPULATE_WRITE, madvise};
use nix::sys::mman::shm_unlink;
use shared_memory::{Shmem, ShmemConf};
use std::ffi::OsStr;
use std::fmt;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::ptr::NonNull;

/// Where the system keeps POSIX shared memory.
const OBJECTS: &str = "/dev/shm";
/// What the name of a control segment begins with; the first 8 bytes of the ring's id follow, as
/// 16 hexadecimal digits.
const PREFIX: &str = "tickring-control-";

const _: () = assert!(control::ENTRY_BYTES == ENTRY_WORDS * 8);
const _: () = assert!(control::COUNTER_BYTES == COUNTER_WORDS * 8);

/// A mapped control segment, or its stand-in.
pub(crate) struct Control {
    id: u64,
    words: Words,
    // Behind the words that point into it.
    _memory: Memory,
}

enum Memory {
    // The guard goes before the mapping.
    Shared(
        #[expect(dead_code, reason = "kept")] Guard,
        #[expect(dead_code, reason = "kept")] Shmem,
    ),
    Private(#[expect(dead_code, reason = "kept allocated")] Box<[AtomicU64]>),
}

// SAFETY: the mapping is a pointer and a descriptor that belong to no thread, and what it points
// to is accessed as atomics only.
unsafe impl Send for Control {}
// SAFETY: as for Send; a shared Control gives out nothing but atomics.
unsafe impl Sync for Control {}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control").field("id", &format_args!("{:016x}", self.id)).finish()
    }
}

impl Control {
    /// Creates a control segment with number `id` for the ring `ring_id` at `path`, in place of any
    /// other that the ring has; `None` if the system refuses.
    pub(crate) fn create(ring_id: u128, id: u64, path: &Path) -> Option<Self> {
        remove(ring_id);
        let conf = ShmemConf::new().os_id(object(ring_id)).size(control::BYTES);
        let mut memory = conf.create().ok()?;
        // SAFETY: the range is the mapping that was just made.
        let populated =
            unsafe { madvise(memory.as_ptr().cast(), memory.len(), MADV_POPULATE_WRITE) };
        if populated != 0 {
            // Dropped as its owner, which removes it.
            return None;
        }
        memory.set_owner(false);
        let created = Self::over(id, memory)?;
        created.describe(ring_id, path);
        Some(created)
    }

    /// Attaches to the control segment of ring `ring_id` if its number is `id`; `None` if there is
    /// none that this process may use.
    pub(crate) fn attach(ring_id: u128, id: u64) -> Option<Self> {
        let attached = Self::over(id, ShmemConf::new().os_id(object(ring_id)).open().ok()?)?;
        let magic = load(attached.word(0)) == u64::from_le_bytes(control::MAGIC);
        let version = load(attached.word(control::VERSION_AT)) == control::VERSION;
        let same = load(attached.word(control::ID_AT)) == id;
        (magic && version && same).then_some(attached)
    }

    /// A stand-in that nobody else sees, without entries. Cost: allocates 2 KiB.
    pub(crate) fn private() -> Self {
        let words = control::WAITERS_AT / 8 + 1;
        let memory: Box<[AtomicU64]> = (0..words).map(|_| AtomicU64::new(0)).collect();
        let base = NonNull::from(&*memory).cast();
        // SAFETY: the words are the allocation, which stays where it is while the box moves.
        let words = unsafe { Words::new(base, memory.len()) };
        Self { id: 0, words, _memory: Memory::Private(memory) }
    }

    fn over(id: u64, memory: Shmem) -> Option<Self> {
        let base = NonNull::new(memory.as_ptr().cast::<AtomicU64>())?;
        if memory.len() < control::BYTES {
            return None;
        }
        // SAFETY: the mapping has at least so many bytes, begins at a page, lives as long as the
        // Control, and every process accesses it as atomics (FORMAT.md).
        let words = unsafe { Words::new(base, control::BYTES / 8) };
        // If the object is cut short, what is stored there is lost, and nothing else.
        let guard = Guard::over(memory.as_ptr().addr(), memory.len(), Mapped::Control).ok()?;
        Some(Self { id, words, _memory: Memory::Shared(guard, memory) })
    }

    /// Its number, as the ring's header gives it; 0 for a stand-in.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// The word that lies beyond the signal while somebody may sleep.
    #[inline(always)]
    pub(crate) fn waiters(&self) -> &AtomicU64 {
        self.word(control::WAITERS_AT)
    }

    /// All entries, in order of their numbers.
    pub(crate) fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        let (entries, _) = self.entry_words().as_chunks::<ENTRY_WORDS>();
        entries.iter().map(Entry::new)
    }

    /// The entry of this number.
    pub(crate) fn entry(&self, index: usize) -> Option<Entry<'_>> {
        let (entries, _) = self.entry_words().as_chunks::<ENTRY_WORDS>();
        entries.get(index).map(Entry::new)
    }

    /// All counters, named or not.
    pub(crate) fn counters(&self) -> impl Iterator<Item = Counter<'_>> {
        let words = self.words.all().get(control::COUNTERS_AT / 8..).unwrap_or(&[]);
        let (counters, _) = words.as_chunks::<COUNTER_WORDS>();
        counters.iter().map(Counter::new)
    }

    fn entry_words(&self) -> &[AtomicU64] {
        let entries = control::ENTRIES_AT / 8..control::COUNTERS_AT / 8;
        self.words.all().get(entries).unwrap_or(&[])
    }

    #[inline(always)]
    fn word(&self, offset: usize) -> &AtomicU64 {
        let word = self.words.all().get(offset / 8);
        // `over` and `private` made the words enough for every offset that is asked for.
        let Some(word) = word else { unreachable!("the offset is one of geometry.rs") };
        word
    }

    /// Says what this is, and of which ring: for whoever sweeps.
    fn describe(&self, ring_id: u128, path: &Path) {
        store(self.word(0), u64::from_le_bytes(control::MAGIC));
        store(self.word(control::VERSION_AT), control::VERSION);
        store(self.word(control::ID_AT), self.id);
        store(self.word(control::RING_ID_AT), low(ring_id));
        let bytes = path.as_os_str().as_bytes();
        if bytes.len() >= control::PATH_BYTES {
            return;
        }
        for (index, chunk) in bytes.chunks(8).enumerate() {
            let mut value = [0; 8];
            value.iter_mut().zip(chunk).for_each(|(to, from)| *to = *from);
            store(self.word(control::PATH_AT + index * 8), u64::from_le_bytes(value));
        }
    }
}

/// Removes the name of the control segment of ring `ring_id`; whoever has it mapped keeps it.
pub(crate) fn remove(ring_id: u128) {
    let _ = shm_unlink(object(ring_id).as_str());
}

/// Removes the control segment of the ring at `path`, if there is one.
pub(crate) fn remove_of(path: &Path) {
    if let Some(ring_id) = ring_at(path) {
        let _ = shm_unlink(object(ring_id.into()).as_str());
    }
}

/// Whether the control segment still has its name.
pub(crate) fn exists(ring_id: u128) -> bool {
    Path::new(OBJECTS).join(object(ring_id)).exists()
}

fn object(ring_id: u128) -> String {
    format!("{PREFIX}{:016x}", low(ring_id))
}

/// The first 8 bytes of a ring's id.
#[expect(clippy::cast_possible_truncation, reason = "the low half is meant")]
fn low(ring_id: u128) -> u64 {
    ring_id as u64
}

/// Removes the control segments of this user whose rings are gone: a ring that was removed by
/// hand leaves one behind.
pub(crate) fn sweep() {
    let Ok(objects) = fs::read_dir(OBJECTS) else { return };
    for object in objects.flatten() {
        let name = object.file_name();
        let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else { continue };
        if is_stray(&object.path()) {
            let _ = shm_unlink(name);
        }
    }
}

fn is_stray(object: &Path) -> bool {
    let mut page = [0; control::ENTRIES_AT];
    let read = File::open(object).and_then(|file| file.read_exact_at(&mut page, 0));
    if read.is_err() || page.first_chunk() != Some(&control::MAGIC) {
        return false;
    }
    let ring_id = page.get(control::RING_ID_AT..).and_then(<[u8]>::first_chunk);
    let ring_id = ring_id.map(|bytes| u64::from_le_bytes(*bytes));
    let path = page.get(control::PATH_AT..control::PATH_AT + control::PATH_BYTES).unwrap_or(&[]);
    let path = path.split(|byte| *byte == 0).next().unwrap_or(&[]);
    // A ring has its name before it has a control segment.
    !path.is_empty() && ring_at(Path::new(OsStr::from_bytes(path))) != ring_id
}

/// The first 8 bytes of the id of the ring at `path`; `None` if there is no ring.
fn ring_at(path: &Path) -> Option<u64> {
    let mut identity = [0; IDENTITY_BYTES];
    File::open(path).ok()?.read_exact_at(&mut identity, 0).ok()?;
    let word = |at: usize| identity.get(at..)?.first_chunk().copied();
    (word(0)? == MAGIC).then_some(u64::from_le_bytes(word(RING_ID_AT)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fresh() -> u128 {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).unwrap();
        u128::from_le_bytes(bytes)
    }

    #[test]
    fn what_one_mapping_stores_the_other_finds_until_it_is_removed() {
        let ring = fresh();
        let first = Control::create(ring, 5, Path::new("")).unwrap();
        assert!(Control::attach(ring, 4).is_none(), "another number");
        let second = Control::attach(ring, 5).unwrap();
        store(first.waiters(), 7);
        assert_eq!((load(second.waiters()), second.id()), (7, 5));
        assert_eq!(second.entries().count(), control::ENTRIES);
        assert_eq!(second.counters().count(), control::COUNTERS);
        let third = Control::create(ring, 6, Path::new("")).unwrap();
        assert_eq!(load(third.waiters()), 0, "in place of the first");
        remove(ring);
        assert!(!exists(ring) && Control::attach(ring, 6).is_none());
        store(second.waiters(), 8);
        assert_eq!(load(first.waiters()), 8, "mappings outlive the name");
    }

    #[test]
    fn an_object_that_is_no_control_segment_is_not_attached() {
        let ring = fresh();
        let path = Path::new(OBJECTS).join(object(ring));
        for bytes in [vec![], vec![1; 100], vec![1; control::BYTES]] {
            fs::write(&path, bytes).unwrap();
            assert!(Control::attach(ring, 1).is_none());
        }
        remove(ring);
    }

    #[test]
    fn a_control_segment_is_swept_away_when_its_ring_is_gone() {
        let ring = fresh();
        let path = Path::new(OBJECTS).join(object(ring));
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut identity = [0; IDENTITY_BYTES];
        identity[..8].copy_from_slice(&MAGIC);
        identity[RING_ID_AT..RING_ID_AT + 8].copy_from_slice(&low(ring).to_le_bytes());
        fs::write(file.path(), identity).unwrap();
        let _control = Control::create(ring, 1, file.path()).unwrap();
        assert!(!is_stray(&path), "its ring is there");
        drop(file);
        // Another test may sweep at the same time, and find it first.
        sweep();
        assert!(!exists(ring), "the ring is gone");
    }

    #[test]
    fn a_stand_in_holds_what_is_stored_for_its_owner_alone() {
        let (own, other) = (Control::private(), Control::private());
        store(own.waiters(), 3);
        assert_eq!((load(own.waiters()), load(other.waiters())), (3, 0));
        assert_eq!((own.entries().count(), own.counters().count()), (0, 0));
    }
}

//! A mapped file that holds one ring: its birth, and attaching to it.
//!
//! A segment is born without a name (`O_TMPFILE`), filled in completely, locked, and only then
//! linked into its bus: nobody can see it half made, and a creator that dies leaves nothing.
//!
//! # Invariants
//!
//! - The mapping covers exactly the bytes that the checked identity speaks of and lives as long
//!   as the [`Segment`]; every [`Words`] made here lies inside it.
//! - A segment attached for reading is mapped read-only: a store to it would fault.
//! - Nothing of the file is used before it is checked: identity first, schema second.

#![expect(unsafe_code, reason = "words over the owned mapping")]

use crate::control::Control;
use crate::directory::{Directory, RingName};
use crate::error::Error;
use crate::fault::{Guard, Mapped};
use crate::geometry::{Geometry, INSTRUMENT_BYTES, PAGE_BYTES, SCHEMA_OFFSET, TIME_EVERY, live};
use crate::header::identity::{IDENTITY_BYTES, Identity};
use crate::header::{Display, Header};
use crate::instruments::Instruments;
use crate::lock;
use crate::memory::{self, Memory};
use crate::poll::CloseReason;
use crate::registry::{Waiters, call};
use crate::schema::Schema;
use crate::slot::{Slot, store};
use crate::spec::RingSpec;
use crate::sync::AtomicU64;
use crate::wait::wake;
use crate::words::{Slots, Words};
use memmap2::{Advice, MmapOptions, MmapRaw};
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, posix_fallocate};
use nix::libc;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::ptr::NonNull;

mod older;

pub(crate) use older::Older;

/// Words of the header page.
const HEADER_WORDS: usize = (PAGE_BYTES / 8) as usize;

/// What a process may do with a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

/// One mapped ring.
#[derive(Debug)]
pub(crate) struct Segment {
    // First, so that its entry is gone before the file is closed and the mapping unmapped.
    guard: Guard,
    name: RingName,
    path: PathBuf,
    file: File,
    identity: Identity,
    schema: Schema,
    header: Words,
    times: Words,
    instruments: Instruments,
    slots: Slots,
    // Last, so that it is unmapped after everything that points into it is gone.
    _map: MmapRaw,
}

impl Segment {
    /// Creates a segment for ring `name`, locked for the caller and without a name yet: see
    /// [`link`](Self::link) and [`replace`](Self::replace).
    ///
    /// # Errors
    ///
    /// [`Error::NoSpace`] before anything is mapped; [`Error::Capacity`],
    /// [`Error::Instruments`], [`Error::Io`].
    pub(crate) fn create(
        directory: &Directory,
        name: &RingName,
        spec: &RingSpec,
    ) -> Result<Self, Error> {
        let RingSpec { schema, capacity, instruments, memory, .. } = spec;
        let encoded = schema.encode();
        let body_bytes = schema.max_size_bytes().into();
        let geometry = Geometry::of(*capacity, body_bytes, encoded.len() as u64, *instruments)?;
        let bus = directory.make_bus(name)?;
        let path = directory.path_of(name);
        let file = nameless_file(&bus, spec)?;
        let file_bytes = memory::whole_pages(&file, geometry.segment_bytes);
        memory.place(&file, file_bytes, &bus)?;
        allocate(&file, name, &bus, file_bytes)?;
        let identity = Identity {
            ring_id: random(&path)?,
            created_ns: crate::now_ns(),
            boot_id: boot_id(),
            schema_hash: schema.hash(),
            kinds: kinds_of(schema),
            geometry,
        };
        let segment = Self::map(name, path, file, identity, schema.clone(), Access::Write, memory)?;
        segment.put_bytes(0, &identity.encode(name));
        segment.put_bytes(SCHEMA_OFFSET, &encoded);
        // The file has no name yet, so nobody can hold its lock.
        lock::acquire(&segment.file).map_err(|errno| segment.io("lock", errno))?;
        Ok(segment)
    }

    /// Gives a new segment its name; `false` if the name is taken.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub(crate) fn link(&self) -> Result<bool, Error> {
        match link(&self.file, &self.path) {
            Ok(()) => Ok(true),
            Err(Errno::EEXIST) => Ok(false),
            Err(errno) => Err(self.io("link", errno)),
        }
    }

    /// Gives a new segment its name in place of the file that has it, at one stroke.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub(crate) fn replace(&self) -> Result<(), Error> {
        let passing = self.path.with_extension(format!("{:032x}", self.identity.ring_id));
        link(&self.file, &passing).map_err(|errno| self.io("link", errno))?;
        fs::rename(&passing, &self.path).map_err(|source| {
            let _ = fs::remove_file(&passing);
            Error::io("rename", &self.path, source)
        })
    }

    /// Attaches to the existing segment of ring `name` and checks it.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::NotASegment`], [`Error::LayoutVersion`],
    /// [`Error::Truncated`], [`Error::Corrupt`], [`Error::Schema`] or [`Error::Io`].
    pub(crate) fn attach(
        directory: &Directory,
        name: &RingName,
        access: Access,
        memory: &Memory,
    ) -> Result<Self, Error> {
        let path = directory.path_of(name);
        let opened = File::options().read(true).write(access == Access::Write).open(&path);
        let file = match opened {
            Ok(file) => file,
            Err(source) if source.kind() == io::ErrorKind::NotFound => {
                return Err(directory.not_found(name));
            }
            Err(source) => return Err(Error::io("open", &path, source)),
        };
        let (identity, schema) = examine(&file, &path)?;
        Self::map(name, path, file, identity, schema, access, memory)
    }

    fn map(
        name: &RingName,
        path: PathBuf,
        file: File,
        identity: Identity,
        schema: Schema,
        access: Access,
        memory: &Memory,
    ) -> Result<Self, Error> {
        let g = identity.geometry;
        let bytes = words_of(memory::whole_pages(&file, g.segment_bytes)).saturating_mul(8);
        let mut options = MmapOptions::new();
        options.len(bytes);
        let mapped = match access {
            Access::Read => options.map_raw_read_only(&file),
            Access::Write => options.map_raw(&file),
        };
        let map = mapped.map_err(|source| Error::io("map", &path, source))?;
        let mapped = match access {
            Access::Read => Mapped::Reader,
            Access::Write => Mapped::Writer(file.as_raw_fd()),
        };
        let guard = Guard::over(map.as_mut_ptr().addr(), map.len(), mapped)
            .map_err(|source| Error::io("guard the mapping of", &path, source))?;
        let populate = match access {
            Access::Read => Advice::PopulateRead,
            Access::Write => Advice::PopulateWrite,
        };
        memory.prepare(&map, populate, &path)?;
        if access == Access::Write {
            // A forked child must not be able to write to the ring.
            let _ = map.advise(Advice::DontFork);
        }
        let part = |offset: u64, count: u64| part(&map, offset, count);
        let corrupt =
            || Error::Truncated { path: path.clone(), expected: g.segment_bytes, found: 0 };
        let header = part(0, PAGE_BYTES).ok_or_else(corrupt)?;
        let times = part(g.times_offset, g.capacity / TIME_EVERY * 8).ok_or_else(corrupt)?;
        let instruments = part(g.instruments_offset, g.instruments * INSTRUMENT_BYTES)
            .and_then(|words| Instruments::new(words, g.instruments))
            .ok_or_else(corrupt)?;
        let slots = part(g.slots_offset, g.capacity * g.stride_bytes)
            .and_then(|words| Slots::new(words, g.capacity, words_of(g.stride_bytes)))
            .ok_or_else(corrupt)?;
        Ok(Self {
            guard,
            name: name.clone(),
            path,
            file,
            identity,
            schema,
            header,
            times,
            instruments,
            slots,
            _map: map,
        })
    }

    pub(crate) fn name(&self) -> &RingName {
        &self.name
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    pub(crate) fn identity(&self) -> &Identity {
        &self.identity
    }

    pub(crate) fn geometry(&self) -> &Geometry {
        &self.identity.geometry
    }

    pub(crate) fn schema(&self) -> &Schema {
        &self.schema
    }

    pub(crate) fn slots(&self) -> &Slots {
        &self.slots
    }

    /// The instrument directory and the last values.
    #[inline]
    pub(crate) fn instruments(&self) -> &Instruments {
        &self.instruments
    }

    /// The slot of sequence `seq`.
    #[inline]
    pub(crate) fn slot(&self, seq: u64) -> Slot<'_> {
        self.slots.slot(seq)
    }

    /// The word that holds the publish time of `seq`, for every 64th sequence. It is guarded by
    /// the stamp of that sequence's slot like a payload word.
    #[inline]
    pub(crate) fn time(&self, seq: u64) -> Option<&AtomicU64> {
        let entry = (seq & (self.identity.geometry.capacity - 1)) / TIME_EVERY;
        let index = usize::try_from(entry).ok()?;
        if seq.is_multiple_of(TIME_EVERY) { self.times.all().get(index) } else { None }
    }

    /// The live lines of the header.
    #[inline]
    pub(crate) fn header(&self) -> Header<'_> {
        header_of(&self.header)
    }

    /// The words by which readers sleep and the writer wakes.
    #[inline(always)]
    pub(crate) fn waiters<'a>(&'a self, control: &'a Control) -> Waiters<'a> {
        Waiters { waiters: control.waiters(), signal: self.header().signal }
    }

    /// Whether the file still has its name: the ring was not removed under its users.
    pub(crate) fn is_linked(&self) -> bool {
        self.file.metadata().is_ok_and(|metadata| metadata.nlink() > 0)
    }

    /// Whether the file was found truncated under the mapping, which is blank since then.
    #[inline]
    pub(crate) fn is_lost(&self) -> bool {
        self.guard.is_lost()
    }

    /// Why the ring is gone although nobody closed it, if it is. Cost: a system call.
    pub(crate) fn vanished(&self) -> Option<CloseReason> {
        if self.is_lost() {
            return Some(CloseReason::Truncated);
        }
        match self.file.metadata().ok()? {
            file if file.len() < self.identity.geometry.segment_bytes => {
                Some(CloseReason::Truncated)
            }
            file if file.nlink() == 0 => Some(CloseReason::Removed),
            _ => None,
        }
    }

    /// Wraps the system's answer to an operation on this segment's file.
    pub(crate) fn io(&self, operation: &'static str, errno: Errno) -> Error {
        Error::io(operation, &self.path, errno.into())
    }

    /// Stores bytes at a word-aligned offset of a segment that nobody else sees yet.
    fn put_bytes(&self, offset: u64, bytes: &[u8]) {
        let Some(words) = part(&self._map, offset, bytes.len().next_multiple_of(8) as u64) else {
            return;
        };
        for (word, chunk) in words.all().iter().zip(bytes.chunks(8)) {
            let mut value = [0; 8];
            for (to, from) in value.iter_mut().zip(chunk) {
                *to = *from;
            }
            store(word, u64::from_le_bytes(value));
        }
    }
}

/// The live lines in the words of a header.
#[inline]
fn header_of(words: &Words) -> Header<'_> {
    // `map` and `Older` made the header of exactly a page.
    let Some(page) = words.all().first_chunk::<HEADER_WORDS>() else {
        unreachable!("a header is a page")
    };
    Header {
        epoch: &page[live::EPOCH / 8],
        epoch_start: &page[live::EPOCH_START / 8],
        state: &page[live::STATE / 8],
        published: &page[live::PUBLISHED / 8],
        signal: &page[live::SIGNAL / 8],
        control_id: &page[live::CONTROL_ID / 8],
        ticker_ns: &page[live::TICKER_NS / 8],
        successor: [&page[live::SUCCESSOR_LOW / 8], &page[live::SUCCESSOR_HIGH / 8]],
        display: Display {
            owner_pid: &page[live::OWNER_PID / 8],
            owner_since_ns: &page[live::OWNER_SINCE_NS / 8],
            heartbeat_ns: &page[live::HEARTBEAT_NS / 8],
            watermark_ns: &page[live::WATERMARK_NS / 8],
            dropped: &page[live::DROPPED / 8],
            unlisted: &page[live::UNLISTED / 8],
        },
    }
}

/// Words in `bytes` bytes, saturating.
fn words_of(bytes: u64) -> usize {
    usize::try_from(bytes / 8).unwrap_or(usize::MAX)
}

/// The words of `bytes` bytes at `offset` in a mapping; `None` if they are not inside it.
fn part(map: &MmapRaw, offset: u64, bytes: u64) -> Option<Words> {
    let first = words_of(offset);
    let count = words_of(bytes);
    let end = first.checked_add(count)?;
    if !offset.is_multiple_of(8) || end.checked_mul(8)? > map.len() {
        return None;
    }
    let base = NonNull::new(map.as_mut_ptr().cast::<AtomicU64>())?;
    // SAFETY: `first` is inside the mapping, which the check above established.
    let base = unsafe { base.add(first) };
    // SAFETY: the mapping is page aligned and `first..end` lies inside it; the segment keeps it
    // mapped for as long as it hands out words; all processes use atomics (FORMAT.md).
    let words = unsafe { Words::new(base, count) };
    Some(words)
}

/// Reads and checks identity and schema of an open file.
fn examine(file: &File, path: &Path) -> Result<(Identity, Schema), Error> {
    let file_bytes = file.metadata().map_err(|source| Error::io("stat", path, source))?.len();
    let mut head = vec![0; IDENTITY_BYTES];
    let read = file.read_at(&mut head, 0).map_err(|source| Error::io("read", path, source))?;
    let identity = Identity::decode(head.get(..read).unwrap_or(&[]), file_bytes, path)?;
    let table_bytes = usize::try_from(identity.geometry.schema_bytes).unwrap_or(usize::MAX);
    let mut table = vec![0; table_bytes];
    file.read_exact_at(&mut table, SCHEMA_OFFSET)
        .map_err(|source| Error::io("read the schema of", path, source))?;
    let schema = Schema::decode(&table)
        .map_err(|source| Error::Schema { name: path.display().to_string(), source })?;
    let corrupt =
        |what, expected, found| Error::Corrupt { path: path.to_owned(), what, expected, found };
    if schema.hash() != identity.schema_hash {
        return Err(corrupt("schema hash", identity.schema_hash, schema.hash()));
    }
    let body_bytes = identity.geometry.stride_bytes - crate::geometry::STAMP_BYTES;
    if u64::from(schema.max_size_bytes()) > body_bytes {
        return Err(corrupt("size of a record", body_bytes, schema.max_size_bytes().into()));
    }
    if kinds_of(&schema) != identity.kinds {
        return Err(corrupt("set of record kinds", kinds_of(&schema)[0], identity.kinds[0]));
    }
    Ok((identity, schema))
}

/// One bit for each rtype of the schema.
pub(crate) fn kinds_of(schema: &Schema) -> [u64; 4] {
    let mut bits = [0; 4];
    for kind in schema.kinds() {
        if let Some(word) = bits.get_mut(usize::from(kind.rtype / 64)) {
            *word |= 1u64 << (kind.rtype % 64);
        }
    }
    bits
}

fn nameless_file(bus: &Path, spec: &RingSpec) -> Result<File, Error> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_TMPFILE)
        .mode(spec.mode)
        .open(bus)
        .map_err(|source| Error::io("create a file (O_TMPFILE) in", bus, source))?;
    if spec.group.is_some() {
        fchown(&file, None, spec.group)
            .map_err(|source| Error::io("set the group of a file in", bus, source))?;
    }
    // The umask has had its say on the mode; the caller's wish counts.
    file.set_permissions(Permissions::from_mode(spec.mode))
        .map_err(|source| Error::io("set the mode of a file in", bus, source))?;
    Ok(file)
}

fn allocate(file: &File, name: &RingName, bus: &Path, bytes: u64) -> Result<(), Error> {
    let free = memory::free_bytes(file).map_err(|errno| Error::io("stat", bus, errno.into()))?;
    let no_space = || Error::NoSpace {
        name: name.to_string(),
        path: bus.to_owned(),
        needed_bytes: bytes,
        available_bytes: free.unwrap_or(0),
    };
    // Asked first: some file systems allocate all they have before they refuse.
    if free.is_some_and(|free| bytes > free) {
        return Err(no_space());
    }
    match posix_fallocate(file, 0, i64::try_from(bytes).unwrap_or(i64::MAX)) {
        Ok(()) => Ok(()),
        Err(Errno::ENOSPC | Errno::EFBIG) => Err(no_space()),
        Err(errno) => Err(Error::io("allocate", bus, errno.into())),
    }
}

fn link(file: &File, path: &Path) -> Result<(), Errno> {
    let open = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
    nix::unistd::linkat(AT_FDCWD, &open, AT_FDCWD, path, AtFlags::AT_SYMLINK_FOLLOW)
}

/// A number that nobody else draws.
///
/// # Errors
///
/// [`Error::Io`].
pub(crate) fn random(path: &Path) -> Result<u128, Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|source| Error::io("draw a random ring id for", path, source.into()))?;
    Ok(u128::from_le_bytes(bytes))
}

/// The kernel's boot id, or zero where it tells none.
fn boot_id() -> u128 {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    u128::from_str_radix(&text.trim().replace('-', ""), 16).unwrap_or_default()
}

/// Wakes all who sleep on a ring's signal. Only a process that may write to the ring calls this.
/// Apart, and given no part of the segment, so that a loop around a publish keeps its registers.
#[cold]
#[inline(never)]
pub(crate) fn call_all(signal: &AtomicU64) {
    call(signal);
    wake(signal);
}

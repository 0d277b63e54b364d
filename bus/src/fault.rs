//! What may happen to a mapped ring from outside: its file is truncated, its process is forked.
//!
//! # Concepts
//!
//! *Truncation.* Touching a page of a mapping that the file no longer has raises SIGBUS, which
//! would kill every reader of a ring because of one `truncate`. So the first attach installs a
//! handler. If the address lies inside a ring, the handler puts blank memory in place of the
//! whole mapping and marks the ring as lost: all its stamps are blank then, so that whatever was
//! being read fails its validation, and the reader finds the mark where it would find nothing.
//! Any other SIGBUS goes to the handler that was there before, or kills the process.
//!
//! *Fork.* A forked child shares the open file of its parent's writer, and with it the writer
//! lock, which would outlive the parent. So a handler that `fork` runs in the child puts
//! `/dev/null` in place of the descriptor, and memory that may not be touched in place of the
//! mapping (which `MADV_DONTFORK` leaves out). A reader is not concerned: the child reads on,
//! with a cursor of its own.
//!
//! Both handlers find the rings in one table of fixed size that is never locked: it is read
//! while any thread may be interrupted anywhere. Neither is asked on the data path.
//!
//! # Protocol
//!
//! | row | code | partner | what goes wrong without it |
//! |-----|------|---------|----------------------------|
//! | G1 | `state`: free to busy, compare and exchange, acquire | G4 | two rings share an entry |
//! | G2 | `state = live`, release, behind the fields | G3 | a handler reads a ring that is half there |
//! | G3 | load state, acquire; fields; acquire fence; state again: unchanged? | G2, G4 | fields of two rings are taken for one |
//! | G4 | `state = free`, release, with the next generation | G1, G3 | as G3 |
//!
//! # Invariants
//!
//! - An entry is live only while its mapping is there: [`Guard`] stands before the mapping in
//!   its owner and so goes first. A thread that faults inside a ring therefore finds its entry.
//! - The handlers call nothing but system calls, allocate nothing, take no lock and do not panic.

#![expect(unsafe_code, reason = "handlers of a signal and of fork, which replace mappings")]

use crate::sync::{AtomicU64, Ordering, fence};
use nix::errno::Errno;
use nix::libc;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, raise, sigaction};
use std::ffi::{c_int, c_void};
use std::io;
use std::os::fd::RawFd;
use std::ptr;
use std::sync::OnceLock;

/// Rings and control segments that one process may have mapped at once.
const MOST: usize = 8192;

/// The states of an entry, in the low bits of its state word; above them is its generation.
const FREE: u64 = 0;
const BUSY: u64 = 1;
const LIVE: u64 = 2;
const STATES: u64 = 3;
const GENERATION: u64 = 4;

static TABLE: [Entry; MOST] = [const { Entry::new() }; MOST];
/// How often this process has been forked off, counted over all its ancestors.
static FORKS: AtomicU64 = AtomicU64::new(0);
/// What was done at a SIGBUS before.
static PREVIOUS: OnceLock<SigAction> = OnceLock::new();

/// One mapped ring, as the handlers see it.
#[derive(Debug)]
struct Entry {
    state: AtomicU64,
    address: AtomicU64,
    bytes: AtomicU64,
    /// The writer's descriptor plus one; zero for a mapping that goes with no lock.
    descriptor: AtomicU64,
    /// One if this process may store there.
    is_writable: AtomicU64,
    is_lost: AtomicU64,
}

/// The fields of a live entry.
#[derive(Clone, Copy, Debug)]
struct Ring {
    address: u64,
    bytes: u64,
    writer: Option<RawFd>,
    is_writable: bool,
}

/// What a guarded mapping is to this process.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mapped {
    /// A ring that it reads.
    Reader,
    /// A ring that it may write to, with the descriptor that holds, or will hold, the writer lock.
    Writer(RawFd),
    /// A control segment, which everybody writes to, forked children too.
    Control,
}

/// Keeps one mapping in the table. Dropped before it is unmapped.
#[derive(Debug)]
pub(crate) struct Guard {
    entry: &'static Entry,
}

impl Guard {
    /// Puts the mapping of `bytes` bytes at `address` into the table.
    ///
    /// # Errors
    ///
    /// If the handlers cannot be installed, or the table is full.
    pub(crate) fn over(address: usize, bytes: usize, mapped: Mapped) -> io::Result<Self> {
        install()?;
        let full = || {
            io::Error::other(format!(
                "this process has {MOST} rings mapped already: close some, or use more processes"
            ))
        };
        let entry = TABLE.iter().find(|entry| entry.claim()).ok_or_else(full)?;
        let (descriptor, is_writable) = match mapped {
            Mapped::Reader => (0, 0),
            Mapped::Writer(fd) => (u64::try_from(fd).map_or(0, |fd| fd + 1), 1),
            Mapped::Control => (0, 1),
        };
        entry.address.store(address as u64, Ordering::Relaxed);
        entry.bytes.store(bytes as u64, Ordering::Relaxed);
        entry.descriptor.store(descriptor, Ordering::Relaxed);
        entry.is_writable.store(is_writable, Ordering::Relaxed);
        entry.is_lost.store(0, Ordering::Relaxed);
        entry.settle(LIVE); // row G2
        Ok(Self { entry })
    }

    /// Whether the file was found truncated, and the mapping is blank memory since then.
    pub(crate) fn is_lost(&self) -> bool {
        self.entry.is_lost.load(Ordering::Relaxed) != 0
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.entry.settle(FREE); // row G4
    }
}

/// How often this process has been forked off, counted over all its ancestors: a handle that
/// remembers another number than this was made in a parent.
pub(crate) fn forks() -> u64 {
    FORKS.load(Ordering::Relaxed)
}

impl Entry {
    const fn new() -> Self {
        Self {
            state: AtomicU64::new(FREE),
            address: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            descriptor: AtomicU64::new(0),
            is_writable: AtomicU64::new(0),
            is_lost: AtomicU64::new(0),
        }
    }

    /// Makes the entry the caller's if it is free.
    fn claim(&self) -> bool {
        let found = self.state.load(Ordering::Relaxed);
        let busy = found | BUSY;
        let take = |(success, failure)| self.state.compare_exchange(found, busy, success, failure);
        found & STATES == FREE && take((Ordering::Acquire, Ordering::Relaxed)).is_ok() // row G1
    }

    /// Ends a change of the entry, in a state and with the next generation.
    fn settle(&self, state: u64) {
        let generation = (self.state.load(Ordering::Relaxed) & !STATES).wrapping_add(GENERATION);
        self.state.store(generation | state, Ordering::Release); // rows G2 and G4
    }

    /// The fields, if the entry is live.
    fn ring(&self) -> Option<Ring> {
        let state = self.state.load(Ordering::Acquire); // row G3
        if state & STATES != LIVE {
            return None;
        }
        let descriptor = self.descriptor.load(Ordering::Relaxed);
        let ring = Ring {
            address: self.address.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            writer: descriptor.checked_sub(1).and_then(|fd| RawFd::try_from(fd).ok()),
            is_writable: self.is_writable.load(Ordering::Relaxed) != 0,
        };
        fence(Ordering::Acquire); // row G3
        (self.state.load(Ordering::Relaxed) == state).then_some(ring)
    }
}

impl Ring {
    fn contains(&self, address: u64) -> bool {
        address.checked_sub(self.address).is_some_and(|offset| offset < self.bytes)
    }

    /// Puts memory of zeros in place of the mapping; says whether that was possible.
    ///
    /// # Safety
    ///
    /// The range is this ring's alone: mapped, or left out of a fork by `MADV_DONTFORK`.
    unsafe fn replace(&self, protection: c_int) -> bool {
        let (Ok(address), Ok(bytes)) = (usize::try_from(self.address), usize::try_from(self.bytes))
        else {
            return false;
        };
        let flags = libc::MAP_FIXED | libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        let address = ptr::with_exposed_provenance_mut(address);
        // SAFETY: the caller vouches for the range; words of a ring are atomics, which may hold
        // any value at any time, so that zeros in their place break no promise.
        let mapped = unsafe { libc::mmap(address, bytes, protection, flags, -1, 0) };
        mapped != libc::MAP_FAILED
    }
}

/// Installs the handlers, once in a process.
fn install() -> io::Result<()> {
    static INSTALLED: OnceLock<Result<(), Errno>> = OnceLock::new();
    let installed = INSTALLED.get_or_init(|| {
        // SAFETY: `in_child` calls nothing but system calls on what it finds in the table.
        let refused = unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
        if refused != 0 {
            return Err(Errno::from_raw(refused));
        }
        // On the alternate stack, where the thread has one: a handler before this one may need it.
        let flags = SaFlags::SA_SIGINFO | SaFlags::SA_ONSTACK | SaFlags::SA_RESTART;
        let action = SigAction::new(SigHandler::SigAction(on_bus_error), flags, SigSet::empty());
        // SAFETY: `on_bus_error` is async-signal-safe, see the invariants.
        let previous = unsafe { sigaction(Signal::SIGBUS, &action) }?;
        let _ = PREVIOUS.set(previous);
        Ok(())
    });
    (*installed).map_err(io::Error::from)
}

/// The handler of SIGBUS.
extern "C" fn on_bus_error(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    let errno = Errno::last_raw();
    // SAFETY: the system hands a handler a valid info, which nobody else changes.
    let fault = unsafe { &*info };
    let code = fault.si_code;
    // SAFETY: the part with an address is there in every SIGBUS of a fault, and bytes elsewhere.
    let address = unsafe { fault.si_addr() };
    let is_blanked = code == libc::BUS_ADRERR && blank(address.addr() as u64);
    Errno::set_raw(errno);
    if !is_blanked {
        pass_on(signal, code, info, context);
    }
}

/// Gives up the ring that `address` lies in; `false` if there is none.
fn blank(address: u64) -> bool {
    let found = TABLE
        .iter()
        .find_map(|entry| Some((entry, entry.ring()?)).filter(|(_, ring)| ring.contains(address)));
    let Some((entry, ring)) = found else { return false };
    let protection = match ring.is_writable {
        true => libc::PROT_READ | libc::PROT_WRITE,
        false => libc::PROT_READ,
    };
    entry.is_lost.store(1, Ordering::Relaxed);
    // SAFETY: this thread has just touched the mapping, so its entry is live and its own.
    unsafe { ring.replace(protection) }
}

/// Does with a SIGBUS what would have been done without this module.
fn pass_on(signal: c_int, code: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    match PREVIOUS.get().map(SigAction::handler) {
        Some(SigHandler::SigAction(handler)) => handler(signal, info, context),
        Some(SigHandler::Handler(handler)) => handler(signal),
        // Sent by a process, it is ignored; a fault cannot be.
        Some(SigHandler::SigIgn) if code <= 0 => {}
        _ => {
            let action = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
            // SAFETY: the default action runs no code of this process.
            let _ = unsafe { sigaction(Signal::SIGBUS, &action) };
            // Comes when this handler returns, unless the fault comes again first.
            let _ = raise(Signal::SIGBUS);
        }
    }
}

/// Runs in a forked child before `fork` returns there.
extern "C" fn in_child() {
    FORKS.fetch_add(1, Ordering::Relaxed);
    for ring in TABLE.iter().filter_map(Entry::ring) {
        if let Some(descriptor) = ring.writer {
            disown(descriptor);
            // Keeps the addresses taken: the child may drop its copy of the writer, and must not
            // unmap what has come to stand there.
            // SAFETY: the ring was left out of the fork, and the child has one thread, which has
            // mapped nothing yet.
            unsafe { ring.replace(libc::PROT_NONE) };
        }
    }
}

/// Puts `/dev/null` in place of a descriptor, whose number stays taken.
fn disown(descriptor: RawFd) {
    let flags = libc::O_RDWR | libc::O_CLOEXEC;
    // SAFETY: a system call on a constant path.
    let mut null = unsafe { libc::open(c"/dev/null".as_ptr(), flags) };
    if null < 0 {
        // No descriptor is free: this makes one free, often the very number.
        // SAFETY: a system call; the descriptor is the child's own copy.
        unsafe { libc::close(descriptor) };
        // SAFETY: as the first one.
        null = unsafe { libc::open(c"/dev/null".as_ptr(), flags) };
    }
    if null >= 0 && null != descriptor {
        // SAFETY: a system call on two descriptors of the child.
        unsafe { libc::dup3(null, descriptor, libc::O_CLOEXEC) };
        // SAFETY: opened above and known to nobody else.
        unsafe { libc::close(null) };
    }
}

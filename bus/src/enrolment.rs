//! A reader's place in the registry.

use crate::control::Control;
use crate::fault;
use crate::header::NO_CONTROL;
use crate::lock;
use crate::registry::{Counters, Entry, NAME_BYTES, Occupant};
use crate::segment::Segment;
use std::fs::File;
use std::os::fd::AsRawFd;

/// Where a reader tells what it does: a control segment, and an entry in it if there was room.
#[derive(Debug)]
pub(crate) struct Enrolment {
    control: Control,
    entry: Option<(usize, u64)>,
    name: [u8; NAME_BYTES],
    /// The process that entered: the number of forks tells it from its parent and its children.
    forks: u64,
    /// The ring's file, opened again by a forked child, whose marks must not be its parent's.
    own_file: Option<File>,
}

impl Enrolment {
    /// Enters a reader under `name`, of which the first 32 bytes are kept; one without a name is
    /// woken like any other, and not listed.
    pub(crate) fn new(segment: &Segment, name: &str) -> Self {
        let mut bytes = [0; NAME_BYTES];
        let end = name.floor_char_boundary(NAME_BYTES);
        bytes.iter_mut().zip(name.bytes().take(end)).for_each(|(to, from)| *to = from);
        let mut enrolment = Self {
            control: Control::private(),
            entry: None,
            name: bytes,
            forks: fault::forks(),
            own_file: None,
        };
        enrolment.enter(segment, &Counters::default());
        enrolment
    }

    /// Whether the ring's writer looks at this control segment, and the entry is this process's.
    pub(crate) fn is_current(&self, segment: &Segment) -> bool {
        self.control.id() == segment.header().control() && !self.is_inherited()
    }

    /// Whether the process was forked off since: the entry is the parent's, who goes on with it.
    fn is_inherited(&self) -> bool {
        self.forks != fault::forks()
    }

    /// Whether the writer sees when this reader sleeps.
    pub(crate) fn is_seen(&self) -> bool {
        self.control.id() != NO_CONTROL
    }

    /// The control segment.
    pub(crate) fn control(&self) -> &Control {
        &self.control
    }

    /// Leaves the old control segment and enters the one that the header names now.
    pub(crate) fn renew(&mut self, segment: &Segment, counters: &Counters) {
        self.leave(segment);
        self.enter(segment, counters);
    }

    fn enter(&mut self, segment: &Segment, counters: &Counters) {
        if self.is_inherited() {
            self.forks = fault::forks();
            let path = format!("/proc/self/fd/{}", segment.file().as_raw_fd());
            self.own_file = File::open(path).ok();
        }
        self.control = match segment.header().control() {
            NO_CONTROL => Control::private(),
            id => {
                let ring_id = segment.identity().ring_id;
                Control::attach(ring_id, id).unwrap_or_else(Control::private)
            }
        };
        if self.name == [0; NAME_BYTES] {
            return;
        }
        let (name, _) = self.name.as_chunks::<8>();
        let mut words = [0; NAME_BYTES / 8];
        for (word, bytes) in words.iter_mut().zip(name) {
            *word = u64::from_le_bytes(*bytes);
        }
        let (pid, since_ns) = (std::process::id(), crate::now_ns());
        let occupant = Occupant {
            token: token_of(pid, since_ns),
            pid: pid.into(),
            since_ns,
            name: words,
            counters: *counters,
        };
        let file = self.own_file.as_ref().unwrap_or(segment.file());
        let free = |(_, entry): &(usize, Entry<'_>)| entry.token().is_none();
        let free = self.control.entries().enumerate().filter(free);
        // Only when all are taken is it worth asking which of their owners are gone.
        let gone = self.control.entries().enumerate().filter(|(index, entry)| {
            let is_gone = |token: &u64| !lock::is_marked(file, *index) && entry.free(*token);
            entry.token().as_ref().is_some_and(is_gone)
        });
        self.entry = free.chain(gone).find_map(|(index, entry)| {
            // The mark comes first, so that nobody takes the new owner for one that is gone.
            if !lock::mark(file, index) {
                return None;
            }
            if entry.claim(&occupant) {
                return Some((index, occupant.token));
            }
            lock::unmark(file, index);
            None
        });
    }

    /// Gives the entry back, unless it is the parent's.
    pub(crate) fn leave(&mut self, segment: &Segment) {
        let is_inherited = self.is_inherited();
        if let Some((index, token)) = self.entry.take().filter(|_| !is_inherited) {
            if let Some(entry) = self.control.entry(index) {
                entry.free(token);
            }
            lock::unmark(self.own_file.as_ref().unwrap_or(segment.file()), index);
        }
    }

    /// Stores what the reader has counted. Cost: five stores.
    #[inline]
    pub(crate) fn report(&self, counters: &Counters) {
        if let Some((index, _)) = self.entry
            && !self.is_inherited()
            && let Some(entry) = self.control.entry(index)
        {
            entry.report(counters);
        }
    }
}

/// A number that no other occupation of an entry has had: process, and time in nanoseconds.
fn token_of(pid: u32, now_ns: u64) -> u64 {
    (u64::from(pid) << 40 ^ now_ns) << 1 >> 1 | 1
}

//! Rings of their own for each test, and what the tests publish and read.

use std::path::Path;
use tempfile::TempDir;
use tickring::record::{Heartbeat, Lane, Match, Record, Vector};
use tickring::{Directory, Poll, Reader, RingName, RingSpec, Start, Writer};
use tickring_ann::{Matcher, MatcherOptions, Progress};

/// A directory that is removed at the end of the test, with a vectors ring and a matches ring.
pub(crate) struct Rings {
    /// `None` where another process removes it.
    _root: Option<TempDir>,
    pub(crate) directory: Directory,
    pub(crate) vectors: RingName,
    pub(crate) matches: RingName,
    spec: RingSpec,
}

impl Rings {
    /// Rings for vectors of `dim` lanes, in `capacity` slots. Heartbeats are allowed among them.
    pub(crate) fn new(dim: u16, capacity: u64) -> Self {
        Self::of::<f32>(dim, capacity)
    }

    /// As [`new`](Self::new), with lanes of another type.
    pub(crate) fn of<L: Lane>(dim: u16, capacity: u64) -> Self {
        let root = tempfile::tempdir().unwrap();
        let rings = Self::at::<L>(root.path(), dim, capacity);
        Self { _root: Some(root), ..rings }
    }

    /// The rings in a folder, which are those of another process if it has some.
    pub(crate) fn at<L: Lane>(root: &Path, dim: u16, capacity: u64) -> Self {
        let kinds = vec![Vector::kind_with_lanes::<L>(dim), Heartbeat::kind()];
        Self {
            directory: Directory::at(root.join("tickring")),
            _root: None,
            vectors: RingName::new("test", "vectors").unwrap(),
            matches: RingName::new("test", "matches").unwrap(),
            spec: RingSpec { capacity, ..RingSpec::new(kinds).unwrap() },
        }
    }

    pub(crate) fn writer(&self) -> Writer {
        Writer::open(&self.directory, &self.vectors, &self.spec).unwrap()
    }

    pub(crate) fn reader(&self) -> Reader {
        Reader::open(&self.directory, &self.vectors, Start::Oldest).unwrap()
    }

    pub(crate) fn matcher(&self, options: MatcherOptions) -> Matcher {
        Matcher::open(&self.directory, &self.vectors, &self.matches, options).unwrap()
    }

    pub(crate) fn matches(&self) -> Matches {
        self.reader_of("matches")
    }

    pub(crate) fn reader_of(&self, ring: &str) -> Matches {
        let name = RingName::new("test", ring).unwrap();
        Matches(Reader::open(&self.directory, &name, Start::Oldest).unwrap())
    }
}

/// A vector with the fixed part that an encoder would write.
pub(crate) fn vector(vec_id: u64, lanes: &[f32]) -> Vector {
    let norm = lanes.iter().map(|lane| f64::from(*lane).powi(2)).sum::<f64>().sqrt() as f32;
    let dim = lanes.len() as u16;
    Vector { vec_id, dim, norm, ..Vector::empty(3, 7, 1_000 + vec_id) }
}

/// Publishes a vector and returns its sequence.
pub(crate) fn publish<L: Lane>(writer: &mut Writer, fixed: &Vector, lanes: &[L]) -> u64 {
    let mut claim = writer.claim();
    claim.write(fixed).unwrap();
    claim.write_lanes(lanes).unwrap();
    claim.commit()
}

/// Steps until there is nothing to do and says whether the input has ended.
pub(crate) fn run(matcher: &mut Matcher) -> bool {
    loop {
        match matcher.run_once(7).unwrap() {
            Progress::Advanced(_) => {}
            Progress::Idle => return false,
            Progress::Ended => return true,
        }
    }
}

/// A reader of a matches ring.
pub(crate) struct Matches(pub(crate) Reader);

impl Matches {
    /// All matches that are there and not read yet.
    pub(crate) fn drain(&mut self) -> Vec<Match> {
        let mut found = Vec::new();
        loop {
            match self.0.poll() {
                Poll::Record(record) => found.push(*record.get::<Match>().expect("only matches")),
                Poll::Restarted { .. } => {}
                Poll::Empty | Poll::Closed(_) => return found,
                other => panic!("unexpected {:?}", other.map(|_| ())),
            }
        }
    }
}

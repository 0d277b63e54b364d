//! Queries of other processes: each process creates a ring of its own, all are followed here.

use crate::error::Error;
use crate::shape::Shape;
use std::collections::HashMap;
use std::time::{Duration, Instant};
use tickring::record::{Answer, Match, Query, Record, lane_type};
use tickring::schema::FieldType;
use tickring::{
    Directory, LiveRecord, Poll, Reader, ReaderOptions, RingInfo, RingName, Start, wait_any,
};

/// Time between two looks for new rings.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The number by which an [`Answer`] names the ring of its query: FNV-1a of the ring's id.
#[must_use]
pub fn asker_number(queries: &RingInfo) -> u32 {
    let step = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    queries.ring_id.to_le_bytes().into_iter().fold(0x811c_9dc5, step)
}

/// What the rings of queries have brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AskerStats {
    /// Rings that are followed.
    pub rings: u64,
    /// Rings of that name that hold no queries of this dimension.
    pub refused: u64,
    /// Queries that were overwritten before they were read.
    pub missed: u64,
    /// Records that are no queries of this dimension.
    pub not_queries: u64,
}

/// A query as it was read.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) asker: u32,
    pub(crate) seq: u64,
    pub(crate) query: Query,
    pub(crate) lanes: Box<[f32]>,
}

#[derive(Debug)]
struct Asker {
    name: RingName,
    number: u32,
    reader: Reader,
}

/// The rings of queries.
#[derive(Debug)]
pub(crate) struct Askers {
    directory: Directory,
    bus: String,
    prefix: String,
    askers: Vec<Asker>,
    /// Names that hold no queries, with the number of the ring.
    refused: Vec<(RingName, u32)>,
    /// Where to go on, for rings that were answered before.
    resume: HashMap<u32, u64>,
    next_look: Option<Instant>,
    /// The ring that is looked at first next time, so that each has its turn.
    turn: usize,
    /// What was read last.
    request: Request,
    pub(crate) stats: AskerStats,
}

impl Askers {
    /// Prepares to follow the rings of `bus` whose names begin with `prefix`.
    pub(crate) fn new(directory: &Directory, bus: &str, prefix: &str, dim: usize) -> Self {
        let query = Query::empty(0, 0, 0);
        Self {
            directory: directory.clone(),
            bus: bus.to_owned(),
            prefix: prefix.to_owned(),
            askers: Vec::new(),
            refused: Vec::new(),
            resume: HashMap::new(),
            next_look: None,
            turn: 0,
            request: Request { asker: 0, seq: 0, query, lanes: vec![0.0; dim].into_boxed_slice() },
            stats: AskerStats::default(),
        }
    }

    /// Learns from the matches ring which queries have their answers. The last answer is given
    /// again if it is not whole.
    pub(crate) fn learn(&mut self, matches: &mut Reader) {
        let mut open: Option<Answer> = None;
        loop {
            match matches.poll() {
                Poll::Record(record) => {
                    if let Some(head) = record.get::<Answer>() {
                        self.resume.insert(head.asker, head.query_seq + 1);
                        open = Some(*head).filter(|head| head.count > 0);
                    } else if record.get::<Match>().is_some() {
                        let left = |head: Answer| Answer { count: head.count - 1, ..head };
                        open = open.map(left).filter(|head| head.count > 0);
                    }
                }
                Poll::Lapped { .. } | Poll::Restarted { .. } | Poll::Tombstone { .. } => {}
                Poll::Empty | Poll::Closed(_) => break,
            }
        }
        if let Some(head) = open {
            self.resume.insert(head.asker, head.query_seq);
        }
    }

    /// The next query, if there is one.
    pub(crate) fn poll(&mut self) -> Option<&Request> {
        self.look_if_due();
        for offset in 0..self.askers.len() {
            let at = (self.turn + offset) % self.askers.len();
            let asker = self.askers.get_mut(at)?;
            let request = &mut self.request;
            loop {
                match asker.reader.view(1, |view| request.take(view.iter().next())) {
                    Poll::Record(true) => {
                        request.asker = asker.number;
                        self.turn = at + 1;
                        return Some(&self.request);
                    }
                    Poll::Record(false) => self.stats.not_queries += 1,
                    Poll::Lapped { missed, .. } => self.stats.missed += missed,
                    Poll::Restarted { .. } | Poll::Tombstone { .. } => {}
                    Poll::Empty => break,
                    Poll::Closed(_) => {
                        self.resume.insert(asker.number, asker.reader.cursor());
                        self.askers.remove(at);
                        self.stats.rings = self.askers.len() as u64;
                        return None;
                    }
                }
            }
        }
        None
    }

    /// The query of an answer that was given before, if it is still there.
    pub(crate) fn again(&mut self, answer: &Answer) -> Option<&Request> {
        self.look();
        self.resume.insert(answer.asker, answer.query_seq + 1);
        let asker = self.askers.iter_mut().find(|asker| asker.number == answer.asker)?;
        let request = &mut self.request;
        let take = |reader: &Reader, request: &mut Request| {
            reader.view_at(answer.query_seq, 1, |view| request.take(view.iter().next()))
        };
        let is_there = take(&asker.reader, request) == Some(true);
        request.asker = answer.asker;
        while asker.reader.cursor() <= answer.query_seq {
            match asker.reader.view(1, |_| ()) {
                Poll::Empty | Poll::Closed(_) => break,
                _ => {}
            }
        }
        is_there.then_some(&self.request)
    }

    /// Waits until there is a query or a vector, until it is time to look for new rings, or for
    /// `limit`. Cost: allocates, on the way to sleep.
    pub(crate) fn wait(&mut self, vectors: &mut Reader, limit: Duration) -> bool {
        let own = self.askers.iter_mut().map(|asker| &mut asker.reader);
        let mut readers: Vec<&mut Reader> = std::iter::once(vectors).chain(own).collect();
        wait_any(&mut readers, limit.min(LOOK_EVERY))
    }

    fn look_if_due(&mut self) {
        let now = Instant::now();
        if self.next_look.is_none_or(|due| due <= now) {
            self.next_look = Some(now + LOOK_EVERY);
            self.look();
        }
    }

    /// Follows the rings that are new. What cannot be opened now is tried again later.
    fn look(&mut self) {
        let Ok(names) = self.directory.list() else { return };
        for name in names {
            let is_ours = name.bus() == self.bus && name.ring().starts_with(&self.prefix);
            if is_ours && !self.askers.iter().any(|asker| asker.name == name) {
                // One that vanished meanwhile is no loss.
                let _ = self.follow(name);
            }
        }
        self.stats.rings = self.askers.len() as u64;
        self.stats.refused = self.refused.len() as u64;
    }

    fn follow(&mut self, name: RingName) -> Result<(), Error> {
        let info = RingInfo::read(&self.directory, &name)?;
        let number = asker_number(&info);
        if self.refused.iter().any(|(refused, own)| *refused == name && *own == number) {
            return Ok(());
        }
        let next = self.resume.get(&number).copied();
        let is_done = next.is_some_and(|next| next >= info.published);
        if is_done && info.state != tickring::RingState::Live {
            return Ok(());
        }
        let start = next.map_or(Start::Oldest, Start::Sequence);
        let reader =
            Reader::open_with(&self.directory, &name, &ReaderOptions::named("ann", start))?;
        let wanted = Shape::new(self.request.lanes.len(), FieldType::F32);
        if Shape::of::<Query>(reader.schema()) != Some(wanted) {
            self.refused.retain(|(refused, _)| *refused != name);
            self.refused.push((name, number));
            return Ok(());
        }
        self.askers.push(Asker { name, number, reader });
        Ok(())
    }
}

impl Request {
    /// Copies a query out of its slot and says whether it is one. Total on garbage.
    fn take(&mut self, record: Option<LiveRecord<'_>>) -> bool {
        let Some(record) = record.filter(|record| record.rtype() == Query::RTYPE) else {
            return false;
        };
        self.seq = record.seq();
        self.query = record.read();
        record.lanes().copy_to(&mut self.lanes);
        self.query.dtype == lane_type::F32 && usize::from(self.query.dim) == self.lanes.len()
    }
}

//! The queries of other processes: taken from their rings, answered here or by search threads.

use super::search::terms_of;
use super::{Asker, Matcher, Task, count_latency};
use crate::crew::{Crew, Pending, Reply};
use crate::error::Error;
use crate::nearest::Neighbour;
use crate::scan::Scan;
use std::time::Instant;
use tickring::record::{Answer, Query, Record};

/// Vectors that are read at most before other processes have their turn; while fewer wait, a query
/// sees all that were published before it.
const TURN: u32 = 64;

/// What an answer says beside its neighbours.
struct Head {
    query: Query,
    query_seq: u64,
    asker: u32,
    read_at: Instant,
    watermark: u64,
    is_approximate: bool,
    scan: Scan,
    generation: u32,
}

impl Matcher {
    /// Answers a query of another process, or hands it to a search thread, or publishes what one
    /// found; says whether there was anything of that.
    pub(super) fn serve(&mut self) -> Result<bool, Error> {
        if self.askers.is_none() {
            return Ok(false);
        }
        if self.outlet.next_answer().is_some() || self.outlet.is_replaying() {
            return self.answer_again();
        }
        if let Some((pending, reply)) = self.crew.as_mut().and_then(Crew::next) {
            self.publish_reply(&pending, reply)?;
            return Ok(true);
        }
        if self.vectors.lag() > 0 && self.unasked < TURN {
            self.unasked += 1;
            return Ok(false);
        }
        match &self.crew {
            Some(crew) if !crew.has_room() => Ok(false),
            Some(_) => Ok(self.hand_out()),
            None => self.answer_here(false),
        }
    }

    /// Publishes all answers that search threads still owe.
    ///
    /// # Errors
    ///
    /// [`Error::Bus`] if the ring refuses one, [`Error::SearchThread`] if a thread has died.
    pub(super) fn finish_requests(&mut self) -> Result<(), Error> {
        while let Some(crew) = self.crew.as_mut().filter(|crew| !crew.is_idle()) {
            match crew.next() {
                Some((pending, reply)) => self.publish_reply(&pending, reply)?,
                None if crew.is_broken() => return Err(Error::SearchThread),
                None => _ = crew.wait(super::LOOK_AGAIN),
            }
        }
        Ok(())
    }

    /// Gives an answer of before again at its place, if the next of before is one.
    fn answer_again(&mut self) -> Result<bool, Error> {
        let Some(answer) = self.outlet.next_answer() else { return Ok(false) };
        if self.crew.is_some() {
            // What a thread saw does not follow from the place: it stands as it was given.
            self.outlet.skip_answer();
            return Ok(true);
        }
        if answer.watermark > self.vectors.cursor() {
            return Ok(false);
        }
        self.answer_here(true)
    }

    /// Answers the next query from what there is now, or the one of the next answer of before.
    fn answer_here(&mut self, is_again: bool) -> Result<bool, Error> {
        let (Some(askers), Some(corpus)) = (&mut self.askers, self.search.corpus_mut()) else {
            return Ok(false);
        };
        let before = self.outlet.next_answer().filter(|_| is_again);
        let request = match &before {
            Some(answer) => askers.again(answer),
            None => askers.poll(),
        };
        let Some(request) = request else {
            if is_again {
                askers.stats.missed += u64::from(!self.outlet.skip_answer());
                return Ok(true);
            }
            self.unasked = 0;
            return Ok(false);
        };
        let read_at = Instant::now();
        let (query, query_seq, asker) = (request.query, request.seq, request.asker);
        let scan = corpus.search(&request.lanes, &terms_of(&query));
        let (is_approximate, watermark) = (corpus.is_approximate(), self.vectors.cursor());
        let near = corpus.neighbours().to_vec();
        let generation = self.search.generation();
        let head =
            Head { query, query_seq, asker, read_at, watermark, is_approximate, scan, generation };
        self.publish_answer(&head, &near)?;
        Ok(true)
    }

    /// Hands the next query to a search thread and says whether there was one.
    fn hand_out(&mut self) -> bool {
        let (Some(askers), Some(crew)) = (&mut self.askers, &mut self.crew) else { return false };
        let Some(request) = askers.poll() else {
            self.unasked = 0;
            return false;
        };
        // While vectors wait they go first, and what is to be searched was handed over of late.
        if self.vectors.lag() == 0
            && let Some(corpus) = self.search.corpus_mut()
        {
            corpus.share();
        }
        crew.take(request, terms_of(&request.query));
        true
    }

    fn publish_reply(&mut self, pending: &Pending, reply: Reply) -> Result<(), Error> {
        let Reply { near, scan, is_approximate, watermark, generation } = reply;
        let head = Head {
            query: pending.query,
            query_seq: pending.seq,
            asker: pending.asker,
            read_at: pending.read_at,
            watermark,
            is_approximate,
            scan,
            generation,
        };
        self.publish_answer(&head, &near)
    }

    fn publish_answer(&mut self, own: &Head, near: &[Neighbour]) -> Result<(), Error> {
        let is_incomplete = self.hole > 0 || own.watermark < self.whole_from;
        let mut flags = if own.is_approximate { Answer::APPROXIMATE } else { 0 };
        flags |= if is_incomplete { Answer::INCOMPLETE } else { 0 };
        let latency_ns = count_latency(&mut self.latency_ns, own.read_at);
        let latency_ns = if self.publishes_latency { latency_ns } else { 0 };
        let header = own.query.header;
        let head = Answer {
            query_id: own.query.query_id,
            query_seq: own.query_seq,
            watermark: own.watermark,
            asker: own.asker,
            latency_ns,
            count: u16::try_from(near.len()).unwrap_or(u16::MAX),
            flags,
            #[expect(clippy::cast_possible_truncation, reason = "the field has the low bits")]
            epoch: self.epoch as u32,
            ..Answer::empty(header.publisher_id, header.instrument_id, header.ts_event)
        };
        self.outlet.stage_answer(&head)?;
        self.stats.queries += 1;
        self.stats.answered += 1;
        self.stats.scan += own.scan;
        self.stats.incomplete += u64::from(is_incomplete);
        let asker = Asker { header, query_id: own.query.query_id };
        self.stats.matches +=
            asker.stage(&mut self.outlet, near, (own.query.k, latency_ns, own.generation))?;
        self.outlet.flush();
        Ok(())
    }

    /// Whether what search threads compare may change how far searches go: where the matcher
    /// searches by itself that would make its answers depend on when others ask.
    pub(super) fn may_learn(task: &Task) -> bool {
        matches!(task, Task::Quiet | Task::Standing(_))
    }
}

//! The queries of other processes: taken from their rings, answered here or by search threads.

use super::search::terms_of;
use super::{Asker, Matcher, Task, count_latency};
use crate::crew::{Crew, Reply, Taken};
use crate::error::Error;
use tickring::record::{Answer, Record};

/// Vectors that are read at most before other processes have their turn; while fewer wait, a query
/// sees all that were published before it.
const TURN: u32 = 64;

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
        if let Some((taken, reply)) = self.crew.as_mut().and_then(Crew::next) {
            self.publish_answer(&taken, &reply)?;
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
                Some((taken, reply)) => self.publish_answer(&taken, &reply)?,
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
        let taken = Taken::of(request);
        let scan = corpus.search(&request.lanes, &terms_of(&request.query));
        let reply = Reply {
            near: corpus.neighbours().to_vec(),
            scan,
            is_approximate: corpus.is_approximate(),
            watermark: self.vectors.cursor(),
            generation: self.search.generation(),
        };
        self.publish_answer(&taken, &reply)?;
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

    fn publish_answer(&mut self, taken: &Taken, reply: &Reply) -> Result<(), Error> {
        let is_incomplete = self.hole > 0 || reply.watermark < self.whole_from;
        let mut flags = if reply.is_approximate { Answer::APPROXIMATE } else { 0 };
        flags |= if is_incomplete { Answer::INCOMPLETE } else { 0 };
        let latency_ns = count_latency(&mut self.latency_ns, taken.read_at);
        let latency_ns = if self.publishes_latency { latency_ns } else { 0 };
        let (header, query_id) = (taken.query.header, taken.query.query_id);
        let head = Answer {
            query_id,
            query_seq: taken.seq,
            watermark: reply.watermark,
            asker: taken.asker,
            latency_ns,
            count: u16::try_from(reply.near.len()).unwrap_or(u16::MAX),
            flags,
            #[expect(clippy::cast_possible_truncation, reason = "the field has the low bits")]
            epoch: self.epoch as u32,
            ..Answer::empty(header.publisher_id, header.instrument_id, header.ts_event)
        };
        self.outlet.stage_answer(&head)?;
        self.stats.queries += 1;
        self.stats.answered += 1;
        self.stats.scan += reply.scan;
        self.stats.incomplete += u64::from(is_incomplete);
        let asker = Asker { header, query_id };
        let terms = (taken.query.k, latency_ns, reply.generation);
        self.stats.matches += asker.stage(&mut self.outlet, &reply.near, terms)?;
        self.outlet.flush();
        Ok(())
    }

    /// Whether what search threads compare may change how far searches go: where the matcher
    /// searches by itself that would make its answers depend on when others ask.
    pub(super) fn may_learn(task: &Task) -> bool {
        matches!(task, Task::Quiet | Task::Standing(_))
    }
}

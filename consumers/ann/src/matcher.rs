//! The consumer: reads vectors and queries, searches, publishes matches.

mod open;
mod requests;
mod saving;
mod search;
mod slot;

use crate::askers::{AskerStats, Askers};
use crate::corpus::Corpus;
use crate::crew::Crew;
use crate::error::Error;
use crate::nearest::Neighbour;
use crate::outlet::{Outlet, ReplayStats};
use crate::patterns::PatternScan;
use crate::queries::Queries;
use crate::scan::Scan;
use crate::stats::Stats;
use hdrhistogram::Histogram;
use saving::Saving;
use search::Search;
pub(crate) use slot::shape_of;
use slot::{Found, Slot};
use std::time::{Duration, Instant};
use tickring::record::{Match, Record, RecordHeader};
use tickring::{Poll, Reader};

/// How long is waited for search threads before looking for vectors again.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// What a call of [`Matcher::run_once`] achieved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the caller must wait when idle and stop at the end"]
pub enum Progress {
    /// So many steps were taken, a step being a record read or a query answered. There may be more
    /// to do.
    Advanced(usize),
    /// There is nothing to read at present.
    Idle,
    /// The vectors ring has ended, every answer is published and the matches ring is closed.
    Ended,
}

/// Reads a vectors ring and publishes the nearest neighbours to a matches ring.
///
/// One thread, beside which centroids are trained and snapshots written, and queries of other
/// processes answered if there are [search threads](crate::MatcherOptions::search_threads). A
/// matcher that is dropped, or killed, leaves its ring open for the next one, which goes on behind
/// the last match; with a [snapshot](crate::SnapshotOptions) it goes on where that one stood, and
/// publishes nothing twice.
///
/// # Examples
///
/// ```no_run
/// use std::time::Duration;
/// use tickring::Directory;
/// use tickring_ann::{Matcher, MatcherOptions, Progress};
///
/// let (vectors, matches) = ("demo/vectors".parse()?, "demo/matches".parse()?);
/// let options = MatcherOptions { k: 5, ..MatcherOptions::default() };
/// let mut matcher = Matcher::open(&Directory::from_env(), &vectors, &matches, options)?;
/// loop {
///     match matcher.run_once(1_000)? {
///         Progress::Advanced(_) => {}
///         Progress::Idle => _ = matcher.wait(Duration::from_secs(1)),
///         Progress::Ended => break,
///     }
/// }
/// println!("{:?}", matcher.stats());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Matcher {
    vectors: Reader,
    outlet: Outlet,
    search: Search,
    task: Task,
    k: u16,
    publishes_latency: bool,
    /// Garbage after a lap: what stood in the slot that was looked at last.
    slot: Slot,
    /// The vector that was read last, as far as answers need it.
    newest: Newest,
    askers: Option<Askers>,
    /// Vectors read since other processes had their turn.
    unasked: u32,
    saving: Option<Saving>,
    /// The last life of the vectors ring's writer that was counted.
    epoch: u64,
    /// Vectors that must come before the window has no hole any more.
    hole: u64,
    /// The sequence at which the window had its last hole no more.
    whole_from: u64,
    /// Threads that answer queries of other processes; `None` where it is done here.
    crew: Option<Crew>,
    stats: Stats,
    latency_ns: Histogram<u64>,
}

/// What is done with the vectors that come.
#[derive(Debug)]
enum Task {
    EachVector,
    Registered(Registered),
    Standing(Box<PatternScan>),
    Quiet,
}

/// Registered queries and how far they are answered.
#[derive(Debug)]
struct Registered {
    queries: Queries,
    every: u64,
    /// Vectors read since the last answer was begun.
    fresh: u64,
    /// The row that is answered next; `None` between two answers.
    row: Option<usize>,
}

/// The vector that caused the answer which is being given.
#[derive(Clone, Copy, Debug)]
struct Newest {
    seq: u64,
    ts_event: u64,
    read_at: Instant,
}

/// What one step did.
enum Step {
    Taken,
    Nothing,
    Ended,
}

/// Whose answer is published.
struct Asker {
    header: RecordHeader,
    query_id: u64,
}

impl Matcher {
    /// Takes up to `budget` steps: reads vectors and answers queries until there is nothing to
    /// read, the budget is spent, or the input has ended.
    ///
    /// Loss is counted in [`stats`](Self::stats) and shown as the matches ring's `dropped`.
    /// Cost: a search for each query; with queries of other processes, a look for new rings now and
    /// then; no allocation where the index needs none; never waits, but for centroids that are not
    /// ready when they are due.
    ///
    /// # Errors
    ///
    /// [`Error::Bus`] if the matches ring refuses a match, which its schema excludes, and
    /// [`Error::Snapshot`] if a snapshot could not be written.
    pub fn run_once(&mut self, budget: usize) -> Result<Progress, Error> {
        self.stats.lag_max = self.stats.lag_max.max(self.lag());
        let mut taken = 0;
        while taken < budget {
            match self.step()? {
                Step::Taken => taken += 1,
                Step::Nothing => break,
                Step::Ended => return Ok(Progress::Ended),
            }
        }
        if let Some(matches) = self.outlet.writer() {
            matches.heartbeat();
        }
        Ok(if taken == 0 { Progress::Idle } else { Progress::Advanced(taken) })
    }

    /// Waits until there is something to do, for `limit` at most; see
    /// [`Reader::wait`](tickring::Reader::wait). Where other processes may ask it ends in time to
    /// look for new rings of theirs.
    pub fn wait(&mut self, limit: Duration) -> bool {
        if let Some(crew) = self.crew.as_mut().filter(|crew| !crew.is_idle()) {
            return crew.wait(limit.min(LOOK_AGAIN));
        }
        match &mut self.askers {
            Some(askers) => askers.wait(&mut self.vectors, limit),
            None => self.vectors.wait(limit),
        }
    }

    /// The counts since the matcher was opened.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// What became of output that was given again after a restart.
    #[must_use]
    pub fn replay_stats(&self) -> ReplayStats {
        self.outlet.stats
    }

    /// The counts of queries of other processes; `None` if none are taken.
    #[must_use]
    pub fn asker_stats(&self) -> Option<AskerStats> {
        self.askers.as_ref().map(|askers| askers.stats)
    }

    /// The corpus; `None` if the ring is searched in place.
    #[must_use]
    pub fn corpus(&self) -> Option<&Corpus> {
        self.search.corpus()
    }

    /// How many records of the vectors ring are published and not read. A lag that grows means
    /// that the matcher cannot keep up: above an eighth of the ring windows become incomplete,
    /// above all of it records are missed.
    #[must_use]
    pub fn lag(&self) -> u64 {
        self.vectors.lag()
    }

    /// The sequence of the vectors ring that is read next.
    #[must_use]
    pub fn cursor(&self) -> u64 {
        self.vectors.cursor()
    }

    /// The latency that the fraction `quantile` (0 to 1) of all answers did not exceed, in
    /// nanoseconds: from having read the query to handing its answer to the matches ring. For
    /// registered queries from having read the vector that caused the answer.
    #[must_use]
    pub fn latency_ns_at(&self, quantile: f64) -> u64 {
        self.latency_ns.value_at_quantile(quantile)
    }

    fn step(&mut self) -> Result<Step, Error> {
        if self.outlet.is_closed() {
            return Ok(Step::Ended);
        }
        if let Task::Registered(Registered { row: Some(_), .. }) = &self.task {
            self.answer_registered()?;
            return Ok(Step::Taken);
        }
        if self.serve()? {
            return Ok(Step::Taken);
        }
        let slot = &mut self.slot;
        // A view, because it never runs ahead of `published`: all that stand before a record
        // read this way can be searched.
        match self.vectors.view(1, |view| slot.take(view.iter().next())) {
            Poll::Record(Found::Vector) => {
                self.arrived()?;
                self.save_if_due()?;
            }
            Poll::Record(Found::Other) => self.stats.not_vectors += 1,
            Poll::Record(Found::Restart { epoch }) | Poll::Restarted { epoch } => {
                self.restarted(epoch);
            }
            Poll::Record(Found::Tombstone) | Poll::Tombstone { .. } => self.stats.tombstones += 1,
            Poll::Lapped { missed, .. } => self.lapped(missed),
            Poll::Empty => {
                self.outlet.end_replay();
                self.check_crew()?;
                return Ok(Step::Nothing);
            }
            Poll::Closed(_) => return self.closed(),
        }
        Ok(Step::Taken)
    }

    /// Does with the vector that was just read what the task is, and puts it into the window.
    fn arrived(&mut self) -> Result<(), Error> {
        let (seq, vector) = (self.slot.seq, self.slot.vector);
        let ts_event = vector.header.ts_event;
        self.newest = Newest { seq, ts_event, read_at: Instant::now() };
        self.stats.vectors += 1;
        self.search.advance(&vector);
        match &mut self.task {
            Task::EachVector => {
                let scan = self.search.before(&self.vectors, seq, &self.slot.lanes, self.k.into());
                let asker = Asker { header: vector.header, query_id: vector.vec_id };
                self.publish(&asker, scan)?;
            }
            Task::Registered(registered) => {
                registered.fresh += 1;
                if registered.fresh >= registered.every {
                    registered.begin();
                }
            }
            Task::Standing(_) => self.publish_hits()?,
            Task::Quiet => {}
        }
        self.search.insert(seq, &vector, &self.slot.lanes);
        if self.hole > 0 {
            self.hole -= 1;
            self.whole_from = self.vectors.cursor();
        }
        Ok(())
    }

    /// Answers one registered query and moves on to the next.
    fn answer_registered(&mut self) -> Result<(), Error> {
        let Task::Registered(registered) = &mut self.task else { return Ok(()) };
        let Some(row) = registered.row else { return Ok(()) };
        let Some(query) = registered.queries.get(row) else {
            registered.row = None;
            return Ok(());
        };
        registered.row = (row + 1 < registered.queries.len()).then_some(row + 1);
        let end = self.newest.seq.saturating_add(1);
        let scan = self.search.before(&self.vectors, end, query, self.k.into());
        let header = RecordHeader::new::<Match>(0, 0, self.newest.ts_event);
        self.publish(&Asker { header, query_id: row as u64 }, scan)
    }

    /// Publishes what the last search found, telling readers once.
    fn publish(&mut self, asker: &Asker, scan: Scan) -> Result<(), Error> {
        self.stats.queries += 1;
        self.stats.scan += scan;
        self.stats.incomplete += u64::from(scan.dropped > 0 || self.hole > 0);
        let latency_ns = count_latency(&mut self.latency_ns, self.newest.read_at);
        let latency_ns = if self.publishes_latency { latency_ns } else { 0 };
        if !self.outlet.was_given(asker.query_id) {
            let terms = (self.k, latency_ns, self.search.generation());
            self.stats.matches += asker.stage(&mut self.outlet, self.search.neighbours(), terms)?;
            self.outlet.flush();
        }
        Ok(())
    }

    /// Publishes the patterns that the newest vector is near to, telling readers once.
    fn publish_hits(&mut self) -> Result<(), Error> {
        let Task::Standing(scan) = &mut self.task else { return Ok(()) };
        let vector = &self.slot.vector;
        let header = vector.header;
        let hits = scan.matches(&self.slot.lanes);
        self.stats.queries += 1;
        let latency_ns = count_latency(&mut self.latency_ns, self.newest.read_at);
        if hits.is_empty() || self.outlet.was_given(vector.vec_id) {
            return Ok(());
        }
        for (rank, hit) in (0..=u16::MAX).zip(hits) {
            let found = Match {
                ts_query: header.ts_event,
                query_id: hit.row as u64,
                match_id: vector.vec_id,
                distance: hit.distance,
                rank,
                latency_ns: if self.publishes_latency { latency_ns } else { 0 },
                ..Match::empty(header.publisher_id, header.instrument_id, header.ts_event)
            };
            self.outlet.stage_match(&found)?;
            self.stats.matches += 1;
        }
        self.outlet.flush();
        Ok(())
    }

    /// Does nothing while all search threads live; otherwise answers would not come.
    fn check_crew(&self) -> Result<(), Error> {
        match &self.crew {
            Some(crew) if !crew.is_idle() && crew.is_broken() => Err(Error::SearchThread),
            _ => Ok(()),
        }
    }

    fn restarted(&mut self, epoch: u64) {
        // A life can be told twice: by its record, and again after a lap.
        if epoch > self.epoch {
            self.epoch = epoch;
            self.stats.restarts += 1;
        }
    }

    fn lapped(&mut self, missed: u64) {
        self.stats.missed += missed;
        self.hole = self.search.hole_of();
        // What was published about the lost ones cannot be told from the rest by its order.
        let is_standing = matches!(self.task, Task::Standing(_));
        self.outlet.loosen(|found| if is_standing { found.match_id } else { found.query_id });
        let missed = self.stats.missed;
        if let Some(matches) = self.outlet.writer() {
            matches.set_dropped(missed);
        }
    }

    /// Begins the last answer if one is due, and closes the matches ring if not.
    fn closed(&mut self) -> Result<Step, Error> {
        if let Task::Registered(registered) = &mut self.task
            && registered.fresh > 0
        {
            registered.begin();
            return Ok(Step::Taken);
        }
        self.outlet.end_replay();
        self.save()?;
        self.outlet.close();
        Ok(Step::Ended)
    }
}

impl Asker {
    /// Stages its neighbours, and says how many, with what each of them tells: the number asked
    /// for, the latency and the generation of the index.
    fn stage(
        &self,
        outlet: &mut Outlet,
        near: &[Neighbour],
        (k, latency_ns, generation): (u16, u32, u32),
    ) -> Result<u64, Error> {
        let header = &self.header;
        for (rank, near) in (0..).zip(near) {
            outlet.stage_match(&Match {
                ts_query: header.ts_event,
                query_id: self.query_id,
                match_id: near.id,
                distance: near.distance,
                rank,
                k,
                latency_ns,
                generation,
                ..Match::empty(header.publisher_id, header.instrument_id, header.ts_event)
            })?;
        }
        Ok(near.len() as u64)
    }
}

impl Registered {
    fn begin(&mut self) {
        self.fresh = 0;
        self.row = Some(0);
    }
}

/// Counts the time since `read_at`, and gives it as far as it fits.
fn count_latency(histogram: &mut Histogram<u64>, read_at: Instant) -> u32 {
    let taken_ns = read_at.elapsed().as_nanos();
    histogram.saturating_record(u64::try_from(taken_ns).unwrap_or(u64::MAX));
    u32::try_from(taken_ns).unwrap_or(u32::MAX)
}

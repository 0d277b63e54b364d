//! A process that asks a matcher: it puts queries into a ring of its own, and finds the answers
//! among the matches.

use crate::askers::asker_number;
use crate::corpus::Terms;
use crate::error::Error;
use crate::matcher::shape_of;
use std::collections::VecDeque;
use std::path::Path;
use std::time::{Duration, Instant};
use tickring::record::{Answer, Match, Query, Record};
use tickring::{
    Directory, Poll, Reader, ReaderOptions, RingInfo, RingName, RingSpec, RingState, Start, Writer,
};

/// Slots of a ring of queries; half as many are asked at once.
const CAPACITY: u64 = 256;
/// The part of the matches ring that the answers to open queries may fill.
const SHARE: u64 = 4;

/// The rings of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientOptions {
    /// The ring of vectors, which says how many lanes a query has.
    pub vectors: String,
    /// The ring where the matcher publishes.
    pub matches: String,
    /// How the names of rings of queries begin, see
    /// [`requests`](crate::MatcherOptions::requests).
    pub prefix: String,
}

impl Default for ClientOptions {
    /// The names that `tickring ann BUS --requests` has.
    fn default() -> Self {
        let name = str::to_owned;
        Self { vectors: name("vectors"), matches: name("matches"), prefix: name("queries") }
    }
}

/// What is near to a query.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// Sequence of the query, as [`Client::ask`] gave it.
    pub seq: u64,
    /// Sequence of the vectors ring up to which, exclusive, vectors were searched.
    pub watermark: u64,
    /// Life of the writer of the vectors ring, low 32 bits.
    pub epoch: u32,
    /// From the matcher's reading of the query to its answer, in nanoseconds; 0 if it tells none.
    pub latency_ns: u32,
    /// Whether neighbours may be missing, because the search was approximate.
    pub is_approximate: bool,
    /// Whether a part of the window was not there.
    pub is_incomplete: bool,
    /// The `vec_id` of each neighbour and its distance, the nearest first.
    pub neighbours: Vec<(u64, f32)>,
}

/// A process that asks a matcher, of the same machine, for neighbours.
///
/// It owns a ring of queries `BUS/queries-PID-N`, which it removes when it is dropped. Queries are
/// answered in their order.
///
/// # Examples
///
/// ```no_run
/// use std::time::Duration;
/// use tickring::Directory;
/// use tickring_ann::{Client, ClientOptions, Filter, Terms};
///
/// let directory = Directory::from_env();
/// let mut client = Client::open(&directory, "demo", &ClientOptions::default())?;
/// let terms = Terms { k: 5, radius: None, filter: Filter::default() };
/// let query = vec![0.0; client.dim()];
/// let seq = client.ask(&query, &terms)?;
/// let reply = client.wait(Duration::from_secs(1))?;
/// println!("{seq}: {:?}", reply.map(|reply| reply.neighbours));
/// # Ok::<(), tickring_ann::Error>(())
/// ```
#[derive(Debug)]
pub struct Client {
    directory: Directory,
    /// `None` once it is closed.
    queries: Option<Writer>,
    name: RingName,
    number: u32,
    matches: Reader,
    dim: usize,
    /// Sequences of the query that is asked next, and of the one that is answered next.
    next: u64,
    due: u64,
    /// Records of the answer to each open query, at most.
    records: VecDeque<u64>,
    /// Records that the matches ring holds.
    capacity: u64,
    /// The process whose ring of queries it is: a fork leaves it alone.
    pid: u32,
    /// The answer that is being read, and how many neighbours are still to come.
    partial: Option<(Reply, u16)>,
}

impl Client {
    /// Attaches to the matches of `bus` and makes a ring of queries.
    ///
    /// # Errors
    ///
    /// [`Error::Bus`] if there is no ring of vectors or of matches, [`Error::NotVectors`], and
    /// [`Error::NoRequests`] if whoever writes the matches takes no queries.
    pub fn open(directory: &Directory, bus: &str, options: &ClientOptions) -> Result<Self, Error> {
        let ring = |name: &str| RingName::new(bus, name);
        let vectors = ring(&options.vectors)?;
        let probe = Reader::open(directory, &vectors, Start::Latest)?;
        let dim = shape_of(&vectors, probe.schema())?.dim;
        let joining = ReaderOptions::named("ann-client", Start::Latest);
        let matches = Reader::open_with(directory, &ring(&options.matches)?, &joining)?;
        if !matches.schema().kinds().iter().any(|kind| kind.rtype == Answer::RTYPE) {
            return Err(Error::NoRequests { name: matches.info().name.to_string() });
        }
        let kind = Query::kind_with_dim(u16::try_from(dim).unwrap_or(u16::MAX));
        let spec = RingSpec { capacity: CAPACITY, ..RingSpec::new(vec![kind])? };
        sweep(directory, bus, &options.prefix);
        let (name, queries) = create(directory, bus, &options.prefix, &spec)?;
        let number = asker_number(&RingInfo::read(directory, &name)?);
        let next = queries.next_seq();
        let capacity = matches.info().capacity;
        Ok(Self {
            directory: directory.clone(),
            queries: Some(queries),
            name,
            number,
            matches,
            dim,
            next,
            due: next,
            records: VecDeque::new(),
            capacity,
            pid: std::process::id(),
            partial: None,
        })
    }

    /// Lanes that a query must have.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Whether another query for `k` neighbours should be asked before the next answer is taken:
    /// 128 may be open, and their answers should not fill more than a quarter of the matches ring.
    #[must_use]
    pub fn has_room(&self, k: usize) -> bool {
        let records = self.records.iter().sum::<u64>() + k as u64 + 1;
        let fits = records <= self.capacity / SHARE;
        self.waiting() == 0 || (self.waiting() < CAPACITY / 2 && fits)
    }

    /// Queries whose answers were not taken yet.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.next - self.due
    }

    /// Asks for what is near to `lanes`, and gives the sequence by which the answer is known. Does
    /// not wait.
    ///
    /// # Errors
    ///
    /// [`Error::Dimension`] for a query of another number of lanes, [`Error::NotFinite`] for a lane
    /// that is NaN or infinite, [`Error::OutOfRange`] if `k` does not fit, or too many answers were
    /// not taken yet.
    pub fn ask(&mut self, lanes: &[f32], terms: &Terms) -> Result<u64, Error> {
        if lanes.len() != self.dim {
            let name = self.matches.info().name.to_string();
            return Err(Error::Dimension { name, expected: self.dim, found: lanes.len() });
        }
        if let Some(found) = lanes.iter().find(|lane| !lane.is_finite()) {
            return Err(Error::NotFinite { row: 0, found: *found });
        }
        let out =
            |option, most, found, hint| Error::OutOfRange { option, least: 0, most, found, hint };
        let most = u64::from(u16::MAX);
        let k = u16::try_from(terms.k).map_err(|_| {
            out("k", most, terms.k as u64, "an answer has that many neighbours at most")
        })?;
        let waiting = self.waiting();
        let Some(queries) = self.queries.as_mut().filter(|_| waiting < CAPACITY / 2) else {
            let (most, found) = (CAPACITY / 2 - 1, waiting);
            return Err(out("open queries", most, found, "take answers before you ask more"));
        };
        if waiting == 0 {
            // What came while nothing was asked is of no interest, and may be overwritten.
            self.matches.seek(Start::Latest)?;
        }
        let filter = &terms.filter;
        let mut query = Query {
            query_id: id_of(self.number, self.next),
            since: filter.since_ns,
            until: filter.until_ns,
            #[expect(clippy::cast_possible_truncation, reason = "a ring's lanes fit")]
            dim: self.dim as u16,
            k,
            tag: filter.tag,
            tag_mask: filter.tag_mask,
            ..Query::empty(0, filter.instrument.unwrap_or(0), 0)
        };
        if filter.instrument.is_some() {
            query.filters |= Query::OF_INSTRUMENT;
        }
        if let Some(radius) = terms.radius {
            query.filters |= Query::WITHIN_RADIUS;
            query.radius = radius;
        }
        let mut claim = queries.claim();
        claim.write(&query).map_err(tickring::Error::from)?;
        claim.write_lanes(lanes).map_err(tickring::Error::from)?;
        let seq = claim.commit();
        self.next = seq + 1;
        self.records.push_back(u64::from(k) + 1);
        Ok(seq)
    }

    /// The next answer, if it is there. Never blocks.
    ///
    /// # Errors
    ///
    /// [`Error::AnswersLost`] if matches were overwritten before they were read, among which may
    /// be answers: those that are open are given up. [`Error::MatcherEnded`] if the ring of
    /// matches was closed.
    pub fn poll(&mut self) -> Result<Option<Reply>, Error> {
        loop {
            let found = match self.matches.poll() {
                Poll::Record(record) => {
                    (record.get::<Answer>().copied(), record.get::<Match>().copied())
                }
                Poll::Lapped { missed, .. } => {
                    let lost = self.waiting();
                    self.forget();
                    if lost == 0 {
                        continue;
                    }
                    return Err(Error::AnswersLost { missed, lost });
                }
                // Whoever takes over goes on with an answer that was not whole, or gives it anew.
                Poll::Restarted { .. } | Poll::Tombstone { .. } => continue,
                Poll::Empty => return Ok(None),
                Poll::Closed(_) if self.due == self.next => return Ok(None),
                Poll::Closed(_) => {
                    let name = self.matches.info().name.to_string();
                    return Err(Error::MatcherEnded { name });
                }
            };
            match found {
                (Some(head), _) => {
                    let is_ours = head.asker == self.number
                        && (self.due..self.next).contains(&head.query_seq);
                    self.partial = is_ours.then(|| (Reply::of(&head), head.count));
                }
                (None, Some(near)) => {
                    let id = |reply: &Reply| id_of(self.number, reply.seq);
                    if let Some((reply, left)) = &mut self.partial
                        && near.query_id == id(reply)
                    {
                        reply.neighbours.push((near.match_id, near.distance));
                        *left = left.saturating_sub(1);
                    }
                }
                (None, None) => {}
            }
            if let Some((reply, _)) = self.partial.take_if(|(_, left)| *left == 0) {
                while self.due <= reply.seq {
                    self.due += 1;
                    self.records.pop_front();
                }
                return Ok(Some(reply));
            }
        }
    }

    /// Waits for the next answer, for `limit` at most; `None` when that is over, or if nothing was
    /// asked.
    ///
    /// # Errors
    ///
    /// As [`poll`](Self::poll).
    pub fn wait(&mut self, limit: Duration) -> Result<Option<Reply>, Error> {
        let end = Instant::now().checked_add(limit);
        loop {
            if let Some(reply) = self.poll()? {
                return Ok(Some(reply));
            }
            let left = end.map_or(limit, |end| end.saturating_duration_since(Instant::now()));
            if left.is_zero() || self.waiting() == 0 {
                return Ok(None);
            }
            let _ = self.matches.wait(left);
        }
    }

    /// Asks for what is near to each row of `lanes`, and waits for all answers, for `limit` each at
    /// most.
    ///
    /// # Errors
    ///
    /// Those of [`ask`](Self::ask) and [`poll`](Self::poll), [`Error::Rows`] for lanes that are no
    /// whole rows, and [`Error::NoAnswer`] if one does not come.
    pub fn search(
        &mut self,
        lanes: &[f32],
        terms: &Terms,
        limit: Duration,
    ) -> Result<Vec<Reply>, Error> {
        let mut rows = lanes.chunks_exact(self.dim);
        if !rows.remainder().is_empty() {
            return Err(Error::Rows { dim: self.dim, found: lanes.len() });
        }
        let mut replies = Vec::with_capacity(rows.len());
        let count = rows.len();
        while replies.len() < count {
            while self.has_room(terms.k) {
                let Some(row) = rows.next() else { break };
                self.ask(row, terms)?;
            }
            match self.wait(limit)? {
                Some(reply) => replies.push(reply),
                None => return Err(self.give_up(limit)),
            }
        }
        Ok(replies)
    }

    fn forget(&mut self) {
        (self.due, self.partial) = (self.next, None);
        self.records.clear();
    }

    /// Does not wait any more for what was asked; the error that says so.
    pub fn give_up(&mut self, waited: Duration) -> Error {
        self.forget();
        let info = self.matches.info();
        Error::NoAnswer {
            name: info.name.to_string(),
            bus: info.name.bus().to_owned(),
            waited_ms: u64::try_from(waited.as_millis()).unwrap_or(u64::MAX),
            is_written: info.state == RingState::Live,
        }
    }
}

/// The id of a query, which no vector has whose neighbours are published too.
fn id_of(number: u32, seq: u64) -> u64 {
    u64::from(number) << 32 | (seq & u64::from(u32::MAX))
}

/// Removes the rings that killed processes have left.
fn sweep(directory: &Directory, bus: &str, prefix: &str) {
    for name in directory.list().unwrap_or_default() {
        let pid = name.ring().strip_prefix(prefix).and_then(|rest| rest.strip_prefix('-'));
        let pid = pid.and_then(|rest| rest.split_once('-')).map(|(pid, _)| pid.to_owned());
        let Some(pid) = pid.filter(|_| name.bus() == bus) else { continue };
        let is_gone = pid.parse::<u32>().is_ok() && !Path::new("/proc").join(pid).exists();
        let is_written = |info: RingInfo| info.state == RingState::Live;
        if is_gone && RingInfo::read(directory, &name).is_ok_and(|info| !is_written(info)) {
            let _ = directory.remove(&name);
        }
    }
}

/// Makes a ring of queries under the first name of this process that is free.
fn create(
    directory: &Directory,
    bus: &str,
    prefix: &str,
    spec: &RingSpec,
) -> Result<(RingName, Writer), tickring::Error> {
    let mut count = 0_u32;
    loop {
        let name = RingName::new(bus, &format!("{prefix}-{}-{count}", std::process::id()))?;
        count += 1;
        if directory.path_of(&name).exists() {
            continue;
        }
        match Writer::open(directory, &name, spec) {
            Ok(writer) => return Ok((name, writer)),
            // Another thread was faster.
            Err(tickring::Error::AlreadyOwned { .. }) => {}
            Err(error) => return Err(error),
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if self.pid != std::process::id() {
            return;
        }
        if let Some(queries) = self.queries.take() {
            queries.close();
        }
        let _ = self.directory.remove(&self.name);
    }
}

impl Reply {
    fn of(head: &Answer) -> Self {
        Self {
            seq: head.query_seq,
            watermark: head.watermark,
            epoch: head.epoch,
            latency_ns: head.latency_ns,
            is_approximate: head.flags & Answer::APPROXIMATE != 0,
            is_incomplete: head.flags & Answer::INCOMPLETE != 0,
            neighbours: Vec::with_capacity(head.count.into()),
        }
    }
}

//! The consumer: reads vectors, searches, publishes matches.

use crate::error::Error;
use crate::options::{MatcherOptions, Mode};
use crate::queries::Queries;
use crate::scan::{ExactScan, Scan, is_comparable};
use crate::stats::Stats;
use hdrhistogram::Histogram;
use std::ops::Range;
use std::time::{Duration, Instant};
use tickring::record::{Match, Record, RecordHeader, Restart, Tombstone, UNDEF_TIME, Vector};
use tickring::schema::{FieldType, Schema};
use tickring::{Directory, LiveRecord, Poll, Reader, ReaderOptions, RingName, RingSpec, Writer};

/// Latencies above this are counted as this, in nanoseconds.
const LATENCY_MAX_NS: u64 = 60_000_000_000;
/// Decimal digits that are kept of a latency.
const LATENCY_DIGITS: u8 = 3;

/// What a call of [`Matcher::run_once`] achieved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the caller must wait when idle and stop at the end"]
pub enum Progress {
    /// So many steps were taken, a step being a record read or a registered query answered.
    /// There may be more to do.
    Advanced(usize),
    /// There is nothing to read at present.
    Idle,
    /// The vectors ring has ended, every answer is published and the matches ring is closed.
    Ended,
}

/// Reads a vectors ring and publishes the nearest neighbours to a matches ring.
///
/// One thread; after `open` nothing is allocated. A matcher that is dropped, or killed, leaves
/// its ring open for the next one, which goes on behind the last match.
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
    /// `None` once the input has ended.
    matches: Option<Writer>,
    search: ExactScan,
    k: u16,
    window: u64,
    /// Sequences before this one were not resident when the matcher joined.
    floor: u64,
    publishes_latency: bool,
    registered: Option<Registered>,
    /// Garbage after a lap: what stood in the slot that was looked at last.
    slot: Slot,
    /// The vector that was read last, as far as answers need it.
    newest: Newest,
    /// The last life of the vectors ring's writer that was counted.
    epoch: u64,
    stats: Stats,
    latency_ns: Histogram<u64>,
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

/// A vector copied out of its slot.
#[derive(Debug)]
struct Slot {
    seq: u64,
    vector: Vector,
    lanes: Box<[f32]>,
}

/// The vector that caused the answer which is being given.
#[derive(Clone, Copy, Debug)]
struct Newest {
    seq: u64,
    ts_event: u64,
    read_at: Instant,
}

/// What stood in the slot that was read.
enum Found {
    Vector,
    Other,
    Restart { epoch: u64 },
    Tombstone,
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
    /// Joins the ring `vectors` and creates the ring `matches`, or goes on with it.
    ///
    /// Cost: allocates; the birth of the matches ring touches all its pages.
    ///
    /// # Errors
    ///
    /// [`Error::NotVectors`], [`Error::OutOfRange`], [`Error::Dimension`], and [`Error::Bus`]
    /// if one of the rings cannot be opened, among others because another matcher writes to it.
    pub fn open(
        directory: &Directory,
        vectors: &RingName,
        matches: &RingName,
        options: MatcherOptions,
    ) -> Result<Self, Error> {
        let joining = ReaderOptions::named("ann", options.start);
        let reader = Reader::open_with(directory, vectors, &joining)?;
        let dim = dim_of(vectors, reader.schema())?;
        let window = options.checked_window(reader.info().capacity)?;
        let registered = match options.mode {
            Mode::EachVector => None,
            Mode::Registered { queries, .. } if queries.dim() != dim => {
                let (name, found) = (vectors.to_string(), queries.dim());
                return Err(Error::Dimension { name, expected: dim, found });
            }
            Mode::Registered { queries, every } => {
                Some(Registered { queries, every, fresh: 0, row: None })
            }
        };
        let spec = RingSpec { capacity: options.capacity, ..RingSpec::new(Match::kinds())? };
        Ok(Self {
            matches: Some(Writer::open(directory, matches, &spec)?),
            search: ExactScan::new(options.metric, options.k.into()),
            k: options.k,
            window,
            floor: reader.resident().start,
            publishes_latency: options.latency,
            registered,
            slot: Slot::blank(dim),
            newest: Newest { seq: 0, ts_event: UNDEF_TIME, read_at: Instant::now() },
            epoch: 1,
            stats: Stats::default(),
            latency_ns: histogram(),
            vectors: reader,
        })
    }

    /// Takes up to `budget` steps: reads vectors and answers queries until there is nothing to
    /// read, the budget is spent, or the input has ended.
    ///
    /// Loss is counted in [`stats`](Self::stats) and shown as the matches ring's `dropped`.
    /// Cost: a scan of the window for each query; no system call, no allocation, never waits.
    ///
    /// # Errors
    ///
    /// [`Error::Bus`] if the matches ring refuses a match, which its schema excludes.
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
        if let Some(matches) = &mut self.matches {
            matches.heartbeat();
        }
        Ok(if taken == 0 { Progress::Idle } else { Progress::Advanced(taken) })
    }

    /// Waits until there is something to do, for `limit` at most; see
    /// [`Reader::wait`](tickring::Reader::wait).
    pub fn wait(&mut self, limit: Duration) -> bool {
        self.vectors.wait(limit)
    }

    /// The counts since the matcher was opened.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.stats
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
        if self.matches.is_none() {
            return Ok(Step::Ended);
        }
        if self.registered.as_ref().is_some_and(|registered| registered.row.is_some()) {
            self.answer_registered()?;
            return Ok(Step::Taken);
        }
        let slot = &mut self.slot;
        // A view, because it never runs ahead of `published`: all that stand before a record
        // read this way can be searched.
        match self.vectors.view(1, |view| slot.take(view.iter().next())) {
            Poll::Record(Found::Vector) => self.arrived()?,
            Poll::Record(Found::Other) => self.stats.not_vectors += 1,
            Poll::Record(Found::Restart { epoch }) | Poll::Restarted { epoch } => {
                self.restarted(epoch);
            }
            Poll::Record(Found::Tombstone) | Poll::Tombstone { .. } => self.stats.tombstones += 1,
            Poll::Lapped { missed, .. } => self.lapped(missed),
            Poll::Empty => return Ok(Step::Nothing),
            Poll::Closed(_) => return Ok(self.closed()),
        }
        Ok(Step::Taken)
    }

    /// Makes the vector that was just read a query, or counts it towards the next answer.
    fn arrived(&mut self) -> Result<(), Error> {
        let Slot { seq, vector, lanes } = &self.slot;
        let ts_event = vector.header.ts_event;
        self.newest = Newest { seq: *seq, ts_event, read_at: Instant::now() };
        self.stats.vectors += 1;
        match &mut self.registered {
            Some(registered) => {
                registered.fresh += 1;
                if registered.fresh >= registered.every {
                    registered.begin();
                }
                Ok(())
            }
            None => {
                let range = self.range_before(*seq);
                let scan = self.search.search(&self.vectors, range, lanes);
                let asker = Asker { header: vector.header, query_id: vector.vec_id };
                self.publish(&asker, scan)
            }
        }
    }

    /// Answers one registered query and moves on to the next.
    fn answer_registered(&mut self) -> Result<(), Error> {
        let range = self.range_before(self.newest.seq.saturating_add(1));
        let Some(registered) = &mut self.registered else { return Ok(()) };
        let Some(row) = registered.row else { return Ok(()) };
        let Some(query) = registered.queries.get(row) else {
            registered.row = None;
            return Ok(());
        };
        registered.row = (row + 1 < registered.queries.len()).then_some(row + 1);
        let scan = self.search.search(&self.vectors, range, query);
        let header = RecordHeader::new::<Match>(0, 0, self.newest.ts_event);
        self.publish(&Asker { header, query_id: row as u64 }, scan)
    }

    /// Publishes what the last search found, telling readers once.
    fn publish(&mut self, asker: &Asker, scan: Scan) -> Result<(), Error> {
        self.stats.queries += 1;
        self.stats.scan += scan;
        self.stats.incomplete += u64::from(scan.dropped > 0);
        let taken_ns = self.newest.read_at.elapsed().as_nanos();
        let latency_ns = u32::try_from(taken_ns).unwrap_or(u32::MAX);
        self.latency_ns.saturating_record(u64::try_from(taken_ns).unwrap_or(u64::MAX));
        let Some(matches) = &mut self.matches else { return Ok(()) };
        let header = &asker.header;
        for (rank, near) in (0..).zip(self.search.neighbours()) {
            let found = Match {
                ts_query: header.ts_event,
                query_id: asker.query_id,
                match_id: near.id,
                distance: near.distance,
                rank,
                k: self.k,
                latency_ns: if self.publishes_latency { latency_ns } else { 0 },
                ..Match::empty(header.publisher_id, header.instrument_id, header.ts_event)
            };
            matches.stage(&found).map_err(tickring::Error::from)?;
            self.stats.matches += 1;
        }
        matches.flush();
        Ok(())
    }

    /// The window of a query that sees everything before `end`.
    fn range_before(&self, end: u64) -> Range<u64> {
        end.saturating_sub(self.window).max(self.floor).min(end)..end
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
        if let Some(matches) = &mut self.matches {
            matches.set_dropped(self.stats.missed);
        }
    }

    /// Begins the last answer if one is due, and closes the matches ring if not.
    fn closed(&mut self) -> Step {
        match &mut self.registered {
            Some(registered) if registered.fresh > 0 => {
                registered.begin();
                Step::Taken
            }
            _ => {
                if let Some(matches) = self.matches.take() {
                    matches.close();
                }
                Step::Ended
            }
        }
    }
}

impl Registered {
    fn begin(&mut self) {
        self.fresh = 0;
        self.row = Some(0);
    }
}

impl Slot {
    fn blank(dim: usize) -> Self {
        let vector = Vector::empty(0, 0, UNDEF_TIME);
        Self { seq: 0, vector, lanes: vec![0.0; dim].into_boxed_slice() }
    }

    /// Copies a vector out of its slot. Total on garbage; what is copied counts only if the
    /// view was validated.
    fn take(&mut self, record: Option<LiveRecord<'_>>) -> Found {
        let Some(record) = record else { return Found::Other };
        if is_comparable(&record, self.lanes.len()) {
            self.seq = record.seq();
            self.vector = record.read();
            record.lanes().copy_to(&mut self.lanes);
            return Found::Vector;
        }
        match record.rtype() {
            Restart::RTYPE => Found::Restart { epoch: record.read::<Restart>().epoch },
            Tombstone::RTYPE => Found::Tombstone,
            _ => Found::Other,
        }
    }
}

/// The number of lanes that the schema of a vectors ring gives them.
fn dim_of(name: &RingName, schema: &Schema) -> Result<usize, Error> {
    let kinds = schema.kinds();
    let lanes = kinds
        .iter()
        .filter(|kind| kind.rtype == Vector::RTYPE)
        .flat_map(|kind| &kind.fields)
        .find(|field| field.name == "lanes" && field.ty == FieldType::F32)
        .filter(|lanes| usize::try_from(lanes.offset) == Ok(Vector::LANES_OFFSET));
    match lanes.and_then(|lanes| usize::try_from(lanes.count).ok()) {
        Some(dim) if dim > 0 => Ok(dim),
        _ => Err(Error::NotVectors {
            name: name.to_string(),
            found: kinds.iter().map(|kind| kind.name.to_string()).collect(),
        }),
    }
}

/// A histogram of latencies that never grows.
fn histogram() -> Histogram<u64> {
    let fixed = Histogram::new_with_bounds(1, LATENCY_MAX_NS, LATENCY_DIGITS);
    fixed.unwrap_or_else(|_| unreachable!("constant bounds of a histogram are valid"))
}

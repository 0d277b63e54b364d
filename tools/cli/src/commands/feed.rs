//! `tickring feed`: a source and the rings that it publishes to, as a process.

mod books;
mod pcap;
mod plants;
mod soup;
mod text;
pub(super) mod udp;
mod venue;

use crate::failure::Failure;
use crate::journal::Keeping;
use crate::making::Making;
use crate::market::Market;
use crate::notation::{Age, Grouped};
use crate::outcome::Outcome;
use crate::output::Output;
use crate::service::{self, Reports, Service, Step};
use crate::signals::Signals;
use crate::steps::{Allowed, Steps};
use books::Books;
use jiff::civil::Date;
use plants::{PlantFile, Planting};
use serde_json::{Map, Value, json};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tickring::Directory;
use tickring_producer::features::FeatureOptions;
use tickring_producer::pace::Pace;
use tickring_producer::pin::pin;
use tickring_producer::pipeline::{DEFAULT_INSTRUMENTS, Feed, FeedOptions, Journaled, Summary};
use tickring_producer::source::dbn::{DbnSource, Fragment};
use tickring_producer::source::itch::{ItchOptions, ItchSource};
use tickring_producer::source::simulator::Simulator;
use tickring_producer::source::{Count, Progress, Source};

/// Inputs between two looks at signals, and between two moves of the rings' `published`.
const BUDGET: usize = 256;

/// Publishes a simulated market or a recording to the rings of a bus
///
/// Records go to BUS/ticks, and where the source has them to BUS/definitions and BUS/statistics;
/// with --quotes the best bid and offer of each instrument to BUS/quotes, with --depth ten levels
/// of each side to BUS/depth, with --vectors features of the ticks to BUS/vectors.
///
/// It ends with its input, or by Ctrl-C or SIGTERM; in each case it closes the rings and reports
/// the records by kind and action and the inputs by type. A source that cannot be read further
/// leaves them open.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    source: SourceArguments,
}

#[derive(Debug, clap::Subcommand)]
enum SourceArguments {
    /// Simulates a market: orders, cancels and trades of any number of instruments
    Simulate(Simulate),
    /// Publishes a Databento file, .dbn or .dbn.zst, version 1 to 3
    Dbn(Dbn),
    /// Publishes a Nasdaq TotalView-ITCH 5.0 file (BinaryFILE, uncompressed)
    Itch(Itch),
    /// Publishes a capture of network packets: IEX TOPS and DEEP, or ITCH 5.0 in MoldUDP64
    Pcap(pcap::Pcap),
    /// Receives ITCH 5.0 over MoldUDP64 from multicast lines A and B
    ///
    /// Each message is published once and in order, from whichever line is first. What all lines
    /// lost is asked for from a request server, and is a Gap record before the record that follows:
    /// filled, or unrecoverable. `tickring play udp` is the other side.
    Udp(udp::Udp),
    /// Publishes a CSV file, .csv or compressed, whose columns a map or a preset names
    Csv(text::Csv),
    /// Publishes a JSON lines file, .jsonl or compressed, whose values a map names
    Jsonl(text::Jsonl),
    /// Receives a Nasdaq TotalView-ITCH 5.0 session from a SoupBinTCP server
    ///
    /// It logs in before it opens the rings. When the connection breaks it logs in again and goes
    /// on with the message that comes next: nothing is lost, and nothing comes twice. What the
    /// server cannot give any more is a Gap record.
    Soup(soup::Soup),
    /// Follows instruments of a crypto venue over WebSocket
    Ws(venue::Ws),
    /// Publishes recorded WebSocket messages of a crypto venue
    WsFile(venue::WsFile),
}

/// Options of every source.
#[derive(Debug, clap::Args)]
struct Publishing {
    /// The bus to publish to, such as demo
    #[arg(long, value_name = "BUS")]
    to: String,
    /// Slots of the ring of ticks, a power of two
    #[arg(long, value_name = "SLOTS", default_value_t = tickring::DEFAULT_CAPACITY)]
    capacity: u64,
    /// Entries of the ring of ticks for instruments, with their last quotes and trades: a power of
    /// two, or 0 for none
    #[arg(long, value_name = "N", default_value_t = DEFAULT_INSTRUMENTS)]
    directory: u64,
    /// Speed: 1x or 10x by the time of the records, 100000/s by their number, max, or step: an
    /// input for each line on stdin, or as many as the line says, to the end of stdin [default: 1x
    /// for a simulation, max otherwise]
    #[arg(long, value_name = "PACE")]
    pace: Option<Pace>,
    #[command(flatten)]
    books: Books,
    /// Run on this core alone
    #[arg(long, value_name = "CORE")]
    pin: Option<usize>,
    /// Publish features of the ticks as vectors of so many lanes, a multiple of 4 such as 32 or 128
    #[arg(long, value_name = "DIM")]
    vectors: Option<u16>,
    /// Events of an instrument from one vector to the next
    #[arg(long, value_name = "N", requires = "vectors")]
    #[arg(default_value_t = FeatureOptions::default().every)]
    vector_every: u32,
    /// Slots of the ring of vectors, a power of two
    #[arg(long, value_name = "SLOTS", requires = "vectors")]
    #[arg(default_value_t = FeatureOptions::default().capacity)]
    vector_capacity: u64,
    #[command(flatten)]
    planting: Planting,
    /// Keep the rings durably, in journals in this directory that the feed writes itself: complete,
    /// unless the disk fails
    #[arg(long, value_name = "DIR")]
    journal: Option<PathBuf>,
    #[command(flatten)]
    keeping: Keeping,
    #[command(flatten)]
    making: Making,
    #[command(flatten)]
    reports: Reports,
}

#[derive(Debug, clap::Args)]
struct Simulate {
    #[command(flatten)]
    market: Market,
    #[command(flatten)]
    publishing: Publishing,
}

#[derive(Debug, clap::Args)]
struct Dbn {
    /// The file
    file: PathBuf,
    /// The file is a fragment without metadata: its records are of this DBN version, 1 to 3
    #[arg(long, value_name = "VERSION")]
    dbn_version: Option<u8>,
    /// Schema of a fragment, such as mbo; without it any record may come, in a ring of wide slots
    #[arg(long, value_name = "SCHEMA", requires = "dbn_version")]
    dbn_schema: Option<String>,
    #[command(flatten)]
    publishing: Publishing,
}

#[derive(Debug, clap::Args)]
struct Itch {
    /// The file
    file: PathBuf,
    /// Date of the session in New York, which the file does not tell
    #[arg(long, value_name = "YYYY-MM-DD", default_value_t = ItchOptions::default().date)]
    date: Date,
    /// Publish each message undecoded, a raw record of its bytes, in place of what it means
    #[arg(long)]
    raw: bool,
    #[command(flatten)]
    publishing: Publishing,
}

pub(super) use soup::session;

pub(super) fn run(
    arguments: Arguments,
    directory: &Directory,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    match arguments.source {
        SourceArguments::Simulate(own) => {
            let source = Simulator::new(&own.market.options())?;
            publish(source, Pace::Replay(1.0), own.publishing, directory, output)
        }
        SourceArguments::Dbn(own) => {
            let source = match own.dbn_version {
                None => DbnSource::open(&own.file)?,
                Some(version) => {
                    let fragment = Fragment { version, schema: own.dbn_schema };
                    DbnSource::open_fragment(&own.file, &fragment)?
                }
            };
            publish(source, Pace::Max, own.publishing, directory, output)
        }
        SourceArguments::Itch(own) => {
            let source =
                ItchSource::open(&own.file, &ItchOptions { date: own.date, raw: own.raw })?;
            publish(source, Pace::Max, own.publishing, directory, output)
        }
        SourceArguments::Pcap(own) => {
            let (source, publishing) = own.open()?;
            publish(source, Pace::Max, publishing, directory, output)
        }
        SourceArguments::Udp(own) => {
            publish(own.open()?, Pace::Max, own.publishing, directory, output)
        }
        SourceArguments::Csv(own) => {
            publish(own.open()?, Pace::Max, own.publishing, directory, output)
        }
        SourceArguments::Jsonl(own) => {
            publish(own.open()?, Pace::Max, own.publishing, directory, output)
        }
        SourceArguments::Soup(own) => {
            publish(own.open()?, Pace::Max, own.publishing, directory, output)
        }
        SourceArguments::Ws(own) => {
            publish(own.open()?, Pace::Max, own.publishing, directory, output)
        }
        SourceArguments::WsFile(own) => {
            publish(own.open()?, Pace::Max, own.publishing, directory, output)
        }
    }
}

fn publish<S: Source>(
    source: S,
    pace: Pace,
    arguments: Publishing,
    directory: &Directory,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    // Before the rings appear: who sees them may send one.
    let signals = Signals::catch()?;
    // Before the rings are made: their pages are then near that core.
    arguments.pin.map_or(Ok(()), pin)?;
    let pace = arguments.pace.unwrap_or(pace);
    let steps = (pace == Pace::Step).then(Steps::of_stdin).transpose()?;
    let vectors = arguments.vectors.map(|dim| FeatureOptions {
        dim,
        every: arguments.vector_every,
        capacity: arguments.vector_capacity,
        plant: arguments.planting.options(),
    });
    let plants = arguments.planting.file()?;
    let options = FeedOptions {
        capacity: arguments.capacity,
        instruments: arguments.directory,
        pace,
        vectors,
        quotes: arguments.books.quotes()?,
        depth: arguments.books.depth(),
        stale_after: arguments.books.stale_after(),
        journal: arguments.journal.map(|directory| arguments.keeping.spec(&directory)),
        mode: arguments.making.mode,
        memory: arguments.making.memory(),
        wake_ticker: arguments.making.wake_ticker,
        ..FeedOptions::new(directory.clone(), arguments.to)
    };
    let feed = Some(Feed::open(source, &options)?);
    let (closed, since) = (Summary::default(), Instant::now());
    let running = Running { feed, steps, plants, closed, since };
    service::run(running, &signals, arguments.reports, output)
}

/// A feed at work.
struct Running<S> {
    /// `None` when it was stopped.
    feed: Option<Feed<S>>,
    /// Who allows steps, at that pace.
    steps: Option<Steps>,
    plants: Option<PlantFile>,
    /// What a stopped feed had done.
    closed: Summary,
    since: Instant,
}

impl<S: Source> Running<S> {
    fn summary(&self) -> Summary {
        self.feed.as_ref().map_or_else(|| self.closed.clone(), Feed::summary)
    }
}

impl<S: Source> Service for Running<S> {
    const NAME: &'static str = "feed";

    fn step(&mut self) -> Result<Step, Failure> {
        let Some(feed) = &mut self.feed else { return Ok(Step::Ended) };
        let allowed = self.steps.as_mut().map(|steps| steps.wait(Duration::ZERO)).transpose()?;
        if let Some(Allowed::Steps(more)) = allowed {
            feed.allow(more);
        }
        let progress = feed.run_once(BUDGET)?;
        if let Some(file) = &mut self.plants {
            file.write(feed.drain_plants())?;
        }
        Ok(match progress {
            Progress::Advanced(_) => Step::Advanced,
            // What was allowed is published, and nothing more will be.
            Progress::Idle if allowed == Some(Allowed::End) => {
                self.stop()?;
                Step::Ended
            }
            Progress::Idle => Step::Idle,
            Progress::End => {
                self.plants.as_mut().map_or(Ok(()), PlantFile::flush)?;
                Step::Ended
            }
        })
    }

    fn wait(&mut self, limit: Duration) {
        if let Some(feed) = &mut self.feed {
            feed.wait(limit);
        }
    }

    fn stop(&mut self) -> Result<(), Failure> {
        if let Some(feed) = self.feed.take() {
            self.closed = feed.close();
        }
        self.plants.as_mut().map_or(Ok(()), PlantFile::flush)
    }

    fn text(&self) -> String {
        let summary = self.summary();
        let elapsed = self.since.elapsed();
        let elapsed_ns = u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX);
        let rate = u128::from(summary.records) * 1_000_000_000 / u128::from(elapsed_ns.max(1));
        let rate = Grouped(u64::try_from(rate).unwrap_or(u64::MAX));
        format!("{summary}\nafter {}: {rate} records per second", Age(elapsed_ns))
    }

    fn json(&self) -> Value {
        let Summary { records, kinds, vectors, derived, source, journal } = self.summary();
        let elapsed_ns = u64::try_from(self.since.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let mut object = json!({
            "records": records,
            "vectors": vectors,
            "kinds": object(&kinds),
            "inputs": object(&source.inputs),
            "anomalies": object(&source.anomalies),
            "elapsed_ns": elapsed_ns,
        });
        if let Some(keys) = object.as_object_mut().filter(|_| !derived.is_empty()) {
            keys.insert("derived".to_owned(), Value::Object(self::object(&derived)));
        }
        if let (Some(keys), Some(Journaled { bytes, missed, error })) =
            (object.as_object_mut(), journal)
        {
            let journal = json!({ "bytes": bytes, "missed": missed, "error": error });
            keys.insert("journal".to_owned(), journal);
        }
        object
    }
}

fn object(counts: &[Count]) -> Map<String, Value> {
    counts.iter().map(|Count { name, count }| (name.clone(), (*count).into())).collect()
}

//! `tickring inspect`: one ring in full.

use crate::failure::Failure;
use crate::names;
use crate::notation::{Grouped, Size, Time};
use crate::outcome::Outcome;
use crate::output::Output;
use crate::schema::{self, state_name};
use crate::table::{Align, Columns, Table};
use serde_json::{Map, Value, json};
use std::ops::Range;
use tickring::{Directory, Reader, ReaderInfo, RingCount, RingInfo};

/// One publish time is kept for every so many sequences, see [`Reader::published_at_ns`].
const TIME_EVERY: u64 = 64;

/// Shows everything about one ring: header, resident records, schema
///
/// The header (identity, writer, counters), which sequences are resident, when the oldest and
/// newest of them were published, who reads, and the schema: field, offset, type, unit, null, doc.
/// Readers are listed while the ring has a writer, and if they are of its user; their numbers are
/// up to 64 records behind. So is what the writer counts: of a feed inputs, anomalies and gaps, up
/// to a second behind.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The ring, BUS/RING, or a pattern that one ring matches
    name: String,
    /// Only the schema
    #[arg(long, conflicts_with = "header")]
    schema: bool,
    /// Only the header and what follows from it
    #[arg(long, conflicts_with = "readers")]
    header: bool,
    /// Only the readers: name, process, cursor, lag, what they missed, laps, polls, wake-ups
    #[arg(long, conflicts_with = "schema")]
    readers: bool,
    /// Only what the writer counts: inputs and anomalies of a feed by type
    #[arg(long, conflicts_with_all = ["schema", "header", "readers"])]
    counts: bool,
    /// One JSON object: the keys of the table, times as *_ns, the readers under "readers", the
    /// counts under "counts" and the schema under "schema"
    #[arg(long)]
    json: bool,
}

/// The resident sequences and the times that are known of them.
struct Resident {
    seqs: Range<u64>,
    oldest: Option<Published>,
    newest: Option<Published>,
}

/// When a record was published.
#[derive(Clone, Copy)]
struct Published {
    seq: u64,
    at_ns: u64,
}

pub(super) fn run(
    arguments: &Arguments,
    directory: &Directory,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let name = names::find_one(directory, &arguments.name)?;
    let reader = Reader::open_with(directory, &name, &names::unlisted())?;
    let (info, resident) = (reader.info(), Resident::of(&reader));
    let mut readers = ReaderInfo::list(directory, &name)?;
    readers.sort_by(|a, b| (&a.name, a.pid, a.since_ns).cmp(&(&b.name, b.pid, b.since_ns)));
    let counts = RingCount::list(directory, &name)?;
    let Arguments { schema, header, readers: only_readers, counts: only_counts, json, .. } =
        *arguments;
    let is_whole = !schema && !header && !only_readers && !only_counts;
    let schema = (schema || is_whole).then(|| reader.schema());
    let has_header = header || is_whole;
    let has_readers = has_header || only_readers;
    let has_counts = only_counts || is_whole;
    if json {
        let mut object = if has_header { header_json(&info, &resident) } else { json!({}) };
        let parts = [
            has_readers.then(|| ("readers", readers.iter().map(reader_json).collect())),
            has_counts.then(|| ("counts", counts_json(&counts))),
            schema.map(|schema| ("schema", schema::json(schema))),
        ];
        if let Value::Object(members) = &mut object {
            members.extend(parts.into_iter().flatten().map(|(key, part)| (key.to_owned(), part)));
        }
        writeln!(output, "{object}")?;
        return Ok(Outcome::Done);
    }
    if has_header {
        print_header(&info, &resident, output)?;
    }
    let tables = [
        (has_readers && !readers.is_empty()).then(|| reader_table(&readers)),
        (has_counts && !counts.is_empty()).then(|| count_table(&counts)),
    ];
    for table in tables.into_iter().flatten() {
        if has_header {
            writeln!(output)?;
        }
        table.print(output, 0)?;
    }
    if let Some(schema) = schema {
        if has_header {
            writeln!(output)?;
        }
        schema::print(schema, output)?;
    }
    Ok(Outcome::Done)
}

fn print_header(info: &RingInfo, resident: &Resident, output: &mut Output) -> Result<(), Failure> {
    let time = |ns: u64| if ns == 0 { "-".to_owned() } else { Time(ns.into()).to_string() };
    let lines = [
        ("name", info.name.to_string()),
        ("path", info.path.display().to_string()),
        ("ring id", format!("{:032x}", info.ring_id)),
        ("created", time(info.created_ns)),
        ("size", format!("{} ({} bytes)", Size(info.segment_bytes), info.segment_bytes)),
        ("capacity", format!("{} slots of {} bytes", info.capacity, info.stride_bytes)),
        ("schema hash", format!("{:#018x}", info.schema_hash)),
        ("state", state_name(info.state).to_owned()),
        ("epoch", format!("{}, from sequence {}", info.epoch, info.epoch_start)),
        ("writer", format!("process {} since {}", info.owner_pid, time(info.owner_since_ns))),
        ("heartbeat", time(info.heartbeat_ns)),
        ("watermark", time(info.watermark_ns)),
        ("dropped", info.dropped.to_string()),
        ("instruments", instruments(info)),
        ("published", info.published.to_string()),
        ("resident", resident.range()),
        ("time index", resident.times()),
    ];
    let lines = lines.map(|(title, value)| [title.to_owned(), value]);
    let mut columns = Columns::new([Align::Left, Align::Left]);
    lines.iter().for_each(|line| columns.fit(line));
    for line in &lines {
        writeln!(output, "{}", columns.line(line))?;
    }
    Ok(())
}

fn header_json(info: &RingInfo, resident: &Resident) -> Value {
    let published =
        |at: Option<Published>| at.map(|at| json!({ "seq": at.seq, "published_ns": at.at_ns }));
    json!({
        "name": info.name.to_string(),
        "path": info.path.display().to_string(),
        "ring_id": format!("{:032x}", info.ring_id),
        "created_ns": info.created_ns,
        "segment_bytes": info.segment_bytes,
        "capacity": info.capacity,
        "stride_bytes": info.stride_bytes,
        "schema_hash": format!("{:#018x}", info.schema_hash),
        "state": state_name(info.state),
        "epoch": info.epoch,
        "epoch_start": info.epoch_start,
        "pid": info.owner_pid,
        "owner_since_ns": info.owner_since_ns,
        "heartbeat_ns": info.heartbeat_ns,
        "watermark_ns": info.watermark_ns,
        "dropped": info.dropped,
        "instruments": info.instruments,
        "unlisted": info.unlisted,
        "published": info.published,
        "resident": { "start": resident.seqs.start, "end": resident.seqs.end },
        "time_index": {
            "every": TIME_EVERY,
            "oldest": published(resident.oldest),
            "newest": published(resident.newest),
        },
    })
}

fn instruments(info: &RingInfo) -> String {
    match (info.instruments, info.unlisted) {
        (0, _) => "none".to_owned(),
        (room, 0) => format!("{} entries", Grouped(room)),
        (room, unlisted) => {
            format!("{} entries, {} records without one", Grouped(room), Grouped(unlisted))
        }
    }
}

fn reader_table(readers: &[ReaderInfo]) -> Table {
    use Align::{Left, Right};
    let mut table = Table::new(&[
        ("reader", Left),
        ("pid", Right),
        ("cursor", Right),
        ("lag", Right),
        ("missed", Right),
        ("laps", Right),
        ("polls", Right),
        ("wake-ups", Right),
        ("since", Left),
        ("state", Left),
    ]);
    for reader in readers {
        table.row(vec![
            reader.name.clone(),
            reader.pid.to_string(),
            reader.cursor.to_string(),
            Grouped(reader.lag).to_string(),
            Grouped(reader.missed).to_string(),
            Grouped(reader.laps).to_string(),
            Grouped(reader.polls).to_string(),
            Grouped(reader.wakeups).to_string(),
            Time(reader.since_ns.into()).to_string(),
            if reader.is_alive { "alive" } else { "gone" }.to_owned(),
        ]);
    }
    table
}

fn reader_json(reader: &ReaderInfo) -> Value {
    json!({
        "name": reader.name,
        "pid": reader.pid,
        "since_ns": reader.since_ns,
        "cursor": reader.cursor,
        "lag": reader.lag,
        "missed": reader.missed,
        "laps": reader.laps,
        "polls": reader.polls,
        "wakeups": reader.wakeups,
        "alive": reader.is_alive,
    })
}

fn count_table(counts: &[RingCount]) -> Table {
    let mut table = Table::new(&[("counted", Align::Left), ("count", Align::Right)]);
    for RingCount { name, count } in counts {
        table.row(vec![name.clone(), Grouped(*count).to_string()]);
    }
    table
}

fn counts_json(counts: &[RingCount]) -> Value {
    let each = counts.iter().map(|RingCount { name, count }| (name.clone(), (*count).into()));
    each.collect::<Map<_, _>>().into()
}

impl Resident {
    fn of(reader: &Reader) -> Self {
        let seqs = reader.resident();
        let time = |seq| reader.published_at_ns(seq).map(|at_ns| Published { seq, at_ns });
        let first = seqs.start.next_multiple_of(TIME_EVERY);
        let last = seqs.end.saturating_sub(1) / TIME_EVERY * TIME_EVERY;
        // Both are asked for even where they are the same; neither need exist in a short range.
        let within = |seq: u64| Some(seq).filter(|seq| seqs.contains(seq)).and_then(time);
        Self { oldest: within(first), newest: within(last), seqs: seqs.clone() }
    }

    fn range(&self) -> String {
        match self.seqs.end.checked_sub(self.seqs.start) {
            Some(count @ 1..) => {
                let (first, last) = (self.seqs.start, self.seqs.end - 1);
                format!("{} records, {first}…{last}", Grouped(count))
            }
            _ => "none".to_owned(),
        }
    }

    fn times(&self) -> String {
        let (Some(oldest), Some(newest)) = (self.oldest, self.newest) else {
            return "none".to_owned();
        };
        let show = |at: Published| format!("{} at {}", at.seq, Time(at.at_ns.into()));
        format!("{} … {}", show(oldest), show(newest))
    }
}

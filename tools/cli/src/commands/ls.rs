//! `tickring ls`: the rings there are.

use crate::failure::Failure;
use crate::names::{self, NamePattern};
use crate::notation::{Age, Size};
use crate::note::note;
use crate::outcome::Outcome;
use crate::output::Output;
use crate::schema::state_name;
use crate::table::{Align, Table};
use serde_json::json;
use std::time::{SystemTime, UNIX_EPOCH};
use tickring::{Directory, Error, Reader, RingInfo, RingState};

/// Lists rings: who writes them, what they hold, how large they are
///
/// Shows the state of the writer (live, closed, dead), the kinds of records, how many were
/// published, the epoch (one life of a writer), slots, file size, how long ago the writer gave
/// a sign of life, and its process id while it lives.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Only rings that match, such as 'demo/*' or demo; quote it for the shell
    pattern: Option<String>,
    /// One JSON object a line instead of a table: name, state, kinds, published, epoch, capacity,
    /// stride_bytes, segment_bytes, heartbeat_ns, heartbeat_age_ns, watermark_ns, dropped, pid,
    /// path
    #[arg(long)]
    json: bool,
}

/// One ring of the list.
struct Row {
    info: RingInfo,
    kinds: Vec<String>,
    /// Since the writer's last sign of life, in nanoseconds; `None` if it never gave one.
    age_ns: Option<u64>,
}

pub(super) fn run(
    arguments: &Arguments,
    directory: &Directory,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let pattern = arguments.pattern.as_deref().map(NamePattern::new).transpose()?;
    let mut names = directory.list()?;
    names.retain(|name| pattern.as_ref().is_none_or(|pattern| pattern.matches(name)));
    let (mut rows, mut unreadable) = (Vec::new(), 0);
    for name in &names {
        match Reader::open_with(directory, name, &names::unlisted()) {
            Ok(reader) => rows.push(Row::of(&reader)),
            // Removed since it was listed.
            Err(Error::NotFound { .. }) => {}
            Err(error) => {
                unreadable += 1;
                note("ls", error);
            }
        }
    }
    if arguments.json {
        for row in &rows {
            writeln!(output, "{}", row.json())?;
        }
    } else if !rows.is_empty() {
        table(&rows).print(output, 0)?;
    }
    match (unreadable, rows.is_empty(), &arguments.pattern) {
        (1.., _, _) => Err(Failure::Unreadable { count: unreadable }),
        (0, true, Some(pattern)) => {
            note("ls", format_args!("no ring matches {pattern}"));
            Ok(Outcome::Negative)
        }
        (0, true, None) => {
            note("ls", format_args!("no rings in {}", directory.root().display()));
            Ok(Outcome::Done)
        }
        (0, false, _) => Ok(Outcome::Done),
    }
}

fn table(rows: &[Row]) -> Table {
    use Align::{Left, Right};
    let mut table = Table::new(&[
        ("name", Left),
        ("state", Left),
        ("kinds", Left),
        ("records", Right),
        ("epoch", Right),
        ("capacity", Right),
        ("size", Right),
        ("heartbeat", Right),
        ("pid", Right),
    ]);
    for Row { info, kinds, age_ns } in rows {
        let is_live = info.state == RingState::Live;
        table.row(vec![
            info.name.to_string(),
            state_name(info.state).to_owned(),
            kinds.join(","),
            info.published.to_string(),
            info.epoch.to_string(),
            info.capacity.to_string(),
            Size(info.segment_bytes).to_string(),
            age_ns.map_or_else(|| "-".to_owned(), |age_ns| Age(age_ns).to_string()),
            if is_live { info.owner_pid.to_string() } else { "-".to_owned() },
        ]);
    }
    table
}

impl Row {
    fn of(reader: &Reader) -> Self {
        let info = reader.info();
        let kinds = reader.schema().data_kinds().map(|kind| kind.name.to_string()).collect();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now_ns = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        let age_ns = (info.heartbeat_ns > 0).then(|| now_ns.saturating_sub(info.heartbeat_ns));
        Self { info, kinds, age_ns }
    }

    fn json(&self) -> serde_json::Value {
        let Self { info, kinds, age_ns } = self;
        json!({
            "name": info.name.to_string(),
            "state": state_name(info.state),
            "kinds": kinds,
            "published": info.published,
            "epoch": info.epoch,
            "capacity": info.capacity,
            "stride_bytes": info.stride_bytes,
            "segment_bytes": info.segment_bytes,
            "heartbeat_ns": info.heartbeat_ns,
            "heartbeat_age_ns": age_ns,
            "watermark_ns": info.watermark_ns,
            "dropped": info.dropped,
            "pid": info.owner_pid,
            "path": info.path.display().to_string(),
        })
    }
}

//! `tickring replay`: a journal published again, as a process.

use crate::failure::Failure;
use crate::notation::Grouped;
use crate::outcome::Outcome;
use crate::output::Output;
use crate::service::{self, Reports, Service, Step};
use crate::signals::Signals;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Duration;
use tickring::{Directory, JournalReader, JournalStart, RingName};
use tickring_producer::pace::Pace;
use tickring_producer::replay::{Replay as Publishing, ReplayOptions, ReplaySummary};
use tickring_producer::source::Progress;

/// Records between two looks at signals.
const BUDGET: usize = 1024;

const AFTER_HELP: &str = "\
The rhythm is that of the publication. A journal has the time of every 64th record; between two of \
them a record's ts_recv (or ts_event) places it if it lies there, others are spread evenly. \
Records go out unchanged; the restarts and tombstones of the recorded ring are left out, so that \
sequences may differ. The ring is made with the recorded schema.

JSON keys: records, missed (the journal lacks them), damaged, restarts, tombstones, rounds.";

/// Publishes a journal again, at the speed of the recording or another
///
/// It ends at the end of the journal, as it is then, and closes the ring; with --loop it begins
/// again.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// The directory of the journal, or the file to begin with
    path: PathBuf,
    /// The ring to publish to, BUS/RING
    #[arg(long, value_name = "NAME")]
    to: RingName,
    /// The recorded ring, where the directory holds journals of several
    #[arg(long, value_name = "NAME")]
    ring: Option<RingName>,
    /// Speed: 1x or 10x by the time of publication, 100000/s by number, or max
    #[arg(long, value_name = "PACE", default_value = "1x", value_parser = parse_speed)]
    speed: Pace,
    /// Begin with the oldest record, a sequence, or a time: oldest, SEQ or such as
    /// 2026-01-05T14:30:00Z
    #[arg(long, value_name = "START", value_parser = parse_start, default_value = "oldest")]
    from: JournalStart,
    /// Begin again at the end, for ever
    #[arg(long = "loop")]
    repeat: bool,
    /// Slots of the ring, a power of two [default: as recorded]
    #[arg(long, value_name = "SLOTS")]
    capacity: Option<u64>,
    #[command(flatten)]
    reports: Reports,
}

fn parse_speed(text: &str) -> Result<Pace, String> {
    match text.parse().map_err(|error: tickring_producer::Error| error.to_string())? {
        // Nobody is there who would allow steps.
        Pace::Step => Err("expected max, a factor or a rate, found step".to_owned()),
        speed => Ok(speed),
    }
}

fn parse_start(text: &str) -> Result<JournalStart, String> {
    if text == "oldest" {
        return Ok(JournalStart::Oldest);
    }
    if let Ok(seq) = text.parse() {
        return Ok(JournalStart::Sequence(seq));
    }
    let at = text.parse::<Timestamp>().ok().map(Timestamp::as_nanosecond);
    let at = at.and_then(|at_ns| u64::try_from(at_ns).ok()).map(JournalStart::Time);
    at.ok_or_else(|| {
        format!(
            "expected oldest, a sequence or a time such as 2026-01-05T14:30:00Z, found {text:?}"
        )
    })
}

pub(super) fn run(
    arguments: Arguments,
    directory: &Directory,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    // Before the rings appear: who sees them may send one.
    let signals = Signals::catch()?;
    let Arguments { path, to, ring, speed, from, repeat, capacity, reports } = arguments;
    let journal = JournalReader::open(&path, ring.as_ref(), JournalStart::Oldest)?;
    // Of a single file the oldest record is the first in it.
    let start = match from {
        JournalStart::Oldest => JournalStart::Sequence(journal.cursor()),
        start => start,
    };
    let directory = directory.clone();
    let options = ReplayOptions { directory, to, capacity, pace: speed, start, repeat };
    service::run(Publishing::open(journal, &options)?, &signals, reports, output)
}

impl Service for Publishing {
    const NAME: &'static str = "replay";

    fn step(&mut self) -> Result<Step, Failure> {
        Ok(match self.run_once(BUDGET)? {
            // The replay has slept by itself.
            Progress::Advanced(_) | Progress::Idle => Step::Advanced,
            Progress::End => Step::Ended,
        })
    }

    fn wait(&mut self, _: Duration) {
        // A replay is never idle: its pacer sleeps by itself.
    }

    fn stop(&mut self) -> Result<(), Failure> {
        self.close();
        Ok(())
    }

    fn text(&self) -> String {
        let ReplaySummary { records, missed, damaged, restarts, tombstones, rounds } =
            self.summary();
        format!(
            "{} records, {} missed, {} damaged, {} restarts, {} tombstones, {} rounds",
            Grouped(records),
            Grouped(missed),
            Grouped(damaged),
            Grouped(restarts),
            Grouped(tombstones),
            Grouped(rounds),
        )
    }

    fn json(&self) -> Value {
        let summary = self.summary();
        json!({
            "records": summary.records,
            "missed": summary.missed,
            "damaged": summary.damaged,
            "restarts": summary.restarts,
            "tombstones": summary.tombstones,
            "rounds": summary.rounds,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_is_a_word_a_sequence_or_a_time() {
        assert_eq!(parse_start("oldest"), Ok(JournalStart::Oldest));
        assert_eq!(parse_start("17"), Ok(JournalStart::Sequence(17)));
        let time = JournalStart::Time(1_767_623_400_000_000_000);
        assert_eq!(parse_start("2026-01-05T14:30:00Z"), Ok(time));
        for text in ["", "latest", "-1", "14:30"] {
            assert!(parse_start(text).unwrap_err().contains("a sequence or a time"), "{text}");
        }
    }
}

//! `tickring record`: rings kept durably, as a process.

use crate::failure::Failure;
use crate::file_id;
use crate::journal::Keeping;
use crate::names::NamePattern;
use crate::notation::Grouped;
use crate::note::note;
use crate::outcome::Outcome;
use crate::output::Output;
use crate::service::{self, Reports, Service, Step};
use crate::signals::Signals;
use crate::start;
use serde_json::{Map, Value, json};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tickring::{Directory, Recorder, RecorderProgress, RecorderStats, RingName, Start};

/// From one look at whether the rings are still the same files to the next.
const LOOK_EVERY: Duration = Duration::from_secs(1);

const AFTER_HELP: &str = "\
A journal is files named BUS.RING-ID-SEQUENCE.journal; `tickring replay` publishes it again. Run \
again with the same directory, it goes on where it ended. What is overwritten in a ring before it \
could be recorded is counted as missed, and the journal has a visible gap there; only a writer \
that keeps its own journal (feed --journal) never leaves one.

JSON keys: rings, an object by name of records, bytes, missed, restarts, cut (whether the torn \
tail of a crash was cut at the begin) and ended; and their sums records, bytes and missed.";

/// Keeps rings durably, in journals of append-only files
///
/// Records all rings that match when it is started, from the oldest record on, and ends when all
/// of them are closed, or by Ctrl-C or SIGTERM.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// The rings, BUS/RING, or patterns such as 'demo/*'
    #[arg(required = true)]
    names: Vec<String>,
    /// The directory for the journals; made if it does not exist
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// Where to begin rings that have no journal there yet: oldest, latest or a sequence
    #[arg(long, value_name = "START", value_parser = start::parse, default_value = "oldest")]
    #[arg(allow_hyphen_values = true)]
    from: Start,
    #[command(flatten)]
    keeping: Keeping,
    #[command(flatten)]
    reports: Reports,
}

pub(super) fn run(
    arguments: &Arguments,
    directory: &Directory,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    // Before the rings appear: who sees them may send one.
    let signals = Signals::catch()?;
    let spec = arguments.keeping.spec(&arguments.output);
    let mut parts = Vec::new();
    for name in matching(&arguments.names, directory)? {
        let recorder = Recorder::open(directory, &name, &spec, arguments.from)?;
        parts.push(Part::new(name, recorder));
    }
    let recording = Recording { parts, next_look: Instant::now() + LOOK_EVERY };
    service::run(recording, &signals, arguments.reports, output)
}

/// The rings that are named or match, each once.
fn matching(texts: &[String], directory: &Directory) -> Result<Vec<RingName>, Failure> {
    let mut names = Vec::new();
    for text in texts {
        if !text.contains(['*', '?', '[']) && text.contains('/') {
            names.push(text.parse()?);
            continue;
        }
        let pattern = NamePattern::new(text)?;
        let before = names.len();
        names.extend(directory.list()?.into_iter().filter(|name| pattern.matches(name)));
        if names.len() == before {
            return Err(Failure::NoMatch { found: text.clone() });
        }
    }
    names.sort();
    names.dedup();
    Ok(names)
}

/// All recorders of the process.
#[derive(Debug)]
struct Recording {
    parts: Vec<Part>,
    next_look: Instant,
}

/// The recorder of one ring.
#[derive(Debug)]
struct Part {
    name: RingName,
    /// `None` when it has been finished.
    recorder: Option<Recorder>,
    /// What a finished one had done.
    finished: RecorderStats,
    /// Device and inode of the segment.
    file: Option<(u64, u64)>,
    path: PathBuf,
    has_ended: bool,
}

impl Part {
    fn new(name: RingName, recorder: Recorder) -> Self {
        let path = recorder.reader().info().path;
        let (finished, file) = (recorder.stats(), file_id::at(&path));
        Self { name, recorder: Some(recorder), finished, file, path, has_ended: false }
    }

    fn stats(&self) -> RecorderStats {
        self.recorder.as_ref().map_or(self.finished, Recorder::stats)
    }

    fn step(&mut self) -> Result<Step, Failure> {
        let Some(recorder) = &mut self.recorder else { return Ok(Step::Ended) };
        Ok(match recorder.step()? {
            RecorderProgress::Advanced(_) => Step::Advanced,
            RecorderProgress::Idle => Step::Idle,
            RecorderProgress::Ended if self.is_gone() => {
                self.give_up()?;
                Step::Ended
            }
            RecorderProgress::Ended => {
                self.has_ended = true;
                Step::Ended
            }
        })
    }

    /// Whether the ring's name belongs to nothing, or to another ring. It may have been gone
    /// before its file was looked at.
    fn is_gone(&self) -> bool {
        self.file.is_none() || file_id::at(&self.path) != self.file
    }

    /// Ends the recording of a ring that is gone: nothing more will come of it.
    fn give_up(&mut self) -> Result<(), Failure> {
        self.finish()?;
        let name = &self.name;
        note("record", format_args!("{name} was removed or created anew: ended"));
        Ok(())
    }

    fn finish(&mut self) -> Result<(), Failure> {
        if let Some(recorder) = self.recorder.take() {
            self.finished = recorder.stats();
            self.finished = recorder.finish()?;
        }
        Ok(())
    }
}

impl Recording {
    /// Ends the recordings of rings that are gone: nothing more will come of them.
    fn look(&mut self) -> Result<(), Failure> {
        for part in self.parts.iter_mut().filter(|part| part.recorder.is_some()) {
            if part.is_gone() {
                part.give_up()?;
            }
        }
        Ok(())
    }

    fn sum(&self, of: fn(&RecorderStats) -> u64) -> u64 {
        self.parts.iter().map(|part| of(&part.stats())).sum()
    }
}

impl Service for Recording {
    const NAME: &'static str = "record";

    fn step(&mut self) -> Result<Step, Failure> {
        let mut step = Step::Ended;
        for part in &mut self.parts {
            step = match (step, part.step()?) {
                (Step::Advanced, _) | (_, Step::Advanced) => Step::Advanced,
                (Step::Idle, _) | (_, Step::Idle) => Step::Idle,
                (Step::Ended, Step::Ended) => Step::Ended,
            };
        }
        if step == Step::Ended {
            self.stop()?;
        } else if Instant::now() >= self.next_look {
            self.next_look += LOOK_EVERY;
            self.look()?;
        }
        Ok(step)
    }

    fn wait(&mut self, limit: Duration) {
        // A ring that has ended has nothing to wait for.
        let parts = self.parts.iter_mut().filter(|part| !part.has_ended);
        let mut open: Vec<_> = parts.filter_map(|part| part.recorder.as_mut()).collect();
        let _ = Recorder::wait_any(&mut open, limit);
    }

    fn stop(&mut self) -> Result<(), Failure> {
        let finished: Vec<_> = self.parts.iter_mut().map(Part::finish).collect();
        finished.into_iter().collect()
    }

    fn text(&self) -> String {
        let lines = self.parts.iter().map(|part| {
            let stats = part.stats();
            format!(
                "{}: {} records, {} bytes, {} missed, {} restarts{}{}",
                part.name,
                Grouped(stats.records),
                Grouped(stats.bytes),
                Grouped(stats.missed),
                Grouped(stats.restarts),
                if stats.was_cut { ", torn tail cut" } else { "" },
                if part.has_ended { ", ended" } else { "" },
            )
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    fn json(&self) -> Value {
        let rings = self.parts.iter().map(|part| {
            let stats = part.stats();
            let object = json!({
                "records": stats.records,
                "bytes": stats.bytes,
                "missed": stats.missed,
                "restarts": stats.restarts,
                "cut": stats.was_cut,
                "ended": part.has_ended,
            });
            (part.name.to_string(), object)
        });
        json!({
            "rings": rings.collect::<Map<_, _>>(),
            "records": self.sum(|stats| stats.records),
            "bytes": self.sum(|stats| stats.bytes),
            "missed": self.sum(|stats| stats.missed),
        })
    }
}

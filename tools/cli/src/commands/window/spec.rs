//! The options that say what windows there are, and the file that says it too.

use crate::duration;
use crate::failure::Failure;
use serde::de::DeserializeOwned;
use std::path::PathBuf;
use std::time::Duration;
use tickring_window::{
    Aggregate, Corrections, EmptyWindows, Mode, Sources, WindowKind, WindowSpec,
};

/// Trades that can be corrected, unless a file says otherwise.
const LOGGED: u32 = 1 << 20;
const DEFAULT_SIZE_NS: u64 = 1_000_000_000;

/// What windows there are.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Options {
    /// Read the specification from this file of TOML
    #[arg(long, value_name = "FILE")]
    spec: Option<PathBuf>,
    /// Length of a window [default: 1s]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    size: Option<Duration>,
    /// Windows that begin so far apart and overlap
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    hop: Option<Duration>,
    /// Sessions: windows that end with such a silence of their instrument
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    #[arg(conflicts_with_all = ["size", "hop"])]
    gap: Option<Duration>,
    /// Windows of the last N trades, see --slide
    #[arg(long, value_name = "N", conflicts_with_all = ["size", "hop", "gap"])]
    last: Option<u32>,
    /// From one window of --last to the next, in trades
    #[arg(long, value_name = "N", requires = "last", default_value_t = 1)]
    slide: u32,
    /// Windows of N trades
    #[arg(long, value_name = "N", conflicts_with_all = ["size", "hop", "gap", "last"])]
    trades: Option<u64>,
    /// Windows of so much volume; a trade that overfills one is split
    #[arg(long, value_name = "N", conflicts_with_all = ["size", "hop", "gap", "last", "trades"])]
    volume: Option<u64>,
    /// Windows of so much price times quantity, in whole units of the currency
    #[arg(long, value_name = "N")]
    #[arg(conflicts_with_all = ["size", "hop", "gap", "last", "trades", "volume"])]
    value: Option<u64>,
    /// How far events may be out of order before they are late [default: 0s]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    delay: Option<Duration>,
    /// For how long late trades revise windows that were published [default: 0s]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    lateness: Option<Duration>,
    /// For how long trades that the venue breaks or changes revise windows; without it they do not
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    corrections: Option<Duration>,
    /// What a revision holds: accumulating everything, or discarding what was published
    #[arg(long, value_name = "MODE", value_parser = named::<Mode>)]
    mode: Option<Mode>,
    /// What is published of windows without trades: none, zero, or carry the last close
    #[arg(long, value_name = "POLICY", value_parser = named::<EmptyWindows>)]
    empty: Option<EmptyWindows>,
    /// What has a watermark of its own: publisher, channel or ring
    #[arg(long, value_name = "WHAT", value_parser = named::<Sources>)]
    sources: Option<Sources>,
    /// More about each bar, behind it: twap, realised, ewma, spread, quantiles, flow
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = named::<Aggregate>)]
    aggregates: Option<Vec<Aggregate>>,
}

impl Options {
    /// The specification: the file's, or a window of a second, with what options change.
    ///
    /// # Errors
    ///
    /// [`Failure::File`] if the file cannot be read, [`Failure::Window`] if it is none.
    pub(super) fn spec(&self) -> Result<WindowSpec, Failure> {
        let mut spec = match &self.spec {
            Some(path) => {
                let read = std::fs::read_to_string(path);
                WindowSpec::from_toml(&read.map_err(Failure::file("read", path))?)?
            }
            None => WindowSpec::tumbling(DEFAULT_SIZE_NS),
        };
        spec.window = self.window(spec.window);
        set(&mut spec.delay_ns, self.delay.map(nanoseconds));
        set(&mut spec.lateness_ns, self.lateness.map(nanoseconds));
        set(&mut spec.mode, self.mode);
        set(&mut spec.empty, self.empty);
        set(&mut spec.sources, self.sources);
        set(&mut spec.aggregates, self.aggregates.clone());
        if let Some(horizon) = self.corrections {
            let log = spec.corrections.map_or(LOGGED, |corrections| corrections.log);
            spec.corrections = Some(Corrections { horizon_ns: nanoseconds(horizon), log });
        }
        Ok(spec)
    }

    fn window(&self, given: WindowKind) -> WindowKind {
        let gap = self.gap.map(|gap| WindowKind::Session { gap_ns: nanoseconds(gap) });
        let last = self.last.map(|size| WindowKind::Count { size, slide: self.slide });
        let trades = self.trades.map(|size| WindowKind::Ticks { size });
        let volume = self.volume.map(|size| WindowKind::Volume { size });
        let value = self.value.map(|size| WindowKind::Value { size });
        gap.or(last).or(trades).or(volume).or(value).unwrap_or_else(|| self.timed(given))
    }

    fn timed(&self, given: WindowKind) -> WindowKind {
        let (own_size_ns, own_hop_ns, offset_ns) = match given {
            WindowKind::Tumbling { size_ns, offset_ns } => (size_ns, None, offset_ns),
            WindowKind::Hopping { size_ns, hop_ns, offset_ns } => {
                (size_ns, Some(hop_ns), offset_ns)
            }
            other if self.size.is_none() && self.hop.is_none() => return other,
            _ => (DEFAULT_SIZE_NS, None, 0),
        };
        let size_ns = self.size.map_or(own_size_ns, nanoseconds);
        match self.hop.map(nanoseconds).or(own_hop_ns) {
            Some(hop_ns) => WindowKind::Hopping { size_ns, hop_ns, offset_ns },
            None => WindowKind::Tumbling { size_ns, offset_ns },
        }
    }
}

fn set<T>(field: &mut T, option: Option<T>) {
    if let Some(value) = option {
        *field = value;
    }
}

fn nanoseconds(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

/// Reads a value by its name in the specification; for clap.
///
/// # Errors
///
/// A sentence that names the values.
fn named<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_value(text.into()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use toml::Table;

    /// The keys of a specification, of all tables together.
    fn keys(table: &Table) -> BTreeSet<String> {
        let mut all: BTreeSet<String> = table.keys().cloned().collect();
        for value in table.values() {
            let tables = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
            tables.iter().filter_map(toml::Value::as_table).for_each(|it| all.extend(keys(it)));
        }
        all
    }

    /// The text with each kind of windows in turn; the others are in comments.
    fn texts() -> Vec<String> {
        let text = super::super::SPEC;
        let (before, rest) = text.split_once("kind = ").unwrap();
        let (kinds, after) = rest.split_once("\n\n").unwrap();
        let kinds = kinds.replace("\n# ", "\n");
        kinds.split("kind = ").map(|kind| format!("{before}kind = {kind}\n\n{after}")).collect()
    }

    #[test]
    fn the_help_shows_a_specification_of_each_kind_with_every_key() {
        let mut shown = Vec::new();
        for text in texts() {
            let spec =
                WindowSpec::from_toml(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
            let written: Table = spec.canonical().parse().unwrap();
            let read: Table = text.parse().unwrap();
            assert_eq!(keys(&written), keys(&read), "every key has a value: {text}");
            shown.push(spec.window);
            if let WindowKind::Tumbling { .. } = spec.window {
                tickring_window::Windows::new(&spec).unwrap();
            }
        }
        let kinds = shown.iter().map(std::mem::discriminant).collect::<Vec<_>>();
        assert_eq!(kinds.len(), 7, "{shown:?}");
        assert!((1..7).all(|n| !kinds[..n].contains(&kinds[n])), "each once: {shown:?}");
    }
}

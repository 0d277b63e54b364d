//! What an engine is, and what it says in the end.

use crate::failure::Failure;
use crate::windowing::floor;
use crate::windowing::market::{self, Tick};
use crate::windowing::ours::{self, Shape};
use clap::ValueEnum;
use nix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::Duration;

/// The engines of this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Own {
    /// Reads event time and price of every tick, and makes no window
    Scan,
    /// The least that windows can cost: dense state, nothing else
    Floor,
    /// Our operator, over ticks in memory
    Windows,
    /// Our operator, over the same ticks in order of event time
    Ordered,
    /// Our consumer, out of a ring and into a ring
    Ring,
}

/// What all engines must agree on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Bars.
    pub bars: u64,
    /// Trades in them.
    pub trades: u64,
    /// Volume of them.
    pub volume: u64,
}

impl Totals {
    /// Adds a bar.
    #[inline(always)]
    pub fn add(&mut self, trades: u64, volume: u64) {
        self.bars += 1;
        self.trades += trades;
        self.volume += volume;
    }
}

/// What an engine says, as a line of JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// Processor time of the process while it worked, loading excluded, in nanoseconds.
    pub cpu_ns: u64,
    /// What it made.
    #[serde(flatten)]
    pub totals: Totals,
}

/// Processor time of this process up to now, its threads included.
///
/// # Errors
///
/// [`Failure::System`].
pub fn processor_time() -> Result<Duration, Failure> {
    let now = clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID)
        .map_err(|errno| Failure::System { operation: "read the processor time", errno })?;
    Ok(Duration::from(now))
}

/// Runs an engine of this program over the ticks of a folder.
///
/// # Errors
///
/// [`Failure::Io`] without the ticks, and those of the engine.
pub fn run(own: Own, folder: &Path, symbols: u32, shape: Shape) -> Result<Told, Failure> {
    let mut ticks = market::read(&folder.join("ticks.bin"))?;
    if own == Own::Ordered {
        ticks.sort_by_key(|tick| tick.ts);
    }
    let begin = processor_time()?;
    let (totals, measured) = match own {
        Own::Scan => (scan(&ticks), None),
        Own::Floor => (floor::run(&ticks, symbols, shape), None),
        Own::Windows | Own::Ordered => (ours::from_memory(&ticks, shape)?, None),
        Own::Ring => {
            let (totals, spent) = ours::from_ring(&ticks, shape)?;
            (totals, Some(spent))
        }
    };
    let spent = match measured {
        Some(spent) => spent,
        None => processor_time()?.saturating_sub(begin),
    };
    Ok(Told { cpu_ns: u64::try_from(spent.as_nanos()).unwrap_or(u64::MAX), totals })
}

/// Looks at all ticks and makes nothing of them.
fn scan(ticks: &[Tick]) -> Totals {
    let sum = ticks.iter().fold((0, 0), |(ts, price): (u64, i64), tick| {
        (ts ^ tick.ts, price.wrapping_add(tick.price))
    });
    std::hint::black_box(sum);
    Totals::default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::windowing::market::Market;

    #[test]
    fn the_engines_of_this_program_make_the_same_bars() {
        let market = Market {
            ticks: 60_000,
            symbols: 40,
            rate: 10_000,
            disorder_ms: 10,
            seed: 3,
            faults: false,
        };
        let folder = tempfile::tempdir().unwrap();
        market::write(&market.generate(), &folder.path().join("ticks.bin")).unwrap();
        let shape = Shape { size_ns: 1_000_000_000, hop_ns: 1_000_000_000, delay_ns: 50_000_000 };
        let totals =
            |own| run(own, folder.path(), market.symbols, shape).map(|told| told.totals).unwrap();
        let expected = totals(Own::Windows);
        assert_eq!(expected.trades, 60_000);
        assert!(expected.bars > 200, "{expected:?}");
        for own in [Own::Floor, Own::Ordered, Own::Ring] {
            assert_eq!(totals(own), expected, "{own:?}");
        }
        assert_eq!(totals(Own::Scan), Totals::default());
    }
}

//! A stream of ticks, and what goes wrong with it.

use crate::failure::Failure;
use crate::random::Random;
use bytemuck::{Pod, Zeroable};
use clap::Args;
use std::fs;
use std::path::Path;

/// First instant of the stream: 2026-11-26 14:30:00 UTC.
const START_NS: u64 = 1_795_703_400_000_000_000;
/// One in so many ticks is busted, where there are busts.
const BUST_EVERY: u64 = 10_000;
/// A bust comes at most so many ticks later: the bar may be out by then.
const BUST_WITHIN: u64 = 20_000;
/// One in so many ticks is far too late, where there are such.
const LATE_EVERY: u64 = 50_000;
/// How much too late, in nanoseconds.
const LATE_BY_NS: u64 = 3_000_000_000;
/// Gaps in the whole stream, where there are some.
const GAPS: u64 = 5;
/// Ticks in a gap.
const GAP_TICKS: u64 = 1_500;
/// Largest size of a trade.
const MAX_SIZE: u64 = 500;

/// One trade, 32 bytes, little endian. Its sequence is its place in the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Tick {
    /// Event time, ns since the Unix epoch.
    pub ts: u64,
    /// Price, fixed-point 1e-9.
    pub price: i64,
    /// Instrument, from 0 on.
    pub sym: u32,
    /// Quantity.
    pub size: u32,
    /// 1 bought, -1 sold, 0 neither.
    pub side: i8,
    /// Zero.
    pub reserved: [u8; 7],
}

/// What the stream is like.
#[derive(Clone, Debug, PartialEq, Args)]
pub struct Market {
    /// Ticks
    #[arg(long, default_value_t = 10_000_000)]
    pub ticks: u64,
    /// Instruments; the n-th is traded in proportion to 1/n
    #[arg(long, default_value_t = 8_000)]
    pub symbols: u32,
    /// Ticks in a second of event time
    #[arg(long, default_value_t = 200_000)]
    pub rate: u64,
    /// How far event times are out of order at most, in milliseconds
    #[arg(long, default_value_t = 10)]
    pub disorder_ms: u64,
    /// The seed; the same gives the same stream
    #[arg(long, default_value_t = 42)]
    pub seed: u64,
    /// Whether some ticks are late, some are busted later, and some ranges are lost
    #[arg(long)]
    pub faults: bool,
}

/// Something that a reader of the stream meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The tick with this sequence.
    Tick(u64, Tick),
    /// The tick with this sequence, of this instrument, did not count.
    Bust(u64, u32),
    /// So many ticks from this sequence on were lost.
    Lost(u64, u64),
}

impl Market {
    /// All ticks, also those that will be lost.
    #[must_use]
    pub fn generate(&self) -> Vec<Tick> {
        let mut ticks = Vec::with_capacity(usize::try_from(self.ticks).unwrap_or(0));
        ticks.extend(self.stream());
        ticks
    }

    /// The same ticks one by one.
    pub fn stream(&self) -> impl Iterator<Item = Tick> {
        let mut random = Random(self.seed);
        let instruments = Zipf::new(self.symbols.max(1));
        let mut prices: Vec<i64> =
            (0..self.symbols.max(1)).map(|_| between(&mut random, 1_000, 20_000)).collect();
        let step_ns = 1_000_000_000 / self.rate.max(1);
        (0..self.ticks).map(move |n| {
            let sym = instruments.draw(&mut random);
            let mut delay_ns = random.below(self.disorder_ms.saturating_mul(1_000_000) + 1);
            if self.faults && n % LATE_EVERY == LATE_EVERY / 2 {
                delay_ns += LATE_BY_NS;
            }
            let mut cents = 0;
            if let Some(price) = prices.get_mut(usize::try_from(sym).unwrap_or(0)) {
                *price = (*price + between(&mut random, -2, 2)).clamp(100, 25_000);
                cents = *price;
            }
            Tick {
                ts: (START_NS + n * step_ns).saturating_sub(delay_ns),
                price: cents * 10_000_000,
                sym,
                size: u32::try_from(1 + random.below(MAX_SIZE)).unwrap_or(1),
                side: i8::try_from(between(&mut random, -1, 1)).unwrap_or(0),
                reserved: [0; 7],
            }
        })
    }

    /// What a reader meets, in order.
    #[must_use]
    pub fn events(&self, ticks: &[Tick]) -> Vec<Event> {
        let mut random = Random(self.seed ^ 0xB057);
        let total = ticks.len() as u64;
        let gap_every = total / (GAPS + 1);
        let mut busts: Vec<(u64, u64, u32)> = Vec::new();
        let mut events = Vec::with_capacity(ticks.len());
        let mut lost_until = 0;
        for (seq, tick) in (0_u64..).zip(ticks) {
            if seq < lost_until {
                continue;
            }
            let ends = self.faults && seq > 0 && seq.checked_rem(gap_every) == Some(0);
            if ends && total - seq > GAP_TICKS {
                events.push(Event::Lost(seq, GAP_TICKS));
                lost_until = seq + GAP_TICKS;
                continue;
            }
            events.push(Event::Tick(seq, *tick));
            if self.faults && seq % BUST_EVERY == BUST_EVERY / 3 {
                busts.push((seq + 1 + random.below(BUST_WITHIN), seq, tick.sym));
            }
            busts.retain(|(at, busted, sym)| {
                let is_due = *at <= seq;
                if is_due {
                    events.push(Event::Bust(*busted, *sym));
                }
                !is_due
            });
        }
        events.extend(busts.into_iter().map(|(_, busted, sym)| Event::Bust(busted, sym)));
        events
    }
}

/// Writes ticks as they are in memory.
///
/// # Errors
///
/// [`Failure::Io`].
pub fn write(ticks: &[Tick], path: &Path) -> Result<(), Failure> {
    fs::write(path, bytemuck::cast_slice(ticks))
        .map_err(|source| Failure::io("write", path, source))
}

/// Reads what [`write()`] wrote.
///
/// # Errors
///
/// [`Failure::Io`].
pub fn read(path: &Path) -> Result<Vec<Tick>, Failure> {
    let bytes = fs::read(path).map_err(|source| Failure::io("read", path, source))?;
    let rows = bytes.chunks_exact(size_of::<Tick>());
    Ok(rows.map(bytemuck::pod_read_unaligned).collect())
}

/// A number from `low` to `high`.
fn between(random: &mut Random, low: i64, high: i64) -> i64 {
    low + i64::try_from(random.below(high.abs_diff(low) + 1)).unwrap_or(0)
}

/// Draws n with a probability in proportion to 1/(n + 1).
struct Zipf {
    /// Sums of the weights, in units of 2^-32.
    sums: Vec<u64>,
}

impl Zipf {
    fn new(count: u32) -> Self {
        let mut sum = 0;
        let weights = (1..=u64::from(count)).map(|n| (1 << 32) / n);
        Self {
            sums: weights
                .map(|weight| {
                    sum += weight;
                    sum
                })
                .collect(),
        }
    }

    fn draw(&self, random: &mut Random) -> u32 {
        let total = self.sums.last().copied().unwrap_or(1);
        let point = random.below(total);
        u32::try_from(self.sums.partition_point(|sum| *sum <= point)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn market() -> Market {
        Market { ticks: 120_000, symbols: 50, rate: 20_000, disorder_ms: 10, seed: 7, faults: true }
    }

    #[test]
    fn the_same_seed_gives_the_same_stream_and_another_another() {
        let ticks = market().generate();
        assert_eq!(market().generate(), ticks);
        assert_ne!(Market { seed: 8, ..market() }.generate(), ticks);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ticks.bin");
        write(&ticks, &path).unwrap();
        assert_eq!(read(&path).unwrap(), ticks);
    }

    #[test]
    fn the_first_instrument_is_traded_most_and_the_last_is_traded() {
        let ticks = market().generate();
        let count = |sym: u32| ticks.iter().filter(|tick| tick.sym == sym).count();
        assert!(count(0) > count(1) && count(1) > count(10) && count(49) > 0);
        assert!(ticks.iter().all(|tick| tick.sym < 50 && tick.price > 0 && tick.size > 0));
    }

    #[test]
    fn event_times_are_out_of_order_by_as_much_as_asked_for() {
        let disorder = |market: &Market| {
            let mut newest = 0;
            let ticks = market.generate();
            let behind = ticks.iter().map(|tick| {
                newest = newest.max(tick.ts);
                newest - tick.ts
            });
            behind.max().unwrap()
        };
        let faultless = Market { faults: false, ..market() };
        assert_eq!(disorder(&Market { disorder_ms: 0, ..faultless.clone() }), 0);
        let most = disorder(&faultless);
        assert!(most > 5_000_000 && most <= 10_000_000, "{most}");
        assert!(disorder(&market()) > LATE_BY_NS);
    }

    #[test]
    fn each_tick_is_met_or_lost_and_busts_come_behind_what_they_bust() {
        let ticks = market().generate();
        let mut next = 0;
        let (mut busts, mut lost) = (0, 0);
        for event in market().events(&ticks) {
            match event {
                Event::Tick(seq, _) => {
                    assert_eq!(seq, next);
                    next += 1;
                }
                Event::Bust(seq, sym) => {
                    assert!(seq < next);
                    assert_eq!(ticks[usize::try_from(seq).unwrap()].sym, sym);
                    busts += 1;
                }
                Event::Lost(seq, count) => {
                    assert_eq!(seq, next);
                    next += count;
                    lost += 1;
                }
            }
        }
        assert_eq!((next, lost), (120_000, GAPS));
        assert!(busts >= 10, "{busts}");
    }
}

//! Our windows, over ticks in memory and out of a ring. All that depends on the operator's
//! interface stands here.

use crate::failure::Failure;
use crate::windowing::engine::{Totals, processor_time};
use crate::windowing::market::{Event, Tick};
use std::time::Duration;
use tickring::record::{Record, Trade, WindowBar, action, side};
use tickring::{Directory, Reader, RingName, RingSpec, Start, Writer};
use tickring_window::{
    Aggregate, Corrections, Output, Progress, WindowConsumer, WindowKind, WindowRings, WindowSpec,
    WindowTrade, Windows,
};

/// Slots of the rings of ticks and bars.
const CAPACITY: u64 = 1 << 16;
/// Slots of the ring of late ticks.
const LATE_CAPACITY: u64 = 1 << 10;
/// Trades that are given to the operator at once.
const CHUNK: usize = 16;
/// Trades that can be taken back, and for how long after their window has fired.
const CORRECTIONS: Corrections = Corrections { horizon_ns: 200_000_000, log: 1 << 20 };

/// How ticks are divided, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Length of a window.
    pub size_ns: u64,
    /// From the start of one window to that of the next: the length, unless they overlap.
    pub hop_ns: u64,
    /// How far the watermark stays behind.
    pub delay_ns: u64,
}

impl Shape {
    fn spec(self) -> WindowSpec {
        let Self { size_ns, hop_ns, delay_ns } = self;
        let window = if hop_ns == size_ns {
            WindowKind::Tumbling { size_ns, offset_ns: 0 }
        } else {
            WindowKind::Hopping { size_ns, hop_ns, offset_ns: 0 }
        };
        WindowSpec { delay_ns, ..WindowSpec::new(window) }
    }
}

/// Makes bars of ticks in memory and adds them up.
///
/// # Errors
///
/// [`Failure::Windows`].
pub fn from_memory(ticks: &[Tick], shape: Shape) -> Result<Totals, Failure> {
    let mut windows = Windows::new(&shape.spec()).map_err(Failure::windows)?;
    let mut totals = Totals::default();
    let mut out = |output: Output<'_>| {
        if let Output::Bar(bar) = output {
            totals.add(bar.count, bar.volume);
        }
    };
    let mut trades = [WindowTrade::default(); CHUNK];
    for (first, ticks) in (0..).step_by(CHUNK).zip(ticks.chunks(CHUNK)) {
        for ((seq, tick), place) in (first..).zip(ticks).zip(&mut trades) {
            *place = trade(seq, tick);
        }
        windows.trades(trades.get(..ticks.len()).unwrap_or(&[]), &mut out);
    }
    windows.finish(&mut out);
    Ok(totals)
}

/// Makes bars, with all aggregates of trades and with corrections, of ticks as they come. `look` is
/// told after each how many were taken. Returns what the bars add up to, and how many ticks were
/// late.
///
/// # Errors
///
/// [`Failure::Windows`], and what `look` says.
pub fn full(
    ticks: impl Iterator<Item = Tick>,
    shape: Shape,
    look: &mut impl FnMut(u64) -> Result<(), Failure>,
) -> Result<(Totals, u64), Failure> {
    let aggregates = [
        Aggregate::Twap,
        Aggregate::Realised,
        Aggregate::Ewma,
        Aggregate::Quantiles,
        Aggregate::Flow,
    ];
    let spec = WindowSpec {
        corrections: Some(CORRECTIONS),
        aggregates: aggregates.to_vec(),
        ..shape.spec()
    };
    let mut windows = Windows::new(&spec).map_err(Failure::windows)?;
    let (mut totals, mut late) = (Totals::default(), 0);
    let mut out = |output: Output<'_>| match output {
        Output::Bar(bar) => totals.add(bar.count, bar.volume),
        Output::Late(_) => late += 1,
        Output::Stats(_) => {}
    };
    for (seq, tick) in (0..).zip(ticks) {
        windows.trade(&trade(seq, &tick), &mut out);
        look(seq + 1)?;
    }
    windows.finish(&mut out);
    Ok((totals, late))
}

/// What became of a stream with faults.
#[derive(Clone, Debug, Default)]
pub struct Made {
    /// The bars in order.
    pub bars: Vec<WindowBar>,
    /// Sequences of the ticks that were late.
    pub late: Vec<u64>,
    /// Event times between which lost ticks can have been, both inclusive, in nanoseconds.
    pub gaps: Vec<(u64, u64)>,
}

impl Made {
    fn take(&mut self, output: &Output<'_>) {
        match output {
            Output::Bar(bar) => self.bars.push(**bar),
            // A correction that is refused leaves a difference.
            Output::Late(late) if late.action == action::TRADE => self.late.push(late.src_seq),
            Output::Late(_) | Output::Stats(_) => {}
        }
    }
}

/// Makes bars of a stream of events, some of which take ticks back.
///
/// # Errors
///
/// [`Failure::Windows`].
pub fn from_events(events: &[Event], shape: Shape) -> Result<Made, Failure> {
    let spec = WindowSpec { corrections: Some(CORRECTIONS), ..shape.spec() };
    let mut windows = Windows::new(&spec).map_err(Failure::windows)?;
    let mut made = Made::default();
    let mut newest = 0;
    let mut lost_from = None;
    for event in events {
        match event {
            Event::Tick(seq, tick) => {
                windows.trade(&trade(*seq, tick), &mut |output| made.take(&output));
                if let Some(from) = lost_from.take() {
                    made.gaps.push((from, tick.ts.saturating_add(shape.delay_ns)));
                }
                newest = newest.max(tick.ts);
            }
            Event::Lost(_, count) => {
                windows.missed(*count);
                lost_from.get_or_insert(newest.saturating_sub(shape.delay_ns));
            }
            Event::Bust(seq, sym) => {
                windows.trade(&bust(*seq, *sym), &mut |output| made.take(&output));
            }
        }
    }
    windows.finish(&mut |output| made.take(&output));
    Ok(made)
}

/// Makes bars of ticks that come out of a ring and go into another, and measures the reader
/// alone: the ticks are published in between, and that does not count.
///
/// # Errors
///
/// Those of the rings; [`Failure::Windows`].
pub fn from_ring(ticks: &[Tick], shape: Shape) -> Result<(Totals, Duration), Failure> {
    let root = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
    let root = root.map_err(|source| Failure::io("create", "a folder".as_ref(), source))?;
    let directory = Directory::at(root.path());
    let input = RingName::new("bench", "ticks")?;
    let spec = RingSpec { capacity: CAPACITY, ..RingSpec::new(Trade::kinds())? };
    let mut writer = Some(Writer::open(&directory, &input, &spec)?);
    let rings = WindowRings {
        bars: RingName::new("bench", "bars")?,
        bars_capacity: CAPACITY,
        late: RingName::new("bench", "late")?,
        late_capacity: LATE_CAPACITY,
    };
    let from = (&input, Start::Oldest);
    let mut consumer =
        WindowConsumer::open(&directory, from, &rings, &shape.spec()).map_err(Failure::windows)?;
    let mut bars = Reader::open(&directory, &rings.bars, Start::Oldest)?;
    let mut totals = Totals::default();
    let mut spent = Duration::ZERO;
    for part in ticks.chunks(4096) {
        if let Some(writer) = &mut writer {
            for tick in part {
                writer.stage(&record(tick))?;
            }
            writer.flush();
        }
        spent += drained(&mut consumer)?;
        add(&mut bars, &mut totals);
    }
    if let Some(writer) = writer.take() {
        writer.close();
    }
    spent += drained(&mut consumer)?;
    add(&mut bars, &mut totals);
    Ok((totals, spent))
}

/// Lets the consumer take all that is there, and says how much processor time that took.
fn drained(consumer: &mut WindowConsumer) -> Result<Duration, Failure> {
    let begin = processor_time()?;
    while let Progress::Advanced(_) = consumer.run_once().map_err(Failure::windows)? {}
    Ok(processor_time()?.saturating_sub(begin))
}

fn add(bars: &mut Reader, totals: &mut Totals) {
    while let tickring::Poll::Record(record) = bars.poll() {
        if let Some(bar) = record.get::<WindowBar>() {
            totals.add(bar.count, bar.volume);
        }
    }
}

#[inline(always)]
fn letter(sign: i8) -> u8 {
    // Not a branch: it could not be predicted, and that is not what is measured.
    const LETTERS: [u8; 4] = [side::NONE, side::BID, side::NONE, side::ASK];
    let [low] = sign.to_le_bytes();
    LETTERS.get(usize::from(low & 3)).copied().unwrap_or(side::NONE)
}

#[inline(always)]
fn trade(seq: u64, tick: &Tick) -> WindowTrade {
    WindowTrade {
        seq,
        publisher_id: 1,
        instrument_id: tick.sym,
        ts_event_ns: tick.ts.cast_signed(),
        price_e9: tick.price,
        size: u64::from(tick.size),
        side: letter(tick.side),
        action: action::TRADE,
        trade_id: 0,
        sequence: sequence(seq),
    }
}

/// Takes a tick back, at no time of its own.
fn bust(seq: u64, sym: u32) -> WindowTrade {
    WindowTrade {
        publisher_id: 1,
        instrument_id: sym,
        action: action::CANCEL,
        sequence: sequence(seq),
        ..WindowTrade::default()
    }
}

/// The venue's number of a tick.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "venues count modulo 2^32, too")]
fn sequence(seq: u64) -> u32 {
    seq as u32
}

fn record(tick: &Tick) -> Trade {
    Trade {
        price: tick.price,
        size: tick.size,
        side: letter(tick.side),
        ..Trade::empty(1, tick.sym, tick.ts)
    }
}

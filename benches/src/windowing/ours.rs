//! Our windows, over ticks in memory and out of a ring. All that depends on the operator's
//! interface stands here.

use crate::failure::Failure;
use crate::windowing::engine::{Totals, processor_time};
use crate::windowing::market::{Event, Tick};
use std::time::Duration;
use tickring::record::{Record, Trade, WindowBar, side};
use tickring::{Directory, Reader, RingName, RingSpec, Start, Writer};
use tickring_window::{Progress, WindowConsumer, WindowOptions, WindowTrade, Windows};

/// Whether the operator takes trades back.
pub const HAS_BUSTS: bool = false;
/// Whether the operator has windows that overlap.
pub const HAS_HOPS: bool = false;

/// Slots of the rings.
const CAPACITY: u64 = 1 << 16;

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
    fn windows(self) -> Result<Windows, Failure> {
        Windows::new(self.options()?).map_err(Failure::windows)
    }

    fn options(self) -> Result<WindowOptions, Failure> {
        if self.hop_ns != self.size_ns {
            let reason = "this operator's windows do not overlap".to_owned();
            return Err(Failure::Windows { reason });
        }
        Ok(WindowOptions { size_ns: self.size_ns, delay_ns: self.delay_ns })
    }
}

/// Makes bars of ticks in memory and adds them up.
///
/// # Errors
///
/// [`Failure::Windows`].
pub fn from_memory(ticks: &[Tick], shape: Shape) -> Result<Totals, Failure> {
    let mut windows = shape.windows()?;
    let mut totals = Totals::default();
    let mut out = |bar: &WindowBar| totals.add(bar.count, bar.volume);
    for (seq, tick) in (0..).zip(ticks) {
        windows.trade(&trade(seq, tick), &mut out);
    }
    windows.finish(&mut out);
    Ok(totals)
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

/// Makes bars of a stream of events.
///
/// # Errors
///
/// [`Failure::Windows`].
pub fn from_events(events: &[Event], shape: Shape) -> Result<Made, Failure> {
    let mut windows = shape.windows()?;
    let mut made = Made::default();
    let Made { bars, late, gaps } = &mut made;
    let mut newest = 0;
    let mut lost_from = None;
    for event in events {
        match event {
            Event::Tick(seq, tick) => {
                let before = windows.counts().late;
                windows.trade(&trade(*seq, tick), &mut |bar| bars.push(*bar));
                if windows.counts().late > before {
                    late.push(*seq);
                }
                if let Some(from) = lost_from.take() {
                    gaps.push((from, tick.ts.saturating_add(shape.delay_ns)));
                }
                newest = newest.max(tick.ts);
            }
            Event::Lost(_, count) => {
                windows.missed(*count);
                lost_from.get_or_insert(newest.saturating_sub(shape.delay_ns));
            }
            // Without a record that takes a trade back, nothing is said of it.
            Event::Bust(_) => {}
        }
    }
    windows.finish(&mut |bar| bars.push(*bar));
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
    let (input, output) = (RingName::new("bench", "ticks")?, RingName::new("bench", "bars")?);
    let spec = RingSpec { capacity: CAPACITY, ..RingSpec::new(Trade::kinds())? };
    let mut writer = Some(Writer::open(&directory, &input, &spec)?);
    let options = shape.options()?;
    let (from, to) = ((&input, Start::Oldest), (&output, CAPACITY));
    let mut consumer =
        WindowConsumer::open(&directory, from, to, options).map_err(Failure::windows)?;
    let mut bars = Reader::open(&directory, &output, Start::Oldest)?;
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
    match sign {
        1 => side::BID,
        -1 => side::ASK,
        _ => side::NONE,
    }
}

#[inline(always)]
fn trade(seq: u64, tick: &Tick) -> WindowTrade {
    WindowTrade {
        seq,
        publisher_id: 1,
        instrument_id: tick.sym,
        ts_event_ns: tick.ts,
        price_e9: tick.price,
        size: u64::from(tick.size),
        side: letter(tick.side),
    }
}

fn record(tick: &Tick) -> Trade {
    Trade {
        price: tick.price,
        size: tick.size,
        side: letter(tick.side),
        ..Trade::empty(1, tick.sym, tick.ts)
    }
}

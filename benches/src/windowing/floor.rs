//! The least that windows can cost: one 64-byte line for each instrument and open window, no
//! table of ids, no flags, no sequences.

use crate::windowing::engine::Totals;
use crate::windowing::market::Tick;
use crate::windowing::ours::Shape;

/// Windows that are open at once, a power of two.
const OPEN: usize = 4;

/// What is kept of one instrument in one window.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(64))]
struct Line {
    count: u64,
    open: i64,
    high: i64,
    low: i64,
    close: i64,
    volume: u64,
    notional: i128,
}

/// Windows over instruments that are numbered from 0 on.
#[derive(Debug)]
struct Floor {
    lines: Vec<Line>,
    symbols: usize,
    /// Instruments that have something, of each window.
    touched: [Vec<u32>; OPEN],
    /// The first window that has not fired.
    oldest: u64,
    totals: Totals,
}

/// Makes bars of `ticks` and adds them up.
#[must_use]
pub fn run(ticks: &[Tick], symbols: u32, shape: Shape) -> Totals {
    let Shape { size_ns, delay_ns, .. } = shape;
    let symbols = usize::try_from(symbols).unwrap_or(0);
    let mut floor = Floor {
        lines: vec![Line::default(); OPEN * symbols],
        symbols,
        touched: [const { Vec::new() }; OPEN],
        oldest: 0,
        totals: Totals::default(),
    };
    let mut newest = 0;
    for tick in ticks {
        if tick.ts > newest {
            newest = tick.ts;
            let open = newest.saturating_sub(delay_ns) / size_ns;
            if open > floor.oldest {
                floor.fire(open);
            }
        }
        let window = tick.ts / size_ns;
        if window >= floor.oldest {
            floor.add(window, tick);
        }
    }
    floor.fire(u64::MAX);
    floor.totals
}

impl Floor {
    #[inline(always)]
    fn add(&mut self, window: u64, tick: &Tick) {
        let slot = slot(window);
        let place = slot * self.symbols + tick.sym as usize;
        let Some(line) = self.lines.get_mut(place) else { return };
        if line.count == 0 {
            *line = Line { open: tick.price, high: tick.price, low: tick.price, ..Line::default() };
            if let Some(touched) = self.touched.get_mut(slot) {
                touched.push(tick.sym);
            }
        }
        line.high = line.high.max(tick.price);
        line.low = line.low.min(tick.price);
        line.close = tick.price;
        line.count += 1;
        line.volume += u64::from(tick.size);
        line.notional += i128::from(tick.price) * i128::from(tick.size);
    }

    #[cold]
    fn fire(&mut self, open: u64) {
        for window in self.oldest..open.min(self.oldest.saturating_add(OPEN as u64)) {
            let slot = slot(window);
            let Some(touched) = self.touched.get_mut(slot) else { continue };
            touched.sort_unstable();
            for sym in touched.drain(..) {
                let place = slot * self.symbols + sym as usize;
                if let Some(line) = self.lines.get_mut(place) {
                    let bar = std::hint::black_box(std::mem::take(line));
                    self.totals.add(bar.count, bar.volume);
                }
            }
        }
        self.oldest = open;
    }
}

#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "masked below the number of windows")]
fn slot(window: u64) -> usize {
    window as usize & (OPEN - 1)
}

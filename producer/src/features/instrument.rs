//! The window of one instrument: its last steps, and what happened since.

use tickring::record::{UNDEF_PRICE, side};

use super::CHANNELS;
use super::plant::norm;
use crate::market::{Market, Traded};

/// Values of one step: return, spread, imbalance, volume.
type Step = [f64; CHANNELS as usize];

/// The best prices and sizes.
#[derive(Clone, Copy, Debug)]
struct Best {
    bid: i64,
    ask: i64,
    bid_size: u64,
    ask_size: u64,
}

/// One instrument.
#[derive(Debug)]
pub(super) struct Instrument {
    last_trade: Option<i64>,
    /// Bought less sold since the last step.
    volume: i64,
    events: u32,
    /// The mid price at the last step.
    mid: Option<f64>,
    window: Box<[Step]>,
    /// Where the next step goes: the oldest one once the window is full.
    next: usize,
    full: bool,
}

impl Instrument {
    pub(super) fn new(steps: usize) -> Self {
        Self {
            last_trade: None,
            volume: 0,
            events: 0,
            mid: None,
            window: vec![Step::default(); steps].into_boxed_slice(),
            next: 0,
            full: false,
        }
    }

    /// Takes a trade.
    pub(super) fn trade(&mut self, traded: &Traded) {
        if traded.price != UNDEF_PRICE {
            self.last_trade = Some(traded.price);
        }
        let size = i64::try_from(traded.size).unwrap_or(i64::MAX);
        match traded.side {
            side::BID => self.volume = self.volume.saturating_add(size),
            side::ASK => self.volume = self.volume.saturating_sub(size),
            _ => {}
        }
    }

    /// Counts an event after which the market is this, takes a step if one is due, and returns
    /// whether the window is full then.
    pub(super) fn sample(&mut self, market: &Market, every: u32) -> bool {
        self.events += 1;
        if self.events < every {
            return false;
        }
        self.events = 0;
        let Some(top) = self.best(market) else {
            return false;
        };
        let (bid, ask) = (price(top.bid), price(top.ask));
        let mid = f64::midpoint(bid, ask);
        if mid == 0.0 {
            return false;
        }
        let volume = std::mem::take(&mut self.volume);
        // The first step has nothing to be a change of.
        let Some(before) = self.mid.replace(mid) else {
            return false;
        };
        let step = [
            (mid - before) / before.abs(),
            (ask - bid) / mid.abs(),
            imbalance(top.bid_size, top.ask_size),
            exact(volume),
        ];
        if let Some(oldest) = self.window.get_mut(self.next) {
            *oldest = step;
        }
        self.next += 1;
        if self.next == self.window.len() {
            self.next = 0;
            self.full = true;
        }
        self.full
    }

    /// Returns the best prices; `None` if a side is empty or they are crossed or locked. Where only
    /// trades are known, both are the last one's.
    fn best(&self, market: &Market) -> Option<Best> {
        if !market.is_quoted() {
            let price = self.last_trade?;
            return Some(Best { bid: price, ask: price, bid_size: 0, ask_size: 0 });
        }
        let top = market.top();
        let (bid, ask) = (top.bid?, top.ask?);
        (bid.price < ask.price).then_some(Best {
            bid: bid.price,
            ask: ask.price,
            bid_size: bid.size,
            ask_size: ask.size,
        })
    }

    /// Writes the normalised window, oldest step first, channel by channel, and returns its norm.
    #[expect(clippy::cast_possible_truncation, reason = "lanes are f32 by definition")]
    pub(super) fn encode(&self, lanes: &mut [f32]) -> f32 {
        let (new, old) = self.window.split_at_checked(self.next).unwrap_or_default();
        let steps = self.window.len();
        for (channel, lanes) in lanes.chunks_exact_mut(steps).enumerate() {
            let values = || {
                let steps = old.iter().chain(new);
                steps.map(move |step| step.get(channel).copied().unwrap_or_default())
            };
            let mean = values().sum::<f64>() / exact_len(steps);
            let squares = values().map(|value| (value - mean) * (value - mean)).sum::<f64>();
            let deviation = (squares / exact_len(steps)).sqrt();
            let first = values().next().unwrap_or_default();
            // Compared with the values and not by deviation == 0: the mean is rounded.
            let constant = values().all(|value| value == first) || deviation == 0.0;
            let scale = if constant { 0.0 } else { 1.0 / deviation };
            for (lane, value) in lanes.iter_mut().zip(values()) {
                *lane = ((value - mean) * scale) as f32;
            }
        }
        norm(lanes)
    }
}

/// Returns a price as a float; its scale cancels out in every channel.
#[expect(clippy::cast_precision_loss, reason = "features are ratios: 53 bits are plenty")]
fn price(price_e9: i64) -> f64 {
    price_e9 as f64
}

/// Returns a quantity as a float.
#[expect(clippy::cast_precision_loss, reason = "quantities of one step are far below 2^53")]
fn exact(quantity: i64) -> f64 {
    quantity as f64
}

/// Returns a number of steps as a float.
#[expect(clippy::cast_precision_loss, reason = "a window has at most 256 steps")]
fn exact_len(steps: usize) -> f64 {
    steps as f64
}

/// Returns which side is larger, from -1 (only asks) to 1 (only bids); 0 if both are empty.
#[expect(clippy::cast_precision_loss, reason = "a ratio: 53 bits are plenty")]
fn imbalance(bid_size: u64, ask_size: u64) -> f64 {
    let (bid, ask) = (bid_size as f64, ask_size as f64);
    if bid + ask == 0.0 { 0.0 } else { (bid - ask) / (bid + ask) }
}

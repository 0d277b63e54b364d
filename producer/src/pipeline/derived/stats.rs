//! What follows from a quote and its instrument: middle, microprice, spread, the session's phase,
//! the closing price before, and what is odd about the prices and sizes.
//!
//! The previous close is that of the last trading date before the current one that had any: what
//! the venue told as closing or settlement price of that date (official), else the last trade in
//! its regular hours. A trading status that says that trading has closed ends the regular hours
//! too. A price told for an earlier date counts at once; it cannot be older than what it replaces.

use std::any::Any;
use std::collections::HashMap;

use dbn::{Publisher, StatType, StatUpdateAction};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use tickring::record::{
    InstrumentDef, QuoteStats, Record, RecordHeader, Stat, Status, UNDEF_PRICE, UNDEF_TIME,
};
use tickring::record::{quote_label, session_phase, status_action};

use crate::calendar::{Session, Venue, Venues};
use crate::decimal::power_of_ten;
use crate::error::Error;
use crate::market::Traded;
use crate::order_id::OrderIdHash;

const DAY_NS: u64 = 86_400_000_000_000;

/// Options of the statistics of quotes.
#[derive(Clone, Debug)]
pub struct StatsOptions {
    /// The venues that are known.
    pub venues: Venues,
    /// Code of the venue of all records; without it, it is the one that DBN's number of the
    /// publisher names.
    pub venue: Option<String>,
}

/// What the statistics of a quote follow from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Basis {
    pub(super) header: RecordHeader,
    /// Bid and ask, 1e-9, or undefined.
    pub(super) prices: [i64; 2],
    /// Bid and ask, in units of 10^`qty_exp`; at most what an `i64` holds.
    pub(super) sizes: [u64; 2],
    pub(super) qty_exp: i8,
    pub(super) sequence: u32,
    pub(super) flags: u8,
}

impl Basis {
    /// Returns whether a size is smaller than a lot of whole units.
    fn is_below(&self, size: u64, lot: i64) -> bool {
        let power = |exponent: i16| {
            let exponent = u8::try_from(exponent).ok();
            exponent.map_or(1, |exponent| power_of_ten(exponent).unwrap_or(i64::MAX))
        };
        let exponent = i16::from(self.qty_exp);
        let size = i128::from(size) * i128::from(power(exponent));
        size < i128::from(lot) * i128::from(power(-exponent))
    }
}

/// Makes the statistics of quotes.
#[derive(Debug)]
pub(super) struct Stats {
    venues: Vec<Known>,
    /// The place of the venue of all records.
    of_all: Option<usize>,
    instruments: HashMap<u32, Instrument, OrderIdHash>,
}

/// A venue, with the session that it was last in.
#[derive(Debug)]
struct Known {
    venue: Venue,
    session: Session,
}

impl Known {
    /// The session at a time.
    #[inline]
    fn session(&mut self, time_ns: u64) -> Session {
        if time_ns == UNDEF_TIME {
            return Session::UNKNOWN;
        }
        if !self.session.is_at(time_ns) {
            self.session = self.venue.session(time_ns);
        }
        self.session
    }
}

#[derive(Debug)]
struct Instrument {
    /// The place of its venue.
    venue: Option<usize>,
    /// Step of its prices; `None` if only the venue knows.
    tick: Option<i64>,
    /// Round lot; `None` if only the venue knows.
    lot: Option<i64>,
    /// The trading date; `None` before the first.
    date: Option<Date>,
    /// The last trade in regular hours of that date.
    last: Option<i64>,
    /// The closing price that the venue told of that date.
    official: Option<i64>,
    /// The venue told that trading is over for that date.
    has_closed: bool,
    before: Option<Close>,
}

/// How an earlier date ended.
#[derive(Clone, Copy, Debug)]
struct Close {
    date: Date,
    price: i64,
    is_official: bool,
}

impl Instrument {
    /// Goes on to a trading date if it is a later one.
    fn roll(&mut self, date: Date) {
        if self.date.is_some_and(|current| date <= current) {
            return;
        }
        if let (Some(ended), Some(price)) = (self.date, self.official.or(self.last)) {
            let is_official = self.official.is_some();
            self.before = Some(Close { date: ended, price, is_official });
        }
        self.date = Some(date);
        (self.last, self.official, self.has_closed) = (None, None, false);
    }

    /// Takes the closing price of a date; `None` takes it back.
    fn close(&mut self, date: Date, price: Option<i64>) {
        self.roll(date);
        if self.date == Some(date) {
            self.official = price;
        } else if let Some(price) = price
            && self.before.is_none_or(|before| before.date <= date)
        {
            self.before = Some(Close { date, price, is_official: true });
        }
    }
}

impl Stats {
    pub(super) fn new(options: &StatsOptions) -> Result<Self, Error> {
        // A session is looked up when it is first needed.
        let session = Session { until_ns: 0, ..Session::UNKNOWN };
        let known = |venue: &Venue| Known { venue: venue.clone(), session };
        let venues: Vec<Known> = options.venues.iter().map(known).collect();
        let of_all = options.venue.as_ref().map(|mic| {
            venues.iter().position(|known| known.venue.mic() == mic).ok_or_else(|| Error::Option {
                name: "venue",
                expected: "the code of a venue that is built in or stands in the calendar",
                found: mic.clone(),
            })
        });
        Ok(Self { venues, of_all: of_all.transpose()?, instruments: HashMap::default() })
    }

    /// Notes what a record says of an instrument; nothing for most kinds, at no cost.
    #[inline]
    pub(super) fn note<R: Record>(&mut self, record: &R) {
        let record = record as &dyn Any;
        if let Some(definition) = record.downcast_ref::<InstrumentDef>() {
            let (_, instrument) = self.instrument(&definition.header);
            let tick = definition.min_price_increment;
            instrument.tick = Some(tick).filter(|tick| (1..UNDEF_PRICE).contains(tick));
            let lot = i64::from(definition.min_lot_size_round_lot);
            instrument.lot = Some(lot).filter(|lot| (1..i64::from(i32::MAX)).contains(lot));
        } else if let Some(stat) = record.downcast_ref::<Stat>() {
            self.note_stat(stat);
        } else if let Some(status) = record.downcast_ref::<Status>() {
            self.note_status(status);
        }
    }

    /// Notes a trade.
    #[inline]
    pub(super) fn trade(&mut self, header: &RecordHeader, traded: &Traded) {
        let (session, instrument) = self.instrument(header);
        if let Some(date) = session.date {
            instrument.roll(date);
            let is_regular = session.phase == session_phase::REGULAR && !instrument.has_closed;
            if is_regular && session.date == instrument.date && traded.price != UNDEF_PRICE {
                instrument.last = Some(traded.price);
            }
        }
    }

    /// Returns whether the venue matches orders as they come at the time of a record; `None` if
    /// that is not known.
    pub(super) fn is_matching(&mut self, header: &RecordHeader) -> Option<bool> {
        self.instrument(header).0.is_matching()
    }

    /// Returns what follows from a quote.
    pub(super) fn of(&mut self, quote: &Basis) -> QuoteStats {
        let (session, instrument) = self.instrument(&quote.header);
        if let Some(date) = session.date {
            instrument.roll(date);
        }
        let (before, tick, lot) = (instrument.before, instrument.tick, instrument.lot);
        let venue = instrument.venue.and_then(|place| self.venues.get(place));
        let venue = venue.map(|known| &known.venue);
        let ([bid, ask], [bid_size, ask_size]) = (quote.prices.map(defined), quote.sizes);
        let is_off_tick = |price: Option<i64>| {
            let tick = |price| tick.or_else(|| venue?.tick(price));
            price.is_some_and(|price| tick(price).is_some_and(|tick| price % tick != 0))
        };
        let lot = lot.or_else(|| Some(venue?.lot())).unwrap_or_default();
        let is_odd_lot = |price: Option<i64>, size| price.is_some() && quote.is_below(size, lot);
        let pair = bid.zip(ask);
        let labels = [
            (quote_label::BID_OFF_TICK, is_off_tick(bid)),
            (quote_label::ASK_OFF_TICK, is_off_tick(ask)),
            (quote_label::BID_ODD_LOT, is_odd_lot(bid, bid_size)),
            (quote_label::ASK_ODD_LOT, is_odd_lot(ask, ask_size)),
            (quote_label::CROSSED, pair.is_some_and(|(bid, ask)| bid > ask)),
            (quote_label::LOCKED, pair.is_some_and(|(bid, ask)| bid == ask)),
            (quote_label::OFFICIAL_CLOSE, before.is_some_and(|before| before.is_official)),
        ];
        let labels = labels.into_iter().filter(|(_, is_so)| *is_so).map(|(bit, _)| bit);
        let RecordHeader { publisher_id, instrument_id, ts_event, .. } = quote.header;
        let weights = (ask_size, bid_size);
        QuoteStats {
            mid: pair.and_then(|pair| weighted(pair, (1, 1))).unwrap_or(UNDEF_PRICE),
            microprice: pair.and_then(|pair| weighted(pair, weights)).unwrap_or(UNDEF_PRICE),
            spread: pair.and_then(|(bid, ask)| ask.checked_sub(bid)).unwrap_or(UNDEF_PRICE),
            prev_close: before.map_or(UNDEF_PRICE, |before| before.price),
            sequence: quote.sequence,
            flags: quote.flags,
            phase: session.phase,
            labels: labels.fold(0, |labels, bit| labels | bit),
            ..QuoteStats::empty(publisher_id, instrument_id, ts_event)
        }
    }

    /// The instrument of a record, and the session at its time.
    #[inline]
    fn instrument(&mut self, header: &RecordHeader) -> (Session, &mut Instrument) {
        let Self { venues, of_all, instruments } = self;
        let instrument = instruments.entry(header.instrument_id).or_insert_with(|| Instrument {
            venue: of_all.or_else(|| place_of(venues, header.publisher_id)),
            tick: None,
            lot: None,
            date: None,
            last: None,
            official: None,
            has_closed: false,
            before: None,
        });
        let known = instrument.venue.and_then(|place| venues.get_mut(place));
        (known.map_or(Session::UNKNOWN, |known| known.session(header.ts_event)), instrument)
    }

    fn note_stat(&mut self, stat: &Stat) {
        let closes = [StatType::ClosePrice as u16, StatType::SettlementPrice as u16];
        if !closes.contains(&stat.stat_type) || stat.price == UNDEF_PRICE {
            return;
        }
        let is_deleted = stat.update_action == StatUpdateAction::Delete as u8;
        let time_ns = if stat.ts_ref == UNDEF_TIME { stat.header.ts_event } else { stat.ts_ref };
        let venue = self.instrument(&stat.header).1.venue;
        let venue = venue.and_then(|place| self.venues.get(place));
        // Midnight UTC stands for a date, whatever the hours of the venue.
        let date = match time_ns {
            UNDEF_TIME => None,
            _ if time_ns.is_multiple_of(DAY_NS) => utc_date(time_ns),
            _ => venue.and_then(|known| known.venue.date(time_ns)).or_else(|| utc_date(time_ns)),
        };
        if let Some(date) = date {
            let price = (!is_deleted).then_some(stat.price);
            self.instrument(&stat.header).1.close(date, price);
        }
    }

    fn note_status(&mut self, status: &Status) {
        if !matches!(status.action, status_action::CLOSE | status_action::POST_CLOSE) {
            return;
        }
        // One of no instrument is the venue's.
        if status.header.instrument_id == 0 {
            self.instruments.values_mut().for_each(|instrument| instrument.has_closed = true);
        } else {
            let (session, instrument) = self.instrument(&status.header);
            if let Some(date) = session.date {
                instrument.roll(date);
            }
            instrument.has_closed = true;
        }
    }
}

/// The place of the venue that DBN's number of a publisher names.
fn place_of(venues: &[Known], publisher_id: u16) -> Option<usize> {
    let mic = Publisher::try_from(publisher_id).ok()?.venue().as_str();
    venues.iter().position(|known| known.venue.mic() == mic)
}

fn utc_date(time_ns: u64) -> Option<Date> {
    let time = Timestamp::from_nanosecond(time_ns.into()).ok()?;
    Some(time.to_zoned(TimeZone::UTC).date())
}

fn defined(price: i64) -> Option<i64> {
    (price != UNDEF_PRICE).then_some(price)
}

/// Returns the mean of two prices with these weights, rounded half to even; `None` if both are 0.
fn weighted(prices: (i64, i64), weights: (u64, u64)) -> Option<i64> {
    let (a, b) = (i128::from(weights.0), i128::from(weights.1));
    let (sum, weight) = (i128::from(prices.0) * a + i128::from(prices.1) * b, a + b);
    let floor = sum.checked_div_euclid(weight)?;
    let twice = 2 * (sum - floor * weight);
    let is_up = twice > weight || (twice == weight && floor % 2 != 0);
    i64::try_from(floor + i128::from(is_up)).ok()
}

#[cfg(test)]
mod tests;

//! What is true of a stream of records: counts, sums, and the books at its end.
//!
//! Whoever reads a file made of the same records can be held against it.

use std::any::Any;
use std::collections::BTreeMap;

use tickring::WrongKind;
use tickring::record::{InstrumentDef, Mbo, Record, RecordHeader, UNDEF_PRICE, action};

use crate::book::Book;
use crate::source::{Count, Sink};

/// Counts, sums and books of the records that it is given.
///
/// Cost: an update of a book for each order record.
#[derive(Debug, Default)]
pub struct Truth {
    kinds: BTreeMap<&'static str, u64>,
    actions: BTreeMap<u8, u64>,
    orders: Sums,
    trades: Sums,
    instruments: BTreeMap<u32, InstrumentTruth>,
    /// The headers of the first and the last record of the ring of ticks.
    ends: Option<(RecordHeader, RecordHeader)>,
}

/// Sums over records.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Sums {
    /// Sum of the sizes.
    pub size: u64,
    /// Sum of the prices that are defined, 1e-9.
    pub price_e9: i128,
    /// Sum of price times size, 1e-9.
    pub notional_e9: i128,
}

impl Sums {
    fn add(&mut self, price: i64, size: u32) {
        self.size += u64::from(size);
        if price != UNDEF_PRICE {
            self.price_e9 += i128::from(price);
            self.notional_e9 += i128::from(price) * i128::from(size);
        }
    }
}

/// What is true of one instrument.
#[derive(Clone, Debug, Default)]
pub struct InstrumentTruth {
    /// Its symbol, empty if it was not defined.
    pub symbol: String,
    /// Trades: records of action `T`.
    pub trades: u64,
    /// Their sums.
    pub traded: Sums,
    /// The book, as it is after the last record.
    pub book: Book,
}

impl Truth {
    /// Returns how many records there were, by kind.
    ///
    /// Cost: allocates.
    #[must_use]
    pub fn kinds(&self) -> Vec<Count> {
        self.kinds.iter().map(|(&name, &count)| Count::new(name, count)).collect()
    }

    /// Returns how many order records there were, by action.
    ///
    /// Cost: allocates.
    #[must_use]
    pub fn actions(&self) -> Vec<Count> {
        let actions = self.actions.iter();
        actions.map(|(&action, &count)| Count::new(char::from(action), count)).collect()
    }

    /// Returns the sums over all order records.
    #[must_use]
    pub fn orders(&self) -> Sums {
        self.orders
    }

    /// Returns the sums over the trades: order records of action `T`.
    #[must_use]
    pub fn trades(&self) -> Sums {
        self.trades
    }

    /// Returns what is true of each instrument, by its number.
    pub fn instruments(&self) -> impl Iterator<Item = (u32, &InstrumentTruth)> {
        self.instruments.iter().map(|(&id, instrument)| (id, instrument))
    }

    /// Returns the headers of the first and the last record of the ring of ticks.
    #[must_use]
    pub fn ends(&self) -> Option<(RecordHeader, RecordHeader)> {
        self.ends
    }

    fn count<R: Record>(&mut self) {
        *self.kinds.entry(R::NAME).or_default() += 1;
    }

    fn order(&mut self, record: &Mbo) {
        *self.actions.entry(record.action).or_default() += 1;
        self.orders.add(record.price, record.size);
        let instrument = self.instruments.entry(record.header.instrument_id).or_default();
        if record.action == action::TRADE {
            self.trades.add(record.price, record.size);
            instrument.trades += 1;
            instrument.traded.add(record.price, record.size);
        }
        let _ = instrument.book.apply(record);
    }
}

impl Sink for Truth {
    fn tick<R: Record>(&mut self, record: &R) -> Result<(), WrongKind> {
        self.count::<R>();
        let header = *record.header();
        self.ends = Some((self.ends.map_or(header, |(first, _)| first), header));
        if let Some(mbo) = (record as &dyn Any).downcast_ref::<Mbo>() {
            self.order(mbo);
        }
        Ok(())
    }

    fn definition<R: Record>(&mut self, record: &R) -> Result<(), WrongKind> {
        self.count::<R>();
        if let Some(definition) = (record as &dyn Any).downcast_ref::<InstrumentDef>() {
            let symbol = definition.raw_symbol.split(|&byte| byte == 0).next().unwrap_or_default();
            let instrument = self.instruments.entry(definition.header.instrument_id).or_default();
            instrument.symbol = String::from_utf8_lossy(symbol).into_owned();
        }
        Ok(())
    }

    fn statistic<R: Record>(&mut self, _: &R) -> Result<(), WrongKind> {
        self.count::<R>();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tickring::record::{Imbalance, Status};

    use super::*;

    #[test]
    fn counts_sums_and_books_are_those_of_the_records() {
        let mut truth = Truth::default();
        let mut definition = InstrumentDef::empty(0, 7, 1);
        definition.raw_symbol[..4].copy_from_slice(b"TEST");
        truth.definition(&definition).unwrap();
        let order = |action, order_id, price, size, ts_event| Mbo {
            order_id,
            price,
            size,
            action,
            side: b'B',
            ..Mbo::empty(0, 7, ts_event)
        };
        truth.tick(&order(b'A', 1, 100, 5, 2)).unwrap();
        truth.tick(&order(b'A', 2, 90, 5, 3)).unwrap();
        truth.tick(&order(b'T', 0, 100, 2, 4)).unwrap();
        truth.tick(&order(b'M', 1, 100, 3, 4)).unwrap();
        truth.tick(&order(b'R', 0, UNDEF_PRICE, 0, 4)).unwrap();
        truth.tick(&order(b'A', 3, 80, 1, 5)).unwrap();
        truth.tick(&Status::empty(0, 7, 6)).unwrap();
        truth.statistic(&Imbalance::empty(0, 7, 6)).unwrap();
        let kinds = [("imbalance", 1), ("instrument_def", 1), ("mbo", 6), ("status", 1)];
        assert_eq!(truth.kinds(), kinds.map(|(name, count)| Count::new(name, count)));
        let actions = [("A", 3), ("M", 1), ("R", 1), ("T", 1)];
        assert_eq!(truth.actions(), actions.map(|(name, count)| Count::new(name, count)));
        let trades = Sums { size: 2, price_e9: 100, notional_e9: 200 };
        assert_eq!(truth.trades(), trades);
        assert_eq!(truth.orders(), Sums { size: 16, price_e9: 470, notional_e9: 1_530 });
        let (first, last) = truth.ends().unwrap();
        assert_eq!((first.ts_event, last.ts_event), (2, 6));
        let [(7, instrument)] = truth.instruments().collect::<Vec<_>>()[..] else { panic!() };
        assert_eq!((instrument.symbol.as_str(), instrument.trades), ("TEST", 1));
        assert_eq!((instrument.traded, instrument.book.order_count()), (trades, 1));
        assert_eq!(instrument.book.best_bid().unwrap().price, 80);
    }
}

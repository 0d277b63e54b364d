//! An instrument, as the directory of a ring defines it.

use pyo3::prelude::*;
use tickring::record::{UNDEF_PRICE, UNDEF_TIME};

/// What a ring knows of an instrument; None stands for what was not said.
#[pyclass(module = "tickring", frozen, get_all, eq)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Instrument {
    /// The id that records carry.
    instrument_id: u32,
    /// The symbol as the publisher writes it; empty if it is not known.
    symbol: String,
    /// Publisher in DBN's numbering.
    publisher_id: u16,
    /// Smallest difference of two prices, in units of 1e-9.
    tick: Option<i64>,
    /// Smallest quantity, in units of 10^`qty_exp`.
    lot: Option<i64>,
    /// Decimals of its prices.
    price_decimals: Option<u8>,
    /// Decimals of its quantities.
    qty_decimals: Option<u8>,
    /// Exponent of its quantities: one unit is 10^`qty_exp`.
    qty_exp: i8,
    /// When it was defined, in nanoseconds since the Unix epoch.
    ts_defined: Option<u64>,
}

impl From<tickring::Instrument> for Instrument {
    fn from(known: tickring::Instrument) -> Self {
        let decimals = |number: u8| (number != u8::MAX).then_some(number);
        Self {
            instrument_id: known.instrument_id,
            symbol: known.symbol().into_owned(),
            publisher_id: known.publisher_id,
            tick: (known.tick != UNDEF_PRICE).then_some(known.tick),
            lot: (known.lot != 0).then_some(known.lot),
            price_decimals: decimals(known.price_decimals),
            qty_decimals: decimals(known.qty_decimals),
            qty_exp: known.qty_exp,
            ts_defined: (known.ts_defined != UNDEF_TIME).then_some(known.ts_defined),
        }
    }
}

#[pymethods]
impl Instrument {
    fn __repr__(&self) -> String {
        format!(
            "Instrument(instrument_id={}, symbol={:?}, publisher_id={})",
            self.instrument_id, self.symbol, self.publisher_id
        )
    }
}

//! How an instrument's numbers are scaled, learnt from the numbers that its venue sends.
//!
//! A quantity in a trade or a level carries its own exponent; that of a quote is in the instrument
//! directory, one for all quotes of an instrument: another one would make another quantity of each
//! quote that was published before. So the directory's exponent is chosen once, at the first
//! message with quantities, fine enough for all of them and, where a venue leaves zeros away, for
//! eight decimals. Trades and levels use it wherever it is exact, and their own decimals elsewhere;
//! a side of a quote whose quantity it cannot hold exactly is undefined, and counted.

use tickring::Instrument;

use crate::book::levels::PriceLevel;
use crate::decimal::Decimal;

/// Decimals at first of quantities that are sent without the zeros at their end.
const DECIMALS: u8 = 8;
/// Quantities of more digits give up zeros at their end, so that larger ones will fit too.
const MOST_MANTISSA: u64 = 1_000_000_000_000_000;
/// In an [`Instrument`]: its decimals are not known.
const UNKNOWN: u8 = u8::MAX;

/// The decimals of one instrument.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    /// Decimals of quantities as the directory has them: the negated exponent.
    shared: u8,
    /// Whether `shared` was chosen, and is final: a message with quantities was read.
    is_chosen: bool,
    is_final: bool,
    /// Most decimals of prices and quantities so far.
    price: u8,
    qty: u8,
    varies: bool,
}

impl Scale {
    /// Creates a scale. `varies` says that the venue leaves zeros at the end away.
    pub(super) fn new(varies: bool) -> Self {
        Self { shared: 0, is_chosen: false, is_final: false, price: 0, qty: 0, varies }
    }

    /// Notes the decimals of a level; says whether the definition is another one now.
    #[inline]
    pub(super) fn learn_level(&mut self, definition: &mut Instrument, level: &PriceLevel) -> bool {
        let is_plain =
            self.is_final && level.price.sent <= self.price && level.qty.sent <= self.qty;
        !is_plain && self.learn(definition, level.price, level.qty)
    }

    /// Notes that the first message with quantities is over: quotes may follow.
    #[inline]
    pub(super) fn settle(&mut self) {
        self.is_final |= self.is_chosen;
    }

    /// Notes the decimals of a price and its quantity; says whether the definition is another
    /// one now.
    pub(super) fn learn(
        &mut self,
        definition: &mut Instrument,
        price: Decimal,
        qty: Decimal,
    ) -> bool {
        let before = *definition;
        let price_decimals = definition.price_decimals;
        if price_decimals == UNKNOWN || price.sent > self.price {
            self.price = price.sent;
            definition.price_decimals = price.sent;
        }
        if definition.qty_decimals == UNKNOWN || qty.sent > self.qty {
            self.qty = qty.sent;
            definition.qty_decimals = qty.sent;
        }
        if !self.is_final {
            let least = if self.varies { DECIMALS } else { 0 };
            let first = if self.is_chosen { self.shared } else { least };
            self.shared = needed(qty).max(first);
            self.is_chosen = true;
        }
        definition.qty_exp = exponent(self.shared);
        *definition != before
    }

    /// Returns a quantity as mantissa and exponent: the directory's exponent where it is exact.
    #[inline]
    pub(super) fn qty(&self, qty: Decimal) -> (i64, i8) {
        match qty.rescaled(self.shared) {
            Some(mantissa) => (mantissa, exponent(self.shared)),
            None => (qty.mantissa, exponent(qty.decimals)),
        }
    }

    /// Returns the mantissa of a quantity with the directory's exponent, if that is exact.
    pub(super) fn shared_qty(&self, qty: Decimal) -> Option<i64> {
        qty.rescaled(self.shared)
    }
}

/// Decimals that a quantity needs: those it was sent with, unless they are zeros that take the room
/// of larger quantities.
fn needed(qty: Decimal) -> u8 {
    let Decimal { mut mantissa, mut decimals, .. } = qty;
    while mantissa.unsigned_abs() > MOST_MANTISSA && decimals > 0 && mantissa % 10 == 0 {
        mantissa /= 10;
        decimals -= 1;
    }
    decimals
}

/// The exponent of a quantity with these decimals, of which there are 18 at most.
fn exponent(decimals: u8) -> i8 {
    i8::try_from(decimals).map_or(i8::MIN, |decimals| -decimals)
}

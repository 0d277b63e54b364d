//! One open window over all instruments.

use crate::aggregate::Aggregate;
use crate::trade::WindowTrade;

/// The state of one window: an aggregate per instrument and the list of those that have trades.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pane {
    aggregates: Vec<Aggregate>,
    touched: Vec<usize>,
}

impl Pane {
    /// Adds a trade of the instrument with this number.
    #[inline]
    pub(crate) fn add(&mut self, number: usize, trade: &WindowTrade) {
        if number >= self.aggregates.len() {
            self.aggregates.resize(number + 1, Aggregate::default());
        }
        if let Some(aggregate) = self.aggregates.get_mut(number) {
            if aggregate.is_empty() {
                self.touched.push(number);
            }
            aggregate.add(trade);
        }
    }

    /// Hands out what has trades, in order of the instruments' ids, and empties the pane.
    pub(crate) fn drain(
        &mut self,
        id_of: impl Fn(usize) -> u32,
        mut f: impl FnMut(u32, &Aggregate),
    ) {
        self.touched.sort_unstable_by_key(|number| id_of(*number));
        for number in self.touched.drain(..) {
            if let Some(aggregate) = self.aggregates.get_mut(number) {
                f(id_of(number), aggregate);
                *aggregate = Aggregate::default();
            }
        }
    }
}

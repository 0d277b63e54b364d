//! Numbers for instruments that a source names by symbols only.

use std::collections::HashMap;

/// Gives each symbol a number: 1 to the first, and so on in the order in which they are first
/// seen. The same input gives the same numbers.
///
/// Cost of a look-up: one hash of the symbol; a symbol seen for the first time allocates.
#[derive(Clone, Debug, Default)]
pub struct Symbols {
    ids: HashMap<Box<[u8]>, u32>,
}

/// The number of a symbol.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Numbered {
    /// The number.
    pub instrument_id: u32,
    /// Whether the symbol was seen for the first time, so that its instrument is to be told of.
    pub is_new: bool,
}

impl Symbols {
    /// Returns the number of a symbol.
    pub fn number(&mut self, symbol: &[u8]) -> Numbered {
        if let Some(&instrument_id) = self.ids.get(symbol) {
            return Numbered { instrument_id, is_new: false };
        }
        let instrument_id = u32::try_from(self.ids.len() + 1).unwrap_or(u32::MAX);
        self.ids.insert(symbol.into(), instrument_id);
        Numbered { instrument_id, is_new: true }
    }

    /// Returns the number of a symbol that was seen.
    #[must_use]
    pub fn get(&self, symbol: &[u8]) -> Option<u32> {
        self.ids.get(symbol).copied()
    }

    /// Returns how many symbols were seen.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Returns whether none was seen.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_are_numbered_from_one_in_the_order_of_their_first_sight() {
        let mut symbols = Symbols::default();
        assert!(symbols.is_empty());
        let told: Vec<(u32, bool)> = [&b"ZIEXT"[..], b"AAPL", b"ZIEXT", b"", b"AAPL"]
            .map(|symbol| symbols.number(symbol))
            .map(|Numbered { instrument_id, is_new }| (instrument_id, is_new))
            .into();
        assert_eq!(told, [(1, true), (2, true), (1, false), (3, true), (2, false)]);
        assert_eq!(symbols.len(), 3);
        assert_eq!((symbols.get(b"AAPL"), symbols.get(b"aapl")), (Some(2), None));
    }
}

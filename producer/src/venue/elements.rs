//! Elements of a message that tells of several instruments, without what borrows from it.

use std::ops::Range;

/// Elements with the symbols of all in one text and the levels of all in one array, so that
/// nothing is allocated for each.
#[derive(Debug)]
pub(super) struct Elements<T> {
    items: Vec<Element<T>>,
    symbols: String,
}

/// One of them, and where its symbol and its levels end.
#[derive(Clone, Copy, Debug)]
struct Element<T> {
    item: T,
    symbol_end: usize,
    levels_end: usize,
}

impl<T> Default for Elements<T> {
    fn default() -> Self {
        Self { items: Vec::new(), symbols: String::new() }
    }
}

impl<T> Elements<T> {
    /// Forgets the elements of the message before.
    pub(super) fn clear(&mut self) {
        self.items.clear();
        self.symbols.clear();
    }

    /// Adds an element, whose levels are those of the array from the element before up to
    /// `levels_end`.
    pub(super) fn push(&mut self, item: T, symbol: &str, levels_end: usize) {
        self.symbols.push_str(symbol);
        self.items.push(Element { item, symbol_end: self.symbols.len(), levels_end });
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    /// The elements from the one with this number on, to be completed.
    pub(super) fn tail_mut(&mut self, first: usize) -> impl Iterator<Item = &mut T> {
        self.items.iter_mut().skip(first).map(|element| &mut element.item)
    }

    /// Each element with its symbol and the place of its levels.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&T, &str, Range<usize>)> {
        let (mut symbol, mut levels) = (0, 0);
        self.items.iter().map(move |element| {
            let name = self.symbols.get(symbol..element.symbol_end).unwrap_or("");
            // One without levels may not know how many there were before it.
            let end = element.levels_end.max(levels);
            let own = levels..end;
            (symbol, levels) = (element.symbol_end, end);
            (&element.item, name, own)
        })
    }
}

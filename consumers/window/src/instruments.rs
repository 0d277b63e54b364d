//! Instrument ids as dense numbers.

use std::collections::BTreeMap;

/// Ids below this are looked up in a table: those of one venue are, as a rule.
const TABLE_IDS: u32 = 1 << 16;

/// The instruments met so far, numbered in the order in which they were met.
#[derive(Clone, Debug, Default)]
pub(crate) struct Instruments {
    /// Number plus one of each small id; zero where the id was not met.
    table: Vec<u32>,
    others: BTreeMap<u32, u32>,
    ids: Vec<u32>,
}

impl Instruments {
    /// The number of an instrument, given to it now if it was not met before.
    #[inline]
    pub(crate) fn number(&mut self, id: u32) -> usize {
        let known = match usize::try_from(id).ok().and_then(|index| self.table.get(index)) {
            Some(0) | None => None,
            Some(number) => Some(*number - 1),
        };
        match known {
            Some(number) => number as usize,
            None => self.meet(id),
        }
    }

    /// The id of a number given out by [`number`](Self::number).
    pub(crate) fn id(&self, number: usize) -> u32 {
        self.ids.get(number).copied().unwrap_or_default()
    }

    #[cold]
    fn meet(&mut self, id: u32) -> usize {
        if let Some(number) = self.others.get(&id) {
            return *number as usize;
        }
        let number = self.ids.len();
        self.ids.push(id);
        // There are at most 2^32 ids, and each is met once.
        let narrow = u32::try_from(number).unwrap_or(u32::MAX);
        if id < TABLE_IDS {
            let index = id as usize;
            if index >= self.table.len() {
                self.table.resize(index + 1, 0);
            }
            if let Some(entry) = self.table.get_mut(index) {
                *entry = narrow + 1;
            }
        } else {
            self.others.insert(id, narrow);
        }
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_and_large_ids_keep_their_numbers() {
        let mut instruments = Instruments::default();
        let ids = [7, 0, TABLE_IDS - 1, TABLE_IDS, u32::MAX, 8];
        for (number, id) in ids.into_iter().enumerate() {
            assert_eq!(instruments.number(id), number);
        }
        for (number, id) in ids.into_iter().enumerate().rev() {
            assert_eq!(instruments.number(id), number, "id {id} again");
            assert_eq!(instruments.id(number), id);
        }
    }
}

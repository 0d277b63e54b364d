//! Instrument ids as dense numbers.

use crate::WindowError;
use crate::state::{Loader, Saver};

/// Ids below this are looked up in a table: those of one venue are, as a rule.
const TABLE_IDS: u32 = 1 << 16;

/// The instruments met so far, numbered in the order in which they were met.
#[derive(Clone, Debug, Default)]
pub(crate) struct Instruments {
    /// Number plus one of each small id; zero where the id was not met.
    table: Vec<u32>,
    /// Number plus one of the other ids, by open addressing; a power of two, at most half full.
    others: Vec<u32>,
    others_len: usize,
    ids: Vec<u32>,
    /// `id << 32 | number`, in ascending order.
    order: Vec<u64>,
}

/// An instrument as it is sorted: by its id.
#[inline]
pub(crate) fn packed(id: u32, number: usize) -> u64 {
    u64::from(id) << 32 | number as u64 & 0xFFFF_FFFF
}

/// The number in a packed instrument.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the low 32 bits")]
pub(crate) fn number_in(packed: u64) -> usize {
    packed as u32 as usize
}

impl Instruments {
    /// The number of an instrument, given to it now if it was not met before.
    #[inline]
    pub(crate) fn number(&mut self, id: u32) -> usize {
        match self.table.get(id as usize) {
            Some(number) if *number != 0 => *number as usize - 1,
            _ => self.meet(id),
        }
    }

    /// The number of an instrument that was met.
    #[inline]
    pub(crate) fn known(&self, id: u32) -> Option<usize> {
        let number = match self.table.get(id as usize) {
            Some(number) => *number,
            None => self.others.get(self.search(id)?).copied()?,
        };
        (number as usize).checked_sub(1)
    }

    /// The id of a number given out by [`number`](Self::number).
    #[inline]
    pub(crate) fn id(&self, number: usize) -> u32 {
        self.ids.get(number).copied().unwrap_or_default()
    }

    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    /// The instrument at a place in the order of ids.
    pub(crate) fn ordered(&self, at: usize) -> Option<u64> {
        self.order.get(at).copied()
    }

    #[cold]
    fn meet(&mut self, id: u32) -> usize {
        match self.known(id) {
            Some(number) => number,
            None => self.add(id),
        }
    }

    #[cold]
    fn add(&mut self, id: u32) -> usize {
        let number = self.ids.len();
        self.ids.push(id);
        let entry = packed(id, number);
        let place = self.order.partition_point(|other| *other < entry);
        self.order.insert(place, entry);
        // There are at most 2^32 ids, and each is met once.
        let behind = u32::try_from(number).unwrap_or(u32::MAX).saturating_add(1);
        if id < TABLE_IDS {
            let index = id as usize;
            if index >= self.table.len() {
                self.table.resize(index + 1, 0);
            }
            if let Some(entry) = self.table.get_mut(index) {
                *entry = behind;
            }
        } else {
            self.others_len += 1;
            if self.others_len * 2 > self.others.len() {
                self.grow_others();
            } else if let Some(place) = self.search(id)
                && let Some(entry) = self.others.get_mut(place)
            {
                *entry = behind;
            }
        }
        number
    }

    /// The place of a large id in the open addressing, or the free one where it would stand.
    fn search(&self, id: u32) -> Option<usize> {
        let mask = self.others.len().checked_sub(1)?;
        let mut place = (id.wrapping_mul(0x9E37_79B1) >> 7) as usize & mask;
        loop {
            let number = *self.others.get(place)?;
            match (number as usize).checked_sub(1) {
                Some(number) if self.ids.get(number) != Some(&id) => place = (place + 1) & mask,
                _ => return Some(place),
            }
        }
    }

    fn grow_others(&mut self) {
        let len = (self.others.len() * 2).max(64);
        self.others.clear();
        self.others.resize(len, 0);
        for number in 0..self.ids.len() {
            let id = self.id(number);
            let behind = u32::try_from(number + 1).unwrap_or(u32::MAX);
            if id >= TABLE_IDS
                && let Some(place) = self.search(id)
                && let Some(entry) = self.others.get_mut(place)
            {
                *entry = behind;
            }
        }
    }

    pub(crate) fn save(&self, to: &mut Saver<'_>) {
        to.slice(&self.ids);
    }

    pub(crate) fn load(&mut self, from: &mut Loader<'_>) -> Result<(), WindowError> {
        *self = Self::default();
        for id in from.slice::<u32>()? {
            self.number(id);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_and_large_ids_keep_their_numbers() {
        let mut instruments = Instruments::default();
        let some = [7, 0, TABLE_IDS - 1, TABLE_IDS, u32::MAX, 8];
        let ids: Vec<u32> = some.into_iter().chain((1..500).map(|n| n * 65_536 + 9)).collect();
        for (number, id) in ids.iter().enumerate() {
            assert_eq!(instruments.known(*id), None);
            assert_eq!(instruments.number(*id), number);
        }
        for (number, id) in ids.iter().enumerate().rev() {
            assert_eq!(instruments.number(*id), number, "id {id} again");
            assert_eq!((instruments.id(number), instruments.known(*id)), (*id, Some(number)));
        }
        let order = (0..ids.len()).map(|at| number_in(instruments.ordered(at).unwrap()));
        let mut sorted = ids.clone();
        sorted.sort_unstable();
        assert_eq!(order.map(|number| ids[number]).collect::<Vec<_>>(), sorted);
    }
}

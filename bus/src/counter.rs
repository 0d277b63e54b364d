//! Counters that a writer shows by name: what its source has seen, for people and metrics.
//!
//! They stand in the control segment, behind the entries of readers: 64 counters of 64 bytes.
//!
//! ```text
//!  0                                               48              56              64
//!  +-----------------------------------------------+---------------+---------------+
//!  | name, UTF-8, NUL behind it                    | check         | count         |
//!  +-----------------------------------------------+---------------+---------------+
//! ```
//!
//! One writer stores, whoever wants to loads, and nothing needs an order. A counter keeps its name
//! for as long as the segment lives, and the check is made of the name: who finds both in accord
//! has the whole name, and the count is one word.

use crate::slot::{load, store};
use crate::sync::AtomicU64;
use std::array::from_fn;

/// Words of a counter: a cache line.
pub(crate) const COUNTER_WORDS: usize = NAME_WORDS + 2;
const NAME_WORDS: usize = 6;
/// Bytes of a name, the NUL behind it included.
const NAME_BYTES: usize = NAME_WORDS * 8;
/// Set in every check, so that the check of no name is not that of a blank counter.
const NAMED: u64 = 1 << 32;

type Name = [u64; NAME_WORDS];

/// One counter in the control segment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counter<'a> {
    words: &'a [AtomicU64; COUNTER_WORDS],
}

impl<'a> Counter<'a> {
    pub(crate) fn new(words: &'a [AtomicU64; COUNTER_WORDS]) -> Self {
        Self { words }
    }

    /// Stores the count if this is the counter of that name, or can become it. For the writer.
    pub(crate) fn show(self, name: &str, count: u64) -> bool {
        let name = words_of(name);
        let [own @ .., check, value] = self.words;
        if load(check) == 0 {
            own.iter().zip(name).for_each(|(word, part)| store(word, part));
            store(value, count);
            store(check, check_of(&name));
        } else if own.iter().zip(name).all(|(word, part)| load(word) == part) {
            store(value, count);
        } else {
            return false;
        }
        true
    }

    /// Sets the count to 0: a new writer has counted nothing yet.
    pub(crate) fn reset(self) {
        let [.., value] = self.words;
        store(value, 0);
    }

    /// Returns name and count; `None` of a counter that nobody has named, or not to the end.
    pub(crate) fn read(self) -> Option<(String, u64)> {
        let [own @ .., check, value] = self.words;
        let own: &[AtomicU64; NAME_WORDS] = own;
        let name: Name = from_fn(|index| own.get(index).map_or(0, load));
        if load(check) != check_of(&name) {
            return None;
        }
        let bytes = name.map(u64::to_le_bytes).concat();
        let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
        Some((String::from_utf8_lossy(text).into_owned(), load(value)))
    }
}

/// A name as it is stored, cut to what fits.
fn words_of(name: &str) -> Name {
    let mut end = name.len().min(NAME_BYTES - 1);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    let mut bytes = [0; NAME_BYTES];
    bytes.iter_mut().zip(name.bytes().take(end)).for_each(|(to, from)| *to = from);
    let (words, _) = bytes.as_chunks::<8>();
    from_fn(|index| words.get(index).map_or(0, |word| u64::from_le_bytes(*word)))
}

fn check_of(name: &Name) -> u64 {
    NAMED | u64::from(crc32c::crc32c(&name.map(u64::to_le_bytes).concat()))
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn blank() -> [AtomicU64; COUNTER_WORDS] {
        from_fn(|_| AtomicU64::new(0))
    }

    #[test]
    fn a_counter_takes_the_first_name_and_keeps_it() {
        let words = blank();
        let counter = Counter::new(&words);
        assert_eq!(counter.read(), None);
        assert!(counter.show("inputs", 5) && !counter.show("gaps", 1));
        assert_eq!(counter.read(), Some(("inputs".to_owned(), 5)));
        assert!(counter.show("inputs", 7));
        assert_eq!(counter.read(), Some(("inputs".to_owned(), 7)));
        counter.reset();
        assert_eq!(counter.read(), Some(("inputs".to_owned(), 0)));
    }

    #[test]
    fn names_are_cut_between_characters_to_what_fits() {
        for (name, kept) in [
            (String::new(), String::new()),
            ("x".repeat(47), "x".repeat(47)),
            ("x".repeat(90), "x".repeat(47)),
            (format!("{}é", "x".repeat(46)), "x".repeat(46)),
        ] {
            let words = blank();
            assert!(Counter::new(&words).show(&name, 1));
            assert_eq!(Counter::new(&words).read(), Some((kept, 1)));
        }
    }

    #[test]
    fn a_name_that_is_not_whole_is_not_read() {
        let words = blank();
        assert!(Counter::new(&words).show("message lost", 3));
        for (word, part) in [(0, 1), (5, 1), (6, NAMED), (6, 0)] {
            let before = load(&words[word]);
            store(&words[word], part);
            assert_eq!(Counter::new(&words).read(), None, "word {word}");
            store(&words[word], before);
        }
        assert!(Counter::new(&words).read().is_some());
    }
}

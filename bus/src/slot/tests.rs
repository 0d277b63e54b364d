//! Loom models of the stamp protocol. Each row of the table in [`super`] has a test that fails
//! when the row is removed or weakened (`cargo xtask ordering-mutants`).

use super::{Entry, Slot};
use crate::sync::{AtomicU64, Ordering};
use loom::sync::Arc;
use loom::thread;

/// A ring of `SLOTS` slots with two payload words each, as loom can hold it.
struct Ring<const SLOTS: usize> {
    cells: [[AtomicU64; 3]; SLOTS],
}

impl<const SLOTS: usize> Ring<SLOTS> {
    fn new() -> Self {
        Self { cells: std::array::from_fn(|_| std::array::from_fn(|_| AtomicU64::new(0))) }
    }

    fn slot(&self, seq: u64) -> Slot<'_> {
        let [stamp, payload @ ..] = &self.cells[usize::try_from(seq).unwrap() % SLOTS];
        Slot::new(stamp, payload)
    }

    /// Publishes sequence `seq` with a payload that belongs to it alone.
    fn publish(&self, seq: u64) {
        let slot = self.slot(seq);
        slot.claim(seq);
        slot.put(0, payload_of(seq).into_iter());
        slot.commit(seq);
    }

    /// Polls sequence `seq` by copy, exactly as `Reader::poll` does.
    fn poll(&self, seq: u64) -> Option<[u64; 2]> {
        let slot = self.slot(seq);
        if slot.enter(seq) != Entry::Ready {
            return None;
        }
        let mut copy = [0; 2];
        slot.copy_to(&mut copy);
        slot.leave(seq).then_some(copy)
    }
}

fn payload_of(seq: u64) -> [u64; 2] {
    [100 + seq, 200 + seq]
}

#[test]
fn loom_a_record_read_while_it_is_first_written_is_whole() {
    loom::model(|| {
        let ring = Arc::new(Ring::<1>::new());
        let writer = thread::spawn({
            let ring = Arc::clone(&ring);
            move || ring.publish(0)
        });
        if let Some(copy) = ring.poll(0) {
            assert_eq!(copy, payload_of(0));
        }
        writer.join().unwrap();
        assert_eq!(ring.poll(0), Some(payload_of(0)), "the record is there at the end");
    });
}

#[test]
fn loom_a_record_read_while_it_is_overwritten_is_whole_or_refused() {
    loom::model(|| {
        let ring = Arc::new(Ring::<1>::new());
        ring.publish(0);
        let writer = thread::spawn({
            let ring = Arc::clone(&ring);
            move || ring.publish(1)
        });
        if let Some(copy) = ring.poll(0) {
            assert_eq!(copy, payload_of(0));
        }
        writer.join().unwrap();
        assert_eq!(ring.slot(0).enter(0), Entry::Lapped { by: 1 });
        assert_eq!(ring.poll(1), Some(payload_of(1)));
    });
}

#[test]
fn loom_a_record_that_is_being_overwritten_is_already_lapped_and_not_yet_there() {
    loom::model(|| {
        let ring = Arc::new(Ring::<1>::new());
        ring.publish(0);
        ring.slot(1).claim(1);
        assert_eq!(ring.slot(0).enter(0), Entry::Lapped { by: 1 });
        assert_eq!(ring.slot(1).enter(1), Entry::NotYet);
    });
}

/// An in-place view of two records is validated by the oldest stamp alone: whichever of the two
/// the writer overwrites meanwhile, it marks the oldest slot first.
#[test]
fn loom_a_view_validated_by_its_oldest_stamp_is_whole() {
    loom::model(|| {
        let ring = Arc::new(Ring::<2>::new());
        ring.publish(0);
        ring.publish(1);
        let writer = thread::spawn({
            let ring = Arc::clone(&ring);
            move || {
                ring.publish(2);
                ring.publish(3);
            }
        });
        let (oldest, newest) = (ring.slot(0), ring.slot(1));
        if oldest.enter(0) == Entry::Ready && newest.enter(1) == Entry::Ready {
            let seen = [newest, oldest].map(|slot| {
                let mut copy = [0; 2];
                slot.copy_to(&mut copy);
                copy
            });
            if oldest.leave(0) {
                assert_eq!(seen, [payload_of(1), payload_of(0)]);
            }
        }
        writer.join().unwrap();
    });
}

/// A message passed by other means orders a reader behind the publication.
#[test]
fn loom_a_reader_that_was_told_of_a_record_finds_it() {
    loom::model(|| {
        let ring = Arc::new(Ring::<2>::new());
        let told = Arc::new(AtomicU64::new(0));
        let writer = thread::spawn({
            let (ring, told) = (Arc::clone(&ring), Arc::clone(&told));
            move || {
                ring.publish(0);
                told.store(1, Ordering::Release);
            }
        });
        if told.load(Ordering::Acquire) == 1 {
            assert_eq!(ring.poll(0), Some(payload_of(0)));
        }
        writer.join().unwrap();
    });
}

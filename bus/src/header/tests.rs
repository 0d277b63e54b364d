//! Loom models of the header's rows; each dies when its row is removed or weakened.

use super::{Display, End, Epoch, Header};
use crate::slot::{Entry, Slot};
use crate::sync::AtomicU64;
use loom::sync::Arc;
use loom::thread;

/// A header and one slot with one payload word.
struct Segment {
    header: [AtomicU64; 15],
    slot: [AtomicU64; 2],
}

impl Segment {
    fn new() -> Self {
        Self {
            header: std::array::from_fn(|_| AtomicU64::new(0)),
            slot: std::array::from_fn(|_| AtomicU64::new(0)),
        }
    }

    fn header(&self) -> Header<'_> {
        let [words @ .., pid, since, heartbeat, watermark, dropped, unlisted] = &self.header;
        let [epoch, epoch_start, state, published, signal, control_id, ticker_ns, low, high] =
            words;
        Header {
            epoch,
            epoch_start,
            state,
            published,
            signal,
            control_id,
            ticker_ns,
            successor: [low, high],
            display: Display {
                owner_pid: pid,
                owner_since_ns: since,
                heartbeat_ns: heartbeat,
                watermark_ns: watermark,
                dropped,
                unlisted,
            },
        }
    }

    fn slot(&self) -> Slot<'_> {
        let [stamp, payload @ ..] = &self.slot;
        Slot::new(stamp, payload)
    }

    fn stamp(&self) {
        self.slot().claim(0);
        self.slot().put(0, [7].into_iter());
        self.slot().commit(0);
    }
}

fn while_writing(write: fn(&Segment), read: fn(&Segment)) {
    loom::model(move || {
        let segment = Arc::new(Segment::new());
        let writer = thread::spawn({
            let segment = Arc::clone(&segment);
            move || write(&segment)
        });
        read(&segment);
        writer.join().unwrap();
    });
}

#[test]
fn loom_every_sequence_below_published_is_found() {
    while_writing(
        |segment| {
            segment.stamp();
            segment.header().publish(1);
        },
        |segment| {
            if segment.header().published() == 1 {
                assert_eq!(segment.slot().enter(0), Entry::Ready);
            }
        },
    );
    loom::model(|| {
        let segment = Segment::new();
        segment.header().publish(1);
        assert_eq!(segment.header().published(), 1);
    });
}

#[test]
fn loom_an_epoch_is_never_seen_with_an_earlier_start() {
    while_writing(
        |segment| segment.header().begin_epoch(Epoch { number: 2, start: 40 }),
        |segment| {
            let epoch = segment.header().epoch();
            if epoch.number == 2 {
                assert_eq!(epoch.start, 40);
            }
        },
    );
    loom::model(|| {
        let segment = Segment::new();
        segment.header().begin_epoch(Epoch { number: 2, start: 40 });
        assert_eq!(segment.header().epoch(), Epoch { number: 2, start: 40 });
    });
}

#[test]
fn loom_a_ring_seen_as_closed_shows_its_last_record() {
    while_writing(
        |segment| {
            segment.stamp();
            segment.header().close();
        },
        |segment| {
            if segment.header().end() == Some(End::Closed) {
                assert_eq!(segment.slot().enter(0), Entry::Ready);
            }
        },
    );
    loom::model(|| {
        let segment = Segment::new();
        segment.header().reopen();
        assert_eq!(segment.header().end(), None);
        segment.header().close();
        assert_eq!(segment.header().end(), Some(End::Closed));
    });
}

#[test]
fn loom_a_retired_ring_names_its_successor_and_shows_its_last_record() {
    const SUCCESSOR: u128 = 7 << 64 | 5;
    while_writing(
        |segment| {
            segment.stamp();
            segment.header().retire(SUCCESSOR);
        },
        |segment| {
            if let Some(end) = segment.header().end() {
                assert_eq!(end, End::Retired { successor: SUCCESSOR });
                assert_eq!(segment.slot().enter(0), Entry::Ready);
            }
        },
    );
    loom::model(|| {
        let segment = Segment::new();
        segment.header().retire(SUCCESSOR);
        assert_eq!(segment.header().end(), Some(End::Retired { successor: SUCCESSOR }));
    });
}

/// The slot stands for the control segment: filled in before its id is offered.
#[test]
fn loom_a_control_segment_that_is_offered_is_filled_in() {
    while_writing(
        |segment| {
            segment.stamp();
            segment.header().offer_control(3);
        },
        |segment| {
            if segment.header().control() == 3 {
                assert_eq!(segment.slot().enter(0), Entry::Ready);
            }
        },
    );
    loom::model(|| {
        let segment = Segment::new();
        segment.header().offer_control(3);
        assert_eq!(segment.header().control(), 3);
    });
}

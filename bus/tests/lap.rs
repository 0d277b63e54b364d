//! Being lapped: the loss is reported with its exact size, by every way of reading.

use crate::support::{Bench, drain, trade};
use proptest::prelude::*;
use tickring::{Batch, Poll, Reader, Start, Writer};

fn publish(writer: &mut Writer, count: u64) {
    for _ in 0..count {
        let n = writer.next_seq();
        writer.publish(&trade(n)).unwrap();
    }
}

#[test]
fn poll_after_a_lap_reports_the_missed_count_and_goes_on_an_eighth_from_the_writer() {
    let bench = Bench::new(64);
    let mut writer = bench.writer();
    let mut reader = bench.reader(Start::Oldest);
    publish(&mut writer, 65);
    assert_eq!(reader.poll().map(|_| 0), Poll::Lapped { missed: 9, resume: 9 });
    assert_eq!(reader.missed(), 9);
    assert_eq!(drain(&mut reader), (9..65).map(Poll::Record).collect::<Vec<_>>());
}

#[test]
fn a_reader_that_is_exactly_one_ring_behind_has_lost_nothing() {
    let bench = Bench::new(64);
    let mut writer = bench.writer();
    let mut reader = bench.reader(Start::Oldest);
    publish(&mut writer, 64);
    assert_eq!(drain(&mut reader), (0..64).map(Poll::Record).collect::<Vec<_>>());
    assert_eq!(reader.missed(), 0);
}

#[test]
fn a_join_at_an_overwritten_sequence_reports_what_is_gone() {
    let bench = Bench::new(64);
    let mut writer = bench.writer();
    publish(&mut writer, 1000);
    let mut reader = bench.reader(Start::Sequence(500));
    let resume = 1000 - 56;
    assert_eq!(reader.poll().map(|_| 0), Poll::Lapped { missed: resume - 500, resume });
}

#[test]
fn a_lap_of_records_that_are_staged_and_not_flushed_is_counted() {
    let bench = Bench::new(64);
    let mut writer = bench.writer();
    let mut reader = bench.reader(Start::Oldest);
    for n in 0..200 {
        writer.stage(&trade(n)).unwrap();
    }
    let Poll::Lapped { missed, resume } = reader.poll().map(|_| 0) else { panic!("lapped") };
    assert_eq!(missed, resume);
    let rest = drain(&mut reader).len() as u64;
    assert_eq!(missed + rest, 200);
}

#[test]
fn a_restart_among_the_missed_records_is_still_reported() {
    let bench = Bench::new(64);
    let mut writer = bench.writer();
    let mut reader = bench.reader(Start::Oldest);
    publish(&mut writer, 10);
    drop(writer);
    let mut writer = bench.writer();
    publish(&mut writer, 100);
    assert_eq!(writer.next_seq(), 111, "ten, the restart record, a hundred");
    let outcomes = drain(&mut reader);
    let resume = 111 - 56;
    assert_eq!(outcomes[0], Poll::Lapped { missed: resume, resume });
    assert_eq!(outcomes[1], Poll::Restarted { epoch: 2 });
    assert_eq!(outcomes.len() as u64, 2 + 56);
}

/// Reads up to `max` records by one of the ways and returns how many.
fn read_some(reader: &mut Reader, way: u8, max: usize, batch: &mut Batch) -> (u64, u64) {
    let first = reader.cursor();
    let outcome = match way {
        0 => reader.poll().map(|record| {
            assert_eq!(record.seq(), first);
            1
        }),
        1 => reader.poll_batch(batch, max).map(|count| {
            assert_eq!(batch.first_seq(), first);
            count as u64
        }),
        2 => reader.view(max, |view| view.len() as u64),
        _ => match reader.extent(max) {
            Some(extent) if reader.validate(&extent) => Poll::Record(extent.count as u64),
            _ => Poll::Empty,
        },
    };
    match outcome {
        Poll::Record(count) => (count, 0),
        Poll::Lapped { missed, resume } => {
            assert_eq!(resume, reader.cursor());
            (0, missed)
        }
        _ => (0, 0),
    }
}

proptest! {
    /// Against the simplest model there is: each published record is either read or missed.
    #[test]
    fn read_and_missed_add_up_to_published(
        steps in prop::collection::vec((0u64..150, 0u8..4, 1usize..100), 1..40),
    ) {
        let bench = Bench::new(64);
        let mut writer = bench.writer();
        let mut reader = bench.reader(Start::Oldest);
        let mut batch = Batch::new();
        let (mut read, mut missed) = (0, 0);
        for (count, way, max) in steps {
            publish(&mut writer, count);
            let (more, lost) = read_some(&mut reader, way, max, &mut batch);
            read += more;
            missed += lost;
            prop_assert_eq!(read + missed, reader.cursor());
            prop_assert!(reader.cursor() <= writer.next_seq());
        }
        for _ in 0..2 {
            for outcome in drain(&mut reader) {
                match outcome {
                    Poll::Record(_) => read += 1,
                    Poll::Lapped { missed: lost, .. } => missed += lost,
                    other => prop_assert!(false, "unexpected {:?}", other),
                }
            }
        }
        prop_assert_eq!(read + missed, writer.next_seq());
        prop_assert_eq!(missed, reader.missed());
    }
}

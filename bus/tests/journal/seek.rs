//! Joining a journal at a sequence or at a time.

use super::{Desk, drain, publish, records};
use proptest::prelude::*;
use tickring::{JournalStart, Poll, PublishSpan};

#[test]
fn every_sequence_is_found_in_whichever_file_and_block_it_is() {
    let desk = Desk::inline(128);
    let mut writer = desk.bench.writer();
    publish(&mut writer, 12_345);
    drop(writer);
    let mut reader = desk.reader(JournalStart::Oldest);
    for seq in (0..12_345).step_by(97).chain([12_344]) {
        reader.seek(JournalStart::Sequence(seq)).unwrap();
        assert_eq!(reader.poll().unwrap().map(|record| record.seq()), Poll::Record(seq));
    }
    reader.seek(JournalStart::Sequence(20_000)).unwrap();
    assert_eq!(drain(&mut reader), [], "still to come");
}

#[test]
fn a_sequence_before_the_journal_is_reported_as_missed() {
    let desk = Desk::inline(128);
    let mut writer = desk.bench.writer();
    publish(&mut writer, 10_000);
    drop(writer);
    std::fs::remove_file(&desk.files()[0]).unwrap();
    let mut reader = desk.reader(JournalStart::Oldest);
    let first = reader.cursor();
    assert_eq!(drain(&mut reader), records(first..10_000));
    reader.seek(JournalStart::Sequence(5)).unwrap();
    let gap = Poll::Lapped { missed: first - 5, resume: first };
    assert_eq!(reader.poll().unwrap().map(|_| 0), gap);
}

/// The noted publish times of a journal, by sequence.
fn noted(desk: &Desk) -> Vec<(u64, PublishSpan)> {
    let mut reader = desk.reader(JournalStart::Oldest);
    let mut spans = Vec::new();
    while let Poll::Record(seq) = reader.poll().unwrap().map(|record| record.seq()) {
        spans.push((seq, reader.publish_span(seq).unwrap()));
    }
    spans
}

#[test]
fn a_start_by_time_leaves_out_nothing_that_was_published_then_or_later() {
    let desk = Desk::inline(128);
    let mut writer = desk.bench.writer();
    for _ in 0..20 {
        publish(&mut writer, 500);
        writer.flush_journal().unwrap();
    }
    drop(writer);
    let spans = noted(&desk);
    assert!(desk.files().len() > 2);
    let mut reader = desk.reader(JournalStart::Oldest);
    for (seq, span) in spans.iter().step_by(64) {
        assert!(span.from_ns <= span.to_ns, "{seq} {span:?}");
        let noted_ns = span.from_ns;
        reader.seek(JournalStart::Time(noted_ns)).unwrap();
        let cursor = reader.cursor();
        assert!(cursor <= *seq, "{cursor} {seq}");
        let before = spans.iter().filter(|(at, span)| *at >= cursor && span.to_ns < noted_ns);
        assert!(before.count() <= 64, "{cursor} {seq}");
    }
    let (oldest, newest) = (spans[0].1.from_ns, spans[spans.len() - 1].1.to_ns);
    reader.seek(JournalStart::Time(oldest - 1)).unwrap();
    assert_eq!(reader.cursor(), 0);
    reader.seek(JournalStart::Time(newest + 1_000_000_000)).unwrap();
    assert!(drain(&mut reader).len() <= 64);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]

    /// Against the simplest model: a list of what was published, read from any place.
    #[test]
    fn reading_from_any_place_gives_the_rest_of_what_was_published(
        runs in prop::collection::vec((1u64..400, any::<bool>()), 1..20),
        from in 0u64..5000,
    ) {
        let desk = Desk::inline(256);
        let mut writer = desk.bench.writer();
        for (count, flush) in runs {
            publish(&mut writer, count);
            if flush {
                writer.flush_journal().unwrap();
            }
        }
        let end = writer.next_seq();
        drop(writer);
        let mut reader = desk.reader(JournalStart::Sequence(from));
        prop_assert_eq!(drain(&mut reader), records(from.min(end)..end));
    }
}

//! Power loss and bit rot: whatever the tail of a journal looks like, what is accepted is a
//! prefix of whole blocks.

use super::{Desk, drain, publish, records};
use proptest::prelude::*;
use std::fs;
use tickring::{JournalStart, Poll};

const STRIDE: usize = 64;

/// A journal of 3 blocks of 64, 5 and 40 records in one file; its bytes up to the end of each.
fn three_blocks() -> (Desk, Vec<u8>, [usize; 4]) {
    let desk = Desk::inline(128);
    let mut writer = desk.bench.writer();
    for count in [64, 5, 40] {
        publish(&mut writer, count);
        writer.flush_journal().unwrap();
    }
    drop(writer);
    let files = desk.files();
    assert_eq!(files.len(), 1);
    let bytes = fs::read(&files[0]).unwrap();
    let mark = 64;
    let last = bytes.len() - mark;
    // 64 + times + slots; sequence 64 has a time, the last 40 have none.
    let third = last - (64 + 40 * STRIDE);
    let second = third - (64 + 64 + 5 * STRIDE);
    let first = second - (64 + 64 + 64 * STRIDE);
    (desk, bytes, [first, second, third, last])
}

/// How many records are in the whole blocks below `end`.
fn whole(ends: &[usize; 4], end: usize) -> u64 {
    let counts = [0, 64, 69, 109];
    let blocks = ends.iter().rposition(|block_end| *block_end <= end).unwrap();
    counts[blocks]
}

#[test]
fn a_tail_cut_at_any_byte_reads_as_the_whole_blocks_before() {
    let (desk, bytes, ends) = three_blocks();
    let file = &desk.files()[0];
    for end in ends[1]..bytes.len() {
        fs::write(file, &bytes[..end]).unwrap();
        let mut reader = desk.reader(JournalStart::Oldest);
        assert_eq!(drain(&mut reader), records(0..whole(&ends, end)), "cut at {end}");
    }
}

#[test]
fn a_tail_scribbled_at_any_byte_is_never_accepted() {
    let (desk, bytes, ends) = three_blocks();
    let file = &desk.files()[0];
    for at in ends[1]..ends[3] {
        let mut scribbled = bytes.clone();
        scribbled[at] ^= 0x55;
        fs::write(file, &scribbled).unwrap();
        let mut reader = desk.reader(JournalStart::Oldest);
        let outcomes = drain(&mut reader);
        let expected = if at < ends[2] {
            // Damage in front of a whole block: what it held is missing, exactly, and no more.
            let gap = Poll::Lapped { missed: 5, resume: 69 };
            [records(0..64), vec![gap], records(69..109)].concat()
        } else {
            // The mark behind it knows what was there.
            [records(0..69), vec![Poll::Lapped { missed: 40, resume: 109 }]].concat()
        };
        assert_eq!(outcomes, expected, "scribbled at {at}");
        assert_eq!(reader.damaged(), 1, "scribbled at {at}");
    }
}

#[test]
fn who_appends_behind_a_torn_tail_cuts_it_and_continues() {
    let (desk, bytes, ends) = three_blocks();
    let file = desk.files()[0].clone();
    for end in (ends[1]..bytes.len()).step_by(41).chain([ends[2] - 1, ends[2], ends[3]]) {
        for scribble in [false, true] {
            let mut torn = bytes[..end].to_vec();
            if scribble {
                // As a disk that wrote the later page and not the earlier: length, no content.
                torn.resize(bytes.len(), 0);
            }
            for extra in desk.files().into_iter().skip(1) {
                fs::remove_file(extra).unwrap();
            }
            fs::write(&file, &torn).unwrap();
            let mut writer = desk.bench.writer();
            assert_eq!(writer.journal_error().map(ToString::to_string), None);
            // What the ring still holds fills up what was torn off.
            let mut reader = desk.reader(JournalStart::Oldest);
            let outcomes = drain(&mut reader);
            let kept = whole(&ends, end);
            assert_eq!(outcomes[..kept as usize], records(0..kept), "cut at {end}");
            publish(&mut writer, 200);
            writer.close();
            let mut reader = desk.reader(JournalStart::Oldest);
            let outcomes = drain(&mut reader);
            let read = outcomes.iter().filter(|outcome| matches!(outcome, Poll::Record(_)));
            let restarts = outcomes.iter().filter(|o| matches!(o, Poll::Restarted { .. }));
            // Every sequence up to the end of this life is read, a restart, or counted missed.
            let accounted = read.count() + restarts.count();
            assert!(accounted as u64 + reader.missed() >= reader.cursor(), "cut at {end}");
            assert!(reader.cursor() > 200, "cut at {end}");
        }
    }
}

#[test]
fn a_file_with_a_damaged_header_is_set_aside_by_the_next_writer_and_shows_as_a_gap() {
    let desk = Desk::inline(1024);
    let mut writer = desk.bench.writer();
    publish(&mut writer, 12_000);
    let end = writer.next_seq();
    drop(writer);
    let files = desk.files();
    assert!(files.len() > 3, "{files:?}");
    for victim in [&files[1], files.last().unwrap()] {
        let mut bytes = fs::read(victim).unwrap();
        bytes[20] ^= 1;
        fs::write(victim, bytes).unwrap();
    }
    let mut reader = desk.reader(JournalStart::Oldest);
    let read = drain(&mut reader);
    assert!(read.len() as u64 + reader.missed() < end + 2, "the last file cannot be read");
    assert_eq!(reader.damaged(), 1);
    let mut writer = desk.bench.writer();
    publish(&mut writer, 10);
    writer.close();
    assert!(files.last().unwrap().with_extension("journal.damaged").exists());
    let mut reader = desk.reader(JournalStart::Oldest);
    let outcomes = drain(&mut reader);
    let read = outcomes.iter().filter(|outcome| matches!(outcome, Poll::Record(_))).count();
    // And the restart record.
    assert_eq!(read as u64 + reader.missed() + 1, end + 11);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Any bytes anywhere: an error, or records that are right; never a panic, never garbage.
    #[test]
    fn a_scribbled_journal_gives_errors_or_right_records(
        scribbles in prop::collection::vec(
            (0usize..14_000, prop::collection::vec(any::<u8>(), 1..80)),
            1..6,
        ),
        start in prop_oneof![
            Just(JournalStart::Oldest),
            (0u64..200).prop_map(JournalStart::Sequence),
            any::<u64>().prop_map(JournalStart::Time),
        ],
    ) {
        let (desk, mut bytes, _) = three_blocks();
        for (at, scribble) in scribbles {
            for (to, from) in bytes.iter_mut().skip(at).zip(scribble) {
                *to = from;
            }
        }
        let file = &desk.files()[0];
        fs::write(file, &bytes).unwrap();
        let opened = tickring::JournalReader::open(desk.path(), Some(&desk.bench.name), start);
        if let Ok(mut reader) = opened {
            // `drain` checks every record against its sequence.
            drain(&mut reader);
        }
        // Who appends gets on with what is whole, or says why not.
        if let Ok(mut writer) =
            tickring::Writer::open(&desk.bench.directory, &desk.bench.name, &desk.bench.spec)
        {
            publish(&mut writer, 300);
            writer.close();
        }
    }
}

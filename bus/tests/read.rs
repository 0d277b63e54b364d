//! Reading: joins, copies, batches, views; every way of reading sees the same records.

use crate::support::{Bench, drain, trade};
use tickring::record::{Record, Status, Trade, Vector};
use tickring::{Batch, CloseReason, Poll, Reader, RingName, RingSpec, Start, Writer};

/// Reads everything from `start` on by one way of reading, as trade ids.
type Way = fn(&mut Reader) -> Vec<u64>;

fn by_poll(reader: &mut Reader) -> Vec<u64> {
    drain(reader).into_iter().filter_map(Poll::record).collect()
}

fn by_batch(reader: &mut Reader) -> Vec<u64> {
    let mut batch = Batch::new();
    let mut ids = Vec::new();
    while let Poll::Record(count) = reader.poll_batch(&mut batch, 37) {
        assert_eq!(count, batch.len());
        for record in batch.iter() {
            let found = record.get::<Trade>().unwrap();
            assert_eq!(*found, trade(found.trade_id));
            assert_eq!(record.seq(), found.trade_id, "these tests publish id n at sequence n");
            ids.push(found.trade_id);
        }
    }
    ids
}

fn by_view(reader: &mut Reader) -> Vec<u64> {
    let mut ids = Vec::new();
    while let Poll::Record(seen) = reader.view(29, |view| {
        view.iter().map(|record| (record.seq(), record.read::<Trade>())).collect::<Vec<_>>()
    }) {
        for (seq, found) in seen {
            assert_eq!(found, trade(seq));
            ids.push(found.trade_id);
        }
    }
    ids
}

fn by_extent(reader: &mut Reader) -> Vec<u64> {
    let mut ids = Vec::new();
    while let Some(extent) = reader.extent(31) {
        ids.extend(extent.first..extent.first + extent.count as u64);
        assert!(reader.validate(&extent));
    }
    ids
}

const WAYS: [(&str, Way); 4] =
    [("poll", by_poll), ("batch", by_batch), ("view", by_view), ("extent", by_extent)];

#[test]
fn every_way_of_reading_sees_every_record_once_in_order() {
    for published in [0, 1, 63, 64, 65, 500] {
        let bench = Bench::new(1024);
        let mut writer = bench.writer();
        let ids: Vec<u64> = (0..published).collect();
        writer.publish_batch(&ids.iter().map(|n| trade(*n)).collect::<Vec<_>>()).unwrap();
        for (name, way) in WAYS {
            assert_eq!(way(&mut bench.reader(Start::Oldest)), ids, "{name}, {published} records");
        }
    }
}

#[test]
fn every_way_of_reading_crosses_the_end_of_the_ring() {
    let bench = Bench::new(64);
    let mut writer = bench.writer();
    let mut readers = WAYS.map(|(name, way)| (name, way, bench.reader(Start::Oldest), Vec::new()));
    for n in 0..1000 {
        writer.publish(&trade(n)).unwrap();
        if n % 40 == 39 {
            for (_, way, reader, ids) in &mut readers {
                ids.extend(way(reader));
            }
        }
    }
    for (name, _, reader, ids) in &readers {
        assert_eq!(*ids, (0..1000).collect::<Vec<_>>(), "{name}");
        assert_eq!(reader.missed(), 0, "{name}");
    }
}

#[test]
fn readers_join_at_the_latest_the_oldest_or_a_sequence() {
    let bench = Bench::new(64);
    let mut writer = bench.writer();
    for n in 0..100 {
        writer.publish(&trade(n)).unwrap();
    }
    let joined = |start| bench.reader(start).cursor();
    assert_eq!(joined(Start::Latest), 100);
    assert_eq!(joined(Start::Oldest), 44, "64 resident less the eighth next to the writer");
    assert_eq!(joined(Start::Sequence(70)), 70);
    assert_eq!(by_poll(&mut bench.reader(Start::Sequence(97))), [97, 98, 99]);
    let mut early = bench.reader(Start::Sequence(102));
    assert_eq!(early.poll().map(|_| ()), Poll::Empty);
    for n in 100..103 {
        writer.publish(&trade(n)).unwrap();
    }
    assert_eq!(by_poll(&mut early), [102]);
}

#[test]
fn a_staged_record_is_found_by_poll_and_counted_after_the_flush() {
    let bench = Bench::new(64);
    let mut writer = bench.writer();
    let mut reader = bench.reader(Start::Oldest);
    writer.stage(&trade(0)).unwrap();
    assert_eq!(reader.published(), 0);
    assert_eq!(by_poll(&mut reader), [0]);
    writer.flush();
    assert_eq!(reader.published(), 1);
}

#[test]
fn a_closed_ring_says_so_after_its_last_record_and_opens_again_with_the_next_writer() {
    let bench = Bench::new(64);
    let mut writer = bench.writer();
    let mut reader = bench.reader(Start::Oldest);
    writer.publish(&trade(0)).unwrap();
    writer.close();
    let ended = Poll::Closed(CloseReason::Ended);
    assert_eq!(drain(&mut reader), [Poll::Record(0), ended]);
    assert_eq!(drain(&mut reader), [ended]);
    let mut writer = bench.writer();
    writer.publish(&trade(2)).unwrap();
    assert_eq!(drain(&mut reader), [Poll::Restarted { epoch: 2 }, Poll::Record(2)]);
}

#[test]
fn every_64th_record_has_its_publish_time_while_it_is_resident() {
    let bench = Bench::new(128);
    let mut writer = bench.writer();
    let reader = bench.reader(Start::Oldest);
    assert_eq!(reader.published_at_ns(0), None, "nothing is published yet");
    for n in 0..200 {
        writer.publish(&trade(n)).unwrap();
    }
    assert_eq!(reader.published_at_ns(0), None, "overwritten");
    let (first, second) = (reader.published_at_ns(128), reader.published_at_ns(192));
    assert!(first.is_some() && first <= second, "{first:?} {second:?}");
    assert_eq!(reader.published_at_ns(129), None);
    assert_eq!(reader.published_at_ns(256), None);
}

#[test]
fn a_record_of_a_kind_outside_the_schema_is_refused_and_nothing_is_written() {
    let bench = Bench::new(64);
    let mut writer = bench.writer();
    let mut reader = bench.reader(Start::Oldest);
    let refused = writer.publish(&tickring::record::Mbo::empty(1, 1, 0)).unwrap_err();
    assert!(refused.to_string().contains("0xa0"), "{refused}");
    assert_eq!(writer.next_seq(), 0);
    assert_eq!(drain(&mut reader), []);
    let batch = [Trade { header: trade(0).header.with_rtype(0xA0), ..trade(0) }];
    assert!(writer.publish_batch(&batch).is_err());
}

#[test]
fn vectors_are_written_in_parts_and_read_in_place() {
    let bench = Bench::new(64);
    let name = RingName::new("test", "vectors").unwrap();
    let dim = 33;
    let kinds = vec![Vector::kind_with_dim(dim)];
    let spec = RingSpec { capacity: 64, ..RingSpec::new(kinds).unwrap() };
    let mut writer = Writer::open(&bench.directory, &name, &spec).unwrap();
    let mut reader = Reader::open(&bench.directory, &name, Start::Oldest).unwrap();
    for n in 0..10u64 {
        let lanes: Vec<f32> = (0..dim).map(|lane| f32::from(lane) + n as f32).collect();
        let mut claim = writer.claim();
        claim.write(&Vector { vec_id: n, dim, ..Vector::empty(1, 7, 0) }).unwrap();
        claim.write_lanes(&lanes).unwrap();
        assert!(claim.write_lanes(&[0.0; 100]).is_err());
        assert_eq!(claim.commit(), n);
    }
    let query = vec![1.0; usize::from(dim)];
    let sums = reader.view(10, |view| {
        view.iter()
            .map(|record| (record.read::<Vector>().vec_id, record.lanes().dot(&query)))
            .collect::<Vec<_>>()
    });
    let expected: Vec<(u64, f32)> =
        (0..10u16).map(|n| (u64::from(n), f32::from(32 * 33 / 2 + 33 * n))).collect();
    assert_eq!(sums, Poll::Record(expected));
}

#[test]
fn what_a_claim_does_not_write_reads_as_zero_and_what_it_wrote_stays() {
    let bench = Bench::new(64);
    let name = RingName::new("test", "vectors").unwrap();
    let kinds = [vec![Vector::kind_with_dim(4)], Status::kinds()].concat();
    let spec = RingSpec { capacity: 64, ..RingSpec::new(kinds).unwrap() };
    let mut writer = Writer::open(&bench.directory, &name, &spec).unwrap();
    let mut reader = Reader::open(&bench.directory, &name, Start::Oldest).unwrap();
    for _ in 0..64 {
        let mut claim = writer.claim();
        claim.write(&Vector { vec_id: u64::MAX, ..Vector::empty(9, 9, 9) }).unwrap();
        claim.write_lanes(&[9.0; 4]).unwrap();
        claim.commit();
    }
    let short = Status { trading_event: 3, ..Status::empty(1, 7, 5) };
    let mut claim = writer.claim();
    claim.write(&short).unwrap();
    claim.write_lanes(&[1.0]).unwrap();
    claim.commit();
    reader.seek(Start::Sequence(64)).unwrap();
    let Poll::Record(record) = reader.poll() else { panic!("the record") };
    assert_eq!(record.get::<Status>(), Some(&short));
    let (head, rest) = record.bytes().split_at(size_of::<Vector>());
    assert!(head[size_of::<Status>()..].iter().all(|byte| *byte == 0), "{head:?}");
    assert_eq!(rest[..4], 1.0f32.to_le_bytes());
    assert!(rest[4..].iter().all(|byte| *byte == 0), "{rest:?}");
}

#[test]
fn a_claim_that_is_dropped_publishes_nothing_and_the_slot_is_used_again() {
    let bench = Bench::new(64);
    let mut writer = bench.writer();
    let mut reader = bench.reader(Start::Oldest);
    drop(writer.claim());
    assert_eq!(drain(&mut reader), []);
    writer.publish(&trade(0)).unwrap();
    assert_eq!(drain(&mut reader), [Poll::Record(0)]);
}

#[test]
fn view_at_reads_history_without_moving_the_cursor() {
    let bench = Bench::new(64);
    let mut writer = bench.writer();
    for n in 0..100 {
        writer.publish(&trade(n)).unwrap();
    }
    let reader = bench.reader(Start::Latest);
    let ids = |first, max| {
        reader.view_at(first, max, |view| view.iter().map(|r| r.seq()).collect::<Vec<_>>())
    };
    assert_eq!(ids(90, 5), Some((90..95).collect()));
    assert_eq!(ids(95, 100), Some((95..100).collect()), "no further than what is published");
    assert_eq!(ids(10, 5), None, "overwritten");
    assert_eq!(ids(100, 5), None, "not yet published");
    assert_eq!((reader.cursor(), reader.missed()), (100, 0));
}

#[test]
fn a_sequence_that_no_ring_reaches_is_never_found() {
    let bench = Bench::new(64);
    let mut writer = bench.writer();
    writer.publish(&trade(0)).unwrap();
    for far in [1 << 62, (1 << 62) + 1, 1 << 63, u64::MAX - 1, u64::MAX] {
        let mut reader = bench.reader(Start::Sequence(far));
        let mut batch = Batch::new();
        for _ in 0..3 {
            assert_eq!(reader.poll().map(|_| ()), Poll::Empty, "{far:#x}");
            assert_eq!(reader.poll_batch(&mut batch, 10), Poll::Empty, "{far:#x}");
            assert_eq!(reader.view(10, |_| ()), Poll::Empty, "{far:#x}");
        }
        assert_eq!(reader.view_at(far, 10, |_| ()), None, "{far:#x}");
        assert_eq!(reader.published_at_ns(far & !63), None, "{far:#x}");
    }
}

#[test]
fn a_record_can_be_given_another_place_and_stays_what_it_is() {
    let bench = Bench::new(64);
    bench.writer().publish(&trade(0)).unwrap();
    let mut reader = bench.reader(Start::Oldest);
    let Poll::Record(record) = reader.poll() else { panic!("one record is there") };
    let moved = record.with_seq(900);
    assert_eq!((moved.seq(), moved.bytes()), (900, record.bytes()));
    assert_eq!(moved.get::<Trade>(), Some(&trade(0)));
}

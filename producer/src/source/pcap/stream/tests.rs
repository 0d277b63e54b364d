use proptest::prelude::*;

use super::*;

fn packet(session: u32, first: u64, count: u16) -> Numbering<u32> {
    Numbering { session, first, count }
}

/// What a packet skips, and the gaps before it as (first, end, is a reset).
type Seen = (u16, Vec<(u64, u64, bool)>);

/// Takes packets through one stream.
fn run(packets: &[Numbering<u32>]) -> (Vec<Seen>, StreamCounts) {
    let mut counts = StreamCounts::default();
    let mut stream = Stream::new(packets[0], &mut counts);
    let places = packets.iter().map(|&packet| {
        let Place { skip, gaps } = stream.place(packet, &mut counts);
        let told = gaps.into_iter().flatten();
        (skip, told.map(|Hole { first, end, is_reset }| (first, end, is_reset)).collect())
    });
    let mut places: Vec<_> = places.collect();
    if let Some(Hole { first, end, is_reset }) = stream.end(&mut counts) {
        places.push((0, vec![(first, end, is_reset)]));
    }
    (places, counts)
}

#[test]
fn messages_in_order_are_given_without_a_gap() {
    let (places, counts) =
        run(&[packet(1, 1, 0), packet(1, 1, 3), packet(1, 4, 0), packet(1, 4, 2)]);
    assert!(places.iter().all(|(skip, gaps)| *skip == 0 && gaps.is_empty()), "{places:?}");
    assert_eq!(counts, StreamCounts { heartbeats: 2, ..StreamCounts::default() });
}

#[test]
fn one_three_two_is_one_gap() {
    let (places, counts) =
        run(&[packet(1, 1, 1), packet(1, 3, 1), packet(1, 2, 1), packet(1, 4, 1)]);
    assert_eq!(places, [(0, vec![]), (0, vec![(2, 3, false)]), (1, vec![]), (0, vec![]),]);
    let expected = StreamCounts { holes: 1, missing: 1, late: 1, ..StreamCounts::default() };
    assert_eq!(counts, expected);
}

#[test]
fn a_packet_that_overlaps_gives_only_what_is_new() {
    let (places, counts) =
        run(&[packet(1, 1, 4), packet(1, 1, 4), packet(1, 3, 4), packet(1, 2, 1)]);
    assert_eq!(places.iter().map(|(skip, _)| *skip).collect::<Vec<_>>(), [0, 4, 2, 1]);
    assert_eq!(counts, StreamCounts { duplicates: 7, ..StreamCounts::default() });
}

#[test]
fn a_heartbeat_advances_nothing_and_what_it_knows_is_told_at_the_end() {
    let (places, counts) = run(&[packet(1, 1, 1), packet(1, 5, 0), packet(1, 2, 1)]);
    assert_eq!(places[1..], [(0, vec![]), (0, vec![]), (0, vec![(3, 5, false)])]);
    assert_eq!((counts.heartbeats, counts.holes, counts.missing), (1, 1, 2));
}

#[test]
fn a_new_session_ends_the_old_one_and_its_stragglers_are_dropped() {
    let (places, counts) = run(&[
        packet(1, 1, 2),
        packet(1, 9, 0),
        packet(2, 3, 1),
        packet(1, 3, 1),
        packet(2, 4, 1),
        packet(3, 1, 0),
        packet(3, 1, 1),
    ]);
    assert_eq!(
        places,
        [
            (0, vec![]),
            (0, vec![]),
            (0, vec![(3, 9, false), (1, 3, true)]),
            (1, vec![]),
            (0, vec![]),
            (0, vec![(1, 1, true)]),
            (0, vec![]),
        ]
    );
    assert_eq!((counts.resets, counts.ended_session, counts.joined_late), (2, 1, 0));
    assert_eq!((counts.holes, counts.missing), (1, 8));
}

#[test]
fn a_capture_may_begin_in_the_middle_of_a_session() {
    let (places, counts) = run(&[packet(1, 100, 2), packet(1, 102, 1)]);
    assert!(places.iter().all(|(_, gaps)| gaps.is_empty()));
    assert_eq!(counts, StreamCounts { joined_late: 1, ..StreamCounts::default() });
}

proptest! {
    /// Whatever comes in whatever order, each message is given once or told missing once, in order.
    #[test]
    fn every_message_is_given_or_told_missing_once(
        start in 1..50u64,
        packets in proptest::collection::vec((0..60u64, 0..6u16), 1..60),
    ) {
        let packets: Vec<_> =
            packets.iter().map(|&(first, count)| packet(1, start + first, count)).collect();
        let (places, counts) = run(&packets);
        let mut next = packets[0].first;
        let (mut given, mut missing) = (0, 0);
        for (index, (skip, gaps)) in places.iter().enumerate() {
            for &(first, end, is_reset) in gaps {
                prop_assert!(first == next && end > first && !is_reset);
                missing += end - first;
                next = end;
            }
            if let Some(&Numbering { first, count, .. }) = packets.get(index) && *skip < count {
                prop_assert_eq!(first + u64::from(*skip), next);
                next = first + u64::from(count);
                given += u64::from(count - skip);
            }
        }
        let sent: u64 = packets.iter().map(|packet| u64::from(packet.count)).sum();
        prop_assert_eq!(counts.missing, missing);
        prop_assert_eq!(given + counts.duplicates + counts.late, sent);
        let told = packets.iter().map(|packet| packet.first + u64::from(packet.count)).max();
        prop_assert_eq!(Some(next), told);
    }

    #[test]
    fn any_numbers_are_taken(
        packets in proptest::collection::vec((0..3u32, any::<u64>(), any::<u16>()), 1..40),
    ) {
        let packets: Vec<_> = packets.iter().map(|&(s, first, n)| packet(s, first, n)).collect();
        for ((skip, _), packet) in run(&packets).0.iter().zip(&packets) {
            prop_assert!(*skip <= packet.count);
        }
    }
}

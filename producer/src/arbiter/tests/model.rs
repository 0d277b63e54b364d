//! Random scripts against what a reader with a list and all the time in the world would say.

use super::*;

/// Packets of one line: the numbers `1..=last` cut at these places.
fn cut(last: u64, lengths: &[u64]) -> Vec<Range<u64>> {
    let mut packets = Vec::new();
    let mut first = 1;
    for length in lengths.iter().cycle() {
        if first > last {
            break;
        }
        let end = (first + length).min(last + 1);
        packets.push(first..end);
        first = end;
    }
    packets
}

/// What may happen to a packet of a line.
#[derive(Clone, Copy, Debug)]
struct Fate {
    lost: bool,
    twice: bool,
    /// Packets by which it is late.
    late: usize,
}

fn fate() -> impl Strategy<Value = Fate> {
    let late = prop_oneof![4 => Just(0usize), 1 => 1..6usize];
    (prop::bool::weighted(0.15), prop::bool::weighted(0.1), late)
        .prop_map(|(lost, twice, late)| Fate { lost, twice, late })
}

/// What a line carries in the end, in order.
fn carried(packets: &[Range<u64>], fates: &[Fate]) -> Vec<Range<u64>> {
    let mut slots: Vec<(usize, Range<u64>)> = Vec::new();
    for (index, (packet, fate)) in packets.iter().zip(fates.iter().cycle()).enumerate() {
        if !fate.lost {
            slots.push((index + fate.late, packet.clone()));
            slots.extend(fate.twice.then(|| (index + 3, packet.clone())));
        }
    }
    slots.sort_by_key(|(index, _)| *index);
    slots.into_iter().map(|(_, packet)| packet).collect()
}

/// Two lines as one, in an order that `choices` gives.
fn interleave([a, b]: [Vec<Range<u64>>; 2], choices: &[bool]) -> Vec<(Origin, Range<u64>)> {
    let (mut a, mut b) = (a.into_iter().peekable(), b.into_iter().peekable());
    let mut merged = Vec::new();
    for choice in choices.iter().cycle() {
        let next = match (choice, a.peek().is_some(), b.peek().is_some()) {
            (_, false, false) => break,
            (true, true, _) | (false, true, false) => a.next().map(|packet| (A, packet)),
            _ => b.next().map(|packet| (B, packet)),
        };
        merged.extend(next);
    }
    merged
}

/// The maximal runs of numbers of `1..=last` that are not in `came`.
fn runs_missing(last: u64, came: &BTreeSet<u64>) -> Vec<Range<u64>> {
    let mut runs: Vec<Range<u64>> = Vec::new();
    for number in (1..=last).filter(|number| !came.contains(number)) {
        match runs.last_mut() {
            Some(run) if run.end == number => run.end += 1,
            _ => runs.push(number..number + 1),
        }
    }
    runs
}

/// A script: the last number, then what each line carries, in order of arrival.
fn script() -> impl Strategy<Value = (u64, Vec<(Origin, Range<u64>)>)> {
    let line = || (prop::collection::vec(1..6u64, 1..20), prop::collection::vec(fate(), 1..60));
    let choices = prop::collection::vec(any::<bool>(), 1..40);
    (1..200u64, line(), line(), any::<bool>(), choices).prop_map(
        |(last, (cuts_a, fates_a), (cuts_b, fates_b), same, choices)| {
            let cuts_b = if same { &cuts_a } else { &cuts_b };
            let lines =
                [carried(&cut(last, &cuts_a), &fates_a), carried(&cut(last, cuts_b), &fates_b)];
            (last, interleave(lines, &choices))
        },
    )
}

proptest! {
    /// With time and room enough, every message that came is given in order, and each run of
    /// numbers that did not is exactly one loss before the message behind it.
    #[test]
    fn what_comes_is_given_in_order_and_each_hole_is_one_loss((last, script) in script()) {
        let mut rig = Rig::new(ArbiterOptions {
            first: Some(1),
            window: 1_000,
            ..ArbiterOptions::default()
        });
        for (origin, numbers) in &script {
            rig.packet(*origin, numbers.clone());
        }
        rig.header(A, Header::end_of_session(SESSION, last + 1));
        rig.pass(10 * MS);
        rig.pass(10 * MS);

        let came: BTreeSet<u64> =
            script.iter().flat_map(|(_, numbers)| numbers.clone()).collect();
        let mut expected = Vec::new();
        let mut holes = runs_missing(last, &came).into_iter().peekable();
        for number in 1..=last + 1 {
            if let Some(hole) = holes.next_if(|hole| hole.end == number) {
                expected.push(lost(hole.start, hole.end));
            }
            expected.extend(came.contains(&number).then_some(Out::Message(number)));
        }
        prop_assert_eq!(&rig.out, &expected);
        prop_assert!(rig.arbiter.is_ended());
        let counts = rig.arbiter.counts();
        let packets: u64 = counts.lines.iter().map(|line| line.packets).sum();
        prop_assert_eq!(packets, script.len() as u64 + 1);
        prop_assert_eq!(counts.lost, last - came.len() as u64);
    }

    /// Whatever the time, the room and the server do: no message twice, none out of order, none
    /// missing without a loss, and no loss without something missing.
    #[test]
    fn every_number_is_given_or_told_as_lost_whatever_happens(
        (last, script) in script(),
        waits in prop::collection::vec(0..8u64, 1..30),
        answers in prop::collection::vec(prop::option::of(1..20u64), 1..20),
        window in 1..12usize,
        has_server in any::<bool>(),
        heartbeats in prop::collection::vec(prop::bool::weighted(0.2), 1..20),
    ) {
        let recovery = RecoveryOptions {
            request: 10,
            attempts: 3,
            limit: Duration::from_millis(300),
            most_messages: 40,
            ..RecoveryOptions::default()
        };
        let mut rig = Rig::new(ArbiterOptions {
            first: Some(1),
            window,
            recovery: has_server.then_some(recovery),
            ..ArbiterOptions::default()
        });
        let mut answers = answers.iter().cycle();
        let mut serve = |rig: &mut Rig| {
            for (first, count) in rig.requests() {
                prop_assert!(count > 0 && count <= 10);
                if let Some(most) = answers.next().copied().flatten() {
                    let end = first + most.min(count.into());
                    prop_assert!(end <= last + 1);
                    rig.packet(Origin::Recovery, first..end);
                }
            }
            Ok(())
        };
        let mut highest = 1;
        let pauses = waits.iter().cycle().zip(heartbeats.iter().cycle());
        for ((origin, numbers), (wait, heartbeat)) in script.iter().zip(pauses) {
            rig.packet(*origin, numbers.clone());
            highest = highest.max(numbers.end);
            if *heartbeat {
                rig.header(A, Header::heartbeat(SESSION, highest));
            }
            rig.pass(wait * MS);
            serve(&mut rig)?;
        }
        rig.header(B, Header::end_of_session(SESSION, last + 1));
        let mut steps = 0;
        while let Some(deadline_ns) = rig.arbiter.deadline_ns() {
            rig.pass(deadline_ns.saturating_sub(rig.now_ns));
            serve(&mut rig)?;
            steps += 1;
            prop_assert!(steps < 10_000, "it does not come to an end");
        }
        prop_assert!(rig.arbiter.is_ended());

        let mut next = 1;
        for out in &rig.out {
            match *out {
                Out::Message(number) => {
                    prop_assert_eq!(number, next);
                    next += 1;
                }
                Out::Filled(first, end) => {
                    prop_assert!(has_server && first < end && next == end);
                }
                Out::Lost { first, end, recovered } => {
                    prop_assert_eq!(next, first + recovered);
                    prop_assert!(next < end, "{out:?}");
                    next = end;
                }
                Out::Session(_) => prop_assert!(false, "there is one session"),
            }
        }
        prop_assert_eq!(next, last + 1);
    }
}

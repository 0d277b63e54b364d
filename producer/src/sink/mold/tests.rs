use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::sink::itch::ItchWriter;
use crate::sink::pcap::Flow;
use crate::source::simulator::{Session as Day, Simulator, SimulatorOptions};
use crate::source::{Progress, Source};
use crate::wire::moldudp64::{Kind, MoldError, Packet};

const SESSION: Session = *b"SIM0000001";

fn chaos(seed: u64) -> Chaos {
    Chaos { seed, loss: 0.01, loss_both: 0.002, duplicate: 0.02, reorder: 0.02, corrupt: 0.005 }
}

fn writer(chaos: Chaos) -> Result<MoldWriter<Vec<u8>>, Error> {
    let line = |source, group| {
        PcapWriter::new("memory".as_ref(), Vec::new(), Flow { source, group }).unwrap()
    };
    MoldWriter::new(SESSION, chaos, [line(SENDER_A, GROUP_A), line(SENDER_B, GROUP_B)])
}

/// A simulated minute in which little happens on both lines.
fn sent(chaos: Chaos) -> ([Vec<u8>; 2], MoldTruth) {
    let options = SimulatorOptions {
        seed: 3,
        instruments: 50,
        events_per_second: 3_000.0,
        session: Some(Day::within(std::time::Duration::from_secs(20))),
        ..SimulatorOptions::default()
    };
    let mut simulator = Simulator::new(&options).unwrap();
    let mut itch = ItchWriter::new(writer(chaos).unwrap());
    while simulator.poll(&mut itch, 256).unwrap() != Progress::End {}
    itch.finish().unwrap().0.finish().unwrap()
}

/// The payloads of a capture, with the times they were captured.
fn payloads(pcap: &[u8]) -> Vec<(u64, &[u8])> {
    let mut rest = &pcap[24..];
    let mut payloads = Vec::new();
    while let Some((head, body)) = rest.split_at_checked(16) {
        let word = |at: usize| u64::from(u32::from_le_bytes(head[at..at + 4].try_into().unwrap()));
        let (frame, behind) = body.split_at(usize::try_from(word(8)).unwrap());
        payloads.push((word(0) * 1_000_000_000 + word(4), &frame[42..]));
        rest = behind;
    }
    assert!(rest.is_empty());
    payloads
}

/// What came over one line.
#[derive(Default)]
struct Came {
    messages: BTreeMap<u64, Vec<u8>>,
    /// How often each packet came, by the number of its first message.
    packets: BTreeMap<u64, u32>,
    /// The first numbers in the order they came.
    order: Vec<u64>,
    damaged: usize,
    heartbeats: u64,
    ends: Vec<u64>,
}

fn receive(pcap: &[u8]) -> Came {
    let mut came = Came::default();
    let payloads = payloads(pcap);
    assert!(payloads.is_sorted_by_key(|&(time_ns, _)| time_ns));
    for (_, payload) in payloads {
        let packet = match Packet::parse(payload) {
            Ok(packet) => packet,
            Err(MoldError::Truncated { .. }) => {
                came.damaged += 1;
                continue;
            }
            Err(error) => panic!("{error}"),
        };
        assert_eq!((packet.session(), packet.surplus()), (&SESSION, 0));
        match packet.kind() {
            Kind::Heartbeat => came.heartbeats += 1,
            Kind::EndOfSession => came.ends.push(packet.sequence()),
            Kind::Messages => {
                assert!(payload.len() <= PACKET_BYTES && came.ends.is_empty());
                *came.packets.entry(packet.sequence()).or_default() += 1;
                came.order.push(packet.sequence());
                let numbered = (packet.sequence()..).zip(packet.messages());
                came.messages.extend(numbered.map(|(number, bytes)| (number, bytes.to_vec())));
            }
        }
    }
    came
}

#[test]
fn without_chaos_both_lines_carry_every_message_once_and_in_order() {
    let (files, truth) = sent(Chaos::default());
    let [a, b] = files.each_ref().map(|file| receive(file));
    assert!(a.messages == b.messages && a.order == b.order && a.order.is_sorted());
    assert!(a.messages.keys().copied().eq(1..=truth.messages));
    assert!(a.packets.values().all(|&times| times == 1));
    assert_eq!(a.packets.len() as u64, truth.packets);
    assert_eq!((&a.ends, a.heartbeats), (&vec![truth.messages + 1; ENDS], truth.heartbeats));
    let clean = |line: &LineTruth| LineTruth { written: line.written, ..LineTruth::default() };
    assert!(truth.gaps.is_empty() && truth.lines.iter().all(|line| *line == clean(line)));
    assert!(truth.messages > truth.packets * 5 / 4, "{} messages", truth.messages);
    let [a, b] = files;
    assert!(payloads(&a).iter().zip(payloads(&b)).all(|(a, b)| a.0 + LINE_B_NS == b.0));
}

#[test]
fn the_truth_lists_what_happened_to_every_packet() {
    let (lossless, _) = sent(Chaos::default());
    let whole = receive(&lossless[0]);
    let (files, truth) = sent(chaos(7));
    let mut missing: BTreeSet<u64> = (1..=truth.messages).collect();
    for (file, line) in files.iter().zip(&truth.lines) {
        let came = receive(file);
        assert_eq!(came.damaged, line.corrupted.len());
        assert_eq!(came.ends.len(), ENDS);
        let never: Vec<u64> = whole
            .packets
            .keys()
            .copied()
            .filter(|first| !came.packets.contains_key(first))
            .collect();
        let mut told: Vec<u64> =
            line.lost.iter().chain(&line.corrupted).map(|numbers| numbers.start).collect();
        told.sort_unstable();
        assert_eq!(never, told);
        let twice: Vec<u64> = came.packets.iter().filter(|p| *p.1 == 2).map(|p| *p.0).collect();
        let told: Vec<u64> = line.duplicated.iter().map(|numbers| numbers.start).collect();
        assert_eq!(twice, told);
        // A packet that is followed by lower numbers is one that overtook a delayed one.
        let mut highest = 0;
        let mut late = BTreeSet::new();
        for &first in &came.order {
            if first < highest {
                late.insert(first);
            }
            highest = highest.max(first);
        }
        let told: BTreeSet<u64> = line.delayed.iter().map(|numbers| numbers.start).collect();
        assert!(late.is_subset(&told) && late.len() * 10 > told.len() * 8, "{late:?} {told:?}");
        for (number, bytes) in &came.messages {
            assert_eq!(bytes, &whole.messages[number]);
            missing.remove(number);
        }
        // Each mishap has about its share.
        let packets = truth.packets as f64;
        for (list, share) in [
            (&line.lost, 0.012),
            (&line.corrupted, 0.005),
            (&line.duplicated, 0.02),
            (&line.delayed, 0.02),
        ] {
            let found = list.len() as f64 / packets;
            assert!((found / share - 1.0).abs() < 0.5, "{found} for {share}");
        }
    }
    let told: BTreeSet<u64> = truth.gaps.iter().cloned().flatten().collect();
    assert!(told == missing && !told.is_empty());
    assert!(truth.gaps.windows(2).all(|pair| pair[0].end < pair[1].start), "merged");
}

#[test]
fn the_script_is_fixed_by_its_seed() {
    assert!(sent(chaos(1)) == sent(chaos(1)));
    assert!(sent(chaos(1)).0 != sent(chaos(2)).0);
}

#[test]
fn silence_brings_heartbeats() {
    let mut writer = writer(Chaos::default()).unwrap();
    for seconds in [10, 11, 14] {
        writer.take(b"message of some length", seconds * 1_000_000_000 + seconds).unwrap();
    }
    let ([a, _], truth) = writer.finish().unwrap();
    assert_eq!((truth.messages, truth.packets, truth.heartbeats), (3, 3, 1 + 3));
    let kinds: Vec<usize> = payloads(&a).iter().map(|(_, payload)| payload.len()).collect();
    assert_eq!(kinds, [44, 20, 44, 20, 20, 20, 44, 20, 20, 20]);
}

#[test]
fn probabilities_that_cannot_be_are_refused() {
    let calm = Chaos::default();
    for wrong in [
        Chaos { loss: -0.1, ..calm },
        Chaos { loss_both: 1.1, ..calm },
        Chaos { corrupt: f64::NAN, ..calm },
        Chaos { loss: 0.6, duplicate: 0.6, ..calm },
    ] {
        assert!(matches!(writer(wrong), Err(Error::Option { .. })), "{wrong:?}");
    }
}

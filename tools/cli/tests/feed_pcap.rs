//! `tickring feed pcap`: captures of network packets and the rings that come of them.

use crate::support::{Bus, Ran, ring};
use serde_json::Value;
use std::fs;
use tickring::{RingInfo, RingState};

/// An Ethernet frame with a UDP datagram to 239.0.0.`line`.
fn frame(line: u8, port: u16, payload: &[u8]) -> Vec<u8> {
    let length = |more: usize| u16::try_from(payload.len() + more).unwrap().to_be_bytes();
    let mut frame = vec![1; 12];
    frame.extend([8, 0, 0x45, 0]);
    frame.extend(length(28));
    frame.extend([0, 1, 0x40, 0, 16, 17, 0, 0, 10, 0, 0, 1, 239, 0, 0, line, 0, 9]);
    frame.extend(port.to_be_bytes());
    frame.extend(length(8));
    frame.extend([0, 0]);
    frame.extend(payload);
    frame
}

/// A capture of frames at 2017-07-10 14:32:18 UTC, in microseconds.
fn capture(frames: &[Vec<u8>]) -> Vec<u8> {
    let mut file = Vec::new();
    for word in [0xA1B2_C3D4u32, 0x0004_0002, 0, 0, 65_535, 1] {
        file.extend(word.to_le_bytes());
    }
    for frame in frames {
        let len = u32::try_from(frame.len()).unwrap();
        for word in [1_499_697_138, 250, len, len] {
            file.extend(word.to_le_bytes());
        }
        file.extend(frame);
    }
    file
}

/// An IEX-TP segment of DEEP with trades of so many shares.
fn deep(first: i64, sizes: &[u32]) -> Vec<u8> {
    let mut payload = Vec::new();
    for size in sizes {
        payload.extend([38, 0, b'T', 0]);
        payload.extend(1_499_697_138_000_000_000i64.to_le_bytes());
        payload.extend(b"ZIEXT   ");
        payload.extend(size.to_le_bytes());
        payload.extend(990_500i64.to_le_bytes());
        payload.extend(7i64.to_le_bytes());
    }
    let mut segment = vec![1, 0, 4, 0x80, 1, 0, 0, 0, 9, 0, 0, 0];
    segment.extend(u16::try_from(payload.len()).unwrap().to_le_bytes());
    segment.extend(u16::try_from(sizes.len()).unwrap().to_le_bytes());
    for word in [0, first, 1_499_697_138_000_000_000] {
        segment.extend(word.to_le_bytes());
    }
    [segment, payload].concat()
}

/// A MoldUDP64 packet with the add of one order.
fn mold(sequence: u64) -> Vec<u8> {
    let mut packet = b"2017071001".to_vec();
    packet.extend(sequence.to_be_bytes());
    packet.extend([0, 1, 0, 36, b'A', 0, 7, 0, 0]);
    packet.extend(&34_200_000_000_000u64.to_be_bytes()[2..]);
    packet.extend(sequence.to_be_bytes());
    packet.extend(b"B\0\0\0\x64ZIEXT   \0\0\x27\x10");
    packet
}

fn publish(bus: &Bus, bytes: &[u8], options: &str) -> Ran {
    let file = bus.path().join("file.pcap");
    fs::write(&file, bytes).unwrap();
    bus.run(&format!("feed pcap {} --to demo --json {options}", file.display()))
}

fn summary(ran: &Ran) -> Value {
    let [object] = &ran.objects()[..] else { panic!("one summary: {ran:?}") };
    object.clone()
}

#[test]
fn a_capture_of_iex_is_published() {
    let bus = Bus::new();
    let frames = [frame(1, 10_378, &deep(1, &[10, 20])), frame(1, 10_378, &deep(5, &[30]))];
    let ran = publish(&bus, &capture(&frames), "");
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    let found = summary(&ran);
    assert_eq!((&found["kinds"]["trade"], &found["kinds"]["gap"]), (&3.into(), &1.into()));
    assert_eq!((&found["inputs"]["T"], &found["inputs"]["packet"]), (&3.into(), &2.into()));
    assert_eq!(found["anomalies"]["message missing"], 2);
    let ticks = bus.run("tail demo/ticks --json --from oldest -c 4").objects();
    let kinds: Vec<&Value> = ticks.iter().map(|tick| &tick["kind"]).collect();
    assert_eq!(kinds, ["trade", "trade", "gap", "trade"]);
    assert_eq!(ticks[0]["ts_recv"], "2017-07-10T14:32:18.000250000Z");
    assert_eq!(ticks[0]["price"], "99.050000000");
    let symbols = bus.run("symbols demo/ticks --json").objects();
    assert_eq!(symbols[0]["symbol"], "ZIEXT", "{symbols:?}");
}

#[test]
fn lines_and_ports_of_moldudp64_are_chosen_by_options() {
    let bus = Bus::new();
    let frames = [(1, 5, 1), (2, 6, 1), (2, 6, 2), (1, 5, 3)]
        .map(|(line, port, at)| frame(line, port, &mold(at)));
    let file = capture(&frames);
    let err = publish(&bus, &file, "").err;
    assert!(err.contains("packet 1 is to 239.0.0.2:6"), "{err}");
    let found = summary(&publish(&bus, &file, "--merge"));
    assert_eq!(
        (&found["kinds"]["mbo A"], &found["anomalies"]["duplicate message"]),
        (&3.into(), &1.into())
    );
    let found = summary(&publish(&bus, &file, "--port 6 --payload moldudp64 --date 2017-07-10"));
    assert_eq!(
        (&found["kinds"]["mbo A"], &found["inputs"]["datagram to another port"]),
        (&2.into(), &2.into())
    );
    let found = summary(&publish(&Bus::new(), &file, "--payload iex-tp"));
    assert_eq!(found["records"], 0);
    assert_eq!(found["inputs"]["datagram of another protocol"], 4);
}

#[test]
fn a_capture_cut_short_is_an_error_after_the_summary() {
    let bus = Bus::new();
    let frames = [frame(1, 10_378, &deep(1, &[10])), frame(1, 10_378, &deep(2, &[20]))];
    let mut file = capture(&frames);
    file.truncate(file.len() - 1);
    let ran = publish(&bus, &file, "");
    assert_eq!(ran.code, Some(2));
    assert_eq!(summary(&ran)["kinds"]["trade"], 1);
    assert!(ran.err.contains("truncated at packet 1, byte "), "{}", ran.err);
    let state = RingInfo::read(&bus.directory(), &ring("demo/ticks")).unwrap().state;
    assert_eq!(state, RingState::Dead, "nobody said that it was complete");
    let ran = publish(&bus, b"no capture", "");
    assert!(ran.code == Some(2) && ran.err.contains("expected a pcap or pcapng file"), "{ran:?}");
}

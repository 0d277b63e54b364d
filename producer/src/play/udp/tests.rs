use std::net::UdpSocket;
use std::path::Path;

use tempfile::TempDir;

use super::chaos::{Fate, Script};
use super::*;
use crate::wire::itch50::message_len;
use crate::wire::moldudp64::Packet;

/// A session of deletes, 19 bytes each, at these times of day.
fn session(folder: &TempDir, times_ns: &[u64]) -> PathBuf {
    let path = folder.path().join("session.itch");
    let mut file = Vec::new();
    for (order, time_ns) in (1u64..).zip(times_ns) {
        let mut message = vec![b'D', 0, 1, 0, 0];
        message.extend(&time_ns.to_be_bytes()[2..]);
        message.extend(order.to_be_bytes());
        assert_eq!(message_len(b'D'), Some(message.len()));
        file.extend(u16::try_from(message.len()).unwrap().to_be_bytes());
        file.extend(message);
    }
    std::fs::write(&path, file).unwrap();
    path
}

fn options(file: &Path) -> UdpPlayerOptions {
    let line = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 9);
    UdpPlayerOptions { pace: Pace::Max, ..UdpPlayerOptions::new(file, vec![line]) }
}

/// The first number and the count of each packet.
fn cut(options: &UdpPlayerOptions) -> Vec<(u64, u64)> {
    let recording = Recording::open(&options.file).unwrap();
    let mut packets = Packets::new(options);
    let mut found = Vec::new();
    while let Some(next) = packets.peek(&recording).unwrap() {
        let packet = Packet::parse(packets.bytes()).unwrap();
        assert!(packets.bytes().len() <= options.packet_bytes);
        assert_eq!((packet.sequence(), u64::from(packet.count())), (next.first, next.count));
        for (number, message) in (next.first..).zip(packet.messages()) {
            assert_eq!(message[11..], number.to_be_bytes());
        }
        found.push((next.first, next.count));
        packets.advance();
    }
    assert!(packets.is_at_end());
    found
}

#[test]
fn a_packet_ends_when_it_is_full_or_its_time_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let file = session(&folder, &[0, 10, 20, 30, 1_000_030, 1_000_031, 2_000_031, 5_000_000]);
    let own = options(&file);
    assert_eq!(cut(&own), [(1, 4), (5, 2), (7, 1), (8, 1)]);
    let by_number = UdpPlayerOptions { packet_messages: 3, ..own.clone() };
    assert_eq!(cut(&by_number), [(1, 3), (4, 2), (6, 2), (8, 1)]);
    let long = UdpPlayerOptions { packet_span: Duration::from_secs(1), ..own };
    assert_eq!(cut(&long), [(1, 8)]);
    let by_bytes = UdpPlayerOptions { packet_bytes: 20 + 3 * 21, ..long };
    assert_eq!(cut(&by_bytes), [(1, 3), (4, 3), (7, 2)]);
}

#[test]
fn a_script_is_that_of_its_seed_and_line_with_its_probabilities() {
    let chaos =
        Chaos { seed: 5, loss: 0.1, loss_both: 0.2, duplicate: 0.3, reorder: 0.4, corrupt: 0.5 };
    let draw = |chaos, line| {
        let mut script = Script::new(chaos, line);
        (0..20_000).map(|_| script.fate()).collect::<Vec<Fate>>()
    };
    let fates = draw(chaos, 1);
    assert!(fates == draw(chaos, 1));
    assert!(fates != draw(chaos, 2) && fates != draw(Chaos { seed: 6, ..chaos }, 1));
    let share = |of: fn(&Fate) -> bool, expected: usize| {
        let found = fates.iter().filter(|fate| of(fate)).count();
        assert!(found.abs_diff(expected) < 400, "{found} for {expected}");
    };
    share(|fate| fate.is_lost, 2_000);
    share(|fate| fate.is_twice, 6_000);
    share(|fate| fate.late > 0, 8_000);
    share(|fate| fate.damage.is_some(), 10_000);
    assert!(fates.iter().all(|fate| fate.late <= 4 && fate.damage.is_none_or(|(_, b)| b != 0)));
    let mut all = Script::new(chaos, 0);
    let lost = (0..20_000).filter(|_| all.loses_all()).count();
    assert!(lost.abs_diff(4_000) < 400, "{lost}");
}

#[test]
fn options_out_of_range_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = session(&folder, &[0]);
    let own = options(&file);
    let wrong = [
        (UdpPlayerOptions { lines: Vec::new(), ..own.clone() }, "at least one line"),
        (UdpPlayerOptions { packet_bytes: 21, ..own.clone() }, "22 to 65507"),
        (UdpPlayerOptions { packet_bytes: 40, ..own.clone() }, "40 where 41 are needed"),
        (UdpPlayerOptions { packet_messages: 0, ..own.clone() }, "1 to 65534"),
        (UdpPlayerOptions { chaos: Chaos { loss: 1.5, ..Chaos::default() }, ..own }, "from 0 to 1"),
    ];
    for (options, expected) in wrong {
        let error = UdpPlayer::open(&options).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn the_server_answers_with_what_was_sent_and_fits_a_packet() {
    let folder = tempfile::tempdir().unwrap();
    let file = session(&folder, &[0; 10]);
    let address = Some(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0));
    let own = UdpPlayerOptions {
        server: address,
        packet_messages: 3,
        packet_bytes: 20 + 3 * 21,
        linger: Duration::from_secs(600),
        ..options(&file)
    };
    let mut player = UdpPlayer::open(&own).unwrap();
    let server = player.server_address().unwrap().unwrap();
    let asker = UdpSocket::bind("127.0.0.1:0").unwrap();
    asker.connect(server).unwrap();
    asker.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while player.packets.next() < 10 {
        let _ = player.run_once(1).unwrap();
    }
    let other = *b"elsewhere ";
    let silent = [
        Header::new(own.session, 0, 1),
        Header::new(own.session, 4, 0),
        Header::new(own.session, 10, 1),
        Header::new(other, 1, 1),
    ];
    for request in silent {
        asker.send(request.as_bytes()).unwrap();
    }
    asker.send(b"no request").unwrap();
    for (first, count, given) in [(1, 2, 2), (4, 40, 3), (8, 40, 2), (9, 1, 1)] {
        asker.send(Header::new(own.session, first, count).as_bytes()).unwrap();
        let mut buffer = [0; 2_048];
        let len = loop {
            assert!(Instant::now() < deadline, "no answer");
            player.answer(Instant::now());
            if let Ok(len) = asker.recv(&mut buffer) {
                break len;
            }
        };
        let packet = Packet::parse(&buffer[..len]).unwrap();
        assert_eq!((packet.sequence(), packet.count()), (first, given));
        assert_eq!(packet.session(), &own.session);
        for (number, message) in (first..).zip(packet.messages()) {
            assert_eq!(message[11..], number.to_be_bytes());
        }
    }
}

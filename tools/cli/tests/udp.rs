//! `tickring play udp` and `tickring feed udp`: two processes, two lines and a request server.

use crate::support::{Bus, ring, wait_for};
use std::fs;
use std::net::UdpSocket;
use tickring::RingInfo;

/// An ITCH 5.0 BinaryFILE: so many orders of one stock.
fn session(orders: u64) -> Vec<u8> {
    let mut file = Vec::new();
    for order in 1..=orders {
        let mut message = vec![b'A', 0, 7, 0, 0];
        message.extend((34_200_000_000_000 + order).to_be_bytes()[2..].iter());
        message.extend(order.to_be_bytes());
        message.extend(b"B\0\0\0\x64TEST    \0\x01\0\0");
        file.extend(u16::try_from(message.len()).unwrap().to_be_bytes());
        file.extend(message);
    }
    file
}

/// A port that is free now.
fn free_port() -> u16 {
    UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn a_file_played_on_two_bad_lines_is_published_whole() {
    let bus = Bus::new();
    let file = bus.path().join("session.itch");
    fs::write(&file, session(2_000)).unwrap();
    // Single receivers: not every machine has multicast on its loopback.
    let [a, b, server] = [free_port(), free_port(), free_port()];
    let feed = bus.start(&format!(
        "feed udp 127.0.0.1:{a} 127.0.0.1:{b} --server 127.0.0.1:{server} --sequence 1 \
         --attempts 1000 --date 2010-12-24 --to demo --json"
    ));
    wait_for(|| RingInfo::read(&bus.directory(), &ring("demo/ticks")).ok());
    let played = bus.run(&format!(
        "play udp {} --line 127.0.0.1:{a} --line 127.0.0.1:{b} --server 127.0.0.1:{server} \
         --pace 20000/s --delay 0s --packet-messages 10 --loss 0.02 --duplicate 0.02 \
         --reorder 0.05 --loss-both 0.03 --seed 3 --json",
        file.display()
    ));
    assert_eq!((played.code, played.err.as_str()), (Some(0), ""));
    let objects = played.objects();
    assert_eq!(objects[0]["server"], format!("127.0.0.1:{server}"));
    let played = objects.last().unwrap();
    assert_eq!((played["messages"].as_u64(), played["packets"].as_u64()), (Some(2_000), Some(200)));
    let ran = feed.end();
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    let summary = ran.objects().pop().unwrap();
    assert_eq!(summary["kinds"]["mbo A"], 2_000, "{summary}");
    assert!(summary["anomalies"]["gaps filled"].as_u64() > Some(0), "{summary}");
    assert_eq!(summary["anomalies"].get("messages lost"), None, "{summary}");
    let tail = "tail demo/ticks --json --from oldest --kind mbo -c 2000";
    let sequences: Vec<u64> =
        bus.run(tail).objects().iter().map(|mbo| mbo["sequence"].as_u64().unwrap()).collect();
    assert!(sequences.into_iter().eq(1..=2_000));
}

#[test]
fn a_signal_ends_a_player_with_its_report() {
    let bus = Bus::new();
    let file = bus.path().join("session.itch");
    fs::write(&file, session(10)).unwrap();
    let arguments = format!("--line 127.0.0.1:{} --delay 600s", free_port());
    let server = "--server 127.0.0.1:0 --json";
    let play = bus.start(&format!("play udp {} {arguments} {server}", file.display()));
    assert!(play.line().contains("127.0.0.1:"));
    play.signal("TERM");
    let ran = play.end();
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    assert_eq!(ran.objects()[0]["messages"], 0);
}

#[test]
fn groups_that_cannot_be_joined_are_named() {
    let bus = Bus::new();
    let error = bus.run("feed udp 239.1.1.1:0 --interface 192.0.2.77 --to demo").failure(2);
    assert!(error.contains("cannot join 239.1.1.1:0"), "{error}");
    let error = bus.run("play udp none.itch --line 127.0.0.1:9").failure(2);
    assert!(error.contains("none.itch"), "{error}");
}

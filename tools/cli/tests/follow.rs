//! `tickring tail -f`: records as they come.

use crate::support::{Bus, publish, ring, trade, wait_for};
use std::fs;
use std::io::{BufRead, BufReader};
use tickring::RingInfo;
use tickring::record::{Record, Trade};

const FOLLOW: &str = "tail demo/ticks -f --json --fields trade_id";

fn seq(line: &str) -> u64 {
    serde_json::from_str::<serde_json::Value>(line).unwrap()["seq"].as_u64().unwrap()
}

#[test]
fn records_are_printed_as_they_come_until_the_ring_is_closed() {
    let bus = Bus::new();
    let mut writer = bus.writer("demo/ticks", Trade::kinds());
    publish(&mut writer, 0..20);
    let tail = bus.start(&format!("{FOLLOW} -n 2"));
    for n in 18..60 {
        if n >= 20 {
            writer.publish(&trade(n)).unwrap();
        }
        assert_eq!(seq(&tail.line()), u64::from(n));
    }
    writer.close();
    assert_eq!(tail.end().clean(), "");
}

#[test]
fn a_closed_ring_is_printed_and_ends_at_once() {
    let bus = Bus::new();
    let mut writer = bus.writer("demo/ticks", Trade::kinds());
    publish(&mut writer, 0..5);
    writer.close();
    assert_eq!(bus.run("tail demo/ticks -f --from oldest --csv").clean().lines().count(), 6);
}

#[test]
fn a_count_is_reached_by_records_that_come() {
    let bus = Bus::new();
    let mut writer = bus.writer("demo/ticks", Trade::kinds());
    let tail = bus.start(&format!("{FOLLOW} --from 0 -c 3"));
    publish(&mut writer, 0..5);
    assert_eq!(tail.end().clean().lines().map(seq).collect::<Vec<_>>(), [0, 1, 2]);
}

#[test]
fn a_timeout_ends_with_124_and_what_was_there_is_printed() {
    let bus = Bus::new();
    let mut writer = bus.writer("demo/ticks", Trade::kinds());
    writer.publish(&trade(0)).unwrap();
    let ran = bus.run("tail demo/ticks -f --csv --fields size --timeout 50ms");
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (Some(124), "seq,size\n0,0\n", ""));
    assert_eq!(bus.run("tail demo/ticks -f -c 1 --timeout 60s").code, Some(0));
}

#[test]
fn an_interrupt_ends_with_130_and_a_request_to_end_with_0() {
    let bus = Bus::new();
    let mut writer = bus.writer("demo/ticks", Trade::kinds());
    writer.publish(&trade(0)).unwrap();
    for (signal, code) in [("INT", 130), ("TERM", 0)] {
        let tail = bus.start(FOLLOW);
        assert_eq!(seq(&tail.line()), 0);
        tail.signal(signal);
        let ran = tail.end();
        assert_eq!((ran.code, ran.err.as_str()), (Some(code), ""), "{signal}");
    }
}

#[test]
fn a_writer_process_that_is_killed_is_waited_for_and_its_successor_followed() {
    let bus = Bus::new();
    let feed = bus.start("feed simulate --to demo --pace 20000/s --rate 1000000");
    let published =
        || RingInfo::read(&bus.directory(), &ring("demo/ticks")).map_or(0, |info| info.published);
    wait_for(|| (published() > 0).then_some(()));
    let tail = bus.start("tail demo/ticks -f --json --fields sequence --from 0");
    let mut next = 0;
    while next < 1_000 {
        assert_eq!(seq(&tail.line()), next);
        next += 1;
    }
    feed.kill();
    let again = bus.run("feed simulate --to demo --count 5000 --pace max");
    assert_eq!(again.code, Some(0), "{}", again.err);
    let end = published();
    let ran = tail.end();
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    // The first life has 65,536 slots and far fewer records: nothing is lost but, by the kill, at
    // most one record half written; the restart record takes a sequence too.
    let rest: Vec<u64> = ran.out.lines().map(seq).collect();
    let tombstones = ran.err.matches("tombstone").count();
    assert!(ran.err.contains("tail: writer restarted, epoch 2\n"), "{}", ran.err);
    assert!(!ran.err.contains("missed") && tombstones <= 1, "{}", ran.err);
    assert_eq!(next + rest.len() as u64 + tombstones as u64 + 1, end, "{}", ran.err);
    assert_eq!(rest.last(), Some(&(end - 1)));
}

#[test]
fn a_writer_that_is_gone_is_reported_while_nothing_comes() {
    let bus = Bus::new();
    let mut writer = bus.writer("demo/ticks", Trade::kinds());
    writer.publish(&trade(0)).unwrap();
    drop(writer);
    let ran = bus.run(&format!("{FOLLOW} --timeout 2500ms"));
    assert_eq!(ran.code, Some(124));
    let expected = format!("tail: writer {} is gone, waiting for another\n", std::process::id());
    assert_eq!(ran.err, expected, "told once");
}

#[test]
fn a_ring_that_is_removed_is_not_followed_for_ever() {
    let bus = Bus::new();
    let mut writer = bus.writer("demo/ticks", Trade::kinds());
    writer.publish(&trade(0)).unwrap();
    let tail = bus.start(FOLLOW);
    assert_eq!(seq(&tail.line()), 0);
    fs::remove_file(bus.directory().path_of(&ring("demo/ticks"))).unwrap();
    let err = tail.end().failure(3);
    assert!(err.contains("demo/ticks was removed"), "{err}");
}

#[test]
fn an_idle_follower_ends_when_its_reader_goes_away() {
    let bus = Bus::new();
    let mut writer = bus.writer("demo/ticks", Trade::kinds());
    writer.publish(&trade(0)).unwrap();
    let mut child = bus.command(FOLLOW).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(seq(&line), 0);
    // Nothing more is published: only a look at the pipe can tell.
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

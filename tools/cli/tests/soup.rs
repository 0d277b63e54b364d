//! `tickring play soup` and `tickring feed soup`: two processes and a socket.

use crate::feed::itch;
use crate::support::{Bus, Ran, Running, ring, wait_for};
use serde_json::Value;
use std::fs;
use tickring::{RingInfo, RingState};

const PASSWORD: &str = "TICKRING_TEST_PASSWORD";

/// A server of four messages, and its address.
fn play(bus: &Bus, arguments: &str) -> (Running, String) {
    let file = bus.path().join("session.itch");
    fs::write(&file, itch()).unwrap();
    let mut command = bus.command(&format!("play soup {} {arguments} --json", file.display()));
    let server = bus.spawn(command.env(PASSWORD, "secret"));
    let first: Value = serde_json::from_str(&server.line()).unwrap();
    assert_eq!(first["messages"], 4);
    (server, first["address"].as_str().unwrap().to_owned())
}

/// The last report of a server that is asked to end.
fn end(server: Running) -> Value {
    server.signal("TERM");
    let ran = server.end();
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    ran.objects().pop().unwrap()
}

fn feed(bus: &Bus, address: &str, password: &str, arguments: &str) -> Ran {
    let arguments = format!("feed soup {address} --to demo --json {arguments}");
    Ran::of(bus.command(&arguments).env(PASSWORD, password).output().unwrap())
}

#[test]
fn a_session_is_received_as_the_file_is_read() {
    let bus = Bus::new();
    let (server, address) = play(&bus, &format!("--user u1 --password-env {PASSWORD}"));
    let login = format!("--user U1 --password-env {PASSWORD} --date 2010-12-24");
    let ran = feed(&bus, &address, "secret", &login);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    let received = ran.objects().pop().unwrap();
    let file = bus.path().join("session.itch");
    let ran = bus.run(&format!("feed itch {} --to file --json", file.display()));
    let read = ran.objects().pop().unwrap();
    assert_eq!((&received["kinds"], &received["inputs"]), (&read["kinds"], &read["inputs"]));
    let first = bus.run("tail demo/ticks --json --from oldest -c 1").objects().pop().unwrap();
    assert_eq!(first["ts_event"], "2010-12-24T14:30:00.000000000Z");
    assert!(first["ts_recv"].as_str().unwrap() > "2010-12-25", "{first}");
    let report = end(server);
    assert_eq!((&report["login"], &report["message"]), (&1.into(), &4.into()));
}

#[test]
fn a_wrong_password_is_an_error_before_there_is_a_ring() {
    let bus = Bus::new();
    let (server, address) = play(&bus, &format!("--user u1 --password-env {PASSWORD}"));
    let login = format!("--user u1 --password-env {PASSWORD}");
    let error = feed(&bus, &address, "wrong", &login).failure(2);
    assert!(error.contains("login of 'u1'") && error.contains("check user name"), "{error}");
    assert!(!error.contains("wrong"), "a password is not shown: {error}");
    assert!(bus.directory().list().unwrap().is_empty());
    let file = bus.path().join("password");
    fs::write(&file, "secret\n").unwrap();
    let login = format!("--user u1 --password-file {}", file.display());
    assert_eq!(feed(&bus, &address, "", &login).code, Some(0));
    assert_eq!(end(server)["login rejected"], 1);
}

#[test]
fn a_feed_goes_on_after_its_connection_was_cut_off() {
    let bus = Bus::new();
    let (server, address) = play(&bus, "--cut-after 1");
    let ran = feed(&bus, &address, "", "");
    let received = ran.objects().pop().unwrap();
    assert_eq!(received["inputs"]["A"], 2, "{received}");
    assert_eq!(received["anomalies"]["reconnect"], 3);
    assert_eq!(end(server)["connection cut"], 3);
}

#[test]
fn a_feed_that_waits_for_messages_is_stopped_by_a_signal() {
    let bus = Bus::new();
    let (server, address) = play(&bus, "--silent-after 2");
    let feed = bus.start(&format!("feed soup {address} --to demo --json"));
    let info = || RingInfo::read(&bus.directory(), &ring("demo/ticks")).ok();
    wait_for(|| info().filter(|info| info.published >= 2));
    feed.signal("TERM");
    let ran = feed.end();
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    assert_eq!(info().unwrap().state, RingState::Closed);
    assert_eq!(end(server)["connection silenced"], 1);
}

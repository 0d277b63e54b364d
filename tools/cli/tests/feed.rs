//! `tickring feed`: sources and the rings that come of them.

use crate::support::{Bus, Ran, ring, wait_for};
use serde_json::Value;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::Stdio;
use tickring::{RingInfo, RingState};

fn state(bus: &Bus, name: &str) -> RingState {
    RingInfo::read(&bus.directory(), &ring(name)).unwrap().state
}

fn summary(ran: &Ran) -> Value {
    let [object] = &ran.objects()[..] else { panic!("one summary: {ran:?}") };
    object.clone()
}

/// A folder of recorded data; `None`, with a message, where there is none.
fn recorded(folder: &str) -> Option<PathBuf> {
    let beside = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data"));
    let found = std::env::var_os("TICKRING_DATA").map_or_else(beside, PathBuf::from).join(folder);
    if found.is_dir() {
        return Some(found);
    }
    println!("skipped: no {}; set TICKRING_DATA to where the recorded data is", found.display());
    None
}

/// An ITCH 5.0 BinaryFILE: two orders of one stock, one of them executed in part, one deleted.
pub(crate) fn itch() -> Vec<u8> {
    let head = |kind: u8| {
        let mut message = vec![kind, 0, 7, 0, 0];
        message.extend(34_200_000_000_000_u64.to_be_bytes()[2..].iter());
        message
    };
    let add = |id: u64, side: u8| {
        let mut message = head(b'A');
        message.extend(id.to_be_bytes());
        message.push(side);
        message.extend(100_u32.to_be_bytes());
        message.extend(b"TEST    ");
        message.extend(1_234_500_u32.to_be_bytes());
        message
    };
    let mut executed = head(b'E');
    executed.extend(1_u64.to_be_bytes());
    executed.extend(30_u32.to_be_bytes());
    executed.extend(99_u64.to_be_bytes());
    let mut deleted = head(b'D');
    deleted.extend(2_u64.to_be_bytes());
    let messages = [add(1, b'B'), add(2, b'S'), executed, deleted];
    let frames = messages.iter().map(|message| {
        let length = u16::try_from(message.len()).unwrap();
        [&length.to_be_bytes()[..], message].concat()
    });
    frames.collect::<Vec<_>>().concat()
}

#[test]
fn a_simulation_is_published_and_summed_up() {
    let bus = Bus::new();
    let ran = bus.run("feed simulate --to demo --count 3000 --pace max --instruments 2 --json");
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    let found = summary(&ran);
    let keys: Vec<&String> = found.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["records", "vectors", "kinds", "inputs", "anomalies", "elapsed_ns"]);
    assert_eq!(found["records"], 3_002);
    assert_eq!(found["kinds"]["instrument_def"], 2);
    let orders =
        found["kinds"].as_object().unwrap().iter().filter(|(name, _)| name.contains("mbo"));
    assert_eq!(orders.map(|(_, count)| count.as_u64().unwrap()).sum::<u64>(), 3_000);
    assert_eq!((state(&bus, "demo/ticks"), bus.run("ls").code), (RingState::Closed, Some(0)));
    let again = bus.run("feed simulate --to again --count 3000 --pace max --instruments 2");
    assert_eq!((again.code, again.out.as_str()), (Some(0), ""));
    assert!(again.err.starts_with("feed: 3002 records: instrument_def 2, mbo A "), "{}", again.err);
    assert!(again.err.contains("records per second\n"), "{}", again.err);
    let ticks = |bus_name| bus.run(&format!("tail {bus_name}/ticks --json -n 3000")).clean();
    assert_eq!(ticks("demo"), ticks("again"), "the same seed");
    let other =
        bus.run("feed simulate --to other --count 3000 --pace max --instruments 2 --seed 2");
    assert_eq!(other.code, Some(0));
    assert_ne!(ticks("demo"), ticks("other"));
}

#[test]
fn simulated_time_ends_a_simulation() {
    let bus = Bus::new();
    let arguments = "feed simulate --to demo --seconds 0.5 --rate 1000 --pace max --json";
    let ran = bus.run(&format!("{arguments} --capacity 4096"));
    let events = summary(&ran)["inputs"]["event"].as_u64().unwrap();
    // Half a second at a mean of 1,000 events a second.
    assert!((100..2_000).contains(&events), "{events}");
    let info = RingInfo::read(&bus.directory(), &ring("demo/ticks")).unwrap();
    assert_eq!(info.capacity, 4096);
    let error = bus.run("feed simulate --to demo --capacity 128 --pace max").failure(4);
    assert!(error.contains("4096 slots"), "{error}");
}

#[test]
fn vectors_are_published_only_on_request() {
    let bus = Bus::new();
    let simulate = "feed simulate --count 3000 --pace max --json --to";
    assert_eq!(summary(&bus.run(&format!("{simulate} without")))["vectors"], 0);
    assert!(bus.run("inspect without/vectors").failure(3).contains("no ring without/vectors"));
    let ran =
        bus.run(&format!("{simulate} demo --vectors 32 --vector-every 4 --vector-capacity 256"));
    let info = RingInfo::read(&bus.directory(), &ring("demo/vectors")).unwrap();
    assert_eq!((summary(&ran)["vectors"].as_u64().unwrap(), info.capacity), (info.published, 256));
    assert!(info.published > 100, "{}", info.published);
    let last = bus.run("tail demo/vectors -n 1 --json").objects().pop().unwrap();
    assert_eq!(last["lanes"].as_array().unwrap().len(), 32);
    let error = bus.run(&format!("{simulate} odd --vectors 33")).err;
    assert!(error.contains("33"), "{error}");
}

#[test]
fn quotes_and_levels_are_published_on_request() {
    let bus = Bus::new();
    let simulate = "feed simulate --count 3000 --pace max --json --to";
    assert!(summary(&bus.run(&format!("{simulate} without"))).get("derived").is_none());
    let calendar = bus.path().join("calendar.toml");
    // The simulated market opens on this day.
    fs::write(&calendar, "[XNAS]\nholidays = [2026-01-05]\n").unwrap();
    let stats = format!("--quotes --quote-stats --venue XNAS --calendar {}", calendar.display());
    let ran = bus.run(&format!("{simulate} demo {stats} --depth --depth-capacity 64"));
    let derived = summary(&ran)["derived"].clone();
    let quotes = derived["quote"].as_u64().unwrap();
    assert!(quotes > 100 && derived["mbp_10"].as_u64().unwrap() > quotes, "{derived}");
    let info = RingInfo::read(&bus.directory(), &ring("demo/quotes")).unwrap();
    assert_eq!(info.published, 2 * quotes, "statistics stand behind each quote");
    let last = bus.run("tail demo/quotes -n 2 --json").objects();
    let [quote, stats] = &last[..] else { panic!("{last:?}") };
    assert_eq!(
        (quote["kind"].as_str(), stats["kind"].as_str()),
        (Some("quote"), Some("quote_stats"))
    );
    assert_eq!(quote["sequence"], stats["sequence"]);
    assert_eq!(stats["phase"], 1, "closed on a holiday");
    let levels = bus.run("tail demo/depth -n 1 --json").objects().pop().unwrap();
    assert_eq!(levels["bid_px_00"], quote["bid_px"]);
    assert_eq!(RingInfo::read(&bus.directory(), &ring("demo/depth")).unwrap().capacity, 64);
    let error = bus.run(&format!("{simulate} odd --quotes --quote-stats --venue XXXX")).failure(2);
    assert!(error.contains("XXXX"), "{error}");
    fs::write(&calendar, "[XNAS]\nholiday = 1\n").unwrap();
    let ran =
        bus.run(&format!("{simulate} odd {}", "--quotes --quote-stats --calendar calendar.toml"));
    assert!(ran.code != Some(0) && ran.err.contains("calendar.toml"), "{}", ran.err);
}

#[test]
fn a_signal_closes_the_rings_and_sums_up() {
    for (signal, code) in [("INT", 130), ("TERM", 0)] {
        let bus = Bus::new();
        let feed = bus.start("feed simulate --to demo --pace 10000/s --json --stats");
        let info = || RingInfo::read(&bus.directory(), &ring("demo/ticks")).ok();
        wait_for(|| info().filter(|info| info.published > 0));
        // The report of the first second.
        assert!(serde_json::from_str::<Value>(&feed.line()).unwrap()["records"].as_u64() > Some(0));
        feed.signal(signal);
        let ran = feed.end();
        assert_eq!((ran.code, ran.err.as_str()), (Some(code), ""), "{signal}");
        let info = info().unwrap();
        assert_eq!(info.state, RingState::Closed);
        let last = ran.objects().pop().unwrap();
        assert_eq!(last["records"].as_u64().unwrap(), info.published + 1, "and a definition");
    }
}

#[test]
fn a_second_writer_is_refused_with_the_process_of_the_first() {
    let bus = Bus::new();
    let feed = bus.start("feed simulate --to demo");
    let is_there = || RingInfo::read(&bus.directory(), &ring("demo/ticks")).ok().map(drop);
    wait_for(is_there);
    let error = bus.run("feed simulate --to demo --pace max --count 1").failure(2);
    assert!(error.contains(&format!("already written by process {}", feed.id())), "{error}");
}

#[test]
fn an_itch_file_is_published_with_its_date() {
    let bus = Bus::new();
    let file = bus.path().join("session.itch");
    fs::write(&file, itch()).unwrap();
    let arguments = format!("feed itch {} --to demo --date 2010-12-24 --json", file.display());
    let ran = bus.run(&arguments);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    let found = summary(&ran);
    assert_eq!(found["kinds"]["trade"], 1);
    assert_eq!((&found["kinds"]["mbo A"], &found["kinds"]["mbo C"]), (&2.into(), &1.into()));
    let inputs: u64 =
        found["inputs"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(inputs, 4, "{found}");
    let tail = bus.run("tail demo/ticks --json --from oldest -c 1").objects();
    // 09:30 in New York, in winter.
    assert_eq!(tail[0]["ts_event"], "2010-12-24T14:30:00.000000000Z");
    assert_eq!(tail[0]["price"], "123.450000000");
}

#[test]
fn a_damaged_file_is_an_error_after_the_summary() {
    let bus = Bus::new();
    let file = bus.path().join("damaged.itch");
    let mut bytes = itch();
    bytes.truncate(bytes.len() - 3);
    fs::write(&file, bytes).unwrap();
    let ran = bus.run(&format!("feed itch {} --to demo", file.display()));
    assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""));
    let lines: Vec<&str> = ran.err.lines().collect();
    assert!(lines[0].starts_with("feed: "), "{}", ran.err);
    let is_error = lines.last().unwrap().starts_with("tickring: ");
    assert!(is_error && ran.err.contains("damaged.itch"), "{}", ran.err);
    assert_eq!(state(&bus, "demo/ticks"), RingState::Dead, "nobody said that it was complete");
    let error = bus.run("feed dbn none.dbn --to demo").failure(2);
    assert!(error.contains("none.dbn"), "{error}");
    let error = bus.run(&format!("feed dbn {} --to demo", file.display())).failure(2);
    assert!(error.contains("no DBN metadata"), "{error}");
}

#[test]
fn recorded_files_are_published() {
    if let Some(itch) = recorded("itch") {
        let bus = Bus::new();
        let unframed = itch.join("ritch_ex20101224.TEST_ITCH_50");
        let ran = bus.run(&format!("feed itch {} --to demo", unframed.display()));
        assert!(ran.code == Some(2) && ran.err.contains("zero length prefix"), "{}", ran.err);
        let file = itch.join("ritch_ex20101224.fixedlen.itch");
        let found = summary(&bus.run(&format!("feed itch {} --to demo --json", file.display())));
        let inputs = found["inputs"].as_object().unwrap().values();
        assert_eq!(inputs.map(|count| count.as_u64().unwrap()).sum::<u64>(), 12_012, "{found}");
    }
    let Some(dbn) = recorded("dbn") else { return };
    let bus = Bus::new();
    let file = dbn.join("dbn-repo/test_data.mbo.v3.dbn");
    let ran = bus.run(&format!("feed dbn {} --to demo --json", file.display()));
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_eq!(summary(&ran)["records"], bus.run("tail demo/ticks -n 1000 --json").objects().len());
}

#[test]
fn a_csv_file_is_published_by_a_map_a_map_file_or_a_preset() {
    let bus = Bus::new();
    let file = bus.path().join("ticks.csv");
    fs::write(&file, "time;px;qty\n2024-01-31 09:30:00.5;10.25;3\n?;1;1\n").unwrap();
    let file = file.display();
    let map = "--kind trade --map ts=time,price=px,size=#3 --symbol ABC";
    let ran = bus.run(&format!("feed csv {file} --to demo {map} --json"));
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    let found = summary(&ran);
    assert_eq!((&found["records"], &found["inputs"]["row"]), (&1.into(), &2.into()));
    let refused = "row refused, ts: expected a time in the format of the map, first in line 3";
    assert_eq!(found["anomalies"][refused], 1);
    let tail = "tail demo/ticks --json -n 1";
    let record = bus.run(tail).objects().pop().unwrap();
    assert_eq!((&record["kind"], &record["price"]), (&"trade_w".into(), &"10.250000000".into()));

    let toml = bus.path().join("map.toml");
    fs::write(
        &toml,
        "kind = 'trade'\nqty_decimals = 0\ncolumns = {ts='time',price='px',size='qty'}",
    )
    .unwrap();
    let ran = bus.run(&format!("feed csv {file} --to whole --map {} --json", toml.display()));
    assert_eq!(summary(&ran)["kinds"]["trade"], 1);
    let strict = bus.run(&format!("feed csv {file} --to strict {map} --strict"));
    assert!(strict.err.contains("line 3, ts: expected a time"), "{strict:?}");
    assert_eq!((strict.code, state(&bus, "strict/ticks")), (Some(2), RingState::Dead));
    let error = bus.run(&format!("feed csv {file} --to none --map ts=time")).err;
    assert!(error.contains("option kind"), "{error}");
    let error = bus.run(&format!("feed csv {file} --to none --preset truefx")).failure(2);
    assert!(error.contains("no column"), "{error}");
    assert_eq!(bus.run(&format!("feed csv {file} --to none")).code, Some(2));
}

#[test]
fn a_json_lines_file_is_published_by_a_map() {
    let bus = Bus::new();
    let file = bus.path().join("ticks.jsonl");
    fs::write(&file, "{\"T\":1700000000000,\"d\":{\"b\":\"1.5\",\"a\":1.75}}\n").unwrap();
    let map = "--kind quote --map ts=T,bid=/d/b,ask=/d/a";
    let ran = bus.run(&format!("feed jsonl {} --to demo {map} --json", file.display()));
    assert_eq!(summary(&ran)["kinds"]["quote"], 1, "{ran:?}");
}

#[test]
fn an_itch_file_is_published_undecoded_on_request() {
    let bus = Bus::new();
    let file = bus.path().join("day.itch");
    fs::write(&file, itch()).unwrap();
    let ran = bus.run(&format!("feed itch {} --to demo --raw --json", file.display()));
    assert_eq!(summary(&ran)["kinds"]["raw"], 4, "{ran:?}");
}

#[test]
fn a_dbn_fragment_is_published_when_its_version_is_told() {
    let Some(dbn) = recorded("dbn") else { return };
    let bus = Bus::new();
    let file = dbn.join("dbn-repo/test_data.definition.v3.dbn.frag");
    let file = file.display();
    let error = bus.run(&format!("feed dbn {file} --to demo")).failure(2);
    assert!(error.contains("--dbn-version"), "{error}");
    let ran = bus.run(&format!("feed dbn {file} --to demo --json --dbn-version 3"));
    assert_eq!(summary(&ran)["kinds"]["instrument_def"], 2, "{ran:?}");
}

#[test]
fn steps_are_lines_of_stdin() {
    let bus = Bus::new();
    let file = bus.path().join("session.itch");
    fs::write(&file, itch()).unwrap();
    let arguments = format!("feed itch {} --to demo --pace step --json", file.display());
    for (lines, inputs) in [("", 0), ("\n", 1), ("\n2\n", 3), ("next\n\n1\n9\n", 4)] {
        let mut child = bus.command(&arguments).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
        let ran = Ran::of(child.wait_with_output().unwrap());
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{lines:?}");
        let found = summary(&ran);
        let counts = found["inputs"].as_object().unwrap().values();
        assert_eq!(counts.map(|count| count.as_u64().unwrap()).sum::<u64>(), inputs, "{lines:?}");
        assert_eq!(state(&bus, "demo/ticks"), RingState::Closed);
    }
}

#[test]
fn a_feed_that_waits_for_a_step_goes_on_at_the_next_line() {
    let bus = Bus::new();
    let mut command = bus.command("feed simulate --to demo --pace step --json");
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let info = || RingInfo::read(&bus.directory(), &ring("demo/ticks")).ok();
    let mut seen = 0;
    for _ in 0..3 {
        stdin.write_all(b"\n").unwrap();
        seen = wait_for(|| info().filter(|info| info.published > seen)).published;
    }
    drop(stdin);
    let ran = Ran::of(child.wait_with_output().unwrap());
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
}

#[test]
fn a_core_that_is_not_allowed_is_refused_before_there_is_a_ring() {
    let bus = Bus::new();
    let error = bus.run("feed simulate --to demo --pin 1000").failure(2);
    assert!(
        error.contains("option pin: expected a core") && error.contains("those are"),
        "{error}"
    );
    assert!(bus.directory().list().unwrap().is_empty());
    let core = "0123456789".chars().find(|core| {
        let ran = bus.run(&format!("feed simulate --to demo --pace max --count 9 --pin {core}"));
        ran.code == Some(0)
    });
    assert!(core.is_some(), "none of the first ten cores is allowed");
}

#[test]
fn what_a_feed_counts_is_seen_by_another_process() {
    let bus = Bus::new();
    let feed = bus.start("feed simulate --to demo --pace 10000/s");
    let counts = || {
        let ran = bus.run("inspect demo/ticks --counts --json");
        Some(ran.objects().pop()?["counts"].clone()).filter(|counts| counts["records"] != 0)
    };
    let counts = wait_for(|| counts().filter(|counts| counts["records"].is_u64()));
    assert!(counts["inputs"].as_u64() > Some(0), "{counts}");
    feed.signal("TERM");
    assert_eq!(feed.end().code, Some(0));
}

#[test]
fn recorded_messages_of_a_venue_are_published() {
    let bus = Bus::new();
    let file = bus.path().join("recorded");
    let lines = [
        "wss://ws.kraken.com <-> 1700000000.5",
        r#"1700000001.25: [7,{"as":[["5.02","1.5","1700000001.0"]],"bs":[["5.01","2.5","1700000000.0"]]},"book-10","XBT/USD"]"#,
        r#"1700000002.5: [7,{"a":[["5.03","0.25","1700000002.0"]]},"book-10","XBT/USD"]"#,
        "1700000003.5: cut off",
    ];
    fs::write(&file, lines.join("\n")).unwrap();
    let ran = bus.run(&format!("feed ws-file kraken {} --to demo --json", file.display()));
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    let found = summary(&ran);
    assert_eq!((&found["kinds"]["delta_w"], &found["kinds"]["gap"]), (&4.into(), &1.into()));
    assert_eq!((&found["kinds"]["quote_w"], &found["inputs"]["snapshot"]), (&1.into(), &1.into()));
    assert_eq!(found["anomalies"]["malformed message"], 1);
    let symbols = bus.run("symbols demo/ticks").clean();
    assert!(symbols.contains("XBT/USD"), "{symbols}");

    let other = bus.path().join("other");
    fs::write(&other, "price,size\n1,2\n").unwrap();
    let error = bus.run(&format!("feed ws-file kraken {} --to b", other.display())).failure(2);
    assert!(error.contains("not a recording") && error.contains("line 1"), "{error}");
}

#[test]
fn a_venue_that_cannot_be_reached_is_tried_again_and_reported() {
    let bus = Bus::new();
    let feed = bus
        .start("feed ws kraken --symbols XBT/USD --url ws://localhost:1 --to demo --stats --json");
    let reports_failure = |line: &str| {
        let report: Value = serde_json::from_str(line).unwrap();
        let anomalies = report["anomalies"].as_object().unwrap();
        anomalies.keys().any(|name| name.starts_with("failed connection ("))
    };
    while !reports_failure(&feed.line()) {}
    feed.signal("TERM");
    let ran = feed.end();
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    assert_eq!(state(&bus, "demo/ticks"), RingState::Closed);
}

//! Scripts that were replayed through Apache Flink: the same windows, sums and late elements.
//!
//! A script is a list of `E key value ts` (an element), `W ts` (a watermark) and `S` (a snapshot
//! that is restored). Results are compared as multisets of key, start, end and sum.

use crate::support::{Run, span};
use serde_json::Value;
use std::path::{Path, PathBuf};
use tickring_window::{Mode, WindowKind, WindowSpec, WindowTrade};

/// The scripts beside the recorded data, where that is there.
const FILE: &str = "../oracle/windowing/flink_scenarios.json";

/// The same semantics on data of our own, computed by hand.
const OWN: &str = r#"{"scenarios": [
{"name": "offset", "opt": {"kind": "tumbling", "size": 10, "offset": 3},
 "script": ["E k1 1 2", "E k1 2 3", "E k1 4 12", "S", "W 12", "E k1 8 13", "W 99"],
 "expect": [["k1", -7, 3, 1], ["k1", 3, 13, 6], ["k1", 13, 23, 8]], "late": []},
{"name": "hopping with lateness and purging",
 "opt": {"kind": "sliding", "size": 4, "slide": 2, "lateness": 3, "purge": 1},
 "script": ["E k1 1 5", "W 5", "E k1 2 4", "S", "W 7", "E k1 4 5", "W 8", "E k1 8 3", "W 50"],
 "expect": [["k1", 2, 6, 1], ["k1", 2, 6, 2], ["k1", 4, 8, 3], ["k1", 2, 6, 4], ["k1", 4, 8, 4]],
 "late": [["k1", 8, 3]]},
{"name": "sessions of two keys that touch",
 "opt": {"kind": "session", "gap": 5, "lateness": 0},
 "script": ["E k1 1 0", "E k2 1 3", "E k1 2 5", "S", "W 9", "E k1 4 10", "E k2 8 4", "W 30"],
 "expect": [["k2", 3, 8, 1], ["k1", 0, 10, 3], ["k1", 10, 15, 4]], "late": [["k2", 8, 4]]},
{"name": "count of a global window", "opt": {"kind": "count", "size": 3},
 "script": ["E k1 1 9", "E k1 2 5", "E k2 9 1", "S", "E k1 4 1", "W 50", "E k1 8 2"],
 "expect": [["k1", 0, 0, 7]], "late": []}
]}"#;

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or_else(|| panic!("a whole number instead of {value}"))
}

fn positive(value: &Value) -> u64 {
    number(value).try_into().unwrap()
}

/// The instrument that stands for a key.
fn key(text: &str) -> u32 {
    text.trim_start_matches(|letter: char| !letter.is_ascii_digit()).parse().unwrap()
}

fn spec(options: &Value) -> WindowSpec {
    let options = options.as_object().unwrap();
    let known = ["kind", "size", "slide", "hop", "gap", "offset", "count", "lateness", "purge"];
    for name in options.keys() {
        assert!(known.contains(&name.as_str()), "an option of the script is not known: {name}");
    }
    let of = |names: &[&str]| names.iter().find_map(|name| options.get(*name));
    let size_ns = of(&["size", "gap", "count"]).map_or(0, positive);
    let offset_ns = of(&["offset"]).map_or(0, number);
    let narrow = |size: u64| size.try_into().unwrap();
    let window = match options["kind"].as_str().unwrap() {
        "tumbling" => WindowKind::Tumbling { size_ns, offset_ns },
        "sliding" | "hopping" => {
            let hop_ns = of(&["slide", "hop"]).map_or(size_ns, positive);
            WindowKind::Hopping { size_ns, hop_ns, offset_ns }
        }
        "session" => WindowKind::Session { gap_ns: of(&["gap", "size"]).map_or(0, positive) },
        "count" | "global" => match of(&["slide"]) {
            Some(slide) => {
                WindowKind::Count { size: narrow(size_ns), slide: narrow(positive(slide)) }
            }
            None => WindowKind::Ticks { size: size_ns },
        },
        other => panic!("a kind of windows that is not known: {other}"),
    };
    let purges = of(&["purge"]).is_some_and(|purge| purge != &Value::from(0));
    WindowSpec {
        // Watermarks come from the script alone.
        delay_ns: u64::MAX,
        lateness_ns: of(&["lateness"]).map_or(0, positive),
        mode: if purges { Mode::Discarding } else { Mode::Accumulating },
        ..WindowSpec::new(window)
    }
}

fn replay(scenario: &Value) {
    let name = scenario["name"].as_str().unwrap();
    let spec = spec(&scenario["opt"]);
    let mut run = Run::new(&spec);
    for (line, seq) in scenario["script"].as_array().unwrap().iter().zip(0..) {
        let words: Vec<&str> = line.as_str().unwrap().split(' ').collect();
        match words[..] {
            ["E", k, value, ts] => run.trade(&WindowTrade {
                seq,
                instrument_id: key(k),
                ts_event_ns: ts.parse().unwrap(),
                price_e9: 1,
                size: value.parse().unwrap(),
                ..WindowTrade::default()
            }),
            ["W", ts] => run.advance(ts.parse().unwrap()),
            ["S"] => run.reload(),
            _ => panic!("{name}: a line that is not known: {line}"),
        }
    }
    // A window in order of arrival has no bounds in Flink.
    let bounds = |start, end| match spec.window {
        WindowKind::Ticks { .. } | WindowKind::Count { .. } => (0, 0),
        _ => (start, end),
    };
    let bar = |bar: &tickring::record::WindowBar| {
        let (start, end) = span(bar);
        (bar.header.instrument_id, bounds(start, end), bar.volume)
    };
    let mut found: Vec<_> = run.outputs.bars.iter().map(bar).collect();
    let expected = scenario["expect"].as_array().unwrap().iter();
    let mut expected: Vec<_> = expected
        .map(|result| {
            let (start, end) = (number(&result[1]), number(&result[2]));
            (key(result[0].as_str().unwrap()), bounds(start, end), positive(&result[3]))
        })
        .collect();
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected, "{name}");
    let mut found: Vec<_> = run
        .outputs
        .late
        .iter()
        .map(|late| (late.header.instrument_id, late.size, late.header.ts_event.cast_signed()))
        .collect();
    let mut expected: Vec<_> = scenario["late"]
        .as_array()
        .unwrap()
        .iter()
        .map(|late| (key(late[0].as_str().unwrap()), positive(&late[1]), number(&late[2])))
        .collect();
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected, "{name}: late");
}

fn replay_all(text: &str) -> usize {
    let scripts: Value = serde_json::from_str(text).unwrap();
    let scenarios = scripts["scenarios"].as_array().unwrap();
    scenarios.iter().for_each(replay);
    scenarios.len()
}

#[test]
fn scripts_of_our_own_give_what_flink_defines() {
    assert_eq!(replay_all(OWN), 4);
}

#[test]
fn scripts_give_what_flink_gave() {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let path = std::env::var_os("TICKRING_DATA").map_or_else(beside, PathBuf::from).join(FILE);
    if !path.exists() {
        eprintln!(
            "skipped: no {}; set TICKRING_DATA to where the recorded data is",
            path.display()
        );
        return;
    }
    assert!(replay_all(&std::fs::read_to_string(path).unwrap()) >= 12);
}

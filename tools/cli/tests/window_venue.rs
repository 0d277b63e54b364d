//! Windows in the sessions of a venue, and shapes of bars that are matched.

use crate::support::{Bus, trade};
use std::fs;
use tickring::record::{Record, RecordHeader, Trade};

const MINUTE_NS: u64 = 60_000_000_000;

/// 2026-01-05 00:00 UTC, a Monday; New York is five hours behind.
const MONDAY_NS: u64 = 1_767_571_200_000_000_000;

/// A trade so many minutes behind Monday's beginning in New York.
fn at(minutes: u64) -> Trade {
    let time = MONDAY_NS + (5 * 60 + minutes) * MINUTE_NS;
    Trade { header: RecordHeader { ts_event: time, ..trade(1).header }, ..trade(1) }
}

#[test]
fn bars_lie_in_the_sessions_of_the_venue() {
    let bus = Bus::new();
    let mut writer = bus.writer("demo/ticks", Trade::kinds());
    // 9:29, the opening, 15:45, the close, and 9:31 on Tuesday.
    for minutes in [569, 570, 945, 960, 24 * 60 + 571] {
        writer.publish(&at(minutes)).unwrap();
    }
    writer.close();
    let run = |options: &str| {
        let ran = bus.run(&format!("window demo --size 1h --stdout csv {options}"));
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        let column = |line: &str, name: &str| {
            let place = ran.out.lines().next().unwrap().split(',').position(|it| it == name);
            line.split(',').nth(place.unwrap()).unwrap()[..16].to_owned()
        };
        let bars = ran.out.lines().skip(1);
        let span = |line: &str| format!("{} {}", column(line, "start_ns"), column(line, "end_ns"));
        bars.map(span).collect::<Vec<_>>()
    };
    // Hours from the opening; the last one is half as long.
    assert_eq!(
        run("--bars a --venue XNYS --dates 2026-01-05..2026-01-06"),
        [
            "2026-01-05T14:30 2026-01-05T15:30",
            "2026-01-05T20:30 2026-01-05T21:00",
            "2026-01-06T14:30 2026-01-06T15:30",
        ]
    );
    assert_eq!(
        run("--bars b --venue XNAS --dates 2026-01-05..2026-01-05 --phases regular,post-market"),
        [
            "2026-01-05T14:30 2026-01-05T15:30",
            "2026-01-05T20:30 2026-01-05T21:00",
            "2026-01-05T21:00 2026-01-05T22:00",
        ]
    );
    let calendar = bus.path().join("calendar.toml");
    fs::write(&calendar, "[XNYS]\nholidays = [2026-01-05]\n").unwrap();
    let dates = "--venue XNYS --dates 2026-01-05..2026-01-06";
    let own = format!("{dates} --calendar {}", calendar.display());
    assert_eq!(run(&format!("--bars c {own}")), ["2026-01-06T14:30 2026-01-06T15:30"]);
    let printed = bus.run(&format!("window demo {own} --print-spec")).clean();
    assert_eq!(printed.matches("[[calendar]]").count(), 1, "{printed}");
    assert!(bus.run(&format!("window demo {dates} --gap 1s")).failure(2).contains("calendar"));
}

#[test]
fn market_shapes_of_a_simulated_day_are_matched_across_processes() {
    let bus = Bus::new();
    let market = "--instruments 3 --count 200000 --pace max --seed 7";
    let feed = bus.run(&format!("feed simulate --to demo {market}"));
    assert_eq!(feed.code, Some(0), "{}", feed.err);
    let window = bus.run("window demo --size 100ms --capacity 65536 --json");
    assert_eq!(window.code, Some(0), "{}", window.err);
    let shapes = bus.run("shapes demo --last 8 --parts closes,returns=0.5,volumes --json");
    assert_eq!((shapes.code, shapes.err.as_str()), (Some(0), ""));
    let (bars, counts) = (window.objects(), shapes.objects());
    assert_eq!(counts[0]["bars"], bars[0]["bars"]);
    let vectors = counts[0]["vectors"].as_u64().unwrap();
    assert!(vectors > 0, "{counts:?}");
    assert!(bus.run("inspect demo/shapes --schema").clean().contains("vec"));

    let ann = bus.run(
        "ann demo --vectors shapes --matches similar --from oldest --k 1 --metric cosine --json",
    );
    assert_eq!(ann.code, Some(0), "{}", ann.err);
    let stats = &ann.objects()[0];
    assert_eq!(stats["vectors"].as_u64(), Some(vectors));
    assert_eq!(stats["matches"].as_u64(), Some(vectors - 1), "the first has none before it");
    let matched = bus.run("tail demo/similar -n 1 --json").objects();
    let id = |name: &str| matched[0][name].as_u64().unwrap();
    assert!(id("match_id") < id("query_id"), "{matched:?}");
    // A match names bars: the sequences of the last ones of both shapes.
    let bar = bus.run(&format!("tail demo/bars --from {} -c 1 --json", id("match_id"))).objects();
    assert_eq!(bar[0]["kind"], "window_bar");
}

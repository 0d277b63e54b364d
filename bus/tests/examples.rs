//! The examples as programs, and the README that shows them.

use crate::support::Bench;
use std::path::PathBuf;
use std::process::Command;
use tickring::record::{Mbo, Record, Trade, WindowBar, action, window_flag};
use tickring::{RingName, RingSpec, Writer};

const README: &str = include_str!("../../README.md");

/// Runs an example that `cargo test` has built beside this test, and gives what it printed.
fn run(bench: &Bench, example: &str, arguments: &[&str]) -> String {
    let test = std::env::current_exe().unwrap();
    let built: PathBuf = test.ancestors().nth(2).unwrap().join("examples").join(example);
    let output = Command::new(&built)
        .args(arguments)
        .env(tickring::DIRECTORY_VARIABLE, bench.directory.root())
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", built.display()));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{example}: {} {errors}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_readme_shows_the_examples_as_they_are_and_they_are_short() {
    for (name, source) in [
        ("publish", include_str!("../examples/publish.rs")),
        ("follow", include_str!("../examples/follow.rs")),
    ] {
        assert!(source.lines().count() < 40, "{name} is to be read at a glance");
        assert!(README.contains(source), "the README shows another {name}.rs");
    }
}

#[test]
fn what_one_example_publishes_the_other_follows_to_the_end() {
    let bench = Bench::new(64);
    let published = run(&bench, "publish", &[]);
    assert_eq!(published.lines().count(), 10);
    let followed = run(&bench, "follow", &[]);
    let lines: Vec<&str> = followed.lines().collect();
    assert_eq!(lines.len(), 10);
    assert_eq!((lines[0], lines[9]), ("0 4810250000000 x 1", "9 4812500000000 x 10"));
    run(&bench, "publish", &[]);
    let followed = run(&bench, "follow", &[]);
    assert!(followed.contains("writer restarted, epoch 2"), "{followed}");
    assert_eq!(followed.lines().count(), 21);
}

#[test]
fn the_strategy_trades_the_breakouts_of_ticks_and_bars_and_no_others() {
    let bench = Bench::new(64);
    let writer = |ring: &str, kinds| {
        let name = RingName::new("lab", ring).unwrap();
        let spec = RingSpec { capacity: 64, ..RingSpec::new(kinds).unwrap() };
        Writer::open(&bench.directory, &name, &spec).unwrap()
    };
    let mut bars = writer("bars", WindowBar::kinds());
    let mut ticks = writer("ticks", [Trade::kinds(), Mbo::kinds()].concat());
    let bar = |id, flags| WindowBar { high: 20, low: 10, flags, ..WindowBar::empty(1, id, 0) };
    bars.publish(&bar(7, window_flag::FINAL)).unwrap();
    bars.publish(&bar(8, window_flag::FINAL | window_flag::INCOMPLETE)).unwrap();
    bars.close();
    // Bars are read first, one for each tick: two quiet ticks let both of them through.
    for (id, price) in [(7, 15), (7, 15), (7, 21), (7, 25), (8, 99), (7, 9), (7, 20)] {
        ticks.publish(&Trade { price, ..Trade::empty(1, id, 0) }).unwrap();
    }
    let order = |action| Mbo { price: 30, action, ..Mbo::empty(1, 7, 0) };
    ticks.publish(&order(action::ADD)).unwrap();
    ticks.publish(&order(action::TRADE)).unwrap();
    ticks.close();
    let printed = run(&bench, "strategy", &["lab"]);
    let orders: Vec<&str> =
        printed.lines().map(|line| line.split(" at ").next().unwrap()).collect();
    assert_eq!(orders, ["BUY  instrument 7", "SELL instrument 7", "BUY  instrument 7", "3 orders"]);
}

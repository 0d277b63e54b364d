//! The examples as programs, and the README that shows them.

use crate::support::{Bench, compile_c, trade};
use std::path::{Path, PathBuf};
use std::process::Command;
use tickring::record::{Mbo, Record, Trade, UNDEF_PRICE, WindowBar, action, window_flag};
use tickring::{Reader, RingName, RingSpec, Start, Writer};

tickring::record! {
    /// A record that no program but this test knows.
    struct Signal(0xC8 = "signal") {
        /// A fraction.
        strength: f64 => None,
        /// A number that may be missing.
        stop_price: i64 => PriceE9 (null UNDEF_PRICE),
        /// Signed numbers.
        levels: [i16; 2] => None,
        /// A text.
        tag: [u8; 4] => Text,
    }
}

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
fn a_record_of_ones_own_comes_back_from_its_ring() {
    let bench = Bench::new(64);
    let printed = run(&bench, "own_record", &[]);
    assert_eq!(printed, "instrument 0: -1.0\ninstrument 1: +0.0\ninstrument 2: +1.0\n");
    let name = "example/signals".parse().unwrap();
    let reader = Reader::open(&bench.directory, &name, Start::Oldest).unwrap();
    let kind = reader.schema().kind_by_name("signal").unwrap();
    assert_eq!((kind.rtype, kind.size_bytes), (0xC8, 40));
}

#[test]
fn a_reader_in_c_finds_the_records_by_the_format_and_the_schema_in_the_segment() {
    let mut bench = Bench::new(64);
    let kinds = [Trade::kinds(), Signal::kinds()].concat();
    bench.spec = RingSpec { capacity: 64, ..RingSpec::new(kinds).unwrap() };
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/reader.c");
    let program = bench.directory.root().parent().unwrap().join("reader");
    let Some(program) = compile_c(&source, &program, &["-D_POSIX_C_SOURCE=200809L"]) else {
        return;
    };
    let path = bench.directory.path_of(&bench.name);
    let read = || {
        let output = Command::new(&program).arg(&path).output().unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    };
    let mut writer = bench.writer();
    for n in 0..90 {
        writer.publish(&trade(n)).unwrap();
    }
    let signal =
        Signal { strength: -0.5, levels: [-1, 2], tag: *b"ab\0\0", ..Signal::empty(7, 8, 9) };
    writer.publish(&signal).unwrap();
    // A record that is being written is none.
    let _ = writer.claim();
    let (success, printed) = read();
    assert!(success, "{printed}");
    let lines: Vec<&str> = printed.lines().collect();
    assert!(lines[0].starts_with("layout "), "{printed}");
    let seqs: Vec<&str> = lines[1..].iter().map(|line| line.split(' ').next().unwrap()).collect();
    let resident: Vec<String> = (28..91).map(|seq| seq.to_string()).collect();
    assert_eq!(seqs, resident, "the 64 resident ones but the one that is being overwritten");
    assert_eq!(
        lines[62],
        "89 trade length=14 rtype=0 publisher_id=1 instrument_id=89 ts_event=94 price=89000 \
         size=89 action=84 side=78 flags=0 depth=0 ts_recv=96 ts_in_delta=0 sequence=89 \
         trade_id=89"
    );
    assert_eq!(
        lines[63],
        "90 signal length=10 rtype=200 publisher_id=7 instrument_id=8 ts_event=9 strength=-0.5 \
         stop_price=- levels=-1,2 tag=ab"
    );
    drop(writer);
    drop(bench.writer());
    let (_, printed) = read();
    assert!(printed.lines().last().unwrap().starts_with("92 restart length=14 rtype=242"));
    std::fs::write(&path, b"TICKRUNG").unwrap();
    assert!(!read().0, "a file of another sort is refused");
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

//! `tickring help`, and wrong usage.

use crate::support::Bus;

#[test]
fn help_of_each_command_goes_to_stdout() {
    let bus = Bus::new();
    let cases = [
        ("--help", "Exit codes: 0 done"),
        ("ls --help", "--json"),
        ("inspect --help", "--schema"),
        ("tail --help", "JSON keys: seq, kind"),
        ("feed --help", "simulate"),
        ("feed simulate --help", "--instruments"),
        ("feed dbn --help", "--vector-every"),
        ("feed itch --help", "--date"),
        ("feed pcap --help", "moldudp64"),
        ("feed ws --help", "--symbols"),
        ("feed ws-file --help", "hftbacktest"),
        ("feed simulate --help", "--journal"),
        ("feed simulate --help", "half_days = [2025-07-03]"),
        ("feed udp --help", "--patience"),
        ("play udp --help", "--loss-both"),
        ("feed soup --help", "--password-env"),
        ("play soup --help", "--cut-after"),
        ("feed simulate --help", "--plants"),
        ("simulate --help", "--mold-a"),
        ("record --help", "--rotate-every"),
        ("replay --help", "--loop"),
        ("window --help", "--delay"),
        ("window --help", "ewma_shift = 3"),
        ("window --help", "--rotate-rows"),
        ("shapes --help", "closes, N lanes"),
        ("ann --help", "--queries"),
        ("help tail", "--timeout"),
    ];
    for (arguments, expected) in cases {
        let out = bus.run(arguments).clean();
        assert!(out.contains(expected), "{arguments}: {out}");
    }
}

#[test]
fn wrong_usage_is_explained_on_stderr_with_code_2() {
    let bus = Bus::new();
    let cases = [
        ("", "Usage:"),
        ("tial demo/ticks", "tail"),
        ("tail", "<NAME>"),
        ("tail demo/ticks --json --csv", "--csv"),
        ("tail demo/ticks -n 3 --from oldest", "--from"),
        ("tail demo/ticks --from yesterday", "oldest, latest"),
        ("tail demo/ticks --timeout 5", "such as 5s"),
        ("inspect demo/ticks --schema --header", "--header"),
        ("feed simulate", "--to"),
        ("feed simulate --to demo --pace fast", "max"),
        ("feed simulate --to demo --vector-every 4", "--vectors"),
        ("feed simulate --to demo --quote-stats", "--quotes"),
        ("feed simulate --to demo --quotes --venue XNAS", "--quote-stats"),
        ("feed simulate --to demo --vectors 32 --plants file", "--plant"),
        ("feed simulate --to demo --session", "--seconds"),
        ("simulate --dbn file", "--seconds"),
        ("simulate --count 1", "--dbn"),
        ("simulate --count 1 --mold-a file", "--mold-b"),
        ("simulate --count 1 --dbn file --loss 0.1", "--mold-a"),
        ("feed itch file --to demo --date 24.12.2010", "--date"),
        ("feed pcap file --to demo --payload itch", "iex-tp"),
        ("feed udp --to demo", "<GROUP:PORT>"),
        ("feed udp 239.1.1.1 --to demo", "239.1.1.1"),
        ("play udp file", "--line"),
        ("play udp file --line 239.1.1.1:5 --refuse", "--server"),
        ("play udp file --line 239.1.1.1:5 --session 12345678901", "10 printable"),
        ("feed soup --to demo", "<HOST:PORT>"),
        ("feed soup nowhere --to demo", "HOST:PORT"),
        ("feed soup x:1 --to demo --session 12345678901", "at most 10"),
        ("feed soup x:1 --to demo --user toolong", "at most 6"),
        ("feed soup x:1 --to demo --password-env TICKRING_TEST_NONE", "that is set"),
        ("play soup none.itch", "none.itch"),
        ("play soup none.itch --reject B", "expected A or S"),
        ("feed ws mtgox --symbols BTCUSD --to demo", "binance-usdm, binance-coinm"),
        ("feed ws kraken --to demo", "--symbols"),
        ("feed ws-file kraken --to demo", "<FILE>"),
        ("record demo/ticks", "--output"),
        ("record -o journal", "<NAMES>"),
        ("record demo/ticks -o journal --fsync always", "never, block"),
        ("record demo/ticks -o journal --rotate-bytes 1MB", "128MiB"),
        ("replay journal", "--to"),
        ("replay journal --to demo/ticks --speed fast", "max"),
        ("replay journal --to demo/ticks --speed step", "found step"),
        ("replay journal --to demo/ticks --from latest", "a sequence or a time"),
        ("ann demo --metric manhattan", "cosine"),
        ("ann demo --every 5", "--queries"),
        ("window demo --size long", "such as 5s"),
        ("window demo --format arrow", "--files"),
        ("window demo --files x --format csv", "parquet"),
        ("window demo --stdout json --json", "--json"),
        ("window demo --stdout", "<FORMAT>"),
        ("window demo --venue XNAS", "--dates"),
        ("window demo --venue XNAS --dates 2026", "2026-01-05..2026-01-09"),
        ("window demo --venue XETR --dates 2026-01-05..2026-01-05", "GLBX, XNAS, XNYS"),
        ("window demo --venue XNAS --dates 2026-01-03..2026-01-04", "no regular session"),
        ("shapes demo --parts highs", "such as closes"),
        ("shapes demo --last 2", "choose another number of bars"),
    ];
    for (arguments, expected) in cases {
        let err = bus.run(arguments).failure(2);
        assert!(err.contains(expected), "{arguments}: {err}");
    }
}

#[test]
fn colours_are_used_only_where_they_are_asked_for() {
    let bus = Bus::new();
    bus.writer("demo/ticks", crate::support::kinds()).close();
    let colored = bus.run("ls --color always");
    assert!(colored.out.starts_with("\u{1b}[1mname"), "{}", colored.out);
    assert!(bus.run("inspect none/x --color always").err.starts_with('\u{1b}'));
    for arguments in ["ls", "ls --color never"] {
        assert!(!bus.run(arguments).out.contains('\u{1b}'));
    }
    let forced = bus.command("ls").env("NO_COLOR", "1").output().unwrap();
    assert!(!forced.stdout.contains(&0x1b));
}

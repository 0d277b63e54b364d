//! `tickring tail` of what is there.

use crate::support::{Bus, kinds, order, publish, ring, trade};
use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use tickring::record::{Heartbeat, Mbo, Record, Status, Trade, Vector, WindowBar};

const TRADES: &str = "\
seq  publisher_id  instrument_id  ts_event                                 price  size  action  \
side  flags  depth  ts_recv                         ts_in_delta  sequence       trade_id
  8             1             17  2026-01-05T14:30:00.000000008Z  4810.250000008     8  T       \
B     0x80       0  2026-01-05T14:30:00.000000016Z           -5         8  8796093022208
  9             1             17  2026-01-05T14:30:00.000000009Z  4810.250000009     9  T       \
B     0x80       0  2026-01-05T14:30:00.000000018Z           -5         9  9895604649984
";

const MIXED: &str = "\
0  mbo     publisher_id=1  instrument_id=17  ts_event=2026-01-05T14:30:00.000000000Z  order_id=5  \
price=1.500000000  size=0  flags=0x00  channel_id=255  action=A  side=N  ts_recv=-  \
ts_in_delta=0  sequence=0
1  status  publisher_id=1  instrument_id=17  ts_event=-  ts_recv=-  action=0  reason=0  \
trading_event=0  is_trading=~  is_quoting=~  is_short_sell_restricted=~
";

fn trades(bus: &Bus, count: u32) {
    let mut writer = bus.writer("demo/ticks", Trade::kinds());
    publish(&mut writer, 0..count);
    writer.close();
}

fn seqs(out: &str) -> Vec<u64> {
    let value = |line| serde_json::from_str::<serde_json::Value>(line).unwrap();
    out.lines().map(|line| value(line)["seq"].as_u64().unwrap()).collect()
}

#[test]
fn text_of_one_kind_is_aligned_under_the_names_of_its_fields() {
    let bus = Bus::new();
    trades(&bus, 10);
    assert_eq!(bus.run("tail demo/ticks -n 2").clean(), TRADES);
    assert_eq!(
        bus.run("tail demo/ticks -n 1 --fields price,rtype,side").clean(),
        "seq           price  rtype  side\n  9  4810.250000009      0  B\n"
    );
}

#[test]
fn text_of_several_kinds_names_kind_and_fields_in_each_line() {
    let bus = Bus::new();
    let mut writer = bus.writer("demo/ticks", kinds());
    writer.publish(&order(5)).unwrap();
    let status = Status::empty(1, 17, u64::MAX);
    writer.publish(&status).unwrap();
    assert_eq!(bus.run("tail demo/ticks").clean(), MIXED);
}

#[test]
fn json_has_prices_as_decimal_and_integer_and_null_for_what_is_not_there() {
    let bus = Bus::new();
    let mut writer = bus.writer("demo/ticks", kinds());
    writer.publish(&trade(1)).unwrap();
    writer.publish(&Mbo::empty(1, 17, u64::MAX)).unwrap();
    assert_eq!(
        bus.run("tail demo/ticks --json").clean(),
        "{\"seq\":0,\"kind\":\"trade\",\"length\":14,\"rtype\":0,\"publisher_id\":1,\
         \"instrument_id\":17,\"ts_event\":\"2026-01-05T14:30:00.000000001Z\",\
         \"price\":\"4810.250000001\",\"price_e9\":4810250000001,\"size\":1,\"action\":\"T\",\
         \"side\":\"B\",\"flags\":128,\"depth\":0,\"ts_recv\":\"2026-01-05T14:30:00.000000002Z\",\
         \"ts_in_delta\":-5,\"sequence\":1,\"trade_id\":1099511627776}\n\
         {\"seq\":1,\"kind\":\"mbo\",\"length\":14,\"rtype\":160,\"publisher_id\":1,\
         \"instrument_id\":17,\"ts_event\":null,\"order_id\":0,\"price\":null,\"price_e9\":null,\
         \"size\":0,\"flags\":0,\"channel_id\":255,\"action\":\"N\",\"side\":\"N\",\
         \"ts_recv\":null,\"ts_in_delta\":0,\"sequence\":0}\n"
    );
    assert_eq!(bus.run("tail demo/ticks --json").objects().len(), 2);
}

#[test]
fn csv_has_one_header_and_the_columns_of_its_kind() {
    let bus = Bus::new();
    let mut writer = bus.writer("demo/ticks", kinds());
    writer.publish(&order(5)).unwrap();
    writer.publish(&trade(1)).unwrap();
    writer.publish(&Trade::empty(1, 17, u64::MAX)).unwrap();
    let header = "seq,length,rtype,publisher_id,instrument_id,ts_event,price,price_e9,size,action,\
                  side,flags,depth,ts_recv,ts_in_delta,sequence,trade_id\n";
    assert_eq!(
        bus.run("tail demo/ticks --csv --kind trade").clean(),
        header.to_owned()
            + "1,14,0,1,17,2026-01-05T14:30:00.000000001Z,4810.250000001,4810250000001,1,T,B,128,\
               0,2026-01-05T14:30:00.000000002Z,-5,1,1099511627776\n\
               2,14,0,1,17,,,,0,T,N,0,0,,0,0,0\n"
    );
    let err = bus.run("tail demo/ticks --csv").failure(2);
    assert!(err.contains("--kind") && err.contains("mbo, trade, status"), "{err}");
    let empty = Bus::new();
    trades(&empty, 0);
    assert_eq!(empty.run("tail demo/ticks --csv").clean(), header);
}

#[test]
fn csv_of_one_data_kind_passes_over_control_records() {
    let bus = Bus::new();
    let kinds = [Trade::kinds(), Heartbeat::kinds()].concat();
    let mut writer = bus.writer("demo/ticks", kinds);
    writer.publish(&Heartbeat::empty(1, 0, 0)).unwrap();
    writer.publish(&trade(1)).unwrap();
    let out = bus.run("tail demo/ticks --csv --fields size").clean();
    assert_eq!(out, "seq,size\n1,1\n");
    let out = bus.run("tail demo/ticks --csv --kind heartbeat --fields state").clean();
    assert_eq!(out, "seq,state\n0,0\n");
}

#[test]
fn the_last_records_are_the_last_of_the_kinds_asked_for() {
    let bus = Bus::new();
    let mut writer = bus.writer("demo/ticks", kinds());
    for n in 0..40 {
        writer.publish(&trade(n)).unwrap();
        if n % 4 == 0 {
            writer.publish(&order(n)).unwrap();
        }
    }
    let cases = [
        ("", (40..50).collect()),
        ("-n 3", vec![47, 48, 49]),
        ("-n 0", vec![]),
        ("-n 3 --kind mbo", vec![36, 41, 46]),
        ("-n 3 --kind mbo,trade", vec![47, 48, 49]),
        ("-n 1000", (0..50).collect()),
        ("-n 5 -c 2", vec![45, 46]),
        ("--from 47", vec![47, 48, 49]),
        ("--from 90", vec![]),
        ("--from oldest -c 1", vec![0]),
        ("--from latest", vec![]),
        ("--from oldest --kind mbo -c 2", vec![1, 6]),
    ];
    for (arguments, expected) in cases {
        let out = bus.run(&format!("tail demo/ticks --json {arguments}")).clean();
        assert_eq!(seqs(&out), expected, "{arguments}");
    }
}

#[test]
fn what_is_overwritten_is_reported_on_stderr_with_its_sequences() {
    let bus = Bus::new();
    trades(&bus, 20_000);
    let ran = bus.run("tail demo/ticks --json --from 0");
    assert_eq!(ran.code, Some(0));
    assert_eq!(ran.err, "tail: missed 19,944 records (seq 0…19943)\n");
    assert_eq!(seqs(&ran.out), (19_944..20_000).collect::<Vec<_>>());
}

#[test]
fn a_new_writer_is_reported_and_is_no_record() {
    let bus = Bus::new();
    trades(&bus, 2);
    let mut writer = bus.writer("demo/ticks", Trade::kinds());
    writer.publish(&trade(3)).unwrap();
    let ran = bus.run("tail demo/ticks --json");
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), "tail: writer restarted, epoch 2\n"));
    assert_eq!(seqs(&ran.out), [0, 1, 3]);
}

#[test]
fn unknown_kinds_fields_and_rings_are_refused_with_what_there_is() {
    let bus = Bus::new();
    trades(&bus, 1);
    let err = bus.run("tail demo/ticks --kind mbo").failure(4);
    assert!(err.contains("kind mbo") && err.contains("its kinds are: trade"), "{err}");
    let err = bus.run("tail demo/ticks --fields prize").failure(4);
    assert!(err.contains("field prize") && err.contains("ts_event, price, size"), "{err}");
    let err = bus.run("tail demo/tick").failure(3);
    assert!(err.contains("demo/ticks"), "{err}");
    fs::write(bus.directory().path_of(&ring("demo/bad")), vec![0; 8192]).unwrap();
    assert!(bus.run("tail demo/bad").failure(4).contains("is not a tickring segment"));
}

#[test]
fn vectors_are_arrays() {
    let bus = Bus::new();
    let mut writer = bus.writer("demo/vectors", vec![Vector::kind_with_dim(6)]);
    let mut claim = writer.claim();
    claim.write(&Vector { vec_id: 7, dim: 6, ..Vector::empty(0, 17, 0) }).unwrap();
    claim.write_lanes(&[1.5, -2.0, 0.25, 1e-7, f32::NAN, 6.0]).unwrap();
    assert_eq!(claim.commit(), 0);
    let out = |format: &str| {
        bus.run(&format!("tail demo/vectors --fields vec_id,lanes {format}")).clean()
    };
    assert_eq!(out(""), "seq  vec_id  lanes\n  0       7  [1.5 -2.0 0.25 1e-7 …]\n");
    assert_eq!(out("--csv"), "seq,vec_id,lanes\n0,7,1.5 -2.0 0.25 1e-7 NaN 6.0\n");
    assert_eq!(
        out("--json"),
        "{\"seq\":0,\"kind\":\"vector\",\"vec_id\":7,\"lanes\":[1.5,-2.0,0.25,1e-7,null,6.0]}\n"
    );
}

#[test]
fn the_halves_of_a_wide_integer_are_shown_as_they_are() {
    let bus = Bus::new();
    let mut bar = WindowBar::empty(0, 17, 0);
    bar.set_notional(-2);
    bus.writer("demo/bars", WindowBar::kinds()).publish(&bar).unwrap();
    let out = bus.run("tail demo/bars --csv --fields notional_lo,notional_hi").clean();
    assert_eq!(out, "seq,notional_lo,notional_hi\n0,18446744073709551614,-1\n");
}

#[test]
fn a_reader_that_has_seen_enough_ends_it_quietly() {
    let bus = Bus::new();
    let mut writer = bus.large_writer("demo/ticks", Trade::kinds(), 1 << 14);
    publish(&mut writer, 0..10_000);
    for format in ["", "--json", "--csv", "--json -f"] {
        // Far more than a pipe holds: writing meets the closed end.
        let arguments = format!("tail demo/ticks --from oldest {format}");
        let mut child = bus.command(&arguments).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.contains("seq"), "{line}");
        let mut err = String::new();
        child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        assert_eq!((child.wait().unwrap().code(), err.as_str()), (Some(0), ""), "{format}");
    }
}

#[test]
fn a_file_that_nobody_may_write_is_enough() {
    let bus = Bus::new();
    trades(&bus, 3);
    let path = bus.directory().path_of(&ring("demo/ticks"));
    let before = fs::read(&path).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o444)).unwrap();
    fs::set_permissions(path.parent().unwrap(), Permissions::from_mode(0o555)).unwrap();
    for arguments in ["tail demo/ticks", "tail demo/ticks -f", "inspect demo/ticks", "ls"] {
        assert!(!bus.run(arguments).clean().is_empty());
    }
    // The bytes prove it even where the tests run as a user whom no permission stops.
    assert_eq!(fs::read(&path).unwrap(), before, "a byte of the segment has changed");
    fs::set_permissions(path.parent().unwrap(), Permissions::from_mode(0o755)).unwrap();
}

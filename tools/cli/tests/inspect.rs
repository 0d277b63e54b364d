//! `tickring inspect`

use crate::support::{Bus, kinds, publish, ring};
use tickring::record::{Record, Trade};
use tickring::schema::Schema;
use tickring::{Poll, Reader, ReaderOptions, Start};

const TRADE: &str = "\
trade (rtype 0x00, 56 bytes)
  field          offset  type  unit           null                  doc
";

#[test]
fn the_header_is_a_line_for_each_of_its_values() {
    let bus = Bus::new();
    let mut writer = bus.writer("demo/ticks", kinds());
    publish(&mut writer, 0..70);
    let out = bus.run("inspect demo/ticks --header").clean();
    let value = |title: &str| {
        let line = out.lines().find(|line| line.starts_with(title)).unwrap();
        line[title.len()..].trim().to_owned()
    };
    assert_eq!(value("name"), "demo/ticks");
    assert_eq!(value("capacity"), "64 slots of 64 bytes");
    assert_eq!(value("state"), "live");
    assert_eq!(value("epoch"), "1, from sequence 0");
    assert_eq!(value("published"), "70");
    assert_eq!(value("watermark"), "-");
    assert_eq!(value("resident"), "56 records, 14…69");
    assert!(value("writer").starts_with(&format!("process {} since 2", std::process::id())));
    let times = value("time index");
    let (oldest, newest) = times.split_once(" … ").unwrap();
    assert!(oldest.starts_with("64 at 2") && oldest == newest, "{times}");
    let titles: Vec<&str> = out.lines().map(|line| line[..11].trim()).collect();
    assert_eq!(
        titles.join(","),
        "name,path,ring id,created,size,capacity,schema hash,state,epoch,writer,heartbeat,\
         watermark,dropped,instruments,published,resident,time index"
    );
}

#[test]
fn readers_are_listed_with_their_lag_and_losses() {
    let bus = Bus::new();
    let mut writer = bus.writer("demo/ticks", kinds());
    assert_eq!(bus.run("inspect demo/ticks --readers").clean(), "", "a look is no reader");
    let options = ReaderOptions::named("slow", Start::Oldest);
    let mut reader = Reader::open_with(&bus.directory(), &ring("demo/ticks"), &options).unwrap();
    publish(&mut writer, 0..70);
    assert!(matches!(reader.poll(), Poll::Lapped { missed: 14, .. }));
    let out = bus.run("inspect demo/ticks --readers").clean();
    let cells = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let lines: Vec<_> = out.lines().map(cells).collect();
    assert_eq!(lines[0][..6], ["reader", "pid", "cursor", "lag", "missed", "laps"]);
    let pid = std::process::id().to_string();
    assert_eq!(lines[1][..6], ["slow", pid.as_str(), "14", "56", "14", "1"]);
    assert_eq!((lines.len(), lines[1].last().unwrap().as_str()), (2, "alive"));
    let object = bus.run("inspect demo/ticks --json").objects().pop().unwrap();
    assert_eq!(object["readers"][0]["name"], "slow");
    assert_eq!(object["readers"][0]["missed"], 14);
}

#[test]
fn what_the_writer_counts_is_a_table_and_an_object() {
    let bus = Bus::new();
    let mut writer = bus.writer("demo/ticks", kinds());
    assert_eq!(bus.run("inspect demo/ticks --counts").clean(), "");
    writer.show_count("input: A", 12_345);
    writer.show_count("anomaly: reconnect", 2);
    assert_eq!(
        bus.run("inspect demo/ticks --counts").clean(),
        "counted              count\n\
         input: A            12,345\n\
         anomaly: reconnect       2\n"
    );
    for arguments in ["--counts", ""] {
        let ran = bus.run(&format!("inspect demo/ticks --json {arguments}"));
        let counts = ran.objects().pop().unwrap()["counts"].clone();
        assert_eq!(counts.to_string(), r#"{"input: A":12345,"anomaly: reconnect":2}"#);
    }
    assert!(bus.run("inspect demo/ticks").clean().contains("\ncounted"));
    let schema = bus.run("inspect demo/ticks --schema").clean();
    assert!(!schema.lines().any(|line| line.starts_with("counted")), "{schema}");
}

#[test]
fn the_schema_is_a_table_for_each_kind() {
    let bus = Bus::new();
    bus.writer("demo/ticks", Trade::kinds()).close();
    let out = bus.run("inspect demo/ticks --schema").clean();
    assert!(out.starts_with(TRADE), "{out}");
    let row =
        |name: &str| out.lines().find(|line| line.starts_with(&format!("  {name} "))).unwrap();
    assert_eq!(
        row("price"),
        "  price              16  i64   price_e9       9223372036.854775807  Price of the trade, \
         fixed-point 1e-9."
    );
    assert_eq!(
        row("side"),
        "  side               29  u8    ascii          -                     Aggressor: A sell, B \
         buy, N not known."
    );
    let both = bus.run("inspect demo/*").clean();
    assert!(both.starts_with("name") && both.contains(TRADE), "{both}");
}

#[test]
fn json_gives_the_schema_that_the_segment_holds() {
    let bus = Bus::new();
    let mut writer = bus.writer("demo/ticks", kinds());
    publish(&mut writer, 0..70);
    let ran = bus.run("inspect demo/ticks --json");
    let [object] = &ran.objects()[..] else { panic!("one line: {ran:?}") };
    assert_eq!((&object["published"], &object["capacity"]), (&70.into(), &64.into()));
    assert_eq!(
        (&object["resident"]["start"], &object["resident"]["end"]),
        (&14.into(), &70.into())
    );
    assert_eq!(object["time_index"]["oldest"]["seq"], 64);
    let schema: &Schema = writer.schema();
    let found = object["schema"]["kinds"].as_array().unwrap();
    assert_eq!(found.len(), schema.kinds().len());
    for (found, kind) in found.iter().zip(schema.kinds()) {
        assert_eq!(
            (found["name"].as_str(), &found["rtype"]),
            (Some(&*kind.name), &kind.rtype.into())
        );
        let fields = found["fields"].as_array().unwrap();
        assert_eq!(fields.len(), kind.fields.len());
        for (found, field) in fields.iter().zip(&kind.fields) {
            assert_eq!(found["name"], *field.name);
            assert_eq!(found["offset"], field.offset);
            assert_eq!(found["type"], field.ty.as_str());
            assert_eq!(found["count"], field.count);
            assert_eq!(found["unit"], field.unit.as_str());
            assert_eq!(found["null"].as_u64(), field.null);
        }
    }
    let ran = bus.run("inspect demo/ticks --json --schema");
    assert_eq!(ran.objects()[0], serde_json::json!({ "schema": object["schema"] }));
    let header = bus.run("inspect demo/ticks --json --header");
    assert!(header.objects()[0].get("schema").is_none());
}

#[test]
fn an_empty_ring_has_nothing_resident() {
    let bus = Bus::new();
    bus.writer("demo/ticks", Trade::kinds()).close();
    let out = bus.run("inspect demo/ticks --header").clean();
    assert!(out.contains("resident     none\ntime index   none\n"), "{out}");
}

#[test]
fn missing_and_ambiguous_names_fail_with_what_there_is() {
    let bus = Bus::new();
    bus.writer("demo/ticks", Trade::kinds()).close();
    bus.writer("demo/bars", Trade::kinds()).close();
    let err = bus.run("inspect demo/tick").failure(3);
    assert!(err.contains("demo/bars, demo/ticks"), "{err}");
    let err = bus.run("inspect demo/*").failure(2);
    assert!(err.contains("demo/* matches demo/bars, demo/ticks"), "{err}");
    assert!(bus.run("inspect demo/z*").failure(3).contains("no ring matches"));
    assert!(bus.run("inspect Demo").failure(2).contains("is not a name"));
}

use std::fs;
use std::io::Write;

use proptest::prelude::*;
use tickring::record::{
    DeltaW, Quote, QuoteW, Record, Trade, TradeW, UNDEF_PRICE, UNDEF_TIME, action, family, flag,
    side,
};

use super::*;
use crate::columns::preset;
use crate::sink::tape::Tape;
use crate::source::Count;

fn map(kind: RowKind, columns: &str) -> ColumnMap {
    let mut map = ColumnMap::new(kind);
    map.add_columns(columns).unwrap();
    map
}

fn open(text: &[u8], maps: &[ColumnMap], is_strict: bool) -> Result<CsvSource, Error> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.csv");
    fs::write(&path, text).unwrap();
    CsvSource::open(&path, maps, is_strict)
}

fn drain(source: &mut impl Source, budget: usize) -> Result<Tape, Error> {
    let mut tape = Tape::default();
    while source.poll(&mut tape, budget)? != Progress::End {}
    Ok(tape)
}

fn read(text: &str, map: &ColumnMap) -> (Tape, Report) {
    let mut source = open(text.as_bytes(), std::slice::from_ref(map), false).unwrap();
    let tape = drain(&mut source, 3).unwrap();
    (tape, source.report())
}

const TRADES: &str = "time,sym,px,qty,side,tid\n\
    1700000000000,BTCUSD,20377.10,0.00000001,buy,7\n\
    1700000000001,ETHUSD,1.5,3,SELL,18446744073709551615\n";
const TRADE_COLUMNS: &str = "ts=time,symbol=sym,price=px,size=qty,side=side,id=tid";

#[test]
fn trades_with_decimals_are_wide_and_exact() {
    let (tape, report) = read(TRADES, &map(RowKind::Trade, TRADE_COLUMNS));
    let trades: Vec<TradeW> = tape.of();
    let first = TradeW {
        price: 20_377_100_000_000,
        qty: 1,
        qty_exp: -8,
        trade_id: 7,
        flags: flag::LAST,
        side: side::BID,
        ..TradeW::empty(0, 1, 1_700_000_000_000_000_000)
    };
    let second = TradeW {
        price: 1_500_000_000,
        qty: 300_000_000,
        trade_id: u64::MAX,
        side: side::ASK,
        ..first
    };
    assert_eq!(trades[0], first);
    assert_eq!(trades[1].header.instrument_id, 2);
    assert_eq!(TradeW { header: first.header, ..trades[1] }, second);
    assert_eq!(report.inputs, [Count::new("row", 2)]);
    assert!(report.anomalies.is_empty(), "{:?}", report.anomalies);
    let told: Vec<_> =
        tape.instruments.iter().map(|i| (i.symbol().into_owned(), i.qty_exp)).collect();
    assert_eq!(told, [("BTCUSD".to_owned(), -8), ("ETHUSD".to_owned(), -8)]);
    assert!(tape.instruments.iter().all(|i| i.family == family::WIDE && i.qty_decimals == 8));
}

#[test]
fn whole_quantities_are_records_as_in_dbn() {
    let columns = "ts=time,price=px,size=qty,sequence=n";
    let map = ColumnMap { qty_decimals: 0, ..map(RowKind::Trade, columns) };
    let (tape, report) =
        read("time,px,qty,n\n5.5,1,2.0,4294967301\n6,1,2.5,1\n7,1,4294967296,1\n", &map);
    let [trade] = &tape.of::<Trade>()[..] else { panic!("one trade") };
    let expected = Trade {
        price: 1_000_000_000,
        size: 2,
        sequence: 5,
        side: side::NONE,
        flags: flag::LAST,
        trade_id: 0,
        ..Trade::empty(0, 1, 5_500_000_000)
    };
    assert_eq!(*trade, expected);
    let names: Vec<&str> = report.anomalies.iter().map(|count| count.name.as_str()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(names[0].contains("size: expected fewer decimals") && names[0].ends_with("line 3"));
    assert!(names[1].contains("range of the field") && names[1].ends_with("line 4"), "{names:?}");
    assert_eq!(tape.instruments[0].family, family::DBN);
}

#[test]
fn quotes_may_have_one_side_and_no_quantities() {
    let (tape, _) = read("t;b;a\n10;1.25;\n11;;1.5\n", &map(RowKind::Quote, "ts=t,bid=b,ask=a"));
    let quotes: Vec<Quote> = tape.of();
    let prices: Vec<_> = quotes.iter().map(|quote| (quote.bid_px, quote.ask_px)).collect();
    assert_eq!(prices, [(1_250_000_000, UNDEF_PRICE), (UNDEF_PRICE, 1_500_000_000)]);
    let sized = map(RowKind::Quote, "ts=t,bid=b,ask=a,bid_size=bs,ask_size=as,ts_recv=r");
    let (tape, report) = read("t|b|bs|a|as|r\n10|1|0.5|2|1e-8|11\n10|1|0.5|2|0|9\n", &sized);
    let quotes: Vec<QuoteW> = tape.of();
    let expected = QuoteW {
        bid_px: 1_000_000_000,
        ask_px: 2_000_000_000,
        bid_qty: 50_000_000,
        ask_qty: 1,
        ts_recv: 11_000_000_000,
        ..QuoteW::empty(0, 1, 10_000_000_000)
    };
    assert_eq!(quotes[0], expected);
    assert_eq!(report.anomalies, [Count::new("ts_recv before ts_event", 1)]);
}

#[test]
fn rows_of_one_time_and_sequence_are_one_event_and_a_snapshot_clears_the_book() {
    let text = "t,n,side,px,q,snap\n\
        1,5,b,10,1,true\n\
        1,5,a,11,2,true\n\
        2,6,b,10,0,false\n\
        2,7,b,9,4,false\n\
        2,7,a,12,5,false\n\
        3,8,a,13,6,snap\n";
    let columns = "ts=t,sequence=n,side=side,price=px,size=q,snapshot=snap";
    for budget in [1, 2, 100] {
        let maps = [map(RowKind::Delta, columns)];
        let mut source = open(text.as_bytes(), &maps, true).unwrap();
        let deltas: Vec<DeltaW> = drain(&mut source, budget).unwrap().of();
        let told: String = deltas
            .iter()
            .map(|delta| {
                let last = if delta.flags & flag::LAST != 0 { "!" } else { "" };
                let snapshot = if delta.flags & flag::SNAPSHOT != 0 { "s" } else { "" };
                let action = char::from(delta.action);
                format!("{action}{}{snapshot}{last} ", char::from(delta.side))
            })
            .collect();
        assert_eq!(told, "RNs ABs AAs! CB! MB MA! RNs AAs! ", "budget {budget}");
        let clear = deltas[0];
        assert_eq!((clear.price, clear.qty, clear.sequence), (UNDEF_PRICE, 0, 5));
        assert_eq!((deltas[3].price, deltas[3].qty), (10_000_000_000, 0));
    }
}

#[test]
fn a_book_row_is_cleared_and_filled_in_one_event() {
    let columns = "ts=t,bid=b{},bid_size=bs{},ask=a{},ask_size=as{}";
    let text = "t,a0,as0,b0,bs0,a1,as1,b1,bs1,a2\n\
        1,11,1,10,2,12,3,9,4,x\n\
        2,11,1,,,,,,,\n\
        3,11,?,10,2,12,3,9,4,\n";
    let (tape, report) = read(text, &map(RowKind::Book, columns));
    let deltas: Vec<DeltaW> = tape.of();
    let rows: Vec<_> = deltas
        .iter()
        .map(|d| (d.header.ts_event / 1_000_000_000, d.side, d.price / 1_000_000_000, d.flags))
        .collect();
    let (snapshot, last) = (flag::SNAPSHOT, flag::SNAPSHOT | flag::LAST);
    let none = UNDEF_PRICE / 1_000_000_000;
    assert_eq!(
        rows,
        [
            (1, b'N', none, snapshot),
            (1, b'B', 10, snapshot),
            (1, b'A', 11, snapshot),
            (1, b'B', 9, snapshot),
            (1, b'A', 12, last),
            (2, b'N', none, snapshot),
            (2, b'A', 11, last),
        ]
    );
    assert!(deltas[1..5].iter().all(|delta| delta.action == action::ADD));
    let expected = "row refused, ask_size: expected a decimal number, first in line 4";
    assert_eq!(report.anomalies, [Count::new(expected, 1)]);
}

#[test]
fn rows_that_are_no_records_are_counted_by_reason_with_the_first_line() {
    let text = "time,sym,px,qty,side,tid\n\
        x,A,1,1,b,1\n\
        1,A,one,1,b,1\n\
        1,A,1,,b,1\n\
        \n\
        1,A\n\
        1,A,1,-1,b,1\n\
        1,A,1,1,\"b,1\n\
        1,A,1,1,up,1\n\
        1,A,two,1,b,a-b-c\n\
        1,\"A\",1,1,\"b\",a-b-c\n";
    let (tape, report) = read(text, &map(RowKind::Trade, TRADE_COLUMNS));
    assert_eq!(tape.records.len(), 2);
    let told: Vec<_> = report.anomalies.iter().map(|c| (c.name.as_str(), c.count)).collect();
    assert_eq!(
        told,
        [
            ("row refused, ts: expected a time in the format of the map, first in line 2", 1),
            ("row refused, price: expected a decimal number, first in line 3", 2),
            ("row refused, size: expected a cell, found none, first in line 4", 1),
            ("row refused, price: expected a cell, found none, first in line 6", 1),
            ("row refused, size: expected a number in the range of the field, first in line 7", 1),
            ("row refused, row: expected a closing quote in the same line, first in line 8", 1),
            ("side not known", 1),
            ("id is not a number of 64 bits", 1),
        ]
    );
    assert_eq!(report.inputs, [Count::new("row", 9)], "a blank line is none");
}

#[test]
fn a_strict_source_stops_at_the_first_bad_row_after_the_rows_before_it() {
    let text = "time,px,qty\n1,1,1\n2,1,1\n3,?,1\n4,1,1\n";
    let maps = [map(RowKind::Trade, "ts=time,price=px,size=qty")];
    for look_at_time in [false, true] {
        let mut source = open(text.as_bytes(), &maps, true).unwrap();
        let mut tape = Tape::default();
        let error = loop {
            if look_at_time {
                source.next_time_ns();
            }
            if let Err(error) = source.poll(&mut tape, 1) {
                break error;
            }
        };
        assert_eq!(tape.records.len(), 2);
        let text = error.to_string();
        assert!(
            text.contains("line 4, price: expected a decimal number, found \"3,?,1\""),
            "{text}"
        );
    }
}

#[test]
fn the_time_of_the_next_record_is_when_it_was_received() {
    let columns = "ts=t,ts_recv=r,price=p,size=q";
    let mut source =
        open(b"t,r,p,q\nx,1,1,1\n5,7,1,1\n6,,1,1\n", &[map(RowKind::Trade, columns)], false)
            .unwrap();
    let mut tape = Tape::default();
    let mut times = Vec::new();
    while let Some(time) = source.next_time_ns() {
        times.push(time);
        while tape.records.len() < times.len() {
            let _ = source.poll(&mut tape, 1).unwrap();
        }
    }
    assert_eq!(times, [7_000_000_000, 6_000_000_000]);
    let trades: Vec<TradeW> = tape.of();
    assert_eq!((trades[0].ts_recv, trades[1].ts_recv), (7_000_000_000, UNDEF_TIME));
}

#[test]
fn header_delimiter_and_compression_are_found_out() {
    let plain = "t,p,q\n1,2,3\n";
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let (first, second) = plain.as_bytes().split_at(7);
    let forms: [Vec<u8>; 8] = [
        plain.into(),
        gzip(plain.as_bytes()),
        [gzip(first), gzip(second)].concat(),
        zstd::encode_all(plain.as_bytes(), 1).unwrap(),
        plain.replace(',', ";").into(),
        plain.replace(',', "\t").into(),
        plain.replace('\n', "\r\n").into(),
        format!("\u{feff}\n\n{}", "\"t\", p ,q\n1, 2 ,3")
            .trim_start()
            .replace('\u{feff}', "")
            .into(),
    ];
    let named = map(RowKind::Trade, "ts=t,price=p,size=q");
    let numbered = map(RowKind::Trade, "ts=#1,price=#2,size=#3");
    for (form, text) in forms.iter().enumerate() {
        for map in [&named, &numbered] {
            let mut source = open(text, std::slice::from_ref(map), true).unwrap();
            let trades: Vec<TradeW> = drain(&mut source, 9).unwrap().of();
            let [trade] = &trades[..] else { panic!("form {form}: {trades:?}") };
            assert_eq!((trade.price, trade.qty), (2_000_000_000, 300_000_000), "form {form}");
        }
    }
    let bare = plain.strip_prefix("t,p,q\n").unwrap();
    let mut source = open(bare.as_bytes(), &[named, numbered], true).unwrap();
    assert_eq!(drain(&mut source, 9).unwrap().records.len(), 1, "the second map fits");
    let bom = format!("\u{feff}{plain}");
    assert!(open(bom.as_bytes(), &[map(RowKind::Trade, "ts=t,price=p,size=q")], true).is_ok());
}

#[test]
fn what_cannot_be_opened_says_what_was_expected() {
    let trade = map(RowKind::Trade, "ts=t,price=p,size=volume");
    let error = |text: &[u8], map: &ColumnMap| {
        open(text, std::slice::from_ref(map), false).unwrap_err().to_string()
    };
    assert!(error(b"", &trade).contains("empty file"));
    let text = error(b"t,p,q\n1,2,3\n", &trade);
    assert!(text.contains("no column \"volume\" for size"), "{text}");
    assert!(text.contains("t, p, q"), "{text}");
    let text = error(b"1,2\n", &map(RowKind::Trade, "ts=#1,price=#2,size=#3"));
    assert!(text.contains("\"#3\""), "{text}");
    let text = error(b"t,p,q\n", &map(RowKind::Trade, "ts=t,price=p"));
    assert!(text.contains("none for size"), "{text}");
    let text = error(b"t,b,a\n", &map(RowKind::Book, "ts=t,bid=b,ask=a,bid_size=b,ask_size=b"));
    assert!(text.contains("{}"), "{text}");
    let fine = ColumnMap { qty_decimals: 19, ..trade };
    assert!(error(b"t,p,volume\n", &fine).contains("0 to 18"));
    let mut gz = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03".to_vec();
    gz.extend([0xFF; 9]);
    let error = open(&gz, &preset("truefx").unwrap(), false).unwrap_err();
    assert!(matches!(error, Error::Io { operation: "read", .. }), "{error}");
}

#[test]
fn maps_in_toml_say_the_same_as_options() {
    let text = r#"
        kind = "trade"
        time = "ms"
        zone = "+01:00"
        qty_decimals = 3
        delimiter = "tab"
        header = false
        symbol = "ESH4"
        publisher = 1
        columns = { ts = "T", price = "p", size = "\#2" }
    "#
    .replace("\\#", "#");
    let read = ColumnMap::from_toml(&text).unwrap();
    let expected = ColumnMap {
        time: "ms".parse().unwrap(),
        zone_ahead_s: 3_600,
        qty_decimals: 3,
        delimiter: Some(b'\t'),
        has_header: Some(false),
        symbol: Some("ESH4".to_owned()),
        publisher_id: 1,
        ..map(RowKind::Trade, "ts=T,price=p,size=#2")
    };
    let sorted = |mut map: ColumnMap| {
        map.columns.sort_by_key(|(field, _)| field.name());
        map
    };
    assert_eq!(sorted(read), sorted(expected));
    for (text, expected) in [
        ("", "trade, quote, delta or book"),
        ("kind = 1", "trade, quote"),
        ("kind", "TOML"),
        ("kind = \"trade\"\nx = 1", "x = 1"),
        ("kind = \"trade\"\ncolumns = { px = \"a\" }", "a field: ts"),
        ("kind = \"trade\"\nqty_decimals = 300", "0 to 18"),
        ("kind = \"trade\"\ntime = \"days\"", "ns or calendar"),
        ("kind = \"trade\"\ndelimiter = \"ab\"", "one ASCII character"),
    ] {
        let error = ColumnMap::from_toml(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
    assert!(ColumnMap::new(RowKind::Trade).add_columns("ts").is_err());
}

proptest! {
    #[test]
    fn reading_is_total(
        text in prop::collection::vec(
            prop::sample::select(&b"0123456789.,;\"-e\n\r\tbax\xFF"[..]),
            1..400,
        ),
        kind in prop::sample::select(vec![RowKind::Trade, RowKind::Quote, RowKind::Delta]),
        is_strict in any::<bool>(),
    ) {
        let columns = "ts=#1,price=#2,size=#3,side=#4,bid=#2,ask=#3,bid_size=#5";
        if let Ok(mut source) = open(&text, &[map(kind, columns)], is_strict) {
            let _ = drain(&mut source, 5);
        }
    }

    #[test]
    fn decimals_come_through_a_file_exactly(
        rows in prop::collection::vec((1..i64::MAX - 1, 0..i64::MAX - 1), 1..20),
    ) {
        let decimal = |value: i64, decimals: i64| {
            let one = 10_i64.pow(u32::try_from(decimals).unwrap());
            let width = usize::try_from(decimals).unwrap();
            format!("{}.{:0width$}", value / one, value % one)
        };
        let text: String = rows
            .iter()
            .map(|(price, qty)| format!("1,{},{}\n", decimal(*price, 9), decimal(*qty, 8)))
            .collect();
        let (tape, report) = read(&text, &map(RowKind::Trade, "ts=#1,price=#2,size=#3"));
        let found: Vec<_> = tape.of::<TradeW>().iter().map(|t| (t.price, t.qty)).collect();
        prop_assert_eq!(found, rows);
        prop_assert!(report.anomalies.is_empty());
    }
}

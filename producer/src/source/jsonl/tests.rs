use std::fs;

use proptest::prelude::*;
use tickring::record::{Quote, TradeW, UNDEF_PRICE, side};

use super::*;
use crate::sink::tape::Tape;
use crate::source::Count;

fn map(kind: RowKind, columns: &str) -> ColumnMap {
    let mut map = ColumnMap::new(kind);
    map.add_columns(columns).unwrap();
    map
}

fn open(text: &[u8], map: &ColumnMap, is_strict: bool) -> Result<JsonLinesSource, Error> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.jsonl");
    fs::write(&path, text).unwrap();
    JsonLinesSource::open(&path, map, is_strict)
}

fn read(text: &str, map: &ColumnMap) -> (Tape, Report) {
    let mut source = open(text.as_bytes(), map, false).unwrap();
    let mut tape = Tape::default();
    while source.poll(&mut tape, 3).unwrap() != Progress::End {}
    (tape, source.report())
}

#[test]
fn numbers_are_read_from_their_text_be_they_numbers_or_strings() {
    let text = r#"
        {"T":1700000000123,"s":"BTC\/USD","p":0.1,"q":"0.3","m":true,"t":9007199254740993}
        {"q":0.3,"m":false,"x":[{}],"p":"0.1","s":"BTC/USD","T":"1700000000123","t":"7"}
        ["not","an","object"]
        {"T":1,"s":null,"p":123456789.123456789,"q":1e-8,"m":null,"t":null}
    "#;
    let columns = "ts=T,symbol=s,price=p,size=q,buyer_maker=m,id=t";
    let (tape, report) = read(text, &map(RowKind::Trade, columns));
    let trades: Vec<TradeW> = tape.of();
    let told: Vec<_> = trades
        .iter()
        .map(|t| (t.header.instrument_id, t.price, t.qty, t.trade_id, t.side))
        .collect();
    let id = 9_007_199_254_740_993;
    assert_eq!(
        told,
        [
            (1, 100_000_000, 30_000_000, id, side::ASK),
            (1, 100_000_000, 30_000_000, 7, side::BID),
            (2, 123_456_789_123_456_789, 1, 0, side::NONE),
        ]
    );
    let expected = "row refused, ts: expected a cell, found none, first in line 4";
    assert_eq!(report.anomalies, [Count::new(expected, 1)]);
    assert_eq!(report.inputs, [Count::new("row", 4)]);
}

#[test]
fn pointers_reach_into_objects_and_arrays() {
    let text = r#"{"a":{"b/c":[[1,2],{"x~":"5","t":3}]},"z":[1,[2,{"y":4}]]}"#;
    let columns = "ts=/a/b~1c/1/t,bid=/a/b~1c/1/x~0,ask=/z/1/1/y";
    let (tape, report) = read(text, &map(RowKind::Quote, columns));
    let [quote] = &tape.of::<Quote>()[..] else { panic!("{:?}", report.anomalies) };
    assert_eq!((quote.bid_px, quote.ask_px), (5_000_000_000, 4_000_000_000));
    assert_eq!(quote.header.ts_event, 3_000_000_000);
    let (tape, _) = read(r#"[7,"1.5"]"#, &map(RowKind::Quote, "ts=#1,bid=#2,ask=/2/3"));
    let quotes: Vec<Quote> = tape.of();
    assert_eq!((quotes[0].bid_px, quotes[0].ask_px), (1_500_000_000, UNDEF_PRICE));
    let plain = r#"{"a":5}"#;
    let (tape, report) = read(plain, &map(RowKind::Quote, "ts=/a/b,bid=/a/c,ask=x"));
    assert!(tape.records.is_empty());
    assert!(report.anomalies[0].name.contains("ts: expected a cell"), "{:?}", report.anomalies);
}

#[test]
fn lines_that_are_not_json_are_counted_or_stop_a_strict_source() {
    let text = "{\"t\":1,\"b\":2,\"a\":3}\n{\"t\":1,\"b\"\n{} {}\n{\"t\":1,\"b\":2,\"a\":3}";
    let map = map(RowKind::Quote, "ts=t,bid=b,ask=a");
    let (tape, report) = read(text, &map);
    assert_eq!(tape.records.len(), 2);
    let expected = "row refused, row: expected one JSON value, first in line 2";
    assert_eq!(report.anomalies, [Count::new(expected, 2)]);
    let mut source = open(text.as_bytes(), &map, true).unwrap();
    let error = source.poll(&mut Tape::default(), 9).unwrap_err().to_string();
    assert!(error.contains("line 2, row: expected one JSON value"), "{error}");
    assert!(open(b"", &map, true).unwrap_err().to_string().contains("empty"));
    let book = ColumnMap { kind: RowKind::Book, ..map.clone() };
    assert!(open(b"{}", &book, true).is_err());
}

proptest! {
    #[test]
    fn reading_is_total(
        text in prop::collection::vec(
            prop::sample::select(&b"{}[]\":,0123456789.-etruenlpbs\\\n\xFF"[..]),
            1..300,
        ),
    ) {
        let map = map(RowKind::Quote, "ts=/0/t,bid=/p,ask=/1,ts_recv=/s/b");
        if let Ok(mut source) = open(&text, &map, false) {
            let mut tape = Tape::default();
            while source.poll(&mut tape, 3).unwrap() != Progress::End {}
        }
    }
}

//! Bytes as a JSON lines file, with maps of every kind.

use super::checked;
use tickring_producer::columns::{ColumnMap, RowKind};
use tickring_producer::source::jsonl::JsonLinesSource;

/// Kinds of rows, and columns for each.
pub(super) const MAPS: [(RowKind, &str); 4] = [
    (RowKind::Trade, "ts=T,price=/d/0/p,size=/d/0/q,symbol=s,side=S,id=i"),
    (RowKind::Quote, "ts=T,bid=b,ask=a,symbol=s,ts_recv=R,sequence=u"),
    (RowKind::Quote, "ts=T,bid=/b/0,bid_size=/b/1,ask=/a/0,ask_size=/a/1"),
    (RowKind::Delta, "ts=#1,price=#2,size=#3,side=#4,snapshot=#5"),
];

pub(super) const FILES: [&str; 4] = [
    "{\"T\":1700000000123,\"d\":[{\"p\":1.25,\"q\":\"2\"}],\"s\":\"ETH\",\"S\":\"buy\",\"i\":7}\n\
     {\"T\":\"2023-11-14T22:13:20.123Z\",\"d\":[{\"p\":\"1.5e3\",\"q\":2}],\"s\":\"\\u0041\"}\n\n",
    "{\"s\":\"X\",\"u\":1,\"T\":1700000000,\"b\":\"9.99\",\"a\":10.01,\"R\":1700000001}\n",
    "{\"T\":1700000000123456789,\"b\":[1,2],\"a\":[\"3\",null],\"x\":{\"y\":[[[]]]}}\n",
    "[1700000000123,\"1.5\",2,\"b\",true]\n[1700000000124,1.75,0,\"ask\",false,{}]\n",
];

pub(crate) fn run(bytes: &[u8]) {
    checked::with_file(bytes, |path| {
        for (kind, columns) in MAPS {
            let mut map = ColumnMap::new(kind);
            map.add_columns(columns).expect("columns");
            let is_strict = bytes.len().is_multiple_of(2);
            checked::read(JsonLinesSource::open(path, &map, is_strict), bytes);
        }
    });
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    super::with_compressed(FILES.map(|file| file.as_bytes().to_vec()).to_vec())
}

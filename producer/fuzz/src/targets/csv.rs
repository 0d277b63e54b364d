//! Bytes as a CSV file, with every preset.

use super::checked;
use std::sync::LazyLock;
use tickring_producer::columns::{ColumnMap, PRESETS, preset};
use tickring_producer::source::csv::CsvSource;

/// The maps of each preset.
static MAPS: LazyLock<Vec<Vec<ColumnMap>>> =
    LazyLock::new(|| PRESETS.iter().map(|(name, ..)| preset(name).expect("a preset")).collect());

pub(crate) fn run(bytes: &[u8]) {
    checked::with_file(bytes, |path| {
        for maps in MAPS.iter() {
            let is_strict = bytes.len().is_multiple_of(2);
            checked::read(CsvSource::open(path, maps, is_strict), bytes);
        }
    });
}

/// Files of the presets, with what rows may have.
pub(super) const FILES: [&str; 9] = [
    "timestamp,bid,ask\n20130101 21:59:59.999,86.65,86.66\n2013-01-01T22:00:00Z,1e1,\n",
    "EUR/USD,20130101 21:59:59.999,1.3,1.4\nEUR/USD,20130101 22:00:00.000,1.31,1.39\n",
    "20200101 170000065,1.07749,1.07761,0\n20200101 170000068,1.07748,1.07761,0\n",
    "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n\
     x,XBT,1583020803145000,1583020803307160,7,sell,8531.5,2152\n\
     x,\"XB\"\"T\",1583020803145000,1583020803307160,a-b,buy,\"8531.5\",-1\n",
    "symbol,timestamp,local_timestamp,ask_amount,ask_price,bid_price,bid_amount\n\
     XBT,1583020803145000,1583020803307160,1,8531.5,8531,3\nXBT,1,2,,,,\n",
    "symbol,timestamp,local_timestamp,asks[0].price,asks[0].amount,bids[0].price,bids[0].amount,\
     asks[1].price,asks[1].amount,bids[1].price,bids[1].amount\n\
     XBT,1583020803145000,1583020803307160,2,1,1,1,3,1,0.5,1\nXBT,5,6,1,1,2,1,,,,\n",
    "symbol,timestamp,local_timestamp,is_snapshot,side,price,amount\n\
     XBT,1583020803145000,1583020803307160,true,bid,1,2\nXBT,1,2,false,ask,3,0\n",
    "symbol,timestamp,first_update_id,last_update_id,side,update_type,price,qty,pu\n\
     BTCUSDT,1667347199939,1,2098021528332,b,snap,20377.10,1.5,0\r\n\
     BTCUSDT,1667347199939,1,2098021528333,a,set,20377.20,0,0\r\n",
    "\u{feff}id,price,qty,quote_qty,time,is_buyer_maker\n\
     1,2.5,3,7.5,1700000000123,true\n2,0.00000001,99999999999999999999,1,1700000000124,False\n",
];

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let plain = FILES.map(|file| file.as_bytes().to_vec());
    [
        super::with_compressed(plain.to_vec()),
        super::recorded("csv"),
        super::recorded("crypto/nautilus"),
    ]
    .concat()
}

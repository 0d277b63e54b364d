//! Maps of well-known files, as anyone can write them.

use super::map::ColumnMap;
use crate::error::Error;

/// Names of the presets, what they are for, and their maps in TOML. Of several maps the first that
/// a file has the columns of is taken.
pub const PRESETS: &[(&str, &str, &[&str])] = &[
    (
        "truefx",
        "TrueFX ticks: with a header timestamp,bid,ask, or as downloaded without one",
        &[
            r##"kind = "quote"
                header = true
                time = "calendar"
                columns = { ts = "timestamp", bid = "bid", ask = "ask" }"##,
            r##"kind = "quote"
                header = false
                time = "calendar"
                columns = { symbol = "#1", ts = "#2", bid = "#3", ask = "#4" }"##,
        ],
    ),
    (
        "nautilus-quotes",
        "histdata.com ticks without a header, as nautilus_trader has them; theirs is zone -05:00",
        &[r##"kind = "quote"
              header = false
              time = "calendar"
              columns = { ts = "#1", bid = "#2", ask = "#3" }"##],
    ),
    (
        "tardis-trades",
        "Tardis.dev trades",
        &[r##"kind = "trade"
              header = true
              time = "us"
              [columns]
              symbol = "symbol"
              ts = "timestamp"
              ts_recv = "local_timestamp"
              id = "id"
              side = "side"
              price = "price"
              size = "amount""##],
    ),
    (
        "tardis-quotes",
        "Tardis.dev quotes",
        &[r##"kind = "quote"
              header = true
              time = "us"
              [columns]
              symbol = "symbol"
              ts = "timestamp"
              ts_recv = "local_timestamp"
              bid = "bid_price"
              bid_size = "bid_amount"
              ask = "ask_price"
              ask_size = "ask_amount""##],
    ),
    (
        "tardis-book",
        "Tardis.dev book_snapshot_5, book_snapshot_25: a whole book in each row",
        &[r##"kind = "book"
              header = true
              time = "us"
              [columns]
              symbol = "symbol"
              ts = "timestamp"
              ts_recv = "local_timestamp"
              bid = "bids[{}].price"
              bid_size = "bids[{}].amount"
              ask = "asks[{}].price"
              ask_size = "asks[{}].amount""##],
    ),
    (
        "tardis-l2",
        "Tardis.dev incremental_book_L2",
        &[r##"kind = "delta"
              header = true
              time = "us"
              [columns]
              symbol = "symbol"
              ts = "timestamp"
              ts_recv = "local_timestamp"
              snapshot = "is_snapshot"
              side = "side"
              price = "price"
              size = "amount""##],
    ),
    (
        "binance-depth",
        "Binance historical order book: _depth_snap and _depth_update",
        &[r##"kind = "delta"
              header = true
              time = "ms"
              [columns]
              symbol = "symbol"
              ts = "timestamp"
              sequence = "last_update_id"
              snapshot = "update_type"
              side = "side"
              price = "price"
              size = "qty""##],
    ),
    (
        "binance-trades",
        "Binance public trades: with a header (futures), or without one (spot)",
        &[
            r##"kind = "trade"
                header = true
                [columns]
                id = "id"
                price = "price"
                size = "qty"
                ts = "time"
                buyer_maker = "is_buyer_maker""##,
            r##"kind = "trade"
                header = false
                [columns]
                id = "#1"
                price = "#2"
                size = "#3"
                ts = "#5"
                buyer_maker = "#6""##,
        ],
    ),
];

/// Returns the maps of a preset.
///
/// # Errors
/// [`Error::Option`] if there is no such preset.
pub fn preset(name: &str) -> Result<Vec<ColumnMap>, Error> {
    let found = PRESETS.iter().find(|(preset, ..)| *preset == name);
    let (.., maps) = found.ok_or_else(|| Error::Option {
        name: "preset",
        expected: "truefx, nautilus-quotes, tardis-trades, tardis-quotes, tardis-book, tardis-l2, \
                   binance-depth or binance-trades",
        found: name.to_owned(),
    })?;
    maps.iter().map(|text| ColumnMap::from_toml(text)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_a_map_that_can_make_records_and_is_named_in_the_error() {
        let error = preset("none").unwrap_err().to_string();
        for (name, about, maps) in PRESETS {
            let read = preset(name).unwrap();
            assert_eq!(read.len(), maps.len());
            read.iter().for_each(|map| map.check().unwrap());
            assert!(!about.is_empty() && error.contains(name), "{error}");
        }
    }
}

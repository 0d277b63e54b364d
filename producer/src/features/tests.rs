use tickring::record::{Level, Mbo, Mbp1, Trade, UNDEF_PRICE, action, flag, side};

use super::*;
use crate::market::Markets;

/// Features with the markets that they follow.
struct Fed {
    markets: Markets,
    features: Features,
}

impl Fed {
    fn new(dim: u16, every: u32) -> Self {
        let features = Features::new(options(dim, every)).unwrap();
        Self { markets: Markets::new(), features }
    }

    fn observe<R: Record>(&mut self, seq: u64, record: &R) -> Option<Feature<'_>> {
        self.features.observe(seq, &self.markets.apply(record)?)
    }
}

fn options(dim: u16, every: u32) -> FeatureOptions {
    FeatureOptions { dim, every, ..FeatureOptions::default() }
}

fn order(order_id: u64, action: u8, side: u8, price: i64, size: u32, flags: u8) -> Mbo {
    Mbo { order_id, price, size, action, side, flags, ts_recv: 9, ..Mbo::empty(1, 7, 5) }
}

/// A level record whose mid price is `mid` and whose sizes are given.
fn quote(mid: i64, bid_sz: u32, ask_sz: u32) -> Mbp1 {
    let level = Level { bid_px: mid - 1, ask_px: mid + 1, bid_sz, ask_sz, bid_ct: 1, ask_ct: 1 };
    Mbp1 { action: action::ADD, flags: flag::LAST, levels: [level], ..Mbp1::empty(1, 7, 5) }
}

/// Normalises by the definition, in another order of operations than the code.
fn normalised(values: &[f64]) -> Vec<f64> {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let deviation = (values.iter().map(|v| v * v).sum::<f64>() / n - mean * mean).max(0.0).sqrt();
    let scale = if deviation < 1e-12 { 0.0 } else { 1.0 / deviation };
    values.iter().map(|v| (v - mean) * scale).collect()
}

#[test]
fn options_out_of_range_are_refused() {
    for wrong in [options(0, 1), options(4, 1), options(30, 1), options(1028, 1), options(32, 0)] {
        assert!(matches!(Features::new(wrong), Err(Error::Option { .. })), "{wrong:?}");
    }
    for right in [8, 32, 128, 768, 1024] {
        assert!(Features::new(options(right, 1)).is_ok());
    }
}

#[test]
fn the_first_vector_comes_with_the_full_window_and_then_one_at_each_step() {
    for (dim, every) in [(8, 1), (32, 1), (32, 3), (128, 2)] {
        let mut features = Fed::new(dim, every);
        let mut given = Vec::new();
        for seq in 0..1_000u64 {
            let mid = 1_000 + i64::try_from(seq * 7 % 13).unwrap();
            if features.observe(seq, &quote(mid, 1, 2)).is_some() {
                given.push(seq);
            }
        }
        // One sample sets the mid price, then dim / 4 steps fill the window.
        let first = u64::from(every) * (u64::from(dim) / 4 + 1) - 1;
        let expected: Vec<u64> = (first..1_000).step_by(every as usize).collect();
        assert_eq!(given, expected, "dim {dim}, every {every}");
    }
}

#[test]
fn lanes_are_the_normalised_channels_one_after_the_other() {
    let mut features = Fed::new(16, 1);
    let quotes = [(1_000, 3, 1), (1_010, 1, 1), (1_000, 1, 3), (1_020, 2, 8), (1_050, 5, 5)];
    let trades = [0, 4, -2, 0, 7];
    let mut vector = None;
    for (seq, ((mid, bid, ask), traded)) in (10..).zip(quotes.into_iter().zip(trades)) {
        let trade = Trade {
            action: action::TRADE,
            side: if traded > 0 { side::BID } else { side::ASK },
            size: i32::unsigned_abs(traded),
            price: mid,
            ..Trade::empty(1, 7, 5)
        };
        if seq > 10 {
            assert!(features.observe(seq, &trade).is_none(), "the instrument is quoted");
        }
        vector = features
            .observe(seq, &quote(mid, bid, ask))
            .map(|feature| (feature.vector, feature.lanes.to_vec()));
    }
    let (vector, lanes) = vector.unwrap();
    let mids: Vec<f64> = quotes.iter().map(|quote| quote.0 as f64).collect();
    let returns: Vec<f64> = mids.windows(2).map(|m| (m[1] - m[0]) / m[0]).collect();
    let spreads: Vec<f64> = mids[1..].iter().map(|mid| 2.0 / mid).collect();
    let imbalances = [0.0, -0.5, -0.6, 0.0];
    let volumes = [4.0, -2.0, 0.0, 7.0];
    let expected =
        [normalised(&returns), normalised(&spreads), normalised(&imbalances), normalised(&volumes)]
            .concat();
    assert_eq!(lanes.len(), 16);
    for (lane, expected) in lanes.iter().zip(&expected) {
        assert!((f64::from(*lane) - expected).abs() < 1e-5, "{lanes:?} for {expected:?}");
    }
    let norm = expected.iter().map(|lane| lane * lane).sum::<f64>().sqrt();
    assert!((f64::from(vector.norm) - norm).abs() < 1e-5);
    assert_eq!((vector.src_seq, vector.dim, vector.dtype), (14, 16, lane_type::F32));
    assert_eq!((vector.header.instrument_id, vector.header.ts_event), (7, 5));
}

#[test]
fn a_channel_that_does_not_change_is_zero() {
    let mut features = Fed::new(16, 1);
    let mut last = Vec::new();
    for seq in 0..6 {
        if let Some(feature) = features.observe(seq, &quote(1_003, 1, 3)) {
            last = feature.lanes.to_vec();
        }
    }
    assert_eq!(last, vec![0.0; 16]);
}

#[test]
fn steps_follow_the_book_of_orders_and_stop_while_it_is_crossed_or_one_sided() {
    let mut features = Fed::new(8, 1);
    let mut given = 0;
    let mut id = 0;
    let mut put = |features: &mut Fed, side, price| {
        id += 1;
        let record = order(id, action::ADD, side, price, 10, flag::LAST);
        features.observe(id, &record).is_some()
    };
    assert!(!put(&mut features, side::BID, 100));
    for ask in [120, 118, 116, 114] {
        given += u32::from(put(&mut features, side::ASK, ask));
    }
    // The first two-sided book sets the mid price, two more steps fill the window of two.
    assert_eq!(given, 2);
    assert!(!put(&mut features, side::BID, 114), "a locked book gives no step");
    assert!(!put(&mut features, side::BID, 115), "nor does a crossed one");
}

#[test]
fn an_event_ends_at_last_and_a_snapshot_is_none() {
    let mut features = Fed::new(8, 1);
    let quote = |size, flags| Mbp1 { flags, ..quote(1_000, size, 1) };
    for (seq, flags, full) in [
        (0, flag::LAST | flag::SNAPSHOT, false),
        (1, flag::LAST, false),
        (2, 0, false),
        (3, flag::LAST, false),
        (4, flag::LAST | flag::SNAPSHOT, false),
        (5, flag::LAST, true),
    ] {
        let given = features.observe(seq, &quote(3, flags)).is_some();
        assert_eq!(given, full, "record {seq}");
    }
}

#[test]
fn trades_of_an_instrument_without_quotes_are_events() {
    let mut features = Fed::new(8, 1);
    let trade = |price| Trade {
        price,
        size: 1,
        action: action::TRADE,
        side: side::BID,
        ..Trade::empty(1, 7, 5)
    };
    let given: Vec<bool> =
        [100, UNDEF_PRICE, 101].map(|price| features.observe(0, &trade(price)).is_some()).into();
    assert_eq!(given, [false, false, true]);
}

#[test]
fn instruments_have_windows_of_their_own() {
    let mut features = Fed::new(8, 1);
    let mut given = [0; 3];
    for seq in 0..30u64 {
        let id = u32::try_from(seq % 3).unwrap();
        let mut record = quote(1_000 + i64::try_from(seq).unwrap(), 1, 1);
        record.header.instrument_id = id;
        if let Some(feature) = features.observe(seq, &record) {
            assert_eq!(feature.vector.header.instrument_id, id);
            given[id as usize] += 1;
        }
    }
    assert_eq!(given, [8, 8, 8]);
}

#[test]
fn kinds_that_say_nothing_about_prices_are_ignored() {
    let mut features = Fed::new(8, 1);
    let status = tickring::record::Status::empty(1, 7, 5);
    assert!(features.observe(0, &status).is_none());
    assert!(features.features.instruments.is_empty());
}

//! The layouts, written out by hand from the record table of the design and from DBN version 3.

use zerocopy::{FromBytes, IntoBytes};

use super::*;
use crate::schema::{Kind, Schema};

const HEADER: &str = "length:u8@0 rtype:u8@1 publisher_id:u16@2 instrument_id:u32@4 ts_event:u64@8";

const EVENT: &str = "price:i64@16 size:u32@24 action:u8@28 side:u8@29 flags:u8@30 depth:u8@31 \
     ts_recv:u64@32 ts_in_delta:i32@40 sequence:u32@44";

const BAR: &str = "open:i64@16 high:i64@24 low:i64@32 close:i64@40 volume:u64@48";

const INTERVAL: &str = "price:i64@16 size:u32@24 _reserved1:u8@28 side:u8@29 flags:u8@30 \
     _reserved2:u8@31 ts_recv:u64@32";

const CONSOLIDATED_0: &str = "bid_px_00:i64@48 ask_px_00:i64@56 bid_sz_00:u32@64 ask_sz_00:u32@68 \
     bid_pb_00:u16@72 _reserved1_00:u16@74 ask_pb_00:u16@76 _reserved2_00:u16@78";

const CMBP: &[&str] = &[
    "price:i64@16 size:u32@24 action:u8@28 side:u8@29 flags:u8@30 _reserved1:u8@31 \
     ts_recv:u64@32 ts_in_delta:i32@40 _reserved2:u8[4]@44",
    CONSOLIDATED_0,
];

const CBBO: &[&str] = &[INTERVAL, "_reserved3:u8[8]@40", CONSOLIDATED_0];

const BBO: &[&str] = &[INTERVAL, "_reserved3:u8[4]@40 sequence:u32@44", LEVEL_0];

const LEVEL_0: &str = "bid_px_00:i64@48 ask_px_00:i64@56 bid_sz_00:u32@64 ask_sz_00:u32@68 \
     bid_ct_00:u32@72 ask_ct_00:u32@76";

/// Name, rtype, size in bytes, then the fields behind the header as `name:type@offset`.
const LAYOUTS: &[(&str, u8, usize, &[&str])] = &[
    ("trade", 0x00, 56, &[EVENT, "trade_id:u64@48"]),
    ("mbp_1", 0x01, 80, &[EVENT, LEVEL_0]),
    (
        "status",
        0x12,
        40,
        &["ts_recv:u64@16 action:u16@24 reason:u16@26 trading_event:u16@28 is_trading:u8@30 \
           is_quoting:u8@31 is_short_sell_restricted:u8@32 _reserved:u8[7]@33"],
    ),
    (
        "instrument_def",
        0x13,
        520,
        &[
            "ts_recv:u64@16 min_price_increment:i64@24 display_factor:i64@32 expiration:u64@40 \
             activation:u64@48 high_limit_price:i64@56 low_limit_price:i64@64 \
             max_price_variation:i64@72 unit_of_measure_qty:i64@80 \
             min_price_increment_amount:i64@88 price_ratio:i64@96 strike_price:i64@104 \
             raw_instrument_id:u64@112 leg_price:i64@120 leg_delta:i64@128",
            "inst_attrib_value:i32@136 underlying_id:u32@140 market_depth_implied:i32@144 \
             market_depth:i32@148 market_segment_id:u32@152 max_trade_vol:u32@156 \
             min_lot_size:i32@160 min_lot_size_block:i32@164 min_lot_size_round_lot:i32@168 \
             min_trade_vol:u32@172 contract_multiplier:i32@176 decay_quantity:i32@180 \
             original_contract_size:i32@184 leg_instrument_id:u32@188 \
             leg_ratio_price_numerator:i32@192 leg_ratio_price_denominator:i32@196 \
             leg_ratio_qty_numerator:i32@200 leg_ratio_qty_denominator:i32@204 \
             leg_underlying_id:u32@208",
            "appl_id:i16@212 maturity_year:u16@214 decay_start_date:u16@216 channel_id:u16@218 \
             leg_count:u16@220 leg_index:u16@222 currency:bytes[4]@224 settl_currency:bytes[4]@228 \
             secsubtype:bytes[6]@232 raw_symbol:bytes[71]@238 group:bytes[21]@309 \
             exchange:bytes[5]@330 asset:bytes[11]@335 cfi:bytes[7]@346 security_type:bytes[7]@353 \
             unit_of_measure:bytes[31]@360 underlying:bytes[21]@391 \
             strike_price_currency:bytes[4]@412 leg_raw_symbol:bytes[71]@416",
            "instrument_class:u8@487 match_algorithm:u8@488 main_fraction:u8@489 \
             price_display_format:u8@490 sub_fraction:u8@491 underlying_product:u8@492 \
             security_update_action:u8@493 maturity_month:u8@494 maturity_day:u8@495 \
             maturity_week:u8@496 user_defined_instrument:u8@497 contract_multiplier_unit:i8@498 \
             flow_schedule_type:i8@499 tick_rule:u8@500 leg_instrument_class:u8@501 \
             leg_side:u8@502 \
             _reserved:u8[17]@503",
        ],
    ),
    (
        "imbalance",
        0x14,
        112,
        &["ts_recv:u64@16 ref_price:i64@24 auction_time:u64@32 cont_book_clr_price:i64@40 \
           auct_interest_clr_price:i64@48 ssr_filling_price:i64@56 ind_match_price:i64@64 \
           upper_collar:i64@72 lower_collar:i64@80 paired_qty:u32@88 total_imbalance_qty:u32@92 \
           market_imbalance_qty:u32@96 unpaired_qty:u32@100 auction_type:u8@104 side:u8@105 \
           auction_status:u8@106 freeze_status:u8@107 num_extensions:u8@108 unpaired_side:u8@109 \
           significant_imbalance:u8@110 _reserved:u8@111"],
    ),
    ("gateway_error", 0x15, 320, &["err:bytes[302]@16 code:u8@318 is_last:u8@319"]),
    (
        "symbol_mapping",
        0x16,
        176,
        &["stype_in:u8@16 stype_in_symbol:bytes[71]@17 stype_out:u8@88 \
           stype_out_symbol:bytes[71]@89 start_ts:u64@160 end_ts:u64@168"],
    ),
    ("gateway_notice", 0x17, 320, &["msg:bytes[303]@16 code:u8@319"]),
    (
        "stat",
        0x18,
        80,
        &["ts_recv:u64@16 ts_ref:u64@24 price:i64@32 quantity:i64@40 sequence:u32@48 \
           ts_in_delta:i32@52 stat_type:u16@56 channel_id:u16@58 update_action:u8@60 \
           stat_flags:u8@61 _reserved:u8[18]@62"],
    ),
    ("bar_1s", 0x20, 56, &[BAR]),
    ("bar_1m", 0x21, 56, &[BAR]),
    ("bar_1h", 0x22, 56, &[BAR]),
    ("bar_1d", 0x23, 56, &[BAR]),
    ("bar_eod", 0x24, 56, &[BAR]),
    (
        "mbo",
        0xA0,
        56,
        &["order_id:u64@16 price:i64@24 size:u32@32 flags:u8@36 channel_id:u8@37 action:u8@38 \
           side:u8@39 ts_recv:u64@40 ts_in_delta:i32@48 sequence:u32@52"],
    ),
    ("cmbp_1", 0xB1, 80, CMBP),
    ("cbbo_1s", 0xC0, 80, CBBO),
    ("cbbo_1m", 0xC1, 80, CBBO),
    ("tcbbo", 0xC2, 80, CMBP),
    ("bbo_1s", 0xC3, 80, BBO),
    ("bbo_1m", 0xC4, 80, BBO),
    (
        "vector",
        0xE0,
        56,
        &["ts_recv:u64@16 vec_id:u64@24 src_seq:u64@32 dim:u16@40 dtype:u8@42 metric:u8@43 \
           model_id:u16@44 flags:u16@46 norm:f32@48 generation:u32@52"],
    ),
    (
        "match",
        0xE1,
        56,
        &["ts_query:u64@16 query_id:u64@24 match_id:u64@32 distance:f32@40 rank:u16@44 k:u16@46 \
           latency_ns:u32@48 generation:u32@52"],
    ),
    (
        "trade_w",
        0xE2,
        56,
        &["price:i64@16 qty:i64@24 ts_recv:u64@32 trade_id:u64@40 flags:u8@48 action:u8@49 \
           side:u8@50 qty_exp:i8@51 ts_in_delta:i32@52"],
    ),
    (
        "quote",
        0xE3,
        56,
        &["bid_px:i64@16 ask_px:i64@24 ts_recv:u64@32 bid_sz:u32@40 ask_sz:u32@44 \
           sequence:u32@48 \
           flags:u8@52 action:u8@53 side:u8@54 channel_id:u8@55"],
    ),
    (
        "quote_w",
        0xE4,
        56,
        &["bid_px:i64@16 ask_px:i64@24 bid_qty:i64@32 ask_qty:i64@40 ts_recv:u64@48"],
    ),
    (
        "delta_w",
        0xE5,
        56,
        &["price:i64@16 qty:i64@24 ts_recv:u64@32 sequence:u64@40 flags:u8@48 action:u8@49 \
           side:u8@50 qty_exp:i8@51 order_ct:u32@52"],
    ),
    (
        "window_bar",
        0xE6,
        184,
        &["start_ns:u64@16 end_ns:u64@24 revision:u32@32 flags:u32@36 open:i64@40 high:i64@48 \
           low:i64@56 close:i64@64 volume:u64@72 notional_lo:u64@80 notional_hi:i64@88 \
           count:u64@96 buy_volume:u64@104 sell_volume:u64@112 first_seq:u64@120 \
           last_seq:u64@128 missed:u64@136 watermark_ns:u64@144 missed_until_ns:u64@152 \
           ordinal:u64@160 _reserved:u64[2]@168"],
    ),
    (
        "quote_stats",
        0xE7,
        56,
        &["mid:i64@16 microprice:i64@24 spread:i64@32 prev_close:i64@40 sequence:u32@48 \
           flags:u8@52 phase:u8@53 labels:u16@54"],
    ),
    (
        "bar_stats",
        0xE8,
        184,
        &["start_ns:u64@16 end_ns:u64@24 revision:u32@32 wanted:u32@36 twap:i64@40 ewma:i64@48 \
           realised_lo:u64@56 realised_hi:u64@64 order_flow:i64@72 quotes:u64@80 \
           spread_lo:u64@88 spread_hi:i64@96 spread_min:i64@104 spread_max:i64@112 \
           price_p05:i64@120 price_p25:i64@128 price_p50:i64@136 price_p75:i64@144 \
           price_p95:i64@152 size_p50:u64@160 size_p90:u64@168 size_p99:u64@176"],
    ),
    (
        "late",
        0xE9,
        64,
        &["price:i64@16 size:u64@24 src_seq:u64@32 trade_id:u64@40 watermark_ns:u64@48 \
           sequence:u32@56 reason:u8@60 action:u8@61 side:u8@62 _reserved:u8@63"],
    ),
    (
        "query",
        0xEB,
        56,
        &["query_id:u64@16 since:u64@24 until:u64@32 dim:u16@40 dtype:u8@42 filters:u8@43 \
           k:u16@44 tag:u16@46 radius:f32@48 tag_mask:u16@52 _reserved:u16@54"],
    ),
    (
        "answer",
        0xEC,
        56,
        &["query_id:u64@16 query_seq:u64@24 watermark:u64@32 asker:u32@40 latency_ns:u32@44 \
           count:u16@48 flags:u16@50 epoch:u32@52"],
    ),
    (
        "heartbeat",
        0xF0,
        56,
        &["ts_pub:u64@16 next_venue_seq:u64@24 published:u64@32 watermark:u64@40 \
           gaps_open:u16@48 \
           channel_id:u8@50 state:u8@51 epoch:u32@52"],
    ),
    (
        "gap",
        0xF1,
        56,
        &["ts_detect:u64@16 first_missing:u64@24 end_missing:u64@32 recovered:u64@40 \
           channel_id:u16@48 line:u8@50 state:u8@51 attempts:u16@52 cause:u16@54"],
    ),
    (
        "restart",
        0xF2,
        56,
        &["epoch:u64@16 previous_seq:u64@24 ts_recv:u64@32 cause:u16@40 _reserved:u8[14]@42"],
    ),
    (
        "tombstone",
        0xF3,
        56,
        &["epoch:u64@16 previous_seq:u64@24 ts_recv:u64@32 cause:u16@40 _reserved:u8[14]@42"],
    ),
    (
        "raw",
        0xF4,
        120,
        &["ts_recv:u64@16 sequence:u64@24 wire_len:u16@32 proto:u16@34 channel_id:u16@36 \
           _reserved:u8[2]@38 wire:u8[80]@40"],
    ),
];

/// Runs a generic function for every record struct.
macro_rules! for_each_record {
    ($check:ident) => {
        for_each_record!($check: Trade Mbp1 Mbp10 Status InstrumentDef Imbalance GatewayError
            SymbolMapping GatewayNotice Stat Bar Mbo Cmbp1 Cbbo Bbo Vector Match TradeW Quote
            QuoteW DeltaW WindowBar QuoteStats BarStats Late DepthW Query Answer Heartbeat Gap
            Restart Tombstone Raw)
    };
    ($check:ident: $($record:ident)+) => { $($check::<$record>();)+ };
}

fn as_text(kind: &Kind) -> String {
    let row = |field: &crate::schema::Field| match field.count {
        1 => format!("{}:{}@{}", field.name, field.ty, field.offset),
        count => format!("{}:{}[{count}]@{}", field.name, field.ty, field.offset),
    };
    kind.fields.iter().map(row).collect::<Vec<_>>().join(" ")
}

#[test]
fn every_builtin_kind_has_the_layout_of_the_design() {
    let kinds = builtin_kinds();
    for &(name, rtype, size, fields) in LAYOUTS {
        let kind = kinds.iter().find(|kind| kind.name == name).expect(name);
        assert_eq!((kind.rtype, kind.size_bytes as usize), (rtype, size), "{name}");
        assert_eq!(as_text(kind), format!("{HEADER} {}", fields.join(" ")), "{name}");
    }
    assert_eq!(kinds.len(), LAYOUTS.len() + 2, "all kinds but those of ten levels stand there");
}

#[test]
fn depth_w_has_ten_levels_of_40_bytes_and_fills_seven_cache_lines() {
    let mut fields = vec![
        HEADER.to_owned(),
        "ts_recv:u64@16 sequence:u64@24 flags:u8@32 action:u8@33 side:u8@34 qty_exp:i8@35 \
         depth:u8@36 _reserved:u8[3]@37"
            .to_owned(),
    ];
    for level in 0..10 {
        for (name, ty, within) in [
            ("bid_px", "i64", 0),
            ("ask_px", "i64", 8),
            ("bid_qty", "i64", 16),
            ("ask_qty", "i64", 24),
            ("bid_ct", "u32", 32),
            ("ask_ct", "u32", 36),
        ] {
            fields.push(format!("{name}_{level:02}:{ty}@{}", 40 + 40 * level + within));
        }
    }
    let kind = DepthW::kind();
    assert_eq!((kind.rtype, kind.size_bytes), (0xEA, 7 * 64 - 8));
    assert_eq!(as_text(&kind), fields.join(" "));
}

#[test]
fn mbp_10_has_ten_levels_of_32_bytes_behind_the_event() {
    let mut fields = vec![HEADER.to_owned(), EVENT.to_owned()];
    for level in 0..10 {
        for (name, ty, within) in [
            ("bid_px", "i64", 0),
            ("ask_px", "i64", 8),
            ("bid_sz", "u32", 16),
            ("ask_sz", "u32", 20),
            ("bid_ct", "u32", 24),
            ("ask_ct", "u32", 28),
        ] {
            fields.push(format!("{name}_{level:02}:{ty}@{}", 48 + 32 * level + within));
        }
    }
    let kind = Mbp10::kind();
    assert_eq!((kind.rtype, kind.size_bytes), (0x0A, 368));
    assert_eq!(as_text(&kind), fields.join(" "));
}

#[test]
fn every_struct_is_aligned_to_words_and_as_large_as_its_kind() {
    fn check<R: Record>() {
        assert_eq!(align_of::<R>(), 8, "{}", R::NAME);
        assert_eq!(size_of::<R>(), R::kind().size_bytes as usize, "{}", R::NAME);
        assert!(R::accepts(R::RTYPE));
        assert!(!R::accepts(0xFF));
        assert_eq!(R::KINDS.first(), Some(&(R::RTYPE, R::NAME)));
    }
    for_each_record!(check);
}

#[test]
fn an_empty_record_holds_its_header_and_the_null_of_every_field() {
    fn check<R: Record>() {
        let record = R::empty(1, 7, 99);
        let header = record.header();
        assert_eq!(header.rtype, R::RTYPE);
        assert_eq!(header.size_bytes(), size_of::<R>());
        assert_eq!((header.publisher_id, header.instrument_id, header.ts_event), (1, 7, 99));
        let bytes = record.as_bytes();
        for field in R::kind().fields.iter().filter(|field| field.offset >= 16) {
            let (start, size) = (field.offset as usize, field.size_bytes() as usize);
            let found = &bytes[start..start + size];
            match field.null {
                Some(null) => assert_eq!(found, &null.to_le_bytes()[..size], "{}", field.name),
                None if field.unit == crate::schema::Unit::Ascii || size == 1 => {}
                None => assert!(found.iter().all(|byte| *byte == 0), "{}", field.name),
            }
        }
        assert!(R::read_from_bytes(bytes).expect("same size").as_bytes() == bytes);
    }
    for_each_record!(check);
}

#[test]
fn every_builtin_kind_is_a_valid_schema_alone_and_together() {
    for kind in builtin_kinds() {
        let schema = Schema::new(vec![kind]).expect("a built-in kind is valid");
        assert_eq!(Schema::decode(&schema.encode()), Ok(schema));
    }
    let all = Schema::new(builtin_kinds()).expect("built-in kinds are valid together");
    assert_eq!(Schema::decode(&all.encode()), Ok(all));
}

#[test]
fn the_layout_of_a_struct_at_compile_time_is_that_of_its_kind() {
    fn check<R: Record>() {
        assert_eq!(R::LAYOUT_HASH, R::kind().layout_hash(), "{}", R::NAME);
    }
    for_each_record!(check);
    let mut layouts: Vec<u64> = builtin_kinds().iter().map(Kind::layout_hash).collect();
    layouts.sort_unstable();
    layouts.dedup();
    let (bars, intervals, recovery) = (4, 3, 1);
    let shared = bars + intervals + recovery;
    assert_eq!(layouts.len(), builtin_kinds().len() - shared, "five bars share one");
}

#[test]
fn every_part_of_a_row_but_null_and_doc_counts_in_the_layout() {
    let layout = |edit: fn(&mut Kind)| {
        let mut kind = Vector::kind_with_dim(4);
        edit(&mut kind);
        kind.layout_hash()
    };
    let same: [fn(&mut Kind); 4] = [
        |kind| kind.name = "other".into(),
        |kind| kind.fields[6].doc = "Another wording.".into(),
        |kind| kind.fields[6].null = Some(1),
        |kind| kind.fields.last_mut().expect("the lanes").count = 8,
    ];
    let other: [fn(&mut Kind); 6] = [
        |kind| kind.fields[6].name = "vec".into(),
        |kind| kind.fields[6].offset += 8,
        |kind| kind.fields[6].ty = crate::schema::FieldType::I64,
        |kind| kind.fields[6].count = 2,
        |kind| kind.fields[6].unit = crate::schema::Unit::Count,
        |kind| _ = kind.fields.remove(6),
    ];
    for (case, edit) in same.into_iter().enumerate() {
        assert_eq!(layout(edit), Vector::LAYOUT_HASH, "case {case}");
    }
    for (case, edit) in other.into_iter().enumerate() {
        assert_ne!(layout(edit), Vector::LAYOUT_HASH, "case {case}");
    }
}

#[test]
fn every_builtin_field_has_a_doc_line() {
    for kind in builtin_kinds() {
        for field in &kind.fields {
            assert!(!field.doc.is_empty(), "{}.{}", kind.name, field.name);
        }
    }
}

#[test]
fn the_bytes_of_an_order_are_those_of_dbn() {
    let order = Mbo {
        header: RecordHeader::new::<Mbo>(0x0102, 0x0304_0506, 0x0708_090A_0B0C_0D0E),
        order_id: 0x1112_1314_1516_1718,
        price: -2,
        size: 0x2122_2324,
        flags: flag::LAST | flag::TOB,
        channel_id: 3,
        action: action::ADD,
        side: side::BID,
        ts_recv: UNDEF_TIME,
        ts_in_delta: -1,
        sequence: 0x3132_3334,
    };
    #[rustfmt::skip]
    let expected: [u8; 56] = [
        14, 0xA0, 0x02, 0x01, 0x06, 0x05, 0x04, 0x03,
        0x0E, 0x0D, 0x0C, 0x0B, 0x0A, 0x09, 0x08, 0x07,
        0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11,
        0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
        0x24, 0x23, 0x22, 0x21, 0xC0, 3, b'A', b'B',
        0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
        0xFF, 0xFF, 0xFF, 0xFF, 0x34, 0x33, 0x32, 0x31,
    ];
    assert_eq!(order.as_bytes(), expected);
    assert_eq!(Mbo::read_from_bytes(&expected).expect("56 bytes"), order);
}

#[test]
fn a_bar_bears_the_record_type_of_its_interval() {
    let header = RecordHeader::new::<Bar>(1, 2, 3);
    assert_eq!(header.rtype, rtype::BAR_1S);
    let day = header.with_rtype(rtype::BAR_1D);
    assert_eq!(day, RecordHeader { rtype: 0x23, ..header });
    let accepted: Vec<u8> = (0..=u8::MAX).filter(|rtype| Bar::accepts(*rtype)).collect();
    assert_eq!(accepted, [0x20, 0x21, 0x22, 0x23, 0x24]);
}

#[test]
fn only_f0_to_f3_are_control_records() {
    let control: Vec<u8> = (0..=u8::MAX).filter(|rtype| rtype::is_control(*rtype)).collect();
    assert_eq!(control, [0xF0, 0xF1, 0xF2, 0xF3]);
}

#[test]
fn c8_to_df_are_for_users_and_no_builtin_kind_is_among_them() {
    let user: Vec<u8> = (0..=u8::MAX).filter(|rtype| rtype::is_user(*rtype)).collect();
    assert_eq!(user, rtype::USER.collect::<Vec<u8>>());
    assert_eq!(user.len(), 24);
    assert!(builtin_kinds().iter().all(|kind| !rtype::is_user(kind.rtype)));
}

#[test]
fn a_vector_kind_has_its_lanes_at_56_and_a_size_in_words() {
    for (dim, size) in [(0, 56), (1, 64), (2, 64), (3, 72), (128, 568), (u16::MAX, 262_200)] {
        let kind = Vector::kind_with_dim(dim);
        assert_eq!(kind.size_bytes, size, "dim {dim}");
        let lanes = kind.field("lanes").map(|field| (field.offset, field.count));
        assert_eq!(lanes, (dim != 0).then_some((56, u32::from(dim))), "dim {dim}");
        Schema::new(vec![kind]).expect("a vector kind is valid");
    }
}

#[test]
fn a_notional_survives_the_split_into_two_words() {
    let mut bar = WindowBar::empty(0, 0, UNDEF_TIME);
    for notional in [0, 1, -1, i128::MAX, i128::MIN, 1 << 64, -(1 << 64), u64::MAX.into()] {
        bar.set_notional(notional);
        assert_eq!(bar.notional(), notional);
    }
}

#[test]
fn raw_bytes_are_the_ones_that_were_set_and_zero_behind() {
    let mut raw = Raw::empty(0, 0, UNDEF_TIME);
    for len in [80, 3, 0, 79, 200, 1] {
        let bytes = vec![7; len];
        raw.set_bytes(&bytes);
        let kept = len.min(Raw::WIRE_BYTES);
        assert_eq!(raw.bytes(), &bytes[..kept]);
        assert!(raw.wire[kept..].iter().all(|byte| *byte == 0), "{len}");
    }
}

#[test]
fn raw_bytes_never_reach_beyond_the_record() {
    let mut raw = Raw::empty(0, 0, UNDEF_TIME);
    for (wire_len, used) in [(0, 0), (1, 1), (80, 80), (81, 80), (u16::MAX, 80)] {
        raw.wire_len = wire_len;
        assert_eq!(raw.bytes().len(), used, "wire_len {wire_len}");
    }
}

//! Our records against the structs of the `dbn` crate: same size, same offset of every field.

use std::mem::{offset_of, size_of};

use dbn::v3;
use tickring::record::{
    Bar, Bbo, Cbbo, Cmbp1, ConsolidatedLevel, GatewayError, GatewayNotice, Imbalance,
    InstrumentDef, Level, Mbo, Mbp1, Mbp10, RecordHeader, Stat, Status, SymbolMapping, Trade,
};

/// Asserts that the named fields stand at the same offsets.
macro_rules! same {
    ($ours:ty, $theirs:ty, $($field:ident)+) => {$(
        assert_eq!(
            offset_of!($ours, $field),
            offset_of!($theirs, $field),
            concat!(stringify!($ours), ".", stringify!($field))
        );
    )+};
}

/// Asserts the same of a whole record: header first, size too.
macro_rules! same_record {
    ($ours:ty, $theirs:ty, $($field:ident)+) => {
        assert_eq!(size_of::<$ours>(), size_of::<$theirs>(), stringify!($ours));
        assert_eq!((offset_of!($ours, header), offset_of!($theirs, hd)), (0, 0));
        same!($ours, $theirs, $($field)+);
    };
}

#[test]
fn the_header_is_that_of_dbn() {
    assert_eq!(size_of::<RecordHeader>(), size_of::<v3::RecordHeader>());
    same!(RecordHeader, v3::RecordHeader, rtype publisher_id instrument_id ts_event);
}

#[test]
fn orders_trades_and_levels_are_those_of_dbn() {
    same_record!(Mbo, v3::MboMsg, order_id price size flags channel_id action side ts_recv
        ts_in_delta sequence);
    assert_eq!(size_of::<Trade>(), size_of::<v3::TradeMsg>() + 8);
    assert_eq!(offset_of!(Trade, trade_id), size_of::<v3::TradeMsg>());
    same!(Trade, v3::TradeMsg, price size action side flags depth ts_recv ts_in_delta sequence);
    same_record!(Mbp1, v3::Mbp1Msg, price size action side flags depth ts_recv ts_in_delta sequence
        levels);
    same_record!(Mbp10, v3::Mbp10Msg, price size action side flags depth ts_recv ts_in_delta
        sequence levels);
    assert_eq!(size_of::<Level>(), size_of::<dbn::BidAskPair>());
    same!(Level, dbn::BidAskPair, bid_px ask_px bid_sz ask_sz bid_ct ask_ct);
}

#[test]
fn intervals_and_consolidated_levels_are_those_of_dbn() {
    same_record!(Bbo, v3::BboMsg, price size side flags ts_recv sequence levels);
    same_record!(Cmbp1, v3::Cmbp1Msg, price size action side flags ts_recv ts_in_delta levels);
    same_record!(Cbbo, v3::CbboMsg, price size side flags ts_recv levels);
    assert_eq!(size_of::<ConsolidatedLevel>(), size_of::<dbn::ConsolidatedBidAskPair>());
    same!(ConsolidatedLevel, dbn::ConsolidatedBidAskPair, bid_px ask_px bid_sz ask_sz bid_pb
        ask_pb);
}

#[test]
fn bars_states_and_statistics_are_those_of_dbn() {
    same_record!(Bar, v3::OhlcvMsg, open high low close volume);
    same_record!(Status, v3::StatusMsg, ts_recv action reason trading_event is_trading is_quoting
        is_short_sell_restricted);
    same_record!(Imbalance, v3::ImbalanceMsg, ts_recv ref_price auction_time cont_book_clr_price
        auct_interest_clr_price ssr_filling_price ind_match_price upper_collar lower_collar
        paired_qty total_imbalance_qty market_imbalance_qty unpaired_qty auction_type side
        auction_status freeze_status num_extensions unpaired_side significant_imbalance);
    same_record!(Stat, v3::StatMsg, ts_recv ts_ref price quantity sequence ts_in_delta stat_type
        channel_id update_action stat_flags);
    same_record!(GatewayError, v3::ErrorMsg, err code is_last);
    same_record!(GatewayNotice, v3::SystemMsg, msg code);
    same_record!(SymbolMapping, v3::SymbolMappingMsg, stype_in stype_in_symbol stype_out
        stype_out_symbol start_ts end_ts);
}

#[test]
fn definitions_are_those_of_dbn() {
    same_record!(InstrumentDef, v3::InstrumentDefMsg, ts_recv min_price_increment display_factor
        expiration activation high_limit_price low_limit_price max_price_variation
        unit_of_measure_qty min_price_increment_amount price_ratio strike_price raw_instrument_id
        leg_price leg_delta inst_attrib_value underlying_id market_depth_implied market_depth
        market_segment_id max_trade_vol min_lot_size min_lot_size_block min_lot_size_round_lot
        min_trade_vol contract_multiplier decay_quantity original_contract_size leg_instrument_id
        leg_ratio_price_numerator leg_ratio_price_denominator leg_ratio_qty_numerator
        leg_ratio_qty_denominator leg_underlying_id appl_id maturity_year decay_start_date
        channel_id leg_count leg_index currency settl_currency secsubtype raw_symbol group exchange
        asset cfi security_type unit_of_measure underlying strike_price_currency leg_raw_symbol
        instrument_class match_algorithm main_fraction price_display_format sub_fraction
        underlying_product security_update_action maturity_month maturity_day maturity_week
        user_defined_instrument contract_multiplier_unit flow_schedule_type tick_rule
        leg_instrument_class leg_side);
}

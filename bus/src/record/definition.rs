//! Records about what an instrument is and what it is called.

use crate::record::describe::builtin;
use crate::record::{UNDEF_PRICE, UNDEF_TIME, rtype, side};

builtin! {
    /// The definition of an instrument.
    ///
    /// Shape: 520 bytes, identical to DBN version 3 `InstrumentDefMsg`.
    pub struct InstrumentDef(rtype::INSTRUMENT_DEF = "instrument_def") {
        /// Time of receipt by the capturing host's clock, ns since the Unix epoch, UTC.
        ts_recv: u64 => NanosEpoch (null UNDEF_TIME),
        /// Smallest constant tick, fixed-point 1e-9.
        min_price_increment: i64 => PriceE9 (null UNDEF_PRICE),
        /// Factor from the venue's display price to the conventional price, fixed-point 1e-9.
        display_factor: i64 => PriceE9 (null UNDEF_PRICE),
        /// Last time it can be traded, ns since the Unix epoch, UTC.
        expiration: u64 => NanosEpoch (null UNDEF_TIME),
        /// Time it was activated, ns since the Unix epoch, UTC.
        activation: u64 => NanosEpoch (null UNDEF_TIME),
        /// Highest price allowed on the trading day, fixed-point 1e-9.
        high_limit_price: i64 => PriceE9 (null UNDEF_PRICE),
        /// Lowest price allowed on the trading day, fixed-point 1e-9.
        low_limit_price: i64 => PriceE9 (null UNDEF_PRICE),
        /// Width of the price band, fixed-point 1e-9.
        max_price_variation: i64 => PriceE9 (null UNDEF_PRICE),
        /// Contract size in unit_of_measure, fixed-point 1e-9.
        unit_of_measure_qty: i64 => PriceE9 (null UNDEF_PRICE),
        /// Money value of one tick, fixed-point 1e-9.
        min_price_increment_amount: i64 => PriceE9 (null UNDEF_PRICE),
        /// Ratio for prices of spreads and legs, fixed-point 1e-9.
        price_ratio: i64 => PriceE9 (null UNDEF_PRICE),
        /// Strike price of an option, fixed-point 1e-9.
        strike_price: i64 => PriceE9 (null UNDEF_PRICE),
        /// Instrument id as the publisher assigned it.
        raw_instrument_id: u64 => None,
        /// Price of the leg, fixed-point 1e-9.
        leg_price: i64 => PriceE9 (null UNDEF_PRICE),
        /// Delta of the leg, fixed-point 1e-9.
        leg_delta: i64 => PriceE9 (null UNDEF_PRICE),
        /// Attribute bits of the venue.
        inst_attrib_value: i32 => Flags (null i32::MAX),
        /// Instrument id of the first underlying.
        underlying_id: u32 => InstrumentId,
        /// Implied book depth of the feed, in levels.
        market_depth_implied: i32 => Count (null i32::MAX),
        /// Outright book depth of the feed, in levels.
        market_depth: i32 => Count (null i32::MAX),
        /// Market segment, the venue's number.
        market_segment_id: u32 => None (null u32::MAX),
        /// Largest quantity of a trade.
        max_trade_vol: u32 => Count (null u32::MAX),
        /// Smallest quantity of an order.
        min_lot_size: i32 => Count (null i32::MAX),
        /// Smallest quantity of a block trade.
        min_lot_size_block: i32 => Count (null i32::MAX),
        /// Quantity of a round lot; its multiples are round lots too.
        min_lot_size_round_lot: i32 => Count (null i32::MAX),
        /// Smallest quantity of a trade.
        min_trade_vol: u32 => Count (null u32::MAX),
        /// Deliverables per instrument, e.g. peak days.
        contract_multiplier: i32 => Count (null i32::MAX),
        /// Quantity a contract loses daily after decay_start_date.
        decay_quantity: i32 => Count (null i32::MAX),
        /// Contract value fixed at listing.
        original_contract_size: i32 => Count (null i32::MAX),
        /// Instrument id of the leg.
        leg_instrument_id: u32 => InstrumentId,
        /// Price ratio of the leg: numerator.
        leg_ratio_price_numerator: i32 => None,
        /// Price ratio of the leg: denominator.
        leg_ratio_price_denominator: i32 => None,
        /// Quantity ratio of the leg: numerator.
        leg_ratio_qty_numerator: i32 => None,
        /// Quantity ratio of the leg: denominator.
        leg_ratio_qty_denominator: i32 => None,
        /// Instrument id of the leg's underlying.
        leg_underlying_id: u32 => InstrumentId,
        /// Channel, the venue's number.
        appl_id: i16 => None (null i16::MAX),
        /// Calendar year in the symbol.
        maturity_year: u16 => None (null u16::MAX),
        /// Date on which the contract begins to decay.
        decay_start_date: u16 => None (null u16::MAX),
        /// Channel of the feed, counted from 0; 65535 where there is none.
        channel_id: u16 => None (null u16::MAX),
        /// Number of legs; 0 for an outright.
        leg_count: u16 => Count,
        /// Number of this leg, counted from 0.
        leg_index: u16 => None,
        /// Currency of the prices, ISO 4217.
        currency: [u8; 4] => Text,
        /// Currency of settlement where it differs.
        settl_currency: [u8; 4] => Text,
        /// Strategy type of a spread.
        secsubtype: [u8; 6] => Text,
        /// Symbol as the publisher writes it.
        raw_symbol: [u8; 71] => Text,
        /// Security group, the venue's code.
        group: [u8; 21] => Text,
        /// Exchange that identifies the instrument.
        exchange: [u8; 5] => Text,
        /// Product code of the underlying asset.
        asset: [u8; 11] => Text,
        /// Classification code, ISO 10962.
        cfi: [u8; 7] => Text,
        /// Security type, e.g. FUT.
        security_type: [u8; 7] => Text,
        /// Unit of the contract size, e.g. USD or LBS.
        unit_of_measure: [u8; 31] => Text,
        /// Symbol of the first underlying.
        underlying: [u8; 21] => Text,
        /// Currency of strike_price, ISO 4217.
        strike_price_currency: [u8; 4] => Text,
        /// Symbol of the leg as the publisher writes it.
        leg_raw_symbol: [u8; 71] => Text,
        /// B bond, C call, F future, I index, K stock, P put, S, T, M spreads, X, Y spot.
        instrument_class: u8 => Ascii,
        /// Matching algorithm, F for price-time priority; the venue's letter.
        match_algorithm: u8 => Ascii (empty b' '),
        /// Price denominator of the main fraction.
        main_fraction: u8 => None (null u8::MAX),
        /// Digits to the right of the tick mark in fractional prices.
        price_display_format: u8 => Count (null u8::MAX),
        /// Price denominator of the sub-fraction.
        sub_fraction: u8 => None (null u8::MAX),
        /// Product complex, the venue's number.
        underlying_product: u8 => Enum (null u8::MAX),
        /// A added, M modified, D deleted.
        security_update_action: u8 => Ascii (empty b'A'),
        /// Calendar month in the symbol.
        maturity_month: u8 => None (null u8::MAX),
        /// Calendar day in the symbol, or 0.
        maturity_day: u8 => None (null u8::MAX),
        /// Calendar week in the symbol, or 0.
        maturity_week: u8 => None (null u8::MAX),
        /// Whether a user defined it: Y or N.
        user_defined_instrument: u8 => Ascii (empty b'N'),
        /// Unit of contract_multiplier: 1 hours, 2 days.
        contract_multiplier_unit: i8 => Enum (null i8::MAX),
        /// Delivery schedule of electricity, the venue's number.
        flow_schedule_type: i8 => Enum (null i8::MAX),
        /// Tick rule of the spread, the venue's number.
        tick_rule: u8 => Enum (null u8::MAX),
        /// Class of the leg, letters as in instrument_class.
        leg_instrument_class: u8 => Ascii,
        /// Side of the leg when the spread is bought: A ask, B bid, N none.
        leg_side: u8 => Ascii (empty side::NONE),
        /// Reserved, zero.
        _reserved: [u8; 17] => None,
    }
}

builtin! {
    /// A symbol in one symbology mapped to a symbol in another, for an interval.
    ///
    /// Shape: 176 bytes, identical to DBN version 3 `SymbolMappingMsg`.
    pub struct SymbolMapping(rtype::SYMBOL_MAPPING = "symbol_mapping") {
        /// Symbology of the input symbol, in DBN's numbering.
        stype_in: u8 => Enum (null u8::MAX),
        /// Input symbol.
        stype_in_symbol: [u8; 71] => Text,
        /// Symbology of the output symbol, in DBN's numbering.
        stype_out: u8 => Enum (null u8::MAX),
        /// Output symbol.
        stype_out_symbol: [u8; 71] => Text,
        /// Start of the interval, inclusive, ns since the Unix epoch, UTC.
        start_ts: u64 => NanosEpoch (null UNDEF_TIME),
        /// End of the interval, exclusive, ns since the Unix epoch, UTC.
        end_ts: u64 => NanosEpoch (null UNDEF_TIME),
    }
}

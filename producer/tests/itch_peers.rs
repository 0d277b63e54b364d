//! Every ITCH message type by two other parsers, itchy and itch5: the same numbers in every field.
//!
//! A message is told as its type, locate, tracking number and time, then its numbers in the order
//! of the specification; symbols are numbers of eight bytes, a side is its letter. Codes that the
//! others make enums of are left to the tests of the views.

use std::fs;
use std::ops::ControlFlow;

use itch5::{MessageHandler, messages as theirs};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use tickring_producer::wire::binary_file::BinaryFile;
use tickring_producer::wire::itch50::{Message, TYPES, parse};

use crate::bus::recorded;

fn word(symbol: &[u8]) -> u64 {
    u64::from_be_bytes(symbol.try_into().unwrap())
}

/// What our views say of a message.
#[expect(clippy::too_many_lines, reason = "a table of all types")]
fn ours(bytes: &[u8]) -> Vec<u64> {
    let message = parse(bytes).unwrap();
    let header = message.header();
    let numbers: &[u64] = match &message {
        Message::SystemEvent(_) | Message::MwcbStatus(_) => &[],
        Message::StockDirectory(m) => {
            &[word(&m.stock), m.round_lot_size.into(), m.etp_leverage.into()]
        }
        Message::TradingAction(m) => &[word(&m.stock)],
        Message::RegShoRestriction(m) => &[word(&m.stock)],
        Message::MarketParticipantPosition(m) => &[word(&m.stock)],
        Message::MwcbDeclineLevel(m) => &[m.level_1, m.level_2, m.level_3].map(u64::from),
        Message::IpoQuotingPeriod(m) => {
            &[word(&m.stock), m.quotation_release_time.into(), m.ipo_price.into()]
        }
        Message::AuctionCollar(m) => &[
            word(&m.stock),
            m.reference_price.into(),
            m.upper_price.into(),
            m.lower_price.into(),
            m.extension.into(),
        ],
        Message::OperationalHalt(m) => &[word(&m.stock)],
        Message::AddOrder(m) => &[
            m.order_reference.get(),
            m.side.into(),
            m.shares.into(),
            word(&m.stock),
            m.price.into(),
        ],
        Message::AddOrderAttributed(m) => &[
            m.order_reference.get(),
            m.side.into(),
            m.shares.into(),
            word(&m.stock),
            m.price.into(),
            u32::from_be_bytes(m.attribution).into(),
        ],
        Message::OrderExecuted(m) => {
            &[m.order_reference.get(), m.executed_shares.into(), m.match_number.get()]
        }
        Message::OrderExecutedWithPrice(m) => &[
            m.order_reference.get(),
            m.executed_shares.into(),
            m.match_number.get(),
            m.execution_price.into(),
        ],
        Message::OrderCancel(m) => &[m.order_reference.get(), m.cancelled_shares.into()],
        Message::OrderDelete(m) => &[m.order_reference.get()],
        Message::OrderReplace(m) => &[
            m.original_order_reference.get(),
            m.new_order_reference.get(),
            m.shares.into(),
            m.price.into(),
        ],
        Message::Trade(m) => &[
            m.order_reference.get(),
            m.side.into(),
            m.shares.into(),
            word(&m.stock),
            m.price.into(),
            m.match_number.get(),
        ],
        Message::CrossTrade(m) => {
            &[m.shares.get(), word(&m.stock), m.cross_price.into(), m.match_number.get()]
        }
        Message::BrokenTrade(m) => &[m.match_number.get()],
        Message::NetOrderImbalance(m) => &[
            m.paired_shares.get(),
            m.imbalance_shares.get(),
            word(&m.stock),
            m.far_price.into(),
            m.near_price.into(),
            m.reference_price.into(),
        ],
        Message::RetailInterest(m) => &[word(&m.stock)],
        Message::DirectListing(m) => &[
            word(&m.stock),
            m.minimum_price.into(),
            m.maximum_price.into(),
            m.near_execution_price.into(),
            m.near_execution_time.get(),
            m.lower_collar.into(),
            m.upper_collar.into(),
        ],
    };
    let head = [
        header.message_type.into(),
        header.stock_locate.get().into(),
        header.tracking_number.get().into(),
        header.timestamp_ns(),
    ];
    [&head, numbers].concat()
}

/// What itchy says of the messages of a file; it does not know types `h` and `O`.
#[expect(clippy::too_many_lines, reason = "a table of all types")]
fn of_itchy(file: &[u8]) -> Vec<Vec<u64>> {
    use itchy::{Body, Side};
    let side = |side| match side {
        Side::Buy => u64::from(b'B'),
        Side::Sell => b'S'.into(),
    };
    let told = |message: itchy::Message| {
        let numbers: &[u64] = match &message.body {
            Body::SystemEvent { .. } | Body::Breach(_) => &[],
            Body::StockDirectory(m) => {
                &[word(m.stock.as_bytes()), m.round_lot_size.into(), m.etp_leverage_factor.into()]
            }
            Body::TradingAction { stock, .. } | Body::RegShoRestriction { stock, .. } => {
                &[word(stock.as_bytes())]
            }
            Body::ParticipantPosition(m) => &[word(m.stock.as_bytes())],
            Body::MwcbDeclineLevel { level1, level2, level3 } => {
                &[*level1, *level2, *level3].map(|level| level.raw())
            }
            Body::IpoQuotingPeriod(m) => {
                &[word(m.stock.as_bytes()), m.release_time.into(), m.price.raw().into()]
            }
            Body::LULDAuctionCollar { stock, ref_price, upper_price, lower_price, extension } => &[
                word(stock.as_bytes()),
                ref_price.raw().into(),
                upper_price.raw().into(),
                lower_price.raw().into(),
                (*extension).into(),
            ],
            Body::AddOrder(m) => {
                let mpid = m
                    .mpid
                    .map(|mpid| u64::from(u32::from_be_bytes(mpid.as_bytes().try_into().unwrap())));
                let stock = word(m.stock.as_bytes());
                let price = m.price.raw().into();
                let all = [m.reference, side(m.side), m.shares.into(), stock, price];
                &all.into_iter().chain(mpid).collect::<Vec<u64>>()
            }
            Body::OrderExecuted { reference, executed, match_number } => {
                &[*reference, (*executed).into(), *match_number]
            }
            Body::OrderExecutedWithPrice { reference, executed, match_number, price, .. } => {
                &[*reference, (*executed).into(), *match_number, price.raw().into()]
            }
            Body::OrderCancelled { reference, cancelled } => &[*reference, (*cancelled).into()],
            Body::DeleteOrder { reference } => &[*reference],
            Body::ReplaceOrder(m) => {
                &[m.old_reference, m.new_reference, m.shares.into(), m.price.raw().into()]
            }
            Body::NonCrossTrade(m) => &[
                m.reference,
                side(m.side),
                m.shares.into(),
                word(m.stock.as_bytes()),
                m.price.raw().into(),
                m.match_number,
            ],
            Body::CrossTrade(m) => {
                let price = m.cross_price.raw().into();
                &[m.shares, word(m.stock.as_bytes()), price, m.match_number]
            }
            Body::BrokenTrade { match_number } => &[*match_number],
            Body::Imbalance(m) => &[
                m.paired_shares,
                m.imbalance_shares,
                word(m.stock.as_bytes()),
                m.far_price.raw().into(),
                m.near_price.raw().into(),
                m.current_ref_price.raw().into(),
            ],
            Body::RetailPriceImprovementIndicator(m) => &[word(m.stock.as_bytes())],
        };
        let itchy::Message { tag, stock_locate, tracking_number, timestamp, .. } = message;
        let head = [tag.into(), stock_locate.into(), tracking_number.into(), timestamp];
        [&head, numbers].concat()
    };
    itchy::MessageStream::from_reader(file).map(|message| told(message.unwrap())).collect()
}

/// What itch5 says of the messages of a file.
#[derive(Default)]
struct Itch5(Vec<Vec<u64>>);

/// One method of the handler: the numbers of a message behind its header.
macro_rules! told {
    ($($method:ident($type:ident, $m:ident) [$($number:expr),*])+) => {
        impl MessageHandler for Itch5 {$(
            fn $method(&mut self, $m: &theirs::$type) -> ControlFlow<()> {
                self.0.push(vec![
                    theirs::$type::TAG.into(),
                    $m.stock_locate().into(),
                    $m.tracking_number().into(),
                    $m.timestamp().to_u64(),
                    $(u64::from($number)),*
                ]);
                ControlFlow::Continue(())
            }
        )+}
    };
}

fn letter(side: theirs::BuySellIndicator) -> u8 {
    match side {
        theirs::BuySellIndicator::Buy => b'B',
        theirs::BuySellIndicator::Sell => b'S',
        theirs::BuySellIndicator::Unknown(other) => other,
    }
}

told! {
    on_system_event(SystemEvent, m) []
    on_mwcb_status(MWCBStatus, m) []
    on_stock_directory(StockDirectory, m)
        [m.stock().to_u64(), m.round_lot_size(), m.etp_leverage_factor()]
    on_stock_trading_action(StockTradingAction, m) [m.stock().to_u64()]
    on_market_participant_position(MarketParticipantPosition, m) [m.stock().to_u64()]
    on_mwcb_decline_level(MWCBDeclineLevel, m)
        [m.level_1().into_u64(), m.level_2().into_u64(), m.level_3().into_u64()]
    on_quoting_period_update(QuotingPeriodUpdate, m)
        [m.stock().to_u64(), m.ipo_quotation_release_time(), m.ipo_price().into_u32()]
    on_luld_auction_collar(LULDAuctionCollar, m) [
        m.stock().to_u64(),
        m.auction_collar_reference_price().into_u32(),
        m.upper_auction_collar_price().into_u32(),
        m.lower_auction_collar_price().into_u32(),
        m.auction_collar_extension().into_u32()
    ]
    on_operational_halt(OperationalHalt, m) [m.stock().to_u64()]
    on_add_order_no_mpid_attribution(AddOrderNoMPIDAttribution, m) [
        m.order_reference_number(),
        letter(m.buy_sell_indicator()),
        m.shares(),
        m.stock().to_u64(),
        m.price().into_u32()
    ]
    on_add_order_with_mpid_attribution(AddOrderWithMPIDAttribution, m) [
        m.order_reference_number(),
        letter(m.buy_sell_indicator()),
        m.shares(),
        m.stock().to_u64(),
        m.price().into_u32(),
        u32::from_be_bytes(m.attribution().try_into().unwrap())
    ]
    on_order_executed(OrderExecuted, m)
        [m.order_reference_number(), m.executed_shares(), m.match_number()]
    on_order_executed_with_price(OrderExecutedWithPrice, m) [
        m.order_reference_number(),
        m.executed_shares(),
        m.match_number(),
        m.execution_price().into_u32()
    ]
    on_order_cancel(OrderCancel, m) [m.order_reference_number(), m.cancelled_shares()]
    on_order_delete(OrderDelete, m) [m.order_reference_number()]
    on_order_replace(OrderReplace, m) [
        m.original_order_reference_number(),
        m.new_order_reference_number(),
        m.shares(),
        m.price().into_u32()
    ]
    on_trade(Trade, m) [
        m.order_reference_number(),
        letter(m.buy_sell_indicator()),
        m.shares(),
        m.stock().to_u64(),
        m.price().into_u32(),
        m.match_number()
    ]
    on_cross_trade(CrossTrade, m)
        [m.shares(), m.stock().to_u64(), m.cross_price().into_u32(), m.match_number()]
    on_broken_trade(BrokenTrade, m) [m.match_number()]
    on_net_order_imbalance_indicator(NetOrderImbalanceIndicator, m) [
        m.paired_shares(),
        m.imbalance_shares(),
        m.stock().to_u64(),
        m.far_price().into_u32(),
        m.near_price().into_u32(),
        m.current_reference_price().into_u32()
    ]
    on_retail_price_improvement_indicator(RetailPriceImprovementIndicator, m) [m.stock().to_u64()]
    on_direct_listing_with_capital_raise_price_discovery(
        DirectListingwithCapitalRaisePriceDiscovery, m
    ) [
        m.stock().to_u64(),
        m.minimum_allowable_price().into_u32(),
        m.maximum_allowable_price().into_u32(),
        m.near_execution_price().into_u32(),
        m.near_execution_time(),
        m.lower_price_range_collar().into_u32(),
        m.upper_price_range_collar().into_u32()
    ]
}

fn of_itch5(file: &[u8]) -> Vec<Vec<u64>> {
    let mut told = Itch5::default();
    itch5::Parser::new(file).parse_stream(&mut told).unwrap();
    told.0
}

/// Compares a file of messages by all three.
fn compare(file: &[u8]) -> usize {
    let frames = BinaryFile::new(file).unwrap().map(|frame| frame.unwrap().bytes);
    // itch5 0.1.5 has no public locate of type Y: it is compared with itchy alone.
    let told: Vec<_> = frames.clone().map(ours).collect();
    let pick = |without: &[u8]| {
        let has = |bytes: &[u8]| bytes.first().is_some_and(|code| !without.contains(code));
        let (mut file, mut known) = (Vec::new(), Vec::new());
        for (bytes, told) in frames.clone().zip(&told).filter(|(bytes, _)| has(bytes)) {
            file.extend(u16::try_from(bytes.len()).unwrap().to_be_bytes());
            file.extend(bytes);
            known.push(told.clone());
        }
        (file, known)
    };
    let (file, known) = pick(b"hO");
    assert!(of_itchy(&file) == known, "itchy says something else");
    let (file, known) = pick(b"Y");
    assert!(of_itch5(&file) == known, "itch5 says something else");
    told.len()
}

#[test]
fn the_artificial_day_is_the_same_to_all_parsers() {
    let Some(path) = recorded("itch/ritch_ex20101224.fixedlen.itch") else {
        return;
    };
    assert_eq!(compare(&fs::read(&path).unwrap()), 12_012);
}

/// Bytes of a message behind its header that every parser takes: `?` is any byte, `#` a letter of a
/// symbol, anything else itself; of a `|` in front of letters one is taken by turns.
fn body_of(code: u8) -> &'static str {
    match code {
        b'S' => "|OSQMEC ",
        b'R' => "########|QGSNAPZV |NDEQSGHJKC ????|YN CZ |PT |YN |YN |12 |YN ????|YN ",
        b'H' => "########|HPQT ?####",
        b'Y' => "########|012 ",
        b'L' => "############|YN |NPSRL |AEWSD ",
        b'V' => "????????????????????????",
        b'W' => "|123 ",
        b'K' => "########????|AC ????",
        b'J' => "########????????????????",
        b'h' => "########|QBX |HT ",
        b'A' => "????????|BS ????########????",
        b'F' => "????????|BS ????########????####",
        b'E' => "????????????????????",
        b'C' => "????????????????????|YN ????",
        b'X' => "????????????",
        b'D' => "????????",
        b'U' => "????????????????????????",
        b'P' => "????????|BS ????########????????????",
        b'Q' => "????????########????????????|OCHIA ",
        b'B' => "????????",
        b'I' => "????????????????|BSNO ########????????????|OCHA |L123456789ABC ",
        b'N' => "########|BSAN ",
        _ => "########|NY ????????????????????????????",
    }
}

/// A message of a type; `noise` is what is free in it.
fn message(code: u8, noise: &[u8]) -> Vec<u8> {
    let mut noise = noise.iter().copied().cycle();
    let mut free = || noise.next().unwrap();
    let mut bytes = vec![code];
    bytes.extend((0..10).map(|_| free()));
    let mut parts = body_of(code).chars();
    while let Some(part) = parts.next() {
        match part {
            '?' => bytes.push(free()),
            '#' => bytes.push(b'A' + free() % 26),
            '|' => {
                let letters: Vec<char> =
                    parts.by_ref().take_while(|letter| *letter != ' ').collect();
                let letter = letters.get(usize::from(free()) % letters.len()).unwrap();
                bytes.push(u8::try_from(*letter).unwrap());
            }
            other => bytes.push(u8::try_from(other).unwrap()),
        }
    }
    bytes
}

#[test]
fn generated_messages_of_every_type_are_the_same_to_all_parsers() {
    let noise = prop::collection::vec(any::<u8>(), 61..=61);
    let mut runner = TestRunner::default();
    runner
        .run(&noise, |noise| {
            let mut file = Vec::new();
            for (code, len) in TYPES {
                let message = message(*code, &noise);
                assert_eq!(message.len(), *len, "type {}", char::from(*code));
                file.extend(u16::try_from(message.len()).unwrap().to_be_bytes());
                file.extend(message);
            }
            prop_assert_eq!(compare(&file), 23);
            Ok(())
        })
        .unwrap();
}

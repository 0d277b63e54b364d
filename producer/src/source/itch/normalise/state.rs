//! Messages about instruments and the state of trading, and about auctions.

use tickring::WrongKind;
use tickring::record::{Imbalance, InstrumentDef, Record, Stat, Status, UNDEF_PRICE};
use tickring::record::{side, status_action};

use dbn::{Publisher, StatType, StatUpdateAction, StatusReason};

use super::count::Counts;
use super::{Stamp, XNAS, price_e9};
use crate::source::Sink;
use crate::wire::itch50::{
    AuctionCollar, DirectListing, IpoQuotingPeriod, Message, MwcbDeclineLevel, MwcbStatus,
    NetOrderImbalance, OperationalHalt, Price4, RegShoRestriction, StockDirectory, SystemEvent,
    TradingAction,
};

const YES: u8 = b'Y';
const NO: u8 = b'N';
const NOT_KNOWN: u8 = b'~';

/// Gives the records of a message that is about no order.
pub(super) fn message<S: Sink>(
    midnight_ns: u64,
    stamp: Stamp,
    message: &Message<'_>,
    counts: &mut Counts,
    sink: &mut S,
) -> Result<(), WrongKind> {
    match message {
        Message::StockDirectory(m) => sink.definition(&definition(stamp, m)),
        Message::SystemEvent(m) => sink.tick(&system_event(stamp, m)),
        Message::TradingAction(m) => sink.tick(&trading_action(stamp, m)),
        Message::RegShoRestriction(m) => sink.tick(&reg_sho(stamp, m)),
        Message::IpoQuotingPeriod(m) => sink.tick(&ipo_quoting(stamp, m)),
        Message::MwcbStatus(m) => sink.tick(&circuit_breaker(stamp, m)),
        Message::OperationalHalt(m) => sink.tick(&operational_halt(stamp, m)),
        Message::MwcbDeclineLevel(m) => {
            sink.tick(&status(stamp, status_action::NONE))?;
            decline_levels(stamp, m).iter().try_for_each(|stat| sink.statistic(stat))
        }
        Message::AuctionCollar(m) => {
            sink.tick(&status(stamp, status_action::NEW_PRICE_INDICATION))?;
            collar(stamp, m).iter().try_for_each(|stat| sink.statistic(stat))
        }
        Message::NetOrderImbalance(m) => sink.statistic(&imbalance(stamp, m, counts)),
        Message::DirectListing(m) => sink.statistic(&direct_listing(midnight_ns, stamp, m)),
        _ => Ok(()),
    }
}

fn definition(stamp: Stamp, message: &StockDirectory) -> InstrumentDef {
    let mut record = InstrumentDef {
        min_lot_size_round_lot: i32::try_from(message.round_lot_size.get()).unwrap_or(i32::MAX),
        raw_instrument_id: stamp.instrument_id.into(),
        instrument_class: dbn::InstrumentClass::Stock as u8,
        security_update_action: b'A',
        ..InstrumentDef::empty(XNAS, stamp.instrument_id, stamp.ts_event)
    };
    set_text(&mut record.raw_symbol, &message.stock);
    set_text(&mut record.secsubtype, &message.issue_sub_type);
    set_text(&mut record.exchange, b"XNAS");
    record
}

fn status(stamp: Stamp, action: u16) -> Status {
    Status {
        action,
        is_trading: NOT_KNOWN,
        is_quoting: NOT_KNOWN,
        is_short_sell_restricted: NOT_KNOWN,
        ..Status::empty(XNAS, stamp.instrument_id, stamp.ts_event)
    }
}

fn system_event(stamp: Stamp, message: &SystemEvent) -> Status {
    let action = match message.event_code {
        b'S' => status_action::PRE_OPEN,
        b'Q' => status_action::TRADING,
        b'M' => status_action::CLOSE,
        b'E' => status_action::POST_CLOSE,
        // Start and end of messages say nothing about trading.
        _ => status_action::NONE,
    };
    status(stamp, action)
}

fn trading_action(stamp: Stamp, message: &TradingAction) -> Status {
    let (action, is_trading, is_quoting) = match message.trading_state {
        b'H' => (status_action::HALT, NO, NO),
        b'P' => (status_action::PAUSE, NO, NO),
        b'Q' => (status_action::QUOTING, NO, YES),
        b'T' => (status_action::TRADING, YES, YES),
        _ => (status_action::NONE, NOT_KNOWN, NOT_KNOWN),
    };
    let reason = halt_reason(message.reason) as u16;
    Status { reason, is_trading, is_quoting, ..status(stamp, action) }
}

/// Returns DBN's number of the reason codes that it has one for.
///
/// Source: specification, appendix A (trading action reason codes).
fn halt_reason(code: [u8; 4]) -> StatusReason {
    match &code {
        b"T1  " => StatusReason::NewsPending,
        b"T2  " => StatusReason::NewsReleased,
        b"T3  " => StatusReason::NewsAndResumptionTimes,
        b"T5  " | b"LUDP" | b"LUDS" | b"M   " => StatusReason::LuldPause,
        b"T6  " => StatusReason::Regulatory,
        b"T8  " => StatusReason::Etf,
        b"T12 " => StatusReason::AdditionalInformationRequested,
        b"H4  " => StatusReason::NonCompliance,
        b"H9  " => StatusReason::FilingsNotCurrent,
        b"H10 " => StatusReason::SecTradingSuspension,
        b"O1  " => StatusReason::Operational,
        b"MWC1" => StatusReason::MarketWideHaltLevel1,
        b"MWC2" => StatusReason::MarketWideHaltLevel2,
        b"MWC3" => StatusReason::MarketWideHaltLevel3,
        b"MWC0" => StatusReason::MarketWideHaltCarryover,
        b"MWCQ" => StatusReason::MarketWideHaltResumption,
        b"IPO1" => StatusReason::NewIssue,
        _ => StatusReason::None,
    }
}

fn reg_sho(stamp: Stamp, message: &RegShoRestriction) -> Status {
    let is_short_sell_restricted = match message.reg_sho_action {
        b'0' => NO,
        b'1' | b'2' => YES,
        _ => NOT_KNOWN,
    };
    Status { is_short_sell_restricted, ..status(stamp, status_action::SSR_CHANGE) }
}

fn ipo_quoting(stamp: Stamp, message: &IpoQuotingPeriod) -> Status {
    let action = match message.quotation_release_qualifier {
        b'A' => status_action::PRE_CROSS,
        _ => status_action::NONE,
    };
    Status { reason: StatusReason::NewIssue as u16, ..status(stamp, action) }
}

fn circuit_breaker(stamp: Stamp, message: &MwcbStatus) -> Status {
    let reason = match message.breached_level {
        b'1' => StatusReason::MarketWideHaltLevel1,
        b'2' => StatusReason::MarketWideHaltLevel2,
        b'3' => StatusReason::MarketWideHaltLevel3,
        _ => StatusReason::None,
    };
    Status { reason: reason as u16, ..status(stamp, status_action::HALT) }
}

fn operational_halt(stamp: Stamp, message: &OperationalHalt) -> Status {
    let (action, is_trading) = match message.halt_action {
        b'H' => (status_action::HALT, NO),
        b'T' => (status_action::TRADING, YES),
        _ => (status_action::NONE, NOT_KNOWN),
    };
    let reason = StatusReason::Operational as u16;
    let mut record = Status { reason, is_trading, ..status(stamp, action) };
    record.header.publisher_id = match message.market_code {
        b'B' => Publisher::XbosItchXbos as u16,
        b'X' => Publisher::XpsxItchXpsx as u16,
        _ => XNAS,
    };
    record
}

fn stat(stamp: Stamp, stat_type: StatType, price: i64) -> Stat {
    Stat {
        price,
        sequence: stamp.sequence,
        stat_type: stat_type as u16,
        update_action: StatUpdateAction::New as u8,
        ..Stat::empty(XNAS, stamp.instrument_id, stamp.ts_event)
    }
}

fn decline_levels(stamp: Stamp, message: &MwcbDeclineLevel) -> [Stat; 3] {
    [
        (StatType::MwcbLevel1, message.level_1),
        (StatType::MwcbLevel2, message.level_2),
        (StatType::MwcbLevel3, message.level_3),
    ]
    // Points x 10^8; one that does not fit 1e-9 is undefined.
    .map(|(kind, level)| {
        let price = i64::try_from(level.get()).ok().and_then(|level| level.checked_mul(10));
        stat(stamp, kind, price.unwrap_or(UNDEF_PRICE))
    })
}

fn collar(stamp: Stamp, message: &AuctionCollar) -> [Stat; 3] {
    [
        (StatType::AuctionCollarReferencePrice, message.reference_price),
        (StatType::AuctionCollarUpperPrice, message.upper_price),
        (StatType::AuctionCollarLowerPrice, message.lower_price),
    ]
    .map(|(kind, price)| stat(stamp, kind, price_e9(price.get())))
}

fn imbalance(stamp: Stamp, message: &NetOrderImbalance, counts: &mut Counts) -> Imbalance {
    Imbalance {
        ref_price: price_or_none(message.reference_price),
        cont_book_clr_price: price_or_none(message.near_price),
        auct_interest_clr_price: price_or_none(message.far_price),
        paired_qty: counts.narrow(message.paired_shares.get()),
        total_imbalance_qty: counts.narrow(message.imbalance_shares.get()),
        auction_type: message.cross_type,
        side: match message.imbalance_direction {
            b'B' => side::BID,
            b'S' => side::ASK,
            _ => side::NONE,
        },
        unpaired_side: side::NONE,
        significant_imbalance: message.price_variation,
        ..Imbalance::empty(XNAS, stamp.instrument_id, stamp.ts_event)
    }
}

/// Returns the price discovery of a direct listing. `auction_status` is 1 if the stock may be
/// released for trading; the allowed price range has no field and is not published.
fn direct_listing(midnight_ns: u64, stamp: Stamp, message: &DirectListing) -> Imbalance {
    Imbalance {
        ind_match_price: price_or_none(message.near_execution_price),
        auction_time: midnight_ns.saturating_add(message.near_execution_time.get()),
        lower_collar: price_or_none(message.lower_collar),
        upper_collar: price_or_none(message.upper_collar),
        auction_type: NOT_KNOWN,
        side: side::NONE,
        unpaired_side: side::NONE,
        significant_imbalance: NOT_KNOWN,
        auction_status: u8::from(message.open_eligibility == YES),
        ..Imbalance::empty(XNAS, stamp.instrument_id, stamp.ts_event)
    }
}

/// Converts a price of an auction message, where 0 means that there is none.
fn price_or_none(price: Price4) -> i64 {
    match price.get() {
        0 => UNDEF_PRICE,
        price => price_e9(price),
    }
}

/// Copies ASCII text, padding removed, into a field that is zero behind it.
fn set_text<const N: usize>(field: &mut [u8; N], text: &[u8]) {
    let text = text.trim_ascii_end();
    // The last byte stays zero: DBN's text fields are C strings.
    for (to, from) in field.iter_mut().take(N - 1).zip(text) {
        *to = *from;
    }
}

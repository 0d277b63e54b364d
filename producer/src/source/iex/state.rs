//! Messages about securities and the state of trading, and about auctions.

use dbn::{StatType, StatUpdateAction, StatusReason};
use tickring::WrongKind;
use tickring::record::{Imbalance, InstrumentDef, Record, Stat, Status, UNDEF_TIME};
use tickring::record::{side, status_action};

use super::count::{Anomaly, Counts};
use super::{PUBLISHER, Stamp, low_word};
use crate::source::Sink;
use crate::wire::iex::{
    AuctionInformation, Message, OfficialPrice, OperationalHalt, SecurityDirectory, SecurityEvent,
    ShortSalePriceTest, SystemEvent, TradingStatus,
};

const YES: u8 = b'Y';
const NO: u8 = b'N';
const NOT_KNOWN: u8 = b'~';

/// What is remembered of a security.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct State {
    /// Whether levels of an event of the venue are still to come.
    pub(super) is_in_event: bool,
    /// Whether IEX halted it for reasons of its own.
    is_halted_by_iex: bool,
    /// What the last trading status said.
    trading: Option<Trading>,
}

/// The fields of a status that tell of trading.
#[derive(Clone, Copy, Debug)]
struct Trading {
    action: u16,
    reason: u16,
    is_trading: u8,
    is_quoting: u8,
}

impl Trading {
    const UNCHANGED: Self = Self {
        action: status_action::NONE,
        reason: StatusReason::None as u16,
        is_trading: NOT_KNOWN,
        is_quoting: NOT_KNOWN,
    };

    const fn action(action: u16) -> Self {
        Self { action, ..Self::UNCHANGED }
    }
}

/// Gives the records of a message that is about neither quotes nor trades.
pub(super) fn message<S: Sink>(
    stamp: Stamp,
    message: &Message<'_>,
    state: Option<&mut State>,
    counts: &mut Counts,
    sink: &mut S,
) -> Result<(), WrongKind> {
    match message {
        Message::SecurityDirectory(m) => sink.definition(&definition(stamp, m)),
        Message::SystemEvent(m) => sink.tick(&system_event(stamp, m, counts)),
        Message::TradingStatus(m) => sink.tick(&trading_status(stamp, m, state, counts)),
        Message::OperationalHalt(m) => sink.tick(&operational_halt(stamp, m, state, counts)),
        Message::ShortSalePriceTest(m) => sink.tick(&price_test(stamp, m, counts)),
        Message::SecurityEvent(m) => sink.tick(&security_event(stamp, m, counts)),
        Message::OfficialPrice(m) => match official_price(stamp, m, counts) {
            Some(stat) => sink.statistic(&stat),
            None => Ok(()),
        },
        Message::AuctionInformation(m) => sink.statistic(&auction(stamp, m, counts)),
        _ => Ok(()),
    }
}

fn definition(stamp: Stamp, message: &SecurityDirectory) -> InstrumentDef {
    let mut record = InstrumentDef {
        ts_recv: stamp.receipt.ts_recv,
        min_lot_size_round_lot: i32::try_from(message.round_lot_size.get()).unwrap_or(i32::MAX),
        raw_instrument_id: stamp.instrument_id.into(),
        inst_attrib_value: message.header.code.into(),
        instrument_class: dbn::InstrumentClass::Stock as u8,
        security_update_action: b'A',
        ..InstrumentDef::empty(PUBLISHER, stamp.instrument_id, stamp.ts_event)
    };
    set_text(&mut record.raw_symbol, &message.symbol);
    set_text(&mut record.currency, b"USD");
    set_text(&mut record.exchange, b"IEXG");
    record
}

fn status(stamp: Stamp, trading: Trading) -> Status {
    let Trading { action, reason, is_trading, is_quoting } = trading;
    Status {
        ts_recv: stamp.receipt.ts_recv,
        action,
        reason,
        is_trading,
        is_quoting,
        is_short_sell_restricted: NOT_KNOWN,
        ..Status::empty(PUBLISHER, stamp.instrument_id, stamp.ts_event)
    }
}

fn system_event(stamp: Stamp, message: &SystemEvent, counts: &mut Counts) -> Status {
    let action = match message.header.code {
        b'S' => status_action::PRE_OPEN,
        b'R' => status_action::TRADING,
        b'M' => status_action::CLOSE,
        b'E' => status_action::POST_CLOSE,
        // Start and end of messages say nothing about trading.
        b'O' | b'C' => status_action::NONE,
        _ => unknown(counts),
    };
    status(stamp, Trading::action(action))
}

fn trading_status(
    stamp: Stamp,
    message: &TradingStatus,
    state: Option<&mut State>,
    counts: &mut Counts,
) -> Status {
    let (action, is_trading, is_quoting) = match message.header.code {
        b'H' => (status_action::HALT, NO, NO),
        // Orders are accepted for the auction, but no quotes are told.
        b'O' => (status_action::PRE_CROSS, NO, NOT_KNOWN),
        b'P' => (status_action::PAUSE, NO, NOT_KNOWN),
        b'T' => (status_action::TRADING, YES, YES),
        _ => (unknown(counts), NOT_KNOWN, NOT_KNOWN),
    };
    let reason = halt_reason(message.reason) as u16;
    let trading = Trading { action, reason, is_trading, is_quoting };
    if let Some(state) = state {
        state.trading = Some(trading);
    }
    status(stamp, trading)
}

/// Returns DBN's number of the reason codes that it has one for.
fn halt_reason(code: [u8; 4]) -> StatusReason {
    match &code {
        b"T1  " => StatusReason::NewsPending,
        b"T2  " => StatusReason::NewsReleased,
        b"IPO1" | b"IPO2" | b"IPO3" | b"IPOD" => StatusReason::NewIssue,
        b"MCB1" => StatusReason::MarketWideHaltLevel1,
        b"MCB2" => StatusReason::MarketWideHaltLevel2,
        b"MCB3" => StatusReason::MarketWideHaltLevel3,
        _ => StatusReason::None,
    }
}

fn operational_halt(
    stamp: Stamp,
    message: &OperationalHalt,
    state: Option<&mut State>,
    counts: &mut Counts,
) -> Status {
    let reason = StatusReason::Operational as u16;
    let is_halted = match message.header.code {
        b'O' => true,
        b'N' => false,
        _ => {
            let action = unknown(counts);
            return status(stamp, Trading { reason, ..Trading::action(action) });
        }
    };
    let before = state.and_then(|state| {
        let was_halted = std::mem::replace(&mut state.is_halted_by_iex, is_halted);
        state.trading.filter(|_| was_halted)
    });
    status(
        stamp,
        match (is_halted, before) {
            (true, _) => {
                Trading { action: status_action::HALT, reason, is_trading: NO, is_quoting: NO }
            }
            (false, Some(trading)) => Trading { reason, ..trading },
            (false, None) => Trading { reason, ..Trading::UNCHANGED },
        },
    )
}

fn price_test(stamp: Stamp, message: &ShortSalePriceTest, counts: &mut Counts) -> Status {
    let is_short_sell_restricted = match message.header.code {
        0 => NO,
        1 => YES,
        _ => {
            unknown(counts);
            NOT_KNOWN
        }
    };
    Status { is_short_sell_restricted, ..status(stamp, Trading::action(status_action::SSR_CHANGE)) }
}

fn security_event(stamp: Stamp, message: &SecurityEvent, counts: &mut Counts) -> Status {
    let action = match message.header.code {
        b'O' => status_action::TRADING,
        b'C' => status_action::CLOSE,
        _ => unknown(counts),
    };
    status(stamp, Trading::action(action))
}

/// Counts a code that is none of the specification; it changes nothing.
fn unknown(counts: &mut Counts) -> u16 {
    let _ = counts.anomaly(Anomaly::UnknownCode);
    status_action::NONE
}

/// Returns the statistic of an official price, unless it is of an unknown type.
fn official_price(stamp: Stamp, message: &OfficialPrice, counts: &mut Counts) -> Option<Stat> {
    let stat_type = match message.header.code {
        b'Q' => StatType::OpeningPrice,
        b'M' => StatType::ClosePrice,
        _ => {
            unknown(counts);
            return None;
        }
    };
    Some(Stat {
        ts_recv: stamp.receipt.ts_recv,
        price: counts.price_or_none(message.price),
        sequence: low_word(stamp.sequence),
        ts_in_delta: stamp.receipt.ts_in_delta,
        stat_type: stat_type as u16,
        channel_id: stamp.receipt.channel_id.into(),
        update_action: StatUpdateAction::New as u8,
        ..Stat::empty(PUBLISHER, stamp.instrument_id, stamp.ts_event)
    })
}

fn auction(stamp: Stamp, message: &AuctionInformation, counts: &mut Counts) -> Imbalance {
    Imbalance {
        ts_recv: stamp.receipt.ts_recv,
        ref_price: counts.price_or_none(message.reference_price),
        auction_time: match message.scheduled_time.get() {
            0 => UNDEF_TIME,
            seconds => u64::from(seconds) * 1_000_000_000,
        },
        cont_book_clr_price: counts.price_or_none(message.indicative_price),
        auct_interest_clr_price: counts.price_or_none(message.book_price),
        lower_collar: counts.price_or_none(message.lower_collar),
        upper_collar: counts.price_or_none(message.upper_collar),
        paired_qty: message.paired_shares.get(),
        total_imbalance_qty: message.imbalance_shares.get(),
        auction_type: message.header.code,
        side: match message.imbalance_side {
            b'B' => side::BID,
            b'S' => side::ASK,
            _ => side::NONE,
        },
        num_extensions: message.extension,
        ..Imbalance::empty(PUBLISHER, stamp.instrument_id, stamp.ts_event)
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

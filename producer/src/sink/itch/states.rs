//! Messages about instruments, the state of trading, and auctions.

use dbn::StatusReason;
use tickring::record::{Imbalance, InstrumentDef, Status, UNDEF_PRICE, side, status_action};

use super::{EncodeError, ItchWriter, Messages, Stock, price4};
use crate::error::Error;
use crate::wire::itch50::{NetOrderImbalance, Price4, StockDirectory, SystemEvent, TradingAction};

impl<M: Messages> ItchWriter<M> {
    /// Writes an event of the whole market.
    pub(super) fn system_event(
        &mut self,
        event_code: u8,
        ts_event: u64,
        ts_recv: u64,
    ) -> Result<(), Error> {
        let header = self.header(b'S', 0, ts_event)?;
        self.send(&SystemEvent { header, event_code }, ts_recv)
    }

    pub(super) fn definition_of(&mut self, record: &InstrumentDef) -> Result<(), Error> {
        let instrument_id = record.header.instrument_id;
        let locate = u16::try_from(instrument_id).ok().filter(|&locate| locate > 0);
        let locate = locate.ok_or(EncodeError::Instrument { found: instrument_id })?;
        let text = record.raw_symbol.split(|&byte| byte == 0).next().unwrap_or_default();
        let mut symbol = [b' '; 8];
        let Some(field) = symbol.get_mut(..text.len()) else {
            return Err(EncodeError::Symbol { instrument_id, found: text.len() }.into());
        };
        field.copy_from_slice(text);
        self.stocks.insert(instrument_id, Stock { locate, symbol, is_halted: false });
        let message = StockDirectory {
            header: self.header(b'R', locate, record.header.ts_event)?,
            stock: symbol,
            market_category: b'Q',
            financial_status: b'N',
            round_lot_size: u32::try_from(record.min_lot_size_round_lot).unwrap_or_default().into(),
            round_lots_only: b'N',
            issue_classification: b'C',
            issue_sub_type: *b"Z ",
            // Test: nobody is to take a simulation for the real thing.
            authenticity: b'T',
            short_sale_threshold: b' ',
            ipo_flag: b'N',
            luld_tier: b'1',
            etp_flag: b'N',
            etp_leverage: 0.into(),
            inverse: b'N',
        };
        self.send(&message, record.ts_recv)
    }

    pub(super) fn status(&mut self, record: &Status) -> Result<(), Error> {
        let (ts_event, instrument_id) = (record.header.ts_event, record.header.instrument_id);
        if instrument_id == 0 {
            let event_code = match record.action {
                status_action::PRE_OPEN => b'S',
                status_action::TRADING => b'Q',
                status_action::CLOSE => b'M',
                status_action::POST_CLOSE => b'E',
                _ => {
                    self.refused += 1;
                    return Ok(());
                }
            };
            self.is_open |= event_code == b'Q';
            return self.system_event(event_code, ts_event, record.ts_recv);
        }
        let Stock { locate, symbol, is_halted } = self.stock(instrument_id)?;
        let (trading_state, is_halted) = match record.action {
            status_action::HALT => (b'H', true),
            status_action::PAUSE => (b'P', true),
            status_action::QUOTING => (b'Q', is_halted),
            status_action::TRADING => (b'T', false),
            _ => {
                self.refused += 1;
                return Ok(());
            }
        };
        self.stocks.insert(instrument_id, Stock { locate, symbol, is_halted });
        let message = TradingAction {
            header: self.header(b'H', locate, ts_event)?,
            stock: symbol,
            trading_state,
            reserved: b' ',
            reason: reason_code(record.reason),
        };
        self.send(&message, record.ts_recv)
    }

    pub(super) fn imbalance(&mut self, record: &Imbalance) -> Result<(), Error> {
        let stock = self.stock(record.header.instrument_id)?;
        let message = NetOrderImbalance {
            header: self.header(b'I', stock.locate, record.header.ts_event)?,
            paired_shares: u64::from(record.paired_qty).into(),
            imbalance_shares: u64::from(record.total_imbalance_qty).into(),
            imbalance_direction: match record.side {
                side::BID => b'B',
                side::ASK => b'S',
                _ => b'N',
            },
            stock: stock.symbol,
            far_price: price_or_zero(record.auct_interest_clr_price)?,
            near_price: price_or_zero(record.cont_book_clr_price)?,
            reference_price: price_or_zero(record.ref_price)?,
            cross_type: record.auction_type,
            price_variation: record.significant_imbalance,
        };
        self.send(&message, record.ts_recv)
    }
}

/// Returns Nasdaq's code of the reasons that it has one for, else spaces.
///
/// Source: specification, appendix A (trading action reason codes).
fn reason_code(reason: u16) -> [u8; 4] {
    const CODES: [(StatusReason, [u8; 4]); 6] = [
        (StatusReason::NewsPending, *b"T1  "),
        (StatusReason::NewsReleased, *b"T2  "),
        (StatusReason::NewsAndResumptionTimes, *b"T3  "),
        (StatusReason::LuldPause, *b"LUDP"),
        (StatusReason::Regulatory, *b"T6  "),
        (StatusReason::Operational, *b"O1  "),
    ];
    let code = CODES.into_iter().find(|&(own, _)| own as u16 == reason);
    code.map_or(*b"    ", |(_, code)| code)
}

/// Converts a price of an auction, where 0 means that there is none.
fn price_or_zero(price: i64) -> Result<Price4, EncodeError> {
    if price == UNDEF_PRICE { Ok(Price4::ZERO) } else { price4(price) }
}

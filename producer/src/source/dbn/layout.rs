//! What the record types of DBN are: their structs, and their sizes in each version.

use dbn::{DBN_VERSION, v1, v2, v3};
use tickring::record::{
    Bar, Bbo, Cbbo, Cmbp1, GatewayError, GatewayNotice, Imbalance, InstrumentDef, Mbo, Mbp1, Mbp10,
    Record, Stat, Status, SymbolMapping, Trade, builtin_kinds, rtype,
};
use tickring::schema::Kind;
use zerocopy::IntoBytes;

use crate::error::Error;
use crate::source::Sink;

/// Bytes of a DBN trade: ours has the venue's trade id behind it.
pub(crate) const TRADE_LEN: usize = size_of::<v3::TradeMsg>();

/// Returns the bytes of a record in this version of DBN, `None` for types without a ring kind.
pub(crate) fn len(version: u8, rtype: u8) -> Option<usize> {
    Some(match (rtype, version) {
        (rtype::MBO, _) => size_of::<Mbo>(),
        (rtype::TRADE, _) => TRADE_LEN,
        (rtype::MBP_1, _) => size_of::<Mbp1>(),
        (rtype::MBP_10, _) => size_of::<Mbp10>(),
        (rtype::CMBP_1 | rtype::TCBBO, _) => size_of::<Cmbp1>(),
        (rtype::CBBO_1S | rtype::CBBO_1M, _) => size_of::<Cbbo>(),
        (rtype::BBO_1S | rtype::BBO_1M, _) => size_of::<Bbo>(),
        (rtype::BAR_1S..=rtype::BAR_EOD, _) => size_of::<Bar>(),
        (rtype::STATUS, _) => size_of::<Status>(),
        (rtype::IMBALANCE, _) => size_of::<Imbalance>(),
        (rtype::INSTRUMENT_DEF, 1) => size_of::<v1::InstrumentDefMsg>(),
        (rtype::INSTRUMENT_DEF, 2) => size_of::<v2::InstrumentDefMsg>(),
        (rtype::INSTRUMENT_DEF, _) => size_of::<InstrumentDef>(),
        (rtype::STAT, 1) => size_of::<v1::StatMsg>(),
        (rtype::STAT, 2) => size_of::<v2::StatMsg>(),
        (rtype::STAT, _) => size_of::<Stat>(),
        (rtype::SYMBOL_MAPPING, 1) => size_of::<v1::SymbolMappingMsg>(),
        (rtype::SYMBOL_MAPPING, _) => size_of::<SymbolMapping>(),
        (rtype::GATEWAY_ERROR, 1) => size_of::<v1::ErrorMsg>(),
        (rtype::GATEWAY_ERROR, _) => size_of::<GatewayError>(),
        (rtype::GATEWAY_NOTICE, 1) => size_of::<v1::SystemMsg>(),
        (rtype::GATEWAY_NOTICE, _) => size_of::<GatewayNotice>(),
        _ => return None,
    })
}

/// Returns whether the layout of records of this type has changed since version 1.
pub(super) fn has_changed(rtype: u8) -> bool {
    matches!(rtype, rtype::INSTRUMENT_DEF..=rtype::STAT) && rtype != rtype::IMBALANCE
}

/// Returns every kind that DBN has.
pub(super) fn kinds() -> Vec<Kind> {
    let mut kinds = builtin_kinds();
    kinds.retain(|kind| len(DBN_VERSION, kind.rtype).is_some());
    kinds
}

/// Gives the record in `bytes`, which is of version 3 and as long as its type says.
#[inline]
pub(super) fn give<S: Sink>(rtype: u8, bytes: &[u8], sink: &mut S) -> Result<(), Error> {
    match rtype {
        rtype::MBO => give_as::<Mbo, S>(bytes, sink),
        rtype::TRADE => give_trade(bytes, sink),
        rtype::MBP_1 => give_as::<Mbp1, S>(bytes, sink),
        rtype::MBP_10 => give_as::<Mbp10, S>(bytes, sink),
        rtype::CMBP_1 | rtype::TCBBO => give_as::<Cmbp1, S>(bytes, sink),
        rtype::CBBO_1S | rtype::CBBO_1M => give_as::<Cbbo, S>(bytes, sink),
        rtype::BBO_1S | rtype::BBO_1M => give_as::<Bbo, S>(bytes, sink),
        rtype::BAR_1S..=rtype::BAR_EOD => give_as::<Bar, S>(bytes, sink),
        rtype::STATUS => give_as::<Status, S>(bytes, sink),
        rtype::IMBALANCE => give_as::<Imbalance, S>(bytes, sink),
        rtype::INSTRUMENT_DEF => give_as::<InstrumentDef, S>(bytes, sink),
        rtype::STAT => give_as::<Stat, S>(bytes, sink),
        rtype::SYMBOL_MAPPING => give_as::<SymbolMapping, S>(bytes, sink),
        rtype::GATEWAY_ERROR => give_as::<GatewayError, S>(bytes, sink),
        rtype::GATEWAY_NOTICE => give_as::<GatewayNotice, S>(bytes, sink),
        _ => Ok(()),
    }
}

/// Gives the record where it lies if that is aligned (as in files of version 3), else a copy.
#[inline]
fn give_as<R: Record, S: Sink>(bytes: &[u8], sink: &mut S) -> Result<(), Error> {
    if let Ok(record) = R::ref_from_bytes(bytes) {
        sink.tick(record).map_err(tickring::Error::from)?;
    } else if let Ok(record) = R::read_from_bytes(bytes) {
        sink.tick(&record).map_err(tickring::Error::from)?;
    }
    Ok(())
}

/// Gives a trade: DBN's 48 bytes, then no trade id.
#[inline]
fn give_trade<S: Sink>(bytes: &[u8], sink: &mut S) -> Result<(), Error> {
    let mut trade = Trade::empty(0, 0, 0);
    let length = trade.header.length;
    for (to, from) in trade.as_mut_bytes().iter_mut().zip(bytes) {
        *to = *from;
    }
    trade.header.length = length;
    trade.trade_id = 0;
    sink.tick(&trade).map_err(tickring::Error::from)?;
    Ok(())
}

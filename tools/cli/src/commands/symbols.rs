//! `tickring symbols`: the instruments of a ring and what was last said of them.

use crate::failure::Failure;
use crate::names;
use crate::notation::{Price, Time};
use crate::note::note;
use crate::outcome::Outcome;
use crate::output::Output;
use crate::table::{Align, Table};
use serde_json::{Value, json};
use tickring::record::{Mbo, Quote, QuoteW, Trade, TradeW, UNDEF_PRICE, book_state};
use tickring::{Directory, Instrument, Latest, Reader, RecordRef};

/// Lists the instruments of a ring with their last quote and trade
///
/// They stand in the ring's directory, however long ago it was; a ring without one has none. Quote
/// and trade of a line may be of different moments. An instrument that was only quoted or traded
/// has no symbol.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The ring, BUS/RING, or a pattern that one ring matches
    name: String,
    /// Only this symbol, or the instrument of this number
    symbol: Option<String>,
    /// One JSON object a line: instrument_id, publisher_id, symbol, tick, bid, ask, last (prices
    /// as decimals, null if there is none), quote_seq, trade_seq, status_action, book (unsynced,
    /// syncing, synced or stale), ts_defined_ns
    #[arg(long)]
    json: bool,
}

/// One instrument of the list.
struct Row {
    instrument: Instrument,
    bid: Option<i64>,
    ask: Option<i64>,
    last: Option<i64>,
    quote_seq: Option<u64>,
    trade_seq: Option<u64>,
}

pub(super) fn run(
    arguments: &Arguments,
    directory: &Directory,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let name = names::find_one(directory, &arguments.name)?;
    let reader = Reader::open_with(directory, &name, &names::unlisted())?;
    let is_wanted = |instrument: &Instrument| match &arguments.symbol {
        Some(wanted) => {
            instrument.symbol() == *wanted || wanted.parse() == Ok(instrument.instrument_id)
        }
        None => true,
    };
    let mut rows: Vec<Row> = reader
        .instruments()
        .filter(is_wanted)
        .map(|instrument| Row::new(instrument, &reader.latest(instrument.instrument_id)))
        .collect();
    rows.sort_by_key(|row| row.instrument.instrument_id);
    if rows.is_empty() {
        match &arguments.symbol {
            Some(wanted) => note("symbols", format_args!("{name} does not list {wanted}")),
            None => note("symbols", format_args!("{name} lists no instruments")),
        }
        return Ok(Outcome::Negative);
    }
    if arguments.json {
        for row in &rows {
            writeln!(output, "{}", row.json())?;
        }
    } else {
        table(&rows).print(output, 0)?;
    }
    Ok(Outcome::Done)
}

impl Row {
    fn new(instrument: Instrument, latest: &Latest) -> Self {
        let quote = latest.quote.as_ref().map(|value| value.record());
        let trade = latest.trade.as_ref().map(|value| value.record());
        let (bid, ask) = quote.and_then(|record| quoted(&record)).unzip();
        Self {
            instrument,
            bid: bid.filter(is_price),
            ask: ask.filter(is_price),
            last: trade.and_then(|record| traded(&record)).filter(is_price),
            quote_seq: quote.map(|record| record.seq()),
            trade_seq: trade.map(|record| record.seq()),
        }
    }

    fn json(&self) -> Value {
        let Instrument { instrument_id, publisher_id, status_action, ts_defined, tick, .. } =
            self.instrument;
        let price = |price: Option<i64>| price.map(|price| Price(price.into()).to_string());
        json!({
            "instrument_id": instrument_id,
            "publisher_id": publisher_id,
            "symbol": self.instrument.symbol(),
            "tick": price(Some(tick).filter(is_price)),
            "bid": price(self.bid),
            "ask": price(self.ask),
            "last": price(self.last),
            "quote_seq": self.quote_seq,
            "trade_seq": self.trade_seq,
            "status_action": status_action,
            "book": book(&self.instrument),
            "ts_defined_ns": (ts_defined != u64::MAX).then_some(ts_defined),
        })
    }
}

fn table(rows: &[Row]) -> Table {
    use Align::{Left, Right};
    let mut table = Table::new(&[
        ("id", Right),
        ("symbol", Left),
        ("tick", Right),
        ("bid", Right),
        ("ask", Right),
        ("last", Right),
        ("quote seq", Right),
        ("trade seq", Right),
        ("book", Left),
        ("defined", Left),
    ]);
    let price = |price: Option<i64>| shown(price.map(|price| Price(price.into())));
    for row in rows {
        let instrument = &row.instrument;
        let defined = Some(instrument.ts_defined).filter(|time| *time != u64::MAX);
        table.row(vec![
            instrument.instrument_id.to_string(),
            instrument.symbol().into_owned(),
            price(Some(instrument.tick).filter(is_price)),
            price(row.bid),
            price(row.ask),
            price(row.last),
            shown(row.quote_seq),
            shown(row.trade_seq),
            shown(book(instrument)),
            shown(defined.map(|time| Time(time.into()))),
        ]);
    }
    table
}

/// What state an instrument's book is in, if the feed keeps one.
fn book(instrument: &Instrument) -> Option<&'static str> {
    match instrument.book_state {
        book_state::UNSYNCED => Some("unsynced"),
        book_state::SYNCING => Some("syncing"),
        book_state::SYNCED => Some("synced"),
        book_state::STALE => Some("stale"),
        _ => None,
    }
}

fn shown(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

fn is_price(price: &i64) -> bool {
    *price != UNDEF_PRICE
}

/// Bid and ask of a quote.
fn quoted(record: &RecordRef<'_>) -> Option<(i64, i64)> {
    let narrow = record.get::<Quote>().map(|quote| (quote.bid_px, quote.ask_px));
    narrow.or_else(|| record.get::<QuoteW>().map(|quote| (quote.bid_px, quote.ask_px)))
}

/// The price of a trade.
fn traded(record: &RecordRef<'_>) -> Option<i64> {
    let trade = record.get::<Trade>().map(|trade| trade.price);
    trade
        .or_else(|| record.get::<TradeW>().map(|trade| trade.price))
        .or_else(|| record.get::<Mbo>().map(|order| order.price))
}

//! A source of records that a test gives by hand.

use tickring::Instrument;
use tickring::record::{
    DeltaW, Gap, InstrumentDef, Mbo, Mbp1, Mbp10, Quote, QuoteW, Record, Stat, Status, Trade,
    TradeW,
};
use tickring_producer::Error;
use tickring_producer::source::{Kinds, Progress, Report, Sink, Source};

/// A record that is given to a feed.
#[derive(Clone, Debug)]
pub(crate) enum Given {
    Order(Mbo),
    Trade(Trade),
    Best(Mbp1),
    Levels(Box<Mbp10>),
    Quote(Quote),
    Status(Status),
    Gap(Gap),
    Definition(Box<InstrumentDef>),
    Stat(Stat),
    WideLevel(DeltaW),
    WideQuote(QuoteW),
    WideTrade(TradeW),
    Listed(Box<Instrument>),
}

/// A source of given records.
#[derive(Debug)]
pub(crate) struct Hand {
    records: Vec<Given>,
    next: usize,
}

impl Hand {
    pub(crate) fn new(records: Vec<Given>) -> Self {
        Self { records, next: 0 }
    }
}

impl Source for Hand {
    fn kinds(&self) -> Kinds {
        let ticks = [Mbo::kinds(), Trade::kinds(), Mbp1::kinds(), Mbp10::kinds(), Quote::kinds()];
        let wide = [DeltaW::kinds(), QuoteW::kinds(), TradeW::kinds()];
        Kinds {
            ticks: [ticks.concat(), wide.concat(), Status::kinds(), Gap::kinds()].concat(),
            definitions: InstrumentDef::kinds(),
            statistics: Stat::kinds(),
        }
    }

    fn next_time_ns(&mut self) -> Option<u64> {
        None
    }

    fn poll<S: Sink>(&mut self, sink: &mut S, _budget: usize) -> Result<Progress, Error> {
        let Some(given) = self.records.get(self.next) else { return Ok(Progress::End) };
        self.next += 1;
        match given {
            Given::Order(record) => sink.tick(record),
            Given::Trade(record) => sink.tick(record),
            Given::Best(record) => sink.tick(record),
            Given::Levels(record) => sink.tick(&**record),
            Given::Quote(record) => sink.tick(record),
            Given::Status(record) => sink.tick(record),
            Given::Gap(record) => sink.tick(record),
            Given::Definition(record) => sink.definition(&**record),
            Given::Stat(record) => sink.statistic(record),
            Given::WideLevel(record) => sink.tick(record),
            Given::WideQuote(record) => sink.tick(record),
            Given::WideTrade(record) => sink.tick(record),
            Given::Listed(instrument) => {
                sink.instrument(instrument);
                Ok(())
            }
        }
        .map_err(tickring::Error::from)?;
        Ok(Progress::Advanced(1))
    }

    fn report(&self) -> Report {
        Report::default()
    }
}

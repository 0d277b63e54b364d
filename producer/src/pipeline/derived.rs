//! What a feed derives from its ticks: vectors, quotes and levels, all from one set of books.

mod depth;
mod quotes;
mod stats;
mod vectors;

use std::any::Any;

use tickring::record::{
    Gap, Heartbeat, QuoteW, Record, RecordHeader, UNDEF_TIME, book_state, rtype,
};
use tickring::schema::Kind;
use tickring::{Instrument, Writer, WrongKind};

use super::{FeedOptions, directory, rings};
use crate::error::Error;
use crate::features::{Features, Plant};
use crate::market::{Markets, Update};
use crate::source::Count;
use depth::Depth;
pub use quotes::QuoteOptions;
use quotes::Quotes;
use stats::Stats;
pub use stats::StatsOptions;
use vectors::Vectors;

/// The books, and the writers of the rings that follow from them.
#[derive(Debug)]
pub(super) struct Derived {
    markets: Markets,
    vectors: Option<Vectors>,
    quotes: Option<Quotes>,
    depth: Option<Depth>,
    /// Events after which a book was crossed although orders were matched.
    crossed: u64,
}

impl Derived {
    /// Opens the rings that are wanted; `None` if there is none.
    /// `ticks` are the kinds of the ring of ticks.
    pub(super) fn open(
        options: &FeedOptions,
        ticks: &[Kind],
        features: Option<Features>,
    ) -> Result<Option<Self>, Error> {
        let vectors = features.map(|features| {
            let kinds = features.kinds();
            let writer = rings::writer(options, "vectors", kinds, features.capacity(), 0)?;
            Ok::<_, Error>(Vectors::new(features, writer))
        });
        let families = Families::of(ticks);
        let quotes = options.quotes.as_ref().map(|own| {
            let stats = own.stats.as_ref().map(Stats::new).transpose()?;
            let kinds = with_control(Quotes::kinds(own, families));
            let instruments = options.instruments;
            let writer = rings::writer(options, "quotes", kinds, own.capacity, instruments)?;
            Ok::<_, Error>(Quotes::new(writer, stats))
        });
        let depth = options.depth.map(|capacity| {
            rings::writer(options, "depth", with_control(Depth::kinds(families)), capacity, 0)
        });
        let derived = Self {
            markets: Markets::new(),
            vectors: vectors.transpose()?,
            quotes: quotes.transpose()?,
            depth: depth.transpose()?.map(Depth::new),
            crossed: 0,
        };
        let wanted =
            derived.vectors.is_some() || derived.quotes.is_some() || derived.depth.is_some();
        Ok(wanted.then_some(derived))
    }

    /// Takes a record of the ring of ticks, `seq` in it, and publishes what follows.
    #[inline]
    pub(super) fn tick<R: Record>(
        &mut self,
        seq: u64,
        record: &R,
        ticks: &mut Writer,
    ) -> Result<(), WrongKind> {
        self.set_silent(false, ticks);
        if let Some(gap) = (record as &dyn Any).downcast_ref::<Gap>() {
            return self.gap(gap, ticks);
        }
        let Some(update) = self.markets.apply(record) else {
            return Ok(());
        };
        if let Some(vectors) = &mut self.vectors {
            vectors.observe(seq, &update)?;
        }
        let mut stats = self.quotes.as_mut().and_then(|quotes| quotes.stats.as_mut());
        if let (Some(stats), Some(traded)) = (&mut stats, &update.traded) {
            stats.trade(&update.header, traded);
        }
        if update.is_new_state {
            let (header, state) = (update.header, update.state);
            for writer in [Some(&mut *ticks), self.quotes.as_mut().map(|quotes| &mut quotes.writer)]
            {
                note_state(writer, header.publisher_id, header.instrument_id, state);
            }
        }
        if !update.ends_event {
            return Ok(());
        }
        let label = label(&update, self.quotes.as_mut().and_then(|quotes| quotes.stats.as_mut()));
        self.crossed += u64::from(label == Label::Crossed);
        let is_bad = label != Label::Good;
        if let Some(quotes) = &mut self.quotes {
            quotes.observe(&update, is_bad)?;
        }
        match &mut self.depth {
            Some(depth) if update.market.is_wide() => depth.observe_wide(&update, is_bad),
            Some(depth) => depth.observe(&update, is_bad),
            None => Ok(()),
        }
    }

    /// Notes what a record tells of an instrument.
    #[inline]
    pub(super) fn note<R: Record>(&mut self, record: &R) {
        if let Some(quotes) = &mut self.quotes {
            directory::note(&mut quotes.writer, record);
            if let Some(stats) = &mut quotes.stats {
                stats.note(record);
            }
        }
    }

    /// Lists an instrument, and withdraws its quote if the source says that its book is stale: of
    /// other losses a Gap record tells.
    pub(super) fn define(&mut self, instrument: &Instrument) {
        let place = self.markets.define(instrument);
        let Some(quotes) = &mut self.quotes else { return };
        let _ = quotes.writer.define(instrument);
        if let Some(place) = place.filter(|_| instrument.book_state == book_state::STALE) {
            let Instrument { publisher_id, instrument_id, .. } = *instrument;
            let header = RecordHeader::new::<QuoteW>(publisher_id, instrument_id, UNDEF_TIME);
            // The ring has had such quotes, so it takes this one too.
            let _ = quotes.withdraw(place, header, UNDEF_TIME);
        }
    }

    /// Tells all readers of a gap, and notes what it made of the books.
    #[cold]
    fn gap(&mut self, gap: &Gap, ticks: &mut Writer) -> Result<(), WrongKind> {
        if self.markets.gap(gap) {
            self.note_states(ticks);
        }
        if let Some(quotes) = &mut self.quotes {
            let _ = quotes.writer.stage(gap)?;
        }
        self.withdraw(Some(gap.header.instrument_id).filter(|id| *id != 0), gap.ts_detect)?;
        if let Some(depth) = &mut self.depth {
            let _ = depth.writer.stage(gap)?;
        }
        Ok(())
    }

    /// Notes whether a live source is silent; any record says that it is not.
    #[inline]
    pub(super) fn set_silent(&mut self, silent: bool, ticks: &mut Writer) {
        if self.markets.set_silent(silent) {
            self.note_states(ticks);
            // The ring has had what is withdrawn, so it takes this too.
            let _ = self.withdraw(None, UNDEF_TIME);
        }
    }

    /// Withdraws the quotes without flags of books that are not Synced: of one instrument, or all.
    #[cold]
    fn withdraw(&mut self, instrument_id: Option<u32>, ts_recv: u64) -> Result<(), WrongKind> {
        let Some(quotes) = &mut self.quotes else { return Ok(()) };
        for (place, header) in self.markets.unsynced(instrument_id) {
            quotes.withdraw(place, header, ts_recv)?;
        }
        Ok(())
    }

    fn note_states(&mut self, ticks: &mut Writer) {
        for (publisher_id, instrument_id, state) in self.markets.states() {
            for writer in [Some(&mut *ticks), self.quotes.as_mut().map(|quotes| &mut quotes.writer)]
            {
                note_state(writer, publisher_id, instrument_id, state);
            }
        }
    }

    /// The writers of the open rings, vectors first.
    pub(super) fn writers(&mut self) -> impl Iterator<Item = &mut Writer> {
        let vectors = self.vectors.as_mut().map(|vectors| &mut vectors.writer);
        let quotes = self.quotes.as_mut().map(|quotes| &mut quotes.writer);
        let depth = self.depth.as_mut().map(|depth| &mut depth.writer);
        [vectors, quotes, depth].into_iter().flatten()
    }

    /// The writers of the open rings, to be asked.
    pub(super) fn all(&self) -> impl Iterator<Item = &Writer> {
        let vectors = self.vectors.as_ref().map(|vectors| &vectors.writer);
        let quotes = self.quotes.as_ref().map(|quotes| &quotes.writer);
        let depth = self.depth.as_ref().map(|depth| &depth.writer);
        [vectors, quotes, depth].into_iter().flatten()
    }

    /// The writers of the open rings, to be closed.
    pub(super) fn into_writers(self) -> impl Iterator<Item = Writer> {
        let vectors = self.vectors.map(|vectors| vectors.writer);
        let quotes = self.quotes.map(|quotes| quotes.writer);
        let depth = self.depth.map(|depth| depth.writer);
        [vectors, quotes, depth].into_iter().flatten()
    }

    /// Gives the vectors that were planted since the last call.
    pub(super) fn drain_plants(&mut self) -> impl Iterator<Item = Plant> {
        self.vectors.iter_mut().flat_map(Vectors::drain_plants)
    }

    /// How many vectors were published.
    pub(super) fn vectors(&self) -> u64 {
        self.vectors.as_ref().map_or(0, |vectors| vectors.published)
    }

    /// Counts of the other rings, and of what was odd about the books.
    pub(super) fn counts(&self) -> Vec<Count> {
        let mut counts = Vec::new();
        if let Some(quotes) = &self.quotes {
            counts.extend(told(["quote", "quote_w"], quotes.published));
            if quotes.unheld > 0 {
                counts.push(Count::new("quote side without room", quotes.unheld));
            }
        }
        if let Some(depth) = &self.depth {
            counts.extend(told(["mbp_10", "depth_w"], depth.published));
        }
        let (unknown, refused) = self.markets.misfits();
        let odd = [("unknown order", unknown), ("refused", refused), ("crossed", self.crossed)];
        if !counts.is_empty() {
            let odd = odd.into_iter().filter(|(_, count)| *count > 0);
            counts.extend(odd.map(|(name, count)| Count::new(name, count)));
        }
        counts
    }
}

/// Counts of records in both families; of the first kind also if there were none at all.
fn told(names: [&'static str; 2], published: [u64; 2]) -> impl Iterator<Item = Count> {
    let is_nothing = published == [0; 2];
    let pairs = names.into_iter().zip(published).enumerate();
    let said = pairs.filter(move |(at, (_, count))| *count > 0 || (is_nothing && *at == 0));
    said.map(|(_, (name, count))| Count::new(name, count))
}

/// The families of records that a ring of ticks has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Families {
    /// Sizes of 32 bits.
    narrow: bool,
    /// Fractional quantities.
    wide: bool,
}

impl Families {
    fn of(ticks: &[Kind]) -> Self {
        let has = |rtypes: &[u8]| ticks.iter().any(|kind| rtypes.contains(&kind.rtype));
        let wide = has(&[rtype::TRADE_W, rtype::QUOTE_W, rtype::DELTA_W]);
        let narrow = has(&[rtype::MBO, rtype::TRADE, rtype::MBP_1, rtype::MBP_10, rtype::QUOTE]);
        Self { narrow: narrow || !wide, wide }
    }

    /// The kinds that rings derived from these have.
    fn kinds(self, narrow: Vec<Kind>, wide: Vec<Kind>) -> Vec<Kind> {
        let narrow = Some(narrow).filter(|_| self.narrow).unwrap_or_default();
        let wide = Some(wide).filter(|_| self.wide).unwrap_or_default();
        [narrow, wide].concat()
    }
}

/// What is to be thought of a book after an event.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Label {
    Good,
    /// Orders were lost, or are yet to come.
    Unsynced,
    /// Bid and ask cross or touch although orders are matched, as far as is known.
    Crossed,
}

/// Orders are matched unless the trading status says otherwise, or, where none was told, the hours
/// of the venue.
#[inline]
fn label(update: &Update<'_>, stats: Option<&mut Stats>) -> Label {
    let is_collecting = || {
        let by_hours = || stats?.is_matching(&update.header).map(|is_matching| !is_matching);
        update.is_collecting.or_else(by_hours).unwrap_or(false)
    };
    if update.market.top().is_crossed() && !is_collecting() {
        Label::Crossed
    } else if update.state != book_state::SYNCED || update.is_doubted {
        Label::Unsynced
    } else {
        Label::Good
    }
}

/// Notes the state of a book in the directory of a ring, where there is room for it.
#[cold]
fn note_state(writer: Option<&mut Writer>, publisher_id: u16, instrument_id: u32, state: u8) {
    let Some(writer) = writer else { return };
    let listed = writer.instrument(instrument_id);
    let unnamed = || Instrument::new(publisher_id, instrument_id, "").ok();
    if let Some(mut instrument) = listed.or_else(unnamed) {
        instrument.book_state = state;
        let _ = writer.define(&instrument);
    }
}

/// Adds the kinds by which a ring tells of its source.
fn with_control(kinds: Vec<Kind>) -> Vec<Kind> {
    [kinds, Gap::kinds(), Heartbeat::kinds()].concat()
}

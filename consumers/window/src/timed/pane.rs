//! The panes that are open: a ring that grows when more have to be open at once.

use crate::WindowError;
use crate::instruments::{number_in, packed};
use crate::spec::MOST_PANES;
use crate::state::{Loader, Saver};
use crate::store::{Store, Wanted};
use crate::trade::WindowTrade;

/// One pane over all instruments.
#[derive(Clone, Debug)]
pub(super) struct Pane {
    pane: i64,
    is_open: bool,
    pub(super) store: Store,
    /// The instruments with trades, packed.
    touched: Vec<u64>,
    /// The numbers of the instruments with quotes.
    quoted: Vec<u32>,
    /// How often the window whose last pane this is was published, by instrument.
    revisions: Vec<u32>,
}

impl Pane {
    fn new(wanted: Wanted) -> Self {
        Self {
            pane: 0,
            is_open: false,
            store: Store::new(wanted),
            touched: Vec::new(),
            quoted: Vec::new(),
            revisions: Vec::new(),
        }
    }

    pub(super) fn cell_count(&self, number: usize) -> u64 {
        self.store.cell(number).map_or(0, |cell| cell.count)
    }

    pub(super) fn revision(&self, number: usize) -> u32 {
        self.revisions.get(number).copied().unwrap_or(0)
    }

    fn close(&mut self) {
        for packed in self.touched.drain(..) {
            self.store.reset(number_in(packed));
        }
        for number in self.quoted.drain(..) {
            self.store.reset(number as usize);
        }
        self.revisions.fill(0);
        self.is_open = false;
    }
}

/// The open panes; pane p stands at `p & (len - 1)`.
#[derive(Clone, Debug)]
pub(super) struct Panes {
    wanted: Wanted,
    ring: Vec<Pane>,
    /// The first and last pane that are open, if any is.
    span: Option<(i64, i64)>,
}

impl Panes {
    pub(super) fn new(wanted: Wanted) -> Self {
        Self { wanted, ring: vec![Pane::new(wanted)], span: None }
    }

    pub(super) fn span(&self) -> Option<(i64, i64)> {
        self.span
    }

    #[inline]
    pub(super) fn get(&self, pane: i64) -> Option<&Pane> {
        let place = self.place(pane);
        self.ring.get(place).filter(|there| there.is_open && there.pane == pane)
    }

    #[inline]
    pub(super) fn is_open(&self, pane: i64) -> bool {
        self.get(pane).is_some()
    }

    #[inline]
    fn get_mut(&mut self, pane: i64) -> Option<&mut Pane> {
        let place = self.place(pane);
        self.ring.get_mut(place).filter(|there| there.is_open && there.pane == pane)
    }

    /// Opens a pane if it is not open; `false` if too many would be.
    pub(super) fn open(&mut self, pane: i64) -> bool {
        if self.is_open(pane) {
            return true;
        }
        let (first, last) = self.span.unwrap_or((pane, pane));
        let (first, last) = (first.min(pane), last.max(pane));
        let needed = last.abs_diff(first);
        if needed >= MOST_PANES.cast_unsigned() {
            return false;
        }
        if needed >= self.ring.len() as u64 {
            self.grow(needed);
        }
        self.span = Some((first, last));
        let place = self.place(pane);
        if let Some(there) = self.ring.get_mut(place) {
            there.pane = pane;
            there.is_open = true;
        }
        true
    }

    /// Adds a trade to a pane; says whether that is open.
    #[inline(always)]
    pub(super) fn add(&mut self, pane: i64, number: usize, trade: &WindowTrade) -> bool {
        let Some(there) = self.get_mut(pane) else { return false };
        if there.store.add(number, trade) {
            there.touched.push(packed(trade.instrument_id, number));
        }
        true
    }

    /// Adds a quote to an open pane.
    pub(super) fn quote(&mut self, pane: i64, number: usize, spread_e9: i64) {
        if let Some(there) = self.get_mut(pane)
            && there.store.quote(number, spread_e9)
        {
            there.quoted.push(u32::try_from(number).unwrap_or(u32::MAX));
        }
    }

    /// Takes the trades of an instrument out of a pane.
    pub(super) fn empty(&mut self, pane: i64, number: usize) {
        if let Some(there) = self.get_mut(pane) {
            there.store.reset_trades(number);
            there.touched.retain(|packed| number_in(*packed) != number);
        }
    }

    /// Sets a flag on what an open pane has of an instrument; says whether it has anything.
    pub(super) fn flag(&mut self, pane: i64, number: usize, flag: u32) -> bool {
        let cell = self.get_mut(pane).and_then(|there| there.store.cell_mut(number));
        cell.filter(|cell| cell.count > 0).map(|cell| cell.flags |= flag).is_some()
    }

    /// Counts a publication of the window whose last pane this is; gives how many there were.
    pub(super) fn count_revision(&mut self, pane: i64, number: usize) -> u32 {
        let Some(there) = self.get_mut(pane) else { return 0 };
        if number >= there.revisions.len() {
            there.revisions.resize(number + 1, 0);
        }
        there.revisions.get_mut(number).map_or(0, |revisions| {
            let before = *revisions;
            *revisions = before.saturating_add(1);
            before
        })
    }

    /// The instruments with trades in any of `size` panes, packed and in order.
    pub(super) fn touched(&mut self, first: i64, size: i64, into: &mut Vec<u64>) {
        for pane in first..first.saturating_add(size) {
            if let Some(there) = self.get(pane) {
                into.extend_from_slice(&there.touched);
            }
        }
        into.sort_unstable();
        into.dedup();
    }

    /// Closes the panes before this one.
    pub(super) fn close_before(&mut self, end: i64) {
        let Some((first, last)) = self.span else { return };
        for pane in first..end.min(last.saturating_add(1)) {
            if let Some(there) = self.get_mut(pane) {
                there.close();
            }
        }
        let first = (first.max(end)..=last).find(|pane| self.is_open(*pane));
        self.span = first.map(|first| (first, last));
    }

    /// Makes room for a span of `needed + 1` panes.
    #[cold]
    fn grow(&mut self, needed: u64) {
        let len = usize::try_from(needed + 1).unwrap_or(usize::MAX).next_power_of_two();
        let wanted = self.wanted;
        let old = std::mem::take(&mut self.ring);
        self.ring.resize_with(len, || Pane::new(wanted));
        for pane in old.into_iter().filter(|pane| pane.is_open) {
            let place = self.place(pane.pane);
            if let Some(there) = self.ring.get_mut(place) {
                *there = pane;
            }
        }
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "masked")]
    fn place(&self, pane: i64) -> usize {
        pane as usize & (self.ring.len() - 1)
    }

    pub(super) fn save(&self, to: &mut Saver<'_>) {
        to.value(&(self.ring.len() as u64));
        let open = || self.ring.iter().filter(|pane| pane.is_open);
        to.value(&(open().count() as u64));
        for pane in open() {
            to.value(&pane.pane);
            pane.store.save(to);
            to.slice(&pane.touched);
            to.slice(&pane.quoted);
            to.slice(&pane.revisions);
        }
    }

    pub(super) fn load(&mut self, from: &mut Loader<'_>) -> Result<(), WindowError> {
        let len = from.value::<u64>()?.min(MOST_PANES.cast_unsigned());
        let (wanted, count) = (self.wanted, from.value::<u64>()?);
        self.ring.clear();
        let len = usize::try_from(len).unwrap_or(1).max(1).next_power_of_two();
        self.ring.resize_with(len, || Pane::new(wanted));
        self.span = None;
        for _ in 0..count {
            let pane = from.value()?;
            let is_new = self.open(pane);
            let there =
                self.get_mut(pane).filter(|_| is_new).ok_or_else(|| WindowError::State {
                    expected: format!("panes that {MOST_PANES} places hold"),
                    found: format!("pane {pane}"),
                })?;
            there.store.load(from)?;
            there.touched = from.slice()?;
            there.quoted = from.slice()?;
            there.revisions = from.slice()?;
        }
        Ok(())
    }
}

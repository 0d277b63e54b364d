//! Windows in order of arrival that were published and can still be corrected.

use crate::WindowError;
use crate::log::{Entry, Log};
use crate::shared::Shared;
use crate::state::{Loader, Saver};
use crate::store::Spread;
use std::collections::VecDeque;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// What is known of a published window beyond its trades, which are in the log.
#[derive(Clone, Copy, Debug, PartialEq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(crate) struct Published {
    /// What its quotes come to.
    pub(crate) spread: Spread,
    pub(crate) ordinal: u64,
    pub(crate) start: i64,
    pub(crate) end: i64,
    /// Trades, or parts of them, in it.
    pub(crate) count: u64,
    /// The revision that was published last.
    pub(crate) revision: u32,
    /// Bits of `window_flag` that it was published with.
    pub(crate) flags: u32,
    pub(crate) _unused: u64,
}

/// The published windows of all instruments, as far as the horizon and the log reach back.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kept {
    /// For each instrument, in order.
    windows: Vec<VecDeque<Published>>,
}

impl Kept {
    /// Keeps a window that was just published, the next one of its instrument, and forgets those of
    /// before that nothing can change any more.
    pub(crate) fn push(&mut self, shared: &Shared, number: usize, published: Published) {
        if number >= self.windows.len() {
            self.windows.resize_with(number + 1, VecDeque::new);
        }
        let Some(windows) = self.windows.get_mut(number) else { return };
        while windows.front().is_some_and(|window| shared.is_final(window.end)) {
            windows.pop_front();
        }
        windows.push_back(published);
    }

    /// A window that can still be corrected.
    pub(crate) fn get_mut(
        &mut self,
        shared: &Shared,
        number: usize,
        ordinal: u64,
    ) -> Option<&mut Published> {
        let windows = self.windows.get_mut(number)?;
        let at = ordinal.checked_sub(windows.front()?.ordinal)?;
        let window = windows.get_mut(usize::try_from(at).ok()?)?;
        (!shared.is_final(window.end)).then_some(window)
    }

    /// Forgets the windows of an instrument before this one: the log has no trade of them.
    pub(crate) fn forget_before(&mut self, number: usize, ordinal: u64) {
        let Some(windows) = self.windows.get_mut(number) else { return };
        while windows.front().is_some_and(|window| window.ordinal < ordinal) {
            windows.pop_front();
        }
    }

    pub(crate) fn save(&self, to: &mut Saver<'_>) {
        to.value(&(self.windows.len() as u64));
        for windows in &self.windows {
            to.value(&(windows.len() as u64));
            windows.iter().for_each(|window| to.value(window));
        }
    }

    pub(crate) fn load(&mut self, from: &mut Loader<'_>) -> Result<(), WindowError> {
        self.windows.clear();
        for _ in 0..from.value::<u64>()? {
            self.windows.push(from.slice()?.into());
        }
        Ok(())
    }
}

/// The entries of one instrument in the log with these ordinals, broken ones too, newest first.
pub(crate) fn entries(
    log: &Log,
    number: usize,
    ordinals: std::ops::Range<u64>,
) -> impl Iterator<Item = &Entry> {
    let entries = log.links(number).map(|(_, entry)| entry);
    let end = ordinals.end;
    entries
        .skip_while(move |entry| entry.ordinal >= end)
        .take_while(move |entry| entry.ordinal >= ordinals.start)
}

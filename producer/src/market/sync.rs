//! Whether books follow the venue's: one state for each instrument, and what is true of all. The
//! rules stand in [`market`](super).

use tickring::record::{Gap, action, book_state, flag, gap_state};

use crate::book::Applied;

/// The state of one instrument's book, as far as its own records tell.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Sync {
    #[default]
    Unsynced,
    Syncing,
    Synced,
    Stale,
}

impl Sync {
    /// Returns the state after an order record that did this to the book.
    pub(super) fn after_order(self, record_action: u8, flags: u8, applied: Applied) -> Self {
        let is_snapshot = flags & flag::SNAPSHOT != 0;
        if flags & flag::MAYBE_BAD_BOOK != 0 {
            return Self::Stale;
        }
        if is_snapshot || record_action == action::CLEAR {
            let is_whole = !is_snapshot || flags & flag::LAST != 0;
            return if is_whole { Self::Synced } else { Self::Syncing };
        }
        match (self, applied) {
            (_, Applied::Unknown | Applied::Refused) | (Self::Stale, _) => Self::Stale,
            (Self::Unsynced | Self::Syncing | Self::Synced, _) => Self::Synced,
        }
    }

    /// Returns the state after a gap record of this instrument alone.
    pub(super) fn after_gap(self, gap: &Gap) -> Self {
        match gap.state {
            gap_state::SESSION_RESET => Self::Unsynced,
            gap_state::OPEN | gap_state::UNRECOVERABLE | gap_state::RECONNECT => Self::Stale,
            _ => self,
        }
    }

    /// Returns the state that a value of [`book_state`] tells.
    pub(super) fn told(state: u8) -> Self {
        match state {
            book_state::SYNCING => Self::Syncing,
            book_state::SYNCED => Self::Synced,
            book_state::STALE => Self::Stale,
            _ => Self::Unsynced,
        }
    }

    /// Returns the state after a record that tells all its levels.
    pub(super) fn after_levels(flags: u8) -> Self {
        if flags & flag::MAYBE_BAD_BOOK == 0 { Self::Synced } else { Self::Stale }
    }
}

/// What became of all books by a gap record.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Loss {
    /// Nothing.
    None,
    /// They may or may not be what they should be, see [`Whole::state`].
    Suspended,
    /// They are not what they should be.
    Lost,
    /// They begin anew.
    Reset,
}

/// Gaps that may be open at a time; more than these are taken as lost.
const OPEN_GAPS: usize = 64;

/// A gap that may still be filled.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct OpenGap {
    channel_id: u16,
    first: u64,
    end: u64,
}

/// What is true of all books of a feed.
#[derive(Clone, Debug)]
pub(super) struct Whole {
    open: Vec<OpenGap>,
    /// Something was lost in this session, so that a book seen for the first time is no whole one.
    lost: bool,
    /// The source has not been heard for long.
    silent: bool,
}

impl Whole {
    pub(super) fn new() -> Self {
        Self { open: Vec::with_capacity(OPEN_GAPS), lost: false, silent: false }
    }

    /// Returns the state in which a book begins.
    pub(super) fn first(&self) -> Sync {
        if self.lost { Sync::Stale } else { Sync::Unsynced }
    }

    /// Returns a value of [`book_state`] for a book in this state.
    #[inline]
    pub(super) fn state(&self, sync: Sync) -> u8 {
        match sync {
            Sync::Unsynced => book_state::UNSYNCED,
            Sync::Syncing => book_state::SYNCING,
            Sync::Synced if self.open.is_empty() && !self.silent => book_state::SYNCED,
            Sync::Synced | Sync::Stale => book_state::STALE,
        }
    }

    /// Notes whether the source is silent; says whether it was not known.
    pub(super) fn hear(&mut self, silent: bool) -> bool {
        std::mem::replace(&mut self.silent, silent) != silent
    }

    /// Takes a gap record of the whole feed.
    pub(super) fn gap(&mut self, gap: &Gap) -> Loss {
        let (first, end, channel_id) = (gap.first_missing, gap.end_missing, gap.channel_id);
        match gap.state {
            gap_state::SESSION_RESET => {
                self.open.clear();
                self.lost = first != end;
                Loss::Reset
            }
            // Venues count from 1: 0 to 0 says that nobody knows what is missing.
            _ if first == end && first != 0 => Loss::None,
            gap_state::OPEN if self.open.len() < OPEN_GAPS => {
                self.open.push(OpenGap { channel_id, first, end });
                Loss::Suspended
            }
            gap_state::FILLED => {
                self.settle(channel_id, first, end);
                Loss::Suspended
            }
            gap_state::OPEN | gap_state::UNRECOVERABLE | gap_state::RECONNECT => {
                self.settle(channel_id, first, end);
                self.lost = true;
                Loss::Lost
            }
            _ => Loss::None,
        }
    }

    /// Strikes the open gaps that these sequences belong to.
    fn settle(&mut self, channel_id: u16, first: u64, end: u64) {
        self.open
            .retain(|gap| gap.channel_id != channel_id || gap.end <= first || end <= gap.first);
    }
}

//! Where a client is: in which session, and which of its messages comes next.

use std::ops::Range;

use tickring::record::{gap_cause, gap_state};

use crate::wire::soupbintcp::Session;

/// The messages of one session that were given, so that none is lost unseen and none comes twice.
#[derive(Debug)]
pub(super) struct Position {
    /// The session of the last login, or the one wanted before the first.
    session: Session,
    /// Whether a login has succeeded.
    is_joined: bool,
    /// Whether the next login takes any session.
    takes_any: bool,
    /// Whether the session is another than the one of the messages before.
    is_reset: bool,
    /// Sequence of the message that is wanted next; 0 where the newest is wanted.
    wanted: u64,
    /// Sequence of the message that the server sends next.
    arriving: u64,
}

/// Messages that will not come, or another session.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Hole {
    /// Of [`gap_state`].
    pub(super) state: u8,
    /// Of [`gap_cause`].
    pub(super) cause: u16,
    /// Their sequences.
    pub(super) missing: Range<u64>,
}

/// Says that the server let the client into another session, not at its beginning.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Elsewhere;

impl Position {
    /// Wants `session` from `sequence` on; 0 is the newest message.
    pub(super) fn new(session: Session, sequence: u64) -> Self {
        Self {
            session,
            is_joined: false,
            takes_any: false,
            is_reset: false,
            wanted: sequence,
            arriving: sequence,
        }
    }

    /// Returns what the next login asks for.
    pub(super) fn request(&self) -> (Session, u64) {
        if self.takes_any { (Session::ANY, 1) } else { (self.session, self.wanted) }
    }

    /// Returns whether a login has succeeded before.
    pub(super) fn is_joined(&self) -> bool {
        self.is_joined
    }

    /// Takes any session, from its beginning, at the next login: the one known is gone.
    pub(super) fn take_any(&mut self) {
        self.takes_any = true;
    }

    /// Follows a login that succeeded: the server sends `sequence` of `session` next.
    ///
    /// Gives what is lost by that, if anything is.
    ///
    /// # Errors
    /// [`Elsewhere`] if the client must log in again, for the beginning of a session that it did
    /// not know of.
    pub(super) fn join(
        &mut self,
        session: Session,
        sequence: u64,
    ) -> Result<Option<Hole>, Elsewhere> {
        let was_joined = std::mem::replace(&mut self.is_joined, true);
        self.takes_any = false;
        if was_joined && session != self.session {
            (self.session, self.wanted, self.is_reset) = (session, 1, true);
            if sequence > 1 {
                return Err(Elsewhere);
            }
        }
        let is_reset = std::mem::take(&mut self.is_reset);
        (self.session, self.arriving) = (session, sequence);
        if self.wanted == 0 {
            self.wanted = sequence;
        }
        let missing = self.wanted..self.wanted.max(sequence);
        self.wanted = missing.end;
        if missing.is_empty() && !is_reset {
            return Ok(None);
        }
        let (state, cause) = match (is_reset, was_joined) {
            (true, _) => (gap_state::SESSION_RESET, gap_cause::DISCONNECT),
            (false, true) => (gap_state::RECONNECT, gap_cause::DISCONNECT),
            (false, false) => (gap_state::UNRECOVERABLE, gap_cause::SEQUENCE),
        };
        Ok(Some(Hole { state, cause, missing }))
    }

    /// Returns whether the session has messages before the one that is wanted next.
    pub(super) fn is_inside(&self) -> bool {
        self.wanted > 1
    }

    /// Counts a message that came, and returns its sequence; `None` if it came before.
    #[inline]
    pub(super) fn take(&mut self) -> Option<u64> {
        let sequence = self.arriving;
        self.arriving = sequence.saturating_add(1);
        if sequence < self.wanted {
            return None;
        }
        self.wanted = self.arriving;
        Some(sequence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(name: &str) -> Session {
        Session::new(name).unwrap()
    }

    /// A client that was let into session A at `at` and got so many messages.
    fn joined(wanted: u64, at: u64, messages: u64) -> Position {
        let mut position = Position::new(Session::ANY, wanted);
        position.join(session("A"), at).unwrap();
        (0..messages).for_each(|_| _ = position.take());
        position
    }

    fn hole(state: u8, cause: u16, missing: Range<u64>) -> Hole {
        Hole { state, cause, missing }
    }

    #[test]
    fn a_first_login_asks_for_what_the_user_wants() {
        let mut position = Position::new(session("A"), 5);
        assert_eq!(position.request(), (session("A"), 5));
        assert_eq!(position.join(session("A"), 5), Ok(None));
        assert_eq!((position.take(), position.take()), (Some(5), Some(6)));
        assert_eq!(position.request(), (session("A"), 7));
    }

    #[test]
    fn the_newest_message_is_no_hole() {
        let mut position = Position::new(Session::ANY, 0);
        assert_eq!(position.join(session("A"), 900), Ok(None));
        assert_eq!(position.take(), Some(900));
    }

    #[test]
    fn messages_that_the_server_does_not_have_any_more_are_a_hole() {
        let mut position = Position::new(Session::ANY, 1);
        let lost = hole(gap_state::UNRECOVERABLE, gap_cause::SEQUENCE, 1..40);
        assert_eq!(position.join(session("A"), 40), Ok(Some(lost)));
        assert_eq!(position.take(), Some(40));
    }

    #[test]
    fn a_reconnect_goes_on_without_a_hole() {
        let mut position = joined(1, 1, 10);
        assert_eq!(position.request(), (session("A"), 11));
        assert_eq!(position.join(session("A"), 11), Ok(None));
        assert_eq!(position.take(), Some(11));
    }

    #[test]
    fn a_server_that_begins_too_early_sends_nothing_twice() {
        let mut position = joined(1, 1, 10);
        assert_eq!(position.join(session("A"), 8), Ok(None));
        let taken: Vec<_> = (0..5).map(|_| position.take()).collect();
        assert_eq!(taken, [None, None, None, Some(11), Some(12)]);
    }

    #[test]
    fn a_server_that_begins_too_late_leaves_a_hole_of_the_reconnect() {
        let mut position = joined(1, 1, 10);
        let lost = hole(gap_state::RECONNECT, gap_cause::DISCONNECT, 11..15);
        assert_eq!(position.join(session("A"), 15), Ok(Some(lost)));
        assert_eq!(position.take(), Some(15));
    }

    #[test]
    fn another_session_is_a_reset_and_is_read_from_its_beginning() {
        let mut position = joined(1, 1, 10);
        position.take_any();
        assert_eq!(position.request(), (Session::ANY, 1));
        let reset = hole(gap_state::SESSION_RESET, gap_cause::DISCONNECT, 1..1);
        assert_eq!(position.join(session("B"), 1), Ok(Some(reset)));
        assert_eq!(position.take(), Some(1));
        assert_eq!(position.request(), (session("B"), 2));
    }

    #[test]
    fn another_session_in_its_middle_takes_a_second_login() {
        for (at, missing) in [(1, 1..1), (6, 1..6)] {
            let mut position = joined(1, 1, 10);
            assert_eq!(position.join(session("B"), 11), Err(Elsewhere));
            assert_eq!(position.request(), (session("B"), 1));
            let reset = hole(gap_state::SESSION_RESET, gap_cause::DISCONNECT, missing);
            assert_eq!(position.join(session("B"), at), Ok(Some(reset)));
            assert_eq!(position.take(), Some(at));
        }
    }

    #[test]
    fn the_known_session_may_come_when_any_was_asked_for() {
        let mut position = joined(1, 1, 2);
        position.take_any();
        assert_eq!(position.join(session("A"), 1), Ok(None));
        let taken: Vec<_> = (0..3).map(|_| position.take()).collect();
        assert_eq!(taken, [None, None, Some(3)]);
    }

    #[test]
    fn sequences_end_without_wrapping() {
        let mut position = joined(1, u64::MAX, 1);
        assert_eq!(position.take(), Some(u64::MAX));
    }
}

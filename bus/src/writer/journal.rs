//! The journal that a writer keeps itself.

use super::Writer;
use crate::error::Error;
use crate::journal::{InlineJournal, JournalStatus};
use crate::spec::RingSpec;

impl Writer {
    /// Opens the journal, before anything that it lacks can be overwritten.
    pub(super) fn open_journal(&mut self, spec: &RingSpec) -> Result<(), Error> {
        if let Some(spec) = &spec.journal {
            let journal = InlineJournal::open(spec, &self.segment, self.next)?;
            self.journal = Some(Box::new(journal));
        }
        Ok(())
    }

    /// Appends to the journal what it still lacks. Without a journal this does nothing.
    ///
    /// # Errors
    ///
    /// [`Error::NoSpace`] or [`Error::Io`]; the ring is not affected.
    pub fn flush_journal(&mut self) -> Result<(), Error> {
        match &mut self.journal {
            Some(journal) => journal.flush(self.next, self.segment.slots()),
            None => Ok(()),
        }
    }

    /// How the journal does, if there is one.
    #[must_use]
    pub fn journal_status(&self) -> Option<JournalStatus> {
        self.journal.as_ref().map(|journal| journal.status())
    }

    /// Why the journal could not be written the last time; `None` once it can be again. The ring
    /// goes on without it, and [`JournalStatus::missed`] counts what is lost by that.
    #[must_use]
    pub fn journal_error(&self) -> Option<&Error> {
        self.journal.as_ref().and_then(|journal| journal.error())
    }
}

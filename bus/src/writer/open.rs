//! How a writer comes into office, and leaves it: birth, takeover, replacement.

use super::Writer;
use super::findings::Findings;
use super::row::RowForm;
use super::ticker::Ticker;
use crate::control::{self, Control};
use crate::counter::Counter;
use crate::directory::{Directory, RingName};
use crate::error::Error;
use crate::fault;
use crate::header::{End, Epoch, Header, NO_CONTROL};
use crate::journal::InlineJournal;
use crate::lock;
use crate::record::{Record, Restart, Tombstone, UNDEF_TIME, restart_cause};
use crate::registry::Entry;
use crate::schema::Layouts;
use crate::segment::{Access, Older, Segment, call_all, random};
use crate::slot::{load, store};
use crate::spec::{OnMismatch, RingSpec};
use crate::sync::register_light;
use std::fs::File;

/// Attempts to attach before a ring that comes and goes is given up.
const ATTACH_ATTEMPTS: usize = 16;
/// Readers that are looked after at once.
const ASK_AT_ONCE: usize = 16;
/// The value that stands for "no sequence".
const NO_SEQUENCE: u64 = u64::MAX;

impl Writer {
    /// Creates the ring, or takes over an existing one whose writer is gone.
    ///
    /// A takeover continues the sequence, closes a record that the dead writer left half written
    /// with a tombstone, and puts a restart record in band. Cost: birth touches every page;
    /// takeover looks at every stamp.
    ///
    /// # Errors
    ///
    /// [`Error::AlreadyOwned`] while another writer lives; [`Error::SchemaMismatch`],
    /// [`Error::CapacityMismatch`] or [`Error::LayoutVersion`] if the ring exists in another form
    /// and is not to be [replaced](OnMismatch); [`Error::NoSpace`] and the errors of attaching;
    /// with a journal [`Error::JournalOwned`] if somebody else keeps it,
    /// [`Error::JournalOption`] and [`Error::DamagedJournal`].
    pub fn open(directory: &Directory, name: &RingName, spec: &RingSpec) -> Result<Self, Error> {
        let mut writer = Self::elect(directory, name, spec)?;
        if let Some(period) = spec.wake_ticker {
            writer._ticker = Some(Ticker::start(directory, name, period)?);
        }
        let period_ns = spec.wake_ticker.map_or(0, |period| period.as_nanos());
        let period_ns = u64::try_from(period_ns).unwrap_or(u64::MAX);
        store(writer.segment.header().ticker_ns, period_ns);
        Ok(writer)
    }

    fn elect(directory: &Directory, name: &RingName, spec: &RingSpec) -> Result<Self, Error> {
        let replaces = spec.on_mismatch == OnMismatch::Replace;
        for _ in 0..ATTACH_ATTEMPTS {
            let elected = match Segment::attach(directory, name, Access::Write, &spec.memory) {
                Ok(segment) => match mismatch(&segment, spec) {
                    None => Some(Self::take_over(segment, spec)?),
                    Some(_) if replaces => {
                        let (file, header) = (segment.file(), segment.header());
                        let retire = |id| header.retire(id);
                        Self::replace(directory, name, spec, (file, header), retire)?
                    }
                    Some(error) => return Err(error),
                },
                Err(Error::LayoutVersion { path, .. }) if replaces => {
                    let older = Older::attach(&path)?;
                    let (file, header) = (older.file(), older.header());
                    // Readers of the first layout know closed rings, and no retired ones.
                    Self::replace(directory, name, spec, (file, header), |_| header.close())?
                }
                Err(Error::NotFound { .. }) => {
                    check_journal(name, spec)?;
                    let born = Segment::create(directory, name, spec)?;
                    // The control segment comes after the name: else one would be left behind
                    // by a writer that dies in between.
                    if born.link()? { Some(Self::first(born, spec)?) } else { None }
                }
                Err(error) => return Err(error),
            };
            // Removed and perhaps created anew between open and lock: look again.
            if let Some(writer) = elected.filter(|writer| writer.segment.is_linked()) {
                return Ok(writer);
            }
        }
        Err(directory.not_found(name))
    }

    /// The writer of a segment that was just born.
    fn first(segment: Segment, spec: &RingSpec) -> Result<Self, Error> {
        let mut writer = Self::over(segment, 0, 1);
        writer.segment.header().begin_epoch(Epoch { number: 1, start: 0 });
        writer.enter_office();
        writer.open_journal(spec)?;
        Ok(writer)
    }

    fn over(segment: Segment, next: u64, epoch: u64) -> Self {
        let instruments = segment.instruments();
        Self {
            control: control_for(&segment),
            layouts: Layouts::of(segment.schema().kinds()),
            forms: segment.schema().kinds().iter().filter_map(RowForm::of).collect(),
            payload_bytes: segment.slots().payload_words() * 8,
            remembers: segment.geometry().instruments > 0,
            room: instruments.room().saturating_sub(instruments.len()),
            unlisted: load(segment.header().display.unlisted),
            segment,
            next,
            epoch,
            pid: std::process::id(),
            forks: fault::forks(),
            tended_ns: crate::now_ns(),
            tended_to: 0,
            has_swept: false,
            journal: None,
            _ticker: None,
        }
    }

    fn take_over(segment: Segment, spec: &RingSpec) -> Result<Self, Error> {
        seize(segment.file(), segment.header(), &segment)?;
        Self::recover(segment, spec)
    }

    /// Continues behind the highest stamp. Killed at any store, the next recovery finds the same
    /// or a later state, and never a second torn slot.
    fn recover(segment: Segment, spec: &RingSpec) -> Result<Self, Error> {
        let found = Findings::of(&segment)?;
        segment.instruments().repair(segment.slots());
        let closed = segment.header().end() == Some(End::Closed);
        let epoch = segment.header().epoch().number.saturating_add(1);
        let mut writer = Self::over(segment, found.next, epoch);
        writer.open_journal(spec)?;
        let cause = if closed { restart_cause::CLOSED } else { restart_cause::DIED };
        let previous_seq = found.next.checked_sub(1).unwrap_or(NO_SEQUENCE);
        if found.torn {
            let ts_recv = crate::now_ns();
            let epoch = epoch - 1;
            writer.publish(&Tombstone {
                epoch,
                previous_seq,
                ts_recv,
                cause,
                ..Tombstone::empty(0, 0, UNDEF_TIME)
            })?;
        }
        writer.segment.header().begin_epoch(Epoch { number: epoch, start: writer.next });
        if let Some(journal) = &mut writer.journal {
            journal.begin_epoch(epoch, writer.next);
        }
        writer.enter_office();
        writer.publish(&Restart {
            epoch,
            previous_seq,
            ts_recv: crate::now_ns(),
            cause,
            ..Restart::empty(0, 0, UNDEF_TIME)
        })?;
        writer.segment.header().reopen();
        // Also those who sleep by the control segment of the writer before.
        call_all(writer.segment.header().signal);
        Ok(writer)
    }

    /// Puts a new ring in the place of one that has no writer, and tells its readers by `retire`
    /// once the new one can be found. `None` if the old one has lost its name meanwhile.
    fn replace(
        directory: &Directory,
        name: &RingName,
        spec: &RingSpec,
        (file, header): (&File, Header<'_>),
        retire: impl FnOnce(u128),
    ) -> Result<Option<Self>, Error> {
        use std::os::unix::fs::MetadataExt;
        check_journal(name, spec)?;
        let segment = Segment::create(directory, name, spec)?;
        seize(file, header, &segment)?;
        if file.metadata().is_ok_and(|metadata| metadata.nlink() == 0) {
            return Ok(None);
        }
        control::remove_of(segment.path());
        segment.replace()?;
        let writer = Self::first(segment, spec)?;
        retire(writer.segment.identity().ring_id);
        call_all(header.signal);
        Ok(Some(writer))
    }

    fn enter_office(&mut self) {
        let header = self.segment.header();
        store(header.display.owner_pid, self.pid.into());
        store(header.display.owner_since_ns, crate::now_ns());
        // A control segment that a killed writer left has what that had counted.
        self.control.counters().for_each(Counter::reset);
        header.publish(self.next);
        if self.epoch == 1 {
            header.reopen();
        }
        self.heartbeat();
    }

    /// Gives up the lock, and the control segment, which the next writer makes anew.
    pub(super) fn leave_office(&self) {
        if self.control.id() != NO_CONTROL {
            self.segment.header().offer_control(NO_CONTROL);
            control::remove(self.segment.identity().ring_id);
        }
        lock::release(self.segment.file());
    }

    /// Frees the entries of readers that are gone, and replaces a lost control segment; the first
    /// time also removes control segments that have lost their rings.
    pub(super) fn tend(&mut self) {
        if !self.has_swept {
            self.has_swept = true;
            control::sweep();
        }
        let ring_id = self.segment.identity().ring_id;
        if self.control.id() != NO_CONTROL && !control::exists(ring_id) {
            self.control = create_control(&self.segment);
        }
        // A few at a time: asking takes the longer, the more readers there are.
        let taken = |(_, entry): &(usize, Entry<'_>)| entry.token().is_some();
        let from = std::mem::take(&mut self.tended_to);
        let entries = self.control.entries().enumerate().skip(from).filter(taken);
        for (asked, (index, entry)) in entries.enumerate() {
            if asked == ASK_AT_ONCE {
                self.tended_to = index;
                break;
            }
            if let Some(token) = entry.token()
                && !lock::is_marked(self.segment.file(), index)
            {
                entry.free(token);
            }
        }
    }
}

/// Finds fault with the journal before there is a ring.
fn check_journal(name: &RingName, spec: &RingSpec) -> Result<(), Error> {
    match &spec.journal {
        Some(journal) => InlineJournal::check(journal, name, spec.capacity),
        None => Ok(()),
    }
}

/// What keeps a writer of `spec` from taking over the segment, if anything does.
fn mismatch(segment: &Segment, spec: &RingSpec) -> Option<Error> {
    let name = || segment.name().to_string();
    let path = || segment.path().to_owned();
    let difference = spec.schema.difference(segment.schema());
    if !difference.is_empty() {
        return Some(Error::SchemaMismatch { name: name(), path: path(), difference });
    }
    let geometry = segment.geometry();
    let sizes = [
        ("slots", spec.capacity, geometry.capacity),
        ("entries for instruments", spec.instruments, geometry.instruments),
    ];
    let (what, expected, found) =
        sizes.into_iter().find(|(_, expected, found)| expected != found)?;
    Some(Error::CapacityMismatch { name: name(), path: path(), what, expected, found })
}

/// Takes the writer lock of a ring.
fn seize(file: &File, header: Header<'_>, by: &Segment) -> Result<(), Error> {
    if lock::acquire(file).map_err(|errno| by.io("lock", errno))? {
        return Ok(());
    }
    Err(Error::AlreadyOwned {
        name: by.name().to_string(),
        pid: load(header.display.owner_pid),
        since_ns: load(header.display.owner_since_ns),
    })
}

/// The control segment that the last writer left, if it was killed; else a new one.
fn control_for(segment: &Segment) -> Control {
    match segment.header().control() {
        NO_CONTROL => create_control(segment),
        id if register_light() => {
            let kept = Control::attach(segment.identity().ring_id, id);
            kept.unwrap_or_else(|| create_control(segment))
        }
        _ => create_control(segment),
    }
}

/// Makes a control segment and names it in the header. Where that is not possible, readers look
/// for records by themselves.
fn create_control(segment: &Segment) -> Control {
    let path = std::path::absolute(segment.path()).unwrap_or_else(|_| segment.path().to_owned());
    let created = match random(segment.path()) {
        #[expect(clippy::cast_possible_truncation, reason = "half as random is random enough")]
        Ok(id) if register_light() => {
            let id = (id as u64).max(NO_CONTROL + 1);
            Control::create(segment.identity().ring_id, id, &path)
        }
        _ => None,
    };
    let control = created.unwrap_or_else(Control::private);
    segment.header().offer_control(control.id());
    control
}

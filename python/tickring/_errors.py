"""The exceptions and warnings of tickring: one class for each error of the bus."""


class Error(Exception):
    """What can go wrong when rings are opened, created or read; `hint` says what to do next."""

    hint: str

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class InvalidName(Error):
    """A ring name is not of the form `bus/ring`."""


class NotFound(Error):
    """No ring of this name exists; the message names those that do."""


class InvalidCapacity(Error):
    """The capacity is not a power of two, too small, or the segment would be too large."""


class SchemaTooLarge(Error):
    """The schema table of a new ring does not fit its limit."""


class NotASegment(Error):
    """The file is not a tickring segment."""


class LayoutVersion(Error):
    """The segment was written by an incompatible version of tickring."""


class Truncated(Error):
    """The file is shorter than its header says."""


class Corrupt(Error):
    """A checked number of the segment is wrong."""


class SchemaInvalid(Error):
    """The schema table of a segment, or of a new ring, is not valid."""


class SchemaMismatch(Error):
    """The ring exists with another schema than the writer's."""


class CapacityMismatch(Error):
    """The ring exists with another capacity than the writer's."""


class InvalidToken(Error):
    """The text is no resume token, or the token is of another ring."""


class AlreadyOwned(Error):
    """Another process writes the ring."""


class NoSpace(Error):
    """The file system has no room for the segment."""


class OsError(Error):
    """The system refused an operation on a file."""


class WrongKind(Error):
    """The ring's schema does not contain the kind of a record."""


class KindMismatch(Error):
    """The ring holds records of a kind with another layout than a reader expects."""


class WrongRow(Error, ValueError):
    """Bytes are no records of a kind that may be published to the ring."""


class MemoryRefused(Error):
    """A wish on how a segment lies in memory cannot be fulfilled."""


class InvalidInstruments(Error):
    """The number of entries for instruments is impossible."""


class InvalidSymbol(Error):
    """A symbol does not fit the instrument directory of a ring."""


class NoRoomForInstrument(Error):
    """The instrument directory of a ring is full, or the ring has none."""


class NoJournal(Error):
    """No journal of the ring exists in the directory."""


class SeveralJournals(Error):
    """The directory holds journals of several rings where one was asked for."""


class NotAJournal(Error):
    """The file is not a journal."""


class JournalVersion(Error):
    """The journal was written by an incompatible version of tickring."""


class DamagedJournal(Error):
    """A checked number in the header of a journal file is wrong."""


class JournalOwned(Error):
    """Another process appends to the journal."""


class InvalidJournalOption(Error):
    """An option of a journal is out of range."""


class NoRequests(Error):
    """The matcher of a bus takes no queries of other processes."""


class NoAnswer(Error, TimeoutError):
    """A matcher did not answer in time; the message says whether it runs."""


class AnswersLost(Error):
    """Answers were overwritten before the client read them."""


class MatcherEnded(Error):
    """The matcher closed its ring before it answered."""


class MissingPackage(Error, ImportError):
    """A package that a conversion needs is not installed."""


class Lapped(Error):
    """The writer overwrote what a reader wanted next: `missed` records were lost, and the reader
    goes on at sequence `resume`.

    Raised by readers with on_lapped="raise" and at the end of a view; stands among the events of
    a batch otherwise.
    """

    missed: int
    resume: int

    def __init__(self, missed: int, resume: int) -> None:
        super().__init__("", "read more often, or give the ring more capacity")
        self.args = (missed, resume)
        self.missed = missed
        self.resume = resume

    def __str__(self) -> str:
        return f"missed {self.missed:,} records; the reader goes on at sequence {self.resume}"

    def __repr__(self) -> str:
        return f"Lapped(missed={self.missed}, resume={self.resume})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Lapped) and self.args == other.args

    def __hash__(self) -> int:
        return hash(self.args)


class LappedWarning(UserWarning):
    """Warns of missed records, for readers with on_lapped="warn"."""


class UnreadableRingWarning(UserWarning):
    """Warns of a ring that `list` could not read."""

"""tickring: a shared-memory market-data bus, read as numpy, polars and pandas.

    import tickring as tr

    ring = tr.open("demo/ticks")
    for batch in ring.reader("oldest"):
        array = batch.array            # numpy, built from the ring's own schema
        frame = batch.to_polars()

A batch holds validated copies; `with reader.view() as v: v.array` shows the slots themselves.
Records that a reader was too slow for are never lost silently: see `Batch.events`.
"""

from tickring._errors import (
    AlreadyOwned,
    CapacityMismatch,
    Corrupt,
    Error,
    InvalidCapacity,
    InvalidName,
    InvalidToken,
    KindMismatch,
    Lapped,
    LappedWarning,
    LayoutVersion,
    MissingPackage,
    NoSpace,
    NotASegment,
    NotFound,
    OsError,
    SchemaInvalid,
    SchemaMismatch,
    SchemaTooLarge,
    Truncated,
    UnreadableRingWarning,
    WrongKind,
    WrongRow,
)
from tickring._native import (
    Batch,
    Closed,
    Field,
    Kind,
    Reader,
    Restarted,
    Ring,
    RingInfo,
    Schema,
    Tombstone,
    View,
    Writer,
    __debug_build__,
    __version__,
    create,
    list,
    open,
)

__all__ = [
    "AlreadyOwned",
    "Batch",
    "CapacityMismatch",
    "Closed",
    "Corrupt",
    "Error",
    "Field",
    "InvalidCapacity",
    "InvalidName",
    "InvalidToken",
    "Kind",
    "KindMismatch",
    "Lapped",
    "LappedWarning",
    "LayoutVersion",
    "MissingPackage",
    "NoSpace",
    "NotASegment",
    "NotFound",
    "OsError",
    "Reader",
    "Restarted",
    "Ring",
    "RingInfo",
    "Schema",
    "SchemaInvalid",
    "SchemaMismatch",
    "SchemaTooLarge",
    "Tombstone",
    "Truncated",
    "UnreadableRingWarning",
    "View",
    "WrongKind",
    "WrongRow",
    "Writer",
    "__version__",
    "create",
    "list",
    "open",
]

if __debug_build__:
    import warnings

    warnings.warn(
        "this is a debug build of tickring, many times slower: maturin develop --release",
        RuntimeWarning,
        stacklevel=2,
    )

"""A program as a user would write it, checked by mypy --strict in test_types.py."""

import numpy as np
import polars as pl

import tickring as tr


def volume_of(name: str) -> int:
    """Adds up the sizes of all trades."""
    ring: tr.Ring = tr.open(name, timeout=5.0)
    total = 0
    for batch in ring.reader("oldest", on_lapped="warn"):
        array = batch.array
        total += int(array["size"][array["action"] == b"T"].sum())
        for event in batch.events:
            match event:
                case tr.Lapped():
                    print(event.missed, event.hint)
                case tr.Restarted(epoch=epoch):
                    print(epoch)
                case tr.Tombstone() | tr.Closed():
                    pass
    return total


def frame_of(reader: tr.Reader) -> pl.DataFrame:
    """Makes a frame of what is there."""
    return reader.wait(100, timeout=1).to_polars(price="fixed")


def largest(reader: tr.Reader) -> int:
    """Looks at the slots themselves."""
    try:
        with reader.view(1024) as view:
            found = int(view.array["size"].max()) if len(view) else 0
    except tr.Lapped as lapped:
        print(lapped.missed)
        found = 0
    return found


def write(directory: str) -> None:
    """Publishes rows."""
    with tr.create("lab/signals", ["mbo"], capacity=1 << 16, directory=directory) as writer:
        writer.publish(np.zeros(10, writer.schema.dtype("mbo")))


def write_own(directory: str) -> None:
    """Publishes rows of one's own."""
    dtype = np.dtype([("strength", "f8"), ("stop_price", "i8")])
    schema = tr.Schema.from_dtype(dtype, "signal", units={"stop_price": "price_e9"})
    with tr.create("lab/signals", schema=schema, directory=directory) as writer:
        writer.publish(np.zeros(10, dtype))


def names() -> list[str]:
    """Lists rings."""
    return [info.name for info in tr.list() if info.state == "live"]

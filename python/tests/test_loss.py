"""Laps, restarts and the end of a ring: outcomes with exact numbers."""

import warnings
from pathlib import Path

import pytest
from support import mbo

import tickring as tr

CAPACITY = 64
RESIDENT = CAPACITY - CAPACITY // 8


def lapped_ring(directory: Path) -> tuple[tr.Writer, tr.Ring]:
    """A ring whose first 1,000 records are published, 944 of them out of reach."""
    writer = tr.create("t/a", ["mbo"], capacity=CAPACITY, directory=directory)
    writer.publish(mbo(writer, 1000))
    return writer, tr.open("t/a", directory=directory)


def test_skip_notes_the_lap_and_goes_on(directory: Path) -> None:
    writer, ring = lapped_ring(directory)
    reader = ring.reader(0)
    batch = reader.poll()
    assert batch.events == [tr.Lapped(944, 944)] and batch.missed == reader.missed == 944
    assert batch.array["order_id"].tolist() == batch.seq.tolist() == list(range(944, 1000))
    writer.publish(mbo(writer, 10))
    assert reader.poll().missed == 0
    writer.publish(mbo(writer, 100))
    assert reader.poll().missed == 100 - RESIDENT and reader.missed == 944 + 100 - RESIDENT


def test_raise_raises_once_and_goes_on(directory: Path) -> None:
    _writer, ring = lapped_ring(directory)
    reader = ring.reader(0, on_lapped="raise")
    with pytest.raises(tr.Lapped) as raised:
        reader.poll()
    assert (raised.value.missed, raised.value.resume) == (944, 944)
    assert "944" in str(raised.value) and raised.value.hint
    batch = reader.poll()
    assert len(batch) == 56 and batch.events == [] and reader.missed == 944
    reader.seek(0)
    with pytest.raises(tr.Lapped):
        next(reader)
    assert len(next(reader)) == 56


def test_warn_warns_and_gives_the_records(directory: Path) -> None:
    _writer, ring = lapped_ring(directory)
    reader = ring.reader(0, on_lapped="warn")
    with pytest.warns(tr.LappedWarning, match="missed 944 records") as caught:
        batch = reader.poll()
    assert len(caught) == 1 and caught[0].filename == __file__
    assert len(batch) == 56 and batch.missed == 944


def test_a_warning_made_an_error_loses_no_record(directory: Path) -> None:
    _writer, ring = lapped_ring(directory)
    reader = ring.reader(0, on_lapped="warn")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(reader.poll()) == 56
        with pytest.raises(tr.LappedWarning):
            reader.poll()
    assert reader.poll().events == []


def test_a_lap_over_a_restart_tells_of_both(directory: Path) -> None:
    writer, ring = lapped_ring(directory)
    skip, strict = ring.reader(990), ring.reader(990, on_lapped="raise")
    del writer
    writer = tr.create("t/a", ["mbo"], capacity=CAPACITY, directory=directory)
    writer.publish(mbo(writer, 500))
    batch = skip.poll()
    missed = 1501 - RESIDENT - 990
    assert batch.events == [tr.Lapped(missed, 1501 - RESIDENT), *batch.events[1:]]
    assert [repr(event) for event in batch.events[1:]] == ["Restarted(epoch=2)"]
    with pytest.raises(tr.Lapped):
        strict.poll()
    assert [repr(event) for event in strict.poll().events] == ["Restarted(epoch=2)"]
    assert writer.epoch == 2 and ring.info.epoch == 2


def test_records_before_an_event_and_behind_it_come_in_one_batch(directory: Path) -> None:
    writer = tr.create("t/a", ["mbo"], directory=directory)
    writer.publish(mbo(writer, 10))
    ring = tr.open("t/a", directory=directory)
    assert ring.info.state == "live"
    del writer
    assert ring.info.state == "dead"
    writer = tr.create("t/a", ["mbo"], directory=directory)
    writer.publish(mbo(writer, 10))
    reader = ring.reader("oldest", on_lapped="raise")
    batch = reader.poll()
    assert batch.array["order_id"].tolist() == batch.seq.tolist()
    assert batch.seq.tolist() == [*range(10), *range(11, 21)]
    (restarted,) = batch.events
    match restarted:
        case tr.Restarted(epoch):
            assert epoch == 2
        case other:
            pytest.fail(f"expected the restart, found {other}")
    reader.seek("oldest")
    assert reader.poll(15).seq.tolist() == [*range(10), *range(11, 16)]


def test_a_closed_ring_ends_an_iteration_and_may_go_on(directory: Path) -> None:
    writer = tr.create("t/a", ["mbo"], directory=directory)
    writer.publish(mbo(writer, 10))
    writer.close()
    reader = tr.open("t/a", directory=directory).reader("oldest")
    assert sum(len(batch) for batch in reader) == 10
    (closed,) = reader.poll().events
    assert repr(closed) == "Closed(reason='ended')" and isinstance(closed, tr.Closed)
    assert len({closed, *reader.wait(5).events}) == 1
    with tr.create("t/a", ["mbo"], directory=directory) as writer:
        writer.publish(mbo(writer, 5))
    batches = list(reader)
    assert sum(len(batch) for batch in batches) == 5
    assert [repr(event) for event in batches[0].events] == ["Restarted(epoch=2)"]


def test_wait_ends_at_the_number_or_the_time(directory: Path) -> None:
    writer = tr.create("t/a", ["mbo"], directory=directory)
    reader = tr.open("t/a", directory=directory).reader()
    assert len(reader.wait(timeout=0)) == 0
    writer.publish(mbo(writer, 7))
    assert len(reader.wait(100, timeout=0.05)) == 7
    writer.publish(mbo(writer, 7))
    assert len(reader.wait(7)) == 7
    for bad in (-1.0, float("nan")):
        with pytest.raises(ValueError, match="timeout"):
            reader.wait(timeout=bad)

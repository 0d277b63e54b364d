"""Records where they stand: validated when the block ends."""

import gc
from pathlib import Path

import numpy as np
import pytest
from support import mbo

import tickring as tr


def ring_of(directory: Path, count: int, *kinds: str) -> tuple[tr.Writer, tr.Reader]:
    writer = tr.create("t/a", ["mbo", *kinds], capacity=64, directory=directory)
    reader = tr.open("t/a", directory=directory).reader()
    writer.publish(mbo(writer, count), kind="mbo")
    return writer, reader


def test_a_view_shows_the_slots_and_moves_the_cursor(directory: Path) -> None:
    _writer, reader = ring_of(directory, 40)
    with reader.view(30) as view:
        assert len(view) == 30 and reader.cursor == 0
        assert view.array.strides == (64,) and not view.array.flags.writeable
        assert view.array.dtype == reader.schema.dtype()
        assert view.array["order_id"].tolist() == view.seq.tolist() == list(range(30))
    assert reader.cursor == 30
    with reader.view() as view:
        assert view.seq.tolist() == list(range(30, 40))
    with reader.view() as view:
        assert len(view) == 0 and len(view.array) == 0 and view.passed.events == []


def test_a_view_ends_at_the_end_of_the_ring(directory: Path) -> None:
    writer, reader = ring_of(directory, 60)
    reader.seek("latest")
    writer.publish(mbo(writer, 10))
    lengths = []
    for _ in range(2):
        with reader.view() as view:
            assert view.array["order_id"].tolist() == view.seq.tolist()
            lengths.append(len(view))
    assert lengths == [4, 6]


def test_a_view_that_is_overwritten_raises_with_the_exact_loss(directory: Path) -> None:
    writer, reader = ring_of(directory, 10)
    with pytest.raises(tr.Lapped) as raised, reader.view() as view:
        assert view.array["order_id"].tolist() == list(range(10))
        writer.publish(mbo(writer, 200))
        assert view.array["order_id"].tolist() != list(range(10))  # it shows the slots
    assert (raised.value.missed, raised.value.resume) == (210 - 56, 210 - 56)
    assert reader.missed == 210 - 56 and reader.cursor == 210 - 56
    assert len(reader.poll()) == 56


def test_a_view_that_is_nearly_overwritten_is_valid(directory: Path) -> None:
    writer, reader = ring_of(directory, 10)
    with reader.view() as view:
        writer.publish(mbo(writer, 54))  # the ring is full now: 64 records
        found = view.array["order_id"].tolist()
    assert found == list(range(10)) and reader.cursor == 10


def test_an_exception_in_the_block_leaves_the_cursor(directory: Path) -> None:
    writer, reader = ring_of(directory, 10)
    with pytest.raises(ZeroDivisionError), reader.view():
        raise ZeroDivisionError
    assert reader.cursor == 0
    with pytest.raises(tr.Lapped) as raised, reader.view():
        writer.publish(mbo(writer, 200))
        raise ZeroDivisionError  # perhaps because of what was overwritten
    assert isinstance(raised.value.__context__, ZeroDivisionError)


def test_a_lap_before_the_view_is_told_as_the_reader_wishes(directory: Path) -> None:
    writer, reader = ring_of(directory, 1000)
    reader.seek(0)
    with reader.view() as view:
        assert view.passed.events == [tr.Lapped(944, 944)]
        seen = view.seq.tolist()
    with reader.view() as view:
        seen += view.seq.tolist()
    assert seen == list(range(944, 1000))
    strict = tr.open("t/a", directory=directory).reader(0, on_lapped="raise")
    with pytest.raises(tr.Lapped), strict.view():
        pytest.fail("the block must not be entered")
    with strict.view() as view:
        assert view.seq[0] == 944
    assert writer.next_seq == 1000


def test_control_records_are_passed_over_and_not_lost(directory: Path) -> None:
    writer, reader = ring_of(directory, 3, "gap")
    gap = np.zeros(2, writer.schema.dtype("gap"))
    gap["attempts"] = [1, 2]
    writer.publish(gap, kind="gap")
    writer.publish(mbo(writer, 2))
    del writer
    writer = tr.create("t/a", ["mbo", "gap"], capacity=64, directory=directory)
    writer.publish(mbo(writer, 1))
    with reader.view() as view:
        assert view.seq.tolist() == [0, 1, 2] and len(view.passed) == 0
    with reader.view() as view:
        assert view.passed.of("gap")["attempts"].tolist() == [1, 2]
        assert view.array["order_id"].tolist() == view.seq.tolist() == [5, 6]
    with reader.view() as view:
        assert [repr(event) for event in view.passed.events] == ["Restarted(epoch=2)"]
        assert view.array["order_id"].tolist() == view.seq.tolist() == [8]
    writer.close()
    with reader.view() as view:
        assert [repr(event) for event in view.passed.events] == ["Closed(reason='ended')"]
        assert len(view) == 0


def test_a_ring_of_several_kinds_shows_headers(directory: Path) -> None:
    writer, reader = ring_of(directory, 2, "trade")
    writer.publish(np.zeros(3, writer.schema.dtype("trade")), kind="trade")
    with reader.view() as view:
        assert view.array["rtype"].tolist() == [0xA0, 0xA0, 0, 0, 0]
        assert view.array.dtype.names == (
            "length", "rtype", "publisher_id", "instrument_id", "ts_event",
        )  # fmt: skip


def test_a_view_is_there_only_within_its_block(directory: Path) -> None:
    _writer, reader = ring_of(directory, 10)
    view = reader.view()
    with pytest.raises(RuntimeError, match="with"):
        _ = view.array
    with view:
        array = view.array
    with pytest.raises(RuntimeError, match="with"):
        _ = view.seq
    del view, reader
    gc.collect()
    array.tobytes()  # void, but still mapped

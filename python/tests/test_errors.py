"""Errors: a class for each, and a hint that says what to do next."""

import os
import pickle
from pathlib import Path
from typing import Any

import pytest
from support import mbo

import tickring as tr


def test_a_missing_ring_names_those_that_are_there(directory: Path) -> None:
    with pytest.raises(tr.NotFound, match="no ring at all") as raised:
        tr.open("demo/ticks", directory=directory)
    assert "TICKRING_DIR" in raised.value.hint
    tr.create("demo/ticks", ["mbo"], directory=directory)
    tr.create("demo/bars", ["bar_1s"], directory=directory)
    with pytest.raises(tr.NotFound, match="demo/bars, demo/ticks") as raised:
        tr.open("demo/tick", directory=directory, timeout=0.01)
    assert raised.value.hint == "did you mean demo/ticks?"
    with pytest.raises(tr.NotFound) as raised:
        tr.open("x/y", directory=directory)
    assert "tickring.list()" in raised.value.hint


def test_a_bad_name_is_refused(directory: Path) -> None:
    for name in ("ticks", "Demo/ticks", "../x/y", ""):
        with pytest.raises(tr.InvalidName, match="bus/ring") as raised:
            tr.open(name, directory=directory)
        assert "demo/ticks" in raised.value.hint


def test_a_foreign_file_is_not_a_segment(directory: Path) -> None:
    (directory / "lab").mkdir()
    (directory / "lab" / "notes.ring").write_bytes(b"notes on rings\n" * 1000)
    with pytest.raises(tr.NotASegment, match="TICKRING") as raised:
        tr.open("lab/notes", directory=directory)
    assert "notes.ring" in raised.value.hint
    tr.create("lab/good", ["mbo"], directory=directory)
    with pytest.warns(tr.UnreadableRingWarning, match="notes.ring"):
        assert [ring.name for ring in tr.list(directory)] == ["lab/good"]


@pytest.mark.parametrize("size", [0, 7, 4096, 100_000])
def test_a_truncated_segment_is_refused(directory: Path, size: int) -> None:
    tr.create("t/a", ["mbo"], directory=directory)
    os.truncate(directory / "t" / "a.ring", size)
    with pytest.raises(tr.Truncated, match="bytes") as raised:
        tr.open("t/a", directory=directory)
    assert "a.ring" in raised.value.hint


def test_a_damaged_segment_is_an_error_and_no_crash(directory: Path) -> None:
    tr.create("t/a", ["mbo"], capacity=64, directory=directory)
    path = directory / "t" / "a.ring"
    whole = path.read_bytes()
    refused = 0
    for at in [*range(0, 128, 4), *range(4096, 4096 + 2048, 64)]:
        path.write_bytes(whole[:at] + b"\xff\xff\xff\xff" + whole[at + 4 :])
        try:
            tr.open("t/a", directory=directory).reader("oldest").poll()
        except tr.Error as error:
            assert str(error) and error.hint, at
            refused += 1
    assert refused > 32


def test_another_layout_version_is_told_apart(directory: Path) -> None:
    tr.create("t/a", ["mbo"], capacity=64, directory=directory)
    path = directory / "t" / "a.ring"
    whole = path.read_bytes()
    path.write_bytes(whole[:8] + b"\x63\x00\x00\x00" + whole[12:])
    with pytest.raises(tr.LayoutVersion, match="99") as raised:
        tr.open("t/a", directory=directory)
    assert "upgrade" in raised.value.hint


def test_a_ring_has_one_writer_of_one_form(directory: Path) -> None:
    writer = tr.create("t/a", ["mbo"], directory=directory)
    with pytest.raises(tr.AlreadyOwned, match=str(os.getpid())) as raised:
        tr.create("t/a", ["mbo"], directory=directory)
    assert str(os.getpid()) in raised.value.hint
    del writer
    with pytest.raises(tr.SchemaMismatch, match="trade"):
        tr.create("t/a", ["trade"], directory=directory)
    with pytest.raises(tr.CapacityMismatch) as raised_capacity:
        tr.create("t/a", ["mbo"], capacity=128, directory=directory)
    assert raised_capacity.value.hint == "ask for capacity=65536"
    with pytest.raises(tr.InvalidCapacity, match="power of two"):
        tr.create("t/b", ["mbo"], capacity=1000, directory=directory)
    with pytest.raises(tr.SchemaInvalid):
        tr.create("t/b", ["mbo", "mbo"], directory=directory)
    with pytest.raises(ValueError, match="no built-in kind 'mb0'"):
        tr.create("t/b", ["mb0"], directory=directory)
    with pytest.raises(ValueError, match="dim="):
        tr.create("t/b", ["vector"], directory=directory)
    with pytest.raises(ValueError, match="f32, f16 or i8"):
        lanes: Any = "f8"
        tr.create("t/b", ["vector"], dim=4, lanes=lanes, directory=directory)


def test_a_directory_that_cannot_be_made_is_an_os_error(directory: Path) -> None:
    (directory / "file").write_text("")
    with pytest.raises(tr.OsError, match="file"):
        tr.create("t/a", ["mbo"], directory=directory / "file")


def test_a_read_only_file_is_enough_to_read(directory: Path) -> None:
    with tr.create("t/a", ["mbo"], mode=0o444, directory=directory) as writer:
        writer.publish(mbo(writer, 10))
    path = directory / "t" / "a.ring"
    assert path.stat().st_mode & 0o777 == 0o444
    assert len(tr.open("t/a", directory=directory).reader("oldest").poll()) == 10


def test_errors_are_one_family_and_survive_pickling() -> None:
    family = [value for value in vars(tr).values() if isinstance(value, type)]
    errors = [value for value in family if issubclass(value, Exception)]
    warnings = {tr.LappedWarning, tr.UnreadableRingWarning}
    assert len(errors) > 15 and all(issubclass(e, tr.Error) for e in set(errors) - warnings)
    again = pickle.loads(pickle.dumps(tr.NotFound("no ring", "look again")))
    assert (str(again), again.hint) == ("no ring", "look again")
    lapped = pickle.loads(pickle.dumps(tr.Lapped(3, 7)))
    assert lapped == tr.Lapped(3, 7) and lapped != tr.Lapped(3, 8)
    assert repr(lapped) == "Lapped(missed=3, resume=7)"

"""Waiting, joining at a time or a token, and the ways in which a ring ends."""

import os
import signal
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support import mbo, start_python

import tickring as tr


def ends(reader: tr.Reader) -> list[str]:
    """Reads to the end and says why it ended."""
    events: list[object] = []
    for _ in range(10):
        batch = reader.wait(timeout=10)
        events = batch.events
        if not len(batch):
            break
    return [event.reason for event in events if isinstance(event, tr.Closed)]


def test_a_wait_in_another_thread_ends_with_the_first_record(directory: Path) -> None:
    writer = tr.create("t/a", ["mbo"], capacity=64, directory=directory)
    ring = tr.open("t/a", directory=directory)
    reader = ring.reader(name="sleeper")
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.extend(reader.wait(timeout=60).seq.tolist()))
    thread.start()
    time.sleep(0.1)
    begun = time.process_time()
    time.sleep(0.5)
    used = time.process_time() - begun
    assert thread.is_alive() and used < 0.05, f"{used} s of processor time while nothing came"
    writer.publish(mbo(writer, 1))
    thread.join(60)
    assert found == [0]


def test_control_c_ends_a_sleeping_wait_and_the_reader_goes_on(directory: Path) -> None:
    code = """
import sys, tickring as tr
reader = tr.open("t/a", directory=sys.argv[1]).reader()
try:
    print("begun", flush=True)
    reader.wait()
except KeyboardInterrupt:
    print("interrupted", flush=True)
print(reader.wait(timeout=60).seq.tolist())
"""
    writer = tr.create("t/a", ["mbo"], capacity=64, directory=directory)
    process = start_python(code, directory)
    assert process.stdout is not None and process.stdout.readline() == "begun\n"
    # The kernel shows the number of the call that a thread sleeps in: 202 is futex.
    while not Path(f"/proc/{process.pid}/syscall").read_text().startswith("202 "):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "interrupted\n", process.communicate()
    writer.publish(mbo(writer, 2))
    out, err = process.communicate(timeout=60)
    assert out == "[0, 1]\n", err


def test_a_reader_joins_at_an_age_a_time_or_a_token(directory: Path) -> None:
    writer = tr.create("t/a", ["mbo"], capacity=1024, directory=directory)
    ring = tr.open("t/a", directory=directory)
    writer.publish(mbo(writer, 320))
    time.sleep(0.2)
    between = datetime.now(UTC)
    writer.publish(mbo(writer, 100))
    assert ring.reader("-1h").cursor == 0 and ring.reader("-0s").cursor == 420
    # Times are kept for every 64th record: the first one of that time is 320.
    assert ring.reader(between).cursor == 256
    assert ring.reader(between - timedelta(hours=1)).cursor == 0
    assert ring.reader(between + timedelta(hours=1)).cursor == 420
    reader = ring.reader("oldest")
    assert len(reader.poll(17)) == 17
    assert ring.reader(reader.token).poll(1).seq.tolist() == [17]
    for start in (datetime(2026, 1, 5, 14, 30), "-5 parsecs", "-s"):
        with pytest.raises(ValueError, match="zone"):
            ring.reader(start)


def test_a_token_of_another_ring_is_refused(directory: Path) -> None:
    for name in ("t/a", "t/b"):
        tr.create(name, ["mbo"], capacity=64, directory=directory)
    token = tr.open("t/a", directory=directory).reader().token
    with pytest.raises(tr.InvalidToken, match="t/b") as raised:
        tr.open("t/b", directory=directory).reader(token)
    assert "oldest" in raised.value.hint


def test_a_replaced_ring_is_read_to_its_end_and_then_retired(directory: Path) -> None:
    writer = tr.create("t/a", ["mbo"], capacity=64, directory=directory)
    writer.publish(mbo(writer, 3))
    ring = tr.open("t/a", directory=directory)
    reader = ring.reader("oldest")
    with pytest.raises(tr.AlreadyOwned):
        tr.create("t/a", ["trade"], capacity=64, replace=True, directory=directory)
    del writer
    with pytest.raises(tr.SchemaMismatch) as raised:
        tr.create("t/a", ["trade"], capacity=64, directory=directory)
    assert "replace=True" in raised.value.hint
    successor = tr.create("t/a", ["trade"], capacity=64, replace=True, directory=directory)
    assert (successor.epoch, successor.next_seq) == (1, 0)
    assert len(reader.poll()) == 3 and ends(reader) == ["retired"]
    assert ring.info.state == "retired"
    assert [kind.name for kind in ring.reader().schema.kinds][0] == "trade"


def test_a_removed_ring_is_told_to_its_readers(directory: Path) -> None:
    writer = tr.create("t/a", ["mbo"], capacity=64, directory=directory)
    writer.publish(mbo(writer, 3))
    reader = tr.open("t/a", directory=directory).reader("oldest")
    os.unlink(directory / "t" / "a.ring")
    assert len(reader.poll()) == 3 and ends(reader) == ["removed"]


def test_readers_are_listed_with_their_names_and_places(directory: Path) -> None:
    writer = tr.create("t/a", ["mbo"], capacity=1024, directory=directory)
    ring = tr.open("t/a", directory=directory)
    assert ring.readers() == []
    before = time.time_ns()
    mine = ring.reader("oldest", name="my strategy")
    hidden, other = ring.reader(name=""), ring.reader("oldest")
    writer.publish(mbo(writer, 200))
    assert len(mine.poll()) == 200 and len(hidden.poll()) == 200
    first, second = ring.readers()
    assert (first.name, first.pid, first.is_alive) == ("my strategy", os.getpid(), True)
    assert before <= first.since_ns <= time.time_ns() and first.polls >= 1
    assert (first.cursor + first.lag, first.missed, first.laps) == (200, 0, 0)
    assert first.cursor > 200 - 64 and (second.cursor, second.lag) == (0, 200)
    assert second.name == Path("/proc/self/comm").read_text().strip()
    assert repr(first).startswith('ReaderInfo(name="my strategy", pid=')
    writer.publish(mbo(writer, 2000))
    assert other.poll().missed == ring.readers()[1].missed > 0
    assert ring.readers()[1].laps == 1
    del mine, other
    assert ring.readers() == []

"""Writers and readers in processes of their own."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from support import mbo, run_python, start_python

import tickring as tr

WRITE = """
import sys
from support import mbo
import tickring as tr
directory, count, step = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
writer = tr.create("t/a", ["mbo"], capacity=1 << 17, directory=directory)
first = writer.next_seq
while writer.next_seq < first + count:
    writer.publish(mbo(writer, step))
"""
CLOSE = "writer.close()"
LINGER = "sys.stdin.read()"


def test_a_reader_gets_everything_from_a_writer_in_another_process(directory: Path) -> None:
    writer = start_python(WRITE + CLOSE, directory, 100_000, 100)
    reader = tr.open("t/a", timeout=60, directory=directory).reader(0)
    seen = 0
    for batch in reader:
        ids = batch.array["order_id"]
        np.testing.assert_array_equal(ids, np.arange(seen, seen + len(batch)))
        np.testing.assert_array_equal(ids, batch.seq)
        seen += len(batch)
    assert seen == 100_000 and reader.missed == 0
    assert writer.wait(60) == 0, writer.communicate()
    writer.communicate()


def test_a_reader_in_another_process_counts_the_same(directory: Path) -> None:
    run_python(WRITE + CLOSE, directory, 50_000, 1000)
    count = """
import sys
import tickring as tr
sizes = [batch.array["size"].sum() for batch in tr.open("t/a", directory=sys.argv[1]).reader(0)]
print(sum(sizes))
"""
    assert int(run_python(count, directory)) == sum(n % 100 for n in range(50_000))


def test_readers_go_on_over_writers_that_are_killed(directory: Path) -> None:
    lives, per_life = 4, 20_000
    reader, events = None, []
    seen: list[np.ndarray] = []
    for life in range(1, lives + 1):
        # Killed while it publishes record by record, so that a record may be torn.
        writer = start_python(WRITE + LINGER, directory, per_life, 1)
        if reader is None:
            reader = tr.open("t/a", timeout=60, directory=directory).reader(0)
        fresh = 0
        while fresh < 500 * life:
            batch = reader.wait(timeout=60)
            assert len(batch) or batch.events, "the writer publishes nothing"
            fresh += len(batch)
            seen.append(batch.seq.copy())
            events += batch.events
            np.testing.assert_array_equal(batch.array["order_id"], batch.seq)
        os.kill(writer.pid, signal.SIGKILL)
        assert writer.wait(60) == -signal.SIGKILL
        writer.communicate()
    assert reader is not None
    rest = reader.poll()
    seen.append(rest.seq.copy())
    events += rest.events
    sequences = np.concatenate(seen)
    restarts = [event for event in events if isinstance(event, tr.Restarted)]
    tombstones = [event for event in events if isinstance(event, tr.Tombstone)]
    assert [event.epoch for event in restarts] == list(range(2, lives + 1))
    assert len(events) == len(restarts) + len(tombstones) and reader.missed == 0
    # Every sequence is a record that was read once, a restart, or a tombstone.
    assert (np.diff(sequences.astype(np.int64)) > 0).all()
    assert len(sequences) + len(restarts) + len(tombstones) == reader.cursor
    assert tr.open("t/a", directory=directory).info.state == "dead"


def test_control_c_ends_a_wait_and_an_open(directory: Path) -> None:
    tr.create("t/a", ["mbo"], directory=directory)
    wait = 'tr.open("t/a", directory=sys.argv[1]).reader().wait()'
    for what in (wait, 'tr.open("t/none", timeout=1e9, directory=sys.argv[1])'):
        code = f"import sys, tickring as tr\nprint('begun', flush=True)\n{what}"
        process = start_python(code, directory)
        assert process.stdout is not None and process.stdout.readline() == "begun\n"
        process.send_signal(signal.SIGINT)
        _out, err = process.communicate(timeout=60)
        assert process.returncode != 0 and "KeyboardInterrupt" in err, err


def test_what_an_interrupted_wait_had_collected_is_given_out_next(directory: Path) -> None:
    writer = tr.create("t/a", ["mbo"], directory=directory)
    reader = tr.open("t/a", directory=directory).reader()
    writer.publish(mbo(writer, 3))
    with pytest.raises(KeyboardInterrupt):
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
        reader.wait(10)
    writer.publish(mbo(writer, 2))
    assert reader.poll().seq.tolist() == [0, 1, 2, 3, 4]


def test_other_threads_run_while_a_reader_waits(directory: Path) -> None:
    writer = tr.create("t/a", ["mbo"], directory=directory)
    reader = tr.open("t/a", directory=directory).reader()
    rows = np.zeros(3, writer.schema.dtype())
    thread = threading.Timer(0.05, lambda: writer.publish(rows))
    thread.start()
    assert len(reader.wait(3, timeout=60)) == 3
    thread.join()


def test_a_forked_child_has_a_cursor_of_its_own(directory: Path) -> None:
    code = """
import os, sys
from support import mbo
import tickring as tr
writer = tr.create("t/a", ["mbo"], directory=sys.argv[1])
reader = tr.open("t/a", directory=sys.argv[1]).reader()
writer.publish(mbo(writer, 10))
child = os.fork()
found = len(reader.poll())
if child == 0:
    os._exit(found)
print(found, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert run_python(code, directory).split() == ["10", "10"]


def test_the_directory_is_that_of_the_environment(directory: Path) -> None:
    tr.create("demo/ticks", ["mbo"], directory=directory)
    code = "import tickring as tr; print([ring.name for ring in tr.list()])"
    environment = {**os.environ, "TICKRING_DIR": str(directory)}
    out = subprocess.run(
        [sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True
    )
    assert out.stdout == "['demo/ticks']\n"


def test_import_brings_in_no_heavy_package() -> None:
    code = """
import sys
import tickring
heavy = {"numpy", "polars", "pandas", "pyarrow", "dataclasses", "typing", "asyncio"}
print(sorted(heavy & set(sys.modules)))
"""
    out = subprocess.run(
        [sys.executable, "-I", "-c", code], check=True, capture_output=True, text=True
    )
    assert out.stdout == "[]\n"

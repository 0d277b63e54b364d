"""A client of `tickring ann` in another process, against numpy.

Needs TICKRING_BIN, the path of the command line tool.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import start_python

import tickring as tr

DIM, COUNT = 16, 2_000
Lanes = np.ndarray[Any, np.dtype[np.float32]]


def publish(directory: Path) -> Lanes:
    """Vectors of three instruments whose tags are their parity, in a ring that stays open."""
    writer = tr.create("t/vectors", ["vector"], dim=DIM, capacity=1 << 12, directory=directory)
    rows = np.zeros(COUNT, writer.schema.dtype("vector"))
    lanes = np.random.default_rng(5).normal(size=(COUNT, DIM)).astype(np.float32)
    rows["vec_id"] = np.arange(COUNT) + 100
    rows["dim"], rows["lanes"] = DIM, lanes
    rows["instrument_id"], rows["flags"] = np.arange(COUNT) % 3, np.arange(COUNT) % 2
    rows["ts_event"] = np.arange(COUNT) + 5_000
    writer.publish(rows)
    return lanes


class Matcher:
    """`tickring ann` over the vectors of the bus `t`."""

    def __init__(self, directory: Path, *words: str) -> None:
        binary = os.environ.get("TICKRING_BIN")
        if not binary:
            pytest.skip("TICKRING_BIN is not set: the command line tool is not tested with Python")
        command = [binary, "ann", "t", "--quiet", "--from", "oldest", "--index", "exact"]
        self.process = subprocess.Popen(
            [*command, "--requests", "--window", "4000", *words],
            env={**os.environ, "TICKRING_DIR": str(directory)},
            stdout=subprocess.DEVNULL,
        )
        tr.open("t/matches", timeout=20, directory=directory)

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        self.process.send_signal(how)
        self.process.wait(timeout=20)


@pytest.fixture
def lanes(directory: Path) -> Lanes:
    return publish(directory)


@pytest.fixture
def matcher(directory: Path, lanes: Lanes) -> Iterator[Matcher]:
    matcher = Matcher(directory)
    yield matcher
    matcher.end()


def nearest(lanes: Lanes, query: Lanes, k: int, among: Any = None) -> list[int]:
    """The ids of the nearest in double precision."""
    places = np.arange(len(lanes)) if among is None else np.flatnonzero(among)
    distances = ((lanes[places].astype(np.float64) - query) ** 2).sum(axis=1)
    return [int(place) + 100 for place in places[np.argsort(distances, kind="stable")[:k]]]


def wait_for_all(client: tr.Client) -> None:
    """Until the matcher has read every vector."""
    end = time.monotonic() + 20
    while client.search(np.zeros(DIM), 1).watermarks[0] < COUNT:
        assert time.monotonic() < end


def test_answers_equal_those_of_numpy(directory: Path, lanes: Lanes, matcher: Matcher) -> None:
    queries = np.random.default_rng(6).normal(size=(300, DIM)).astype(np.float32)
    with tr.Client("t", directory=directory) as client:
        wait_for_all(client)
        found = client.search(queries, 7)
        one = client.search(queries[3].tolist(), 7)
    assert found.ids.shape == found.distances.shape == (300, 7) and len(found) == 300
    assert found.ids.tolist() == [nearest(lanes, query, 7) for query in queries]
    expected = ((lanes[found.ids[:, 0] - 100] - queries) ** 2).sum(axis=1)
    assert np.allclose(found.distances[:, 0], expected, rtol=1e-4)
    assert (found.watermarks == COUNT).all() and (found.latencies_ns > 0).all()
    assert not found.approximate and not found.incomplete
    assert one.ids.tolist() == found.ids[3].tolist() and one.ids.shape == (7,)
    assert [ring.name for ring in tr.list(directory)] == ["t/matches", "t/vectors"]


def test_filters_leave_what_they_say(directory: Path, lanes: Lanes, matcher: Matcher) -> None:
    query, place = lanes[77] + np.float32(0.1), np.arange(COUNT)
    with tr.Client("t", directory=directory) as client:
        wait_for_all(client)
        of_two = client.search(query, 5, instrument=2)
        assert of_two.ids.tolist() == nearest(lanes, query, 5, place % 3 == 2)
        odd = client.search(query, 5, tag=1)
        assert odd.ids.tolist() == nearest(lanes, query, 5, place % 2 == 1)
        even = client.search(query, 5, tag=0, tag_mask=1)
        assert even.ids.tolist() == nearest(lanes, query, 5, place % 2 == 0)
        late = client.search(query, 50, since=6_990, until=6_995)
        assert sorted(late.ids.tolist()) == [2_090, 2_091, 2_092, 2_093, 2_094, 2_095]
        within = client.search(np.stack([query, query + 50]), 9, radius=1.0)
        assert within.counts.tolist() == [1, 0]
        assert within.ids.tolist() == [[177], [2**64 - 1]]
        assert np.isnan(within.distances[1, 0])


def test_a_client_goes_on_with_the_matcher_that_takes_over(directory: Path, lanes: Lanes) -> None:
    matcher = Matcher(directory)
    with tr.Client("t", directory=directory) as client:
        wait_for_all(client)
        matcher.end(signal.SIGKILL)
        with pytest.raises(tr.NoAnswer, match="start `tickring ann t --requests`") as raised:
            client.search(lanes[5], 1, timeout=0.2)
        assert isinstance(raised.value, TimeoutError) and raised.value.hint
        matcher = Matcher(directory)
        wait_for_all(client)
        assert client.search(lanes[5], 1).ids.tolist() == [105]
    matcher.end()
    with pytest.raises(ValueError, match="closed"):
        client.search(lanes[5])


def test_a_client_waits_for_a_matcher_that_comes_later(directory: Path, lanes: Lanes) -> None:
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(tr.Client, "t", timeout=20, directory=directory)
        time.sleep(0.1)
        assert not coming.done(), "there are no matches yet"
        matcher = Matcher(directory)
        with coming.result() as client:
            wait_for_all(client)
            assert client.search(lanes[9], 1).ids.tolist() == [109]
    matcher.end()
    with pytest.raises(tr.NotFound):
        tr.Client("u", timeout=0.1, directory=directory)


def test_what_cannot_be_asked_is_refused(directory: Path, lanes: Lanes) -> None:
    with pytest.raises(tr.NotFound):
        tr.Client("t", directory=directory)
    tr.create("t/matches", ["match"], capacity=64, directory=directory)
    with pytest.raises(tr.NoRequests, match="--requests"):
        tr.Client("t", directory=directory)
    tr.create("u/vectors", ["vector"], dim=DIM, capacity=64, directory=directory)
    tr.create("u/matches", ["match", "answer"], capacity=64, directory=directory)
    with tr.Client("u", directory=directory) as client:
        assert client.dim == DIM
        for queries in (np.zeros(DIM + 1), np.zeros((2, 3)), np.zeros((1, 1, DIM)), 0.0):
            with pytest.raises(ValueError, match=r"expected \(16,\) or \(n, 16\)"):
                client.search(queries)
        with pytest.raises(ValueError, match="not finite"):
            client.search(np.full(DIM, np.nan))
        with pytest.raises(ValueError, match="timeout"):
            client.search(np.zeros(DIM), timeout=-1)


ASK = """
import sys, numpy as np, tickring as tr
seed, directory = int(sys.argv[1]), sys.argv[2]
with tr.Client("t", directory=directory) as client:
    queries = np.random.default_rng(seed).normal(size=(500, 16)).astype("f4")
    print(client.search(queries, 3, timeout=30).ids.tolist())
"""


def test_processes_that_ask_at_once_get_their_own_answers(
    directory: Path, lanes: Lanes, matcher: Matcher
) -> None:
    with tr.Client("t", directory=directory) as client:
        wait_for_all(client)
    processes = [(seed, start_python(ASK, seed, directory)) for seed in (1, 2, 3)]
    for seed, process in processes:
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        queries = np.random.default_rng(seed).normal(size=(500, DIM)).astype(np.float32)
        assert out.strip() == str([nearest(lanes, query, 3) for query in queries])


def test_control_c_ends_a_wait(directory: Path, lanes: Lanes) -> None:
    tr.create("t/matches", ["match", "answer"], capacity=64, directory=directory)
    code = "import sys, tickring as tr; c = tr.Client('t', directory=sys.argv[1]); print(1, "
    code += "flush=True); c.search([0.0] * 16, timeout=None)"
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(directory)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"1\n"
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert b"KeyboardInterrupt" in err

"""The producer is killed while a Rust and a Python reader follow; another one takes over."""

import json
import os
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest

import tickring as tr

FEED = ["feed", "simulate", "--to", "kill", "--seed", "5", "--pace", "50000/s"]


def test_both_readers_go_on_through_kills_without_attaching_again(directory: Path) -> None:
    tool = os.environ.get("TICKRING_BIN")
    if not tool:
        pytest.skip("TICKRING_BIN is not set: the command line tool is not tested with Python")
    environment = {**os.environ, "TICKRING_DIR": str(directory)}

    def start(*words: str, out: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [tool, *words], env=environment, stdout=out, stderr=subprocess.DEVNULL, text=True
        )

    feed = start(*FEED)
    tail = None
    try:
        reader = tr.open("kill/ticks", timeout=20, directory=directory).reader(0)
        out = subprocess.PIPE
        tail = start("tail", "kill/ticks", "-f", "--from", "0", "--json", out=out)
        seen: list[int] = []
        events: list[object] = []

        def follow(records: int) -> None:
            want = len(seen) + records
            while len(seen) < want and not any(isinstance(e, tr.Closed) for e in events):
                batch = reader.wait(1, timeout=20)
                seen.extend(batch.seq_of().tolist())
                events.extend(batch.events)
                assert len(batch) or batch.events, "the producer is stuck"

        for _ in range(2):
            follow(10_000)
            feed.send_signal(signal.SIGKILL)
            feed.wait()
            feed = start(*FEED)
        follow(10_000)
        feed.send_signal(signal.SIGTERM)
        assert feed.wait(20) == 0
        follow(1_000_000)
        rust = [json.loads(line)["seq"] for line in tail.communicate(timeout=60)[0].splitlines()]
    finally:
        for process in (feed, tail):
            if process is not None:
                process.kill()
                process.wait()

    restarts = [event.epoch for event in events if isinstance(event, tr.Restarted)]
    tombstones = [event for event in events if isinstance(event, tr.Tombstone)]
    assert restarts == [2, 3] and len(tombstones) <= 2 and reader.missed == 0
    assert rust == seen, "both saw the same records"
    steps = np.diff(np.array(seen, dtype=np.int64))
    assert (steps >= 1).all(), "no sequence twice or out of order"
    skipped = int((steps - 1).sum())
    assert skipped == len(restarts) + len(tombstones), "each skipped sequence was reported"
    assert seen[0] == 0 and reader.cursor == seen[-1] + 1

"""What a ring says about itself."""

import os
import time
from pathlib import Path

from support import mbo

import tickring as tr


def test_info_follows_the_ring(directory: Path) -> None:
    before = time.time_ns()
    writer = tr.create("demo/ticks", ["mbo"], capacity=1024, directory=directory)
    ring = tr.open("demo/ticks", directory=directory)
    info = ring.info
    assert (info.name, info.state, info.published, info.epoch) == ("demo/ticks", "live", 0, 1)
    assert info.capacity == 1024 and info.stride_bytes == 64 and info.owner_pid == os.getpid()
    assert before <= info.created_ns <= info.owner_since_ns <= time.time_ns()
    assert info.path == directory / "demo" / "ticks.ring"
    assert info.segment_bytes == os.path.getsize(info.path) and len(info.ring_id) == 32
    writer.publish(mbo(writer, 5))
    writer.heartbeat()
    assert ring.info.published == 5 and ring.info.heartbeat_ns > info.heartbeat_ns
    assert info == info and info != ring.info
    writer.close()
    assert ring.info.state == "closed"


def test_list_names_all_rings_in_order(directory: Path) -> None:
    assert tr.list(directory / "none") == tr.list(directory) == []
    for name in ("demo/ticks", "demo/bars", "lab/a"):
        tr.create(name, ["bar_1m"], capacity=64, directory=directory)
    rings = tr.list(directory)
    assert [ring.name for ring in rings] == ["demo/bars", "demo/ticks", "lab/a"]
    assert all(ring.state == "dead" for ring in rings)


def test_reprs_say_what_one_wants_to_know(directory: Path) -> None:
    writer = tr.create("demo/ticks", ["mbo"], capacity=64, directory=directory)
    ring = tr.open("demo/ticks", directory=directory)
    writer.publish(mbo(writer, 100))
    reader = ring.reader(0)
    assert repr(ring) == "<tickring.Ring demo/ticks: 100 records published, 64 slots>"
    assert repr(reader) == "<tickring.Reader of demo/ticks at 0, lag 100, missed 0>"
    assert repr(reader.poll()) == (
        "<tickring.Batch of 56 records from sequence 44, Lapped(missed=44, resume=44)>"
    )
    assert repr(ring.info).startswith("RingInfo(name='demo/ticks', state='live', published=100,")
    assert repr(ring.schema) == "Schema(kinds=[mbo, restart, tombstone])"
    kind = ring.schema.kinds[0]
    assert repr(kind) == "Kind(name='mbo', rtype=0xa0, size=56, fields=15)"
    assert repr(kind.fields[6]) == (
        "Field(name='price', offset=24, type='i64', count=1, unit='price_e9')"
    )

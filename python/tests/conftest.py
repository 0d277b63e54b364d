"""A directory of rings for each test, in shared memory where there is some."""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

# A shell may start background work with SIGINT ignored; the tests of Ctrl-C need it.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def directory() -> Iterator[Path]:
    parent = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    path = Path(tempfile.mkdtemp(prefix="tickring-test-", dir=parent))
    yield path
    # A writer that was killed leaves a control segment outside of the directory.
    for ring in path.rglob("*.ring"):
        ring_id = int.from_bytes(ring.read_bytes()[32:40], "little")
        Path(f"/dev/shm/tickring-control-{ring_id:016x}").unlink(missing_ok=True)
    shutil.rmtree(path)

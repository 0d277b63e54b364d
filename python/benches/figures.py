"""What the package costs, in nanoseconds per record unless said otherwise.

    python python/benches/figures.py

Each figure is the best and the median of some runs on one ring of 64-byte slots, hot, 65,536
records at a time. On a shared machine only ratios within one run tell anything.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

import numpy as np

import tickring as tr

RECORDS = 65_536


def measure(what: str, run: Callable[[], object], per: int, turns: int, unit: str = "ns") -> None:
    """Prints the cost of `run`, divided by `per`."""
    scale = {"ns": 1, "ms": 1_000_000}[unit]
    times = []
    for _ in range(turns):
        begin = time.perf_counter_ns()
        run()
        times.append((time.perf_counter_ns() - begin) / per / scale)
    print(f"{what:44} best {min(times):8.1f}  median {statistics.median(times):8.1f} {unit}")


def start(code: str) -> None:
    """Runs `code` in a new process."""
    subprocess.run([sys.executable, "-I", "-c", code], check=True)


def main() -> None:
    """Measures everything on a ring that it makes and removes."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as directory:
        writer = tr.create("bench/ticks", ["mbo", "gap"], capacity=2 * RECORDS, directory=directory)
        rows = np.zeros(RECORDS, writer.schema.dtype("mbo"))
        rows["price"], rows["action"], rows["side"] = 4_810_250_000_000, b"A", b"B"
        measure("publish, a batch", lambda: writer.publish(rows), RECORDS, 30)
        empty = tr.open("bench/ticks", directory=directory).reader()

        # The ring above has wrapped; the reads go over one that begins at sequence 0.
        writer = tr.create("bench/once", ["mbo", "gap"], capacity=2 * RECORDS, directory=directory)
        writer.publish(rows)
        reader = tr.open("bench/once", directory=directory).reader(0)

        def read() -> int:
            reader.seek(0)
            return len(reader.poll().array)

        def poll_empty() -> None:
            for _ in range(10_000):
                empty.poll()

        def view() -> int:
            reader.seek(0)
            with reader.view(RECORDS) as seen:
                return len(seen.array)

        measure("poll and array, validated", read, RECORDS, 100)
        measure("view and array, validated", view, RECORDS, 100)
        measure("poll() on an empty ring, per call", poll_empty, 10_000, 30)
        reader.seek(0)
        batch = reader.poll()
        measure("to_polars", batch.to_polars, RECORDS, 30)
        measure("to_pandas", batch.to_pandas, RECORDS, 30)
    measure("bare Python", lambda: start("pass"), 1, 30, "ms")
    measure("import tickring, bare Python included", lambda: start("import tickring"), 1, 30, "ms")
    measure("import numpy, bare Python included", lambda: start("import numpy"), 1, 15, "ms")


if __name__ == "__main__":
    main()

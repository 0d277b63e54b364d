"""Rows to publish, and other processes to publish or read them."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

import tickring as tr

UNDEF_PRICE = 2**63 - 1
UNDEF_TIME = 2**64 - 1


def mbo(writer: tr.Writer, count: int) -> np.ndarray[Any, np.dtype[np.void]]:
    """Rows whose `order_id` is the sequence that they will have."""
    rows = np.zeros(count, writer.schema.dtype("mbo"))
    rows["order_id"] = np.arange(writer.next_seq, writer.next_seq + count)
    rows["instrument_id"] = 7
    rows["ts_event"] = 1_700_000_000_000_000_000 + rows["order_id"]
    rows["price"] = 4_810_250_000_000
    rows["size"] = rows["order_id"] % 100
    rows["action"] = b"A"
    rows["side"] = b"B"
    return rows


def start_python(code: str, *arguments: object) -> subprocess.Popen[str]:
    """Starts a Python process that runs `code`; it may use this module."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    here, pipe = Path(__file__).parent, subprocess.PIPE
    return subprocess.Popen(command, cwd=here, stdout=pipe, stderr=pipe, text=True)


def run_python(code: str, *arguments: object) -> str:
    """Runs `code` in another process and gives what it printed."""
    process = start_python(code, *arguments)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return out

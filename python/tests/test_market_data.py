"""A day of real order events through the command line tool: databento's file to numpy.

Needs TICKRING_BIN, the path of the tool, and the file below in TICKRING_DATA or ../shared/data.
"""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

import tickring as tr

REPOSITORY = Path(__file__).parent.parent.parent
DATA = Path(os.environ.get("TICKRING_DATA") or REPOSITORY.parent / "shared" / "data")
FILE = DATA / "dbn" / "nautilus" / "esh4-glbx-mdp3-20231225.mbo.dbn.zst"


@pytest.fixture
def ring(directory: Path) -> tr.Ring:
    tool = os.environ.get("TICKRING_BIN")
    if not tool:
        pytest.skip("TICKRING_BIN is not set: the command line tool is not tested with Python")
    if not FILE.is_file():
        pytest.skip(f"{FILE} is not there")
    subprocess.run(
        [tool, "feed", "dbn", FILE, "--to", "esh4", "--capacity", "131072"],
        env={**os.environ, "TICKRING_DIR": str(directory)},
        check=True,
        timeout=120,
    )
    rings = [tr.open(info.name, directory=directory) for info in tr.list(directory)]
    return next(ring for ring in rings if any(kind.name == "mbo" for kind in ring.schema.kinds))


def test_numpy_counts_what_the_file_holds(ring: tr.Ring) -> None:
    reader = ring.reader("oldest")
    batch = reader.wait(68_792, timeout=0)
    array = batch.of("mbo")
    letters, counts = np.unique(array["action"], return_counts=True)
    found = dict(zip(letters.tolist(), counts.tolist(), strict=True))
    assert found == {b"A": 29_216, b"C": 17_999, b"M": 12_233, b"T": 2_973, b"F": 6_371}
    assert len(array) == 68_792 and int(array["size"].sum()) == 192_312
    assert reader.missed == 0 and (np.diff(batch.seq_of("mbo").astype(np.int64)) > 0).all()


def test_frames_hold_the_same_records(ring: tr.Ring) -> None:
    batch = ring.reader("oldest").wait(68_792, timeout=0)
    array = batch.of("mbo")
    polars, pandas = batch.to_polars("mbo"), batch.to_pandas("mbo")
    assert len(polars) == len(pandas) == 68_792
    assert int(polars["size"].sum()) == int(pandas["size"].sum()) == 192_312
    assert polars["price"].drop_nulls().to_list() == (
        array["price"][array["price"] != 2**63 - 1] / 1e9
    ).tolist()
    assert polars["action"].value_counts().sort("count").rows() == [
        ("T", 2_973), ("F", 6_371), ("M", 12_233), ("C", 17_999), ("A", 29_216),
    ]  # fmt: skip
    assert pandas["action"].value_counts()["A"] == 29_216

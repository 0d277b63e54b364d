"""Windows over a reader: the operator of `tickring window`, called from Python."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import tickring as tr

SECOND_NS = 1_000_000_000
TRADES = 20_000


def publish(directory: Path, close: bool = True) -> np.ndarray[tuple[int], np.dtype[np.void]]:
    """Trades of five instruments, in order of time."""
    writer = tr.create("t/ticks", ["trade"], capacity=1 << 15, directory=directory)
    random = np.random.default_rng(7)
    rows = np.zeros(TRADES, writer.schema.dtype("trade"))
    rows["instrument_id"] = random.integers(1, 6, TRADES)
    rows["publisher_id"] = 1
    rows["ts_event"] = np.arange(TRADES) * 1_000_000 + 1_700_000_000 * SECOND_NS
    rows["price"] = random.integers(90, 110, TRADES) * 1_000_000_000
    rows["size"] = random.integers(1, 9, TRADES)
    rows["action"], rows["side"] = b"T", random.choice([b"A", b"B"], TRADES)
    writer.publish(rows)
    if close:
        writer.close()
    return rows


def test_bars_equal_those_of_polars(directory: Path) -> None:
    rows = publish(directory)
    output = tr.open("t/ticks", directory=directory).reader("oldest").window(size="1s").poll()
    names = ["instrument_id", "ts_event", "price", "size"]
    expected = (
        pl.DataFrame({name: rows[name].astype(np.int64) for name in names})
        .with_columns(start_ns=pl.col("ts_event") // SECOND_NS * SECOND_NS)
        .group_by("start_ns", "instrument_id", maintain_order=True)
        .agg(
            open=pl.col("price").first(),
            high=pl.col("price").max(),
            low=pl.col("price").min(),
            close=pl.col("price").last(),
            volume=pl.col("size").sum(),
            count=pl.len(),
        )
        .sort("start_ns", "instrument_id")
    )
    assert output.ended and output.missed == 0 and output.records == TRADES
    assert len(output) == len(output.bars) == len(expected) > 90
    for name in expected.columns:
        assert output.bars[name].tolist() == expected[name].to_list(), name


def test_a_restored_state_goes_on_the_same_way(directory: Path) -> None:
    publish(directory)
    ring = tr.open("t/ticks", directory=directory)
    options = {"size": "2s", "hop": "1s", "aggregates": ["twap", "quantiles"], "lateness": "1s"}
    straight = ring.reader("oldest").window(**options).poll()
    reader = ring.reader("oldest")
    first = reader.window(**options)
    before = first.poll(7_777)
    second = ring.reader(reader.token).window(first.spec)
    second.restore(first.save())
    after = second.poll()
    for name in ("bars", "stats", "late"):
        parts = [getattr(before, name).tobytes(), getattr(after, name).tobytes()]
        assert b"".join(parts) == getattr(straight, name).tobytes(), name
    assert second.counts["accepted"] + second.counts["late"] == TRADES
    with pytest.raises(ValueError, match="specification"):
        ring.reader("oldest").window(size="1s").restore(first.save())


def test_a_wait_gives_what_is_due_and_the_rest_at_the_end(directory: Path) -> None:
    publish(directory, close=False)
    windows = tr.open("t/ticks", directory=directory).reader("oldest").window(gap="5s")
    assert len(windows.wait(timeout=0.01)) == 0
    output = windows.finish()
    assert output.bars["count"].sum() == TRADES and len(output) == 5
    assert windows.watermark_ns is not None


def test_late_trades_are_given_out_with_the_reason(directory: Path) -> None:
    writer = tr.create("t/ticks", ["trade"], capacity=64, directory=directory)
    rows = np.zeros(3, writer.schema.dtype("trade"))
    rows["ts_event"], rows["action"], rows["instrument_id"] = [10, 2_000, 20], b"T", 9
    writer.publish(rows)
    windows = tr.open("t/ticks", directory=directory).reader("oldest").window(size=1_000)
    output = windows.poll()
    assert output.late["reason"].tolist() == [1] and output.late["ts_event"].tolist() == [20]
    assert windows.late_of(9) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": "0s"}, "0 ns"),
        ({"size": "soon"}, "such as"),
        ({"size": "1s", "colour": 1}, "colour"),
        ({"spec": "[window]"}, "kind"),
    ],
)
def test_an_impossible_specification_is_refused(
    directory: Path, options: dict[str, object], message: str
) -> None:
    publish(directory)
    with pytest.raises(ValueError, match=message):
        tr.open("t/ticks", directory=directory).reader("oldest").window(**options)

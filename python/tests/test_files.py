"""Files of a sink, read by polars: those that the window consumer's tests keep."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

KEPT = Path(__file__).parents[2] / "consumers/window/tests/golden"
START_NS = 1_700_000_000_000_000_000
TIME = pl.Datetime("ns", "UTC")


def of_parquet() -> pl.DataFrame:
    return pl.read_parquet(KEPT / "bars.parquet")


def of_arrow() -> pl.DataFrame:
    return pl.read_ipc(KEPT / "bars.arrow")


@pytest.mark.parametrize("read", [of_parquet, of_arrow])
def test_polars_reads_exact_prices_sums_and_times(read: Callable[[], pl.DataFrame]) -> None:
    frame = read()
    assert frame.schema["close"] == pl.Decimal(20, 9)
    assert frame.schema["notional"] == pl.Decimal(38, 9)
    assert frame.schema["end_ns"] == TIME and frame.schema["volume"] == pl.UInt64
    assert frame["seq"].to_list() == [0, 1, 2]
    assert frame["close"].to_list() == [Decimal("4810.25"), Decimal("4810.25"), None]
    assert frame["close_e9"].to_list() == [4_810_250_000_000, 4_810_250_000_000, None]
    assert frame["low"].to_list()[1] == Decimal("-37.63")
    sums = [Decimal(57_723), Decimal(-3 * 2**64 - 1).scaleb(-9), Decimal(0)]
    assert frame["notional"].to_list() == sums
    ends = frame["end_ns"].to_physical().to_list()
    assert ends == [START_NS + 1_000_000_000, START_NS + 1_000_000_000, None]
    assert frame["instrument_id"].to_list() == [17, 2**32 - 1, 17]
    assert frame["flags"].to_list() == [8, 10, 0]


def test_both_formats_hold_the_same() -> None:
    assert of_parquet().equals(of_arrow())


def test_a_parquet_file_says_what_made_it() -> None:
    metadata = pl.read_parquet_metadata(KEPT / "bars.parquet")
    assert metadata["tickring.kind"] == "window_bar"
    assert metadata["tickring.spec"] == 'size = "1s"\n'
    assert (metadata["tickring.first_seq"], metadata["tickring.last_seq"]) == ("0", "2")
    assert len(metadata["tickring.schema_hash"]) == 16

"""Conversions to polars and pandas."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from support import UNDEF_PRICE, UNDEF_TIME, mbo

import tickring as tr

NOON = 1_700_049_600_123_456_789


def batch_with_gaps_in_it(directory: Path) -> tr.Batch:
    writer = tr.create("t/a", ["mbo"], directory=directory)
    rows = mbo(writer, 4)
    rows["price"] = [4_810_250_000_000, -1, UNDEF_PRICE, 100_000_001]
    rows["ts_recv"] = [NOON, UNDEF_TIME, 0, NOON]
    rows["side"] = [b"A", b"B", b"N", b""]
    writer.publish(rows[:2])
    writer.publish(rows[2:])
    return tr.open("t/a", directory=directory).reader("oldest").poll()


def test_polars_has_typed_columns_and_nulls(directory: Path) -> None:
    frame = batch_with_gaps_in_it(directory).to_polars()
    assert frame.schema["ts_recv"] == pl.Datetime("ns", "UTC")
    assert frame.schema["ts_event"] == pl.Datetime("ns", "UTC")
    assert frame.schema["side"] == pl.String and frame.schema["size"] == pl.UInt32
    assert frame.columns[:3] == ["seq", "length", "rtype"] and frame.schema["seq"] == pl.UInt64
    assert frame["price"].to_list() == [4810.25, -1e-9, None, 0.100000001]
    assert frame["side"].to_list() == ["A", "B", "N", ""]
    assert frame["seq"].to_list() == frame["order_id"].to_list() == [0, 1, 2, 3]
    assert frame["ts_recv"].is_null().to_list() == [False, True, False, False]
    assert frame["ts_recv"].to_physical().to_list() == [NOON, None, 0, NOON]


def test_pandas_has_typed_columns_and_nulls(directory: Path) -> None:
    frame = batch_with_gaps_in_it(directory).to_pandas()
    assert str(frame["ts_recv"].dtype) == "datetime64[ns, UTC]"
    assert str(frame["side"].dtype) == "str" and frame["size"].dtype == np.uint32
    assert frame["price"].dtype == np.float64
    np.testing.assert_array_equal(frame["price"], [4810.25, -1e-9, np.nan, 0.100000001])
    assert frame["side"].tolist() == ["A", "B", "N", ""]
    assert frame["seq"].tolist() == frame["order_id"].tolist() == [0, 1, 2, 3]
    assert frame["ts_recv"].isna().tolist() == [False, True, False, False]
    assert frame["ts_recv"][0] == pd.Timestamp(NOON, tz="UTC")
    assert frame["ts_recv"][2] == datetime(1970, 1, 1, tzinfo=UTC)
    frame.loc[0, "size"] = 5  # a frame is the program's own


def test_fixed_prices_stay_integers(directory: Path) -> None:
    batch = batch_with_gaps_in_it(directory)
    prices = [4_810_250_000_000, -1, None, 100_000_001]
    polars = batch.to_polars(price="fixed")["price"]
    assert polars.dtype == pl.Int64 and polars.to_list() == prices
    pandas = batch.to_pandas(price="fixed")["price"]
    assert str(pandas.dtype) == "Int64"
    assert pandas.astype(object).where(pandas.notna(), None).tolist() == prices
    for convert in (batch.to_polars, batch.to_pandas):
        with pytest.raises(ValueError, match="price is 'decimal'"):
            convert(price="decimal")  # type: ignore[arg-type]


def test_every_price_is_the_nearest_float(directory: Path) -> None:
    writer = tr.create("t/a", ["mbo"], directory=directory)
    rows = mbo(writer, 10_000)
    seed = 20240105
    rows["price"] = np.random.default_rng(seed).integers(-(2**52), 2**52, len(rows))
    writer.publish(rows)
    batch = tr.open("t/a", directory=directory).reader("oldest").poll()
    expected = [float(f"{price}e-9") for price in rows["price"].tolist()]
    assert batch.to_polars()["price"].to_list() == expected
    assert batch.to_pandas()["price"].tolist() == expected


def test_optional_integers_and_texts(directory: Path) -> None:
    writer = tr.create("t/d", ["instrument_def"], capacity=64, directory=directory)
    rows = np.zeros(2, writer.schema.dtype())
    rows["raw_symbol"] = [b"ESH4", "ESü".encode()]
    rows["min_lot_size"] = [2**31 - 1, 5]
    rows["maturity_year"] = [2024, 65535]
    rows["instrument_class"] = b"F"
    rows["strike_price"] = UNDEF_PRICE
    writer.publish(rows)
    batch = tr.open("t/d", directory=directory).reader("oldest").poll()
    polars, pandas = batch.to_polars(), batch.to_pandas()
    assert polars["raw_symbol"].to_list() == pandas["raw_symbol"].tolist() == ["ESH4", "ESü"]
    assert polars["min_lot_size"].to_list() == [None, 5]
    assert polars["maturity_year"].to_list() == [2024, None]
    assert str(pandas["min_lot_size"].dtype) == "Int32"
    assert str(pandas["maturity_month"].dtype) == "UInt8"
    assert pandas["min_lot_size"].isna().tolist() == [True, False]
    assert polars["strike_price"].to_list() == [None, None] and pandas["strike_price"].isna().all()
    assert polars["instrument_class"].to_list() == ["F", "F"]


def test_lanes_are_arrays(directory: Path) -> None:
    writer = tr.create("t/v", ["vector"], dim=5, capacity=64, directory=directory)
    rows = np.zeros(3, writer.schema.dtype())
    rows["lanes"] = np.arange(15, dtype=np.float32).reshape(3, 5)
    writer.publish(rows)
    batch = tr.open("t/v", directory=directory).reader("oldest").poll()
    polars, pandas = batch.to_polars(), batch.to_pandas()
    assert polars.schema["lanes"] == pl.Array(pl.Float32, 5)
    assert polars["lanes"].to_list() == rows["lanes"].tolist()
    np.testing.assert_array_equal(np.stack(pandas["lanes"].tolist()), rows["lanes"])


def test_one_kind_of_several_and_their_headers(directory: Path) -> None:
    writer = tr.create("t/a", ["mbo", "trade"], directory=directory)
    trades = np.zeros(3, writer.schema.dtype("trade"))
    trades["size"] = [1, 2, 3]
    writer.publish(mbo(writer, 2), kind="mbo")
    writer.publish(trades, kind="trade")
    batch = tr.open("t/a", directory=directory).reader("oldest").poll()
    for frame in (batch.to_polars("trade"), batch.to_pandas("trade")):
        assert list(frame["seq"]) == [2, 3, 4] and list(frame["size"]) == [1, 2, 3]
    for frame in (batch.to_polars(), batch.to_pandas()):
        assert list(frame.columns)[-1] == "ts_event" and len(frame) == 5


def test_frames_of_two_batches_join_and_an_empty_one_has_the_same_types(directory: Path) -> None:
    writer = tr.create("t/a", ["mbo", "gap"], directory=directory)
    reader = tr.open("t/a", directory=directory).reader()
    writer.publish(mbo(writer, 2))
    first, empty = reader.poll(), reader.poll()
    assert empty.to_polars().schema == first.to_polars().schema
    assert empty.to_pandas().dtypes.equals(first.to_pandas().dtypes)
    assert len(pl.concat([first.to_polars(), empty.to_polars()])) == 2
    assert len(empty.to_polars("gap")) == len(first.to_pandas("gap")) == 0


@pytest.mark.parametrize("package", ["polars", "pandas"])
def test_a_missing_package_is_named(
    directory: Path, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    batch = batch_with_gaps_in_it(directory)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(tr.MissingPackage, match=f"needs the package {package}") as raised:
        getattr(batch, f"to_{package}")()
    assert raised.value.hint == f"pip install {package}"
    assert isinstance(raised.value, ImportError) and isinstance(raised.value, tr.Error)

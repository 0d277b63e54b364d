"""From a batch to polars and pandas, one contiguous column at a time.

Handing the structured array over as a whole costs several times as much in both libraries, which
take it apart record by record.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import numpy as np

from tickring._errors import MissingPackage

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

    from tickring._native import Batch, Field

# Prices are integers in units of 1e-9. Dividing rounds once and gives the nearest float;
# multiplying by 1e-9, which is no binary number, would round twice.
_PRICE_UNIT = 1e9
_CHARACTERS = [chr(code) if code else "" for code in range(256)]

_Column = np.ndarray[Any, np.dtype[Any]]


def to_polars(batch: Batch, kind: str | None, price: str) -> pl.DataFrame:
    """Makes a polars DataFrame of one kind's records."""
    polars = _package("polars")
    _check_price(price)
    characters = polars.Series("", _CHARACTERS)

    def column(field: Field, values: _Column) -> Any:
        name = field.name
        if field.unit == "ascii" and field.count == 1:
            codes = polars.Series(values.view(np.uint8))
            return characters.gather(codes).alias(name)
        if values.dtype.kind == "S":
            return polars.Series(name, _texts(values), dtype=polars.String)
        null = _nulls(field, values)
        if field.unit == "ns_epoch" and field.count == 1:
            times = polars.Series(name, values.view(np.int64)).cast(polars.Datetime("ns", "UTC"))
            return times if null is None else times.set(polars.Series(null), None)
        if field.unit == "price_e9" and price == "float":
            floats = values / _PRICE_UNIT
            if null is not None:
                floats[null] = np.nan
            return polars.Series(name, floats, nan_to_null=null is not None)
        series = polars.Series(name, values)
        return series if null is None else series.set(polars.Series(null), None)

    columns = [polars.Series("seq", batch.seq_of(kind))]
    columns += [column(field, values) for field, values in _columns(batch, kind)]
    frame: pl.DataFrame = polars.DataFrame(columns)
    return frame


def to_pandas(batch: Batch, kind: str | None, price: str) -> Any:
    """Makes a pandas DataFrame of one kind's records."""
    pandas = _package("pandas")
    _check_price(price)
    characters = pandas.array(_CHARACTERS, dtype="str")

    def column(field: Field, values: _Column) -> Any:
        if field.unit == "ascii" and field.count == 1:
            return characters.take(values.view(np.uint8))
        if values.dtype.kind == "S":
            return pandas.array(_texts(values), dtype="str")
        if values.ndim == 2:
            return pandas.Series(list(values), dtype=object)
        null = _nulls(field, values)
        if field.unit == "ns_epoch":
            times = values.view("M8[ns]")
            if null is not None:
                times[null] = np.datetime64("NaT")
            return pandas.Series(times, copy=False).dt.tz_localize("UTC")
        if field.unit == "price_e9" and price == "float":
            floats = values / _PRICE_UNIT
            if null is not None:
                floats[null] = np.nan
            return floats
        if field.null is None:
            return values
        # The column's type must not depend on whether this batch has such a record.
        absent = np.zeros(len(values), dtype=bool) if null is None else null
        if values.dtype.kind == "f":
            return pandas.arrays.FloatingArray(values, absent)
        return pandas.arrays.IntegerArray(values, absent)

    columns: dict[str, Any] = {"seq": batch.seq_of(kind).copy()}
    columns |= {field.name: column(field, values) for field, values in _columns(batch, kind)}
    return pandas.DataFrame(columns, copy=False)


def _columns(batch: Batch, kind: str | None) -> Iterator[tuple[Field, _Column]]:
    """Gives each field with a contiguous copy of its column."""
    array = batch.to_numpy(kind)
    for field in batch.schema.fields(kind):
        yield field, np.array(array[field.name], order="C")


def _nulls(field: Field, values: _Column) -> _Column | None:
    """Says where there is no value; None if there is one everywhere."""
    if field.null is None:
        return None
    null: _Column
    if field.null != field.null:
        null = np.isnan(values)
    else:
        null = values == field.null
    return null if null.any() else None


def _texts(values: _Column) -> list[Any]:
    """Decodes fixed texts, and letters in a row."""
    return [text.decode("utf-8", "replace") for text in values.tolist()]


def _package(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        hint = f"pip install {name}"
        raise MissingPackage(f"to_{name} needs the package {name}: {hint}", hint) from error


def _check_price(price: str) -> None:
    if price not in ("float", "fixed"):
        raise ValueError(f"price is {price!r}: expected 'float' or 'fixed'")

"""Records of one's own: a schema from a dtype, in this process and between two."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import UNDEF_TIME, run_python

import tickring as tr

SIGNAL = np.dtype(
    [
        ("strength", "f8"),
        ("stop_price", "i8"),
        ("horizons", "u2", (3,)),
        ("_pad", "u1", (2,)),
        ("tag", "S8"),
    ]
)
HEADER = ("length", "rtype", "publisher_id", "instrument_id", "ts_event")


def signal_schema(rtype: int = 0xC8) -> tr.Schema:
    units: dict[str, Any] = {"stop_price": "price_e9", "horizons": "count"}
    return tr.Schema.from_dtype(SIGNAL, name="signal", rtype=rtype, units=units)


def signals(count: int) -> np.ndarray[Any, np.dtype[np.void]]:
    rows = np.zeros(count, SIGNAL)
    rows["strength"] = np.arange(count) / 2
    rows["stop_price"] = 4_810_250_000_000
    rows["horizons"] = [1, 5, 60]
    rows["_pad"] = 9
    rows["tag"] = b"model-a"
    return rows


def test_a_dtype_becomes_a_schema_with_the_header_in_front() -> None:
    schema = signal_schema()
    assert schema.data_kind == "signal" and "signal" in repr(schema)
    kinds = {kind.name: kind for kind in schema.kinds}
    assert set(kinds) == {"signal", "restart", "tombstone"}
    assert (kinds["signal"].rtype, kinds["signal"].size) == (0xC8, 48)
    dtype = schema.dtype()
    assert dtype.names == (*HEADER, "strength", "stop_price", "horizons", "tag")
    fields = {field.name: field for field in schema.fields()}
    assert (fields["strength"].offset, fields["strength"].type) == (16, "f64")
    assert (fields["horizons"].count, fields["horizons"].unit) == (3, "count")
    assert (fields["tag"].type, fields["tag"].unit) == ("bytes", "text")
    assert fields["stop_price"].unit == "price_e9"
    assert signal_schema() == schema and signal_schema(rtype=0xDF) != schema
    assert tr.Schema.from_dtype([("x", "f4", (4,))], "four", 0xD0).data_kind == "four"


def test_arrays_of_the_dtype_come_back_behind_their_header(directory: Path) -> None:
    writer = tr.create("lab/signals", schema=signal_schema(), capacity=64, directory=directory)
    rows = signals(5)
    assert writer.publish(rows) == 5
    ring = tr.open("lab/signals", directory=directory)
    assert ring.schema == signal_schema()
    batch = ring.reader("oldest").poll()
    for name in ("strength", "stop_price", "horizons", "tag"):
        np.testing.assert_array_equal(batch.array[name], rows[name])
    assert batch.array["rtype"].tolist() == [0xC8] * 5
    assert batch.array["length"].tolist() == [48 // 4] * 5
    assert batch.array["ts_event"].tolist() == [UNDEF_TIME] * 5
    assert batch.array["instrument_id"].tolist() == [0] * 5
    raw = batch.array.view("V48")[0].tobytes()
    assert raw[38:40] == b"\0\0", "reserved bytes are written as zero"
    frame = batch.to_polars()
    assert frame["stop_price"].to_list() == [4810.25] * 5


def test_rows_of_the_rings_own_dtype_keep_their_header(directory: Path) -> None:
    writer = tr.create("lab/signals", schema=signal_schema(), capacity=64, directory=directory)
    rows = np.zeros(3, writer.schema.dtype())
    rows["instrument_id"] = [7, 8, 9]
    rows["ts_event"] = 1_700_000_000_000_000_000
    rows["strength"] = -1.5
    writer.publish(rows)
    reader = tr.open("lab/signals", directory=directory).reader("oldest")
    with reader.view() as view:
        assert view.array["instrument_id"].tolist() == [7, 8, 9]
        assert view.array["strength"].tolist() == [-1.5] * 3
    with pytest.raises(TypeError, match="cannot be published as signal"):
        writer.publish(np.zeros(1, SIGNAL.descr[:2]))
    assert writer.next_seq == 3


def test_rows_may_leave_out_the_reserved_bytes_but_not_their_room(directory: Path) -> None:
    writer = tr.create("lab/signals", schema=signal_schema(), capacity=64, directory=directory)
    shown = signals(2)[["strength", "stop_price", "horizons", "tag"]]
    assert shown.dtype.itemsize == SIGNAL.itemsize
    writer.publish(shown)
    found = tr.open("lab/signals", directory=directory).reader("oldest").poll().array
    assert found["tag"].tolist() == [b"model-a"] * 2


@pytest.mark.parametrize(
    ("dtype", "error", "message"),
    [
        (np.dtype([("a", "u4"), ("b", "f8")], align=True), tr.SchemaInvalid, "4 hidden bytes"),
        (np.dtype([("b", "f8"), ("a", "u4")], align=True), tr.SchemaInvalid, "at the end"),
        (np.dtype([("a", "u4"), ("b", "f8")]), tr.SchemaInvalid, "multiple of 8, found 20"),
        (np.dtype([("a", "f8"), ("b", "u4")]), tr.SchemaInvalid, "multiple of 8 from 8"),
        (np.dtype([("ts_event", "u8")]), tr.SchemaInvalid, "twice"),
        (np.dtype([("Price", "f8")]), tr.SchemaInvalid, "a-z, 0-9 and _"),
        (np.dtype("f8"), TypeError, "no fields"),
        (np.dtype([("a", ">f8")]), TypeError, "little-endian"),
        (np.dtype([("a", "c8", (4,))]), TypeError, "f4, f8"),
        (np.dtype([("a", "?", (8,))]), TypeError, "u1"),
        (np.dtype([("a", "M8[ns]")]), TypeError, "ns_epoch"),
        (np.dtype([("a", "O")]), TypeError, "expected"),
        (np.dtype([("a", "f8", (2, 2))]), TypeError, "one dimension"),
        (np.dtype([("a", [("b", "f8")])]), TypeError, "expected"),
    ],
)
def test_a_dtype_that_is_no_record_is_refused(
    dtype: np.dtype[np.void], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message) as raised:
        tr.Schema.from_dtype(dtype, "signal")
    if "hidden" in str(raised.value):
        assert isinstance(raised.value, tr.SchemaInvalid) and "_pad" in raised.value.hint


def test_record_types_and_units_have_their_limits() -> None:
    for rtype in (0x00, 0xC7, 0xE0):
        with pytest.raises(tr.SchemaInvalid, match="0xc8 to 0xdf"):
            signal_schema(rtype=rtype)
    with pytest.raises(ValueError, match="no field 'x'; there are: strength"):
        tr.Schema.from_dtype(SIGNAL, "signal", units={"x": "count"})
    pounds: dict[str, Any] = {"strength": "pounds"}
    with pytest.raises(ValueError, match="no unit 'pounds'; there are: none, price_e9"):
        tr.Schema.from_dtype(SIGNAL, "signal", units=pounds)
    with pytest.raises(ValueError, match="texts and letters"):
        tr.Schema.from_dtype(SIGNAL, "signal", units={"tag": "count"})


def test_create_takes_either_kinds_or_a_schema(directory: Path) -> None:
    with pytest.raises(ValueError, match="either"):
        tr.create("lab/signals", directory=directory)
    with pytest.raises(ValueError, match="either"):
        tr.create("lab/signals", ["mbo"], schema=signal_schema(), directory=directory)
    tr.create("lab/ticks", ["mbo"], directory=directory)
    copy = tr.open("lab/ticks", directory=directory).schema
    assert tr.create("lab/copy", schema=copy, directory=directory).schema == copy


WRITE_ANOTHER = """
import sys
import tickring as tr
schema = tr.Schema.from_dtype([("strength", "f4"), ("stop_price", "i4")], "signal")
try:
    tr.create("lab/signals", schema=schema, capacity=64, directory=sys.argv[1])
except tr.SchemaMismatch as error:
    print(error)
"""


def test_a_second_process_with_another_dtype_gets_the_difference(directory: Path) -> None:
    with tr.create("lab/signals", schema=signal_schema(), capacity=64, directory=directory):
        printed = run_python(WRITE_ANOTHER, directory)
    for line in (
        "signal: size_bytes 24 here, 48 there",
        "signal.strength: type f32 here, f64 there",
        "signal.stop_price: offset 20 here, 24 there",
        "signal.stop_price: unit none here, price_e9 there",
        "signal.horizons: only there",
    ):
        assert line in printed, printed

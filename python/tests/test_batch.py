"""What a poll gives: arrays, sequences, kinds."""

import gc
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from support import mbo

import tickring as tr

MBO = np.dtype(
    {
        "names": [
            "length", "rtype", "publisher_id", "instrument_id", "ts_event", "order_id", "price",
            "size", "flags", "channel_id", "action", "side", "ts_recv", "ts_in_delta", "sequence",
        ],
        "formats": [
            "u1", "u1", "<u2", "<u4", "<u8", "<u8", "<i8",
            "<u4", "u1", "u1", "S1", "S1", "<u8", "<i4", "<u4",
        ],
        "offsets": [0, 1, 2, 4, 8, 16, 24, 32, 36, 37, 38, 39, 40, 48, 52],
        "itemsize": 56,
    }
)  # fmt: skip


def test_the_dtype_of_mbo_is_databentos(directory: Path) -> None:
    tr.create("t/a", ["mbo"], directory=directory)
    assert tr.open("t/a", directory=directory).schema.dtype() == MBO


def test_reserved_bytes_are_hidden_and_texts_are_bytes(directory: Path) -> None:
    writer = tr.create("t/a", ["status", "instrument_def"], directory=directory)
    status, definition = writer.schema.dtype("status"), writer.schema.dtype("instrument_def")
    assert status.itemsize == 40 and "_reserved" not in (status.names or ())
    assert definition["raw_symbol"] == np.dtype("S71")
    kinds = {kind.name: kind for kind in writer.schema.kinds}
    assert kinds["status"].size == 40 and not kinds["status"].is_control
    assert all(not field.name.startswith("_") for field in kinds["status"].fields)
    assert kinds["restart"].is_control


def test_fields_say_what_the_numbers_mean(directory: Path) -> None:
    writer = tr.create("t/a", ["mbo"], directory=directory)
    fields = {field.name: field for field in writer.schema.fields()}
    price = fields["price"]
    assert (price.offset, price.type, price.count, price.unit) == (24, "i64", 1, "price_e9")
    assert price.null == 2**63 - 1 and fields["size"].null is None
    assert fields["ts_recv"].null == 2**64 - 1 and "receipt" in fields["ts_recv"].doc


def test_an_array_holds_what_was_published(directory: Path) -> None:
    writer = tr.create("t/a", ["mbo"], directory=directory)
    rows = mbo(writer, 5000)
    assert writer.publish(rows) == 5000
    reader = tr.open("t/a", directory=directory).reader("oldest")
    batch = reader.poll()
    assert len(batch) == 5000 and batch.kinds() == {"mbo": 5000} and batch.events == []
    expected = rows.copy()
    expected["length"], expected["rtype"] = 14, 0xA0
    np.testing.assert_array_equal(batch.array, expected)
    np.testing.assert_array_equal(batch.seq, np.arange(5000, dtype=np.uint64))
    np.testing.assert_array_equal(np.asarray(batch), batch.array)
    assert (batch.array["action"] == b"A").all()
    assert batch.seq.dtype == np.uint64 and reader.cursor == reader.published == 5000
    assert len(reader.poll()) == 0 and len(reader.poll().array) == 0 and reader.lag == 0


def test_poll_gives_at_most_what_is_asked_for(directory: Path) -> None:
    writer = tr.create("t/a", ["mbo"], directory=directory)
    writer.publish(mbo(writer, 100))
    reader = tr.open("t/a", directory=directory).reader(10)
    assert len(reader.poll(0)) == 0
    assert reader.poll(30).seq.tolist() == list(range(10, 40))
    assert reader.lag == 60
    assert reader.poll().seq.tolist() == list(range(40, 100))


def test_start_and_seek_place_the_cursor(directory: Path) -> None:
    writer = tr.create("t/a", ["mbo"], capacity=64, directory=directory)
    writer.publish(mbo(writer, 100))
    ring = tr.open("t/a", directory=directory)
    assert ring.reader().cursor == ring.reader("latest").cursor == 100
    assert ring.reader("oldest").cursor == 44  # an eighth of the ring away from the writer
    reader = ring.reader(np.uint64(90))
    assert reader.cursor == 90
    reader.seek("oldest")
    assert len(reader.poll()) == 56
    for bad, error in (("newest", ValueError), (-1, ValueError), (1.5, TypeError)):
        with pytest.raises(error, match="start|sequence"):
            ring.reader(bad)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="on_lapped"):
        ring.reader(on_lapped="ignore")  # type: ignore[arg-type]


def test_arrays_are_read_only_and_outlive_batch_and_reader(directory: Path) -> None:
    writer = tr.create("t/a", ["mbo"], directory=directory)
    writer.publish(mbo(writer, 1000))
    reader = tr.open("t/a", directory=directory).reader("oldest")
    array = reader.poll().array
    with pytest.raises(ValueError, match="read-only"):
        array["size"] = 0
    writer.publish(mbo(writer, 1000))
    later = reader.poll().array
    del reader
    gc.collect()
    assert array["order_id"].tolist() == list(range(1000))
    assert later["order_id"].tolist() == list(range(1000, 2000))


def test_memory_of_a_dropped_batch_is_used_again(directory: Path) -> None:
    writer = tr.create("t/a", ["mbo"], directory=directory)
    reader = tr.open("t/a", directory=directory).reader()
    kept = []
    for turn in range(20):
        writer.publish(mbo(writer, 500))
        batch = reader.poll()
        assert batch.array["order_id"].tolist() == batch.seq.tolist()
        if turn % 5 == 0:
            kept.append(batch)
    for turn, batch in enumerate(kept):
        assert batch.array["order_id"].tolist() == list(range(turn * 2500, turn * 2500 + 500))


def test_a_ring_of_one_data_kind_keeps_control_records_out_of_the_array(directory: Path) -> None:
    writer = tr.create("t/a", ["mbo", "gap", "heartbeat"], directory=directory)
    reader = tr.open("t/a", directory=directory).reader()
    gap = np.zeros(1, writer.schema.dtype("gap"))
    gap["first_missing"], gap["end_missing"] = 10, 15
    writer.publish(mbo(writer, 3), kind="mbo")
    writer.publish(gap, kind="gap")
    writer.publish(mbo(writer, 2))
    batch = reader.poll()
    assert len(batch) == 6 and batch.kinds() == {"mbo": 5, "gap": 1}
    assert batch.array.dtype == MBO
    assert batch.array["order_id"].tolist() == batch.seq.tolist() == [0, 1, 2, 4, 5]
    assert batch.of("gap")["end_missing"].tolist() == [15]
    assert batch.seq_of("gap").tolist() == [3]
    assert len(batch.of("heartbeat")) == 0
    with pytest.raises(ValueError, match="no kind 'quote' in this ring; it has: mbo, gap"):
        batch.of("quote")


def test_a_ring_of_several_kinds_shows_headers_and_each_kind(directory: Path) -> None:
    kinds = ["mbo", "trade", "mbp_1"]
    writer = tr.create("t/a", kinds, directory=directory)
    reader = tr.open("t/a", directory=directory).reader()
    trades = np.zeros(4, writer.schema.dtype("trade"))
    trades["size"] = [1, 2, 3, 4]
    trades["instrument_id"] = 9
    books = np.zeros(2, writer.schema.dtype("mbp_1"))
    books["ask_px_00"] = 5
    writer.publish(mbo(writer, 2), kind="mbo")
    writer.publish(trades, kind="trade")
    writer.publish(books, kind="mbp_1")
    writer.publish(mbo(writer, 1), kind="mbo")
    batch = reader.poll()
    assert batch.kinds() == {"trade": 4, "mbp_1": 2, "mbo": 3}
    header = ("length", "rtype", "publisher_id", "instrument_id", "ts_event")
    assert batch.array.dtype.names == header and writer.schema.data_kind is None
    assert batch.array["instrument_id"].tolist() == [7, 7, 9, 9, 9, 9, 0, 0, 7]
    assert batch.array["length"].tolist() == [14, 14, 14, 14, 14, 14, 20, 20, 14]
    assert batch.seq.tolist() == list(range(9))
    assert batch.of("trade")["size"].tolist() == [1, 2, 3, 4]
    assert batch.of("mbp_1")["ask_px_00"].tolist() == [5, 5]
    assert batch.of("mbo")["order_id"].tolist() == batch.seq_of("mbo").tolist() == [0, 1, 8]
    with pytest.raises(ValueError, match="several kinds"):
        writer.publish(trades)


@pytest.mark.parametrize(
    ("lanes", "code", "itemsize"), [("f32", 0, 72), ("f16", 1, 64), ("i8", 2, 64)]
)
def test_vectors_have_their_lanes_as_a_subarray(
    directory: Path, lanes: Literal["f32", "f16", "i8"], code: int, itemsize: int
) -> None:
    writer = tr.create("t/v", ["vector"], dim=3, lanes=lanes, capacity=64, directory=directory)
    rows = np.zeros(5, writer.schema.dtype())
    rows["lanes"] = np.arange(15).reshape(5, 3)
    rows["vec_id"] = np.arange(5)
    writer.publish(rows)
    ring = tr.open("t/v", directory=directory)
    assert ring.info.stride_bytes == 128 and ring.schema.dtype().itemsize == itemsize
    base = {"f32": "f4", "f16": "f2", "i8": "i1"}[lanes]
    assert ring.schema.dtype()["lanes"].base == np.dtype(base)
    batch = ring.reader("oldest").poll()
    assert batch.array["lanes"].tolist() == np.arange(15.0).reshape(5, 3).tolist()
    assert batch.array["dim"].tolist() == [3] * 5 and batch.array["dtype"].tolist() == [code] * 5
    np.testing.assert_array_equal(batch.of("vector"), batch.array)
    with ring.reader("oldest").view() as view:
        np.testing.assert_array_equal(view.array, batch.array)
    frame = batch.to_polars()
    assert frame["lanes"].to_list() == batch.array["lanes"].tolist()
    assert frame["vec_id"].to_list() == list(range(5))
    assert [row.tolist() for row in batch.to_pandas()["lanes"]] == batch.array["lanes"].tolist()


def test_publish_refuses_another_dtype_and_writes_no_reserved_bytes(directory: Path) -> None:
    writer = tr.create("t/a", ["status"], directory=directory)
    with pytest.raises(TypeError, match="cannot be published as status"):
        writer.publish(np.zeros(3, MBO))
    with pytest.raises(ValueError, match="only recovery"):
        writer.publish(np.zeros(1, writer.schema.dtype("restart")), kind="restart")
    dirty = np.frombuffer(b"\xff" * 40, writer.schema.dtype())
    writer.publish(dirty)
    reader = tr.open("t/a", directory=directory).reader("oldest")
    raw = reader.poll().array.view("V40")[0].tobytes()
    assert raw[:2] == bytes([10, 0x12]) and raw[33:] == bytes(7) and raw[2:33] == b"\xff" * 31
    assert writer.next_seq == 1


@pytest.mark.parametrize("kind", [
    "trade", "mbp_1", "mbp_10", "status", "instrument_def", "imbalance", "gateway_error",
    "symbol_mapping", "gateway_notice", "stat",
    "bar_1s", "bar_1m", "bar_1h", "bar_1d", "bar_eod", "mbo", "cmbp_1", "cbbo_1s", "cbbo_1m",
    "tcbbo", "bbo_1s", "bbo_1m", "match", "trade_w", "quote",
    "quote_w", "delta_w", "window_bar", "quote_stats", "bar_stats", "late", "depth_w", "query",
    "answer", "raw", "heartbeat", "gap",
])  # fmt: skip
def test_every_built_in_kind_comes_back_as_it_went_in(directory: Path, kind: str) -> None:
    writer = tr.create("t/a", [kind], capacity=64, directory=directory)
    info = next(entry for entry in writer.schema.kinds if entry.name == kind)
    dtype = writer.schema.dtype(kind)
    noise = np.random.default_rng(info.rtype).integers(1, 255, 7 * info.size, dtype=np.uint8)
    rows = np.frombuffer(noise.tobytes(), dtype).copy()
    rows["length"], rows["rtype"] = info.size // 4, info.rtype
    writer.publish(rows, kind=kind)
    found = tr.open("t/a", directory=directory).reader("oldest").poll().of(kind)
    for name in dtype.names or ():
        assert found[name].tobytes() == rows[name].tobytes(), name


def test_a_closed_writer_publishes_nothing(directory: Path) -> None:
    with tr.create("t/a", ["mbo"], directory=directory) as writer:
        writer.publish(mbo(writer, 1))
    assert "closed" in repr(writer)
    with pytest.raises(ValueError, match="closed"):
        writer.publish(mbo(writer, 1))
    assert tr.open("t/a", directory=directory).info.state == "closed"

"""The instrument directory of a ring and the last values in it."""

from pathlib import Path

import numpy as np
import pytest
from support import mbo

import tickring as tr

ES, NQ = 5, 9
TICK = 250_000_000


def of_two(directory: Path) -> tuple[tr.Writer, tr.Ring]:
    """A ring that lists two instruments."""
    kinds = ["quote", "trade"]
    writer = tr.create("t/a", kinds, capacity=1024, instruments=16, directory=directory)
    writer.define(NQ, "NQZ6")
    writer.define(ES, "ESZ6", 3, TICK, lot=1, price_decimals=2, ts_defined=17)
    return writer, tr.open("t/a", directory=directory)


def publish(writer: tr.Writer, kind: str, instrument_id: int, count: int = 1) -> None:
    """Publishes rows of one instrument whose `ts_event` is the sequence that they will have."""
    rows = np.zeros(count, writer.schema.dtype(kind))
    rows["instrument_id"] = instrument_id
    rows["ts_event"] = np.arange(writer.next_seq, writer.next_seq + count)
    writer.publish(rows, kind)


def test_a_ring_tells_its_instruments_by_id(directory: Path) -> None:
    writer, ring = of_two(directory)
    assert ring.symbols == {ES: "ESZ6", NQ: "NQZ6"} and list(ring.symbols) == [ES, NQ]
    es, nq = ring.instruments()
    assert (es.instrument_id, es.symbol, es.publisher_id, es.tick) == (ES, "ESZ6", 3, TICK)
    assert (es.lot, es.price_decimals, es.qty_decimals, es.ts_defined) == (1, 2, None, 17)
    assert (nq.symbol, nq.tick, nq.lot, nq.ts_defined) == ("NQZ6", None, None, None)
    assert repr(es) == 'Instrument(instrument_id=5, symbol="ESZ6", publisher_id=3)'
    with pytest.raises(AttributeError):
        es.symbol = "ESH7"  # type: ignore[misc]
    writer.define(ES, "ESH7")
    assert ring.symbols[ES] == "ESH7" and es != ring.instruments()[0]


def test_the_latest_quote_and_trade_are_batches_of_one_record(directory: Path) -> None:
    writer, ring = of_two(directory)
    nothing = ring.latest("ESZ6")
    assert nothing.quote is None and nothing.trade is None
    publish(writer, "quote", ES, 3)
    publish(writer, "trade", NQ)
    publish(writer, "trade", ES)
    # Far more than the ring holds: what was said last stays all the same.
    publish(writer, "quote", NQ, 5000)
    for key in ("ESZ6", ES):
        latest = ring.latest(key)
        assert latest.quote is not None and latest.trade is not None
        assert latest.quote.seq_of("quote").tolist() == [2]
        assert latest.quote.of("quote")["ts_event"].tolist() == [2]
        assert latest.trade.of("trade")["instrument_id"].tolist() == [ES]
        assert len(latest.trade) == 1 and latest.trade.kinds() == {"trade": 1}
        assert latest.trade.to_polars("trade")["seq"].to_list() == [4]
    nq = ring.latest(NQ)
    assert nq.quote is not None and nq.quote.seq_of("quote").tolist() == [5004]
    assert "from sequence 5004" in repr(nq)


def test_a_trade_among_orders_is_a_last_trade(directory: Path) -> None:
    writer = tr.create("t/a", ["mbo"], capacity=64, instruments=16, directory=directory)
    rows = mbo(writer, 10)
    rows["action"][6] = b"T"
    writer.publish(rows)
    ring = tr.open("t/a", directory=directory)
    latest = ring.latest(7)
    assert latest.quote is None and latest.trade is not None
    assert latest.trade.array["order_id"].tolist() == [6] == latest.trade.seq.tolist()
    assert ring.symbols == {} and [known.symbol for known in ring.instruments()] == [""]


def test_an_unknown_instrument_is_a_key_error_with_near_names(directory: Path) -> None:
    _writer, ring = of_two(directory)
    with pytest.raises(KeyError, match=r"no instrument ESZ7 in t/a; did you mean ESZ6\?"):
        ring.latest("ESZ7")
    with pytest.raises(KeyError, match="symbols names the 2"):
        ring.latest(77)
    tr.create("t/b", ["quote"], capacity=64, directory=directory)
    with pytest.raises(KeyError, match="lists no symbols"):
        tr.open("t/b", directory=directory).latest("ESZ6")
    with pytest.raises(TypeError):
        ring.latest(1.5)  # type: ignore[arg-type]


def test_what_does_not_fit_the_directory_is_refused_with_a_hint(directory: Path) -> None:
    with pytest.raises(tr.InvalidInstruments, match="1000") as raised:
        tr.create("t/a", ["quote"], instruments=1000, directory=directory)
    assert "instruments=1024" in raised.value.hint
    writer = tr.create("t/a", ["quote"], capacity=64, instruments=8, directory=directory)
    with pytest.raises(tr.InvalidSymbol, match="72") as symbol:
        writer.define(1, "X" * 73)
    assert "72 bytes" in symbol.value.hint
    with pytest.raises(tr.NoRoomForInstrument, match="7 at most") as full:
        for instrument_id in range(8):
            writer.define(instrument_id, f"S{instrument_id}")
    assert "room for 7" in full.value.hint
    assert len(tr.open("t/a", directory=directory).symbols) == 7
    without = tr.create("t/b", ["quote"], capacity=64, directory=directory)
    with pytest.raises(tr.NoRoomForInstrument) as none:
        without.define(1, "ESZ6")
    assert "instruments=" in none.value.hint
    without.close()
    with pytest.raises(ValueError, match="closed"):
        without.define(1, "ESZ6")
    with pytest.raises(tr.CapacityMismatch) as other:
        tr.create("t/b", ["quote"], capacity=64, instruments=8, directory=directory)
    assert other.value.hint == "ask for instruments=0"

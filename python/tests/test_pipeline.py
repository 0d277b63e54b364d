"""The command line against independent answers: bars against polars, matches against numpy,
quotes against a book of plain dictionaries.

Needs TICKRING_BIN, the path of the command line tool; the recording is used where it is there.
"""

import os
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from test_market_data import FILE

import tickring as tr

SECOND_NS = 1_000_000_000
WHOLE = ["open", "high", "low", "close", "volume", "count", "buy_volume", "sell_volume"]
Rows = np.ndarray[Any, np.dtype[np.void]]


def tool(directory: Path, *words: object) -> None:
    binary = os.environ.get("TICKRING_BIN")
    if not binary:
        pytest.skip("TICKRING_BIN is not set: the command line tool is not tested with Python")
    subprocess.run(
        [binary, *map(str, words)],
        env={**os.environ, "TICKRING_DIR": str(directory)},
        check=True,
        timeout=120,
    )


def read(directory: Path, name: str, kind: str) -> tuple[Rows, np.ndarray[Any, Any]]:
    """All records of one kind in a closed ring, with their sequences."""
    ring = tr.open(name, directory=directory)
    batch = ring.reader("oldest").wait(ring.info.published, timeout=0)
    assert batch.missed == 0
    return batch.of(kind), batch.seq_of(kind)


def bars_by_polars(ticks: Rows, seq: np.ndarray[Any, Any]) -> pl.DataFrame:
    """Bars of a second from the trades among order events, in integers."""
    traded = ticks["action"] == b"T"
    columns = ["instrument_id", "ts_event", "price", "size", "side"]
    frame = pl.DataFrame({name: ticks[name][traded] for name in columns} | {"seq": seq[traded]})
    size = pl.col("size").cast(pl.Int64)
    return (
        frame.with_columns(start_ns=pl.col("ts_event") // SECOND_NS * SECOND_NS)
        .sort("ts_event", "seq")
        .group_by("start_ns", "instrument_id", maintain_order=True)
        .agg(
            open=pl.col("price").first(),
            high=pl.col("price").max(),
            low=pl.col("price").min(),
            close=pl.col("price").last(),
            volume=size.sum(),
            count=pl.len(),
            buy_volume=size.filter(pl.col("side") == b"B").sum(),
            sell_volume=size.filter(pl.col("side") == b"A").sum(),
            notional=(pl.col("price").cast(pl.Int128) * size.cast(pl.Int128)).sum(),
            first_seq=pl.col("seq").first(),
            last_seq=pl.col("seq").last(),
        )
        .sort("start_ns", "instrument_id")
    )


def check_bars(directory: Path, bus: str) -> int:
    """Compares every integer of every bar; gives the number of bars."""
    bars, _ = read(directory, f"{bus}/bars", "window_bar")
    expected = bars_by_polars(*read(directory, f"{bus}/ticks", "mbo"))
    assert len(bars) == len(expected) > 0
    exact = ["start_ns", "instrument_id", *WHOLE, "first_seq", "last_seq"]
    for name in exact:
        assert bars[name].tolist() == expected[name].to_list(), name
    assert (bars["end_ns"] - bars["start_ns"] == SECOND_NS).all()
    low, high = bars["notional_lo"].tolist(), bars["notional_hi"].tolist()
    notional = [low | high << 64 for low, high in zip(low, high, strict=True)]
    assert notional == expected["notional"].to_list()
    assert (bars["flags"] == 8).all(), "every bar is FINAL and whole"
    return len(bars)


def test_bars_of_a_simulated_market_equal_those_of_polars(directory: Path) -> None:
    pace = ["--pace", "max", "--capacity", 1 << 18]
    words = ["--instruments", 20, "--count", 200_000, "--seed", 11, *pace]
    tool(directory, "feed", "simulate", "--to", "sim", *words)
    tool(directory, "window", "sim", "--size", "1s")
    assert check_bars(directory, "sim") > 50


def test_bars_of_the_recording_equal_those_of_polars(directory: Path) -> None:
    if not FILE.is_file():
        pytest.skip(f"{FILE} is not there")
    tool(directory, "feed", "dbn", FILE, "--to", "esh4", "--capacity", 1 << 17)
    tool(directory, "window", "esh4", "--size", "1s", "--delay", "10s")
    assert check_bars(directory, "esh4") > 500


def quotes_by_orders(ticks: Rows) -> list[tuple[int, int, int, int, int, int]]:
    """Best bid and offer after each event that changed them, from all orders each time."""
    orders: dict[int, tuple[int, bytes, int, int]] = {}
    last: dict[int, tuple[int, int, int, int]] = {}
    quotes = []
    none = 2**63 - 1
    for tick in ticks:
        order_id, instrument = int(tick["order_id"]), int(tick["instrument_id"])
        size = int(tick["size"])
        if tick["action"] in (b"A", b"M"):
            orders[order_id] = (instrument, tick["side"], int(tick["price"]), size)
        elif tick["action"] == b"C":
            left = orders[order_id][3] - size
            orders[order_id] = (*orders[order_id][:3], left)
            if left <= 0:
                del orders[order_id]
        if not tick["flags"] & 0x80:
            continue
        own = [order for order in orders.values() if order[0] == instrument]
        bids = [order[2] for order in own if order[1] == b"B"]
        asks = [order[2] for order in own if order[1] == b"A"]
        bid, ask = max(bids, default=none), min(asks, default=none)
        bid_size = sum(order[3] for order in own if order[1:3] == (b"B", bid))
        ask_size = sum(order[3] for order in own if order[1:3] == (b"A", ask))
        quote = (bid, ask, bid_size, ask_size)
        if last.get(instrument, (none, none, 0, 0)) != quote:
            last[instrument] = quote
            quotes.append((instrument, int(tick["ts_event"]), *quote))
    return quotes


def test_quotes_and_their_statistics_equal_those_from_all_orders(directory: Path) -> None:
    words = ["--instruments", 4, "--count", 4_000, "--seed", 5, "--pace", "max"]
    derived = ["--quotes", "--quote-stats", "--venue", "XNAS", "--depth"]
    tool(directory, "feed", "simulate", "--to", "sim", *words, *derived)
    ticks, _ = read(directory, "sim/ticks", "mbo")
    quotes, quote_seq = read(directory, "sim/quotes", "quote")
    names = ["instrument_id", "ts_event", "bid_px", "ask_px", "bid_sz", "ask_sz"]
    found = list(zip(*(quotes[name].tolist() for name in names), strict=True))
    assert found == quotes_by_orders(ticks)
    stats, stats_seq = read(directory, "sim/quotes", "quote_stats")
    assert (stats_seq == quote_seq + 1).all()
    for quote, row in zip(quotes.tolist(), stats, strict=True):
        row_of = dict(zip(quotes.dtype.names or (), quote, strict=True))
        bid, ask = row_of["bid_px"], row_of["ask_px"]
        if 2**63 - 1 in (bid, ask):
            assert row["mid"] == row["spread"] == row["microprice"] == 2**63 - 1
            continue
        weights = row_of["ask_sz"], row_of["bid_sz"]
        # Fractions round halves to even.
        micro = Fraction(bid * weights[0] + ask * weights[1], sum(weights))
        assert row["mid"] == round(Fraction(bid + ask, 2))
        assert (row["microprice"], row["spread"]) == (round(micro), ask - bid)
    assert (stats["phase"] == 4).all()
    depth, _ = read(directory, "sim/depth", "mbp_10")
    assert len(depth) > len(quotes)
    assert int(depth["bid_px_00"][-1]) in quotes["bid_px"].tolist()


def nearest(
    corpus: np.ndarray[Any, Any], query: np.ndarray[Any, Any], metric: str
) -> np.ndarray[Any, Any]:
    """Distances in double precision, as the ann consumer defines them."""
    corpus, query = corpus.astype(np.float64), query.astype(np.float64)
    if metric == "l2":
        return np.asarray(((corpus - query) ** 2).sum(axis=1))
    inner = corpus @ query
    if metric == "ip":
        return np.asarray(-inner)
    norms = np.linalg.norm(corpus, axis=1) * np.linalg.norm(query)
    return np.asarray(1 - np.divide(inner, norms, out=np.zeros_like(inner), where=norms > 0))


@pytest.mark.parametrize("metric", ["l2", "ip", "cosine"])
@pytest.mark.parametrize("dim", [32, 128])
def test_matches_equal_an_exact_search_by_numpy(directory: Path, metric: str, dim: int) -> None:
    k = 10
    feed = ["--instruments", 5, "--count", 60_000, "--seed", 3, "--pace", "max"]
    tool(directory, "feed", "simulate", "--to", "sim", *feed, "--vectors", dim)
    room = ["--from", "oldest", "--capacity", 1 << 17]
    tool(directory, "ann", "sim", "--k", k, "--metric", metric, *room)
    vectors, _ = read(directory, "sim/vectors", "vector")
    matches, _ = read(directory, "sim/matches", "match")
    lanes, ids = vectors["lanes"], vectors["vec_id"].tolist()
    assert len(ids) > 500
    by_query: dict[int, Rows] = {}
    order = np.argsort(matches["query_id"], kind="stable")
    for group in np.split(
        matches[order], np.flatnonzero(np.diff(matches["query_id"][order].astype(np.int64))) + 1
    ):
        by_query[int(group["query_id"][0])] = group
    for place, query_id in enumerate(ids):
        if place == 0 or place % 7:
            continue
        found = by_query[query_id]
        distances = nearest(lanes[:place], lanes[place], metric)
        expected = np.sort(distances)[:k]
        assert found["rank"].tolist() == list(range(len(expected)))
        scale = 1 + np.abs(distances).max()
        assert np.allclose(found["distance"], expected, atol=1e-5 * scale)
        positions = [ids.index(int(found_id)) for found_id in found["match_id"]]
        assert len(set(positions)) == len(positions), "no neighbour twice"
        # The ids are those of the nearest, except where two are equally near in single precision.
        assert np.allclose(distances[positions], expected, atol=1e-5 * scale)

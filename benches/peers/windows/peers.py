#!/usr/bin/env python3
"""Bars by engines that Python drives: processor time of the query, loading excluded.

peers.py ENGINE ticks.parquet SIZE_NS prints one line of JSON. One thread each. What an engine
would have to do for equal answers and is spared is said at the engine.
"""

import json
import os
import sys
import time
from collections.abc import Callable

os.environ.setdefault("POLARS_MAX_THREADS", "1")

import duckdb
import polars as pl

Query = Callable[[], tuple[int, int, int]]


def totals(frame: pl.DataFrame) -> tuple[int, int, int]:
    return len(frame), int(frame["count"].sum()), int(frame["volume"].sum())


def aggregates() -> list[pl.Expr]:
    size, side = pl.col("size"), pl.col("side")
    return [
        pl.col("price").first().alias("open"),
        pl.col("price").max().alias("high"),
        pl.col("price").min().alias("low"),
        pl.col("price").last().alias("close"),
        size.sum().alias("volume"),
        size.filter(side > 0).sum().alias("bought"),
        size.filter(side < 0).sum().alias("sold"),
        (pl.col("price") * size).sum().alias("notional"),
        pl.len().alias("count"),
    ]


def plain() -> list[pl.Expr]:
    """Without the sums by side, whose filters cost polars more than all the rest."""
    return [one for one in aggregates() if one.meta.output_name() not in ("bought", "sold")]


def polars_group_by(path: str, size_ns: int) -> Query:
    """Open and close in order of arrival: spared the order of event time. Sums in 64 bits."""
    frame = pl.read_parquet(path)

    def query() -> tuple[int, int, int]:
        start = (pl.col("ts") // size_ns).alias("start")
        return totals(frame.group_by("sym", start).agg(plain()))

    return query


def polars_group_by_sides(path: str, size_ns: int) -> Query:
    """As `polars_group_by`, with the volumes bought and sold."""
    frame = pl.read_parquet(path)

    def query() -> tuple[int, int, int]:
        start = (pl.col("ts") // size_ns).alias("start")
        return totals(frame.group_by("sym", start).agg(aggregates()))

    return query


def polars_group_by_dynamic(path: str, size_ns: int) -> Query:
    """Spared the sorting that it needs."""
    frame = pl.read_parquet(path).with_columns(pl.col("ts").cast(pl.Datetime("ns")))
    frame = frame.sort("ts").set_sorted("ts")

    def query() -> tuple[int, int, int]:
        every = f"{size_ns}ns"
        return totals(frame.group_by_dynamic("ts", every=every, group_by="sym").agg(plain()))

    return query


def duckdb_group_by(path: str, size_ns: int) -> Query:
    """Open and close by event time. Sums in 128 bits, as ours."""
    connection = duckdb.connect()
    connection.execute("set threads = 1")
    connection.execute("create table ticks as select * from read_parquet(?)", [path])

    def query() -> tuple[int, int, int]:
        connection.execute(
            f"""create or replace temp table bars as
            select sym, ts // {size_ns} start, arg_min(price, ts) o, max(price) h, min(price) l,
                arg_max(price, ts) c, sum(size)::bigint volume, count(*) count,
                sum(case when side > 0 then size else 0 end) bought,
                sum(case when side < 0 then size else 0 end) sold,
                sum(price::hugeint * size) notional
            from ticks group by all"""
        )
        found = connection.execute(
            "select count(*), sum(count)::bigint, sum(volume)::bigint from bars"
        ).fetchone()
        assert found is not None
        return found[0], found[1], found[2]

    return query


ENGINES = {
    "polars-group-by": polars_group_by,
    "polars-group-by-sides": polars_group_by_sides,
    "polars-group-by-dynamic": polars_group_by_dynamic,
    "duckdb": duckdb_group_by,
}


def main() -> None:
    engine, path, size_ns = sys.argv[1:]
    query = ENGINES[engine](path, int(size_ns))
    begin = time.process_time_ns()
    bars, trades, volume = query()
    spent = time.process_time_ns() - begin
    print(json.dumps({"cpu_ns": spent, "bars": bars, "trades": trades, "volume": volume}))


if __name__ == "__main__":
    main()

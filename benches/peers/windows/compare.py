#!/usr/bin/env python3
"""Compares every integer of every bar with polars, and with an oracle's answer if it is there.

compare.py FOLDER SIZE_NS HOP_NS; the folder holds ticks.parquet, absent.csv (sequences of ticks
that are in no bar), gaps.csv (event times between which ticks were lost, both inclusive), bars as
files of the sink, and perhaps oracle.csv. Windows that overlap are made of every tick as often as
it is in one.
"""

import sys
from pathlib import Path

import polars as pl

KEY = ["start", "sym"]
INCOMPLETE = 2


def ours(folder: Path) -> pl.DataFrame:
    """The bars after all revisions, without those that have nothing in them."""
    bars = pl.read_parquet(folder / "bars/bars-*.parquet")
    low, high = bars["notional_lo"].to_list(), bars["notional_hi"].to_list()
    notional = [low | high << 64 for low, high in zip(low, high, strict=True)]
    raw = {"o": "open", "h": "high", "l": "low", "c": "close"}
    same = {"vol": "volume", "n": "count", "buyv": "buy_volume", "sellv": "sell_volume"}
    frame = bars.select(
        pl.col("start_ns").to_physical().alias("start"),
        pl.col("end_ns").to_physical().alias("end"),
        pl.col("instrument_id").cast(pl.Int64).alias("sym"),
        *(pl.col(f"{name}_e9").alias(short) for short, name in raw.items()),
        *(pl.col(name).cast(pl.Int64).alias(short) for short, name in same.items()),
        pl.Series("pv", notional, dtype=pl.Int128),
        pl.col("first_seq", "last_seq").cast(pl.Int64),
        (pl.col("flags") & INCOMPLETE == 0).alias("complete"),
        pl.col("revision"),
    )
    frame = frame.sort(*KEY, "revision").unique(KEY, keep="last").drop("revision")
    return frame.filter(pl.col("n") > 0).sort(KEY)


def by_polars(folder: Path, size_ns: int, hop_ns: int) -> pl.DataFrame:
    """The same from all ticks at once."""
    absent = pl.read_csv(folder / "absent.csv", schema={"seq": pl.Int64})
    ticks = pl.read_parquet(folder / "ticks.parquet").join(absent, on="seq", how="anti")
    size = pl.col("size")
    last = pl.col("ts") // hop_ns * hop_ns
    starts = [(last - back * hop_ns).alias("start") for back in range(size_ns // hop_ns)]
    frame = (
        pl.concat([ticks.with_columns(start) for start in starts])
        .sort("ts", "seq")
        .group_by("sym", "start", maintain_order=True)
        .agg(
            pl.col("price").first().alias("o"),
            pl.col("price").max().alias("h"),
            pl.col("price").min().alias("l"),
            pl.col("price").last().alias("c"),
            size.sum().alias("vol"),
            pl.len().cast(pl.Int64).alias("n"),
            size.filter(pl.col("side") > 0).sum().alias("buyv"),
            size.filter(pl.col("side") < 0).sum().alias("sellv"),
            (pl.col("price").cast(pl.Int128) * size.cast(pl.Int128)).sum().alias("pv"),
            pl.col("seq").first().alias("first_seq"),
            pl.col("seq").last().alias("last_seq"),
        )
        .with_columns((pl.col("start") + size_ns).alias("end"))
    )
    touched = pl.lit(False)
    for low, high in pl.read_csv(folder / "gaps.csv").iter_rows():
        touched = touched | ((pl.col("end") > low) & (pl.col("start") <= high))
    return frame.with_columns((~touched).alias("complete")).sort(KEY)


def oracle(folder: Path) -> pl.DataFrame:
    frame = pl.read_csv(folder / "oracle.csv", schema_overrides={"pv": pl.String})
    return frame.with_columns(pl.col("pv").cast(pl.Int128)).sort(KEY)


def differences(mine: pl.DataFrame, other: pl.DataFrame, names: list[str]) -> list[str]:
    if len(mine) != len(other):
        return [f"{len(mine)} bars here, {len(other)} there"]
    found = []
    for name in names:
        differs = mine[name] != other[name].cast(mine[name].dtype)
        if differs.any():
            at = differs.arg_max()
            assert at is not None
            row = mine.row(at, named=True)
            there = other[name][at]
            found.append(f"{name}: {differs.sum()} differ, first {row}, there {there}")
    return found


def main() -> None:
    folder, size_ns, hop_ns = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    mine = ours(folder)
    found = {"polars": differences(mine, by_polars(folder, size_ns, hop_ns), mine.columns)}
    if (folder / "oracle.csv").is_file():
        # Its first and last sequence are the lowest and highest, ours those of open and close.
        names = [name for name in mine.columns if name not in ("first_seq", "last_seq")]
        found["the oracle"] = differences(mine, oracle(folder), names)
    incomplete = int((~mine["complete"]).sum())
    for other, lines in found.items():
        verdict = "equal in every column" if not lines else "\n  ".join(["DIFFERENT", *lines])
        print(f"{len(mine)} bars ({incomplete} incomplete) against {other}: {verdict}")
    sys.exit(any(found.values()))


if __name__ == "__main__":
    main()

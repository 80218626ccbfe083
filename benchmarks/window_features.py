"""Window features: the change log of a range in one pass, beside DuckDB and Polars by hand.

    .venv/bin/python benchmarks/window_features.py [--quick | SIZE]    where SIZE is 1, 2 or 3

Events of 90 days, twenty an entity, 5% of them one to three days late; windows of 1, 7 and 30 days; count, sum, mean and max. Here: the
engine's change log from silver's files, chunk by chunk, nothing written; values of sampled rows are computed again one by one. DuckDB by
hand for the same rows and values, up to two million events, and DuckDB and Polars for a smaller answer: rows on active days only, where
nothing tells that rows leave a window, and late events count as if they had been there on their day. Each run is a process of its own;
CPU seconds without imports; alternating, the median of three, of a hundred million events one run, only here. What takes
more than 6 GB or 600 CPU s is stopped.
"""

import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from environment import peers_python, peers_versions
from measured import Spent, in_short, is_same, report, say, sizes_asked, spawned, typical

import platform_assets as pa
from platform_assets import Arrival, Entity, FeatureView
from platform_assets.kernels.change_log import change_log

SIZES, QUICK = [2_000_000, 20_000_000, 100_000_000], [500_000]
EVENTS_AN_ENTITY, START, DAYS, DAY, WINDOWS = 20, datetime(2024, 1, 1, tzinfo=UTC), 90, 86_400_000_000, (1, 7, 30)
EPOCH = int(START.timestamp()) * 1_000_000
BOUNDS = {20_000_000: "40 / 2"}
UP_TO = {"DuckDB, the same": 2_000_000, "DuckDB, active days": 20_000_000, "Polars rolling, active days": 20_000_000}
"""Larger sizes are left out."""
HERE = Path(__file__).parent


class Payment:
    number: int
    user: int
    at: datetime
    amount: float


@pa.source(schema=Payment, key=["number"], event_time="at", partitions=pa.daily("2024-01-01"), owners=["team:benchmarks"])
def payments(arrival: Arrival) -> pl.LazyFrame | None:
    """Not called: silver is drawn."""
    return None


SPENDING = FeatureView(
    "spending",
    entity=Entity("user", keys=["user"]),
    source=payments,
    features=[make("amount").over("1d", "7d", "30d") for make in (pa.sum, pa.mean, pa.max)] + [pa.count().over("1d", "7d", "30d")],
)


def draw(folder: Path, events: int) -> dict[str, Any]:
    """Silver: a file for each day, of what arrived on it."""
    random, each = np.random.default_rng(0), events // DAYS
    for arrival in range(DAYS):
        lag = np.where(random.random(each) < 0.05, random.integers(1, 4, each), 0)
        day = arrival - lag
        rows = pl.DataFrame({
            "number": np.arange(each) + arrival * each,
            "user": random.integers(0, events // EVENTS_AN_ENTITY, each),
            "at": pl.Series(EPOCH + day * DAY + random.integers(0, DAY, each)).cast(pl.Datetime("us", "UTC")),
            "amount": random.gamma(2, 20, each),
            "arrival": pl.Series([(START + timedelta(days=arrival)).date()]).new_from_index(0, each),
            "delivery": np.ones(each, np.int64),
            "row_number": np.arange(each),
        }).filter(pl.Series(day >= 0))  # fmt: skip
        rows.write_parquet(folder / f"{arrival:03}.parquet")
    return {}


def here(folder: Path) -> dict[str, Any]:
    first, found = payments.partitions.first, [0, 0, 0.0, 0.0]
    samples = []
    for chunk in change_log(SPENDING, pl.scan_parquet(folder / "*.parquet"), first, first + DAYS - 1):
        sums = chunk.select(pl.len(), pl.col("count_30d").sum(), pl.col("amount_sum_7d").sum(), pl.col("amount_max_1d").sum()).row(0)
        found = [total + more for total, more in zip(found, sums, strict=True)]
        samples.append(chunk.sample(min(chunk.height, 10), seed=1))
    pl.concat(samples).sample(n=min(300, 10 * len(samples)), seed=1).write_parquet(folder / "samples")
    return dict(zip(("rows", "counted", "summed", "highest"), found, strict=True))


def wrong(folder: Path) -> int:
    """How many of the sampled rows have a value that is not what their events give, one by one."""
    samples = pl.read_parquet(folder / "samples")
    events = pl.scan_parquet(folder / "*.parquet").join(samples.lazy().select("user").unique(), on="user", how="semi").collect()
    bad = 0
    for row in samples.iter_rows(named=True):
        end = datetime.combine(row["partition"], datetime.min.time(), UTC) + timedelta(days=1)
        for window in WINDOWS:
            inside = (pl.col("at") >= end - timedelta(days=window)) & (pl.col("at") < end) & (pl.col("arrival") <= row["partition"])
            amounts = events.filter((pl.col("user") == row["user"]) & inside)["amount"].to_numpy()
            told: list[Any] = [row[f"{name}_{window}d"] for name in ("count", "amount_sum", "amount_mean", "amount_max")]
            naive: list[Any] = [len(amounts), *([amounts.sum(), amounts.mean(), amounts.max()] if len(amounts) else [None] * 3)]
            close = [left == right or abs(left - right) <= 1e-9 * abs(right) for left, right in zip(told, naive, strict=True)]
            bad += not all(close)
    return bad


def active_days(folder: Path) -> dict[str, Any]:
    """By hand in Polars: tiles of days, rolled over."""
    tiles = (
        pl.scan_parquet(folder / "*.parquet")
        .group_by("user", ((pl.col("at").dt.timestamp("us") - EPOCH) // DAY).alias("x"))
        .agg(n=pl.len().cast(pl.Int64), s=pl.col("amount").sum(), m=pl.col("amount").max())
        .sort("user", "x")
        .collect()
    )
    rolled = [
        tiles.rolling("x", period=f"{w}i", group_by="user").agg(
            pl.col("n").sum().alias(f"n{w}"),
            pl.col("s").sum().alias(f"s{w}"),
            (pl.col("s").sum() / pl.col("n").sum()).alias(f"a{w}"),
            pl.col("m").max().alias(f"m{w}"),
        )
        for w in WINDOWS
    ]
    log = reduce(lambda left, right: left.hstack(right.drop("user", "x")), rolled)
    told = log.select(rows=pl.len(), counted=pl.col("n30").sum(), summed=pl.col("s7").sum(), highest=pl.col("m1").sum())
    return told.row(0, named=True)


def by_duckdb(answer: str, folder: Path) -> Spent:
    return spawned(HERE / "peers/duckdb_windows.py", answer, folder, python=peers_python(), limit_seconds=600)


WAYS: dict[str, Callable[[Path], Spent]] = {
    "here": lambda folder: spawned(__file__, "--here", folder),
    "DuckDB, the same": lambda folder: by_duckdb("same", folder),
    "DuckDB, active days": lambda folder: by_duckdb("active", folder),
    "Polars rolling, active days": lambda folder: spawned(__file__, "--polars", folder, limit_seconds=600),
}


def main(sizes: Sequence[int], quick: bool) -> None:
    found: list[list[Any]] = []
    for events in sizes:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            spawned(__file__, "--draw", folder, events)
            spent: dict[str, list[Spent]] = {}
            for turn in range(3 if events <= SIZES[1] else 1):
                for way, run in WAYS.items():
                    if way == "here" or (events <= UP_TO[way] and (turn == 0 or not spent[way][0].stopped)):
                        spent.setdefault(way, []).append(run(folder))
            checked = wrong(folder)
        ours = typical(spent["here"])
        for way, each in ((way, typical(runs)) for way, runs in spent.items()):
            if way == "here":
                answer = f"{checked} sampled rows wrong"
            else:
                answer = "" if each.stopped else "the same" if is_same(each.said, ours.said) else "another"
            bound = BOUNDS.get(events, "") if way == "here" else ""
            rows = each.said.get("rows")
            found.append([in_short(events), way, rows, each.stopped or each.cpu, each.peak_gb, each.cpu / ours.cpu, bound, answer])
            print(found[-1], flush=True)
    report(
        "window_features",
        ["events", "way", "rows out", "CPU s", "peak GB", "x here", "bound, CPU s / GB", "answer"],
        found,
        ["polars", "numpy"],
        quick=quick,
        whole=len(sizes) > 1,
        peers=peers_versions("duckdb"),
    )


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--here", folder]:
            say(lambda: here(Path(folder)))
        case ["--polars", folder]:
            say(lambda: active_days(Path(folder)))
        case ["--draw", folder, events]:
            say(lambda: draw(Path(folder), int(events)))
        case _:
            main(*sizes_asked(__doc__, SIZES, QUICK))

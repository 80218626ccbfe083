"""Point-in-time joins: labels with the features known at their times, beside Feast, DuckDB's ASOF JOIN and Polars' join_asof.

    .venv/bin/python benchmarks/point_in_time.py [--quick | SIZE]    where SIZE is 1, 2, 3 or 4

Two views of five floats, so many rows each, of a tenth as many entities in 90 daily partitions; labels at any moment. Here: the
engine's join on gold as the lake keeps it, a Delta table partitioned by day. The others read the same rows from one Parquet file a view.
Each run is a process of its own; CPU seconds without its imports, its peak memory with them; alternating, the median of three, of Feast
beyond a million rows one run. What takes more than 6 GB or 300 CPU s is stopped.
"""

import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from environment import peers_python, peers_versions
from measured import Spent, in_short, is_same, report, say, sizes_asked, spawned, typical
from two_views import SERVICE

from platform_assets.kernels.point_in_time import point_in_time
from platform_assets.stores.delta import Lake, PartitionFacts, Span

SIZES = [(1_000_000, 100_000), (1_000_000, 1_000_000), (10_000_000, 100_000), (10_000_000, 1_000_000)]
BOUNDS = {
    (1_000_000, 100_000): "1 / .5",
    (1_000_000, 1_000_000): "2 / .5",
    (10_000_000, 100_000): "3 / 1",
    (10_000_000, 1_000_000): "8 / 1.2",
}
QUICK = [(100_000, 10_000)]
START, DAYS, A_USER = datetime(2024, 1, 1, tzinfo=UTC), 90, 10
VIEWS = [view.name for view in SERVICE.views]
HERE = Path(__file__).parent


def draw(folder: Path, rows: int, labels: int) -> dict[str, Any]:
    """The views' rows, as Delta tables and as files, and the labels."""
    random, users = np.random.default_rng(0), rows // A_USER
    lake = Lake(str(folder / "lake"))
    days = [(START + timedelta(days=day)).date() for day in range(DAYS)]
    facts = [PartitionFacts(day.isoformat(), 0) for day in days]
    for name in VIEWS:
        day = np.add.outer(random.integers(0, DAYS // A_USER, users), np.arange(0, DAYS, DAYS // A_USER)).ravel()
        frame = pl.DataFrame({
            "user": np.repeat(np.arange(users), A_USER),
            "partition": pl.Series(day).cast(pl.Int32) + (START.date() - datetime(1970, 1, 1).date()).days,
            **{f"f{number}": random.normal(100, 20, rows) for number in range(5)},
        })  # fmt: skip
        frame = frame.select(
            "user",
            pl.col("partition").cast(pl.Date),
            (pl.col("partition") + 1).cast(pl.Date).cast(pl.Datetime("us")).dt.replace_time_zone("UTC").alias("valid_from"),
            pl.lit(False).alias("is_empty"),
            *(f"f{number}" for number in range(5)),
        ).sort("partition", "user")
        frame.drop("partition", "is_empty").write_parquet(folder / f"{name}.parquet")
        span = Span(days[0], days[-1] + timedelta(days=1))
        lake.replace((name, "gold"), frame, by="partition", span=span, facts=facts, declaration_version="1", run="benchmark")
    at = pl.Series(random.integers(0, DAYS * 86_400_000_000, labels) + int(START.timestamp()) * 1_000_000)
    asked = pl.DataFrame({"user": random.integers(0, users, labels), "label_time": at.cast(pl.Datetime("us", "UTC"))})
    asked.write_parquet(folder / "labels.parquet")
    return {}


def here(folder: Path) -> dict[str, Any]:
    lake = Lake(str(folder / "lake"))
    labels = pl.read_parquet(folder / "labels.parquet")
    return told(point_in_time(SERVICE, {name: lake.scan((name, "gold")) for name in VIEWS}, labels))


def by_hand(folder: Path, semi: bool) -> dict[str, Any]:
    labels = pl.scan_parquet(folder / "labels.parquet").sort("label_time")
    for name in VIEWS:
        rows = pl.scan_parquet(folder / f"{name}.parquet")
        if semi:
            rows = rows.join(labels.select("user").unique(), on="user", how="semi")
        rows = rows.rename({f"f{number}": f"{name}__f{number}" for number in range(5)}).sort("valid_from")
        labels = labels.join_asof(rows, left_on="label_time", right_on="valid_from", by="user", check_sortedness=False).drop("valid_from")
    return told(labels.collect())


def told(joined: pl.DataFrame) -> dict[str, Any]:
    return {"rows": joined.height, "total": joined.select(pl.col("spend__f0").sum() + pl.col("visits__f4").sum()).item()}


WAYS: dict[str, tuple[int, Callable[[Path], Spent]]] = {
    "here": (3, lambda folder: spawned(__file__, "--here", folder)),
    "Polars join_asof": (3, lambda folder: spawned(__file__, "--polars", folder)),
    "Polars, semi-join first": (3, lambda folder: spawned(__file__, "--semi", folder)),
    "DuckDB ASOF JOIN": (3, lambda folder: spawned(HERE / "peers/duckdb_join.py", folder, python=peers_python())),
    "Feast, duckdb": (1, lambda folder: spawned(HERE / "peers/feast_join.py", folder, "duckdb", python=peers_python(), limit_seconds=300)),
    "Feast, file": (1, lambda folder: spawned(HERE / "peers/feast_join.py", folder, "file", python=peers_python(), limit_seconds=300)),
}


def main(sizes: Sequence[tuple[int, int]], quick: bool) -> None:
    found: list[list[Any]] = []
    for rows, labels in sizes:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            spawned(__file__, "--draw", folder, rows, labels, limit_gb=12)
            spent: dict[str, list[Spent]] = {way: [] for way in WAYS}
            for turn in range(3):
                for way, (turns, run) in WAYS.items():
                    if turn < (3 if rows * labels <= 10**11 else turns):
                        spent[way].append(run(folder))
        ours = typical(spent["here"])
        for way, each in ((way, typical(runs)) for way, runs in spent.items()):
            same = "" if each.stopped else "yes" if is_same(each.said, ours.said) else f"no: {each.said['rows']:,} rows"
            bound = BOUNDS.get((rows, labels), "") if way == "here" else ""
            size = f"{in_short(rows)} x {in_short(labels)}"
            found.append([size, way, each.stopped or each.cpu, each.peak_gb, each.cpu / ours.cpu, bound, same])
            print(found[-1], flush=True)
    report(
        "point_in_time",
        ["feature x label rows", "way", "CPU s", "peak GB", "x here", "bound, CPU s / GB", "same answer"],
        found,
        ["polars", "deltalake", "numpy"],
        quick=quick,
        whole=len(sizes) > 1,
        peers=peers_versions("feast", "duckdb", "pandas"),
    )


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--here", folder]:
            say(lambda: here(Path(folder)))
        case ["--polars", folder]:
            say(lambda: by_hand(Path(folder), semi=False))
        case ["--semi", folder]:
            say(lambda: by_hand(Path(folder), semi=True))
        case ["--draw", folder, rows, labels]:
            say(lambda: draw(Path(folder), int(rows), int(labels)))
        case _:
            main(*sizes_asked(__doc__, SIZES, QUICK))

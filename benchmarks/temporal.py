"""Features at the moment of each label: ten million events, a million labels, twelve features over windows of an hour, a day, thirty days.

    .venv/bin/python benchmarks/temporal.py [events] [labels] [entities]

Each way runs in a process of its own, without Dagster, on silver as one Parquet file of 90 days; 5% of the rows arrive one to three days
late. Views with temporal accuracy are sawtooth windows at the label's time; those of snapshots are the same features at the ends of days,
straight from silver, and, for the rule by which the cheaper is chosen, from a table of gold that was made before. A few hundred labels are
compared with a loop over their entity's rows. CPU seconds of the process, and its peak memory.
"""

import builtins
import json
import math
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from measured import cpu_seconds, number_given, options, peak_gb, report

from platform_assets import Arrival, Entity, FeatureService, FeatureView, count, daily, max, mean, source, std, sum
from platform_assets.kernels.change_log import change_log
from platform_assets.kernels.point_in_time import point_in_time

SIZES = [10_000_000, 1_000_000, 100_000]
EVENTS, LABELS, ENTITIES = (number_given(place, size) for place, size in enumerate(SIZES, start=1))
DAYS, START = 90, datetime(2024, 1, 1, tzinfo=UTC)
DAY = 86_400_000_000
EPOCH = int(START.timestamp()) * 1_000_000
WAYS = ("temporal", "snapshots from silver", "snapshots from gold")
CHECKED = 300


class Event:
    user: int
    at: datetime
    amount: float


@source(schema=Event, event_time="at", partitions=daily("2024-01-01"), owners=["team:benchmarks"])
def events(arrival: Arrival) -> None:
    """Drawn in `prepare`."""


WINDOWS = ("1h", "24h", "30d")
FEATURES = [
    count().over(*WINDOWS),
    sum("amount").over(*WINDOWS),
    mean("amount").over("1h", "30d"),
    max("amount").over(*WINDOWS),
    std("amount").over("24h"),
]
USER = Entity("user", keys=["user"])
NOW = FeatureView("now", entity=USER, source=events, features=FEATURES, accuracy="temporal")
SNAPSHOT = FeatureView("now", entity=USER, source=events, features=FEATURES)


def prepare(folder: Path) -> None:
    """Silver, and labels at any time of the last sixty days."""
    draw = np.random.default_rng(1)
    at = draw.integers(0, DAYS * DAY, EVENTS)
    arrival = at // DAY + np.where(draw.random(EVENTS) < 0.05, draw.integers(1, 4, EVENTS), 0)
    silver = pl.DataFrame({
        "user": draw.integers(0, ENTITIES, EVENTS),
        "at": pl.Series(at + EPOCH).cast(pl.Datetime("us", "UTC")),
        "amount": draw.exponential(30.0, EVENTS),
        "arrival": pl.Series(arrival * DAY + EPOCH).cast(pl.Datetime("us")).dt.date(),
        "delivery": pl.Series(np.ones(EVENTS, np.int64)),
        "row_number": pl.Series(np.arange(EVENTS)),
    })  # fmt: skip
    silver.sort("arrival").write_parquet(folder / "silver.parquet")
    times = draw.integers(30 * DAY, DAYS * DAY, LABELS) + EPOCH
    labels = {"user": draw.integers(0, ENTITIES, LABELS), "label_time": pl.Series(times).cast(pl.Datetime("us", "UTC"))}
    pl.DataFrame(labels).write_parquet(folder / "labels.parquet")


def make_gold(folder: Path) -> int:
    """The change log of the snapshots that the labels may see, in one file; its rows."""
    first = events.partitions.first
    frames = change_log(SNAPSHOT, pl.scan_parquet(folder / "silver.parquet"), first, first + DAYS - 1)
    (folder / "gold").mkdir()
    rows = 0
    for number, frame in enumerate(frames):
        frame.write_parquet(folder / "gold" / f"{number:04}.parquet")
        rows += frame.height
    return rows


def run(way: str, folder: Path) -> dict[str, Any]:
    labels = pl.read_parquet(folder / "labels.parquet")
    before = cpu_seconds()
    silver = pl.scan_parquet(folder / "silver.parquet")
    view = NOW if way == "temporal" else SNAPSHOT
    service = FeatureService("benchmark", [view])
    if way == "snapshots from gold":
        found = point_in_time(service, {"now": pl.scan_parquet(folder / "gold" / "*.parquet")}, labels)
    else:
        found = point_in_time(service, {}, labels, silver={"now": silver})
    cpu, peak = cpu_seconds() - before, peak_gb()
    return {"cpu": cpu, "peak_gb": peak, "wrong": differing(found, silver, way == "temporal")}


def differing(found: pl.DataFrame, silver: pl.LazyFrame, temporal: bool) -> int:
    """How many of the values of some labels differ from those that a loop finds."""
    some = found.gather_every(LABELS // CHECKED)
    rows = silver.filter(pl.col("user").is_in(some["user"].unique().implode())).collect()
    by_user: dict[int, list[tuple[int, int, float]]] = {}
    for user, at, amount, arrival in rows.select(
        "user", pl.col("at").dt.timestamp("us"), "amount", pl.col("arrival").cast(pl.Datetime("us")).dt.timestamp("us")
    ).iter_rows():
        by_user.setdefault(user, []).append((at, arrival + DAY, amount))
    wrong = 0
    for label in some.with_columns(pl.col("label_time").dt.timestamp("us")).iter_rows(named=True):
        for window, length, tile in (("1h", DAY // 24, DAY // 288), ("24h", DAY, DAY // 24), ("30d", 30 * DAY, DAY)):
            t = label["label_time"] if temporal else label["label_time"] // DAY * DAY
            start = (t - length) // tile * tile if temporal else t - length
            inside = [amount for at, arrived, amount in by_user.get(label["user"], []) if start <= at < t and arrived <= t]
            expected = naive(inside)
            wrong += builtins.sum(not same(label[name], expected[kind]) for kind in expected if (name := f"now__{kind}_{window}") in label)
    return wrong


def naive(values: list[float]) -> dict[str, float | None]:
    n, total = len(values), math.fsum(values)
    spread = math.sqrt(math.fsum((v - total / n) ** 2 for v in values) / (n - 1)) if n > 1 else None
    return {
        "count": n,
        "amount_sum": total if n else None,
        "amount_mean": total / n if n else None,
        "amount_max": builtins.max(values, default=None),
        "amount_std": spread,
    }


def same(left: float | None, right: float | None) -> bool:
    return left == right or (left is not None and right is not None and math.isclose(left, right, rel_tol=1e-9))


def in_own_process(way: str, folder: Path) -> dict[str, Any]:
    command = [sys.executable, __file__, str(EVENTS), str(LABELS), str(ENTITIES), "--run", way, str(folder)]
    told = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    return dict(json.loads(told.strip().splitlines()[-1]))


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        prepare(folder)
        gold = make_gold(folder)
        found = []
        for way in WAYS:
            spent = in_own_process(way, folder)
            of = gold if way == "snapshots from gold" else EVENTS
            found.append([way, of, LABELS, len(SNAPSHOT.stored), spent["cpu"], spent["peak_gb"], spent["wrong"]])
            print(found[-1], flush=True)
        headings = ["way", "rows read", "labels", "features", "CPU s", "peak GB", f"wrong of {CHECKED} labels"]
        report("temporal", headings, found, ["polars", "numpy"], quick=SIZES[0] > EVENTS)


if __name__ == "__main__":
    if "--run" in sys.argv:
        at = sys.argv.index("--run")
        print(json.dumps(run(sys.argv[at + 1], Path(sys.argv[at + 2]))))
    else:
        options(__doc__, events=EVENTS, labels=LABELS, entities=ENTITIES)
        main()

"""Lifetime features after one, two and four months: what a checkpoint costs, and a day that starts from it.

    .venv/bin/python benchmarks/lifetime.py [121] [rows a day]

Every step runs in a process of its own, without Dagster, on one lake of 121 days; CPU seconds of the process, the median of three. Each
day is the 28th of its month, so silver since the checkpoint is equally long. The states of totals stay as large as they are, those of
different values grow with them.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from measured import options, report
from ranges import ROWS, START, views

from platform_assets import Entity, FeatureView, count, count_distinct, last, max, mean, sum
from platform_assets.declare.checkpoints import month_of, months_of
from platform_assets.steps.checkpoints import make_checkpoints
from platform_assets.steps.gold import make_change_log
from platform_assets.steps.raw import make_raw
from platform_assets.steps.run import Run
from platform_assets.steps.silver import make_silver
from platform_assets.stores.delta import Lake
from platform_assets.stores.ledger import Ledger

user = Entity("user", keys=["user"])
totals = FeatureView(
    "totals",
    entity=user,
    source=views,
    features=[
        count().over("7d", "lifetime"),
        *(make("seconds").over("lifetime") for make in (sum, mean, max)),
        last("page").over("lifetime"),
    ],
)
different = FeatureView("different", entity=user, source=views, features=[count_distinct("page").over("lifetime")])
VIEWS = {view.name: view for view in (totals, different)}


def step(name: str, view: str, first: int, end: int, run: Run) -> int:
    """The rows of the last partition."""
    if name in ("raw", "silver"):
        done = (make_raw if name == "raw" else make_silver)(views, first, end, run)
    else:
        done = (make_checkpoints if name == "checkpoint" else make_change_log)(VIEWS[view], first, end, run)
    done.check()
    return [entry.rows for entry in done.entries.values()][-1]


def measured(home: Path, name: str, view: str, first: int, end: int) -> tuple[float, int]:
    """CPU seconds, rows written."""
    command = [sys.executable, __file__, "121", str(ROWS), "--child", str(home), name, view, str(first), str(end)]
    cpu, rows = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return float(cpu), int(rows)


def child(home: str, name: str, view: str, first: int, end: int) -> None:
    lake, begun = Lake(home), time.process_time()
    rows = step(name, view, first, end, Run(lake, Ledger(lake), "benchmark", START + timedelta(days=10_000)))
    print(time.process_time() - begun, rows)


def main() -> None:
    days, found = views.partitions, []
    with tempfile.TemporaryDirectory() as folder:
        lake = Path(folder)
        for name in ("raw", "silver"):
            measured(lake, name, "", days.first, days.first + 120)
        for view in VIEWS.values():
            for date in (datetime(2024, month, 28, tzinfo=UTC) for month in (1, 2, 4)):
                day = days.index(date)
                month, kept = month_of(view, day), (0.0, 0)
                for other in range(months_of(view).first, month + 1) if month else ():
                    kept = measured(lake, "checkpoint", view.name, other, other)
                spent = [measured(lake, "day", view.name, day, day) for _ in range(3)]
                found.append((view.name, day - days.first + 1, kept[1], kept[0], spent[0][1], statistics.median(cpu for cpu, _ in spent)))
                print(found[-1], flush=True)
    heads = ["view", "days of history", "entities in the checkpoint", "its CPU s", "rows of the day", "CPU s of the day"]
    report("lifetime", heads, found, ["polars", "deltalake", "numpy", "pyarrow"])


if __name__ == "__main__":
    if "--child" in sys.argv:
        home, name, view, first, end = sys.argv[-5:]
        child(home, name, view, int(first), int(end))
    else:
        options(__doc__, days=121, rows=ROWS)
        main()

"""Long ranges: the peak memory of a range of partitions beside that of a short one, and of a day after a short and a long history.

    .venv/bin/python benchmarks/ranges.py [days] [rows a day]

Every step runs in a process of its own, without Dagster, on one lake: 5% of the rows arrive one or two days late. Windows of 1, 7 and
30 days. The day is computed on lakes that hold 31 and 120 days; CPU seconds of the process, the median of three.
"""

import builtins
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
from measured import number_given, options, report

from platform_assets import Arrival, Entity, FeatureView, GoldTable, count, daily, max, mean, source, sum
from platform_assets.steps.gold import make_change_log, make_report
from platform_assets.steps.raw import make_raw
from platform_assets.steps.run import Run
from platform_assets.steps.silver import make_silver
from platform_assets.stores.delta import Lake
from platform_assets.stores.ledger import Ledger

START, WINDOW, SHORT = datetime(2024, 1, 1, tzinfo=UTC), 30, 30
ROWS = number_given(2, 100_000)
PAGES = np.array([f"page {number}" for number in range(1000)])


class View:
    user: int
    at: datetime
    seconds: float
    page: str


@source(schema=View, event_time="at", partitions=daily("2024-01-01"), rules={"positive": "seconds >= 0"}, owners=["team:benchmarks"])
def views(arrival: Arrival) -> pl.DataFrame:
    """Pages seen, drawn anew for each day."""
    day = (arrival.start - START).days
    draw = np.random.default_rng(day)
    late = np.where(draw.random(ROWS) < 0.05, draw.integers(1, 3, ROWS), 0)
    microseconds = draw.integers(0, 86_400_000_000, ROWS) + np.maximum(day - late, 0) * 86_400_000_000
    epoch = int(START.timestamp()) * 1_000_000
    return pl.DataFrame({
        "user": draw.integers(0, ROWS * 2, ROWS),
        "at": pl.Series(microseconds + epoch).cast(pl.Datetime("us", "UTC")),
        "seconds": draw.exponential(30.0, ROWS),
        "page": draw.choice(PAGES, ROWS),
    })  # fmt: skip


watching = FeatureView(
    "watching",
    entity=Entity("user", keys=["user"]),
    source=views,
    features=[make("seconds").over("1d", "7d", f"{WINDOW}d") for make in (sum, mean, max)] + [count().over("1d", "7d", f"{WINDOW}d")],
)
daily_views = GoldTable("daily_views", source=views, by=["page"], measures=[count().named("views"), sum("seconds").named("seconds")])
STEPS = {
    "raw": lambda first, last, run: make_raw(views, first, last, run),
    "silver": lambda first, last, run: make_silver(views, first, last, run),
    "feature view": lambda first, last, run: make_change_log(watching, first, last, run),
    "report": lambda first, last, run: make_report(daily_views, first, last, run),
}


def child(home: str, step: str, first: int, last: int) -> None:
    lake = Lake(home)
    begun = time.process_time()
    done = STEPS[step](first, last, Run(lake, Ledger(lake), "benchmark", START + timedelta(days=10_000)))
    done.check()
    rows = sum_of(entry.rows for entry in done.entries.values())
    print(time.process_time() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, rows)


sum_of = builtins.sum


def measured(home: Path, step: str, first: int, last: int) -> tuple[float, float, int]:
    """CPU seconds, peak MB, rows written."""
    command = [sys.executable, __file__, str(last - first + 1), str(ROWS), "--child", str(home), step, str(first), str(last)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return float(said[0]), float(said[1]), int(said[2])


def main(days: int) -> None:
    first = views.partitions.first
    found = []
    with tempfile.TemporaryDirectory() as folder:
        lake = Path(folder) / "long"
        print(f"receiving {days} days of {ROWS:,} rows", flush=True)
        measured(lake, "raw", first, first + days - 1)
        for step in ("silver", "feature view", "report"):
            cpu, peak, rows = measured(lake, step, first, first + days - 1)
            short_cpu, short_peak, _ = measured(lake, step, first + days - SHORT, first + days - 1)
            found.append((step, rows, cpu, short_cpu, peak, short_peak, peak / short_peak))
            print(found[-1], flush=True)
        report(
            "ranges",
            ["step", f"rows of {days} days", "CPU s", f"CPU s of {SHORT}", f"peak MB of {days}", f"peak MB of {SHORT}", "ratio"],
            found,
            ["polars", "deltalake", "numpy", "pyarrow"],
        )
        spent = []
        for history in (WINDOW + 1, 4 * WINDOW):
            lake = Path(folder) / str(history)
            for step in ("raw", "silver"):
                measured(lake, step, first, first + history - 1)
            day = first + history - 1
            measured(lake, "feature view", first, day - 1)
            spent.append(statistics.median(measured(lake, "feature view", day, day)[0] for _ in range(3)))
        ratio = spent[1] / spent[0]
        print(f"\na day of the view after {WINDOW + 1} and {4 * WINDOW} days: {spent[0]:.2f} and {spent[1]:.2f} CPU s, ratio {ratio:.2f}")


if __name__ == "__main__":
    if "--child" in sys.argv:
        child(sys.argv[4], sys.argv[5], int(sys.argv[6]), int(sys.argv[7]))
    else:
        main(options(__doc__, days=365, rows=ROWS).days)

"""Backfills: some days of a feature view in one run beside a run a day, and a day after a short and a long history.

    .venv/bin/python benchmarks/backfill.py [--quick]

The gold step of ranges.py without Dagster, on 120 days of 100,000 rows: windows of 1, 7 and 30 days; sum, mean, max and count. Each run is
a process of its own; CPU seconds of the step, without imports. The single days of the backfill are all run, one after another. A day after
w + 1 = 31 and after 4w = 120 days of history, alternating, the median of three.
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from measured import options, report

HERE, WINDOW = Path(__file__).parent, 30
DAYS = 14


def step(home: Path, name: str, first: int, last: int, rows: int) -> float:
    """CPU seconds of a step of ranges.py in a process of its own."""
    command = [sys.executable, HERE / "ranges.py", "0", rows, "--child", home, name, first, last]
    return float(subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True).stdout.split()[0])


def main(rows: int, quick: bool) -> None:
    from ranges import views  # it reads its rows from the command line

    first = views.partitions.first
    histories = {"short": WINDOW + 1, "long": 4 * WINDOW}
    with tempfile.TemporaryDirectory() as name:
        for history, days in histories.items():
            for layer in ("raw", "silver"):
                step(Path(name, history), layer, first, first + days - 1, rows)
            step(Path(name, history), "feature view", first, first + days - 2, rows)
        spent: dict[str, list[float]] = {history: [] for history in histories}
        for _ in range(3):
            for history, days in histories.items():
                spent[history].append(step(Path(name, history), "feature view", first + days - 1, first + days - 1, rows))
        begin, end = first + 4 * WINDOW - DAYS, first + 4 * WINDOW - 1
        at_once = step(Path(name, "long"), "feature view", begin, end, rows)
        daily = sum(step(Path(name, "long"), "feature view", day, day, rows) for day in range(begin, end + 1))
    short, long = median(spent["short"]), median(spent["long"])
    found = [
        (f"a backfill of {DAYS} days", "a run a day", daily, 1.0, ""),
        (f"a backfill of {DAYS} days", "one run", at_once, at_once / daily, "< 1/4"),
        ("a day", f"after {histories['short']} days of history", short, 1.0, ""),
        ("a day", f"after {histories['long']} days of history", long, long / short, "< 1.2"),
    ]
    report(
        "backfill", ["what", f"how, {rows:,} rows a day", "CPU s", "x first", "bound"], found, ["polars", "deltalake", "numpy"], quick=quick
    )


if __name__ == "__main__":
    quick = options(__doc__, "--quick").quick
    main(5_000 if quick else 100_000, quick)

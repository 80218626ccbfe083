"""Raw and silver of one large day: CPU seconds and peak memory beside Polars alone, which reads the CSV file and writes a Delta table.

    .venv/bin/python benchmarks/silver.py [--quick | SIZE]

A day of 1, 5 and 10 million lines with six columns and five rules; 0.2% of the lines are copies and 0.2% break a rule. With a key, without
one, and with a key that is also looked for in the 30 partitions before: these together have three times as many rows as the day. Then 2,500
hourly partitions of 40 rows, and files of which no line is a row: each has another number of values than the header, and Polars alone
reads none of them. Every measurement is a process of its own and runs the steps without Dagster; of imports and declarations
nothing is counted on either side. Up to a million lines the three ways take turns, and the medians of three rounds are shown. The bounds:
raw and silver together take at most three times the CPU seconds of Polars alone and at most 1.5 GB.
"""

import shutil
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import polars as pl
from measured import Spent, in_short, report, say, sizes_asked, spawned, typical

from platform_assets import Arrival, daily, hourly, source
from platform_assets.declare.source import Source
from platform_assets.steps.raw import make_raw
from platform_assets.steps.run import Done, Run
from platform_assets.steps.silver import make_silver
from platform_assets.stores.delta import Lake
from platform_assets.stores.ledger import Ledger

START = datetime(2024, 1, 1, tzinfo=UTC)
HORIZON, HOURS, ROWS_OF_AN_HOUR = 30, 2500, 40
ROUNDS = 3
BAD_LINES = [1_500_000, 7_500_000]
SIZES, SMALL = [1_000_000, 5_000_000, 10_000_000], [200_000]
CPU_BOUND, GB_BOUND, HOUR_BOUND = 3.0, 1.5, 0.015
NOW = START + timedelta(days=10_000)
KEYS = {"no key": ((), 0), "key": (("id",), 0), f"key, {HORIZON} partitions back": (("id",), HORIZON)}
RULES = {
    "amount": "amount >= 0",
    "quantity": "quantity > 0",
    "few": "quantity < 1000",
    "country": "country <> ''",
    "customer": "customer_id > 0",
}


class Line:
    id: str
    at: datetime
    customer_id: int
    amount: float
    quantity: int
    country: str


def lines(folder: str, key: tuple[str, ...], back: int, partitions: Any) -> Source:
    """The source whose files are in a folder."""

    @source(
        schema=Line,
        event_time="at",
        partitions=partitions,
        key=key,
        duplicates_within=back,
        rules=RULES,
        empty_after="0h",
        owners=["team:benchmarks"],
    )
    def lines(arrival: Arrival) -> pl.LazyFrame | None:
        """Lines of orders."""
        return arrival.read_csv(f"{folder}/{{partition}}.csv")

    return lines


def write_day(folder: Path, day: int, rows: int) -> None:
    """A day's file, written a piece at a time."""
    path = folder / f"{START + timedelta(days=day):%Y-%m-%d}.csv"
    draw = np.random.default_rng(day)
    with path.open("wb") as file:
        for begin in range(0, rows, 500_000):
            write_lines(file, draw, day, begin, min(500_000, rows - begin), timedelta(days=day), 86_400, header=begin == 0)


def write_lines(file: Any, draw: Any, of: int, begin: int, rows: int, after: timedelta, seconds: int, *, header: bool) -> None:
    """Some lines of a partition: two in a thousand are copies of another line, two have a negative amount."""
    number = np.arange(begin, begin + rows)
    at = draw.integers(0, seconds, rows)
    amount = np.round(draw.exponential(30.0, rows), 2)
    amount = np.where(draw.random(rows) < 0.002, -1.0, amount)
    frame = pl.DataFrame({
        "id": pl.select(pl.format("{}-{}", pl.lit(of), pl.Series(number * 7919 % 1_000_000_007))).to_series(),
        "at": (pl.Series(at).cast(pl.Duration("ms")) * 1000 + START + after).dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "customer_id": draw.integers(1, 200_000, rows),
        "amount": amount,
        "quantity": draw.integers(1, 20, rows),
        "country": draw.choice(np.array(["DE", "FR", "GB", "NL", "US"]), rows),
    })  # fmt: skip
    copied = draw.random(rows) < 0.002
    frame = frame[np.where(copied, draw.integers(0, rows, rows), np.arange(rows))]
    frame.write_csv(file, include_header=header)


def polars_alone(folder: str) -> dict[str, Any]:
    """Reads every file in the types that Polars finds, and writes it as a Delta table, without rules, duplicates or quarantine."""
    files = sorted(Path(folder).glob("*.csv"))
    for number, file in enumerate(files):
        pl.read_csv(file, try_parse_dates=True).write_delta(str(Path(folder, "alone", str(number))))
    return {}


def ours(step: str, folder: str, of: Source, first: int, last: int) -> dict[str, Any]:
    """One step of some partitions, as many as they have rows."""
    lake = Lake(f"{folder}/lake")
    run = Run(lake, Ledger(lake), "benchmark", NOW)
    start = of.partitions.index(START)
    done: Done = {"raw": make_raw, "silver": make_silver}[step](of, start + first, start + last, run)
    done.check()
    return {"rows": sum(entry.rows for entry in done.entries.values())}


def main(sizes: list[int], quick: bool, whole: bool) -> None:
    found: list[tuple[Any, ...]] = []
    for rows in sizes:
        for key in KEYS:
            found.append(of_a_day(rows, key))
            print(found[-1], flush=True)
        keep(found, quick=quick, whole=False)  # so that a run that is ended early has not been in vain
    found.append(of_hours(HOURS // 10 if quick else HOURS))
    found += [of_bad_lines(lines) for lines in (SMALL if quick else BAD_LINES)]
    keep(found, quick=quick, whole=whole)


def keep(found: list[tuple[Any, ...]], *, quick: bool, whole: bool) -> None:
    headings = ["day of", "key", "Polars CPU s", "raw CPU s", "silver CPU s", "times Polars", "Polars GB", "raw GB", "silver GB", "bounds"]
    report("silver", headings, found, ["polars", "deltalake", "pyarrow"], quick=quick, whole=whole)


def of_a_day(rows: int, key: str) -> tuple[Any, ...]:
    back = KEYS[key][1]
    with tempfile.TemporaryDirectory(prefix="silver-") as folder:
        for day in range(-back, 0):
            write_day(Path(folder), day + back, rows // 10)
        if back:
            child("raw", folder, key, 0, back - 1)
            child("silver", folder, key, 0, back - 1)
            for file in Path(folder).glob("*.csv"):
                file.unlink()
            Path(folder, "lake").rename(Path(folder, "before"))
        write_day(Path(folder), back, rows)
        rounds = [in_turn(Path(folder), key, back) for _ in range(ROUNDS if rows <= SIZES[0] else 1)]
    alone, raw, silver = map(typical, zip(*rounds, strict=True))
    times = median((each.cpu + other.cpu) / least.cpu for least, each, other in rounds)
    holds = times <= CPU_BOUND and max(raw.peak_gb, silver.peak_gb) <= GB_BOUND
    bounds = shown(holds) if rows >= SIZES[0] else ""  # below a million lines fixed costs count
    return in_short(rows), key, alone.cpu, raw.cpu, silver.cpu, times, alone.peak_gb, raw.peak_gb, silver.peak_gb, bounds


def in_turn(folder: Path, key: str, partition: int) -> tuple[Spent, Spent, Spent]:
    """Polars alone, raw and silver of a partition, beside the same tables in each round."""
    lake, before = folder / "lake", folder / "before"
    shutil.rmtree(lake, ignore_errors=True)
    if before.exists():
        shutil.copytree(before, lake)
    shutil.rmtree(folder / "alone", ignore_errors=True)
    return child("alone", folder), child("raw", folder, key, partition, partition), child("silver", folder, key, partition, partition)


def of_hours(hours: int) -> tuple[Any, ...]:
    with tempfile.TemporaryDirectory(prefix="silver-") as folder:
        for hour in range(hours):
            at = START + timedelta(hours=hour)
            with Path(folder, f"{at:%Y-%m-%dT%H}.csv").open("wb") as file:
                draw = np.random.default_rng(hour)
                write_lines(file, draw, hour, 0, ROWS_OF_AN_HOUR, at - START, 3600, header=True)
        alone = child("alone", folder)
        raw = child("raw", folder, "key", 0, hours - 1, "hour")
        silver = child("silver", folder, "key", 0, hours - 1, "hour")
    holds = raw.cpu / hours <= HOUR_BOUND
    times = (raw.cpu + silver.cpu) / alone.cpu
    what = f"{hours:,} hours"
    return what, "key", alone.cpu, raw.cpu, silver.cpu, times, alone.peak_gb, raw.peak_gb, silver.peak_gb, shown(holds)


def of_bad_lines(lines: int) -> tuple[Any, ...]:
    with tempfile.TemporaryDirectory(prefix="silver-") as folder:
        with Path(folder, f"{START:%Y-%m-%d}.csv").open("w") as file:
            file.write("id,at,customer_id,amount,quantity,country\n")
            for number in range(0, lines, 2):
                at = f"2024-01-01T{number % 24:02}:00:00Z"
                file.write(f"{number},{at},{number % 1000},12.5\n{number},{at},7,1.5,3,DE,more\n")
        raw, silver = (child(step, folder, "key", 0, 0) for step in ("raw", "silver"))
    holds = max(raw.peak_gb, silver.peak_gb) <= GB_BOUND
    what = f"{lines / 1e6:g}M bad lines"
    return what, "key", None, raw.cpu, silver.cpu, None, None, raw.peak_gb, silver.peak_gb, shown(holds)


def shown(holds: bool) -> str:
    return "hold" if holds else "BROKEN"


def child(step: str, *rest: object) -> Spent:
    return spawned(__file__, "--child", step, *rest, limit_gb=20)


if __name__ == "__main__":
    if "--child" in sys.argv:
        step, folder, *rest = sys.argv[2:]
        if step == "alone":
            say(lambda: polars_alone(folder))
        else:
            key, first, last, *unit = rest
            declared = lines(folder, *KEYS[key], hourly("2024-01-01T00") if unit else daily("2024-01-01"))
            say(lambda: ours(step, folder, declared, int(first), int(last)))
    else:
        asked, small = sizes_asked(__doc__, SIZES, SMALL)
        main(list(asked), small, whole=len(asked) == len(SIZES) or small)

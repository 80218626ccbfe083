"""Advice on Spark's configuration for a workload, and findings about a run from its event log."""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl
from rich.console import Console
from rich.table import Table as Shown

from platform_assets.assets.resource import PlatformResource
from platform_assets.engines.spark.tuning.advice import Machines, Workload, advise, executors, threshold
from platform_assets.engines.spark.tuning.figures import EventLog
from platform_assets.engines.spark.tuning.queries import SKEWED, advise_aggregation, advise_join, skew
from platform_assets.engines.spark.tuning.sizes import bytes_of, size
from platform_assets.engines.spark.tuning.summary import work_of
from platform_assets.errors import EngineError, LakeError, suggestion
from platform_assets.settings import load_settings
from platform_assets.stores.delta import Lake
from platform_assets.stores.tables import Table, name_of
from platform_assets.stores.verify import tables_of

_COUNT = re.compile(r"(\d+(?:\.\d+)?) *([kKmMgGbB]?)")
_THOUSANDS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "b": 10**9}


def show_advice(
    table: str | None,
    *,
    rows: str | None,
    stored: str | None,
    workers: int | None,
    cores: int | None,
    memory: str | None,
    columns: Sequence[str],
    join: str | None,
    as_json: bool,
) -> None:
    """Prints the configuration, and advice on columns and joins."""
    here, lake = Machines.here(), PlatformResource().lake()
    machines = Machines(cores or here.cores, bytes_of(memory) if memory else here.memory, workers)
    read = _named(lake, table) if table else None
    work = _workload(lake, read, rows, stored)
    found = advise(work, machines)
    if as_json:
        print(json.dumps({one.setting: one.value for one in found}, indent=2))
        return
    shown = Console(highlight=False, soft_wrap=True)
    where = "this machine" if workers is None else f"{workers} machines"
    shown.print(f"{work.rows:,} rows in {size(work.bytes)}; {where}, {machines.cores} cores and {size(machines.memory)} each\n")
    for one in found:
        shown.print(f"[bold]{one.setting}={one.value}[/bold]\n    {one.reason}\n    {one.source}")
    shown.print()
    tasks = executors(machines).tasks
    for column in columns:
        if read is None:
            raise EngineError(f"--column {column} needs a table: name one, such as orders/silver.")
        for line in _of_column(lake, read, column, tasks):
            shown.print(line, markup=False)
    if join:
        if read is None:
            raise EngineError(f"--join {join} needs a table to join with: name one, such as orders/silver.")
        other = _named(lake, join)
        advice = advise_join(work, _workload(lake, other, None, None), threshold=threshold(executors(machines)), tasks=tasks)
        shown.print(f"join of {name_of(read)} and {name_of(other)}: {advice.strategy}, because {advice.reason}", markup=False)


def show_report(log: Path | None) -> None:
    """Prints the figures of a run, and what to change."""
    work = work_of(EventLog(log or _newest()).since())
    shown = Console(highlight=False, soft_wrap=True)
    told = Shown(show_header=False)
    for name, value in work.figures.items():
        told.add_row(name, value)
    shown.print(told)
    stages = Shown("stage", "longest task, s", "median, s")
    for name, (longest, median) in work.stages.items():
        stages.add_row(name, f"{longest:.2f}", f"{median:.2f}")
    shown.print(stages)
    for one in work.advice:
        shown.print(f"- {one}", markup=False)
    if not work.advice:
        shown.print("Nothing to change.")


def _newest() -> Path:
    folder = load_settings().home / "spark-events"
    logs = sorted(folder.glob("*"), key=lambda place: place.stat().st_mtime) if folder.is_dir() else []
    if not logs:
        raise EngineError(f"there is no event log in {folder}: Spark has not run yet. Name another log: platform-assets spark report LOG")
    return logs[-1]


def _of_column(lake: Lake, table: Table, column: str, tasks: int) -> Iterator[str]:
    """How rows are distributed over a column, and how to aggregate by it."""
    rows = lake.scan(table)
    known = rows.collect_schema().names()
    if column not in known:
        raise EngineError(f"{name_of(table)} has no column {column!r}. {suggestion(column, known)}")
    counts = rows.group_by(column).agg(pl.len().alias("rows")).collect(engine="streaming")
    found = skew(counts.iter_rows())
    heavy = ", ".join(f"{value} ({count:,})" for value, count in found.heaviest)
    verdict = f"skewed: above {SKEWED}" if found.is_skewed else "even enough"
    yield f"{column}: {found.values:,} values, the most frequent has {found.ratio:.1f} x the mean, {verdict}. Most frequent: {heavy}"
    advice = advise_aggregation(found.rows, found.values, found.largest, tasks=tasks)
    yield f"aggregation by {column}: {'two phases' if advice.phases == 2 else 'one phase'}, because {advice.reason}"


def _workload(lake: Lake, table: Table | None, rows: str | None, stored: str | None) -> Workload:
    if table is not None:
        files = lake.files(table)
        counted, held = sum(file.rows or 0 for file in files), sum(file.bytes for file in files)
        return Workload(_count(rows) if rows else counted, bytes_of(stored) if stored else held)
    if rows is None or stored is None:
        raise EngineError("name a table of the lake, such as orders/silver, or both --rows and --bytes, such as --rows 20M --bytes 1GB.")
    return Workload(_count(rows), bytes_of(stored))


def _count(text: str) -> int:
    found = _COUNT.fullmatch(text.strip().replace(",", "").replace("_", ""))
    if found is None:
        raise EngineError(f"--rows {text} is not a count: write it like 250000, 20M or 1.5B.")
    return int(float(found[1]) * _THOUSANDS[found[2].lower()])


def _named(lake: Lake, name: str) -> Table:
    tables = {name_of(table): table for table in tables_of(lake)}
    if name not in tables:
        raise LakeError(f"there is no table {name!r} in {lake.root}. {suggestion(name, tables)}")
    return tables[name]

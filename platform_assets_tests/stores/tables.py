"""Small tables for the tests of the stores."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from platform_assets.stores.delta import Lake, PartitionFacts, Span, Table, Written
from platform_assets.stores.tables import Moment, key_of

TABLE: Table = ("orders", "silver")


def day(number: int) -> date:
    return date(2024, 1, 1) + timedelta(number - 1)


def hour(number: int) -> datetime:
    return datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=number)


def span(first: int, last: int | None = None, unit: Callable[[int], Moment] = day) -> Span:
    return Span(unit(first), unit((first if last is None else last) + 1))


def rows(numbers: list[int], unit: Callable[[int], Moment] = day, **columns: Any) -> pl.DataFrame:
    """A row for each number: the partition of that number, and x."""
    dtype = pl.Date() if unit is day else pl.Datetime("us", "UTC")
    partition = pl.Series("partition", [unit(number) for number in numbers], dtype)
    return pl.DataFrame({"partition": partition, "x": pl.Series(range(len(numbers)), dtype=pl.Int64), **columns})


def replace(lake: Lake, frame: pl.DataFrame | pl.LazyFrame, within: Span, table: Table = TABLE, run: str = "run", **facts: Any) -> Written:
    """Writes a frame, with facts for the span's first partition."""
    said = [PartitionFacts(key_of(within.start), frame.lazy().collect().height, **facts)]
    return lake.replace(table, frame, by="partition", span=within, facts=said, declaration_version="v1", run=run)


def heights(lake: Lake, table: Table = TABLE) -> dict[Moment, int]:
    """How many rows each partition has."""
    return dict(sorted(lake.scan(table).group_by("partition").len().collect().iter_rows()))


def lake_in(home: Path | str) -> Lake:
    return Lake(f"{home}/lake")

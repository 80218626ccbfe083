"""What checks count in silver, by one process: some rows at a time, or some keys at a time where rows with the same values must meet."""

from collections import Counter
from collections.abc import Iterator, Sequence

import polars as pl

from platform_assets.declare.checks import Orphans
from platform_assets.declare.source import Source
from platform_assets.frames.stream import stream
from platform_assets.kernels.profile import Profile, added, columns_read, figures_of_rows, profiles
from platform_assets.kernels.repeats import figures_of_repeats, references, repeats

ROWS_AT_ONCE = 100_000
KEYS_AT_ONCE = 4_000_000
"""So many rows are grouped by their values at once, about."""


def profiled(
    source: Source, silver: pl.LazyFrame, *, rows_at_once: int = ROWS_AT_ONCE, keys_at_once: int = KEYS_AT_ONCE
) -> dict[int, Profile]:
    """As `Engine.profiles`, in memory that does not grow with the number of rows."""
    found: dict[int, Profile] = {}
    if figures_of_rows(source):
        columns = [pl.col(column) for column in sorted(columns_read(source))]
        found = added(profiles(source, rows) for rows in stream(silver.select(columns), rows_at_once))
    for figure in figures_of_repeats(source):
        number = Counter[int]()
        parts = 1 + _height(silver) // keys_at_once
        for part in range(parts):
            rows = _part(silver, figure.columns, part, parts)
            number.update(dict(repeats(source, figure.columns, rows).collect(engine="streaming").iter_rows()))
        for index, repeated in number.items():
            found.setdefault(index, Profile()).counted[figure.id] = repeated
    return found


def referenced(
    source: Source, figure: Orphans, silver: pl.LazyFrame, parents: pl.LazyFrame, *, keys_at_once: int = KEYS_AT_ONCE
) -> Iterator[tuple[int, int | None, int]]:
    """As `Engine.references`."""
    parts = 1 + max(_height(silver), _height(parents)) // keys_at_once
    for part in range(parts):
        rows, keys = _part(silver, figure.columns, part, parts), _part(parents, figure.to, part, parts)
        yield from references(source, figure, rows, keys).collect(engine="streaming").iter_rows()


def _height(rows: pl.LazyFrame) -> int:
    return int(rows.select(pl.len()).collect().item())


def _part(rows: pl.LazyFrame, columns: Sequence[str], part: int, parts: int) -> pl.LazyFrame:
    """Of so many parts one; rows with the same values are in one."""
    # Columns of two tables have other names: those of a struct are hashed, too.
    values = [pl.col(column).alias(str(number)) for number, column in enumerate(columns)]
    return rows if parts == 1 else rows.filter(pl.struct(values).hash() % parts == part)

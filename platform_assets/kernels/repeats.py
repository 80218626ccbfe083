"""How many rows of a partition repeat another one, or refer to nothing: figures for which rows with the same values must meet."""

from collections.abc import Sequence

import polars as pl

from platform_assets.declare.checks import Orphans, Repeats
from platform_assets.declare.source import Source
from platform_assets.kernels.times import index_of

INDEX, FIRST, NUMBER = "index", "first", "number"


def figures_of_repeats(source: Source) -> list[Repeats]:
    """The figures of a source's checks that look for repeated values."""
    found = {check.figure.id: check.figure for check in source.checks if isinstance(check.figure, Repeats)}
    return list(found.values())


def figures_of_orphans(source: Source) -> list[Orphans]:
    """The figures of a source's checks that look up keys of another source."""
    found = {check.figure.id: check.figure for check in source.checks if isinstance(check.figure, Orphans)}
    return list(found.values())


def repeats(source: Source, columns: Sequence[str], rows: pl.LazyFrame) -> pl.LazyFrame:
    """By index of the partition, how many rows have the values of an earlier one: index, number. Where there is none: no row.

    rows: all rows that have any of some values.
    """
    there = rows.select(*columns, index_of("arrival", source.partitions).alias(INDEX)).drop_nulls(list(columns))
    counted = there.group_by(INDEX, *columns).agg(pl.len().cast(pl.Int64).alias(NUMBER)).filter(pl.col(NUMBER) > 1)
    return counted.group_by(INDEX).agg((pl.col(NUMBER) - 1).sum())


def references(source: Source, figure: Orphans, rows: pl.LazyFrame, parents: pl.LazyFrame) -> pl.LazyFrame:
    """How many rows of each partition refer to a key that first arrived in a partition of the parent, null: never: index, first, number.

    rows, parents: rows of both tables of silver, all that have any of some keys. Partitions are indexes.
    """
    mine = list(figure.columns)
    arrived = index_of("arrival", source.partitions).alias(INDEX)
    wanted = rows.select(*mine, arrived).drop_nulls(mine).group_by(INDEX, *mine).agg(pl.len().cast(pl.Int64).alias(NUMBER))
    keys = [pl.col(name).alias(column) for name, column in zip(figure.to, mine, strict=True)]
    known = parents.select(*keys, index_of("arrival", figure.parent.partitions).alias(FIRST)).drop_nulls(mine)
    earliest = known.group_by(mine).agg(pl.col(FIRST).min())
    return wanted.join(earliest, on=mine, how="left").group_by(INDEX, FIRST).agg(pl.col(NUMBER).sum())


def last_needed(source: Source, figure: Orphans, index: int) -> int:
    """The last partition of the parent that has ended by the end of a partition, or `late` after it."""
    return figure.parent.partitions.ended(source.partitions.ends_at(index) + figure.late)

"""What a source's checks need to know of each partition: one frame of silver becomes a profile that others can be added to.

A profile is a function of the set of its rows: counts, a maximum, and two distributions. Numbers are counted in cells, 32 from each power
of two to the next, each standing for its end nearer to 0: within 1/32 of any value, exact for whole numbers up to 64, and without
logarithms, so that every path cuts alike (as aggregations/quantile.py). Texts are counted one by one, up to a number of different ones.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from platform_assets.declare.checks import Broken, Categories, Cells, Counted, Newest, Nulls, OfRows, Orphans, Repeats, Unmatched
from platform_assets.declare.source import Source
from platform_assets.kernels.times import index_of, physical, since_epoch

INDEX = "__index"
_VALUE, _ROWS = "__value", "__rows"
DROPPED = 47
"""How many of the 52 bits behind the first of a float a cell leaves out."""
MOST_CELLS, COARSEST = 512, 5
"""More cells than that are joined, two at a time, at most until there is one for each power of two."""
MOST_CATEGORIES, KEPT_CATEGORIES = 10_000, 50
"""With more different values a column is not a category; of fewer the most frequent are kept, the others counted together."""


@dataclass
class Profile:
    """What was counted in some rows of a partition, by the id of each figure."""

    rows: int = 0
    counted: Counter[str] = field(default_factory=Counter)
    newest: dict[str, int] = field(default_factory=dict)
    cells: dict[str, Counter[int | None]] = field(default_factory=dict)
    """None: the rows without a value."""
    categories: dict[str, Counter[str | None] | None] = field(default_factory=dict)
    """None: too many different values."""

    def add(self, other: "Profile") -> None:
        self.rows += other.rows
        self.counted.update(other.counted)
        for name, at in other.newest.items():
            self.newest[name] = max(at, self.newest.get(name, at))
        for name, cells in other.cells.items():
            self.cells.setdefault(name, Counter()).update(cells)
        for name, found in other.categories.items():
            mine = self.categories.setdefault(name, Counter())
            if mine is not None and found is not None:
                mine.update(found)
            self.categories[name] = None if mine is None or found is None or len(mine) > MOST_CATEGORIES else mine


def figures_of_rows(source: Source) -> list[OfRows]:
    """What a profile counts, each figure once."""
    found = {check.figure.id: check.figure for check in source.checks if check.figure is not None}
    return [figure for figure in found.values() if not isinstance(figure, Repeats | Orphans)]


def columns_read(source: Source) -> set[str]:
    """The columns of silver that a profile is made of."""
    read = {"arrival"}
    for figure in figures_of_rows(source):
        match figure:
            case Newest(column=column):
                read.add(column)
            case Broken(condition=condition):
                read.update(condition.columns)
            case Nulls(value=value) | Unmatched(value=value) | Cells(value=value) | Categories(value=value):
                read.update(value.columns)
    return read


def profiles(source: Source, rows: pl.DataFrame) -> dict[int, Profile]:
    """The profile of each partition that the rows are of, by its index."""
    if rows.is_empty():
        return {}
    rows, figures = rows.with_columns(index_of("arrival", source.partitions).alias(INDEX)), figures_of_rows(source)
    sums = [_bad(figure).fill_null(False).sum().cast(pl.Int64).alias(figure.id) for figure in figures if isinstance(figure, Counted)]
    found: dict[int, Profile] = {}
    for row in rows.group_by(INDEX).agg(pl.len().alias(_ROWS), *sums).iter_rows(named=True):
        index, number = row.pop(INDEX), row.pop(_ROWS)
        found[index] = Profile(number, Counter(row))
    for figure in figures:
        match figure:
            case Newest(column=column):
                ends = {index: since_epoch(source.partitions.ends_at(index)) for index in found}
                times = rows.select(INDEX, physical(column).alias(_VALUE))
                before = times.filter(pl.col(_VALUE) < pl.col(INDEX).replace_strict(ends, return_dtype=pl.Int64))
                for index, at in before.group_by(INDEX).agg(pl.col(_VALUE).max()).iter_rows():
                    found[index].newest[figure.id] = at
            case Cells(value=value):
                numbers = rows.select(INDEX, value.polars().cast(pl.Float64).alias(_VALUE))
                missing = numbers.filter(pl.col(_VALUE).is_null()).select(INDEX, pl.lit(None, pl.Int64).alias(_VALUE))
                there = numbers.drop_nulls(_VALUE)
                cells = there.select(INDEX, pl.Series(_VALUE, cells_of(there[_VALUE].to_numpy()), pl.Int64))
                for index, cell, number in pl.concat([cells, missing]).group_by(INDEX, _VALUE).len().iter_rows():
                    found[index].cells.setdefault(figure.id, Counter())[cell] = number
            case Categories(value=value):
                texts = rows.select(INDEX, value.polars().cast(pl.String).alias(_VALUE)).group_by(INDEX, _VALUE).len()
                for (index,), of_partition in texts.group_by(INDEX):
                    few = of_partition.height <= MOST_CATEGORIES
                    found[index].categories[figure.id] = Counter(dict(of_partition.select(_VALUE, "len").iter_rows())) if few else None
            case _:
                pass
    return found


def _bad(figure: Counted) -> pl.Expr:
    match figure:
        case Nulls(value=value):
            return value.polars().is_null()
        case Broken(condition=condition):
            return ~condition.polars()
        case Unmatched(value=value, pattern=pattern):
            return ~value.polars().str.contains(rf"\A(?:{pattern})\z")


def cells_of(numbers: Any) -> Any:
    """The cells of an array of floats, int64, ascending with the numbers; shape as given."""
    magnitude = np.abs(numbers).view(np.int64) >> DROPPED
    return np.where(numbers < 0, -magnitude, magnitude)


def added(parts: Iterable[dict[int, Profile]]) -> dict[int, Profile]:
    """The profiles of partitions whose rows came in parts."""
    whole: dict[int, Profile] = {}
    for part in parts:
        for index, profile in part.items():
            whole.setdefault(index, Profile()).add(profile)
    return whole


def in_text(profile: Profile) -> str:
    """A profile as text, to travel beside rows."""
    cells = {name: list(found.items()) for name, found in profile.cells.items()}
    categories = {name: None if found is None else list(found.items()) for name, found in profile.categories.items()}
    return json.dumps([profile.rows, profile.counted, profile.newest, cells, categories])


def from_text(text: str) -> Profile:
    """What `in_text` has written."""
    rows, counted, newest, cells, categories = json.loads(text)
    return Profile(
        rows,
        Counter(counted),
        newest,
        {name: Counter(dict(found)) for name, found in cells.items()},
        {name: None if found is None else Counter(dict(found)) for name, found in categories.items()},
    )


def packed(figures: Sequence[OfRows | Repeats], profile: Profile) -> dict[str, Any]:
    """A profile as the ledger keeps it: by the figure's id numbers, or a distribution of bounded size."""
    told: dict[str, Any] = {}
    for figure in figures:
        match figure:
            case Newest():
                told[figure.id] = profile.newest.get(figure.id)
            case Cells():
                told[figure.id] = _packed_cells(profile.cells.get(figure.id, Counter()))
            case Categories():
                told[figure.id] = _packed_categories(profile.categories.get(figure.id, Counter()))
            case _:
                told[figure.id] = profile.counted[figure.id]
    return told


def coarser(cell: int, by: int) -> int:
    """The cell that holds a cell, of 2^by times its width."""
    return (cell >> by) if cell >= 0 else -(-cell >> by)


def _packed_cells(cells: Counter[int | None]) -> dict[str, Any]:
    there = sorted((cell, number) for cell, number in cells.items() if cell is not None)
    step = 0
    while step < COARSEST and len({coarser(cell, step) for cell, _ in there}) > MOST_CELLS:
        step += 1
    joined: Counter[int] = Counter()
    for cell, number in there:
        joined[coarser(cell, step)] += number
    return {"cells": list(joined), "rows": list(joined.values()), "step": step, "null": cells.get(None, 0)}


def _packed_categories(found: Counter[str | None] | None) -> dict[str, Any] | None:
    if found is None:
        return None
    there = sorted(((value, number) for value, number in found.items() if value is not None), key=lambda pair: (-pair[1], pair[0]))
    kept = dict(there[:KEPT_CATEGORIES])
    others = sum(number for _, number in there[KEPT_CATEGORIES:])
    return {"rows": kept, "others": others, "distinct": len(there), "null": found.get(None, 0)}

"""Converts states of lifetime windows to columns of a checkpoint, and restores them among later rows.

Each feature has a column: for each entity a list of pieces (aggregations/stored_state.py), which are structs of the piece's numbers, its
value, and, if the order of rows matters, the row's event time, arrival and primary key. To restore them, the rows that pieces refer
to are added to the rows of silver before these are sorted and ranked, so each gets its position regardless of what arrived since.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from platform_assets.aggregations import Column
from platform_assets.aggregations.column import Bools, Ints
from platform_assets.aggregations.stored_state import StoredState
from platform_assets.declare.view import FeatureView

ENTITY, TIME, ARRIVAL, ORDER = "__entity", "__time", "__arrival", "__order_"
"""Columns of rows: the entity's number, event time and arrival as numbers, and the prefix of the primary key's columns."""

_OF, _VALUE, _ROW = "__of", "value", "row_"
_FEATURE, _PIECE = "__feature", "__piece"
"""The piece of a feature that a row represents."""


@dataclass(frozen=True)
class Checkpoint:
    """The states of a view's lifetime windows at a snapshot: the keys, and one column per lifetime feature."""

    snapshot: int
    states: pl.LazyFrame


@dataclass(frozen=True)
class Held:
    """The states that a checkpoint holds for the entities of some rows."""

    size: int
    """The number of entities it holds."""
    row: Ints
    """For each entity of the rows, by number, its index in the checkpoint; -1 if it is not in it."""
    is_witness: Bools
    """Which of the rows only represent pieces."""
    kept: Mapping[str, StoredState]
    """The pieces, by lifetime feature."""


def state_column(name: str, kept: StoredState, size: int, column: Column, rows: pl.DataFrame) -> pl.Series:
    """The pieces of `size` states as a column. rows: the rows of `column`, with their times, arrivals and primary keys."""
    fields = [pl.Series(number, values) for number, values in kept.numbers.items()]
    if kept.rows is not None:
        fields.append(column.series(column.values[kept.rows], column.valid[kept.rows]).alias(_VALUE))
        ordered = rows.select(pl.col(_ordering(rows)).name.map(_row_field))
        fields += ordered.select(pl.all().gather(pl.Series(kept.rows))).get_columns()
    elif kept.values is not None:
        fields.append(column.series(kept.values, np.ones(len(kept.values), np.bool_)).alias(_VALUE))
    pieces = pl.DataFrame([pl.Series(_OF, kept.of), pl.DataFrame(fields).to_struct(name)])
    lists = pieces.group_by(_OF, maintain_order=True).agg(name)
    every = pl.DataFrame([pl.Series(_OF, np.arange(size))])
    return every.join(lists, on=_OF, how="left", maintain_order="left")[name]


def witnesses(view: FeatureView, before: pl.DataFrame, arguments: Mapping[str, str]) -> Iterator[pl.DataFrame]:
    """The rows that the pieces of a checkpoint refer to; with only a value if order does not matter."""
    keys = [before[key] for key in view.entity.keys]
    yield pl.DataFrame(schema={_FEATURE: pl.String, _PIECE: pl.Int64})
    for feature in view.lifetime:
        pieces = _pieces(before, feature.name)
        if _VALUE in pieces.columns:
            of = pieces[_OF]
            order = [pl.col(c).alias(f"__{c.removeprefix(_ROW)}") for c in pieces.columns if c.startswith(_ROW)]
            yield pieces.select(
                *(pl.lit(key.gather(of)) for key in keys),
                *(order or (pl.lit(0, pl.Int64).alias(TIME), pl.lit(0, pl.Int64).alias(ARRIVAL))),
                pl.col(_VALUE).alias(arguments[feature.name]),
                pl.lit(feature.name).alias(_FEATURE),
                pl.int_range(pl.len()).alias(_PIECE),
            )


def held(view: FeatureView, before: pl.DataFrame, rows: pl.DataFrame) -> Held:
    """The states that a checkpoint holds for these rows' entities, which include all of its own. rows: sorted, including the witnesses."""
    keys = list(view.entity.keys)
    heads = rows.filter(pl.col(ENTITY).diff().fill_null(1) != 0).select(*keys, ENTITY)
    number = before.select(keys).join(heads, on=keys, how="left", maintain_order="left")[ENTITY].to_numpy()
    row = np.full(heads.height, -1)
    row[number] = np.arange(before.height)
    standing = rows.select(_FEATURE, _PIECE, pl.int_range(pl.len()).alias("place")).drop_nulls().sort(_FEATURE, _PIECE)
    kept = {}
    for feature in view.lifetime:
        pieces = _pieces(before, feature.name)
        numbers = {c: pieces[c].to_numpy() for c in pieces.columns if c not in (_OF, _VALUE) and not c.startswith(_ROW)}
        places = standing.filter(pl.col(_FEATURE) == feature.name)["place"].to_numpy() if _VALUE in pieces.columns else None
        kept[feature.name] = StoredState(pieces[_OF].to_numpy(), numbers, places)
    return Held(before.height, row, rows[_FEATURE].is_not_null().to_numpy(), kept)


def _pieces(before: pl.DataFrame, name: str) -> pl.DataFrame:
    """One row per piece, with the number of its entity in the checkpoint."""
    rows = before.select(pl.int_range(pl.len()).alias(_OF), name)
    return rows.explode(name).drop_nulls(name).unnest(name)


def _ordering(rows: pl.DataFrame) -> list[str]:
    return [column for column in rows.columns if column in (TIME, ARRIVAL) or column.startswith(ORDER)]


def _row_field(column: str) -> str:
    return _ROW + column.removeprefix("__")

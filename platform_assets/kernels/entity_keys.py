"""The keys of an entity in rows of a source, whose columns may have different names than the keys."""

from collections.abc import Mapping

import polars as pl


def keys_of(columns: Mapping[str, str]) -> list[pl.Expr]:
    """The columns that hold an entity's keys, under the keys' names. columns: for each key the source's column."""
    return [pl.col(column).alias(key) for key, column in columns.items()]


def has_entity(columns: Mapping[str, str]) -> pl.Expr:
    """Whether a row has an entity: none of its keys is null."""
    return pl.all_horizontal(pl.col(column).is_not_null() for column in columns.values())

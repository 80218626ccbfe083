"""Labels as estimators and metrics need them: 0 and 1, floats, or class indexes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from platform_assets.declare.labels import Kind
from platform_assets.errors import ModelError


def target_of(target: pl.Series, kind: Kind, where: str) -> pl.Series:
    """The target, without nulls: Int8 (0 and 1) for a binary label; Float64 for a number; a class is unchanged.

    Raises a ModelError for a type or value that does not fit the kind, with an example.
    """
    if kind == "binary":
        return _binary(target, where)
    if kind == "numeric":
        if not target.dtype.is_numeric() and target.dtype != pl.Null:
            raise ModelError(f"{where}: the label {target.name!r} is of type {target.dtype}. A numeric label is a number.")
        numbers = target.cast(pl.Float64)
        if not (finite := numbers.is_finite()).all():
            raise ModelError(f"{where}: the label {target.name!r} has the value {numbers.filter(~finite)[0]!r}. Remove such labels.")
        return numbers
    if not (target.dtype.is_integer() or target.dtype in (pl.String, pl.Null)):
        raise ModelError(f"{where}: the label {target.name!r} is of type {target.dtype}. A class is a string or an integer.")
    return target


def classes_of(target: pl.Series) -> tuple[str | int, ...]:
    """The classes among these labels, sorted."""
    return tuple(target.unique().sort().to_list())


def codes_of(target: pl.Series, classes: Sequence[str | int], kind: Kind) -> npt.NDArray[Any]:
    """Labels as numbers: for classes their indexes, -1 for an unknown class."""
    if kind != "multiclass":
        return target.to_numpy()
    places = {name: place for place, name in enumerate(classes)}
    return np.array([places.get(name, -1) for name in target.to_list()], dtype=np.int64)


def _binary(target: pl.Series, where: str) -> pl.Series:
    if not (target.dtype.is_numeric() or isinstance(target.dtype, pl.Boolean | pl.Null)):
        raise ModelError(f"{where}: the label {target.name!r} is of type {target.dtype}. Make it Boolean, or 0 and 1.")
    other = target.filter(~target.cast(pl.Float64).is_in([0.0, 1.0]))
    if not other.is_empty():
        raise ModelError(f"{where}: the label {target.name!r} has the value {other[0]!r}. Make it Boolean, or 0 and 1.")
    return target.cast(pl.Int8)

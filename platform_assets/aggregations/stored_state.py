"""States as a checkpoint keeps them: as values, since places and ranks mean something in one chunk of rows only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from platform_assets.aggregations.column import Array, Bools, Ints


@dataclass(frozen=True)
class StoredState:
    """States in pieces: none, one or many of each state.

    of: the number of the state that a piece belongs to, ascending.
    numbers: what the pieces say, by name: int64 or float64, one a piece.
    rows: for each piece the row that it is about, as its place in the column. A checkpoint keeps the row's value, event time and primary
        key; where the states are restored, that row stands among the others in their order, and `rows` is its place there.
    values: instead of rows, where no time and no key matter: a value a piece, as in Column.values. When restored, they are rows too.
    """

    of: Ints
    numbers: Mapping[str, Array] = field(default_factory=dict)
    rows: Ints | None = None
    values: Array | None = None

    @property
    def places(self) -> Ints:
        """The rows of restored pieces."""
        assert self.rows is not None, "only restored pieces that are about rows have places"
        return self.rows


def said(there: Bools, **numbers: Array) -> StoredState:
    """One piece for each state that is there, of numbers only."""
    of = np.flatnonzero(there)
    return StoredState(of, {name: array[of] for name, array in numbers.items()})


def filled(kept: StoredState, name: str, size: int, empty: Any) -> Array:
    """A number of each state, `empty` where nothing was kept."""
    array = np.full(size, empty)
    array[kept.of] = kept.numbers[name]
    return array

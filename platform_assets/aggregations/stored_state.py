"""States as a checkpoint stores them: as values, because positions and ranks are meaningful only within one chunk of rows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from platform_assets.aggregations.column import Array, Bools, Ints


@dataclass(frozen=True)
class StoredState:
    """States in pieces: zero, one or many per state.

    of: the number of the state that a piece belongs to, ascending.
    numbers: the numbers of the pieces, by name: int64 or float64, one per piece.
    rows: for each piece the row it refers to, as its position in the column. A checkpoint stores the row's value, event time and primary
        key; when the states are restored, that row is sorted in among the others, and `rows` is its position there.
    values: used instead of rows if time and key do not matter: one value per piece, as in Column.values. When restored, they are rows, too.
    """

    of: Ints
    numbers: Mapping[str, Array] = field(default_factory=dict)
    rows: Ints | None = None
    values: Array | None = None

    @property
    def places(self) -> Ints:
        """The rows of restored pieces."""
        assert self.rows is not None, "only restored pieces that refer to rows have positions"
        return self.rows


def said(there: Bools, **numbers: Array) -> StoredState:
    """One piece, of numbers only, for each state that is present."""
    of = np.flatnonzero(there)
    return StoredState(of, {name: array[of] for name, array in numbers.items()})


def filled(kept: StoredState, name: str, size: int, empty: Any) -> Array:
    """A number of each state, `empty` where nothing was stored."""
    array = np.full(size, empty)
    array[kept.of] = kept.numbers[name]
    return array

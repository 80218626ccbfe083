"""The protocol of an aggregation: prepare, over, merge, finalize, keep and restore on arrays of states, plus its properties."""

from collections.abc import Hashable
from typing import Any, Protocol

import polars as pl

from platform_assets.aggregations.column import Column, Ints
from platform_assets.aggregations.stored_state import StoredState
from platform_assets.expressions.types import DataType, FeatureType

State = Any
"""The states of many rows, tiles or windows at once: arrays of one length, or Counts."""

NUMERIC: tuple[DataType, ...] = ("int", "float")


class Aggregation(Protocol):
    """The algebra of semantics.md 4, a whole column at a time. Combining is associative and commutative; nothing is subtracted.

    An engine prepares one state per row, combines them into tiles and tiles into windows with `over`, adds rows that arrived
    later with `merge`, and finalizes. A checkpoint of lifetime windows stores states with `keep` and restores them among other rows. So a
    new aggregation is one file with these six functions.
    """

    @property
    def name(self) -> str:
        """The name of the function that declares it, also used in feature names: amount_mean_7d."""
        ...

    @property
    def argument(self) -> str:
        """'required', 'optional' or 'none': whether it takes a column."""
        ...

    @property
    def parameter(self) -> float | None:
        """The number declared with the column: the n of last_n. None: it takes no number."""
        ...

    @property
    def state(self) -> Hashable:
        """An id of its states: aggregations with the same id have the same states for an argument, so an engine computes them once."""
        ...

    @property
    def empty(self) -> Any:
        """The value of an empty window; a list is a new object each time."""
        ...

    def result(self, argument: DataType) -> FeatureType | None:
        """The type of its value; None if it cannot take an argument of this type."""
        ...

    def prepare(self, column: Column) -> State:
        """One state per row."""
        ...

    def over(self, state: State, lo: Ints, hi: Ints) -> State:
        """One state per range lo[i]:hi[i] of states."""
        ...

    def merge(self, whole: State, part: State, at: Ints) -> State:
        """`whole` with part[i] merged into the state at[i] (each at most once); `whole` may be changed."""
        ...

    def finalize(self, state: State, column: Column) -> pl.Series:
        """One value per state, null if the window has no value."""
        ...

    def keep(self, state: State, column: Column) -> StoredState:
        """The states as values. Of an empty state nothing is stored, or whatever restores it."""
        ...

    def restore(self, kept: StoredState, column: Column, size: int) -> State:
        """Restores `size` states, empty where nothing was stored; kept.rows are positions in this column."""
        ...

"""What every aggregation is: prepare, over, merge, finalize, keep and restore on arrays of states; and what a declaration needs to know."""

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
    """The algebra of semantics.md 4, a whole column at a time. Combining is associative and commutative, nothing is subtracted.

    An engine prepares one state a row, combines them to tiles and tiles to windows with `over`, adds rows that arrived
    later with `merge`, and finalizes. A checkpoint of lifetime windows keeps states, and restores them among other rows. So a new
    aggregation is one file with these six functions.
    """

    @property
    def name(self) -> str:
        """The function that declares it, and the word in the names of features: amount_mean_7d."""
        ...

    @property
    def argument(self) -> str:
        """'required', 'optional' or 'none': whether it takes a column."""
        ...

    @property
    def parameter(self) -> float | None:
        """The number that is declared beside the column: the n of last_n. None: it takes none."""
        ...

    @property
    def state(self) -> Hashable:
        """What its states are: aggregations that say the same here have the same states of an argument, which an engine computes once."""
        ...

    @property
    def empty(self) -> Any:
        """The value of an empty window; of a list, a new one each time."""
        ...

    def result(self, argument: DataType) -> FeatureType | None:
        """The type of its value, None when it cannot take an argument of this type."""
        ...

    def prepare(self, column: Column) -> State:
        """One state a row."""
        ...

    def over(self, state: State, lo: Ints, hi: Ints) -> State:
        """One state a range lo[i]:hi[i] of states."""
        ...

    def merge(self, whole: State, part: State, at: Ints) -> State:
        """`whole` with part[i] merged into the state at[i] (each at most once); `whole` may be changed."""
        ...

    def finalize(self, state: State, column: Column) -> pl.Series:
        """One value a state, null where a window has no value."""
        ...

    def keep(self, state: State, column: Column) -> StoredState:
        """The states as values. What is kept of an empty one is nothing, or what restores it."""
        ...

    def restore(self, kept: StoredState, column: Column, size: int) -> State:
        """`size` states from what was kept of them, empty where nothing was; kept.rows are places in this column."""
        ...

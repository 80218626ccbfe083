"""The rows of a delivery, received a frame at a time and converted to the types in which raw stores them (docs/adr/0020).

The stored type of a column may depend on its last value. So columns that are still undecided are spilled as received, and the type that
all values have in common is applied when the rows are read.
"""

from contextlib import ExitStack
from dataclasses import dataclass, field

import polars as pl

from platform_assets.frames.spill import BYTES_IN_MEMORY, Spill, in_batches
from platform_assets.kernels.received_types import fits, integers_of, kept_exactly, kept_type, may_lose, text_of, wider

_STRETCHES_AT_ONCE = 16
"""The number of frames that Polars can concatenate quickly: its time grows with the square of their number."""


@dataclass
class _Stretch:
    """Consecutive frames with the same columns and types."""

    schema: pl.Schema
    laid: Spill
    lossy: set[str] = field(default_factory=set)
    """Columns with a value that only text can hold."""

    def kept(self, column: str) -> pl.DataType:
        """The stored type of the column if it had only these values."""
        dtype = self.schema[column]
        if column in self.lossy:
            return pl.String()
        return (kept_type(dtype) or dtype) if may_lose(dtype) else dtype


class Incoming:
    """Collects the frames of a delivery. Their columns and types may differ: each column gets a type that can hold all values."""

    def __init__(self, aside: ExitStack) -> None:
        self._aside = aside
        self._stretches: list[_Stretch] = []
        self._in_memory: list[_Stretch] = []
        self._bytes_in_memory = 0

    @property
    def height(self) -> int:
        return sum(stretch.laid.height for stretch in self._stretches)

    @property
    def bytes(self) -> int:
        return sum(stretch.laid.bytes for stretch in self._stretches)

    def add(self, frame: pl.DataFrame) -> None:
        columns = []
        for values in frame:
            kept = None if may_lose(values.dtype) else kept_exactly(values)
            columns.append(values if kept is None else kept)
        settled = pl.DataFrame(columns) if columns else frame
        if not self._stretches or self._stretches[-1].schema != settled.schema:
            self._stretches.append(_Stretch(settled.schema, self._aside.enter_context(Spill())))
            self._in_memory.append(self._stretches[-1])
        stretch = self._stretches[-1]
        stretch.laid.add(settled)
        self._bytes_in_memory += int(settled.estimated_size())
        if self._bytes_in_memory > BYTES_IN_MEMORY:
            for one in self._in_memory:
                one.laid.flush()
            self._in_memory, self._bytes_in_memory = [stretch], 0
        for values in settled:
            if may_lose(values.dtype) and values.name not in stretch.lossy and not fits(values):
                stretch.lossy.add(values.name)

    def rows(self) -> pl.LazyFrame:
        """All rows in the types of `kept_exactly`; a column of only nulls has no type."""
        types = self._types()
        frames = [
            stretch.laid.rows().select(_brought(column, stretch, types[column]) for column in stretch.schema) for stretch in self._stretches
        ]
        if len(frames) <= _STRETCHES_AT_ONCE:
            return frames[0] if len(frames) == 1 else pl.concat(frames, how="diagonal")
        settled = self._aside.enter_context(Spill())
        for stretch, frame in zip(self._stretches, frames, strict=True):
            others = [pl.lit(None, dtype).alias(column) for column, dtype in types.items() if column not in stretch.schema]
            whole = frame.with_columns(others).select(*types)
            for part in in_batches(whole, is_small=not stretch.laid.is_on_disk):
                settled.add(part)
        return settled.rows()

    def _types(self) -> dict[str, pl.DataType]:
        types: dict[str, pl.DataType] = {}
        are_floats: dict[str, bool] = {}  # per column; reads all its parts, once
        for stretch in self._stretches:
            for column in stretch.schema:
                came, had = stretch.kept(column), types.get(column, pl.Null())
                if isinstance(had, pl.Null):
                    types[column] = came
                elif not isinstance(came, pl.Null):
                    is_mixed = {type(had), type(came)} == {pl.Int64, pl.Float64}
                    if is_mixed and column not in are_floats:
                        are_floats[column] = self._integers_are_floats(column)
                    types[column] = wider(had, came, is_exact_in_float=is_mixed and are_floats[column])
        return types

    def _integers_are_floats(self, column: str) -> bool:
        whole = [one for one in self._stretches if column in one.schema and one.kept(column) == pl.Int64]
        return all(integers_of(one.laid.rows().select(_brought(column, one, pl.Int64())), column) for one in whole)


def _brought(column: str, stretch: _Stretch, wide: pl.DataType) -> pl.Expr:
    """A received column converted to its stored type."""
    value, came, kept = pl.col(column), stretch.schema[column], stretch.kept(column)
    if column in stretch.lossy:
        return text_of(value)
    value = value if came == kept else value.cast(kept)
    if wide == kept:
        return value
    return text_of(value) if wide == pl.String and not isinstance(kept, pl.Null) else value.cast(wide)

"""A frame as Delta can keep it: types that it has, rows that belong to the span, handed over batch by batch."""

import time
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import polars as pl
from polars.datatypes import DataType, DataTypeClass

from platform_assets.errors import LakeError, suggestion
from platform_assets.frames.stream import stream
from platform_assets.stores.tables import Span

_WIDER: dict[DataType | DataTypeClass, DataType] = {
    pl.UInt8: pl.Int16(),
    pl.UInt16: pl.Int32(),
    pl.UInt32: pl.Int64(),
    pl.UInt64: pl.Int64(),
}
_KEPT = (pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.Float32, pl.Float64, pl.Boolean, pl.String, pl.Binary, pl.Date, pl.Decimal)


BYTES_IN_FLIGHT = 1 << 25
"""Of more that Delta has not written yet, no more is handed to it: it takes what it can get, however slowly it writes."""
_BYTES_HANDED_OVER = 16_000_000
_PATIENCE = 1.0
"""Seconds without any progress, after which it is handed on all the same."""
_pool: Any = None


class Part(Protocol):
    """Some partitions of a table, such as a Span."""

    def holds(self, column: str) -> pl.Expr:
        """Whether a row belongs to one of them, by its partition column."""
        ...


class RetypedError(LakeError):
    """A column is of another type than the table has for it."""


def kept_as(dtype: DataType) -> DataType:
    """The type in which Delta keeps every value of this type exactly.

    Unsigned integers become the next wider signed one (a UInt64 beyond it is refused when it comes), categories become text, times become
    microseconds in UTC (a nanosecond beyond them is refused when it comes).

    Raises:
        ValueError: there is no such type; the message says why.
    """
    if isinstance(dtype, pl.Datetime):
        if dtype.time_zone is None:
            raise ValueError("a time without a zone may be any moment. Say which it is: .dt.replace_time_zone('UTC')")
        return pl.Datetime("us", "UTC")
    if isinstance(dtype, pl.List | pl.Array):
        return pl.List(kept_as(_instance(dtype.inner)))
    if isinstance(dtype, pl.Struct):
        return pl.Struct({field.name: kept_as(_instance(field.dtype)) for field in dtype.fields})
    if isinstance(dtype, pl.Categorical | pl.Enum):
        return pl.String()
    if type(dtype) in _WIDER:
        return _WIDER[type(dtype)]
    if isinstance(dtype, _KEPT):
        return dtype
    if isinstance(dtype, pl.Null):
        raise ValueError("a column of nothing but nulls has no type. Cast it to the one that its values will have: .cast(pl.String)")
    raise ValueError(f"Delta has no {dtype}. Cast it, such as to pl.String or pl.Int64")


def _instance(dtype: DataType | DataTypeClass) -> DataType:
    return dtype() if isinstance(dtype, DataTypeClass) else dtype


def kept_schema(where: str, found: Mapping[str, DataType], stored: Mapping[str, DataType]) -> dict[str, DataType]:
    """The types in which a frame is written to a table that has the columns `stored` (none for a new table).

    Raises:
        LakeError: a type that Delta has not, or another one than the table has for that column.
    """
    kept = {}
    for column, dtype in found.items():
        if isinstance(dtype, pl.Null) and column in stored:
            kept[column] = stored[column]
            continue
        try:
            kept[column] = kept_as(dtype)
        except ValueError as reason:
            raise LakeError(f"{where}: the column {column!r} is {dtype}: {reason}.") from None
        if column in stored and stored[column] != kept[column]:
            raise RetypedError(
                f"{where}: the column {column!r} is {kept[column]}, in the table it is {stored[column]}. "
                f"Columns may be added, not retyped: cast it to {stored[column]}, "
                "give the new one another name, or remove the table and materialize all its partitions again."
            )
    return kept


class Batches:
    """The rows of a frame, checked while they pass, as an Arrow stream that can be read once."""

    def __init__(
        self, where: str, frame: pl.LazyFrame, schema: Mapping[str, DataType], by: str, span: Part | None, expected: int | None = None
    ) -> None:
        """expected: how many rows the frame has, if that is known."""
        self.rows = 0
        self._expected = expected
        self.failed: Exception | None = None
        """What ended the stream early: Delta's own error has only its text."""
        self._where, self._by, self._span = where, by, span
        self._frame, self._schema = frame, pl.Schema(schema)
        self._arrow: Any = pl.DataFrame(schema=self._schema).to_arrow().schema

    def reader(self) -> Any:
        import pyarrow as pa

        return pa.RecordBatchReader.from_batches(self._arrow, self._batches())

    def _batches(self) -> Iterator[Any]:
        waiting, size = list[Any](), 0
        try:
            for frame in stream(self._frame):
                if self._span is not None:
                    check_span(self._where, frame, self._by, self._span)
                self.rows += frame.height
                pieces = 1 + int(frame.estimated_size()) // _BYTES_HANDED_OVER
                for piece in frame.iter_slices(1 + frame.height // pieces):
                    waiting.append(_exactly(self._where, piece, self._schema).to_arrow().cast(self._arrow))
                    size += waiting[-1].nbytes
                    if size >= _BYTES_HANDED_OVER:
                        yield from _in_one_piece(waiting)
                        size = 0
            if waiting:
                yield from _in_one_piece(waiting)
            if self._expected is not None and self.rows != self._expected:
                raise LakeError(f"{self._where}: {self._expected:,} rows were to be written, {self.rows:,} came. Nothing was written.")
        except Exception as error:
            self.failed = error
            raise


def _in_one_piece(tables: list[Any]) -> Iterator[Any]:
    """The same rows in one batch: of small ones delta-rs makes copies, which nobody counts. The list of tables is emptied.

    The batch is in memory that is counted until its reader has let go of it. Waits while that is too much.
    """
    import pyarrow as pa

    global _pool
    if _pool is None:  # one that outlives every batch
        _pool = pa.proxy_memory_pool(pa.default_memory_pool())
    # A column in one chunk would stay where it is, uncounted: there is always a second one.
    batches = iter(pa.concat_tables([*tables, tables[0].slice(0, 0)]).combine_chunks(memory_pool=_pool).to_batches())
    tables.clear()
    yield from batches
    last, since = _pool.bytes_allocated(), time.monotonic()
    while last > BYTES_IN_FLIGHT and time.monotonic() - since < _PATIENCE:
        time.sleep(0.002)
        if (now := _pool.bytes_allocated()) < last:
            last, since = now, time.monotonic()


def check_span(where: str, frame: pl.DataFrame, by: str, span: Part) -> None:
    """Refuses rows that belong to no partition of the span: they would be lost, or be there twice after the next write."""
    outside = frame.filter(~span.holds(by).fill_null(False))
    if outside.height:
        values = ", ".join(str(value) for value in outside[by].unique().sort().head(3).to_list())
        raise LakeError(
            f"{where}: {outside.height} rows do not belong to {span}, which is being replaced: {by!r} is {values} there. "
            "Write only rows of the partitions that were asked for."
        )


def check_partitioning(where: str, by: str, span: Span, schema: Mapping[str, pl.DataType]) -> None:
    """A predicate on a column of another type compares as something else, or as nothing: it is refused, never left out."""
    if by not in schema:
        raise LakeError(f"{where}: there is no partition column {by!r}. {suggestion(by, schema)}")
    if schema[by] != span.type:
        raise LakeError(
            f"{where}: the partition column {by!r} is {schema[by]}, the span {span} is of {span.type}. "
            "Store a partition as its start: as pl.Date, for hours as pl.Datetime('us', 'UTC')."
        )


def _exactly(where: str, frame: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    for column in schema:
        if isinstance(frame[column].dtype, pl.Datetime) and frame[column].dtype.time_unit == "ns":  # type: ignore[attr-defined]
            finer = frame[column].filter(frame[column].dt.epoch("ns") % 1000 != 0)
            if finer.len():
                raise LakeError(
                    f"{where}: the column {column!r} has {finer[0]!s}, finer than a microsecond. Cut it: .dt.cast_time_unit('us')."
                )
    try:
        return frame.cast(schema)
    except pl.exceptions.InvalidOperationError as error:
        raise LakeError(f"{where}: a value does not fit the type that Delta keeps: {error}") from None

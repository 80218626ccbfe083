"""Prepares a frame for Delta: types that Delta has, rows that belong to the span, passed batch by batch."""

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
"""The most unwritten bytes that Delta is given: it accepts as much as it is given, however slowly it writes."""
_BYTES_HANDED_OVER = 16_000_000
_PATIENCE = 1.0
"""Seconds without progress after which the next batch is passed on anyway."""
_pool: Any = None


class Part(Protocol):
    """Some partitions of a table, such as a Span."""

    def holds(self, column: str) -> pl.Expr:
        """Whether a row belongs to one of the partitions, by its partition column."""
        ...


class RetypedError(LakeError):
    """A column has a different type than in the table."""


def kept_as(dtype: DataType) -> DataType:
    """The type in which Delta stores every value of this type exactly.

    Unsigned integers become the next wider signed type (a UInt64 beyond it is refused when written), categories become text, times become
    microseconds in UTC (finer values are refused when written).

    Raises:
        ValueError: there is no such type; the message says why.
    """
    if isinstance(dtype, pl.Datetime):
        if dtype.time_zone is None:
            raise ValueError("a time without a time zone is ambiguous. Set its zone: .dt.replace_time_zone('UTC')")
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
        raise ValueError("a column of only nulls has no type. Cast it to the type that its values will have: .cast(pl.String)")
    raise ValueError(f"Delta has no {dtype}. Cast it, such as to pl.String or pl.Int64")


def _instance(dtype: DataType | DataTypeClass) -> DataType:
    return dtype() if isinstance(dtype, DataTypeClass) else dtype


def kept_schema(where: str, found: Mapping[str, DataType], stored: Mapping[str, DataType]) -> dict[str, DataType]:
    """The types in which a frame is written to a table with the columns `stored` (empty for a new table).

    Raises:
        LakeError: a type is unknown to Delta, or differs from the table's.
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
                f"{where}: the column {column!r} is {kept[column]}, but in the table it is {stored[column]}. "
                f"Columns may be added, not retyped: cast it to {stored[column]}, "
                "give the new one another name, or remove the table and materialize all its partitions again."
            )
    return kept


class Batches:
    """The rows of a frame as an Arrow stream that can be read once; they are checked as they pass."""

    def __init__(
        self, where: str, frame: pl.LazyFrame, schema: Mapping[str, DataType], by: str, span: Part | None, expected: int | None = None
    ) -> None:
        """expected: the number of rows in the frame, if known."""
        self.rows = 0
        self._expected = expected
        self.failed: Exception | None = None
        """The error that ended the stream early: Delta's own error has only its text."""
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
                raise LakeError(f"{self._where}: {self._expected:,} rows were expected, but there were {self.rows:,}. Nothing was written.")
        except Exception as error:
            self.failed = error
            raise


def _in_one_piece(tables: list[Any]) -> Iterator[Any]:
    """The same rows in one batch: delta-rs copies small batches, and the copies are not counted. The list of tables is emptied.

    The batch's memory is counted until its reader releases it. Waits while too much is in use.
    """
    import pyarrow as pa

    global _pool
    if _pool is None:  # it must outlive every batch
        _pool = pa.proxy_memory_pool(pa.default_memory_pool())
    # A column with one chunk would not be copied and so not counted: there is always a second chunk.
    batches = iter(pa.concat_tables([*tables, tables[0].slice(0, 0)]).combine_chunks(memory_pool=_pool).to_batches())
    tables.clear()
    yield from batches
    last, since = _pool.bytes_allocated(), time.monotonic()
    while last > BYTES_IN_FLIGHT and time.monotonic() - since < _PATIENCE:
        time.sleep(0.002)
        if (now := _pool.bytes_allocated()) < last:
            last, since = now, time.monotonic()


def check_span(where: str, frame: pl.DataFrame, by: str, span: Part) -> None:
    """Refuses rows outside the span: they would be lost, or duplicated by the next write."""
    outside = frame.filter(~span.holds(by).fill_null(False))
    if outside.height:
        values = ", ".join(str(value) for value in outside[by].unique().sort().head(3).to_list())
        raise LakeError(
            f"{where}: {outside.height} rows do not belong to {span}, which is being replaced: {by!r} is {values} there. "
            "Write only rows of the requested partitions."
        )


def check_partitioning(where: str, by: str, span: Span, schema: Mapping[str, pl.DataType]) -> None:
    """Refuses a partition column of the wrong type: a predicate on it would compare wrongly, or not at all."""
    if by not in schema:
        raise LakeError(f"{where}: there is no partition column {by!r}. {suggestion(by, schema)}")
    if schema[by] != span.type:
        raise LakeError(
            f"{where}: the partition column {by!r} is {schema[by]}, but the span {span} has type {span.type}. "
            "Store the start of a partition: as pl.Date, or for hours as pl.Datetime('us', 'UTC')."
        )


def _exactly(where: str, frame: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    for column in schema:
        if isinstance(frame[column].dtype, pl.Datetime) and frame[column].dtype.time_unit == "ns":  # type: ignore[attr-defined]
            finer = frame[column].filter(frame[column].dt.epoch("ns") % 1000 != 0)
            if finer.len():
                raise LakeError(
                    f"{where}: the column {column!r} has {finer[0]!s}, finer than a microsecond. Truncate it: .dt.cast_time_unit('us')."
                )
    try:
        return frame.cast(schema)
    except pl.exceptions.InvalidOperationError as error:
        raise LakeError(f"{where}: a value does not fit the type in which Delta stores it: {error}") from None

"""What a source's function returns: rows in whatever form, read a part at a time and laid aside as raw keeps them."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl

from platform_assets.declare.names import READ_AS, UNPARSED_COLUMNS
from platform_assets.declare.source import Source
from platform_assets.errors import PlatformError, SourceError, is_failure
from platform_assets.expressions.types import DataType
from platform_assets.frames.from_spark import frames_of, is_of_spark
from platform_assets.frames.incoming import Incoming
from platform_assets.frames.spill import BYTES_IN_MEMORY, in_batches
from platform_assets.kernels.parse import why_unreadable
from platform_assets.kernels.received_types import as_text, kept_schema_of
from platform_assets.sources.arrival import Arrival
from platform_assets.sources.columns import kept_names
from platform_assets.sources.header import without

_ROWS_AT_ONCE = 100_000


@dataclass(frozen=True)
class Returned:
    """The rows of a delivery, under the names and in the types in which raw keeps them. They are there while `aside` is open."""

    rows: pl.LazyFrame
    height: int
    bytes: int
    """About what they take in memory."""
    content: str
    """The same for the same columns, types and values; another one otherwise."""
    names: dict[str, str]
    """The name in raw of each column that came."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Those that were delivered."""
        return tuple(column for column in self.rows.collect_schema() if column not in (READ_AS, *UNPARSED_COLUMNS))

    @property
    def types(self) -> dict[str, str]:
        """The types of those that are not text."""
        return kept_schema_of(self.rows.select(self.columns).collect_schema())


def read_rows(source: Source, arrival: Arrival, spelled: Callable[[], Iterable[str]], aside: ExitStack) -> Returned | None:
    """Calls a source's function and reads what it returns; None when nothing has arrived.

    spelled: the columns that raw has. aside: rows that do not fit into memory are on disk until it is closed.

    Raises:
        SourceError: the function failed, or what it returned is not a table, lacks a declared column, or has one that cannot be kept.
    """
    if source.connector is not None:
        arrival.reader = source.connector.reader
    with _failing(arrival, _FUNCTION):
        read = source.read(arrival)
    if read is None:
        return _with_unparsed(pl.LazyFrame(), 0, 0, {}, arrival) if arrival.unparsed else None
    if (laid := arrival.laid_aside(read)) is not None:  # text from files, which is kept as it is
        frame = laid.rows()
        frame = frame.with_columns(_picture_time(source, arrival, frame.collect_schema().names()))
        names = _names(source, frame.collect_schema().names(), spelled, arrival)
        return _with_unparsed(frame.rename(names), laid.height, laid.bytes, names, arrival)
    taken = _Taken(source, arrival, spelled, Incoming(aside))
    if not _hand_over(read, taken, arrival):
        return _with_unparsed(pl.LazyFrame(), 0, 0, {}, arrival) if arrival.unparsed else None
    return _with_unparsed(taken.incoming.rows(), taken.incoming.height, taken.incoming.bytes, taken.names, arrival)


def empty() -> Returned:
    """What a partition has for which nothing came."""
    return Returned(pl.LazyFrame(), 0, 0, content_of(pl.LazyFrame(), is_small=True), {})


def where_of(arrival: Arrival) -> str:
    """The place in a message, with the files that were asked for if they are known."""
    files = [Path(file).name for file in arrival.looked_for]
    return f"source {arrival.source!r}, partition {arrival.partition}" + (f", file {', '.join(files)}" if files else "")


@contextmanager
def _failing(arrival: Arrival, what: str) -> Iterator[None]:
    """An error of a source's function or frame says where it was."""
    try:
        yield
    except BaseException as error:  # Polars' own, and whatever a Python function in a frame raises
        if isinstance(error, PlatformError) or not is_failure(error):
            raise
        raise SourceError(f"{where_of(arrival)}: {what}: {type(error).__name__}: {error}") from error


_FUNCTION = "its function failed"


class _Taken:
    """Takes a delivery's frames one by one."""

    def __init__(self, source: Source, arrival: Arrival, spelled: Callable[[], Iterable[str]], incoming: Incoming) -> None:
        self.source, self.arrival, self.incoming = source, arrival, incoming
        self.names: dict[str, str] = {}
        self._spelled = spelled
        self._of_columns: dict[tuple[str, ...], dict[str, str]] = {}
        """What columns are called in raw, by all columns of a frame: which one `ID` is depends on whether there is an `id`, too."""

    def add(self, frame: pl.DataFrame) -> None:
        frame = frame.with_columns(_picture_time(self.source, self.arrival, frame.columns))
        columns = tuple(frame.columns)
        if columns not in self._of_columns:
            self._of_columns[columns] = _names(self.source, frame.columns, lambda: (*self._spelled(), *self.names.values()), self.arrival)
            self.names |= self._of_columns[columns]
        frame = frame.rename(self._of_columns[columns])
        for column, declared in self.source.columns.items():
            if column in frame.columns and frame.schema[column] != pl.String:
                _check_type(self.source, frame[column], declared.type, where_of(self.arrival))
        self.incoming.add(frame)


def _hand_over(read: Any, taken: _Taken, arrival: Arrival) -> bool:
    """Gives all rows of what a function returned to `taken`, some at a time. False: it is an iterator that gave nothing."""
    if isinstance(read, pl.DataFrame):
        for part in read.iter_slices(_ROWS_AT_ONCE) if read.height > _ROWS_AT_ONCE else (read,):
            taken.add(part)
    elif isinstance(read, pl.LazyFrame):
        _compute(read, taken, arrival)
    elif is_of_spark(read):
        with _failing(arrival, "the DataFrame of Spark that its function returned cannot be computed"):
            for part in frames_of(read):
                taken.add(part)
    elif hasattr(read, "__arrow_c_stream__") or hasattr(read, "__arrow_c_array__"):
        for part in _of_arrow(read, arrival):
            taken.add(part)
    elif isinstance(read, Iterator):
        came = [_hand_over(part, taken, arrival) for part in _parts(read, arrival) if part is not None]
        return any(came)
    else:
        raise SourceError(
            f"{where_of(arrival)}: its function returned {type(read).__name__}. Return a Polars frame, an Arrow table or stream, a "
            "DataFrame of Spark, an iterator of these, or None when nothing has arrived."
        )
    return True


def _parts(read: Iterable[Any], arrival: Arrival) -> Iterator[Any]:
    """What an iterator gives; an error of the function that it runs says where."""
    parts = iter(read)
    while True:
        with _failing(arrival, _FUNCTION):
            part = next(parts, _END)
        if part is _END:
            return
        yield part


_END = object()


def _compute(frame: pl.LazyFrame, taken: _Taken, arrival: Arrival) -> None:
    """Gives the rows of a frame as they are computed. Where that panics the sink raises; a stream of batches would just end."""
    any_taken = [False]

    def take(batch: pl.DataFrame) -> None:
        any_taken[0] = True
        taken.add(batch)

    with _failing(arrival, "the frame that its function returned cannot be computed"):
        frame.sink_batches(take, chunk_size=_ROWS_AT_ONCE)
        if not any_taken[0]:
            take(pl.DataFrame(schema=frame.collect_schema()))


def _of_arrow(read: Any, arrival: Arrival) -> Iterator[pl.DataFrame]:
    """The frames of anything that has an Arrow stream or array."""
    import pyarrow as pa

    with _failing(arrival, "the Arrow data that its function returned cannot be read"):
        if not hasattr(read, "__arrow_c_stream__"):
            yield pl.DataFrame(pl.from_arrow(pa.record_batch(read)))
            return
        stream = pa.RecordBatchReader.from_stream(read)
        yield pl.DataFrame(pl.from_arrow(stream.schema.empty_table()))
        for batch in stream:
            yield pl.DataFrame(pl.from_arrow(batch))


def _picture_time(source: Source, arrival: Arrival, came: Sequence[str]) -> list[pl.Expr]:
    """The column of a snapshot that says of when it is."""
    if source.kind != "snapshot" or not came:
        return []
    if source.event_time in came:
        raise SourceError(
            f"{where_of(arrival)}: it has a column {source.event_time!r}, which the platform adds to a snapshot: the end of its partition. "
            "Have it delivered under another name, or rename it."
        )
    at = arrival.end - timedelta(microseconds=1)
    return [pl.lit(at, pl.Datetime("us", "UTC")).alias(source.event_time)]


def _names(source: Source, came: Sequence[str], spelled: Callable[[], Iterable[str]], arrival: Arrival) -> dict[str, str]:
    """The name in raw of each column that came."""
    others = set(came) - {*source.columns}
    names = kept_names(came, source.columns, spelled() if others else ())
    _require_columns(source, {*names.values()}, came, arrival)
    return names


def _require_columns(source: Source, columns: set[str], header: Sequence[str], arrival: Arrival) -> None:
    """Refuses a delivery without a declared column: as null it would look as if nobody had a value. One without any column is empty."""
    missing = [column for column in source.columns if column not in columns]
    if missing and columns:
        others = f" (nor {', '.join(map(repr, missing[1:]))})" if missing[1:] else ""
        raise SourceError(
            f"{where_of(arrival)}: the schema declares {missing[0]!r}, there is no such column{others}. "
            f"{without(missing[0], header, declared=source.columns, reader=arrival.reader)} "
            f"If it is not delivered, take it out of the schema; {_if_some_lack(missing[0], arrival)}."
        )


def _if_some_lack(column: str, arrival: Arrival) -> str:
    if arrival.reader == "rest_api":
        return f"if only some pages lack it, rest_api(..., optional=[{column!r}])"
    return "if only some days lack it, add it in the source's function"


def _check_type(source: Source, values: pl.Series, declared: DataType, where: str) -> None:
    """Refuses a declared column in which no value can be read."""
    dtype = pl.String() if values.dtype in (pl.Categorical, pl.Enum) else values.dtype
    if reason := why_unreadable(declared, dtype, such_as=next(iter(values.drop_nulls().head(1).to_list()), None)):
        raise SourceError(f"{where}, column {values.name!r}: {reason}.")
    if declared not in ("datetime", "date") or not isinstance(dtype, pl.Datetime):
        return
    if dtype.time_zone is None and source.timezone is None:
        raise SourceError(
            f"{where}: the times in the column {values.name!r} are naive: they have no time zone. "
            "Declare timezone='Europe/London' (or 'UTC') in @source, or add the zone in its function: .dt.replace_time_zone('UTC')."
        )


def _with_unparsed(rows: pl.LazyFrame, height: int, size: int, names: dict[str, str], arrival: Arrival) -> Returned:
    """The rows, and behind them the lines that are none, whatever the source's function did with its frame."""
    if arrival.formats is not None and (read_as := arrival.formats.text) and rows.collect_schema():
        rows = rows.with_columns(pl.lit(read_as).alias(READ_AS))
    if arrival.unparsed:
        lines = arrival.unparsed.rows()
        rows = pl.concat([rows, lines], how="diagonal") if rows.collect_schema() else lines
        height, size = height + len(arrival.unparsed), size + arrival.unparsed.bytes
    return Returned(rows, height, size, content_of(rows, is_small=size <= BYTES_IN_MEMORY), names)


def content_of(rows: pl.LazyFrame, *, is_small: bool) -> str:
    """A hash of columns, types and values that does not depend on process, machine or library version; null is not ''."""
    schema = rows.collect_schema()
    found = hashlib.sha256(",".join(f"{name}:{dtype}" for name, dtype in schema.items()).encode())
    found.update(_csv(pl.DataFrame(schema=schema), include_header=True))
    for batch in in_batches(rows, is_small):
        found.update(_csv(batch, include_header=False))
    return found.hexdigest()[:32]


def _csv(frame: pl.DataFrame, *, include_header: bool) -> bytes:
    flat = frame.with_columns(*(_as_json(values) for values in frame if values.dtype.is_nested()), pl.col(pl.Binary).bin.encode("hex"))
    text = BytesIO()
    flat.write_csv(text, include_header=include_header, quote_style="non_numeric")
    return text.getvalue()


def _as_json(values: pl.Series) -> pl.Series:
    if "Binary" in str(values.dtype):  # Polars panics when it is to make JSON of bytes
        return as_text(values)
    return values.to_frame().select(pl.struct(values.name).struct.json_encode().alias(values.name)).to_series()

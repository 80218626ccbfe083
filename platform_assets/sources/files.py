"""Connectors of files: CSV, JSON lines and Parquet, in folders of this machine or in an object store."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from platform_assets.declare.arguments import checked_arguments, list_of, shown, texts_by_name
from platform_assets.declare.durations import duration
from platform_assets.declare.formats import Formats
from platform_assets.declare.source import Source
from platform_assets.declare.version import version_of
from platform_assets.errors import DeclarationError, SourceError
from platform_assets.sources.arrival import Arrival
from platform_assets.sources.csv_dialect import check_formats, dialect
from platform_assets.sources.path_patterns import filled, has_placeholder, placeholders

STABLE_AFTER = "5s"


@dataclass(frozen=True)
class Files:
    """Files of one format. Made by `csv_files`, `json_lines_files` and `parquet_files`."""

    path: str
    reader: str
    """The function that it was made by, for messages."""
    method: str
    """Of `Arrival`, which reads them."""
    options: Mapping[str, Any]
    """Of that method."""
    stable_after: timedelta

    is_final = False

    @property
    def version(self) -> str:
        return version_of({"files": self.path, "read by": self.method, **self.options})

    def check(self, where: str, source: Source) -> None:
        if not has_placeholder(self.path):
            raise DeclarationError(
                f"{where}, {self.reader}: the path {self.path!r} has no placeholder, so every partition would receive the same file. "
                f"Put the partition's key into it, such as {_example(self.path)!r}."
            )
        try:
            filled(self.path, placeholders(source.partitions.key(source.partitions.first)), f"{where}, {self.reader}")
        except SourceError as error:
            raise DeclarationError(str(error)) from None

    def look(self, arrival: Arrival) -> str | None:
        """Which files are there: none, as long as one of them has changed within `stable_after`."""
        files = arrival.look_for_files(self.path)
        newest = max((file.changed for file in files), default=None)
        if newest is not None and newest > datetime.now(UTC) - self.stable_after:
            return ""
        return arrival.files

    def read(self, arrival: Arrival) -> Any:
        arrival.reader = self.reader
        read: Callable[..., Any] = getattr(arrival, self.method)
        try:
            rows = read(self.path, **self.options)
        except SourceError as error:
            raise self._in_its_words(error) from None
        return self._rows(rows) if isinstance(rows, Iterator) else rows

    def _rows(self, rows: Iterator[Any]) -> Iterator[Any]:
        try:
            yield from rows
        except SourceError as error:
            raise self._in_its_words(error) from None

    def _in_its_words(self, error: SourceError) -> SourceError:
        return SourceError(str(error).replace(f"{self.method}(", f"{self.reader}("))


@checked_arguments("csv_files")
def csv_files(
    path: str | Path,
    *,
    rename: Mapping[str, str] | None = None,
    separator: str = ",",
    quote: str | None = '"',
    escape: str | None = None,
    null_values: Sequence[str] = (),
    skip_lines: int = 0,
    columns: Sequence[str] | None = None,
    decimal: str = ".",
    thousands: str | None = None,
    currency: Sequence[str] = (),
    date_formats: Sequence[str] = (),
    encoding: str = "utf8",
    stable_after: str = STABLE_AFTER,
) -> Files:
    """CSV files, as `Arrival.read_csv` reads them, which explains the options.

    Args:
        path: a file or pattern, here or in an object store: "orders/{day}.csv", "s3://bucket/date={date}/hour={hour}/*.csv.gz".
        stable_after: a sensor leaves files alone that have changed within this time, such as "5s": something may still write them.
    """
    options = {
        **({} if rename is None else {"rename": texts_by_name(rename, "csv_files, rename", "rename={'Customer ID': 'customer_id'}")}),
        **({} if columns is None else {"columns": list_of(columns, "csv_files, columns", "columns=['id', 'price']")}),
        **_set(separator=(separator, ","), quote=(quote, '"'), escape=(escape, None), skip_lines=(skip_lines, 0)),
        **_set(decimal=(decimal, "."), thousands=(thousands, None), encoding=(encoding, "utf8")),
        **_set(null_values=(tuple(null_values), ()), currency=(tuple(currency), ()), date_formats=(tuple(date_formats), ())),
    }
    try:
        dialect("csv_files", separator, quote, escape, null_values)
        check_formats("csv_files", Formats(decimal, thousands, tuple(currency), tuple(date_formats)))
    except SourceError as error:
        raise DeclarationError(str(error)) from None
    return _files(path, "csv_files", "read_csv", options, stable_after)


@checked_arguments("json_lines_files")
def json_lines_files(
    path: str | Path, *, rename: Mapping[str, str] | None = None, encoding: str = "utf8", stable_after: str = STABLE_AFTER
) -> Files:
    """Files of JSON lines, one object a line, as `Arrival.read_json_lines` reads them.

    Args:
        path: a file or pattern, as `csv_files` has it.
        rename: names in the files to the schema's: {"user.id": "user_id"} takes `id` out of the object `user`.
        encoding: of the files.
        stable_after: as `csv_files` has it.
    """
    renamed = texts_by_name(rename, "json_lines_files, rename", "rename={'user.id': 'user_id'}")
    return _files(path, "json_lines_files", "read_json_lines", _set(rename=(renamed, {}), encoding=(encoding, "utf8")), stable_after)


@checked_arguments("parquet_files")
def parquet_files(path: str | Path, *, rename: Mapping[str, str] | None = None, stable_after: str = STABLE_AFTER) -> Files:
    """Parquet files, as `Arrival.read_parquet` reads them.

    Args:
        path: a file or pattern, as `csv_files` has it.
        rename: the files' column names to the schema's.
        stable_after: as `csv_files` has it.
    """
    renamed = texts_by_name(rename, "parquet_files, rename", "rename={'Customer ID': 'customer_id'}")
    return _files(path, "parquet_files", "read_parquet", _set(rename=(renamed, {})), stable_after)


def _files(path: str | Path, reader: str, method: str, options: Mapping[str, Any], stable_after: str) -> Files:
    if not isinstance(path, str | Path) or not str(path):
        raise DeclarationError(f"{reader}: {shown(path)} is not a path. Write {reader}('orders/{{day}}.csv').")
    return Files(str(path), reader, method, options, duration(stable_after, f"{reader}, stable_after"))


def _set(**options: tuple[Any, Any]) -> dict[str, Any]:
    """The options that differ from their defaults, so that a new one changes no version."""
    return {name: value for name, (value, default) in options.items() if value != default}


def _example(path: str) -> str:
    folder, _, name = path.rpartition("/")
    stem, dot, ending = name.partition(".")
    return f"{folder}/{{day}}{dot}{ending}" if folder else f"{stem}/{{day}}{dot}{ending}"

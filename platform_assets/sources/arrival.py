"""What a source's function is given: the partition that is being received, and ways to read its delivery."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from platform_assets.declare.formats import Formats
from platform_assets.errors import SourceError
from platform_assets.frames.spill import Spill
from platform_assets.sources.csv_dialect import check_formats, dialect
from platform_assets.sources.found_files import FileFinder, FoundFile
from platform_assets.sources.header import nearest
from platform_assets.sources.unparsed_lines import UnparsedLines

NOT_READ = "not read"
"""In `Arrival.notes`: why a connector has nothing for the partition."""


@dataclass
class Shared:
    """What partitions that are looked at together share: each folder is listed once, each server asked once."""

    files: FileFinder = field(default_factory=FileFinder)
    remembered: dict[Any, Any] = field(default_factory=dict)
    """What connectors of something else than files have seen."""


@dataclass
class Arrival:
    """One partition of a source, as it is being received."""

    source: str
    partition: str
    """The partition's key, such as 2024-03-05."""
    start: datetime
    end: datetime
    """The stretch of UTC time that it covers, end excluded."""
    timezone: str | None = None
    """The source's, in which naive times are read."""
    days_of: str = "UTC"
    """The time zone whose days or weeks its partitions are."""
    origins: list[str] = field(default_factory=list)
    looked_for: list[str] = field(default_factory=list)
    """The files or patterns that were asked for, with the partition in them and the whole path."""
    found: list[str] = field(default_factory=list)
    """Each file that was there, with its size and the time of its last change."""
    notes: dict[str, Any] = field(default_factory=dict)
    """What a connector says of its reading: shown with the partition, such as the rows of a query or the calls of an API."""
    lake: Any = field(default=None, repr=False)
    """The `Lake` in which a connector may keep what it has received before reading it; None: nothing is kept."""
    now: datetime | None = None
    """What time it is for the platform."""
    is_received: bool = False
    """Whether raw has the partition already, whole."""
    is_damaged: bool = False
    """Whether raw has the partition, and a file of it was lost or cut."""
    mark: str | None = None
    """What a connector's `look` would have said when it read: raw keeps it, and the partition is read again when `look` says otherwise."""
    unparsed: UnparsedLines = field(default_factory=UnparsedLines)
    """The lines of the files that are not rows. Raw keeps them beside the rows that the function returns."""
    reader: str | None = None
    """What has read files, and takes rename=, for messages."""
    formats: Formats | None = None
    """How numbers and dates are written in the files."""
    shared: Shared = field(default_factory=Shared, repr=False)
    _read: set[str] = field(default_factory=set, repr=False)
    _given: list[tuple[pl.LazyFrame, Spill]] = field(default_factory=list, repr=False)
    _aside: ExitStack | None = field(default=None, repr=False)
    """Until when the rows of large files lie on disk; None: all are in memory."""

    @property
    def origin(self) -> str:
        """Where the rows come from. A second delivery of a partition from the same origin is another edition of the same rows."""
        return ", ".join(self.origins) or "function"

    @property
    def files(self) -> str | None:
        """Which files were there: other text for other names, sizes or times of change, '' for none; None if none was asked for.

        Of a connector that reads something else its `mark`.
        """
        if self.mark is not None:
            return self.mark
        if not self.looked_for:
            return None
        return hashlib.sha256("\n".join(self.found).encode()).hexdigest()[:16] if self.found else ""

    def read_csv(
        self,
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
    ) -> pl.LazyFrame | None:
        """The rows of this partition's CSV files, every value as text; None when there is no file.

        An empty value is null. A line that cannot be parsed, or has another number of values than the header, is not a row: it is counted
        as received and quarantined as it came, whatever the source's function does with the frame. Blank lines are skipped. Files may be
        compressed with gzip, zlib or zstd.

        Args:
            path: a file, or a pattern for several, which are read in the order of their names, on this machine or in an object store
                (s3://bucket/orders/{day}.csv). {day} and {partition} stand for the partition's key, {date}, {yyyy}, {mm}, {dd} and of an
                hour {hour} for parts of it. `*`, `?`, `[ab]` and `**` mean what they mean in a shell, in folders too.
            rename: the files' column names to the schema's.
            separator: between values, one character or several.
            quote: around values that contain separators or line ends, doubled within them; None: quotes are text.
            escape: a character that makes the next one part of the value, such as a backslash.
            null_values: texts that mean that there is no value, such as "NULL".
            skip_lines: how many lines stand before the header.
            columns: the names of the columns of files without a header.
            decimal: the sign before the fraction of a number, such as ",". Raw keeps all texts as they came; silver reads them so.
            thousands: the sign between groups of three digits, such as ".".
            currency: signs before or behind numbers, such as ["€", "EUR"].
            date_formats: how dates and times are written, such as ["%d/%m/%Y %H:%M"], the first that fits; besides what is read anyway.
            encoding: of the files, as Python names it, such as "latin-1".

        Raises:
            SourceError: naming the file: it is empty, was cut off, is not CSV, or has not the columns of the others; or naming the folder
                that is not there. A folder that has the partition in its name is not expected before its files.
        """
        from platform_assets.sources.csv_file import read_file

        files = self.look_for_files(path)
        self.reader = self.reader or "read_csv"
        if not files:
            return None
        self._note_formats(Formats(decimal, thousands, tuple(currency), tuple(date_formats)))
        written = dialect(f"source {self.source!r}, read_csv", separator, quote, escape, null_values)
        laid = self.spill()
        names: list[str] = []
        for found in files:
            with self._opened(found) as (file, bad):
                for frame in read_file(file, self._where(found), written, bad, encoding, skip_lines, columns):
                    rows = self._renamed(found, frame, rename or {})
                    names = names or rows.columns
                    if rows.columns != names:
                        raise SourceError(
                            f"{self._where(found)}: its columns are {', '.join(rows.columns)}; in {files[0].name} they are "
                            f"{', '.join(names)}. Files of one partition have the same columns, in the same order."
                        )
                    laid.add(rows)
        self._given.append((laid.rows(), laid))
        return self._given[-1][0]

    def read_json_lines(
        self, path: str | Path, *, rename: Mapping[str, str] | None = None, encoding: str = "utf8"
    ) -> Iterator[pl.DataFrame] | None:
        """The rows of this partition's files of JSON lines, some at a time, every value as text; None when there is no file.

        Each line is an object. A number, true or false is kept as it is written, so `1.10` stays `1.10`; null and an absent name are null;
        a nested object or list is its JSON. A line that is not an object, or has one name twice, is counted as received and quarantined as
        it came. Blank lines are skipped. Files may be compressed with gzip, zlib or zstd.

        Args:
            path: as read_csv has it.
            rename: names in the files to the schema's; "user.id" is the name `id` in the object `user`.
            encoding: of the files, as Python names it.

        Raises:
            SourceError: naming the file: it was cut off, or none of its lines is an object; or naming the folder that is not there.
        """
        files = self.look_for_files(path)
        self.reader = self.reader or "read_json_lines"
        return self._json_rows(files, rename or {}, encoding) if files else None

    def _json_rows(self, files: Sequence[FoundFile], rename: Mapping[str, str], encoding: str) -> Iterator[pl.DataFrame]:
        from platform_assets.sources.json_lines import read_file

        for found in files:
            with self._opened(found) as (file, bad):
                yield from read_file(file, self._where(found), rename, bad, encoding)

    def read_parquet(self, path: str | Path, *, rename: Mapping[str, str] | None = None) -> Iterator[pl.DataFrame] | None:
        """The rows of this partition's Parquet files, some at a time, in the types of the files; None when there is no file.

        The columns and types of several files may differ: raw keeps each column in a type that holds the values of all.

        Args:
            path: as read_csv has it.
            rename: the files' column names to the schema's.

        Raises:
            SourceError: naming the file: it is empty, cut off or no Parquet; or naming the folder that is not there.
        """
        files = self.look_for_files(path)
        self.reader = self.reader or "read_parquet"
        return self._parquet_rows(files, rename or {}) if files else None

    def _parquet_rows(self, files: Sequence[FoundFile], rename: Mapping[str, str]) -> Iterator[pl.DataFrame]:
        from platform_assets.sources.parquet_file import read_file

        for found in files:
            with self._opened(found) as (file, _):
                for frame in read_file(file, self._where(found)):
                    yield self._renamed(found, frame, rename)

    @contextmanager
    def _opened(self, found: FoundFile) -> Iterator[tuple[Path, Spill]]:
        """A file to be read, and where its bad lines go: they count once, even if a function reads the file twice."""
        bad = self.spill()
        with found.local(self._where(found)) as file:
            yield file, bad
        key = found.url or str(found.path)
        if key not in self._read:
            self.unparsed.add(bad)
            self._read.add(key)

    def spill(self) -> Spill:
        """Where rows are laid aside while the partition is received."""
        return Spill(bytes_in_memory=None) if self._aside is None else self._aside.enter_context(Spill())

    def laid_aside(self, frame: object) -> Spill | None:
        """Where the rows of a frame lie that `read_csv` has given; None for any other."""
        return next((laid for given, laid in self._given if given is frame), None)

    def _note_formats(self, formats: Formats) -> None:
        where = f"source {self.source!r}, read_csv"
        check_formats(where, formats)
        if self.formats not in (None, formats):
            raise SourceError(
                f"{where}: decimal=, thousands=, currency= and date_formats= are not the same for all files of a partition. "
                "Convert the numbers and dates of one of them in the source's function."
            )
        self.formats = formats

    def find(self, path: str | Path) -> list[Path]:
        """This partition's files, in the order of their names. It is noted which they are.

        Raises:
            SourceError: there is no folder in which they could be, they are in an object store, or the path has an unknown placeholder.
        """
        if "://" in str(path):
            raise SourceError(
                f"source {self.source!r}: find({str(path)!r}): files of an object store have no path on this machine. Read them with "
                "read_csv, read_json_lines or read_parquet."
            )
        return [found.path for found in self.look_for_files(path) if found.path is not None]

    def look_for_files(self, path: str | Path) -> list[FoundFile]:
        """This partition's files, here or in an object store, in the order of their names. It is noted which they are."""
        where = f"source {self.source!r}, partition {self.partition}"
        self.origins.append(Path(str(path)).name)
        try:
            pattern, files = self.shared.files.find(str(path), self.partition, where)
        except SourceError:
            self.looked_for.append(str(path))
            raise
        self.looked_for.append(pattern)
        self._note(files)
        return files

    def _note(self, files: Sequence[FoundFile]) -> None:
        self.found += [f"{file.name}\t{file.mark}" for file in files]

    def _where(self, file: FoundFile) -> str:
        return f"source {self.source!r}, partition {self.partition}, file {file.name}"

    def _renamed(self, file: FoundFile, rows: pl.DataFrame, rename: Mapping[str, str]) -> pl.DataFrame:
        where = self._where(file)
        absent = [column for column in rename if column not in rows.columns]
        if absent:
            near = f"Nearest is {name!r}." if (name := nearest(absent[0], rows.columns)) else ""
            said = f"rename= names the column {absent[0]!r}, there is no such column."
            raise SourceError(f"{where}: {' '.join(filter(None, (said, near)))} It has: {', '.join(rows.columns)}.")
        names = [rename.get(column, column) for column in rows.columns]
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise SourceError(f"{where}: two of its columns are named {twice[0]!r} after rename=. Rename the other one too.")
        return rows.rename(dict(rename))

"""What a source's function is given: the partition that is being received, and ways to read what came in it."""

import csv
import gzip
import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import polars as pl

from platform_assets.errors import SourceError
from platform_assets.sources.header import nearest, wrong_separator


@dataclass
class Arrival:
    """One partition of a source, as it is being received."""

    source: str
    partition: str
    """The partition's key, such as 2024-03-05."""
    start: datetime
    end: datetime
    """The stretch of UTC time that it covers, end excluded."""
    origins: list[str] = field(default_factory=list)
    looked_for: list[str] = field(default_factory=list)
    """The files or patterns that were asked for, with the partition in them and the whole path."""
    found: list[str] = field(default_factory=list)
    """Each file that was there, with its size and the time of its last change."""

    @property
    def origin(self) -> str:
        """Where the rows come from. A second delivery of a partition from the same origin is another edition of the same rows."""
        return ", ".join(self.origins) or "function"

    @property
    def files(self) -> str | None:
        """Which files were there: other text for other names, sizes or times of change, '' for none; None if none was asked for."""
        if not self.looked_for:
            return None
        return hashlib.sha256("\n".join(self.found).encode()).hexdigest()[:16] if self.found else ""

    def read_csv(
        self, path: str | Path, *, rename: Mapping[str, str] | None = None, separator: str = ",", encoding: str = "utf8"
    ) -> pl.LazyFrame | None:
        """The rows of this partition's CSV files, every value as text; None when there is no file.

        A line with fewer values than the header has null in the others: declare columns without `| None` to set it aside. If it is the
        last one and does not end, the file was cut off. Files may be compressed with gzip, zlib or zstd.

        Args:
            path: a file, or a pattern for several, which are read in the order of their names; {day} and {partition} stand for
                the partition's key.
            rename: the files' column names to the schema's.
            separator: between columns.
            encoding: of the files, as Python names it, such as "latin-1".

        Raises:
            SourceError: naming the file: it is empty, no CSV, or has not the columns of the others; or naming the folder that is not
                there. A folder that has the partition in its name is not expected before its files.
        """
        files = self.find(path)
        if not files:
            return None
        frames = [self._file(file, rename or {}, separator, encoding) for file in files]
        for file, frame in zip(files, frames, strict=True):
            if frame.columns != frames[0].columns:
                raise SourceError(
                    f"{self._where(file)}: its columns are {', '.join(frame.columns)}; in {files[0].name} they are "
                    f"{', '.join(frames[0].columns)}. Files of one partition have the same columns, in the same order."
                )
        return pl.concat(frames, how="vertical").lazy()

    def find(self, path: str | Path) -> list[Path]:
        """This partition's files, in the order of their names. It is noted which they are.

        Raises:
            SourceError: there is no folder in which they could be.
        """
        pattern = Path(str(path).replace("{day}", self.partition).replace("{partition}", self.partition))
        self.origins.append(Path(str(path)).name)
        self.looked_for.append(os.path.abspath(pattern))
        folder = _fixed_folder(Path(path))
        if not folder.is_dir():
            raise SourceError(
                f"source {self.source!r}, partition {self.partition}: there is no folder {os.path.abspath(folder)}, in which "
                f"{Path(path).relative_to(folder)} is looked for. Correct the path in read_csv(...), or make the folder; "
                "a path that does not begin with / is looked for where the process was started."
                + (" Only the file's name may be a pattern." if "*" in str(folder) else "")
            )
        return self._note(pattern)

    def _note(self, pattern: Path) -> list[Path]:
        files = sorted(pattern.parent.glob(pattern.name))
        self.found += [f"{file.name}\t{(stat := file.stat()).st_size}\t{stat.st_mtime_ns}" for file in files]
        return files

    def _where(self, file: Path) -> str:
        return f"source {self.source!r}, partition {self.partition}, file {file.name}"

    def _file(self, file: Path, rename: Mapping[str, str], separator: str, encoding: str) -> pl.DataFrame:
        where = self._where(file)
        try:
            _check_bytes(file, where, encoding)
            rows = pl.read_csv(file, infer_schema=False, separator=separator, encoding=encoding)
        except pl.exceptions.NoDataError:
            raise SourceError(f"{where}: the file is empty, it has not even a header. Deliver it again, or remove it.") from None
        except (pl.exceptions.PolarsError, OSError, UnicodeError, LookupError) as error:
            raise SourceError(f"{where}: it cannot be read as CSV in {encoding}: {_why(error, file, separator, encoding)}") from None
        if _is_cut_off(file, rows, separator, encoding):
            raise SourceError(f"{where}: its last line has fewer values than the header, and no end: it was cut off. Deliver it again.")
        alike = [name for name in rows.columns if re.search(r"_duplicated_\d+$", name)]
        alike += [name for name in rows.columns if [other.lower() for other in rows.columns].count(name.lower()) > 1]
        if alike:
            raise SourceError(
                f"{where}: two of its columns have the same name but for case: {alike[0].partition('_duplicated_')[0]!r}. "
                "Delta does not tell them apart. Have one of them delivered under another name."
            )
        absent = [column for column in rename if column not in rows.columns]
        if absent:
            near = wrong_separator(rows.columns) or (f"Nearest is {name!r}." if (name := nearest(absent[0], rows.columns)) else "")
            said = f"rename= names the column {absent[0]!r}, there is no such column."
            raise SourceError(f"{where}: {' '.join(filter(None, (said, near)))} It has: {', '.join(rows.columns)}.")
        names = [rename.get(column, column) for column in rows.columns]
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise SourceError(f"{where}: two of its columns are named {twice[0]!r} after rename=. Rename the other one too.")
        return rows.rename(dict(rename))


def _fixed_folder(path: Path) -> Path:
    """The folder of a pattern that is the same for all partitions."""
    folders = [path.parent, *path.parent.parents]
    return next(folder for folder in folders if "{day}" not in str(folder) and "{partition}" not in str(folder))


_COMPRESSED = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\x78\x01", b"\x78\x9c", b"\x78\xda")


def _check_bytes(file: Path, where: str, encoding: str) -> None:
    """What Polars would take for one long header, or stop the whole process at."""
    with file.open("rb") as opened:
        head = opened.read(1 << 16)
    if encoding == "utf8" and head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise SourceError(f"{where}: it is UTF-16. Say so: read_csv(..., encoding='utf-16').")
    if head.startswith(_COMPRESSED) or not _has_bytes_for_letters(encoding):
        return
    if b"\x00" in head.partition(b"\n")[0]:
        raise SourceError(f"{where}: its header has zero bytes. It is no text, or unmarked UTF-16: read_csv(..., encoding='utf-16-le').")
    if b"\r" in head and b"\n" not in head:
        raise SourceError(f"{where}: its lines end with a carriage return alone. Convert it to line feeds.")


def _has_bytes_for_letters(encoding: str) -> bool:
    """Whether separators and line ends are the bytes that they are in ASCII."""
    return encoding.startswith("utf8") or "\n".encode(encoding) == b"\n"


def _is_cut_off(file: Path, rows: pl.DataFrame, separator: str, encoding: str) -> bool:
    """Whether the last line stops before its last value. A last value that is cut itself cannot be told from a short one."""
    if not rows.height or rows[-1, -1] is not None or not _has_bytes_for_letters(encoding):
        return False
    with file.open("rb") as opened:
        is_compressed = opened.read(4).startswith(_COMPRESSED)
        opened.seek(-1, os.SEEK_END)
        return not is_compressed and opened.read(1) not in (b"\n", b"\r", b'"', separator.encode())


def _why(error: Exception, file: Path, separator: str, encoding: str) -> str:
    """What is wrong with a file, and the mend: Polars proposes arguments that a source's function does not have."""
    said = str(error).splitlines()[0]
    if "utf-8" in said:
        return f"{said}. Say which encoding it has: read_csv(..., encoding='latin-1')."
    if "more fields" in said:
        return f"{_long_line(file, separator, encoding)}. Quote values that contain the separator, or name the right separator."
    if "could not parse" in said:
        return "a quote is opened and not closed. Double a quote within a value; if the file was cut off, deliver it again."
    return f"{said}. Deliver it again."


def _long_line(file: Path, separator: str, encoding: str) -> str:
    """Which line has more values than the header: Polars does not say it."""
    try:
        with (gzip.open if file.name.endswith(".gz") else open)(file, "rt", encoding=encoding, newline="") as text:
            lines = csv.reader(text, delimiter=separator)
            header = next(lines)
            for values in lines:
                if len(values) > len(header):
                    said = f"line {lines.line_num} has {len(values)} values, the header {len(header)}. {wrong_separator(header)}"
                    return said.strip(" .")
    except (csv.Error, OSError, UnicodeError, LookupError):
        pass
    return "a line has more values than the header"

"""The rows of a page, each value as it is written, with the care that files of JSON lines get."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import polars as pl

from platform_assets.declare.names import UNPARSED_COLUMNS
from platform_assets.errors import SourceError
from platform_assets.frames.spill import Spill
from platform_assets.sources.header import nearest
from platform_assets.sources.json_objects import OBJECT, Fields, columns_of, frame_of, reason_against, with_repeated_names

_UNPARSED = pl.Schema(zip(UNPARSED_COLUMNS, (pl.String, pl.String, pl.Int64, pl.String), strict=True))
_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_ROWS_AT_ONCE = 50_000
_SHOWN = 60


@dataclass(frozen=True)
class Reading:
    """How the rows stand in an answer."""

    rows: str
    """The names that lead to them, such as "data.items"; "": the answer itself."""
    one_row: bool
    rename: Mapping[str, str]
    added: Mapping[str, str]
    """Columns of one value, by name."""
    optional: Sequence[str]
    encoding: str | None


class Rows:
    """Takes the pages of a partition apart."""

    def __init__(self, reading: Reading, where: str, bad: Spill) -> None:
        self.received = 0
        """All rows so far, with those that are none."""
        self._reading, self._where, self._bad = reading, where, bad
        self._seen: set[str] = set()
        self._good = 0
        self._first: str | None = None
        """What is wrong with the first bad row."""

    def page(self, number: int, body: bytes, content_type: str, charset: str | None) -> "PageBody":
        """A page as JSON.

        Raises:
            SourceError: it is none: it is empty, cut off, in another encoding, HTML; or its rows are not where they are declared.
        """
        where = f"{self._where}, page {number}"
        text = self._decoded(body, charset, where)
        if not text:
            raise SourceError(f"{where}: the answer is empty. If that means that there are no rows, have it answer [] or 204.")
        try:
            msgspec.json.decode(text, type=msgspec.Raw)
            whole = msgspec.Raw(text)
            found = _at(whole, self._reading.rows)
        except msgspec.DecodeError as error:
            raise SourceError(f"{where}: {_no_json(text, content_type, error)}") from None
        rows = self._list(found, whole, where)
        self.received += len(rows)
        return PageBody(where, whole, rows)

    def frames(self, number: int, rows: Sequence[bytes]) -> Iterator[pl.DataFrame]:
        """The rows that are objects as text; the others are laid aside."""
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            yield from self._frame(number, start, rows[start : start + _ROWS_AT_ONCE])

    def check(self) -> None:
        """Refuses an answer of which no row is an object, and a rename= of what no row has."""
        if self._first is not None and not self._good:
            raise SourceError(f"{self._where}: none of its {self.received:,} rows is an object. The first is {self._first}. Correct rows=.")
        for name in self._reading.rename:
            if self._good and name not in self._seen and name.split(".")[0] not in self._seen:
                near = nearest(name, sorted(self._seen))
                raise SourceError(
                    f"{self._where}: rename= has the name {name!r}, which no row has. {f'Nearest is {near!r}. ' if near else ''}"
                    f"Names are: {', '.join(sorted(self._seen))}."
                )

    def _frame(self, number: int, start: int, rows: Sequence[bytes]) -> Iterator[pl.DataFrame]:
        good, texts, reasons = list[Fields](), list[tuple[int, bytes]](), list[tuple[int, bytes, str]]()
        for place, row in enumerate(rows, start + 1):
            try:
                good.append(OBJECT.decode(row))
                texts.append((place, row))
            except msgspec.DecodeError as error:
                reasons.append((place, row, reason_against(row, error)))
        repeated = with_repeated_names(columns_of(good), [row for _, row in texts])
        reasons += [(*texts[row], f"the name {name!r} stands twice in it") for row, name in repeated.items()]
        good = [fields for row, fields in enumerate(good) if row not in repeated]
        if reasons:
            place, row, reason = min(reasons)
            self._first = self._first or f"{_start(row)!r}: {reason}"
            told = [(row.decode(), f"page {number}", place, reason) for place, row, reason in sorted(reasons)]
            self._bad.add(pl.DataFrame(told, schema=_UNPARSED, orient="row"))
        if not good:
            return
        self._good += len(good)
        columns = columns_of(good)
        self._seen.update(columns)
        frame = frame_of(columns, len(good), self._reading.rename, f"{self._where}, page {number}")
        absent = [name for name in self._reading.optional if name not in frame.columns]
        if twice := [name for name in self._reading.added if name in frame.columns]:
            raise SourceError(f"{self._where}: add= has the name {twice[0]!r}, which the rows have, too. Choose another name.")
        yield frame.with_columns(
            *(pl.lit(None, pl.String).alias(name) for name in absent),
            *(pl.lit(value).alias(name) for name, value in self._reading.added.items()),
        )

    def _decoded(self, body: bytes, charset: str | None, where: str) -> bytes:
        encoding = self._reading.encoding or charset or "utf-8"
        try:
            return body.decode(encoding).removeprefix("\ufeff").strip().encode()
        except LookupError:
            raise SourceError(f"{where}: there is no encoding {encoding!r}. Say which it is: encoding='latin-1'.") from None
        except UnicodeError as error:
            at = getattr(error, "start", 0)
            raise SourceError(
                f"{where}: the answer is not {encoding}: byte {at + 1}, {body[at : at + 1]!r} in {body[max(at - 20, 0) : at + 20]!r}. "
                "Say how it is written: encoding='latin-1'."
            ) from None

    def _list(self, found: Any, whole: Any, where: str) -> list[bytes]:
        path = self._reading.rows
        if found is None:
            raise SourceError(f"{where}: rows={path!r} leads nowhere. {_names_along(whole, path)}")
        text = bytes(found)
        if self._reading.one_row:
            if not text.startswith(b"{"):
                raise SourceError(f"{where}: one_row=True wants an object at rows={path!r}, there is {_start(text)!r}.")
            return [text]
        if not text.startswith(b"["):
            names = f" Its names are: {', '.join(OBJECT.decode(text))}." if text.startswith(b"{") else ""
            how = " If it is itself the only row, declare one_row=True." if text.startswith(b"{") else ""
            raise SourceError(f"{where}: rows={path!r} is no list, it begins with {_start(text)!r}.{names} Correct rows=.{how}")
        return [bytes(row) for row in _LIST.decode(text)]


@dataclass(frozen=True)
class PageBody:
    """A page that has been taken apart."""

    where: str
    whole: Any
    rows: Sequence[bytes]

    def value(self, path: str) -> str | None:
        """The text at a path of names; None where there is none, or null."""
        found = _at(self.whole, path)
        if found is None or (text := bytes(found)) == b"null":
            return None
        return msgspec.json.decode(text, type=str) if text.startswith(b'"') else text.decode()


def _at(whole: Any, path: str) -> Any:
    """What is at a path of names; None if it leads nowhere."""
    found = whole
    for name in path.split(".") if path else ():
        if found is None or not bytes(found).startswith(b"{"):
            return None
        found = OBJECT.decode(found).get(name)
    return found


def _names_along(whole: Any, path: str) -> str:
    names = path.split(".")
    for length in range(len(names), -1, -1):
        found = _at(whole, ".".join(names[:length]))
        if found is not None:
            text = bytes(found)
            at = f"at {'.'.join(names[:length])!r}" if length else "in the answer"
            if text.startswith(b"{"):
                return f"The names {at} are: {', '.join(OBJECT.decode(text)) or 'none'}."
            return f"There is no object {at}, it begins with {_start(text)!r}."
    return ""


def _no_json(text: bytes, content_type: str, error: Exception) -> str:
    said = str(error).removeprefix("JSON is malformed: ")
    if text.startswith(b"<") or "html" in content_type:
        return f"the answer is HTML, not JSON: {_start(text)!r}. Is the URL that of the API, and not of its page for people or of a login?"
    if "truncated" in said.lower():
        return f"the answer is cut off: {len(text):,} bytes, and its JSON does not end. Nothing of the partition is kept; try again."
    return f"the answer is no JSON ({content_type or 'without a content type'}): {said}. It begins with {_start(text)!r}."


def _start(text: bytes) -> str:
    return text[:_SHOWN].decode(errors="replace")

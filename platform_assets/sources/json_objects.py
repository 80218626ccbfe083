"""JSON objects as frames of text: each value as it is written, whatever the others are.

A value is kept as it is written: `1.10` and `1e3` are no floats here, so that silver reads numbers, times and identifiers exactly as it
reads those of a CSV file. JSON's syntax is checked by msgspec, strictly.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import polars as pl

from platform_assets.errors import SourceError

OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
Fields = dict[str, Any]
"""The values of an object by their names: each as it is written, behind the buffer protocol."""


def frame_of(columns: Mapping[str, list[bytes | None]], height: int, rename: Mapping[str, str], where: str) -> pl.DataFrame:
    """The values of some objects as text, and those within nested objects that `rename` names with dots.

    columns: as `columns_of` gives them. height: the number of objects.

    Raises:
        SourceError: two columns have one name after rename=.
    """
    values = {name: _texts(column) for name, column in columns.items()}
    for path in rename:
        if path not in values and path.split(".")[0] in values:
            values[path] = within(values[path.split(".")[0]], path.split(".")[1:])
    frame = pl.DataFrame(values) if values else pl.DataFrame({"": [None] * height}).drop("")
    twice = [new for old, new in rename.items() if old in values and new != old and new in values and new not in rename]
    if twice:
        raise SourceError(f"{where}: two of its names are {twice[0]!r} after rename=. Rename the other one too.")
    return frame.rename({old: new for old, new in rename.items() if old in values})


def columns_of(rows: Sequence[Fields]) -> dict[str, list[bytes | None]]:
    """The values by name, as they are written; None where a row has not the name."""
    names = dict.fromkeys(name for fields in rows for name in fields)
    return {name: [None if (raw := fields.get(name)) is None else bytes(raw) for fields in rows] for name in names}


def _texts(written: Sequence[bytes | None]) -> pl.Series:
    """Values as raw keeps them: a string without its quotes and escapes, null for null, and everything else as it is written."""
    values = pl.Series(written, dtype=pl.Binary).cast(pl.String)
    frame = values.to_frame("value")
    is_string, is_escaped = pl.col("value").str.starts_with('"'), pl.col("value").str.contains("\\", literal=True)
    if frame.select((is_string & is_escaped).any()).item():
        plain = [
            msgspec.json.decode(value, type=str) if value is not None and value[:1] == b'"' else None if value == b"null" else value
            for value in written
        ]
        return pl.Series([value.decode() if isinstance(value, bytes) else value for value in plain], dtype=pl.String)
    inner = pl.col("value").str.slice(1, pl.col("value").str.len_chars().cast(pl.Int64) - 2)
    return frame.select(pl.when(is_string).then(inner).when(pl.col("value") != "null").then(pl.col("value"))).to_series()


def within(objects: pl.Series, path: Sequence[str]) -> pl.Series:
    """The values at a path within objects; null where there is no object."""
    found: list[bytes | None] = []
    for text in objects:
        value = None if text is None else text.encode()
        for name in path:
            if value is None or not value.startswith(b"{"):
                value = None
                break
            raw = OBJECT.decode(value).get(name)
            value = None if raw is None else bytes(raw)
        found.append(value)
    return _texts(found)


def with_repeated_names(columns: Mapping[str, Sequence[bytes | None]], objects: Sequence[bytes]) -> dict[int, str]:
    """The rows whose objects have one name twice, and that name. Of such names msgspec keeps the last, without a word.

    No spelling of an object is shorter than the one without blanks and needless escapes: an object of just that length has no other name.
    One of the length that it has with a blank behind each comma and colon is compared with that; the few others are read once more.
    """
    if not columns:
        return {}
    sizes = pl.DataFrame(
        {
            str(n): pl.Series(column, dtype=pl.Binary).bin.size() + (len(_spelled(name)) + 1)
            for n, (name, column) in enumerate(columns.items())
        }
    )
    found = sizes.select(
        values=pl.sum_horizontal(pl.all()).cast(pl.Int64), fields=pl.sum_horizontal(pl.all().is_not_null()).cast(pl.Int64)
    ).with_columns(line=pl.Series([len(text) for text in objects], dtype=pl.Int64))
    compact = pl.col("values") + pl.col("fields") + 1
    is_spaced = pl.col("line") == compact + 2 * pl.col("fields") - 1
    others = found.with_row_index("row").filter(pl.col("line") != compact).select("row", is_spaced)
    return {
        row: name
        for row, spaced in others.iter_rows()
        if not (spaced and objects[row] == _with_blanks(columns, row)) and (name := _repeated(objects[row])) is not None
    }


def _spelled(name: str) -> bytes:
    """A name as the shortest JSON."""
    return json.dumps(name, ensure_ascii=False).encode(errors="surrogatepass")


def _with_blanks(columns: Mapping[str, Sequence[bytes | None]], row: int) -> bytes:
    """A row's object as most programs write it, in the order of the columns."""
    return b"{" + b", ".join(_spelled(name) + b": " + value for name, of in columns.items() if (value := of[row]) is not None) + b"}"


def _repeated(line: bytes) -> str | None:
    pairs = _Pairs(json.loads(line, object_pairs_hook=_Pairs, parse_int=str, parse_float=str))
    names = [name for name, _ in pairs]
    return next((name for name in names if names.count(name) > 1), None)


class _Pairs(list[Any]):
    """An object with all its names."""


def reason_against(text: bytes, error: Exception) -> str:
    """Why a text is no object. Silver writes "not parsed: " in front of it."""
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.start + 1} is not UTF-8"
    if isinstance(error, msgspec.ValidationError):
        return "it is not an object"
    for word in (b"NaN", b"Infinity"):
        if word in text:
            return f"{word.decode()} is not JSON; have it written as null"
    return str(error).removeprefix("JSON is malformed: ")

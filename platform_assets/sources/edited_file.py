"""Rows of quarantine in a file that people edit: CSV or JSON lines, all values as text, with where each row is and why."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from platform_assets.declare.names import READ_AS, REPLAY_OF, UNPARSED
from platform_assets.errors import DeclarationError
from platform_assets.kernels.judge_rows import REASONS
from platform_assets.kernels.received_types import as_text
from platform_assets.sources.replays import places_of

_LEFT_OUT = (READ_AS, "unparsed_reason")


def write_rows(frames: Sequence[pl.DataFrame], file: str) -> int:
    """How many rows were written.

    frames: rows as received, with `replay_of` and their reasons.

    Raises:
        DeclarationError: the file is there already, or its name says neither .csv nor .jsonl.
    """
    path = Path(file)
    _check_name(path)
    shown = [_as_texts(frame) for frame in frames if frame.height]
    rows = pl.concat(shown, how="diagonal") if shown else pl.DataFrame()
    try:
        with path.open("xb") as target:
            if path.suffix == ".csv":
                rows.write_csv(target)
            else:
                rows.write_ndjson(target)
    except FileExistsError:
        raise DeclarationError(f"the file {file} is there already. Name another one, or remove it.") from None
    except OSError as error:
        raise DeclarationError(f"the file {file} cannot be written: {error}") from None
    return rows.height


def edited_rows(file: str) -> pl.DataFrame:
    """The rows of an edited file, all of them text.

    Raises:
        DeclarationError: there is no such file, it cannot be read, or does not say of each row, once, where it is.
    """
    path = Path(file)
    _check_name(path)
    try:
        rows = pl.read_csv(path, infer_schema=False) if path.suffix == ".csv" else _lines(path)
    except (OSError, pl.exceptions.PolarsError, ValueError) as error:
        raise DeclarationError(f"the file {file} cannot be read: {error}") from None
    if REPLAY_OF not in rows.columns:
        raise DeclarationError(
            f"the file {file} has no column {REPLAY_OF!r}, which says where each row is. Export the rows, and edit that file."
        )
    places = places_of(rows[REPLAY_OF])
    wrong = rows.filter(pl.Series(places.select(pl.any_horizontal(pl.all().is_null())).to_series()))
    if wrong.height:
        raise DeclarationError(
            f"the file {file}: {wrong[REPLAY_OF][0]!r} in the column {REPLAY_OF!r} is no row, as 2024-03-05/1/17 is one."
        )
    if (twice := rows[REPLAY_OF].filter(rows[REPLAY_OF].is_duplicated())).len():
        raise DeclarationError(f"the file {file} has the row {twice[0]} twice. Leave one of them out.")
    return rows.drop(REASONS, strict=False)


def _lines(path: Path) -> pl.DataFrame:
    """JSON lines, all values as text: a person may write a number where a text stood."""
    import json

    found = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
    names = list(dict.fromkeys(name for row in found for name in row))
    values = {name: [_text(row.get(name)) for row in found] for name in names}
    return pl.DataFrame(values, schema=dict.fromkeys(names, pl.String()))


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)


def _as_texts(rows: pl.DataFrame) -> pl.DataFrame:
    values = [as_text(column).alias(column.name) for column in rows.drop(REASONS, REPLAY_OF, *_LEFT_OUT, strict=False)]
    if UNPARSED in rows.columns and rows[UNPARSED].null_count() == rows.height:
        values = [column for column in values if not column.name.startswith(UNPARSED)]
    return rows.select(REPLAY_OF, pl.col(REASONS).list.join("; ")).with_columns(values)


def _check_name(path: Path) -> None:
    if path.suffix not in (".csv", ".jsonl"):
        raise DeclarationError(f"the file {path}: name it .csv or .jsonl, by what is in it.")

"""The rows of a table or query of PostgreSQL, a frame at a time, in one transaction."""

from collections.abc import Iterator, Sequence

import polars as pl

from platform_assets.errors import SourceError, suggestion
from platform_assets.sources.postgres_session import Session, literal
from platform_assets.sources.postgres_sql import Column, from_clause, quoted, select_list, type_names_query, types_query


def columns_of(session: Session, table: Sequence[str], query: str, wanted: Sequence[str]) -> list[Column]:
    """The columns that are read, with their types.

    wanted: their names; empty: all.

    Raises:
        SourceError: the table or a column is not there, or may not be read.
    """
    source = from_clause(table, query)
    if table:
        _require_table(session, table)
    names = session.names(f"SELECT * FROM {source}")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None or not names:
        said = f"two of its columns are named {twice!r}: give one another name with AS" if names else "it has no columns"
        raise SourceError(f"{session.where}: {session.reads}: {said}.")
    for name in wanted:
        if name not in names:
            raise SourceError(f"{session.where}: {session.reads} has no column {name!r}. {suggestion(name, names)}")
    names = list(wanted) or names
    ((*oids,),) = session.rows(types_query(names, source))
    known: dict[int, tuple[str, str, int, bool]] = {}
    asked = set(oids)
    while asked:  # the type below a domain may be a domain
        for oid, name, kind, below, is_list in session.rows(type_names_query(sorted(asked))):
            known[oid] = name, kind, below, is_list
        asked = {below for _, kind, below, _ in known.values() if kind == "d"} - known.keys()
    return [_column(name, oid, known) for name, oid in zip(names, oids, strict=True)]


def _column(name: str, oid: int, known: dict[int, tuple[str, str, int, bool]]) -> Column:
    while known[oid][1] == "d":
        oid = known[oid][2]
    type_name, kind, _, is_list = known[oid]
    return Column(name, type_name, is_list or kind == "c")


def _require_table(session: Session, table: Sequence[str]) -> None:
    ((found,),) = session.rows(f"SELECT to_regclass({literal('.'.join(map(quoted, table)))})::text AS found")
    if found is not None:
        return
    there = session.rows(
        "SELECT n.nspname::text AS folder, c.relname::text AS name FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n "
        "ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema') "
        "AND n.nspname NOT LIKE 'pg_toast%' ORDER BY 1, 2 LIMIT 1000"
    )
    names = [f"{folder}.{name}" if len(table) > 1 else name for folder, name in there]
    listed = suggestion(".".join(table), names) if names else "The user sees no tables in this database."
    raise SourceError(f"{session.where}: there is no table {'.'.join(table)!r}. {listed}")


def frames(session: Session, table: Sequence[str], query: str, columns: Sequence[Column], condition: str) -> Iterator[pl.DataFrame]:
    """The rows for which a condition holds, at least one frame."""
    ((encoding,),) = session.rows("SELECT current_setting('server_encoding') AS encoding")
    where = f" WHERE {condition}" if condition else ""
    for frame in session.frames(
        f"SELECT {select_list(columns)} FROM {from_clause(table, query)}{where}", check_texts=encoding == "SQL_ASCII"
    ):
        yield readable(frame)


_DAY = 86_400
_FIRST, _LAST = -62_135_596_800, 253_402_300_799
"""The years 1 to 9999, in seconds since 1970: what a time in Python or Polars may be."""
_INFINITE = {
    pl.Datetime: {-(2**63) + 946_684_800_000_000 - 1: "infinity", -(2**63) + 946_684_800_000_000: "-infinity"},
    pl.Date: {-(2**31) + 10_957 - 1: "infinity", -(2**31) + 10_957: "-infinity"},
}
"""As the driver gives them: it counts from 1970 instead of 2000, and runs over."""


def readable(frame: pl.DataFrame) -> pl.DataFrame:
    """The same rows. A column with a time beyond the years 1 to 9999, which Polars cannot show, is text: `infinity`, or ISO 8601."""
    columns = []
    for values in frame:
        if values.dtype in (pl.Date, pl.Datetime):
            per_unit = _DAY if values.dtype == pl.Date else 1_000_000
            low, high = (_FIRST // _DAY, _LAST // _DAY) if values.dtype == pl.Date else (_FIRST * per_unit, (_LAST + 1) * per_unit - 1)
            if not values.to_physical().is_between(low, high).all():
                columns.append(_as_text(values, low, high))
                continue
        columns.append(values)
    return pl.DataFrame(columns) if columns else frame


def _as_text(values: pl.Series, low: int, high: int) -> pl.Series:
    from platform_assets.kernels.received_types import as_text

    physical = values.to_physical()
    fits = physical.is_between(low, high)
    inside = as_text(values.to_frame("v").select(pl.when(fits).then(pl.col("v"))).to_series())
    is_date, is_local = values.dtype == pl.Date, values.dtype == pl.Datetime("us")
    texts = [
        text if text is not None or number is None else _beyond(number, is_date, is_local)
        for text, number in zip(inside, physical, strict=True)
    ]
    return pl.Series(values.name, texts, dtype=pl.String)


def _beyond(number: int, is_date: bool, is_local: bool) -> str:
    import numpy as np

    if (text := _INFINITE[pl.Date if is_date else pl.Datetime].get(number)) is not None:
        return text
    if is_date:
        return _four_digits(str(np.datetime64(number, "D")))
    seconds, left = divmod(number if number > -(2**62) else number + 2**64, 1_000_000)  # of the last years, which run over, too
    moment = _four_digits(str(np.datetime64(seconds, "s"))).replace("T", " " if is_local else "T")
    return f"{moment}.{left:06}{'' if is_local else 'Z'}"


def _four_digits(text: str) -> str:
    """A time whose year, before the year 1, has them: -0043."""
    year, dash, rest = text.removeprefix("-").partition("-")
    return f"-{year:>04}{dash}{rest}" if text.startswith("-") else text

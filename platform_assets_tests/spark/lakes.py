"""Two lakes that were made of the same files have the same tables (semantics.md 10), and their ledgers say the same of them."""

from typing import Any

import polars as pl
from polars.testing import assert_frame_equal

from platform_assets.stores.delta import OWN, Lake
from platform_assets.stores.ledger import Entry, Ledger
from platform_assets.testing.equality import TOLERANCE

OF_THE_RUN = ("run", "artifact")
"""Columns that differ from run to run."""
OF_THE_COMMITS = ("read", "read_from", "artifact", "delta_version")
"""Details of the ledger that do."""


def tables_of(lake: Lake) -> list[tuple[str, str]]:
    """The tables of a folder."""
    from pathlib import Path

    logs = (path.parent.relative_to(lake.root).parts for path in Path(lake.root).glob("*/*/_delta_log"))
    return sorted((declaration, layer) for declaration, layer in logs if declaration != OWN)


def require_same_lake(expected: Lake, got: Lake) -> dict[str, int]:
    """How many rows each table has, once all are equal."""
    assert tables_of(got) == tables_of(expected)
    ledgers, rows = (Ledger(expected), Ledger(got)), {}
    for table in tables_of(expected):
        name = "/".join(table)
        wanted, found = (_comparable(lake.scan(table).collect()) for lake in (expected, got))
        # Columns of a Delta table stand in the order in which they were first written.
        assert set(found.columns) == set(wanted.columns), name
        wanted, found = _sorted(wanted), _sorted(found.select(wanted.columns))
        try:
            assert_frame_equal(wanted, found, rel_tol=TOLERANCE, abs_tol=0.0)
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from None
        entries = [{key: _told(entry) for key, entry in ledger.entries(name).items()} for ledger in ledgers]
        assert entries[1].keys() == entries[0].keys(), name
        for key, told in entries[0].items():
            _require_same(f"the ledger on {name} {key}", told, entries[1][key])
        rows[name] = wanted.height
    return rows


def _comparable(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.drop(column for column in OF_THE_RUN if column in frame.columns)


def _sorted(frame: pl.DataFrame) -> pl.DataFrame:
    """By everything that can be sorted and is not a sum: floats are compared, not equal."""
    simple = [name for name, dtype in frame.schema.items() if not dtype.is_nested() and not dtype.is_float()]
    floats = [name for name, dtype in frame.schema.items() if dtype.is_float()]
    return frame.sort([*simple, *floats], nulls_last=True)


def _told(entry: Entry) -> dict[str, Any]:
    details = {name: value for name, value in entry.details.items() if name not in OF_THE_COMMITS}
    return {"rows": entry.rows, "status": entry.status, "tier": entry.tier, "version": entry.declaration_version, **details}


def _require_same(where: str, expected: Any, got: Any) -> None:
    """Numbers in the ledger are means, too."""
    if isinstance(expected, dict) and isinstance(got, dict):
        assert got.keys() == expected.keys(), f"{where}: {sorted(got)}, expected {sorted(expected)}"
        for name, value in expected.items():
            _require_same(f"{where}, {name}", value, got[name])
    elif isinstance(expected, float) and isinstance(got, float):
        assert abs(expected - got) <= TOLERANCE * max(abs(expected), abs(got)), f"{where}: {got!r}, expected {expected!r}"
    else:
        assert got == expected, f"{where}: {got!r}, expected {expected!r}"

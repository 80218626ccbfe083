"""A cache of ledger rows. A Delta table's files never change, so only files of new commits are read.

A missing, damaged or replaced file is noticed at the next read: its inode, size and times are compared. In
an object store only its name is compared.
"""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

import polars as pl

from platform_assets.stores.commits import files_of
from platform_assets.stores.damage import Scanned, check_before_reading
from platform_assets.stores.delta import Lake, Table
from platform_assets.stores.delta_table import OpenTable
from platform_assets.stores.open_tables import KEPT
from platform_assets.stores.storage import Mark

Key = TypeVar("Key")
Value = TypeVar("Value")
_BYTES = 1 << 28
"""The size of the cache in bytes: beyond it, the least recently read tables are evicted."""


class Known(Generic[Key, Value]):
    """A cache of 128 keys whose values are valid as long as the objects they were derived from are the same."""

    def __init__(self) -> None:
        self._found: OrderedDict[Key, tuple[tuple[object, ...], Value]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Key, made_of: tuple[object, ...]) -> Value | None:
        """The cached value of a key, if it was derived from these same objects."""
        with self._lock:
            of, value = self._found.get(key, ((), None))
        return value if len(of) == len(made_of) and all(then is now for then, now in zip(of, made_of, strict=True)) else None

    def keep(self, key: Key, made_of: tuple[object, ...], value: Value) -> None:
        """Caches a value, unless one of the objects is None: then changes could not be detected."""
        if any(one is None for one in made_of):
            return
        with self._lock:
            self._found[key] = (made_of, value)
            self._found.move_to_end(key)
            if len(self._found) > KEPT:
                self._found.popitem(last=False)


@dataclass(frozen=True)
class _Read:
    files: Mapping[str, Mark]
    rows: pl.DataFrame


_read: OrderedDict[tuple[str, str], _Read] = OrderedDict()
_lock = threading.Lock()


def read_rows(lake: Lake, ledger: Table, delta: OpenTable, table: str, schema: pl.Schema) -> pl.DataFrame:
    """The ledger's rows about a table. The same object as long as there are no new rows.

    delta: the open ledger. schema: the columns to read; those missing in a file are null.

    Raises:
        DamagedError: files are missing or have the wrong size.
    """
    storage, key = lake.storage(ledger), (lake.uri(ledger), table)
    files = files_of(delta, value=table)
    marks = {file.path: storage.mark(file.path) if storage.is_local else None for file in files}
    with _lock:
        before = _read.get(key, _Read({}, pl.DataFrame(schema=schema)))
    if marks == before.files:
        return before.rows
    # Compacted files are gone, and their rows are in another file: then all files are read.
    is_longer = before.files.items() <= marks.items()
    new = [file for file in files if not is_longer or file.path not in before.files]
    check_before_reading(Scanned(ledger, storage, tuple(new)))
    rows = pl.scan_parquet(
        [storage.path(file.path) for file in new],
        schema={column: dtype for column, dtype in schema.items() if column != "table"},
        missing_columns="insert",
        extra_columns="ignore",
        hive_partitioning=False,
        glob=False,
        storage_options=lake.polars_options,
    )
    found = rows.with_columns(pl.lit(table).alias("table")).select(schema.names()).collect()
    now = _Read(marks, pl.concat([before.rows, found], rechunk=True) if is_longer else found)
    with _lock:
        _read[key] = now
        _read.move_to_end(key)
        while len(_read) > 1 and sum(read.rows.estimated_size() for read in _read.values()) > _BYTES:
            _read.popitem(last=False)
    return now.rows

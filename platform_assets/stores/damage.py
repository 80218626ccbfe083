"""Damaged data files: files needed by a read that are missing, have the wrong size, or cannot be decoded.

A scan checks sizes before anything is read, because a Parquet file shorter than the log says makes Polars panic, which ends a
stream of batches as if there were no more rows. File contents are checked only after a read has failed.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from platform_assets.errors import DamagedError, is_failure
from platform_assets.stores.commits import DataFile
from platform_assets.stores.storage import Storage, with_credentials_hidden
from platform_assets.stores.tables import Moment, Table, name_of
from platform_assets.stores.transaction_log import first_line


@dataclass(frozen=True)
class Damage:
    """A partition whose rows cannot be read, or are not those that were written."""

    table: str
    """The table, such as 'orders/silver'."""
    partition: str
    what: str
    """The damage, as a clause: "its file part-0.parquet is missing"."""
    module: str = "your_module"
    """The module that Dagster loads, if known: for the command."""

    def __str__(self) -> str:
        return f"{self.table} {self.partition}, which is damaged: {self.what}. {self.fix}"

    @property
    def fix(self) -> str:
        """How to rematerialize the partition."""
        origin = "its source is read again" if self.table.endswith("/raw") else "it is computed again from what it reads"
        command = f"dagster asset materialize -m {self.module} --select 'key:\"{self.table}\"' --partition {self.partition}"
        return f"Materialize it, and {origin}: {command}. See all damage: platform-assets verify {self.table}"


def damaged(found: Sequence[Damage], reader: str = "") -> DamagedError:
    """One error for some damaged partitions. reader: what needs them."""
    more = f" And {len(found) - 1} more partitions: {', '.join(f'{d.table} {d.partition}' for d in found[1:4])}" if len(found) > 1 else ""
    more += " ..." if len(found) > 4 else ""
    said = f"{reader} needs {found[0]}" if reader else str(found[0])
    return DamagedError(f"{said}{more}", found)


@dataclass(frozen=True)
class Scanned:
    """The files that a scan will read."""

    table: Table
    storage: Storage
    files: tuple[DataFile, ...]


_watched: ContextVar[tuple[list[Scanned], Collection[tuple[str, str]]] | None] = ContextVar("scans", default=None)


@contextmanager
def watched_scans(left_out: Collection[tuple[str, str]] = ()) -> Iterator[list[Scanned]]:
    """Collects the scans made within the context, for `damage_in` after a failure.

    left_out: partitions, as (table, key), known to be damaged. Scans of a span around them leave them out, because whatever needs
    them has already been refused.
    """
    scans: list[Scanned] = []
    token = _watched.set((scans, left_out))
    try:
        yield scans
    finally:
        _watched.reset(token)


def check_before_reading(scanned: Scanned) -> list[Moment]:
    """Records a scan, and refuses it if files are missing or do not have the size in the log. Returns the partitions to leave out.

    In an object store, where each check is a request and files are never truncated, files are checked only after a failed read.

    Raises:
        DamagedError: lists all such partitions.
    """
    without: list[Moment] = []
    if (watched := _watched.get()) is not None:
        scans, left_out = watched
        if left_out:
            table = name_of(scanned.table)
            out = [file for file in scanned.files if (table, file.partition) in left_out]
            without = list({file.value for file in out if not isinstance(file.value, str | None)})
            scanned = replace(scanned, files=tuple(file for file in scanned.files if file not in out))
        scans.append(scanned)
    if scanned.storage.is_local and (found := list(_of_each_partition(scanned, _sizes(scanned)))):
        raise damaged(found)
    return without


def damage_in(scans: Iterable[Scanned]) -> list[Damage]:
    """The damaged partitions among the files of a failed read: found by sizes and footers, or if these are right, by decoding."""
    several = list(scans)
    for look in (_sizes, _footers, _contents):
        if found := [one for scanned in several for one in _of_each_partition(scanned, look(scanned))]:
            return list({(one.table, one.partition): one for one in found}.values())
    return []


def damage_at_a_glance(scanned: Scanned) -> list[Damage]:
    """The partitions with a file whose size or footer differs from the log."""
    sizes = list(_sizes(scanned))
    wrong = {file.path for file, _ in sizes}
    rest = Scanned(scanned.table, scanned.storage, tuple(file for file in scanned.files if file.path not in wrong))
    return list(_of_each_partition(scanned, [*sizes, *_footers(rest)]))


@contextmanager
def damage_named() -> Iterator[None]:
    """Turns a failed read within the context into a DamagedError, if its files are damaged. Credentials are hidden in all errors."""
    with watched_scans() as scans:
        try:
            yield
        except BaseException as error:
            if isinstance(error, DamagedError) or not is_failure(error):
                raise
            if found := damage_in(scans):
                raise damaged(found) from None
            if hidden := with_credentials_hidden(error, [scanned.storage for scanned in scans]):
                raise hidden from None
            raise


def _of_each_partition(scanned: Scanned, faults: Iterable[tuple[DataFile, str]]) -> Iterator[Damage]:
    """The damage of each partition, with its first damaged file."""
    named: set[str] = set()
    for file, what in faults:
        key = file.partition or ""
        if key not in named:
            named.add(key)
            yield Damage(name_of(scanned.table), key, f"its file {scanned.storage.path(file.path)} {what}")


def _sizes(scanned: Scanned) -> Iterator[tuple[DataFile, str]]:
    sizes = scanned.storage.sizes(file.path for file in scanned.files)
    for file in scanned.files:
        size = sizes.get(file.path)
        if size is None:
            yield file, "is missing"
        elif size != file.bytes:
            yield file, f"has {size:,} bytes, the log says {file.bytes:,}" if size else f"is empty, the log says {file.bytes:,} bytes"


def _footers(scanned: Scanned) -> Iterator[tuple[DataFile, str]]:
    for file in scanned.files:
        if why := footer_fault(scanned.storage, file):
            yield file, why


def _contents(scanned: Scanned) -> Iterator[tuple[DataFile, str]]:
    for file in scanned.files:
        if why := content_fault(scanned.storage, file):
            yield file, why


def footer_fault(storage: Storage, file: DataFile) -> str | None:
    """The fault in a file's footer; None if it is readable and has the row count in the log."""
    try:
        with _parquet(storage, file) as parquet:
            rows = parquet.metadata.num_rows
    except Exception as error:
        return f"is no longer a Parquet file ({first_line(error)})"
    return f"has {rows:,} rows, the log says {file.rows:,}" if file.rows is not None and rows != file.rows else None


def content_fault(storage: Storage, file: DataFile) -> str | None:
    """The fault in a file's pages; None if all can be decoded. Holds one batch of rows at a time."""
    try:
        with _parquet(storage, file) as parquet:
            for _ in parquet.iter_batches(batch_size=65_536):
                pass
        if storage.is_local:
            pl.scan_parquet(storage.path(file.path), glob=False, hive_partitioning=False).sink_batches(_nothing)
    except BaseException as error:
        if not is_failure(error):
            raise
        return f"cannot be decoded ({first_line(error)})"
    return None


def _nothing(batch: pl.DataFrame) -> None:
    """Discards a batch that only had to be decoded."""


@contextmanager
def _parquet(storage: Storage, file: DataFile) -> Iterator[Any]:
    import pyarrow.parquet as pq

    with storage.open(file.path) as opened, pq.ParquetFile(opened) as parquet:
        yield parquet

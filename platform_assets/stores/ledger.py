"""The ledger: one Delta table that records what was last written to every partition of every table, and by which run (semantics.md 3).

Nothing in it is ordered by a clock, since machines disagree about the time: among entries about the same Delta version of a table the one
appended to the later version of the ledger counts, and a recreated table is recognized by its id.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import polars as pl
from deltalake import write_deltalake
from deltalake.exceptions import CommitFailedError

from platform_assets.errors import DamagedError, LakeError
from platform_assets.stores.commits import Commit, files_of, named_by_partition
from platform_assets.stores.damage import Damage, damage_named
from platform_assets.stores.delta import OWN, Lake, wait_for_others
from platform_assets.stores.delta_table import OpenTable, create_table
from platform_assets.stores.ledger_consistency import contradictions
from platform_assets.stores.ledger_rows import Known, read_rows
from platform_assets.stores.location import check_writers
from platform_assets.stores.tables import Table, name_of, table_named

LEDGER: Table = (OWN, "ledger")

SCHEMA = pl.Schema(
    {
        "table": pl.String(),
        "partition": pl.String(),
        "delta_version": pl.Int64(),
        "declaration_version": pl.String(),
        "rows": pl.Int64(),
        "status": pl.String(),
        "tier": pl.String(),
        "run": pl.String(),
        "details": pl.String(),
        "recovered": pl.Boolean(),
        "recorded_at": pl.Datetime("us", "UTC"),
        "table_id": pl.String(),
        "ledger_version": pl.Int64(),
        "files": pl.String(),
    }
)
_ADDED_LATER = ("files",)
"""Columns that ledgers written by earlier releases do not have."""
ROWS_SINCE = "rows_since"
"""A detail of a partition that was rewritten with the same rows: the Delta version that first wrote them."""
FAILED, FAILURES = "FAILED", "/_failures"
"""The tier and status of a partition of raw whose delivery could not be received; and the suffix of the table name under which the ledger
records it: it is not a commit of the table."""
LOST = "lost"
"""The status of a partition whose damaged files were removed from its table: it must be rematerialized."""
_OF_THE_ROW = ("recovered", "recorded_at", "table_id", "ledger_version")  # about the row, not the partition
_SAID = pl.Schema({name: dtype for name, dtype in SCHEMA.items() if name not in ("table_id", "ledger_version")})

_NO_ROWS = pl.DataFrame(schema=SCHEMA)
_TRIES = 20
_NO_PARTITION = ""
"""Marks the row of a commit without partition facts, so that it is read only once."""
FILES_OF_A_TABLE = 64
"""More files than this are compacted when an entry is appended."""


@dataclass(frozen=True)
class Entry:
    """The ledger's entry of a partition: what was last written, and by which run."""

    table: str
    """The table, such as 'orders/silver'."""
    partition: str
    delta_version: int
    declaration_version: str
    rows: int
    status: str = "ok"
    tier: str = ""
    run: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    files: str | None = field(default=None, compare=False)
    """The names of its data files, separated by commas; None if they were not recorded."""
    damage: str = ""
    """Why its rows cannot be trusted, as a clause; empty if it is undamaged. Checked at each read."""

    @property
    def rows_since(self) -> int:
        """The Delta version since which it has these rows: earlier than the last write if that did not change them."""
        return int(self.details.get(ROWS_SINCE, self.delta_version))


_KNOWN: Known[tuple[str, str], dict[str, Entry]] = Known()
"""The newest entries that this process has read, by lake and table."""


class Ledger:
    """Reads and appends entries; existing ones are never changed.

    A step appends its entries after its data. If a process died between the two, or is still running, the entries are derived from
    the commit of the data; the next `record` by anyone who has read them writes them.
    """

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._recovered: dict[tuple[str, int], list[Entry]] = {}
        self._read: dict[str, dict[str, Entry]] | None = None
        self._distrusted: dict[tuple[str, str], tuple[int, str]] = {}

    def read_once(self) -> "Ledger":
        """A ledger for reading many tables: each table's entries are read once and then stay fixed."""
        ledger = Ledger(self._lake)
        ledger._read = {}
        return ledger

    def record(self, entries: Iterable[Entry]) -> None:
        """Appends the entries of a step, plus those found missing when this ledger was read, in one commit.

        Raises:
            LakeError: details are not JSON, or there are too many other writers.
        """
        recovered, now, made = dict(self._recovered), datetime.now(UTC), list(entries)
        rows = [_row(entry, False, now) for entry in made]
        for (table, version), found in recovered.items():
            rows += [_row(entry, True, now) for entry in found or [Entry(table, _NO_PARTITION, version, "", 0, status="no facts")]]
        if not rows:
            return
        written = sorted({entry["table"] for entry in rows})
        ids = pl.DataFrame({"table": written, "table_id": [self._lake.identity(table_named(table)) or "" for table in written]})
        self._append(pl.DataFrame(rows, schema=_SAID).join(ids, on="table", how="left", maintain_order="left"))
        for key in recovered:
            self._recovered.pop(key, None)
        for entry in made:
            noted = self._distrusted.get((entry.table, entry.partition))
            if noted is not None and noted[0] < entry.delta_version:  # its files are others now
                del self._distrusted[entry.table, entry.partition]

    def entries(self, table: str, at_version: int | None = None) -> dict[str, Entry]:
        """The entry of each partition of a table ('orders/silver') by key: the one with the highest Delta version.

        at_version: only writes up to this Delta version of the table.
        """
        if self._read is None or at_version is not None:
            return self._entries(table, at_version)
        if table not in self._read:
            self._read[table] = self._entries(table, None)
        return self._read[table]

    def _entries(self, table: str, at_version: int | None) -> dict[str, Entry]:
        delta = self._lake.log(table_named(table))
        if delta is None:
            self._check_never_written(table)
            return {}
        end = delta.version()
        last = end if at_version is None else min(at_version, end)
        all_rows = self._rows(table)
        key, made_of = (self._lake.root, table), (delta.state, all_rows)
        if last == end and (found := _KNOWN.get(key, made_of)) is not None:
            return self._with_distrust(table, found)
        # A recreated table starts again at version 0: entries of the old table do not apply.
        rows = all_rows.filter(pl.col("table_id") == str(delta.metadata().id))
        self._check_end(table, end, rows)
        rows = rows.filter(pl.col("delta_version") <= last)
        known = set(rows["delta_version"].unique())
        lost = [entry for version in range(last + 1) if version not in known for entry in self._recover(table, version)]
        newest = (
            rows.filter(pl.col("partition") != _NO_PARTITION)
            .sort("delta_version", ~pl.col("recovered"), "ledger_version", "recorded_at")
            .unique("partition", keep="last")
        )
        found = {entry.partition: entry for entry in _entries(newest)}
        for entry in lost:
            if entry.partition not in found or found[entry.partition].delta_version < entry.delta_version:
                found[entry.partition] = entry
        if last < end:
            delta = self._lake.open(table_named(table), last) if last >= 0 else None
        judged = self._judged(table, delta, dict(sorted(found.items())))
        if not lost and last == end:
            _KNOWN.keep(key, made_of, judged)
        return self._with_distrust(table, judged)

    def record_failures(self, table: str, failures: Mapping[str, str], received: Collection[str], run: str, at: str) -> None:
        """Notes why partitions of a table could not be received, by key; and that others were, which had failed before."""
        known = self.failures(table)
        new = {key: why for key, why in failures.items() if key not in known or known[key].details["why"] != why}
        entries = [Entry(table + FAILURES, key, -1, "", 0, FAILED, FAILED, run, {"why": why, "at": at}) for key, why in new.items()]
        self.record([*entries, *(Entry(table + FAILURES, key, -1, "", 0, run=run) for key in received if key in known)])

    def failures(self, table: str) -> dict[str, Entry]:
        """The partitions of a table whose last delivery could not be received, by key: `why` and `at` are in the details."""
        rows = self._rows(table + FAILURES)
        newest = rows.sort("ledger_version", "recorded_at").unique("partition", keep="last").sort("partition")
        return {entry.partition: entry for entry in _entries(newest.filter(pl.col("status") == FAILED))}

    def recorded_since(self, table: str, moment: datetime) -> dict[str, Entry]:
        """The partitions of a table, or its failures, of which something was recorded since a moment, by the clocks of those who did."""
        rows = self._rows(table).filter(pl.col("recorded_at") >= moment)
        recent, of = set(rows["partition"].unique()), table.removesuffix(FAILURES)
        entries = self.entries(table) if of == table else self.failures(of)
        return {key: entry for key, entry in entries.items() if key in recent}

    def tables(self) -> list[str]:
        """The names of all tables with an entry in the ledger, except for successors that have ended."""
        ledger = self._ledger()
        names = [] if ledger is None else sorted({file.partition or "" for file in files_of(ledger)})
        return [name for name in names if name.count("/") == 1 or self._lake.exists(table_named(name))]

    def last_version(self, table: str) -> int:
        """The last Delta version in the ledger of a table since it was last created; -1 if there is none."""
        rows = self._rows(table)
        latest = rows.sort("ledger_version").tail(1)["table_id"]
        return max(rows.filter(pl.col("table_id").is_in(latest.implode()))["delta_version"].to_list(), default=-1)

    def unrecorded(self, table: str) -> list[int]:
        """The Delta versions whose entries were read from the commits because they are missing in the ledger."""
        return sorted(version for name, version in self._recovered if name == table)

    def distrust(self, damages: Iterable[Damage]) -> bool:
        """Records damage found while reading rows: `entries` reports it from now on. False: all of it was already known."""
        new = {(one.table, one.partition): one.what for one in damages if (one.table, one.partition) not in self._distrusted}
        for (table, partition), what in new.items():
            version = self._lake.version(table_named(table))
            self._distrusted[table, partition] = (-1 if version is None else version, what)
        return bool(new)

    @property
    def distrusted(self) -> Collection[tuple[str, str]]:
        """The partitions whose files could not be read, as (table, key)."""
        return self._distrusted.keys()

    def _judged(self, table: str, delta: OpenTable | None, entries: dict[str, Entry]) -> dict[str, Entry]:
        """The entries, with the damage of those that contradict the log or whose files were lost."""
        if delta is None:
            return entries
        found = contradictions(delta, entries, partial(self._lake.commit, table_named(table)))
        found |= {key: entry.details.get("damage", "its files were lost") for key, entry in entries.items() if entry.status == LOST}
        return {key: replace(entry, damage=found[key]) if key in found else entry for key, entry in entries.items()}

    def _with_distrust(self, table: str, entries: Mapping[str, Entry]) -> dict[str, Entry]:
        """The entries, with the damage of those whose files could not be read."""
        entries = dict(entries)
        for (of, key), (version, what) in self._distrusted.items():
            if of == table and key in entries and not entries[key].damage and entries[key].delta_version <= version:
                entries[key] = replace(entries[key], damage=what)
        return entries

    def _check_end(self, table: str, newest: int, rows: pl.DataFrame) -> None:
        """Raises a LakeError if the log ends before commits that are in the ledger: its last entries, and so their data, are gone."""
        later = rows.filter(pl.col("delta_version") > newest).select("delta_version", "partition").rows()
        known = max((version for version, _ in later), default=newest)
        # Another run may have written since the log was opened.
        if not later or (self._lake.version(table_named(table)) or 0) >= known:
            return
        keys = sorted({partition for _, partition in later})
        raise LakeError(
            f"{table}: its log ends at Delta version {newest}, but the ledger has version {known}: the last log entries "
            f"are missing, and with them what they wrote to {', '.join(keys[:3])}{' ...' if len(keys) > 3 else ''}. Nothing was read. "
            f"Restore {self._lake.uri(table_named(table))}/_delta_log from a backup, or repair the table from what is left: "
            f"platform-assets verify {table} --repair"
        )

    def _check_never_written(self, table: str) -> None:
        """Raises a LakeError if a table in the ledger has files but no log: someone who removes a table removes all of it."""
        if not self._rows(table).is_empty() and self._lake.storage(table_named(table)).files():
            raise LakeError(
                f"{table}: its log is missing, {self._lake.uri(table_named(table))}/_delta_log, although the table has files. "
                f"Restore it from a backup, or have the rest set aside and rematerialize the table: platform-assets verify {table} --repair"
            )

    def all_entries(self) -> dict[str, dict[str, Entry]]:
        """The entries of every table in the ledger, by table name."""
        return {table: self.entries(table) for table in self.tables()}

    def _recover(self, table: str, version: int) -> Sequence[Entry]:
        if (table, version) not in self._recovered:
            self._recovered[table, version] = _entries_of(table, self._lake.commit(table_named(table), version))
        return self._recovered[table, version]

    def _ledger(self) -> OpenTable | None:
        """The open ledger; None if there is none with table ids: it is then rebuilt from the tables' commits."""
        delta = self._lake.log(LEDGER)
        # A ledger written by an earlier release may have fewer columns.
        is_readable = delta is not None and set(SCHEMA).difference(_ADDED_LATER) <= {field.name for field in delta.schema().fields}
        return delta if is_readable else None

    def _rows(self, table: str) -> pl.DataFrame:
        """The ledger's rows about a table, including those from before it was recreated."""
        try:
            with damage_named():
                ledger = self._ledger()
                return _NO_ROWS if ledger is None else read_rows(self._lake, LEDGER, ledger, table, SCHEMA)
        except DamagedError as error:
            raise LakeError(
                f"the ledger is damaged: {error}. Restore it from a backup, or repair it from the commits of the tables: "
                "platform-assets verify --repair"
            ) from None

    def _append(self, rows: pl.DataFrame) -> None:
        for attempt in range(_TRIES):
            try:
                self._write(rows)
                return
            except CommitFailedError as error:
                failed = error
                wait_for_others(attempt)
        raise LakeError(
            f"{name_of(LEDGER)}: {_TRIES} times another writer was faster. The data is written; the next step completes the ledger."
        ) from failed

    def _write(self, rows: pl.DataFrame) -> None:
        with self._lake.writing(LEDGER) as delta:
            if delta is None:
                check_writers(self._lake.root, self._lake.storage_options)
                create_table(self._lake.uri(LEDGER), _after(rows, -1), ["table"], {}, self._lake.storage_options)
            else:
                write_deltalake(delta, _after(rows, delta.version()), mode="append", schema_mode="merge")
                _compact(delta, rows["table"].unique().to_list())


def _after(rows: pl.DataFrame, version: int) -> pl.DataFrame:
    """The rows as appended, numbered after the version that was read before writing."""
    return rows.with_columns(pl.lit(version, pl.Int64).alias("ledger_version")).select(SCHEMA.names())


def _compact(delta: OpenTable, tables: Sequence[str]) -> None:
    """Compacts the small files of a table's entries: reading 2,000 of them costs ten times as much as their content."""
    files = delta.alive()["partition.table"].value_counts()
    for table in files.filter(pl.col("count") > FILES_OF_A_TABLE, pl.col("partition.table").is_in(tables))["partition.table"]:
        try:
            delta.optimize.compact(partition_filters=[("table", "=", table)])
        except CommitFailedError:  # another process is compacting or has just appended: retried at a later append
            return


def _entries_of(table: str, commit: Commit | None) -> list[Entry]:
    if commit is None:
        return []
    named = named_by_partition(commit.added)
    return [
        Entry(
            table,
            fact.partition,
            commit.version,
            commit.declaration_version,
            fact.rows,
            fact.status,
            fact.tier,
            commit.run,
            fact.details,
            named.get(fact.partition, ""),
        )
        for fact in commit.facts
    ]


def _row(entry: Entry, recovered: bool, now: datetime) -> dict[str, Any]:
    try:
        details = json.dumps(dict(entry.details))
    except TypeError as error:
        raise LakeError(f"{entry.table} {entry.partition}: details must be JSON: {error}. Write times as strings.") from None
    said = {name: getattr(entry, name) for name in _SAID if name not in ("details", "recovered", "recorded_at")}
    return {**said, "details": details, "recovered": recovered, "recorded_at": now}


def _entries(rows: pl.DataFrame) -> Iterator[Entry]:
    # All details at once: one parser call per entry takes four times as long.
    details = json.loads(f"[{','.join(rows['details'])}]")
    for row, detail in zip(rows.drop("details", *_OF_THE_ROW).iter_rows(named=True), details, strict=True):
        yield Entry(**row, details=detail)

"""Reads a commit of a Delta table: the facts that the platform stored in it, and the files it added and removed.

A commit is a small file of JSON lines, as described by the Delta protocol; it is read on its own, whatever the length of the history.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import unquote

import polars as pl

from platform_assets.errors import LakeError
from platform_assets.stores.delta_table import OpenTable
from platform_assets.stores.storage import Storage
from platform_assets.stores.tables import Moment, PartitionFacts, Span, key_of

_FACTS = "platform_facts"
SAME_ROWS = "platform_same_rows"
"""A property of commits that rewrote all rows in wider types without changing them."""


@dataclass(frozen=True)
class DataFile:
    """A Parquet file of a table and the partition it belongs to."""

    path: str
    """The path relative to the table."""
    value: Moment | str | None
    """The partition value: text in the ledger, which is partitioned by table."""
    bytes: int
    rows: int | None = None
    """The number of rows; None if it is not in the log."""

    @property
    def partition(self) -> str | None:
        """The partition's key."""
        return None if self.value is None else _key(self.value)

    @property
    def name(self) -> str:
        """The file name without folders; unique among all files ever written."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True)
class Commit:
    """One version of a table."""

    version: int
    run: str
    declaration_version: str
    facts: tuple[PartitionFacts, ...]
    """Empty for a commit by other software, such as an optimize."""
    added: tuple[DataFile, ...]
    """The added files, without those that only rearrange existing rows."""
    changed: frozenset[str]
    """Keys of the partitions whose rows it may have changed: those of its facts and of files added or removed."""
    schema: pl.Schema | None = None
    """The table's columns from this commit on, if it changed them."""


def commit_properties(facts: Sequence[PartitionFacts], declaration_version: str, run: str) -> dict[str, str]:
    """The properties of a commit, from which people and the ledger can later tell what it did."""
    try:
        text = json.dumps({"declaration_version": declaration_version, "partitions": [asdict(fact) for fact in facts]})
    except TypeError as error:
        raise LakeError(
            f"the details of a partition must be JSON, so that the ledger can store them unchanged: {error}. Write times as strings."
        ) from None
    return {"run": run, "partitions": ",".join(fact.partition for fact in facts), _FACTS: text}


def read_commit(storage: Storage, version: int) -> Commit | None:
    """A commit of a table; None if its log entry does not exist, or no longer."""
    actions = read_actions(storage, version)
    return None if actions is None else _commit(version, actions)


def read_actions(storage: Storage, version: int) -> list[dict[str, Any]] | None:
    """The actions of a commit as defined by the Delta protocol; None if its log entry does not exist, or no longer."""
    path = f"_delta_log/{version:020d}.json"
    try:
        content = storage.read(path)
    except FileNotFoundError:
        return None
    try:
        return [json.loads(line) for line in content.decode().splitlines() if line]
    except ValueError as error:
        raise LakeError(
            f"the log entry {storage.path(path)} is truncated or overwritten ({error}). Restore it from a backup, or repair the table "
            f"from what is left: platform-assets verify {'/'.join(storage.uri.split('/')[-2:])} --repair"
        ) from None


def files_of(delta: OpenTable, span: Span | None = None, value: str | None = None) -> list[DataFile]:
    """The data files of an open table, a span of its partitions, or a partition of text, from its log; no data file is read."""
    files = _alive(delta)
    files = files if span is None else files.filter(span.holds("value"))
    files = files if value is None else files.filter(pl.col("value") == value)
    return [DataFile(relative_path(path), value, size, rows) for path, value, size, rows in files.iter_rows()]


def stored_by_partition(delta: OpenTable) -> dict[str, tuple[int | None, str]]:
    """For each partition of an open table, the row count of its files (None if not in the log) and the files' names."""
    name, rows = pl.col("path").str.split("/").list.last(), pl.col("rows")
    counted = pl.when(rows.null_count() == 0).then(rows.sum()).alias("rows")
    grouped = _alive(delta).group_by("value").agg(counted, name.sort().str.join(",").alias("names"))
    return {_key(value): (count, names) for value, count, names in grouped.iter_rows()}


def _key(value: Moment | str | None) -> str:
    """The key of a partition; empty for a table without partitions or with two partition columns."""
    return value or "" if isinstance(value, str | None) else key_of(value)


def _alive(delta: OpenTable) -> pl.DataFrame:
    actions = delta.alive()
    by = delta.metadata().partition_columns
    # Tables of users' own assets may have no partitions, or two partition columns.
    value = pl.col(f"partition.{by[0]}") if len(by) == 1 else pl.lit(None, pl.String)
    return actions.select("path", value.alias("value"), "size_bytes", pl.col("num_records").alias("rows"))


def _commit(version: int, actions: Sequence[Mapping[str, Any]]) -> Commit:
    info: Mapping[str, Any] = next((action["commitInfo"] for action in actions if "commitInfo" in action), {})
    said: dict[str, Any] = json.loads(info[_FACTS]) if _FACTS in info else {"declaration_version": "", "partitions": []}
    facts = tuple(PartitionFacts(**fact) for fact in said["partitions"])
    moved = [(kind, action[kind]) for action in actions for kind in ("add", "remove") if action.get(kind, {}).get("dataChange")]
    moved = [] if SAME_ROWS in info else moved
    files = [
        (kind, DataFile(relative_path(file["path"]), _value(file.get("partitionValues")), file.get("size") or 0, _rows(file)))
        for kind, file in moved
    ]
    return Commit(
        version,
        info.get("run", ""),
        said["declaration_version"],
        facts,
        added=tuple(file for kind, file in files if kind == "add"),
        changed=frozenset({fact.partition for fact in facts} | {file.partition for _, file in files if file.partition is not None}),
        schema=next((_schema(action["metaData"]) for action in actions if "metaData" in action), None),
    )


def _schema(metadata: Mapping[str, Any]) -> pl.Schema:
    from deltalake import Schema

    return pl.Schema(Schema.from_json(metadata["schemaString"]))


def relative_path(path: str) -> str:
    """Decodes a path of the log, where paths are URL-encoded: the % in the folder name of an hour becomes %25 there."""
    return unquote(path)


def named_by_partition(files: Iterable[DataFile]) -> dict[str, str]:
    """The names of the files of each partition, as stored in the ledger."""
    found: dict[str, list[str]] = {}
    for file in files:
        found.setdefault(file.partition or "", []).append(file.name)
    return {key: ",".join(sorted(names)) for key, names in found.items()}


def _rows(file: Mapping[str, Any]) -> int | None:
    counted = json.loads(file.get("stats") or "{}").get("numRecords")
    return counted if isinstance(counted, int) else None


def _value(values: Mapping[str, str | None] | None) -> Moment | None:
    text = next(iter((values or {}).values()), None)
    if text is None:
        return None
    return date.fromisoformat(text) if len(text) == len("2024-01-31") else datetime.fromisoformat(text).replace(tzinfo=UTC)

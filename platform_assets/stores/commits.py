"""What one commit of a Delta table says: the facts that the platform put into it, and the files that it added and removed.

A commit is a small file of JSON lines, as the Delta protocol describes it; one is read alone, whatever the length of the history.
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
"""Stands in the properties of a commit that has written all rows anew and changed none: in wider types."""


@dataclass(frozen=True)
class DataFile:
    """A Parquet file of a table, with the partition whose rows it holds."""

    path: str
    """Relative to the table."""
    value: Moment | str | None
    """Text in the ledger, which is partitioned by table."""
    bytes: int
    rows: int | None = None
    """None where the log does not count them."""

    @property
    def partition(self) -> str | None:
        """The partition's key."""
        return None if self.value is None else _key(self.value)

    @property
    def name(self) -> str:
        """Without folders: another one for every file that is ever written."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True)
class Commit:
    """One version of a table."""

    version: int
    run: str
    declaration_version: str
    facts: tuple[PartitionFacts, ...]
    """Empty for a commit that is not the platform's, such as an optimize."""
    added: tuple[DataFile, ...]
    """Without files that only rearrange rows that were there."""
    changed: frozenset[str]
    """Keys of the partitions whose rows it may have changed: those of its facts, and those of files added or removed."""
    schema: pl.Schema | None = None
    """The table's columns since this commit, if it has said so."""


def commit_properties(facts: Sequence[PartitionFacts], declaration_version: str, run: str) -> dict[str, str]:
    """What goes into a commit, so that it can be told later what it was, by people and by the ledger."""
    try:
        text = json.dumps({"declaration_version": declaration_version, "partitions": [asdict(fact) for fact in facts]})
    except TypeError as error:
        raise LakeError(
            f"the details of a partition must be JSON, so that the ledger keeps them as they are: {error}. Write times as text."
        ) from None
    return {"run": run, "partitions": ",".join(fact.partition for fact in facts), _FACTS: text}


def read_commit(storage: Storage, version: int) -> Commit | None:
    """A commit of a table; None when its log entry does not exist (any more)."""
    actions = read_actions(storage, version)
    return None if actions is None else _commit(version, actions)


def read_actions(storage: Storage, version: int) -> list[dict[str, Any]] | None:
    """The actions of a commit as the Delta protocol has them; None when its log entry does not exist (any more)."""
    path = f"_delta_log/{version:020d}.json"
    try:
        content = storage.read(path)
    except FileNotFoundError:
        return None
    try:
        return [json.loads(line) for line in content.decode().splitlines() if line]
    except ValueError as error:
        raise LakeError(
            f"the log entry {storage.path(path)} is cut or overwritten ({error}). Restore it from a backup, or repair the table from what "
            f"is there: platform-assets verify {'/'.join(storage.uri.split('/')[-2:])} --repair"
        ) from None


def files_of(delta: OpenTable, span: Span | None = None, value: str | None = None) -> list[DataFile]:
    """The data files of an open table, of a span of its partitions, or of one of text, as its log has them: no file is read."""
    files = _alive(delta)
    files = files if span is None else files.filter(span.holds("value"))
    files = files if value is None else files.filter(pl.col("value") == value)
    return [DataFile(relative_path(path), value, size, rows) for path, value, size, rows in files.iter_rows()]


def stored_by_partition(delta: OpenTable) -> dict[str, tuple[int | None, str]]:
    """By partition of an open table, the rows of its files, None where the log does not count them, and the files' names."""
    name, rows = pl.col("path").str.split("/").list.last(), pl.col("rows")
    counted = pl.when(rows.null_count() == 0).then(rows.sum()).alias("rows")
    grouped = _alive(delta).group_by("value").agg(counted, name.sort().str.join(",").alias("names"))
    return {_key(value): (count, names) for value, count, names in grouped.iter_rows()}


def _key(value: Moment | str | None) -> str:
    """The key of a partition; of a table without partitions, or with two columns of them, empty."""
    return value or "" if isinstance(value, str | None) else key_of(value)


def _alive(delta: OpenTable) -> pl.DataFrame:
    actions = delta.alive()
    by = delta.metadata().partition_columns
    # Tables of people's own assets may have no partitions, or two columns of them.
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
    """The log writes paths as parts of a URL: the folder of an hour, with a % in its name, has %25 there."""
    return unquote(path)


def named_by_partition(files: Iterable[DataFile]) -> dict[str, str]:
    """The names of the files of each partition, as the ledger keeps them."""
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

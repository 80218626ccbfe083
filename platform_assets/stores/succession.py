"""A changed declaration: its partitions are computed in a successor of the table, which the table adopts once all of them exist.

Until then readers of the table see its old contents: the old version is served until the new one is complete. Afterwards it has exactly the
new columns. Only a change that cannot be made in place needs this: a column that changed its type or was removed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import polars as pl
from deltalake.exceptions import CommitFailedError

from platform_assets.declare.partitions import Partitions
from platform_assets.stores.commits import commit_properties
from platform_assets.stores.delta import Lake, PartitionFacts, Span, wait_for_others
from platform_assets.stores.frames import kept_as
from platform_assets.stores.ledger import Entry, Ledger
from platform_assets.stores.successor import adopt, drop_all, successor_of
from platform_assets.stores.tables import Table, moment_of, name_of

WITHDRAWN = "withdrawn"
"""A detail of an entry: why the partition may no longer be read."""
_TRIES = 12


@dataclass(frozen=True)
class Succession:
    """A version of a declaration that is being computed next to its table."""

    table: Table
    successor: Table
    made: Mapping[str, Entry]
    """Its existing partitions, by key."""
    remaining: tuple[str, ...]
    """The keys of the table's partitions that are still missing."""


def succession(lake: Lake, ledger: Ledger, table: Table, version: str, partitions: Partitions) -> Succession | None:
    """The succession of a table to a version of its declaration; None if there is none."""
    entries = ledger.entries(name_of(table))
    successor = successor_of(table, version)
    if not _has_others(entries, version) or not lake.exists(successor):
        return None
    required = _required(entries, partitions)
    made = {key: entry for key, entry in ledger.entries(name_of(successor)).items() if not entry.damage}
    return Succession(table, successor, made, tuple(key for key in required if key not in made))


def entries_of_version(lake: Lake, ledger: Ledger, table: Table, version: str, partitions: Partitions) -> dict[str, Entry]:
    """The entries of a table, or of its successor where one exists."""
    found = succession(lake, ledger, table, version, partitions)
    return {**ledger.entries(name_of(table)), **(found.made if found else {})}


def target(lake: Lake, ledger: Ledger, table: Table, schema: Mapping[str, pl.DataType], by: str, version: str) -> Table:
    """The table that rows of these columns are written to: the table itself, or its successor if they are incompatible with it."""
    kept = lake.schema(table)
    if not kept or kept.get(by) != schema.get(by):
        return table
    retyped = any(kept.get(column, dtype) != dtype for column, dtype in _kept(schema).items())
    if not retyped and not set(kept) - set(schema):
        return table
    return successor_if_older(ledger, table, version)


def successor_if_older(ledger: Ledger, table: Table, version: str) -> Table:
    """The successor of a table that has partitions of another declaration version, otherwise the table itself."""
    return successor_of(table, version) if _has_others(ledger.entries(name_of(table)), version) else table


def complete(lake: Lake, ledger: Ledger, table: Table, version: str, partitions: Partitions, run: str) -> dict[str, Entry]:
    """Ends a succession if all partitions exist: returns the entries that the table has now, or none if it continues.

    If it is killed before its commit, the next step that writes the table completes it; if after, the next reader of the ledger.
    """
    for attempt in range(_TRIES):
        at = lake.version(table)
        found = succession(lake, ledger, table, version, partitions)
        if at is None or found is None or found.remaining:
            return {}
        of = lake.version(found.successor)  # concurrent writes to the successor are not adopted; if newer, they are stale afterwards
        made = ledger.entries(name_of(found.successor), at_version=of)
        facts = [_facts(entry, found, at + 1, lake.identity(table)) for entry in made.values()]
        facts += [_gone(entry) for key, entry in ledger.entries(name_of(table)).items() if key not in made]
        try:
            adopt(lake, table, found.successor, at, commit_properties(facts, version, run), of)
        except CommitFailedError:  # another run has written the table, or adopted the successor
            wait_for_others(attempt)
            continue
        entries = {fact.partition: _entry(fact, made.get(fact.partition), table, at + 1, version, run) for fact in facts}
        ledger.record(entries.values())
        drop_all(lake, table)
        return entries
    return {}


def block(lake: Lake, ledger: Ledger, found: Succession, why: Mapping[str, str], version: str, run: str) -> None:
    """Records in a successor which partitions cannot be computed because their inputs are blocked: it does not wait for them."""
    delta = lake.open(found.successor)
    [by] = delta.metadata().partition_columns
    empty = pl.DataFrame(schema=pl.Schema(delta.schema()))
    for key, reason in why.items():
        facts = [PartitionFacts(key, 0, "blocked", details={WITHDRAWN: reason, "read": {}})]
        span = Span.of_one(moment_of(key))
        written = lake.replace(found.successor, empty, by=by, span=span, facts=facts, declaration_version=version, run=run)
        ledger.record([Entry(name_of(found.successor), key, written.version, version, 0, "blocked", "", run, facts[0].details)])


def _required(entries: Mapping[str, Entry], partitions: Partitions) -> dict[str, Entry]:
    """The readable partitions of a table that its declaration still has. For a training set that is now weekly, months are not."""

    def is_declared(key: str) -> bool:
        number = partitions.number(key)
        is_inside = partitions.first <= number and (partitions.last is None or number <= partitions.last)
        return is_inside and partitions.key(number) == key

    return {key: entry for key, entry in entries.items() if WITHDRAWN not in entry.details and is_declared(key)}


def _has_others(entries: Mapping[str, Entry], version: str) -> bool:
    """Whether a table has readable partitions of another version, whether still declared or not."""
    return any(entry.declaration_version != version for entry in entries.values() if WITHDRAWN not in entry.details)


def _kept(schema: Mapping[str, pl.DataType]) -> dict[str, pl.DataType]:
    return {column: kept_as(dtype) for column, dtype in schema.items() if not isinstance(dtype, pl.Null)}


def _entry(fact: PartitionFacts, made: Entry | None, table: Table, at: int, version: str, run: str) -> Entry:
    said = (fact.rows, fact.status, fact.tier, made.run if made else run, fact.details, made.files if made else "")
    return Entry(name_of(table), fact.partition, at, version, *said)


def _gone(entry: Entry) -> PartitionFacts:
    """The facts of a partition that the table had and the new version does not have."""
    why = entry.details.get(WITHDRAWN, "its declaration has no such partition since it has changed")
    return PartitionFacts(entry.partition, 0, "blocked", details={WITHDRAWN: why, "read": {}})


def _facts(entry: Entry, found: Succession, version: int, identity: str | None) -> PartitionFacts:
    """The facts of a partition after adoption: if it was computed from an earlier partition of the successor, it now counts as computed
    from the table's."""
    own, details = name_of(found.successor), dict(entry.details)
    if own in details.get("read", {}):
        details["read"] = {**{k: v for k, v in details["read"].items() if k != own}, name_of(found.table): version}
        details["read_from"] = {**{k: v for k, v in details.get("read_from", {}).items() if k != own}, name_of(found.table): identity}
    return replace(PartitionFacts(entry.partition, entry.rows, entry.status, entry.tier), details=details)

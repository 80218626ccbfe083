"""A changed declaration: its partitions are made in a successor of the table, which the table takes over when all of them are there.

Until then whoever reads the table finds what it had: the old version is served until the new one is whole. Afterwards it has exactly the
new columns. Only a change that the table cannot take in place needs this: a column of another type, or one that is gone.
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
"""In the details of an entry: why the partition, which was there, may not be read any more."""
_TRIES = 12


@dataclass(frozen=True)
class Succession:
    """A version of a declaration that is being made beside its table."""

    table: Table
    successor: Table
    made: Mapping[str, Entry]
    """What there is of it, by partition key."""
    remaining: tuple[str, ...]
    """The keys of the table's partitions that are still to be made."""


def succession(lake: Lake, ledger: Ledger, table: Table, version: str, partitions: Partitions) -> Succession | None:
    """What is being made beside a table by a version of its declaration; None when nothing is."""
    entries = ledger.entries(name_of(table))
    successor = successor_of(table, version)
    if not _has_others(entries, version) or not lake.exists(successor):
        return None
    required = _required(entries, partitions)
    made = {key: entry for key, entry in ledger.entries(name_of(successor)).items() if not entry.damage}
    return Succession(table, successor, made, tuple(key for key in required if key not in made))


def entries_of_version(lake: Lake, ledger: Ledger, table: Table, version: str, partitions: Partitions) -> dict[str, Entry]:
    """The entries of a table, but of what is being made beside it those of the successor."""
    found = succession(lake, ledger, table, version, partitions)
    return {**ledger.entries(name_of(table)), **(found.made if found else {})}


def target(lake: Lake, ledger: Ledger, table: Table, schema: Mapping[str, pl.DataType], by: str, version: str) -> Table:
    """Where rows of these columns are written: the table, or its successor if the table cannot take them beside what it has."""
    kept = lake.schema(table)
    if not kept or kept.get(by) != schema.get(by):
        return table
    retyped = any(kept.get(column, dtype) != dtype for column, dtype in _kept(schema).items())
    if not retyped and not set(kept) - set(schema):
        return table
    return successor_if_older(ledger, table, version)


def successor_if_older(ledger: Ledger, table: Table, version: str) -> Table:
    """The successor of a table that has partitions of another version of its declaration, or else the table itself."""
    return successor_of(table, version) if _has_others(ledger.entries(name_of(table)), version) else table


def complete(lake: Lake, ledger: Ledger, table: Table, version: str, partitions: Partitions, run: str) -> dict[str, Entry]:
    """Ends a succession in which all partitions of the table are there: gives the entries that the table has now; none if it goes on.

    Killed before its commit, it is made good by the next step that writes the table; killed after it, by whoever reads the ledger.
    """
    for attempt in range(_TRIES):
        at = lake.version(table)
        found = succession(lake, ledger, table, version, partitions)
        if at is None or found is None or found.remaining:
            return {}
        of = lake.version(found.successor)  # what others write there meanwhile is not taken over; it is stale afterwards, if it was newer
        made = ledger.entries(name_of(found.successor), at_version=of)
        facts = [_facts(entry, found, at + 1, lake.identity(table)) for entry in made.values()]
        facts += [_gone(entry) for key, entry in ledger.entries(name_of(table)).items() if key not in made]
        try:
            adopt(lake, table, found.successor, at, commit_properties(facts, version, run), of)
        except CommitFailedError:  # another run has written the table, or taken the successor over
            wait_for_others(attempt)
            continue
        entries = {fact.partition: _entry(fact, made.get(fact.partition), table, at + 1, version, run) for fact in facts}
        ledger.record(entries.values())
        drop_all(lake, table)
        return entries
    return {}


def block(lake: Lake, ledger: Ledger, found: Succession, why: Mapping[str, str], version: str, run: str) -> None:
    """Notes in a successor which partitions cannot be made, since what they would be made of is blocked: it does not wait for them."""
    delta = lake.open(found.successor)
    [by] = delta.metadata().partition_columns
    empty = pl.DataFrame(schema=pl.Schema(delta.schema()))
    for key, reason in why.items():
        facts = [PartitionFacts(key, 0, "blocked", details={WITHDRAWN: reason, "read": {}})]
        span = Span.of_one(moment_of(key))
        written = lake.replace(found.successor, empty, by=by, span=span, facts=facts, declaration_version=version, run=run)
        ledger.record([Entry(name_of(found.successor), key, written.version, version, 0, "blocked", "", run, facts[0].details)])


def _required(entries: Mapping[str, Entry], partitions: Partitions) -> dict[str, Entry]:
    """Those of a table's partitions that its declaration has, and that may be read. Of a training set by weeks now, months are none."""

    def is_declared(key: str) -> bool:
        number = partitions.number(key)
        is_inside = partitions.first <= number and (partitions.last is None or number <= partitions.last)
        return is_inside and partitions.key(number) == key

    return {key: entry for key, entry in entries.items() if WITHDRAWN not in entry.details and is_declared(key)}


def _has_others(entries: Mapping[str, Entry], version: str) -> bool:
    """Whether a table has partitions of another version that may be read, declared now or not."""
    return any(entry.declaration_version != version for entry in entries.values() if WITHDRAWN not in entry.details)


def _kept(schema: Mapping[str, pl.DataType]) -> dict[str, pl.DataType]:
    return {column: kept_as(dtype) for column, dtype in schema.items() if not isinstance(dtype, pl.Null)}


def _entry(fact: PartitionFacts, made: Entry | None, table: Table, at: int, version: str, run: str) -> Entry:
    said = (fact.rows, fact.status, fact.tier, made.run if made else run, fact.details, made.files if made else "")
    return Entry(name_of(table), fact.partition, at, version, *said)


def _gone(entry: Entry) -> PartitionFacts:
    """What is said of a partition that the table had, and the new version has not."""
    why = entry.details.get(WITHDRAWN, "its declaration has no such partition since it has changed")
    return PartitionFacts(entry.partition, 0, "blocked", details={WITHDRAWN: why, "read": {}})


def _facts(entry: Entry, found: Succession, version: int, identity: str | None) -> PartitionFacts:
    """What is said of a partition after the table has taken it over: one that was made of an earlier one of the successor was made of the
    table's."""
    own, details = name_of(found.successor), dict(entry.details)
    if own in details.get("read", {}):
        details["read"] = {**{k: v for k, v in details["read"].items() if k != own}, name_of(found.table): version}
        details["read_from"] = {**{k: v for k, v in details.get("read_from", {}).items() if k != own}, name_of(found.table): identity}
    return replace(PartitionFacts(entry.partition, entry.rows, entry.status, entry.tier), details=details)

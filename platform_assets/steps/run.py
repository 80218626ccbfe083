"""The context of every step, and its result."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby
from typing import Protocol

from platform_assets.declare.engines import EngineName
from platform_assets.declare.partitions import Partitions
from platform_assets.engines.choice import Engines
from platform_assets.engines.engine import ComputedRows, Engine, TableSlice
from platform_assets.errors import BlockedError, DamagedError, NotReadyError, PlatformError
from platform_assets.steps.missing_inputs import YOUR_MODULE, reported_once
from platform_assets.stores.delta import Lake, PartitionFacts, Span, Table, Written
from platform_assets.stores.ledger import ROWS_SINCE, Entry, Ledger
from platform_assets.stores.same_rows import has_rewritten, same_rows
from platform_assets.stores.succession import WITHDRAWN, Succession, block, complete, entries_of_version, succession, target
from platform_assets.stores.tables import name_of as name_of
from platform_assets.stores.tables import table_named


class Engineered(Protocol):
    """A declaration that an engine computes."""

    @property
    def engine(self) -> EngineName | None:
        """The name of its engine; None: the one in the settings."""
        ...


@dataclass(frozen=True)
class Run:
    """The context of a step: lake, ledger, run id, and clock."""

    lake: Lake
    ledger: Ledger
    id: str
    now: datetime
    module: str = YOUR_MODULE
    """The module that Dagster loads, if known: for commands in messages."""
    engines: Engines = field(default_factory=Engines, repr=False)
    _successions: dict[tuple[Table, str], tuple[Mapping[str, Entry], Succession | None]] = field(default_factory=dict, repr=False)

    def engine(self, declaration: Engineered | None = None) -> Engine:
        """The engine that computes a declaration: its own, or that of the settings."""
        return self.engines.of(declaration.engine if declaration else None, self.lake)

    def version(self, table: Table) -> int:
        """The Delta version of a table that a step reads; -1 if there is no table."""
        version = self.lake.version(table)
        return -1 if version is None else version

    def succession(self, table: Table, version: str, partitions: Partitions, entries: Mapping[str, Entry]) -> Succession | None:
        """The succession of a table. It is looked up once for all partitions of a step, which are compared with the same entries."""
        known = self._successions.get((table, version))
        if known is None or known[0] is not entries:
            known = (entries, succession(self.lake, self.ledger, table, version, partitions))
            self._successions[table, version] = known
        return known[1]


@dataclass
class Done:
    """The result of a step for each of its partitions: a ledger entry, or an error."""

    entries: dict[str, Entry] = field(default_factory=dict)
    unchanged: dict[str, Entry] = field(default_factory=dict)
    """Partitions that were already up to date."""
    refused: dict[str, NotReadyError] = field(default_factory=dict)
    broken: PlatformError | None = None
    """Errors of deliveries that cannot be received."""
    written: dict[Table, Written] = field(default_factory=dict)
    failure: PlatformError | None = None
    """Why the run fails although everything was written: a blocked partition with when_blocked="fail"."""

    @property
    def fails(self) -> bool:
        """Whether `check` raises."""
        return bool(self.refused) or self.broken is not None or self.failure is not None

    def check(self) -> None:
        """Raises an error for unreadable deliveries, or else one error for all refused partitions."""
        if self.broken is not None:
            raise self.broken
        if not self.refused:
            if self.failure is not None:
                raise self.failure
            return
        written = len({*self.entries, *self.unchanged} - {*self.refused})
        done = f"{counted(written, 'other partition')} {'was' if written == 1 else 'were'} written. " if written else ""
        messages = reported_once(self.refused.values())
        more = f"\n... and {len(messages) - 10} more" if len(messages) > 10 else ""
        keys = list(self.refused)
        named = ", ".join(keys) if len(keys) <= 5 else f"{keys[0]} to {keys[-1]}"
        raise NotReadyError(f"{counted(len(keys), 'partition')} could not be made ({named}). {done}\n" + "\n".join(messages[:10]) + more)


def counted(number: int, noun: str) -> str:
    """
    >>> counted(1, "partition"), counted(2, "partition")
    ('1 partition', '2 partitions')
    """
    return f"{number} {noun}{'' if number == 1 else 's'}"


def stretches(indexes: Sequence[int]) -> list[tuple[int, int]]:
    """Consecutive runs of ascending indexes as (first, last).

    >>> stretches([1, 2, 3, 7])
    [(1, 3), (7, 7)]
    """
    runs = []
    for _, group in groupby(enumerate(indexes), lambda pair: pair[1] - pair[0]):
        members = [index for _, index in group]
        runs.append((members[0], members[-1]))
    return runs


def span_of(partitions: Partitions, first: int, last: int) -> Span:
    """The partitions first..last as values of a partition column."""
    return Span(partitions.value(first), partitions.value(last + 1))


def slice_of(table: Table, by: str, partitions: Partitions, first: int, last: int, version: int) -> TableSlice:
    """A slice of a table's partitions first..last at a Delta version."""
    return TableSlice(table, version, by, span_of(partitions, first, last))


def rows_of(entries: Mapping[str, Entry], key: str) -> int:
    """The row count of a partition in the ledger; 0 if it has no entry."""
    return entries[key].rows if key in entries else 0


def write(
    run: Run,
    table: Table,
    rows: ComputedRows,
    partitions: Partitions,
    facts: Mapping[int, PartitionFacts],
    declaration_version: str,
    by: str = "partition",
    made_from: Mapping[Table, int] | None = None,
    received: bool = False,
) -> tuple[dict[str, Entry], Written]:
    """Replaces these partitions of a table, with one commit per run of consecutive ones, and returns their ledger entries.

    If the table cannot take the rows' columns in place, they are written to its successor (stores/succession.py).

    received: whether the columns have delivered types, so that the table's types may have to be widened.
    made_from: as in Lake.replace: the versions of the table and its successor that the rows were computed from.
    """
    entries: dict[str, Entry] = {}
    written: Written | None = None
    facts = _with_identities(facts, run)
    into = table
    if not received:
        into = target(run.lake, run.ledger, table, rows.columns, by, declaration_version)
    for first, last in stretches(sorted(facts)):
        span = span_of(partitions, first, last)
        mine = [facts[index] for index in range(first, last + 1)]
        written = rows.write(
            into,
            by=by,
            span=span,
            facts=mine,
            declaration_version=declaration_version,
            run=run.id,
            made_from=None if made_from is None else made_from[into],
            received=received,
        )
        since = {} if received or into != table else _rows_since(run, table, by, span, mine, written)
        for fact in mine:
            details = {**fact.details, ROWS_SINCE: since[fact.partition]} if fact.partition in since else fact.details
            entries[fact.partition] = entry_of(into, replace(fact, details=details), written, declaration_version, run)
    assert written is not None, "a step writes at least one partition"
    return entries, written


def _rows_since(run: Run, table: Table, by: str, span: Span, facts: Sequence[PartitionFacts], written: Written) -> dict[str, int]:
    """For partitions rewritten with the same rows: the Delta version that first wrote them.

    Only the ledger entry has it. If a process dies before that, the entry derived from the commit does not, and readers are stale.
    """
    if not has_rewritten(run.lake, table, written.version):
        return {}
    before = run.ledger.entries(name_of(table), at_version=written.version - 1)
    alike = {fact.partition: entry for fact in facts if (entry := before.get(fact.partition)) and _may_be_the_same(entry, fact)}
    return {key: alike[key].rows_since for key in same_rows(run.lake, table, by, span, alike, written.version)}


def _may_be_the_same(entry: Entry, fact: PartitionFacts) -> bool:
    return not entry.damage and (entry.status, entry.rows) == (fact.status, fact.rows)


def entry_of(table: Table, fact: PartitionFacts, written: Written, declaration_version: str, run: Run) -> Entry:
    """The ledger entry of a partition that was written."""
    return Entry(
        name_of(table),
        fact.partition,
        written.version,
        declaration_version,
        fact.rows,
        fact.status,
        fact.tier,
        run.id,
        fact.details,
        written.files.get(fact.partition, ""),
    )


def write_and_record(
    run: Run,
    done: Done,
    table: Table,
    rows: ComputedRows,
    partitions: Partitions,
    facts: Mapping[int, PartitionFacts],
    declaration_version: str,
) -> None:
    """Replaces these partitions of a step's only table, and then records them in the ledger."""
    entries, done.written[table] = write(run, table, rows, partitions, facts, declaration_version)
    done.entries |= entries
    run.ledger.record(entries.values())
    take_over(run, done, table, partitions, declaration_version)


def take_over(run: Run, done: Done, table: Table, partitions: Partitions, declaration_version: str) -> None:
    """Ends the succession of a step's table if it is now complete."""
    entries = complete(run.lake, run.ledger, table, declaration_version, partitions, run.id)
    done.entries |= {key: entries[key] for key in done.entries if key in entries}


def withdraw(table: Table, refused: Mapping[str, NotReadyError], run: Run, partitions: Partitions, version: str) -> None:
    """Blocks existing partitions that can no longer be computed because the acceptance of their input was revoked.

    Partitions of another declaration version are not changed until that version is complete: it does not wait for blocked ones.
    """
    # Damage is not a revocation: partitions computed earlier from damaged ones are not changed.
    why = {key: error for key, error in refused.items() if not isinstance(error, DamagedError)}
    entries = entries_of_version(run.lake, run.ledger, table, version, partitions) if why else {}
    there = [(entries[key], error) for key, error in why.items() if key in entries and entries[key].status == "ok"]
    ours = [(entry, error) for entry, error in there if entry.declaration_version == version]
    if ours:
        run.ledger.record([replace(entry, status="blocked", details={**entry.details, WITHDRAWN: str(error)}) for entry, error in ours])
    others = {
        entry.partition: str(error) for entry, error in there if entry.declaration_version != version and isinstance(error, BlockedError)
    }
    if others and (found := succession(run.lake, run.ledger, table, version, partitions)):
        block(run.lake, run.ledger, found, others, version, run.id)
    if refused:  # also if a run died before the table adopted a complete version
        complete(run.lake, run.ledger, table, version, partitions, run.id)


def _with_identities(facts: Mapping[int, PartitionFacts], run: Run) -> dict[int, PartitionFacts]:
    """Adds the ids of the tables to the Delta versions read: a recreated table starts again at version 0."""
    read = {index: fact.details.get("read", {}) for index, fact in facts.items()}
    ids = {name: run.lake.identity(table_named(name)) for name in set().union(*read.values())}
    return {
        index: replace(fact, details={**fact.details, "read_from": {name: ids[name] for name in read[index] if ids[name] is not None}})
        for index, fact in facts.items()
    }

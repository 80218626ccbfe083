"""Silver and quarantine: judges raw rows; each partition is a function of raw and of the deduplication horizon before it."""

from dataclasses import dataclass, replace
from typing import Any

from platform_assets.declare.source import Source
from platform_assets.engines.engine import JudgedPartitions, TableSlice
from platform_assets.errors import NotReadyError
from platform_assets.sources.receive import columns_that_never_came, delivered_otherwise, raw_table
from platform_assets.sources.replays import are_replayed, replayed_rows
from platform_assets.steps.batches import batches
from platform_assets.steps.figures import with_figures
from platform_assets.steps.raw import take_back_replays
from platform_assets.steps.readiness import unready
from platform_assets.steps.run import Done, Run, name_of, rows_of, span_of, take_over, write
from platform_assets.steps.skip_damaged import without_damaged
from platform_assets.stores.delta import Overtaken, PartitionFacts, Table
from platform_assets.stores.ledger import Entry
from platform_assets.stores.succession import complete, entries_of_version, successor_if_older, target
from platform_assets.stores.successor import successor_of

ACCEPTED_AS_IT_IS = "accepted_as_it_is"
"""A detail of raw's and silver's ledger entries: who accepted a blocked partition's good rows, when and why."""


def silver_table(source: Source) -> Table:
    return (source.name, "silver")


def quarantine_table(source: Source) -> Table:
    return (source.name, "quarantine")


@without_damaged
def make_silver(source: Source, first: int, last: int, run: Run) -> Done:
    """Judges the arrival partitions first..last and writes both tables; the ledger has the same facts for both."""
    partitions, done = source.partitions, Done()
    take_back_replays(source, run)  # where a run has died between restating rows and this
    raw, silver, seen = raw_table(source), silver_table(source), _Seen.now(source, run)
    present = {key: _of_any_version(entry, source.version) for key, entry in seen.received.items()}
    for partition in range(first, last + 1):
        key = partitions.key(partition)
        needed = range(partition - source.duplicates_within, partition + 1)
        reader = f"{name_of(silver)} {key}"
        if error := unready(reader, raw, source.version, partitions, needed, present, run) or _lacking(
            reader, source, needed, seen.received
        ):
            done.refused[key] = error
    ready = [p for p in range(first, last + 1) if partitions.key(p) not in done.refused]
    for batch in batches(ready, lambda p: rows_of(seen.received, partitions.key(p)), run.engine(source).rows_at_once):
        of = seen
        while not _judge(source, batch, of, done, run):
            of = _Seen.now(source, run)
    return done


@dataclass(frozen=True)
class _Seen:
    """The state that a run has read: raw, and the previous silver."""

    raw: int
    received: dict[str, Entry]
    silver: dict[Table, int]
    """The version of silver, and of its successor if the declaration has changed (stores/succession.py)."""
    before: dict[str, Entry]

    @staticmethod
    def now(source: Source, run: Run) -> "_Seen":
        # The version first, so that rows and their ledger entries have the same version.
        raw, silver = run.version(raw_table(source)), silver_table(source)
        versions = {table: run.version(table) for table in (silver, successor_of(silver, source.version))}
        received = run.ledger.entries(name_of(raw_table(source)), at_version=raw)
        before = run.ledger.entries(name_of(silver), at_version=versions[silver])
        before |= entries_of_version(run.lake, run.ledger, silver, source.version, source.partitions)
        return _Seen(raw, received, versions, before)


def _judge(source: Source, batch: list[int], seen: _Seen, done: Done, run: Run) -> bool:
    """Writes both tables for some ascending partitions, whose raw partitions all exist.

    Returns False if another run has judged one of them in the meantime. This run does not know what that one read, and which event
    partitions its rows belong to would be forgotten.
    """
    partitions, raw, silver, quarantine = source.partitions, raw_table(source), silver_table(source), quarantine_table(source)
    span, read = span_of(partitions, max(batch[0] - source.duplicates_within, partitions.first), batch[-1]), {name_of(raw): seen.raw}
    rows = TableSlice(raw, seen.raw, "arrival", span)
    wanted = range(batch[0] - source.duplicates_within, batch[-1] + 1)
    decisions = {p: seen.received[key].details.get(ACCEPTED_AS_IT_IS) for p in wanted if (key := partitions.key(p)) in seen.received}
    as_they_are = {p for p, decision in decisions.items() if decision}
    delivered = delivered_otherwise(source, wanted, seen.received, run.lake.schema(raw, seen.raw))
    elsewhere = replayed_rows(source, run.lake, seen.received, seen.raw, map(partitions.key, wanted))
    replayed = are_replayed(source, elsewhere)
    judged = run.engine(source).judge(
        source, rows, batch[0], batch[-1], as_they_are=as_they_are, delivered=delivered, run=run.id, replayed=replayed
    )
    with judged as found:
        touched = _touched(source, found, seen.before)
        facts, aside = {}, {}
        for partition in batch:
            key, counts = partitions.key(partition), found.counts[partition]
            details = {**counts, "needed_share": source.accepted_share, "event_partitions": touched.get(partition, []), "read": read}
            rows = counts["accepted"] + counts.get("removed", 0)
            blocked = counts["tier"] == "LOW" and not decisions.get(partition)
            status = "blocked" if blocked else "ok"
            if shown := found.examples.get(partitions.value(partition)):
                details["examples"] = shown
            if counts["tier"] == "LOW" and not blocked:
                details[ACCEPTED_AS_IT_IS] = decisions[partition]
            facts[partition] = PartitionFacts(key, rows if status == "ok" else 0, status, counts["tier"], details)
            aside[partition] = PartitionFacts(key, counts["quarantined"], "ok", "", {"reasons": counts["reasons"], "read": read})
        # Both tables change their columns together, since each row is in one of them.
        into = target(run.lake, run.ledger, silver, found.silver.columns, "arrival", source.version)
        beside = quarantine if into == silver else successor_if_older(run.ledger, quarantine, source.version)
        set_aside, done.written[quarantine] = write(
            run, beside, found.quarantine, partitions, aside, source.version, by="arrival", received=True
        )
        try:
            entries, done.written[silver] = write(
                run, silver, found.silver, partitions, facts, source.version, by="arrival", made_from=seen.silver
            )
        except Overtaken:
            return False
    entries = with_figures(source, entries, run)
    done.entries |= entries
    run.ledger.record([*set_aside.values(), *entries.values()])
    complete(run.lake, run.ledger, quarantine, source.version, partitions, run.id)
    take_over(run, done, silver, partitions, source.version)
    return True


def _lacking(reader: str, source: Source, needed: range, received: dict[str, Entry]) -> NotReadyError | None:
    """Why rows delivered before a column was added to the schema cannot be judged: null would look like a missing value."""
    for partition in needed:
        entry = received.get(source.partitions.key(partition))
        if entry and (lacking := columns_that_never_came(source, entry)):
            return NotReadyError(
                f"{reader} needs the column {lacking[0]!r}, which {entry.table} {entry.partition} was delivered without. Remove it from "
                f"the schema, or add it in the source's function and materialize {entry.table} {entry.partition} again."
            )
    return None


def _of_any_version(entry: Entry, version: str) -> Entry:
    """Raw is stored as received: it does not depend on the declaration."""
    return replace(entry, declaration_version=version)


def _touched(source: Source, judged: JudgedPartitions, before: dict[str, Entry]) -> dict[int, list[str]]:
    """For each arrival partition the event partitions that it has, or ever had, rows of: their reports are stale."""
    partitions = source.partitions
    found = {arrival: {partitions.key(event) for event in events} for arrival, events in judged.events.items()}
    for entry in before.values():
        held: Any = entry.details.get("event_partitions", [])
        found.setdefault(partitions.number(entry.partition), set()).update(held)
    return {arrival: sorted(events) for arrival, events in found.items()}

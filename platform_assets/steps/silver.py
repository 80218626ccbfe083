"""Silver and quarantine: raw rows judged, a partition a function of raw and of the de-duplication horizon before it."""

from typing import Any

import polars as pl

from platform_assets.declare.source import Source
from platform_assets.engines.polars.silver import Judged, judge
from platform_assets.engines.polars.times import index_of
from platform_assets.errors import NotReadyError
from platform_assets.sources.receive import columns_that_never_came, raw_table
from platform_assets.steps.batches import batches
from platform_assets.steps.run import Done, Run, name_of, rows_of, span_of, unready, write
from platform_assets.stores.delta import PartitionFacts, Table
from platform_assets.stores.ledger import Entry

ACCEPTED_AS_IT_IS = "accepted_as_it_is"
"""In the details of the ledger's entries of raw and silver: who let a blocked partition's good rows in, when and why."""


def silver_table(source: Source) -> Table:
    return (source.name, "silver")


def quarantine_table(source: Source) -> Table:
    return (source.name, "quarantine")


def make_silver(source: Source, first: int, last: int, run: Run) -> Done:
    """Judges the arrival partitions first..last and writes both tables; the ledger has the same facts for each."""
    partitions, done = source.partitions, Done()
    raw, silver = raw_table(source), silver_table(source)
    read = {name_of(raw): run.version(raw)}  # first, so that rows and the ledger's word on them are of one version
    received = run.ledger.entries(name_of(raw), at_version=read[name_of(raw)])
    for partition in range(first, last + 1):
        key = partitions.key(partition)
        needed = range(partition - source.duplicates_within, partition + 1)
        present = {k: _of_any_version(entry, source.version) for k, entry in received.items()}
        reader = f"{name_of(silver)} {key}"
        if error := unready(reader, raw, source.version, partitions, needed, present) or _lacking(reader, source, needed, received):
            done.refused[key] = error
    ready = [p for p in range(first, last + 1) if partitions.key(p) not in done.refused]
    if not ready:
        return done
    before = run.ledger.entries(name_of(silver))
    for batch in batches(ready, lambda p: rows_of(received, partitions.key(p))):
        _judge(source, batch, read, received, before, done, run)
    return done


def _judge(
    source: Source, batch: list[int], read: dict[str, int], received: dict[str, Entry], before: dict[str, Entry], done: Done, run: Run
) -> None:
    """Writes both tables for some ascending partitions, whose raw partitions are all there."""
    partitions, raw, silver, quarantine = source.partitions, raw_table(source), silver_table(source), quarantine_table(source)
    span = span_of(partitions, max(batch[0] - source.duplicates_within, partitions.first), batch[-1])
    rows = run.lake.scan(raw, by="arrival", span=span, version=read[name_of(raw)]).filter(~pl.col("superseded")).collect()
    decisions = {p: received[key].details.get(ACCEPTED_AS_IT_IS) for p in batch if (key := partitions.key(p)) in received}
    judged = judge(source, rows, batch[0], batch[-1], as_they_are={p for p, decision in decisions.items() if decision})
    touched = _touched(source, judged, before)
    facts, aside = {}, {}
    for partition in batch:
        key, counts = partitions.key(partition), judged.counts[partition]
        details = {**counts, "needed_share": source.accepted_share, "event_partitions": touched.get(partition, []), "read": read}
        blocked = counts["tier"] == "LOW" and not decisions.get(partition)
        status = "blocked" if blocked else "ok"
        if counts["tier"] == "LOW" and not blocked:
            details[ACCEPTED_AS_IT_IS] = decisions[partition]
        facts[partition] = PartitionFacts(key, counts["accepted"] if status == "ok" else 0, status, counts["tier"], details)
        aside[partition] = PartitionFacts(key, counts["quarantined"], "ok", "", {"reasons": counts["reasons"], "read": read})
    rejected = judged.quarantine.with_columns(pl.lit(run.id).alias("run"))
    set_aside, done.written[quarantine] = write(run, quarantine, rejected, partitions, aside, source.version, by="arrival")
    entries, done.written[silver] = write(run, silver, judged.silver, partitions, facts, source.version, by="arrival")
    done.entries |= entries
    run.ledger.record([*set_aside.values(), *entries.values()])


def _lacking(reader: str, source: Source, needed: range, received: dict[str, Entry]) -> NotReadyError | None:
    """Why rows cannot be judged that came before the schema had a column: as null they would look as if nobody had a value."""
    for partition in needed:
        entry = received.get(source.partitions.key(partition))
        if entry and (lacking := columns_that_never_came(source, entry)):
            return NotReadyError(
                f"{reader} needs the column {lacking[0]!r}, without which {entry.table} {entry.partition} was delivered. Take it out of "
                f"the schema, or add it in the source's function and materialize {entry.table} {entry.partition} again."
            )
    return None


def _of_any_version(entry: Entry, version: str) -> Entry:
    """Raw is what came: it does not depend on the declaration."""
    return Entry(entry.table, entry.partition, entry.delta_version, version, entry.rows, entry.status, entry.tier, entry.run, entry.details)


def _touched(source: Source, judged: Judged, before: dict[str, Entry]) -> dict[int, list[str]]:
    """For each arrival partition the event partitions that it holds rows of, or ever held: reports of these are stale."""
    partitions = source.partitions
    pairs = judged.silver.select(
        index_of("arrival", partitions).alias("arrival"), index_of(source.event_time, partitions).alias("event")
    ).unique()
    found: dict[int, set[str]] = {}
    for arrival, event in pairs.iter_rows():
        found.setdefault(arrival, set()).add(partitions.key(event))
    for entry in before.values():
        held: Any = entry.details.get("event_partitions", [])
        found.setdefault(partitions.number(entry.partition), set()).update(held)
    return {arrival: sorted(events) for arrival, events in found.items()}

"""Checks the keys of silver: present, and unique within the deduplication horizon."""

from collections.abc import Sequence

from platform_assets.declare.source import Source
from platform_assets.engines.engine import KeyFaults
from platform_assets.steps.batches import batches
from platform_assets.steps.run import Run, name_of, rows_of, slice_of
from platform_assets.steps.silver import silver_table
from platform_assets.stores.succession import succession


def key_faults(source: Source, wanted: Sequence[int], run: Run) -> dict[int, KeyFaults]:
    """The key faults of these ascending partitions of silver and the horizon before each. Empty without a key, or for a state."""
    partitions, silver, found = source.partitions, silver_table(source), dict[int, KeyFaults]()
    if not source.unique_key or not wanted:
        return found
    if found_beside := succession(run.lake, run.ledger, silver, source.version, partitions):
        silver = found_beside.successor
    entries = run.ledger.entries(name_of(silver))
    engine, version = run.engine(source), run.version(silver)
    for batch in batches(wanted, lambda p: rows_of(entries, partitions.key(p)), engine.rows_at_once):
        first = max(batch[0] - source.duplicates_within, partitions.first)
        found |= engine.key_faults(source, slice_of(silver, "arrival", partitions, first, batch[-1], version), batch)
    return found

"""Whether the keys of silver are what they were declared to be: there, and of one row within the de-duplication horizon."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from platform_assets.declare.source import Source
from platform_assets.kernels.times import index_of
from platform_assets.steps.batches import batches
from platform_assets.steps.run import Run, name_of, rows_of, span_of
from platform_assets.steps.silver import silver_table
from platform_assets.stores.succession import succession


@dataclass(frozen=True)
class KeyFaults:
    """Rows of a partition that lack a part of their key, or whose key another row of silver has had within the horizon."""

    missing: int
    repeated: int


def key_faults(source: Source, wanted: Sequence[int], run: Run) -> dict[int, KeyFaults]:
    """Reads the keys of these partitions of silver, ascending, and of the horizon before each; no key, or that of a state: none."""
    partitions, silver, found = source.partitions, silver_table(source), dict[int, KeyFaults]()
    if not source.unique_key or not wanted:
        return found
    if found_beside := succession(run.lake, run.ledger, silver, source.version, partitions):
        silver = found_beside.successor
    entries = run.ledger.entries(name_of(silver))
    for batch in batches(wanted, lambda p: rows_of(entries, partitions.key(p))):
        first = max(batch[0] - source.duplicates_within, partitions.first)
        rows = run.lake.scan(silver, by="arrival", span=span_of(partitions, first, batch[-1]))
        keys = rows.select(*source.unique_key, index_of("arrival", partitions).alias("__index")).sort("__index").collect()
        since = pl.col("__index") - pl.col("__index").shift(1).over(*source.unique_key)
        missing = pl.any_horizontal(pl.col(column).is_null() for column in source.unique_key)
        judged = keys.select("__index", missing.alias("missing"), (~missing & (since <= source.duplicates_within)).alias("repeated"))
        counted = judged.group_by("__index").agg(pl.col("missing", "repeated").sum())
        faults = {index: KeyFaults(missing, repeated) for index, missing, repeated in counted.iter_rows()}
        found |= {partition: faults.get(partition, KeyFaults(0, 0)) for partition in batch}
    return found

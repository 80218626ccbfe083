"""Finds the partitions of a table that a commit rewrote with the same rows: what was computed from them is not stale."""

from collections.abc import Collection

import polars as pl

from platform_assets.errors import DamagedError, LakeError, NotReadyError
from platform_assets.stores.commits import read_actions
from platform_assets.stores.damage import damage_named
from platform_assets.stores.delta import Lake, Table
from platform_assets.stores.tables import Span, key_of

_SEEDS = (1, 2)
"""The seeds of two hashes per row: their sums over a partition collide by chance once in 2^128."""


def has_rewritten(lake: Lake, table: Table, version: int) -> bool:
    """Whether a commit removed files, so that it may have rewritten the same rows."""
    return any("remove" in action for action in read_actions(lake.storage(table), version) or ())


def same_rows(lake: Lake, table: Table, by: str, span: Span, keys: Collection[str], version: int) -> set[str]:
    """The partitions in a span with the same rows, in any order, at a version of the table and at the previous one.

    Partitions whose earlier files are damaged or vacuumed are not among them.
    """
    if version < 1 or not keys:
        return set()
    try:
        if lake.schema(table, version - 1) != lake.schema(table, version):
            return set()
        before, after = (_sums(lake, table, by, span, at) for at in (version - 1, version))
    except (DamagedError, NotReadyError, LakeError):
        return set()
    return {key for key in keys if before.get(key) == after.get(key)}


def _sums(lake: Lake, table: Table, by: str, span: Span, version: int) -> dict[str, tuple[int, ...]]:
    """By partition, the row count and the sums of the row hashes."""
    with damage_named():
        rows = lake.scan(table, by=by, span=span, version=version)
        row = pl.struct(name for name in rows.collect_schema() if name != by)
        hashes = [row.hash(seed).sum().alias(f"hash_{seed}") for seed in _SEEDS]
        found = rows.group_by(by).agg(pl.len(), *hashes).collect(engine="streaming")
    return {key_of(value): tuple(sums) for value, *sums in found.iter_rows()}

"""Invalidates everything computed from a partition whose acceptance was revoked: it is blocked at once, so that it is no longer read."""

from collections.abc import Iterable

from platform_assets.declare.source import Source
from platform_assets.steps.layers import Layer, layers_of
from platform_assets.steps.run import Run, stretches
from platform_assets.steps.silver import silver_table
from platform_assets.steps.staleness import NOTHING_PLANNED
from platform_assets.stores.delta import Table


def withdraw_readers(source: Source, declarations: Iterable[object], run: Run) -> dict[Table, list[str]]:
    """Blocks every partition of a feature view, its checkpoints, a report or a training set that was computed from blocked silver of a
    source.

    It runs their steps for exactly these partitions: they refuse them and withdraw the existing rows.

    Args:
        declarations: upstream first, including those between them and the source, as in build_definitions; others are not changed.

    Returns:
        The keys of the newly blocked partitions, by table.
    """
    withdrawn, of_it = {}, {silver_table(source)}
    for layer in (layer for declaration in declarations for layer in layers_of(declaration)):
        if of_it.isdisjoint(layer.reads):
            continue
        of_it.update(layer.tables)
        if keys := _withdraw(layer, run):
            withdrawn[layer.tables[0]] = keys
    return withdrawn


def _withdraw(layer: Layer, run: Run) -> list[str]:
    there = [layer.partitions.number(key) for key in run.ledger.entries(layer.name)]
    if not layer.is_withdrawn or not there:
        return []
    stale_partitions = layer.stale_partitions(max(min(there), layer.partitions.first), max(there), run, NOTHING_PLANNED)
    refused: list[str] = []
    for first, last in stretches(sorted(p for p, one in stale_partitions.items() if one.is_taken_back)):
        refused += layer.make(first, last, run).refused
    return refused

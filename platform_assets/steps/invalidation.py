"""What was made of a partition that has been taken back: blocked at once, so that nobody goes on reading it."""

from collections.abc import Iterable

from platform_assets.declare.source import Source
from platform_assets.steps.layers import Layer, layers_of
from platform_assets.steps.run import Run, stretches
from platform_assets.steps.silver import silver_table
from platform_assets.steps.staleness import NOTHING_PLANNED
from platform_assets.stores.delta import Table


def withdraw_readers(source: Source, declarations: Iterable[object], run: Run) -> dict[Table, list[str]]:
    """Blocks every partition of a feature view, its checkpoints, a report or a training set that was made of blocked silver of a source.

    By the steps that make them: asked for exactly these, they refuse, and withdraw what is there.

    Args:
        declarations: upstream first, with those between them and the source, as build_definitions has them; others are left alone.

    Returns:
        The keys of the partitions that are blocked now and were not, by table.
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

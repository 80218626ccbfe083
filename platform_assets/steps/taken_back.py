"""What was made of a partition that has been taken back: blocked at once, so that nobody goes on reading it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from platform_assets.declare.checkpoints import months_of
from platform_assets.declare.partitions import Partitions
from platform_assets.declare.report import GoldTable
from platform_assets.declare.source import Source
from platform_assets.declare.training import TrainingSet
from platform_assets.declare.view import FeatureView
from platform_assets.steps.checkpoints import checkpoints_table, make_checkpoints
from platform_assets.steps.gold import gold_table, make_change_log, make_report
from platform_assets.steps.run import Done, Run, name_of, stretches
from platform_assets.steps.stale import checkpoints_to_make, report_to_make, training_to_make, view_to_make
from platform_assets.steps.to_make import ToMake
from platform_assets.steps.training import make_training, training_table
from platform_assets.stores.delta import Table


def withdraw_readers(source: Source, declarations: Iterable[object], run: Run) -> dict[Table, list[str]]:
    """Blocks every partition of a feature view, its checkpoints, a report or a training set that was made of blocked silver of a source.

    By the steps that make them: asked for exactly these, they refuse, and withdraw what is there. Attribute views are left as they are:
    a blocked partition has no updates, so the next run of it writes none (make_attributes). Models and predictions, too: they say what
    they were made of.

    Args:
        declarations: upstream first, as build_definitions has them; those that do not read the source are left alone.

    Returns:
        The keys of the partitions that are blocked now and were not, by table.
    """
    withdrawn = {}
    for declaration in declarations:
        for made in _made_of(source, declaration):
            if keys := _withdraw(made, run):
                withdrawn[made.table] = keys
    return withdrawn


@dataclass(frozen=True)
class _Made:
    table: Table
    partitions: Partitions
    to_make: Callable[[int, int, Run], dict[int, ToMake]]
    make: Callable[[int, int, Run], Done]


def _made_of(source: Source, declaration: object) -> Iterator[_Made]:
    """The tables of a declaration that are made of a source and can be withdrawn, upstream first."""
    if isinstance(declaration, FeatureView) and declaration.source is source and declaration.accuracy == "snapshot":
        if declaration.lifetime:
            kept, to_make, make = checkpoints_table(declaration), checkpoints_to_make, make_checkpoints
            yield _Made(kept, months_of(declaration), partial(to_make, declaration), partial(make, declaration))
        gold = gold_table(declaration)
        yield _Made(gold, source.partitions, partial(view_to_make, declaration), partial(make_change_log, declaration))
    elif isinstance(declaration, GoldTable) and declaration.source is source:
        gold = gold_table(declaration)
        yield _Made(gold, source.partitions, partial(report_to_make, declaration), partial(make_report, declaration))
    elif isinstance(declaration, TrainingSet) and any(one is source for one in _sources(declaration)):
        table = training_table(declaration)
        yield _Made(table, declaration.partitions, partial(training_to_make, declaration), partial(make_training, declaration))


def _sources(data: TrainingSet) -> list[Source]:
    return [data.labels.source, *(view.source for view in data.features.views)]


def _withdraw(made: _Made, run: Run) -> list[str]:
    there = [made.partitions.number(key) for key in run.ledger.entries(name_of(made.table))]
    if not there:
        return []
    to_make = made.to_make(max(min(there), made.partitions.first), max(there), run)
    refused: list[str] = []
    for first, last in stretches(sorted(p for p, one in to_make.items() if one.is_taken_back)):
        refused += made.make(first, last, run).refused
    return refused

"""Materializing what is missing or stale, through Dagster, with a progress display."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

import dagster as dg
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from platform_assets.assets.definitions import reached
from platform_assets.cli.running import materialize
from platform_assets.declare.attributes import AttributeView, View
from platform_assets.declare.partitions import Partitions
from platform_assets.declare.source import Source
from platform_assets.declare.view import FeatureView
from platform_assets.definitions import defs
from platform_assets.domains.retail import declarations as retail
from platform_assets.settings import load_settings
from platform_assets.sources.receive import raw_table
from platform_assets.steps.gold import online_table
from platform_assets.steps.layers import Layer, layers_of
from platform_assets.steps.model import predictions_table
from platform_assets.steps.online import stale_online
from platform_assets.steps.run import Run, counted, name_of
from platform_assets.steps.stale import stale_predictions, stale_raw
from platform_assets.stores.delta import Lake, Table
from platform_assets.stores.ledger import Ledger
from platform_assets.stores.online.connection import OnlineStore


@dataclass(frozen=True)
class Stage:
    """Assets that are materialized together, and which of their partitions have to be."""

    tables: tuple[Table, ...]
    partitions: Partitions
    stale: Callable[[int, int, Run], Iterable[int]]


@dataclass
class Made:
    """How many partitions of which tables were materialized."""

    partitions: dict[str, int] = field(default_factory=dict)


def stages() -> list[Stage]:
    """The layers of the shop, upstream first."""
    declared = reached(retail.RETAIL)
    sources = [one for one in declared if isinstance(one, Source)]
    views = [one for one in declared if isinstance(one, FeatureView | AttributeView) and one.online]
    others = [one for one in declared if not isinstance(one, Source)]
    return [
        *(Stage((raw_table(one),), one.partitions, partial(stale_raw, one)) for one in sources),
        *(Stage(layer.tables, layer.partitions, _stale(layer)) for one in (*sources, *others) for layer in layers_of(one)),
        *(Stage((online_table(one),), one.source.partitions, partial(_stale_online, one)) for one in views),
    ]


def _stale(layer: Layer) -> Callable[[int, int, Run], Iterable[int]]:
    if layer.tables[0] == predictions_table(retail.churn):
        return partial(stale_predictions, retail.churn)
    return lambda first, last, run: layer.to_make(first, last, run, {})


def _stale_online(view: View, first: int, last: int, run: Run) -> list[int]:
    return stale_online(view, first, last, run, online_store())


def online_store() -> OnlineStore:
    """The store that the demo has started, or was told of."""
    settings = load_settings()
    assert settings.redis_url is not None, "the demo has set it"
    return OnlineStore(settings.redis_url.get_secret_value(), settings.project)


def materialize_stale(console: Console) -> Made:
    """Runs each stage over the stretch of its stale partitions; a stage with none is not run."""
    settings, made = load_settings(), Made()
    columns = (SpinnerColumn(), TextColumn("{task.description:<34}"), BarColumn(bar_width=20), MofNCompleteColumn(), TimeElapsedColumn())
    with dg.DagsterInstance.get() as instance, Progress(*columns, console=console, transient=True) as progress:
        todo = stages()
        task = progress.add_task("", total=len(todo))
        for stage in todo:
            names = ", ".join(name_of(table) for table in stage.tables)
            progress.update(task, description=names)
            lake = Lake(str(settings.lake_root))
            first, last = stage.partitions.first, stage.partitions.last
            assert last is not None, "the shop's days have an end"
            wanted = sorted(stage.stale(first, last, Run(lake, Ledger(lake), "plan", settings.clock())))
            if wanted:
                materialize(defs, stage.tables, stage.partitions, wanted[0], wanted[-1], instance)
                made.partitions |= {name_of(table): wanted[-1] - wanted[0] + 1 for table in stage.tables}
                if not console.is_terminal:  # where no bar can be drawn, as in CI
                    console.print(f"  {names}: {counted(wanted[-1] - wanted[0] + 1, 'partition')}", soft_wrap=True)
            progress.advance(task)
    return made

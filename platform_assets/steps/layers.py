"""The tables of each declaration downstream of raw, what they read, and how their stale partitions are found."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from platform_assets.declare.attributes import AttributeView, View
from platform_assets.declare.checkpoints import months_of
from platform_assets.declare.model import Model
from platform_assets.declare.partitions import Partitions
from platform_assets.declare.report import GoldTable
from platform_assets.declare.source import Source
from platform_assets.declare.training import TrainingSet
from platform_assets.declare.view import FeatureView
from platform_assets.errors import DeclarationError
from platform_assets.sources.receive import raw_table
from platform_assets.steps.checkpoints import checkpoints_table, make_checkpoints
from platform_assets.steps.gold import gold_table, make_attributes, make_change_log, make_report, online_table
from platform_assets.steps.model import make_model, make_predictions, model_table, predictions_table
from platform_assets.steps.reading import layer_of, table_of
from platform_assets.steps.run import Done, Run, name_of
from platform_assets.steps.silver import make_silver, quarantine_table, silver_table
from platform_assets.steps.stale_tables import (
    predictions_out_of_date,
    stale_checkpoints,
    stale_gold,
    stale_models,
    stale_predictions,
    stale_report,
    stale_silver,
    stale_training,
)
from platform_assets.steps.staleness import Plan, StalePartition
from platform_assets.steps.training import make_training, training_table
from platform_assets.stores.delta import Table


@dataclass(frozen=True)
class Layer:
    """Tables that one step writes together."""

    tables: tuple[Table, ...]
    partitions: Partitions
    reads: tuple[Table, ...]
    version: str
    """The declaration's version."""
    stale_partitions: Callable[[int, int, Run, Plan], dict[int, StalePartition]]
    """Returns the stale partitions among first..last, given the plan for other tables."""
    make: Callable[[int, int, Run], Done]
    """The step: takes the partitions first..last and a run."""
    is_withdrawn: bool = False
    """Whether a run of the step blocks existing partitions that were computed from rows which are now blocked."""
    by_event_time: bool = False
    """Whether new rows can belong to any earlier partition, so that no mapping from the arrived partition exists."""
    is_pinned: bool = False
    """Whether existing partitions pin the versions they were computed from, and stay valid when these change."""
    starts_from: tuple[Table, ...] = ()
    """Other tables of the same declaration that it needs: checkpoints, a model."""
    from_their_beginning: bool = False
    """Whether a partition can be computed when its time begins: a checkpoint is the state at the start of a month."""
    only_by_hand: Callable[[int, int, Run, Plan], Iterable[int]] = lambda first, last, run, plan: ()
    """Partitions that are only recomputed on request, in a backfill: predictions for which there is a newer model."""

    @property
    def name(self) -> str:
        return name_of(self.tables[0])

    def newest(self, now: datetime) -> int:
        """The last partition that can exist at a time."""
        newest = self.partitions.index(now) - (0 if self.from_their_beginning else 1)
        return newest if self.partitions.last is None else min(newest, self.partitions.last)


def layers_of(declaration: object) -> Iterator[Layer]:
    """The layers of a declaration downstream of raw, in materialization order. A service or a temporal view has no table."""
    if isinstance(declaration, Source):
        tables = (silver_table(declaration), quarantine_table(declaration))
        stale_partitions, make = partial(stale_silver, declaration), partial(make_silver, declaration)
        yield Layer(tables, declaration.partitions, (raw_table(declaration),), declaration.version, stale_partitions, make)
    elif isinstance(declaration, FeatureView):
        if declaration.accuracy == "snapshot":
            yield from _of_a_view(declaration)
    elif isinstance(declaration, AttributeView):
        # Not withdrawn: a blocked partition of a state has no updates, so its next run writes none (make_attributes).
        stale_partitions, make = partial(stale_gold, declaration), partial(make_attributes, declaration)
        silver = (silver_table(declaration.source),)
        yield Layer((gold_table(declaration),), declaration.source.partitions, silver, declaration.version, stale_partitions, make)
    elif isinstance(declaration, GoldTable):
        stale_partitions, make = partial(stale_report, declaration), partial(make_report, declaration)
        gold, silver, days = (gold_table(declaration),), (silver_table(declaration.source),), declaration.source.partitions
        yield Layer(gold, days, silver, declaration.version, stale_partitions, make, is_withdrawn=True, by_event_time=True)
    elif isinstance(declaration, TrainingSet):
        stale_partitions, make = partial(stale_training, declaration), partial(make_training, declaration)
        features = (table_of(view, layer_of(view, declaration.features_from)) for view in declaration.features.views)
        of_labels = [silver_table(declaration.labels.source)] if declaration.labels.source else []
        joined = tuple(dict.fromkeys((*of_labels, *features)))
        table, months = (training_table(declaration),), declaration.partitions
        yield Layer(table, months, joined, declaration.version, stale_partitions, make, is_withdrawn=True, is_pinned=True)
    elif isinstance(declaration, Model):
        yield from _of_a_model(declaration)


def _of_a_view(view: FeatureView) -> Iterator[Layer]:
    silver = (silver_table(view.source),)
    if view.lifetime:
        stale_partitions, make, table = partial(stale_checkpoints, view), partial(make_checkpoints, view), (checkpoints_table(view),)
        yield Layer(table, months_of(view), silver, view.version, stale_partitions, make, is_withdrawn=True, from_their_beginning=True)
    stale_partitions, make = partial(stale_gold, view), partial(make_change_log, view)
    states = (checkpoints_table(view),) if view.lifetime else ()
    yield Layer(
        (gold_table(view),), view.source.partitions, silver, view.version, stale_partitions, make, is_withdrawn=True, starts_from=states
    )


def _of_a_model(model: Model) -> Iterator[Layer]:
    """Neither is withdrawn: a model and its predictions record what they were computed from."""
    data = model.training_set
    trained_on, stale_partitions, make = (training_table(data),), partial(stale_models, model), partial(make_model, model)
    yield Layer((model_table(model),), data.partitions, trained_on, model.version, stale_partitions, make, is_pinned=True)
    features = tuple(dict.fromkeys(table_of(view, layer_of(view)) for view in data.features.views))
    days, stale_partitions, make = (
        data.features.views[0].source.partitions,
        partial(stale_predictions, model),
        partial(make_predictions, model),
    )
    table, trained, newer = (predictions_table(model),), (model_table(model),), partial(predictions_out_of_date, model)
    yield Layer(table, days, features, model.version, stale_partitions, make, starts_from=trained, only_by_hand=newer)


def made_twice(table: Table) -> DeclarationError:
    """The error for two declarations with the same table."""
    return DeclarationError(f"two declarations are named {table[0]!r}, and both would write {name_of(table)}. Rename one.")


class Graph:
    """The tables of declarations, upstream first, and their dependencies."""

    def __init__(self, declarations: Iterable[object]) -> None:
        self.declarations = tuple(declarations)
        self.layers = tuple(layer for declaration in self.declarations for layer in layers_of(declaration))

    @property
    def sources(self) -> list[Source]:
        return [one for one in self.declarations if isinstance(one, Source)]

    @property
    def online_views(self) -> list[View]:
        """The views that are published to the online store."""
        return [one for one in self.declarations if isinstance(one, FeatureView | AttributeView) and one.online]

    def upstream(self, tables: Iterable[Table]) -> set[Table]:
        """These tables and everything upstream of them."""
        needed = set(tables)
        needed |= {gold_table(view) for view in self.online_views if online_table(view) in needed}
        for layer in reversed(self.layers):
            if not needed.isdisjoint(layer.tables):
                needed.update(layer.reads, layer.starts_from)
        return needed

    def readers(self, tables: Iterable[Table]) -> list[Layer]:
        """The layers that read one of these tables."""
        changed = set(tables)
        return [layer for layer in self.layers if not changed.isdisjoint(layer.reads)]

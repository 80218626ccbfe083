"""A feature view: features of one entity from one source."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Literal, get_args

from platform_assets.declare.arguments import assign, boolean, checked_arguments, list_of, one_of, shown
from platform_assets.declare.durations import positive
from platform_assets.declare.engines import EngineName, check_engine
from platform_assets.declare.entity import Entity, is_renamed, key_columns
from platform_assets.declare.features import Derived, Feature, Measure, Window, is_time_since, measure
from platform_assets.declare.freshness import WhenStale, check_is_online, declared_limit, declared_reaction
from platform_assets.declare.names import RESERVED_COLUMNS, check_description, check_name, check_owners, check_tags
from platform_assets.declare.selected import SelectedFeatures, changed, selected
from platform_assets.declare.source import Source
from platform_assets.declare.source_kinds import refuse_snapshot
from platform_assets.declare.version import version_of
from platform_assets.errors import DeclarationError
from platform_assets.expressions import Expression, parse
from platform_assets.expressions.types import DataType, FeatureType

Accuracy = Literal["snapshot", "temporal"]
TILES = (timedelta(seconds=5), timedelta(seconds=30), timedelta(minutes=5), timedelta(hours=1), timedelta(days=1))
"""The tiles that a temporal window's start is rounded down to: the largest that is at most a tenth of the window."""

_CHECKPOINTS = 2
"""The version of the checkpoint layout: checkpoints of an earlier layout are recomputed."""


@dataclass(frozen=True)
class StoredFeature:
    """One column of a feature view's table: a measure over one window."""

    measure: Measure
    window: Window

    @property
    def name(self) -> str:
        return self.measure.name

    @property
    def served_type(self) -> FeatureType:
        """The type of the value that a reader gets: a time since last becomes seconds."""
        return "float" if is_time_since(self.measure.aggregation) else self.measure.type


@dataclass(frozen=True)
class DerivedFeature:
    """A feature computed from stored ones at read time."""

    name: str
    expression: Expression

    @property
    def served_type(self) -> DataType:
        return self.expression.type


@dataclass(frozen=True, init=False)
class FeatureView:
    """Features of an entity from the events of a source.

    Args:
        name: of the view; its features are read as `name__feature`.
        entity: the entity that the features describe.
        source: the source of the events.
        features: aggregations over windows, and features derived from them.
        keys: for each of the entity's keys the column of the source that holds it, such as {"station_id": "end_station"}, if the
            column has a different name: so two views of one source can describe one entity through different columns. The view's tables use
            the entity's names. Default: columns named like the keys.
        accuracy: "snapshot": one value per entity and partition, over windows that end where the partition ends. "temporal": values at
            the exact time of reading, computed from silver; the start of a window is rounded down to a tile.
        tile: with temporal accuracy, such as "1m". Default: the largest of 5 s, 30 s, 5 min, 1 h, 1 d that is at most a tenth of the
            window.
        online: whether the values are published to the online store.
        max_staleness: online: how old the watermark may be, such as "2d". Default: up to one partition after the next one should have been
            published, given the partitions, data_delay and empty_after of the source.
        when_stale: online: what a reader gets when values are older: "serve" them, "null" instead, or "fail". Default: "fail" if
            max_staleness is declared, otherwise "serve". Every response names the stale views.
        description: shown on its tables.
        owners: "team:growth" or e-mail addresses. Default: those of the source.
        tags: shown on all its tables. Default: those of the source.
        engine: the engine that computes it: "polars" or "spark". Default: that of the source, or the setting PLATFORM_ENGINE.

    >>> customer_spend = FeatureView("customer_spend", entity=customer, source=orders, features=[count().over("7d")])
    """

    name: str
    entity: Entity
    source: Source
    keys: tuple[tuple[str, str], ...]
    stored: tuple[StoredFeature, ...]
    derived: tuple[DerivedFeature, ...]
    accuracy: Accuracy
    online: bool
    max_staleness: timedelta | None
    when_stale: WhenStale | None
    description: str
    owners: tuple[str, ...]
    tags: tuple[tuple[str, str], ...]
    engine: EngineName | None

    @checked_arguments("feature view")
    def __init__(
        self,
        name: str,
        *,
        entity: Entity,
        source: Source,
        features: Sequence[Feature | Derived],
        keys: Mapping[str, str] | None = None,
        accuracy: Accuracy = "snapshot",
        tile: str | None = None,
        online: bool = False,
        max_staleness: str | None = None,
        when_stale: WhenStale | None = None,
        description: str = "",
        owners: Sequence[str] = (),
        tags: Mapping[str, str] | None = None,
        engine: EngineName | None = None,
    ) -> None:
        where = f"feature view {name!r}"
        check_name(name, where)
        if not isinstance(entity, Entity):
            raise DeclarationError(f"{where}, entity: {shown(entity)} is not an Entity. Write Entity('customer', keys=['customer_id']).")
        if not isinstance(source, Source):
            raise DeclarationError(f"{where}, source: {shown(source)} is not a source. Declare it with @source(...).")
        refuse_snapshot(source.kind, source.name, where)
        columns = key_columns(entity, source, keys, where, online=online is True)
        stored: list[StoredFeature] = []
        declared = list_of(features, f"{where}, features", "features=[count().over('7d')]")
        for feature in declared:
            if isinstance(feature, Feature):
                stored += _stored(feature, source, where)
            elif not isinstance(feature, Derived):
                raise DeclarationError(
                    f"{where}, features: {shown(feature)} is not a feature. Write count().over('7d') or derive('name', '...')."
                )
        if not stored:
            raise DeclarationError(f"{where} has no features. Write features=[count().over('7d')].")
        one_of(accuracy, get_args(Accuracy), f"{where}, accuracy", "accuracy")
        if accuracy == "temporal":
            stored = _tiled(stored, tile, where)
            if online is True:
                raise DeclarationError(
                    f"{where}, online: serving temporal values online needs a stream, and there are no streams yet. Leave "
                    "online=True out and read it with historical_features, or declare accuracy='snapshot'."
                )
        elif tile is not None:
            raise DeclarationError(
                f"{where}, tile: windows of snapshots are not rounded. Leave tile={shown(tile)} out, or declare accuracy='temporal'."
            )
        derived = _derived([f for f in declared if isinstance(f, Derived)], stored, where)
        _check_clashes([*stored, *derived], entity, where)
        check_is_online(online is True, max_staleness, when_stale, where)
        assign(
            self,
            name=name,
            entity=entity,
            source=source,
            keys=columns,
            stored=tuple(stored),
            derived=tuple(derived),
            accuracy=accuracy,
            online=boolean(online, f"{where}, online"),
            max_staleness=declared_limit(max_staleness, where),
            when_stale=declared_reaction(when_stale, where),
            description=check_description(description, where),
            owners=check_owners(owners, where) or source.owners,
            tags=check_tags(tags, where) or source.tags,
            engine=check_engine(engine, where) or source.engine,
        )

    def select(self, *features: str) -> "SelectedFeatures[FeatureView]":
        """Selects features, for a service that does not need the others. Features that a derived one reads need not be listed.

        >>> FeatureService("checkout", [customer_spend.select("count_7d")]).features
        {'customer_spend__count_7d': 'int'}
        """
        return selected(self, features)

    def only(self, names: Sequence[str]) -> "FeatureView":
        """The same view restricted to these features and those that derived ones among them read. Its tables are the same."""
        derived = tuple(feature for feature in self.derived if feature.name in names)
        needed = {*names, *(column for feature in derived for column in feature.expression.columns)}
        return changed(self, stored=tuple(feature for feature in self.stored if feature.name in needed), derived=derived)

    @cached_property
    def version(self) -> str:
        """Changes whenever a value could change: with the source's version, the keys, and the meaning of each feature."""
        meaning: dict[str, Any] = {
            "view": self.name,
            "source": self.source.version,
            "keys": self.entity.keys,
            "stored": [[*f.measure.meaning, f.window.length, f.window.offset, f.window.closed] for f in self.stored],
            "derived": [[f.name, f.expression.canonical] for f in self.derived],
        }
        if is_renamed(self.keys):
            meaning["columns"] = self.keys
        if self.accuracy == "temporal":
            meaning["tiles"] = [f.window.tile for f in self.stored]
        if self.lifetime:
            meaning["checkpoints"] = _CHECKPOINTS
        return version_of(meaning)

    @cached_property
    def reach(self) -> timedelta:
        """How far back from its anchor a snapshot looks: the longest window with a start, plus its offset."""
        return max(feature.window.reach for feature in self.stored)

    @cached_property
    def reads_back(self) -> int:
        """How many arrival partitions before its own a snapshot reads at most: one more than the windows span, because rows leave them."""
        return self.source.partitions.most_within(self.reach + self.source.clock_skew)

    def reads_from(self, partition: int) -> int:
        """The first arrival partition that a snapshot reads: rows that leave its windows were inside them at the previous snapshot."""
        partitions = self.source.partitions
        return max(partitions.first, partitions.index(partitions.starts_at(partition) - self.reach - self.source.clock_skew))

    @property
    def lookback(self) -> int | None:
        """How many partitions back the last row of an entity with values can be; None: any number, with a lifetime window."""
        return None if self.lifetime else self.reads_back + 1

    @cached_property
    def lifetime(self) -> tuple[StoredFeature, ...]:
        """Its features over windows without a start. Their states are stored in checkpoints (declare/checkpoints.py)."""
        return tuple(feature for feature in self.stored if feature.window.length is None)

    def valid_from(self, partition: int) -> datetime:
        """The time from which the snapshot of a partition may be read."""
        return self.source.partitions.ends_at(partition) + self.source.data_delay

    def arrivals_read(self, first: datetime, last: datetime) -> range:
        """The arrival partitions that values at times from first to last are computed from."""
        partitions, delay = self.source.partitions, self.source.data_delay
        newest = partitions.index(last - delay) - 1
        if self.accuracy == "temporal":
            oldest = partitions.index(first - self.reach - self.source.clock_skew)  # a row arrives at most clock_skew before its event time
        else:
            snapshot = partitions.index(first - delay) - 1
            if partitions.last is not None:  # after the source's end the last snapshot remains
                snapshot = min(snapshot, partitions.last)
            oldest = partitions.first if self.lifetime else self.reads_from(snapshot)
        return range(max(oldest, partitions.first), newest + 1)

    @property
    def key_columns(self) -> dict[str, str]:
        """For each of the entity's keys, in their order, the column of the source that holds it."""
        return dict(self.keys)

    @property
    def key_types(self) -> dict[str, DataType]:
        """The types of the entity's keys: those of the source's columns that hold them."""
        return {key: self.source.types[column] for key, column in self.keys}

    @property
    def served(self) -> dict[str, FeatureType]:
        """The names and types of the features that a reader gets, stored and derived."""
        features: list[StoredFeature | DerivedFeature] = [*self.stored, *self.derived]
        return {feature.name: feature.served_type for feature in features}


def _stored(feature: Feature, source: Source, where: str) -> list[StoredFeature]:
    place = f"{where}, {feature}, source {source.name!r}"
    plain = isinstance(feature.argument, str) and feature.argument in source.types
    spans = feature.spans(where)
    measured = measure(feature, source.types, place)
    return [StoredFeature(replace(measured, name=feature.name_over(window.text, where, plain)), window) for window in spans]


def _tiled(stored: list[StoredFeature], tile: str | None, where: str) -> list[StoredFeature]:
    """The features with tiled windows, for temporal accuracy."""
    declared = None if tile is None else positive(tile, f"{where}, tile")
    found = []
    for feature in stored:
        place, window = f"{where}, feature {feature.name!r}", feature.window
        if window.closed != "left":
            raise DeclarationError(
                f"{place}: closed={window.closed!r} is for snapshots. With temporal accuracy a window begins with a tile and ends before "
                "the read time. Leave closed out."
            )
        if window.length is None:
            raise DeclarationError(
                f"{place}: a lifetime window needs checkpoints, which belong to snapshots. Declare it in a view with accuracy='snapshot'."
            )
        fitting = [each for each in TILES if each <= window.length / 10] if declared is None else [declared]
        if not fitting or fitting[-1] > window.length:
            why = "is shorter than its tile" if fitting else "is so short that no tile is a tenth of it"
            fix = f"Leave tile={tile!r} out" if fitting else "Declare tile='1s'"
            raise DeclarationError(f"{place}: its window of {window.text} {why}. {fix}, or declare a longer window.")
        found.append(replace(feature, window=replace(window, tile=fitting[-1])))
    return found


def _derived(derived: list[Derived], stored: list[StoredFeature], where: str) -> list[DerivedFeature]:
    types: dict[str, FeatureType] = {feature.name: feature.served_type for feature in stored}
    found: dict[str, DataType] = {}
    features: list[DerivedFeature] = []
    for feature in derived:
        place = f"{where}, derive({feature.name!r})"
        check_name(feature.name, place)
        expression = parse(feature.sql, columns={**found, **types}, where=place)
        for name in expression.columns:
            if name not in types:
                raise DeclarationError(
                    f"{place}: {name!r} is itself derived, and a feature can only be derived from stored ones. Write out its expression."
                )
        found[feature.name] = expression.type
        features.append(DerivedFeature(feature.name, expression))
    return features


def _check_clashes(features: list[StoredFeature | DerivedFeature], entity: Entity, where: str) -> None:
    seen: set[str] = set()
    for feature in features:
        if feature.name in seen:
            raise DeclarationError(f"{where}: two features are named {feature.name!r}. Give one of them another name.")
        if feature.name in entity.keys or feature.name in RESERVED_COLUMNS:
            raise DeclarationError(
                f"{where}: the feature {feature.name!r} has the name of a column that the table already has. Give it another name."
            )
        seen.add(feature.name)

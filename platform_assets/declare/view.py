"""A feature view: features of one entity from one source."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property

from platform_assets.declare.arguments import checked_arguments, list_of, shown, text, yes_or_no
from platform_assets.declare.entity import Entity, check_keys
from platform_assets.declare.features import Derived, Feature, Measure, Window, is_time_since, measure
from platform_assets.declare.names import RESERVED_COLUMNS, check_name, check_owners, check_tags
from platform_assets.declare.source import Source
from platform_assets.declare.version import version_of
from platform_assets.errors import DeclarationError
from platform_assets.expressions import Expression, parse
from platform_assets.expressions.types import DataType, FeatureType


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
        """The type of the value that a reader gets: a time since becomes seconds."""
        return "float" if is_time_since(self.measure.aggregation) else self.measure.type


@dataclass(frozen=True)
class DerivedFeature:
    """A feature computed from stored ones when they are read."""

    name: str
    expression: Expression

    @property
    def served_type(self) -> DataType:
        return self.expression.type


@dataclass(frozen=True, init=False)
class FeatureView:
    """Features of an entity from the events of a source; one value for each entity and partition (snapshot accuracy).

    >>> customer_spend = FeatureView("customer_spend", entity=customer, source=orders, features=[count().over("7d")])
    """

    name: str
    entity: Entity
    source: Source
    stored: tuple[StoredFeature, ...]
    derived: tuple[DerivedFeature, ...]
    online: bool
    description: str
    owners: tuple[str, ...]
    tags: tuple[tuple[str, str], ...]

    @checked_arguments("feature view")
    def __init__(
        self,
        name: str,
        *,
        entity: Entity,
        source: Source,
        features: Sequence[Feature | Derived],
        online: bool = False,
        description: str = "",
        owners: Sequence[str] = (),
        tags: Mapping[str, str] | None = None,
    ) -> None:
        where = f"feature view {name!r}"
        check_name(name, where)
        if not isinstance(entity, Entity):
            raise DeclarationError(f"{where}, entity: {shown(entity)} is no Entity. Write Entity('customer', keys=['customer_id']).")
        if not isinstance(source, Source):
            raise DeclarationError(f"{where}, source: {shown(source)} is no source. Declare it with @source(...).")
        check_keys(entity, source, where, online=online is True)
        stored: list[StoredFeature] = []
        declared = list_of(features, f"{where}, features", "features=[count().over('7d')]")
        for feature in declared:
            if isinstance(feature, Feature):
                stored += _stored(feature, source, where)
            elif not isinstance(feature, Derived):
                raise DeclarationError(
                    f"{where}, features: {shown(feature)} is no feature. Write count().over('7d') or derive('name', '...')."
                )
        if not stored:
            raise DeclarationError(f"{where} has no features. Write features=[count().over('7d')].")
        derived = _derived([f for f in declared if isinstance(f, Derived)], stored, where)
        _check_clashes([*stored, *derived], entity, where)
        values = {
            "name": name,
            "entity": entity,
            "source": source,
            "stored": tuple(stored),
            "derived": tuple(derived),
            "online": yes_or_no(online, f"{where}, online"),
            "description": text(description, f"{where}, description", "description='...'"),
            "owners": check_owners(owners, where) or source.owners,
            "tags": check_tags(tags, where) or source.tags,
        }
        for attribute, value in values.items():
            object.__setattr__(self, attribute, value)

    @cached_property
    def version(self) -> str:
        """Changes when a value could: with the source's version, the keys, and what each feature means."""
        return version_of(
            {
                "view": self.name,
                "source": self.source.version,
                "keys": self.entity.keys,
                "stored": [[*f.measure.meaning, f.window.length, f.window.offset, f.window.closed] for f in self.stored],
                "derived": [[f.name, f.expression.canonical] for f in self.derived],
            }
        )

    @cached_property
    def reach(self) -> timedelta:
        """How far back from its anchor a snapshot looks: the largest window that has a start, and its offset."""
        return max(feature.window.reach for feature in self.stored)

    @cached_property
    def reads_back(self) -> int:
        """How many arrival partitions before its own a snapshot reads: one more than windows last, since rows leave."""
        return -(-self.reach // self.source.partitions.step)

    @property
    def lookback(self) -> int | None:
        """How many partitions back the last row of an entity that still has values may lie; None: any number, of a lifetime."""
        return None if self.lifetime else self.reads_back + 1

    @cached_property
    def lifetime(self) -> tuple[StoredFeature, ...]:
        """Its features over windows that have no start. Their states are kept in checkpoints (declare/checkpoints.py)."""
        return tuple(feature for feature in self.stored if feature.window.length is None)

    def valid_from(self, partition: int) -> datetime:
        """From when the snapshot of a partition may be read."""
        return self.source.partitions.ends_at(partition) + self.source.data_delay

    @property
    def key_types(self) -> dict[str, DataType]:
        return {key: self.source.types[key] for key in self.entity.keys}

    @property
    def served(self) -> dict[str, FeatureType]:
        """What a reader gets: names and types of stored and derived features."""
        features: list[StoredFeature | DerivedFeature] = [*self.stored, *self.derived]
        return {feature.name: feature.served_type for feature in features}


def _stored(feature: Feature, source: Source, where: str) -> list[StoredFeature]:
    place = f"{where}, {feature}, source {source.name!r}"
    plain = isinstance(feature.argument, str) and feature.argument in source.types
    spans = feature.spans(where)
    measured = measure(feature, source.types, place)
    return [StoredFeature(replace(measured, name=feature.name_over(window.text, where, plain)), window) for window in spans]


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
                    f"{place}: {name!r} is derived itself, and a feature is derived from stored ones. Write out what it is."
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
                f"{where}: the feature {feature.name!r} has the name of a column that the table has already. Give it another name."
            )
        seen.add(feature.name)

"""An attribute view: what is known about an entity, from the updates of a state source."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from platform_assets.declare.arguments import assign, boolean, checked_arguments, names_of, shown
from platform_assets.declare.engines import EngineName, check_engine
from platform_assets.declare.entity import Entity, is_renamed, key_columns
from platform_assets.declare.freshness import WhenStale, check_is_online, declared_limit, declared_reaction
from platform_assets.declare.names import check_description, check_name, check_owners, check_tags
from platform_assets.declare.selected import SelectedFeatures, changed, selected
from platform_assets.declare.source import Source
from platform_assets.declare.version import version_of
from platform_assets.declare.view import FeatureView
from platform_assets.errors import DeclarationError
from platform_assets.expressions.types import DataType

EVENT_TIME = "_event_time"
"""The column of gold by which readers order an entity's rows. It cannot clash: declared names never begin with an underscore."""


@dataclass(frozen=True, init=False)
class AttributeView:
    """Attributes of an entity: the latest whole row among all updates that may be read. A change to null is a change.

    The latest row has the greatest event time; ties go to the one that arrived last. So a late, older update replaces nothing.
    Values never expire.

    Args:
        name: of the view; its attributes are read as `name__attribute`.
        entity: the entity it describes; the entity's keys are the source's key.
        source: of kind "state" or "snapshot".
        attributes: columns or flags of the source.
        keys: for each of the entity's keys the column of the source that holds it, such as {"customer_id": "id"}, if the column has
            a different name. The view's tables use the entity's names. Default: columns named like the keys.
        online: whether the values are published to the online store.
        max_staleness: online: how old the watermark may be, such as "2d". Default: up to one partition after the next one should have been
            published, given the partitions, data_delay and empty_after of the source.
        when_stale: online: what a reader gets when values are older: "serve" them, "null" instead, or "fail". Default: "fail" if
            max_staleness is declared, otherwise "serve". Every response names the stale views.
        description: shown on its tables.
        owners: "team:growth" or e-mail addresses. Default: those of the source.
        tags: shown on all its tables. Default: those of the source.
        engine: the engine that computes it: "polars" or "spark". Default: that of the source, or the setting PLATFORM_ENGINE.

    >>> @source(schema=OrderLine, event_time="ordered_at", partitions=daily("2024-01-01"), kind="state", key=["customer_id"])
    ... def customers(arrival):
    ...     return arrival.read_csv("customers/{day}.csv")
    >>> profile = AttributeView("customer_profile", entity=customer, source=customers, attributes=["country"], online=True)
    >>> profile.served
    {'country': 'str'}
    """

    name: str
    entity: Entity
    source: Source
    keys: tuple[tuple[str, str], ...]
    attributes: tuple[str, ...]
    online: bool
    max_staleness: timedelta | None
    when_stale: WhenStale | None
    description: str
    owners: tuple[str, ...]
    tags: tuple[tuple[str, str], ...]
    engine: EngineName | None

    @checked_arguments("attribute view")
    def __init__(
        self,
        name: str,
        *,
        entity: Entity,
        source: Source,
        attributes: Sequence[str],
        keys: Mapping[str, str] | None = None,
        online: bool = False,
        max_staleness: str | None = None,
        when_stale: WhenStale | None = None,
        description: str = "",
        owners: Sequence[str] = (),
        tags: Mapping[str, str] | None = None,
        engine: EngineName | None = None,
    ) -> None:
        where = f"attribute view {name!r}"
        check_name(name, where)
        if not isinstance(entity, Entity):
            raise DeclarationError(f"{where}, entity: {shown(entity)} is not an Entity. Write Entity('customer', keys=['customer_id']).")
        if not isinstance(source, Source):
            raise DeclarationError(f"{where}, source: {shown(source)} is not a source. Declare it with @source(..., kind='state').")
        if source.kind not in ("state", "snapshot"):
            raise DeclarationError(
                f"{where}, source: {source.name!r} has kind {source.kind!r}, whose rows are never replaced by later ones. Declare it "
                "with kind='state', or use a "
                "FeatureView: last('...').over('30d')."
            )
        held = key_columns(entity, source, keys, where, online=online is True)
        if {column for _, column in held} != set(source.key):
            by = f", held by {[column for _, column in held]}" if is_renamed(held) else ""
            raise DeclarationError(
                f"{where}: entity {entity.name!r} has the keys {list(entity.keys)}{by}, source {source.name!r} is keyed by "
                f"{list(source.key)}. They must match: correct one of them, or name the column that holds each key: keys={{...}}."
            )
        columns = names_of(attributes, f"{where}, attributes", "attributes=['segment']")
        if not columns:
            raise DeclarationError(f"{where} has no attributes. Write attributes=['segment'].")
        for column in columns:
            source.require(column, f"{where}, attributes, source {source.name!r}")
            if column in dict(held).values():
                raise DeclarationError(f"{where}, attributes: {column!r} is a key, which every reader already has. Leave it out.")
            if column in entity.keys:
                raise DeclarationError(
                    f"{where}, attributes: {column!r} is a column of source {source.name!r} and the name of a key of entity "
                    f"{entity.name!r}, which {dict(held)[column]!r} holds. Give the entity's key another name, or leave the attribute out."
                )
        check_is_online(online is True, max_staleness, when_stale, where)
        assign(
            self,
            name=name,
            entity=entity,
            source=source,
            keys=held,
            attributes=columns,
            online=boolean(online, f"{where}, online"),
            max_staleness=declared_limit(max_staleness, where),
            when_stale=declared_reaction(when_stale, where),
            description=check_description(description, where),
            owners=check_owners(owners, where) or source.owners,
            tags=check_tags(tags, where) or source.tags,
            engine=check_engine(engine, where) or source.engine,
        )

    def select(self, *attributes: str) -> "SelectedFeatures[AttributeView]":
        """Some of its attributes, for a service that does not need the others."""
        return selected(self, attributes)

    def only(self, names: Sequence[str]) -> "AttributeView":
        """The same view restricted to these attributes. Its tables are the same."""
        return changed(self, attributes=tuple(attribute for attribute in self.attributes if attribute in names))

    @cached_property
    def version(self) -> str:
        """Changes whenever a value could change: with the source's version, the keys and the attributes."""
        meaning: dict[str, Any] = {"attributes": self.name, "source": self.source.version}
        meaning |= {"keys": self.entity.keys, "columns": list(self.attributes)}
        if is_renamed(self.keys):
            meaning["held by"] = self.keys
        return version_of(meaning)

    @property
    def reach(self) -> timedelta:
        """How far back a partition looks from its end: it holds the updates that arrived in it."""
        return timedelta(0)

    @property
    def reads_back(self) -> int:
        """How many arrival partitions before its own a partition reads."""
        return 0

    def reads_from(self, partition: int) -> int:
        """The first arrival partition that a partition reads: its own."""
        return partition

    @property
    def lookback(self) -> None:
        """Values never expire: the row of an entity may lie in any partition."""
        return None

    def valid_from(self, partition: int) -> datetime:
        """The time from which the updates of a partition may be read."""
        return self.source.partitions.ends_at(partition) + self.source.data_delay

    def arrivals_read(self, first: datetime, last: datetime) -> range:
        """The arrival partitions that values at times from first to last are computed from: all that had arrived."""
        return range(self.source.partitions.first, self.source.partitions.index(last - self.source.data_delay))

    @property
    def key_columns(self) -> dict[str, str]:
        """For each of the entity's keys, in their order, the column of the source that holds it."""
        return dict(self.keys)

    @property
    def key_types(self) -> dict[str, DataType]:
        """The types of the entity's keys: those of the source's columns that hold them."""
        return {key: self.source.types[column] for key, column in self.keys}

    @property
    def served(self) -> dict[str, DataType]:
        """The names and types of the attributes that a reader gets."""
        return {attribute: self.source.types[attribute] for attribute in self.attributes}


View = FeatureView | AttributeView
"""The views that a feature service can read."""

"""What a model is trained on: a feature service, and the training set that joins labels with its features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, get_args

from platform_assets.declare.arguments import assign, checked_arguments, list_of, one_of, shown
from platform_assets.declare.attributes import View
from platform_assets.declare.engines import EngineName, check_engine
from platform_assets.declare.entity import Entity, is_renamed, key_columns
from platform_assets.declare.freshness import Freshness, WhenStale, declared_limit, declared_reaction
from platform_assets.declare.names import check_description, check_name, check_owners, check_tags
from platform_assets.declare.on_demand import OnDemand, OnDemandFeature, checked_on_demand
from platform_assets.declare.partitions import MICROSECOND, Partitions
from platform_assets.declare.selected import SelectedFeatures, all_features, full_names, ordered
from platform_assets.declare.version import version_of
from platform_assets.declare.view import FeatureView
from platform_assets.errors import DeclarationError, unknown
from platform_assets.expressions.types import SQL_NAMES, DataType, FeatureType

if TYPE_CHECKING:
    from platform_assets.declare.labels import GivenLabels, Labels

FeaturesFrom = Literal["gold", "silver"]
"""Where values are read from: the tables of their views, or directly the rows of their sources. The values are equal."""


@dataclass(frozen=True, init=False)
class FeatureService:
    """The features that a model or a caller reads together: features of views, as `view__feature`, and on-demand features.

    Views are feature views and attribute views, in any order. A view means all its features; `view.select("count_7d", ...)` selects some
    of them: responses and training sets then have no others, and neither the service's version nor its training sets' changes with the
    others. On-demand features may read any feature of the views, including those that are not selected.

    Online: `max_staleness` says how old the watermark of each view may be, such as "2d", and `when_stale` what a reader gets when
    values are older: "serve" them, "null" instead, or "fail". Both override what a view declares; a caller can override both.

    >>> churn_features = FeatureService("churn_features", [customer_spend])
    >>> basket = on_demand("basket_share", "basket / spend_30d", request={"basket": float})
    >>> FeatureService("checkout", [customer_spend], on_demand=[basket]).request
    {'basket': 'float'}
    >>> FeatureService("checkout", [customer_spend.select("count_7d")], on_demand=[basket]).features
    {'customer_spend__count_7d': 'int', 'basket_share': 'float'}
    """

    name: str
    views: tuple[View, ...]
    selected: tuple[SelectedFeatures[View], ...]
    description: str
    on_demand: tuple[OnDemandFeature, ...]
    max_staleness: timedelta | None
    when_stale: WhenStale | None

    @checked_arguments("feature service")
    def __init__(
        self,
        name: str,
        views: Sequence[View | SelectedFeatures[View]],
        description: str = "",
        *,
        on_demand: Sequence[OnDemand] = (),
        max_staleness: str | None = None,
        when_stale: WhenStale | None = None,
    ) -> None:
        where = f"feature service {name!r}"
        check_name(name, where)
        declared = list_of(views, f"{where}, views", "[customer_spend]")
        if not declared:
            raise DeclarationError(f"{where} has no views. Write FeatureService({name!r}, [customer_spend]).")
        for one in declared:
            if not isinstance(one, View | SelectedFeatures):
                raise DeclarationError(
                    f"{where}, views: {shown(one)} is neither a feature view nor an attribute view. Write [customer_spend], without quotes."
                )
        parts = tuple(one if isinstance(one, SelectedFeatures) else all_features(one) for one in declared)
        read = tuple(part.view for part in parts)
        _check_together(read, where)
        assign(self, name=name, views=read, selected=parts, description=check_description(description, where))
        assign(self, max_staleness=declared_limit(max_staleness, where), when_stale=declared_reaction(when_stale, where))
        assign(self, on_demand=checked_on_demand(on_demand, full_names(map(all_features, read)), list(self.keys), where))

    @property
    def keys(self) -> dict[str, DataType]:
        """The key columns that a request needs, with their types."""
        return {key: dtype for view in self.views for key, dtype in view.key_types.items()}

    @property
    def request(self) -> dict[str, DataType]:
        """The columns of a request besides the keys, with their types: those that on-demand features read."""
        return {column: dtype for feature in self.on_demand for column, dtype in feature.request}

    @property
    def view_features(self) -> dict[str, FeatureType]:
        """The features of views that a reader gets, as `view__feature`."""
        return full_names(self.selected)

    @cached_property
    def computed(self) -> tuple[SelectedFeatures[View], ...]:
        """By view, the features that a read computes: those that a reader gets, and those that on-demand features read."""
        read = {column for feature in self.on_demand for column in feature.expression.columns}
        inputs = [[name for name in view.served if f"{view.name}__{name}" in read] for view in self.views]
        return tuple(ordered(part.view, [*part.names, *more]) for part, more in zip(self.selected, inputs, strict=True))

    @property
    def features(self) -> dict[str, FeatureType]:
        """The columns that a reader gets: features of the views, then on-demand features."""
        return self.view_features | {feature.name: feature.served_type for feature in self.on_demand}

    @cached_property
    def version(self) -> str:
        views = [_meaning(read, part) for read, part in zip(self.computed, self.selected, strict=True)]
        meaning: dict[str, Any] = {"service": self.name, "views": views}
        if self.on_demand:
            meaning["on_demand"] = [[feature.name, feature.expression.canonical, feature.request] for feature in self.on_demand]
        return version_of(meaning)

    @cached_property
    def serving_version(self) -> str:
        """Changes with the version and with everything else an online read depends on: the entities' names, and the staleness limits."""
        fresh = [self.freshness(view) for view in self.views]
        limits = [
            [
                *(view.version, view.entity.name, view.online),
                *(limit.max_staleness, limit.when_stale, view.source.empty_after, view.source.partitions.end),
            ]
            for view, limit in zip(self.views, fresh, strict=True)
        ]
        return version_of({"service": self.version, "limits": limits})

    def freshness(self, view: View, max_staleness: timedelta | None = None, when_stale: WhenStale | None = None) -> Freshness:
        """The freshness required of a view: the caller's arguments, else the service's declaration, else the view's."""
        limit = max_staleness or self.max_staleness or view.max_staleness
        reaction = when_stale or self.when_stale or view.when_stale or ("serve" if limit is None else "fail")
        return Freshness(limit, reaction, view.source)


def _meaning(read: SelectedFeatures[View], part: SelectedFeatures[View]) -> Any:
    """The parts of a view that a service's values depend on: the whole view, or the features read and those a reader gets."""
    view = part.view
    return view.version if part == all_features(view) else [view.only(read.names).version, part.names]


def check_features_from(features_from: Any, service: FeatureService, where: str) -> None:
    """Refuses any value other than gold and silver, and gold for views without a table."""
    if features_from is None:
        return
    one_of(features_from, get_args(FeaturesFrom), f"{where}, features_from", "layer")
    temporal = [view.name for view in service.views if isinstance(view, FeatureView) and view.accuracy == "temporal"]
    if features_from == "gold" and temporal:
        raise DeclarationError(
            f"{where}, features_from: view {temporal[0]!r} has temporal accuracy, and so no gold. Leave features_from='gold' out: each "
            "view is then read from the table it has."
        )


def _check_together(views: Sequence[View], where: str) -> None:
    """Checks that views read together have different names, and that each key has the same type in all of them."""
    names = [view.name for view in views]
    types: dict[str, tuple[DataType, str]] = {}
    for view in views:
        if names.count(view.name) > 1:
            raise DeclarationError(f"{where}, views: two are named {view.name!r}. Leave one out, or rename one.")
        for key, dtype in view.key_types.items():
            place = f"in view {view.name!r} (source {view.source.name!r}, column {view.key_columns[key]!r})"
            known, first = types.setdefault(key, (dtype, place))
            if known != dtype:
                raise DeclarationError(
                    f"{where}: the key {key!r} is {SQL_NAMES[known]} {first} and {SQL_NAMES[dtype]} {place}. "
                    "Give it one type in the sources' schemas."
                )


Period = Literal["day", "week", "month"]
"""The length of a training set's partitions."""


@dataclass(frozen=True, init=False)
class TrainingSet:
    """Labels, each with the feature values that were known at its time; one partition per month, week or day.

    Partition m holds the labels whose interval (t, t + horizon] ends in m, as known at m's end.

    Args:
        name: its name.
        features: the service whose features the labels get.
        labels: what to predict, for which entities and times: no_event, any_event, outcome or labels_from.
        label: the name of the label column.
        period: the length of the partitions, in the time zone of the labels' source: "day", "week" or "month". A model is trained once per
            partition.
        features_from: "gold": read from the views' tables. "silver": computed from the sources' rows at the labels' times, with equal
            values.
            Default: gold, unless silver is much cheaper according to the ledger's row counts, or there is no gold for these times.
        description: shown on its table.
        owners: "team:growth" or e-mail addresses. Default: those of the first view.
        tags: shown on its table.
        engine: the engine that computes it: "polars" or "spark". Default: that of the first view, or the setting PLATFORM_ENGINE.

    >>> churn_training = TrainingSet("churn", features=churn_features, labels=churn_labels)
    """

    name: str
    features: FeatureService
    labels: Labels | GivenLabels
    entity: Entity
    keys: tuple[tuple[str, str], ...]
    label: str
    period: Period
    features_from: FeaturesFrom | None
    description: str
    owners: tuple[str, ...]
    tags: tuple[tuple[str, str], ...]
    engine: EngineName | None

    @checked_arguments("training set")
    def __init__(
        self,
        name: str,
        *,
        features: FeatureService,
        labels: Labels | GivenLabels,
        label: str = "label",
        period: Period = "month",
        features_from: FeaturesFrom | None = None,
        description: str = "",
        owners: Sequence[str] = (),
        tags: Mapping[str, str] | None = None,
        engine: EngineName | None = None,
    ) -> None:
        from platform_assets.declare.labels import LABEL_TIME, GivenLabels, Labels

        where = f"training set {name!r}"
        check_name(name, where)
        check_name(label, f"{where}, label")
        if not isinstance(features, FeatureService):
            raise DeclarationError(
                f"{where}, features: {shown(features)} is not a FeatureService. Write FeatureService('{name}_features', [view])."
            )
        if not isinstance(labels, Labels | GivenLabels):
            raise DeclarationError(
                f"{where}, labels: {shown(labels)} are not labels. Write no_event(source, within='30d', spine=every('7d', active='90d'))."
            )
        check_features_from(features_from, features, where)
        entity = features.views[0].entity
        for view in features.views:
            if set(view.entity.keys) - set(entity.keys):
                raise DeclarationError(
                    f"{where}: the labels are for entity {entity.name!r} with keys {list(entity.keys)}, "
                    f"but view {view.name!r} needs {list(view.entity.keys)}"
                )
        columns = _check_columns(features, entity, labels, where)
        _check_one_zone(features.views, labels, where)
        if label in {*features.features, *entity.keys, *features.request, LABEL_TIME, "partition"}:
            raise DeclarationError(f"{where}, label: {label!r} is a column of the training set already, choose another")
        assign(
            self,
            name=name,
            features=features,
            labels=labels,
            entity=entity,
            keys=columns,
            label=label,
            period=period,
            features_from=features_from,
            description=check_description(description, where),
            owners=check_owners(owners, where) or features.views[0].owners,
            tags=check_tags(tags, where),
            engine=check_engine(engine, where) or features.views[0].engine,
        )
        _check_period(self, where)

    @property
    def calendar(self) -> Partitions:
        """The partitions in which label times and training partitions are counted: the source's, or for a table the first view's."""
        return (self.labels.source or self.features.views[0].source).partitions

    @property
    def key_columns(self) -> dict[str, str]:
        """For each of the entity's keys, in their order, the column of the labels' source that holds it."""
        return dict(self.keys)

    @cached_property
    def partitions(self) -> Partitions:
        """Months, weeks or days, from the first one in which a label can end."""
        days = self.calendar
        own = days.by(self.period)
        return own if days.end is None else replace(own, end=own.ends_at(own.index(days.end - MICROSECOND)))

    @property
    def data_delay(self) -> timedelta:
        """How long after a partition's end its labels may be read."""
        return self.labels.source.data_delay if self.labels.source else timedelta(0)

    @property
    def label_type(self) -> DataType:
        """The type of the label column: bool for a binary label, even if it was given as 0 and 1."""
        return "bool" if self.labels.kind == "binary" else self.labels.type

    @property
    def columns(self) -> dict[str, str]:
        """For each column of `inputs` the column of the labels that holds it."""
        return {**self.key_columns, **{column: column for column in self.features.request}}

    @property
    def inputs(self) -> dict[str, DataType]:
        """The columns of a label besides its value and time: the entity's keys, and the request columns that on-demand features read."""
        return {**{key: self.features.keys[key] for key in self.entity.keys}, **self.features.request}

    @cached_property
    def version(self) -> str:
        meaning: dict[str, Any] = {"training": self.name, "features": self.features.version, **self.labels.meaning, "label": self.label}
        if self.period != "month":
            meaning["period"] = self.period
        if is_renamed(self.keys):
            meaning["columns"] = self.keys
        return version_of(meaning)


def _check_columns(features: FeatureService, entity: Entity, labels: Labels | GivenLabels, where: str) -> tuple[tuple[str, str], ...]:
    """Each key of the entity with the column of the labels that holds it.

    Refuses labels of a source without the entity's keys, or without request columns that on-demand features read. A table is checked
    when it is read.
    """
    from platform_assets.declare.labels import Labels

    for feature in features.on_demand:
        if feature.request and isinstance(labels, Labels):
            raise DeclarationError(
                f"{where}, features: {feature.name!r} of feature service {features.name!r} reads {feature.request[0][0]!r} of the "
                "request, but labels with a spine have only keys and a time. Give the training set a service without "
                "it, or labels_from(...) with that column; historical_features(service, labels) accepts such labels, too."
            )
    named = dict(labels.keys)
    if labels.source is None:
        for key in named:
            if key not in entity.keys:
                raise unknown(f"{where}, labels, keys, entity {entity.name!r}", "key", key, entity.keys)
        return tuple((key, named.get(key, key)) for key in entity.keys)
    columns = key_columns(entity, labels.source, named, f"{where}, labels")
    asked = [(column, features.keys[key], f"key of entity {entity.name!r}") for key, column in columns]
    asked += [(column, dtype, f"column of {features.name!r}'s requests") for column, dtype in features.request.items()]
    for column, needed, what in asked:
        place = f"{where}, labels, {what}, source {labels.source.name!r}"
        labels.source.require(column, place)
        known = labels.source.types[column]
        if known != needed:
            raise DeclarationError(
                f"{place}: {column!r} is {SQL_NAMES[known]}, but the features need {SQL_NAMES[needed]}. "
                "Give it one type in the sources' schemas."
            )
    return columns


def _check_period(data: TrainingSet, where: str) -> None:
    """Refuses partitions that are shorter than those of the labels' source."""
    one_of(data.period, get_args(Period), f"{where}, period", "length of a partition")
    if data.calendar.unit == "week" and data.period == "day":
        raise DeclarationError(f"{where}, period: the labels' source has weekly partitions, and a day is shorter. Write period='week'.")


def _check_one_zone(views: Sequence[View], labels: Labels | GivenLabels, where: str) -> None:
    """Refuses views in other time zones than the labels': Dagster maps partitions within one time zone only."""
    mine = labels.source or views[0].source
    for view in views:
        other = view.source
        if other.partitions.zone != mine.partitions.zone:
            raise DeclarationError(
                f"{where}: the labels come from {mine.name!r}, with {mine.partitions.unit}s of {mine.partitions.zone}; view "
                f"{view.name!r} reads {other.name!r}, with {other.partitions.unit}s of {other.partitions.zone}. Dagster maps partitions "
                f"within one zone only. Declare both in the same zone, such as {_DECLARED_BY[mine.partitions.unit]}(..., "
                "timezone='UTC'), or join the features "
                "in a notebook: historical_features(service, labels) accepts views in any time zone."
            )


_DECLARED_BY = {"hour": "hourly", "day": "daily", "week": "weekly"}

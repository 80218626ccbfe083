"""The parts of reading a service that are the same for all requests: computed on the first read."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import add, itemgetter
from typing import Any
from weakref import WeakKeyDictionary

from platform_assets.declare.attributes import AttributeView, View
from platform_assets.declare.features import is_time_since
from platform_assets.declare.freshness import Freshness
from platform_assets.declare.on_demand import REQUEST_TIME
from platform_assets.declare.selected import SelectedFeatures
from platform_assets.declare.training import FeatureService
from platform_assets.declare.view import FeatureView
from platform_assets.errors import OnlineError
from platform_assets.expressions.types import FeatureType
from platform_assets.serving.request import Request, reading_request
from platform_assets.stores.online.client import OnlineClient, Reader
from platform_assets.stores.online.value_layout import Values, ViewLayout

_SECOND = timedelta(seconds=1)

Closure = Callable[[Mapping[str, Any]], Any]
Row = tuple[Any, ...]


@dataclass(frozen=True, eq=False)
class Plan:
    """The plan for reading a service.

    views: the names of its views. layouts: their layouts in the store. freshness: when each of them is stale.
    requested: reads the request columns from a row; None if the service has none.
    """

    views: tuple[str, ...]
    layouts: tuple[ViewLayout, ...]
    freshness: Mapping[str, Freshness]
    requested: Callable[[Mapping[str, Any]], Request] | None
    _names: tuple[str, ...]
    _hidden: tuple[str, ...]
    """Features that on-demand features read, but readers do not get."""
    _serving: tuple[Callable[[list[Row], datetime], list[Row]], ...]
    _on_demand: tuple[tuple[str, Closure], ...]
    _readers: "WeakKeyDictionary[OnlineClient, Reader]"

    def reader(self, client: OnlineClient) -> Reader:
        """The reader for this client."""
        found = self._readers.get(client)
        if found is None:
            found = self._readers[client] = client.reader(self.layouts, self.freshness)
        return found

    def rows(self, found: Mapping[str, Values], requests: Sequence[Request] | None, now: datetime) -> list[dict[str, Any]]:
        """The features of each entity as a reader gets them, from the values in the store."""
        first, *others = (serve(found[view].rows, now) for view, serve in zip(self.views, self._serving, strict=True))
        together: Iterable[Row] = first
        for other in others:
            together = map(add, together, other)
        # There are as many values as names; strict=True would cost 10%.
        rows = [dict(zip(self._names, values)) for values in together]  # noqa: B905
        if self._on_demand:
            for row, request in zip(rows, requests or ({} for _ in rows), strict=True):
                known = {**row, **request, REQUEST_TIME: now}
                for name in self._hidden:
                    del row[name]
                for name, closure in self._on_demand:
                    row[name] = closure(known)
        return rows

    def valid_from(self, found: Mapping[str, Values]) -> list[dict[str, datetime | None]]:
        """For each entity, by view, the time from which its snapshot may be read."""
        return [dict(zip(self.views, moments)) for moments in zip(*(found[view].valid_from for view in self.views))]  # noqa: B905


_PLANS: dict[str, Plan] = {}
_KEPT = 256
"""The maximum number of cached plans: more than a process reads. Beyond it the oldest is evicted."""


def plan_of(service: FeatureService) -> Plan:
    """The plan of a service; services with the same meaning share it."""
    plan = _PLANS.get(service.serving_version)
    if plan is None:
        if len(_PLANS) >= _KEPT:
            _PLANS.pop(next(iter(_PLANS)), None)  # another thread may have been faster
        computed = tuple(f"{part.view.name}__{name}" for part in service.computed for name in part.names)
        plan = _PLANS[service.serving_version] = Plan(
            views=tuple(view.name for view in service.views),
            layouts=tuple(layout_of(view) for view in service.views),
            freshness={view.name: service.freshness(view) for view in service.views},
            requested=reading_request(service) if service.request else None,
            _names=computed,
            _hidden=tuple(name for name in computed if name not in service.view_features),
            _serving=tuple(_serving(part) for part in service.computed),
            _on_demand=tuple((feature.name, feature.expression.closure()) for feature in service.on_demand),
            _readers=WeakKeyDictionary(),
        )
    return plan


def layout_of(view: View) -> ViewLayout:
    """The layout of a view's stored features or attributes in the online store."""
    if isinstance(view, FeatureView) and view.accuracy == "temporal":
        raise OnlineError(
            f"view {view.name!r} has temporal accuracy, which cannot be served online yet. Read it with "
            "historical_features, or declare accuracy='snapshot'."
        )
    features: Iterable[tuple[str, FeatureType, Any]]
    if isinstance(view, AttributeView):
        features = ((attribute, dtype, None) for attribute, dtype in view.served.items())
    else:
        features = ((f.name, f.measure.type, f.measure.empty) for f in view.stored)
    return ViewLayout(view.name, view.version, view.entity.name, tuple(view.key_types.items()), tuple(features), view.online)


def _serving(part: SelectedFeatures[View]) -> Callable[[list[Row], datetime], list[Row]]:
    """Converts a view's stored values to those that a reader gets: selected ones, times since last in seconds, then derived features."""
    view = part.view
    if isinstance(view, AttributeView):
        return _picking([view.attributes.index(name) for name in part.names], len(view.attributes))
    read = view.only(part.names)
    names = tuple(feature.name for feature in read.stored)
    pick = _picking([place for place, feature in enumerate(view.stored) if feature.name in names], len(view.stored))
    since = [place for place, feature in enumerate(read.stored) if is_time_since(feature.measure.aggregation)]
    derived = [feature.expression.closure() for feature in read.derived]
    wanted = [place for place, name in enumerate(read.served) if name in part.names]  # without those that only derived ones read
    finish = _picking(wanted, len(read.served))

    def serve(rows: list[Row], now: datetime) -> list[Row]:
        served = []
        for row in pick(rows, now):
            values = list(row)
            for place in since:
                if values[place] is not None:
                    values[place] = (now - values[place]) / _SECOND
            if derived:
                known = dict(zip(names, values, strict=True))
                values += [closure(known) for closure in derived]
            served.append(tuple(values))
        return finish(served, now)

    return serve if since or derived else pick


def _picking(places: Sequence[int], size: int) -> Callable[[list[Row], datetime], list[Row]]:
    """Picks the values at some positions from rows with `size` values."""
    if len(places) == size:
        return lambda rows, now: rows
    if len(places) == 1:
        [only] = places
        return lambda rows, now: [(row[only],) for row in rows]
    take = itemgetter(*places)
    return lambda rows, now: list(map(take, rows))

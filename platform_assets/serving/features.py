"""Online features of a service: one round trip, then what only the moment of reading can tell."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from platform_assets.declare.features import is_time_since
from platform_assets.declare.training import FeatureService
from platform_assets.declare.view import FeatureView
from platform_assets.stores.online.client import OnlineClient
from platform_assets.stores.online.layout import ViewLayout

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class FeatureVectors:
    """What a request gets.

    rows: for each entity asked for, in its order, the features as `view__feature`.
    valid_from: for each of them, by view, the moment from which its snapshot may be read; None where there is none.
    watermarks: by view, up to when nothing is missing.
    """

    rows: list[dict[str, Any]]
    valid_from: list[dict[str, datetime | None]]
    watermarks: dict[str, datetime | None]


def layout_of(view: FeatureView) -> ViewLayout:
    """How a view's stored features lie in the online store."""
    features = tuple((f.name, f.measure.type, f.measure.empty) for f in view.stored)
    return ViewLayout(view.name, view.version, view.entity.name, tuple(view.key_types.items()), features)


def online_features(
    service: FeatureService, entities: Sequence[Mapping[str, Any]], client: OnlineClient, *, now: datetime | None = None
) -> FeatureVectors:
    """The features of a service for some entities, as of now.

    Args:
        service: whose features.
        entities: the key columns of each, such as {"customer_id": 17850}; an unknown one, or a null key, has the empty values.
        client: of the online store.
        now: the moment of the request, from which times since are counted; default: the clock.

    Raises:
        OnlineError: the store does not answer, or a view was never published.
    """
    now = now or datetime.now(UTC)
    answer = client.reader([layout_of(view) for view in service.views]).read(entities, now)
    rows, valid_from = [], []
    for found in answer.rows:
        row: dict[str, Any] = {}
        for view in service.views:
            row |= {f"{view.name}__{name}": value for name, value in served(view, found[view.name].values, now).items()}
        rows.append(row)
        valid_from.append({view.name: found[view.name].valid_from for view in service.views})
    return FeatureVectors(rows, valid_from, answer.watermarks)


def served(view: FeatureView, stored: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Stored values as a reader gets them: times since in seconds, and derived features."""
    values = dict(stored)
    for feature in view.stored:
        if is_time_since(feature.measure.aggregation) and values[feature.name] is not None:
            values[feature.name] = (now - values[feature.name]) / _SECOND
    return values | {feature.name: feature.expression.closure()(values) for feature in view.derived}

"""Online features of a service: one round trip, then what only the moment of reading can tell."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal

import polars as pl

from platform_assets.declare.durations import duration
from platform_assets.declare.training import FeatureService
from platform_assets.errors import OnlineError, SettingsError
from platform_assets.serving.plan import plan_of
from platform_assets.settings import PREFIX, load_settings
from platform_assets.stores.online.client import Freshness, OnlineClient

_STORE, _NOW = (PREFIX + "REDIS_URL", PREFIX + "PROJECT"), PREFIX + "NOW"


@dataclass(frozen=True)
class FeatureVectors:
    """What a request gets.

    rows: for each row asked for, in its order, the features: `view__feature`, then those on demand.
    valid_from: for each of them, by view, the moment from which its snapshot may be read; None where there is none.
    watermarks: by view, up to when nothing is missing; None: the view was never published.
    stale: the views that were older than allowed, and so are answered with their empty values.
    """

    rows: list[dict[str, Any]]
    valid_from: list[dict[str, datetime | None]]
    watermarks: dict[str, datetime | None]
    stale: tuple[str, ...] = ()


def online_features(
    service: FeatureService,
    rows: pl.DataFrame | Sequence[Mapping[str, Any]],
    client: OnlineClient | None = None,
    *,
    now: datetime | None = None,
    max_staleness: str | None = None,
    when_stale: Literal["fail", "degrade"] = "fail",
) -> FeatureVectors:
    """The features of a service for some entities, as of now, from the online store.

    Args:
        service: whose features.
        rows: a frame, or a list of dicts: the key columns of each entity, such as {"customer_id": 17850}, and the columns of
            `service.request`. An entity that is not known, or a null key, has the empty values. Other columns are not read.
        client: of the online store; default: the one of PLATFORM_REDIS_URL and PLATFORM_PROJECT, as they stand at the call.
        now: the moment of the request (with its time zone): `request_time` of on-demand features, and from which times since are
            counted, in seconds. Default: the platform's clock; with a client, the wall clock.
        max_staleness: how old the watermark of a view may be, such as "2d"; default: any age.
        when_stale: beyond it, or when a view was never published, "fail", or "degrade": answer with the empty values, and name the view
            in `stale`. Without max_staleness a view must have been published.

    Raises:
        OnlineError: the store does not answer; a view was never published, or is too old; a column of the rows is missing or wrong.
        SettingsError: there is no client, and PLATFORM_REDIS_URL is not set.
        DeclarationError: max_staleness is no duration.
    """
    if client is None:
        now = now or (load_settings().clock() if _NOW in os.environ else datetime.now(UTC))
        client = _client(*map(os.environ.get, _STORE))
    now = now or datetime.now(UTC)
    if now.tzinfo is None:
        raise OnlineError(f"now={now!r} has no time zone. Give it one: now.replace(tzinfo=UTC).")
    plan, asked = plan_of(service), _asked(service, rows)
    requests = [plan.requested(row) for row in asked] if plan.requested else None
    answer = plan.reader(client).read(asked, now, _freshness(service, max_staleness, when_stale))
    return FeatureVectors(plan.rows(answer.views, requests, now), plan.valid_from(answer.views), answer.watermarks, answer.stale)


def _asked(service: FeatureService, rows: Any) -> list[Mapping[str, Any]]:
    if isinstance(rows, pl.DataFrame):
        needed = [column for column in (*service.keys, *service.request) if column in rows.columns]
        values = zip(*(rows.get_column(column).to_list() for column in needed), strict=True) if needed else [()] * rows.height
        return [dict(zip(needed, row, strict=True)) for row in values]  # a quarter of what select and to_dicts take
    if isinstance(rows, Mapping) or not isinstance(rows, Sequence) or not all(issubclass(kind, Mapping) for kind in set(map(type, rows))):
        kind = type(rows).__name__
        raise OnlineError(
            f"feature service {service.name!r}: the rows are a {kind}. Give a Polars DataFrame or a list of dicts, one an entity."
        )
    return list(rows)


def _freshness(service: FeatureService, max_staleness: str | None, when_stale: Literal["fail", "degrade"]) -> dict[str, Freshness] | None:
    if max_staleness is None:
        return None
    allowed = duration(max_staleness, f"feature service {service.name!r}, max_staleness")
    if when_stale not in ("fail", "degrade"):
        raise OnlineError(f"feature service {service.name!r}: when_stale={when_stale!r}. Write 'fail' or 'degrade'.")
    return {view.name: Freshness(allowed, when_stale) for view in service.views}


@lru_cache
def _client(*said: str | None) -> OnlineClient:
    """That of the settings, as long as the variables that it comes from stay: all settings take ten times as long as a read."""
    settings = load_settings()
    if settings.redis_url is None:
        raise SettingsError(
            "no online store is set. Say PLATFORM_REDIS_URL=redis://127.0.0.1:6379/0; `platform-assets valkey` starts the embedded one."
        )
    return OnlineClient(settings.redis_url.get_secret_value(), settings.project)

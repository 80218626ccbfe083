"""Online features of a service: one round trip, then everything that depends on the time of reading."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import polars as pl

from platform_assets.declare.durations import Age
from platform_assets.declare.freshness import Freshness, WhenStale, declared_limit, declared_reaction
from platform_assets.declare.training import FeatureService
from platform_assets.errors import OnlineError, SettingsError
from platform_assets.frames.tables import KINDS, is_table, table_of, with_types
from platform_assets.kernels.label_validation import no_service
from platform_assets.serving.plan import plan_of
from platform_assets.settings import PREFIX, load_settings
from platform_assets.stores.online.client import OnlineClient

_ROWS_SHOWN, _FEATURES_SHOWN = 3, 6
_STORE, _NOW = (PREFIX + "REDIS_URL", PREFIX + "PROJECT"), PREFIX + "NOW"


@dataclass(frozen=True, repr=False)
class FeatureVectors:
    """The response to a request. Printed, it has a line for each view and for each of the first rows.

    rows: for each requested row, in order, the features: `view__feature`, then on-demand features.
    valid_from: for each row, by view, the time from which its snapshot may be read; None if there is none.
    watermarks: by view, the time up to which everything is published; None: the view was never published.
    ages: by view, the age of the watermark at the time of the request; printed in words: "5 days".
    stale: the views that are older than allowed (`max_staleness`). With when_stale="null" their features are null.
    missing: by view, the indexes of the rows whose entity is not in the store: it was never published, or has had no values for
        longer than a day. They have the empty values.
    incomplete: by view, why entities may have been lost; {} if there is no sign of it. Those in `missing` then have nulls.
    """

    rows: list[dict[str, Any]]
    valid_from: list[dict[str, datetime | None]]
    watermarks: dict[str, datetime | None]
    ages: dict[str, Age | None] = field(default_factory=dict)
    stale: tuple[str, ...] = ()
    missing: dict[str, tuple[int, ...]] = field(default_factory=dict)
    incomplete: dict[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        features = len(self.rows[0]) if self.rows else 0
        lines = [f"FeatureVectors: {len(self.rows)} x {features} features", *map(self._view_shown, self.watermarks)]
        lines += [f"  row {place}: {_shown(row)}" for place, row in enumerate(self.rows[:_ROWS_SHOWN])]
        more = len(self.rows) - _ROWS_SHOWN
        return "\n".join([*lines, *([f"  ... and {more} more"] if more > 0 else [])])

    def _view_shown(self, view: str) -> str:
        watermark, age = self.watermarks[view], self.ages.get(view)
        said = ["never published" if watermark is None else f"up to {watermark:%Y-%m-%d %H:%M} UTC"]
        said += [f"{age} old"] if age is not None else []
        said += ["stale"] if view in self.stale else []
        said += [f"unknown: row {', '.join(map(str, places))}"] if (places := self.missing.get(view)) else []
        said += [f"incomplete: {why}"] if (why := self.incomplete.get(view)) else []
        return f"  {view}: {', '.join(said)}"


def _shown(row: Mapping[str, Any]) -> str:
    shown = [f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in list(row.items())[:_FEATURES_SHOWN]]
    more = len(row) - len(shown)
    return ", ".join([*shown, *([f"and {more} more"] if more else [])])


def online_features(
    service: FeatureService,
    rows: Any,
    client: OnlineClient | None = None,
    *,
    now: datetime | None = None,
    max_staleness: str | None = None,
    when_stale: WhenStale | None = None,
) -> FeatureVectors:
    """The features of a service for some entities, as of now, from the online store.

    Args:
        service: the feature service.
        rows: a list of dicts, or a table (Polars, pandas, PyArrow, or anything with an Arrow
            stream): the key columns of each entity, such as {"customer_id": 17850}, and the columns of
            `service.request`. An unknown entity, or a null key, has the empty values. Other columns are ignored.
        client: the online store's client. Default: one for PLATFORM_REDIS_URL and PLATFORM_PROJECT, read at each call.
        now: the time of the request (with its time zone): the `request_time` of on-demand features, and the end of times since last,
            in seconds. Default: the platform's clock; with a client, the wall clock.
        max_staleness: how old the watermark of each view may be, such as "2d". Default: declared by the service, else by the view, else
            up to one partition after the next one should have been published.
        when_stale: what to return for a view that is older: "serve" its values, "null" instead, or "fail". In each case `stale`
            lists it. A view that was never published fails, unless this is "null". Default: declared by the service, else by the view,
            else "fail" if a max_staleness is set anywhere, otherwise "serve".

    Raises:
        OnlineError: the store does not answer; a view was never published; a view is stale, or may have lost a requested entity,
            with when_stale="fail"; a column of the rows is missing or wrong.
        SettingsError: no client was passed, and PLATFORM_REDIS_URL is not set.
        DeclarationError: max_staleness is not a duration, or when_stale is not one of the three words.
    """
    if not isinstance(service, FeatureService):
        raise OnlineError(f"online_features: {no_service(service)}")
    if client is None:
        now = now or (load_settings().clock() if _NOW in os.environ else datetime.now(UTC))
        client = _client(*map(os.environ.get, _STORE))
    now = now or datetime.now(UTC)
    if now.tzinfo is None:
        raise OnlineError(f"now={now!r} has no time zone. Give it one: now.replace(tzinfo=UTC).")
    plan, asked = plan_of(service), _asked(service, rows)
    requests = [plan.requested(row) for row in asked] if plan.requested else None
    asks = None if max_staleness is None and when_stale is None else _freshness(service, max_staleness, when_stale)
    answer = plan.reader(client).read(asked, now, asks)
    return FeatureVectors(
        plan.rows(answer.views, requests, now),
        plan.valid_from(answer.views),
        answer.watermarks,
        {view: None if age is None else Age.of(age) for view, age in answer.ages.items()},
        answer.stale,
        answer.missing,
        answer.incomplete,
    )


def _asked(service: FeatureService, rows: Any) -> list[Mapping[str, Any]]:
    if is_table(rows):
        is_polars = isinstance(rows, pl.DataFrame)
        rows = table_of(rows, f"feature service {service.name!r}: the rows", OnlineError)
        rows = rows if is_polars else with_types(rows, {**service.keys, **service.request})
        needed = [column for column in (*service.keys, *service.request) if column in rows.columns]
        values = zip(*(rows.get_column(column).to_list() for column in needed), strict=True) if needed else [()] * rows.height
        return [dict(zip(needed, row, strict=True)) for row in values]  # takes a quarter of the time of select and to_dicts
    if isinstance(rows, Mapping) or not isinstance(rows, Sequence) or not all(issubclass(kind, Mapping) for kind in set(map(type, rows))):
        kind = type(rows).__name__
        raise OnlineError(f"feature service {service.name!r}: the rows are a {kind}. Give {KINDS}, or a list of dicts, one per entity.")
    return list(rows)


def _freshness(service: FeatureService, max_staleness: str | None, when_stale: WhenStale | None) -> dict[str, Freshness]:
    where = f"online_features of feature service {service.name!r}"
    asked = declared_limit(max_staleness, where), declared_reaction(when_stale, where)
    return {view.name: service.freshness(view, *asked) for view in service.views}


@lru_cache
def _client(*said: str | None) -> OnlineClient:
    """The client of the settings, cached while their variables are unchanged: reading all settings takes ten times as long as a read."""
    settings = load_settings()
    if settings.redis_url is None:
        raise SettingsError(
            "no online store is set. Set PLATFORM_REDIS_URL=redis://127.0.0.1:6379/0; `platform-assets valkey` starts the embedded one."
        )
    return OnlineClient(settings.redis_url.get_secret_value(), settings.project)

"""Offline = online = the oracle: one request is read from the store and from the lake, at any moment, and every feature is the same."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from platform_assets import historical_features, online_features
from platform_assets.declare.partitions import MICROSECOND
from platform_assets.steps.online import make_online
from platform_assets.stores.online.client import OnlineClient
from platform_assets.stores.online.connection import OnlineStore
from platform_assets.stores.valkey import EmbeddedValkey
from platform_assets.testing.equality import require_same_rows
from platform_assets_tests.reading.shop import Row, Shop, frame, label
from platform_assets_tests.steps.business import DAYS

FOLDER = "parity"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return Shop(tmp_path_factory.mktemp("shop"), seed=11)


@pytest.fixture(scope="module")
def clients(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[OnlineClient]]:
    """A store for each day, as it was when that day's snapshot had just been published."""
    with EmbeddedValkey(tmp_path_factory.mktemp("valkey")) as server:
        for day in range(DAYS):
            run = replace(shop.business.run(), now=shop.readable(day))
            for view in shop.service.views:
                make_online(view, run, OnlineStore(server.url, f"day{day}"))
        yield [OnlineClient(server.url, f"day{day}") for day in range(DAYS)]


MOMENTS = st.datetimes(datetime(2024, 2, 20), datetime(2024, 3, 20)).map(lambda at: at.replace(tzinfo=UTC))
REQUESTS = st.fixed_dictionaries(
    {
        "user": st.sampled_from(["ada", "bob", "cy", "nobody", None]),
        "basket": st.none() | st.floats(allow_nan=True, allow_infinity=True, width=64),
        "items": st.none() | st.integers(-(2**63), 2**63 - 1),
        "voucher": st.sampled_from([None, True, False]),
        "note": st.none() | st.text(st.characters(codec="utf-8"), max_size=4),
        "until": st.none() | MOMENTS,
    }
)
AFTER = st.sampled_from([timedelta(0), MICROSECOND, timedelta(days=1) - MICROSECOND]) | st.timedeltas(
    timedelta(0), timedelta(days=1) - MICROSECOND
)


@pytest.mark.parametrize("chosen", ["all features", "some features"])
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(asked=st.lists(st.tuples(st.integers(0, DAYS - 1), AFTER, REQUESTS), min_size=1, max_size=6))
def test_a_request_gets_offline_what_it_gets_online(
    shop: Shop, clients: list[OnlineClient], chosen: str, asked: list[tuple[int, timedelta, Row]]
) -> None:
    service = shop.service if chosen == "all features" else shop.selected
    rows = [label(at=shop.readable(day) + after, **request) for day, after, request in asked]
    expected = shop.expected(rows, service)
    offline = historical_features(service, frame(service, rows), lake=shop.lake).frame.drop(*rows[0]).to_dicts()
    online = [
        online_features(service, [row], clients[day], now=row["label_time"]).rows[0] for (day, _, _), row in zip(asked, rows, strict=True)
    ]
    features = [{name: row[name] for name in service.features} for row in expected]
    require_same_rows("offline", features, offline)
    require_same_rows("online", features, online)

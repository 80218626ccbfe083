"""online_features: rows as a frame or as dicts, how fresh they are, and what a wrong request is told."""

import gc
import weakref
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from platform_assets import Entity, FeatureService, FeatureView, count, on_demand, online_features
from platform_assets.errors import DeclarationError, OnlineError, SettingsError
from platform_assets.serving.plan import plan_of
from platform_assets.steps.online import make_online
from platform_assets.stores.online.client import OnlineClient
from platform_assets.stores.online.connection import OnlineStore
from platform_assets.stores.valkey import EmbeddedValkey
from platform_assets_tests.reading.shop import Row, Shop, label
from platform_assets_tests.steps.business import DAYS

LAST = DAYS - 1


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey(tmp_path_factory.mktemp("valkey")) as running:
        yield running


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, server: EmbeddedValkey) -> Shop:
    """A shop whose spending is published to its last day, and whose visits to the day before."""
    made = Shop(tmp_path_factory.mktemp("shop"), seed=11)
    for view, day in zip(made.service.views, (LAST, LAST - 1), strict=True):
        make_online(view, replace(made.business.run(), now=made.readable(day)), OnlineStore(server.url, "shop"))
    return made


@pytest.fixture
def client(server: EmbeddedValkey, shop: Shop) -> OnlineClient:
    return OnlineClient(server.url, "shop")


def request(user: Any = "ada", **values: Any) -> Row:
    """A row of a request."""
    row = label(user, datetime.min, **values)
    del row["label_time"]
    return row


def test_an_answer_is_printed_by_view_and_row(shop: Shop, client: OnlineClient) -> None:
    now = shop.readable(LAST) + timedelta(hours=1)
    lines = repr(online_features(shop.service, [request(), request("nobody"), request("bob"), request()], client, now=now)).splitlines()
    assert lines[0] == f"FeatureVectors: 4 x {len(online_features(shop.service, [request()], client, now=now).rows[0])} features"
    assert lines[1].startswith("  spending: up to 2024-03-04 03:00 UTC, 1 hour old, unknown: row 1"), lines[1]
    assert lines[2].startswith("  visits: up to 2024-03-03 03:00 UTC, 1 day 1 hour old"), lines[2]
    assert lines[3].startswith("  row 0: spending__"), lines[3]
    assert lines[-1] == "  ... and 1 more"
    assert "datetime" not in "".join(lines)


def test_rows_may_be_a_frame_or_dicts_and_one_by_one_they_get_the_same(shop: Shop, client: OnlineClient) -> None:
    now = shop.readable(LAST) + timedelta(hours=1)
    rows = [request(user, basket=float(n), items=n, note="a") for n, user in enumerate(["ada", None, "bob", "nobody", "ada"])]
    together = online_features(shop.service, rows, client, now=now)
    schema = {"user": pl.String, "basket": pl.Float64, "items": pl.Int64, "voucher": pl.Boolean, "note": pl.String}
    frame = pl.DataFrame(rows, schema={**schema, "until": pl.Datetime("us", "UTC")}).with_columns(more=pl.lit("not read"))
    assert online_features(shop.service, frame, client, now=now) == together
    assert [online_features(shop.service, [row], client, now=now).rows[0] for row in rows] == together.rows
    assert [list(row) for row in together.rows] == [list(shop.service.features)] * len(rows)
    assert online_features(shop.service, [], client, now=now).rows == []


def test_watermark_and_valid_from_are_returned(shop: Shop, client: OnlineClient) -> None:
    found = online_features(shop.service, [request("ada"), request(None)], client, now=shop.readable(LAST))
    assert found.watermarks == {"spending": shop.readable(LAST), "visits": shop.readable(LAST - 1)}
    newest = {view: max(row["valid_from"] for row in shop.logs[view] if row["user"] == "ada") for view in shop.logs}
    assert found.valid_from[0]["spending"] == newest["spending"]
    assert found.valid_from[1] == {"spending": None, "visits": None}
    assert found.stale == ()


def test_beyond_max_staleness_a_read_fails_or_is_null(shop: Shop, client: OnlineClient) -> None:
    now = shop.readable(LAST) + timedelta(hours=2)
    fresh = online_features(shop.service, [request()], client, now=now, max_staleness="26h")
    assert fresh.stale == ()
    with pytest.raises(OnlineError, match=r"visits is 1 day 2 hours old in the online store [^,]*, the limit is 1 day"):
        online_features(shop.service, [request()], client, now=now, max_staleness="1d")
    degraded = online_features(shop.service, [request()], client, now=now, max_staleness="1d", when_stale="null")
    assert degraded.stale == ("visits",)
    row = degraded.rows[0]
    assert (row["visits__large"], row["visits__last_at"], row["hours_since_last"]) == (None, None, None)
    assert row["spending__count_3d"] == fresh.rows[0]["spending__count_3d"]


def test_what_is_prepared_for_a_service_knows_no_limit_of_another_read(shop: Shop, client: OnlineClient) -> None:
    now = shop.readable(LAST) + timedelta(hours=2)
    for _ in range(2):
        degraded = online_features(shop.service, [request()], client, now=now, max_staleness="1d", when_stale="null")
        anyhow = online_features(shop.service, [request()], client, now=now)
        assert (degraded.stale, anyhow.stale) == (("visits",), ())
        assert degraded.rows[0]["visits__last_at"] is None
        assert anyhow.rows[0]["visits__last_at"] is not None
        with pytest.raises(OnlineError, match="the limit is 1 day"):
            online_features(shop.service, [request()], client, now=now, max_staleness="1d")


def test_what_is_prepared_for_a_service_is_not_taken_for_another_of_its_name(shop: Shop, client: OnlineClient) -> None:
    view, visits = shop.business.view, shop.visits

    def read(service: FeatureService) -> dict[str, Any]:
        return online_features(service, [{"user": "ada", "items": 2}], client, now=NOW).rows[0]

    both, one = read(FeatureService("s", [view, visits])), read(FeatureService("s", [view]))
    assert list(one) == [f"spending__{name}" for name in view.served]
    assert list(both) == [*one, *(f"visits__{name}" for name in visits.served)]
    for expression in ("items + 1", "items * 10"):
        service = FeatureService("s", [view], on_demand=[on_demand("more", expression, request={"items": int})])
        assert read(service) == {**one, "more": 3 if "+" in expression else 20}
    renamed = FeatureView("spending", entity=Entity("member", keys=["user"]), source=shop.business.source, features=[count().over("1d")])
    same = FeatureView("spending", entity=shop.business.entity, source=shop.business.source, features=[count().over("1d")])
    assert renamed.version == same.version
    plans = [plan_of(FeatureService("s", [view])) for view in (renamed, same)]
    assert [plan.layouts[0].entity for plan in plans] == ["member", shop.business.entity.name]


def test_each_client_reads_its_own_store(shop: Shop, server: EmbeddedValkey, client: OnlineClient) -> None:
    elsewhere = OnlineClient(server.url, "elsewhere")
    for _ in range(2):
        assert online_features(shop.service, [request()], client, now=NOW).rows
        with pytest.raises(OnlineError, match="was never published"):
            online_features(shop.service, [request()], elsewhere, now=NOW)
    left = weakref.ref(elsewhere)
    del elsewhere
    gc.collect()
    assert left() is None, "what is prepared keeps no client that nobody else has"
    again = FeatureService("again", [shop.business.view])
    assert plan_of(again) is plan_of(FeatureService("again", [shop.business.view])), "a service that is made anew for each request"


def test_a_row_that_a_reader_changes_changes_no_other(shop: Shop, client: OnlineClient) -> None:
    first = online_features(shop.service, [request("nobody"), request("nobody")], client, now=NOW)
    expected = dict(first.rows[1])
    first.rows[0].clear()
    first.valid_from[0].clear()
    assert first.rows[1] == expected
    assert online_features(shop.service, [request("nobody")], client, now=NOW).rows == [expected]


def test_a_view_that_was_never_published_says_so(shop: Shop, client: OnlineClient) -> None:
    other = FeatureView("other", entity=shop.business.entity, source=shop.business.source, features=[count().over("1d")])
    service = FeatureService("s", [other])
    with pytest.raises(OnlineError, match=r"other was never published .* with online=True: add that\. Materialize other/online"):
        online_features(service, [{"user": "ada"}], client)
    degraded = online_features(service, [{"user": "ada"}], client, max_staleness="1d", when_stale="null")
    assert (degraded.rows, degraded.watermarks, degraded.stale) == ([{"other__count_1d": None}], {"other": None}, ("other",))


def test_the_store_of_the_settings_is_read_at_the_platforms_clock(
    shop: Shop, server: EmbeddedValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = shop.readable(LAST) + timedelta(hours=1)
    monkeypatch.setenv("PLATFORM_REDIS_URL", server.url)
    monkeypatch.setenv("PLATFORM_PROJECT", "shop")
    monkeypatch.setenv("PLATFORM_NOW", now.isoformat())
    row = request("ada", until=now + timedelta(days=3))
    assert online_features(shop.service, [row]).rows[0]["days_left"] == 3.0
    monkeypatch.setenv("PLATFORM_NOW", (now + timedelta(days=1)).isoformat())
    assert online_features(shop.service, [row]).rows[0]["days_left"] == 2.0
    monkeypatch.delenv("PLATFORM_NOW")
    assert online_features(shop.service, [row]).rows[0]["days_left"] < -300, "the wall clock"
    monkeypatch.setenv("PLATFORM_PROJECT", "elsewhere")
    with pytest.raises(OnlineError, match="was never published"):
        online_features(shop.service, [row])
    monkeypatch.setenv("PLATFORM_REDIS_URL", "")
    with pytest.raises(SettingsError, match=r"no online store is set\. Set PLATFORM_REDIS_URL="):
        online_features(shop.service, [row])


NOW = datetime.fromisoformat("2024-03-05T00:00:00+00:00")

WRONG: dict[str, tuple[Any, str]] = {
    "a key is missing": ([{k: v for k, v in request().items() if k != "user"}], "the request has no 'user', a key of user."),
    "a key is a number": ([request(7)], "the key 'user' is str, but the request has 7, a int"),
    "a column is misspelt": (
        [{("baskets" if k == "basket" else k): v for k, v in request().items()}],
        "feature service 'served': the request has no 'basket'. Did you mean 'baskets'?",
    ),
    "a number is a text": ([request(basket="7")], "the request's 'basket' is float, but has the value '7', a str. Convert it first."),
    "a number is true": ([request(items=True)], "the request's 'items' is int, but has the value True, a bool."),
    "a whole number is none": ([request(items=1.5)], "the request's 'items' is int, but has the value 1.5, a float."),
    "a whole number is beyond 64 bits": (
        [request(items=2**63)],
        "the request's 'items' is int, but has the value 9223372036854775808, a int.",
    ),
    "a float is too large": ([request(basket=10**400)], "the request's 'basket' is float, but has the value 1000"),
    "a truth value is a number": ([request(voucher=1)], "the request's 'voucher' is bool, but has the value 1, a int."),
    "a text is bytes": ([request(note=b"a")], "the request's 'note' is str, but has the value b'a', a bytes."),
    "a time is naive": (
        [request(until=NOW.replace(tzinfo=None))],
        "the request's 'until' is datetime, but has the value datetime.datetime(2024, 3, 5, 0, 0), a datetime. Give it a time zone: "
        "value.replace(",
    ),
    "a time is a date": (
        [request(until=date(2024, 3, 5))],
        "the request's 'until' is datetime, but has the value datetime.date(2024, 3, 5), a date.",
    ),
    "rows are one dict": (
        request(),
        "feature service 'served': the rows are a dict. Give a Polars frame, a pandas DataFrame, a PyArrow table, a Spark DataFrame",
    ),
    "rows are keys": ([1, 2], "the rows are a list. Give a Polars frame, a pandas DataFrame"),
    "rows are one column": (pl.Series(["ada"]), "the rows: a Series is not a table. Give a Polars frame, a pandas DataFrame"),
    "a frame lacks a column": (pl.DataFrame({"user": ["ada"]}), "the request has no 'basket'."),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_request_is_told_what_is_wrong(shop: Shop, client: OnlineClient, what: str) -> None:
    rows, message = WRONG[what]
    with pytest.raises(OnlineError) as error:
        online_features(shop.service, rows, client, now=NOW)
    assert message in str(error.value)


def test_wrong_options_are_refused(shop: Shop, client: OnlineClient) -> None:
    with pytest.raises(OnlineError, match=r"has no time zone. Give it one: now.replace\(tzinfo=UTC\)"):
        online_features(shop.service, [request()], client, now=NOW.replace(tzinfo=None))
    with pytest.raises(DeclarationError, match="online_features of feature service 'served', max_staleness: 'soon' is not a duration"):
        online_features(shop.service, [request()], client, max_staleness="soon")
    with pytest.raises(DeclarationError, match=r"when_stale: .* no reaction to a stale view 'ignore'\. Choose from: fail, null, serve\."):
        online_features(shop.service, [request()], client, max_staleness="1d", when_stale="ignore")  # type: ignore[arg-type]


def test_numbers_of_numpy_and_dates_are_taken_as_they_are(shop: Shop, client: OnlineClient) -> None:
    exact = on_demand("exact", "items * 3", request={"items": int})
    days = on_demand("days", "days_between(day, request_time)", request={"day": date})
    service = FeatureService("s", [shop.business.view], on_demand=[exact, days])
    row = {"user": "ada", "items": np.int64(2**62), "day": date(2024, 3, 4)}
    found = online_features(service, [row], client, now=NOW).rows[0]
    assert (found["exact"], found["days"]) == (None, 1.0), "beyond 64 bits is null, as in Polars, and does not wrap around"
    with pytest.raises(OnlineError, match="'day' is date"):
        online_features(service, [{**row, "day": NOW}], client, now=NOW)


def test_a_server_that_does_not_answer_is_an_online_error(shop: Shop, tmp_path: Path) -> None:
    with EmbeddedValkey(tmp_path) as server:
        gone = server.url
    with pytest.raises(OnlineError):
        online_features(shop.service, [request()], OnlineClient(gone, "shop"))

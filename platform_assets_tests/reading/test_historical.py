"""historical_features: the oracle's values for any labels, and an error that names the fix for labels that cannot be answered."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from platform_assets import FeatureService, FeatureView, count, daily, historical_features
from platform_assets.errors import ComputeError, NotReadyError
from platform_assets.stores.delta import Lake
from platform_assets.testing.equality import require_same_rows
from platform_assets_tests.reading.shop import Shop, frame, label
from platform_assets_tests.steps.business import DAYS, START, Business

NOON = START + timedelta(days=4, hours=12)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return Shop(tmp_path_factory.mktemp("shop"))


def test_labels_get_the_values_of_the_oracle_in_their_order_with_nulls_and_duplicates(shop: Shop) -> None:
    edges = [shop.readable(day) + timedelta(microseconds=off) for day in range(-1, DAYS) for off in (-1, 0, 1)]
    users = ["ada", "bob", None, "cy", "nobody"]
    rows = [label(user, at, basket=2.5, items=3, voucher=True, note="hi", until=NOON) for at in reversed(edges) for user in users]
    rows += rows[:3]
    labels = frame(shop.service, rows).with_columns(pl.int_range(pl.len()).alias("anything"))
    found = historical_features(shop.service, labels, lake=shop.lake)
    assert found.frame.columns == [*labels.columns, *shop.service.features]
    assert found.frame.select(labels.columns).equals(labels), "rows out are rows in, in their order"
    require_same_rows("historical features", shop.expected(rows), found.frame.drop("anything").to_dicts())
    assert found.null_keys == {"spending": len(edges) + 1, "visits": len(edges) + 1}
    assert found.versions == {"spending/gold": 0, "visits/gold": 0}


def test_types_are_those_that_the_service_says(shop: Shop) -> None:
    from platform_assets.expressions.types import POLARS

    found = historical_features(shop.service, frame(shop.service, [label("ada", NOON)]), lake=shop.lake).frame
    assert {name: found.schema[name] for name in shop.service.features} == {n: POLARS[t] for n, t in shop.service.features.items()}


def test_no_labels_get_the_columns(shop: Shop) -> None:
    found = historical_features(shop.service, frame(shop.service, []), lake=shop.lake)
    assert found.frame.height == 0
    assert found.frame.columns == [*frame(shop.service, []).columns, *shop.service.features]
    assert found.null_keys == {"spending": 0, "visits": 0}


def test_a_time_before_the_first_partition_has_the_empty_values(shop: Shop) -> None:
    long_ago = datetime(1999, 1, 1, tzinfo=UTC)
    rows = [label("ada", long_ago), label("ada", NOON), label("ada", START)]
    found = historical_features(shop.service, frame(shop.service, rows), lake=shop.lake).frame
    require_same_rows("historical features", shop.expected(rows), found.to_dicts())
    assert found["spending__count_3d"].to_list()[0] == found["spending__count_3d"].to_list()[2] == 0


def test_a_label_in_the_future_is_named_as_such(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATFORM_NOW", "2024-03-06T12:00:00Z")
    labels = [label("ada", shop.readable(3)), label("bob", datetime(2024, 3, 7, tzinfo=UTC)), label("cy", datetime(2024, 3, 8, tzinfo=UTC))]
    with pytest.raises(NotReadyError) as error:
        historical_features(shop.service, frame(shop.service, labels), lake=shop.lake)
    said = str(error.value)
    assert "2 of the labels are in the future, such as the one of user 'bob' at 2024-03-07 00:00 UTC: it is now 2024-03-06 12:00" in said
    assert "Materialize" not in said, "no command makes the future"


def test_a_time_after_the_newest_partition_needs_one_that_is_missing(shop: Shop) -> None:
    newest = shop.readable(DAYS) - timedelta(microseconds=1)
    assert historical_features(shop.service, frame(shop.service, [label("ada", newest)]), lake=shop.lake).frame.height == 1
    later = frame(shop.service, [label("ada", newest), label("ada", newest + timedelta(microseconds=1))])
    with pytest.raises(NotReadyError, match=r"historical_features\(served\) needs spending/gold 2024-03-04, which is missing") as error:
        historical_features(shop.service, later, lake=shop.lake)
    assert "dagster asset materialize" in str(error.value)
    assert "The newest existing one is 2024-03-03: the labels need later ones." in str(error.value)


def test_the_lake_of_the_settings_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATFORM_HOME", str(tmp_path))
    business = Business(tmp_path / "lake", declared={"accepted_share": 0.0})
    business.sell(0, "1 ada 4", "2 ada 5")
    business.make_range()
    service = FeatureService("spending_only", [business.view])
    labels = pl.DataFrame({"user": ["ada"], "at": [START + timedelta(days=1)]}).with_columns(pl.col("at").dt.cast_time_unit("us"))
    assert historical_features(service, labels, time="at").frame["spending__amount_sum_3d"].to_list() == [9.0]


def test_a_lake_without_the_table_says_so(tmp_path: Path) -> None:
    business = Business(tmp_path)
    service = FeatureService("spending_only", [business.view])
    labels = pl.DataFrame({"user": ["ada"], "label_time": [NOON]})
    with pytest.raises(NotReadyError, match=r"needs 4 partitions of spending/gold that are missing: 2024-02-25 to 2024-02-28\."):
        historical_features(service, labels, lake=Lake(str(tmp_path)))
    with pytest.raises(NotReadyError, match="there is no table spending/gold"):
        historical_features(service, labels.clear(), lake=Lake(str(tmp_path)))


def test_a_blocked_partition_and_one_of_another_version_are_named(tmp_path: Path) -> None:
    business = Business(tmp_path, declared={"accepted_share": 0.9})
    business.sell(0, "1 ada 4")
    business.sell(2, "2 ada 5", "3 ada -1", "4 bob much")
    for layer in ("raw", "silver", "gold"):
        business.make(layer, business.first, business.last)
    service = FeatureService("spending_only", [business.view])

    def read(day: int, of: FeatureService = service) -> pl.DataFrame:
        labels = pl.DataFrame({"user": ["ada"], "label_time": [START + timedelta(days=day)]})
        return historical_features(of, labels, lake=business.lake).frame

    assert read(2)["spending__count_3d"].to_list() == [1]
    with pytest.raises(NotReadyError, match="spending/gold 2024-02-27"):
        read(3)
    other = FeatureView("spending", entity=business.entity, source=business.source, features=[count().over("2d")])
    with pytest.raises(NotReadyError, match=r"2 partitions of spending/gold that were made by version \w+ of its declaration"):
        read(2, FeatureService("other", [other]))


def test_labels_far_apart_need_nothing_of_the_time_between(tmp_path: Path) -> None:
    business = Business(tmp_path, declared={"accepted_share": 0.0, "partitions": daily("2024-01-01")})
    days = business.source.partitions
    for key, sale in (("2024-01-02", "1"), ("2024-06-03", "2")):
        business.deliveries[key] = [{"sale_id": sale, "user": "ada", "at": f"{key}T10:00:00Z", "amount": "2"}]
    for first in ("2024-01-01", "2024-05-21"):
        for layer in ("raw", "silver", "gold"):
            business.make(layer, days.index_of(first), days.index_of(first) + 15)
    service = FeatureService("spending_only", [business.view])
    times = [datetime(2024, 6, 4, tzinfo=UTC), datetime(2024, 1, 3, tzinfo=UTC), datetime(2024, 6, 4, tzinfo=UTC)]
    labels = pl.DataFrame({"user": ["ada"] * 3, "label_time": times})
    found = historical_features(service, labels, lake=business.lake).frame
    assert found["spending__count_1d"].to_list() == [1, 1, 1]
    assert found["label_time"].to_list() == times
    between = pl.DataFrame({"user": ["ada"], "label_time": [datetime(2024, 3, 1, tzinfo=UTC)]})
    with pytest.raises(NotReadyError, match=r"5 partitions of spending/gold that are missing: 2024-02-25 to 2024-02-29\."):
        historical_features(service, pl.concat([labels, between]), lake=business.lake)


Change = Callable[[pl.DataFrame], object]

WRONG: dict[str, tuple[Change, str]] = {
    "a key is missing": (lambda f: f.drop("user"), "the labels have no column 'user'. "),
    "a key is misspelt": (lambda f: f.rename({"user": "usr"}), "the labels have no column 'user'. Did you mean 'usr'?"),
    "the time is missing": (lambda f: f.rename({"label_time": "time"}), "the labels have no column 'label_time'. "),
    "a column of the request is missing": (lambda f: f.drop("basket"), "the labels have no column 'basket'."),
    "a key is a number": (
        lambda f: f.with_columns(user=pl.lit(7)),
        "the labels' 'user' is Int32, but must be String. Convert it: pl.col('user').cast(pl.String).",
    ),
    "a column of the request is a whole number": (
        lambda f: f.with_columns(basket=pl.lit(7, pl.Int64)),
        "the labels' 'basket' is Int64, but must be Float64. Convert it: pl.col('basket').cast(pl.Float64).",
    ),
    "times are naive": (
        lambda f: f.with_columns(pl.col("label_time").dt.replace_time_zone(None)),
        "Convert it: pl.col('label_time').dt.replace_time_zone('UTC') (if its times are in UTC).",
    ),
    "times are local": (
        lambda f: f.with_columns(pl.col("label_time").dt.convert_time_zone("Europe/London")),
        "Convert it: pl.col('label_time').dt.convert_time_zone('UTC').",
    ),
    "times are in nanoseconds": (
        lambda f: f.with_columns(pl.col("label_time").dt.cast_time_unit("ns")),
        "Convert it: pl.col('label_time').dt.cast_time_unit('us').",
    ),
    "times are text": (
        lambda f: f.with_columns(label_time=pl.lit("2024-03-01")),
        "Convert it: pl.col('label_time').str.to_datetime(time_unit='us', time_zone='UTC').",
    ),
    "times are dates": (
        lambda f: f.with_columns(pl.col("label_time").dt.date()),
        "is Date, but must be Datetime(time_unit='us', time_zone='UTC'). Convert it: pl.col('label_time').cast(pl.Datetime('us', 'UTC')).",
    ),
    "a time is null": (lambda f: f.with_columns(label_time=pl.lit(None, pl.Datetime("us", "UTC"))), "1 labels have no 'label_time'."),
    "a time is before all calendars": (
        lambda f: f.with_columns(label_time=pl.lit(datetime(1, 1, 1, tzinfo=UTC))),
        "1 labels have a 'label_time' before the year 1000 or after 9998. Leave them out.",
    ),
    "a column is one of ours": (lambda f: f.with_columns(__row=1), "the labels have a column '__row', which is reserved. Rename it."),
    "a column is named as a feature": (
        lambda f: f.with_columns(visits__large=pl.lit(1)),
        "the labels have a column 'visits__large', the name of a feature. Rename it, or leave it out.",
    ),
    "a column is named as an on-demand feature": (
        lambda f: f.with_columns(greeting=pl.lit(1)),
        "the labels have a column 'greeting', the name of a feature.",
    ),
    "the request's time is another column": (
        lambda f: f.with_columns(request_time=pl.col("label_time")),
        "the labels have a column 'request_time', but features are read at 'label_time'. Pass time='request_time'",
    ),
    "labels are dicts": (lambda f: f.to_dicts(), "the labels: a list is not a table. Give a Polars frame, a pandas DataFrame, a PyArrow"),
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_labels_are_refused_with_the_mend(shop: Shop, what: str) -> None:
    change, message = WRONG[what]
    labels = frame(shop.service, [label("ada", NOON)])
    with pytest.raises(ComputeError) as error:
        historical_features(shop.service, change(labels), lake=shop.lake)  # type: ignore[arg-type]
    assert str(error.value).startswith("feature service 'served': ")
    assert message in str(error.value)


@pytest.mark.parametrize("what", ["times are naive", "times are local", "times are in nanoseconds", "times are text", "times are dates"])
def test_the_mend_of_a_message_mends(shop: Shop, what: str) -> None:
    change, _ = WRONG[what]
    wrong = change(frame(shop.service, [label("ada", NOON)]))
    assert isinstance(wrong, pl.DataFrame)
    with pytest.raises(ComputeError) as error:
        historical_features(shop.service, wrong, lake=shop.lake)
    fix = str(error.value).split("Convert it: ")[1].removesuffix(".").removesuffix(" (if its times are in UTC)")
    fixed = wrong.with_columns(eval(fix, {"pl": pl}))
    assert historical_features(shop.service, fixed, lake=shop.lake).frame.height == 1


def test_the_labels_time_is_the_time_of_the_request(shop: Shop) -> None:
    rows = [label("ada", NOON, until=NOON + timedelta(days=2)), label("bob", NOON.astimezone(ZoneInfo("UTC")), basket=float("nan"))]
    found = historical_features(
        shop.service, frame(shop.service, rows).rename({"label_time": "request_time"}), time="request_time", lake=shop.lake
    ).frame
    assert found["days_left"].to_list() == [2.0, None]
    assert found["basket_share"].to_list() == [None, None], "what is not finite is null"

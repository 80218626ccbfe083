"""materialize(): the tables that Dagster's steps leave, made in one call; ranges, days that are blocked or missing, and what it refuses."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from platform_assets import Arrival, Entity, FeatureView, count, daily, hourly, materialize, source, weekly
from platform_assets.declare.dependencies import Declaration
from platform_assets.errors import DeclarationError, NotReadyError, SourceError
from platform_assets.stores.online.connection import OnlineStore
from platform_assets.stores.valkey import EmbeddedValkey
from platform_assets_tests.steps.business import START, Business, same
from platform_assets_tests.steps.pipeline import ALL_LAYERS, Pipeline, pipeline_with

NOW = datetime(2024, 3, 10, 6, tzinfo=UTC)


class Order:
    customer: str
    ordered_at: datetime


@pytest.fixture
def business(tmp_path: Path) -> Business:
    """Three days of sales. One bad row of three is too many."""
    made = Business(tmp_path / "lake", declared={"accepted_share": 0.7})
    made.sell(0, "1 ada 5", "2 bob 7", "3 cy 8")
    made.sell(1, "4 ada 5", "5 bob 7", "6 cy 8")
    made.sell(2, "7 ada 5", "8 bob 7", "9 cy 8")
    return made


def of(business: Business, **given: Any) -> Any:
    return materialize(business.view, business.report, **{"lake": business.lake, "now": business.now, **given})


@pytest.mark.slow  # trains a model twice
def test_all_tables_are_those_of_the_steps_and_a_second_call_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    by_steps, by_call = pipeline_with(tmp_path / "steps"), pipeline_with(tmp_path / "call")
    declared: list[Declaration] = [by_call.report, by_call.history, by_call.model]
    with EmbeddedValkey(tmp_path / "valkey") as server:
        by_steps.store, by_call.store = OnlineStore(server.url, "steps"), OnlineStore(server.url, "call")
        by_steps.bring_up(*ALL_LAYERS)
        monkeypatch.setenv("PLATFORM_PROJECT", "call")

        def call() -> Any:
            return materialize(*declared, lake=by_call.lake, online=server.url, now=by_call.now)

        made = call()
        same(by_steps.state(exact=False), by_call.state(exact=False))
        assert [name for name in made.tables if name.startswith("coming/")] == ["coming/training", "coming/model", "coming/predictions"]
        assert all(outcome.made and not outcome.unchanged for outcome in made.tables.values())
        made.check()

        versions = _versions(by_call)
        again = call()
        assert not any(outcome.made for outcome in again.tables.values())
        assert {name: o.made for name, o in made.tables.items()} == {name: o.unchanged for name, o in again.tables.items()}
        assert _versions(by_call) == versions


def _versions(pipeline: Pipeline) -> dict[str, int | None]:
    return {"/".join(table): pipeline.lake.version(table) for table in [*pipeline.written(), ("_platform", "ledger")]}


def test_a_range_makes_its_partitions_and_the_next_one_goes_on(business: Business, tmp_path: Path) -> None:
    whole = Business(tmp_path / "whole", declared={"accepted_share": 0.7})
    whole.deliveries.update(business.deliveries)
    whole.make_range()
    first = of(business, first=business.day(0), last=business.day(1))
    assert first.tables["sales/silver"].made == (business.day(0), business.day(1))
    assert of(business, first=business.day(1), last=business.day(1)).tables["spending/gold"].unchanged == (business.day(1),)
    rest = of(business, first=business.day(1))
    assert rest.tables["spending/gold"].unchanged == (business.day(1),)
    assert rest.tables["spending/gold"].made[0] == business.day(2)
    same(whole.tables(), business.tables())


def test_a_corrected_day_is_made_again_with_what_reads_it(business: Business) -> None:
    of(business)
    business.sell(1, "4 ada 50", "5 bob 7", "6 cy 8")
    again = of(business)
    assert {name: outcome.made for name, outcome in again.tables.items()} == {
        "sales/raw": (business.day(1),),
        "sales/silver": tuple(business.day(day) for day in (1, 2, 3)),  # what may repeat a row of the 1st is judged again
        "spending/gold": tuple(business.day(day) for day in range(1, 5)),  # the 2nd and the 3rd have the rows that they had
        "takings/gold": again.tables["takings/gold"].made,
    }


def test_tables_of_a_changed_declaration_are_made_range_by_range(business: Business, tmp_path: Path) -> None:
    """The new view lacks columns of the old one: it is made beside it until all of it is there."""
    business.make_range()
    features = [count().over("2d").named("count_1d")]
    view = FeatureView("spending", entity=business.entity, source=business.source, features=features, keys=business.keys)
    parts = [{"last": business.day(0)}, {"first": business.day(0), "last": business.day(1)}, {}, {}]
    found = [materialize(view, lake=business.lake, now=business.now, **part).tables["spending/gold"] for part in parts]
    assert [outcome.made for outcome in found[:2]] == [(business.day(0),), (business.day(1),)]
    assert found[1].unchanged == (business.day(0),)
    assert found[2].made == tuple(business.day(day) for day in range(2, 8))
    assert found[3].unchanged == tuple(business.day(day) for day in range(8))
    gold = pl.read_delta(business.lake.uri(("spending", "gold")))
    assert gold.filter(user="ada").sort("partition")["count_1d"].to_list() == [1, 2, 2, 1, 0]
    assert "amount_sum_3d" not in gold.columns


def test_a_blocked_day_holds_up_only_what_reads_it_and_is_told_with_its_reason(business: Business) -> None:
    business.sell(1, "4 ada -5", "5 bob 7", "6 cy 8")
    done = of(business, last=business.day(2))
    silver, gold = done.tables["sales/silver"], done.tables["spending/gold"]
    assert silver.made == (business.day(0), business.day(2))
    assert silver.blocked[business.day(1)].startswith("sales/silver 2024-02-26 is blocked: 67% of its 3 rows were good, 70% are required.")
    assert gold.made == (business.day(0),)
    assert list(gold.refused) == [business.day(1), business.day(2)]
    said = str(done)
    assert "sales/silver   2 made, 1 blocked (2024-02-26)\n" in said
    assert "spending/gold  1 made, 2 refused (2024-02-26 to 2024-02-27)\n" in said
    assert said.count("is blocked: 67% of its") == 3, "once of silver, and once of each table that reads it"
    with pytest.raises(NotReadyError, match="sales/silver 2024-02-26 is blocked"):
        done.check()
    again = of(business, last=business.day(2))
    assert again.tables["sales/silver"].blocked == silver.blocked
    assert again.tables["sales/silver"].unchanged == silver.made


def test_a_day_that_has_not_come_is_refused_with_what_was_looked_for(business: Business, tmp_path: Path) -> None:
    @source(schema=Order, event_time="ordered_at", partitions=daily("2024-03-01"))
    def orders(arrival: Arrival) -> pl.DataFrame | None:
        return None if arrival.partition != "2024-03-01" else pl.DataFrame([{"customer": "ada", "ordered_at": "2024-03-01T10:00:00Z"}])

    done = materialize(orders, last="2024-03-02", lake=tmp_path / "other", now=NOW)
    assert done.tables["orders/raw"].made == ("2024-03-01",)
    assert str(done.tables["orders/raw"].refused["2024-03-02"]).startswith("orders/raw 2024-03-02: nothing has arrived.")
    assert "orders/raw 2024-03-02, which is missing" in str(done.tables["orders/silver"].refused["2024-03-02"])


def test_a_damaged_day_is_received_again_and_read_again_in_the_same_call(tmp_path: Path) -> None:
    @source(schema=Order, event_time="ordered_at", partitions=daily("2024-03-01"))
    def orders(arrival: Arrival) -> pl.DataFrame:
        return pl.DataFrame([{"customer": "ada", "ordered_at": f"{arrival.partition}T10:00:00Z"}])

    materialize(orders, last="2024-03-02", lake=tmp_path, now=NOW).check()
    [file] = (tmp_path / "orders" / "raw" / "arrival=2024-03-02").glob("*.parquet")
    file.unlink()
    assert materialize(orders, last="2024-03-02", lake=tmp_path, now=NOW).check().tables["orders/silver"].made == ("2024-03-02",)
    assert pl.read_delta(str(tmp_path / "orders" / "silver")).height == 2


def test_what_cannot_be_read_is_an_error_after_all_others_are_in_raw(tmp_path: Path) -> None:
    @source(schema=Order, event_time="ordered_at", partitions=daily("2024-03-01"))
    def orders(arrival: Arrival) -> pl.DataFrame:
        if arrival.partition == "2024-03-02":
            raise RuntimeError("the disk is on fire")
        return pl.DataFrame([{"customer": "ada", "ordered_at": f"{arrival.partition}T10:00:00Z"}])

    with pytest.raises(SourceError, match=r"source 'orders', partition 2024-03-02: its function failed: RuntimeError: the disk is on fire"):
        materialize(orders, last="2024-03-03", lake=tmp_path, now=NOW)
    assert pl.read_delta(str(tmp_path / "orders/raw")).height == 2
    assert not (tmp_path / "orders/silver").exists()


def test_keys_of_days_and_hours_name_the_partitions_of_other_tables_that_they_lie_in(tmp_path: Path) -> None:
    def rows(arrival: Arrival) -> pl.DataFrame:
        return pl.DataFrame([{"customer": "ada", "ordered_at": (arrival.start + timedelta(minutes=1)).isoformat()}])

    @source(schema=Order, event_time="ordered_at", partitions=hourly("2024-03-01"))
    def clicks(arrival: Arrival) -> pl.DataFrame:
        return rows(arrival)

    @source(schema=Order, event_time="ordered_at", partitions=weekly("2024-02-19"))
    def invoices(arrival: Arrival) -> pl.DataFrame:
        return rows(arrival)

    customer = Entity("customer", keys=["customer"])
    lately = FeatureView("lately", entity=customer, source=clicks, features=[count().over("1h", "lifetime")])
    done = materialize(lately, invoices, first="2024-03-01T22", last="2024-03-02", lake=tmp_path, now=datetime(2024, 4, 2, tzinfo=UTC))
    hours = ["2024-03-01T22", "2024-03-01T23", *(f"2024-03-02T{hour:02}" for hour in range(24))]
    assert list(done.tables["clicks/raw"].made) == hours
    assert done.tables["invoices/silver"].made == ("2024-02-26",)
    assert str(done.tables["lately/checkpoints"]) == "no partition in this range"
    assert list(done.tables["lately/gold"].refused) == hours, "hours before them are missing"
    whole = materialize(lately, last="2024-03-02", lake=tmp_path, now=datetime(2024, 3, 2, 3, 30, tzinfo=UTC))
    assert whole.tables["lately/gold"].made[-1] == "2024-03-02T02", "hours that have not ended are not made"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"first": "yesterday"}, r"materialize, first: 'yesterday' is not a partition key. Write it as '2024-03-05', or for hours as"),
        ({"last": START.date()}, r"materialize, last: datetime.date\(2024, 2, 25\) is not a partition key"),
        (
            {"first": "2024-02-24"},
            r"first: no source has a partition '2024-02-24' that has ended at 2024-02-28 06:00 UTC: sales has 2024-02-25 to",
        ),
        ({"last": "2024-02-28"}, r"last: no source has a partition '2024-02-28' that has ended .*: sales has 2024-02-25 to 2024-02-27\."),
        ({"first": "2024-02-27", "last": "2024-02-26"}, r"first='2024-02-27' comes after last='2024-02-26'"),
        ({"now": datetime(2024, 2, 28)}, r"now: datetime.datetime\(2024, 2, 28, 0, 0\) has no time zone"),
    ],
)
def test_what_makes_no_range_is_refused_before_anything_is_made(business: Business, given: dict[str, Any], message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        of(business, **{"now": START + timedelta(days=3, hours=6), **given})
    assert not business.lake.exists(("sales", "raw"))


def test_what_is_no_declaration_or_makes_a_table_twice_is_refused(business: Business) -> None:
    other = FeatureView("spending", entity=business.entity, source=business.source, features=[count().over("1d")], keys=business.keys)
    for wrong, message in (
        ([], "there is nothing to materialize"),
        ([[business.view]], r"a list is not a declaration. Pass its items one by one: materialize\(\*\[...\]\)"),
        ([business.view, other], "two declarations are named 'spending', and both would write spending/gold. Rename one."),
    ):
        with pytest.raises(DeclarationError, match=message):
            materialize(*wrong, lake=business.lake, now=business.now)  # type: ignore[arg-type]


def test_another_lake_is_published_only_to_a_store_that_is_named(business: Business, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATFORM_REDIS_URL", "redis://127.0.0.1:1/0")
    assert "spending/online" not in of(business).tables


def test_without_arguments_it_is_the_lake_of_the_settings_and_the_platforms_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATFORM_HOME", str(tmp_path))
    monkeypatch.setenv("PLATFORM_NOW", "2024-02-26T00:00:00Z")
    business = Business(tmp_path / "unused")
    business.sell(0, "1 ada 5")
    assert materialize(business.view).tables["spending/gold"].made == ("2024-02-25",)
    assert pl.read_delta(str(tmp_path / "lake/spending/gold")).height == 1

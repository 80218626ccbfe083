"""What sensors ask for: raw that has come, and the event days of reports; nothing twice, and nothing while a run goes on."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from shutil import rmtree
from typing import Any

import dagster as dg
import pytest
from dagster._core.test_utils import create_run_for_test

from platform_assets import GoldTable, count
from platform_assets.assets.resource import PlatformResource
from platform_assets.stores.valkey import EmbeddedValkey
from platform_assets_tests.assets.shop import RANGE_END, RANGE_START, Shop, failure
from platform_assets_tests.steps.business import START, Business

Asked = list[tuple[str, str]]
"""The first and the last partition of each run."""


class Sensor:
    """A sensor of a shop, tick after tick."""

    def __init__(self, shop: Shop, name: str) -> None:
        self._shop, self._cursor = shop, ""
        sensor = shop.definitions.get_sensor_def(name)
        assert sensor.default_status == dg.DefaultSensorStatus.RUNNING
        self._sensor = sensor

    def tick(self) -> dg.SensorResult:
        with dg.build_sensor_context(
            instance=self._shop.instance,
            cursor=self._cursor,
            resources={"platform": self._shop.platform},
            definitions=self._shop.definitions,
        ) as context:
            result = self._sensor(context)
        assert isinstance(result, dg.SensorResult)
        self._cursor = result.cursor or self._cursor
        for event in result.asset_events:
            assert isinstance(event, dg.AssetMaterialization)
            self._shop.instance.report_runless_asset_event(event)
        return result

    def asks(self, asset: str) -> Asked:
        """What is asked for of this asset: it is the only one."""
        runs = self.tick().run_requests or []
        assert all(run.asset_selection == [dg.AssetKey.from_user_string(asset)] for run in runs)
        return [_partitions(run) for run in runs]

    def serve(self, asset: str) -> Asked:
        """What is asked for, and made."""
        asked = self.asks(asset)
        for first, last in asked:
            self._shop.run(first, last, select=[asset])
        return asked


def _partitions(run: dg.RunRequest) -> tuple[str, str]:
    if run.partition_key is not None:
        return run.partition_key, run.partition_key
    return run.tags[RANGE_START], run.tags[RANGE_END]


@pytest.fixture
def business(tmp_path: Path) -> Business:
    return Business(tmp_path / "lake")


@pytest.fixture
def shop(tmp_path: Path, business: Business) -> Shop:
    return Shop(tmp_path, business.report)


def spans(business: Business, *days: tuple[int, int]) -> Asked:
    return [(business.day(first), business.day(last)) for first, last in days]


def at(monkeypatch: pytest.MonkeyPatch, days: float) -> None:
    """Sets the platform's clock to so many days after the business began."""
    monkeypatch.setenv("PLATFORM_NOW", (START + timedelta(days=days)).isoformat())


def test_what_has_come_is_asked_for_in_a_run_for_each_stretch(business: Business, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    at(monkeypatch, 7)
    for day in (0, 1, 2, 4, 7):
        business.sell(day, f"{day}0 ada 1")
    arrivals = Sensor(shop, "sales__arrivals")
    assert arrivals.serve("sales/raw") == spans(business, (0, 5)), (
        "closed days are empty ones; the last is not over, the one before may come"
    )
    assert arrivals.serve("sales/raw") == []
    at(monkeypatch, 7.25)
    assert arrivals.serve("sales/raw") == spans(business, (6, 6))
    at(monkeypatch, 8)
    assert arrivals.serve("sales/raw") == spans(business, (7, 7))
    business.sell(1, "10 ada 2")
    at(monkeypatch, 9)
    assert arrivals.serve("sales/raw") == spans(business, (1, 1))
    at(monkeypatch, 30)
    assert arrivals.serve("sales/raw") == []


def test_a_run_key_says_what_is_asked_for(business: Business, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    at(monkeypatch, 1)
    business.sell(0, "00 ada 1")
    keys = [[run.run_key for run in Sensor(shop, "sales__arrivals").tick().run_requests or []] for _ in range(2)]
    assert keys[0] == keys[1], "a daemon that died after it asked asks for the same again, and Dagster runs it once"
    assert str(keys[0][0]).startswith(f"sales/raw {business.day(0)} {business.day(0)} ")


def test_while_a_run_of_raw_goes_on_nothing_is_asked_for(business: Business, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    at(monkeypatch, 1)
    business.sell(0, "00 ada 1")
    arrivals, raw = Sensor(shop, "sales__arrivals"), frozenset({dg.AssetKey(["sales", "raw"])})
    run = create_run_for_test(shop.instance, status=dg.DagsterRunStatus.STARTED, asset_selection=raw)
    result = arrivals.tick()
    assert not result.run_requests
    assert result.skip_reason is not None
    assert f"Run {run.run_id[:8]} has not finished" in str(result.skip_reason.skip_message)
    shop.instance.report_run_canceled(run)
    assert arrivals.asks("sales/raw") == spans(business, (0, 0))


@dg.op
def listen() -> None: ...


@dg.job
def streaming_consumer() -> None:
    listen()


def test_only_a_run_that_makes_the_asset_holds_its_sensor_up(business: Business, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    at(monkeypatch, 1)
    business.sell(0, "00 ada 1")
    arrivals, started = Sensor(shop, "sales__arrivals"), dg.DagsterRunStatus.STARTED
    others = shop.instance.create_run_for_job(streaming_consumer, status=started)
    assert others.asset_selection is None
    assert arrivals.asks("sales/raw") == spans(business, (0, 0)), "a run without assets"
    everything = dg.Definitions(
        assets=shop.definitions.assets, jobs=[dg.define_asset_job("everything")], resources=shop.definitions.resources
    )
    run = shop.instance.create_run_for_job(everything.resolve_job_def("everything"), status=started)
    assert run.asset_selection is None
    result = Sensor(shop, "sales__arrivals").tick()
    assert result.skip_reason is not None
    assert f"Run {run.run_id[:8]} has not finished" in str(result.skip_reason.skip_message)


def test_what_a_dead_run_left_in_raw_is_told_without_another(business: Business, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    at(monkeypatch, 3)
    for day in range(3):
        business.sell(day, f"{day}0 ada 1")
    business.make("raw", business.first, business.first + 2)
    arrivals = Sensor(shop, "sales__arrivals")
    assert arrivals.asks("sales/raw") == []
    told = shop.materializations("sales/raw")
    assert sorted(told) == [business.day(day) for day in range(3)]
    assert told[business.day(1)].metadata["delta_version"].value == 0, "small partitions are one commit"
    assert arrivals.tick().asset_events == []


def test_a_corrected_day_that_a_dead_run_left_in_raw_is_told_once_beside_what_runs_have_told(
    business: Business, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(monkeypatch, 3)
    for day in range(3):
        business.sell(day, f"{day}0 ada 1")
    arrivals = Sensor(shop, "sales__arrivals")
    assert arrivals.serve("sales/raw") == spans(business, (0, 2))
    business.sell(1, "10 ada 100")
    business.make("raw", business.first + 1, business.first + 1)
    business.sell(2, "20 ada 100")
    assert shop.run(business.day(2), select=["sales/raw"]).success, "before the sensor looks, another run tells what it made itself"
    told = arrivals.tick().asset_events
    assert [(event.partition, event.metadata["delta_version"].value) for event in told] == [(business.day(1), 1)]
    assert arrivals.tick().asset_events == []


def test_raw_that_was_removed_and_made_anew_is_told_anew(
    tmp_path: Path, business: Business, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(monkeypatch, 3)
    for day in range(3):
        business.sell(day, f"{day}0 ada 1")
    arrivals = Sensor(shop, "sales__arrivals")
    assert arrivals.serve("sales/raw") == spans(business, (0, 2))
    arrivals.tick()
    rmtree(tmp_path / "lake" / "sales" / "raw")
    business.make("raw", business.first + 1, business.first + 1)
    assert [event.partition for event in arrivals.tick().asset_events] == [business.day(1)]


def test_a_corrected_day_beside_one_that_cannot_be_received_is_told_by_the_run_that_fails(
    business: Business, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(monkeypatch, 3)
    for day in range(3):
        business.sell(day, f"{day}0 ada 1")
    arrivals = Sensor(shop, "sales__arrivals")
    arrivals.serve("sales/raw")
    business.sell(1, "10 ada 100")
    broken: list[dict[str, Any]] = [{"sale_id": object()}]
    business.deliveries[business.day(2)] = broken
    result = shop.run(business.day(0), business.day(2), select=["sales/raw"])
    assert not result.success
    assert f"partition {business.day(2)}: its function failed" in failure(result)
    assert shop.materializations("sales/raw")[business.day(1)].metadata["delta_version"].value == 1
    assert arrivals.tick().asset_events == []


def test_a_delivery_that_cannot_be_received_does_not_keep_others_waiting(
    business: Business, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(monkeypatch, 3)
    for day in range(3):
        business.sell(day, f"{day}0 ada 1")
    broken: list[dict[str, Any]] = [{"sale_id": object()}]
    business.deliveries[business.day(1)] = broken
    arrivals = Sensor(shop, "sales__arrivals")
    assert arrivals.serve("sales/raw") == spans(business, (0, 0), (2, 2))
    business.sell(1, "10 ada 1")
    at(monkeypatch, 4)
    assert arrivals.serve("sales/raw") == spans(business, (1, 1))


class Reports(Sensor):
    """The sensor of takings, over a silver that is made by hand."""

    def __init__(self, shop: Shop, business: Business) -> None:
        super().__init__(shop, "platform_stale")
        self._business = business

    def after(self, *days: int) -> Asked:
        """What is made of the report after these arrival days."""
        business, first = self._business, self._business.first
        for day in days:
            business.make("raw", first + day, first + day)
            business.make("silver", first + day, first + day)
        asked = self.asks("takings/gold")
        for one in asked:
            business.make("report", *map(business.source.partitions.index_of, one))
        return asked


def test_a_report_is_made_for_the_event_days_that_rows_have_come_of(business: Business, shop: Shop) -> None:
    for day in range(5):
        business.sell(day, f"{day}0 ada 1")
    reports = Reports(shop, business)
    assert reports.after() == []
    assert reports.after(0, 1, 2, 3, 4) == spans(business, (0, 4))
    assert reports.after() == []
    business.sell(5, "50 ada 1", "51 bob 2 -2", "52 cy 3 -5")
    assert reports.after(5) == spans(business, (0, 0), (3, 3), (5, 5))
    assert reports.after() == []


def test_a_restated_day_asks_for_the_event_days_that_it_holds_or_held(business: Business, shop: Shop) -> None:
    for day in range(4):
        business.sell(day, f"{day}0 ada 1", f"{day}1 bob 2 -1") if day == 3 else business.sell(day, f"{day}0 ada 1")
    reports = Reports(shop, business)
    assert reports.after(0, 1, 2, 3) == spans(business, (0, 3))
    business.sell(3, "30 ada 1")
    assert reports.after(3) == spans(business, (2, 3))


def test_a_report_that_is_declared_as_it_was_once_is_asked_for_under_another_key(tmp_path: Path, business: Business) -> None:
    for day in range(2):
        business.sell(day, f"{day}0 ada 1")
    business.make("raw", business.first, business.first + 1)
    business.make("silver", business.first, business.first + 1)
    declared = [GoldTable("takings", source=business.source, measures=[count().named(name)]) for name in ("sales", "sold", "sales")]
    keys: list[str | None] = []
    for report in declared:
        shop = Shop(tmp_path, report)
        again = [Sensor(shop, "platform_stale").tick().run_requests or [] for _ in range(2)]
        assert again[0] == again[1], "a daemon that died after it asked asks for the same again, and Dagster runs it once"
        keys += [run.run_key for run in again[0]]
        assert shop.run(business.day(0), business.day(1), select=["takings/gold"]).success
    assert len(keys) == len(set(keys)) == 3


def test_reports_wait_for_a_run_of_silver_and_then_ask_once(business: Business, shop: Shop) -> None:
    for day in range(2):
        business.sell(day, f"{day}0 ada 1")
    silver = frozenset({dg.AssetKey(["sales", "silver"])})
    run = create_run_for_test(shop.instance, status=dg.DagsterRunStatus.STARTED, asset_selection=silver)
    reports = Reports(shop, business)
    assert reports.after(0) == []
    assert reports.after(1) == []
    shop.instance.report_run_canceled(run)
    assert reports.after() == spans(business, (0, 1))


def test_a_report_whose_day_is_blocked_is_asked_for_when_it_is_open(business: Business, shop: Shop) -> None:
    business.sell(0, "00 ada 1")
    business.sell(1, "10 ada -1")  # blocked
    reports = Reports(shop, business)
    assert reports.after(0, 1) == spans(business, (0, 0))
    assert reports.after() == []
    business.sell(1, "10 ada 1")
    assert reports.after(1) == spans(business, (1, 1))
    assert list(business.entries("takings/gold")) == [business.day(day) for day in (0, 1)]


def test_a_report_whose_day_is_blocked_later_is_asked_for_once_more_and_its_run_takes_it_back(business: Business, shop: Shop) -> None:
    business.sell(0, "00 ada 1")
    reports = Reports(shop, business)
    reports.after(0)
    business.sell(0, "00 ada -1")
    assert reports.after(0) == spans(business, (0, 0))
    assert business.entries("takings/gold")[business.day(0)].status == "blocked"
    assert reports.after() == []


def test_what_failed_is_asked_for_again_only_when_there_is_something_else_to_make_it_of(business: Business, shop: Shop) -> None:
    business.sell(0, "00 ada 1")
    reports = Reports(shop, business)
    for table in ("raw", "silver"):
        business.make(table, business.first, business.first)
    assert reports.asks("takings/gold") == spans(business, (0, 0))  # and its process dies
    assert reports.asks("takings/gold") == []
    business.sell(0, "00 ada 2")
    assert reports.after(0) == spans(business, (0, 0))
    assert reports.after() == []


def test_many_stretches_are_asked_for_a_few_at_a_time(business: Business, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform_assets.assets.automation.requests.MOST", 2)
    for day in range(7):
        business.sell(day, f"{day}0 ada 1")
    reports = Reports(shop, business)
    assert reports.after(*range(7)) == spans(business, (0, 6))
    business.sell(7, *(f"7{late} ada 1 -{late}" for late in (1, 3, 5, 7)))
    found = [reports.after(7), reports.after(), reports.after(), reports.after()]
    assert found == [spans(business, *days) for days in (((0, 0), (2, 2)), ((4, 4), (6, 7)), (), ())]


def test_a_later_publication_makes_an_earlier_one_that_failed_good(tmp_path: Path, business: Business) -> None:
    shop = Shop(tmp_path, business.view)
    layers: Sequence[str] = ("sales/raw", "sales/silver", "sales/quarantine", "spending/gold")
    for day in range(3):
        business.sell(day, f"{day}0 ada 1")
    with EmbeddedValkey(tmp_path / "valkey") as server:
        reachable = PlatformResource(lake_root=str(tmp_path / "lake"), online_url=server.url)
        for day, online in enumerate((shop.platform, reachable, reachable)):
            shop.run(business.day(day), select=layers)
            shop.platform = online
            assert shop.run(business.day(day), select=["spending/online"]).success is (online is reachable)
            made = sorted(shop.materializations("spending/online"))
            assert made == [business.day(number) for number in range(day + 1 if online is reachable else 0)]

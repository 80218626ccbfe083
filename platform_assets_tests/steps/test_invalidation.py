"""What was made of a day that is taken back, or of blocked silver in any other way: it is blocked at once, and nothing else is."""

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from platform_assets import Arrival, FeatureService, FeatureView, TrainingSet, count, every, historical_features, no_event, source
from platform_assets.errors import NotReadyError
from platform_assets.steps.accept import accept, take_back
from platform_assets.steps.gold import make_change_log
from platform_assets.steps.invalidation import withdraw_readers
from platform_assets.steps.raw import make_raw
from platform_assets.steps.silver import make_silver
from platform_assets.steps.stale_tables import stale_training
from platform_assets.steps.staleness import MISSING
from platform_assets.steps.training import make_training
from platform_assets.stores.delta import Table
from platform_assets_tests.rotation import in_turn
from platform_assets_tests.steps.business import Business, Sale
from platform_assets_tests.steps.lifetimes import WEEKS, Lifetimes
from platform_assets_tests.steps.test_labels import FEBRUARY, MARCH, Labelled

BLOCKED = 3


def taken_back(business: Business, partition: int, *declarations: object) -> dict[Table, list[str]]:
    """The last partition that was accepted, taken back as the command does it."""
    take_back(business.source, partition, business.run("by ada"), by="ada", why="the till was right")
    business.make("silver", partition, partition)
    return withdraw_readers(business.source, declarations, business.run("undo"))


def statuses(business: Business, table: str) -> list[str]:
    return [entry.status for entry in business.entries(table).values()]


@pytest.fixture
def business(tmp_path: Path) -> Labelled:
    """All made, of a day that was accepted as it is."""
    business = Labelled(tmp_path / "lake")
    for day in range(8):
        business.sell(day, f"{day}0 ada 1", f"{day}1 bob 60")
    business.sell(BLOCKED, "30 ada 1", "31 bob 2", "33 ada -1", "34 ada much")
    business.make_range()
    accept(business.source, business.first + BLOCKED, business.run("by ada"), by="ada", why="the till was broken")
    business.make_stale()
    for month in (FEBRUARY, MARCH):
        business.make_training(month).check()
    return business


def test_views_reports_and_training_sets_of_it_are_blocked_and_a_read_names_them(business: Labelled) -> None:
    withdrawn = taken_back(business, business.first + BLOCKED, business.source, business.view, business.report, business.training)
    assert withdrawn == {
        ("spending", "gold"): [business.day(day) for day in (3, 4, 5, 6)],
        ("takings", "gold"): [business.day(BLOCKED)],
        ("leaving", "training"): [FEBRUARY, MARCH],
    }
    assert statuses(business, "spending/gold") == ["ok"] * 3 + ["blocked"] * 4 + ["ok"]
    assert statuses(business, "takings/gold") == ["ok"] * 3 + ["blocked"] + ["ok"] * 4
    at = business.source.partitions.ends_at(business.first + BLOCKED)
    labels = pl.DataFrame({"user": ["ada"], "label_time": [at]})
    why = f"spending/gold {business.day(BLOCKED)}, which is blocked because the acceptance of its input was revoked: spending/gold"
    with pytest.raises(NotReadyError, match=why):
        historical_features(FeatureService("all", [business.view]), labels, features_from="gold", lake=business.lake)


def test_nothing_is_written_but_the_ledger_and_a_second_look_finds_nothing_to_do(business: Labelled) -> None:
    tables = [("spending", "gold"), ("takings", "gold"), ("leaving", "training")]
    before = [business.lake.version(table) for table in tables]
    declarations = (business.view, business.report, business.training)
    taken_back(business, business.first + BLOCKED, *declarations)
    assert [business.lake.version(table) for table in tables] == before
    assert withdraw_readers(business.source, declarations, business.run()) == {}


def test_while_the_day_is_open_nothing_is_blocked(business: Labelled) -> None:
    business.sell(1, "10 ada 1", "11 bob 2")
    for table in ("raw", "silver"):
        business.make(table, business.first + 1, business.first + 1)
    assert business.stale("gold"), "it is restated: stale, and readable until it is made again"
    assert withdraw_readers(business.source, (business.view, business.report, business.training), business.run()) == {}


def test_what_does_not_read_the_source_is_left_alone(business: Labelled) -> None:
    """Even if it, too, was made of a day that is blocked now: of another source, about which nobody has decided anything."""
    amounts = ["1", "2"]

    @source(schema=Sale, key=["sale_id"], event_time="at", partitions=business.source.partitions, rules={"positive": "amount >= 0"})
    def elsewhere(arrival: Arrival) -> pl.DataFrame | None:
        at, number = (arrival.start + timedelta(hours=1)).isoformat(), int(arrival.partition.replace("-", ""))
        return pl.DataFrame([{"sale_id": f"{number}{n}", "user": "eve", "at": at, "amount": of} for n, of in enumerate(amounts)])

    visits, run, day = FeatureView("visits", entity=business.entity, source=elsewhere, features=[count().over("2d")]), business.run(), 2
    first, last = business.first, business.first + day
    make_raw(elsewhere, first, last, run).check()
    make_silver(elsewhere, first, last, run).check()
    make_change_log(visits, first, last, run).check()
    amounts[:] = ["-1", "-2"]
    make_raw(elsewhere, last, last, run).check()
    make_silver(elsewhere, last, last, run).check()
    assert statuses(business, "elsewhere/silver") == ["ok", "ok", "blocked"]
    assert taken_back(business, business.first + BLOCKED, elsewhere, visits) == {}
    assert statuses(business, "visits/gold") == ["ok"] * 3
    assert withdraw_readers(elsewhere, [elsewhere, visits], business.run()) == {("visits", "gold"): [business.day(day)]}


@in_turn("platform_assets/steps/invalidation.py", "platform_assets/steps/checkpoints.py")
def test_a_day_that_is_accepted_after_all_opens_everything_again(business: Labelled) -> None:
    whole = business.tables([("spending", "gold"), ("takings", "gold"), ("leaving", "training")])
    taken_back(business, business.first + BLOCKED, business.view, business.report, business.training)
    months = [business.training.partitions.index_of(month) for month in (FEBRUARY, MARCH)]
    accept(business.source, business.first + BLOCKED, business.run("by ada"), by="ada", why="after all")
    business.make_stale()
    stale_partitions = stale_training(business.training, months[0], months[1], business.run())
    assert {month: (one.why, one.can_be) for month, one in stale_partitions.items()} == dict.fromkeys(months, (MISSING, True)), (
        "it is asked for"
    )
    for month in (FEBRUARY, MARCH):
        business.make_training(month).check()
    assert business.tables(list(map(_table, whole))) == whole
    assert {*statuses(business, "spending/gold"), *statuses(business, "takings/gold"), *statuses(business, "leaving/training")} == {"ok"}
    assert list(stale_training(business.training, months[0], months[1], business.run())) == []


def test_a_training_month_that_is_refused_is_withdrawn_with_the_reason(business: Labelled) -> None:
    business.sell(BLOCKED, "30 ada -1", "31 bob -2")
    for table in ("raw", "silver"):
        business.make(table, business.first + BLOCKED, business.first + BLOCKED)
    assert statuses(business, "leaving/training") == ["ok", "ok"], "nobody has looked yet"
    done = business.make_training(FEBRUARY)
    assert list(done.refused) == [FEBRUARY]
    entries = business.entries("leaving/training")
    assert [entries[month].status for month in (FEBRUARY, MARCH)] == ["blocked", "ok"]
    assert f"needs sales/silver {business.day(BLOCKED)}, which is blocked" in entries[FEBRUARY].details["withdrawn"]


def test_a_training_set_is_blocked_by_features_of_another_source_than_its_labels(business: Labelled) -> None:
    """Silver of its labels is as it was: only gold has been withdrawn, which leaves no other version behind."""

    @source(schema=Sale, event_time="at", partitions=business.source.partitions, key=["sale_id"], empty_after="6h")
    def visits(arrival: Arrival) -> pl.DataFrame:
        return pl.DataFrame([{"sale_id": "1", "user": "ada", "at": f"{arrival.partition}T10:00:00Z", "amount": "1"}])

    for make in (make_raw, make_silver):
        make(visits, business.first, business.last, business.run()).check()
    labels = no_event(visits, within="1d", spine=every("1d", active="2d"))
    data = TrainingSet("both", features=FeatureService("spending_only", [business.view]), labels=labels, features_from="gold")
    month = data.partitions.index_of(MARCH)
    make_training(data, month, month, business.run()).check()
    withdrawn = taken_back(business, business.first + BLOCKED, business.view, data)
    assert withdrawn["both", "training"] == [MARCH]


@in_turn("platform_assets/steps/invalidation.py", "platform_assets/steps/checkpoints.py")
def test_checkpoints_are_blocked_one_after_the_other_and_the_days_that_start_from_them(tmp_path: Path) -> None:
    business = Lifetimes(tmp_path / "lake", accepted_share=0.7)
    for week in range(business.first, business.last + 1):
        business.sell_in(week, f"{week}0 ada 1", f"{week}1 bob 2")
    bad = business.first + 1
    business.sell_in(bad, f"{bad}0 ada 1", f"{bad}1 bob -2")
    for table in ("raw", "silver"):
        business.make(table, business.first, business.last)
    accept(business.source, bad, business.run("by ada"), by="ada", why="the till was broken")
    business.make_stale()
    assert {*statuses(business, "spending/gold"), *statuses(business, "spending/checkpoints")} == {"ok"}
    withdrawn = taken_back(business, bad, business.view)
    assert withdrawn == {
        ("spending", "checkpoints"): [
            business.months.key(month) for month in range(business.months.first, business.span("checkpoints")[1] + 1)
        ],
        ("spending", "gold"): [WEEKS.key(week) for week in range(bad, business.last + 1)],
    }
    assert WEEKS.starts_at(business.last) - WEEKS.starts_at(bad) > timedelta(weeks=5), "the last ones read no silver of that week"


def _table(name: str) -> Table:
    declaration, _, layer = name.partition("/")
    return declaration, layer

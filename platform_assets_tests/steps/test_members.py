"""A state source and its attribute view, from deliveries to gold: any order of steps, corrections, blocked days, what a read needs."""

from datetime import timedelta
from pathlib import Path
from random import Random

import polars as pl
import pytest

from platform_assets import FeatureService, FeatureView, TrainingSet, count, every, no_event
from platform_assets.declare.training import FeaturesFrom
from platform_assets.errors import NotReadyError
from platform_assets.reading.historical import historical_features
from platform_assets.steps.accept import accept
from platform_assets.steps.stale_tables import stale_training
from platform_assets.steps.staleness import MISSING
from platform_assets.steps.training import make_training
from platform_assets_tests.rotation import in_turn
from platform_assets_tests.steps.business import DAYS, START, same
from platform_assets_tests.steps.members import MEMBERS, Members, enrol

HALF = {"accepted_share": 0.5}


@pytest.fixture
def members(tmp_path: Path) -> Members:
    """Ada is known from day 0 on and changes on day 2; day 5 brings an older update of hers, and bob."""
    business = Members(tmp_path, of_members=HALF)
    business.update(0, "ada basic 1")
    business.update(2, "ada gold 2")
    business.update(5, "ada silver 9 -4", "bob ? 3")
    business.make_members()
    return business


def tariffs(business: Members, user: str, *days: int) -> list[str | None]:
    """What a reader gets as of the beginning of each of these days."""
    times = [START + timedelta(days=day) for day in days]
    labels = pl.DataFrame({"user": [user] * len(days), "label_time": times}, schema_overrides={"label_time": pl.Datetime("us", "UTC")})
    return historical_features(FeatureService("known", [business.profile]), labels, lake=business.lake).frame["profile__tariff"].to_list()


def test_a_value_is_read_from_the_end_of_its_day_on_and_no_late_older_one_replaces_it(members: Members) -> None:
    assert tariffs(members, "ada", 0, 1, 2, 3, 4, 5, 6, 7, 8) == [None, "basic", "basic", *["gold"] * 6]
    assert tariffs(members, "bob", 6, 7) == [None, None]
    gold = members.lake.scan(("profile", "gold")).sort("partition", "user").select("user", "tariff", "points", "_event_time").collect()
    late = START + timedelta(days=1, hours=10)
    assert gold.row(2) == ("ada", "silver", 9, late), "what a day brought is in its partition, also when no reader will get it"


@in_turn("platform_assets/steps/", "platform_assets/kernels/attributes.py")
@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_a_range_run_day_by_day_runs_and_a_random_order_end_in_equal_tables(tmp_path: Path, seed: int) -> None:
    whole, daily, shuffled = (Members(tmp_path / name, of_members=HALF) for name in ("range", "daily", "random"))
    for business in (whole, daily, shuffled):
        enrol(business, Random(seed))
    whole.make_members()
    for day in range(8):
        daily.make_members(day, day)
    shuffled.make_stale(Random(seed), MEMBERS)
    for other in (daily, shuffled):
        same(whole.tables_of_members(), other.tables_of_members())
        same(whole.ledger_of_members(), other.ledger_of_members())
        assert [layer for layer in MEMBERS if other.stale(layer)] == []


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_a_restated_day_makes_its_own_day_of_gold_anew_and_no_other(tmp_path: Path, seed: int) -> None:
    corrected, fresh = (Members(tmp_path / name, of_members={"accepted_share": 0}) for name in ("corrected", "fresh"))
    for business in (corrected, fresh):
        enrol(business, Random(seed))
    corrected.update(4, "once gold 1", "ada gold 5")
    corrected.make_members()
    assert tariffs(corrected, "once", 5) == ["gold"]
    for business in (corrected, fresh):
        business.update(4, "ada basic 7")
    corrected.make("members raw", corrected.first + 4, corrected.first + 4)
    corrected.make("members silver", corrected.first + 4, corrected.first + 4)
    assert corrected.stale("profile") == [corrected.first + 4]
    corrected.make_stale(Random(seed), MEMBERS)
    fresh.make_members()
    assert corrected.tables_of_members()["profile/gold"] == fresh.tables_of_members()["profile/gold"]
    assert tariffs(corrected, "once", 5) == [None]


def test_a_blocked_day_holds_nobody_up_readers_fall_back_to_the_last_good_value(members: Members) -> None:
    members.update(2, "ada gold 2", "ada gold -1", "cy gold -2")
    members.make_stale(None, MEMBERS)
    key = members.day(2)
    silver, gold = members.entries("members/silver")[key], members.entries("profile/gold")[key]
    assert (silver.status, gold.status, gold.rows) == ("blocked", "ok", 0)
    assert tariffs(members, "ada", 3, 6) == ["basic", "silver"], "the older update that came late is the last good one now"
    assert members.stale("profile") == []


@in_turn("platform_assets/steps/", "platform_assets/kernels/attributes.py")
def test_a_blocked_day_that_is_accepted_or_delivered_again_comes_through(members: Members) -> None:
    members.update(2, "ada gold 2", "ada gold -1", "cy gold -2")
    members.make_stale(None, MEMBERS)
    accept(members.members, members.first + 2, members.run(), by="ada@example.org", why="looked at")
    members.make_stale(None, MEMBERS)
    assert tariffs(members, "ada", 3, 6) == ["gold", "gold"]
    assert tariffs(members, "cy", 3) == [None]
    members.update(2, "ada gold 2", "cy gold 2")
    members.make_stale(None, MEMBERS)
    assert tariffs(members, "cy", 3) == ["gold"]


def test_a_read_needs_every_day_from_the_first_on(members: Members, tmp_path: Path) -> None:
    partly = Members(tmp_path / "partly", of_members=HALF)
    partly.updates.update(members.updates)
    partly.make_members(1, 7)
    with pytest.raises(NotReadyError, match=rf"profile/gold .*{partly.day(0)}"):
        tariffs(partly, "ada", 8)
    partly.make_members(0, 0)
    assert tariffs(partly, "ada", 8) == ["gold"]


def test_gold_of_another_version_of_the_declaration_is_not_read(members: Members, tmp_path: Path) -> None:
    changed = Members(tmp_path, of_members={**HALF, "rules": {"points": "points >= 1"}})
    assert changed.lake.exists(("profile", "gold")), "the lake of the members above"
    with pytest.raises(NotReadyError, match="version"):
        tariffs(changed, "ada", 8)
    assert changed.stale("profile") == list(range(changed.first, changed.last + 1))


def test_gold_waits_for_silver_that_is_missing(tmp_path: Path) -> None:
    business = Members(tmp_path, of_members=HALF)
    business.update(1, "ada basic 1")
    business.make("members raw", business.first, business.last)
    business.make("members silver", business.first + 1, business.last)
    done = business.make("profile", business.first, business.last)
    assert list(done.refused) == [business.day(0)]
    assert len(done.entries) == 7


@in_turn("platform_assets/steps/", "platform_assets/kernels/attributes.py")
@pytest.mark.parametrize("layer", ["gold", "silver"])
def test_a_training_set_with_a_blocked_day_of_attributes_is_made_and_asked_for_from_either_layer(
    members: Members, layer: FeaturesFrom
) -> None:
    members.update(2, "ada gold 2", "ada gold -1", "cy gold -2")
    for day in range(DAYS):
        members.sell(day, f"{day} ada 5")
    members.make_range()
    labels = no_event(members.source, within="1d", spine=every("1d", active="2d"))
    data = TrainingSet("leaving", features=FeatureService("of_members", [members.profile]), labels=labels, features_from=layer)
    month = data.partitions.index_of("2024-02-01")
    [asked] = stale_training(data, month, month, members.run()).values()
    assert (asked.why, asked.can_be) == (MISSING, True)
    make_training(data, month, month, members.run()).check()
    assert list(stale_training(data, month, month, members.run())) == []
    rows = members.lake.scan(("leaving", "training")).filter(user="ada").sort("label_time").collect()
    assert rows["profile__tariff"].to_list() == ["basic", "basic", "basic"]
    members.update(2, "ada gold 2")
    members.make_stale(None, MEMBERS)
    assert list(stale_training(data, month, month, members.run())) == [month], "what comes for the blocked day changes it"


@pytest.mark.parametrize("other", ["labels", "view"])
def test_a_blocked_day_holds_up_a_training_set_that_reads_more_of_it_than_attributes(members: Members, other: str) -> None:
    members.update(2, "ada gold 2", "ada gold -1", "cy gold -2")
    members.make_range()
    updates = FeatureView("updates", entity=members.entity, source=members.members, features=[count().over("3d")])
    views = [members.profile] if other == "labels" else [updates, members.profile]
    labels = no_event(members.members if other == "labels" else members.source, within="1d", spine=every("1d", active="2d"))
    data = TrainingSet("quiet", features=FeatureService("of_members", views), labels=labels, features_from="silver")
    month = data.partitions.index_of("2024-02-01")
    assert not stale_training(data, month, month, members.run())[month].can_be
    refused = make_training(data, month, month, members.run()).refused
    assert "members/silver 2024-02-27, which is blocked" in str(refused["2024-02-01"])

"""The online store has the latest update as of the watermark, also when the latest one is taken back."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from platform_assets import FeatureService
from platform_assets.engines import reference
from platform_assets.serving.features import online_features
from platform_assets.steps.online import compare, make_online, stale_online
from platform_assets.steps.silver import silver_table
from platform_assets.stores.online.client import OnlineClient
from platform_assets.stores.online.connection import OnlineStore
from platform_assets.stores.valkey import EmbeddedValkey
from platform_assets_tests.rotation import in_turn
from platform_assets_tests.steps.business import DAYS, START, deliver
from platform_assets_tests.steps.members import MEMBERS, Members, enrol

USERS = ("ada", "bob", "cy", "dee", "once", "nobody")
NOTHING = {"profile__tariff": None, "profile__points": None}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey(tmp_path_factory.mktemp("valkey")) as running:
        yield running


def served(business: Members, store: OnlineStore) -> dict[str, dict[str, Any]]:
    """What the store answers, by user."""
    service = FeatureService("known", [business.profile])
    found = online_features(service, [{"user": user} for user in USERS], OnlineClient(store.url, store.project), now=START)
    return dict(zip(USERS, found.rows, strict=True))


def defined(business: Members) -> dict[str, dict[str, Any]]:
    """What the contract says that it must answer, straight from silver, when all days may be read."""
    partitions, end = business.members.partitions, START + timedelta(days=400)
    silver = business.lake.scan(silver_table(business.members)).collect().to_dicts()
    rows = [{**row, "arrival": partitions.number(str(row["arrival"]))} for row in silver]
    found = {user: reference.attributes_as_of(business.profile, rows, (user,), end) for user in USERS}
    return {user: {f"profile__{name}": value for name, value in values.items()} for user, values in found.items()}


@in_turn("platform_assets/stores/online/", "platform_assets/steps/")
@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_whatever_is_restated_the_store_ends_with_the_latest_update(tmp_path: Path, server: EmbeddedValkey, seed: int) -> None:
    random, business, store = Random(seed), Members(tmp_path, of_members={"accepted_share": 0.4}), OnlineStore(server.url, f"seed{seed}")
    enrol(business, random)
    business.make_members()
    make_online(business.profile, business.run(), store)
    assert served(business, store) == defined(business)
    for _ in range(3):
        day = random.randrange(DAYS)
        before = business.updates.get(business.day(day)) or []
        enrolled = Members(tmp_path / "other")
        enrol(enrolled, random)
        again = enrolled.updates.get(enrolled.day(day)) or []
        business.updates[business.day(day)] = random.choice([before[1:], before[:-1], again, []])
        business.make_stale(random, MEMBERS)
        published = make_online(business.profile, business.run(), store)
        assert served(business, store) == defined(business)
        assert published.watermark is not None
        assert compare(business.profile, business.run(), store, published.watermark).mismatches == []
        assert stale_online(business.profile, business.first, business.last, business.run(), store) == []


def test_an_update_that_is_taken_back_gives_way_to_the_one_before_and_the_only_one_to_nothing(
    tmp_path: Path, server: EmbeddedValkey
) -> None:
    business, store = Members(tmp_path), OnlineStore(server.url, "taken back")
    business.update(0, "ada basic 1")
    business.update(4, "ada old 9 -3")
    business.update(6, "ada gold 2", "once gold 3")
    business.make_members()
    make_online(business.profile, business.run(), store)
    assert served(business, store)["ada"] == {"profile__tariff": "gold", "profile__points": 2}
    assert served(business, store)["once"] == {"profile__tariff": "gold", "profile__points": 3}
    business.update(6, "bob gold 2")
    business.make_stale(None, MEMBERS)
    make_online(business.profile, business.run(), store)
    after = served(business, store)
    assert after["ada"] == {"profile__tariff": "old", "profile__points": 9}, "that of day 1, which arrived on day 4, not that of day 0"
    assert after["once"] == after["nobody"] == NOTHING


def test_a_blocked_day_does_not_hold_the_watermark_back(tmp_path: Path, server: EmbeddedValkey) -> None:
    business, store = Members(tmp_path), OnlineStore(server.url, "blocked")
    business.update(0, "ada basic 1")
    business.update(5, "ada gold -1", "bob gold -1")
    business.update(7, "bob basic 1")
    business.make_members()
    published = make_online(business.profile, business.run(), store)
    assert published.watermark == START + timedelta(days=DAYS)
    found = online_features(FeatureService("known", [business.profile]), [{"user": "ada"}], OnlineClient(store.url, store.project))
    assert found.rows == [{"profile__tariff": "basic", "profile__points": 1}]
    assert found.valid_from == [{"profile": START + timedelta(days=1)}], "how old it is can be seen"


def test_features_and_attributes_are_read_together(tmp_path: Path, server: EmbeddedValkey) -> None:
    business, store = Members(tmp_path, declared={"accepted_share": 0}, of_members={"accepted_share": 0}), OnlineStore(server.url, "both")
    deliver(business, Random(3))
    enrol(business, Random(3))
    business.make_range()
    for view in business.service.views:
        make_online(view, business.run(), store)
    row = online_features(business.service, [{"user": "ada"}], OnlineClient(store.url, store.project), now=START).rows[0]
    assert {"spending__count_3d", "profile__tariff", "profile__points"} <= set(row)
    assert row | defined(business)["ada"] == row

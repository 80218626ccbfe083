"""Attribute views through Dagster: gold and online of a range, what is told of them, and what is served."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from platform_assets import FeatureService, online_features
from platform_assets.assets.online import COMPLETE, PARITY
from platform_assets.stores.online.client import OnlineClient
from platform_assets.stores.online.connection import OnlineStore
from platform_assets.stores.valkey import EmbeddedValkey
from platform_assets_tests.assets.shop import Shop, evaluations, failure
from platform_assets_tests.steps.business import DAYS, START
from platform_assets_tests.steps.members import Members

LAYERS = ("members/raw", "members/silver", "members/quarantine", "profile/gold", "profile/online")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey(tmp_path_factory.mktemp("valkey")) as running:
        yield running


def test_gold_and_online_of_a_range_with_a_blocked_day(tmp_path: Path, server: EmbeddedValkey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATFORM_REDIS_URL", server.url)
    business = Members(tmp_path, of_members={"accepted_share": 0.5})
    business.update(0, "ada basic 1", "bob basic 2")
    business.update(3, "ada gold -1", "ada gold -2", "bob gold 1")
    business.update(5, "ada gold 5", "bob silver 3 -6")
    shop = Shop(tmp_path, business.service)
    first, last = business.day(0), business.day(DAYS - 1)
    assert shop.run(first, last, select=LAYERS).success, "a blocked day stops nobody"
    assert {name: len(shop.materializations(name)) for name in LAYERS} == dict.fromkeys(LAYERS, DAYS)
    gold = shop.materializations("profile/gold")
    assert {key: told.metadata["dagster/row_count"].value for key, told in gold.items()} == {
        business.day(day): rows for day, rows in enumerate([2, 0, 0, 0, 0, 2, 0, 0])
    }
    columns = gold[first].metadata["dagster/column_lineage"].value
    assert isinstance(columns, dg.TableColumnLineage)
    assert columns.deps_by_column["tariff"] == [dg.TableColumnDep(dg.AssetKey(["members", "silver"]), "tariff")]
    service, client = FeatureService("profiles", [business.profile]), OnlineClient(server.url)
    now = START + timedelta(days=DAYS)
    found = online_features(service, [{"user": "ada"}, {"user": "bob"}], client, now=now)
    assert [row["profile__tariff"] for row in found.rows] == ["gold", "basic"], "bob's silver was before his basic"

    again = shop.run_checks("profile/online", first, last)
    assert again.success, failure(again)
    told = {(check.partition, check.check_name): (check.passed, check.metadata) for check in evaluations(again)}
    for number in ("mismatches", "entities missing"):
        check = PARITY if number == "mismatches" else COMPLETE
        found_by_day = {day: (passed, says[number].value) for (day, name), (passed, says) in told.items() if name == check}
        assert found_by_day == {business.day(day): (True, 0) for day in range(DAYS)}
    assert {says["entities found"].value for (_, name), (_, says) in told.items() if name == COMPLETE} == {2}
    with OnlineStore(server.url, "").session() as session:
        [key] = [key for key in session.call("KEYS", "*") if b"ada" in key]
        session.call("DEL", key)
    assert {check.passed for check in evaluations(shop.run_checks("profile/online", first, last))} == {False}, "it is compared again"
    newest = evaluations(shop.run_checks("profile/online"))
    assert [(found.partition, found.check_name, found.passed) for found in newest] == [(last, COMPLETE, False), (last, PARITY, False)]
    assert newest[0].metadata["entities missing"].value == 1
    assert shop.run(first, first, select=["profile/online"]).success, "the next publication puts back what is missing"
    assert {check.passed for check in evaluations(shop.run_checks("profile/online", first, last))} == {True}

"""A corrected day reaches the online store: other contents, a row less, an entity's only row gone, in any order of the re-runs."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from platform_assets.declare.training import FeatureService
from platform_assets.serving.features import online_features
from platform_assets.steps.online import compare, make_online, stale_online
from platform_assets.stores.online.client import OnlineClient
from platform_assets.stores.online.connection import OnlineStore
from platform_assets.stores.valkey import EmbeddedValkey
from platform_assets_tests.steps.business import START, Business, deliver


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey(tmp_path_factory.mktemp("valkey")) as running:
        yield running


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2, 3))])
def test_a_restated_day_reaches_the_store(tmp_path: Path, server: EmbeddedValkey, seed: int) -> None:
    random, business = Random(seed), Business(tmp_path, declared={"accepted_share": 0})
    store = OnlineStore(server.url, f"seed{seed}")
    deliver(business, random)
    day = business.last - random.randint(0, 2)
    key = business.source.partitions.key(day)
    lonely = {"sale_id": "999", "user": "once", "at": f"{key}T10:00:00+00:00", "amount": "3"}
    business.deliveries[key] = [*(business.deliveries.get(key) or []), lonely, {**lonely, "sale_id": "1000", "user": "ada"}]
    business.make_range()
    make_online(business.view, business.run(), store)
    service = FeatureService("spending", [business.view])
    asked = [{"user": user} for user in ("once", "ada", "bob", "cy", "nobody")]
    client = OnlineClient(store.url, store.project)
    before = online_features(service, asked, client, now=START).rows
    assert before[0]["spending__count_3d"] == 1

    rows = [row for row in business.deliveries[key] or [] if row is not lonely]
    business.deliveries[key] = [{**row, "amount": "11"} for row in rows[1:]]
    business.make_stale(random)
    assert stale_online(business.view, business.first, business.last, business.run(), store), "gold was rewritten"
    published = make_online(business.view, business.run(), store)

    assert published.watermark is not None
    parity = compare(business.view, business.run(), store, published.watermark)
    assert parity.mismatches == []
    after = online_features(service, asked, client, now=START).rows
    assert after[0] == after[4], "the entity whose only row is gone has the empty values"
    assert after[1] != before[1]
    assert stale_online(business.view, business.first, business.last, business.run(), store) == []


def test_a_store_that_lost_everything_is_filled_again_by_the_next_run(tmp_path: Path) -> None:
    business = Business(tmp_path / "lake", declared={"accepted_share": 0})
    deliver(business, Random(7))
    business.make_range()
    with EmbeddedValkey(tmp_path / "first") as first:
        make_online(business.view, business.run(), OnlineStore(first.url))
    with EmbeddedValkey(tmp_path / "second") as second:
        store = OnlineStore(second.url)
        published = make_online(business.view, business.run(), store)
        assert published.watermark is not None
        parity = compare(business.view, business.run(), store, published.watermark)
        assert parity.mismatches == []
        assert parity.entities > 0

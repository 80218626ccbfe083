"""Features that are lists, through every layer: gold, a report, a training set, the online store."""

from pathlib import Path

import polars as pl

from platform_assets import FeatureService, FeatureView, GoldTable, TrainingSet, any_event, every, last_n, online_features, top_k
from platform_assets.steps.gold import gold_table, make_change_log, make_report
from platform_assets.steps.online import compare, make_online
from platform_assets.steps.training import make_training, training_table
from platform_assets.stores.online.client import OnlineClient
from platform_assets.stores.online.connection import OnlineStore
from platform_assets.stores.valkey import EmbeddedValkey
from platform_assets_tests.steps.business import START, Business


def test_lists_stay_lists_from_gold_to_training_sets_and_the_online_store(tmp_path: Path) -> None:
    business = Business(tmp_path / "lake", declared={"accepted_share": 0.0})
    business.sell(0, "1 ada 4.5", "2 ada 3.25", "3 bob 1.5")
    business.sell(1, "4 ada 3.25", "5 zoë 7.0")
    for day in range(2, 8):
        business.sell(day, "6 ada 2.5" if day == 5 else f"{10 + day} cy 0.5")
    business.make_range()
    features = [last_n("sale_id", 2).over("2d"), top_k("amount", 2).over("3d")]
    view = FeatureView("habits", entity=business.entity, source=business.source, features=features, online=True)
    table = GoldTable("sellers", source=business.source, measures=[top_k("user", 2).named("best")])
    service = FeatureService("habits_service", [view])
    labels = any_event(business.source, within="1d", spine=every("1d", active="3d"))
    training = TrainingSet("coming_back", features=service, labels=labels)
    run = business.run()
    make_change_log(view, business.first, business.last, run).check()
    make_report(table, business.first, business.last, run).check()
    month = training.partitions.first
    make_training(training, month, month, run).check()

    gold = business.lake.scan(gold_table(view)).filter(pl.col("user") == "ada").sort("partition").collect()
    assert gold.select("sale_id_last_2_2d", "amount_top_2_3d").rows() == [
        ([2, 1], [3.25, 4.5]),
        ([4, 2], [3.25, 4.5]),
        ([4], [3.25, 4.5]),
        ([], [3.25]),
        ([], []),
        ([6], [2.5]),
        ([], [2.5]),
    ]
    reported = business.lake.scan(gold_table(table)).sort("partition").collect()["best"].to_list()
    assert reported[:3] == [["ada", "bob"], ["ada", "zoë"], ["cy"]]
    learnt = business.lake.scan(training_table(training)).filter(pl.col("user") == "ada").sort("label_time").collect()
    assert learnt["habits__sale_id_last_2_2d"].to_list()[:2] == [[2, 1], [4, 2]]

    with EmbeddedValkey(tmp_path / "valkey") as server:
        store = OnlineStore(server.url, "lists")
        published = make_online(view, run, store)
        assert published.watermark is not None
        parity = compare(view, run, store, published.watermark)
        assert (parity.entities, parity.mismatches) == (4, [])
        asked = [{"user": user} for user in ("cy", "ada", "bob", "nobody", None)]
        found = online_features(service, asked, OnlineClient(server.url, "lists"), now=START).rows
    assert found[0] == {"habits__sale_id_last_2_2d": [17, 16], "habits__amount_top_2_3d": [0.5]}
    assert found[1] == {"habits__sale_id_last_2_2d": [], "habits__amount_top_2_3d": [2.5]}
    assert found[2:] == [{"habits__sale_id_last_2_2d": [], "habits__amount_top_2_3d": []}] * 3

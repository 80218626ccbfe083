"""Training sets straight from silver: the rows that gold gives, the versions of silver in the record, stale when silver is restated."""

from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import dagster as dg
import polars as pl
import pytest

from platform_assets import FeatureService, FeatureView, TrainingData, TrainingSet, build_definitions, count, max, model
from platform_assets.engines import reference
from platform_assets.errors import DeclarationError
from platform_assets.steps.model import make_model, make_predictions
from platform_assets.steps.silver import silver_table
from platform_assets.steps.stale_tables import predictions_out_of_date, stale_training
from platform_assets.steps.training import make_training
from platform_assets.testing.equality import require_same_table
from platform_assets_tests.steps.business import deliver
from platform_assets_tests.steps.test_labels import FEBRUARY, MARCH, Labelled

EXACT = {"accepted_share": 0.0}


def months(business: Labelled, data: TrainingSet) -> tuple[int, int]:
    return data.partitions.index_of(FEBRUARY), data.partitions.index_of(MARCH)


def rows(business: Labelled, data: TrainingSet) -> list[dict[str, Any]]:
    return business.lake.scan((data.name, "training")).collect().to_dicts()


def test_a_training_set_straight_from_silver_has_the_rows_of_one_from_gold(tmp_path: Path) -> None:
    business = Labelled(tmp_path, declared=EXACT)
    deliver(business, Random(11), lines=30)
    business.make_range()
    straight = TrainingSet("straight", features=business.training.features, labels=business.labels, features_from="silver")
    for data in (business.training, straight):
        make_training(data, *months(business, data), business.run()).check()
    assert len(rows(business, straight)) > 10
    require_same_table("training", rows(business, business.training), rows(business, straight), ["user", "label_time"])
    from_gold, from_silver = (business.entries(f"{name}/training")[MARCH].details for name in ("leaving", "straight"))
    assert (from_gold["read"], from_gold["features_from"]) == ({"sales/silver": 0, "spending/gold": 0}, {"spending": "gold"})
    assert (from_silver["read"], from_silver["features_from"]) == ({"sales/silver": 0}, {"spending": "silver"})


def test_it_needs_no_gold_and_is_stale_when_its_silver_is_restated(tmp_path: Path) -> None:
    business = Labelled(tmp_path, declared=EXACT)
    for number in range(8):
        business.sell(number, f"{number} ada 5")
    for layer in ("raw", "silver"):
        business.make(layer, business.first, business.last)
    data = TrainingSet("straight", features=business.training.features, labels=business.labels, features_from="silver")
    first, last = months(business, data)
    assert list(stale_training(data, first, last, business.run())) == [first, last]
    make_training(data, first, last, business.run()).check()
    assert list(stale_training(data, first, last, business.run())) == []
    business.sell(5, "50 ada 7")
    for layer in ("raw", "silver"):
        business.make_stale(layers=[layer])
    assert list(stale_training(data, first, last, business.run())) == [last], "the 1st of March is read by March's labels"
    business.make("gold", business.first, business.last)
    assert list(stale_training(data, first, last, business.run())) == [last], "gold is nothing to it"


def temporal(business: Labelled) -> FeatureService:
    view = FeatureView(
        "now",
        entity=business.entity,
        source=business.source,
        features=[count().over("20h", "3d"), max("amount").over("3d")],
        accuracy="temporal",
    )
    return FeatureService("mixed", [business.view, view])


def test_views_of_any_moment_and_snapshots_stand_in_one_training_set(tmp_path: Path) -> None:
    business = Labelled(tmp_path, declared={**EXACT, "data_delay": "6h"}, active="5d")
    deliver(business, Random(7), lines=30)
    business.make_range()
    data = TrainingSet("mixed", features=temporal(business), labels=business.labels)
    first, last = months(business, data)
    make_training(data, first, last, business.run()).check()
    assert business.entries("mixed/training")[MARCH].details["features_from"] == {"spending": "gold", "now": "silver"}
    silver = business.lake.scan(silver_table(business.source)).collect().to_dicts()
    index = {business.source.partitions.value(p): p for p in range(business.first, business.last + 1)}
    silver = [{**row, "arrival": index[row["arrival"]]} for row in silver]
    made = rows(business, data)
    labels = [{key: row[key] for key in ("user", "label_time")} for row in made]
    expected = reference.point_in_time(data.features, {}, labels, {"spending": silver, "now": silver})
    wanted = [{**row, "label": had["label"], "partition": had["partition"]} for row, had in zip(expected, made, strict=True)]
    assert len(made) > 5
    require_same_table("training", wanted, made, ["user", "label_time"])


def test_a_model_of_views_of_any_moment_predicts_by_silver(tmp_path: Path) -> None:
    business = Labelled(tmp_path, declared=EXACT, within="1d", active="5d")
    for number in range(8):
        business.sell(number, *(f"{number * 100 + user} u{user} {user}" for user in range(60) if (number * 7 + user * 3) % 11 < 4))
    business.make_range()
    view = FeatureView(
        "now",
        entity=business.entity,
        source=business.source,
        features=[count().over("20h", "2d"), max("amount").over("2d")],
        accuracy="temporal",
    )
    data = TrainingSet("moment", features=FeatureService("moment", [view]), labels=business.labels)

    @model(data)
    def leaving(train: TrainingData) -> Any:
        from platform_assets.models.baseline import logistic_baseline

        return logistic_baseline(train.features, train.target, train.seed)

    first, last = months(business, data)
    make_training(data, first, last, business.run()).check()
    made = make_model(leaving, first, first, business.run()).entries[FEBRUARY]
    assert made.status == "ok", made.details
    day = business.source.partitions.index_of("2024-03-02")
    done = make_predictions(leaving, day, day, business.run())
    done.check()
    assert done.entries["2024-03-02"].status == "ok"
    assert done.entries["2024-03-02"].details["read"].keys() == {"sales/silver", "leaving/model"}
    sales = business.lake.scan(silver_table(business.source)).collect()
    end = business.source.partitions.ends_at(day)
    recent = sales.filter(pl.col("at") >= end - timedelta(days=2), pl.col("at") < end)["user"].unique().sort().to_list()
    predicted = business.lake.scan(("leaving", "predictions")).collect()
    assert predicted["user"].sort().to_list() == recent
    assert predictions_out_of_date(leaving, day, day, business.run()) == []


def test_its_asset_depends_on_what_it_reads(tmp_path: Path) -> None:
    business = Labelled(tmp_path)
    straight = TrainingSet("straight", features=business.training.features, labels=business.labels, features_from="silver")
    mixed = TrainingSet("mixed", features=temporal(business), labels=business.labels)
    graph = build_definitions(straight, mixed, business.training).resolve_asset_graph()
    parents = {
        name: {key.to_user_string() for key in graph.get(dg.AssetKey([name, "training"])).parent_keys}
        for name in ("straight", "mixed", "leaving")
    }
    assert parents == {
        "straight": {"sales/silver"},
        "mixed": {"sales/silver", "spending/gold"},
        "leaving": {"sales/silver", "spending/gold"},
    }
    assert not [key for key in graph.get_all_asset_keys() if key.path[0] == "now"], "they are nowhere until asked for"


def test_gold_is_refused_for_values_that_have_none(tmp_path: Path) -> None:
    business = Labelled(tmp_path)
    with pytest.raises(DeclarationError, match="training set 'mixed', features_from: view 'now' has temporal accuracy, and so no gold"):
        TrainingSet("mixed", features=temporal(business), labels=business.labels, features_from="gold")
    with pytest.raises(DeclarationError, match="features_from: there is no layer 'bronze'"):
        TrainingSet("mixed", features=temporal(business), labels=business.labels, features_from="bronze")  # type: ignore[arg-type]

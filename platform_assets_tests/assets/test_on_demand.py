"""On-demand features as Dagster shows them: lineage to the columns of gold behind the features that they read, and what they say."""

import dagster as dg

from platform_assets import FeatureService, TrainingSet, count, derive, max, on_demand, sum
from platform_assets.assets.model import training_asset, training_columns
from platform_assets.steps.layers import Graph
from platform_assets_tests.declare.shop import churned, spend

VIEW = spend(
    count().over("7d"), sum("amount").over("7d"), max("ordered_at").over("7d").named("latest"), derive("each", "amount_sum_7d / count_7d")
)
SERVICE = FeatureService(
    "spending",
    [VIEW],
    on_demand=[
        on_demand("hours_away", "hours_between(latest, request_time)"),
        on_demand("worth", "each * count_7d"),
        on_demand("weekday", "day_of_week(request_time)"),
    ],
)
DATA = TrainingSet("churn", features=SERVICE, labels=churned())
GOLD = ("spend", "gold")


def test_their_lineage_is_that_of_the_features_they_read() -> None:
    columns = training_columns(DATA)
    assert columns["hours_away"] == [(GOLD, "latest")]
    assert sorted(columns["worth"]) == [(GOLD, "amount_sum_7d"), (GOLD, "count_7d")]
    assert columns["weekday"] == [], "of the label's time alone"
    assert set(columns) == {"customer_id", "label", *SERVICE.features}


def test_their_columns_have_a_type_and_a_description() -> None:
    schema = training_asset(DATA, Graph([DATA])).specs_by_key[dg.AssetKey(["churn", "training"])].metadata["dagster/column_schema"]
    found = {column.name: (column.type, column.description) for column in schema.columns}
    assert found["hours_away"] == ("float", "hours_between(latest, request_time), at label_time")
    assert found["weekday"] == ("int", "day_of_week(request_time), at label_time")

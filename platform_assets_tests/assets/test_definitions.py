"""What declarations become in Dagster: groups, tags, owners, partitions, versions, and which partitions read which."""

import json
import os
import subprocess
import sys
from datetime import timedelta

import dagster as dg
import pytest

from platform_assets import (
    Arrival,
    FeatureService,
    FeatureView,
    GoldTable,
    TrainingSet,
    build_definitions,
    count,
    daily,
    every,
    no_event,
    source,
)
from platform_assets.declare.entity import Entity
from platform_assets.definitions import defs
from platform_assets.domains.retail.declarations import churn, customer_history, customer_spend, orders, product_sales
from platform_assets.errors import DeclarationError
from platform_assets_tests.architecture.modules import ROOT
from platform_assets_tests.steps.business import Sale

GRAPH = defs.resolve_asset_graph()
BY_MONTH = ("training", "model", "checkpoints")
KEYS = sorted(GRAPH.get_all_asset_keys(), key=lambda key: key.path)


@pytest.mark.parametrize("key", KEYS, ids=dg.AssetKey.to_user_string)
def test_an_asset_says_whose_it_is_and_what(key: dg.AssetKey) -> None:
    node, [declaration, layer] = GRAPH.get(key), key.path
    assert node.group_name == declaration
    assert node.tags["layer"] == layer
    assert node.owners == ["team:growth"]
    assert node.description
    assert node.backfill_policy == dg.BackfillPolicy.single_run()
    assert isinstance(node.partitions_def, dg.MonthlyPartitionsDefinition if layer in BY_MONTH else dg.DailyPartitionsDefinition)


def test_the_collapsed_graph_reads_as_the_declarations() -> None:
    reads = [(parent.path[0], key.path[0]) for key in KEYS for parent in GRAPH.get(key).parent_keys]
    assert {(parent, child) for parent, child in reads if parent != child} == {
        ("orders", "customer_spend"),
        ("orders", "customer_history"),
        ("orders", "product_sales"),
        ("orders", "daily_revenue"),
        ("orders", "churn"),
        ("returns", "customer_returns"),
        ("customer_spend", "churn"),
        ("customer_returns", "churn"),
        ("customers", "customer_profile"),
        ("customer_profile", "churn"),
    }


def test_column_types_are_on_the_definitions() -> None:
    schema = GRAPH.get(dg.AssetKey(["customer_spend", "gold"])).metadata["dagster/column_schema"]
    types = {column.name: column.type for column in schema.columns}
    assert types["customer_id"] == "int"
    assert types["spend_30d"] == "float"
    assert {"partition", "valid_from", "is_empty"} < set(types)


def columns(table: str) -> dict[str, dg.TableColumn]:
    schema = GRAPH.get(dg.AssetKey.from_user_string(table)).metadata["dagster/column_schema"]
    return {column.name: column for column in schema.columns}


@pytest.mark.parametrize(
    ("table", "column", "says"),
    [
        ("customer_spend/gold", "spend_30d", "sum of quantity * unit_price where not cancelled, over 30d"),
        ("customer_spend/gold", "lines_7d", "number of rows where not cancelled, over 7d"),
        ("customer_spend/gold", "since_last_order_90d", "seconds since the last row where not cancelled, over 90d (stored as its time)"),
        ("customer_spend/gold", "country_mode_90d", "most frequent value of country, over 90d"),
        ("customer_spend/online", "spend_a_day", "spend_30d / 30, at read time"),
        ("customer_returns/gold", "count_30d", "number of rows, over 30d"),
        ("product_sales/gold", "last_quantities_30d", "5 latest values of quantity where not cancelled, over 30d"),
        ("product_sales/gold", "price_median_30d", "quantile 0.5 of unit_price where not cancelled and not free, over 30d"),
        ("daily_revenue/gold", "cancelled", "sum of quantity * unit_price where cancelled"),
        ("orders/silver", "cancelled", "flag: invoice like 'C%'"),
        ("orders/silver", "ordered_at", "when it happened"),
        ("returns/silver", "return_id", "part of the key"),
        ("orders/quarantine", "reasons", "why it was not accepted"),
        ("churn/training", "churned", "no row of orders where not cancelled in the 30 days after label_time"),
        ("churn/training", "customer_spend__spend_30d", "sum of quantity * unit_price where not cancelled, over 30d"),
    ],
)
def test_a_column_says_what_it_means(table: str, column: str, says: str) -> None:
    assert columns(table)[column].description == says


def test_a_column_of_silver_has_its_rules_and_whether_it_is_always_there() -> None:
    price, customer_id = columns("orders/silver")["unit_price"], columns("orders/silver")["customer_id"]
    assert (price.constraints.nullable, price.constraints.other) == (False, ["unit_price >= 0"])
    assert (customer_id.constraints.nullable, customer_id.constraints.other) == (True, [])


def test_layers_of_the_same_partitions_share_one_definition() -> None:
    daily_ones = [GRAPH.get(key).partitions_def for key in KEYS if key.path[1] not in BY_MONTH]
    assert len({id(partitions) for partitions in daily_ones}) == 1


def versions() -> dict[str, str | None]:
    return {key.to_user_string(): GRAPH.get(key).code_version for key in KEYS}


def test_code_versions_are_the_same_in_every_process() -> None:
    program = "import json; from platform_assets_tests.assets.test_definitions import versions; print(json.dumps(versions()))"
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    found = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout
    assert json.loads(found) == versions()
    without = {name for name, version in versions().items() if version is None}
    assert without == {"orders/raw", "returns/raw", "customers/raw"}, "raw is what was received"


def parents(child: str, parent: str, partition: str) -> list[str]:
    mapping = GRAPH.get_partition_mapping(dg.AssetKey.from_user_string(child), dg.AssetKey.from_user_string(parent))
    below, above = (GRAPH.get(dg.AssetKey.from_user_string(name)).partitions_def for name in (child, parent))
    assert below is not None
    assert above is not None
    asked = below.empty_subset().with_partition_keys([partition])
    return sorted(mapping.get_upstream_mapped_partitions_result_for_partitions(asked, below, above).partitions_subset.get_partition_keys())


def days(first: str, last: str) -> list[str]:
    partitions = orders.partitions
    return list(partitions.keys(partitions.index_of(first), partitions.index_of(last)))


@pytest.mark.parametrize(
    ("child", "parent", "partition", "first", "last"),
    [
        ("orders/silver", "orders/raw", "2025-03-05", "2025-03-05", "2025-03-05"),
        ("returns/silver", "returns/raw", "2025-03-05", "2025-03-02", "2025-03-05"),  # duplicates_within=3
        ("returns/silver", "returns/raw", "2025-01-02", "2025-01-01", "2025-01-02"),  # nothing lies before the first
        ("customer_spend/gold", "orders/silver", "2025-04-20", "2025-01-19", "2025-04-20"),  # 90 days, the day whose rows leave, an hour
        ("customer_returns/gold", "returns/silver", "2025-04-20", "2025-01-19", "2025-04-20"),
        ("customer_profile/gold", "customers/silver", "2025-03-05", "2025-03-05", "2025-03-05"),
        ("customer_profile/online", "customer_profile/gold", "2025-03-05", "2025-03-05", "2025-03-05"),
        ("churn/predictions", "customer_profile/gold", "2025-04-30", "2025-01-28", "2025-04-30"),  # as far as the other views look
        ("daily_revenue/gold", "orders/silver", "2025-03-05", "2025-03-05", "2025-03-05"),
        ("customer_spend/online", "customer_spend/gold", "2025-03-05", "2025-03-05", "2025-03-05"),
        ("churn/predictions", "customer_spend/gold", "2025-04-30", "2025-01-28", "2025-04-30"),
    ],
)
def test_a_partition_reads_these_partitions(child: str, parent: str, partition: str, first: str, last: str) -> None:
    assert parents(child, parent, partition) == days(first, last)


def test_a_snapshot_starts_from_its_month_s_checkpoint_and_that_is_made_of_the_month_before() -> None:
    assert parents("customer_history/gold", "customer_history/checkpoints", "2025-03-05") == ["2025-03-01"]
    assert parents("customer_history/gold", "customer_history/checkpoints", "2025-01-31") == []
    assert parents("customer_history/gold", "orders/silver", "2025-03-31") == days("2025-02-28", "2025-03-31")
    assert parents("customer_history/checkpoints", "orders/silver", "2025-03-01") == days("2025-02-01", "2025-02-28")
    assert parents("customer_history/checkpoints", "customer_history/checkpoints", "2025-03-01") == ["2025-02-01"]
    assert parents("customer_history/checkpoints", "customer_history/checkpoints", "2025-02-01") == []


def test_a_snapshot_maps_to_what_its_step_reads() -> None:
    assert len(parents("customer_spend/gold", "orders/silver", "2025-04-20")) == customer_spend.reads_back + 1


def test_a_training_month_reads_whole_months_back_to_the_oldest_row_of_its_oldest_label() -> None:
    found = parents("churn/training", "customer_spend/gold", "2025-04-01")
    data = churn.training_set
    oldest = data.partitions.starts_at(data.partitions.index_of("2025-04-01")) - data.labels.horizon
    needed = max(orders.partitions.start, oldest - timedelta(days=customer_spend.lookback))
    assert found[0] <= f"{needed:%Y-%m-%d}"
    assert found[-1] == "2025-04-30"


def test_a_model_reads_all_training_months_up_to_its_own() -> None:
    assert parents("churn/model", "churn/training", "2025-03-01") == ["2025-01-01", "2025-02-01", "2025-03-01"]


def test_declarations_are_found_through_references_each_once() -> None:
    one = build_definitions(churn, customer_spend, customer_history, product_sales, orders).resolve_asset_graph().get_all_asset_keys()
    assert one == GRAPH.get_all_asset_keys() - {dg.AssetKey(["daily_revenue", "gold"])}


@source(schema=Sale, event_time="at", partitions=daily("2024-01-01"), key=["sale_id"], tags={"domain": "shop"})
def sales(arrival: Arrival) -> None:
    """What was sold."""


user = Entity("user", keys=["user"])


def test_owners_and_tags_are_the_sources_unless_declared() -> None:
    features = [count().over("1d")]
    inherits = FeatureView("inherits", entity=user, source=sales, features=features)
    declares = FeatureView("declares", entity=user, source=sales, features=features, tags={"domain": "other"}, owners=["ada@example.org"])
    graph = build_definitions(inherits, declares).resolve_asset_graph()
    found = {view.name: graph.get(dg.AssetKey([view.name, "gold"])) for view in (inherits, declares)}
    assert {name: node.tags["domain"] for name, node in found.items()} == {"inherits": "shop", "declares": "other"}
    assert {name: node.owners for name, node in found.items()} == {"inherits": [], "declares": ["ada@example.org"]}


def test_two_declarations_that_would_make_the_same_asset_are_refused() -> None:
    view = FeatureView("takings", entity=user, source=sales, features=[count().over("1d")])
    report = GoldTable("takings", source=sales, measures=[count().named("sales")])
    with pytest.raises(DeclarationError, match="two declarations are named 'takings', and both would write takings/gold"):
        build_definitions(view, report)


def test_what_is_no_declaration_is_refused() -> None:
    with pytest.raises(DeclarationError, match="'orders' is not a declaration"):
        build_definitions("orders")  # type: ignore[arg-type]


def test_a_list_of_declarations_is_refused_shortly() -> None:
    with pytest.raises(DeclarationError) as error:
        build_definitions([sales])  # type: ignore[arg-type]
    assert str(error.value) == "a list is not a declaration. Pass its items one by one: build_definitions(*[...])"


def test_a_training_set_without_a_model_is_an_asset_of_its_own() -> None:
    view = FeatureView("activity", entity=user, source=sales, features=[count().over("7d")])
    labels = no_event(sales, within="30d", spine=every("7d", active="30d"))
    graph = build_definitions(TrainingSet("leaving", features=FeatureService("all_of_it", [view]), labels=labels)).resolve_asset_graph()
    keys = {key.to_user_string() for key in graph.get_all_asset_keys()}
    assert keys == {"sales/raw", "sales/silver", "sales/quarantine", "activity/gold", "leaving/training"}

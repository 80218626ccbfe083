"""The assets of the businesses that come with the platform, listed by hand: a key comes or goes only on purpose."""

import dagster as dg

from platform_assets.definitions import defs

ASSETS = {
    "orders/raw": {"bronze", "deltalake"},
    "orders/silver": {"silver", "deltalake", "polars"},
    "orders/quarantine": {"deltalake"},
    "returns/raw": {"bronze", "deltalake"},
    "returns/silver": {"silver", "deltalake", "polars"},
    "returns/quarantine": {"deltalake"},
    "customers/raw": {"bronze", "deltalake"},
    "customers/silver": {"silver", "deltalake", "polars"},
    "customers/quarantine": {"deltalake"},
    "customer_spend/gold": {"gold", "deltalake", "polars"},
    "customer_spend/online": {"redis"},
    "customer_history/checkpoints": {"gold", "deltalake", "polars"},
    "customer_history/gold": {"gold", "deltalake", "polars"},
    "customer_history/online": {"redis"},
    "customer_returns/gold": {"gold", "deltalake", "polars"},
    "customer_returns/online": {"redis"},
    "customer_profile/gold": {"gold", "deltalake", "polars"},
    "customer_profile/online": {"redis"},
    "product_sales/gold": {"gold", "deltalake", "polars"},
    "product_sales/online": {"redis"},
    "daily_revenue/gold": {"gold", "deltalake", "polars"},
    "churn/training": {"deltalake", "polars"},
    "churn/model": {"lightgbm", "scikitlearn"},
    "churn/predictions": {"deltalake", "lightgbm"},
}
"""Keys, and the kinds that Dagster shows as icons."""

CHECKS = [
    "churn/model: auc_at_least",
    "churn/model: auc_better_than_baseline",
    "churn/model: brier_better_than_baseline",
    "churn/model: log_loss_better_than_baseline",
    "churn/model: not_worse_than_baseline",
    "customer_history/online: no_entity_is_missing",
    "customer_history/online: offline_equals_online",
    "customer_profile/online: no_entity_is_missing",
    "customer_profile/online: offline_equals_online",
    "customer_returns/online: no_entity_is_missing",
    "customer_returns/online: offline_equals_online",
    "customer_spend/online: no_entity_is_missing",
    "customer_spend/online: offline_equals_online",
    "customers/silver: accepted_share",
    "customers/silver: nothing_lost",
    "customers/silver: rule_known_segment",
    "customers/silver: rule_signed_up_before",
    "customers/silver: volume",
    "orders/silver: accepted_share",
    "orders/silver: drift_country",
    "orders/silver: nothing_lost",
    "orders/silver: null_share_customer_id",
    "orders/silver: outliers_unit_price",
    "orders/silver: rule_known_country",
    "orders/silver: rule_price_not_negative",
    "orders/silver: rule_quantity_not_zero",
    "orders/silver: volume",
    "product_sales/online: no_entity_is_missing",
    "product_sales/online: offline_equals_online",
    "returns/silver: accepted_share",
    "returns/silver: keys",
    "returns/silver: nothing_lost",
    "returns/silver: rule_quantity_positive",
    "returns/silver: rule_refund_not_negative",
    "returns/silver: volume",
]


def test_dagster_loads_them() -> None:
    """As a code location does: names of ops, jobs and assets must not meet."""
    dg.Definitions.validate_loadable(defs)


def test_the_assets_are_these_and_no_others() -> None:
    graph = defs.resolve_asset_graph()
    assert {key.to_user_string(): set(graph.get(key).kinds) for key in graph.get_all_asset_keys()} == ASSETS


def test_the_checks_are_these_and_no_others() -> None:
    keys = defs.resolve_asset_graph().asset_check_keys
    assert sorted(f"{key.asset_key.to_user_string()}: {key.name}" for key in keys) == CHECKS

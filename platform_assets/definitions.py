"""What Dagster loads: the businesses that come with the platform."""

from platform_assets.assets.definitions import build_definitions
from platform_assets.domains.retail.declarations import (
    churn,
    customer_history,
    customer_returns,
    customer_spend,
    daily_revenue,
    product_sales,
)

defs = build_definitions(customer_spend, customer_history, customer_returns, product_sales, daily_revenue, churn)

"""An online shop: what customers buy and return, their features, and churn."""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from platform_assets import (
    AttributeView,
    Entity,
    FeatureService,
    FeatureView,
    GoldTable,
    TrainingSet,
    at_least,
    better_than_baseline,
    count,
    count_distinct,
    daily,
    derive,
    drift,
    every,
    first,
    last,
    last_n,
    max,
    mean,
    min,
    mode,
    model,
    no_event,
    not_worse_than_baseline,
    null_share,
    on_demand,
    outliers,
    quantile,
    source,
    std,
    sum,
    time_since_last,
    top_k,
    variance,
)
from platform_assets.declare.partitions import Partitions
from platform_assets.settings import load_settings

if TYPE_CHECKING:
    from platform_assets import Arrival, Estimator, TrainingData

OWNERS = ["team:growth"]
TAGS = {"domain": "retail"}
GENERATED_FROM, GENERATED_UNTIL = "2025-01-01", "2025-05-01"
COUNTRIES = (
    "Australia", "Austria", "Bahrain", "Belgium", "Brazil", "Canada", "Channel Islands", "Cyprus", "Czech Republic", "Denmark",
    "EIRE", "European Community", "Finland", "France", "Germany", "Greece", "Hong Kong", "Iceland", "Israel", "Italy", "Japan",
    "Lebanon", "Lithuania", "Malta", "Netherlands", "Norway", "Poland", "Portugal", "RSA", "Saudi Arabia", "Singapore", "Spain",
    "Sweden", "Switzerland", "USA", "United Arab Emirates", "United Kingdom", "Unspecified",
)  # fmt: skip


def trading_days(folder: Path | None) -> Partitions:
    """The days of the files in a folder, from the first to the last; without a folder, those of the generated shop."""
    days = sorted(file.stem for file in folder.glob("????-??-??.csv")) if folder else []
    if not days:
        return daily(GENERATED_FROM, end=GENERATED_UNTIL)
    return daily(days[0], end=(date.fromisoformat(days[-1]) + timedelta(days=1)).isoformat())


DAYS = trading_days(load_settings().retail_files)


class OrderLine:
    """A line of an invoice. Lines have no key: invoice and stock code repeat."""

    invoice: str
    stock_code: str
    description: str | None
    quantity: int
    ordered_at: datetime
    unit_price: float
    customer_id: int | None
    country: str


@source(
    schema=OrderLine,
    event_time="ordered_at",
    timezone="Europe/London",
    partitions=DAYS,
    empty_after="6h",
    rules={
        "quantity_not_zero": "quantity <> 0",
        "price_not_negative": "unit_price >= 0",
        "known_country": f"country in ({', '.join(repr(country) for country in COUNTRIES)})",
    },
    flags={"anonymous": "customer_id is null", "cancelled": "invoice like 'C%'", "free": "unit_price = 0"},
    checks=[null_share("customer_id"), outliers("unit_price"), drift("country")],
    owners=OWNERS,
    tags=TAGS,
)
def orders(arrival: "Arrival") -> pl.LazyFrame | None:
    """Order lines of the shop, as exported that day; cancelled invoices begin with C and have negative quantities."""
    names = {
        "InvoiceNo": "invoice", "StockCode": "stock_code", "Description": "description", "Quantity": "quantity",
        "InvoiceDate": "ordered_at", "UnitPrice": "unit_price", "CustomerID": "customer_id", "Country": "country",
    }  # fmt: skip
    return arrival.read_csv(load_settings().retail_folder / "{day}.csv", rename=names)


class Return:
    """A product that a customer sent back."""

    return_id: str
    invoice: str
    customer_id: int | None
    stock_code: str
    quantity: int
    refund: float
    returned_at: datetime
    reason: str | None


@source(
    schema=Return,
    event_time="returned_at",
    timezone="Europe/London",
    partitions=DAYS,
    key=["return_id"],
    duplicates_within=3,
    empty_after="6h",
    rules={"quantity_positive": "quantity >= 1", "refund_not_negative": "refund >= 0"},
    owners=OWNERS,
    tags=TAGS,
)
def returns(arrival: "Arrival") -> pl.LazyFrame | None:
    """Returned products; the warehouse's system sends some of them again for days, now and then changed."""
    names = {
        "ReturnID": "return_id", "InvoiceNo": "invoice", "CustomerID": "customer_id", "StockCode": "stock_code", "Quantity": "quantity",
        "RefundAmount": "refund", "ReturnedAt": "returned_at", "Reason": "reason",
    }  # fmt: skip
    folder = load_settings().retail_folder / "returns"
    return arrival.read_csv(folder / "{day}.csv", rename=names) if folder.is_dir() else None  # a real shop's files say nothing of them


class Customer:
    """A customer's profile, as of an update."""

    customer_id: int
    segment: str | None
    signed_up_on: date
    updated_at: datetime


@source(
    schema=Customer,
    kind="state",
    event_time="updated_at",
    timezone="Europe/London",
    partitions=DAYS,
    key=["customer_id"],
    empty_after="6h",
    rules={"known_segment": "segment in ('private', 'club', 'trade')", "signed_up_before": "signed_up_on <= cast(updated_at as date)"},
    owners=OWNERS,
    tags=TAGS,
)
def customers(arrival: "Arrival") -> pl.LazyFrame | None:
    """New and changed customers of a day; some updates come days later, now and then after a newer one."""
    names = {"CustomerID": "customer_id", "Segment": "segment", "SignedUpOn": "signed_up_on", "UpdatedAt": "updated_at"}
    folder = load_settings().retail_folder / "customers"
    return arrival.read_csv(folder / "{day}.csv", rename=names) if folder.is_dir() else None  # a real shop's files say nothing of them


customer = Entity("customer", keys=["customer_id"], description="Who has an account in the shop.")

SPEND = "quantity * unit_price"
BOUGHT = "not cancelled"

customer_spend = FeatureView(
    "customer_spend",
    entity=customer,
    source=orders,
    online=True,
    description="What a customer bought lately.",
    features=[
        count(where=BOUGHT).over("1d", "7d", "30d", "90d").named("lines_{window}"),
        count_distinct("invoice", where=BOUGHT).over("7d", "30d", "90d").named("orders_{window}"),
        count_distinct("stock_code", where=BOUGHT).over("30d", "90d").named("products_{window}"),
        sum(SPEND, where=BOUGHT, default=0.0).over("1d", "7d", "30d", "90d").named("spend_{window}"),
        mean(SPEND, where=BOUGHT).over("30d", "90d").named("line_spend_mean_{window}"),
        std(SPEND, where=BOUGHT).over("30d", "90d").named("line_spend_std_{window}"),
        min(SPEND, where=BOUGHT).over("90d").named("line_spend_min_{window}"),
        max(SPEND, where=BOUGHT).over("90d").named("line_spend_max_{window}"),
        mode("country").over("90d"),
        mode("substr(stock_code, 1, 2)", where=BOUGHT).over("90d").named("category_mode_{window}"),
        last("substr(stock_code, 1, 2)", where=BOUGHT).over("90d").named("category_last_{window}"),
        first("ordered_at", where=BOUGHT).over("90d").named("first_ordered_at_{window}"),
        time_since_last(where=BOUGHT).over("90d").named("since_last_order_{window}"),
        count_distinct("invoice", where="cancelled").over("90d").named("cancellations_{window}"),
        derive("days_since_last_order", "since_last_order_90d / 86400"),
        derive("spend_a_day", "spend_30d / 30"),
        derive("spend_variation", "line_spend_std_90d / line_spend_mean_90d"),
        derive("spend_share_7d_of_30d", "spend_7d / spend_30d"),
    ],
)

customer_history = FeatureView(
    "customer_history",
    entity=customer,
    source=orders,
    online=True,
    description="What a customer has bought since the first purchase. A view of its own: what is in it never expires.",
    features=[
        count(where=BOUGHT).over("lifetime").named("lines_{window}"),
        count_distinct("invoice", where=BOUGHT).over("lifetime").named("orders_{window}"),
        sum(SPEND, where=BOUGHT, default=0.0).over("lifetime").named("spend_{window}"),
        first("ordered_at", where=BOUGHT).over("lifetime").named("first_ordered_at"),
        time_since_last(where=BOUGHT).over("lifetime").named("since_last_order"),
        derive("spend_an_order", "spend_lifetime / orders_lifetime"),
    ],
)

customer_returns = FeatureView(
    "customer_returns",
    entity=customer,
    source=returns,
    online=True,
    description="What a customer sent back lately.",
    features=[
        count().over("30d", "90d"),
        sum("refund", default=0.0).over("90d"),
        mode("reason").over("90d"),
    ],
)

customer_profile = AttributeView(
    "customer_profile",
    entity=customer,
    source=customers,
    attributes=["segment", "signed_up_on"],
    online=True,
    description="What is known of a customer.",
)

product = Entity("product", keys=["stock_code"], description="What the shop sells.")

product_sales = FeatureView(
    "product_sales",
    entity=product,
    source=orders,
    online=True,
    description="How a product sold lately: to whom, where, and at what price.",
    features=[
        count(where=BOUGHT).over("7d", "30d").named("lines_{window}"),
        sum("quantity", where=BOUGHT, default=0).over("7d", "30d").named("sold_{window}"),
        variance("quantity", where=BOUGHT).over("30d").named("quantity_variance_{window}"),
        last_n("quantity", 5, where=BOUGHT).over("30d").named("last_quantities_{window}"),
        count_distinct("customer_id", where=BOUGHT).over("30d").named("customers_{window}"),
        top_k("country", 3, where=BOUGHT).over("30d").named("top_countries_{window}"),
        quantile("unit_price", 0.5, where="not cancelled and not free").over("30d").named("price_median_{window}"),
        derive("trend", "sold_7d * 30.0 / (sold_30d * 7.0)"),
    ],
)

daily_revenue = GoldTable(
    "daily_revenue",
    source=orders,
    by=["country"],
    description="What the shop took, by country.",
    measures=[
        count(where=BOUGHT).named("lines"),
        count_distinct("invoice", where=BOUGHT).named("orders"),
        sum(SPEND, where=BOUGHT, default=0.0).named("revenue"),
        count(where="cancelled").named("cancelled_lines"),
        sum(SPEND, where="cancelled", default=0.0).named("cancelled"),
    ],
)

churn_features = FeatureService(
    "churn_features",
    [customer_spend, customer_returns, customer_profile],
    on_demand=[on_demand("days_since_signup", "days_between(signed_up_on, request_time)")],
)
churn_labels = no_event(orders, within="30d", where=BOUGHT, spine=every("7d", active="45d"))
churn_training = TrainingSet(
    "churn",
    features=churn_features,
    labels=churn_labels,
    label="churned",
    description="Customers of the last 45 days who buy nothing for 30 days.",
    tags=TAGS,
)


@model(
    churn_training,
    checks=[
        at_least("auc", 0.6),
        not_worse_than_baseline(tolerance=0.02),
        better_than_baseline("auc"),
        better_than_baseline("log_loss"),
        better_than_baseline("brier"),
    ],
    refit=True,
    calibrate=True,
    owners=OWNERS,
    tags=TAGS,
)
def churn(train: "TrainingData") -> "Estimator":
    """The probability that a customer buys nothing in the next 30 days.

    Only of who bought in the last 45 days: of who has been silent for longer the files say nothing when the first labels are made, and a
    model would meet such customers only where it is judged. Small trees of the numbers alone: with so few customers a tree learns the
    codes of countries and products by heart, and from these it then predicts worse than a straight line (docs/domains/retail.md).
    """
    from platform_assets.models.boosting import lightgbm_classifier

    return lightgbm_classifier(
        train,
        columns=train.numeric,
        n_estimators=100,
        learning_rate=0.05,
        num_leaves=6,
        min_child_samples=100,
        colsample_bytree=0.3,
        subsample=0.7,
        subsample_freq=1,
        reg_lambda=5.0,
    )


RETAIL = (customer_spend, customer_history, customer_returns, product_sales, daily_revenue, churn)
"""The ends of the chains: everything else is found from them."""

"""How rows are spelled in the files, broken where they have a reason."""

from collections.abc import Sequence
from datetime import datetime

import polars as pl

from platform_assets.domains.retail.shop.calendar import Shop
from platform_assets.domains.retail.shop.customers import FIRST_CUSTOMER
from platform_assets.domains.retail.shop.products import COUNTRIES, UNKNOWN_COUNTRY, product_codes, product_descriptions
from platform_assets.domains.retail.shop.profiles import SEGMENTS
from platform_assets.domains.retail.shop.returns import WHY

COLUMNS = ("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country")
CUSTOMER_COLUMNS = ("CustomerID", "Segment", "SignedUpOn", "UpdatedAt")
RETURN_COLUMNS = ("ReturnID", "InvoiceNo", "CustomerID", "StockCode", "Quantity", "RefundAmount", "ReturnedAt", "Reason")


def order_texts(shop: Shop, lines: pl.DataFrame) -> pl.DataFrame:
    """The columns of the files as text, broken where a line has a reason."""
    reason, time = pl.col("reason"), local_time(shop)
    written = "%Y-%m-%d %H:%M:%S"
    ahead = pl.duration(days=pl.when(pl.col("position") % 2 == 0).then(2).otherwise(365))
    price, country = _money(pl.col("pence")), picked(COUNTRIES, "country")
    return lines.select(
        InvoiceNo=_broken(pl.when(kind="cancellation").then(pl.format("C{}", "invoice")).otherwise(pl.format("{}", "invoice")), "invoice"),
        StockCode=_broken(picked(product_codes(shop), "product"), "stock code"),
        Description=pl.when("described").then(picked(product_descriptions(), "product")),
        Quantity=_broken(
            pl.when(reason == "quantity is 0")
            .then(pl.lit("0"))
            .when(reason == "quantity is no number")
            .then(pl.lit("six"))
            .otherwise(pl.format("{}", "quantity")),
            "quantity",
        ),
        InvoiceDate=_broken(
            pl.when(reason == "time is no time")
            .then(time.dt.strftime("%d.%m.%Y %Hh"))
            .when(reason == "time is skipped by summer time")
            .then(time.dt.strftime("%Y-%m-%d 01:30:00"))
            .when(reason == "time is in the future")
            .then((time + pl.duration(days=pl.col("arrival") - pl.col("day")) + ahead).dt.strftime(written))
            .otherwise(time.dt.strftime(written)),
            "time",
        ),
        UnitPrice=_broken(
            pl.when(reason == "price is negative")
            .then(_money(-pl.max_horizontal("pence", 1)))
            .when(reason == "price is no number")
            .then(price.str.replace(".", ",", literal=True))
            .otherwise(price),
            "price",
        ),
        CustomerID=pl.when(pl.col("who") >= 0).then(pl.format("{}.0", pl.col("who") + FIRST_CUSTOMER)),
        Country=_broken(pl.when(reason == "country is unknown").then(pl.lit(UNKNOWN_COUNTRY)).otherwise(country), "country"),
    )


def return_texts(shop: Shop, returns: pl.DataFrame) -> pl.DataFrame:
    """The columns of the returns as text, broken where one has a reason."""
    reason, time = pl.col("reason"), local_time(shop)
    refund = pl.col("quantity") * pl.col("pence") + pl.col("added")
    return returns.select(
        ReturnID=_broken(pl.format("R{}", "number"), "return"),
        InvoiceNo=pl.col("invoice").cast(pl.String),
        CustomerID=(pl.col("who") + FIRST_CUSTOMER).cast(pl.String),
        StockCode=picked(product_codes(shop), "product"),
        Quantity=pl.when(reason == "quantity is below 1").then(pl.lit("0")).otherwise(pl.col("quantity").cast(pl.String)),
        RefundAmount=_money(pl.when(reason == "refund is negative").then(-refund).otherwise(refund)),
        ReturnedAt=pl.when(reason == "time is no time").then(pl.lit("yesterday")).otherwise(time.dt.strftime("%Y-%m-%d %H:%M:%S")),
        Reason=picked(WHY, "why"),
    )


def customer_texts(shop: Shop, updates: pl.DataFrame) -> pl.DataFrame:
    """The columns of the customers as text, broken where one has a reason."""
    reason, time = pl.col("reason"), local_time(shop)
    signup = pl.lit(shop.first_day) + pl.duration(
        days=pl.when(reason == "signup is after the update").then(pl.col("day") + 30).otherwise("signup")
    )
    return updates.select(
        CustomerID=_broken((pl.col("who") + FIRST_CUSTOMER).cast(pl.String), "customer"),
        Segment=pl.when(reason == "segment is unknown").then(pl.lit("royal")).otherwise(picked(SEGMENTS, "segment")),
        SignedUpOn=pl.when(reason == "signup is no date").then(pl.lit("long ago")).otherwise(signup.dt.strftime("%Y-%m-%d")),
        UpdatedAt=_broken(
            pl.when(reason == "time is no time").then(pl.lit("just now")).otherwise(time.dt.strftime("%Y-%m-%d %H:%M:%S")), "time"
        ),
    )


def local_time(shop: Shop) -> pl.Expr:
    """When it happened, by the clock in London."""
    start = datetime(shop.first_day.year, shop.first_day.month, shop.first_day.day)
    return pl.lit(start, pl.Datetime("us")) + pl.duration(minutes=pl.col("day") * 1440 + pl.col("minute"))


def picked(texts: Sequence[str], index: str) -> pl.Expr:
    """The text that a column of numbers points at."""
    return pl.lit(pl.Series(texts, dtype=pl.String)).gather(pl.col(index))


def _money(pence: pl.Expr) -> pl.Expr:
    """Pence as the export writes pounds: 2.55, 2.5, 0.0."""
    # Not pence / 100: Polars multiplies by 1 / 100 instead, and 70 pence become 0.7000000000000001.
    sign, size = pl.when(pence < 0).then(pl.lit("-")).otherwise(pl.lit("")), pence.abs()
    return pl.format("{}{}.{}", sign, size // 100, (size % 100).cast(pl.String).str.zfill(2).str.replace("0$", ""))


def _broken(text: pl.Expr, what: str) -> pl.Expr:
    """The text, or nothing in lines of which it is missing."""
    return pl.when(pl.col("reason").ne_missing(pl.lit(f"{what} is missing"))).then(text)

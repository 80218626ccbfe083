"""A small shop that is made once: a lake with two views of users, and the oracle's answer for any labels."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import polars as pl

from platform_assets import FeatureService, FeatureView, count, daily, derive, last, last_n, max, on_demand, time_since_last, top_k
from platform_assets.declare.selected import SelectedFeatures
from platform_assets.declare.view import FeatureView as View
from platform_assets.engines import reference
from platform_assets.expressions.types import POLARS
from platform_assets.steps.gold import make_change_log
from platform_assets.steps.silver import silver_table
from platform_assets_tests.steps.business import START, Business, deliver

DELAY = timedelta(hours=3)
Row = dict[str, Any]


class Shop:
    """Eight days of sales from START on; the ninth has not come. Values may be read three hours after a day's end."""

    def __init__(self, home: Path, seed: int = 5) -> None:
        declared = {"accepted_share": 0.0, "partitions": daily("2024-02-25"), "data_delay": "3h"}
        self.business = Business(home, declared=declared)
        deliver(self.business, Random(seed), lines=8)
        self.business.make_range()
        self.visits = FeatureView(
            "visits",
            entity=self.business.entity,
            source=self.business.source,
            features=[
                time_since_last().over("3d"),
                max("at").over("3d").named("last_at"),
                count(where="large").over("2d").named("large"),
                last("sale_id").over("3d"),
                last_n("sale_id", 3).over("3d"),
                last_n("at", 2).over("2d"),
                top_k("amount", 2).over("1d", "3d"),
                top_k("amount > 4", 2).over("3d").named("dear"),
                derive("idle_days", "time_since_last_3d / 86400.0"),
            ],
        )
        make_change_log(self.visits, self.business.first, self.business.last, self.business.run()).check()
        self.service = served(self.business.view, self.visits)
        # Without what the derived feature and most of those on demand are made of.
        self.selected = served(
            self.business.view.select("count_1d", "amount_last_3d"), self.visits.select("idle_days", "large", "sale_id_last_3_3d", "dear")
        )
        self.lake = self.business.lake
        silver = self.lake.scan(silver_table(self.business.source)).collect().to_dicts()
        index = {self.business.source.partitions.value(p): p for p in range(self.business.first, self.business.last + 1)}
        self.silver = [{**row, "arrival": index[row["arrival"]]} for row in silver]
        self.logs = {
            view.name: reference.change_log(view, self.silver, self.business.first, self.business.last) for view in self.service.views
        }

    def readable(self, day: int) -> datetime:
        """From when the snapshot of a day may be read, counted from 0."""
        return START + timedelta(days=day + 1) + DELAY

    def expected(self, labels: Sequence[Row], service: FeatureService | None = None) -> list[Row]:
        """The oracle's answer."""
        return reference.point_in_time(service or self.service, self.logs, labels)


def served(*views: View | SelectedFeatures[View]) -> FeatureService:
    """Both views, with features on demand: of a time, numbers, a text, a date, a truth value."""
    return FeatureService(
        "served",
        views,
        on_demand=[
            on_demand("hours_since_last", "hours_between(last_at, request_time)"),
            on_demand("basket_share", "basket / amount_sum_3d", request={"basket": float}),
            on_demand("items_more", "items - spending__count_3d", request={"items": int}),
            on_demand("greeting", "case when voucher then concat(upper(note), '!') else note end", request={"voucher": bool, "note": str}),
            on_demand("days_left", "days_between(request_time, until)", request={"until": datetime}),
            on_demand("generous", "coalesce(basket, 0.0) > 5.0", request={"basket": float}),
            on_demand("hour_asked", "hour(request_time)"),
            on_demand("quiet", "idle_days > 1.0 and day_of_week(request_time) < 6"),
        ],
    )


def frame(service: FeatureService, rows: Sequence[Row]) -> pl.DataFrame:
    """Labels as users give them."""
    types = {**service.keys, "label_time": "datetime", **service.request}
    return pl.DataFrame([tuple(row[c] for c in types) for row in rows], schema={c: POLARS[t] for c, t in types.items()}, orient="row")


def label(user: str | None, at: datetime, **request: Any) -> Row:
    """A label; what is not said of its request is null."""
    empty = dict.fromkeys(("basket", "items", "voucher", "note", "until"))
    return {"user": user, "label_time": at, **empty, **request}

"""The tiny business with lifetime features: by weeks, so that a few partitions hold several month ends."""

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from platform_assets import FeatureView, count, first, last, max, mode, sum, weekly
from platform_assets.declare.checkpoints import months_of
from platform_assets.declare.features import Feature
from platform_assets.engines import reference
from platform_assets.kernels.times import index_of
from platform_assets.steps import stale_tables
from platform_assets.steps.checkpoints import checkpoints_table, make_checkpoints
from platform_assets.steps.gold import gold_table
from platform_assets.steps.run import Done, Run
from platform_assets.steps.silver import silver_table
from platform_assets.stores.delta import Table
from platform_assets.testing.equality import require_same_table
from platform_assets_tests.steps.business import Business

WEEKS = weekly("2024-02-12", end="2024-04-08")  # its checkpoints are of March and April


class Lifetimes(Business):
    """Sales by week, and a view with windows of all kinds."""

    layers = ("raw", "silver", "checkpoints", "gold")

    def __init__(self, home: Path, features: Sequence[Feature] = (), **declared: Any) -> None:
        super().__init__(home, declared={"partitions": WEEKS, "accepted_share": 0, **declared})
        self.view = FeatureView(
            "spending",
            entity=self.entity,
            source=self.source,
            features=features
            or [
                count().over("2w", "lifetime"),
                sum("amount").over("lifetime"),
                max("amount", closed="right").over("lifetime").named("most"),
                first("amount").over("lifetime"),
                last("sale_id", offset="10d").over("lifetime").named("sale_before"),
                mode("amount", where="not large").over("lifetime").named("usual"),
            ],
        )
        self.months = months_of(self.view)
        assert WEEKS.last is not None
        assert self.months.last is not None
        self.last = WEEKS.last

    def makers(self) -> dict[str, Callable[[int, int, Run], Done]]:
        return super().makers() | {"checkpoints": partial(make_checkpoints, self.view)}

    def stalers(self) -> dict[str, Callable[[int, int, Run], Iterable[int]]]:
        return super().stalers() | {"checkpoints": partial(stale_tables.stale_checkpoints, self.view)}

    def span(self, table: str) -> tuple[int, int]:
        """The first and last partition of a layer."""
        assert self.months.last is not None
        return (self.months.first, self.months.last) if table == "checkpoints" else (self.first, self.last)

    def stale(self, table: str) -> list[int]:
        return list(self.stalers()[table](*self.span(table), self.run()))

    def make_range(self) -> None:
        for table in self.layers:
            self.make(table, *self.span(table))

    def make_weekly(self) -> None:
        """Week by week, a checkpoint as soon as its silver is there."""
        for week in range(self.first, self.last + 1):
            for table in ("raw", "silver"):
                self.make(table, week, week)
            for month in self.stale("checkpoints"):
                self.make("checkpoints", month, month)
            self.make("gold", week, week)

    def sell_in(self, week: int, *sales: str) -> None:
        """Delivers a week: each sale as 'id user amount'."""
        at = (WEEKS.starts_at(week) + timedelta(hours=10)).isoformat()
        self.deliveries[WEEKS.key(week)] = [
            dict(zip(("sale_id", "user", "amount", "at"), (*sale.split(), at), strict=True)) for sale in sales
        ]

    def written(self) -> list[Table]:
        return [silver_table(self.source), checkpoints_table(self.view), gold_table(self.view)]

    def require_values(self) -> None:
        """Gold says what the reference makes of silver."""
        partitions = self.source.partitions
        silver = self.lake.scan(silver_table(self.source)).with_columns(index_of("arrival", partitions).alias("arrival")).collect()
        gold = self.lake.scan(gold_table(self.view)).with_columns(index_of("partition", partitions).alias("partition")).collect()
        expected = reference.change_log(self.view, silver.to_dicts(), self.first, self.last)
        require_same_table("gold", expected, gold.to_dicts(), ("user", "partition"))


def trade(business: Lifetimes, random: Random) -> None:
    """Random weeks: sales of up to five weeks before, ties, broken rows, copies, weeks without any."""
    known: list[dict[str, Any]] = []
    for week in range(business.first, business.last + 1):
        if random.random() < 0.15:
            continue
        rows = []
        for _ in range(random.randint(0, 5)):
            start = WEEKS.starts_at(week) - timedelta(weeks=random.choice([0, 0, 0, 1, 2, 5]))
            at = start + random.choice([timedelta(0), timedelta(hours=random.randint(0, 167))])
            row = {"sale_id": str(random.randint(1, 90)), "user": random.choice(["ada", "bob", "cy", None]), "at": at.isoformat()}
            row["amount"] = random.choice(["1.5", "20", "75", "4.25", "4.25", "4.25", "-1"])
            if known and random.random() < 0.2:
                row = {**random.choice(known), **({"amount": "7"} if random.random() < 0.5 else {})}
            known.append(row)
            rows.append(row)
        business.deliveries[WEEKS.key(week)] = rows

"""The tiny business with members: a state source whose updates a test writes, and an attribute view of them."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import polars as pl

from platform_assets import Arrival, AttributeView, FeatureService, daily, source
from platform_assets.sources.receive import raw_table
from platform_assets.steps import stale_tables
from platform_assets.steps.gold import gold_table, make_attributes
from platform_assets.steps.raw import make_raw
from platform_assets.steps.run import Done, Run
from platform_assets.steps.silver import make_silver, quarantine_table, silver_table
from platform_assets.stores.delta import Table
from platform_assets_tests.steps.business import DAYS, START, Business

MEMBERS = ("members raw", "members silver", "profile")


class Member:
    """What is received."""

    user: str
    tariff: str | None
    points: int | None
    updated_at: datetime


class Members(Business):
    """Sales, and what is known of who buys."""

    layers = (*Business.layers, *MEMBERS)

    def __init__(self, home: Path, *, of_members: dict[str, Any] | None = None, **options: Any) -> None:
        """of_members: what @source is told beside or instead of the arguments below."""
        super().__init__(home, **options)
        self.updates: dict[str, list[dict[str, Any]] | None] = {}
        updates = self.updates
        arguments: dict[str, Any] = {
            "schema": Member,
            "event_time": "updated_at",
            "partitions": daily("2024-02-25", end="2024-03-04"),
            "key": ["user"],
            "kind": "state",
            "rules": {"points": "points >= 0"},
            "empty_after": "6h",
        }

        @source(**{**arguments, **(of_members or {})})
        def members(arrival: Arrival) -> pl.DataFrame | None:
            rows = updates.get(arrival.partition)
            return None if rows is None else pl.DataFrame(rows, schema=dict.fromkeys(Member.__annotations__, pl.String))

        self.members = members
        self.profile = AttributeView("profile", entity=self.entity, source=members, attributes=["tariff", "points"], online=True)
        self.service = FeatureService("known", [self.view, self.profile])

    def makers(self) -> dict[str, Callable[[int, int, Run], Done]]:
        return super().makers() | {
            "members raw": partial(make_raw, self.members),
            "members silver": partial(make_silver, self.members),
            "profile": partial(make_attributes, self.profile),
        }

    def stalers(self) -> dict[str, Callable[[int, int, Run], Iterable[int]]]:
        return super().stalers() | {
            "members raw": partial(stale_tables.stale_raw, self.members),
            "members silver": partial(stale_tables.stale_silver, self.members),
            "profile": partial(stale_tables.stale_gold, self.profile),
        }

    def written(self) -> list[Table]:
        return [*super().written(), *self._of_members()]

    def _of_members(self) -> list[Table]:
        members = self.members
        return [raw_table(members), silver_table(members), quarantine_table(members), gold_table(self.profile)]

    def tables_of_members(self) -> dict[str, list[tuple[Any, ...]]]:
        return self.tables(self._of_members())

    def ledger_of_members(self) -> dict[str, dict[str, tuple[Any, ...]]]:
        return self.ledger(self._of_members())

    def update(self, day: int, *updates: str) -> None:
        """Delivers a day: each update as 'user tariff points', with '-2' behind it when it was made two days before; '?' is null."""
        rows = []
        for update in updates:
            user, tariff, points, *before = update.split()
            at = START + timedelta(days=day + (int(before[0]) if before else 0), hours=10)
            values = {"user": user, "tariff": tariff, "points": points, "updated_at": at.isoformat()}
            rows.append({name: None if value == "?" else value for name, value in values.items()})
        self.updates[self.day(day)] = rows

    def make_members(self, first: int = 0, last: int = DAYS - 1) -> None:
        """Everything of the members, a range run a layer."""
        for table in MEMBERS:
            self.make(table, self.first + first, self.first + last)


def enrol(business: Members, random: Random) -> None:
    """Random days of updates: out of order, several of one time, of null, broken ones, days without any."""
    for day in range(DAYS):
        if random.random() < 0.15:
            continue
        rows = []
        for _ in range(random.randint(0, 5)):
            at = START + timedelta(days=day - random.choice([0, 0, 0, 1, 2, 5]), hours=random.choice([0, 6, 12]))
            row = {
                "user": random.choice(["ada", "bob", "cy", "dee"]),
                "tariff": random.choice(["basic", "basic", "gold", None]),
                "points": random.choice(["0", "10", "20", None, "-1", "many"]),
                "updated_at": at.isoformat(),
            }
            rows += [row] * random.choice([1, 1, 1, 2])
        business.updates[business.day(day)] = rows

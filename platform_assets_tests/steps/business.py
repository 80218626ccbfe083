"""A tiny business of its own for tests of steps: deliveries in memory, and one command that makes whatever is stale_tables."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import polars as pl

from platform_assets import Arrival, Entity, FeatureView, GoldTable, count, daily, last, mean, source, sum
from platform_assets.sources.receive import raw_table
from platform_assets.steps import stale_tables
from platform_assets.steps.gold import gold_table, make_change_log, make_report
from platform_assets.steps.raw import make_raw
from platform_assets.steps.run import Done, Run, name_of
from platform_assets.steps.silver import make_silver, quarantine_table, silver_table
from platform_assets.stores.delta import Lake, Table
from platform_assets.stores.ledger import Entry, Ledger

LAYERS = ("raw", "silver", "gold", "report")
START = datetime(2024, 2, 25, tzinfo=UTC)
DAYS = 8


class Sale:
    sale_id: int
    user: str | None
    at: datetime
    amount: float


class Business:
    """A source whose deliveries a test writes, a view, a report, and a lake of its own."""

    layers: tuple[str, ...] = LAYERS

    def __init__(
        self, home: Path | str, *, declared: Mapping[str, Any] | None = None, now: datetime = START + timedelta(days=400), key: str = "user"
    ) -> None:
        """declared: what @source is told beside or instead of the arguments below. key: the entity's, which the column `user` holds."""
        self.now = now
        self.deliveries: dict[str, list[dict[str, Any]] | None] = {}
        deliveries = self.deliveries

        arguments: dict[str, Any] = {
            "schema": Sale,
            "event_time": "at",
            "partitions": daily("2024-02-25", end="2024-03-04"),
            "key": ["sale_id"],
            "duplicates_within": 2,
            "rules": {"positive": "amount >= 0"},
            "flags": {"large": "amount > 50"},
            "empty_after": "6h",
            "owners": ["team:tests"],
        }

        @source(**{**arguments, **(declared or {})})
        def sales(arrival: Arrival) -> pl.DataFrame | None:
            rows = deliveries.get(arrival.partition)
            if rows is None:
                return None
            more = [column for column in (rows[0] if rows else ()) if column not in ("sale_id", "user", "at", "amount")]
            return pl.DataFrame(rows, schema={**dict.fromkeys(("sale_id", "user", "at", "amount"), pl.String), **dict.fromkeys(more)})

        self.source = sales
        self.entity, self.keys = Entity("user", keys=[key]), {key: "user"}
        self.view = FeatureView(
            "spending",
            entity=self.entity,
            source=sales,
            online=True,
            keys=self.keys,
            features=[count().over("1d", "3d"), sum("amount").over("3d"), mean("amount").over("2d"), last("amount").over("3d")],
        )
        self.report = GoldTable("takings", source=sales, measures=[count().named("sales"), sum("amount").named("taken")])
        self.lake = Lake(str(home))
        self.first, self.last = sales.partitions.first, sales.partitions.first + DAYS - 1

    def run(self, name: str = "run") -> Run:
        return Run(self.lake, Ledger(self.lake), name, self.now)

    def make(self, table: str, first: int, last: int) -> Done:
        return self.makers()[table](first, last, self.run())

    def makers(self) -> dict[str, Callable[[int, int, Run], Done]]:
        return {
            "raw": partial(make_raw, self.source),
            "silver": partial(make_silver, self.source),
            "gold": partial(make_change_log, self.view),
            "report": partial(make_report, self.report),
        }

    def stale(self, table: str) -> list[int]:
        return list(self.stalers()[table](self.first, self.last, self.run()))

    def stalers(self) -> dict[str, Callable[[int, int, Run], Iterable[int]]]:
        return {
            "raw": partial(stale_tables.stale_raw, self.source),
            "silver": partial(stale_tables.stale_silver, self.source),
            "gold": partial(stale_tables.stale_gold, self.view),
            "report": partial(stale_tables.stale_report, self.report),
        }

    def written(self) -> list[Table]:
        """The tables that are compared."""
        source, gold = self.source, [gold_table(self.view), gold_table(self.report)]
        return [raw_table(source), silver_table(source), quarantine_table(source), *gold]

    def day(self, number: int) -> str:
        """The key of a day, counted from 0."""
        return self.source.partitions.key(self.first + number)

    def sell(self, day: int, *sales: str) -> None:
        """Delivers a day: each sale as 'id user amount', with '-2' behind it when it happened two days before; '?' stands for null."""
        rows = []
        for sale in sales:
            sale_id, user, amount, *before = sale.split()
            at = START + timedelta(days=day + (int(before[0]) if before else 0), hours=10)
            rows.append(
                {
                    "sale_id": sale_id,
                    "user": None if user == "?" else user,
                    "at": at.isoformat(),
                    "amount": None if amount == "?" else amount,
                }
            )
        self.deliveries[self.day(day)] = rows

    def entries(self, table: str) -> dict[str, Entry]:
        return self.run().ledger.entries(table)

    def make_range(self) -> None:
        """Everything that can be made, a range run a layer."""
        for table in self.layers:
            self.make(table, self.first, self.last)

    def make_stale(self, random: Random | None = None, layers: Sequence[str] | None = None) -> None:
        """Single partitions, in rounds until nothing that can be made is stale; in random order of layers and partitions when asked."""
        refused: set[tuple[str, int]] = set()
        while work := [(table, p) for table in layers or self.layers for p in self.stale(table) if (table, p) not in refused]:
            if random:
                random.shuffle(work)
            made = [(table, p) for table, p in work if not self.make(table, p, p).refused]
            refused = {one for one in work if one not in made} if not made else set()

    def tables(self, names: Sequence[Table] = ()) -> dict[str, list[tuple[Any, ...]]]:
        """All tables as sorted rows, without what names a run."""
        found = {}
        for table in names or self.written():
            frame = self.lake.scan(table).collect()
            frame = frame.select(sorted(column for column in frame.columns if column != "run"))
            found["/".join(table)] = sorted(frame.rows(), key=repr)
        return found

    def ledger(self, names: Sequence[Table] = ()) -> dict[str, dict[str, tuple[Any, ...]]]:
        """What the ledger has now, without runs and Delta versions."""
        run = self.run()
        return {
            name: {
                key: (
                    entry.rows,
                    entry.status,
                    entry.tier,
                    entry.declaration_version,
                    repr(sorted((k, v) for k, v in entry.details.items() if k not in ("read", "read_from", "rows_since"))),
                )
                for key, entry in run.ledger.entries(name).items()
            }
            for name in map(name_of, names or self.written())
        }


def deliver(business: Business, random: Random, *, lines: int = 6) -> None:
    """Random days: late rows, copies near and far, broken rows, closed days."""
    known: list[dict[str, Any]] = []
    for day in range(DAYS):
        start = START + timedelta(days=day)
        if random.random() < 0.15:
            continue  # a closed day: empty after six hours
        rows = []
        for _ in range(random.randint(0, lines)):
            if known and random.random() < 0.25:
                rows.append({**random.choice(known), **({"amount": "7"} if random.random() < 0.5 else {})})
                continue
            at = (
                start
                - timedelta(days=random.choice([0, 0, 0, 1, 2, 5]))
                + random.choice([timedelta(0), timedelta(hours=random.randint(0, 23))])
            )
            row = {
                "sale_id": str(random.randint(1, 60)),
                "user": random.choice(["ada", "bob", "cy", None]),
                "at": at.isoformat(),
                "amount": random.choice(["1.5", "20", "75", "-1", "much"]) if random.random() < 0.4 else "4.25",
            }
            known.append(row)
            rows.append(row)
        business.deliveries[business.source.partitions.key(business.first + day)] = rows


def same(left: Mapping[str, Any], right: Mapping[str, Any]) -> None:
    """Equal tables, named when they are not."""
    for name in left:
        assert left[name] == right[name], name

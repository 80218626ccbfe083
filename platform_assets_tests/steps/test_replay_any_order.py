"""Deliveries, restatements and replays in any order: silver and quarantine hold what a model of a page says (semantics.md 1)."""

from dataclasses import dataclass, field

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from platform_assets.steps.replay import Chosen, Repair, replay, values_of
from platform_assets_tests.rotation import PART
from platform_assets_tests.steps.business import Business

DAYS = 4
Step = tuple[str, int, list[str]]


@dataclass(eq=False)
class Row:
    """A row of a delivery, in the model."""

    sale: str
    amount: str
    day: int
    of: "Row | None" = None
    """The row that it is a replay of."""
    superseded: bool = False
    replays: list["Row"] = field(default_factory=list)

    @property
    def is_current(self) -> bool:
        return not self.superseded and (self.of is None or self.of.is_current)

    @property
    def is_replayed(self) -> bool:
        return any(one.is_current for one in self.replays)

    @property
    def is_bad(self) -> bool:
        return self.amount == "much" or float(self.amount) < 0


class Model:
    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.edition: dict[int, list[str]] = {}

    def deliver(self, day: int, amounts: list[str]) -> None:
        if self.edition.get(day) == amounts:
            return
        self.edition[day] = amounts
        for row in self.rows:
            row.superseded |= row.day == day and row.of is None
        self.rows += [Row(f"{day}{number}", amount, day) for number, amount in enumerate(amounts)]

    def replay(self, negated: bool) -> int:
        keeper, done = max(self.edition, default=0), 0
        for row in [row for row in self.rows if row.is_current and row.is_bad and not row.is_replayed]:
            if negated and row.amount == "much":
                continue
            again = Row(row.sale, str(-float(row.amount)) if negated else row.amount, keeper, of=row)
            row.replays.append(again)
            self.rows.append(again)
            done += 1
        return done

    def silver(self) -> list[tuple[int, str, float]]:
        return sorted((r.day, r.sale, float(r.amount)) for r in self.rows if r.is_current and not r.is_bad and not r.is_replayed)

    def quarantine(self) -> list[tuple[int, str]]:
        return sorted((r.day, r.sale) for r in self.rows if r.is_current and (r.is_bad or r.is_replayed))


AMOUNTS = st.lists(st.sampled_from(["1", "2.5", "-3", "much"]), max_size=4)
STEPS = st.lists(
    st.tuples(st.sampled_from(["deliver", "deliver", "negated", "as they are"]), st.integers(0, DAYS - 1), AMOUNTS), max_size=9
)


@pytest.mark.slow
@settings(max_examples=PART.share(160), deadline=None)
@given(steps=STEPS)
@example(steps=[("deliver", 0, []), ("deliver", 0, ["much"]), ("as they are", 0, []), ("deliver", 3, ["-3"]), ("negated", 0, [])])
def test_silver_and_quarantine_are_what_the_model_says(steps: list[Step], tmp_path_factory: pytest.TempPathFactory) -> None:
    declared = {"key": (), "duplicates_within": 0, "accepted_share": 0.0, "empty_after": None}
    business, model = Business(tmp_path_factory.mktemp("lake"), declared=declared), Model()
    for what, day, amounts in steps:
        if what == "deliver":
            business.sell(day, *(f"{day}{number} ada {amount}" for number, amount in enumerate(amounts)))
            model.deliver(day, amounts)
        elif model.edition:
            negated = what == "negated"
            # A text from which nothing is read is null times -1: missing, and set aside again. The model leaves it out.
            chosen = Chosen(reasons=("positive",)) if negated else Chosen()
            expected = model.replay(negated)
            repair = Repair(values_of(business.source, ["amount = -amount"] if negated else []))
            if expected:
                assert replay(business.source, chosen, repair, business.run(), by="ada", why="x").rows == expected
                assert replay(business.source, chosen, repair, business.run(), by="ada", why="x").rows == 0
        business.make_stale(layers=["raw", "silver"])
        if model.edition:
            require(business, model)
    if model.edition:  # whatever is made again, in any partition, stays what it is
        days = [business.first + day for day in model.edition]
        for day in days:
            business.make("silver", day, day)
        require(business, model)


def require(business: Business, model: Model) -> None:
    rows = business.lake.scan(("sales", "silver")).select("arrival", pl.col("sale_id").cast(pl.String).str.zfill(2), "amount").collect()
    assert sorted((_day(business, arrival), sale, amount) for arrival, sale, amount in rows.iter_rows()) == model.silver()
    aside = business.lake.scan(("sales", "quarantine")).select("arrival", "sale_id").collect()
    assert sorted((_day(business, arrival), sale) for arrival, sale in aside.iter_rows()) == model.quarantine()
    for entry in business.entries("sales/silver").values():
        counts = entry.details
        assert counts["received"] == counts["accepted"] + counts["quarantined"] + counts["duplicates"]


def _day(business: Business, arrival: object) -> int:
    return business.source.partitions.number(str(arrival)) - business.first

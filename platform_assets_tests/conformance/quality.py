"""What checks count, on an engine: a case with its rows in a few lines, and generated rows beside the reference."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from platform_assets.declare.checks import Check
from platform_assets.declare.quality import (
    allowed,
    drift,
    fresh,
    holds,
    in_range,
    matches,
    null_share,
    outliers,
    refers_to,
    unique,
)
from platform_assets.declare.source import Source
from platform_assets.kernels.repeats import figures_of_orphans
from platform_assets.testing.equality import Disagreement
from platform_assets_tests.conformance.engines import Engine, Row
from platform_assets_tests.conformance.named import At, events, silver_rows

FIRST, LAST = "2024-03-01", "2024-03-04"


@dataclass(frozen=True)
class Counts:
    """What a check counts in partitions of events, by their dates; those that are not named are not looked at.

    parents: rows of another source of events, whose `id` the check refers to.
    """

    check_of: Check
    rows: Sequence[At]
    expected: Mapping[str, Any]
    source: Mapping[str, Any] | None = None
    parents: Sequence[At] | None = None

    def check(self, engine: Engine) -> None:
        declared = events(checks=[self.check_of], **(self.source or {}))
        figure = declared.checks[0].figure
        assert figure is not None, "nothing is counted for it"
        rows, days = silver_rows(declared, self.rows), [declared.partitions.number(day) for day in self.expected]
        if self.parents is not None:
            [orphans] = figures_of_orphans(declared)
            parents = silver_rows(PARENT, self.parents)
            found: Any = engine.orphans(declared, orphans, rows, parents, min(days), max(days))
        else:
            found = {day: told[figure.id] for day, told in engine.figures(declared, rows, min(days), max(days)).items()}
        for day, expected in self.expected.items():
            got = found[declared.partitions.number(day)]
            if got != expected:
                raise Disagreement(f"{figure.id} of {day}: {got!r}, expected {expected!r}")


PARENT = events(kind="state")
CHECKS = [
    null_share("user"),
    null_share("substr(category, 1, 1)", name="no_letter"),
    in_range("amount", 0, 10),
    in_range("quantity", high=3),
    in_range("amount * quantity", -5, name="product"),
    allowed("category", ["a", "b c", "it's"]),
    allowed("quantity", [1, 2, 3]),
    holds("not large or amount > 2"),
    matches("category", "[a-c].*"),
    unique("user"),
    unique("user", "shop"),
    unique("large", "ok", name="unique_flags"),
    fresh(),
    outliers("amount"),
    outliers("quantity"),
    drift("category"),
    drift("ok"),
    drift("amount", at_most=0.1),
    refers_to("shop", PARENT),
    refers_to(["shop", "user"], PARENT, to=["quantity", "user"], late="1d", name="late"),
]
DECLARED = events(checks=CHECKS, flags={"large": "amount > 5"})


@dataclass(frozen=True)
class QualityCase:
    """Rows of silver of both sources, and which partitions are asked for."""

    rows: list[Row]
    parents: list[Row]
    first: int
    last: int


@st.composite
def quality_cases(draw: st.DrawFn) -> QualityCase:
    partitions = DECLARED.partitions
    first, last = partitions.number(FIRST), partitions.number(LAST)

    def rows_of(source: Source) -> list[Row]:
        rows = []
        for number in range(draw(st.integers(0, 30))):
            arrival = draw(st.integers(first, last))
            amount = draw(st.none() | st.sampled_from([0.0, -0.0, 1.5, 5.5, -3.0, 1e300, -1e-310]) | st.floats(-1e6, 1e6))
            values = {
                "id": number,
                "user": draw(st.none() | st.sampled_from(["ada", "bob", "cy", ""])),
                "shop": draw(st.none() | st.integers(0, 3)),
                "at": partitions.starts_at(arrival) + timedelta(minutes=draw(st.integers(-2000, 1500))),
                "amount": amount,
                "quantity": draw(st.none() | st.integers(-4, 4) | st.sampled_from([2**53 + 1, 10**9])),
                "category": draw(st.none() | st.sampled_from(["a", "b c", "it's", "Straße", "a\n", "c\nd", ""])),
                "ok": draw(st.none() | st.booleans()),
                "day": None,
                "arrival": arrival,
                "delivery": 1,
                "row_number": number + 1,
            }
            if "large" in source.flags:
                values["large"] = amount is not None and amount > 5
            rows.append(values)
        return rows

    return QualityCase(rows_of(DECLARED), rows_of(PARENT), first, last)


def require_quality_agreement(engine: Engine, reference: Engine, case: QualityCase) -> None:
    """Raises Disagreement if a figure of the engine is not the reference's."""
    wanted, got = (one.figures(DECLARED, case.rows, case.first, case.last) for one in (reference, engine))
    for day, figures in wanted.items():
        for name, expected in figures.items():
            if got[day][name] != expected:
                raise Disagreement(f"{name} of {DECLARED.partitions.key(day)}: {got[day][name]!r}, expected {expected!r}")
    for figure in figures_of_orphans(DECLARED):
        both = [one.orphans(DECLARED, figure, case.rows, case.parents, case.first, case.last) for one in (reference, engine)]
        if both[0] != both[1]:
            raise Disagreement(f"{figure.id}: {both[1]}, expected {both[0]}")

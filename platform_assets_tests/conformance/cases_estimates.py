"""Quantiles and counts of different values beyond the bound up to which they are exact (semantics.md 4)."""

from dataclasses import replace

from platform_assets import count_distinct, quantile
from platform_assets.aggregations.count_distinct import CountDistinct
from platform_assets.aggregations.quantile import Quantile
from platform_assets_tests.conformance.cases_aggregations import DAY, LATE, NEXT, NOON, ONE, TWO
from platform_assets_tests.conformance.named import Expired, Snapshots, at, case


@case("a quantile beyond its bound of different values takes each as the middle of its cell, of 64 between powers of two")
def _() -> Snapshots:
    median = replace(quantile("amount", 0.5), aggregation=Quantile(0.5, exact_up_to=2)).over("2d")
    rows = [at(NOON, amount=1.0), at(ONE, amount=100.0), at("2024-03-02 12:00", amount=100.3), at("2024-03-02 12:00", amount=-100.0)]
    middle = 100 + 0.5  # from 64 to 128 a cell is 1 wide
    values = {DAY: 50.5, NEXT: ((1 + 1 / 128) + middle) / 2, "2024-03-03": (100.3 - 100.0) / 2, "2024-03-04": Expired(None)}
    return Snapshots(median, rows, values)


@case("a late value that is one too many makes all of a quantile's values middles of their cells")
def _() -> Snapshots:
    median = replace(quantile("amount", 0.5), aggregation=Quantile(0.5, exact_up_to=2)).over("2d")
    rows = [at("2024-03-01 06:00", arrives=LATE, amount=101.3), at(NOON, amount=1.0), at(ONE, amount=100.0)]
    return Snapshots(median, rows, {DAY: 50.5, NEXT: 100.5, "2024-03-03": Expired(None)})


@case("a count of different values beyond its bound reads registers, and is more than the bound")
def _() -> Snapshots:
    few = replace(count_distinct("quantity"), aggregation=CountDistinct(exact_up_to=3)).over("2d")
    rows = [*(at(NOON, quantity=value) for value in (1, 2, 2)), at(TWO, arrives=LATE, quantity=1), at(TWO, arrives=LATE, quantity=9)]
    more = [at("2024-03-02 12:00", quantity=value) for value in range(9, 19)]
    return Snapshots(few, [*rows, *more], {DAY: 2, NEXT: 12, "2024-03-03": 10, "2024-03-04": Expired(0)})

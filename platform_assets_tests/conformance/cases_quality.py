"""What checks count (docs/concepts/quality.md)."""

from datetime import UTC, datetime

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
from platform_assets_tests.conformance.named import at, case
from platform_assets_tests.conformance.quality import PARENT, Counts


@case("nulls are counted in the partition they arrived in, and none where there are none")
def _() -> Counts:
    rows = [at("2024-03-01 10:00", category=None), at("2024-03-01 11:00", category="a"), at("2024-03-01 10:00", arrives="2024-03-02")]
    return Counts(null_share("category"), rows, {"2024-03-01": 1, "2024-03-02": 1, "2024-03-03": 0})


@case("both ends of a range are inside, null is not outside")
def _() -> Counts:
    rows = [at("2024-03-01 10:00", amount=value) for value in (0.0, 10.0, -0.5, 10.5, None)]
    return Counts(in_range("amount", 0, 10), rows, {"2024-03-01": 2})


@case("a text matches as a whole, null matches")
def _() -> Counts:
    rows = [at("2024-03-01 10:00", category=value) for value in ("12", "12a", "a12", "12\n", "", None)]
    return Counts(matches("category", "[0-9]+"), rows, {"2024-03-01": 4})


@case("alternatives of a pattern are of the whole text, too")
def _() -> Counts:
    rows = [at("2024-03-01 10:00", category=value) for value in ("a", "b", "ab", "ba")]
    return Counts(matches("category", "a|b"), rows, {"2024-03-01": 2})


@case("a value with a quote can be allowed, null needs not be")
def _() -> Counts:
    rows = [at("2024-03-01 10:00", category=value) for value in ("it's", "its", None)]
    return Counts(allowed("category", ["it's"]), rows, {"2024-03-01": 1})


@case("a condition that is null holds")
def _() -> Counts:
    rows = [at("2024-03-01 10:00", amount=a, quantity=q) for a, q in ((1.0, 1), (1.0, 2), (None, 2))]
    return Counts(holds("amount >= quantity"), rows, {"2024-03-01": 1})


@case("of equal rows the first repeats none, in each partition anew; rows with a null repeat none")
def _() -> Counts:
    rows = [at("2024-03-01 10:00", category="a", shop=1) for _ in range(3)]
    rows += [at("2024-03-01 10:00", category="a", shop=None) for _ in range(2)]
    rows += [at("2024-03-01 10:00", category="a", shop=1, arrives="2024-03-02")]
    return Counts(unique("category", "shop"), rows, {"2024-03-01": 2, "2024-03-02": 0})


@case("the newest event before the end of the partition counts, not one in the future")
def _() -> Counts:
    rows = [at("2024-03-01 10:00"), at("2024-03-01 09:00"), at("2024-03-02 00:00", arrives="2024-03-01")]
    ten = int(datetime(2024, 3, 1, 10, tzinfo=UTC).timestamp()) * 1_000_000
    return Counts(fresh(), rows, {"2024-03-01": ten, "2024-03-02": None}, source={"clock_skew": "1h"})


@case("whole numbers up to 64 have a cell of their own, minus has its own cells, null is counted apart")
def _() -> Counts:
    rows = [at("2024-03-01 10:00", quantity=value) for value in (0, 63, 64, -64, 64, None)]
    first = (1023 + 5) * 32 + 31  # 63 = 2^5 (1 + 31/32)
    expected = {"cells": [-first - 1, 0, first, first + 1], "rows": [1, 1, 1, 2], "step": 0, "null": 1}
    return Counts(outliers("quantity"), rows, {"2024-03-01": expected})


@case("more than 512 cells are joined two by two")
def _() -> Counts:
    rows = [at("2024-03-01 10:00", amount=float(2**power) * (1 + part / 32)) for power in range(17) for part in range(32)]
    cells = [(1023 + power) * 16 + part for power in range(17) for part in range(16)]
    return Counts(outliers("amount"), rows, {"2024-03-01": {"cells": cells, "rows": [2] * (17 * 16), "step": 1, "null": 0}})


@case("of categories the 50 most frequent are kept, ties by their names")
def _() -> Counts:
    rows = [at("2024-03-01 10:00", category=f"c{number:02}") for number in range(52) for _ in range(2 if number == 51 else 1)]
    kept = {"c51": 2, **{f"c{number:02}": 1 for number in range(49)}}
    return Counts(drift("category"), rows, {"2024-03-01": {"rows": kept, "others": 2, "distinct": 52, "null": 0}})


@case("a flag has a distribution, too")
def _() -> Counts:
    rows = [at("2024-03-01 10:00", ok=value) for value in (True, False, True, None)]
    return Counts(drift("ok"), rows, {"2024-03-01": {"rows": {"true": 2, "false": 1}, "others": 0, "distinct": 2, "null": 1}})


@case("a key that arrives by the end of the partition is known, a later one is not; null refers to nothing")
def _() -> Counts:
    rows = [at("2024-03-01 10:00", shop=shop) for shop in (1, 2, 3, 3, None)] + [at("2024-03-02 10:00", shop=2)]
    parents = [at("2024-02-20 10:00", id=1), at("2024-03-02 10:00", id=2)]
    return Counts(refers_to("shop", PARENT), rows, {"2024-03-01": 3, "2024-03-02": 0}, parents=parents)


@case("with late= a key may come later by that much")
def _() -> Counts:
    rows = [at("2024-03-01 10:00", shop=shop) for shop in (2, 3)]
    parents = [at("2024-03-02 10:00", id=2), at("2024-03-03 10:00", id=3)]
    return Counts(refers_to("shop", PARENT, late="1d"), rows, {"2024-03-01": 1}, parents=parents)

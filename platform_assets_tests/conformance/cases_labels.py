"""Labels beyond events (semantics.md 6): measures of what follows, rows that are labels already, and partitions of a week or a day."""

from collections.abc import Callable
from typing import Any

from platform_assets import count, count_distinct, every, first, labels_from, last, mean, mode, no_event, outcome, sum
from platform_assets.declare.features import Feature
from platform_assets.declare.labels import GivenLabels, Labels
from platform_assets_tests.conformance.named import at, case, events
from platform_assets_tests.conformance.named_labels import Given, Labelled

SPINE = every("7d", active="14d")
# Ada was active at 15 and 22 January; three rows follow the 15th within a week, the last of them at its very end.
ROWS = [
    at("2024-01-12 12:00", amount=100.0),
    at("2024-01-15 00:00", amount=50.0, category="at"),
    at("2024-01-16 12:00", amount=1.0, category="b", quantity=3),
    at("2024-01-17 12:00", amount=2.0, category="a", ok=True),
    at("2024-01-22 00:00", amount=4.0, category="b", quantity=4),
]
FIRST, SECOND, LATER = ("ada", "2024-01-15"), ("ada", "2024-01-22"), ("ada", "2024-01-29")


def measured(feature: Feature, **options: Any) -> Labels:
    return outcome(events(), feature.within("7d"), spine=SPINE, **options)


@case("a numeric label is the sum over (t, t + horizon], and null where nothing follows")
def _() -> Labelled:
    return Labelled(measured(sum("amount")), "2024-01-01", ROWS, {FIRST: 7.0, SECOND: None})


@case("a default is the label where nothing follows")
def _() -> Labelled:
    return Labelled(measured(sum("amount", default=0.0)), "2024-01-01", ROWS, {FIRST: 7.0, SECOND: 0.0})


@case("a count of what follows is 0 where nothing does; a measure has a condition of its own")
def _() -> Labelled:
    return Labelled(measured(count(where="category = 'b'")), "2024-01-01", ROWS, {FIRST: 2, SECOND: 0})


@case("a condition of the labels decides who was active, too")
def _() -> Labelled:
    return Labelled(measured(count(), where="amount > 10"), "2024-01-01", ROWS, {FIRST: 0, SECOND: 0})


@case("a sum of integers is an integer; what is null is left out")
def _() -> Labelled:
    return Labelled(measured(sum("quantity")), "2024-01-01", ROWS, {FIRST: 7, SECOND: None})


@case("a mean of what follows")
def _() -> Labelled:
    return Labelled(measured(mean("amount")), "2024-01-01", ROWS, {FIRST: 7 / 3, SECOND: None})


@case("the first and the last of what follows are by event time, whatever arrived first")
def _() -> Labelled:
    rows = [*ROWS, at("2024-01-15 01:00", arrives="2024-01-20", category="z")]
    return Labelled(measured(first("category")), "2024-01-01", rows, {FIRST: "z", SECOND: None})


@case("the last of two rows at one time is the one with the larger key")
def _() -> Labelled:
    rows = [*ROWS[:4], at("2024-01-18", id=9, category="y"), at("2024-01-18", id=10, category="x")]
    return Labelled(measured(last("category")), "2024-01-01", rows, {FIRST: "x", SECOND: None})


@case("a class is the most frequent value that follows")
def _() -> Labelled:
    return Labelled(measured(mode("category")), "2024-01-01", ROWS, {FIRST: "b", SECOND: None})


@case("a measure is of one entity")
def _() -> Labelled:
    rows = [*ROWS, at("2024-01-12", user="bob"), at("2024-01-18", user="bob", category="c")]
    expected = {FIRST: 2, SECOND: 0, ("bob", "2024-01-15"): 1, ("bob", "2024-01-22"): 0}
    return Labelled(measured(count_distinct("category")), "2024-01-01", rows, expected)


@case("what follows is measured as it was known at the partition's end")
def _() -> Labelled:
    rows = [*ROWS[:4], at("2024-01-18", arrives="2024-02-01", amount=1000.0)]
    return Labelled(measured(sum("amount")), "2024-01-01", rows, {FIRST: 3.0, SECOND: None})


@case("a week of a training set holds the labels whose interval ends in it")
def _() -> Labelled:
    return Labelled(measured(sum("amount")), "2024-01-22", ROWS, {FIRST: 7.0}, period="week")


@case("a day of a training set holds the labels whose interval ends in it, as known at its end")
def _() -> Labelled:
    rows = [*ROWS[:4], at("2024-01-18", arrives="2024-01-22", amount=1000.0), at("2024-01-19", arrives="2024-01-23", amount=9.0)]
    return Labelled(measured(sum("amount")), "2024-01-22", rows, {FIRST: 1003.0}, period="day")


@case("a day on which no label ends is empty")
def _() -> Labelled:
    return Labelled(no_event(events(), within="7d", spine=SPINE), "2024-01-23", ROWS, {}, period="day")


# --- rows that are labels -------------------------------------------------------------------------------------------


def of_source(value: str, horizon: str = "7d", **options: Any) -> Callable[[Any], GivenLabels]:
    return lambda read: labels_from(events(), value=value, horizon=horizon, **options)


def of_table(value: str, of: type, horizon: str = "7d", **options: Any) -> Callable[[Any], GivenLabels]:
    return lambda read: labels_from(read, value=value, horizon=horizon, time="at", type=of, **options)


@case("a row of a source is a label at its event time; it belongs where its interval ends")
def _() -> Given:
    rows = [at("2024-01-24 23:59", amount=1.0), at("2024-01-25 00:00", amount=2.0), at("2024-02-20 06:30", amount=3.0)]
    return Given(of_source("amount"), "2024-02-01", rows, {("ada", "2024-01-25"): 2.0, ("ada", "2024-02-20 06:30"): 3.0})


@case("a horizon of nothing puts a label where its time is")
def _() -> Given:
    rows = [at("2024-01-31 23:59:59.999999", ok=True), at("2024-02-01 00:00", ok=False)]
    return Given(of_source("ok", "0d"), "2024-02-01", rows, {("ada", "2024-02-01"): False})


@case("a label that arrives with the end of its partition is in it, one that arrives later is counted in that of its arrival")
def _() -> Given:
    rows = [at("2024-01-10", arrives="2024-01-31", amount=1.0), at("2024-01-11", arrives="2024-02-01", amount=2.0)]
    return Given(of_source("amount"), "2024-01-01", rows, {("ada", "2024-01-10"): 1.0})


@case("a label that came after the end of its partition is rejected where it came")
def _() -> Given:
    rows = [at("2024-01-10", arrives="2024-01-31", amount=1.0), at("2024-01-11", arrives="2024-02-01", amount=2.0)]
    return Given(of_source("amount"), "2024-02-01", rows, {}, {"it came after the end of its partition": 1})


@case("rows without a key or a value are not labels")
def _() -> Given:
    rows = [at("2024-01-10", user=None, amount=1.0), at("2024-01-10"), at("2024-01-11", amount=2.0)]
    return Given(of_source("amount"), "2024-01-01", rows, {("ada", "2024-01-11"): 2.0}, {"user is missing": 1, "amount is missing": 1})


@case("of several labels with the same keys and time the first to come counts")
def _() -> Given:
    rows = [
        at("2024-01-10", id=1, arrives="2024-01-12", amount=1.0),
        at("2024-01-10", id=2, arrives="2024-01-11", amount=2.0),
        at("2024-01-10", id=3, arrives="2024-01-13", amount=2.0),
        at("2024-01-10", id=4, arrives="2024-01-10"),
    ]
    rejected = {"amount is missing": 1, "another label came before it": 1, "the same label once more": 1}
    return Given(of_source("amount"), "2024-01-01", rows, {("ada", "2024-01-10"): 2.0}, rejected)


@case("where= says which rows are labels; the others are not matter")
def _() -> Given:
    rows = [at("2024-01-10", amount=1.0, ok=True), at("2024-01-11", amount=2.0, ok=False), at("2024-01-12", amount=3.0)]
    return Given(of_source("amount", where="ok"), "2024-01-01", rows, {("ada", "2024-01-10"): 1.0})


@case("a class that is not declared is rejected")
def _() -> Given:
    rows = [at("2024-01-10", category="a"), at("2024-01-11", category="b"), at("2024-01-12", category="c")]
    expected = {("ada", "2024-01-10"): "a", ("ada", "2024-01-11"): "b"}
    return Given(of_source("category", classes=["a", "b"]), "2024-01-01", rows, expected, {"category is none of the classes": 1})


@case("integers with classes are classes, without them numbers; a binary label of 0 and 1 is false and true")
def _() -> Given:
    rows = [at("2024-01-10", quantity=0), at("2024-01-11", quantity=1), at("2024-01-12", quantity=2)]
    expected = {("ada", "2024-01-10"): False, ("ada", "2024-01-11"): True}
    return Given(of_source("quantity", kind="binary"), "2024-01-01", rows, expected, {"quantity is neither 0 nor 1": 1})


@case("a table's labels are known when their interval ends, whenever it was read")
def _() -> Given:
    rows = [at("2024-01-24", quantity=5), at("2024-01-25", quantity=6), at("2024-01-25", user="bob", quantity=7)]
    expected = {("ada", "2024-01-25"): 6, ("bob", "2024-01-25"): 7}
    return Given(of_table("quantity", int), "2024-02-01", rows, expected, now="2024-03-15")


@case("a table's labels of times to come are rejected in every partition")
def _() -> Given:
    rows = [at("2024-01-10", amount=1.0), at("2024-03-15 00:00", amount=2.0), at("2024-03-15 00:00:00.000001", amount=3.0)]
    expected = {("ada", "2024-01-10"): 1.0}
    return Given(of_table("amount", float), "2024-01-01", rows, expected, {"at is in the future": 1}, now="2024-03-15")


@case("the first row of a table counts of those with the same keys and time")
def _() -> Given:
    rows = [at("2024-01-10", amount=2.0), at("2024-01-10", amount=1.0), at("2024-01-10", user="bob", amount=1.0)]
    expected = {("ada", "2024-01-10"): 2.0, ("bob", "2024-01-10"): 1.0}
    return Given(of_table("amount", float), "2024-01-01", rows, expected, {"another label came before it": 1}, now="2024-03-15")


@case("labels that are given belong to weeks as to months")
def _() -> Given:
    rows = [at("2024-01-14", amount=1.0), at("2024-01-15", amount=2.0), at("2024-01-22", amount=3.0)]
    return Given(of_source("amount"), "2024-01-22", rows, {("ada", "2024-01-15"): 2.0}, period="week")

"""Aggregations (semantics.md 4): nulls, empty windows, ties, and numbers at their limits."""

from datetime import date

from platform_assets import (
    count,
    count_distinct,
    first,
    last,
    last_n,
    max,
    mean,
    min,
    mode,
    quantile,
    std,
    sum,
    time_since_last,
    top_k,
    variance,
)
from platform_assets_tests.conformance.named import Expired, Fails, Snapshots, at, case, events, moment

NOON, ONE, TWO = "2024-03-01 12:00", "2024-03-01 13:00", "2024-03-01 14:00"
DAY, NEXT = "2024-03-01", "2024-03-02"
LATE = "2024-03-02"


@case("count counts rows, with a column the values in it that are not null")
def _() -> Snapshots:
    rows = [at(NOON, amount=1.0), at(ONE), at(TWO, amount=0.0)]
    none = {"count_1d": 0, "amount_count_1d": 0}
    return Snapshots(
        [count().over("1d"), count("amount").over("1d")], rows, {DAY: {"count_1d": 3, "amount_count_1d": 2}, NEXT: Expired(none)}
    )


@case("a sum of integers is an integer, to the last digit")
def _() -> Snapshots:
    rows = [at(NOON, quantity=2**53), at(ONE, quantity=1), at(TWO)]
    return Snapshots(sum("quantity").over("1d"), rows, {DAY: 2**53 + 1, NEXT: Expired(None)})


@case("a sum of nothing but nulls is null")
def _() -> Snapshots:
    return Snapshots(sum("amount").over("1d"), [at(NOON)], {DAY: None, NEXT: Expired(None)})


@case("a sum with a default is that of nothing, of nulls only, and of an expiry row")
def _() -> Snapshots:
    features = [sum("amount", default=0.0).over("1d"), sum("quantity", default=-1).over("1d")]
    rows = [at(NOON), at("2024-03-03 12:00", amount=2.5, quantity=0)]
    none = {"amount_sum_1d": 0.0, "quantity_sum_1d": -1}
    some = {"amount_sum_1d": 2.5, "quantity_sum_1d": 0}
    return Snapshots(features, rows, {DAY: none, NEXT: Expired(none), "2024-03-03": some, "2024-03-04": Expired(none)})


@case("the largest sum of integers that there is")
def _() -> Snapshots:
    rows = [at(NOON, quantity=2**62), at(ONE, quantity=2**62 - 1)]
    return Snapshots(sum("quantity").over("1d"), rows, {DAY: 2**63 - 1, NEXT: Expired(None)})


@case("a sum of integers beyond 64 bits is an error")
def _() -> Fails:
    rows = [at(NOON, quantity=2**62), at(ONE, quantity=2**62)]
    return Fails(Snapshots(sum("quantity").over("1d"), rows, {}), "beyond 64 bits")


@case("a sum of integers beyond 64 bits is an error when the last of them comes late")
def _() -> Fails:
    rows = [at(NOON, quantity=-(2**62)), at(ONE, quantity=-(2**62)), at(TWO, arrives=LATE, quantity=-1)]
    return Fails(Snapshots(sum("quantity").over("3d"), rows, {}), "beyond 64 bits")


@case("a sum that leaves 64 bits on the way and comes back is right")
def _() -> Snapshots:
    rows = [at(NOON, quantity=2**63 - 1), at(ONE, quantity=5), at(TWO, quantity=-7)]
    return Snapshots(sum("quantity").over("1d"), rows, {DAY: 2**63 - 3, NEXT: Expired(None)})


@case("a mean of integers is exact though large ones cancel out")
def _() -> Snapshots:
    rows = [at(NOON, quantity=2**60), at(ONE, quantity=1), at(TWO, quantity=5), at(TWO, arrives=LATE, quantity=-(2**60))]
    return Snapshots(mean("quantity").over("3d"), rows, {DAY: (2**60 + 6) / 3, NEXT: 1.5, "2024-03-04": Expired(None)})


@case("a mean of integers whose sum leaves 64 bits is taken in floats")
def _() -> Snapshots:
    rows = [at(NOON, quantity=2**62), at(ONE, quantity=2**62), at(TWO, quantity=2**62)]
    return Snapshots(mean("quantity").over("1d"), rows, {DAY: 2.0**62, NEXT: Expired(None)})


@case("a sum after a huge value has left is not a difference")
def _() -> Snapshots:
    rows = [at(NOON, amount=1e18), at("2024-03-02 12:00", amount=1.0)]
    return Snapshots(sum("amount").over("1d"), rows, {DAY: 1e18, NEXT: 1.0, "2024-03-03": Expired(None)})


@case("a mean is a float, of the values that are not null")
def _() -> Snapshots:
    rows = [at(NOON, quantity=1), at(ONE), at(TWO, quantity=2)]
    return Snapshots(mean("quantity").over("1d"), rows, {DAY: 1.5, NEXT: Expired(None)})


@case("a mean of late rows and rows on time weighs each row alike")
def _() -> Snapshots:
    rows = [at(NOON, amount=1.0), at(ONE, amount=1.0), at(TWO, arrives=LATE, amount=4.0)]
    return Snapshots(mean("amount").over("2d"), rows, {DAY: 1.0, NEXT: 2.0, "2024-03-03": Expired(None)})


@case("a deviation is of the sample: n - 1")
def _() -> Snapshots:
    rows = [at(NOON, quantity=1), at(ONE, quantity=3), at(TWO, quantity=8), at("2024-03-01 15:00")]
    return Snapshots(std("quantity").over("1d"), rows, {DAY: 13**0.5, NEXT: Expired(None)})


@case("a deviation of one value is null, of two equal ones 0")
def _() -> Snapshots:
    rows = [at(NOON, amount=0.1), at("2024-03-02 12:00", amount=0.1)]
    return Snapshots(std("amount").over("2d"), rows, {DAY: None, NEXT: 0.0, "2024-03-03": None, "2024-03-04": Expired(None)})


@case("a deviation near 1e9 keeps its digits")
def _() -> Snapshots:
    rows = [at(NOON, amount=1e9), at(ONE, amount=1e9 + 1), at(TWO, amount=1e9 + 2)]
    return Snapshots(std("amount").over("1d"), rows, {DAY: 1.0, NEXT: Expired(None)})


@case("a deviation near 1e12 keeps its digits although no float is its mean")
def _() -> Snapshots:
    third = 2.0**41 / 3 // 1
    rows = [at(NOON, amount=third), at(ONE, amount=third), at(TWO, amount=third + 1)]
    return Snapshots(std("amount").over("1d"), rows, {DAY: (1 / 3) ** 0.5, NEXT: Expired(None)})


@case("a deviation near 1e9 keeps its digits when rows come late, and after a null")
def _() -> Snapshots:
    rows = [
        at("2024-03-01 11:00"),
        at(NOON, amount=1e9),
        at(ONE, amount=1e9 + 1),
        at(TWO, amount=1e9 + 1),
        at("2024-03-01 11:30", arrives=LATE),
        at(TWO, arrives=LATE, amount=1e9 + 4),
    ]
    return Snapshots(std("amount").over("2d"), rows, {DAY: (1 / 3) ** 0.5, NEXT: 3**0.5, "2024-03-03": Expired(None)})


@case("a deviation to which late rows come after all on time have left keeps its fraction")
def _() -> Snapshots:
    rows = [at("2024-03-02 12:00", arrives="2024-03-03", amount=0.5), at("2024-03-02 13:00", arrives="2024-03-03", amount=2.25)]
    return Snapshots(std("amount").over("3d"), rows, {"2024-03-03": 1.75 / 2**0.5, "2024-03-05": Expired(None)})


@case("a deviation of rows of several delays, merged into nothing one after the other")
def _() -> Snapshots:
    rows = [at("2024-03-02 12:00", arrives="2024-03-03", amount=0.5), at("2024-03-01 13:00", arrives="2024-03-03", amount=2.25)]
    return Snapshots(std("amount").over("4d"), rows, {"2024-03-03": 1.75 / 2**0.5, "2024-03-05": None, "2024-03-06": Expired(None)})


@case("a variance is of the sample: n - 1; of one value null, of two equal ones 0")
def _() -> Snapshots:
    rows = [
        at(NOON, quantity=1),
        at(ONE, quantity=3),
        at(TWO, quantity=8),
        at("2024-03-02 12:00", quantity=8),
        at("2024-03-03 12:00", quantity=8),
    ]
    expected = {DAY: 13.0, NEXT: 38 / 3, "2024-03-03": 0.0, "2024-03-04": None, "2024-03-05": Expired(None)}
    return Snapshots(variance("quantity").over("2d"), rows, expected)


@case("a variance near 1e9 keeps its digits when rows come late")
def _() -> Snapshots:
    rows = [at(NOON, amount=1e9), at(ONE, amount=1e9 + 1), at(TWO, amount=1e9 + 1), at(TWO, arrives=LATE, amount=1e9 + 4)]
    return Snapshots(variance("amount").over("2d"), rows, {DAY: 1 / 3, NEXT: 3.0, "2024-03-03": Expired(None)})


@case("min and max order texts by code point, false before true, and times")
def _() -> Snapshots:
    rows = [
        at(NOON, category="a", ok=True, day=date(2024, 2, 29)),
        at(ONE, category="Z", ok=False, day=date(1969, 12, 31)),
        at(TWO, category="ü"),
        at("2024-03-01 15:00", category=""),
    ]
    features = [f(c).over("1d") for f in (min, max) for c in ("category", "ok", "day", "at")]
    values = {
        "category_min_1d": "",
        "category_max_1d": "ü",
        "ok_min_1d": False,
        "ok_max_1d": True,
        "day_min_1d": date(1969, 12, 31),
        "day_max_1d": date(2024, 2, 29),
        "at_min_1d": moment(NOON),
        "at_max_1d": moment("2024-03-01 15:00"),
    }
    return Snapshots(features, rows, {DAY: values, NEXT: Expired(dict.fromkeys(values))})


@case("min and max of the smallest and the largest integer, of nulls only, and of an empty window")
def _() -> Snapshots:
    features = [min("quantity").over("1d"), max("quantity").over("1d"), max("day").over("1d")]
    rows = [at(NOON, quantity=2**63 - 1), at("2024-03-02 12:00", quantity=-(2**63)), at("2024-03-03 12:00")]
    none = {"quantity_min_1d": None, "quantity_max_1d": None, "day_max_1d": None}
    largest, smallest = ({**none, "quantity_min_1d": value, "quantity_max_1d": value} for value in (2**63 - 1, -(2**63)))
    return Snapshots(features, rows, {DAY: largest, NEXT: smallest, "2024-03-03": none, "2024-03-04": Expired(none)})


@case("first and last are over the values that are not null")
def _() -> Snapshots:
    rows = [at("2024-03-01 11:00"), at(NOON, category="a"), at(ONE, category="b"), at(TWO)]
    values = {"category_first_1d": "a", "category_last_1d": "b"}
    return Snapshots([first("category").over("1d"), last("category").over("1d")], rows, {DAY: values, NEXT: Expired(dict.fromkeys(values))})


@case("ties of event time are broken by the primary key, not by the order of arrival")
def _() -> Snapshots:
    rows = [at(NOON, id=3, category="three"), at(NOON, id=1, category="one"), at(NOON, id=2, category="two")]
    values = {"category_first_1d": "one", "category_last_1d": "three"}
    return Snapshots([first("category").over("1d"), last("category").over("1d")], rows, {DAY: values, NEXT: Expired(dict.fromkeys(values))})


@case("ties of a late row with one on time are broken by the primary key")
def _() -> Snapshots:
    rows = [at(NOON, id=5, category="five"), at(NOON, id=1, arrives=LATE, category="one"), at(NOON, id=9, arrives=LATE, category="nine")]
    five, both = ({"category_first_2d": a, "category_last_2d": b} for a, b in (("five", "five"), ("one", "nine")))
    features = [first("category").over("2d"), last("category").over("2d")]
    return Snapshots(features, rows, {DAY: five, NEXT: both, "2024-03-03": Expired(dict.fromkeys(five))})


@case("without a key of its own a row's key is its place: arrival, delivery, row number")
def _() -> Snapshots:
    rows = [at(NOON, delivery=2, row_number=1, category="c"), at(NOON, row_number=2, category="b"), at(NOON, row_number=1, category="a")]
    values = {"category_first_1d": "a", "category_last_1d": "c"}
    features = [first("category").over("1d"), last("category").over("1d")]
    return Snapshots(features, rows, {DAY: values, NEXT: Expired(dict.fromkeys(values))}, events(key=[]))


@case("rows with one key and one time that are too far apart to be duplicates: the later arrival is the last")
def _() -> Snapshots:
    rows = [at(NOON, id=1, arrives="2024-03-04", category="again"), at(NOON, id=1, category="once")]
    return Snapshots(last("category").over("6d"), rows, {DAY: "once", "2024-03-04": "again", "2024-03-07": Expired(None)})


@case("the most frequent value; of several the smallest; nulls do not count")
def _() -> Snapshots:
    rows = [
        at(NOON, category="b"),
        at(ONE, category="a"),
        at(TWO),
        at("2024-03-01 15:00"),
        at("2024-03-01 16:00"),
        at("2024-03-02 00:00", category="b"),
    ]
    return Snapshots(mode("category").over("2d"), rows, {DAY: "a", NEXT: "b", "2024-03-03": "b", "2024-03-04": Expired(None)})


@case("late rows change the most frequent value")
def _() -> Snapshots:
    rows = [at(NOON, quantity=7), at(ONE, quantity=7), at(TWO, quantity=9), *(at(TWO, arrives=LATE, quantity=9) for _ in range(2))]
    return Snapshots(mode("quantity").over("2d"), rows, {DAY: 7, NEXT: 9, "2024-03-03": Expired(None)})


@case("different values, each once, however late it comes again")
def _() -> Snapshots:
    rows = [at(NOON, category="a"), at(ONE, category="a"), at(TWO), at(TWO, arrives=LATE, category="a"), at(TWO, arrives=LATE, category="")]
    return Snapshots(count_distinct("category").over("2d"), rows, {DAY: 1, NEXT: 2, "2024-03-03": Expired(0)})


@case("the latest values come newest first, without nulls, as often as they came; a window with fewer has fewer, an empty one none")
def _() -> Snapshots:
    rows = [
        at(NOON, category="a"),
        at(ONE, category="b"),
        at(TWO),
        at("2024-03-01 15:00", category="b"),
        at("2024-03-02 12:00", category=""),
    ]
    values = {DAY: ["b", "b"], NEXT: ["", "b"], "2024-03-03": [""], "2024-03-04": Expired([])}
    return Snapshots(last_n("category", 2).over("2d"), rows, values)


@case("the latest values of nothing but nulls are none")
def _() -> Snapshots:
    features = [last_n("amount", 3).over("1d"), top_k("amount", 3).over("1d")]
    none: dict[str, list[float]] = {"amount_last_3_1d": [], "amount_top_3_1d": []}
    return Snapshots(features, [at(NOON)], {DAY: none, NEXT: Expired(none)})


@case("late rows take their places among the latest values by event time, ties by primary key")
def _() -> Snapshots:
    rows = [
        at(NOON, id=5, quantity=5),
        at(ONE, id=7, quantity=7),
        at(NOON, id=6, arrives=LATE, quantity=6),
        at(TWO, id=1, arrives=LATE, quantity=1),
        at(NOON, id=4, arrives=LATE, quantity=4),
    ]
    values = {DAY: [7, 5], NEXT: [1, 7, 6, 5], "2024-03-03": Expired([])}
    return Snapshots(last_n("quantity", 4).over("2d"), rows, values)


@case("the latest values of each kind")
def _() -> Snapshots:
    rows = [at(NOON, ok=True, day=date(2024, 2, 29), amount=0.5), at(ONE, ok=False, day=date(1969, 12, 31), amount=-0.0)]
    features = [last_n(c, 2).over("1d") for c in ("ok", "day", "amount", "at")]
    values = {
        "ok_last_2_1d": [False, True],
        "day_last_2_1d": [date(1969, 12, 31), date(2024, 2, 29)],
        "amount_last_2_1d": [0.0, 0.5],
        "at_last_2_1d": [moment(ONE), moment(NOON)],
    }
    return Snapshots(features, rows, {DAY: values, NEXT: Expired({name: [] for name in values})})


@case("the most frequent values come first, of equally frequent ones the smaller first")
def _() -> Snapshots:
    rows = [*(at(NOON, category=c) for c in "ccbbad"), at(ONE), at("2024-03-02 12:00", category="d"), at("2024-03-02 12:00", category="d")]
    values = {DAY: ["b", "c", "a"], NEXT: ["d", "b", "c"], "2024-03-03": ["d"], "2024-03-04": Expired([])}
    return Snapshots(top_k("category", 3).over("2d"), rows, values)


@case("a value that is rare on time and rare among late rows may be the most frequent")
def _() -> Snapshots:
    on_time = [at(NOON, quantity=value) for value in (1, 1, 2, 2, 9)]
    late = [at(TWO, arrives=LATE, quantity=value) for value in (3, 3, 3, 9, 9, 4)]
    values = {DAY: [1, 2], NEXT: [3, 9], "2024-03-03": Expired([])}
    return Snapshots(top_k("quantity", 2).over("2d"), [*on_time, *late], values)


@case("a quantile lies on the line between its neighbours; of one value it is that value, of none null")
def _() -> Snapshots:
    rows = [*(at(NOON, quantity=value) for value in (1, 10, 2, 4)), at(ONE), at("2024-03-02 12:00", quantity=-7), at("2024-03-03 12:00")]
    names = ("quantity_p50_1d", "quantity_p90_1d", "quantity_p2_5_1d")
    features = [quantile("quantity", q).over("1d") for q in (0.5, 0.9, 0.025)]
    values = {DAY: (3.0, 4 + 0.7 * 6, 1.075), NEXT: (-7.0, -7.0, -7.0), "2024-03-03": (None, None, None)}
    expected = {day: dict(zip(names, found, strict=True)) for day, found in values.items()}
    return Snapshots(features, rows, {**expected, "2024-03-04": Expired(dict.fromkeys(names))})


@case("a median counts each value as often as it comes, late ones among those on time")
def _() -> Snapshots:
    rows = [*(at(NOON, amount=value) for value in (5.0, 1.0, 1.0)), *(at(TWO, arrives=LATE, amount=value) for value in (5.0, 7.5, -0.5))]
    return Snapshots(quantile("amount", 0.5).over("2d"), rows, {DAY: 1.0, NEXT: 3.0, "2024-03-03": Expired(None)})


@case("time since last is stored as the time of the last row, or of the last with a value")
def _() -> Snapshots:
    rows = [at(NOON, amount=1.0), at(ONE)]
    values = {"time_since_last_1d": moment(ONE), "amount_time_since_last_1d": moment(NOON)}
    features = [time_since_last().over("1d"), time_since_last("amount").over("1d")]
    return Snapshots(features, rows, {DAY: values, NEXT: Expired(dict.fromkeys(values))})


@case("an argument may be an expression; where a part of it is null it is left out")
def _() -> Snapshots:
    rows = [at(NOON, quantity=3, amount=2.5), at(ONE, quantity=2), at(TWO, quantity=-1, amount=0.5)]
    return Snapshots(sum("quantity * amount").over("1d").named("spend"), rows, {DAY: 7.0, NEXT: Expired(None)})


@case("the same argument with and without a condition are two features")
def _() -> Snapshots:
    features = [
        sum("amount").over("1d"),
        sum("amount", where="ok").over("1d").named("kept"),
        sum("amount", where="not ok").over("1d").named("lost"),
    ]
    rows = [at(NOON, amount=1.0, ok=True), at(ONE, amount=2.0, ok=False), at(TWO, amount=4.0)]
    values = {"amount_sum_1d": 7.0, "kept": 1.0, "lost": 2.0}
    return Snapshots(features, rows, {DAY: values, NEXT: Expired(dict.fromkeys(values))})


@case("a condition may be a flag")
def _() -> Snapshots:
    rows = [at(NOON, free=True), at(ONE)]
    return Snapshots(count(where="not free").over("1d").named("n"), rows, {DAY: 1, NEXT: Expired(0)}, events(flags={"free": "amount = 0"}))

"""Attribute views and state sources (semantics.md 4 and 7): which update counts, and from when on."""

from platform_assets_tests.conformance.named import Attributes, Judges, at, came, case, events

STATE = {"kind": "state", "key": ["user"]}
PLAIN = [at("2024-03-01 10:00", category="a", amount=1.0), at("2024-03-03 10:00", category="b", amount=3.0)]


@case("an update may be read from its arrival's end on, and stays until the next one; before the first there is nothing")
def _() -> Attributes:
    nothing = {"category": None, "amount": None}
    return Attributes(
        ["category", "amount"],
        PLAIN,
        [
            ("2024-03-01 23:59:59.999999", nothing),
            ("2024-03-02 00:00", {"category": "a", "amount": 1.0}),
            ("2024-03-03 23:59", {"category": "a", "amount": 1.0}),
            ("2024-03-04 00:00", {"category": "b", "amount": 3.0}),
            ("2034-03-04 00:00", {"category": "b", "amount": 3.0}),
            ("2024-03-04 00:00", {**nothing, "user": "nobody"}),
            ("2024-03-04 00:00", {**nothing, "user": None}),
        ],
    )


@case("a late, older update replaces nothing, in its own partition and in later ones")
def _() -> Attributes:
    rows = [*PLAIN, at("2024-03-02 10:00", arrives="2024-03-05", category="late"), at("2024-03-03 09:59", category="before")]
    return Attributes(["category"], rows, [("2024-03-04", {"category": "b"}), ("2024-03-06", {"category": "b"})])


@case("a late update counts from its arrival on while nothing newer is known, and again never after that")
def _() -> Attributes:
    rows = [*PLAIN, at("2024-03-02 10:00", arrives="2024-03-02", category="c"), at("2024-03-05 10:00", arrives="2024-03-07", category="d")]
    asked = [("2024-03-03", "c"), ("2024-03-04", "b"), ("2024-03-07 23:59", "b"), ("2024-03-08", "d")]
    return Attributes(["category"], rows, [(time, {"category": value}) for time, value in asked])


@case("of updates of one time the later partition, then the later delivery, then the later row counts")
def _() -> Attributes:
    rows = [
        at("2024-03-01 10:00", category="2, 2", delivery=2, row_number=2),
        at("2024-03-01 10:00", category="2, 1", delivery=2, row_number=1),
        at("2024-03-01 10:00", category="1, 9", delivery=1, row_number=9),
        at("2024-03-01 10:00", arrives="2024-03-02", category="later", delivery=1, row_number=1),
    ]
    return Attributes(["category"], rows, [("2024-03-02", {"category": "2, 2"}), ("2024-03-03", {"category": "later"})])


@case("a change to null is a change, and a row is read whole: never a mix of two")
def _() -> Attributes:
    rows = [*PLAIN, at("2024-03-05 10:00", category=None, amount=5.0), at("2024-03-06 10:00", category="d", amount=None)]
    asked = [("2024-03-06", {"category": None, "amount": 5.0}), ("2024-03-07", {"category": "d", "amount": None})]
    return Attributes(["category", "amount"], rows, asked)


@case("a data_delay holds an update back, and does not change which is the latest")
def _() -> Attributes:
    asked = [("2024-03-02 05:59", None), ("2024-03-02 06:00", "a"), ("2024-03-04 05:59", "a"), ("2024-03-04 06:00", "b")]
    source = events(**STATE, data_delay="6h")
    return Attributes(["category"], PLAIN, [(time, {"category": value}) for time, value in asked], source)


@case("no update is a duplicate: copies stay, exact ones are counted")
def _() -> Judges:
    first, second = "2024-03-01", "2024-03-02"
    rows = [came(first, amount=1.0), came(first, amount=1.0), came(first, amount=2.0), came(second, amount=1.0)]
    counts = {
        first: {"received": 3, "accepted": 3, "quarantined": 0, "duplicates": 0, "duplicates_exact": 0, "exact_copies": 1},
        second: {"received": 1, "accepted": 1, "duplicates": 0, "exact_copies": 0},
    }
    return Judges(rows, [1, 2, 3, 4], counts=counts, source=events(**STATE))


@case("an update without its key, its time or from the future is quarantined, as of events")
def _() -> Judges:
    day = "2024-03-01"
    rows = [came(day, user=None), came(day, at=None), came(day, at=at("2024-03-02 00:00").moment), came(day)]
    why = {1: ["user: missing"], 2: ["at: missing"], 3: ["in the future"]}
    return Judges(rows, [4], why, {day: {"received": 4, "accepted": 1, "quarantined": 3, "duplicates": 0}}, source=events(**STATE))


@case("a blocked partition of updates has none: readers fall back to the last good value")
def _() -> Judges:
    good, bad = "2024-03-01", "2024-03-02"
    rows = [came(good, category="a"), came(bad, category="b"), came(bad, at=None), came(bad, at=None)]
    why = {2: ["blocked"], 3: ["at: missing"], 4: ["at: missing"]}
    counts = {good: {"accepted": 1, "tier": "HIGH"}, bad: {"accepted": 0, "tier": "LOW", "quarantined": 3}}
    return Judges(rows, [1], why, counts, source=events(**STATE, accepted_share=0.5))


@case("an update of one entity says nothing of another's")
def _() -> Attributes:
    rows = [
        *PLAIN,
        at("2024-03-02 10:00", arrives="2024-03-04", user="bob", category="bob's"),
        at("2024-03-01", user="cy", category="cy's"),
    ]
    asked = [("2024-03-06", "ada", "b"), ("2024-03-06", "bob", "bob's"), ("2024-03-06", "cy", "cy's"), ("2024-03-04", "bob", None)]
    return Attributes(["category"], rows, [(time, {"category": value, "user": user}) for time, user, value in asked])

"""Silver (semantics.md 7): parsing, rules, flags, duplicates, blocked partitions."""

from datetime import date

from platform_assets.engines.reference import ZONELESS
from platform_assets_tests.conformance.named import UNREAD, Judges, came, case, events, moment


@case("a copy in the same partition is a duplicate; the first stays")
def _() -> Judges:
    rows = [came("2024-03-01", amount=1.0), came("2024-03-01", amount=1.0), came("2024-03-01", amount=2.0), came("2024-03-01", id=2)]
    counts = {"received": 4, "accepted": 2, "duplicates": 2, "duplicates_exact": 1, "quarantined": 0}
    return Judges(rows, [1, 4], counts={"2024-03-01": counts}, values={1: {"amount": 1.0}})


@case("without a horizon a copy in the next partition is another row")
def _() -> Judges:
    return Judges([came("2024-03-01"), came("2024-03-02")], [1, 2])


@case("a copy exactly at the horizon is a duplicate, one partition beyond it is not")
def _() -> Judges:
    rows = [came("2024-03-01"), came("2024-03-03"), came("2024-03-01", id=2), came("2024-03-04", id=2)]
    return Judges(rows, [1, 3, 4], source=events(duplicates_within=2))


@case("a chain of copies: a duplicate makes the next one a duplicate, far beyond the horizon of the first")
def _() -> Judges:
    rows = [came("2024-03-01"), came("2024-03-02"), came("2024-03-03"), came("2024-03-04"), came("2024-03-06")]
    return Judges(rows, [1, 5], counts={"2024-03-04": {"duplicates": 1, "accepted": 0}}, source=events(duplicates_within=1))


@case("of copies in one partition the earlier delivery is the first, then the earlier row")
def _() -> Judges:
    rows = [
        came("2024-03-01", delivery=2, amount=1.0),
        came("2024-03-01", delivery=1, amount=2.0),
        came("2024-03-01", delivery=1, amount=3.0),
    ]
    return Judges(rows, [2], values={2: {"amount": 2.0}})


@case("a row that breaks a rule makes no other one a duplicate")
def _() -> Judges:
    rows = [came("2024-03-01", amount=-1.0), came("2024-03-01", amount=1.0), came("2024-03-02", amount=1.0)]
    return Judges(rows, [2], {1: ["price"]}, source=events(duplicates_within=1, rules={"price": "amount >= 0"}))


@case("a copy of a row that breaks a rule is quarantined, not a duplicate")
def _() -> Judges:
    rows = [came("2024-03-01", amount=1.0), came("2024-03-01", amount=-1.0)]
    counts = {"received": 2, "accepted": 1, "quarantined": 1, "duplicates": 0, "reasons": {"price": 1}}
    return Judges(rows, [1], {2: ["price"]}, {"2024-03-01": counts}, source=events(rules={"price": "amount >= 0"}))


@case("a key of several columns is the same when all are")
def _() -> Judges:
    rows = [came("2024-03-01", category="a"), came("2024-03-01", category="b"), came("2024-03-01", category="a", amount=2.0)]
    return Judges(rows, [1, 2], source=events(key=["id", "category"]))


@case("without a key nothing is a duplicate, exact copies are counted and kept")
def _() -> Judges:
    rows = [came("2024-03-01"), came("2024-03-01"), came("2024-03-01", amount=1.0), came("2024-03-01")]
    return Judges(rows, [1, 2, 3, 4], counts={"2024-03-01": {"duplicates": 0, "exact_copies": 2}}, source=events(key=[]))


@case("a row without its key or its event time is quarantined, one without another value only if the schema says so")
def _() -> Judges:
    rows = [
        came("2024-03-01", id=None),
        came("2024-03-01", at=None),
        came("2024-03-01", amount=None),
        came("2024-03-01", id=2, category=None),
    ]
    source = events(key=["id", "category"])
    return Judges(
        rows,
        [],
        {
            1: ["category: missing", "id: missing"],
            2: ["at: missing", "category: missing"],
            3: ["category: missing"],
            4: ["category: missing"],
        },
        source=source,
    )


@case("a row breaks several rules, each is a reason")
def _() -> Judges:
    rows = [came("2024-03-01", amount=-1.0, quantity=0), came("2024-03-01", amount=-1.0, quantity=1)]
    counts = {"quarantined": 2, "reasons": {"price": 2, "quantity": 1}}
    source = events(rules={"price": "amount >= 0", "quantity": "quantity <> 0"})
    return Judges(rows, [], {1: ["price", "quantity"], 2: ["price"]}, {"2024-03-01": counts}, source=source)


@case("a rule that is null is not broken, a flag that is null is not set")
def _() -> Judges:
    rows = [came("2024-03-01"), came("2024-03-01", id=2, amount=0.0)]
    source = events(rules={"price": "amount >= 0"}, flags={"free": "amount = 0"})
    return Judges(
        rows, [1, 2], counts={"2024-03-01": {"flags": {"free": 1}}}, values={1: {"free": False}, 2: {"free": True}}, source=source
    )


@case("a time at the end of the arrival partition lies in the future, a microsecond before does not")
def _() -> Judges:
    rows = [came("2024-03-01", at=moment("2024-03-02 00:00")), came("2024-03-01", id=2, at=moment("2024-03-01 23:59:59.999999"))]
    return Judges(rows, [2], {1: ["in the future"]})


@case("there is no rule on lateness")
def _() -> Judges:
    return Judges([came("2024-03-01", at=moment("1999-12-31 23:59:59"))], [1])


@case("NaN and infinities become null, and are counted")
def _() -> Judges:
    rows = [
        came("2024-03-01", id=n, amount=x, means={"amount": None})
        for n, x in enumerate((float("nan"), float("inf"), float("-inf")), start=1)
    ]
    counts = {"2024-03-01": {"not_finite": 3}}
    return Judges(rows, [1, 2, 3], counts=counts, values={n: {"amount": None} for n in (1, 2, 3)})


@case("texts are read in the declared types")
def _() -> Judges:
    rows = [
        came(
            "2024-03-01",
            id="1",
            at="2024-03-01 10:00:00Z",
            quantity="17850.0",
            amount=" 2.50 ",
            ok="Yes",
            day="2024-02-29",
            shop="-3",
            means={
                "id": 1,
                "at": moment("2024-03-01 10:00"),
                "quantity": 17850,
                "amount": 2.5,
                "ok": True,
                "day": date(2024, 2, 29),
                "shop": -3,
            },
        ),
        came(
            "2024-03-01",
            id="2.0",
            at="2024-03-01T10:00:00.000001+02:00",
            quantity=" 7 ",
            amount="1e3",
            ok="f",
            day=None,
            shop=None,
            means={"id": 2, "at": moment("2024-03-01 08:00:00.000001"), "quantity": 7, "amount": 1000.0, "ok": False},
        ),
        came(
            "2024-03-01",
            id="3",
            at="2024-03-01 10:00:00+0530",
            quantity="9223372036854775807",
            amount="inf",
            ok="0",
            day=None,
            shop=None,
            means={"id": 3, "at": moment("2024-03-01 04:30"), "quantity": 2**63 - 1, "amount": None, "ok": False},
        ),
    ]
    values = {n: row.means for n, row in enumerate(rows, start=1)}
    return Judges(rows, [1, 2, 3], values=values)


@case("a text that its type cannot hold is a reason, and is kept as it came")
def _() -> Judges:
    wrong = {"quantity": "2.5", "amount": "1,5", "ok": "maybe", "day": "2023-02-29", "shop": "x", "at": "2024-02-30 10:00:00Z", "id": "one"}
    right = {"quantity": "2", "amount": "1.5", "ok": "true", "day": "2024-02-29", "shop": "1", "at": "2024-03-01 10:00:00Z", "id": "1"}
    means = {"quantity": 2, "amount": 1.5, "ok": True, "day": date(2024, 2, 29), "shop": 1, "at": moment("2024-03-01 10:00"), "id": 1}
    types = {"quantity": "int", "amount": "float", "ok": "bool", "day": "date", "shop": "int", "at": "datetime", "id": "int"}
    rows = [came("2024-03-01", **{**right, column: text}, means={**means, column: UNREAD}) for column, text in wrong.items()]
    return Judges(rows, [], {n: [f"{column}: not {types[column]}"] for n, column in enumerate(wrong, start=1)})


@case("without a time zone a naive time cannot be read, and the reason is the missing zone")
def _() -> Judges:
    rows = [
        came("2024-03-01", at="2024-03-01 10:00:00", means={"at": ZONELESS}),
        came("2024-03-01", at="2024-03-01 10:00:00Z", means={"at": moment("2024-03-01 10:00")}),
        came("2024-03-01", at=" 2024-03-01T10:00 ", means={"at": ZONELESS}),
        came("2024-03-01", at="2024-03-01 25:00:00", means={"at": UNREAD}),
        came("2024-03-01", at="2024-03-01", means={"at": UNREAD}),
        came("2024-03-01", at="0001-01-01 00:00:00", means={"at": UNREAD}),
    ]
    zoneless, unread = ["at: no time zone (declare timezone=)"], ["at: not datetime"]
    return Judges(rows, [2], {1: zoneless, 3: zoneless, 4: unread, 5: unread, 6: unread})


@case("a naive time stands on the source's clock: the earlier of an hour that comes twice, none for one that never comes")
def _() -> Judges:
    times = {
        "2024-10-27 00:59:59": "2024-10-26 23:59:59",
        "2024-10-27 01:30:00": "2024-10-27 00:30",
        "2024-10-27 02:00": "2024-10-27 02:00",
        "2024-06-01T12:00:00.5": "2024-06-01 11:00:00.500000",
    }
    rows = [came("2024-10-27", id=n, at=text, means={"at": moment(utc)}) for n, (text, utc) in enumerate(times.items(), start=1)]
    never = came("2024-10-27", id=5, at="2024-03-31 01:30:00", means={"at": UNREAD})
    values = {n: {"at": moment(utc)} for n, utc in enumerate(times.values(), start=1)}
    return Judges([*rows, never], [1, 2, 3, 4], {5: ["at: not datetime"]}, values=values, source=events(timezone="Europe/London"))


@case("a partition below its share is blocked: nothing of it is silver, its good rows wait in quarantine, others are not touched")
def _() -> Judges:
    rows = [came("2024-03-01", id=n, quantity=0 if n > 2 else 1) for n in range(1, 6)] + [came("2024-03-02", id=9, quantity=1)]
    counts = {
        "received": 5,
        "accepted": 0,
        "quarantined": 5,
        "accepted_share": 0.4,
        "tier": "LOW",
        "reasons": {"blocked": 2, "quantity": 3},
    }
    held = {1: ["blocked"], 2: ["blocked"], 3: ["quantity"], 4: ["quantity"], 5: ["quantity"]}
    source = events(accepted_share=0.5, rules={"quantity": "quantity <> 0"})
    return Judges(rows, [6], held, {"2024-03-01": counts, "2024-03-02": {"tier": "HIGH", "accepted_share": 1.0}}, source=source)


@case("a partition exactly at its share is not blocked")
def _() -> Judges:
    rows = [came("2024-03-01", quantity=1), came("2024-03-01", id=2, quantity=0)]
    source = events(accepted_share=0.5, rules={"quantity": "quantity <> 0"})
    return Judges(rows, [1], {2: ["quantity"]}, {"2024-03-01": {"accepted_share": 0.5, "tier": "HIGH"}}, source=source)


@case("duplicates count on neither side of the share")
def _() -> Judges:
    rows = [came("2024-03-01", quantity=1), *(came("2024-03-01", quantity=1) for _ in range(8)), came("2024-03-01", id=2, quantity=0)]
    source = events(accepted_share=0.6, rules={"quantity": "quantity <> 0"})
    counts = {"accepted": 0, "quarantined": 2, "duplicates": 8, "accepted_share": 0.5, "tier": "LOW"}
    return Judges(rows, [], {1: ["blocked"], 10: ["quantity"]}, {"2024-03-01": counts}, source=source)


@case("a good row of a blocked partition is still the earlier copy of a later one")
def _() -> Judges:
    rows = [came("2024-03-01", quantity=1), came("2024-03-01", id=2, quantity=0), came("2024-03-02", quantity=1)]
    source = events(accepted_share=0.6, duplicates_within=1, rules={"quantity": "quantity <> 0"})
    return Judges(rows, [], {1: ["blocked"], 2: ["quantity"]}, {"2024-03-02": {"duplicates": 1, "tier": "HIGH"}}, source=source)


@case("an empty partition between two others is not blocked")
def _() -> Judges:
    rows = [came("2024-03-01"), came("2024-03-03", id=2)]
    return Judges(
        rows, [1, 2], counts={"2024-03-02": {"received": 0, "accepted_share": 1.0, "tier": "HIGH"}}, source=events(accepted_share=0.9)
    )

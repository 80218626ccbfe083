"""Silver (semantics.md 7): parsing, rules, flags, duplicates, blocked partitions."""

from datetime import UTC, date, datetime

from platform_assets.engines.reference import ZONELESS
from platform_assets.engines.reference_times import Unreadable
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


@case("a row that broke a rule before the run makes none of its rows a duplicate")
def _() -> Judges:
    rows = [came("2024-03-01", amount=-1.0), came("2024-03-02", amount=1.0), came("2024-03-03", amount=1.0)]
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
        came("2024-03-01", at="2024-03-01", means={"at": ZONELESS}),
    ]
    zoneless, unread = ["at: no time zone (declare timezone=)"], ["at: not datetime"]
    return Judges(rows, [2], {1: zoneless, 3: zoneless, 4: unread, 5: zoneless})


@case("a time is read in each way that databases, programs and mail write it")
def _() -> Judges:
    times = {
        "2024-03-01 09:05:00+00": "09:05",
        "2024-03-01 09:05:00.123456-05": "14:05:00.123456",
        "2024-03-01 09:05:00+0530": "03:35",
        "2024-03-01 09:05:00-04:56:02": "14:01:02",
        "2024-03-01 09:05:00 UTC": "09:05",
        "2024-03-01T09:05:00 gmt": "09:05",
        "2024-03-01T09:05Z": "09:05",
        "2024-03-01t09:05:00z": "09:05",
        "2024-03-01 9:05:00.5Z": "09:05:00.500000",
        "2024-03-01T09:05:00.1234567Z": "09:05:00.123456",
        "2024-03-01T09:05:00.123456999Z": "09:05:00.123456",
        "2024-03-01T09:05:00,25+01:00": "08:05:00.250000",
        "2024-03-01 09:05:00.0000000 +00:00": "09:05",
        "2024-03-01T09:05:00+01:00[Europe/Berlin]": "08:05",
        "2024/03/01 09:05:00Z": "09:05",
        "20240301T090500Z": "09:05",
        "20240301T0905+01": "08:05",
        "Fri, 01 Mar 2024 09:05:00 +0100": "08:05",
        "Fri, 1 Mar 2024 09:05:00 GMT": "09:05",
        "1 Mar 2024 09:05 -0000": "09:05",
        "Fri Mar 01 2024 09:05:00 GMT+0100 (Central European Standard Time)": "08:05",
        "Fri Mar  1 09:05:00 UTC 2024": "09:05",
        "2024-02-29T24:00:00Z": "00:00",
    }
    rows = [
        came("2024-03-01", id=n, at=text, means={"at": moment(f"2024-03-01 {utc}")}) for n, (text, utc) in enumerate(times.items(), start=1)
    ]
    values = {n: {"at": row.means["at"]} for n, row in enumerate(rows, start=1) if row.means}
    return Judges(rows, list(values), values=values)


@case("a text that is not a time says why not")
def _() -> Judges:
    offset = "offset not understood (write it as +01:00, or Z)"
    far = "outside the years 1000 to 9999"
    number = "a number, not a time (epoch times: pl.from_epoch in the source's function)"
    why = {
        "2024-03-01 09:05:00 PST": offset,
        "2024-03-01 09:05:00 Europe/Berlin": offset,
        "2024-03-01 09:05:00+24:00": offset,
        "1709283900": number,
        "1709283900000": number,
        "1709283900.25": number,
        "infinity": "infinity is not a point in time",
        "-infinity": "infinity is not a point in time",
        "2016-12-31T23:59:60Z": "a leap second (:60), which has no UTC time here",
        "0001-01-01 00:00:00Z": far,
        "0044-03-15 00:00:00+00 BC": far,
        "1500-03-15 00:00:00+00 BC": far,
        "+275760-09-13T00:00:00.000Z": far,
        "9999-12-31T23:59:59-00:01": far,
        "10/03/2026 21:34": "",
        "2024-03-01 09:05 PM": "",
        "Sat, 01 Mar 2024 09:05:00 GMT": "",
        "2024-03-01T24:00:01Z": "",
        "2024-03-01 09:60:00Z": "",
        "09:05:00": "",
    }
    rows = [came("2024-03-01", at=text, means={"at": Unreadable(reason)}) for text, reason in why.items()]
    return Judges(rows, [], {n: [f"at: {reason or 'not datetime'}"] for n, reason in enumerate(why.values(), start=1)})


@case("a date alone is midnight of the source's time zone, and a midnight without a zone is a date")
def _() -> Judges:
    days = {"2024-03-30": "2024-03-30", "2024/3/30": "2024-03-30", "20240330": "2024-03-30", "30 Mar 2024": "2024-03-30"}
    midnights = {"2024-07-01": "2024-06-30 23:00", "2024-07-01 00:00:00": "2024-06-30 23:00", "2500-07-01": "2500-06-30 23:00"}
    read = [(text, "2024-03-31 12:00", day) for text, day in days.items()] + [("2024-03-30 00:00:00", "2024-03-31 12:00", "2024-03-30")]
    rows = [
        came("2024-07-01", id=n, day=text, at=f"{at}Z", means={"at": moment(at), "day": date.fromisoformat(day)})
        for n, (text, at, day) in enumerate(read, start=1)
    ]
    rows += [
        came("2024-07-01", id=n, at=text, means={"at": moment(utc)}) for n, (text, utc) in enumerate(midnights.items(), start=len(read) + 1)
    ]
    values = {n: row.means for n, row in enumerate(rows, start=1) if row.means}
    last = len(rows)
    values.pop(last)
    return Judges(rows, list(values), {last: ["in the future"]}, values=values, source=events(timezone="Europe/London"))


@case("times and dates beyond the years 1000 to 9999 are set aside alone, as text and as typed columns")
def _() -> Judges:
    far = "outside the years 1000 to 9999"
    rows = [
        came("2024-03-01", day=date(1, 1, 1), means={"day": Unreadable(far)}),
        came("2024-03-01", day=date(999, 12, 31), means={"day": Unreadable(far)}),
        came("2024-03-01", id=3, day=date(1000, 1, 1)),
        came("2024-03-01", id=4, day=date(9999, 12, 31)),
        came("2024-03-01", at=datetime(1, 1, 1, tzinfo=UTC), means={"at": Unreadable(far)}),
        came("2024-03-01", id=6, at=datetime(1000, 1, 1, tzinfo=UTC)),
        came("2024-03-01", at=datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)),
    ]
    against = {n: [f"{column}: {far}"] for n, column in ((1, "day"), (2, "day"), (5, "at"))}
    return Judges(rows, [3, 4, 6], {**against, 7: ["in the future"]})


@case("a naive time stands on the source's clock: the earlier of an hour that comes twice, none for one that never comes")
def _() -> Judges:
    times = {
        "2024-10-27 00:59:59": "2024-10-26 23:59:59",
        "2024-10-27 01:30:00": "2024-10-27 00:30",
        "2024-10-27 02:00": "2024-10-27 02:00",
        "2024-06-01T12:00:00.5": "2024-06-01 11:00:00.500000",
    }
    rows = [came("2024-10-27", id=n, at=text, means={"at": moment(utc)}) for n, (text, utc) in enumerate(times.items(), start=1)]
    skipped = "does not exist in Europe/London (clocks skipped it)"
    never = came("2024-10-27", id=5, at="2024-03-31 01:30:00", means={"at": Unreadable(skipped)})
    values = {n: {"at": moment(utc)} for n, utc in enumerate(times.values(), start=1)}
    return Judges([*rows, never], [1, 2, 3, 4], {5: [f"at: {skipped}"]}, values=values, source=events(timezone="Europe/London"))


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
    return Judges(rows, [1], {2: ["quantity"]}, {"2024-03-01": {"accepted_share": 0.5, "tier": "MEDIUM"}}, source=source)


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


@case("an empty text is missing in a column of any type, so a required one is quarantined and an optional one is null")
def _() -> Judges:
    empty = {"user": None, "category": None, "amount": None, "quantity": None, "shop": None, "day": None, "ok": None}
    rows = [
        came("2024-03-01", id="1", **dict.fromkeys(empty, ""), means={"id": 1, **empty}),
        came("2024-03-01", id="", means={"id": None}),
        came("2024-03-01", id="2", category=" ", means={"id": 2}),
    ]
    counts = {"received": 3, "accepted": 2, "quarantined": 1, "not_finite": 0}
    return Judges(rows, [1, 3], {2: ["id: missing"]}, {"2024-03-01": counts}, {1: empty, 3: {"category": " "}})


@case("with empty_text='value' an empty text is one in columns of str, and in no other")
def _() -> Judges:
    rows = [came("2024-03-01", category="", amount="", means={"amount": None})]
    return Judges(rows, [1], values={1: {"category": "", "amount": None}}, source=events(empty_text="value"))


@case("a line that is not a row is quarantined for that alone, and is received like any other")
def _() -> Judges:
    empty = dict.fromkeys(("id", "user", "shop", "at", "amount", "quantity", "category", "ok", "day"))
    rows = [came("2024-03-01"), came("2024-03-01", **empty, unparsed="1,2", unparsed_reason="2 values instead of 9")]
    counts = {"received": 2, "accepted": 1, "quarantined": 1, "reasons": {"not parsed: 2 values instead of 9": 1}}
    source = events(rules={"price": "amount >= 0"}, flags={"large": "amount > 5"})
    return Judges(rows, [1], {2: ["not parsed: 2 values instead of 9"]}, {"2024-03-01": counts}, source=source)

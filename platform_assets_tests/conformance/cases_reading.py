"""Reading (semantics.md 3, 5, 6, 1): point-in-time joins, derived features, labels and reports."""

from platform_assets import GoldTable, any_event, count, derive, every, first, last, last_n, mean, no_event, sum, time_since_last, top_k
from platform_assets_tests.conformance.named import Reads, Reports, at, case, events
from platform_assets_tests.conformance.named_labels import Labelled

ROWS = [at("2024-03-01 12:00", amount=2.0), at("2024-03-03 12:00", amount=6.0)]


@case("a snapshot is read from the end of its partition and the delay on, to the microsecond")
def _() -> Reads:
    rows = [at("2024-03-01 10:00"), at("2024-03-02 10:00")]
    asked = [("2024-03-02 05:59:59.999999", 0), ("2024-03-02 06:00", 1), ("2024-03-03 05:59:59.999999", 1), ("2024-03-03 06:00", 2)]
    return Reads([count().over("5d")], rows, [(time, {"count_5d": n}) for time, n in asked], source=events(data_delay="6h"))


@case("a value may be read at its valid_from, not a microsecond before; the last snapshot counts until the next")
def _() -> Reads:
    return Reads(
        [sum("amount").over("3d")],
        ROWS,
        [
            ("2024-03-01 12:00", {"amount_sum_3d": None}),
            ("2024-03-01 23:59:59.999999", {"amount_sum_3d": None}),
            ("2024-03-02 00:00", {"amount_sum_3d": 2.0}),
            ("2024-03-03 12:00", {"amount_sum_3d": 2.0}),
            ("2024-03-04 00:00", {"amount_sum_3d": 8.0}),
            ("2024-03-05 00:00", {"amount_sum_3d": 6.0}),
            ("2024-03-06 23:59", {"amount_sum_3d": 6.0}),
            ("2024-03-07 00:00", {"amount_sum_3d": None}),
            ("2025-01-01 00:00", {"amount_sum_3d": None}),
        ],
    )


@case("as many rows come out as went in, in their order; duplicates stay")
def _() -> Reads:
    later, earlier = ("2024-03-04 00:00", {"count_3d": 2}), ("2024-03-02 00:00", {"count_3d": 1})
    return Reads([count().over("3d")], ROWS, [later, earlier, later, later, earlier])


@case("a null key, an unknown entity and a time before the first snapshot get the empty values")
def _() -> Reads:
    features = [count().over("3d"), mean("amount").over("3d"), sum("amount", default=0.5).over("3d"), time_since_last().over("3d")]
    features += [last_n("amount", 2).over("3d"), top_k("category", 2).over("3d")]
    empty = {"count_3d": 0, "amount_mean_3d": None, "amount_sum_3d": 0.5, "time_since_last_3d": None}
    empty |= {"amount_last_2_3d": [], "category_top_2_3d": []}
    rows = [*ROWS, at("2024-03-01 12:00", user=None, amount=100.0)]
    asked = [("2024-03-04", {**empty, "user": None}), ("2024-03-04", {**empty, "user": "nobody"}), ("2024-02-01", empty)]
    return Reads(features, rows, asked)


@case("time since last becomes seconds at the moment of reading")
def _() -> Reads:
    asked = [("2024-03-02 00:00", {"time_since_last_9d": 43200.0}), ("2024-03-02 00:00:00.000001", {"time_since_last_9d": 43200.000001})]
    return Reads([time_since_last().over("9d")], ROWS, [*asked, ("2024-03-03 12:00", {"time_since_last_9d": 172800.0})])


@case("a derived feature is computed from what the reader gets; null where a part of it is")
def _() -> Reads:
    features = [
        count().over("1d", "3d"),
        time_since_last().over("3d"),
        sum("amount").over("1d"),
        derive("share", "count_1d / count_3d"),
        derive("idle", "time_since_last_3d >= 86400.0"),
        derive("double", "coalesce(amount_sum_1d, -1.0) * 2"),
    ]
    stored = {"count_1d": 1, "count_3d": 1, "time_since_last_3d": 43200.0, "amount_sum_1d": 2.0}
    idle = {"count_1d": 0, "count_3d": 1, "time_since_last_3d": 129600.0, "amount_sum_1d": None}
    gone = {"count_1d": 0, "count_3d": 0, "time_since_last_3d": None, "amount_sum_1d": None}
    return Reads(
        features,
        ROWS[:1],
        [
            ("2024-03-02", {**stored, "share": 1.0, "idle": False, "double": 4.0}),
            ("2024-03-03", {**idle, "share": 0.0, "idle": True, "double": -2.0}),
            ("2024-03-05", {**gone, "share": None, "idle": None, "double": -2.0}),
        ],
    )


@case("an expiry row ends a value although its entity has none after it")
def _() -> Reads:
    return Reads(
        [last("amount").over("1d")], ROWS[:1], [("2024-03-02 23:59", {"amount_last_1d": 2.0}), ("2024-03-03", {"amount_last_1d": None})]
    )


# Label times are 2024-01-01, 08, 15, 22, 29: every 7 days from the source's first partition on.
SPINE = every("7d", active="14d")


@case("an entity is labelled at each time that it was active before")
def _() -> Labelled:
    labels = no_event(events(), within="7d", spine=SPINE)
    return Labelled(labels, "2024-01-01", [at("2024-01-10 12:00")], {("ada", "2024-01-15"): True, ("ada", "2024-01-22"): True})


@case("the interval of a label is (t, t + horizon]")
def _() -> Labelled:
    rows = [at("2024-01-05 12:00"), at("2024-01-15 00:00")]
    expected = {("ada", "2024-01-08"): False, ("ada", "2024-01-15"): True, ("ada", "2024-01-22"): True}
    return Labelled(no_event(events(), within="7d", spine=SPINE), "2024-01-01", rows, expected)


@case("a microsecond after t follows, a microsecond after t + horizon does not")
def _() -> Labelled:
    rows = [at("2024-01-05 12:00"), at("2024-01-15 00:00:00.000001")]
    expected = {("ada", "2024-01-08"): False, ("ada", "2024-01-15"): True, ("ada", "2024-01-22"): False}
    return Labelled(any_event(events(), within="7d", spine=SPINE), "2024-01-01", rows, expected)


@case("active is [t - active, t)")
def _() -> Labelled:
    rows = [at("2024-01-01 00:00"), at("2024-01-08 00:00", user="bob")]
    expected = {
        ("ada", "2024-01-08"): False,
        ("ada", "2024-01-15"): False,
        ("bob", "2024-01-15"): False,
        ("bob", "2024-01-22"): False,
    }
    return Labelled(any_event(events(), within="7d", spine=SPINE), "2024-01-01", rows, expected)


@case("who was active is known from what had arrived by then")
def _() -> Labelled:
    rows = [at("2024-01-12 12:00", arrives="2024-01-15"), at("2024-01-12 12:00", user="bob", arrives="2024-01-14")]
    expected = {("ada", "2024-01-22"): True, ("bob", "2024-01-15"): True, ("bob", "2024-01-22"): True}
    return Labelled(no_event(events(), within="7d", spine=SPINE), "2024-01-01", rows, expected)


@case("what follows is known from what had arrived by the month's end")
def _() -> Labelled:
    rows = [
        at("2024-01-12 12:00"),
        at("2024-01-18 12:00", arrives="2024-01-31"),
        at("2024-01-12 12:00", user="bob"),
        at("2024-01-18 12:00", user="bob", arrives="2024-02-01"),
    ]
    expected = {
        ("ada", "2024-01-15"): False,
        ("ada", "2024-01-22"): True,
        ("bob", "2024-01-15"): True,
        ("bob", "2024-01-22"): True,
    }
    return Labelled(no_event(events(), within="7d", spine=SPINE), "2024-01-01", rows, expected)


@case("a label whose interval ends with the month belongs to the next")
def _() -> Labelled:
    labels = no_event(events(), within="7d", spine=every("24d", active="14d"))
    return Labelled(labels, "2024-02-01", [at("2024-01-20 12:00")], {("ada", "2024-01-25"): True})


@case("a label whose interval ends with the month does not belong to it")
def _() -> Labelled:
    labels = no_event(events(), within="7d", spine=every("24d", active="14d"))
    return Labelled(labels, "2024-01-01", [at("2024-01-20 12:00")], {})


@case("where= decides which events make active and which follow")
def _() -> Labelled:
    rows = [
        at("2024-01-10 12:00", ok=True),
        at("2024-01-16 12:00", ok=False),
        at("2024-01-10 12:00", user="bob", ok=False),
        at("2024-01-11", user="eve"),
    ]
    expected = {("ada", "2024-01-15"): True, ("ada", "2024-01-22"): True}
    return Labelled(no_event(events(), within="7d", where="ok", spine=SPINE), "2024-01-01", rows, expected)


@case("a row without an entity gets no label and is no one's event")
def _() -> Labelled:
    rows = [at("2024-01-10 12:00", user=None), at("2024-01-10 12:00"), at("2024-01-16 12:00", user=None)]
    expected = {("ada", "2024-01-15"): True, ("ada", "2024-01-22"): True}
    return Labelled(no_event(events(), within="7d", spine=SPINE), "2024-01-01", rows, expected)


@case("a report is by event day; a late row restates the day that it belongs to")
def _() -> Reports:
    table = GoldTable("report", source=events(), measures=[count().named("n"), sum("amount").named("revenue")])
    rows = [at("2024-03-01 00:00", amount=1.0), at("2024-03-01 23:59:59.999999", arrives="2024-03-09", amount=2.0), at("2024-03-02 00:00")]
    return Reports(table, rows, [{"partition": "2024-03-01", "n": 2, "revenue": 3.0}, {"partition": "2024-03-02", "n": 1, "revenue": None}])


@case("groups of a report may be null; a condition keeps a group whose rows it leaves out")
def _() -> Reports:
    table = GoldTable(
        "report", source=events(), by=["category", "ok"], measures=[count(where="amount > 0").named("n"), last("quantity").named("q")]
    )
    rows = [
        at("2024-03-01 10:00", category="a", ok=True, amount=1.0, quantity=1),
        at("2024-03-01 11:00", category="a", ok=True, amount=0.0, quantity=2),
        at("2024-03-01 12:00", category="a", quantity=3),
        at("2024-03-01 13:00", amount=2.0),
    ]
    return Reports(
        table,
        rows,
        [
            {"partition": "2024-03-01", "category": "a", "ok": True, "n": 1, "q": 2},
            {"partition": "2024-03-01", "category": "a", "ok": None, "n": 0, "q": 3},
            {"partition": "2024-03-01", "category": None, "ok": None, "n": 1, "q": None},
        ],
    )


@case("ties in a report are broken by the primary key")
def _() -> Reports:
    table = GoldTable("report", source=events(), measures=[first("category").named("f"), last("category").named("l")])
    rows = [
        at("2024-03-01", id=2, category="two"),
        at("2024-03-01", id=3, category="three"),
        at("2024-03-01", id=1, arrives="2024-03-05", category="one"),
    ]
    return Reports(table, rows, [{"partition": "2024-03-01", "f": "one", "l": "three"}])


@case("rows of a report with one key and one time: the later arrival is the last")
def _() -> Reports:
    table = GoldTable("report", source=events(), measures=[first("category").named("f"), last("category").named("l")])
    rows = [at("2024-03-01", id=1, arrives="2024-03-05", category="again"), at("2024-03-01", id=1, category="once")]
    return Reports(table, rows, [{"partition": "2024-03-01", "f": "once", "l": "again"}])


@case("a reporting day in London is 23 hours long when summer time begins")
def _() -> Reports:
    table = GoldTable("report", source=events(), timezone="Europe/London", measures=[count().named("n")])
    rows = [
        at("2024-03-30 23:59:59.999999"),
        at("2024-03-31 00:00"),
        at("2024-03-31 22:59:59.999999"),
        at("2024-03-31 23:00"),
        at("2024-04-01 22:59:59"),
    ]
    days = {"2024-03-30": 1, "2024-03-31": 2, "2024-04-01": 2}
    return Reports(table, rows, [{"partition": day, "n": n} for day, n in days.items()])


@case("and 25 hours when it ends")
def _() -> Reports:
    table = GoldTable("report", source=events(), timezone="Europe/London", measures=[count().named("n")])
    rows = [at("2024-10-26 22:59:59.999999"), at("2024-10-26 23:00"), at("2024-10-27 23:59:59.999999"), at("2024-10-28 00:00")]
    days = {"2024-10-26": 1, "2024-10-27": 2, "2024-10-28": 1}
    return Reports(table, rows, [{"partition": day, "n": n} for day, n in days.items()])

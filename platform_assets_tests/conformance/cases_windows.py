"""Windows and snapshots (semantics.md 2 and 3): edges, offsets, partitions; which rows a change log has."""

from platform_assets import count, hourly, last, mean, sum, weekly
from platform_assets_tests.conformance.named import Expired, Reads, Snapshots, at, case, events


@case("a row exactly on the left edge is inside, one on the right edge is not")
def _() -> Snapshots:
    rows = [at("2024-03-01 00:00"), at("2024-03-02 00:00")]
    return Snapshots(count().over("1d"), rows, {"2024-03-01": 1, "2024-03-02": 1, "2024-03-03": Expired(0)})


@case("a microsecond before the right edge is inside, a microsecond before the left edge is not")
def _() -> Snapshots:
    rows = [at("2024-03-01 23:59:59.999999")]
    return Snapshots(count().over("1d"), rows, {"2024-03-01": 1, "2024-03-02": Expired(0)})


# With an offset of one day a row at midnight of the 2nd stands on the right edge of the snapshot of the 2nd, on the left edge of the 3rd's.


@case("closed left: a row enters when the right edge has passed it and leaves when the left edge has")
def _() -> Snapshots:
    feature = count(closed="left", offset="1d").over("1d").named("n")
    return Snapshots(feature, [at("2024-03-02 00:00")], {"2024-03-03": 1, "2024-03-04": Expired(0)})


@case("closed right: a row enters when the right edge reaches it and leaves when the left edge does")
def _() -> Snapshots:
    feature = count(closed="right", offset="1d").over("1d").named("n")
    return Snapshots(feature, [at("2024-03-02 00:00")], {"2024-03-02": 1, "2024-03-03": Expired(0)})


@case("closed both: a row on an edge is inside on either side, for two snapshots")
def _() -> Snapshots:
    feature = count(closed="both", offset="1d").over("1d").named("n")
    return Snapshots(feature, [at("2024-03-02 00:00")], {"2024-03-02": 1, "2024-03-04": Expired(0)})


@case("closed none: a row on both edges in turn is never inside, and writes nothing")
def _() -> Snapshots:
    feature = count(closed="none", offset="1d").over("1d").named("n")
    return Snapshots(feature, [at("2024-03-02 00:00")], {})


@case("closed none: a row between the edges is inside once")
def _() -> Snapshots:
    feature = count(closed="none", offset="1d").over("1d").named("n")
    return Snapshots(feature, [at("2024-03-02 00:00:00.000001")], {"2024-03-03": 1, "2024-03-04": Expired(0)})


@case("closed right without an offset: a row at midnight has not arrived when the right edge is on it")
def _() -> Snapshots:
    feature = count(closed="right").over("2d").named("n")
    return Snapshots(feature, [at("2024-03-02 00:00")], {"2024-03-02": 1, "2024-03-03": Expired(0)})


@case("all four ways to close, side by side: a snapshot is written when any window changes and has the values of all")
def _() -> Snapshots:
    ways = [count(closed=closed, offset="1d").over("1d").named(closed) for closed in ("left", "right", "both", "none")]
    return Snapshots(
        ways,
        [at("2024-03-02 00:00")],
        {
            "2024-03-02": {"left": 0, "right": 1, "both": 1, "none": 0},
            "2024-03-03": {"left": 1, "right": 0, "both": 1, "none": 0},
            "2024-03-04": Expired({"left": 0, "right": 0, "both": 0, "none": 0}),
        },
    )


@case("with an offset a row enters by time passing, long after it arrived")
def _() -> Snapshots:
    feature = sum("amount", offset="3d").over("2d").named("s")
    return Snapshots(feature, [at("2024-03-01 12:00", amount=2.5)], {"2024-03-04": 2.5, "2024-03-06": Expired(None)})


@case("an offset that is not a multiple of the partition")
def _() -> Snapshots:
    feature = count(offset="12h").over("1d").named("n")
    rows = [at("2024-03-01 11:59:59.999999"), at("2024-03-01 12:00")]
    return Snapshots(feature, rows, {"2024-03-01": 1, "2024-03-02": 1, "2024-03-03": Expired(0)})


@case("a window of 36 hours on daily partitions: its left edge is at noon")
def _() -> Snapshots:
    rows = [at("2024-03-01 11:59:59.999999", amount=1.0), at("2024-03-01 12:00", amount=2.0)]
    return Snapshots(sum("amount").over("36h"), rows, {"2024-03-01": 3.0, "2024-03-02": 2.0, "2024-03-03": Expired(None)})


@case("a window shorter than a partition sees its end only")
def _() -> Snapshots:
    rows = [at("2024-03-01 17:59:59.999999"), at("2024-03-01 18:00"), at("2024-03-02 12:00")]
    return Snapshots(count().over("6h"), rows, {"2024-03-01": 1, "2024-03-02": Expired(0)})


@case("the leap day is a day like others")
def _() -> Snapshots:
    rows = [at("2024-02-28 12:00"), at("2024-02-29 12:00"), at("2024-03-01 00:00")]
    expected = {"2024-02-28": 1, "2024-02-29": 2, "2024-03-01": 2, "2024-03-02": 1, "2024-03-03": Expired(0)}
    return Snapshots(count().over("2d"), rows, expected)


@case("hourly partitions")
def _() -> Snapshots:
    rows = [at("2024-02-29 23:00"), at("2024-03-01 00:30")]
    expected = {"2024-02-29 23:00": 1, "2024-03-01 00:00": 2, "2024-03-01 01:00": 1, "2024-03-01 02:00": Expired(0)}
    return Snapshots(count().over("2h"), rows, expected, events(partitions=hourly("2024-02-01")))


@case("weekly partitions begin on Monday")
def _() -> Snapshots:
    rows = [at("2024-03-03 23:59:59.999999", amount=1.0), at("2024-03-04 00:00", amount=2.0)]
    expected = {"2024-02-26": 1.0, "2024-03-04": 2.0, "2024-03-11": Expired(None)}
    return Snapshots(sum("amount").over("1w"), rows, expected, events(partitions=weekly("2024-01-01")))


@case("ten days on weekly partitions")
def _() -> Snapshots:
    rows = [at("2024-03-07 23:59:59.999999"), at("2024-03-08 00:00")]
    expected = {"2024-03-04": 2, "2024-03-11": 1, "2024-03-18": Expired(0)}
    return Snapshots(count().over("10d"), rows, expected, events(partitions=weekly("2024-01-01")))


@case("every snapshot carries the values of all windows; between changes there is none")
def _() -> Snapshots:
    counts = {
        "2024-03-01": {"count_1d": 1, "count_3d": 1},
        "2024-03-02": {"count_1d": 0, "count_3d": 1},
        "2024-03-04": Expired({"count_1d": 0, "count_3d": 0}),
    }
    return Snapshots(count().over("1d", "3d"), [at("2024-03-01 06:00")], counts)


@case("an entity expires, and enters again")
def _() -> Snapshots:
    rows = [at("2024-03-01 06:00"), at("2024-03-05 06:00")]
    return Snapshots(count().over("2d"), rows, {"2024-03-01": 1, "2024-03-03": Expired(0), "2024-03-05": 1, "2024-03-07": Expired(0)})


@case("one row leaves as another enters: the value stays, the snapshot is written")
def _() -> Snapshots:
    rows = [at("2024-03-01 06:00", amount=4.0), at("2024-03-02 06:00", amount=4.0)]
    return Snapshots(sum("amount").over("1d"), rows, {"2024-03-01": 4.0, "2024-03-02": 4.0, "2024-03-03": Expired(None)})


@case("where= and nulls decide about values, not about which snapshots are written")
def _() -> Snapshots:
    features = [count(where="ok").over("1d").named("n"), mean("amount").over("1d")]
    rows = [at("2024-03-01 06:00", ok=False)]
    none = {"n": 0, "amount_mean_1d": None}
    return Snapshots(features, rows, {"2024-03-01": none, "2024-03-02": Expired(none)})


@case("a where= that is null is not true")
def _() -> Snapshots:
    rows = [at("2024-03-01 06:00", quantity=1), at("2024-03-01 07:00"), at("2024-03-01 08:00", quantity=0)]
    return Snapshots(count(where="quantity > 0").over("1d").named("n"), rows, {"2024-03-01": 1, "2024-03-02": Expired(0)})


@case("a late row changes only later values")
def _() -> Snapshots:
    rows = [at("2024-03-01 06:00", amount=1.0), at("2024-03-01 05:00", arrives="2024-03-02", amount=4.0)]
    return Snapshots(sum("amount").over("3d"), rows, {"2024-03-01": 1.0, "2024-03-02": 5.0, "2024-03-04": Expired(None)})


@case("a late row enters the windows that still reach it, and no others")
def _() -> Snapshots:
    late = {"2024-03-03": {"count_2d": 0, "count_5d": 1}, "2024-03-06": Expired({"count_2d": 0, "count_5d": 0})}
    return Snapshots(count().over("2d", "5d"), [at("2024-03-01 12:00", arrives="2024-03-03")], late)


@case("a row that arrives already outside writes nothing")
def _() -> Snapshots:
    return Snapshots(count().over("2d"), [at("2024-03-01 12:00", arrives="2024-03-05")], {})


@case("a row that arrives when the left edge is exactly on it is inside once")
def _() -> Snapshots:
    return Snapshots(count().over("2d"), [at("2024-03-01", arrives="2024-03-02")], {"2024-03-02": 1, "2024-03-03": Expired(0)})


@case("late rows of several delays meet in one window with those on time")
def _() -> Snapshots:
    rows = [
        at("2024-03-04 10:00", amount=1.0),
        at("2024-03-03 10:00", arrives="2024-03-04", amount=2.0),
        at("2024-03-02 10:00", arrives="2024-03-04", amount=4.0),
        at("2024-03-01 10:00", arrives="2024-03-04", amount=8.0),
    ]
    expected = {"2024-03-04": 15.0, "2024-03-05": 7.0, "2024-03-06": 3.0, "2024-03-07": 1.0, "2024-03-08": Expired(None)}
    return Snapshots(sum("amount").over("4d"), rows, expected)


@case("a late row that is the last one by event time is the last value from its arrival on")
def _() -> Snapshots:
    rows = [at("2024-03-01 10:00", category="early"), at("2024-03-01 11:00", arrives="2024-03-03", category="late")]
    return Snapshots(last("category").over("5d"), rows, {"2024-03-01": "early", "2024-03-03": "late", "2024-03-06": Expired(None)})


@case("with an offset longer than its delay a late row is in time")
def _() -> Snapshots:
    rows = [at("2024-03-01 12:00", arrives="2024-03-03")]
    return Snapshots(count(offset="4d").over("1d").named("n"), rows, {"2024-03-05": 1, "2024-03-06": Expired(0)})


@case("a row without an entity is left out")
def _() -> Snapshots:
    rows = [at("2024-03-01 06:00"), at("2024-03-01 07:00", user=None), at("2024-03-01 08:00", user="bob")]
    return Snapshots(count().over("1d"), rows, {"2024-03-01": 1, "2024-03-02": Expired(0)})


@case("data_delay moves when a value may be read, not what it is")
def _() -> Reads:
    return Reads(
        [count().over("1d")],
        [at("2024-03-01 06:00")],
        [
            ("2024-03-02 05:59:59.999999", {"count_1d": 0}),
            ("2024-03-02 06:00", {"count_1d": 1}),
            ("2024-03-03 05:59:59.999999", {"count_1d": 1}),
            ("2024-03-03 06:00", {"count_1d": 0}),
        ],
        events(data_delay="6h"),
    )

"""Partitions of a time zone (semantics.md 1): where days begin and end, what windows hold of them, and clocks that are ahead."""

from typing import Any

from platform_assets import GoldTable, any_event, count, daily, every, sum, weekly
from platform_assets.declare.source import Source
from platform_assets_tests.conformance.named import (
    Attributes,
    Expired,
    Judges,
    Moments,
    Reads,
    Reports,
    Snapshots,
    at,
    came,
    case,
    events,
    moment,
)
from platform_assets_tests.conformance.named_labels import Labelled


def days_of(zone: str, start: str = "2024-02-05", **options: Any) -> Source:
    return events(partitions=daily(start, timezone=zone), **options)


NEW_YORK = days_of("America/New_York")
EVERY_HOUR = [at(f"2024-03-{5 + (hour + 5) // 24:02d} {(hour + 5) % 24:02d}:30", arrives="2024-03-05") for hour in range(24)]


@case("a file of a day in New York holds its evening, which is tomorrow in UTC, and nothing of the next morning")
def _() -> Judges:
    times = ["2024-03-01 05:00", "2024-03-02 00:00", "2024-03-02 04:59:59.999999", "2024-03-02 05:00"]
    rows = [came("2024-03-01", id=number, at=moment(time)) for number, time in enumerate(times)]
    return Judges(rows, [1, 2, 3], {4: ["in the future"]}, {"2024-03-01": {"accepted": 3}}, source=NEW_YORK)


@case("times without a zone are in the zone of the days, unless the days say another")
def _() -> Judges:
    rows = [
        came("2024-03-01", id=1, at="2024-03-01 23:59:59", means={"at": moment("2024-03-02 04:59:59")}),
        came("2024-03-01", id=2, at="2024-03-02 00:00:00", means={"at": moment("2024-03-02 05:00:00")}),
    ]
    return Judges(rows, [1], {2: ["in the future"]}, source=events(timezone="America/New_York", partitions=daily("2024-02-05")))


@case("all rows of a local day are in the day's 1d window, west of Greenwich")
def _() -> Snapshots:
    return Snapshots(count().over("1d"), EVERY_HOUR, {"2024-03-05": 24, "2024-03-06": Expired(0)}, source=NEW_YORK)


@case("and east of it")
def _() -> Snapshots:
    tokyo = [at(f"2024-03-0{4 + (hour + 15) // 24} {(hour + 15) % 24:02d}:30", arrives="2024-03-05") for hour in range(24)]
    return Snapshots(count().over("1d"), tokyo, {"2024-03-05": 24, "2024-03-06": Expired(0)}, source=days_of("Asia/Tokyo"))


# New York, 2024: the 10th of March ends at 04:00 UTC on the 11th, after 23 hours; the 3rd of November at 05:00 UTC on the 4th, after 25.


@case("the 1d window of a day with 23 hours begins an hour before the day does")
def _() -> Snapshots:
    rows = [at("2024-03-10 04:00", arrives="2024-03-09"), at("2024-03-10 03:59:59.999999", arrives="2024-03-09")]
    return Snapshots(count().over("1d"), rows, {"2024-03-09": 2, "2024-03-10": 1, "2024-03-11": Expired(0)}, source=NEW_YORK)


@case("the 1d window of a day with 25 hours leaves out its first hour")
def _() -> Snapshots:
    rows = [at("2024-11-03 04:59:59.999999"), at("2024-11-03 05:00")]
    return Snapshots(count().over("1d"), rows, {"2024-11-03": 1, "2024-11-04": Expired(0)}, source=NEW_YORK)


@case("a 7d window over a change of clocks ends and begins at another hour of UTC")
def _() -> Snapshots:
    rows = [at("2024-03-05 04:30", amount=1.0), at("2024-03-05 03:30", amount=2.0), at("2024-03-05 05:30", amount=4.0)]
    expected = {"2024-03-04": 3.0, "2024-03-05": 7.0, "2024-03-11": 5.0, "2024-03-12": Expired(None)}
    return Snapshots(sum("amount").over("7d"), rows, expected, source=NEW_YORK)


@case("a snapshot of a local day is valid from local midnight on, also after the clocks have changed")
def _() -> Reads:
    rows = [at("2024-03-08 12:00"), at("2024-03-10 12:00"), at("2024-03-11 12:00")]
    asked = [("2024-03-09 04:59:59.999999", 0), ("2024-03-09 05:00", 1), ("2024-03-11 03:59:59.999999", 1), ("2024-03-11 04:00", 2)]
    return Reads([count().over("7d")], rows, [(time, {"count_7d": n}) for time, n in asked], source=NEW_YORK)


@case("where midnight does not exist, the day begins at one o'clock")
def _() -> Reports:
    report = GoldTable("report", source=days_of("America/Sao_Paulo", "2018-10-01"), measures=[count().named("n")])
    rows = [at("2018-11-04 02:59:59.999999"), at("2018-11-04 03:00"), at("2018-11-05 01:59:59.999999"), at("2018-11-05 02:00")]
    days = {"2018-11-03": 1, "2018-11-04": 2, "2018-11-05": 1}
    return Reports(report, rows, [{"partition": day, "n": n} for day, n in days.items()])


@case("where midnight comes twice, the day begins with the first and has 25 hours")
def _() -> Reports:
    report = GoldTable("report", source=days_of("America/Havana"), measures=[count().named("n")])
    rows = [at("2024-11-03 03:59:59.999999"), at("2024-11-03 04:00"), at("2024-11-03 05:00"), at("2024-11-04 04:59:59.999999")]
    return Reports(report, rows, [{"partition": "2024-11-02", "n": 1}, {"partition": "2024-11-03", "n": 3}])


@case("where clocks go back over midnight, the day that has begun stays")
def _() -> Reports:
    report = GoldTable("report", source=days_of("America/St_Johns", "2010-10-01"), measures=[count().named("n")])
    rows = [at("2010-11-07 02:29:59"), at("2010-11-07 02:30"), at("2010-11-07 02:45"), at("2010-11-08 03:29:59")]
    return Reports(report, rows, [{"partition": "2010-11-06", "n": 1}, {"partition": "2010-11-07", "n": 3}])


@case("half an hour more is half an hour more")
def _() -> Snapshots:
    rows = [at("2024-10-05 13:00", arrives="2024-10-05"), at("2024-10-05 13:30", arrives="2024-10-06")]
    expected = {"2024-10-05": 1, "2024-10-06": 2, "2024-10-07": Expired(0)}
    return Snapshots(count().over("1d"), rows, expected, source=days_of("Australia/Lord_Howe"))


@case("a day that was skipped is not a partition: the 31st comes after the 29th")
def _() -> Snapshots:
    rows = [at("2011-12-29 20:00", arrives="2011-12-29"), at("2011-12-30 09:59:59.999999", arrives="2011-12-29")]
    rows += [at("2011-12-30 10:00", arrives="2011-12-31")]
    expected = {"2011-12-29": 2, "2011-12-31": 1, "2012-01-01": Expired(0)}
    return Snapshots(count().over("1d"), rows, expected, source=days_of("Pacific/Apia", "2011-12-01"))


@case("a week of a zone has 167 hours when clocks go forward")
def _() -> Snapshots:
    source = events(partitions=weekly("2024-01-01", timezone="Europe/London"))
    rows = [at("2024-03-24 23:00"), at("2024-03-31 22:59:59.999999"), at("2024-03-31 23:00")]
    return Snapshots(count().over("1w"), rows, {"2024-03-18": 1, "2024-03-25": 2, "2024-04-01": 1, "2024-04-08": Expired(0)}, source=source)


@case("a lifetime of local days goes on from checkpoints of local months")
def _() -> Snapshots:
    rows = [at("2024-03-01 04:59:59.999999"), at("2024-03-31 12:00"), at("2024-04-01 03:59:59.999999"), at("2024-04-01 04:00")]
    return Snapshots(count().over("lifetime"), rows, {"2024-02-29": 1, "2024-03-31": 3, "2024-04-01": 4}, source=NEW_YORK)


@case("at any moment a row has arrived when its local day has ended")
def _() -> Moments:
    rows = [at("2024-03-10 12:00", amount=1.0)]
    asked = [("2024-03-11 03:59:59.999999", None), ("2024-03-11 04:00", 1.0)]
    return Moments([sum("amount").over("7d")], rows, [(time, {"amount_sum_7d": n}) for time, n in asked], source=NEW_YORK)


@case("an update of a local day may be read from the end of that day on")
def _() -> Attributes:
    rows = [at("2024-03-10 12:00", amount=1.0), at("2024-03-11 12:00", amount=2.0)]
    asked = [("2024-03-11 03:59:59.999999", None), ("2024-03-11 04:00", 1.0), ("2024-03-12 04:00", 2.0)]
    state = days_of("America/New_York", kind="state", key=["user"])
    return Attributes(["amount"], rows, [(time, {"amount": value}) for time, value in asked], source=state)


@case("label times are local midnights, whatever the clocks do between them")
def _() -> Labelled:
    source = days_of("America/New_York", "2024-03-04")
    labels = any_event(source, within="1d", spine=every("7d", active="2d"))
    rows = [at("2024-03-10 12:00"), at("2024-03-12 04:00"), at("2024-03-17 12:00"), at("2024-03-19 04:00:00.000001")]
    return Labelled(labels, "2024-03-04", rows, {("ada", "2024-03-11 04:00"): True, ("ada", "2024-03-18 04:00"): False})


@case("a report by days of another zone than its source's")
def _() -> Reports:
    report = GoldTable("report", source=days_of("America/New_York"), timezone="Asia/Tokyo", measures=[count().named("n")])
    rows = [at("2024-03-09 14:59:59.999999"), at("2024-03-09 15:00"), at("2024-03-10 14:59:59.999999"), at("2024-03-10 15:00")]
    days = {"2024-03-09": 1, "2024-03-10": 2, "2024-03-11": 1}
    return Reports(report, rows, [{"partition": day, "n": n} for day, n in days.items()])


AHEAD = events(clock_skew="5m")


@case("a row may be ahead of its partition's end by less than clock_skew")
def _() -> Judges:
    times = ["2024-03-01 23:59", "2024-03-02 00:00", "2024-03-02 00:04:59.999999", "2024-03-02 00:05"]
    rows = [came("2024-03-01", id=number, at=moment(time)) for number, time in enumerate(times)]
    return Judges(rows, [1, 2, 3], {4: ["in the future"]}, source=AHEAD)


@case("a row that is ahead is in a window when the window's end has passed it")
def _() -> Snapshots:
    rows = [at("2024-03-02 00:03", arrives="2024-03-01"), at("2024-03-01 12:00")]
    return Snapshots(count().over("1d"), rows, {"2024-03-01": 1, "2024-03-02": 1, "2024-03-03": Expired(0)}, source=AHEAD)


@case("a row that is ahead by days leaves long after it arrived")
def _() -> Snapshots:
    far, rows = events(clock_skew="3d"), [at("2024-03-04 23:00", arrives="2024-03-01")]
    return Snapshots(count().over("1d"), rows, {"2024-03-04": 1, "2024-03-05": Expired(0)}, source=far)


@case("a lifetime takes in a row that is ahead when its time has come, whichever checkpoints are made meanwhile")
def _() -> Snapshots:
    rows = [at("2024-03-04 23:00", arrives="2024-03-01"), at("2024-03-02 12:00")]
    return Snapshots(count().over("lifetime"), rows, {"2024-03-02": 1, "2024-03-04": 2}, source=events(clock_skew="3d"))


@case("an update that is ahead replaces an older one and may be read from its partition's end on")
def _() -> Attributes:
    rows = [at("2024-03-02 00:03", arrives="2024-03-01", amount=1.0), at("2024-03-02 00:01", amount=2.0)]
    asked = [("2024-03-01 23:59", None), ("2024-03-02 00:00", 1.0), ("2024-03-03 00:00", 1.0)]
    state = events(kind="state", key=["user"], clock_skew="5m")
    return Attributes(["amount"], rows, [(time, {"amount": value}) for time, value in asked], source=state)

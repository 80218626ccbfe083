"""Values at moments: sawtooth windows, what has arrived, offsets, and long windows of many moments."""

import builtins
from datetime import timedelta
from typing import Any

from platform_assets import count, derive, hourly, last, max, mean, sum, time_since_last
from platform_assets_tests.conformance.named import Moments, at, case, events, moment


@case("a window at a moment begins with the tile in which it would begin")
def _() -> Moments:
    rows = [at("2024-03-01 09:59:59.999999"), at("2024-03-01 10:00"), at("2024-03-01 10:30"), at("2024-03-01 11:00")]
    asked = [("2024-03-02 10:00", 3), ("2024-03-02 10:59:59.999999", 3), ("2024-03-02 11:00", 1), ("2024-03-02 12:00", 0)]
    return Moments([count().over("1d")], rows, [(time, {"count_1d": n}) for time, n in asked])


@case("a declared tile rounds all windows of a view")
def _() -> Moments:
    rows = [at("2024-03-01 10:00"), at("2024-03-01 10:10")]
    asked = [("2024-03-02 10:09", 2), ("2024-03-02 10:10", 1), ("2024-03-02 10:19", 1), ("2024-03-02 10:20", 0)]
    expected = [(time, {"count_1d": n, "count_30d": 2}) for time, n in asked]
    return Moments([count().over("1d", "30d")], rows, expected, tile="10m")


@case("a row is seen from the moment on at which it arrives: the end of its partition, and the delay")
def _() -> Moments:
    rows = [at("2024-03-01 10:00", amount=1.0), at("2024-03-01 09:00", arrives="2024-03-02", amount=2.0)]
    asked = [
        ("2024-03-02 05:59:59.999999", None),
        ("2024-03-02 06:00", 1.0),
        ("2024-03-03 05:59:59.999999", 1.0),
        ("2024-03-03 06:00", 3.0),
    ]
    return Moments([sum("amount").over("5d")], rows, [(time, {"amount_sum_5d": v}) for time, v in asked], source=events(data_delay="6h"))


@case("with an offset a window at a moment ends with a tile too")
def _() -> Moments:
    rows = [at("2024-03-01 09:59"), at("2024-03-01 10:00"), at("2024-03-01 10:59")]
    asked = [("2024-03-03 09:59", 0), ("2024-03-03 10:00", 1), ("2024-03-03 10:59", 1), ("2024-03-03 11:00", 3)]
    return Moments([count(offset="48h").over("1d").named("n")], rows, [(time, {"n": n}) for time, n in asked])


@case("at a moment ties and late rows stand in the order of their keys and times")
def _() -> Moments:
    rows = [
        at("2024-03-01 10:00", id=2, category="second"),
        at("2024-03-01 10:00", id=1, category="first"),
        at("2024-03-01 08:00", arrives="2024-03-02", category="earlier, and later to arrive"),
        at("2024-03-01 11:00", arrives="2024-03-03", category="the last"),
    ]
    asked = [("2024-03-02 12:00", "second"), ("2024-03-03 12:00", "second"), ("2024-03-04 12:00", "the last")]
    return Moments([last("category").over("9d")], rows, [(time, {"category_last_9d": v}) for time, v in asked])


@case("who has no rows, and nobody, have the empty values at any moment; times count to the moment")
def _() -> Moments:
    features = [count().over("5d"), mean("amount").over("5d"), time_since_last().over("5d"), derive("idle", "time_since_last_5d > 60.0")]
    nothing: dict[str, Any] = {"count_5d": 0, "amount_mean_5d": None, "time_since_last_5d": None, "idle": None}
    asked = [
        ("2024-03-02 00:00", {"count_5d": 1, "amount_mean_5d": 2.0, "time_since_last_5d": 60.0, "idle": False}),
        ("2024-03-02 00:00:00.000001", {"count_5d": 1, "amount_mean_5d": 2.0, "time_since_last_5d": 60.000001, "idle": True}),
        ("2024-03-02 00:00", {**nothing, "user": "bob"}),
        ("2024-03-02 00:00", {**nothing, "user": None}),
        ("2024-03-20 00:00", nothing),
        ("1999-01-01 00:00", nothing),
    ]
    return Moments(features, [at("2024-03-01 23:59", amount=2.0)], asked)


@case("long windows of many moments, each with rows of its own")
def _() -> Moments:
    """Row number i, of value i, happens i hours after the first and arrives with its hour: asked every hour, a window sees the last 200."""
    start, hours = moment("2024-03-01 00:00"), 300
    times = [f"{start + timedelta(hours=i):%Y-%m-%d %H:%M}" for i in range(hours)]
    features = [sum("amount").over("200h"), max("quantity").over("200h"), count().over("200h"), last("quantity").over("200h")]
    asked = []
    for now in range(1, hours):
        seen = range(builtins.max(0, now - 200), now)
        values = {"amount_sum_200h": float(builtins.sum(seen)), "quantity_max_200h": now - 1, "count_200h": len(seen)}
        asked.append((times[now], {**values, "quantity_last_200h": now - 1}))
    rows = [at(time, amount=float(i), quantity=i) for i, time in enumerate(times)]
    return Moments(features, rows, asked, source=events(partitions=hourly("2024-02-01")))

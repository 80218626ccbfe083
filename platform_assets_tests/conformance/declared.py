"""The declarations of generated cases: a source, two views, a training set and a report, from a few choices each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

from platform_assets import (
    Entity,
    FeatureService,
    FeatureView,
    GoldTable,
    TrainingSet,
    any_event,
    count,
    count_distinct,
    daily,
    derive,
    every,
    first,
    hourly,
    last,
    last_n,
    mean,
    mode,
    no_event,
    outcome,
    quantile,
    source,
    std,
    time_since_last,
    top_k,
    variance,
    weekly,
)
from platform_assets import max as max_
from platform_assets import min as min_
from platform_assets import sum as sum_
from platform_assets.declare.features import Closed, Derived, Feature
from platform_assets.declare.partitions import Partitions
from platform_assets.declare.source import Kind, Source
from platform_assets.declare.training import Period
from platform_assets_tests.declare.zones import CHANGES

CLOSED: tuple[Closed, ...] = ("left", "right", "both", "none")


def exact_up_to(bound: int, declare: Callable[..., Feature]) -> Callable[..., Feature]:
    """An aggregation that estimates beyond so few different values, so that small cases meet it."""

    def declared(*arguments: Any, **options: Any) -> Feature:
        feature = declare(*arguments, **options)
        return replace(feature, aggregation=replace(feature.aggregation, exact_up_to=bound))  # type: ignore[type-var]

    return declared


AGGREGATIONS: dict[str, Sequence[tuple[Any, tuple[str, ...]]]] = {
    "count": [(count, ()), (count, ("category",))],
    "sum": [(sum_, ("amount",)), (sum_, ("quantity",)), (sum_, ("quantity * amount",))],
    "mean": [(mean, ("amount",)), (mean, ("quantity",))],
    "std": [(std, ("amount",)), (std, ("quantity",)), (std, ("coalesce(amount, 0.0) - quantity",))],
    "variance": [(variance, ("quantity",)), (variance, ("amount",))],
    "min": [(min_, ("amount",)), (min_, ("category",)), (min_, ("at",)), (min_, ("ok",))],
    "max": [(max_, ("quantity",)), (max_, ("category",)), (max_, ("day",))],
    "first": [(first, ("category",)), (first, ("amount",)), (first, ("at",))],
    "last": [(last, ("quantity",)), (last, ("category",)), (last, ("ok",))],
    "last_n": [(last_n, ("category", 2)), (last_n, ("amount", 3)), (last_n, ("ok", 1)), (last_n, ("at", 40)), (last_n, ("day", 2))],
    "mode": [(mode, ("category",)), (mode, ("quantity",)), (mode, ("amount",)), (mode, ("ok",))],
    "top_k": [(top_k, ("category", 2)), (top_k, ("quantity", 1)), (top_k, ("amount", 3)), (top_k, ("ok", 2)), (top_k, ("day", 40))],
    "quantile": [
        (quantile, ("amount", 0.5)),
        (quantile, ("quantity", 0.9)),
        (exact_up_to(1, quantile), ("amount", 0.25)),
        (exact_up_to(2, quantile), ("quantity", 0.75)),
    ],
    "count_distinct": [
        (count_distinct, ("category",)),
        (count_distinct, ("quantity",)),
        (count_distinct, ("day",)),
        (exact_up_to(1, count_distinct), ("category",)),
        (exact_up_to(2, count_distinct), ("amount",)),
        (exact_up_to(3, count_distinct), ("at",)),
    ],
    "time_since_last": [(time_since_last, ()), (time_since_last, ("amount",))],
}
"""Each aggregation of semantics.md 4 with the arguments it is tried with."""

WHERE = (None, None, "quantity > 0 or category = 'a'", "not gift", "ok")


@dataclass(frozen=True)
class Unit:
    """Partitions of a length, with windows and offsets that fit them and some that do not."""

    partitions: Partitions
    lengths: tuple[str, ...]
    offsets: tuple[str | None, ...]
    delays: tuple[str, ...]
    steps: tuple[str, ...]
    """Of spines."""
    active: str
    within: str
    places: tuple[datetime, ...] = ()
    """Moments that cases are about, beside those of all units."""


DAYS = Unit(
    daily("2024-01-01"),
    ("1d", "2d", "36h", "60h", "5d", "lifetime"),
    (None, "12h", "36h", "2d", "3d"),
    ("0s", "6h", "36h"),
    ("2d", "1d", "3d"),
    "3d",
    "1d",
)
HOURS = Unit(
    hourly("2024-02-28", timezone="UTC"),
    ("1h", "2h", "90m", "150m", "5h", "lifetime"),
    (None, "30m", "90m", "2h", "3h"),
    ("0s", "10m", "2h"),
    ("24h", "5h", "1h"),
    "36h",
    "12h",
)
WEEKS = Unit(
    weekly("2024-01-01"), ("1w", "2w", "10d", "17d", "lifetime"), (None, "84h", "2w", "3w"), ("0s", "1d"), ("1w", "2w"), "3w", "10d"
)
UNITS = (DAYS, HOURS, WEEKS)


def _local(make: Callable[..., Partitions], unit: Unit, zone: str, day: str) -> Unit:
    """The same in a zone, for cases about a day on which its clocks did something."""
    there = datetime.fromisoformat(f"{day}T00Z")
    monday = (there - timedelta(days=70 + there.weekday())).date()
    return replace(unit, partitions=make(str(monday), timezone=zone), places=(there - timedelta(days=2), there))


LOCAL = (*(_local(daily, DAYS, *place) for place in CHANGES.values()), _local(weekly, WEEKS, "Europe/London", "2024-03-31"))


class Event:
    """What is received."""

    id: int
    code: str
    user: str | None
    shop: int | None
    at: datetime
    amount: float | None
    quantity: int | None
    category: str | None
    ok: bool | None
    day: date | None


KEYS: tuple[tuple[str, ...], ...] = ((), ("id",), ("code",), ("code", "id"))
RULES = {"quantity_known": "quantity <> 3", "no_debt": "amount > -1000000 or category = 'big'"}
FLAGS = {"gift": "category = 'gift'", "free": "amount = 0"}


@dataclass(frozen=True)
class Shape:
    """What is chosen for a source."""

    unit: Unit = field(repr=False)
    key: tuple[str, ...]
    duplicates_within: int
    data_delay: str
    timezone: str | None
    accepted_share: float
    kind: Kind = "events"
    clock_skew: str = "0s"


@cache
def declared_source(shape: Shape) -> Source:
    """The source of a case."""

    def events(arrival: Any) -> None: ...

    return source(
        schema=Event,
        event_time=None if shape.kind == "snapshot" else "at",
        partitions=shape.unit.partitions,
        key=shape.key,
        duplicates_within=shape.duplicates_within if shape.key and shape.kind != "state" else 0,
        data_delay=shape.data_delay,
        clock_skew=shape.clock_skew,
        timezone=shape.timezone,
        rules=RULES,
        flags=FLAGS,
        accepted_share=shape.accepted_share,
        kind=shape.kind,
    )(events)


@dataclass(frozen=True)
class Windows:
    """The features of the large view: every aggregation with each way of closing, over these lengths, at this offset."""

    lengths: tuple[str, ...]
    offset: str | None
    variant: int
    """Which argument and which condition each aggregation has."""


def features(windows: Windows) -> list[Feature | Derived]:
    """One feature an aggregation, way of closing and length."""
    found: list[Feature | Derived] = []
    for turn, length in enumerate(windows.lengths):
        for number, (name, ways) in enumerate(AGGREGATIONS.items()):
            make, arguments = ways[(windows.variant + turn) % len(ways)]
            where = WHERE[(windows.variant + number + turn) % len(WHERE)]
            default = {"default": 0.0} if arguments == ("amount",) and name == "sum" else {}
            for closed in CLOSED:
                feature = make(*arguments, closed=closed, offset=windows.offset, where=where, **default)
                found.append(feature.over(length).named(f"{name}_{closed}_{length}"))
    length = windows.lengths[0]
    return [
        *found,
        derive("share", f"count_left_{length} / count_both_{length}"),
        derive("idle", f"time_since_last_left_{length} > 86400.0"),
    ]


USER, USER_IN_SHOP = Entity("user", keys=["user"]), Entity("user_in_shop", keys=["user", "shop"])


@cache
def declared_service(shape: Shape, windows: Windows) -> FeatureService:
    """A small view by two keys and the large one by one key. Of every third variant another column holds the shop, of others the
    service has some of the features only."""
    events, length = declared_source(shape), windows.lengths[-1]
    small: list[Feature | Derived] = [
        count().over(*windows.lengths),
        last("amount").over(length),
        sum_("quantity", default=0).over(length),
        derive("some", f"count_{length} > 1"),
    ]
    pairs = FeatureView("pairs", entity=USER_IN_SHOP, source=events, features=small, keys=_shops(windows.variant))
    users = FeatureView("users", entity=USER, source=events, features=features(windows))
    if windows.variant % 3 != 1:
        return FeatureService("served", [pairs, users])
    some = [name for number, name in enumerate(users.served) if number % 4 == windows.variant % 4]
    return FeatureService("served", [pairs.select("some"), users.select("share", *(name for name in some if name != "share"))])


def _shops(variant: int) -> dict[str, str] | None:
    """Quantities are numbers as shops are; features read them, too."""
    return {"shop": "quantity"} if variant % 3 == 0 else None


LABELS = ("none", "any", "count", "sum", "mean", "first", "mode", "max")


def declared_training(shape: Shape, windows: Windows, label: str, where: str | None, period: Period = "month") -> TrainingSet:
    """Labels of users in shops, with all features: whether an event follows, or a measure of those that do."""
    events, steps = declared_source(shape), shape.unit.steps
    spine = every(steps[windows.variant % len(steps)], active=shape.unit.active)
    keys = _shops(windows.variant + 1)  # not those of the view
    if label in ("none", "any"):
        event = no_event if label == "none" else any_event
        labels = event(events, within=shape.unit.within, spine=spine, where=where, keys=keys)
    else:
        ways = [way for way in AGGREGATIONS[label] if way[1] not in (("day",), ("at",))]  # times are not labels
        make, arguments = ways[windows.variant % len(ways)]
        measure = make(*arguments, where=WHERE[windows.variant % len(WHERE)]).within(shape.unit.within)
        labels = outcome(events, measure, spine=spine, where=where, keys=keys)
    return TrainingSet("training", features=declared_service(shape, windows), labels=labels, period=period)


def declared_report(shape: Shape, by: tuple[str, ...], timezone: str, variant: int) -> GoldTable:
    """A report with every aggregation that a report can have."""
    measures = []
    for number, (name, ways) in enumerate(AGGREGATIONS.items()):
        if name != "time_since_last":
            make, arguments = ways[(variant + 1) % len(ways)]
            measures.append(make(*arguments, where=WHERE[(variant + number + 1) % len(WHERE)]).named(name))
    return GoldTable("report", source=declared_source(shape), by=by, measures=measures, timezone=timezone)

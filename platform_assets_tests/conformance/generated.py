"""Cases by Hypothesis that aim at what goes wrong: rows on edges of windows, ties, chains of duplicates, late rows, gaps, nulls."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from platform_assets.declare.durations import duration
from platform_assets.declare.features import LIFETIME
from platform_assets.declare.partitions import MICROSECOND, Partitions
from platform_assets.declare.source import Source
from platform_assets.declare.training import Period
from platform_assets.engines.reference import UNREADABLE, ZONELESS
from platform_assets_tests.conformance.declared import (
    DAYS,
    KEYS,
    LABELS,
    LOCAL,
    UNITS,
    WHERE,
    Shape,
    Windows,
    declared_report,
    declared_service,
    declared_source,
    declared_training,
)
from platform_assets_tests.conformance.engines import Received, Row
from platform_assets_tests.conformance.pipeline import Case

LONDON = ZoneInfo("Europe/London")

# Multiples of 1/8, far below 2**53: sums are exact in any order, so that equal means equal.
AMOUNTS = st.one_of(
    st.none(), st.sampled_from([0.0, 1.0, 2.5, -3.25, 1e9 + 0.5, 1e9 + 1.5, -1e9]), st.integers(-40, 40).map(lambda n: n / 8)
)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "user": st.sampled_from(["ada"] * 7 + ["bob"] * 2 + ["zoë"] * 2 + [None]),
    "shop": st.sampled_from([1, 1, 1, 1, 1, 1, 2, 2, None]),
    "amount": AMOUNTS,
    "quantity": st.sampled_from([None, 0, 1, 1, 1, 2, 2, 2, 5, 5, -7, -7, 3, 2**40]),
    "category": st.sampled_from([None, "a", "a", "b", "ü", "", "gift", "big"]),
    "ok": st.sampled_from([None, True, True, False]),
    "day": st.sampled_from([None, date(2024, 2, 29), date(2024, 3, 1), date(1969, 12, 31)]),
}
NO_SUCH_VALUE = {
    "shop": "three",
    "amount": "1,5",
    "quantity": "2.5",
    "ok": "maybe",
    "day": "2023-02-29",
    "at": "2024-02-30 00:00:00Z",
    "id": "x",
}
WITHOUT_VALUE = {"amount": "nan"}
"""Texts of floats that are not finite: null, and no reason for quarantine."""


def moments(source: Source, windows: Windows, base: int) -> st.SearchStrategy[datetime]:
    """Event times: mostly on an edge of a window at some anchor or a microsecond off, else anywhere."""
    anchors = [source.partitions.ends_at(base + number) for number in range(4)]
    offset = timedelta(0) if windows.offset is None else duration(windows.offset, "windows")
    edges = [
        a - offset - length
        for a in anchors
        for length in (timedelta(0), -source.clock_skew, *(duration(text, "windows") for text in windows.lengths if text != LIFETIME))
    ]
    near = st.tuples(st.sampled_from(edges), st.sampled_from([0, 0, 0, 1, -1])).map(lambda at: at[0] + at[1] * MICROSECOND)
    span = (anchors[-1] - anchors[0]) // timedelta(minutes=1)
    return st.one_of(near, near, near, st.integers(0, span).map(lambda minutes: anchors[0] + timedelta(minutes=minutes)))


@st.composite
def copies(draw: st.DrawFn, row: Row) -> list[tuple[int, Row]]:
    """A chain of copies of a row: how many partitions after the one before each arrives, and what it says, which may be changed."""
    chain = draw(
        st.lists(st.tuples(st.sampled_from([0, 0, 1, 1, 2, 3, 4]), st.sampled_from([None, None, "amount", "category", "user"])), max_size=3)
    )
    return [(gap, row if changed is None else {**row, changed: draw(VALUES[changed])}) for gap, changed in chain]


@st.composite
def received(draw: st.DrawFn, source: Source, at: st.SearchStrategy[datetime]) -> list[Received]:
    """Rows of raw: late ones, copies, two deliveries, and values that cannot be read where they come as text."""
    partitions = source.partitions
    events = st.fixed_dictionaries({"at": at, **VALUES})
    size = draw(st.sampled_from([0, 1, 2, 3, 5, 8, 13, 21, 30]))
    drawn = draw(st.lists(events, min_size=size, max_size=size))
    lags = st.sampled_from([0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 4, -1])
    rows: list[tuple[int, Row]] = []
    for number, row in enumerate(drawn):
        # Ties of event time, between keys in another order than the rows come in; now and then two rows share a key.
        time = drawn[number - 1]["at"] if draw(st.sampled_from([False, False, True])) else row["at"]
        identified = {"id": number // draw(st.sampled_from([1, 1, 1, 2])) * 7 % 31, "code": "zkäse"[number % 5], **row, "at": time}
        arrival = partitions.index(time) + draw(lags)
        rows.append((arrival, identified))
        for gap, copy in draw(st.one_of(st.just([]), st.just([]), copies(identified))):
            arrival += gap
            rows.append((arrival, copy))
    text = draw(st.booleans())
    places: dict[tuple[int, int], int] = {}
    raw = []
    for arrival, row in rows:
        delivery = draw(st.sampled_from([1, 1, 2]))
        places[arrival, delivery] = places.get((arrival, delivery), 0) + 1
        came, means = draw(as_text(row, source)) if text else (row, row)
        means = {column: None if value == "" else value for column, value in means.items()}
        ordered = {column: came[column] for column in source.columns}, {column: means[column] for column in source.columns}
        raw.append(Received(*ordered, arrival, delivery, places[arrival, delivery]))
    return raw


@st.composite
def as_text(draw: st.DrawFn, row: Row, source: Source) -> tuple[Row, Row]:
    """A row as an export writes it, and what that means; now and then a value that means nothing."""
    came = {column: None if value is None else TEXT[source.columns[column].type](value) for column, value in row.items()}
    means = dict(row)
    if source.timezone is not None and draw(st.booleans()):
        local = row["at"].astimezone(LONDON).replace(tzinfo=None, fold=0)  # an hour that comes twice is read as the earlier
        came["at"], means["at"] = str(local), local.replace(tzinfo=LONDON).astimezone(UTC)
    spoilt = draw(st.sampled_from([None] * 40 + sorted(NO_SUCH_VALUE) + sorted(WITHOUT_VALUE)))
    if spoilt in WITHOUT_VALUE:
        came[spoilt], means[spoilt] = WITHOUT_VALUE[spoilt], None
    elif spoilt == "at" and source.timezone is None and draw(st.booleans()):
        came["at"], means["at"] = str(row["at"].replace(tzinfo=None)), ZONELESS
    elif spoilt is not None:
        came[spoilt], means[spoilt] = NO_SUCH_VALUE[spoilt], UNREADABLE
    return came, means


TEXT: dict[str, Callable[[Any], str]] = {
    "str": str,
    "int": lambda value: f"{value}.0" if value % 2 and abs(value) < 2**53 else f" {value}",
    "float": repr,
    "bool": lambda value: "yes" if value else "FALSE",
    "date": str,
    "datetime": lambda at: at.isoformat().replace("+00:00", "Z") if at.minute % 2 else str(at.astimezone(ZoneInfo("Asia/Kolkata"))),
}

# Around a leap day, the two changes of clocks, a change of year.
PLACES = [
    datetime.fromisoformat(f"{day}Z") for day in ("2024-02-27T00", "2024-02-28T22", "2024-03-31T00", "2024-10-27T00", "2024-12-29T00")
]


@st.composite
def asked(draw: st.DrawFn, partitions: Partitions, delay: timedelta, base: int) -> list[Row]:
    """Rows of a point-in-time join: at the very moment from which a snapshot may be read, just before, between, too early."""
    valid = [partitions.ends_at(base + number) + delay for number in range(-2, 12)]
    time = st.tuples(st.sampled_from(valid), st.sampled_from([0, 0, -1, 1, 12345678901])).map(lambda at: at[0] + at[1] * MICROSECOND)
    rows = st.fixed_dictionaries(
        {"user": st.sampled_from(["ada", "ada", "bob", "zoë", "nobody", None]), "shop": VALUES["shop"], "label_time": time}
    )
    found = draw(st.lists(rows, max_size=8))
    return [*found, *found[: draw(st.integers(0, 2))]]


Rows = tuple[list[Received], list[Row]]
"""What is received, and what a point-in-time join asks for."""


@st.composite
def declared(draw: st.DrawFn) -> tuple[Case, st.SearchStrategy[Rows]]:
    """What is declared for a case, without rows, and rows that go with it."""
    unit = draw(st.sampled_from([DAYS, DAYS, *UNITS, *draw(st.sampled_from([LOCAL, ()]))]))
    lengths = draw(st.lists(st.sampled_from(unit.lengths), min_size=1, max_size=2, unique=True))
    windows = Windows(tuple(lengths), draw(st.sampled_from(unit.offsets)), draw(st.integers(0, 11)))
    zone = draw(st.sampled_from([None, "Europe/London"]))
    key = draw(st.sampled_from(KEYS))
    shape = Shape(
        unit,
        key,
        draw(st.integers(0, 3)),
        draw(st.sampled_from(unit.delays)),
        zone,
        draw(st.sampled_from([0.0, 0.0, 0.5, 0.7])),
        draw(st.sampled_from(["events", "events", "state"])) if key else "events",
        draw(st.sampled_from(["0s", "0s", unit.lengths[0], "5m"])),
    )
    source = declared_source(shape)
    partitions = source.partitions
    base = max(partitions.index(draw(st.sampled_from(unit.places or PLACES))), partitions.first + 8)
    rows = st.tuples(received(source, moments(source, windows, base)), asked(partitions, source.data_delay, base))
    first, last = base - draw(st.integers(0, 3)), base + draw(st.integers(4, 14))
    service = declared_service(shape, windows)
    periods: list[Period] = ["month", "month", "week"]
    period = draw(st.sampled_from(periods if partitions.unit == "week" else [*periods, "day", "day"]))
    training = declared_training(shape, windows, draw(st.sampled_from(LABELS)), draw(st.sampled_from([None, WHERE[2]])), period)
    # A day that only the partitions' zone skipped would have no partition: refused when declared.
    has_other_days = partitions.unit == "day" and not partitions.skipped
    report_zone = draw(st.sampled_from([partitions.zone, "UTC", "Europe/London"])) if has_other_days else partitions.zone
    table = declared_report(shape, draw(st.sampled_from([(), ("category",), ("ok", "shop")])), report_zone, windows.variant)
    learnt = training.partitions.index(partitions.starts_at(base))
    about = f"partitions of a {unit.partitions.unit}, {windows}, {shape}"
    case = Case(
        about,
        source,
        service,
        training,
        table,
        [],
        [],
        first,
        last,
        draw(st.integers(first, last)),
        months=[learnt - 1, learnt, learnt + 1, learnt + 3] if period == "day" else [learnt, learnt + 1],
        checkpoints=sorted(draw(st.sets(st.integers(first - 4, last - 1), max_size=3))),
    )
    return case, rows


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A whole pipeline."""
    case, rows = draw(declared())
    raw, wanted = draw(rows)
    return replace(case, raw=raw, asked=wanted)

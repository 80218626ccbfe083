"""Values at the moments of labels, straight from silver: of snapshots the same as from gold, and of temporal accuracy."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from itertools import product

from hypothesis import strategies as st

from platform_assets import FeatureService, FeatureView, count, derive, last
from platform_assets import sum as sum_
from platform_assets.declare.features import Derived, Feature, Window
from platform_assets.declare.partitions import MICROSECOND
from platform_assets.declare.source import Source
from platform_assets.engines import reference
from platform_assets.engines.reference import UNREADABLE, ZONELESS
from platform_assets.testing.equality import require_same_rows
from platform_assets_tests.conformance.declared import (
    AGGREGATIONS,
    DAYS,
    HOURS,
    KEYS,
    LOCAL,
    USER,
    USER_IN_SHOP,
    WEEKS,
    WHERE,
    Shape,
    declared_source,
)
from platform_assets_tests.conformance.engines import REFERENCE, Engine, Received, Row
from platform_assets_tests.conformance.generated import PLACES, VALUES, received
from platform_assets_tests.conformance.grid import has_value
from platform_assets_tests.conformance.pipeline import Case


def require_silver_agreement(engine: Engine, case: Case) -> None:
    """Of snapshots the values straight from silver are those from gold, in the reference and in the engine."""
    partitions, delay = case.source.partitions, case.source.data_delay
    newest = max([case.last, *(partitions.index(row["label_time"] - delay) for row in case.asked)])
    oldest = min([case.first, *(row.arrival for row in case.raw)])
    silver = REFERENCE.silver(case.source, case.raw, oldest, newest).accepted
    logs = {view.name: REFERENCE.change_log(view, silver, oldest, newest) for view in case.service.views if isinstance(view, FeatureView)}
    from_gold = REFERENCE.point_in_time(case.service, logs, case.asked)
    require_same_rows("the reference, straight from silver", from_gold, REFERENCE.from_silver(case.service, silver, case.asked))
    require_same_rows("straight from silver", from_gold, engine.from_silver(case.service, silver, case.asked))


# --- temporal accuracy ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sawtooth:
    """The windows of a temporal view."""

    lengths: tuple[str, ...]
    offset: str | None
    tile: str | None
    variant: int
    """Which argument and which condition each aggregation has."""


CHOICES = {
    "day": (("90m", "10h", "1d", "36h", "5d"), (None, "45m", "36h", "2d"), (None, None, "7m", "1h")),
    "hour": (("50s", "9m", "90m", "5h"), (None, "40s", "2h", "3h"), (None, None, "3s", "50s")),
    "week": (("12h", "5d", "10d", "17d"), (None, "84h", "2w"), (None, "11h")),
}
"""By unit of arrival: lengths of windows, offsets, tiles."""


@cache
def temporal_service(shape: Shape, windows: Sawtooth) -> FeatureService:
    """A large view by one key, with every aggregation over each length, and a small one by two."""
    events = declared_source(shape)
    found: list[Feature | Derived] = []
    for turn, length in enumerate(windows.lengths):
        for number, (name, ways) in enumerate(AGGREGATIONS.items()):
            make, arguments = ways[(windows.variant + turn) % len(ways)]
            where = WHERE[(windows.variant + number + turn) % len(WHERE)]
            found.append(make(*arguments, offset=windows.offset, where=where).over(length).named(f"{name}_{length}"))
    found.append(derive("idle", f"time_since_last_{windows.lengths[0]} > 3600.0"))
    large = FeatureView("users", entity=USER, source=events, features=found, accuracy="temporal", tile=windows.tile)
    features = [
        count().over(windows.lengths[0]),
        last("amount").over(*windows.lengths),
        sum_("quantity", default=0).over(windows.lengths[-1]),
    ]
    small = FeatureView("pairs", entity=USER_IN_SHOP, source=events, features=features, accuracy="temporal", tile=windows.tile)
    return FeatureService("served", [small, large])


@dataclass(frozen=True)
class MomentCase:
    """Temporal views, the rows of their source, and moments of entities."""

    about: str
    source: Source = field(repr=False)
    service: FeatureService = field(repr=False)
    raw: Sequence[Received]
    asked: Sequence[Row]


MomentRows = tuple[list[Received], list[Row]]
"""What is received, and whose values at which moments are asked for."""


@st.composite
def declared_moments(draw: st.DrawFn) -> tuple[MomentCase, st.SearchStrategy[MomentRows]]:
    """What is declared for a case, without rows, and rows that go with it."""
    unit = draw(st.sampled_from([DAYS, DAYS, HOURS, WEEKS, *draw(st.sampled_from([LOCAL, ()]))]))
    lengths, offsets, tiles = CHOICES[unit.partitions.unit]
    chosen = draw(st.lists(st.sampled_from(lengths), min_size=1, max_size=2, unique=True))
    windows = Sawtooth(tuple(chosen), draw(st.sampled_from(offsets)), draw(st.sampled_from(tiles)), draw(st.integers(0, 11)))
    delay, key = draw(st.sampled_from(unit.delays)), draw(st.sampled_from(KEYS))
    shape = Shape(unit, key, draw(st.integers(0, 3)), delay, None, draw(st.sampled_from([0.0, 0.0, 0.5])))
    source, service = declared_source(shape), temporal_service(shape, windows)
    base = max(source.partitions.index(draw(st.sampled_from(unit.places or PLACES))), source.partitions.first + 8)
    case = MomentCase(f"partitions of a {unit.partitions.unit}, {windows}, {shape}", source, service, [], [])
    return case, moment_rows(source, service, base)


@st.composite
def moment_cases(draw: st.DrawFn) -> MomentCase:
    """Moments at which something arrives, and rows on the edges of the windows at these moments, or a microsecond off."""
    case, rows = draw(declared_moments())
    raw, wanted = draw(rows)
    return replace(case, raw=raw, asked=wanted)


@st.composite
def moment_rows(draw: st.DrawFn, source: Source, service: FeatureService, base: int) -> MomentRows:
    """Rows, and moments that they are about."""
    arrivals = [source.partitions.ends_at(base + number) + source.data_delay for number in range(3)]
    off = st.sampled_from([0, 0, 1, -1, -1])
    times = draw(
        st.lists(
            st.tuples(st.sampled_from(arrivals), st.sampled_from([0, 0, 0, 0, -1, -1, 1, 7_654_321, 2_345_678_901])), min_size=1, max_size=5
        )
    )
    moments = [at + shift * MICROSECOND for at, shift in times]
    edges = [edge for t in moments for edge in _edges(service, t)]
    span = (arrivals[-1] - arrivals[0]) // timedelta(seconds=1)
    near = st.tuples(st.sampled_from(edges), off).map(lambda at: at[0] + at[1] * MICROSECOND)
    anywhere = st.integers(-span, span).map(lambda seconds: arrivals[0] + timedelta(seconds=seconds))
    raw = draw(received(source, st.one_of(near, near, near, anywhere)))
    entity = st.tuples(st.sampled_from(["ada", "ada", "ada", "bob", "zoë", "nobody", None]), VALUES["shop"])
    asked = draw(st.lists(st.tuples(entity, st.sampled_from(moments)), min_size=1, max_size=8))
    rows = [{"user": user, "shop": shop, "label_time": t} for (user, shop), t in asked]
    # A row's own time is a moment too: it is not in a window that ends with it.
    own = [(row.means["user"], row.means["shop"], row.means["at"]) for row in raw[:2]]
    rows += [{"user": user, "shop": shop, "label_time": t} for user, shop, t in own if not {UNREADABLE, ZONELESS} & {user, shop, t}]
    return raw, [*rows, *rows[:1]]


def _edges(service: FeatureService, t: datetime) -> Iterator[datetime]:
    """Where the windows at a moment begin and end."""
    for window in {feature.window for view in service.views if isinstance(view, FeatureView) for feature in view.stored}:
        yield from _bounds(window, t)


def _bounds(window: Window, t: datetime) -> tuple[datetime, datetime]:
    assert window.length is not None
    assert window.tile is not None
    start = reference.floor(t - window.offset - window.length, window.tile)
    return start, reference.floor(t - window.offset, window.tile) if window.offset else t


def require_temporal_agreement(engine: Engine, case: MomentCase) -> "set[Cell]":
    """A Disagreement if the engine has other values at the moments than the reference; what the case has met."""
    arrivals = [row.arrival for row in case.raw] or [case.source.partitions.first]
    silver = REFERENCE.silver(case.source, case.raw, min(arrivals), max(arrivals)).accepted
    expected = REFERENCE.from_silver(case.service, silver, case.asked)
    require_same_rows(case.about, expected, engine.from_silver(case.service, silver, case.asked))
    return set(_met(case, silver))


Cell = tuple[str, str, str]
"""Aggregation, where a row with a value lies, and whether it has arrived."""

WHERE_ROWS_LIE = ("at the start", "before the start", "before the end", "at the end")
CELLS: list[Cell] = [
    *product(AGGREGATIONS, WHERE_ROWS_LIE, ("arrived", "not yet")),
    *product(["any"], WHERE_ROWS_LIE, ["arrives at the moment", "a microsecond too late"]),
]


def _met(case: MomentCase, silver: Sequence[Row]) -> Iterator[Cell]:
    """A cell is met if a row with a value lies on one side of an edge, to the microsecond."""
    for view in case.service.views:
        assert isinstance(view, FeatureView)
        for label in case.asked:
            t, mine = label["label_time"], [row for row in silver if all(row[k] == label[k] for k in view.entity.keys)]
            for feature in view.stored:
                start, end = _bounds(feature.window, t)
                places = {
                    start: "at the start",
                    start - MICROSECOND: "before the start",
                    end - MICROSECOND: "before the end",
                    end: "at the end",
                }
                for row in mine:
                    at, arrived = row[case.source.event_time], reference.arrived_at(case.source, row)
                    if at in places and has_value(feature, row):
                        yield feature.measure.aggregation.name, places[at], "arrived" if arrived <= t else "not yet"
                        if arrived in (t, t + MICROSECOND):
                            yield "any", places[at], "arrives at the moment" if arrived == t else "a microsecond too late"


@dataclass
class Met:
    """In how many cases each cell occurred, and what else did."""

    examined: int = 0
    cells: Counter[Cell] = field(default_factory=Counter)

    def add(self, cells: set[Cell]) -> None:
        self.examined += 1
        self.cells.update(cells)

    def rarer_than(self, times: int) -> dict[Cell, int]:
        """The cells that occurred less often; what arrives to the microsecond, whatever the aggregation, a quarter as often."""
        return {cell: self.cells[cell] for cell in CELLS if self.cells[cell] < (times // 4 if cell[0] == "any" else times)}

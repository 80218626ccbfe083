"""Generated cases of a state or snapshot source and an attribute view: updates out of order, ties of event time, changes to null, blocked
partitions, late rows, partitions that are restated; pictures that say the same again, and keys that have gone."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import product

from hypothesis import strategies as st

from platform_assets import AttributeView, Entity, FeatureService
from platform_assets.declare.durations import duration
from platform_assets.declare.names import REMOVED
from platform_assets.declare.source import Kind
from platform_assets.engines import reference
from platform_assets.testing.equality import require_same_rows, require_same_table
from platform_assets_tests.conformance.declared import LOCAL, UNITS, Shape, declared_source
from platform_assets_tests.conformance.engines import REFERENCE, Engine, Received, Row
from platform_assets_tests.conformance.generated import PLACES, VALUES, as_text

PLACE = ("arrival", "delivery", "row_number")
KEYED_BY = ("id",), ("code",), ("code", "id")
ATTRIBUTES = ("amount", "quantity", "category", "ok", "day", "at", "user", "gift")

WHAT_STATES_MEET = (
    *("an older update comes later", "updates tie in time", "a value becomes null", "a partition is blocked"),
    *("a picture says the same again", "a key has gone", "a key comes back"),
)


@dataclass(frozen=True)
class StateCase:
    """An attribute view, the rows of its source, and what a partition is restated to."""

    about: str
    view: AttributeView = field(repr=False)
    raw: Sequence[Received]
    restated: int
    instead: Sequence[Received]
    """The rows of the restated partition."""
    asked: Sequence[Row]
    first: int
    last: int
    cut: int


StateRows = tuple[list[Received], int, list[Received], list[Row]]
"""What is received, which partition is restated, its rows then, and what a point-in-time join asks for."""


@st.composite
def declared_states(draw: st.DrawFn, kinds: Sequence[Kind] = ("state", "snapshot")) -> tuple[StateCase, st.SearchStrategy[StateRows]]:
    """What is declared for a case, without rows, and rows that go with it. kinds: those of the source."""
    unit = draw(st.sampled_from([*UNITS, *draw(st.sampled_from([LOCAL, ()]))]))
    key = draw(st.sampled_from(KEYED_BY))
    delay, share = draw(st.sampled_from(unit.delays)), draw(st.sampled_from([0.0, 0.5, 0.7]))
    kind: Kind = draw(st.sampled_from(kinds))
    back = draw(st.integers(1, 3)) if kind == "snapshot" else 0
    shape = Shape(unit, key, back, delay, draw(st.sampled_from([None, "Europe/London"])), share, kind)
    source = declared_source(shape)
    chosen = draw(st.lists(st.sampled_from(ATTRIBUTES), min_size=1, max_size=3, unique=True))
    view = AttributeView("profile", entity=Entity("thing", keys=key), source=source, attributes=chosen)
    partitions = source.partitions
    first = max(partitions.index(draw(st.sampled_from(unit.places or PLACES))), partitions.first)
    last = first + draw(st.integers(1, 6))
    about = f"a {kind}, partitions of a {unit.partitions.unit}, key {key}, data_delay {duration(delay, 'delay')}, accepted_share {share}"
    case = StateCase(about, view, [], first, [], [], first, last, draw(st.integers(first, last)))
    return case, state_rows(shape, view, first, last)


@st.composite
def state_cases(draw: st.DrawFn) -> StateCase:
    """A source with a few entities, whose updates fall on a few moments, so that they tie and overtake each other."""
    case, rows = draw(declared_states())
    raw, restated, instead, wanted = draw(rows)
    return replace(case, raw=raw, restated=restated, instead=instead, asked=wanted)


@st.composite
def state_rows(draw: st.DrawFn, shape: Shape, view: AttributeView, first: int, last: int) -> StateRows:
    """The rows of a case."""
    key, partitions = shape.key, view.source.partitions
    step, start = partitions.step, partitions.starts_at(first)
    moments = st.integers(0, 4 * (last - first + 1) - 1).map(lambda quarter: start + quarter * step / 4)
    as_texts = draw(st.booleans())
    raw: list[Received] = []
    for arrival in range(first, last + 1):
        earlier = [row for row in raw if row.arrival == arrival - 1] if shape.kind == "snapshot" else []
        raw += draw(updates(shape, arrival, moments, as_texts, earlier))
    restated = draw(st.integers(first, last))
    instead = draw(updates(shape, restated, moments, as_texts, []))
    valid = [view.valid_from(partition) + off for partition in range(first - 1, last + 1) for off in (timedelta(0), -timedelta.resolution)]
    entities = [dict(zip(key, values, strict=True)) for values in product(*([*KEY_VALUES[column], None] for column in key))]
    asked = draw(st.lists(st.tuples(st.sampled_from(entities), st.sampled_from(valid)), max_size=12))
    rows = [{**entity, "label_time": time} for entity, time in asked]
    return raw, restated, instead, rows


KEY_VALUES: dict[str, list[int] | list[str]] = {"id": [1, 2], "code": ["a", "b"]}


@st.composite
def updates(
    draw: st.DrawFn, shape: Shape, arrival: int, moments: st.SearchStrategy[datetime], as_texts: bool, earlier: Sequence[Received]
) -> list[Received]:
    """The rows of an arrival partition: some say what earlier ones said, some are from the future, or cannot be read."""
    source = declared_source(shape)
    keys = {column: st.sampled_from(values) for column, values in KEY_VALUES.items()}
    drawn = draw(st.lists(st.fixed_dictionaries({**VALUES, **keys, "at": moments}), max_size=5))
    end = source.partitions.ends_at(arrival)
    rows: list[Received] = []
    for number, row in enumerate(drawn, start=1):
        if row["at"] >= end and draw(st.sampled_from([True, True, False])):  # most that lie in the future have just happened
            row["at"] = end - source.partitions.step / 4
        if number > 1 and draw(st.sampled_from([False, False, False, True])):
            said = drawn[number - 2]
            row |= draw(st.sampled_from([{"at": said["at"]}, {**said, "at": row["at"]}, said]))
        if source.kind == "snapshot":
            row[source.event_time] = end - timedelta.resolution
        values = {column: row[column] for column in source.columns}
        came, means = draw(as_text(values, source)) if as_texts else (values, values)
        means = {column: None if value == "" else value for column, value in means.items()}
        if earlier and draw(st.booleans()):  # a picture says most of what the one before it said
            again, picture_time = draw(st.sampled_from(list(earlier))), {source.event_time: came[source.event_time]}
            came, means = {**again.came, **picture_time}, {**again.means, source.event_time: means[source.event_time]}
        rows.append(Received(came, means, arrival, draw(st.sampled_from([1, 1, 2])), number))
    return rows


def require_state_agreement(engine: Engine, case: StateCase) -> set[str]:
    """A Disagreement if the engine says another thing than the reference; what the case has met."""
    view, source = case.view, case.view.source
    expected = REFERENCE.silver(source, case.raw, case.first, case.last)
    halves = [engine.silver(source, case.raw, *run) for run in ((case.first, case.cut - 1), (case.cut, case.last)) if run[0] <= run[1]]
    require_same_table("silver", expected.accepted, [row for half in halves for row in half.accepted], PLACE)
    require_same_table("quarantine", expected.quarantined, [row for half in halves for row in half.quarantined], PLACE)
    require_same_table("counts", expected.counts, [row for half in halves for row in half.counts], ("partition",))
    silver = expected.accepted
    log = engine.attributes_log(view, silver, case.first, case.cut - 1) if case.first < case.cut else []
    log += engine.attributes_log(view, silver, case.cut, case.last)
    keys = (*view.entity.keys, "partition")
    require_same_table("gold", REFERENCE.attributes_log(view, silver, case.first, case.last), log, keys)
    require_reads(engine, case, log, silver)

    # A restated partition makes its own partition of silver and gold anew, a picture also those that may be compared with it, and no other.
    corrected = [row for row in case.raw if row.arrival != case.restated] + list(case.instead)
    until = min(case.restated + source.duplicates_within, case.last)
    anew = engine.silver(source, corrected, case.restated, until).accepted
    log = [row for row in log if not case.restated <= row["partition"] <= until]
    log += engine.attributes_log(view, anew, case.restated, until)
    require_reads(engine, case, log, REFERENCE.silver(source, corrected, case.first, case.last).accepted)
    same = {"a picture says the same again"} if source.kind == "snapshot" and any(row["duplicates"] for row in expected.counts) else set()
    return _met(case, silver, {row["partition"] for row in expected.counts if row["tier"] == "LOW"}) | same


def require_reads(engine: Engine, case: StateCase, log: Sequence[Row], silver: Sequence[Row]) -> None:
    """Values read from gold are those that the definition gives straight from silver."""
    view, service = case.view, FeatureService("served", [case.view])
    found = engine.point_in_time(service, {view.name: log}, case.asked)
    wanted = []
    for row in case.asked:
        entity = tuple(row[key] for key in view.entity.keys)
        values = reference.attributes_as_of(view, silver, entity, row["label_time"])
        wanted.append({**row, **{f"{view.name}__{name}": value for name, value in values.items()}})
    require_same_rows("point-in-time join", wanted, found)


def _met(case: StateCase, silver: Sequence[Row], blocked: set[int]) -> set[str]:
    view, met, at = case.view, {"a partition is blocked"} if blocked else set(), case.view.source.event_time
    by_place = sorted(silver, key=lambda row: tuple(row[column] for column in PLACE))
    for number, row in enumerate(by_place):
        for earlier in by_place[:number]:
            if all(row[key] == earlier[key] for key in view.entity.keys):
                met |= {"an older update comes later"} if row[at] < earlier[at] else set()
                met |= {"updates tie in time"} if row[at] == earlier[at] else set()
                becomes_null = any(row[name] is None and earlier[name] is not None for name in view.attributes)
                met |= {"a value becomes null"} if becomes_null and row[at] >= earlier[at] else set()
                met |= {"a key comes back"} if earlier.get(REMOVED) and not row[REMOVED] else set()
        met |= {"a key has gone"} if row.get(REMOVED) else set()
    return met

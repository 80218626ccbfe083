"""Generated cases for an engine whose operations cost a second each, whatever the number of rows: many cases of one declaration at once.

The cases of a group have the same declarations and rows of their own. Their entities and keys are told apart by the number of the case, so
that all rows lie in the same tables and go through the engine together, spread over its buckets. The oracle computes what belongs to an
entity case by case; partitions of silver and reports, in which all cases meet, it computes of all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from platform_assets import FeatureService
from platform_assets.declare.source import Source
from platform_assets.declare.training import TrainingSet
from platform_assets.engines import reference
from platform_assets.testing.equality import require_same_rows, require_same_table
from platform_assets_tests.conformance.engines import REFERENCE, Judged, Received, Row
from platform_assets_tests.conformance.generated import TEXT, declared
from platform_assets_tests.conformance.moments import declared_moments
from platform_assets_tests.conformance.pipeline import runs_between
from platform_assets_tests.conformance.states import declared_states
from platform_assets_tests.conformance.through_tables import ThroughTables

PLACE = ("arrival", "delivery", "row_number")
CASE = 1000
"""Numbers of cases are so far apart: in ids and row numbers."""


def drawn(strategy: st.SearchStrategy[Any], number: int, of: int) -> list[Any]:
    """So many different values of a strategy, which follow from the seed `of`; none is made smaller afterwards."""
    found: list[Any] = []

    @seed(of)
    @settings(max_examples=number, phases=[Phase.generate], database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(strategy)
    def take(value: Any) -> None:
        found.append(value)

    take()
    return found


def is_text(row: Received, source: Source) -> bool:
    """Whether a value came as text whose type is another."""
    return any(isinstance(value, str) and source.columns[column].type != "str" for column, value in row.came.items())


def written(row: Received, source: Source) -> Received:
    """The row as an export writes it."""
    came = {c: v if v is None or isinstance(v, str) else TEXT[source.columns[c].type](v) for c, v in row.came.items()}
    return Received(came, row.means, row.arrival, row.delivery, row.row_number)


def _own(values: Row, case: int) -> Row:
    """Values with the entities and keys of a case."""
    own = dict(values)
    for column, named in (("user", lambda value: f"{value} {case}"), ("code", lambda value: f"{value} {case}")):
        if own.get(column) is not None:
            own[column] = named(own[column])
    if isinstance(own.get("id"), int):
        own["id"] += CASE * case
    return own


def own_row(row: Received, case: int) -> Received:
    """A row of raw as one of a case: its id is written as it came."""
    means, came = _own(row.means, case), _own(row.came, case)
    if isinstance(row.came["id"], str) and isinstance(row.means["id"], int):
        came["id"] = TEXT["int"](means["id"])
    return Received(came, means, row.arrival, row.delivery, row.row_number + CASE * case)


@dataclass(frozen=True)
class Parts:
    """The cases of a group, by number."""

    raw: list[list[Received]]
    asked: list[list[Row]]

    @staticmethod
    def of(rows: Sequence[tuple[list[Received], list[Row]]], source: Source, size: int, as_text: bool) -> "Parts":
        """Of the drawn rows those of so many cases: all of them as text, or those that came in their types."""
        possible = [(raw, asked) for raw, asked in rows if as_text or not any(is_text(row, source) for row in raw)][:size]
        return Parts(
            [[own_row(written(row, source) if as_text else row, case) for row in raw] for case, (raw, _) in enumerate(possible)],
            [[_own(row, case) for row in asked] for case, (_, asked) in enumerate(possible)],
        )

    @property
    def everything(self) -> list[Received]:
        return [row for rows in self.raw for row in rows]

    @property
    def all_asked(self) -> list[Row]:
        return [row for rows in self.asked for row in rows]

    def split(self, silver: Sequence[Row]) -> list[list[Row]]:
        """Silver's rows of each case."""
        found: list[list[Row]] = [[] for _ in self.raw]
        for row in silver:
            found[row["row_number"] // CASE].append(row)
        return found


def require_silver(engine: ThroughTables, source: Source, raw: list[Received], first: int, cuts: Sequence[int], last: int) -> list[Row]:
    """Silver, the same by the engine in several runs as by the oracle."""
    expected = REFERENCE.silver(source, raw, first, last)
    halves = [engine.silver(source, raw, run.start, run.stop - 1) for run in runs_between(first, cuts, last)]
    got = Judged(*([row for half in halves for row in getattr(half, name)] for name in ("accepted", "quarantined", "counts")))
    require_same_table("silver", expected.accepted, got.accepted, PLACE)
    require_same_table("quarantine", expected.quarantined, got.quarantined, PLACE)
    require_same_table("counts", expected.counts, got.counts, ("partition",))
    return expected.accepted


def require_group(engine: ThroughTables, size: int, of: int) -> int:
    """A group from raw to training sets and reports: a Disagreement if the engine has another value. How many cases it had."""
    case, strategy = drawn(declared(), 3, of)[-1]
    parts = Parts.of(drawn(strategy, 3 * size, of), case.source, size, as_text=of % 2 == 1)
    service, training, source = case.service, case.training, case.source
    oldest = min([case.first, *(row.arrival for row in parts.everything)])
    # The log reaches as far as anyone reads.
    delay, partitions = source.data_delay, source.partitions
    ends = [training.partitions.ends_at(month) for month in case.months] + [row["label_time"] for row in parts.all_asked]
    last = max(case.last, *(partitions.index(min(at, partitions.ends_at(case.last + 6)) - delay) for at in ends))
    silver = require_silver(engine, source, parts.everything, oldest, [case.cut], last)
    mine = parts.split(silver)
    logs: dict[str, list[list[Row]]] = {}
    for view in service.views:
        logs[view.name] = [REFERENCE.change_log(view, rows, case.first, last) for rows in mine]
        wanted = _together(logs[view.name])
        runs = runs_between(case.first, [case.cut] if view.name == "users" else [], last)
        log = [row for run in runs for row in engine.change_log(view, silver, run.start, run.stop - 1)]
        require_same_table(f"change log of {view.name}", wanted, log, (*view.entity.keys, "partition"))
        if view.lifetime:
            log = engine.change_log(view, silver, case.cut, last, [case.cut - 1])
            wanted = [row for row in wanted if row["partition"] >= case.cut]
            require_same_table(f"change log of {view.name} from a checkpoint", wanted, log, (*view.entity.keys, "partition"))
    read = [{name: log[number] for name, log in logs.items()} for number in range(len(mine))]
    whole = {name: _together(log) for name, log in logs.items()}
    asked = [[row for row in rows if partitions.index(row["label_time"] - delay) - 1 <= last] for rows in parts.asked]
    expected = [row for number, rows in enumerate(asked) for row in REFERENCE.point_in_time(service, read[number], rows)]
    require_same_rows("point-in-time join", expected, engine.point_in_time(service, whole, _together(asked)))
    expected = [row for number, rows in enumerate(asked) for row in REFERENCE.from_silver(service, mine[number], rows)]
    require_same_rows("straight from silver", expected, engine.from_silver(service, silver, _together(asked)))
    for month in case.months:
        labels = [REFERENCE.labels(training, rows, month) for rows in mine]
        wanted = _together([_with_features(training, read[number], rows) for number, rows in enumerate(labels)])
        got = engine.training(training, silver, whole, month)
        if all(partitions.index(row["label_time"] - delay) - 1 <= last for rows in labels for row in rows):
            require_same_table("training set", wanted, got, (*training.entity.keys, "label_time"))
    report = REFERENCE.report(case.table, silver, case.first, last)
    require_same_table("report", report, engine.report(case.table, silver, case.first, last), (*case.table.by, "partition"))
    return len(parts.raw)


def _with_features(training: TrainingSet, logs: dict[str, list[Row]], labels: list[Row]) -> list[Row]:
    asked = [{**row} for row in labels]
    return REFERENCE.point_in_time(training.features, logs, asked)


def _together(parts: Sequence[Sequence[Row]]) -> list[Row]:
    return [row for part in parts for row in part]


def require_group_of_states(engine: ThroughTables, size: int, of: int) -> int:
    """A group of attribute views: of states or snapshots, in turn."""
    case, strategy = drawn(declared_states(["state" if of // 2 % 2 else "snapshot"]), 3, of)[-1]
    rows = [(raw, asked) for raw, _, _, asked in drawn(strategy, 3 * size, of)]
    parts = Parts.of(rows, case.view.source, size, as_text=of % 2 == 1)
    view, source = case.view, case.view.source
    silver = require_silver(engine, source, parts.everything, case.first, [case.cut], case.last)
    mine = parts.split(silver)
    wanted = _together([REFERENCE.attributes_log(view, rows, case.first, case.last) for rows in mine])
    log = engine.attributes_log(view, silver, case.first, case.last)
    require_same_table("gold", wanted, log, (*view.entity.keys, "partition"))
    expected = []
    for number, asked in enumerate(parts.asked):
        for row in asked:
            entity = tuple(row[key] for key in view.entity.keys)
            values = reference.attributes_as_of(view, mine[number], entity, row["label_time"])
            expected.append({**row, **{f"{view.name}__{name}": value for name, value in values.items()}})
    service = FeatureService("served", [view])
    require_same_rows("point-in-time join", expected, engine.point_in_time(service, {view.name: log}, parts.all_asked))
    return len(parts.raw)


def require_group_of_moments(engine: ThroughTables, size: int, of: int) -> int:
    """A group of temporal views."""
    case, strategy = drawn(declared_moments(), 3, of)[-1]
    parts = Parts.of(drawn(strategy, 3 * size, of), case.source, size, as_text=of % 2 == 1)
    arrivals = [row.arrival for row in parts.everything] or [case.source.partitions.first]
    silver = REFERENCE.silver(case.source, parts.everything, min(arrivals), max(arrivals)).accepted
    mine = parts.split(silver)
    expected = [row for number, asked in enumerate(parts.asked) for row in REFERENCE.from_silver(case.service, mine[number], asked)]
    require_same_rows(case.about, expected, engine.from_silver(case.service, silver, parts.all_asked))
    return len(parts.raw)

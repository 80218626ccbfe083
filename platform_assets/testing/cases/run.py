"""A case put to an engine: what it computes, and whether that is what the case expects."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import polars as pl

from platform_assets.declare.attributes import AttributeView, View
from platform_assets.declare.training import FeatureService
from platform_assets.declare.view import FeatureView
from platform_assets.engines import reference
from platform_assets.engines.polars import compute
from platform_assets.engines.polars.as_of import point_in_time
from platform_assets.engines.polars.attributes import attributes_log
from platform_assets.engines.polars.change_log import change_log
from platform_assets.engines.polars.parse import parsed
from platform_assets.engines.polars.silver import Judged
from platform_assets.engines.polars.times import index_of
from platform_assets.errors import DeclarationError, PlatformError
from platform_assets.expressions.types import POLARS
from platform_assets.testing.cases.case import Case
from platform_assets.testing.cases.declared import (
    Row,
    came,
    declared_source,
    declared_view,
    expected_rows,
    quarantined_rows,
    relative_tolerance,
)
from platform_assets.testing.equality import same

Status = Literal["passed", "failed", "cannot"]
Quarantined = dict[int, list[str]]


@dataclass(frozen=True)
class Difference:
    """A value that is not the expected one. row: the keys and the moment; what: a feature, or what else was expected."""

    row: Row
    what: str
    expected: Any
    found: Any


@dataclass(frozen=True)
class Outcome:
    """What came of a case on an engine. message: why it failed or cannot be expressed, if not by values that differ."""

    case: Case
    engine: str
    status: Status
    message: str = ""
    differences: list[Difference] = field(default_factory=list)


def run_case(case: Case, engine: str) -> Outcome:
    """Computes what a case asks with one of ENGINES, and compares it with what the case expects."""
    if case.cannot is not None:
        return Outcome(case, engine, "cannot", case.cannot)
    wanted = case.words.get("error")
    try:
        differences = _differences(case, engine)
    except PlatformError as error:
        said = str(error).partition(f", case {case.title!r}")[2]  # a title may well have the words of the error
        if wanted is not None and wanted in said:
            return Outcome(case, engine, "passed")
        missed = "" if wanted is None else f"; expected was {wanted!r}"
        return Outcome(case, engine, "failed", f"{error}{missed}")
    if wanted is not None:
        return Outcome(case, engine, "failed", f"{case.place('error')}: there was no error; expected was {wanted!r}")
    return Outcome(case, engine, "failed" if differences else "passed", "", differences)


def _differences(case: Case, engine: str) -> list[Difference]:
    words = case.words
    with _told_with(case.place()):
        source = declared_source(words, case.place("columns"))
    with _told_with(case.place("attributes" if "attributes" in words else "features")):
        view = declared_view(words, source, case.place("features"))
    with _told_with(case.place("rows")):
        rows = came(words, source, case.place("rows"))
    expected = expected_rows(words, view, case.place("expected")) if "expected" in words else []
    asked = expected or _everybody(rows, words, view, case)
    with _told_with(case.place()):
        found, quarantined = ENGINES[engine](view, rows, [{name: row[name] for name in (*view.entity.keys, "at")} for row in asked])
    told = quarantined_rows(words, case.place("quarantined"))
    differences = [Difference({}, "quarantined", told, quarantined)] if told != quarantined else []
    tolerance = relative_tolerance(words, case.place("tolerance"))
    for wanted, got in zip(expected, found, strict=bool(expected)):
        row = {name: wanted[name] for name in (*view.entity.keys, "at")}
        differences += [
            Difference(row, name, value, got[name])
            for name, value in wanted.items()
            if name not in row and not _agree(value, got[name], tolerance)
        ]
    return differences


@contextmanager
def _told_with(place: str) -> Iterator[None]:
    """An error that does not know the file says where in it."""
    try:
        yield
    except PlatformError as error:
        if str(error).startswith(place.partition(", line")[0]):
            raise
        raise type(error)(f"{place}: {error}") from None


def _everybody(rows: pl.DataFrame, words: Mapping[str, Any], view: View, case: Case) -> list[Row]:
    """What a case asks that expects an error and no rows: every entity among its rows."""
    if "at" not in words:
        raise DeclarationError(f"{case.place()}: an error at which moment? Say at: 2024-03-05.")
    at = compute.moment(words["at"], case.place("at"))
    return [{**entity, "at": at} for entity in rows.select(view.entity.keys).unique(maintain_order=True).to_dicts()]


def _agree(expected: Any, found: Any, tolerance: float) -> bool:
    if isinstance(expected, float) and isinstance(found, float):
        return math.isclose(expected, found, rel_tol=tolerance)
    if isinstance(expected, list) and isinstance(found, list):
        return len(expected) == len(found) and all(_agree(one, other, tolerance) for one, other in zip(expected, found, strict=True))
    return same(expected, found)


def _by_reference(view: View, events: pl.DataFrame, asked: Sequence[Row]) -> tuple[list[Row], Quarantined]:
    source = view.source
    raw = compute.received(source, events)
    place = (index_of("arrival", source.partitions).alias("arrival"), "delivery", "row_number")
    rows = raw.select(*(parsed(source, column, raw.schema[column]) for column in source.columns), *place).to_dicts()
    judged = [reference.silver(source, rows, partition) for partition in sorted({row["arrival"] for row in rows})]
    silver = [row for accepted, _, _ in judged for row in accepted]
    quarantined = {row["row_number"]: row["reasons"] for _, bad, _ in judged for row in bad}
    labels = [{**{key: row[key] for key in view.entity.keys}, "label_time": row["at"]} for row in asked]
    if _is_temporal(view):
        return _features(view, reference.point_in_time(FeatureService("asked", [view]), {}, labels, {view.name: silver})), quarantined
    first = min((row["arrival"] for row in silver), default=source.partitions.first)
    last = max(first, source.partitions.index(max(row["at"] for row in asked) - source.data_delay) - 1)
    make = reference.attributes_log if isinstance(view, AttributeView) else reference.change_log
    log = make(view, silver, first, last)  # type: ignore[arg-type]
    return _features(view, reference.point_in_time(FeatureService("asked", [view]), {view.name: log}, labels)), quarantined


def _by_polars(view: View, events: pl.DataFrame, asked: Sequence[Row]) -> tuple[list[Row], Quarantined]:
    if _is_temporal(view):
        return _by_polars_from_silver(view, events, asked)
    judged = compute.judged(view.source, compute.received(view.source, events))
    first, last = compute.span(view, judged.silver, [row["at"] for row in asked])
    if isinstance(view, AttributeView):
        log = attributes_log(view, judged.silver.lazy(), first, last)
    else:
        log = pl.concat(change_log(view, judged.silver.lazy(), first, last))
    found = point_in_time(FeatureService("asked", [view]), {view.name: log.lazy()}, _frame(view, asked), time="at")
    return _features(view, found.to_dicts()), _quarantined(judged)


def _by_polars_from_silver(view: View, events: pl.DataFrame, asked: Sequence[Row]) -> tuple[list[Row], Quarantined]:
    judged = compute.judged(view.source, compute.received(view.source, events))
    silver = {view.name: judged.silver.lazy()}
    found = point_in_time(FeatureService("asked", [view]), {}, _frame(view, asked), time="at", silver=silver)
    return _features(view, found.to_dicts()), _quarantined(judged)


def _is_temporal(view: View) -> bool:
    """Whether it has no table, and is computed from silver alone."""
    return isinstance(view, FeatureView) and view.accuracy == "temporal"


def _frame(view: View, asked: Sequence[Row]) -> pl.DataFrame:
    return pl.DataFrame(asked, schema={**{key: POLARS[kind] for key, kind in view.key_types.items()}, "at": POLARS["datetime"]})


def _quarantined(judged: Judged) -> Quarantined:
    return dict(judged.quarantine.select("row_number", "reasons").sort("row_number").iter_rows())


def _features(view: View, joined: Sequence[Row]) -> list[Row]:
    return [{name: row[f"{view.name}__{name}"] for name in view.served} for row in joined]


ENGINES: dict[str, Callable[[View, pl.DataFrame, Sequence[Row]], tuple[list[Row], Quarantined]]] = {
    "reference": _by_reference,
    "polars": _by_polars,
    "polars-silver": _by_polars_from_silver,
}
"""The reference, Polars through a view's table, and Polars straight from silver, as training sets may be made.

Each computes the features asked for, in the order asked, and tells the rows it quarantined, from rows as a source delivers them.
"""

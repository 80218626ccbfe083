"""Runs a case on an engine, and compares the result with the expected values."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import polars as pl

from platform_assets.declare.attributes import View
from platform_assets.engines.polars import compute
from platform_assets.errors import DeclarationError, PlatformError
from platform_assets.kernels.entity_keys import keys_of
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
from platform_assets.testing.computed import ENGINES
from platform_assets.testing.equality import same

Status = Literal["passed", "failed", "cannot"]


@dataclass(frozen=True)
class Difference:
    """A value that differs from the expected one. row: the keys and the time; what: a feature, or what else was expected."""

    row: Row
    what: str
    expected: Any
    found: Any


@dataclass(frozen=True)
class Outcome:
    """The outcome of a case on an engine. message: why it failed or cannot be expressed, unless values differ."""

    case: Case
    engine: str
    status: Status
    message: str = ""
    differences: list[Difference] = field(default_factory=list)


def run_case(case: Case, engine: str) -> Outcome:
    """Computes a case with one of ENGINES, and compares the result with the expected values."""
    if case.cannot is not None:
        return Outcome(case, engine, "cannot", case.cannot)
    wanted = case.words.get("error")
    try:
        differences = _differences(case, engine)
    except PlatformError as error:
        said = str(error).partition(f", case {case.title!r}")[2]  # a title may contain the words of the error
        if wanted is not None and wanted in said:
            return Outcome(case, engine, "passed")
        missed = "" if wanted is None else f"; expected {wanted!r}"
        return Outcome(case, engine, "failed", f"{error}{missed}")
    if wanted is not None:
        return Outcome(case, engine, "failed", f"{case.place('error')}: there was no error; expected {wanted!r}")
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
    """Adds the place in the file to errors that do not have it."""
    try:
        yield
    except PlatformError as error:
        if str(error).startswith(place.partition(", line")[0]):
            raise
        raise type(error)(f"{place}: {error}") from None


def _everybody(rows: pl.DataFrame, words: Mapping[str, Any], view: View, case: Case) -> list[Row]:
    """The rows to compute for a case that expects an error: every entity among its rows."""
    if "at" not in words:
        raise DeclarationError(f"{case.place()}: the time of the expected error is missing. Add at: 2024-03-05.")
    at = compute.moment(words["at"], case.place("at"))
    return [{**entity, "at": at} for entity in rows.select(keys_of(view.key_columns)).unique(maintain_order=True).to_dicts()]


def _agree(expected: Any, found: Any, tolerance: float) -> bool:
    if isinstance(expected, float) and isinstance(found, float):
        return math.isclose(expected, found, rel_tol=tolerance)
    if isinstance(expected, list) and isinstance(found, list):
        return len(expected) == len(found) and all(_agree(one, other, tolerance) for one, other in zip(expected, found, strict=True))
    return same(expected, found)

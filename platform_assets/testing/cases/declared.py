"""The declarations of a case: source, view, delivered and expected rows, from the words of a file."""

import inspect
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, cast

import polars as pl

from platform_assets.declare import features as declared_features
from platform_assets.declare.attributes import AttributeView, View
from platform_assets.declare.entity import Entity
from platform_assets.declare.features import Derived, Feature
from platform_assets.declare.partitions import Partitions, daily, hourly, weekly
from platform_assets.declare.source import Source, source
from platform_assets.declare.view import FeatureView
from platform_assets.engines.polars.compute import moment
from platform_assets.errors import ComputeError, DeclarationError, unknown
from platform_assets.expressions.types import ELEMENTS, PYTHON, DataType, FeatureType
from platform_assets.testing.cases.document import read_value
from platform_assets.testing.equality import TOLERANCE
from platform_assets.testing.events import KIND, READ, events, table_rows

Words = Mapping[str, Any]
Row = dict[str, Any]

SOURCE_WORDS = ("event_time", "key", "kind", "timezone", "rules", "flags", "data_delay", "clock_skew", "duplicates_within", "empty_text")
"""Words that are passed to @source unchanged."""

_OF_CASES = {"name", "entity", "source", "features", "online", "description", "owners", "tags", "engine"}
VIEW_WORDS = tuple(word for word in inspect.signature(FeatureView).parameters if word not in _OF_CASES)
"""Words that are passed to FeatureView unchanged."""

_PARTITIONS = {"daily": daily, "hourly": hourly, "weekly": weekly}
_FIRST = "1900-01-01"  # a Monday before the times of all cases; values do not depend on it
_TYPES = {declared: kind for kind, declared in PYTHON.items()}

AGGREGATIONS = {
    name: make
    for name, make in vars(declared_features).items()
    if inspect.isfunction(make) and not name.startswith("_") and make.__annotations__.get("return") in ("Feature", "Derived")
}
"""The functions that declare a feature, by name: the first words of features."""


def declared_source(words: Words, where: str) -> Source:
    """The source of a case. where: the start of messages that do not come from the declaration itself."""

    def rows(arrival: Any) -> None: ...

    options = {word: words[word] for word in SOURCE_WORDS if word in words and word != "key"}
    if "key" in words:
        options["key"] = _one_or_several(words["key"])
    return source(
        schema=type("Row", (), {"__annotations__": _columns(words.get("columns"), where)}),
        partitions=_partitions(words.get("partitions", "daily"), where),
        accepted_share=0.0,  # one bad row would hide the others
        **options,
    )(rows)


def _columns(given: Any, where: str) -> dict[str, Any]:
    if not isinstance(given, Mapping) or not given:
        raise DeclarationError(
            f"{where}, columns: {given!r} are not columns. Write columns: {{user: str, at: datetime, amount: float | None}}."
        )
    types: dict[str, Any] = {}
    for name, kind in given.items():
        plain, _, missing = (part.strip() for part in str(kind).partition("|"))
        if plain not in _TYPES or missing not in ("", "None"):
            raise unknown(f"{where}, columns, {name}", "type", str(kind), [*_TYPES, *(f"{one} | None" for one in _TYPES)])
        types[name] = _TYPES[plain] | None if missing else _TYPES[plain]
    return types


def _partitions(given: Any, where: str) -> Partitions:
    if not isinstance(given, str) or given not in _PARTITIONS:
        raise unknown(f"{where}, partitions", "kind of partition", str(given), _PARTITIONS)
    return _PARTITIONS[given](_FIRST)


def declared_view(words: Words, of: Source, where: str) -> View:
    """The view of a case: from `features` or `attributes`."""
    entity = Entity("entity", keys=_one_or_several(words.get("entity", ())))
    view: View
    if "attributes" in words:
        view = AttributeView("view", entity=entity, source=of, attributes=words["attributes"], keys=words.get("keys"))
    else:
        given = words.get("features", [])
        if not isinstance(given, list):
            raise DeclarationError(f"{where}, features: {given!r} is not a list. Write - {{count: , over: 7d}}, each on its own line.")
        made = [_feature(one, f"{where}, features") for one in given]
        view = FeatureView("view", entity=entity, source=of, features=made, **{word: words[word] for word in VIEW_WORDS if word in words})
    if "at" in (*entity.keys, *view.served):
        raise DeclarationError(f"{where}: 'at' is the time of reading in expected rows. Give the feature or key another name.")
    return view


def _feature(given: Any, where: str) -> Feature | Derived:
    """{sum: amount, where: not gift, over: [7d, 30d], named: spend_{window}} is sum("amount", where="not gift").over(...).named(...)."""
    if not isinstance(given, Mapping) or not given:
        raise DeclarationError(f"{where}: {given!r} is not a feature. Write {{sum: amount, over: 7d}}, or {{count: , over: 7d}}.")
    options = {word: value for word, value in given.items() if word not in ("over", "named")}
    name = next((word for word in options if word in AGGREGATIONS), None)
    if name is None:
        raise unknown(where, "aggregation", next(iter(options), ""), AGGREGATIONS)
    argument = options.pop(name)
    feature: Feature | Derived = AGGREGATIONS[name](*([] if argument is None else [argument]), **options)
    for method in ("over", "named"):
        if method in given:
            if isinstance(feature, Derived):
                raise DeclarationError(f"{where}, {name}({argument!r}): a derived feature has no {method!r}. Leave it out.")
            feature = feature.over(*_one_or_several(given[method])) if method == "over" else feature.named(given[method])
    return feature


def came(words: Words, of: Source, where: str) -> pl.DataFrame:
    """The rows of a case, as its source delivers them."""
    given = words.get("rows") or []
    return events(of, given if isinstance(given, str) else _rows(given, f"{where}, rows"))


def expected_rows(words: Words, view: View, where: str) -> list[Row]:
    """The expected rows of a case, typed: each with the entity's keys, `at`, and the features to compare."""
    where = f"{where}, expected"
    given = words["expected"]
    rows = table_rows(given, where) if isinstance(given, str) else _rows(given, where)
    if not rows:
        raise DeclarationError(
            f"{where}: there are no rows. Write a table of keys, at and features, with at least one row below its first line."
        )
    return [_expected(row, words, view, f"{where}, row {number}") for number, row in enumerate(rows, start=1)]


def _rows(given: Any, where: str) -> list[Words]:
    if not isinstance(given, list) or not all(isinstance(row, Mapping) for row in given):
        raise DeclarationError(f"{where}: {given!r} are not rows. Write a table, or a list of {{user: ada, at: 2024-03-05, amount: 1}}.")
    return given


def quarantined_rows(words: Words, where: str) -> dict[int, list[str]]:
    """The rows that a case expects to be quarantined, by row number, with the reasons."""
    given = words.get("quarantined") or {}
    if not isinstance(given, Mapping) or not all(row.isdecimal() and isinstance(reasons, list) for row, reasons in given.items()):
        raise DeclarationError(f"{where}, quarantined: {given!r} names no rows. Write {{3: [not_negative]}}: the third, by that rule.")
    return {int(row): reasons for row, reasons in given.items()}


def relative_tolerance(words: Words, where: str) -> float:
    """The relative tolerance for floats."""
    given = words.get("tolerance", TOLERANCE)
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 <= given < 1:
        raise DeclarationError(
            f"{where}, tolerance: {given!r} is not a relative tolerance. Write a number from 0 to below 1, such as 1e-5."
        )
    return float(given)


def _expected(row: Words, words: Words, view: View, where: str) -> Row:
    known = [*view.entity.keys, "at", *view.served]
    for name in row:
        if name not in known:
            raise unknown(where, "key or feature", name, known)
    if lacking := [key for key in view.entity.keys if key not in row]:
        raise DeclarationError(
            f"{where}: it has no {lacking[0]!r}, a key of the entity. Add it, so that it is clear whose values they are."
        )
    at = row.get("at", words.get("at"))
    if at is None:
        raise DeclarationError(
            f"{where}: the time is missing. Give the row a value in a column 'at', or the case one for all rows: at: 2024-03-05."
        )
    keys = {key: _typed(row[key], view.key_types[key], key, where) for key in view.entity.keys}
    values = {name: _typed(value, view.served[name], name, where) for name, value in row.items() if name in view.served}
    return {**keys, "at": moment(at, f"{where}, at"), **values}


def _typed(value: Any, kind: FeatureType, name: str, where: str) -> Any:
    """A value in the type of its column; a list is written [1, 2], even in a table."""
    if value is None:
        return None
    element = ELEMENTS.get(kind)
    members = read_value(value) if element and isinstance(value, str) else value
    try:
        if element is None:
            return READ[cast(DataType, kind)](value)
        if isinstance(members, list):
            return [READ[element](member) for member in members]
    except (ValueError, TypeError, ComputeError):
        pass
    what = f"list of {element}, such as [1, 2]" if element else KIND.get(kind, kind)
    raise DeclarationError(f"{where}: {name!r} is {value!r}, which is not {'an' if what == 'int' else 'a'} {what}.")


def _one_or_several(given: Any) -> Sequence[Any]:
    return given if isinstance(given, list | tuple) else [given]


def shown(value: Any) -> str:
    """A value as a case would write it."""
    if isinstance(value, list):
        return f"[{', '.join(map(shown, value))}]"
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat(sep=" ", timespec="auto" if value.second or value.microsecond else "minutes")
    if isinstance(value, bool):
        return str(value).lower()
    return "null" if value is None else value.isoformat() if isinstance(value, date) else str(value)

"""One event validated from the declaration of its source, with everything that is wrong with it: for producers, and for streams.

Values of the declared types are looked at by Python alone. Whatever else may be readable (a number in a text, a local time) is read by the
same kernel as rows of tables, so that the verdict is that of silver; it takes about a millisecond.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import polars as pl

from platform_assets.declare.arguments import shown
from platform_assets.declare.checks import Broken, Nulls, Severity, Unmatched
from platform_assets.declare.source import Source
from platform_assets.errors import ComputeError, DeclarationError, suggestion
from platform_assets.expressions.types import DataType
from platform_assets.kernels.parse import is_not_finite, parsed, why_unread, why_unreadable

_LOWEST, _HIGHEST = -(2**63), 2**63 - 1
_YEARS = range(1000, 10_000)


@dataclass(frozen=True)
class Violation:
    """One thing that is wrong with an event."""

    column: str
    """The column, or several with commas between them."""
    value: Any
    """What it has; of several columns a dict."""
    reason: str
    """As quarantine has it: 'missing', 'not float'; or the name of a rule or check, and what it demands."""
    severity: Severity = "error"
    """Of a check its own. "error" for everything that would put a row into quarantine."""


@dataclass(frozen=True)
class _Condition:
    """What a row must not break: a rule or a check."""

    columns: tuple[str, ...]
    is_broken: Callable[[Mapping[str, Any]], bool]
    reason: str
    severity: Severity


@dataclass(frozen=True)
class _Validator:
    """What is looked at in each event of a source, put together once."""

    source: Source
    required: frozenset[str]
    flags: Mapping[str, Callable[[Mapping[str, Any]], Any]]
    conditions: list[_Condition] = field(default_factory=list)


_KNOWN: dict[int, _Validator] = {}


def validate(source: Source, event: Mapping[str, Any]) -> list[Violation]:
    """Everything that is wrong with one event, by the declaration of its source: types, missing values, rules, and checks of rows.

    What a table's row would be quarantined for is an "error": a value that cannot be read as its type or is missing though it must not be,
    and each rule that is broken. Beside these the checks `in_range`, `matches`, `allowed` and `holds` are looked at, and
    `null_share(..., at_most=0)`, with their own severity. That an event lies in the future, or is a duplicate, one event does not tell.
    No Dagster, no lake: it takes about 20 microseconds, and a millisecond for a value of another type.

    Args:
        source: the declaration.
        event: values by column. A column that is not there has no value; others than those of the schema are not looked at.

    Returns:
        All violations, in the order of the schema, then rules, then checks. Empty: the event is right.

    Raises:
        DeclarationError: what was passed is no source, or no mapping.

    >>> [violation.reason for violation in validate(orders, {"invoice": "C1", "quantity": 1, "unit_price": "x"})]
    ['not float', 'missing', 'missing']
    """
    if not isinstance(source, Source):
        raise DeclarationError(f"validate: {shown(source)} is no source. Write validate(orders, event).")
    if not isinstance(event, Mapping):
        raise DeclarationError(f"validate: {shown(event)} is no event, a dict of values by column.")
    validator = _KNOWN.get(id(source))
    if validator is None or validator.source is not source:
        validator = _KNOWN[id(source)] = _validator(source)
    found, row = list[Violation](), dict[str, Any]()
    for column, declared in source.columns.items():
        value = event.get(column)
        typed, reason = _typed(source, column, declared.type, value)
        row[column] = typed
        if reason:
            found.append(Violation(column, value, reason))
        elif typed is None and column in validator.required:
            found.append(Violation(column, value, "missing" if column in event else _absent(source, column, event)))
    for name, flag in validator.flags.items():
        row[name] = flag(row) is True
    for condition in validator.conditions:
        try:
            is_broken, reason = condition.is_broken(row), condition.reason
        except ComputeError as error:
            is_broken, reason = True, f"{condition.reason} ({error})"
        if is_broken:
            values = {column: event.get(column, row.get(column)) for column in condition.columns}
            value = next(iter(values.values())) if len(values) == 1 else values
            found.append(Violation(", ".join(condition.columns), value, reason, condition.severity))
    return found


def _validator(source: Source) -> _Validator:
    required = {name for name, column in source.columns.items() if not column.nullable} | {source.event_time, *source.key}
    conditions = [
        _Condition(rule.columns, _is_false(rule.closure()), f"{name}: {rule.sql}", "error") for name, rule in source.rules.items()
    ]
    for check in source.checks:
        match check.figure:
            case Broken(condition=condition):
                made = _Condition(condition.columns, _is_false(condition.closure()), f"{check.name}: {condition.sql}", check.severity)
            case Unmatched(value=value, pattern=pattern):
                demand = f"{check.name}: matches {pattern}"
                made = _Condition(value.columns, _does_not_match(value.closure(), re.compile(pattern)), demand, check.severity)
            case Nulls(value=value) if check.at_most == 0:
                made = _Condition(value.columns, _is_null(value.closure()), f"{check.name}: missing", check.severity)
            case _:
                continue
        conditions.append(made)
    return _Validator(source, frozenset(required), {name: flag.closure() for name, flag in source.flags.items()}, conditions)


def _is_false(closure: Callable[[Mapping[str, Any]], Any]) -> Callable[[Mapping[str, Any]], bool]:
    return lambda row: closure(row) is False


def _is_null(closure: Callable[[Mapping[str, Any]], Any]) -> Callable[[Mapping[str, Any]], bool]:
    return lambda row: closure(row) is None


def _does_not_match(closure: Callable[[Mapping[str, Any]], Any], pattern: re.Pattern[str]) -> Callable[[Mapping[str, Any]], bool]:
    return lambda row: (text := closure(row)) is not None and pattern.fullmatch(text) is None


def _absent(source: Source, column: str, event: Mapping[str, Any]) -> str:
    """Of a column that is not there: perhaps it is there under another name."""
    others = [name for name in event if isinstance(name, str) and name not in source.columns]
    hint = suggestion(column, others) if others else ""
    return f"missing: the event has {hint.removeprefix('Did you mean ').removesuffix('?')}" if hint.startswith("Did") else "missing"


def _typed(source: Source, column: str, wanted: DataType, value: Any) -> tuple[Any, str]:
    """A value in its declared type, or None; and why it cannot be read."""
    if value is None:
        return None, ""
    kind = type(value)
    match wanted:
        case "int" if kind is int:
            return (value, "") if _LOWEST <= value <= _HIGHEST else (None, "not int")
        case "float" if kind is float:
            return (value, "") if math.isfinite(value) else (None, "")
        case "str" if kind is str:
            return (value if value or source.empty_text == "value" else None), ""
        case "bool" if kind is bool:
            return value, ""
        case "date" if kind is date and value.year in _YEARS:
            return value, ""
        case "datetime" if kind is datetime and value.tzinfo is UTC and value.year in _YEARS:
            return value, ""
    return _read_as_in_tables(source, column, wanted, value)


def _read_as_in_tables(source: Source, column: str, wanted: DataType, value: Any) -> tuple[Any, str]:
    try:
        frame = pl.DataFrame({column: [value]})
        stored = frame.schema[column]
        if frame.is_empty() or stored == pl.Object or why_unreadable(wanted, stored):
            return None, f"not {wanted}"
        read = frame.select(parsed(source, column, stored)).item()
    except (pl.exceptions.PolarsError, TypeError, ValueError, OverflowError):
        return None, f"not {wanted}"
    if read is not None:
        return read, ""
    if isinstance(value, str) and not (value if wanted == "str" else value.strip()):
        return None, ""  # a missing value
    if wanted == "float" and frame.select(is_not_finite(column, stored)).item():
        return None, ""
    why = frame.select(why_unread(source, column, stored, pl.col(column))).item()
    return None, str(why).removeprefix(f"{column}: ")

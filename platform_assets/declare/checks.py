"""Quality checks of a source as plain data: what is counted in a partition of silver, and what the count is held against.

`null_share`, `in_range` and the others of quality.py make a `Check`; `@source` turns it into a `QualityCheck`, whose expressions are parsed
and whose columns are known to exist.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal, Protocol

from platform_assets.declare.arguments import list_of, shown
from platform_assets.declare.names import check_name
from platform_assets.declare.partitions import Partitions
from platform_assets.errors import DeclarationError, unknown
from platform_assets.expressions import Expression, parse
from platform_assets.expressions.types import SQL_NAMES, DataType

Dimension = Literal["completeness", "accuracy", "consistency", "timeliness", "validity", "uniqueness"]
Severity = Literal["warn", "error"]
Kind = Literal[
    "null_share", "in_range", "matches", "allowed", "holds", "unique", "refers_to", "volume", "fresh", "duplicates", "outliers", "drift"
]


class Referenced(Protocol):
    """The source whose keys a check looks up."""

    @property
    def name(self) -> str: ...
    @property
    def key(self) -> tuple[str, ...]: ...
    @property
    def types(self) -> dict[str, DataType]: ...
    @property
    def partitions(self) -> Partitions: ...


@dataclass(frozen=True)
class Nulls:
    """How many rows have no value."""

    value: Expression

    @property
    def id(self) -> str:
        return f"nulls({self.value.canonical})"


@dataclass(frozen=True)
class Broken:
    """How many rows break a condition: it is false. Null is not false."""

    condition: Expression

    @property
    def id(self) -> str:
        return f"broken({self.condition.canonical})"


@dataclass(frozen=True)
class Unmatched:
    """How many texts a regular expression does not match from their first to their last character."""

    value: Expression
    pattern: str

    @property
    def id(self) -> str:
        return f"unmatched({self.value.canonical}, {self.pattern!r})"


@dataclass(frozen=True)
class Newest:
    """The newest event time before the end of the partition, in microseconds since 1970."""

    column: str

    @property
    def id(self) -> str:
        return f"newest({self.column})"


@dataclass(frozen=True)
class Cells:
    """How many numbers lie in each of some cells, of a fixed relative width (kernels/profile.py)."""

    value: Expression

    @property
    def id(self) -> str:
        return f"cells({self.value.canonical})"


@dataclass(frozen=True)
class Categories:
    """How many rows have each value of a text or bool."""

    value: Expression

    @property
    def id(self) -> str:
        return f"categories({self.value.canonical})"


@dataclass(frozen=True)
class Repeats:
    """How many rows have the values of another row of their partition, beyond the first one. Rows with a null have none."""

    columns: tuple[str, ...]

    @property
    def id(self) -> str:
        return f"repeats({', '.join(self.columns)})"


@dataclass(frozen=True)
class Orphans:
    """How many rows refer to a key that no row of another source has which arrived by the end of the partition, or `late` after it."""

    columns: tuple[str, ...]
    parent: Referenced
    to: tuple[str, ...]
    late: timedelta

    @property
    def id(self) -> str:
        by = f", {self.late // timedelta(seconds=1)}s later" if self.late else ""
        return f"orphans({', '.join(self.columns)} -> {self.parent.name}({', '.join(self.to)}){by})"


Counted = Nulls | Broken | Unmatched
OfRows = Counted | Newest | Cells | Categories
"""What is counted in any rows, and added up."""
Figure = OfRows | Repeats | Orphans


@dataclass(frozen=True)
class Check:
    """A check as it was written, before the columns of its source are known."""

    kind: Kind
    of: tuple[str, ...]
    """Columns, or an SQL expression."""
    dimension: Dimension
    severity: Severity
    name: str | None
    at_most: float | None = None
    at_least: float | None = None
    values: tuple[Any, ...] = ()
    parent: Referenced | None = None
    to: tuple[str, ...] = ()
    late: timedelta = timedelta(0)


@dataclass(frozen=True)
class QualityCheck:
    """A check of a source's silver: its figure in each partition is held against a bound."""

    name: str
    kind: Kind
    dimension: Dimension
    severity: Severity
    at_least: float | None
    at_most: float | None
    """Both None: the bound is learnt from earlier partitions like the one that is judged."""
    figure: Figure | None
    """None: the ledger has it of every partition."""
    says: str

    @property
    def is_learnt(self) -> bool:
        return self.at_least is None and self.at_most is None


BUILT_IN = ("nothing_lost", "accepted_share", "keys")
"""Checks that every source has. Its `volume` gives way to a declared one."""


def bound_checks(
    declared: Any, types: Mapping[str, DataType], nullable: Sequence[str], event_time: str, where: str
) -> tuple[QualityCheck, ...]:
    """The checks of a source, with their expressions parsed and their names told apart.

    types: of columns and flags. nullable: columns of accepted rows that may be null.
    """
    example = "checks=[null_share('customer_id', at_most=0.3)]"
    found: dict[str, QualityCheck] = {}
    for check in list_of(declared, f"{where}, checks", example):
        if not isinstance(check, Check):
            called = " Call it." if callable(check) else ""
            raise DeclarationError(f"{where}, checks: {shown(check)} is not a check.{called} Write {example}.")
        bound = _bound(check, types, nullable, event_time, where)
        if bound.name in BUILT_IN or bound.name.startswith("rule_"):
            raise DeclarationError(f"{where}, check {bound.name!r}: the platform has a check with this name. Write name='...'.")
        if bound.name in found:
            raise DeclarationError(f"{where}, checks: two are named {bound.name!r}. Write name='...' in one of them.")
        found[bound.name] = bound
    return tuple(found.values())


def _bound(check: Check, types: Mapping[str, DataType], nullable: Sequence[str], event_time: str, where: str) -> QualityCheck:
    name = _name(check, where)
    where = f"{where}, {check.kind} {', '.join(map(repr, check.of))}".rstrip(" ")
    figure, says = _figure(check, types, nullable, event_time, where)
    return QualityCheck(name, check.kind, check.dimension, check.severity, check.at_least, check.at_most, figure, says)


def _name(check: Check, where: str) -> str:
    if check.name is not None:
        check_name(check.name, f"{where}, {check.kind}, name")
        return check.name
    of = (check.parent.name,) if check.parent else check.of
    return "_".join([check.kind, *filter(None, (re.sub(r"[^a-z0-9]+", "_", one.lower()).strip("_") for one in of))])


def _figure(check: Check, types: Mapping[str, DataType], nullable: Sequence[str], event_time: str, where: str) -> tuple[Figure | None, str]:
    """What a check counts, and what it says of itself."""
    of = ", ".join(check.of)
    match check.kind:
        case "null_share":
            value = parse(check.of[0], columns=types, where=where)
            if check.of[0] in types and check.of[0] not in nullable:
                raise DeclarationError(
                    f"{where}: a row without {check.of[0]!r} is quarantined, so no accepted row lacks it. Annotate it with '| None', or "
                    "leave the check out: the reasons of quarantine count these rows."
                )
            return Nulls(value), f"The share of rows without {of}."
        case "in_range":
            low, high = check.values
            kind = parse(check.of[0], columns=types, where=where).type
            if kind in ("str", "bool"):
                raise DeclarationError(f"{where}: {of!r} is {SQL_NAMES[kind]}. A range is of numbers, dates or timestamps.")
            bounds = [f"({of}) {sign} {_literal(value, where)}" for sign, value in ((">=", low), ("<=", high)) if value is not None]
            says = " and ".join(f"{of} {sign} {value}" for sign, value in ((">=", low), ("<=", high)) if value is not None)
            return Broken(parse(" and ".join(bounds), columns=types, where=where)), f"The share of rows that break {says}."
        case "allowed":
            listed = ", ".join(_literal(value, where) for value in check.values)
            return Broken(parse(f"({of}) in ({listed})", columns=types, where=where)), f"The share of rows whose {of} is not in ({listed})."
        case "holds":
            condition = parse(check.of[0], columns=types, where=where)
            if condition.type != "bool":
                raise DeclarationError(f"{where}: it is {SQL_NAMES[condition.type]}, a condition must be true or false")
            return Broken(condition), f"The share of rows that break {of}."
        case "matches":
            value = _of_type(check.of[0], ("str",), types, where, "a text")
            return Unmatched(value, check.values[0]), f"The share of rows whose {of} does not match {check.values[0]} as a whole."
        case "unique":
            _require(check.of, types, where)
            return Repeats(check.of), f"The share of rows whose ({of}) another row of their partition has, the first one left out."
        case "refers_to":
            return _orphans(
                check, types, where
            ), f"The share of rows whose ({of}) no row of {check.parent.name if check.parent else ''} has."
        case "fresh":
            return Newest(event_time), f"How long before the end of its partition the newest {event_time} lies."
        case "outliers":
            value = _of_type(check.of[0], ("int", "float"), types, where, "a number")
            return Cells(value), f"The share of rows whose {of} lies more than 1.5 interquartile ranges outside of the quartiles."
        case "drift":
            value = _of_type(check.of[0], ("int", "float", "str", "bool"), types, where, "a number, text or bool")
            made = Cells(value) if value.type in ("int", "float") else Categories(value)
            return made, f"How far the distribution of {of} has moved, as population stability index."
        case "volume":
            return None, "The rows received."
        case "duplicates":
            return None, "The share of received rows that are copies of another."


def _of_type(sql: str, wanted: Sequence[DataType], types: Mapping[str, DataType], where: str, what: str) -> Expression:
    value = parse(sql, columns=types, where=where)
    if value.type not in wanted:
        raise DeclarationError(f"{where}: {sql!r} is {SQL_NAMES[value.type]}, and not {what}.")
    return value


def _require(columns: Sequence[str], types: Mapping[str, DataType], where: str) -> None:
    for column in columns:
        if column not in types:
            raise unknown(where, "column", column, types)


def _orphans(check: Check, types: Mapping[str, DataType], where: str) -> Orphans:
    assert check.parent is not None, "refers_to has a source"
    _require(check.of, types, where)
    parent, to = check.parent, check.to or check.parent.key
    if not to:
        raise DeclarationError(f"{where}: the source {parent.name!r} has no key. Say which columns are meant: to=['{check.of[0]}'].")
    for column in to:
        if column not in parent.types:
            raise unknown(f"{where}, source {parent.name!r}", "column", column, parent.types)
    if len(to) != len(check.of):
        raise DeclarationError(f"{where}: {len(check.of)} columns refer to {len(to)} of {parent.name!r}: {', '.join(to)}.")
    for mine, other in zip(check.of, to, strict=True):
        if types[mine] != parent.types[other]:
            raise DeclarationError(
                f"{where}: {mine!r} is {SQL_NAMES[types[mine]]}, {parent.name}.{other} is {SQL_NAMES[parent.types[other]]}. "
                "Declare both with one type."
            )
    return Orphans(check.of, parent, to, check.late)


def _literal(value: Any, where: str) -> str:
    """A constant of Python in SQL."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float() if value == value and abs(value) != float("inf"):
            return repr(value)
        case str():
            return "'" + value.replace("'", "''") + "'"
        case datetime() if value.tzinfo is not None:
            return f"timestamp '{value.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}'"
        case datetime():
            raise DeclarationError(f"{where}: {value!r} has no time zone. Give it one: value.replace(tzinfo=UTC).")
        case date():
            return f"date '{value.isoformat()}'"
        case _:
            raise DeclarationError(f"{where}: {shown(value)} is neither a finite number, a text, a bool, a date nor a datetime.")

"""Features: an aggregation of a column over windows, and features derived from others."""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, get_args

from platform_assets.declare.arguments import checked_arguments, integer, one_of, share, shown
from platform_assets.declare.durations import duration, is_duration, positive
from platform_assets.declare.names import check_name
from platform_assets.errors import DeclarationError

if TYPE_CHECKING:
    from platform_assets.aggregations import Aggregation
    from platform_assets.expressions import Expression
    from platform_assets.expressions.types import DataType, FeatureType

Closed = Literal["left", "right", "both", "none"]

LIFETIME = "lifetime"
"""How a window without a start is written."""


@dataclass(frozen=True)
class Window:
    """[t - offset - length, t - offset) for closed="left"; the other values change the edges as in Polars.

    length: None for a lifetime, which has no start and so no left edge.
    """

    text: str
    length: timedelta | None
    offset: timedelta = timedelta(0)
    closed: Closed = "left"
    tile: timedelta | None = None
    """With temporal accuracy: what its start, and with an offset also its end, is rounded down to."""

    @property
    def reach(self) -> timedelta:
        """How far back from t it looks; for a lifetime window, how far beyond a checkpoint."""
        return (self.length or timedelta(0)) + self.offset + (self.tile or timedelta(0))


@dataclass(frozen=True, repr=False)
class Feature:
    """An aggregation as declared; `over` adds windows, `named` a name.

    >>> sum("quantity * unit_price", where="not cancelled").over("30d").named("spend_30d")
    sum('quantity * unit_price', where='not cancelled').over('30d').named('spend_30d')
    """

    aggregation: Aggregation
    argument: str | None = None
    where: str | None = None
    closed: Closed = "left"
    offset: str | None = None
    windows: tuple[str, ...] = ()
    name: str | None = None
    horizon: str | None = None

    def over(self, *windows: str) -> Feature:
        """One feature for each window, such as over("7d", "30d"); "lifetime" has no start."""
        return replace(self, windows=windows)

    def within(self, horizon: str) -> Feature:
        """The aggregation over the rows that follow, which makes a label: see outcome(). A feature looks back, with over(...)."""
        return replace(self, horizon=horizon)

    def named(self, name: str) -> Feature:
        """Sets a name instead of the one made from column, aggregation and window. With several windows it contains {window}."""
        return replace(self, name=name)

    def __str__(self) -> str:
        options = {"where": self.where, "closed": None if self.closed == "left" else self.closed, "offset": self.offset}
        words = [
            *(repr(given) for given in (self.argument, self.aggregation.parameter) if given is not None),
            *(f"{k}={v!r}" for k, v in options.items() if v is not None),
        ]
        return f"{self.aggregation.name}({', '.join(words)})"

    def __repr__(self) -> str:
        over = f".over({', '.join(map(repr, self.windows))})" if self.windows else ""
        over += "" if self.horizon is None else f".within({self.horizon!r})"
        return f"{self}{over}{'' if self.name is None else f'.named({self.name!r})'}"

    def spans(self, where: str) -> list[Window]:
        """Its windows, checked."""
        where = f"{where}, {self}"
        if self.horizon is not None:
            raise DeclarationError(
                f"{where}.within({self.horizon!r}): a feature looks back. Write {self}.over({self.horizon!r}), or make it a label: "
                f"outcome(source, {self}.within({self.horizon!r}), spine=...)."
            )
        if not self.windows:
            raise DeclarationError(f"{where} has no window. Write {self}.over('7d').")
        one_of(self.closed, get_args(Closed), f"{where}, closed", "way to close a window")
        offset = duration(self.offset, f"{where}, offset") if self.offset is not None else timedelta(0)
        lengths = [_length(text, f"{where}.over") for text in self.windows]
        return [Window(text, length, offset, self.closed) for text, length in zip(self.windows, lengths, strict=True)]

    def name_over(self, window: str, where: str, plain_column: bool) -> str:
        """The name of the feature over one window: {column}_{aggregation}_{window}, or as named."""
        where = f"{where}, {self}"
        if self.name is None:
            special = [option for option, value in (("where", self.where), ("offset", self.offset)) if value is not None]
            special += ["closed"] if self.closed != "left" else []
            special += ["an expression"] if self.argument is not None and not plain_column else []
            if special:
                raise DeclarationError(
                    f"{where} has {special[0]}, which a name made from column and window would not show. Add .named('...')."
                )
            return "_".join(filter(None, (self.argument, _word(self.aggregation), window)))
        if not isinstance(self.name, str):
            raise DeclarationError(f"{where}.named: {shown(self.name)} is not a string. Write .named('spend_7d').")
        name = self.name.replace("{window}", window)
        if len(self.windows) > 1 and name == self.name:
            raise DeclarationError(
                f"{where} has {len(self.windows)} windows and one name, {self.name!r}. "
                f"Put the window into it: .named('{self.name}_{{window}}')."
            )
        check_name(name, where)
        return name


def _length(text: Any, where: str) -> timedelta | None:
    """How far a window reaches back; None: without limit."""
    try:
        return None if text == LIFETIME else positive(text, where)
    except DeclarationError as error:
        other = f" For all rows from the beginning, write '{LIFETIME}'." if isinstance(text, str) else ""
        raise DeclarationError(f"{error}{other}") from None


def _word(aggregation: Aggregation) -> str:
    """How it appears in feature names: mean, last_3, p50, p99_9."""
    if aggregation.parameter is None:
        return aggregation.name
    if aggregation.name == "quantile":
        return f"p{(Decimal(str(aggregation.parameter)) * 100).normalize():f}".replace(".", "_")
    return f"{aggregation.name.removesuffix('_n').removesuffix('_k')}_{aggregation.parameter}"


@dataclass(frozen=True)
class Measure:
    """An aggregation as engines compute it: its argument is checked, and null where `where` is not true."""

    name: str
    aggregation: Aggregation
    argument: Expression | None
    where: Expression | None
    type: FeatureType

    @property
    def empty(self) -> Any:
        """Its value when there are no rows."""
        return self.aggregation.empty

    @property
    def reads(self) -> tuple[str, ...]:
        """The columns of silver that it reads, besides keys and event time."""
        columns = {*(self.argument.columns if self.argument else ()), *(self.where.columns if self.where else ())}
        return tuple(sorted(columns))

    @property
    def meaning(self) -> list[Any]:
        """Everything its value depends on, as plain data."""
        return [
            self.name,
            self.aggregation.name,
            self.empty,
            self.argument and self.argument.canonical,
            self.where and self.where.canonical,
            *([] if self.aggregation.parameter is None else [self.aggregation.parameter]),
        ]


def measure(feature: Feature, types: Mapping[str, DataType], where: str) -> Measure:
    """A feature's aggregation, checked against columns of these types. Its name is the declared one, without a window."""
    from platform_assets.declare.source import condition
    from platform_assets.expressions import parse
    from platform_assets.expressions.types import SQL_NAMES

    aggregation = feature.aggregation
    if aggregation.argument == "required" and feature.argument is None:
        raise DeclarationError(f"{where}: {aggregation.name} needs a column or an expression, such as {aggregation.name}('amount').")
    argument = None if feature.argument is None else parse(feature.argument, columns=types, where=where)
    mask = None if feature.where is None else condition(feature.where, types, f"{where}, where")
    result = aggregation.result(argument.type if argument else "bool")
    if result is None:
        kind = SQL_NAMES[argument.type] if argument else "nothing"
        raise DeclarationError(f"{where}: {aggregation.name} needs a number, but {feature.argument!r} is {kind}")
    return Measure(feature.name or "", _with_default_of_type(aggregation, result, where), argument, mask, result)


def _with_default_of_type(aggregation: Aggregation, result: FeatureType, where: str) -> Aggregation:
    """The aggregation with its default in the type of its values: for integers 0, not 0.0."""
    from platform_assets.aggregations import Sum

    if not isinstance(aggregation, Sum) or aggregation.default is None:
        return aggregation
    default = aggregation.default
    is_number = isinstance(default, int | float) and not isinstance(default, builtins.bool) and math.isfinite(default)
    if not is_number or (result == "int" and not -(2**63) <= default < 2**63):
        raise DeclarationError(f"{where}, default: {shown(default)} is not a number that a column of {result} can hold")
    if result == "int" and default != int(default):
        raise DeclarationError(f"{where}, default: {default!r} is not a whole number, but the sum of integers is. Write {round(default)}.")
    return replace(aggregation, default=int(default) if result == "int" else float(default))


@dataclass(frozen=True)
class Derived:
    """A feature computed at read time from stored features of the same view."""

    name: str
    sql: str


@checked_arguments("derive")
def derive(name: str, sql: str) -> Derived:
    """A feature computed from others of the same view by an SQL expression, at read time on every path.

    >>> derive("spend_share", "spend_7d / spend_30d")
    """
    return Derived(name, sql)


def _feature(make: Callable[[], Aggregation], argument: str | None, where: str | None, closed: Closed, offset: str | None) -> Feature:
    aggregation = make()
    if is_duration(argument):
        more = "" if aggregation.parameter is None else f", {aggregation.parameter}"
        write = f"{aggregation.name}({'' if aggregation.argument == 'optional' else f'column{more}'}).over({argument!r})"
        raise DeclarationError(
            f"{aggregation.name}({argument!r}): {argument!r} is a duration, but the argument is a column. Write {write}."
        )
    if argument == "*":
        write = f"{aggregation.name}()" if aggregation.argument == "optional" else f"{aggregation.name}('amount')"
        raise DeclarationError(f"{aggregation.name}('*'): a star is not a column. Write {write}.")
    return Feature(aggregation, argument, where, closed, offset)


@checked_arguments("count")
def count(column: str | None = None, *, where: str | None = None, closed: Closed = "left", offset: str | None = None) -> Feature:
    """The number of rows, or of non-null values in a column. Empty window: 0."""
    from platform_assets.aggregations import Count

    return _feature(Count, column, where, closed, offset)


@checked_arguments("sum")
def sum(
    column: str, *, where: str | None = None, closed: Closed = "left", offset: str | None = None, default: float | None = None
) -> Feature:
    """The sum of a column or row expression, in its unit. Empty window: null, or `default`. Integers beyond 64 bits are an error."""
    from platform_assets.aggregations import Sum

    return _feature(lambda: Sum(default), column, where, closed, offset)


@checked_arguments("mean")
def mean(column: str, *, where: str | None = None, closed: Closed = "left", offset: str | None = None) -> Feature:
    """The mean of a column or row expression, in its unit. Empty window: null."""
    from platform_assets.aggregations import Mean

    return _feature(Mean, column, where, closed, offset)


@checked_arguments("std")
def std(column: str, *, where: str | None = None, closed: Closed = "left", offset: str | None = None) -> Feature:
    """The sample standard deviation (n - 1), in the column's unit. Fewer than two values: null."""
    from platform_assets.aggregations import Spread

    return _feature(lambda: Spread("std"), column, where, closed, offset)


@checked_arguments("variance")
def variance(column: str, *, where: str | None = None, closed: Closed = "left", offset: str | None = None) -> Feature:
    """The sample variance (n - 1), in the column's unit squared. Fewer than two values: null."""
    from platform_assets.aggregations import Spread

    return _feature(lambda: Spread("variance"), column, where, closed, offset)


@checked_arguments("min")
def min(column: str, *, where: str | None = None, closed: Closed = "left", offset: str | None = None) -> Feature:
    """The smallest value. Empty window: null."""
    from platform_assets.aggregations import Extreme

    return _feature(lambda: Extreme("min"), column, where, closed, offset)


@checked_arguments("max")
def max(column: str, *, where: str | None = None, closed: Closed = "left", offset: str | None = None) -> Feature:
    """The largest value. Empty window: null."""
    from platform_assets.aggregations import Extreme

    return _feature(lambda: Extreme("max"), column, where, closed, offset)


@checked_arguments("first")
def first(column: str, *, where: str | None = None, closed: Closed = "left", offset: str | None = None) -> Feature:
    """The earliest non-null value; ties in event time are broken by primary key. Empty window: null."""
    from platform_assets.aggregations import InOrder

    return _feature(lambda: InOrder("first"), column, where, closed, offset)


@checked_arguments("last")
def last(column: str, *, where: str | None = None, closed: Closed = "left", offset: str | None = None) -> Feature:
    """The latest non-null value; ties in event time are broken by primary key. Empty window: null."""
    from platform_assets.aggregations import InOrder

    return _feature(lambda: InOrder("last"), column, where, closed, offset)


@checked_arguments("last_n")
def last_n(column: str, n: int, *, where: str | None = None, closed: Closed = "left", offset: str | None = None) -> Feature:
    """A list: the n latest non-null values, newest first; ties in event time are broken by primary key. Empty window: []."""
    from platform_assets.aggregations import LastN

    return _feature(lambda: LastN(integer(n, f"last_n({column!r}), n", least=1)), column, where, closed, offset)


@checked_arguments("count_distinct")
def count_distinct(column: str, *, where: str | None = None, closed: Closed = "left", offset: str | None = None) -> Feature:
    """The number of distinct values: exact up to 4,096, beyond that within 1.6% (one standard error). Empty window: 0."""
    from platform_assets.aggregations import CountDistinct

    return _feature(CountDistinct, column, where, closed, offset)


@checked_arguments("mode")
def mode(column: str, *, where: str | None = None, closed: Closed = "left", offset: str | None = None) -> Feature:
    """The most frequent value; ties go to the smallest. Empty window: null."""
    from platform_assets.aggregations import Mode

    return _feature(Mode, column, where, closed, offset)


@checked_arguments("quantile")
def quantile(column: str, q: float, *, where: str | None = None, closed: Closed = "left", offset: str | None = None) -> Feature:
    """The value below which the share q of the values lies (q = 0.5 is the median), interpolated between neighbours. Empty window: null.

    Exact up to 4,096 distinct values, beyond that within 0.8%. Its name contains the percentile: amount_p50_7d.
    """
    from platform_assets.aggregations import Quantile

    place = f"quantile({column!r}), q"
    q = share(q, place)
    if q in (0.0, 1.0):
        raise DeclarationError(f"{place}: {q:g} is not a quantile. Write {'max' if q else 'min'}({column!r}).")
    return _feature(lambda: Quantile(q), column, where, closed, offset)


@checked_arguments("top_k")
def top_k(column: str, k: int, *, where: str | None = None, closed: Closed = "left", offset: str | None = None) -> Feature:
    """A list: the k most frequent values, most frequent first; ties are sorted by value, smaller first. Empty window: []."""
    from platform_assets.aggregations import TopK

    return _feature(lambda: TopK(integer(k, f"top_k({column!r}), k", least=1)), column, where, closed, offset)


@checked_arguments("time_since_last")
def time_since_last(column: str | None = None, *, where: str | None = None, closed: Closed = "left", offset: str | None = None) -> Feature:
    """Seconds from the last row until the value is read. Empty window: null."""
    from platform_assets.aggregations import TimeSinceLast

    return _feature(TimeSinceLast, column, where, closed, offset)


def _missing_parentheses(make: Callable[..., Feature], method: str) -> Callable[..., Feature]:
    def refuse(*args: Any, **kwargs: Any) -> Feature:
        name, first = make.__name__, shown(args[0]) if args else "'7d'"
        takes = {count: "", time_since_last: "", last_n: "'amount', 3", quantile: "'amount', 0.5", top_k: "'country', 3"}.get(
            make, "'amount'"
        )
        raise DeclarationError(f"{name}.{method}({first}): {name} is a function. Write {name}({takes}).{method}({first}).")

    return refuse


for _make in (count, sum, mean, std, variance, min, max, first, last, last_n, count_distinct, mode, quantile, top_k, time_since_last):
    for _method in ("over", "named", "within"):
        setattr(_make, _method, _missing_parentheses(_make, _method))  # else count.over("7d") raises a bare AttributeError


def is_time_since(aggregation: Any) -> bool:
    """Whether the stored value is a time that becomes seconds at read time."""
    return builtins.bool(aggregation.name == "time_since_last")

"""A checked expression as a Polars expression.

Floats: NaN and infinity mean null. They are replaced where they would become visible, not after every operation: +, -, * and /
never make them finite again, except for division by infinity, so one check after `a * b + c` is enough.
"""

import math
from collections.abc import Callable
from functools import partial

import polars as pl

from platform_assets.expressions import text
from platform_assets.expressions.timezones import YEARS
from platform_assets.expressions.tree import Call, Case, Cast, Column, Literal, Node
from platform_assets.expressions.types import POLARS, DataType

LOWEST = -(2**63)
_INT, _FLOAT, _TEXT = pl.Int64(), pl.Float64(), pl.String()

_CARRY_ON = {"+", "-", "*", "/", "negative"}
"""Operations on floats whose result is not finite if an argument is not (for /, the first argument)."""

_MAY_OVERFLOW = _CARRY_ON | {"sqrt", "exp", "ln", "power"}
"""Operations on floats that may return NaN or infinity."""


def to_polars(node: Node) -> pl.Expr:
    """The expression that computes a node; its values are finite."""
    expression = _unchecked(node)
    return _finite(expression) if node.type == "float" and _may_be_infinite(node) else expression


def _may_be_infinite(node: Node) -> bool:
    match node:
        case Column():
            return True
        case Call(name=name):
            return name in _MAY_OVERFLOW
        case Cast(operand=operand):
            return operand.type == "str"
        case _:
            return False


def _finite(values: pl.Expr) -> pl.Expr:
    return pl.when(values.is_finite()).then(values)


def _unchecked(node: Node) -> pl.Expr:
    match node:
        case Column(name=name):
            return pl.col(name)
        case Literal(value=value, type=dtype):
            return pl.lit(value, dtype=POLARS[dtype])
        case Cast(operand=operand, type=dtype):
            return _CASTS[operand.type, dtype](to_polars(operand))
        case Case(branches=branches, otherwise=otherwise):
            result = to_polars(otherwise)
            for condition, branch in reversed(branches):
                result = pl.when(to_polars(condition)).then(to_polars(branch)).otherwise(result)
            return result
        case Call(name=name, arguments=(first, *rest)) if name in _PREPARED:
            return _PREPARED[name](to_polars(first), *(argument.value for argument in rest if isinstance(argument, Literal)))
        case Call(name=name, arguments=arguments, type=dtype):
            carry_on = dtype == "float" and name in _CARRY_ON
            expressions = [
                _unchecked(argument) if carry_on and not (name == "/" and position == 1) else to_polars(argument)
                for position, argument in enumerate(arguments)
            ]
            return (_BY_TYPE.get((name, dtype)) or _FUNCTIONS[name])(*expressions)


# Numbers. Polars' integers wrap around; the float result shows it: the difference is 2^64 then, and far less than 2^62 otherwise.


def _exact(wrapped: pl.Expr, approximate: pl.Expr) -> pl.Expr:
    return pl.when((approximate - wrapped.cast(_FLOAT)).abs() < 2.0**62).then(wrapped)


def _unless_lowest(x: pl.Expr, result: pl.Expr) -> pl.Expr:
    return pl.when(x != LOWEST).then(result)  # 2^63 does not fit: Polars returns -2^63 when negating -2^63


def _has_rest_and_signs_differ(a: pl.Expr, b: pl.Expr) -> pl.Expr:
    return (a % b != 0) & ((a < 0) != (b < 0))  # where Polars, which rounds down, differs from rounding towards zero


def _remainder(a: pl.Expr, b: pl.Expr) -> pl.Expr:
    return pl.when(_has_rest_and_signs_differ(a, b)).then(a % b - b).otherwise(a % b)


def _quotient(a: pl.Expr, b: pl.Expr) -> pl.Expr:
    towards_zero = pl.when(_has_rest_and_signs_differ(a, b)).then(a // b + 1).otherwise(a // b)
    return pl.when((a != LOWEST) | (b != -1)).then(towards_zero)


def _round(x: pl.Expr, digits: int = 0) -> pl.Expr:
    factor = 10.0**digits
    scaled = x * factor
    return pl.when(scaled.abs() < 2.0**52).then(_divide(scaled.round(0, mode="half_away_from_zero"), pl.lit(factor))).otherwise(x)


def _divide(a: pl.Expr, b: pl.Expr) -> pl.Expr:
    # Polars divides by a constant by multiplying with its reciprocal, which differs in the last digit. Whether a divisor is constant
    # cannot be known in advance: `case when p then 100.0 end` is, in a part of a frame where p is true throughout.
    return a / (b + a * 0.0)


# Text.


def _like(value: pl.Expr, pattern: str) -> pl.Expr:
    inner = pattern.strip("%")
    if "_" not in inner and "%" not in inner:
        match pattern.startswith("%"), pattern.endswith("%"):
            case True, True:
                return value.str.contains(inner, literal=True)
            case True, False:
                return value.str.ends_with(inner)
            case False, True:
                return value.str.starts_with(inner)
            case _:
                return value == pl.lit(pattern, dtype=_TEXT)
    wanted = "".join({"%": ".*", "_": "."}.get(character) or pl.escape_regex(character) for character in pattern)
    return value.str.contains(rf"(?s)\A{wanted}\z")


def _replace(value: pl.Expr, old: str, new: str) -> pl.Expr:
    return value.str.replace_all(old, new, literal=True) if old else value


def _substr(value: pl.Expr, start: pl.Expr, length: pl.Expr | None = None) -> pl.Expr:
    if length is None:
        return pl.when(start >= 1).then(value.str.slice(start - 1))
    return pl.when((start >= 1) & (length >= 0)).then(value.str.slice(start - 1, length.clip(0)))


def _in(value: pl.Expr, *options: object) -> pl.Expr:
    found = value.is_in([option for option in options if option is not None])
    return pl.when(found).then(True) if None in options else found


_PARTS: dict[str, Callable[[pl.Expr], pl.Expr]] = {
    "year": lambda a: a.dt.year().cast(_INT),
    "month": lambda a: a.dt.month().cast(_INT),
    "day": lambda a: a.dt.day().cast(_INT),
    "hour": lambda a: a.dt.hour().cast(_INT),
    "minute": lambda a: a.dt.minute().cast(_INT),
    "day_of_week": lambda a: a.dt.weekday().cast(_INT),
    "to_date": lambda a: a.dt.date(),
}
"""Clock and calendar parts of a time."""


def _shown(part: Callable[[pl.Expr], pl.Expr], time: pl.Expr, zone: str | None = None) -> pl.Expr:
    if zone is None:
        return part(time)
    return pl.when(time.dt.year().is_between(*YEARS)).then(part(time.dt.convert_time_zone(zone)))


_PREPARED: dict[str, Callable[..., pl.Expr]] = {
    "in": _in,
    "like": _like,
    "replace": _replace,
    "round": _round,
    **{name: partial(_shown, part) for name, part in _PARTS.items()},
}
"""Functions whose arguments after the first are literals, passed as values."""


def _microseconds(start: pl.Expr, end: pl.Expr) -> pl.Expr:
    return (end - start).dt.total_microseconds().cast(_FLOAT)


_FUNCTIONS: dict[str, Callable[..., pl.Expr]] = {
    "/": _divide,
    "%": _remainder,
    "div": _quotient,
    "=": lambda a, b: a == b,
    "<>": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "and": lambda a, b: a & b,
    "or": lambda a, b: a | b,
    "not": lambda a: ~a,
    "is null": lambda a: a.is_null(),
    "coalesce": lambda *values: pl.coalesce(*values),
    "nullif": lambda a, b: pl.when(a == b).then(None).otherwise(a),
    "least": lambda *values: pl.min_horizontal(*values),
    "greatest": lambda *values: pl.max_horizontal(*values),
    "floor": lambda a: a.floor(),
    "ceil": lambda a: a.ceil(),
    "sqrt": lambda a: a.sqrt(),
    "exp": lambda a: a.exp(),
    "ln": lambda a: a.log(math.e),
    "power": lambda base, exponent: base.pow(exponent),
    "concat": lambda *values: pl.concat_str(*values),
    "length": lambda a: a.str.len_chars().cast(_INT),
    "lower": lambda a: a.str.to_lowercase(),
    "starts_with": lambda a, b: a.str.starts_with(b),
    "substr": _substr,
    "trim": lambda a: a.str.strip_chars(" "),
    "upper": lambda a: a.str.to_uppercase(),
    "hours_between": lambda start, end: _divide(_microseconds(start, end), pl.lit(3_600e6)),
    "days_between": lambda start, end: _divide(_microseconds(start, end), pl.lit(86_400e6)),
}

_BY_TYPE: dict[tuple[str, DataType], Callable[..., pl.Expr]] = {
    ("+", "int"): lambda a, b: _exact(a + b, a.cast(_FLOAT) + b.cast(_FLOAT)),
    ("-", "int"): lambda a, b: _exact(a - b, a.cast(_FLOAT) - b.cast(_FLOAT)),
    ("*", "int"): lambda a, b: _exact(a * b, a.cast(_FLOAT) * b.cast(_FLOAT)),
    ("negative", "int"): lambda a: _unless_lowest(a, -a),
    ("abs", "int"): lambda a: _unless_lowest(a, a.abs()),
    ("+", "float"): lambda a, b: a + b,
    ("-", "float"): lambda a, b: a - b,
    ("*", "float"): lambda a, b: a * b,
    ("negative", "float"): lambda a: -a,
    ("abs", "float"): lambda a: a.abs(),
}


# Casts.


def _whole(pattern: str) -> str:
    return rf"\A(?:{pattern})\z"


def _bool_of_text(value: pl.Expr) -> pl.Expr:
    word = value.str.strip_chars(" ").str.to_lowercase()
    return pl.when(word.is_in(list(text.TRUE))).then(True).when(word.is_in(list(text.FALSE))).then(False)


def _after_year_0(times: pl.Expr) -> pl.Expr:
    return pl.when(times.dt.year().is_between(1, 9999)).then(times)  # the years of Python's dates


def _day(value: pl.Expr) -> pl.Expr:
    return _after_year_0(value.str.to_date("%Y-%m-%d", strict=False))


def _datetime_of_text(value: pl.Expr) -> pl.Expr:
    groups = value.str.extract_groups(_whole(text.TIMESTAMP)).struct

    def number(group: int) -> pl.Expr:
        return groups.field(str(group)).cast(_INT, strict=False).fill_null(0)

    fraction = groups.field("5").str.slice(0, 6).str.pad_end(6, "0").cast(_INT, strict=False).fill_null(0)
    sign = pl.when(groups.field("6") == "-").then(-1).otherwise(1)
    ahead = pl.duration(hours=number(7), minutes=number(8)) * sign
    clock = pl.duration(hours=number(2), minutes=number(3), seconds=number(4), microseconds=fraction)
    return _after_year_0(_day(groups.field("1")).cast(POLARS["datetime"]) + clock - ahead)


def _text_of_datetime(value: pl.Expr) -> pl.Expr:
    whole = value.dt.to_string("%Y-%m-%d %H:%M:%S")
    return pl.when(value.dt.microsecond() == 0).then(whole).otherwise(value.dt.to_string("%Y-%m-%d %H:%M:%S%.6f"))


_CASTS: dict[tuple[DataType, DataType], Callable[[pl.Expr], pl.Expr]] = {
    ("int", "float"): lambda a: a.cast(_FLOAT),
    ("int", "str"): lambda a: a.cast(_TEXT),
    ("int", "bool"): lambda a: a != 0,
    ("float", "int"): lambda a: a.cast(_INT, strict=False),
    ("float", "bool"): lambda a: a != 0.0,
    ("str", "int"): lambda a: a.str.extract(_whole(text.INT)).cast(_INT, strict=False),
    ("str", "float"): lambda a: a.str.extract(_whole(text.FLOAT)).cast(_FLOAT, strict=False),
    ("str", "bool"): _bool_of_text,
    ("str", "date"): lambda a: _day(a.str.extract(_whole(text.DATE))),
    ("str", "datetime"): _datetime_of_text,
    ("bool", "int"): lambda a: a.cast(_INT),
    ("bool", "float"): lambda a: a.cast(_FLOAT),
    ("bool", "str"): lambda a: a.cast(_TEXT),
    ("date", "str"): lambda a: a.dt.to_string("%Y-%m-%d"),
    ("date", "datetime"): lambda a: a.cast(POLARS["datetime"]),
    ("datetime", "str"): _text_of_datetime,
    ("datetime", "date"): lambda a: a.dt.date(),
}

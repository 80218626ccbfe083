"""Random expressions of every type, as SQL, and random rows: what nobody would think of writing down."""

import math
from datetime import UTC, date, datetime
from typing import Any

from hypothesis import strategies as st

from platform_assets.expressions import DATA_TYPES, DataType
from platform_assets.expressions.functions import CASTS, OPERATORS, SIGNATURES, TAKE_A_ZONE, Signature
from platform_assets.expressions.types import SQL_NAMES
from platform_assets_tests.expressions.cases import COLUMNS, MAX, MIN

# Letters whose cases Python and Rust have agreed on since long before either's version of Unicode, and all that patterns care about.
ALPHABET = "abzABZ019 éÉßÀσΣя日😀%_.'\\\"$^*[](){}|+-?\n\t:TZ"

INTS = st.one_of(
    st.integers(-3, 3),
    st.integers(-1000, 1000),
    st.integers(MIN, MAX),
    st.sampled_from([MIN, MIN + 1, MAX, 2**53, 2**53 + 1, 2**31, 2**32]),
)
FLOATS = st.one_of(
    st.floats(-10, 10).map(lambda x: round(x, 1)), st.floats(), st.sampled_from([0.0, -0.0, 0.5, -2.5, 2.0**63, 1e308, 5e-324])
)
ZONES = ["UTC", "Europe/London", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]
NUMERALS = st.from_regex(r"[ +-]?[0-9]{0,3}\.?[0-9]{0,2}(e-?[0-9])?", fullmatch=True)
CLOCKS = st.from_regex(r"(202[34]|0001|9999)-(02|12)-(01|29|31)([ T](00|23|24):59(:[05]9(\.[0-9]{1,7})?)?(Z|[+-]01:30)?)?", fullmatch=True)
TEXTS = st.one_of(st.text(ALPHABET, max_size=6), NUMERALS, CLOCKS, st.sampled_from(["true", "No", "1", "", "N/A"]))
DATES = st.one_of(st.dates(), st.dates(date(1969, 12, 1), date(1970, 1, 31)), st.dates(date(2024, 2, 27), date(2024, 3, 2)))
TIMES = st.one_of(
    st.datetimes(timezones=st.just(UTC)),
    st.datetimes(datetime(2024, 2, 28), datetime(2024, 3, 1), timezones=st.just(UTC)),
    DATES.map(lambda day: datetime(day.year, day.month, day.day, tzinfo=UTC)),
)
VALUES: dict[DataType, st.SearchStrategy[Any]] = {
    "int": INTS, "float": FLOATS, "str": TEXTS, "bool": st.booleans(), "date": DATES, "datetime": TIMES,
}  # fmt: skip

EXACT = SIGNATURES.keys() - {"power"}
"""Functions whose last digit is the same everywhere. A power's is not: a floor around it would make a difference of 1."""

rows = st.lists(st.fixed_dictionaries({name: st.none() | VALUES[dtype] for name, dtype in COLUMNS.items()}), min_size=1, max_size=8)


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def literals(dtype: DataType) -> st.SearchStrategy[str]:
    """Literals as they are written, now and then a null."""
    match dtype:
        case "str":
            written = TEXTS.map(quoted)
        case "bool":
            written = st.sampled_from(["true", "false", "TRUE"])
        case "date":
            written = DATES.map(lambda day: f"date '{day}'")
        case "datetime":
            written = TIMES.map(lambda time: f"timestamp '{time.replace(tzinfo=None)}'")
        case _:
            written = VALUES[dtype].filter(math.isfinite).map(repr)
    return st.one_of(written, written, written, st.just(f"cast(null as {SQL_NAMES[dtype]})"))


def not_null_literals(name: str, position: int, dtype: DataType) -> st.SearchStrategy[str]:
    """Arguments that must be literals."""
    if name == "round":
        return st.integers(0, 15).map(str)
    if name == "like":
        return st.text("%_ab.\n\\", max_size=5).map(quoted)
    if name in TAKE_A_ZONE:
        return st.sampled_from(ZONES).map(quoted)
    return literals(dtype) if name == "in" else TEXTS.map(quoted)


@st.composite
def calls(draw: st.DrawFn, name: str, signature: Signature, depth: int) -> str:
    parameters = signature.parameters
    if signature.repeats:
        parameters += parameters[-1:] * draw(st.integers(0, 2))
    arguments = [
        draw(not_null_literals(name, i, dtype) if signature.is_literal(i) else expressions(dtype, depth - 1))
        for i, dtype in enumerate(parameters)
    ]
    if name == "in":
        return f"({arguments[0]} in ({', '.join(arguments[1:])}))"
    if name not in OPERATORS:
        return f"{name}({', '.join(arguments)})"
    if name == "is null":
        return f"({arguments[0]} is {draw(st.sampled_from(['', 'not ']))}null)"
    if len(arguments) == 1:
        return f"({'-' if name == 'negative' else 'not'} {arguments[0]})"
    return f"({arguments[0]} {name} {arguments[1]})"


@st.composite
def casts(draw: st.DrawFn, dtype: DataType, depth: int) -> str:
    of = draw(st.sampled_from([of for of in DATA_TYPES if dtype in CASTS[of]]))
    # Not of literals: 'x' is refused as an int when it is declared.
    return (
        f"cast({draw(columns(of))} as {SQL_NAMES[dtype]})"
        if depth <= 1
        else f"cast(coalesce({draw(columns(of))}, {draw(expressions(of, depth - 1))}) as {SQL_NAMES[dtype]})"
    )


@st.composite
def choices(draw: st.DrawFn, dtype: DataType, depth: int) -> str:
    branches = [
        f"when {draw(expressions('bool', depth - 1))} then {draw(expressions(dtype, depth - 1))}" for _ in range(draw(st.integers(1, 2)))
    ]
    otherwise = draw(st.one_of(st.just(""), expressions(dtype, depth - 1).map(lambda sql: f" else {sql}")))
    return f"case {' '.join(branches)}{otherwise} end"


def columns(dtype: DataType) -> st.SearchStrategy[str]:
    return st.sampled_from([name for name, of in COLUMNS.items() if of == dtype])


def expressions(dtype: DataType, depth: int = 3) -> st.SearchStrategy[str]:
    """SQL that gives values of a type, with at most so many operations inside one another."""
    leaf = st.one_of(columns(dtype), columns(dtype), literals(dtype))
    if depth <= 0:
        return leaf
    # First the function, then its signature: otherwise comparisons, which exist for each type, would be nearly everything.
    names = sorted(name for name in EXACT if any(signature.result == dtype for signature in SIGNATURES[name]))
    called = st.sampled_from(names).flatmap(lambda name: calling(name, depth, dtype))
    if depth == 3:
        return st.one_of(called, called, called, casts(dtype, depth), choices(dtype, depth))
    return st.one_of(leaf, called, called, called, casts(dtype, depth), choices(dtype, depth))


def calling(name: str, depth: int = 3, dtype: DataType | None = None) -> st.SearchStrategy[str]:
    """SQL with a function outermost."""
    fitting = [signature for signature in SIGNATURES[name] if dtype in (None, signature.result)]
    return st.sampled_from(fitting).flatmap(lambda signature: calls(name, signature, depth))


any_expression = st.sampled_from(DATA_TYPES).flatmap(expressions)

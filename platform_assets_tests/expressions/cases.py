"""What each operator and function gives, case by case; docs/concepts/expressions.md in figures.

A case has rows of arguments with the value expected for each. Columns are named for their types: i, j, k are ints, x, y floats,
s, t, u texts, p, q bools, d, e dates, a, b timestamps.
"""

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from platform_assets.expressions import DataType

COLUMNS: dict[str, DataType] = {
    "i": "int", "j": "int", "k": "int", "x": "float", "y": "float", "s": "str", "t": "str", "u": "str",
    "p": "bool", "q": "bool", "d": "date", "e": "date", "a": "datetime", "b": "datetime",
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """An expression, and pairs of the values of its columns (in the order of their names) and its value."""

    says: str
    sql: str
    type: DataType
    rows: tuple[tuple[Any, ...], ...]

    def inputs(self, columns: tuple[str, ...]) -> list[dict[str, Any]]:
        nulls = dict.fromkeys(COLUMNS)
        return [nulls | dict(zip(columns, row[:-1], strict=True)) for row in self.rows]

    @property
    def expected(self) -> list[Any]:
        return [row[-1] for row in self.rows]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


MIN, MAX = -(2**63), 2**63 - 1
NAN, INF = math.nan, math.inf

LOGIC = [
    Case("and is false if either is false, whatever the other", "p and q", "bool", (
        (True, True, True), (True, False, False), (True, None, None), (False, True, False), (False, False, False), (False, None, False),
        (None, True, None), (None, False, False), (None, None, None))),
    Case("or is true if either is true, whatever the other", "p or q", "bool", (
        (True, True, True), (True, False, True), (True, None, True), (False, True, True), (False, False, False), (False, None, None),
        (None, True, True), (None, False, None), (None, None, None))),
    Case("not of null is null", "not p", "bool", ((True, False), (False, True), (None, None))),
    Case("a comparison with null is null", "i = j", "bool", ((1, 1, True), (1, 2, False), (1, None, None), (None, None, None))),
    Case("unequal with null is null", "i <> j", "bool", ((1, 1, False), (1, 2, True), (1, None, None), (None, None, None))),
    Case("!= is <>", "s != t", "bool", (("a", "a", False), ("a", "b", True), (None, "b", None))),
    Case("a comparison with a null of a type is null too", "i = cast(null as int)", "bool", ((1, None), (None, None))),
    Case("less than", "x < y", "bool", ((1.0, 2.0, True), (2.0, 2.0, False), (None, 2.0, None))),
    Case("at most", "x <= y", "bool", ((2.0, 2.0, True), (2.5, 2.0, False), (2.0, None, None))),
    Case("greater than", "i > j", "bool", ((2, 1, True), (1, 1, False), (None, 1, None))),
    Case("at least", "i >= j", "bool", ((1, 1, True), (0, 1, False), (0, None, None))),
    Case("an int is compared with a float as a float", "i = x", "bool", ((1, 1.0, True), (1, 1.5, False))),
    Case("texts are compared by code point", "s < t", "bool", (
        ("B", "a", True), ("a", "é", True), ("\uffff", "\U0001f600", True), ("a", "ab", True), ("", "a", True), ("10", "9", True))),
    Case("a date is compared with a timestamp as its midnight", "d <= a", "bool", (
        (at("2024-03-05"), date(2024, 3, 5), True), (at("2024-03-04 23:59:59.999999"), date(2024, 3, 5), False))),
    Case("bools can be equal", "p = q", "bool", ((True, True, True), (True, False, False), (None, False, None))),
    Case("0.0 and -0.0 are equal", "x = -0.0", "bool", ((0.0, True), (-0.0, True), (1.0, False))),
    Case("is null is never null", "s is null", "bool", (("", False), (None, True))),
    Case("is not null is never null", "x is not null", "bool", ((0.0, True), (None, False))),
    Case("NaN and infinity in a column are null", "x is null", "bool", ((NAN, True), (INF, True), (-INF, True), (0.0, False))),
    Case("an outcome of logic may be null", "(p and q) is null", "bool", ((True, None, True), (False, None, False))),
    Case("in", "i in (1, 2)", "bool", ((1, True), (3, False), (None, None))),
    Case("in with a null is never false", "i in (1, cast(null as int))", "bool", ((1, True), (2, None), (None, None))),
    Case("in with nothing but null is null", "s in (cast(null as text))", "bool", (("a", None), (None, None))),
    Case("not in with a null is never true", "i not in (1, cast(null as int))", "bool", ((1, False), (2, None), (None, None))),
    Case("in with an int and a float compares floats", "i in (1, 2.5)", "bool", ((1, True), (2, False))),
    Case("in with columns", "i in (j, k, 7)", "bool", ((7, None, None, True), (1, 1, None, True), (1, 2, None, None), (1, 2, 3, False))),
    Case("in with dates", "d in (date '2024-03-05')", "bool", ((date(2024, 3, 5), True), (date(2024, 3, 6), False), (None, None))),
    Case("in with timestamps", "a in (timestamp '2024-03-05 01:00:00')", "bool", (
        (at("2024-03-05 01:00"), True), (at("2024-03-05"), False))),
    Case("in with zeros", "x in (0.0)", "bool", ((-0.0, True), (0.0, True), (NAN, None))),
    Case("between has both ends", "i between 1 and 3", "bool", ((0, False), (1, True), (3, True), (4, False), (None, None))),
    Case("between with a null end can be false, not true", "i between j and k", "bool", (
        (1, None, 0, False), (1, None, 2, None), (1, 2, None, False), (1, 1, 1, True))),
    Case("not between", "i not between 1 and 3", "bool", ((0, True), (1, False), (None, None))),
]  # fmt: skip

CHOICE = [
    Case("case takes the first true branch", "case when i > 2 then 'many' when i > 0 then 'few' else 'none' end", "str", (
        (3, "many"), (1, "few"), (0, "none"))),
    Case("a condition that is null is not true", "case when p then 1 else 2 end", "int", ((True, 1), (False, 2), (None, 2))),
    Case("case without else gives null", "case when p then 1.5 end", "float", ((True, 1.5), (False, None), (None, None))),
    Case("a null branch has the type of the others", "case when p then null else i end", "int", ((1, True, None), (1, False, 1))),
    Case("case with a subject compares: null finds nothing", "case i when 1 then 'one' when cast(null as int) then '0' else 'other' end",
        "str", (
        (1, "one"), (None, "other"), (2, "other"))),
    Case("int and float branches give float", "case when p then i else 0.5 end", "float", ((1, True, 1.0), (1, False, 0.5))),
    Case("coalesce takes the first that is not null", "coalesce(i, j, 0)", "int", ((1, 2, 1), (None, 2, 2), (None, None, 0))),
    Case("coalesce of int and float gives float", "coalesce(i, x)", "float", ((1, 2.5, 1.0), (None, 2.5, 2.5), (None, None, None))),
    Case("coalesce of a NaN takes the next", "coalesce(x, 0)", "float", ((NAN, 0.0), (1.0, 1.0))),
    Case("nullif gives null for equals", "nullif(i, j)", "int", (
        (1, 1, None), (1, 2, 1), (1, None, 1), (None, 1, None), (None, None, None))),
    Case("nullif against missing marks", "nullif(s, 'N/A')", "str", (("N/A", None), ("x", "x"), (None, None))),
    Case("least leaves nulls out", "least(i, j)", "int", ((2, 1, 1), (None, 1, 1), (2, None, 2), (None, None, None))),
    Case("greatest leaves nulls out", "greatest(x, y, 0)", "float", ((-1.0, -2.0, 0.0), (1.5, None, 1.5), (None, None, 0.0))),
    Case("least of texts is by code point", "least(s, t)", "str", (("b", "B", "B"), ("é", "z", "z"))),
    Case("greatest of a date and a timestamp is a timestamp", "greatest(a, d)", "datetime", (
        (at("2024-03-05 01:00"), date(2024, 3, 5), at("2024-03-05 01:00")), (None, date(2024, 3, 5), at("2024-03-05")))),
    Case("least of dates", "least(d, e)", "date", ((date(2024, 1, 1), date(2023, 1, 1), date(2023, 1, 1)),)),
]  # fmt: skip

NUMBERS = [
    Case("ints stay ints", "i + j", "int", ((1, 2, 3), (None, 1, None), (2**53 + 1, 0, 2**53 + 1))),
    Case("a sum beyond 64 bits is null", "i + j", "int", (
        (MAX, 1, None), (MIN, -1, None), (MAX, MIN, -1), (MAX - 1, 1, MAX), (MIN, MIN, None))),
    Case("a difference beyond 64 bits is null", "i - j", "int", ((MIN, 1, None), (0, MIN, None), (-1, MIN, MAX), (5, 7, -2))),
    Case("a product beyond 64 bits is null", "i * j", "int", (
        (MIN, -1, None), (2**32, 2**31, None), (2**32, -(2**31), MIN), (2**31, 2**31, 2**62), (MAX, MAX, None),
        (3037000500, 3037000500, None),
        (MIN, MIN, None), (MAX, 0, 0), (None, 0, None))),
    Case("int and float make float", "i * x", "float", ((2, 1.5, 3.0), (None, 1.5, None))),
    Case("a float sum", "x + y", "float", ((0.1, 0.2, 0.1 + 0.2), (1.0, None, None))),
    Case("a float difference", "x - y", "float", ((1.5, 0.25, 1.25), (None, 1.0, None))),
    Case("what no float can hold is null", "x * y", "float", ((1e308, 10.0, None), (1e308, -10.0, None), (1e-320, 1e-10, 0.0))),
    Case("infinity that passes through is null, not 0", "1 / (x * y)", "float", ((1e308, 10.0, None), (2.0, 2.0, 0.25))),
    Case("NaN is null in arithmetic", "x - x + 1", "float", ((INF, None), (NAN, None), (3.0, 1.0))),
    Case("a quotient is a float", "i / j", "float", ((1, 2, 0.5), (4, 2, 2.0), (-7, 2, -3.5), (None, 2, None), (2, None, None))),
    Case("division by zero is null", "i / j", "float", ((1, 0, None), (0, 0, None))),
    Case("division by zero, floats", "x / y", "float", (
        (1.0, 0.0, None), (0.0, 0.0, None), (1.0, -0.0, None), (1e308, 1e-10, None), (1.0, INF, None))),
    Case("a remainder has the sign of the dividend", "i % j", "int", (
        (7, 2, 1), (-7, 2, -1), (7, -2, 1), (-7, -2, -1), (6, 3, 0), (-6, 3, 0), (MIN, -1, 0), (MAX, MIN, MAX), (MIN, MAX, -1),
        (1, 0, None), (None, 2, None))),
    Case("div rounds towards zero", "div(i, j)", "int", (
        (7, 2, 3), (-7, 2, -3), (7, -2, -3), (-7, -2, 3), (6, 3, 2), (-6, 3, -2), (MIN, 1, MIN), (MIN, -1, None), (MAX, -1, -MAX),
        (1, 0, None),
        (MIN, 3, -3074457345618258602), (None, 2, None))),
    Case("div can stand between", "i div j", "int", ((7, 2, 3),)),
    Case("minus", "-i", "int", ((1, -1), (MIN, None), (MAX, -MAX), (None, None))),
    Case("minus of a float", "-x", "float", ((1.5, -1.5), (INF, None), (None, None))),
    Case("abs of an int", "abs(i)", "int", ((-1, 1), (1, 1), (MIN, None), (None, None))),
    Case("abs of a float", "abs(x)", "float", ((-1.5, 1.5), (None, None), (-INF, None))),
    Case("round goes half away from zero", "round(x)", "float", (
        (0.5, 1.0), (1.5, 2.0), (2.5, 3.0), (-0.5, -1.0), (-2.5, -3.0), (2.4, 2.0), (0.49999999999999994, 0.0),
        (4503599627370495.5, 4503599627370496.0),
        (1e300, 1e300), (None, None))),
    Case("round to digits", "round(x, 2)", "float", (
        (1.005, 1.0), (2.675, 2.68), (-1.235, -1.24), (1234.5678, 1234.57), (1e300, 1e300), (NAN, None))),
    Case("round of an int is the int", "round(i, 2)", "int", ((5, 5), (None, None))),
    Case("floor", "floor(x)", "float", ((1.5, 1.0), (-1.5, -2.0), (1e300, 1e300), (None, None))),
    Case("ceil", "ceil(x)", "float", ((1.5, 2.0), (-1.5, -1.0), (1e300, 1e300), (None, None))),
    Case("floor and ceil of an int are the int", "floor(i) - ceil(i)", "int", ((MAX, 0), (None, None))),
    Case("the root of a negative number is null", "sqrt(x)", "float", (
        (4.0, 2.0), (2.0, math.sqrt(2)), (0.0, 0.0), (-1.0, None), (None, None))),
    Case("the logarithm of zero is null", "ln(x)", "float", ((1.0, 0.0), (10.0, math.log(10)), (0.0, None), (-1.0, None), (None, None))),
    Case("exp beyond floats is null", "exp(x)", "float", ((0.0, 1.0), (1.0, math.e), (1000.0, None), (-1000.0, 0.0), (None, None))),
    Case("power is of floats", "power(i, j)", "float", (
        (2, 10, 1024.0), (2, -1, 0.5), (0, 0, 1.0), (0, -1, None), (10, 400, None), (None, 0, None))),
    Case("power of a negative number has whole exponents only", "power(x, y)", "float", (
        (-2.0, 3.0, -8.0), (-2.0, 0.5, None), (1.0, None, None))),
    Case("literals", "1 + 2", "int", ((3,), (3,))),
    Case("numbers with an exponent are floats", "1e3", "float", ((1000.0,),)),
    Case("the smallest int can be written", "-9223372036854775808", "int", ((MIN,),)),
    Case("* binds more than +", "i + j * k", "int", ((1, 2, 3, 7),)),
    Case("- binds to the left", "i - j - k", "int", ((1, 2, 3, -4),)),
]  # fmt: skip

"""All operators and functions: the types each takes and returns. docs/concepts/expressions.md says what each does.

A signature is written `int int -> int`. `T` stands for each type in turn, `O` for each type that has an order. The first
matching signature is used, so `int` comes before `float`: an int may be read as a float and a date as a timestamp, but not
the reverse. `T...` may occur once or more. An argument whose type is in quotes must be a literal, so engines can prepare a pattern once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from platform_assets.expressions.types import SQL_NAMES, DataType

ORDERED: tuple[DataType, ...] = ("int", "float", "str", "date", "datetime")
ALL: tuple[DataType, ...] = (*ORDERED, "bool")

_SUM = ("int int -> int", "float float -> float")
_NUMBER = ("int -> int", "float -> float")
_FLOAT = ("float -> float",)
_IN_ZONE = "datetime 'str' -> int"
_DAY = ("date -> int", "datetime -> int", _IN_ZONE)
_TIME = ("datetime -> int", _IN_ZONE)

_OPERATORS: dict[str, tuple[str, ...]] = {
    "+": _SUM,
    "-": _SUM,
    "*": _SUM,
    "/": ("float float -> float",),
    "%": ("int int -> int",),
    "negative": _NUMBER,
    "=": ("T T -> bool",),
    "<>": ("T T -> bool",),
    "<": ("O O -> bool",),
    "<=": ("O O -> bool",),
    ">": ("O O -> bool",),
    ">=": ("O O -> bool",),
    "and": ("bool bool -> bool",),
    "or": ("bool bool -> bool",),
    "not": ("bool -> bool",),
    "is null": ("T -> bool",),
    "in": ("T 'T'... -> bool",),
    "like": ("str 'str' -> bool",),
}

_FUNCTIONS: dict[str, tuple[str, ...]] = {
    "abs": _NUMBER,
    "ceil": _NUMBER,
    "coalesce": ("T... -> T",),
    "concat": ("str... -> str",),
    "day": _DAY,
    "day_of_week": _DAY,
    "days_between": ("datetime datetime -> float",),
    "div": ("int int -> int",),
    "exp": _FLOAT,
    "floor": _NUMBER,
    "greatest": ("O... -> O",),
    "hour": _TIME,
    "hours_between": ("datetime datetime -> float",),
    "least": ("O... -> O",),
    "length": ("str -> int",),
    "ln": _FLOAT,
    "lower": ("str -> str",),
    "minute": _TIME,
    "month": _DAY,
    "nullif": ("T T -> T",),
    "power": ("float float -> float",),
    "replace": ("str 'str' 'str' -> str",),
    "round": (*_NUMBER, "int 'int' -> int", "float 'int' -> float"),
    "sqrt": _FLOAT,
    "starts_with": ("str str -> bool",),
    "substr": ("str int -> str", "str int int -> str"),
    "to_date": ("date -> date", "datetime -> date", "str -> date", "datetime 'str' -> date"),
    "trim": ("str -> str",),
    "upper": ("str -> str",),
    "year": _DAY,
}

CASTS: dict[DataType, tuple[DataType, ...]] = {
    "int": ("float", "str", "bool"),
    "float": ("int", "bool"),
    "str": ("int", "float", "bool", "date", "datetime"),
    "bool": ("int", "float", "str"),
    "date": ("str", "datetime"),
    "datetime": ("str", "date"),
}
"""The types that each type can be cast to. A float has no cast to text: engines write 1e16 in different ways."""

WIDENS: dict[DataType, DataType] = {"int": "float", "date": "datetime"}
"""Implicit casts."""


@dataclass(frozen=True)
class Signature:
    """The types that a function takes and returns. literals: the positions that must be literals."""

    parameters: tuple[DataType, ...]
    result: DataType
    literals: frozenset[int]
    repeats: bool

    def parameters_for(self, count: int) -> tuple[DataType, ...] | None:
        """The types of this many arguments; None if it cannot take that many."""
        more = count - len(self.parameters)
        if more < 0 or (more and not self.repeats):
            return None
        return self.parameters + self.parameters[-1:] * more

    def is_literal(self, position: int) -> bool:
        """Whether the argument at a position must be a literal."""
        return min(position, len(self.parameters) - 1) in self.literals

    def __str__(self) -> str:
        words = [f"a literal {SQL_NAMES[t]}" if self.is_literal(i) else SQL_NAMES[t] for i, t in enumerate(self.parameters)]
        return " and ".join(words) + (" and so on" if self.repeats else "")


def _signatures(text: str) -> Iterator[Signature]:
    for letter, types in (("T", ALL), ("O", ORDERED)):
        if letter in text:
            for name in types:
                yield from _signatures(text.replace(letter, name))
            return
    left, result = text.split(" -> ")
    words = left.removesuffix("...").split()
    yield Signature(
        tuple(cast(DataType, word.strip("'")) for word in words),
        cast(DataType, result),
        frozenset(i for i, word in enumerate(words) if word.startswith("'")),
        left.endswith("..."),
    )


def _table(texts: dict[str, tuple[str, ...]]) -> dict[str, tuple[Signature, ...]]:
    return {name: tuple(s for text in alternatives for s in _signatures(text)) for name, alternatives in texts.items()}


OPERATORS = _table(_OPERATORS)
"""Operators, by name: written between or before their arguments."""

FUNCTIONS = _table(_FUNCTIONS)
"""Functions, by name: written name(argument, ...)."""

SIGNATURES = {**OPERATORS, **FUNCTIONS}

TAKE_A_ZONE = frozenset(name for name, texts in _FUNCTIONS.items() if any(text.startswith("datetime 'str' ->") for text in texts))
"""Parts of a time: in UTC, or in the time zone that a second argument names."""

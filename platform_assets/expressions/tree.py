"""A checked expression: a tree of five kinds of nodes, which every back end walks.

Each node knows its type, and the types match: where SQL would convert implicitly (int to float, date to timestamp) there is a
Cast. Constructs that other nodes can express have no node of their own: `between`, `case x when`, `to_date`, `is not null`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from platform_assets.expressions.types import DataType

Value = int | float | str | bool | date | datetime | None
"""The value of an expression for one row. A datetime has the time zone UTC; a float is never NaN or infinite."""


@dataclass(frozen=True)
class Column:
    """A column of the row."""

    name: str
    type: DataType


@dataclass(frozen=True)
class Literal:
    """A constant; null has a type, too."""

    value: Value
    type: DataType


@dataclass(frozen=True)
class Call:
    """A call of a function or operator, by its name in functions.py; the arguments have exactly the types of one of its signatures."""

    name: str
    arguments: tuple["Node", ...]
    type: DataType


@dataclass(frozen=True)
class Cast:
    """A value cast to another type; null if it cannot be."""

    operand: "Node"
    type: DataType


@dataclass(frozen=True)
class Case:
    """The value of the first branch whose condition is true, otherwise `otherwise`."""

    branches: tuple[tuple["Node", "Node"], ...]
    otherwise: "Node"
    type: DataType


Node = Column | Literal | Call | Cast | Case


def walk(node: Node) -> Iterator[Node]:
    """The node and everything below it."""
    yield node
    for child in children(node):
        yield from walk(child)


def children(node: Node) -> tuple[Node, ...]:
    """The child nodes."""
    match node:
        case Call(arguments=arguments):
            return arguments
        case Cast(operand=operand):
            return (operand,)
        case Case(branches=branches, otherwise=otherwise):
            return (*(part for branch in branches for part in branch), otherwise)
        case _:
            return ()


def renamed(node: Node, names: Mapping[str, str]) -> Node:
    """The same tree over columns of other names; those that are not in `names` keep theirs.

    >>> renamed(Column("price", "float"), {"price": "orders__price"})
    Column(name='orders__price', type='float')
    """
    match node:
        case Column(name=name):
            return replace(node, name=names.get(name, name))
        case Literal():
            return node
        case Call(arguments=arguments):
            return replace(node, arguments=tuple(renamed(argument, names) for argument in arguments))
        case Cast(operand=operand):
            return replace(node, operand=renamed(operand, names))
        case Case(branches=branches, otherwise=otherwise):
            both = tuple((renamed(condition, names), renamed(value, names)) for condition, value in branches)
            return replace(node, branches=both, otherwise=renamed(otherwise, names))

"""SQL expressions in strings, checked when they are declared, computed with the same values by every engine and for one row.

sql -> parser.py (the only file that knows sqlglot) -> tree.py -> to_polars.py, to_python.py. functions.py lists what there is,
docs/concepts/expressions.md says what each means.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from platform_assets.expressions.tree import Column, Node, Value, renamed, walk
from platform_assets.expressions.types import DATA_TYPES, DataType, FeatureType

__all__ = ["DATA_TYPES", "DataType", "Expression", "parse"]


@dataclass(frozen=True, repr=False)
class Expression:
    """A checked SQL expression over the columns of one row. Two are equal if they mean the same, however they are written."""

    sql: str = field(compare=False)
    tree: Node

    @property
    def type(self) -> DataType:
        """The type of its values."""
        return self.tree.type

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it reads, sorted: its lineage."""
        return tuple(sorted({node.name for node in walk(self.tree) if isinstance(node, Column)}))

    @property
    def canonical(self) -> str:
        """Its SQL in one spelling, for versions: spaces, the case of keywords and superfluous parentheses are gone."""
        from platform_assets.expressions.canonical import canonical

        return canonical(self.tree)

    def polars(self) -> pl.Expr:
        """The expression for frames whose columns have the declared types. One that reads no column has one row."""
        from platform_assets.expressions.to_polars import to_polars

        return to_polars(self.tree)

    def closure(self) -> Callable[[Mapping[str, Any]], Value]:
        """A function from one row, a mapping with every column it reads, to its value.

        None is null. A timestamp must have a time zone (ComputeError otherwise). A column that the row lacks is a KeyError.
        """
        from platform_assets.expressions.to_python import to_python

        return to_python(self.tree)

    def renamed(self, names: Mapping[str, str]) -> "Expression":
        """The same expression over columns of other names; those that are not in `names` keep theirs."""
        return Expression(self.sql, renamed(self.tree, names))

    def __repr__(self) -> str:
        return f"Expression({self.sql!r}, type={self.type!r})"


def parse(sql: str, *, columns: Mapping[str, FeatureType], where: str) -> Expression:
    """The checked expression of an SQL text.

    columns: what it may read, with types. where: begins every error message, such as "source 'orders', rule 'price'".
    Raises DeclarationError for what is no expression of one row, for unknown columns and functions, and for types that do not fit.

    >>> price = parse("quantity * unit_price", columns={"quantity": "int", "unit_price": "float"}, where="docs")
    >>> price.type, price.columns
    ('float', ('quantity', 'unit_price'))
    >>> price.closure()({"quantity": 3, "unit_price": 2.5})
    7.5
    """
    from platform_assets.expressions.parser import parse_tree

    return Expression(sql, parse_tree(sql, columns, where))

"""SQL expressions as strings: checked when declared, with the same values in every engine and for a single row.

sql -> parser.py (the only file that knows sqlglot) -> tree.py -> to_polars.py, to_python.py. functions.py lists all functions,
docs/concepts/expressions.md explains what each one means.
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
    """A checked SQL expression over the columns of one row. Two are equal if they mean the same, regardless of spelling."""

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
        """Its SQL in canonical form, for versions: normalized whitespace, keyword case and parentheses."""
        from platform_assets.expressions.canonical import canonical

        return canonical(self.tree)

    def polars(self) -> pl.Expr:
        """The expression for frames whose columns have the declared types. If it reads no column, its result has one row."""
        from platform_assets.expressions.to_polars import to_polars

        return to_polars(self.tree)

    def closure(self) -> Callable[[Mapping[str, Any]], Value]:
        """A function from one row, a mapping with every column that it reads, to the value.

        None is null. A timestamp must have a time zone (ComputeError otherwise). A missing column raises a KeyError.
        """
        from platform_assets.expressions.to_python import to_python

        return to_python(self.tree)

    def renamed(self, names: Mapping[str, str]) -> "Expression":
        """The same expression over columns of other names; those that are not in `names` keep theirs."""
        return Expression(self.sql, renamed(self.tree, names))

    def __repr__(self) -> str:
        return f"Expression({self.sql!r}, type={self.type!r})"


def parse(sql: str, *, columns: Mapping[str, FeatureType], where: str) -> Expression:
    """Parses and checks the text of an SQL expression.

    columns: the columns it may read, with types. where: the start of every error message, such as "source 'orders', rule 'price'".
    Raises DeclarationError if it is not an expression over one row, for unknown columns and functions, and for mismatched types.

    >>> price = parse("quantity * unit_price", columns={"quantity": "int", "unit_price": "float"}, where="docs")
    >>> price.type, price.columns
    ('float', ('quantity', 'unit_price'))
    >>> price.closure()({"quantity": 3, "unit_price": 2.5})
    7.5
    """
    from platform_assets.expressions.parser import parse_tree

    return Expression(sql, parse_tree(sql, columns, where))

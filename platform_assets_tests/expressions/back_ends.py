"""What can compute an expression, each as a function from rows to values: a new back end is one more entry of BACK_ENDS."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import polars as pl

from platform_assets.expressions import DataType, Expression
from platform_assets.expressions.types import POLARS

Columns = Mapping[str, DataType]
Rows = Sequence[Mapping[str, Any]]
BackEnd = Callable[[Expression, Columns, Rows], list[Any]]


def by_polars(expression: Expression, columns: Columns, rows: Rows) -> list[Any]:
    frame = pl.DataFrame(list(rows), schema={name: POLARS[dtype] for name, dtype in columns.items()})
    frame = frame.with_row_index("row")  # an expression that reads no column still has a value for each row
    values = frame.lazy().with_columns(value=expression.polars()).collect()["value"]
    assert values.dtype == POLARS[expression.type]
    return values.to_list()


def by_python(expression: Expression, columns: Columns, rows: Rows) -> list[Any]:
    compute = expression.closure()
    return [compute(row) for row in rows]


BACK_ENDS: dict[str, BackEnd] = {"polars": by_polars, "python": by_python}


def same(left: Any, right: Any) -> bool:
    """Equal values of the same type: True is not 1, and 1.0 is not 1."""
    return type(left) is type(right) and left == right

"""Converts users' tables to a Polars frame: Polars, pandas, PyArrow, or anything with an Arrow stream."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import polars as pl

from platform_assets.errors import PlatformError
from platform_assets.expressions.types import POLARS, DataType
from platform_assets.frames.from_spark import frames_of, is_of_spark

KINDS = "a Polars frame, a pandas DataFrame, a PyArrow table, a Spark DataFrame, or another object with an Arrow stream"


def is_table(given: Any) -> bool:
    """Whether an object is a table of one of these kinds."""
    return isinstance(given, pl.DataFrame | pl.LazyFrame) or _is_pandas(given) or hasattr(given, "__arrow_c_stream__")


def table_of(given: Any, where: str, error: type[PlatformError]) -> pl.DataFrame:
    """A table as a Polars frame.

    Raises:
        error: it is not a table, two columns have the same name, a pandas index would be lost, or a column holds values of several types.
    """
    if isinstance(given, pl.DataFrame):
        return given
    if isinstance(given, pl.LazyFrame):
        return given.collect()
    no_table = f"{where}: a {type(given).__name__} is not a table. Give {KINDS}."
    if not is_table(given) or isinstance(given, pl.Series):
        raise error(no_table)
    if _is_pandas(given):
        return _from_pandas(given, where, error)
    try:
        return _plain(pl.concat(frames_of(given)) if is_of_spark(given) else pl.DataFrame(given))
    except pl.exceptions.DuplicateError:
        raise error(f"{where}: two columns of the {type(given).__name__} have the same name. Rename one of them.") from None
    except (pl.exceptions.PolarsError, TypeError, ValueError) as cause:
        if "expected `Struct`" in str(cause):  # an Arrow stream of a single column, as from a pandas 3 Series
            raise error(no_table) from None
        raise error(f"{where}: the {type(given).__name__} cannot be read: {cause}") from cause


def with_types(frame: pl.DataFrame, wanted: Mapping[str, DataType]) -> pl.DataFrame:
    """Converts columns to the wanted types where no value changes its meaning; other columns stay as they are.

    It converts integers of any width; whole floats to integers, as pandas stores integers with missing values; NaN to null; times of any
    unit with a time zone. Fractions below a microsecond are cut off.
    """
    return frame.with_columns(_as(frame[name], kind) for name, kind in wanted.items() if name in frame.columns)


def _as(column: pl.Series, kind: DataType) -> pl.Series:
    stored = column.dtype
    if column.null_count() == len(column):  # pandas has no type for a column without values
        return pl.Series(column.name, [None] * len(column), POLARS[kind])
    if stored.is_float() and kind in ("int", "float"):
        column = column.fill_nan(None)
    if kind == "float" and stored.is_numeric():
        return column.cast(pl.Float64)
    if kind == "int" and stored.is_float():
        is_whole = (column == column.round()).all() and ((column.abs() < 2.0**53).all())
        return column.cast(pl.Int64) if is_whole else column
    if kind == "int" and stored.is_integer():
        cast = column.cast(pl.Int64, strict=False)
        return cast if cast.null_count() == column.null_count() else column
    if kind == "datetime" and isinstance(stored, pl.Datetime) and stored.time_zone is not None:
        milliseconds = stored.time_unit == "ms"
        bound = 2**63 // 1000 if milliseconds else 2**63 - 1
        if not column.to_physical().is_between(-bound, bound).all():
            return column
        return column.dt.convert_time_zone("UTC").dt.cast_time_unit("us") if not milliseconds else _milliseconds(column)
    return column


def _milliseconds(column: pl.Series) -> pl.Series:
    return (column.to_physical() * 1000).cast(POLARS["datetime"])


def _is_pandas(given: Any) -> bool:
    kind = type(given)
    return any(base.__module__.partition(".")[0] == "pandas" and base.__name__ == "DataFrame" for base in kind.__mro__)


def _from_pandas(given: Any, where: str, error: type[PlatformError]) -> pl.DataFrame:
    names = list(given.columns)
    if twice := [name for name, number in Counter(names).items() if number > 1]:
        raise error(f"{where}: two columns of the pandas DataFrame are named {twice[0]!r}. Rename one of them.")
    if odd := [name for name in names if not isinstance(name, str)]:
        raise error(f"{where}: a column of the pandas DataFrame is named {odd[0]!r}, which is not text. Rename it.")
    if lost := [name for name in given.index.names if name is not None and name not in names]:
        raise error(f"{where}: {lost[0]!r} is the index of the pandas DataFrame, not a column. Make it one: .reset_index().")
    return _plain(pl.DataFrame({name: _column(given[name], name, where, error) for name in names}))


def _column(values: Any, name: str, where: str, error: type[PlatformError]) -> pl.Series:
    try:
        return pl.Series(name, pl.from_pandas(values, nan_to_null=True))
    except Exception as cause:  # PyArrow's errors share no base class with pandas' and ours
        kinds = sorted({type(value).__name__ for value in values if value is not None and value == value})
        several = f"it holds {' and '.join(kinds)}. Give all its values one type" if len(kinds) > 1 else str(cause).partition("\n")[0]
        raise error(f"{where}: the column {name!r} of the pandas DataFrame cannot be read: {several}.") from cause


def _plain(frame: pl.DataFrame) -> pl.DataFrame:
    """Categorical and dictionary columns as plain text."""
    return frame.with_columns(pl.col(pl.Categorical, pl.Enum).cast(pl.String))

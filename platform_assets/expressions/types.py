"""The types a column can have: six, the same in every engine; and those of features, which may be lists of them."""

from datetime import date, datetime
from typing import Literal, get_args

import polars as pl

DataType = Literal["int", "float", "str", "bool", "datetime", "date"]
"""int: 64 bit. float: 64 bit. datetime: UTC, microseconds."""

DATA_TYPES: tuple[DataType, ...] = get_args(DataType)

ListType = Literal["list[int]", "list[float]", "list[str]", "list[bool]", "list[datetime]", "list[date]"]
"""Lists: values of one type in a meaningful order, none of them null. Features can be lists, columns of sources cannot."""

FeatureType = DataType | ListType

LISTS: dict[DataType, ListType] = {
    "int": "list[int]",
    "float": "list[float]",
    "str": "list[str]",
    "bool": "list[bool]",
    "datetime": "list[datetime]",
    "date": "list[date]",
}

ELEMENTS: dict[FeatureType, DataType] = {of: element for element, of in LISTS.items()}
"""The element type of each list type. Other types are not in it."""

POLARS: dict[FeatureType, pl.DataType] = {
    "int": pl.Int64(),
    "float": pl.Float64(),
    "str": pl.String(),
    "bool": pl.Boolean(),
    "datetime": pl.Datetime("us", "UTC"),
    "date": pl.Date(),
}
POLARS |= {of: pl.List(POLARS[element]) for of, element in ELEMENTS.items()}

PYTHON: dict[type, DataType] = {int: "int", float: "float", str: "str", bool: "bool", datetime: "datetime", date: "date"}

SQL_NAMES: dict[DataType, str] = {"int": "int", "float": "float", "str": "text", "bool": "bool", "datetime": "timestamp", "date": "date"}
"""Their SQL names, in expressions and error messages."""

"""The types a column can have: six, the same in every engine."""

from datetime import date, datetime
from typing import Literal, get_args

import polars as pl

DataType = Literal["int", "float", "str", "bool", "datetime", "date"]
"""int: 64 bit. float: 64 bit. datetime: UTC, microseconds."""

DATA_TYPES: tuple[DataType, ...] = get_args(DataType)

POLARS: dict[DataType, pl.DataType] = {
    "int": pl.Int64(),
    "float": pl.Float64(),
    "str": pl.String(),
    "bool": pl.Boolean(),
    "datetime": pl.Datetime("us", "UTC"),
    "date": pl.Date(),
}

PYTHON: dict[type, DataType] = {int: "int", float: "float", str: "str", bool: "bool", datetime: "datetime", date: "date"}

SQL_NAMES: dict[DataType, str] = {"int": "int", "float": "float", "str": "text", "bool": "bool", "datetime": "timestamp", "date": "date"}
"""What SQL calls them, in expressions and in their error messages."""

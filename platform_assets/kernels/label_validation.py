"""Validates the labels of a point-in-time join: columns and types are those the features need, or an error says how to fix them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import polars as pl

from platform_assets.declare.arguments import shown
from platform_assets.declare.attributes import View
from platform_assets.declare.on_demand import REQUEST_TIME
from platform_assets.declare.training import FeatureService
from platform_assets.errors import ComputeError, suggestion
from platform_assets.expressions.types import POLARS, DataType

CALENDAR = datetime(1000, 1, 1, tzinfo=UTC), datetime(9998, 12, 31, tzinfo=UTC)
"""The range of times in which arithmetic with windows and delays stays within the calendar."""


def no_service(given: Any) -> str | None:
    """Why an object is not a feature service, as the end of a message; None if it is one."""
    if isinstance(given, FeatureService):
        return None
    example = (
        f"FeatureService('{given.name}_features', [{given.name}])" if isinstance(given, View) else "FeatureService('checkout', [view])"
    )
    return f"{shown(given)} is not a feature service. Write {example}."


def check_labels(service: FeatureService, labels: Any, time: str) -> None:
    """Refuses labels without the keys, the time, or the request columns, or with other types than declared.

    Raises:
        ComputeError: names the column, its type and the required type.
    """
    where = f"feature service {service.name!r}"
    if not isinstance(labels, pl.DataFrame):
        fix = ".collect() it" if isinstance(labels, pl.LazyFrame) else "pl.DataFrame(...) or pl.from_pandas(...) makes one"
        raise ComputeError(f"{where}: the labels are a {type(labels).__name__}, but must be a Polars DataFrame: {fix}.")
    require_columns(labels, {**service.keys, time: "datetime", **service.request}, f"{where}: the labels")
    if missing := labels[time].null_count():
        raise ComputeError(f"{where}: {missing} labels have no {time!r}. Leave them out, or give them a time.")
    if (odd := labels.filter(~pl.col(time).is_between(*CALENDAR))).height:
        raise ComputeError(f"{where}: {odd.height} labels have a {time!r} before the year 1000 or after 9998. Leave them out.")
    for column in labels.columns:
        if column in service.features:
            raise ComputeError(f"{where}: the labels have a column {column!r}, the name of a feature. Rename it, or leave it out.")
    if REQUEST_TIME in labels.columns and time != REQUEST_TIME and any(REQUEST_TIME in f.expression.columns for f in service.on_demand):
        raise ComputeError(
            f"{where}: the labels have a column {REQUEST_TIME!r}, but features are read at {time!r}. "
            f"Pass time={REQUEST_TIME!r} if that is the time of reading, or rename the column."
        )


def require_columns(labels: pl.DataFrame, needed: Mapping[str, DataType], where: str) -> None:
    """Refuses labels without these columns, or with other types.

    where: the labels' name in messages.
    """
    for column, kind in needed.items():
        if column not in labels.columns:
            raise ComputeError(f"{where} have no column {column!r}. {suggestion(column, labels.columns)}")
        if labels.schema[column] != POLARS[kind]:
            fix = _fix(column, labels.schema[column], POLARS[kind])
            raise ComputeError(f"{where}' {column!r} is {labels.schema[column]}, but must be {POLARS[kind]}. {fix}")


def _fix(column: str, found: pl.DataType, wanted: pl.DataType) -> str:
    """The expression that converts a column to the right type."""
    if isinstance(found, pl.Datetime) and isinstance(wanted, pl.Datetime):
        zone = ".dt.convert_time_zone('UTC')" if found.time_zone else ".dt.replace_time_zone('UTC')"
        unit = ".dt.cast_time_unit('us')" if found.time_unit != "us" else ""
        what = f"pl.col({column!r}){'' if found.time_zone == 'UTC' else zone}{unit}"
        naive = "" if found.time_zone else " (if its times are in UTC)"
        return f"Convert it: {what}{naive}."
    if isinstance(found, pl.String) and isinstance(wanted, pl.Datetime):
        return f"Convert it: pl.col({column!r}).str.to_datetime(time_unit='us', time_zone='UTC')."
    return f"Convert it: pl.col({column!r}).cast(pl.{_name(wanted)})."


def _name(wanted: pl.DataType) -> str:
    return "Datetime('us', 'UTC')" if isinstance(wanted, pl.Datetime) else str(wanted)

"""Times and partitions as whole numbers: microseconds, and indexes of partitions."""

from datetime import datetime, timedelta

import polars as pl

from platform_assets.declare.partitions import EPOCH, MICROSECOND, Partitions


def microseconds(length: timedelta) -> int:
    return length // MICROSECOND


def since_epoch(at: datetime) -> int:
    return (at - EPOCH) // MICROSECOND


def physical(column: str) -> pl.Expr:
    """A UTC time as microseconds since 1970."""
    return pl.col(column).dt.timestamp("us")


def index_of(column: str, partitions: Partitions) -> pl.Expr:
    """The index of the partition whose start a column holds, or that contains its time."""
    return (pl.col(column).cast(pl.Datetime("us")).dt.timestamp("us") - since_epoch(partitions.origin)) // microseconds(partitions.step)


def start_of(index: pl.Expr, partitions: Partitions) -> pl.Expr:
    """The start of a partition as a UTC time."""
    return (index.cast(pl.Int64) * microseconds(partitions.step) + since_epoch(partitions.origin)).cast(pl.Datetime("us", "UTC"))


def stored_partition(index: pl.Expr, partitions: Partitions) -> pl.Expr:
    """A partition as tables store it: see Partitions.value."""
    start = start_of(index, partitions)
    return start if partitions.unit == "hour" else start.dt.date()

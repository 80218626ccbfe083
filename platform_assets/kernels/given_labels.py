"""Labels given as rows of a source or a table: which belong to a training partition, and which are rejected (semantics.md 6)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from platform_assets.declare.labels import LABEL_TIME, GivenLabels
from platform_assets.declare.names import is_secret
from platform_assets.declare.training import TrainingSet
from platform_assets.errors import ComputeError
from platform_assets.expressions.types import POLARS, DataType
from platform_assets.frames.tables import table_of, with_types
from platform_assets.kernels.entity_keys import keys_of
from platform_assets.kernels.label_validation import require_columns
from platform_assets.kernels.times import index_of, microseconds, physical, since_epoch, start_of

_VALUE, _TIME, _ARRIVED, _ROW = "__value", "__time", "__arrived", "__row"
PLACE = ("arrival", "delivery", "row_number")


@dataclass(frozen=True)
class JudgedLabels:
    """The labels of a training partition, and the rejected rows, each with a `reason`; both sorted by time and keys."""

    labels: pl.DataFrame
    rejected: pl.DataFrame

    @property
    def reasons(self) -> dict[str, int]:
        """The number of rows rejected for each reason, most frequent first."""
        return dict(self.rejected.group_by("reason").len().sort(["len", "reason"], descending=[True, False]).iter_rows())

    def examples(self) -> dict[str, dict[str, str]]:
        """For each reason the first row rejected for it, as strings."""
        first = self.rejected.unique("reason", keep="first", maintain_order=True).to_dicts()
        return {row.pop("reason"): {name: "***" if is_secret(name) else str(value) for name, value in row.items()} for row in first}


def returned(data: TrainingSet) -> Any:
    """Calls the user's label function, which returns a table of any kind.

    Raises:
        ComputeError: the function failed.
    """
    given = _given(data)
    assert given.read is not None, "labels of a source are read from silver"
    try:
        found = given.read()
        return found.collect() if isinstance(found, pl.LazyFrame) else found
    except Exception as error:
        raise ComputeError(f"{where_of_labels(data)} cannot be read: {type(error).__name__}: {error}") from error


def wanted(data: TrainingSet) -> dict[str, DataType]:
    """The columns that a table of labels must have, and their types."""
    given = _given(data)
    return {**{column: data.inputs[name] for name, column in data.columns.items()}, given.time: "datetime", given.value: given.type}


def where_of_labels(data: TrainingSet) -> str:
    """The labels' name in messages."""
    return f"training set {data.name!r}: the labels of {_given(data).name}"


def rows_of_table(data: TrainingSet, table: Any) -> pl.DataFrame:
    """The table of the label function in the declared types: keys, request columns, label_time and `__value`.

    Raises:
        ComputeError: it is not a table, or a column is missing or has the wrong type.
    """
    where = where_of_labels(data)
    frame = with_types(table_of(table, where, ComputeError), wanted(data))
    require_columns(frame, wanted(data), where)
    return frame.select(*as_asked(data))


def as_asked(data: TrainingSet) -> list[pl.Expr]:
    """The columns of a table of labels, renamed as `judged_labels` expects them."""
    given = _given(data)
    return [*keys_of(data.columns), pl.col(given.time).alias(LABEL_TIME), pl.col(given.value).alias(_VALUE)]


def rows_of_source(data: TrainingSet, silver: pl.LazyFrame, partition: int) -> pl.DataFrame:
    """The rows of a source that are labels and arrived by the end of a training partition, in order of arrival."""
    given, source = _given(data), data.labels.source
    assert source is not None, "labels of a table are not in silver"
    arrived = start_of(index_of("arrival", source.partitions) + 1, source.partitions)
    rows = silver.filter(arrived <= data.partitions.ends_at(partition))
    if given.where is not None:
        rows = rows.filter(given.where.polars())
    named = pl.col(given.time).alias(LABEL_TIME), pl.col(given.value).alias(_VALUE), arrived.alias(_ARRIVED)
    return rows.sort(PLACE).select(*keys_of(data.columns), *named).collect()


def judged_labels(data: TrainingSet, rows: pl.DataFrame, partition: int, now: datetime | None = None) -> JudgedLabels:
    """The labels of a training partition among these rows: those whose t + horizon is in it.

    rows: from rows_of_table or rows_of_source. now: the time at which a table was read. Rows with later times are rejected, like those
    without a time, in every partition, since they belong to none.
    """
    given, keys = _given(data), list(data.entity.keys)
    start, end = (since_epoch(at) for at in (data.partitions.starts_at(partition), data.partitions.ends_at(partition)))
    rows = rows.with_row_index(_ROW).with_columns(physical(LABEL_TIME).alias(_TIME))
    settled = pl.col(_TIME) + microseconds(given.horizon)
    misplaced = pl.col(_TIME).is_null() if now is None else pl.col(_TIME).is_null() | (pl.col(_TIME) > since_epoch(now))
    is_late = pl.lit(False)
    if given.source is not None:  # it arrived in this partition but would have belonged to an earlier one
        is_late = (settled < start) & (pl.col(_ARRIVED).dt.timestamp("us") > start)
    rows = rows.filter(misplaced | settled.is_between(start, end, closed="left") | is_late)
    reason = pl.coalesce(
        *(pl.when(pl.col(key).is_null()).then(pl.lit(f"{key} is missing")) for key in keys),
        pl.when(pl.col(_TIME).is_null()).then(pl.lit(f"{given.time} is missing")),
        *([] if now is None else [pl.when(misplaced).then(pl.lit(f"{given.time} is in the future"))]),
        pl.when(pl.col(_VALUE).is_null()).then(pl.lit(f"{given.value} is missing")),
        *_wrong_values(given),
        pl.when(is_late).then(pl.lit("it came after the end of its partition")),
    )
    rows = rows.with_columns(reason.alias("reason"))
    good = pl.col("reason").is_null()
    of_label = [*keys, LABEL_TIME]
    first, value = pl.col(_ROW).filter(good).min().over(of_label), pl.col(_VALUE).filter(good).first().over(of_label)
    repeated = pl.when(pl.col(_VALUE) == value).then(pl.lit("the same label once more")).otherwise(pl.lit("another label came before it"))
    rows = rows.with_columns(pl.when(good & (pl.col(_ROW) > first)).then(repeated).otherwise("reason").alias("reason"))
    return JudgedLabels(_labels(data, rows.filter(good)), _rejected(data, rows.filter(~good)))


def no_rows(data: TrainingSet) -> pl.DataFrame:
    """An empty frame with the columns of labels."""
    asked = {column: POLARS[dtype] for column, dtype in data.inputs.items()}
    return pl.DataFrame(schema={**asked, LABEL_TIME: POLARS["datetime"], data.label: POLARS[data.label_type]})


def _given(data: TrainingSet) -> GivenLabels:
    assert isinstance(data.labels, GivenLabels), "labels made from events are not given"
    return data.labels


def _wrong_values(given: GivenLabels) -> Sequence[pl.Expr]:
    """Why a value is not a label."""
    found = []
    if given.type == "float":
        found.append(pl.when(~pl.col(_VALUE).is_finite()).then(pl.lit(f"{given.value} is not finite")))
    if given.kind == "binary" and given.type == "int":
        found.append(pl.when(~pl.col(_VALUE).is_in([0, 1])).then(pl.lit(f"{given.value} is neither 0 nor 1")))
    if given.classes:
        found.append(pl.when(~pl.col(_VALUE).is_in(list(given.classes))).then(pl.lit(f"{given.value} is none of the classes")))
    return found


def _labels(data: TrainingSet, rows: pl.DataFrame) -> pl.DataFrame:
    value = pl.col(_VALUE).cast(POLARS[data.label_type]).alias(data.label)
    return rows.select(*data.inputs, LABEL_TIME, value).sort(LABEL_TIME, *data.entity.keys)


def _rejected(data: TrainingSet, rows: pl.DataFrame) -> pl.DataFrame:
    given, keys = _given(data), list(data.entity.keys)
    found = rows.sort(LABEL_TIME, *keys, _ROW, nulls_last=True)
    return found.select(*keys, pl.col(LABEL_TIME), pl.col(_VALUE).alias(given.value), "reason")

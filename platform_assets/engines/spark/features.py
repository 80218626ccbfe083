"""Labels, and labels with their features, on Spark: an entity's labels and rows are brought together in one task."""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import polars as pl
from pyspark.sql import functions as F
from pyspark.sql import types as T

from platform_assets.declare.label_times import label_times
from platform_assets.declare.labels import LABEL_TIME, Labels
from platform_assets.declare.training import FeatureService, TrainingSet
from platform_assets.declare.view import FeatureView
from platform_assets.engines.engine import FoundLabels, TableSlice, ViewSlice
from platform_assets.engines.polars.labels import MOST_CLASSES, found_labels
from platform_assets.engines.spark.join_skew import Joined, counted, met
from platform_assets.engines.spark.tables import SparkTables, columns_of
from platform_assets.engines.spark.tasks import each_batch, each_bucket, each_pair_of, polars_schema, spark_frame
from platform_assets.errors import ComputeError, suggestion
from platform_assets.expressions.types import DataType
from platform_assets.kernels.given_labels import JudgedLabels, as_asked, judged_labels, no_rows, rows_of_source
from platform_assets.kernels.labels import labels
from platform_assets.kernels.on_demand import on_demand
from platform_assets.kernels.point_in_time import point_in_time

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


_TYPES: dict[DataType, T.DataType] = {
    "int": T.LongType(),
    "float": T.DoubleType(),
    "str": T.StringType(),
    "bool": T.BooleanType(),
    "date": T.DateType(),
    "datetime": T.TimestampType(),
}
_NARROWER: dict[DataType, tuple[type[T.DataType], ...]] = {
    "int": (T.ByteType, T.ShortType, T.IntegerType),
    "float": (T.ByteType, T.ShortType, T.IntegerType, T.LongType, T.FloatType),
}
"""Types whose values have the same meaning in the declared type."""
Schema = Mapping[str, pl.DataType]
_REJECTED = "__rejected"


def with_features(
    tables: SparkTables, service: FeatureService, asked: "DataFrame", schema: Schema, features: Sequence[ViewSlice], *, time: str
) -> tuple["DataFrame", Schema]:
    """Labels with the features known at each label's time; view by view, since each may have different keys."""
    read = {one.view.name: one for one in features}
    found, columns = asked, dict(schema)
    known: dict[tuple[str, ...], Joined] = {}
    for part in service.computed:
        one, mine = read[part.view.name], FeatureService(part.view.name, [part.view.select(*part.names)])
        of_gold, name = one.layer == "gold", part.view.name
        keys = list(part.view.entity.keys)

        def kernel(
            frame: pl.DataFrame, rows: pl.DataFrame, mine: FeatureService = mine, of_gold: bool = of_gold, name: str = name
        ) -> pl.DataFrame:
            logs = {name: rows.lazy()}
            return point_in_time(mine, logs if of_gold else {}, frame, time=time, silver={} if of_gold else logs)

        rows = tables.scan(one.rows, _columns_of(one))
        empty = pl.DataFrame(schema=pl.Schema(columns)), pl.DataFrame(schema=polars_schema(rows))
        columns = dict(kernel(*empty).schema)
        in_rows = keys if of_gold else [part.view.key_columns[key] for key in keys]
        if tuple(keys) not in known:
            known[tuple(keys)] = counted(asked, keys, time, tables.sizes.bucket)
        found = each_pair_of(*met(tables, known[tuple(keys)], found, one, rows, in_rows), kernel, columns)
    if service.on_demand:

        def derived(frame: pl.DataFrame) -> pl.DataFrame:
            return pl.concat([frame, on_demand(service, frame, time)], how="horizontal")

        columns = dict(derived(pl.DataFrame(schema=pl.Schema(columns))).schema)
        found = each_batch(found, derived, columns)
    ordered = [*schema, *service.features]
    return found.select(*ordered), {column: columns[column] for column in ordered}


def with_declared_types(given: "DataFrame", wanted: Mapping[str, DataType], where: str) -> "DataFrame":
    """The rows, with integers and floats as wide as declared. where: the rows' name in messages.

    Raises:
        ComputeError: a column is missing, or has another type than declared.
    """
    for name, kind in wanted.items():
        if name not in given.columns:
            raise ComputeError(f"{where} have no column {name!r}. {suggestion(name, given.columns)}")
        found = given.schema[name].dataType
        if isinstance(found, _NARROWER.get(kind, ())):
            given = given.withColumn(name, F.col(name).cast(_TYPES[kind]))
        elif found != _TYPES[kind]:
            must = _TYPES[kind].simpleString()
            zone = " (if its times are in UTC)" if isinstance(found, T.TimestampNTZType) else ""
            raise ComputeError(
                f"{where}' {name!r} is {found.simpleString()}, but must be {must}. "
                f"Convert it: .withColumn({name!r}, F.col({name!r}).cast({must!r})){zone}."
            )
    return given


def _columns_of(read: ViewSlice) -> set[str] | None:
    """The columns that are read of a table; None: all."""
    if read.layer == "silver" and isinstance(read.view, FeatureView):
        return columns_of(read.view)
    return None


def found_on_spark(
    tables: SparkTables,
    data: TrainingSet,
    partition: int,
    silver: TableSlice | None,
    given: "pl.DataFrame | DataFrame | None",
    now: datetime,
) -> FoundLabels:
    """See `Engine.labels`."""
    if isinstance(given, pl.DataFrame) or (given is None and silver is None):  # a user's function returned them in this process
        here = found_labels(data, partition, None, given, now)
        return FoundLabels(spark_frame(tables.spark, here.rows), here.details, here.times)
    schema, keys = no_rows(data).schema, list(data.key_columns.values())
    if given is not None:

        def of_table(frame: pl.DataFrame) -> JudgedLabels:
            # Spark returns rows in any order; here they are in the order of `frames_of`.
            return judged_labels(data, frame.sort(frame.columns, nulls_last=False).select(as_asked(data)), partition, now)

        return _judged(data, given, keys, tables.buckets_of(given), of_table)
    assert silver is not None, "labels come from a table or from silver"
    rows = tables.scan(silver)
    if isinstance(data.labels, Labels):

        def of_events(frame: pl.DataFrame) -> pl.DataFrame:
            return labels(data, frame.lazy(), partition)

        found = each_bucket(rows, keys, tables.buckets(silver), of_events, schema).persist()
        return _found(data, found, {"label_times": len(label_times(data, partition))})

    def of_source(frame: pl.DataFrame) -> JudgedLabels:
        return judged_labels(data, rows_of_source(data, frame.lazy(), partition), partition)

    return _judged(data, rows, keys, tables.buckets(silver), of_source)


def _judged(
    data: TrainingSet, rows: "DataFrame", keys: Sequence[str], buckets: int, judge: Callable[[pl.DataFrame], JudgedLabels]
) -> FoundLabels:
    """The labels among rows, and the counts and examples of rejected rows; each bucket returns these in its own row."""

    def kernel(frame: pl.DataFrame) -> pl.DataFrame:
        judged = judge(frame)
        said = json.dumps([judged.reasons, judged.examples()])
        return pl.concat([judged.labels, pl.DataFrame({_REJECTED: [said]})], how="diagonal")

    judged = each_bucket(rows, keys, buckets, kernel, {**no_rows(data).schema, _REJECTED: pl.String()}).persist()
    found = judged.filter(F.col(_REJECTED).isNull()).drop(_REJECTED)
    rejected = _rejected([json.loads(row[0]) for row in judged.filter(F.col(_REJECTED).isNotNull()).select(_REJECTED).toLocalIterator()])
    number, first, last = found.agg(F.countDistinct(LABEL_TIME), F.min(LABEL_TIME), F.max(LABEL_TIME)).first() or (0, None, None)
    between = [utc(at).isoformat() for at in (first, last) if at is not None]
    return _found(data, found, {"label_times": number, "label_times_between": between, **rejected})


def _rejected(buckets: Sequence[tuple[dict[str, int], dict[str, dict[str, str]]]]) -> dict[str, Any]:
    """The counts and examples of rejected rows, merged from all buckets."""
    counts, examples = Counter[str](), dict[str, dict[str, str]]()
    for reasons, first in buckets:
        counts.update(reasons)
        for reason, row in first.items():
            if reason not in examples or _place(row) < _place(examples[reason]):
                examples[reason] = row
    ordered = sorted(counts, key=lambda reason: (-counts[reason], reason))
    return {
        "rejected": counts.total(),
        "reasons": {reason: counts[reason] for reason in ordered},
        "examples": {reason: examples[reason] for reason in sorted(examples)},
    }


def _place(row: Mapping[str, str]) -> tuple[bool, str, list[str]]:
    """The sort key of rejected rows: by time, those without a time last."""
    return row[LABEL_TIME] == "None", row[LABEL_TIME], list(row.values())


def _found(data: TrainingSet, found: "DataFrame", details: Mapping[str, Any]) -> FoundLabels:
    label = F.col(data.label)
    first, last = found.agg(F.min(LABEL_TIME), F.max(LABEL_TIME)).first() or (None, None)
    times = None if first is None or last is None else (utc(first), utc(last))
    if data.labels.kind == "binary":
        said: dict[str, Any] = {"positive": _one(found.agg(F.count_if(label))) or 0}
    elif data.labels.kind == "numeric":
        row = found.agg(F.count_if(label.isNull()), F.mean(label), F.min(label), F.max(label)).first()
        unlabelled, *figures = row or (0, None, None, None)
        known = zip(("mean", "least", "most"), figures, strict=True)
        said = {"unlabelled": unlabelled, **{name: value for name, value in known if value is not None}}
    else:
        counted = found.groupBy(label.alias("class")).count().orderBy(F.desc("count"), "class")
        classes = {str(row["class"]): row["count"] for row in counted.filter("class is not null").limit(MOST_CLASSES).collect()}
        said = {"unlabelled": _one(found.agg(F.count_if(label.isNull()))) or 0, "classes": classes}
    return FoundLabels(found, {**details, **said}, times)


def _one(frame: "DataFrame") -> Any:
    row = frame.first()
    return row[0] if row else None


def utc(at: datetime) -> datetime:
    """Converts a time from Spark, which arrives in this machine's time zone, to UTC."""
    return at.astimezone(UTC)

"""The engine that spreads entities over Spark tasks: their rows go to the kernels in buckets, and results to Delta files."""

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import polars as pl
from pyspark.sql import functions as F

from platform_assets.declare.attributes import AttributeView, View
from platform_assets.declare.checkpoints import arrivals_of_snapshot, months_of, snapshot_of, state_columns
from platform_assets.declare.checks import Orphans
from platform_assets.declare.labels import LABEL_TIME
from platform_assets.declare.model import Model
from platform_assets.declare.report import GoldTable
from platform_assets.declare.source import Source
from platform_assets.declare.training import FeatureService, TrainingSet
from platform_assets.declare.view import FeatureView
from platform_assets.engines.engine import (
    CheckpointSlice,
    FoundLabels,
    JudgedPartitions,
    KeyFaults,
    Sample,
    TableSlice,
    ViewSlice,
    WorkDone,
)
from platform_assets.engines.polars.rows import PolarsRows as LocalRows
from platform_assets.engines.spark.features import found_on_spark, with_declared_types, with_features
from platform_assets.engines.spark.profile import profiled, referenced
from platform_assets.engines.spark.publish import published_on_spark
from platform_assets.engines.spark.rows import SparkRows
from platform_assets.engines.spark.session import event_log, session
from platform_assets.engines.spark.silver import judged
from platform_assets.engines.spark.skew import Split, heavy_keys, parts_of, reads_of, spread
from platform_assets.engines.spark.snapshot import judged_pictures
from platform_assets.engines.spark.tables import SIZES, Sizes, SparkTables, columns_of
from platform_assets.engines.spark.task_errors import computes, opens
from platform_assets.engines.spark.tasks import each_batch, each_bucket, each_pair, each_part, polars, polars_schema, spark_frame
from platform_assets.engines.spark.tuning.summary import work_of
from platform_assets.expressions.types import POLARS
from platform_assets.frames.from_spark import is_of_spark
from platform_assets.kernels.attributes import attributes_log
from platform_assets.kernels.change_log import change_log
from platform_assets.kernels.checkpoint import checkpoint
from platform_assets.kernels.checkpoint_state import Checkpoint
from platform_assets.kernels.given_labels import no_rows, returned, rows_of_table, wanted, where_of_labels
from platform_assets.kernels.judge_rows import Delivered
from platform_assets.kernels.key_faults import faults_of_keys
from platform_assets.kernels.point_in_time import point_in_time
from platform_assets.kernels.predictions import alive, judging, predicted, schema_of
from platform_assets.kernels.profile import Profile
from platform_assets.kernels.report import report
from platform_assets.stores.delta import Lake
from platform_assets.stores.online.publish import Publisher
from platform_assets.stores.tables import name_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_ORDER, _EVENT = "__order", "__event"


@dataclass(frozen=True)
class SparkEngine:
    """Implements `Engine` on Spark: rows stay in Spark's tasks."""

    lake: Lake
    start: Callable[[], "SparkSession"] = session
    sizes: Sizes = SIZES
    name: str = "spark"

    @cached_property
    def tables(self) -> SparkTables:
        """Reads and writes the lake's tables."""
        return SparkTables(self.lake, self.start, self.sizes)

    @property
    def rows_at_once(self) -> int:
        return 200_000_000

    # --- silver ---------------------------------------------------------------------------------------------------------

    @opens
    def judge(
        self,
        source: Source,
        raw: TableSlice,
        first: int,
        last: int,
        *,
        as_they_are: Set[int],
        delivered: Delivered,
        run: str,
        replayed: pl.Expr | None = None,
    ) -> Iterator[JudgedPartitions]:
        judge = judged_pictures if source.kind == "snapshot" else judged
        with judge(self.tables, source, raw, first, last, as_they_are, delivered, run, replayed) as found:
            yield found

    # --- gold -----------------------------------------------------------------------------------------------------------

    @opens
    def change_log(
        self, view: FeatureView, silver: TableSlice, first: int, last: int, start: CheckpointSlice | None
    ) -> Iterator[SparkRows]:
        rows, buckets = self.tables.scan(silver, columns_of(view)), self.tables.buckets(silver)
        keys = list(view.key_columns.values())
        for key in keys:  # rows without an entity would all end up in one bucket
            rows = rows.filter(rows[key].isNotNull())
        order = ("partition", *view.entity.keys)
        if start is None:
            split = self._split(rows, keys, buckets, silver, first, last, lambda partition: arrivals_of_snapshot(view, partition).start)

            def kernel(frame: pl.DataFrame, bucket: int) -> pl.DataFrame:
                part = split.part(bucket)
                return pl.concat(change_log(view, frame.lazy(), part.first if part else first, part.last if part else last))

            schema = kernel(pl.DataFrame(schema=polars_schema(rows)), 0).schema
            parts = reads_of(split, view.source.partitions)
            made = each_part(spread(rows, keys, split.buckets, split.keys, parts), split.tasks, kernel, schema)
            yield self.tables.rows_of(made, schema, (view.name, "gold"), silver, order)
            return
        states, snapshot = self._states(view, start), start.snapshot

        def from_checkpoint(frame: pl.DataFrame, before: pl.DataFrame) -> pl.DataFrame:
            return pl.concat(change_log(view, frame.lazy(), first, last, checkpoint=Checkpoint(snapshot, before.lazy())))

        schema = from_checkpoint(*(pl.DataFrame(schema=polars_schema(frame)) for frame in (rows, states))).schema
        changed = each_pair(rows, states, (keys, view.entity.keys), buckets, from_checkpoint, schema)
        yield self.tables.rows_of(changed, schema, (view.name, "gold"), silver, order)

    @opens
    def checkpoint(self, view: FeatureView, silver: TableSlice, month: int, before: CheckpointSlice | None) -> Iterator[SparkRows]:
        rows, buckets, snapshot = self.tables.scan(silver, columns_of(view)), self.tables.buckets(silver), snapshot_of(view, month)
        keys, value, names = list(view.key_columns.values()), months_of(view).value(month), state_columns(view)
        since = before.snapshot if before else None

        def kernel(frame: pl.DataFrame, states: pl.DataFrame | None = None) -> pl.DataFrame:
            earlier = None if since is None or states is None else Checkpoint(since, states.lazy())
            made = pl.concat(checkpoint(view, frame.lazy(), snapshot, earlier))
            return made.rename(names).with_columns(pl.lit(value).alias("partition"))

        empty = pl.DataFrame(schema=polars_schema(rows))
        if before is None:
            schema = kernel(empty).schema
            made = each_bucket(rows, keys, buckets, kernel, schema)
        else:
            states = self._states(view, before)
            schema = kernel(empty, pl.DataFrame(schema=polars_schema(states))).schema
            made = each_pair(rows, states, (keys, view.entity.keys), buckets, kernel, schema)
        yield self.tables.rows_of(made, schema, (view.name, "checkpoints"), silver, view.entity.keys)

    @opens
    def attributes(self, view: AttributeView, silver: TableSlice, first: int, last: int) -> Iterator[SparkRows]:
        rows, keys = self.tables.scan(silver), list(view.key_columns.values())

        def kernel(frame: pl.DataFrame) -> pl.DataFrame:
            return attributes_log(view, frame.lazy(), first, last)

        schema = kernel(pl.DataFrame(schema=polars_schema(rows))).schema
        updates = each_bucket(rows, keys, self.tables.buckets(silver), kernel, schema)
        yield self.tables.rows_of(updates, schema, (view.name, "gold"), silver, ("partition", *view.entity.keys))

    @opens
    def report(self, table: GoldTable, silver: TableSlice, first: int, last: int) -> Iterator[SparkRows]:
        rows, keys = self.tables.scan(silver), list(table.by)
        if (
            table.event_partitions.zone == "UTC"
        ):  # all partitions have the same length, so each event partition can be computed in its own task
            days = table.event_partitions
            since = F.unix_micros(table.source.event_time) - F.unix_micros(F.lit(days.starts_at(days.first)))
            rows = rows.withColumn(_EVENT, F.floor(since / F.lit(days.step // timedelta(microseconds=1))))
            keys.append(_EVENT)

        def kernel(frame: pl.DataFrame) -> pl.DataFrame:
            return report(table, frame.lazy(), first, last)

        schema = kernel(pl.DataFrame(schema=polars_schema(rows))).schema
        made = each_bucket(rows, keys, self.tables.buckets(silver), kernel, schema)
        yield self.tables.rows_of(made, schema, (table.name, "gold"), silver, ("partition", *table.by))

    # --- training and predictions ---------------------------------------------------------------------------------------

    @computes
    def given_labels(self, data: TrainingSet) -> "pl.DataFrame | DataFrame":
        table = returned(data)
        return with_declared_types(table, wanted(data), where_of_labels(data)) if is_of_spark(table) else rows_of_table(data, table)

    @computes
    def labels(
        self, data: TrainingSet, partition: int, *, silver: TableSlice | None, given: "pl.DataFrame | DataFrame | None", now: datetime
    ) -> FoundLabels:
        return found_on_spark(self.tables, data, partition, silver, given, now)

    @opens
    def training(self, data: TrainingSet, partition: int, labels: FoundLabels, features: Sequence[ViewSlice] | None) -> Iterator[SparkRows]:
        found, schema = labels.rows, no_rows(data).schema
        columns: Mapping[str, pl.DataType]
        try:
            if features is None:
                columns = dict(schema) | {name: POLARS[dtype] for name, dtype in data.features.features.items()}
                nothing = [pl.lit(None, POLARS[dtype]).alias(name) for name, dtype in data.features.features.items()]
                frame = each_batch(found, lambda rows: rows.with_columns(nothing), columns)
            else:
                frame, columns = with_features(self.tables, data.features, found, schema, features, time=LABEL_TIME)
            value = data.partitions.value(partition)
            frame = frame.withColumn("partition", F.lit(value))
            yield SparkRows(
                self.lake,
                (data.name, "training"),
                frame,
                {**columns, "partition": pl.Series([value]).dtype},
                self.tables.stage,
                order=(LABEL_TIME, *data.entity.keys),
            )
        finally:
            found.unpersist()

    @opens
    def predictions(
        self, model: Model, days: Sequence[int], features: Sequence[ViewSlice], loaded: Any, artifact: str | None
    ) -> Iterator[SparkRows | LocalRows]:
        if loaded is None or artifact is None:
            yield self.rows(pl.DataFrame(schema=pl.Schema(schema_of(model))))
            return
        data, schema = model.training_set, schema_of(model)
        entities = self._entities(model, days, features).persist()
        asked = {**{key: schema[key] for key in data.entity.keys}, LABEL_TIME: pl.Datetime("us", "UTC"), "partition": schema["partition"]}
        frame, _ = with_features(self.tables, data.features, entities, asked, features, time=LABEL_TIME)
        fitted = loaded.model

        def kernel(rows: pl.DataFrame) -> pl.DataFrame:
            return predicted(model, fitted, artifact, rows)

        rows = each_batch(frame, kernel, schema)
        try:
            yield SparkRows(self.lake, (model.name, "predictions"), rows, schema, self.tables.stage, order=("partition", *data.entity.keys))
        finally:
            entities.unpersist()

    def _entities(self, model: Model, days: Sequence[int], features: Sequence[ViewSlice]) -> "DataFrame":
        """The entities to predict: keys, label_time and partition."""
        views, found = judging(model, [one.view for one in features]), []
        schema = schema_of(model)
        columns = {**{key: schema[key] for key in model.training_set.entity.keys}, LABEL_TIME: pl.Datetime("us", "UTC")}
        columns["partition"] = schema["partition"]
        for one in features:
            if one.view not in views:
                continue
            keys = list(one.view.entity.keys if one.layer == "gold" else one.view.key_columns.values())

            def kernel(rows: pl.DataFrame, one: ViewSlice = one) -> pl.DataFrame:
                return alive(model, one.view, one.layer, rows, days).select(*columns)

            found.append(each_bucket(self.tables.scan(one.rows), keys, self.tables.buckets(one.rows), kernel, columns))
        together = found[0]
        for more in found[1:]:
            together = together.unionByName(more)
        return together.distinct() if len(found) > 1 else together

    @computes
    def features(
        self, service: FeatureService, labels: pl.DataFrame, features: Sequence[ViewSlice], *, time: str = LABEL_TIME
    ) -> pl.DataFrame:
        # Labels may have columns of types that Spark does not have: it gets only the columns it needs.
        read = dict.fromkeys([*service.keys, time, *service.request])
        asked = labels.select(*read, pl.int_range(pl.len(), dtype=pl.Int64).alias(_ORDER))
        found, _ = with_features(self.tables, service, spark_frame(self.tables.spark, asked), asked.schema, features, time=time)
        values = polars(found.toArrow()).sort(_ORDER).select(*service.features)
        return pl.concat([labels, values], how="horizontal")

    @computes
    def sample(self, view: View, gold: TableSlice, at: datetime, size: int) -> Sample:
        service, keys = FeatureService(view.name, [view]), list(view.entity.keys)
        log = self.tables.scan(gold).filter(F.col("valid_from") <= F.lit(at))
        known = log.select(*keys).distinct()
        step = max(1, -(-known.count() // size))
        chosen = known.filter(F.pmod(F.xxhash64(*keys), F.lit(step)) == 0).orderBy(*keys).limit(size)
        rows = log.join(F.broadcast(chosen), keys, "left_semi")
        entities = polars(chosen.toArrow())
        labels = entities.with_columns(pl.lit(at, pl.Datetime("us", "UTC")).alias(LABEL_TIME))
        values = point_in_time(service, {view.name: polars(rows.toArrow()).lazy()}, labels).select(*service.features)
        return Sample(entities.to_dicts(), values.to_dicts())

    @computes
    def profiles(self, source: Source, silver: TableSlice) -> dict[int, Profile]:
        return profiled(self.tables, source, silver)

    @computes
    def references(self, source: Source, figure: Orphans, silver: TableSlice, parents: TableSlice) -> list[tuple[int, int | None, int]]:
        return list(referenced(self.tables, source, figure, silver, parents))

    @computes
    def key_faults(self, source: Source, silver: TableSlice, partitions: Sequence[int]) -> dict[int, KeyFaults]:
        counted: dict[int, tuple[int, int]] = {}
        rows = self.tables.scan(silver, {*source.unique_key, "arrival"})
        schema = {"index": pl.Int64(), "missing": pl.Int64(), "repeated": pl.Int64()}

        def kernel(frame: pl.DataFrame) -> pl.DataFrame:
            return faults_of_keys(source, frame).select(pl.col(name).cast(dtype) for name, dtype in schema.items())

        found = each_bucket(rows, source.unique_key, self.tables.buckets(silver), kernel, schema)
        for index, missing, repeated in found.toLocalIterator():
            before = counted.get(index, (0, 0))
            counted[index] = (before[0] + missing, before[1] + repeated)
        return {partition: KeyFaults(*counted.get(partition, (0, 0))) for partition in partitions}

    @property
    def publisher(self) -> Publisher:
        return partial(published_on_spark, self.tables)

    def work_done(self) -> WorkDone | None:
        log = event_log()
        figures = log.since() if log else None
        told = list(dict.fromkeys(self.tables.told))
        self.tables.told.clear()
        return work_of(figures, told) if figures and figures.stages else None

    def rows(self, frame: pl.DataFrame) -> LocalRows:
        return LocalRows(self.lake, frame)

    def _split(
        self, rows: "DataFrame", keys: Sequence[str], buckets: int, read: TableSlice, first: int, last: int, since: Callable[[int], int]
    ) -> Split:
        """How the rows of a slice are spread over tasks: keys with more rows than a task may get are split into parts."""
        limit = self.tables.sizes.bucket
        if self.tables.rows_in(read) <= limit or last == first:
            return Split(buckets, (), ())
        heavy = heavy_keys(rows, keys, limit)
        if not heavy:
            return Split(buckets, (), ())
        split = Split(buckets, tuple(heavy), parts_of(first, last, -(-max(heavy.values()) // limit), since))
        key, most = next(iter(heavy.items()))
        named = ", ".join(f"{name} {value!r}" for name, value in zip(keys, key, strict=True))
        self.tables.told.append(
            f"{name_of(read.table)}: {named} has {most:,} of {self.tables.rows_in(read):,} rows, more than a task's {limit:,}; "
            f"{len(heavy)} such keys were computed in {len(split.parts)} parts each"
        )
        return split

    def _states(self, view: FeatureView, read: CheckpointSlice) -> "DataFrame":
        rows = self.tables.scan(read.rows)
        return rows.select(*view.entity.keys, *(F.col(column).alias(feature) for feature, column in state_columns(view).items()))

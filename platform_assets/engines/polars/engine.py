"""The single-process engine: slices of tables are read lazily and computed a chunk of rows or entities at a time."""

from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from platform_assets.declare.attributes import AttributeView, View
from platform_assets.declare.checkpoints import months_of, snapshot_of, state_columns
from platform_assets.declare.checks import Orphans
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
)
from platform_assets.engines.polars.labels import found_labels
from platform_assets.engines.polars.profile import profiled, referenced
from platform_assets.engines.polars.rows import PolarsRows
from platform_assets.engines.polars.silver import judged
from platform_assets.expressions.types import POLARS
from platform_assets.frames.laid_aside import laid_aside
from platform_assets.kernels.attributes import attributes_log
from platform_assets.kernels.change_log import change_log
from platform_assets.kernels.checkpoint import checkpoint
from platform_assets.kernels.checkpoint_state import Checkpoint
from platform_assets.kernels.examples import examples_of
from platform_assets.kernels.given_labels import returned, rows_of_table
from platform_assets.kernels.judge_rows import Delivered
from platform_assets.kernels.key_faults import faults_of_keys
from platform_assets.kernels.point_in_time import point_in_time
from platform_assets.kernels.predictions import alive, judging, predicted, schema_of
from platform_assets.kernels.profile import Profile
from platform_assets.kernels.report import report
from platform_assets.stores.delta import Lake

ROWS_AT_ONCE = 1_000_000


@dataclass(frozen=True)
class PolarsEngine:
    """Implements `Engine` in this process."""

    lake: Lake
    name: str = "polars"

    @property
    def rows_at_once(self) -> int:
        return ROWS_AT_ONCE

    @contextmanager
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
        rows = self.scan(raw).filter(~pl.col("superseded"))
        with judged(source, rows, first, last, as_they_are, delivered, replayed=replayed) as found:
            silver, rejected = found.silver, found.quarantine.with_columns(pl.lit(run).alias("run"))
            examples = examples_of(source, found.first_of_each_reason)
            yield JudgedPartitions(self.rows(silver), self.rows(rejected), found.counts, examples, found.events)

    @contextmanager
    def change_log(
        self, view: FeatureView, silver: TableSlice, first: int, last: int, start: CheckpointSlice | None
    ) -> Iterator[PolarsRows]:
        before = self._checkpoint(view, start) if start else None
        changes = change_log(view, self.scan(silver), first, last, checkpoint=before)
        with laid_aside(chunk.sort("partition") for chunk in changes) as log:
            yield PolarsRows(self.lake, log, ("partition", *view.entity.keys))

    @contextmanager
    def checkpoint(self, view: FeatureView, silver: TableSlice, month: int, before: CheckpointSlice | None) -> Iterator[PolarsRows]:
        earlier = self._checkpoint(view, before) if before else None
        with laid_aside(checkpoint(view, self.scan(silver), snapshot_of(view, month), earlier)) as states:
            of_month = pl.lit(months_of(view).value(month)).alias("partition")
            yield self.rows(states.rename(state_columns(view)).with_columns(of_month))

    @contextmanager
    def attributes(self, view: AttributeView, silver: TableSlice, first: int, last: int) -> Iterator[PolarsRows]:
        yield self.rows(attributes_log(view, self.scan(silver), first, last).sort("partition", *view.entity.keys))

    @contextmanager
    def report(self, table: GoldTable, silver: TableSlice, first: int, last: int) -> Iterator[PolarsRows]:
        yield self.rows(report(table, self.scan(silver), first, last))

    def given_labels(self, data: TrainingSet) -> pl.DataFrame:
        return rows_of_table(data, returned(data))

    def labels(
        self, data: TrainingSet, partition: int, *, silver: TableSlice | None, given: pl.DataFrame | None, now: datetime
    ) -> FoundLabels:
        return found_labels(data, partition, self.scan(silver) if silver else None, given, now)

    @contextmanager
    def training(
        self, data: TrainingSet, partition: int, labels: FoundLabels, features: Sequence[ViewSlice] | None
    ) -> Iterator[PolarsRows]:
        frame: pl.DataFrame = labels.rows
        if features is None:
            frame = frame.with_columns(pl.lit(None, POLARS[dtype]).alias(name) for name, dtype in data.features.features.items())
        else:
            frame = self.features(data.features, frame, features)
        yield self.rows(frame.with_columns(pl.lit(data.partitions.value(partition)).alias("partition")))

    @contextmanager
    def predictions(
        self, model: Model, days: Sequence[int], features: Sequence[ViewSlice], loaded: Any, artifact: str | None
    ) -> Iterator[PolarsRows]:
        if loaded is None or artifact is None:
            yield self.rows(pl.DataFrame(schema=pl.Schema(schema_of(model))))
            return
        views = judging(model, [one.view for one in features])
        found = [alive(model, one.view, one.layer, self.scan(one.rows), days) for one in features if one.view in views]
        entities = pl.concat(found).unique().sort("label_time", *model.training_set.entity.keys)
        with_features = self.features(model.training_set.features, entities, features)
        yield self.rows(predicted(model, loaded.model, artifact, with_features))

    def features(
        self, service: FeatureService, labels: pl.DataFrame, features: Sequence[ViewSlice], *, time: str = "label_time"
    ) -> pl.DataFrame:
        logs, silver = ({one.view.name: self.scan(one.rows) for one in features if one.layer == layer} for layer in ("gold", "silver"))
        return point_in_time(service, logs, labels, time=time, silver=silver)

    def sample(self, view: View, gold: TableSlice, at: datetime, size: int) -> Sample:
        service, keys = FeatureService(view.name, [view]), list(view.entity.keys)
        log = self.scan(gold).filter(pl.col("valid_from") <= at)
        entities = log.select(keys).unique().sort(keys).collect()
        chosen = entities.gather_every(max(1, -(-entities.height // size)))
        labels = chosen.with_columns(pl.lit(at, pl.Datetime("us", "UTC")).alias("label_time"))
        values = point_in_time(service, {view.name: log}, labels).select(*service.features)
        return Sample(chosen.to_dicts(), values.to_dicts())

    def key_faults(self, source: Source, silver: TableSlice, partitions: Sequence[int]) -> dict[int, KeyFaults]:
        counted = faults_of_keys(source, self.scan(silver))
        faults = {index: KeyFaults(missing, repeated) for index, missing, repeated in counted.iter_rows()}
        return {partition: faults.get(partition, KeyFaults(0, 0)) for partition in partitions}

    def profiles(self, source: Source, silver: TableSlice) -> dict[int, Profile]:
        return profiled(source, self.scan(silver))

    def references(self, source: Source, figure: Orphans, silver: TableSlice, parents: TableSlice) -> Iterator[tuple[int, int | None, int]]:
        return referenced(source, figure, self.scan(silver), self.scan(parents))

    @property
    def publisher(self) -> None:
        return None

    def work_done(self) -> None:
        return None  # Dagster already reports on this process

    def rows(self, frame: pl.DataFrame | pl.LazyFrame) -> PolarsRows:
        return PolarsRows(self.lake, frame)

    def scan(self, read: TableSlice) -> pl.LazyFrame:
        """The rows of a slice; files of other partitions are not opened."""
        if read.span is None:
            return self.lake.scan(read.table, version=read.version).clear()
        return self.lake.scan(read.table, by=read.by, span=read.span, version=read.version)

    def _checkpoint(self, view: FeatureView, read: CheckpointSlice) -> Checkpoint:
        columns = [pl.col(column).alias(feature) for feature, column in state_columns(view).items()]
        return Checkpoint(read.snapshot, self.scan(read.rows).select(*view.entity.keys, *columns))

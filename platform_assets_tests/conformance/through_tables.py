"""An engine of the platform as one of the suite: rows are written to tables of a lake, its operations read, compute and write there."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from platform_assets.declare.attributes import AttributeView, View
from platform_assets.declare.checkpoints import arrivals_of_snapshot, month_of, months_of, snapshot_of
from platform_assets.declare.checks import Orphans
from platform_assets.declare.names import UNPARSED, UNPARSED_REASON
from platform_assets.declare.partitions import Partitions
from platform_assets.declare.reads import partitions_read
from platform_assets.declare.report import GoldTable
from platform_assets.declare.source import Source
from platform_assets.declare.training import FeatureService, TrainingSet
from platform_assets.declare.view import FeatureView
from platform_assets.engines.engine import CheckpointSlice, ComputedRows, TableSlice, ViewSlice
from platform_assets.engines.engine import Engine as PlatformEngine
from platform_assets.steps.labels import arrivals_of, find_labels, times_of
from platform_assets.steps.run import slice_of, span_of
from platform_assets.stores.delta import Lake, PartitionFacts
from platform_assets_tests.conformance.engines import (
    PLACE_TYPES,
    Figures,
    Judged,
    Received,
    Row,
    asked_frame,
    counted_row,
    delivered_type,
    late_or_missing,
    log_frame,
    packed_figures,
    plain_rows,
    reasons_of,
    silver_frame,
    stored_frame,
)


@dataclass
class ThroughTables:
    """An engine of the platform; each operation finds its rows in a lake of its own."""

    name: str
    make: Callable[[Lake], PlatformEngine]
    folder: Path | None = None
    """Where the lakes are; None: where temporary files are."""
    takes_seconds: bool = False
    any_checkpoint = False
    """Checkpoints are those of months, as in the platform; at other snapshots there are none."""

    # --- silver -----------------------------------------------------------------------------------------------------

    def silver(self, source: Source, raw: Sequence[Received], first: int, last: int) -> Judged:
        since = max(first - source.duplicates_within, source.partitions.first)
        given = [row for row in raw if since <= row.arrival <= last]
        schema = {column: delivered_type(column, source, given) for column in source.columns}
        schema |= dict.fromkeys((c for c in (UNPARSED, UNPARSED_REASON) if any(c in row.came for row in given)), pl.String)
        rows = stored_frame([{**dict.fromkeys(schema), **row.came, **row.place} for row in given], {**schema, **PLACE_TYPES}, source)
        with self._engine() as (engine, lake):
            read = self._put(lake, (source.name, "raw"), rows.with_columns(superseded=False), "arrival", source.partitions, since, last)
            with engine.judge(source, read, first, last, as_they_are=set(), delivered=(), run="run") as found:
                accepted = self._taken(lake, source, (source.name, "silver"), found.silver, first, last)
                aside = self._taken(lake, source, (source.name, "quarantine"), found.quarantine, first, last, received=True)
                counts = [counted_row(p, counted) for p, counted in found.counts.items()]
        for row in counts:
            row["reasons"] = {reasons_of([reason])[0]: number for reason, number in row["reasons"].items()}
        received = [{**{c: row[c] for c in row if c != "run"}, "reasons": reasons_of(row["reasons"])} for row in aside]
        return Judged(accepted, received, counts)

    def _taken(
        self, lake: Lake, source: Source, table: tuple[str, str], rows: ComputedRows, first: int, last: int, received: bool = False
    ) -> list[Row]:
        """The rows of silver or quarantine, after they were written in two spans."""
        middle = (first + last + 1) // 2
        for begin, end in ((first, middle - 1), (middle, last)):
            if begin <= end:
                self._write(rows, table, "arrival", source.partitions, begin, end, received)
        return plain_rows(lake.scan(table).collect(), source)

    # --- gold -------------------------------------------------------------------------------------------------------

    def change_log(self, view: FeatureView, silver: Sequence[Row], first: int, last: int, checkpoints: Sequence[int] = ()) -> list[Row]:
        source, partitions = view.source, view.source.partitions
        with self._engine() as (engine, lake):
            table = (source.name, "silver")
            arrived = [row for row in silver if row["arrival"] <= last]
            oldest = min([row["arrival"] for row in arrived], default=first)
            whole = self._put(lake, table, silver_frame(source, arrived), "arrival", partitions, min(oldest, first), last)

            def arrivals(since: int, until: int) -> TableSlice:
                return slice_of(table, "arrival", partitions, since, until, whole.version)

            month, start = month_of(view, first) if checkpoints and view.lifetime else None, None
            if month is not None:
                start = self._checkpoint(engine, lake, view, month, arrivals)
            since = arrivals_of_snapshot(view, first).start if start or not view.lifetime else min(oldest, first)
            with engine.change_log(view, arrivals(max(since, partitions.first), last), first, last, start) as log:
                return self._gold(lake, view, log, first, last)

    def _checkpoint(
        self, engine: PlatformEngine, lake: Lake, view: FeatureView, month: int, arrivals: Callable[[int, int], TableSlice]
    ) -> CheckpointSlice:
        """The checkpoint of a month, made from the one before it, which is made from all silver."""
        months, first, start = months_of(view), view.source.partitions.first, None
        for made in [earlier for earlier in (month - 1, month) if earlier >= months.first]:
            read = arrivals(first, max(first, snapshot_of(view, made)))
            with engine.checkpoint(view, read, made, start) as states:
                written = self._write(states, (view.name, "checkpoints"), "partition", months, made, made)
            rows = slice_of((view.name, "checkpoints"), "partition", months, made, made, written)
            start = CheckpointSlice(snapshot_of(view, made), rows)
        assert start is not None, "the month has a checkpoint"
        return start

    def attributes_log(self, view: AttributeView, silver: Sequence[Row], first: int, last: int) -> list[Row]:
        rows = [row for row in silver if first <= row["arrival"] <= last]
        with self._engine() as (engine, lake):
            read = self._put(
                lake, (view.source.name, "silver"), silver_frame(view.source, rows), "arrival", view.source.partitions, first, last
            )
            with engine.attributes(view, read, first, last) as log:
                return self._gold(lake, view, log, first, last)

    def report(self, table: GoldTable, silver: Sequence[Row], first: int, last: int) -> list[Row]:
        partitions = table.source.partitions
        with self._engine() as (engine, lake):
            arrivals = [row["arrival"] for row in silver] or [first]
            read = self._put(
                lake, (table.source.name, "silver"), silver_frame(table.source, silver), "arrival", partitions, min(arrivals), max(arrivals)
            )
            with engine.report(table, read, first, last) as rows:
                self._write(rows, (table.name, "gold"), "partition", table.event_partitions, first, last)
            return plain_rows(lake.scan((table.name, "gold")).collect(), table.source)

    # --- quality ----------------------------------------------------------------------------------------------------

    def figures(self, source: Source, silver: Sequence[Row], first: int, last: int) -> Figures:
        rows = silver_frame(source, [row for row in silver if first <= row["arrival"] <= last])
        with self._engine() as (engine, lake):
            read = self._put(lake, (source.name, "silver"), rows, "arrival", source.partitions, first, last)
            return packed_figures(source, engine.profiles(source, read), first, last)

    def orphans(
        self, source: Source, figure: Orphans, silver: Sequence[Row], parents: Sequence[Row], first: int, last: int
    ) -> dict[int, int]:
        rows, parent = silver_frame(source, [row for row in silver if first <= row["arrival"] <= last]), figure.parent
        assert isinstance(parent, Source), "the platform's own"
        arrivals = [row["arrival"] for row in parents] or [parent.partitions.first]
        with self._engine() as (engine, lake):
            read = self._put(lake, (source.name, "silver"), rows, "arrival", source.partitions, first, last)
            keys = silver_frame(parent, parents)
            known = self._put(lake, ("parent", "silver"), keys, "arrival", parent.partitions, min(arrivals), max(arrivals))
            return late_or_missing(source, figure, engine.references(source, figure, read, known), first, last)

    def _gold(self, lake: Lake, view: View, log: ComputedRows, first: int, last: int) -> list[Row]:
        table, partitions = (view.name, "gold"), view.source.partitions
        counted = log.by_partition(partitions)
        self._write(log, table, "partition", partitions, first, last)
        rows = plain_rows(lake.scan(table).collect(), view.source)
        told = {partitions.number(key): number for key, number in counted.items() if number}
        found = {p: sum(row["partition"] == p for row in rows) for p in {row["partition"] for row in rows}}
        assert told == found, f"{view.name} was said to have {told} rows, and has {found}"
        return rows

    # --- joins ------------------------------------------------------------------------------------------------------

    def point_in_time(self, service: FeatureService, logs: Mapping[str, Sequence[Row]], asked: Sequence[Row]) -> list[Row]:
        def put(lake: Lake, view: View, read: range) -> TableSlice:
            log, partitions = logs[view.name], view.source.partitions
            indexes = [row["partition"] for row in log] or [partitions.first]
            frame = log_frame(view, log)
            whole = self._put(lake, (view.name, "gold"), frame, "partition", partitions, min(indexes), max(indexes))
            return TableSlice(whole.table, whole.version, "partition", span_of(partitions, read.start, read.stop - 1) if read else None)

        return self._joined(service, asked, "gold", put)

    def from_silver(self, service: FeatureService, silver: Sequence[Row], asked: Sequence[Row]) -> list[Row]:
        def put(lake: Lake, view: View, read: range) -> TableSlice:
            partitions, table = view.source.partitions, (view.source.name, "silver")
            if not lake.exists(table):
                arrivals = [row["arrival"] for row in silver] or [partitions.first]
                self._put(lake, table, silver_frame(view.source, silver), "arrival", partitions, min(arrivals), max(arrivals))
            read = range(max(read.start, partitions.first), read.stop)
            return TableSlice(table, 0, "arrival", span_of(partitions, read.start, read.stop - 1) if read else None)

        return self._joined(service, asked, "silver", put)

    def _joined(
        self, service: FeatureService, asked: Sequence[Row], layer: Any, put: Callable[[Lake, View, range], TableSlice]
    ) -> list[Row]:
        labels = asked_frame(service, asked)
        times = [row["label_time"] for row in asked] or [
            service.views[0].source.partitions.starts_at(service.views[0].source.partitions.first)
        ]
        with self._engine() as (engine, lake):
            read = [ViewSlice(view, layer, put(lake, view, partitions_read(view, layer, min(times), max(times)))) for view in service.views]
            return engine.features(service, labels, read, time="label_time").to_dicts()

    # --- labels -----------------------------------------------------------------------------------------------------

    def labels(self, data: TrainingSet, silver: Sequence[Row], month: int) -> list[Row]:
        return self._labels(data, silver, month, None)[0]

    def given_labels(
        self, data: TrainingSet, rows: Sequence[Row], partition: int, now: datetime | None = None
    ) -> tuple[list[Row], list[Row]]:
        found, details = self._labels(data, rows, partition, now)
        return found, [{"reason": reason} for reason, number in details["reasons"].items() for _ in range(number)]

    def _labels(self, data: TrainingSet, silver: Sequence[Row], partition: int, now: datetime | None) -> tuple[list[Row], dict[str, Any]]:
        source = data.labels.source
        with self._engine() as (engine, lake):
            version, given = -1, None
            if source is None:
                given = engine.given_labels(data)
            else:
                read = arrivals_of(data, partition)
                arrived = [row for row in silver if row["arrival"] in read]
                arrivals = [row["arrival"] for row in arrived] or [source.partitions.first]
                table = (source.name, "silver")
                version = self._put(
                    lake, table, silver_frame(source, arrived), "arrival", source.partitions, min(arrivals), max(arrivals)
                ).version
            found = find_labels(data, partition, engine, version, given, now or datetime(2100, 1, 1, tzinfo=UTC))
            with engine.training(data, partition, found, None) as rows:
                self._write(rows, (data.name, "training"), "partition", data.partitions, partition, partition)
            frame = lake.scan((data.name, "training")).drop("partition", *data.features.features).collect()
            if frame.height and not isinstance(found.times, tuple):
                raise AssertionError("labels without times")
            return frame.to_dicts(), found.details

    def training(self, data: TrainingSet, silver: Sequence[Row], logs: Mapping[str, Sequence[Row]], partition: int) -> list[Row]:
        """The labels of a partition with their features from gold."""
        source = data.labels.source
        assert source is not None, "labels are made of a source's events"
        with self._engine() as (engine, lake):
            arrivals = [row["arrival"] for row in silver] or [source.partitions.first]
            self._put(
                lake, (source.name, "silver"), silver_frame(source, silver), "arrival", source.partitions, min(arrivals), max(arrivals)
            )
            found = find_labels(data, partition, engine, 0, None, datetime(2100, 1, 1, tzinfo=UTC))
            times, slices = times_of(data, partition), []
            for view in data.features.views if times else ():
                assert times is not None
                partitions, log, read = view.source.partitions, logs[view.name], partitions_read(view, "gold", *times)
                indexes = [row["partition"] for row in log] or [partitions.first]
                frame = log_frame(view, log)
                whole = self._put(lake, (view.name, "gold"), frame, "partition", partitions, min(indexes), max(indexes))
                span = span_of(partitions, read.start, read.stop - 1) if read else None
                slices.append(ViewSlice(view, "gold", TableSlice(whole.table, whole.version, "partition", span)))
            with engine.training(data, partition, found, slices if times else None) as rows:
                self._write(rows, (data.name, "training"), "partition", data.partitions, partition, partition)
            return lake.scan((data.name, "training")).drop("partition").collect().to_dicts()

    # --- tables -----------------------------------------------------------------------------------------------------

    @contextmanager
    def _engine(self) -> Iterator[tuple[PlatformEngine, Lake]]:
        with TemporaryDirectory(dir=self.folder) as folder:
            lake = Lake(folder)
            yield self.make(lake), lake

    def _put(
        self, lake: Lake, table: tuple[str, str], frame: pl.DataFrame, by: str, partitions: Partitions, first: int, last: int
    ) -> TableSlice:
        """Rows as a table, which Polars writes."""
        span = span_of(partitions, first, last)
        written = lake.replace(table, frame, by=by, span=span, facts=_facts(partitions, first, last), declaration_version="1", run="run")
        return TableSlice(table, written.version, by, span)

    def _write(
        self, rows: ComputedRows, table: tuple[str, str], by: str, partitions: Partitions, first: int, last: int, received: bool = False
    ) -> int:
        """Rows of the engine written by it; the version."""
        written = rows.write(
            table,
            by=by,
            span=span_of(partitions, first, last),
            facts=_facts(partitions, first, last),
            declaration_version="1",
            run="run",
            received=received,
        )
        return written.version


def _facts(partitions: Partitions, first: int, last: int) -> list[PartitionFacts]:
    return [PartitionFacts(partitions.key(partition), 0) for partition in range(first, last + 1)]

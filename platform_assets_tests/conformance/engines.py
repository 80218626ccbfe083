"""The engines under one interface: plain rows in, plain rows out. The first is the oracle; a new engine is one more entry in ENGINES."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import polars as pl

from platform_assets.declare.attributes import EVENT_TIME, AttributeView, View
from platform_assets.declare.checkpoints import pending_from
from platform_assets.declare.checks import Orphans
from platform_assets.declare.names import UNPARSED, UNPARSED_REASON
from platform_assets.declare.report import GoldTable
from platform_assets.declare.source import Source
from platform_assets.declare.training import FeatureService, TrainingSet
from platform_assets.declare.view import FeatureView
from platform_assets.engines import reference, reference_labels, reference_quality, reference_report
from platform_assets.engines.polars.profile import profiled, referenced
from platform_assets.engines.polars.silver import judged
from platform_assets.expressions.types import POLARS
from platform_assets.kernels.attributes import attributes_log
from platform_assets.kernels.change_log import change_log
from platform_assets.kernels.checkpoint import checkpoint
from platform_assets.kernels.checkpoint_state import Checkpoint
from platform_assets.kernels.given_labels import judged_labels, returned, rows_of_source, rows_of_table
from platform_assets.kernels.labels import labels
from platform_assets.kernels.point_in_time import point_in_time
from platform_assets.kernels.profile import Profile, figures_of_rows, packed
from platform_assets.kernels.repeats import figures_of_repeats, last_needed
from platform_assets.kernels.report import report
from platform_assets.steps.labels import arrivals_of

Row = dict[str, Any]
"""Partitions and arrivals are indexes (declare.partitions), times are UTC datetimes, null is None."""


Figures = dict[int, dict[str, Any]]
"""By partition what checks count in it, by the id of the figure, as the ledger has it."""


@dataclass(frozen=True)
class Received:
    """A row of raw: what came, and what it means in the declared types: None or reference.UNREADABLE where it has no value."""

    came: Row
    means: Row
    arrival: int
    delivery: int
    row_number: int

    @property
    def place(self) -> Row:
        return {"arrival": self.arrival, "delivery": self.delivery, "row_number": self.row_number}


@dataclass(frozen=True)
class Judged:
    """Silver, quarantine (rows as they came, with their reasons sorted) and the counts of each partition."""

    accepted: list[Row]
    quarantined: list[Row]
    counts: list[Row]


class Engine(Protocol):
    """What an engine computes. Partitions first..last are made in one go; `silver` holds the rows of all arrivals.

    checkpoints: snapshots at which the states of lifetime windows are kept, ascending. Those before `first` are made, each from the one
    before it, and the values from the last one. Without any the values are made from the beginning.
    """

    name: str
    any_checkpoint: bool
    """Whether it can make a checkpoint at any snapshot; otherwise it has those of months."""
    takes_seconds: bool
    """Whether an operation takes about a second, whatever the number of rows."""

    def silver(self, source: Source, raw: Sequence[Received], first: int, last: int) -> Judged: ...
    def change_log(self, view: FeatureView, silver: Sequence[Row], first: int, last: int, checkpoints: Sequence[int] = ()) -> list[Row]: ...
    def attributes_log(self, view: AttributeView, silver: Sequence[Row], first: int, last: int) -> list[Row]: ...
    def point_in_time(self, service: FeatureService, logs: Mapping[str, Sequence[Row]], asked: Sequence[Row]) -> list[Row]: ...
    def from_silver(self, service: FeatureService, silver: Sequence[Row], asked: Sequence[Row]) -> list[Row]: ...
    def labels(self, data: TrainingSet, silver: Sequence[Row], month: int) -> list[Row]: ...
    def given_labels(
        self, data: TrainingSet, rows: Sequence[Row], partition: int, now: datetime | None = None
    ) -> tuple[list[Row], list[Row]]: ...
    def report(self, table: GoldTable, silver: Sequence[Row], first: int, last: int) -> list[Row]: ...
    def figures(self, source: Source, silver: Sequence[Row], first: int, last: int) -> Figures: ...
    def orphans(
        self, source: Source, figure: Orphans, silver: Sequence[Row], parents: Sequence[Row], first: int, last: int
    ) -> dict[int, int]: ...


COUNTED = (
    "received",
    "accepted",
    "quarantined",
    "duplicates",
    "duplicates_exact",
    "exact_copies",
    "not_finite",
    "flags",
    "reasons",
    "accepted_share",
    "tier",
)


def counted_row(partition: int, counted: Mapping[str, Any]) -> Row:
    """What an engine says of a partition, as far as it is compared."""
    removed = {"removed": counted["removed"]} if "removed" in counted else {}
    return {"partition": partition, **{name: counted[name] for name in COUNTED}, **removed}


def _without_value(row: Received) -> int:
    """How many values came that mean null: floats that are not finite."""
    return sum(value not in (None, "") and row.means[column] is None for column, value in row.came.items())


def reasons_of(reasons: Iterable[str]) -> list[str]:
    """Sorted; how a blocked partition is worded is not a value."""
    return sorted("blocked" if reason.startswith("blocked") else reason for reason in reasons)


class Reference:
    """The oracle."""

    name = "reference"
    any_checkpoint = True
    takes_seconds = False

    def silver(self, source: Source, raw: Sequence[Received], first: int, last: int) -> Judged:
        rows = [{**row.means, **row.place} for row in raw]
        came = {tuple(row.place.values()): row.came for row in raw}
        accepted, quarantined, counts = [], [], []
        for partition in range(first, last + 1):
            kept, aside, _ = reference.silver(source, rows, partition)
            accepted += kept
            for row in aside:
                place = {name: row[name] for name in ("arrival", "delivery", "row_number")}
                quarantined.append({**came[tuple(place.values())], **place, "reasons": reasons_of(row["reasons"])})
            not_finite = sum(_without_value(row) for row in raw if row.arrival == partition)
            counts.append({"partition": partition, "not_finite": not_finite, **reference.counts(source, rows, partition)})
        return Judged(accepted, quarantined, counts)

    def change_log(self, view: FeatureView, silver: Sequence[Row], first: int, last: int, checkpoints: Sequence[int] = ()) -> list[Row]:
        return reference.change_log(view, silver, first, last)

    def attributes_log(self, view: AttributeView, silver: Sequence[Row], first: int, last: int) -> list[Row]:
        return reference.attributes_log(view, silver, first, last)

    def point_in_time(self, service: FeatureService, logs: Mapping[str, Sequence[Row]], asked: Sequence[Row]) -> list[Row]:
        return reference.point_in_time(service, logs, asked)

    def from_silver(self, service: FeatureService, silver: Sequence[Row], asked: Sequence[Row]) -> list[Row]:
        return reference.point_in_time(service, {}, asked, {view.name: silver for view in service.views})

    def labels(self, data: TrainingSet, silver: Sequence[Row], month: int) -> list[Row]:
        return reference_labels.labels(data, silver, month)

    def given_labels(
        self, data: TrainingSet, rows: Sequence[Row], partition: int, now: datetime | None = None
    ) -> tuple[list[Row], list[Row]]:
        return reference_labels.given_labels(data, rows, partition, now)

    def report(self, table: GoldTable, silver: Sequence[Row], first: int, last: int) -> list[Row]:
        return [row for partition in range(first, last + 1) for row in reference_report.report(table, silver, partition)]

    def figures(self, source: Source, silver: Sequence[Row], first: int, last: int) -> Figures:
        figures = [*figures_of_rows(source), *figures_of_repeats(source)]
        return {p: {f.id: reference_quality.figure(source, f, silver, p) for f in figures} for p in range(first, last + 1)}

    def orphans(
        self, source: Source, figure: Orphans, silver: Sequence[Row], parents: Sequence[Row], first: int, last: int
    ) -> dict[int, int]:
        return {p: reference_quality.orphans(source, figure, silver, parents, p) for p in range(first, last + 1)}


class Polars:
    """The engine that ships. It is given no more partitions than its functions ask for, and few rows at once."""

    name = "polars"
    any_checkpoint = True
    takes_seconds = False
    rows_at_once = 12

    def silver(self, source: Source, raw: Sequence[Received], first: int, last: int) -> Judged:
        given = [row for row in raw if first - source.duplicates_within <= row.arrival <= last]
        schema = {column: delivered_type(column, source, given) for column in source.columns}
        schema |= dict.fromkeys((c for c in (UNPARSED, UNPARSED_REASON) if any(c in row.came for row in given)), pl.String)
        frame = stored_frame([{**dict.fromkeys(schema), **row.came, **row.place} for row in given], {**schema, **PLACE_TYPES}, source)
        with judged(source, frame.lazy(), first, last, rows_at_once=self.rows_at_once, hashes_at_once=self.rows_at_once) as found:
            accepted = plain_rows(found.silver.collect(), source)
            quarantined = [{**row, "reasons": reasons_of(row["reasons"])} for row in plain_rows(found.quarantine.collect(), source)]
            counts = [counted_row(p, counted) for p, counted in found.counts.items()]
        for row in counts:
            row["reasons"] = {reasons_of([reason])[0]: number for reason, number in row["reasons"].items()}
        return Judged(accepted, quarantined, counts)

    def change_log(self, view: FeatureView, silver: Sequence[Row], first: int, last: int, checkpoints: Sequence[int] = ()) -> list[Row]:
        oldest = min([first, *(row["arrival"] for row in silver)])
        before, read = None, range(oldest, last + 1) if view.lifetime else range(view.reads_from(first), last + 1)
        for snapshot in [snapshot for snapshot in checkpoints if snapshot < first and view.lifetime]:
            since = oldest if before is None else pending_from(view, before.snapshot)
            arrived = silver_frame(view.source, [row for row in silver if since <= row["arrival"] <= snapshot])
            states = pl.concat(checkpoint(view, arrived.lazy(), snapshot, before, rows_at_once=self.rows_at_once))
            before, read = Checkpoint(snapshot, states.lazy()), range(min(view.reads_from(first), pending_from(view, snapshot)), last + 1)
        rows = silver_frame(view.source, [row for row in silver if row["arrival"] in read])
        frames = change_log(view, rows.lazy(), first, last, checkpoint=before, rows_at_once=self.rows_at_once)
        return [row for frame in frames for row in plain_rows(frame, view.source)]

    def attributes_log(self, view: AttributeView, silver: Sequence[Row], first: int, last: int) -> list[Row]:
        rows = silver_frame(view.source, [row for row in silver if first <= row["arrival"] <= last])
        return plain_rows(attributes_log(view, rows.lazy(), first, last), view.source)

    def point_in_time(self, service: FeatureService, logs: Mapping[str, Sequence[Row]], asked: Sequence[Row]) -> list[Row]:
        tables = {view.name: log_frame(view, logs[view.name]).lazy() for view in service.views}
        return point_in_time(service, tables, asked_frame(service, asked)).to_dicts()

    def from_silver(self, service: FeatureService, silver: Sequence[Row], asked: Sequence[Row]) -> list[Row]:
        times = [row["label_time"] for row in asked] or [service.views[0].source.partitions.start]
        read = {view.name: view.arrivals_read(min(times), max(times)) for view in service.views}
        rows = {v.name: silver_frame(v.source, [row for row in silver if row["arrival"] in read[v.name]]).lazy() for v in service.views}
        return point_in_time(service, {}, asked_frame(service, asked), silver=rows, rows_at_once=self.rows_at_once).to_dicts()

    def labels(self, data: TrainingSet, silver: Sequence[Row], month: int) -> list[Row]:
        source, read = data.labels.source, arrivals_of(data, month)
        assert source is not None, "labels are made of a source's events"
        rows = [row for row in silver if row["arrival"] in read]
        return labels(data, silver_frame(source, rows).lazy(), month).to_dicts()

    def given_labels(
        self, data: TrainingSet, rows: Sequence[Row], partition: int, now: datetime | None = None
    ) -> tuple[list[Row], list[Row]]:
        if data.labels.source is None:
            judged = judged_labels(data, rows_of_table(data, returned(data)), partition, now)
        else:
            read = arrivals_of(data, partition)
            silver = silver_frame(data.labels.source, [row for row in rows if row["arrival"] in read]).lazy()
            judged = judged_labels(data, rows_of_source(data, silver, partition), partition)
        return judged.labels.to_dicts(), judged.rejected.to_dicts()

    def report(self, table: GoldTable, silver: Sequence[Row], first: int, last: int) -> list[Row]:
        return plain_rows(report(table, silver_frame(table.source, silver).lazy(), first, last), table.source)

    def figures(self, source: Source, silver: Sequence[Row], first: int, last: int) -> Figures:
        rows = silver_frame(source, [row for row in silver if first <= row["arrival"] <= last]).lazy()
        return packed_figures(source, profiled(source, rows, rows_at_once=self.rows_at_once, keys_at_once=self.rows_at_once), first, last)

    def orphans(
        self, source: Source, figure: Orphans, silver: Sequence[Row], parents: Sequence[Row], first: int, last: int
    ) -> dict[int, int]:
        rows = silver_frame(source, [row for row in silver if first <= row["arrival"] <= last]).lazy()
        assert isinstance(figure.parent, Source), "the platform's own"
        keys = silver_frame(figure.parent, parents).lazy()
        return late_or_missing(source, figure, referenced(source, figure, rows, keys, keys_at_once=self.rows_at_once), first, last)


def packed_figures(source: Source, profiles: Mapping[int, Profile], first: int, last: int) -> Figures:
    """What an engine has counted, as the ledger keeps it."""
    figures = [*figures_of_rows(source), *figures_of_repeats(source)]
    return {p: packed(figures, profiles.get(p, Profile())) for p in range(first, last + 1)}


def late_or_missing(source: Source, figure: Orphans, found: Iterable[tuple[int, int | None, int]], first: int, last: int) -> dict[int, int]:
    """By partition how many rows refer to what had not come in time."""
    counted = dict.fromkeys(range(first, last + 1), 0)
    for partition, arrived, rows in found:
        counted[partition] += rows if arrived is None or arrived > last_needed(source, figure, partition) else 0
    return counted


PLACE_TYPES: dict[str, Any] = {"arrival": pl.Int64, "delivery": pl.Int64, "row_number": pl.Int64}
_PARTITION_COLUMNS = ("arrival", "partition")


def delivered_type(column: str, source: Source, given: Sequence[Received]) -> Any:
    """The type in which a column came: text if some value of it is a text, otherwise as declared."""
    return pl.String if any(isinstance(row.came[column], str) for row in given) else POLARS[source.columns[column].type]


def asked_frame(service: FeatureService, asked: Sequence[Row]) -> pl.DataFrame:
    """Rows of a point-in-time join as a frame."""
    time = {"label_time": pl.Datetime("us", "UTC")}
    return pl.DataFrame(list(asked), schema={**{key: POLARS[dtype] for key, dtype in service.keys.items()}, **time})


def silver_frame(source: Source, rows: Sequence[Row]) -> pl.DataFrame:
    """Rows of silver as a frame."""
    return stored_frame(rows, {**{column: POLARS[dtype] for column, dtype in source.types.items()}, **PLACE_TYPES}, source)


def log_frame(view: View, rows: Sequence[Row]) -> pl.DataFrame:
    """Rows of a view's gold as a frame."""
    keys = {key: POLARS[dtype] for key, dtype in view.key_types.items()}
    if isinstance(view, AttributeView):
        stored = {EVENT_TIME: POLARS["datetime"], **{name: POLARS[dtype] for name, dtype in view.served.items()}}
    else:
        stored = {feature.name: POLARS[feature.measure.type] for feature in view.stored}
    facts = {"partition": pl.Int64, "valid_from": pl.Datetime("us", "UTC"), "is_empty": pl.Boolean}
    return stored_frame(rows, {**keys, **facts, **stored}, view.source)


def stored_frame(rows: Sequence[Row], schema: Mapping[str, Any], source: Source) -> pl.DataFrame:
    """Rows as the engine reads them from tables: partitions as their starts."""
    stored = pl.Datetime("us", "UTC") if source.partitions.unit == "hour" else pl.Date()
    typed = {column: stored if column in _PARTITION_COLUMNS else dtype for column, dtype in schema.items()}
    return pl.DataFrame(
        [tuple(source.partitions.value(row[c]) if c in _PARTITION_COLUMNS else row[c] for c in schema) for row in rows],
        schema=typed,
        orient="row",
    )


def plain_rows(frame: pl.DataFrame, source: Source) -> list[Row]:
    """A frame as plain rows: partitions as indexes."""
    stored = {value for name in _PARTITION_COLUMNS if name in frame.columns for value in frame[name].to_list()}
    indexes = {value: source.partitions.number(value.strftime(source.partitions.key_format)) for value in stored}
    return [{name: indexes[value] if name in _PARTITION_COLUMNS else value for name, value in row.items()} for row in frame.to_dicts()]


REFERENCE: Engine = Reference()
ENGINES: list[Engine] = [Polars()]
"""The engines that must agree with the reference."""

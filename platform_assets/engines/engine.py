"""The protocol of an engine: it reads tables at fixed versions, computes, and writes. Its rows need not enter this process."""

from collections.abc import Iterable, Mapping, Sequence, Set
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

import polars as pl

from platform_assets.declare.attributes import View
from platform_assets.declare.checks import Orphans
from platform_assets.declare.model import Model
from platform_assets.declare.partitions import Partitions
from platform_assets.declare.report import GoldTable
from platform_assets.declare.source import Source
from platform_assets.declare.training import FeatureService, FeaturesFrom, TrainingSet
from platform_assets.declare.view import FeatureView
from platform_assets.kernels.judge_rows import Delivered
from platform_assets.kernels.profile import Profile
from platform_assets.stores.tables import Moment, PartitionFacts, Span, Table, Written

if TYPE_CHECKING:  # so that loading definitions does not load the online store's client
    from platform_assets.stores.online.publish import Publisher


@dataclass(frozen=True)
class TableSlice:
    """The rows of a table at a Delta version, in some partitions."""

    table: Table
    version: int
    by: str
    """The partition column."""
    span: Span | None
    """The partitions; None: no partitions and so no rows, only the columns."""


@dataclass(frozen=True)
class ViewSlice:
    """The table that a view's features are read from: its gold, or its source's silver."""

    view: View
    layer: FeaturesFrom
    rows: TableSlice


@dataclass(frozen=True)
class CheckpointSlice:
    """The states of a view's lifetime windows at a snapshot."""

    snapshot: int
    rows: TableSlice


class ComputedRows(Protocol):
    """Rows that an engine has computed or will compute, until they are written."""

    @property
    def columns(self) -> Mapping[str, pl.DataType]:
        """The columns with their Polars types."""
        ...

    def by_partition(self, partitions: Partitions, by: str = "partition") -> dict[str, int]:
        """The number of rows of each partition, by its key; `by` is the partition column."""
        ...

    def write(
        self,
        into: Table,
        *,
        by: str,
        span: Span,
        facts: Sequence[PartitionFacts],
        declaration_version: str,
        run: str,
        made_from: int | None = None,
        received: bool = False,
    ) -> Written:
        """Replaces the partitions of a span with the rows that belong to it, in one commit with the facts, like Lake.replace.

        received: whether the columns have delivered types, so that the table's types may have to be widened.
        """
        ...


@dataclass(frozen=True)
class JudgedPartitions:
    """The results of judging the raw rows of some arrival partitions."""

    silver: ComputedRows
    """Accepted rows: the declared columns, flags, arrival, delivery, row_number."""
    quarantine: ComputedRows
    """Rows as received, with the list of reasons."""
    counts: Mapping[int, dict[str, Any]]
    """By partition: received, accepted, quarantined, duplicates, ..., tier (kernels/quality_tier.py)."""
    examples: Mapping[Moment, dict[str, str]]
    """By partition start: for each reason an example value."""
    events: Mapping[int, Set[int]]
    """By partition: the event partitions of its accepted rows."""


@dataclass(frozen=True)
class FoundLabels:
    """The labels of a training partition (keys, request columns, label_time and the label) and their ledger details."""

    rows: Any
    """In the engine's own representation."""
    details: dict[str, Any]
    times: tuple[datetime, datetime] | None
    """The first and last label time; None if there are no labels."""


@dataclass(frozen=True)
class KeyFaults:
    """The number of rows of a partition with a missing key part, and with a key that another row of silver has within the horizon."""

    missing: int
    repeated: int


@dataclass(frozen=True)
class Sample:
    """Some entities of a view and their offline values, in the same order."""

    entities: list[dict[str, Any]]
    values: list[dict[str, Any]]


@dataclass(frozen=True)
class WorkDone:
    """An engine's report of its own work, for people."""

    engine: str
    figures: Mapping[str, str]
    stages: Mapping[str, tuple[float, float]]
    """Seconds of the longest task and of the median task."""
    skew: float
    """The longest task as a multiple of the median task, in the most skewed stage worth reporting; 1 if there is none."""
    advice: Sequence[str]
    """Problems, and what to change."""


class Engine(Protocol):
    """Each operation takes a declaration and slices of tables; its result is written by `ComputedRows.write` while its context is open.

    An engine holds whatever it needs to reach the lake. Its values are those of the kernels: the conformance suite
    compares all engines.
    """

    @property
    def name(self) -> str:
        """The name used in declarations and PLATFORM_ENGINE."""
        ...

    @property
    def rows_at_once(self) -> int:
        """About how many rows are written together: steps pass partitions in batches of this size."""
        ...

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
    ) -> AbstractContextManager[JudgedPartitions]:
        """Silver and quarantine of the arrival partitions first..last.

        raw: rows as received, of the partitions first - duplicates_within .. last. as_they_are: partitions whose good rows are accepted
        however few they are. delivered: the rows that were delivered in other types than raw stores. run: the run id, a column of
        quarantine. replayed: the rows that count only where they were replayed.
        """
        ...

    def change_log(
        self, view: FeatureView, silver: TableSlice, first: int, last: int, start: CheckpointSlice | None
    ) -> AbstractContextManager[ComputedRows]:
        """The view's gold for the partitions first..last; `start`: the states of its lifetime windows before them."""
        ...

    def checkpoint(
        self, view: FeatureView, silver: TableSlice, month: int, before: CheckpointSlice | None
    ) -> AbstractContextManager[ComputedRows]:
        """The states of the view's lifetime windows at the end of a month."""
        ...

    def attributes(self, view: Any, silver: TableSlice, first: int, last: int) -> AbstractContextManager[ComputedRows]:
        """An attribute view's gold for the partitions first..last."""
        ...

    def report(self, table: GoldTable, silver: TableSlice, first: int, last: int) -> AbstractContextManager[ComputedRows]:
        """A report for the event partitions first..last."""
        ...

    def given_labels(self, data: TrainingSet) -> Any:
        """The result of the user's label function, read once for all partitions, in the engine's own representation."""
        ...

    def labels(self, data: TrainingSet, partition: int, *, silver: TableSlice | None, given: Any, now: datetime) -> FoundLabels:
        """A model's predictions for the entities with features at these snapshots. loaded: the model and its location; None: no rows."""
        ...

    def training(
        self, data: TrainingSet, partition: int, labels: FoundLabels, features: Sequence[ViewSlice] | None
    ) -> AbstractContextManager[ComputedRows]:
        """The labels with the features known at each label's time. features: None if there are no labels to join."""
        ...

    def predictions(
        self, model: Model, days: Sequence[int], features: Sequence[ViewSlice], loaded: Any, artifact: str | None
    ) -> AbstractContextManager[ComputedRows]:
        """A model's predictions for the entities with features at these snapshots. loaded: the model and its location; None: no rows."""
        ...

    def features(self, service: FeatureService, labels: pl.DataFrame, features: Sequence[ViewSlice], *, time: str) -> pl.DataFrame:
        """In-memory labels with their features: for reading from Python."""
        ...

    def sample(self, view: View, gold: TableSlice, at: datetime, size: int) -> Sample:
        """A sample of about `size` entities with a row in gold by then, spread evenly, with their values."""
        ...

    def key_faults(self, source: Source, silver: TableSlice, partitions: Sequence[int]) -> dict[int, KeyFaults]:
        """The key faults of these partitions of silver, which are ascending. silver: includes the horizon before them."""
        ...

    def profiles(self, source: Source, silver: TableSlice) -> dict[int, Profile]:
        """What the source's checks count in each partition of silver that has rows, by its index, repeated values with it."""
        ...

    def references(self, source: Source, figure: Orphans, silver: TableSlice, parents: TableSlice) -> Iterable[tuple[int, int | None, int]]:
        """As kernels/repeats.references, perhaps in several parts: partition, the parent's partition in which its key first came, rows."""
        ...

    @property
    def publisher(self) -> "Publisher | None":
        """Publishes values to the online store from where the engine's rows are; None: they are in this process."""
        ...

    def work_done(self) -> WorkDone | None:
        """The work done since the last call; None if there is nothing to report."""
        ...

    def rows(self, frame: pl.DataFrame) -> ComputedRows:
        """Wraps rows that are already in this process, such as a model's training record."""
        ...

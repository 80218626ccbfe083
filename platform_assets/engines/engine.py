"""What steps ask of an engine: it reads tables at fixed versions, computes, and writes. Its rows need not come into this process."""

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

if TYPE_CHECKING:  # loading definitions does not load the client of the online store
    from platform_assets.stores.online.publish import Publisher


@dataclass(frozen=True)
class TableSlice:
    """The rows of a table at a Delta version, in some partitions."""

    table: Table
    version: int
    by: str
    """The partition column."""
    span: Span | None
    """None: no partition, so no rows; only the columns are asked for."""


@dataclass(frozen=True)
class ViewSlice:
    """What the features of a view are read from: its gold, or silver of its source."""

    view: View
    layer: FeaturesFrom
    rows: TableSlice


@dataclass(frozen=True)
class CheckpointSlice:
    """The states of a view's lifetime windows at a snapshot."""

    snapshot: int
    rows: TableSlice


class ComputedRows(Protocol):
    """Rows that an engine has computed or can compute, until they are written."""

    @property
    def columns(self) -> Mapping[str, pl.DataType]:
        """The columns, in the types of Polars."""
        ...

    def by_partition(self, partitions: Partitions, by: str = "partition") -> dict[str, int]:
        """How many rows each partition has, by its key; `by` is the column of partitions."""
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
        """Replaces the partitions of a span by the rows that belong to it, in one commit with the facts: as Lake.replace.

        received: whether columns are of the types in which they came, so that the table's may have to become wider.
        """
        ...


@dataclass(frozen=True)
class JudgedPartitions:
    """What became of the raw rows of some arrival partitions."""

    silver: ComputedRows
    """Accepted rows: the declared columns, flags, arrival, delivery, row_number."""
    quarantine: ComputedRows
    """Rows as received, with the list of reasons."""
    counts: Mapping[int, dict[str, Any]]
    """By partition: received, accepted, quarantined, duplicates, ..., tier (kernels/quality_tier.py)."""
    examples: Mapping[Moment, dict[str, str]]
    """By the partition's start, for each reason an example of the value that it is about."""
    events: Mapping[int, Set[int]]
    """By partition the event partitions of its accepted rows."""


@dataclass(frozen=True)
class FoundLabels:
    """The labels of a training partition: keys, columns of requests, label_time and the label; and what the ledger says of them."""

    rows: Any
    """The engine's own."""
    details: dict[str, Any]
    times: tuple[datetime, datetime] | None
    """The first and the last label time; None: there are no labels."""


@dataclass(frozen=True)
class KeyFaults:
    """How many rows of a partition lack a part of their key, or have a key that another row of silver has had within the horizon."""

    missing: int
    repeated: int


@dataclass(frozen=True)
class Sample:
    """Some entities of a view and their offline values, in the same order."""

    entities: list[dict[str, Any]]
    values: list[dict[str, Any]]


@dataclass(frozen=True)
class WorkDone:
    """What an engine says of its own work, for people."""

    engine: str
    figures: Mapping[str, str]
    stages: Mapping[str, tuple[float, float]]
    """Seconds of the longest task and of the one in the middle."""
    skew: float
    """The longest task of a stage as a multiple of the one in the middle, of the worst stage worth telling; 1 if there is none."""
    advice: Sequence[str]
    """What is not as it should be, and what to change."""


class Engine(Protocol):
    """Each operation takes a declaration and slices of tables; what it gives is written by `ComputedRows.write` while it is open.

    An engine holds whatever it needs to reach the lake. The values that it computes are those of the kernels: the conformance suite
    compares all engines.
    """

    @property
    def name(self) -> str:
        """As declarations and PLATFORM_ENGINE name it."""
        ...

    @property
    def rows_at_once(self) -> int:
        """How many rows are written together, about: a step gives it partitions in batches of so many."""
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

        raw: as received, of the partitions first - duplicates_within .. last. as_they_are: partitions whose good rows are kept however few
        they are. delivered: which rows came in other types than raw keeps them in. run: its id, a column of quarantine. replayed: which
        rows count where they were replayed, and nowhere else.
        """
        ...

    def change_log(
        self, view: FeatureView, silver: TableSlice, first: int, last: int, start: CheckpointSlice | None
    ) -> AbstractContextManager[ComputedRows]:
        """The view's gold for the partitions first..last; `start`: what its lifetime windows held before."""
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
        """What the user's function of labels returns, read once for all partitions; the engine's own."""
        ...

    def labels(self, data: TrainingSet, partition: int, *, silver: TableSlice | None, given: Any, now: datetime) -> FoundLabels:
        """The labels of a training partition: of silver, or of what `given_labels` read at `now`. Neither: there are none."""
        ...

    def training(
        self, data: TrainingSet, partition: int, labels: FoundLabels, features: Sequence[ViewSlice] | None
    ) -> AbstractContextManager[ComputedRows]:
        """The labels with the features that were known at each label's time. features: None: there is no label to join."""
        ...

    def predictions(
        self, model: Model, days: Sequence[int], features: Sequence[ViewSlice], loaded: Any, artifact: str | None
    ) -> AbstractContextManager[ComputedRows]:
        """What a model says of the entities that have features at these snapshots. loaded: the model, and where it lies; None: no row."""
        ...

    def features(self, service: FeatureService, labels: pl.DataFrame, features: Sequence[ViewSlice], *, time: str) -> pl.DataFrame:
        """Labels that are in this process, with their features: for reading from Python."""
        ...

    def sample(self, view: View, gold: TableSlice, at: datetime, size: int) -> Sample:
        """About `size` of the entities that have a row in gold by then, spread over all of them, with their values."""
        ...

    def key_faults(self, source: Source, silver: TableSlice, partitions: Sequence[int]) -> dict[int, KeyFaults]:
        """Of these ascending partitions of silver what is wrong with the keys. silver: with the horizon before them."""
        ...

    def profiles(self, source: Source, silver: TableSlice) -> dict[int, Profile]:
        """What the source's checks count in each partition of silver that has rows, by its index, repeated values with it."""
        ...

    def references(self, source: Source, figure: Orphans, silver: TableSlice, parents: TableSlice) -> Iterable[tuple[int, int | None, int]]:
        """As kernels/repeats.references, perhaps in several parts: partition, the parent's partition in which its key first came, rows."""
        ...

    @property
    def publisher(self) -> "Publisher | None":
        """Writes values into the online store from where the engine's rows are; None: they are in this process."""
        ...

    def work_done(self) -> WorkDone | None:
        """What has been done since it was last asked for; None when there is nothing to say."""
        ...

    def rows(self, frame: pl.DataFrame) -> ComputedRows:
        """Rows that are in this process already, such as what a model's training says of itself."""
        ...

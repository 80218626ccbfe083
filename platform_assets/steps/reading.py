"""The tables that features are read from: each view's gold, or its source's silver, at one Delta version; and whether they are complete."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import get_args

from platform_assets.declare.attributes import AttributeView, View
from platform_assets.declare.partitions import Partitions
from platform_assets.declare.reads import partitions_read
from platform_assets.declare.training import FeatureService, FeaturesFrom
from platform_assets.declare.view import FeatureView
from platform_assets.engines.engine import TableSlice, ViewSlice
from platform_assets.errors import NotReadyError
from platform_assets.steps.gold import for_attributes, gold_table
from platform_assets.steps.readiness import unready
from platform_assets.steps.run import Run, name_of, span_of
from platform_assets.steps.silver import silver_table
from platform_assets.stores.delta import Table
from platform_assets.stores.ledger import Entry

SILVER_ROW_COSTS = 2
"""Sorting and aggregating a row of silver takes as much CPU as scanning this many rows of gold (benchmarks/temporal.py)."""


@dataclass(frozen=True)
class Origin:
    """The table that a view's features are read from, at a Delta version, with its ledger entries at that version."""

    view: View
    layer: FeaturesFrom
    version: int
    entries: Mapping[str, Entry]
    run: Run | None = None

    @property
    def table(self) -> Table:
        return table_of(self.view, self.layer)

    @property
    def partitions(self) -> Partitions:
        return self.view.source.partitions

    def needed(self, first: datetime, last: datetime) -> range:
        """The partitions that reads at times from first to last need."""
        return partitions_read(self.view, self.layer, first, last)

    def unready(self, reader: str, first: datetime, last: datetime) -> NotReadyError | None:
        """Why reads at these times are not possible; None if they are."""
        version = self.view.version if self.layer == "gold" else self.view.source.version
        of_attributes = self.layer == "silver" and isinstance(self.view, AttributeView)
        entries = for_attributes(self.entries) if of_attributes else self.entries
        return unready(reader, self.table, version, self.partitions, self.needed(first, last), entries, self.run)

    def slice(self, first: datetime, last: datetime) -> ViewSlice:
        """The slice that reads at these times can see."""
        read, by = self.needed(first, last), "partition" if self.layer == "gold" else "arrival"
        span = span_of(self.partitions, read.start, read.stop - 1) if read else None
        return ViewSlice(self.view, self.layer, TableSlice(self.table, self.version, by, span))


def table_of(view: View, layer: FeaturesFrom) -> Table:
    return gold_table(view) if layer == "gold" else silver_table(view.source)


def layer_of(view: View, features_from: FeaturesFrom | None = None) -> FeaturesFrom:
    """The layer of a view's values, without a choice by cost: temporal values are only in silver."""
    if isinstance(view, FeatureView) and view.accuracy == "temporal":
        return "silver"
    return features_from or "gold"


def origins(
    service: FeatureService,
    run: Run,
    spans: Sequence[tuple[datetime, datetime]],
    features_from: FeaturesFrom | None = None,
    *,
    pinned: Mapping[str, int] | None = None,
) -> list[Origin]:
    """The tables that a service's features at times in these spans are read from, view by view.

    features_from: for snapshots "gold" or "silver"; None: silver if a view has no gold for these times, or if silver takes
    less than half the CPU, counting a row of silver as two of gold; otherwise gold. Temporal values are only in silver; attributes are read
    from gold unless silver is requested. pinned: the Delta versions of tables that are already being read.
    """
    versions = dict(pinned or {})
    return [_origin(view, run, spans, features_from, versions) for view in service.views]


def _origin(
    view: View, run: Run, spans: Sequence[tuple[datetime, datetime]], features_from: FeaturesFrom | None, versions: dict[str, int]
) -> Origin:
    if features_from is not None or isinstance(view, AttributeView) or view.accuracy == "temporal":
        return _at_now(view, layer_of(view, features_from), run, versions)
    gold, silver = (_at_now(view, layer, run, versions) for layer in get_args(FeaturesFrom))
    read, instead = _rows(gold, spans), _rows(silver, spans)
    if not read:
        return silver if instead or gold.version < 0 <= silver.version else gold
    is_cheaper = sum(read) > 2 * SILVER_ROW_COSTS * sum(instead)
    # Missing partitions cost nothing: incomplete silver must not be preferred to gold that is complete.
    return silver if is_cheaper and not any(silver.unready(view.name, *span) for span in spans) else gold


def _at_now(view: View, layer: FeaturesFrom, run: Run, versions: dict[str, int]) -> Origin:
    """The table at its current version, or at the version when this read began."""
    table = table_of(view, layer)
    name = name_of(table)
    if name not in versions:
        versions[name] = run.version(table)
    # At the version that is read: concurrent writes are neither read nor counted as existing.
    return Origin(view, layer, versions[name], run.ledger.entries(name, at_version=versions[name]), run)


def _rows(origin: Origin, spans: Sequence[tuple[datetime, datetime]]) -> list[int]:
    """The row counts of the existing partitions that reads in these spans need."""
    keys = {origin.partitions.key(index) for first, last in spans for index in origin.needed(first, last)}
    return [origin.entries[key].rows for key in keys if key in origin.entries]


def lacking(reader: str, read: Sequence[Origin], first: datetime, last: datetime) -> NotReadyError | None:
    """Why a read at these times is not possible; None if it is."""
    return next((error for origin in read if (error := origin.unready(reader, first, last))), None)


def versions_of(read: Sequence[Origin]) -> dict[str, int]:
    """The Delta version of each table that is read."""
    return {name_of(origin.table): origin.version for origin in read}

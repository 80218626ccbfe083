"""What has to be made: partitions that are missing, or older than what they read.

By the ledger, so whatever made or missed a change. The demo and the sensors of raw and reports ask here; silver, feature views, online
and predictions are asked for by Dagster's conditions (assets/keys.py), which know what has been materialized since they looked last.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from platform_assets.declare.attributes import View
from platform_assets.declare.model import Model
from platform_assets.declare.partitions import Partitions
from platform_assets.declare.report import GoldTable
from platform_assets.declare.source import Source
from platform_assets.declare.training import TrainingSet
from platform_assets.engines.polars.labels import label_times
from platform_assets.sources.receive import is_news, raw_table
from platform_assets.steps.gold import arrivals_of, gold_table, needed_arrivals
from platform_assets.steps.model import latest_good, model_table, predictions_table
from platform_assets.steps.run import Run, name_of
from platform_assets.steps.silver import ACCEPTED_AS_IT_IS, quarantine_table, silver_table
from platform_assets.steps.training import snapshots_read, training_table
from platform_assets.stores.delta import Table
from platform_assets.stores.ledger import Entry

Read = Mapping[Table, Iterable[int]]
"""The partitions of other tables that a partition reads."""


def stale_raw(source: Source, first: int, last: int, run: Run) -> list[int]:
    """The partitions of a source that have something to receive: never received, or delivered again with other rows."""
    known = run.ledger.entries(name_of(raw_table(source)))
    return [p for p in range(first, last + 1) if is_news(source, p, run.lake, known)]


def stale_silver(source: Source, first: int, last: int, run: Run) -> list[int]:
    raw = raw_table(source)
    reads = {p: {raw: range(p - source.duplicates_within, p + 1)} for p in range(first, last + 1)}
    # Both tables: of two runs at once, one may have written silver last and the other quarantine.
    tables = (silver_table(source), quarantine_table(source))
    older = (p for table in tables for p in _stale(table, source.partitions, source.version, reads, {raw: source.partitions}, run))
    return sorted({*older, *_accepted_since(source, first, last, run)})


def _accepted_since(source: Source, first: int, last: int, run: Run) -> list[int]:
    """The partitions that are still blocked, though a person has accepted them as they are."""
    received, judged = run.ledger.entries(name_of(raw_table(source))), run.ledger.entries(name_of(silver_table(source)))
    keys = {p: source.partitions.key(p) for p in range(first, last + 1)}
    blocked = [p for p, key in keys.items() if key in judged and judged[key].status == "blocked"]
    return [p for p in blocked if keys[p] in received and ACCEPTED_AS_IT_IS in received[keys[p]].details]


def stale_view(view: View, first: int, last: int, run: Run) -> list[int]:
    silver = silver_table(view.source)
    reads = {p: {silver: range(p - view.reads_back, p + 1)} for p in range(first, last + 1)}
    return _stale(gold_table(view), view.source.partitions, view.version, reads, {silver: view.source.partitions}, run)


def stale_report(report: GoldTable, first: int, last: int, run: Run) -> list[int]:
    silver, partitions = silver_table(report.source), report.source.partitions
    arrivals = arrivals_of(partitions, run.ledger.entries(name_of(silver)))
    reads = {p: {silver: needed_arrivals(report, p, arrivals)} for p in range(first, last + 1)}
    return _stale(gold_table(report), partitions, report.version, reads, {silver: partitions}, run)


def stale_training(data: TrainingSet, first: int, last: int, run: Run) -> list[int]:
    """A month that reads nothing, since no label can end in it yet, is stale only while it is missing."""
    silver, days = silver_table(data.labels.source), data.labels.source.partitions
    numbered = {silver: days, **{gold_table(view): view.source.partitions for view in data.features.views}}
    reads: dict[int, Read] = {}
    for month in range(first, last + 1):
        times = label_times(data, month)
        arrivals = range(days.index(times[0] - data.labels.spine.active), days.index(data.partitions.ends_at(month))) if times else range(0)
        reads[month] = {
            silver: arrivals,
            **{gold_table(v): snapshots_read(v, times[0], times[-1]) if times else range(0) for v in data.features.views},
        }
    return _stale(training_table(data), data.partitions, data.version, reads, numbered, run)


def stale_model(model: Model, first: int, last: int, run: Run) -> list[int]:
    data = model.training_set
    training, months = training_table(data), data.partitions
    since = {m: months.first if model.train_on is None else m - model.train_on + 1 for m in range(first, last + 1)}
    reads = {m: {training: range(since[m], m + 1)} for m in range(first, last + 1)}
    return _stale(model_table(model), months, model.version, reads, {training: months}, run)


def stale_predictions(model: Model, first: int, last: int, run: Run) -> list[int]:
    """Besides older ones, those that another model would make now."""
    views = model.training_set.features.views
    partitions = views[0].source.partitions
    numbered = {gold_table(view): view.source.partitions for view in views}
    reads: dict[int, Read] = {}
    for p in range(first, last + 1):
        at = max(view.valid_from(p) for view in views)
        reads[p] = {gold_table(view): snapshots_read(view, at, at) for view in views}
    older = set(_stale(predictions_table(model), partitions, model.version, reads, numbered, run))
    own, models = run.ledger.entries(name_of(predictions_table(model))), run.ledger.entries(name_of(model_table(model)))
    for p in range(first, last + 1):
        chosen, entry = latest_good(models, model, partitions.starts_at(p)), own.get(partitions.key(p))
        if entry is not None and entry.details.get("artifact") != (chosen.details["artifact"] if chosen else None):
            older.add(p)
    return sorted(older)


def _stale(
    table: Table, partitions: Partitions, version: str, reads: Mapping[int, Read], numbered: Mapping[Table, Partitions], run: Run
) -> list[int]:
    own = run.ledger.entries(name_of(table))
    upstream = {read: _Upstream.of(read, numbers, run) for read, numbers in numbered.items()}
    found = []
    for partition, read in reads.items():
        entry = own.get(partitions.key(partition))
        if entry is None or entry.declaration_version != version or any(upstream[t].is_newer(entry, needed) for t, needed in read.items()):
            found.append(partition)
    return found


@dataclass(frozen=True)
class _Upstream:
    """A table that is read: which one it is, and what the ledger says of its partitions."""

    name: str
    identity: str | None
    entries: Mapping[int, Entry]

    @staticmethod
    def of(table: Table, partitions: Partitions, run: Run) -> "_Upstream":
        entries = {partitions.number(key): entry for key, entry in run.ledger.entries(name_of(table)).items()}
        return _Upstream(name_of(table), run.lake.identity(table) if run.lake.exists(table) else None, entries)

    def is_newer(self, entry: Entry, needed: Iterable[int]) -> bool:
        """Whether one of these partitions is of a later edition than the entry's step has read, or of another table."""
        there = [self.entries[index] for index in needed if index in self.entries]
        if there and entry.details.get("read_from", {}).get(self.name) != self.identity:
            return True
        seen = entry.details["read"].get(self.name, -1)
        return any(other.delta_version > seen for other in there)

"""The stale partitions of each kind of table, from raw to predictions: which ones, why, and whether they can be computed.

Each function knows what its table reads; the definition of staleness is the same for all of them (steps/staleness.py). Both use only the
ledger, so it does not matter who made or missed a change.
"""

from bisect import bisect
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from platform_assets.declare.attributes import AttributeView, View
from platform_assets.declare.checkpoints import arrivals_of_checkpoint, arrivals_of_snapshot, month_of, months_of
from platform_assets.declare.model import Model
from platform_assets.declare.reads import partitions_read
from platform_assets.declare.report import GoldTable
from platform_assets.declare.source import Source
from platform_assets.declare.training import TrainingSet
from platform_assets.declare.view import FeatureView
from platform_assets.errors import is_failure
from platform_assets.sources.receive import is_new_delivery, raw_table
from platform_assets.sources.replays import taken_back
from platform_assets.steps.checkpoints import checkpoints_table, made_in
from platform_assets.steps.gold import arrivals_of, gold_table, needed_arrivals
from platform_assets.steps.labels import arrivals_of as arrivals_of_labels
from platform_assets.steps.labels import times_of
from platform_assets.steps.model import latest_good, model_table, predictions_table
from platform_assets.steps.reading import layer_of, table_of
from platform_assets.steps.run import Run, name_of
from platform_assets.steps.silver import ACCEPTED_AS_IT_IS, quarantine_table, silver_table
from platform_assets.steps.staleness import MISSING, NOTHING_PLANNED, OLDER, Needed, Plan, Reads, StalePartition, stale_partitions
from platform_assets.steps.training import training_table
from platform_assets.stores.delta import Table
from platform_assets.stores.ledger import Entry
from platform_assets.stores.succession import entries_of_version


def stale_raw(source: Source, first: int, last: int, run: Run) -> list[int]:
    """The partitions of a source with new deliveries: never received, delivered again with other rows, or with replayed rows to be
    withdrawn.

    Unreadable ones are included: receiving them reports why.
    """
    known = run.ledger.entries(name_of(raw_table(source)))
    taken = {source.partitions.number(key) for key in taken_back(known)}
    return [p for p in range(first, last + 1) if p in taken or _is_new_delivery(source, p, run, known)]


def _is_new_delivery(source: Source, partition: int, run: Run, known: Mapping[str, Entry]) -> bool:
    try:
        return is_new_delivery(source, partition, run.lake, known)
    except BaseException as error:
        if not is_failure(error):
            raise
        return True


def stale_silver(source: Source, first: int, last: int, run: Run, plan: Plan = NOTHING_PLANNED) -> dict[int, StalePartition]:
    """The stale partitions of silver and quarantine, which are written together."""
    raw, needed = raw_table(source), {p: {raw_table(source): range(p - source.duplicates_within, p + 1)} for p in range(first, last + 1)}
    found = _accepted_since(source, first, last, run)
    # Both tables: with concurrent runs, one may have written silver last and the other quarantine.
    for table in (quarantine_table(source), silver_table(source)):
        found |= stale_partitions(table, source.partitions, source.version, needed, [Reads(raw, source.partitions, None)], run, plan)
    return dict(sorted(found.items()))


def _accepted_since(source: Source, first: int, last: int, run: Run) -> dict[int, StalePartition]:
    """The partitions whose acceptance changed since silver was computed: accepted, or revoked."""
    received, judged = run.ledger.entries(name_of(raw_table(source))), run.ledger.entries(name_of(silver_table(source)))
    found = {}
    for p in range(first, last + 1):
        came, made = received.get(source.partitions.key(p)), judged.get(source.partitions.key(p))
        if came is None or made is None:
            continue
        decision = came.details.get(ACCEPTED_AS_IT_IS)
        if (made.status == "blocked" and decision) or (ACCEPTED_AS_IT_IS in made.details and not decision):
            found[p] = StalePartition(OLDER, True, f"{decision} {made.delta_version}")
    return found


def stale_gold(view: View, first: int, last: int, run: Run, plan: Plan = NOTHING_PLANNED) -> dict[int, StalePartition]:
    silver, source = silver_table(view.source), view.source
    reads = [Reads(silver, source.partitions, source.version, blocked_too=isinstance(view, AttributeView))]
    needed: dict[int, Needed] = {p: {silver: range(view.reads_from(p), p + 1)} for p in range(first, last + 1)}
    if isinstance(view, FeatureView) and view.lifetime:
        checkpoints, before = checkpoints_table(view), {p: month_of(view, p) for p in range(first, last + 1)}
        reads.append(Reads(checkpoints, months_of(view), view.version))
        needed = {p: {silver: arrivals_of_snapshot(view, p), checkpoints: [] if month is None else [month]} for p, month in before.items()}
    return stale_partitions(gold_table(view), source.partitions, view.version, needed, reads, run, plan, is_withdrawn=True)


def stale_checkpoints(view: FeatureView, first: int, last: int, run: Run, plan: Plan = NOTHING_PLANNED) -> dict[int, StalePartition]:
    """The checkpoints older than silver, and all after the first of them: each is computed from the previous one.

    A run computes them in order, so one can be computed if its silver exists and the previous one exists or can be computed, too.
    """
    silver, source, table, months = silver_table(view.source), view.source, checkpoints_table(view), months_of(view)
    of_silver = {m: {silver: arrivals_of_checkpoint(view, m)} for m in range(first, last + 1)}
    reads = [Reads(silver, source.partitions, source.version)]
    found = stale_partitions(table, months, view.version, of_silver, reads, run, plan, is_withdrawn=True)
    made = made_in(view, run)
    of_earlier = {m: {made: [m - 1] if m > months.first else []} for m in range(first, last + 1)}
    later = stale_partitions(table, months, view.version, of_earlier, [Reads(made, months, view.version)], run, plan, is_withdrawn=True)
    own = entries_of_version(run.lake, run.ledger, table, view.version, months)
    for month in range(first, last + 1):
        before, entry = found.get(month - 1), own.get(months.key(month))
        is_there, of_later = entry is not None and entry.status == "ok", later.get(month)
        taken_back = is_there and ((before is not None and before.is_taken_back) or (of_later is not None and of_later.is_taken_back))
        if month in found:
            mine = found[month]
            can_be = taken_back or (mine.can_be and (before is None or before.can_be))
            waits_for = mine.waits_for or (before.waits_for if before else None)
            found[month] = replace(mine, can_be=can_be, is_taken_back=mine.is_taken_back or taken_back, waits_for=waits_for)
        elif before is not None:
            of = f"{before.of} {entry.delta_version if entry else -1}"
            found[month] = StalePartition(OLDER, before.can_be or taken_back, of, taken_back, before.waits_for)
        elif month in later:
            found[month] = later[month]
    return dict(sorted(found.items()))


def stale_report(report: GoldTable, first: int, last: int, run: Run, plan: Plan = NOTHING_PLANNED) -> dict[int, StalePartition]:
    silver, source = silver_table(report.source), report.source
    arrivals = arrivals_of(source.partitions, run.ledger.entries(name_of(silver)))
    needed = {p: {silver: needed_arrivals(report, p, arrivals)} for p in range(first, last + 1)}
    reads = Reads(silver, source.partitions, source.version)
    return stale_partitions(gold_table(report), source.partitions, report.version, needed, [reads], run, plan, is_withdrawn=True)


def stale_training(data: TrainingSet, first: int, last: int, run: Run, plan: Plan = NOTHING_PLANNED) -> dict[int, StalePartition]:
    """A partition that reads nothing, because no label can end in it yet, is stale only while it is missing.

    An existing one is compared with the tables that it read; a missing one with those that it always reads. One that
    was withdrawn counts as missing: it cannot be read.
    """
    source, reads = data.labels.source, dict[int, Needed]()
    own = run.ledger.entries(name_of(training_table(data)))
    for month in range(first, last + 1):
        entry = own.get(data.partitions.key(month))
        times = times_of(data, month, entry)
        of: list[tuple[Table, range]] = [(one.table, range(0)) for one in _tables(data)]
        if source:
            of += [(silver_table(source), arrivals_of_labels(data, month))]
        if times:
            layers = {view.name: layer_of(view, data.features_from) for view in data.features.views}
            layers |= entry.details.get("features_from", {}) if entry else {}
            of += [(table_of(v, layers[v.name]), partitions_read(v, layers[v.name], *times)) for v in data.features.views]
        reads[month] = _together(of)
    found = stale_partitions(training_table(data), data.partitions, data.version, reads, _tables(data), run, plan, is_withdrawn=True)
    withdrawn = {month for month in found if (entry := own.get(data.partitions.key(month))) and entry.status == "blocked"}
    return {month: replace(one, why=MISSING) if month in withdrawn else one for month, one in found.items()}


def _together(read: Iterable[tuple[Table, range]]) -> dict[Table, range]:
    """The partitions of each table, merged: a table may be read for several reasons."""
    found: dict[Table, range] = {}
    for table, more in read:
        known = found.get(table, range(0))
        found[table] = range(min(known.start, more.start), max(known.stop, more.stop)) if known and more else known or more
    return found


def _tables(data: TrainingSet) -> list[Reads]:
    """All tables that a training set may read: silver of the labels, and each view's gold and silver.

    A blocked partition of silver holds it up, unless only attributes are read from there.
    """
    of_labels = [data.labels.source] if data.labels.source else []
    views = data.features.views
    strict = {*map(silver_table, of_labels), *(silver_table(view.source) for view in views if isinstance(view, FeatureView))}
    silver = {silver_table(one): one for one in (*of_labels, *(view.source for view in views))}
    found = [Reads(table, one.partitions, one.version, blocked_too=table not in strict) for table, one in silver.items()]
    found += [Reads(gold_table(view), view.source.partitions, view.version) for view in views]
    return list({one.table: one for one in found}.values())


def stale_models(model: Model, first: int, last: int, run: Run, plan: Plan = NOTHING_PLANNED) -> dict[int, StalePartition]:
    data = model.training_set
    training, months = training_table(data), data.partitions
    since = {m: months.first if model.train_on is None else m - model.train_on + 1 for m in range(first, last + 1)}
    needed = {m: {training: range(since[m], m + 1)} for m in range(first, last + 1)}
    return stale_partitions(model_table(model), months, model.version, needed, [Reads(training, months, data.version)], run, plan)


def predictions_out_of_date(model: Model, first: int, last: int, run: Run, plan: Plan = NOTHING_PLANNED) -> list[int]:
    """The stale predictions, plus those that a newer model would make now, or may make once planned models are trained."""
    older = set(stale_predictions(model, first, last, run, plan))
    months, planned = model.training_set.partitions, plan.made.get(model_table(model), ()) if plan.as_made else ()
    since = min((months.ends_at(month) + model.training_set.data_delay for month in planned), default=None)
    partitions = model.training_set.features.views[0].source.partitions
    own, models = run.ledger.entries(name_of(predictions_table(model))), run.ledger.entries(name_of(model_table(model)))
    # Days between the same two models use the same one.
    known = sorted(datetime.fromisoformat(entry.details["predicts_from"]) for entry in models.values() if "predicts_from" in entry.details)
    chosen: dict[int, Entry | None] = {}
    for p in range(first, last + 1):
        before, entry = partitions.starts_at(p), own.get(partitions.key(p))
        trained = bisect(known, before)
        if trained not in chosen:
            chosen[trained] = latest_good(models, model, before)
        best = chosen[trained]
        if entry is None:
            continue
        if (since is not None and since <= before) or entry.details.get("artifact") != (best.details["artifact"] if best else None):
            older.add(p)
    return sorted(older)


def stale_predictions(model: Model, first: int, last: int, run: Run, plan: Plan = NOTHING_PLANNED) -> dict[int, StalePartition]:
    """Predictions older than the features they read; a newer model does not make past predictions stale."""
    data = model.training_set
    partitions, reads = data.features.views[0].source.partitions, dict[int, Needed]()
    for p in range(first, last + 1):
        at = max(view.valid_from(p) for view in data.features.views)
        reads[p] = _together((table_of(v, layer_of(v)), partitions_read(v, layer_of(v), at, at)) for v in data.features.views)
    tables = {table_of(view, layer_of(view)): view for view in data.features.views}
    upstream = [
        Reads(table, view.source.partitions, view.version if table == gold_table(view) else view.source.version)
        for table, view in tables.items()
    ]
    return stale_partitions(predictions_table(model), partitions, model.version, reads, upstream, run, plan)

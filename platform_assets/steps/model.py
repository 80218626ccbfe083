"""Models, partitioned like their training set, and predictions, partitioned like its views."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any

from platform_assets.declare.model import Model
from platform_assets.declare.version import version_of_code
from platform_assets.errors import DamagedError, ModelError
from platform_assets.models.record import model_rows, score_names
from platform_assets.steps.model_verdict import failed_checks
from platform_assets.steps.readiness import unready
from platform_assets.steps.reading import lacking, origins, versions_of
from platform_assets.steps.run import Done, Run, name_of, span_of, write_and_record
from platform_assets.steps.skip_damaged import without_damaged
from platform_assets.steps.training import training_table
from platform_assets.stores.delta import PartitionFacts, Table
from platform_assets.stores.ledger import Entry
from platform_assets.stores.storage import Storage

if TYPE_CHECKING:
    from platform_assets.models.train import NotTrained, Trained


def model_table(model: Model) -> Table:
    return (model.name, "model")


def predictions_table(model: Model) -> Table:
    return (model.name, "predictions")


@without_damaged
def make_model(model: Model, first: int, last: int, run: Run) -> Done:
    """Trains the model of each month first..last on the training set's months up to it, and saves it in the lake."""
    from platform_assets.models.train import (
        NotTrained,
        train,
    )  # scikit-learn: takes three times as long to load as the rest of a code location

    data, done, table = model.training_set, Done(), model_table(model)
    months, training = data.partitions, training_table(data)
    entries = run.ledger.entries(name_of(training))
    read = {name_of(training): run.version(training)}
    rows: list[dict[str, Any]] = []
    facts: dict[int, PartitionFacts] = {}
    for month in range(first, last + 1):
        key = months.key(month)
        since = months.first if model.train_on is None else max(months.first, month - model.train_on + 1)
        if error := unready(f"{name_of(table)} {key}", training, data.version, months, range(since, month + 1), entries, run):
            done.refused[key] = error
            continue
        rows_of_training = run.lake.scan(training, by="partition", span=span_of(months, since, month), version=read[name_of(training)])
        result = train(
            model.fit,
            rows_of_training.collect().sort("label_time", *data.entity.keys),
            name=model.name,
            features=list(data.features.features),
            target=data.label,
            horizon=data.labels.horizon,
            kind=data.labels.kind,
            entities=data.entity.keys,
            checks=model.checks,
            metrics=model.metrics,
            refit=model.refit,
            calibrate=model.calibrate,
            seed=model.seed,
        )
        # Before that, a label's outcome could not be read.
        row, details = _recorded(model, result, read, run.lake.models.below(model.name), months.ends_at(month) + data.data_delay)
        rows.append({"partition": months.value(month), **row})
        status = "not trained" if isinstance(result, NotTrained) else "ok"
        facts[month] = PartitionFacts(key, 1, status, details={**details, "read": read})
    if facts:
        write_and_record(run, done, table, run.engine(model).rows(model_rows(model, rows)), months, facts, model.version)
    return done


def _recorded(
    model: Model, result: "Trained | NotTrained", read: dict[str, int], models: Storage, predicts_from: datetime
) -> tuple[dict[str, Any], dict[str, Any]]:
    """A row of the model's table, and its ledger details."""
    from platform_assets.models.artifact import Provenance, save
    from platform_assets.models.train import NotTrained

    counts = {"train_rows": result.counts.train, "purged_rows": result.counts.purged, "test_rows": result.counts.test}
    common: dict[str, Any] = {"cut": result.cut, "predicts_from": predicts_from, "version": model.version, **counts}
    row: dict[str, Any]
    if isinstance(result, NotTrained):
        row = {"trained": False, "good": False, "reason": result.reason, **common}
        return row, {"good": False, "reason": result.reason, **counts}
    data = model.training_set
    versions = {view.name: view.version for view in data.features.views}
    provenance = Provenance(
        {model.name: model.version, data.name + "/training": data.version, **versions}, read, version_of_code(model.fit)
    )
    saved = save(result, models, provenance)
    scores = dict(_scores(result))
    learnt = {"cut": result.cut, "seen_until": result.seen_until, "outcomes_until": result.outcomes_until}
    checks = [asdict(check) for check in result.checks]
    why = failed_checks(checks) or None
    row = {
        "trained": True,
        "good": result.passed,
        "reason": why,
        "artifact": f"{model.name}/{saved}",
        "refit": result.refit,
        **scores,
        **learnt,
    }
    details = {
        "good": result.passed,
        "artifact": row["artifact"],
        "checks": checks,
        "refit": result.refit,
        **{name: at.isoformat() for name, at in {**learnt, "predicts_from": predicts_from}.items()},
        **scores,
        **_on_average(result),
        **counts,
    }
    return {**row, **common}, details


def _scores(trained: "Trained") -> Iterator[tuple[str, float | None]]:
    for name, value in trained.evaluation.metrics.items():
        gain = trained.gains[name]
        yield from zip(score_names(name), (value, trained.baseline.metrics[name], gain.value, gain.low, gain.high), strict=True)
    if trained.evaluation.kind == "binary":
        yield "positive_share", trained.evaluation.about["positive_share"]


def _on_average(trained: "Trained") -> dict[str, float]:
    """For binary labels, for the ledger: the mean probability, to be compared with the share of true labels."""
    return {"mean_predicted": trained.evaluation.about["mean_predicted"]} if trained.evaluation.kind == "binary" else {}


DAYS_AT_ONCE = 32
"""Days predicted together: the gold in their lookback is read once."""


@without_damaged
def make_predictions(model: Model, first: int, last: int, run: Run) -> Done:
    """Scores the entities that have features at each snapshot first..last, with the latest good model trained before the day began."""
    from platform_assets.models.artifact import load

    data, done, table = model.training_set, Done(), predictions_table(model)
    views = data.features.views
    partitions = views[0].source.partitions
    models = run.ledger.entries(name_of(model_table(model)))
    known = origins(data.features, run, [], "gold")
    read = versions_of(known)
    chosen: dict[int, Entry | None] = {}
    # Each reads an attribute view from its first partition on: if nothing is missing at all, they need not be checked one by one.
    lacks = lacking(name_of(table), known, model.predicted_at(first), model.predicted_at(last))
    for partition in range(first, last + 1):
        key, at = partitions.key(partition), model.predicted_at(partition)
        if lacks and (error := lacking(f"{name_of(table)} {key}", known, at, at)):
            done.refused[key] = error
        else:
            chosen[partition] = latest_good(models, model, partitions.starts_at(partition))
    for artifact, group in groupby(chosen, lambda p: entry.details["artifact"] if (entry := chosen[p]) else None):
        days = list(group)
        try:
            loaded = load(run.lake.models.below(artifact)) if artifact else None
        except ModelError as error:  # days with other models do not wait for it
            named = DamagedError(f"{name_of(table)} needs {name_of(model_table(model))}: {error}")
            done.refused |= {partitions.key(day): named for day in days}
            continue
        for begin in range(0, len(days), DAYS_AT_ONCE):
            batch = days[begin : begin + DAYS_AT_ONCE]
            between = model.predicted_at(batch[0]), model.predicted_at(batch[-1])
            features = [origin.slice(*between) for origin in known] if loaded else []
            with run.engine(model).predictions(model, batch, features, loaded, artifact) as scored:
                rows = scored.by_partition(partitions)
                facts = {p: _predicted(model, partitions.key(p), chosen[p], rows, read) for p in batch}
                write_and_record(run, done, table, scored, partitions, facts, model.version)
    return done


def _predicted(model: Model, key: str, chosen: Entry | None, rows: Mapping[str, int], read: dict[str, int]) -> PartitionFacts:
    if chosen is None:
        return PartitionFacts(key, 0, "no model", details={"read": read})
    of_model = {name_of(model_table(model)): chosen.delta_version}
    details = {"read": {**read, **of_model}, "model": chosen.partition, "artifact": chosen.details["artifact"]}
    return PartitionFacts(key, rows.get(key, 0), details=details)


def latest_good(models: dict[str, Entry], model: Model, before: datetime) -> Entry | None:
    """The newest model that passed its checks and may predict by then: everything it was trained on was known before."""
    mine = [entry for entry in models.values() if entry.declaration_version == model.version and entry.status == "ok"]
    good = [entry for entry in mine if entry.details["good"] and datetime.fromisoformat(entry.details["predicts_from"]) <= before]
    return max(good, key=lambda entry: entry.partition, default=None)

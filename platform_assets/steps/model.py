"""Models by month, and their predictions by day."""

from collections.abc import Mapping
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from platform_assets.declare.model import Model
from platform_assets.declare.version import version_of_code
from platform_assets.declare.view import FeatureView
from platform_assets.engines.polars.as_of import point_in_time
from platform_assets.expressions.types import POLARS
from platform_assets.steps.gold import gold_table
from platform_assets.steps.run import Done, Run, name_of, rows_by_partition, span_of, unready, write_and_record
from platform_assets.steps.training import require_snapshots, scan_snapshots, snapshot_ledgers, training_table
from platform_assets.stores.delta import PartitionFacts, Table
from platform_assets.stores.ledger import Entry

if TYPE_CHECKING:
    from platform_assets.models.train import NotTrained, Trained


def model_table(model: Model) -> Table:
    return (model.name, "model")


def predictions_table(model: Model) -> Table:
    return (model.name, "predictions")


def make_model(model: Model, first: int, last: int, run: Run, artifacts: Path) -> Done:
    """Trains the model of each month first..last on the training set's months up to it, and saves it under `artifacts`."""
    from platform_assets.models.train import NotTrained, train  # scikit-learn: three times what the rest of a code location costs to load

    data, done, table = model.training_set, Done(), model_table(model)
    months, training = data.partitions, training_table(data)
    entries = run.ledger.entries(name_of(training))
    read = {name_of(training): run.version(training)}
    rows: list[dict[str, Any]] = []
    facts: dict[int, PartitionFacts] = {}
    for month in range(first, last + 1):
        key = months.key(month)
        since = months.first if model.train_on is None else max(months.first, month - model.train_on + 1)
        if error := unready(f"{name_of(table)} {key}", training, data.version, months, range(since, month + 1), entries):
            done.refused[key] = error
            continue
        frame = run.lake.scan(training, by="partition", span=span_of(months, since, month), version=read[name_of(training)]).collect()
        frame = frame.sort("label_time", *data.entity.keys)
        result = train(
            model.fit,
            frame,
            name=model.name,
            features=list(data.features.features),
            target=data.label,
            horizon=data.labels.horizon,
            checks=model.checks,
            seed=model.seed,
        )
        # Until then a label's outcome could not be read.
        row, details = _recorded(model, result, read, artifacts, months.ends_at(month) + data.labels.source.data_delay)
        rows.append({"partition": months.value(month), **row})
        status = "not trained" if isinstance(result, NotTrained) else "ok"
        facts[month] = PartitionFacts(key, 1, status, details={**details, "read": read})
    if facts:
        table_rows = pl.DataFrame(rows, schema=pl.Schema(_SCHEMA))
        write_and_record(run, done, table, table_rows, months, facts, model.version)
    return done


_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "partition": pl.Date,
    "trained": pl.Boolean,
    "good": pl.Boolean,
    "reason": pl.String,
    "artifact": pl.String,
    "auc": pl.Float64,
    "average_precision": pl.Float64,
    "positive_share": pl.Float64,
    "baseline_auc": pl.Float64,
    "baseline_average_precision": pl.Float64,
    "train_rows": pl.Int64,
    "purged_rows": pl.Int64,
    "test_rows": pl.Int64,
    "cut": pl.Datetime("us", "UTC"),
    "trained_until": pl.Datetime("us", "UTC"),
    "version": pl.String,
}


def _recorded(
    model: Model, result: "Trained | NotTrained", read: dict[str, int], artifacts: Path, trained_until: datetime
) -> tuple[dict[str, Any], dict[str, Any]]:
    """A row of the model's table, and the same for the ledger."""
    from platform_assets.models.artifact import Provenance, save
    from platform_assets.models.train import NotTrained

    counts = {"train_rows": result.counts.train, "purged_rows": result.counts.purged, "test_rows": result.counts.test}
    common: dict[str, Any] = {"cut": result.cut, "trained_until": trained_until, "version": model.version, **counts}
    row: dict[str, Any]
    if isinstance(result, NotTrained):
        row = {"trained": False, "good": False, "reason": result.reason, **common}
        return row, {"good": False, "reason": result.reason, **counts}
    data = model.training_set
    versions = {view.name: view.version for view in data.features.views}
    provenance = Provenance(
        {model.name: model.version, data.name + "/training": data.version, **versions}, read, version_of_code(model.fit)
    )
    folder = save(result, artifacts / model.name, provenance)
    scores = {
        "auc": result.evaluation.auc,
        "average_precision": result.evaluation.average_precision,
        "positive_share": result.evaluation.positive_share,
        "baseline_auc": result.baseline.auc,
        "baseline_average_precision": result.baseline.average_precision,
    }
    row = {"trained": True, "good": result.passed, "artifact": f"{model.name}/{folder.name}", **scores, **common}
    checks = [{"name": check.name, "passed": check.passed, "message": check.message} for check in result.checks]
    details = {
        "good": result.passed,
        "artifact": row["artifact"],
        "checks": checks,
        "trained_until": trained_until.isoformat(),
        **scores,
        **counts,
    }
    return row, details


DAYS_AT_ONCE = 32
"""Predicted together: their lookback of gold is read once."""


def make_predictions(model: Model, first: int, last: int, run: Run, artifacts: Path) -> Done:
    """Scores the entities that have features at each snapshot first..last, by the latest good model trained before the day began."""
    from platform_assets.models.artifact import load

    data, done, table = model.training_set, Done(), predictions_table(model)
    views = data.features.views
    partitions = views[0].source.partitions
    models = run.ledger.entries(name_of(model_table(model)))
    read = {name_of(gold_table(view)): run.version(gold_table(view)) for view in views}
    ledgers = snapshot_ledgers(data.features, run, read)
    chosen: dict[int, Entry | None] = {}
    # Each reads an attribute view from its first partition on: if nothing is lacking at all, nobody has to be asked one by one.
    lacking = require_snapshots(name_of(table), data.features, _predicted_at(model, first), _predicted_at(model, last), ledgers)
    for partition in range(first, last + 1):
        key, at = partitions.key(partition), _predicted_at(model, partition)
        if lacking and (error := require_snapshots(f"{name_of(table)} {key}", data.features, at, at, ledgers)):
            done.refused[key] = error
        else:
            chosen[partition] = latest_good(models, model, partitions.starts_at(partition))
    for artifact, group in groupby(chosen, lambda p: entry.details["artifact"] if (entry := chosen[p]) else None):
        days = list(group)
        loaded = load(artifacts / artifact) if artifact else None
        for begin in range(0, len(days), DAYS_AT_ONCE):
            batch = days[begin : begin + DAYS_AT_ONCE]
            scored = _no_predictions(model)
            if loaded:
                features = _features(model, batch, run, read)
                score = (loaded.predict(features).alias("score"), pl.lit(artifact).alias("artifact"))
                scored = features.with_columns(*score, pl.col("label_time").alias("predicted_at")).select(scored.columns)
            rows = rows_by_partition(scored, partitions)
            facts = {p: _predicted(model, partitions.key(p), chosen[p], rows, read) for p in batch}
            write_and_record(run, done, table, scored, partitions, facts, model.version)
    return done


def _predicted(model: Model, key: str, chosen: Entry | None, rows: Mapping[str, int], read: dict[str, int]) -> PartitionFacts:
    if chosen is None:
        return PartitionFacts(key, 0, "no model", details={"read": read})
    of_model = {name_of(model_table(model)): chosen.delta_version}
    details = {"read": {**read, **of_model}, "model": chosen.partition, "artifact": chosen.details["artifact"]}
    return PartitionFacts(key, rows.get(key, 0), details=details)


def _predicted_at(model: Model, partition: int) -> datetime:
    """When all views of a snapshot may be read."""
    return max(view.valid_from(partition) for view in model.training_set.features.views)


def latest_good(models: dict[str, Entry], model: Model, before: datetime) -> Entry | None:
    """The newest model that passed its checks and was trained on nothing later than `before`."""
    good = [
        e
        for e in models.values()
        if e.status == "ok" and e.details["good"] and datetime.fromisoformat(e.details["trained_until"]) <= before
    ]
    return max((e for e in good if e.declaration_version == model.version), key=lambda e: e.partition, default=None)


def _features(model: Model, days: list[int], run: Run, read: dict[str, int]) -> pl.DataFrame:
    """The features of the entities that have a value in some feature view at these snapshots; `partition` says at which."""
    data = model.training_set
    keys, views = list(data.entity.keys), data.features.views
    partitions = views[0].source.partitions
    begin, end = _predicted_at(model, days[0]), _predicted_at(model, days[-1])
    logs = {view.name: scan_snapshots(run, view, begin, end, read[name_of(gold_table(view))]) for view in views}
    # Attributes do not expire: by them alone, who left years ago would be scored every day.
    judging = [view for view in views if set(view.entity.keys) == set(keys)]
    judging = [view for view in judging if isinstance(view, FeatureView)] or judging
    lives = {view.name: logs[view.name].select(*keys, "valid_from", "is_empty").collect() for view in judging}
    asked = []
    for day in days:
        at = _predicted_at(model, day)
        alive = [
            rows.filter(pl.col("valid_from") <= at).sort("valid_from").unique(keys, keep="last").filter(~pl.col("is_empty"))
            for rows in lives.values()
        ]
        found = pl.concat([rows.select(keys) for rows in alive]).unique().sort(keys)
        times = (pl.lit(at, pl.Datetime("us", "UTC")).alias("label_time"), pl.lit(partitions.value(day)).alias("partition"))
        asked.append(found.with_columns(*times))
    return point_in_time(data.features, logs, pl.concat(asked))


def _no_predictions(model: Model) -> pl.DataFrame:
    data = model.training_set
    hourly = data.features.views[0].source.partitions.unit == "hour"
    keys = {key: POLARS[data.features.keys[key]] for key in data.entity.keys}
    time = pl.Datetime("us", "UTC")
    return pl.DataFrame(
        schema={**keys, "partition": time if hourly else pl.Date(), "predicted_at": time, "score": pl.Float64(), "artifact": pl.String()}
    )

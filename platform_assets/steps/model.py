"""Models by the partitions of their training set, and their predictions by those of its views."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from platform_assets.declare.metrics import STANDARD, Metric
from platform_assets.declare.model import Model
from platform_assets.declare.version import version_of_code
from platform_assets.errors import DamagedError, ModelError
from platform_assets.expressions.types import POLARS
from platform_assets.kernels.entity_keys import keys_of
from platform_assets.steps.damaged import without_damaged
from platform_assets.steps.reading import Origin, features_of, lacking, origins, versions_of
from platform_assets.steps.run import Done, Run, name_of, rows_by_partition, span_of, unready, write_and_record
from platform_assets.steps.training import training_table
from platform_assets.steps.verdict import failed_checks
from platform_assets.stores.delta import PartitionFacts, Table
from platform_assets.stores.ledger import Entry

if TYPE_CHECKING:
    from platform_assets.models.artifact import LoadedModel
    from platform_assets.models.train import NotTrained, Trained


def model_table(model: Model) -> Table:
    return (model.name, "model")


def predictions_table(model: Model) -> Table:
    return (model.name, "predictions")


@without_damaged
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
        if error := unready(f"{name_of(table)} {key}", training, data.version, months, range(since, month + 1), entries, run):
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
            kind=data.labels.kind,
            entities=data.entity.keys,
            checks=model.checks,
            metrics=model.metrics,
            refit=model.refit,
            seed=model.seed,
        )
        # Until then a label's outcome could not be read.
        row, details = _recorded(model, result, read, artifacts, months.ends_at(month) + data.data_delay)
        rows.append({"partition": months.value(month), **row})
        status = "not trained" if isinstance(result, NotTrained) else "ok"
        facts[month] = PartitionFacts(key, 1, status, details={**details, "read": read})
    if facts:
        table_rows = pl.DataFrame(rows, schema=pl.Schema(_schema(model)))
        write_and_record(run, done, table, table_rows, months, facts, model.version)
    return done


def _schema(model: Model) -> dict[str, pl.DataType | type[pl.DataType]]:
    """The columns of a model's table: its metrics, beside the baseline's, and how much better it is."""
    scores = [name for metric in measured_by(model) for name in _score_names(metric.name)]
    return {
        "partition": pl.Date,
        "trained": pl.Boolean,
        "good": pl.Boolean,
        "reason": pl.String,
        "artifact": pl.String,
        **dict.fromkeys(scores, pl.Float64),
        "positive_share": pl.Float64,
        "train_rows": pl.Int64,
        "purged_rows": pl.Int64,
        "test_rows": pl.Int64,
        "cut": pl.Datetime("us", "UTC"),
        "refit": pl.Boolean,
        "seen_until": pl.Datetime("us", "UTC"),
        "outcomes_until": pl.Datetime("us", "UTC"),
        "predicts_from": pl.Datetime("us", "UTC"),
        "version": pl.String,
    }


def measured_by(model: Model) -> tuple[Metric, ...]:
    """The metrics of a model: those of its kind, then a user's own."""
    return (*STANDARD[model.training_set.labels.kind], *model.metrics)


def _score_names(metric: str) -> tuple[str, ...]:
    return (metric, f"baseline_{metric}", f"{metric}_gain", f"{metric}_gain_low", f"{metric}_gain_high")


def _recorded(
    model: Model, result: "Trained | NotTrained", read: dict[str, int], artifacts: Path, predicts_from: datetime
) -> tuple[dict[str, Any], dict[str, Any]]:
    """A row of the model's table, and the same for the ledger."""
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
    folder = save(result, artifacts / model.name, provenance)
    scores = dict(_scores(result))
    learnt = {"cut": result.cut, "seen_until": result.seen_until, "outcomes_until": result.outcomes_until}
    checks = [asdict(check) for check in result.checks]
    why = failed_checks(checks) or None
    row = {
        "trained": True,
        "good": result.passed,
        "reason": why,
        "artifact": f"{model.name}/{folder.name}",
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
        **counts,
    }
    return {**row, **common}, details


def _scores(trained: "Trained") -> Iterator[tuple[str, float | None]]:
    for name, value in trained.evaluation.metrics.items():
        gain = trained.gains[name]
        yield from zip(_score_names(name), (value, trained.baseline.metrics[name], gain.value, gain.low, gain.high), strict=True)
    if trained.evaluation.kind == "binary":
        yield "positive_share", trained.evaluation.about["positive_share"]


_AT = "__at"
"""When a row of silver happened."""

DAYS_AT_ONCE = 32
"""Predicted together: their lookback of gold is read once."""


@without_damaged
def make_predictions(model: Model, first: int, last: int, run: Run, artifacts: Path) -> Done:
    """Scores the entities that have features at each snapshot first..last, by the latest good model trained before the day began."""
    from platform_assets.models.artifact import load

    data, done, table = model.training_set, Done(), predictions_table(model)
    views = data.features.views
    partitions = views[0].source.partitions
    models = run.ledger.entries(name_of(model_table(model)))
    known = origins(data.features, run, [], "gold")
    read = versions_of(known)
    chosen: dict[int, Entry | None] = {}
    # Each reads an attribute view from its first partition on: if nothing is lacking at all, nobody has to be asked one by one.
    lacks = lacking(name_of(table), known, _predicted_at(model, first), _predicted_at(model, last))
    for partition in range(first, last + 1):
        key, at = partitions.key(partition), _predicted_at(model, partition)
        if lacks and (error := lacking(f"{name_of(table)} {key}", known, at, at)):
            done.refused[key] = error
        else:
            chosen[partition] = latest_good(models, model, partitions.starts_at(partition))
    for artifact, group in groupby(chosen, lambda p: entry.details["artifact"] if (entry := chosen[p]) else None):
        days = list(group)
        try:
            loaded = load(artifacts / artifact) if artifact else None
        except ModelError as error:  # days of other models do not wait for it
            named = DamagedError(f"{name_of(table)} needs {name_of(model_table(model))}: {error}")
            done.refused |= {partitions.key(day): named for day in days}
            continue
        for begin in range(0, len(days), DAYS_AT_ONCE):
            batch = days[begin : begin + DAYS_AT_ONCE]
            scored = _no_predictions(model)
            if loaded:
                features = _features(model, batch, run, known)
                said = (pl.lit(artifact).alias("artifact"), pl.col("label_time").alias("predicted_at"))
                scored = features.with_columns(*_predictions(loaded, features), *said).select(scored.columns)
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
    """The newest model that passed its checks and may predict by then: all that it knows was known before."""
    mine = [entry for entry in models.values() if entry.declaration_version == model.version and entry.status == "ok"]
    good = [entry for entry in mine if entry.details["good"] and datetime.fromisoformat(entry.details["predicts_from"]) <= before]
    return max(good, key=lambda entry: entry.partition, default=None)


def _predictions(loaded: "LoadedModel", features: pl.DataFrame) -> list[pl.Series]:
    """What a model says of each row: `score`, a probability or a number; of classes the most probable one and its probability, and all."""
    if loaded.record.kind != "multiclass":
        return [loaded.predict(features).alias("score")]
    scores, classes = loaded.model.scores(features), loaded.model.classes
    all_of_them = [[{"class": str(name), "probability": float(p)} for name, p in zip(classes, row, strict=True)] for row in scores]
    return [
        loaded.model.named(scores).alias("predicted"),
        pl.Series("score", scores.max(axis=1) if len(scores) else [], pl.Float64),
        pl.Series("probabilities", all_of_them, PROBABILITIES),
    ]


PROBABILITIES = pl.List(pl.Struct({"class": pl.String(), "probability": pl.Float64()}))


def _features(model: Model, days: list[int], run: Run, read: Sequence[Origin]) -> pl.DataFrame:
    """The features of the entities that have a value in some feature view at these snapshots; `partition` says at which."""
    data = model.training_set
    partitions = data.features.views[0].source.partitions
    asked = []
    lives = _lives(model, days, run, read)
    for day in days:
        at = _predicted_at(model, day)
        found = pl.concat([_alive(origin, rows, at) for origin, rows in lives]).unique().sort(data.entity.keys)
        times = (pl.lit(at, pl.Datetime("us", "UTC")).alias("label_time"), pl.lit(partitions.value(day)).alias("partition"))
        asked.append(found.with_columns(*times))
    return features_of(data.features, run, read, pl.concat(asked), _predicted_at(model, days[0]), _predicted_at(model, days[-1]))


def _lives(model: Model, days: list[int], run: Run, read: Sequence[Origin]) -> list[tuple[Origin, pl.DataFrame]]:
    """What says which entities have a value in some view, by view."""
    keys = list(model.training_set.entity.keys)
    judging = [origin for origin in read if set(origin.view.entity.keys) == set(keys)]
    # Attributes do not expire: by them alone, who left years ago would be scored every day.
    judging = [origin for origin in judging if origin.view.lookback is not None] or judging
    begin, end = _predicted_at(model, days[0]), _predicted_at(model, days[-1])
    lives = []
    for origin in judging:
        if origin.layer == "gold":
            columns = [*map(pl.col, keys), pl.col("valid_from"), pl.col("is_empty")]
        else:
            columns = [*keys_of(origin.view.key_columns), pl.col(origin.view.source.event_time).alias(_AT), pl.col("arrival")]
        lives.append((origin, origin.scan(run, begin, end).select(columns).drop_nulls(keys).collect()))
    return lives


def _alive(origin: Origin, rows: pl.DataFrame, at: datetime) -> pl.DataFrame:
    """The keys of the entities that have a value at a moment: by the view's table, or by a row that was known, as far back as it looks."""
    view = origin.view
    if origin.layer == "gold":
        latest = rows.filter(pl.col("valid_from") <= at).sort("valid_from").unique(view.entity.keys, keep="last")
        return latest.filter(~pl.col("is_empty")).select(view.entity.keys)
    arrived = view.source.partitions.value(view.source.partitions.index(at - view.source.data_delay) - 1)
    inside = pl.col(_AT).is_between(at - view.reach, at, closed="left")
    return rows.filter(pl.col("arrival") <= arrived, inside).select(view.entity.keys).unique()


def _no_predictions(model: Model) -> pl.DataFrame:
    data = model.training_set
    hourly = data.features.views[0].source.partitions.unit == "hour"
    keys = {key: POLARS[data.features.keys[key]] for key in data.entity.keys}
    time = pl.Datetime("us", "UTC")
    of_class = {"predicted": POLARS[data.label_type], "probabilities": PROBABILITIES} if data.labels.kind == "multiclass" else {}
    score = {"score": pl.Float64(), **of_class, "artifact": pl.String()}
    return pl.DataFrame(schema={**keys, "partition": time if hourly else pl.Date(), "predicted_at": time, **score})

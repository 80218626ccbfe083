"""Training sets and models by month, predictions by day."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg

from platform_assets.assets.checks import Verdict, done_with_checks, evaluations, to_judge
from platform_assets.assets.columns import (
    Columns,
    column_lineage,
    column_schema,
    features_made_of,
    keys_made_of,
    meanings,
    meanings_of_keys,
)
from platform_assets.assets.keys import ONCE, ONE_RUN, REFRESH, key_of, reads, shown
from platform_assets.assets.model_pictures import pictures
from platform_assets.assets.partitions import asked, partitions_definition
from platform_assets.assets.resource import PlatformResource
from platform_assets.assets.telling import tell
from platform_assets.declare.model import AtLeast, Check, Model
from platform_assets.declare.training import FeatureService, FeaturesFrom, TrainingSet
from platform_assets.models.checks import name_of as check_name
from platform_assets.steps.layers import Graph
from platform_assets.steps.model import make_model, make_predictions, model_table, predictions_table
from platform_assets.steps.reading import layer_of, table_of
from platform_assets.steps.run import name_of
from platform_assets.steps.silver import silver_table
from platform_assets.steps.training import make_training, training_table
from platform_assets.stores.delta import Table
from platform_assets.stores.ledger import Entry

_DAYS_A_MONTH = 28


def training_asset(data: TrainingSet, graph: Graph) -> dg.AssetsDefinition:
    """<training set>/training: labels with the features that were known then, by the month in which the label ends."""
    table, silver = training_table(data), silver_table(data.labels.source)
    months = -(-(data.labels.horizon + max(data.labels.spine.active, max(v.reach for v in data.features.views))).days // _DAYS_A_MONTH)
    # What is chosen by its cost is there whenever gold is.
    features = [table_of(view, layer_of(view, data.features_from)) for view in data.features.views]
    upstream = [reads(t, start=-months) for t in dict.fromkeys((silver, *features))]
    types = {**data.features.keys, "label_time": "datetime", data.label: "bool", **data.features.features, "partition": "date"}
    said = {
        **meanings_of_keys(data),
        "label_time": "the moment that the features are of; what is predicted comes after it",
        data.label: _label_meaning(data),
        "partition": "the month in which the label's interval ends",
        **{f"{part.view.name}__{name}": meanings(part.view)[name] for part in data.features.selected for name in part.names},
        **{feature.name: f"{feature.expression.sql}, at label_time" for feature in data.features.on_demand},
    }

    @dg.asset(
        key=list(table),
        deps=upstream,
        partitions_def=partitions_definition(data.partitions),
        backfill_policy=ONE_RUN,
        code_version=data.version,
        automation_condition=ONCE,
        description=f"{data.description}\n\nLabels whose interval ends in the month, with the features known at each label's time.",
        metadata=column_schema(types, said),
        **shown(data, "training", {"deltalake", "polars"}),
    )
    def assemble(context: dg.AssetExecutionContext, platform: PlatformResource) -> None:
        run = platform.run(context.run_id)
        done = make_training(data, *asked(context, data.partitions), run)
        pinned = {key: {f"version of {t}": v for t, v in entry.details["read"].items()} for key, entry in done.entries.items()}
        tell(context, table, done.entries, done, run, data.partitions, column_lineage(training_columns(data)), pinned)
        platform.summary.add(graph, [table], done, run, context.log)
        done.check()

    return assemble


def training_columns(data: TrainingSet) -> Columns:
    """What each column of a training set is made of; an on-demand feature of whatever the features that it reads are made of."""
    silver = silver_table(data.labels.source)
    of_views = _made_of(data.features, data.features_from)
    columns: dict[str, list[tuple[Table, str]]] = {
        **{key: [(silver, column)] for key, column in data.key_columns.items()},
        **{name: of_views[name] for name in data.features.view_features},
        data.label: [(silver, column) for column in (*data.labels.reads, data.labels.source.event_time)],
    }
    for feature in data.features.on_demand:
        columns[feature.name] = list(dict.fromkeys(origin for read in feature.expression.columns for origin in of_views.get(read, [])))
    return columns


def _made_of(service: FeatureService, features_from: FeaturesFrom | None = None) -> dict[str, list[tuple[Table, str]]]:
    """The columns that each feature which a service computes from its views is made of."""
    made = {part.view.name: features_made_of(part.view, features_from) for part in service.computed}
    return {f"{part.view.name}__{name}": made[part.view.name][name] for part in service.computed for name in part.names}


def model_asset(model: Model, graph: Graph) -> dg.AssetsDefinition:
    """<model>/model: trained on the months up to its own."""
    table, data = model_table(model), model.training_set
    partitions = partitions_definition(data.partitions)
    start = 0 if model.train_on is None else 1 - model.train_on
    specs = [
        dg.AssetCheckSpec(check_name(check), asset=key_of(table), partitions_def=partitions, description=_described(check))
        for check in model.checks
    ]
    lineage = column_lineage({"score": [(training_table(data), feature) for feature in data.features.features]})
    mapping = (
        reads(training_table(data), start=start)
        if model.train_on
        else dg.AssetDep(
            key_of(training_table(data)),
            partition_mapping=dg.TimeWindowPartitionMapping(
                start_offset=-_MANY_MONTHS, end_offset=0, allow_nonexistent_upstream_partitions=True
            ),
        )
    )
    spec = dg.AssetSpec(
        key_of(table),
        deps=[mapping],
        partitions_def=partitions,
        code_version=model.version,
        automation_condition=ONCE,
        description=f"{model.description}\n\nTrained on the months up to its own; judged on the newest fifth of the label times.",
        **shown(model, "model", {"lightgbm", "scikitlearn"}),
    )

    @dg.multi_asset(name=f"{model.name}__model", specs=[spec], check_specs=specs, backfill_policy=ONE_RUN, can_subset=True)
    def learn(context: dg.AssetExecutionContext, platform: PlatformResource) -> Iterator[Any]:
        run, artifacts = platform.run(context.run_id), platform.artifacts()
        if (there := to_judge(context, table, data.partitions, run)) is not None:
            known = run.ledger.entries(name_of(table))
            yield from evaluations(context, table, [verdict for entry in there.values() for verdict in _verdicts(model, entry, known)])
            yield from done_with_checks(context)
            return
        done = make_model(model, *asked(context, data.partitions), run, artifacts)
        known = run.ledger.entries(name_of(table))
        each = {key: _shown(entry, artifacts, {k: e for k, e in known.items() if k <= key}) for key, entry in done.entries.items()}
        tell(context, table, done.entries, done, run, data.partitions, lineage, each)
        platform.summary.add(graph, [table], done, run, context.log)
        done.check()
        yield dg.MaterializeResult(asset_key=key_of(table))
        if context.selected_asset_check_keys:
            yield from evaluations(
                context, table, [verdict for entry in done.entries.values() for verdict in _verdicts(model, entry, known)]
            )
        yield from done_with_checks(context)

    return learn


_MANY_MONTHS = 1200


def _shown(entry: Entry, artifacts: Path, earlier: Mapping[str, Entry]) -> dict[str, Any]:
    """A model's figures and pictures; of one that was not trained, why."""
    figures = {name.replace("_", " "): value for name, value in entry.details.items() if isinstance(value, int | float | str)}
    rounded = {name: round(value, 4) if isinstance(value, float) else value for name, value in figures.items()}
    return {**rounded, **(pictures(artifacts / entry.details["artifact"], earlier) if entry.status == "ok" else {})}


def _label_meaning(data: TrainingSet) -> str:
    where = f" where {data.labels.where.sql}" if data.labels.where else ""
    what = "no row" if data.labels.event == "none" else "a row"
    days = data.labels.horizon / timedelta(days=1)
    return f"{what} of {data.labels.source.name}{where} in the {days:g} days after label_time"


def _described(check: Check) -> str:
    if isinstance(check, AtLeast):
        return f"{check.metric} >= {check.bound} on the test split"
    return f"{check.metric} not below the logistic baseline's by more than {check.tolerance} on the test split"


def _verdicts(model: Model, entry: Entry, known: Mapping[str, Entry]) -> list[Verdict]:
    """Where nothing could be trained the checks say so: without an event Dagster would call them skipped, those of other months too.

    Before the first model that is nothing to warn of: there are too few labels yet.
    """
    if entry.status != "ok":
        trained = [key for key, one in known.items() if one.status == "ok" and one.declaration_version == model.version]
        lost = min(trained, default=entry.partition) < entry.partition
        why = {"says": f"not trained{', though an earlier month was' if lost else ' yet'}: {entry.details['reason']}"}
        return [Verdict(entry.partition, check_name(check), not lost, why, dg.AssetCheckSeverity.WARN) for check in model.checks]
    return [
        Verdict(entry.partition, one["name"], one["passed"], {"says": one["message"], "value": one["value"], "bound": one["bound"]})
        for one in entry.details["checks"]
    ]


def predictions_asset(model: Model, graph: Graph) -> dg.AssetsDefinition:
    """<model>/predictions: the entities with features at a day's end, scored by the latest good model trained before the day."""
    table, data = predictions_table(model), model.training_set
    views = data.features.views
    partitions = views[0].source.partitions
    # Attributes do not expire, but a dependency without a beginning would make every evaluation walk through all partitions.
    back = max((view.lookback for view in views if view.lookback is not None), default=0)
    # The model is a dependency for the lineage only: by default a day would map to its month's model, which knows the month's end.
    trained = dg.AssetDep(key_of(model_table(model)), partition_mapping=dg.LastPartitionMapping())
    condition = REFRESH.ignore(dg.AssetSelection.keys(key_of(model_table(model))))
    tables = {table_of(view, layer_of(view)): back if view.lookback is None else view.lookback for view in views}
    lineage = column_lineage(
        {
            **keys_made_of(views[0]),
            "score": list(dict.fromkeys(origin for made in _made_of(data.features).values() for origin in made)),
        }
    )

    @dg.asset(
        key=list(table),
        deps=[*(reads(t, start=-since) for t, since in tables.items()), trained],
        partitions_def=partitions_definition(partitions),
        backfill_policy=ONE_RUN,
        code_version=model.version,
        automation_condition=condition,
        description=f"{model.description}\n\nScores at the end of each day.",
        metadata=column_schema(
            {
                **data.features.keys,
                "predicted_at": "datetime",
                "partition": "date",
                "score": "float",
                "artifact": "str",
            },
            {
                **dict.fromkeys(data.entity.keys, f"key of {data.entity.name}"),
                "predicted_at": "the moment that the features are of",
                "partition": "the snapshot that was scored",
                "score": f"probability of {data.label}: {_label_meaning(data).replace('label_time', 'predicted_at')}",
                "artifact": "the model that scored it",
            },
        ),
        **shown(model, "predictions", {"deltalake", "lightgbm"}),
    )
    def predict(context: dg.AssetExecutionContext, platform: PlatformResource) -> None:
        run = platform.run(context.run_id)
        done = make_predictions(model, *asked(context, partitions), run, platform.artifacts())
        used = {key: {"model": entry.details.get("model", "none yet")} for key, entry in done.entries.items()}
        tell(context, table, done.entries, done, run, partitions, lineage, used)
        platform.summary.add(graph, [table], done, run, context.log)
        done.check()

    return predict

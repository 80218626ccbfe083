"""Assets of training sets, models and predictions."""

import inspect
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import dagster as dg

from platform_assets.assets.asset_specs import ONCE, ONE_RUN, REFRESH, key_of, reads, shown
from platform_assets.assets.checks import Verdict, done_with_checks, evaluations, to_judge
from platform_assets.assets.columns import (
    Columns,
    column_lineage,
    column_schema,
    features_made_of,
    keys_made_of,
    meanings,
    meanings_of_keys,
    measured,
)
from platform_assets.assets.markdown import table as markdown_table
from platform_assets.assets.materialization_events import tell
from platform_assets.assets.model_plots import pictures
from platform_assets.assets.partitions import partitions_definition, selected_partitions
from platform_assets.assets.resource import PlatformResource
from platform_assets.declare.labels import LABEL_TIME, Labels
from platform_assets.declare.model import AtLeast, AtMost, BetterThanBaseline, Check, Model, OwnCheck
from platform_assets.declare.training import FeatureService, FeaturesFrom, TrainingSet
from platform_assets.models.checks import name_of as check_name
from platform_assets.steps.labels import EMPTY
from platform_assets.steps.layers import Graph
from platform_assets.steps.model import make_model, make_predictions, model_table, predictions_table
from platform_assets.steps.reading import layer_of, table_of
from platform_assets.steps.run import name_of
from platform_assets.steps.silver import silver_table
from platform_assets.steps.training import make_training, training_table
from platform_assets.stores.delta import Table
from platform_assets.stores.ledger import Entry
from platform_assets.stores.storage import Storage

_DAYS_OF = {"day": 1, "week": 7, "month": 28}
"""The minimum number of days in a partition of a training set."""


def training_asset(data: TrainingSet, graph: Graph) -> dg.AssetsDefinition:
    """<training set>/training: labels with the features known then, by the month, week or day in which the label ends."""
    table, labels = training_table(data), data.labels
    active = labels.spine.active if isinstance(labels, Labels) else timedelta(0)
    days = (labels.horizon + max(active, max(v.reach for v in data.features.views))).days + 1
    back = -(-days // _DAYS_OF[data.period])
    # If the layer is chosen by cost, it exists whenever gold does.
    features = [table_of(view, layer_of(view, data.features_from)) for view in data.features.views]
    of_labels = [silver_table(labels.source)] if labels.source else []
    upstream = [reads(t, start=-back) for t in dict.fromkeys((*of_labels, *features))]
    types = {**data.inputs, LABEL_TIME: "datetime", data.label: data.label_type, **data.features.features, "partition": "date"}
    said = {
        **meanings_of_keys(data),
        **dict.fromkeys(data.features.request, "request column of the label"),
        LABEL_TIME: "the time of the features; the outcome follows it",
        data.label: _label_meaning(data),
        "partition": f"the {data.period} in which the label's interval ends",
        **{f"{part.view.name}__{name}": meanings(part.view)[name] for part in data.features.selected for name in part.names},
        **{feature.name: f"{feature.expression.sql}, at label_time" for feature in data.features.on_demand},
    }
    partitions = partitions_definition(data.partitions)
    specs = [
        dg.AssetCheckSpec(ACCEPTED, asset=key_of(table), partitions_def=partitions, description="all given rows are labels")
        for _ in range(not isinstance(labels, Labels))
    ]
    spec = dg.AssetSpec(
        key_of(table),
        deps=upstream,
        partitions_def=partitions,
        code_version=data.version,
        automation_condition=ONCE,
        description=f"{data.description}\n\nLabels whose interval ends in the {data.period}, with the features known at each label's time.",
        metadata=column_schema(types, said),
        **shown(data, "training", {"deltalake", "polars"}),
    )

    @dg.multi_asset(name=f"{data.name}__training", specs=[spec], check_specs=specs, backfill_policy=ONE_RUN, can_subset=True)
    def assemble(context: dg.AssetExecutionContext, platform: PlatformResource) -> Iterator[Any]:
        run = platform.run(context.run_id)
        there = to_judge(context, table, data.partitions, run)
        if there is None:
            done = make_training(data, *selected_partitions(context, data.partitions), run)
            each = {key: _about_labels(entry) for key, entry in done.entries.items()}
            tell(context, table, done.entries, done, run, data.partitions, column_lineage(training_columns(data)), each)
            platform.summary.add(graph, [table], done, run, context.log)
            done.check()
            yield dg.MaterializeResult(asset_key=key_of(table))
            there = done.entries
        if context.selected_asset_check_keys:
            yield from evaluations(context, table, [_accepted(entry) for entry in there.values()])
        yield from done_with_checks(context)

    return assemble


ACCEPTED = "labels_accepted"
_FIGURES = ("label_times", "positive", "unlabelled", "mean", "least", "most", "rejected")


def _about_labels(entry: Entry) -> dict[str, Any]:
    """The metadata of a training partition: the versions it read, statistics of its labels, and rejected rows."""
    shown: dict[str, Any] = {f"version of {t}": v for t, v in entry.details["read"].items()}
    shown |= {name: entry.details[name] for name in _FIGURES if name in entry.details}
    if classes := entry.details.get("classes"):
        shown["classes"] = dg.MetadataValue.md(markdown_table(["class", "labels"], list(classes.items())))
    if empty := entry.details.get(EMPTY):
        first = ", ".join(empty["first"]) + (", ..." if empty["number"] > len(empty["first"]) else "")
        said = f"{empty['number']} of {empty['of']} ({first}): they have no rows, and labels assume that nothing happened then"
        shown[f"empty partitions of {empty['source']}"] = said
    if entry.details.get("reasons"):
        shown["rejected because"] = dg.MetadataValue.md(_reasons(entry))
    return shown


def _reasons(entry: Entry) -> str:
    rows = []
    for reason, count in entry.details["reasons"].items():
        example = ", ".join(f"{name} {value}" for name, value in entry.details["examples"][reason].items())
        rows.append([reason, count, example])
    return markdown_table(["reason", "rows", "such as"], rows)


def _accepted(entry: Entry) -> Verdict:
    """A warning about rejected rows, with the reasons."""
    rejected, reasons = entry.details.get("rejected", 0), entry.details.get("reasons", {})
    says = f"all {entry.rows:,} rows are labels"
    if rejected:
        said = "; ".join(
            f"{reason}: {count:,}, such as {', '.join(f'{name} {value}' for name, value in entry.details['examples'][reason].items())}"
            for reason, count in reasons.items()
        )
        says = f"{rejected:,} of {entry.rows + rejected:,} rows are not labels: {said}"
    shown = {"says": says, "value": rejected, "bound": 0}
    return Verdict(entry.partition, ACCEPTED, not rejected, shown, dg.AssetCheckSeverity.WARN)


def training_columns(data: TrainingSet) -> Columns:
    """The lineage of a training set's columns; an on-demand feature has that of the features it reads."""
    labels, source = data.labels, data.labels.source
    silver = silver_table(source) if source else None
    of_views = _made_of(data.features, data.features_from)
    columns: dict[str, list[tuple[Table, str]]] = {
        **({} if silver is None else {name: [(silver, column)] for name, column in data.columns.items()}),
        **{name: of_views[name] for name in data.features.view_features},
        data.label: [] if silver is None or source is None else [(silver, column) for column in (*labels.reads, source.event_time)],
    }
    for feature in data.features.on_demand:
        columns[feature.name] = list(dict.fromkeys(origin for read in feature.expression.columns for origin in of_views.get(read, [])))
    return columns


def _made_of(service: FeatureService, features_from: FeaturesFrom | None = None) -> dict[str, list[tuple[Table, str]]]:
    """The lineage of the features that a service computes from its views."""
    made = {part.view.name: features_made_of(part.view, features_from) for part in service.computed}
    return {f"{part.view.name}__{name}": made[part.view.name][name] for part in service.computed for name in part.names}


def model_asset(model: Model, graph: Graph) -> dg.AssetsDefinition:
    """<model>/model: trained on the partitions of its training set up to its own."""
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
                start_offset=-_MANY_PARTITIONS[data.period], end_offset=0, allow_nonexistent_upstream_partitions=True
            ),
        )
    )
    spec = dg.AssetSpec(
        key_of(table),
        deps=[mapping],
        partitions_def=partitions,
        code_version=model.version,
        automation_condition=ONCE,
        description=f"{model.description}\n\n{_how_trained(model)}",
        **shown(model, "model", {"lightgbm", "scikitlearn"}),
    )

    @dg.multi_asset(name=f"{model.name}__model", specs=[spec], check_specs=specs, backfill_policy=ONE_RUN, can_subset=True)
    def learn(context: dg.AssetExecutionContext, platform: PlatformResource) -> Iterator[Any]:
        run = platform.run(context.run_id)
        if (there := to_judge(context, table, data.partitions, run)) is not None:
            known = run.ledger.entries(name_of(table))
            yield from evaluations(context, table, [verdict for entry in there.values() for verdict in _verdicts(model, entry, known)])
            yield from done_with_checks(context)
            return
        done = make_model(model, *selected_partitions(context, data.partitions), run)
        known = run.ledger.entries(name_of(table))
        each = {key: _shown(entry, run.lake.models, {k: e for k, e in known.items() if k <= key}) for key, entry in done.entries.items()}
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


_MANY_PARTITIONS = {"month": 1200, "week": 1044, "day": 36_500}
"""How far back a model's dependencies in Dagster reach if it reads everything: Dagster walks through them. The run itself reads all."""


def _how_trained(model: Model) -> str:
    refit = " Then refitted to all labels known at its end." if model.refit else ""
    calibrated = " Its probabilities are calibrated on held-out entities." if model.calibrate else ""
    how = f"Trained on the {model.training_set.period}s up to its own; evaluated on the newest fifth of the label times."
    return f"{how}{refit}{calibrated}"


def _shown(entry: Entry, models: Storage, earlier: Mapping[str, Entry]) -> dict[str, Any]:
    """A model's metrics and plots; or why it was not trained."""
    figures = {name.replace("_", " "): value for name, value in entry.details.items() if isinstance(value, int | float | str)}
    rounded = {name: round(value, 4) if isinstance(value, float) else value for name, value in figures.items()}
    return {**rounded, **(pictures(models.below(entry.details["artifact"]), earlier) if entry.status == "ok" else {})}


def _label_meaning(data: TrainingSet) -> str:
    labels = data.labels
    where = f" where {labels.where.sql}" if labels.where else ""
    days = labels.horizon / timedelta(days=1)
    if not isinstance(labels, Labels):
        return f"{labels.value} of {labels.name}{where}, final {days:g} days after label_time"
    if labels.measure is not None:
        return f"{measured(labels.measure)}, of {labels.source.name}{where}, in the {days:g} days after label_time"
    return f"{'no row' if labels.event == 'none' else 'a row'} of {labels.source.name}{where} in the {days:g} days after label_time"


def _score_meaning(data: TrainingSet) -> str:
    what = {"binary": f"probability of {data.label}", "numeric": data.label, "multiclass": f"probability of the predicted {data.label}"}
    return f"{what[data.labels.kind]}: {_label_meaning(data).replace('label_time', 'predicted_at')}"


def _described(check: Check) -> str:
    if isinstance(check, OwnCheck):
        return inspect.getdoc(check.function) or "a user-defined check"
    assert check.metric is not None, "a declared model's check has a metric"
    name = check.metric.name
    if isinstance(check, AtLeast | AtMost):
        return f"{name} {'>=' if isinstance(check, AtLeast) else '<='} {check.bound} on the test split"
    if isinstance(check, BetterThanBaseline):
        return f"{name} significantly better than the baseline's: the 95% interval of the difference is above 0"
    return f"{name} not worse than the baseline's by more than {check.tolerance} on the test split"


def _verdicts(model: Model, entry: Entry, known: Mapping[str, Entry]) -> list[Verdict]:
    """If a model could not be trained, its checks say so: without an event Dagster would show them as skipped, even in other months.

    Before the first model this is not a warning: there are too few labels yet.
    """
    if entry.status != "ok":
        trained = [key for key, one in known.items() if one.status == "ok" and one.declaration_version == model.version]
        lost = min(trained, default=entry.partition) < entry.partition
        why = {"says": f"not trained{', though an earlier month was' if lost else ' yet'}: {entry.details['reason']}"}
        return [Verdict(entry.partition, check_name(check), not lost, why, dg.AssetCheckSeverity.WARN) for check in model.checks]
    return [_verdict(entry.partition, one) for one in entry.details["checks"]]


def _verdict(partition: str, check: Mapping[str, Any]) -> Verdict:
    numbers = {name: check[name] for name in ("value", "bound") if check[name] is not None}
    severity = dg.AssetCheckSeverity.ERROR if check["required"] else dg.AssetCheckSeverity.WARN
    return Verdict(partition, check["name"], check["passed"], {"says": check["message"], **numbers}, severity)


def predictions_asset(model: Model, graph: Graph) -> dg.AssetsDefinition:
    """<model>/predictions: the entities with features at a day's end, scored by the latest good model trained before the day."""
    table, data = predictions_table(model), model.training_set
    views = data.features.views
    partitions = views[0].source.partitions
    # Attributes never expire, but a dependency without a start would make every evaluation walk through all partitions.
    back = max((view.lookback for view in views if view.lookback is not None), default=0)
    # The model is a dependency only for lineage: by default a day would map to its month's model, which knows the end of the month.
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
                **({"predicted": data.label_type} if data.labels.kind == "multiclass" else {}),
                "artifact": "str",
            },
            {
                **dict.fromkeys(data.entity.keys, f"key of {data.entity.name}"),
                "predicted_at": "the time of the features",
                "partition": "the snapshot that was scored",
                "score": _score_meaning(data),
                "predicted": f"the most probable {data.label}; `probabilities` has those of all classes",
                "artifact": "the model that scored it",
            },
        ),
        **shown(model, "predictions", {"deltalake", "lightgbm"}),
    )
    def predict(context: dg.AssetExecutionContext, platform: PlatformResource) -> None:
        run = platform.run(context.run_id)
        done = make_predictions(model, *selected_partitions(context, partitions), run)
        used = {key: {"model": entry.details.get("model", "none yet")} for key, entry in done.entries.items()}
        tell(context, table, done.entries, done, run, partitions, lineage, used)
        platform.summary.add(graph, [table], done, run, context.log)
        done.check()

    return predict

"""Gold: feature views as change logs, attribute views, and reports."""

from collections.abc import Callable
from typing import Any, TypeVar

import dagster as dg

from platform_assets.assets.asset_specs import ONE_RUN, REFRESH, reads, shown
from platform_assets.assets.checkpoints import read_by_gold
from platform_assets.assets.columns import Columns, column_lineage, column_schema, made_of, meanings, meanings_of_keys, measured
from platform_assets.assets.materialization_events import tell
from platform_assets.assets.partitions import partitions_definition, selected_partitions
from platform_assets.assets.resource import PlatformResource
from platform_assets.declare.attributes import EVENT_TIME, AttributeView
from platform_assets.declare.report import GoldTable
from platform_assets.declare.view import FeatureView
from platform_assets.steps.gold import gold_table, make_attributes, make_change_log, make_report
from platform_assets.steps.layers import Graph
from platform_assets.steps.run import Done, Run
from platform_assets.steps.silver import silver_table

Declared = TypeVar("Declared", FeatureView, AttributeView, GoldTable)


def view_asset(view: FeatureView, graph: Graph) -> dg.AssetsDefinition:
    """<view>/gold: the change log of a feature view, by snapshot."""
    silver, source = silver_table(view.source), view.source
    stored = {feature.name: feature.measure.type for feature in view.stored}
    columns: Columns = {
        **{key: [(silver, column)] for key, column in view.key_columns.items()},
        **{feature.name: made_of(feature.measure, source, silver) for feature in view.stored},
    }
    types = {**view.key_types, "partition": "date", "valid_from": "datetime", "is_empty": "bool", **stored}
    said = {
        **meanings_of_keys(view),
        "partition": "the snapshot: windows end where it ends",
        "valid_from": "from when the row may be read",
        "is_empty": "whether no rows are left in the windows",
        **meanings(view),
    }
    return _gold_asset(
        view,
        graph,
        make_change_log,
        columns,
        deps=read_by_gold(view),
        automation_condition=REFRESH,
        description=f"{view.description}\n\nOne row for each {view.entity.name} whose windows changed.",
        metadata=column_schema(types, said),
    )


def attributes_asset(view: AttributeView, graph: Graph) -> dg.AssetsDefinition:
    """<view>/gold: each entity's latest update that arrived in a partition."""
    silver, source = silver_table(view.source), view.source
    held = view.key_columns | {attribute: attribute for attribute in view.attributes}
    columns: Columns = {name: [(silver, column)] for name, column in held.items()}
    updated = {"valid_from": "datetime", "is_empty": "bool", EVENT_TIME: "datetime"}
    said = {
        **meanings_of_keys(view),
        "partition": "the partition in which the update arrived",
        "valid_from": "from when the row may be read",
        "is_empty": "never: attributes do not expire",
        EVENT_TIME: f"{source.event_time} of the update: the greatest counts",
        **meanings(view),
    }
    return _gold_asset(
        view,
        graph,
        make_attributes,
        {**columns, EVENT_TIME: [(silver, source.event_time)]},
        deps=[reads(silver)],
        automation_condition=REFRESH,
        description=f"{view.description}\n\nOne row for each {view.entity.name} that was updated.",
        metadata=column_schema({**view.key_types, "partition": "date", **updated, **view.served}, said),
    )


def report_asset(report: GoldTable, graph: Graph) -> dg.AssetsDefinition:
    """<report>/gold: measures by event partition; restated for late rows at the request of automation/stale.py."""
    silver, source = silver_table(report.source), report.source
    types = {**{column: source.types[column] for column in report.by}, **{m.name: m.type for m in report.measures}}
    said = {
        "partition": f"the {source.partitions.unit} of the event, in {report.timezone}",
        **{m.name: measured(m) for m in report.measures},
    }
    return _gold_asset(
        report,
        graph,
        make_report,
        {**{c: [(silver, c)] for c in report.by}, **{m.name: made_of(m, source, silver) for m in report.measures}},
        deps=[reads(silver)],
        description=f"{report.description}\n\nBy event {source.partitions.unit}, in {report.timezone}.",
        metadata=column_schema({"partition": "date", **types}, said),
    )


def _gold_asset(
    declared: Declared, graph: Graph, make: Callable[[Declared, int, int, Run], Done], columns: Columns, **told: Any
) -> dg.AssetsDefinition:
    """The asset whose partitions a step computes from silver. told: metadata specific to this kind of gold."""
    table, partitions, lineage = gold_table(declared), declared.source.partitions, column_lineage(columns)

    @dg.asset(
        key=list(table),
        partitions_def=partitions_definition(partitions),
        backfill_policy=ONE_RUN,
        code_version=declared.version,
        **shown(declared, "gold", {"gold", "deltalake", "polars"}),
        **told,
    )
    def gold(context: dg.AssetExecutionContext, platform: PlatformResource) -> None:
        run = platform.run(context.run_id)
        done = make(declared, *selected_partitions(context, partitions), run)
        tell(context, table, done.entries, done, run, partitions, lineage)
        platform.summary.add(graph, [table], done, run, context.log)
        done.check()

    return gold

"""Gold: feature views as change logs, attribute views, and reports."""

import dagster as dg

from platform_assets.assets.checkpoints import read_by_gold
from platform_assets.assets.columns import Columns, column_lineage, column_schema, made_of, meanings, measured
from platform_assets.assets.keys import ONE_RUN, REFRESH, reads, shown
from platform_assets.assets.partitions import asked, partitions_definition
from platform_assets.assets.resource import PlatformResource
from platform_assets.assets.telling import tell
from platform_assets.declare.attributes import EVENT_TIME, AttributeView
from platform_assets.declare.report import GoldTable
from platform_assets.declare.view import FeatureView
from platform_assets.steps.gold import gold_table, make_attributes, make_change_log, make_report
from platform_assets.steps.silver import silver_table


def view_asset(view: FeatureView) -> dg.AssetsDefinition:
    """<view>/gold: the change log of a feature view, by snapshot."""
    table, silver, source = gold_table(view), silver_table(view.source), view.source
    stored = {feature.name: feature.measure.type for feature in view.stored}
    columns: Columns = {
        **{key: [(silver, key)] for key in view.entity.keys},
        **{feature.name: made_of(feature.measure, source, silver) for feature in view.stored},
    }
    lineage = column_lineage(columns)
    types = {**view.key_types, "partition": "date", "valid_from": "datetime", "is_empty": "bool", **stored}
    said = {
        **dict.fromkeys(view.entity.keys, f"key of {view.entity.name}"),
        "partition": "the snapshot at whose end the windows end",
        "valid_from": "from when the row may be read",
        "is_empty": "whether the windows have nothing left",
        **meanings(view),
    }

    @dg.asset(
        key=list(table),
        deps=read_by_gold(view),
        partitions_def=partitions_definition(source.partitions),
        backfill_policy=ONE_RUN,
        code_version=view.version,
        automation_condition=REFRESH,
        description=f"{view.description}\n\nA row for each {view.entity.name} whose windows changed.",
        metadata=column_schema(types, said),
        **shown(view, "gold", {"gold", "deltalake", "polars"}),
    )
    def features(context: dg.AssetExecutionContext, platform: PlatformResource) -> None:
        run = platform.run(context.run_id)
        done = make_change_log(view, *asked(context, source.partitions), run)
        tell(context, table, done.entries, done, run, source.partitions, lineage)
        done.check()

    return features


def attributes_asset(view: AttributeView) -> dg.AssetsDefinition:
    """<view>/gold: of each entity the latest update that arrived in a partition."""
    table, silver, source = gold_table(view), silver_table(view.source), view.source
    updated = {"valid_from": "datetime", "is_empty": "bool", EVENT_TIME: "datetime"}
    lineage = column_lineage(
        {name: [(silver, name)] for name in (*view.entity.keys, *view.attributes)} | {EVENT_TIME: [(silver, source.event_time)]}
    )
    said = {
        **dict.fromkeys(view.entity.keys, f"key of {view.entity.name}"),
        "partition": "the partition in which the update arrived",
        "valid_from": "from when the row may be read",
        "is_empty": "never: attributes do not expire",
        EVENT_TIME: f"{source.event_time} of the update: that with the greatest counts",
        **meanings(view),
    }

    @dg.asset(
        key=list(table),
        deps=[reads(silver)],
        partitions_def=partitions_definition(source.partitions),
        backfill_policy=ONE_RUN,
        code_version=view.version,
        automation_condition=REFRESH,
        description=f"{view.description}\n\nA row for each {view.entity.name} that was updated.",
        metadata=column_schema({**view.key_types, "partition": "date", **updated, **view.served}, said),
        **shown(view, "gold", {"gold", "deltalake", "polars"}),
    )
    def attributes(context: dg.AssetExecutionContext, platform: PlatformResource) -> None:
        run = platform.run(context.run_id)
        done = make_attributes(view, *asked(context, source.partitions), run)
        tell(context, table, done.entries, done, run, source.partitions, lineage)
        done.check()

    return attributes


def report_asset(report: GoldTable) -> dg.AssetsDefinition:
    """<report>/gold: measures by event partition; restated for late rows, when automation/stale.py asks for it."""
    table, silver, source = gold_table(report), silver_table(report.source), report.source
    lineage = column_lineage({**{c: [(silver, c)] for c in report.by}, **{m.name: made_of(m, source, silver) for m in report.measures}})
    types = {**{column: source.types[column] for column in report.by}, **{m.name: m.type for m in report.measures}}
    said = {
        "partition": f"the {source.partitions.unit} in which it happened, in {report.timezone}",
        **{m.name: measured(m) for m in report.measures},
    }

    @dg.asset(
        key=list(table),
        deps=[reads(silver)],
        partitions_def=partitions_definition(source.partitions),
        backfill_policy=ONE_RUN,
        code_version=report.version,
        description=f"{report.description}\n\nBy event {source.partitions.unit}, in {report.timezone}.",
        metadata=column_schema({"partition": "date", **types}, said),
        **shown(report, "gold", {"gold", "deltalake", "polars"}),
    )
    def measures(context: dg.AssetExecutionContext, platform: PlatformResource) -> None:
        run = platform.run(context.run_id)
        done = make_report(report, *asked(context, source.partitions), run)
        tell(context, table, done.entries, done, run, source.partitions, lineage)
        done.check()

    return measures

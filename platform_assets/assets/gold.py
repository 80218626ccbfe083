"""Gold: feature views as change logs, and reports."""

import dagster as dg

from platform_assets.assets.columns import Columns, column_lineage, column_schema, made_of
from platform_assets.assets.keys import ONE_RUN, REFRESH, reads, shown
from platform_assets.assets.partitions import asked, partitions_definition
from platform_assets.assets.resource import PlatformResource
from platform_assets.assets.telling import tell
from platform_assets.declare.report import GoldTable
from platform_assets.declare.view import FeatureView
from platform_assets.steps.gold import gold_table, make_change_log, make_report
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

    @dg.asset(
        key=list(table),
        deps=[reads(silver, start=-view.reads_back)],
        partitions_def=partitions_definition(source.partitions),
        backfill_policy=ONE_RUN,
        code_version=view.version,
        automation_condition=REFRESH,
        description=f"{view.description}\n\nA row for each {view.entity.name} whose windows changed.",
        metadata=column_schema({**view.key_types, "partition": "date", "valid_from": "datetime", "is_empty": "bool", **stored}),
        **shown(view, "gold", {"gold", "deltalake", "polars"}),
    )
    def features(context: dg.AssetExecutionContext, platform: PlatformResource) -> None:
        done = make_change_log(view, *asked(context, source.partitions), platform.run(context.run_id))
        tell(context, table, done.entries, done, lineage)
        done.check()

    return features


def report_asset(report: GoldTable) -> dg.AssetsDefinition:
    """<report>/gold: measures by event partition; restated for late rows."""
    table, silver, source = gold_table(report), silver_table(report.source), report.source
    lineage = column_lineage({**{c: [(silver, c)] for c in report.by}, **{m.name: made_of(m, source, silver) for m in report.measures}})
    types = {**{column: source.types[column] for column in report.by}, **{m.name: m.type for m in report.measures}}

    @dg.asset(
        key=list(table),
        deps=[reads(silver)],
        partitions_def=partitions_definition(source.partitions),
        backfill_policy=ONE_RUN,
        code_version=report.version,
        automation_condition=REFRESH,
        description=f"{report.description}\n\nBy event {source.partitions.unit}, in {report.timezone}.",
        metadata=column_schema({"partition": "date", **types}),
        **shown(report, "gold", {"gold", "deltalake", "polars"}),
    )
    def measures(context: dg.AssetExecutionContext, platform: PlatformResource) -> None:
        done = make_report(report, *asked(context, source.partitions), platform.run(context.run_id))
        tell(context, table, done.entries, done, lineage)
        done.check()

    return measures

"""Checkpoints: the states of lifetime windows at the start of months."""

from datetime import timedelta

import dagster as dg

from platform_assets.assets.asset_specs import ONE_RUN, REFRESH, reads, shown
from platform_assets.assets.columns import Columns, column_lineage, column_schema, made_of, meaning, meanings_of_keys
from platform_assets.assets.materialization_events import tell
from platform_assets.assets.partitions import partitions_definition, selected_partitions
from platform_assets.assets.resource import PlatformResource
from platform_assets.declare.checkpoints import entry_delay, months_of, state_columns
from platform_assets.declare.view import FeatureView
from platform_assets.steps.checkpoints import checkpoints_table, make_checkpoints
from platform_assets.steps.layers import Graph
from platform_assets.steps.silver import silver_table

_LONGEST_MONTH, _SHORTEST_MONTH = timedelta(days=31), timedelta(days=28)


def checkpoints_asset(view: FeatureView, graph: Graph) -> dg.AssetsDefinition:
    """<view>/checkpoints: by month, the states of each entity's lifetime windows."""
    table, silver, months = checkpoints_table(view), silver_table(view.source), months_of(view)
    # Counted in months, the unit of the dependency.
    earlier = -(-entry_delay(view) // _SHORTEST_MONTH)
    stored = state_columns(view)
    columns: Columns = {
        **{key: [(silver, column)] for key, column in view.key_columns.items()},
        **{stored[feature.name]: made_of(feature.measure, view.source, silver) for feature in view.lifetime},
    }
    lineage = column_lineage(columns)
    types = {**view.key_types, "partition": "date", **dict.fromkeys(stored.values(), "list of struct")}
    said = {
        **meanings_of_keys(view),
        "partition": "the month that begins with these states",
        **{stored[feature.name]: f"the state of {feature.name}: {meaning(feature)}" for feature in view.lifetime},
    }

    @dg.asset(
        key=list(table),
        deps=[reads(silver, start=-1 - earlier, end=-1), reads(table, start=-1, end=-1)],
        partitions_def=partitions_definition(months, from_their_beginning=True),
        backfill_policy=ONE_RUN,
        code_version=view.version,
        automation_condition=REFRESH,
        description=f"The states of {view.name}'s lifetime windows when a month begins. Gold of its days starts from them.",
        metadata=column_schema(types, said),
        **shown(view, "checkpoints", {"gold", "deltalake", "polars"}),
    )
    def states(context: dg.AssetExecutionContext, platform: PlatformResource) -> None:
        run = platform.run(context.run_id)
        done = make_checkpoints(view, *selected_partitions(context, months), run)
        tell(context, table, done.entries, done, run, months, lineage)
        platform.summary.add(graph, [table], done, run, context.log)
        done.check()

    return states


def read_by_gold(view: FeatureView) -> list[dg.AssetDep]:
    """The inputs of a snapshot: the checkpoint of its month, and silver since then."""
    silver = silver_table(view.source)
    if not view.lifetime:
        return [reads(silver, start=-view.reads_back)]
    since = -(-_LONGEST_MONTH // view.source.partitions.step) + view.source.partitions.most_within(entry_delay(view))
    # For a week in two months the dependency includes the older checkpoint, too, which exists before the one that is read.
    return [reads(silver, start=-max(view.reads_back, since)), reads(checkpoints_table(view))]

"""What the assets of all layers have in common: keys, what they show of themselves, and how a step's outcome is told to Dagster."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from platform_assets.declare.features import Measure
from platform_assets.declare.source import Source
from platform_assets.expressions.types import DataType
from platform_assets.steps.run import Done
from platform_assets.stores.delta import Table
from platform_assets.stores.ledger import Entry

ONE_RUN = dg.BackfillPolicy.single_run()
REFRESH = dg.AutomationCondition.eager().without(dg.AutomationCondition.in_latest_time_window())
"""eager() alone looks only at the newest partition and would drop a restated day."""

Columns = Mapping[str, Sequence[tuple[Table, str]]]
"""Lineage: each column with the columns of other tables that it is made of."""


def key_of(table: Table) -> dg.AssetKey:
    return dg.AssetKey(list(table))


def shown(declaration: Any, layer: str, kinds: set[str], **extra: Any) -> dict[str, Any]:
    """What every asset of a declaration says of itself."""
    return {
        "group_name": declaration.name, "owners": list(declaration.owners), "tags": {**dict(declaration.tags), "layer": layer}, "kinds": kinds, **extra,
    }


def reads(table: Table, start: int = 0, end: int = 0) -> dg.AssetDep:
    """A dependency on the partitions from `start` to `end`, counted from one's own."""
    mapping = dg.TimeWindowPartitionMapping(start_offset=start, end_offset=end, allow_nonexistent_upstream_partitions=True)
    return dg.AssetDep(key_of(table), partition_mapping=mapping)


def column_schema(types: Mapping[str, DataType | str]) -> dict[str, dg.TableSchema]:
    return {"dagster/column_schema": dg.TableSchema([dg.TableColumn(name, dtype) for name, dtype in types.items()])}


def column_lineage(columns: Columns) -> dict[str, dg.TableColumnLineage]:
    lineage = {name: [dg.TableColumnDep(key_of(table), column) for table, column in origins] for name, origins in columns.items()}
    return {"dagster/column_lineage": dg.TableColumnLineage(lineage)}


def made_of(measure: Measure, source: Source, table: Table) -> list[tuple[Table, str]]:
    """The columns of silver that a measure reads."""
    return [(table, column) for column in dict.fromkeys([*measure.reads, source.event_time])]


def facts(entry: Entry, done: Done, table: Table) -> dict[str, Any]:
    """What Dagster shows of a partition that a step wrote or found as it should be."""
    metadata: dict[str, Any] = {"dagster/row_count": entry.rows, "delta_version": entry.delta_version, "status": entry.status}
    if entry.tier:
        metadata["tier"] = entry.tier
    written = done.written.get(table)
    return {**metadata, "dagster/uri": written.uri, "bytes": written.bytes} if written else {**metadata, "unchanged": True}


def tell(context: dg.AssetExecutionContext, table: Table, entries: Mapping[str, Entry], done: Done, more: Mapping[str, Any]) -> None:
    """Records one materialization a partition: when all were made through the step's own result, otherwise event by event."""
    for key, entry in entries.items():
        metadata = {**facts(entry, done, table), **more}
        if done.refused:  # the step will fail: only what is logged as an event of its own stays
            context.log_event(dg.AssetMaterialization(key_of(table), partition=key, metadata=metadata))
        else:
            context.add_asset_metadata(metadata, asset_key=key_of(table), partition_key=key)

"""How a step's outcome is told to Dagster: one materialization a partition."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from platform_assets.assets.keys import key_of
from platform_assets.steps.run import Done
from platform_assets.stores.delta import Table
from platform_assets.stores.ledger import Entry


def facts(entry: Entry, done: Done, table: Table) -> dict[str, Any]:
    """What Dagster shows of a partition that a step wrote or found as it should be."""
    metadata: dict[str, Any] = {"dagster/row_count": entry.rows, "delta_version": entry.delta_version, "status": entry.status}
    if entry.tier:
        metadata["tier"] = entry.tier
    if entry.partition in done.unchanged:
        return {**metadata, "unchanged": True}
    written = done.written[table]
    return {**metadata, "dagster/uri": written.uri, "bytes": written.bytes}


def tell(context: dg.AssetExecutionContext, table: Table, entries: Mapping[str, Entry], done: Done, more: Mapping[str, Any]) -> None:
    """Records one materialization a partition: when all were made through the step's own result, otherwise event by event.

    An entry may be of a partition that the run was not asked for: raw keeps a delivery that arrives now in the newest one.
    """
    asked = set(context.partition_keys)
    for key, entry in entries.items():
        metadata = {**facts(entry, done, table), **more}
        if done.refused or key not in asked:  # if the step will fail, only what is logged as an event of its own stays
            context.log_event(dg.AssetMaterialization(key_of(table), partition=key, metadata=metadata, tags=_tags(context, table)))
        else:
            context.add_asset_metadata(metadata, asset_key=key_of(table), partition_key=key)


def _tags(context: dg.AssetExecutionContext, table: Table) -> dict[str, str]:
    """What Dagster adds by itself only to a step's own result."""
    version = context.assets_def.specs_by_key[key_of(table)].code_version
    return {"dagster/code_version": version} if version else {}

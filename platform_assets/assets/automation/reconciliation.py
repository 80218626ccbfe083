"""Finds ledger entries that were never reported to Dagster, because the run's process died before."""

from collections.abc import Mapping

import dagster as dg

from platform_assets.assets.data_versions import last_materializations
from platform_assets.stores.ledger import Entry


def unreported(instance: dg.DagsterInstance, asset: dg.AssetKey, entries: Mapping[str, Entry], since: int) -> list[Entry]:
    """The entries of partitions that Dagster does not know, or whose last materialization has another Delta version.

    since: entries up to this Delta version were compared earlier. Usually there are no others, and no events are read.
    """
    told = instance.get_materialized_partitions(asset)
    newer = {key for key, entry in entries.items() if key in told and entry.delta_version > since}
    events = last_materializations(instance, asset, newer)
    last = {key: event.metadata["delta_version"].value for key, event in events.items() if "delta_version" in event.metadata}
    return [entry for key, entry in entries.items() if key not in told or (key in newer and last.get(key) != entry.delta_version)]

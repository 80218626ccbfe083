"""What raw keeps and Dagster has not been told: of runs whose process died between the two."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from platform_assets.stores.ledger import Entry

_AT_A_TIME = 1000
"""Events that are read with one query."""


def unreported(instance: dg.DagsterInstance, asset: dg.AssetKey, entries: Mapping[str, Entry], since: int) -> list[Entry]:
    """The entries of partitions that Dagster has never heard of, or whose last materialization is of another Delta version.

    since: the entries up to this Delta version were compared before. Mostly there are no others, and no event is read.
    """
    told = instance.get_materialized_partitions(asset)
    newer = {key for key, entry in entries.items() if key in told and entry.delta_version > since}
    last = _last_versions(instance, asset, newer) if newer else {}
    return [entry for key, entry in entries.items() if key not in told or (key in newer and last.get(key) != entry.delta_version)]


def _last_versions(instance: dg.DagsterInstance, asset: dg.AssetKey, partitions: set[str]) -> dict[str, Any]:
    """The Delta version that the last materialization of each partition tells."""
    ids = list(instance.get_latest_storage_id_by_partition(asset, dg.DagsterEventType.ASSET_MATERIALIZATION, partitions).values())
    versions: dict[str, Any] = {}
    for start in range(0, len(ids), _AT_A_TIME):
        some: Sequence[int] = ids[start : start + _AT_A_TIME]
        for record in instance.fetch_materializations(dg.AssetRecordsFilter(asset, storage_ids=some), limit=_AT_A_TIME).records:
            event = record.asset_materialization
            if event is not None and event.partition is not None and "delta_version" in event.metadata:
                versions[event.partition] = event.metadata["delta_version"].value
    return versions

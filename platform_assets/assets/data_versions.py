"""The data version of a materialization: it identifies the rows. Conditions compare it (asset_specs.REFRESH).

    3f2a... 8c01... 17    the rows that a partition of the table 3f2a... had at Delta version 17, by the declaration 8c01...

A partition that is rematerialized with the same rows, by the same declaration, keeps its data version, so that conditions do not request
its readers. The ledger follows the same rule (steps/staleness.py).
"""

from collections.abc import Collection, Mapping, Sequence, Set

import dagster as dg

from platform_assets.stores.ledger import Entry

TAG = "dagster/data_version"
_AT_A_TIME = 1000
"""The number of events read per query."""


def data_versions(
    instance: dg.DagsterInstance, asset: dg.AssetKey, entries: Mapping[str, Entry], unchanged: Collection[str], identity: str | None
) -> dict[str, str]:
    """The data version of each partition.

    unchanged: partitions that the run did not write. identity: the table's id.
    """
    found = {key: data_version(identity, entry) for key, entry in entries.items()}
    same = {key for key, entry in entries.items() if key in unchanged or entry.rows_since < entry.delta_version}
    told = {key: event.tags.get(TAG, "") for key, event in last_materializations(instance, asset, same).items() if event.tags}
    return found | {key: version for key, version in told.items() if _is_of(version, found[key], entries[key].rows_since)}


def data_version(identity: str | None, entry: Entry) -> str:
    return f"{identity} {entry.declaration_version} {entry.delta_version}"


def newest(versions: Collection[str]) -> str:
    """The data version for a step's own result, which has only one for all partitions: that of the newest rows."""
    return max(versions, key=_delta_version)


def last_materializations(instance: dg.DagsterInstance, asset: dg.AssetKey, partitions: Set[str]) -> dict[str, dg.AssetMaterialization]:
    """The last materialization of each partition that has one."""
    if not partitions:
        return {}
    ids = list(instance.get_latest_storage_id_by_partition(asset, dg.DagsterEventType.ASSET_MATERIALIZATION, set(partitions)).values())
    found: dict[str, dg.AssetMaterialization] = {}
    for start in range(0, len(ids), _AT_A_TIME):
        some: Sequence[int] = ids[start : start + _AT_A_TIME]
        for record in instance.fetch_materializations(dg.AssetRecordsFilter(asset, storage_ids=some), limit=_AT_A_TIME).records:
            event = record.asset_materialization
            if event is not None and event.partition is not None:
                found[event.partition] = event
    return found


def _is_of(told: str, now: str, rows_since: int) -> bool:
    """Whether a reported data version is that of the current rows, of the same table and declaration."""
    return told.rpartition(" ")[0] == now.rpartition(" ")[0] and _delta_version(told) >= rows_since


def _delta_version(version: str) -> int:
    number = version.rpartition(" ")[2]
    return int(number) if number.isdecimal() else -1

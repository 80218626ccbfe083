"""Parts of asset definitions: keys, descriptions, partition dependencies, and automation conditions."""

from typing import Any

import dagster as dg

from platform_assets.stores.delta import Table

ONE_RUN = dg.BackfillPolicy.single_run()
_OTHER_ROWS = dg.AutomationCondition.any_deps_match(
    (dg.AutomationCondition.data_version_changed() & ~dg.AutomationCondition.executed_with_root_target())
    | dg.AutomationCondition.will_be_requested()
).with_label("any_deps_have_other_rows")
REFRESH = (
    dg.AutomationCondition.eager()
    .without(dg.AutomationCondition.in_latest_time_window())
    .replace("any_deps_updated", _OTHER_ROWS)
    .with_label("eager_of_all_partitions")
)
"""Materializes a partition whenever the rows it reads have changed. eager() alone checks only the newest one and would miss a restated day;
and it compares materializations, so rematerializing a day with the same rows would recompute everything downstream (data_versions.py)."""
_COMPLETE = dg.AutomationCondition.missing() & ~dg.AutomationCondition.any_deps_missing()
ONCE = (
    _COMPLETE.newly_true().since(dg.AutomationCondition.newly_requested() | dg.AutomationCondition.newly_updated())
    & dg.AutomationCondition.missing()
    & ~dg.AutomationCondition.any_deps_in_progress()
    & ~dg.AutomationCondition.in_progress()
)
"""Materializes a partition once, when all its inputs exist: a restated day does not retrain old models, which pin what they read."""


def key_of(table: Table) -> dg.AssetKey:
    return dg.AssetKey(list(table))


def shown(declaration: Any, layer: str, kinds: set[str], **extra: Any) -> dict[str, Any]:
    """The arguments that every asset of a declaration has in common."""
    return {
        "group_name": declaration.name,
        "owners": list(declaration.owners),
        "tags": {**dict(declaration.tags), "layer": layer},
        "kinds": kinds,
        **extra,
    }


def reads(table: Table, start: int = 0, end: int = 0) -> dg.AssetDep:
    """A dependency on the partitions from `start` to `end`, relative to the asset's own."""
    mapping = dg.TimeWindowPartitionMapping(start_offset=start, end_offset=end, allow_nonexistent_upstream_partitions=True)
    return dg.AssetDep(key_of(table), partition_mapping=mapping)

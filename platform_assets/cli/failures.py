"""Why the last run of a partition failed, from Dagster's event log."""

import re
from collections.abc import Iterable

import dagster as dg

from platform_assets.assets.asset_specs import key_of
from platform_assets.assets.partitions import partitions_definition
from platform_assets.declare.partitions import Partitions
from platform_assets.stores.tables import Table

_OUR_NAME = re.compile(r"^platform_assets\.errors\.\w+: ")
"""The prefix of our errors, which is removed because the messages are self-explanatory."""
SEE_THE_UI = "see the run in the UI"


def failures(table: Table, partitions: Partitions, indexes: Iterable[int], instance: dg.DagsterInstance) -> dict[int, str]:
    """The error of each of these partitions whose last run failed, in one line."""
    keys = {partitions.key(p): p for p in indexes}
    if not keys:
        return {}
    asset = key_of(table)
    found = instance.get_status_by_partition(asset, list(keys), partitions_definition(partitions)) or {}
    failed = [key for key, status in found.items() if status is not None and status.value == "FAILED"]
    if not failed:
        return {}
    runs = instance.event_log_storage.get_latest_asset_partition_materialization_attempts_without_materializations(asset)
    told: dict[str, list[str]] = {}
    for key in failed:
        run_id, _ = runs.get(key, ("", 0))
        if run_id not in told:
            told[run_id] = _errors(run_id, instance) if run_id else []
    return {keys[key]: _of_partition(told[runs[key][0]] if key in runs else [], key) for key in failed}


def _errors(run_id: str, instance: dg.DagsterInstance) -> list[str]:
    """The lines of a run's errors."""
    events = instance.all_logs(run_id, of_type={dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE})
    data = [one.dagster_event.event_specific_data for one in events if one.dagster_event]
    errors = [error.cause or error for one in data if (error := getattr(one, "error", None))]
    return [_OUR_NAME.sub("", line.strip()) for error in errors for line in error.message.splitlines() if line.strip()]


def _of_partition(lines: list[str], key: str) -> str:
    """The line of a run's errors about a partition; a summary of several partitions lists them in parentheses."""
    own = [line for line in lines if f" {key}" in line]
    return next(iter([*own, *lines]), SEE_THE_UI)

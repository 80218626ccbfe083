"""Run requests of sensors: one run for consecutive partitions, and none while another run of the same assets is unfinished."""

import hashlib
from collections.abc import Collection, Mapping, Sequence

import dagster as dg

from platform_assets.declare.partitions import Partitions
from platform_assets.steps.run import stretches

EVERY = 30
"""Seconds between two evaluations of a sensor."""
MOST = 10
"""Runs that a sensor requests at a time; the rest waits until these have ended."""

_UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
_FIRST, _LAST = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


def unfinished(instance: dg.DagsterInstance, *assets: dg.AssetKey) -> str | None:
    """The id of an unfinished run of one of these assets."""
    for record in instance.get_run_records(dg.RunsFilter(statuses=_UNFINISHED)):
        made = _made_by(instance, record.dagster_run)
        if any(asset in made for asset in assets):
            return record.dagster_run.run_id
    return None


def under_way(instance: dg.DagsterInstance) -> set[dg.AssetKey]:
    """The assets of unfinished or queued runs and backfills."""
    from dagster._core.execution.backfill import BulkActionsFilter, BulkActionStatus  # loading it takes a tenth as long as Dagster itself

    asked = BulkActionsFilter(statuses=[BulkActionStatus.REQUESTED, BulkActionStatus.CANCELING, BulkActionStatus.FAILING])
    runs = (_made_by(instance, record.dagster_run) for record in instance.get_run_records(dg.RunsFilter(statuses=_UNFINISHED)))
    backfills = (backfill.asset_selection or () for backfill in instance.get_backfills(filters=asked))
    return {asset for assets in (*runs, *backfills) for asset in assets}


def _made_by(instance: dg.DagsterInstance, run: dg.DagsterRun) -> Collection[dg.AssetKey]:
    """The assets that a run materializes. A run without a selection materializes all assets of its job, which may have none."""
    if run.asset_selection is not None:
        return run.asset_selection
    if run.execution_plan_snapshot_id is None:
        return ()
    steps = instance.get_execution_plan_snapshot(run.execution_plan_snapshot_id).steps
    return {output.properties.asset_key for step in steps for output in step.outputs if output.properties and output.properties.asset_key}


def waits(run_id: str) -> dg.SensorResult:
    """The sensor result while a run is unfinished."""
    return dg.SensorResult(skip_reason=f"Run {run_id[:8]} has not finished. If its process is gone, terminate it in the list of runs.")


def requests(assets: Sequence[dg.AssetKey], partitions: Partitions, wanted: Mapping[int, str]) -> list[dg.RunRequest]:
    """A run for each range of consecutive partitions; `wanted` identifies what each is requested for, so that nothing runs twice.

    assets: those that a run materializes together.
    """
    return [_request(assets, partitions, wanted, first, last) for first, last in stretches(sorted(wanted))]


def _request(assets: Sequence[dg.AssetKey], partitions: Partitions, wanted: Mapping[int, str], first: int, last: int) -> dg.RunRequest:
    keys = partitions.key(first), partitions.key(last)
    what = hashlib.sha256(" ".join(wanted[p] for p in range(first, last + 1)).encode()).hexdigest()[:16]
    return dg.RunRequest(
        run_key=f"{assets[0].to_user_string()} {keys[0]} {keys[1]} {what}",
        asset_selection=list(assets),
        partition_key=keys[0] if first == last else None,
        tags={} if first == last else {_FIRST: keys[0], _LAST: keys[1]},
    )

"""How sensors ask for runs: a run for consecutive partitions, and none while one of the same assets goes on."""

import hashlib
from collections.abc import Collection, Mapping, Sequence

import dagster as dg

from platform_assets.declare.partitions import Partitions
from platform_assets.steps.run import stretches

EVERY = 30
"""Seconds between two looks of a sensor."""
MOST = 10
"""Runs that a sensor asks for at a time; the rest waits until these have ended."""

_UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
_FIRST, _LAST = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


def unfinished(instance: dg.DagsterInstance, *assets: dg.AssetKey) -> str | None:
    """The id of a run that still makes one of these assets."""
    for record in instance.get_run_records(dg.RunsFilter(statuses=_UNFINISHED)):
        made = _made_by(instance, record.dagster_run)
        if any(asset in made for asset in assets):
            return record.dagster_run.run_id
    return None


def under_way(instance: dg.DagsterInstance) -> set[dg.AssetKey]:
    """The assets that runs or backfills make now, or have been asked to."""
    from dagster._core.execution.backfill import BulkActionsFilter, BulkActionStatus  # a tenth of what Dagster costs to load

    asked = BulkActionsFilter(statuses=[BulkActionStatus.REQUESTED, BulkActionStatus.CANCELING, BulkActionStatus.FAILING])
    runs = (_made_by(instance, record.dagster_run) for record in instance.get_run_records(dg.RunsFilter(statuses=_UNFINISHED)))
    backfills = (backfill.asset_selection or () for backfill in instance.get_backfills(filters=asked))
    return {asset for assets in (*runs, *backfills) for asset in assets}


def _made_by(instance: dg.DagsterInstance, run: dg.DagsterRun) -> Collection[dg.AssetKey]:
    """The assets that a run makes. One without a selection makes all of its job's: of another team's ops those are none."""
    if run.asset_selection is not None:
        return run.asset_selection
    if run.execution_plan_snapshot_id is None:
        return ()
    steps = instance.get_execution_plan_snapshot(run.execution_plan_snapshot_id).steps
    return {output.properties.asset_key for step in steps for output in step.outputs if output.properties and output.properties.asset_key}


def waits(run_id: str) -> dg.SensorResult:
    """The answer while a run goes on."""
    return dg.SensorResult(skip_reason=f"Run {run_id[:8]} has not ended. If its process is gone, end it in the list of runs.")


def requests(assets: Sequence[dg.AssetKey], partitions: Partitions, wanted: Mapping[int, str]) -> list[dg.RunRequest]:
    """A run for each stretch of partitions; `wanted` says of each what it is asked for, so that the same is never run twice.

    assets: those that a run makes together.
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

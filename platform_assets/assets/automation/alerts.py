"""Alerts: what the ledger and Dagster's events say that a person should know, sent by the channels of the settings."""

import logging
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg

from platform_assets.assets.resource import PlatformResource
from platform_assets.assets.silver_checks import ACCEPTED_SHARE
from platform_assets.declare.source import Source
from platform_assets.settings import Settings, load_settings
from platform_assets.steps.alert_channels import channels_of
from platform_assets.steps.alerts import Told, alert, alerts_of, tell
from platform_assets.steps.run import Run
from platform_assets.stores.outbox import Alert, Outbox

SENSOR = "platform_alerts"
_OVERLAP = timedelta(minutes=5)
"""A look begins so long before the last one: what was raised already is not raised again, and what was written slowly is not missed."""
_RUNS_AT_ONCE = 200


def alerts_sensor(sources: Sequence[Source]) -> dg.SensorDefinition:
    """Looks every half minute, and sends. It asks for no run."""

    def look(context: dg.SensorEvaluationContext, platform: PlatformResource) -> dg.SkipReason:
        settings, now = load_settings(), datetime.now(UTC)
        last = datetime.fromisoformat(context.cursor) - _OVERLAP if context.cursor else now - settings.alert_every
        told = look_for_alerts(sources, platform.run("alerts"), context.instance, settings, last, now, context.log)
        context.update_cursor(now.isoformat())
        return dg.SkipReason(said(told))

    return dg.SensorDefinition(
        name=SENSOR,
        evaluation_fn=look,
        asset_selection=dg.AssetSelection.all(),
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tells of partitions that are blocked, MEDIUM or FAILED, of checks of severity error, and of runs that failed.",
    )


def look_for_alerts(
    sources: Sequence[Source],
    run: Run,
    instance: dg.DagsterInstance | None,
    settings: Settings,
    since: datetime,
    now: datetime,
    log: logging.Logger,
) -> Told:
    """Raises what came up since a moment, and sends whatever waits. Times are of the wall clock."""
    found = alerts_of(sources, run, since, now)
    if instance is not None:
        found += list(_of_runs(instance, since, now))
    return tell(found, channels_of(settings), Outbox(run.lake, settings.alert_every), now, log)


def said(told: Told) -> str:
    """What a look did, in a line."""
    failed = f", {len(told.failed)} not sent, tried again later: {told.failed[0]}" if told.failed else ""
    return f"{len(told.raised)} raised, {told.sent} sent{failed}."


def _of_runs(instance: dg.DagsterInstance, since: datetime, now: datetime) -> Iterator[Alert]:
    """Failed checks of severity error, and failed runs."""
    ended = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]
    filters = dg.RunsFilter(statuses=ended, updated_after=since)
    wanted = {dg.DagsterEventType.ASSET_CHECK_EVALUATION, dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE}
    for record in instance.get_run_records(filters, limit=_RUNS_AT_ONCE):
        run = record.dagster_run
        errors = []
        for one in instance.all_logs(run.run_id, of_type=wanted):
            event = one.dagster_event
            if event is None:
                continue
            if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
                yield from _of_check(event.asset_check_evaluation_data, now)
            elif error := getattr(event.event_specific_data, "error", None):
                errors.append((error.cause or error).message.strip())
        if run.status == dg.DagsterRunStatus.FAILURE:
            yield _of_run(run, errors, now)


def _of_check(check: object, now: datetime) -> Iterator[Alert]:
    if not isinstance(check, dg.AssetCheckEvaluation) or check.passed or check.severity != dg.AssetCheckSeverity.ERROR:
        return
    if check.check_name == ACCEPTED_SHARE:
        return  # the ledger says that the partition is blocked
    asset, partition = check.asset_key.to_user_string(), check.partition or ""
    values = ", ".join(f"{name} {value.value}" for name, value in check.metadata.items() if isinstance(value.value, int | float | str))
    text = f"{asset} {partition}: the check {check.check_name} failed. {values[:500]}"
    yield alert(asset, partition, f"check {check.check_name}", text, "ERROR", now)


def _of_run(run: dg.DagsterRun, errors: Sequence[str], now: datetime) -> Alert:
    assets = sorted(key.to_user_string() for key in run.asset_selection or ())
    what = ", ".join(assets[:3]) + (f" and {len(assets) - 3} more" if len(assets) > 3 else "") or run.job_name
    tags = run.tags
    first, last = tags.get("dagster/asset_partition_range_start", ""), tags.get("dagster/asset_partition_range_end", "")
    partition = tags.get("dagster/partition") or (first if first == last else f"{first} to {last}")
    why = (errors or ["see the run in the UI"])[0]
    text = f"Run {run.run_id} of {what} {partition} failed: {why[:2000]}"
    return alert(what, partition, f"run failed: {why.splitlines()[0][:200]}", text, "ERROR", now)

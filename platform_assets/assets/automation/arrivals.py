"""The sensor for raw: requests new deliveries, and an empty partition if a delivery does not arrive in time."""

import json
from dataclasses import asdict

import dagster as dg

from platform_assets.assets.asset_specs import key_of
from platform_assets.assets.automation import requests
from platform_assets.assets.automation.reconciliation import unreported
from platform_assets.assets.data_versions import TAG, data_version
from platform_assets.assets.resource import PlatformResource
from platform_assets.declare.source import Source
from platform_assets.sources.receive import raw_table
from platform_assets.steps.discovery import Memory, NewDeliveries, find_new_deliveries
from platform_assets.steps.run import name_of


def arrivals_sensor(source: Source) -> dg.SensorDefinition:
    """Requests the partitions of <source>/raw that have new deliveries, each only once.

    Partitions that a run wrote to raw before its process died are reported to Dagster here, without another run.
    """
    raw = key_of(raw_table(source))

    @dg.sensor(
        name=f"{source.name}__arrivals",
        asset_selection=[raw],
        minimum_interval_seconds=requests.EVERY,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Receives new deliveries of {source.name}, by the clock of PLATFORM_NOW.",
    )
    def arrivals(context: dg.SensorEvaluationContext, platform: PlatformResource) -> dg.SensorResult:
        if run_id := requests.unfinished(context.instance, raw):
            return requests.waits(run_id)
        run = platform.run("sensor")
        remembered = json.loads(context.cursor or "{}")
        identity, told = remembered.pop("told", ("", -1))
        memory = Memory(**remembered)
        news = find_new_deliveries(source, run, memory, requests.MOST)
        for error in list(news.failed.values())[:3]:  # if a source cannot be reached, all partitions have the same error
            context.log.error(str(error))
        wanted = {p: f"{news.memory.asked[source.partitions.key(p)]} {memory.looked}" for p in news.ready}
        entries = run.ledger.entries(name_of(raw_table(source)))
        before, identity = identity, (run.lake.identity(raw_table(source)) or "") if entries else identity
        is_another_table = bool(before) and before != identity
        if before != identity:
            told = -1  # a recreated table starts again at version 0
        newest = max((entry.delta_version for entry in entries.values()), default=told)
        return dg.SensorResult(
            run_requests=requests.requests([raw], source.partitions, wanted),
            asset_events=[
                dg.AssetMaterialization(
                    raw,
                    partition=entry.partition,
                    metadata={"dagster/row_count": entry.rows, "delta_version": entry.delta_version},
                    tags={TAG: data_version(identity, entry)},
                )
                for entry in (entries.values() if is_another_table else unreported(context.instance, raw, entries, since=told))
            ],
            skip_reason=None if wanted else _said(news),
            cursor=json.dumps({**asdict(news.memory), "told": (identity, newest)}),
        )

    return arrivals


def _said(news: NewDeliveries) -> str:
    return (
        f"The function failed for {len(news.failed)} partitions: {next(iter(news.failed.values()))}"
        if news.failed
        else "No delivery has arrived."
    )

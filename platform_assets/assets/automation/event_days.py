"""Reports by what happened when: the event partitions that newly accepted rows belong to, and only those, are made again."""

import json

import dagster as dg

from platform_assets.assets.automation import requests
from platform_assets.assets.keys import key_of
from platform_assets.assets.resource import PlatformResource
from platform_assets.declare.report import GoldTable
from platform_assets.steps.gold import arrivals_of, gold_table, needed_arrivals
from platform_assets.steps.run import name_of, stretches
from platform_assets.steps.silver import silver_table
from platform_assets.steps.stale import stale_report


def event_days_sensor(report: GoldTable) -> dg.SensorDefinition:
    """Asks for a report's partitions that are missing, or older than silver's rows of them.

    Silver is partitioned by arrival, and any arrival may hold rows of any event day: Dagster's mappings cannot say which, the ledger
    does. Asked for once, a partition is asked for again only when other rows of it have come or it is declared otherwise.
    """
    gold, silver, partitions = key_of(gold_table(report)), silver_table(report.source), report.source.partitions

    @dg.sensor(
        name=f"{report.name}__event_{partitions.unit}s",
        asset_selection=[gold],
        minimum_interval_seconds=requests.EVERY,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Makes the {partitions.unit}s of {report.name} of which {report.source.name} has new rows.",
    )
    def event_days(context: dg.SensorEvaluationContext, platform: PlatformResource) -> dg.SensorResult:
        if run_id := requests.unfinished(context.instance, gold, key_of(silver)):
            return requests.waits(run_id)
        run = platform.run("sensor")
        judged = {partitions.number(key): entry for key, entry in run.ledger.entries(name_of(silver)).items()}
        if not judged:
            return dg.SensorResult(skip_reason=f"Nothing of {report.source.name} is in silver yet.")
        arrivals = arrivals_of(partitions, {entry.partition: entry for entry in judged.values()})
        made = run.ledger.entries(name_of(gold_table(report)))

        def over(partition: int) -> int:
            """What is written over: a declaration that was taken back asks once more for what Dagster has run before."""
            key = partitions.key(partition)
            return made[key].delta_version if key in made else -1

        asked: dict[str, str] = json.loads(context.cursor or "{}")
        remembered: dict[int, str] = {}
        wanted: dict[int, str] = {}
        for partition in stale_report(report, partitions.first, max(judged), run):
            if partition not in judged:
                continue  # what arrives in its own days belongs to it as well
            newest = max(judged[a].delta_version for a in needed_arrivals(report, partition, arrivals) if a in judged)
            what = f"{report.version} {newest}"
            if asked.get(partitions.key(partition)) == what:
                remembered[partition] = what
            else:
                wanted[partition] = what
        wanted = {p: wanted[p] for first, last in stretches(sorted(wanted))[: requests.MOST] for p in range(first, last + 1)}
        return dg.SensorResult(
            run_requests=requests.requests(gold, partitions, {p: f"{what} {over(p)}" for p, what in wanted.items()}),
            skip_reason=None if wanted else "All is made.",
            cursor=json.dumps({partitions.key(p): what for p, what in {**remembered, **wanted}.items()}),
        )

    return event_days

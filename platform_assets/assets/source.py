"""A source's assets: raw, and silver with quarantine."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from platform_assets.assets.checks import Verdict, evaluations, reasons_table
from platform_assets.assets.columns import column_lineage, column_schema
from platform_assets.assets.keys import ONE_RUN, REFRESH, key_of, reads, shown
from platform_assets.assets.partitions import asked, partitions_definition
from platform_assets.assets.resource import PlatformResource
from platform_assets.assets.telling import tell
from platform_assets.declare.source import Source
from platform_assets.sources.receive import raw_table
from platform_assets.steps.raw import make_raw
from platform_assets.steps.run import Done, name_of
from platform_assets.steps.silver import make_silver, quarantine_table, silver_table
from platform_assets.stores.ledger import Entry

NOTHING_LOST, ACCEPTED_SHARE = "nothing_lost", "accepted_share"


def raw_asset(source: Source) -> dg.AssetsDefinition:
    """<source>/raw: what came, by arrival."""
    table = raw_table(source)

    @dg.asset(
        key=list(table),
        partitions_def=partitions_definition(source.partitions),
        backfill_policy=ONE_RUN,
        description=f"{source.description}\n\nAs received, by arrival, delivery by delivery.",
        **shown(source, "raw", {"bronze", "deltalake"}),
    )
    def receive(context: dg.AssetExecutionContext, platform: PlatformResource) -> None:
        done = make_raw(source, *asked(context, source.partitions), platform.run(context.run_id))
        tell(context, table, {**done.entries, **done.unchanged}, done, {})
        done.check()

    return receive


def silver_assets(source: Source) -> dg.AssetsDefinition:
    """<source>/silver and <source>/quarantine, written together."""
    silver, quarantine, raw = silver_table(source), quarantine_table(source), raw_table(source)
    partitions = partitions_definition(source.partitions)
    upstream: dict[str, Any] = {
        "deps": [reads(raw, start=-source.duplicates_within)],
        "partitions_def": partitions,
        "code_version": source.version,
        "automation_condition": REFRESH,
    }
    carried = {"arrival": "date" if source.partitions.unit != "hour" else "datetime", "delivery": "int", "row_number": "int"}
    specs = [
        dg.AssetSpec(
            key_of(silver),
            description=f"{source.description}\n\nAccepted rows, typed, without duplicates, by arrival.",
            **upstream,
            metadata=column_schema({**source.types, **carried}),
            **shown(source, "silver", {"silver", "deltalake", "polars"}),
        ),
        dg.AssetSpec(
            key_of(quarantine),
            description=f"Rows of {source.name} as received that were not accepted, and why, by arrival.",
            **upstream,
            **shown(source, "quarantine", {"deltalake"}),
        ),
    ]
    checks = [
        dg.AssetCheckSpec(
            NOTHING_LOST, asset=key_of(silver), partitions_def=partitions, description="received = accepted + quarantined + duplicates"
        ),
        dg.AssetCheckSpec(
            ACCEPTED_SHARE,
            asset=key_of(silver),
            partitions_def=partitions,
            description=f"At least {source.accepted_share:.0%} of a partition's rows are accepted. Below that it is LOW, readers wait.",
        ),
    ]
    lineage = _lineage(source)

    # can_subset makes the check outputs optional: their events name partitions, and are yielded by ourselves.
    @dg.multi_asset(name=f"{source.name}__silver", specs=specs, check_specs=checks, backfill_policy=ONE_RUN, can_subset=True)
    def judge(context: dg.AssetExecutionContext, platform: PlatformResource) -> Iterator[Any]:
        run = platform.run(context.run_id)
        first, last = asked(context, source.partitions)
        done = make_silver(source, first, last, run)
        aside = {key: entry for key, entry in run.ledger.entries(name_of(quarantine)).items() if key in done.entries}
        for table, entries, more in ((silver, done.entries, lineage), (quarantine, aside, {})):
            if key_of(table) in context.selected_asset_keys:
                tell(context, table, entries, done, more)
        judged = _verdicts(done) if context.selected_asset_check_keys and key_of(silver) in context.selected_asset_keys else []
        if done.refused:  # then this step will fail, but what it wrote is judged
            yield from evaluations(context, silver, judged)
            done.check()
        for table in (silver, quarantine):
            if key_of(table) in context.selected_asset_keys:
                yield dg.MaterializeResult(asset_key=key_of(table))
        yield from evaluations(context, silver, judged)

    return judge


def _lineage(source: Source) -> dict[str, dg.TableColumnLineage]:
    raw = raw_table(source)
    columns = {column: [(raw, column)] for column in source.columns}
    columns |= {flag: [(raw, column) for column in expression.columns] for flag, expression in source.flags.items()}
    return column_lineage(columns)


def _verdicts(done: Done) -> list[Verdict]:
    return [verdict for entry in done.entries.values() for verdict in (_nothing_lost(entry), _accepted(entry))]


def _nothing_lost(entry: Entry) -> Verdict:
    counts = {name: entry.details[name] for name in ("received", "accepted", "quarantined", "duplicates")}
    accepted = 0 if entry.status == "blocked" else counts["accepted"]
    passed = counts["received"] == accepted + counts["quarantined"] + counts["duplicates"]
    return Verdict(
        entry.partition, NOTHING_LOST, passed, {**counts, **{f"flag {flag}": rows for flag, rows in entry.details["flags"].items()}}
    )


def _accepted(entry: Entry) -> Verdict:
    share = {"accepted share": entry.details["accepted_share"], "needed": entry.details["needed_share"]}
    return Verdict(entry.partition, ACCEPTED_SHARE, entry.tier != "LOW", {**share, "reasons": reasons_table(entry.details["reasons"])})

"""A source's assets: raw, and silver with quarantine."""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

from platform_assets.assets.asset_specs import ONE_RUN, REFRESH, key_of, reads, shown
from platform_assets.assets.checks import Verdict, done_with_checks, evaluations, to_judge
from platform_assets.assets.columns import column_lineage, quarantine_schema, source_schema
from platform_assets.assets.markdown import reasons_table
from platform_assets.assets.materialization_events import tell
from platform_assets.assets.partitions import partitions_definition, selected_partitions
from platform_assets.assets.quality_checks import quality_verdicts
from platform_assets.assets.resource import PlatformResource
from platform_assets.assets.silver_checks import silver_checks, verdicts
from platform_assets.assets.summary import blocked_error
from platform_assets.declare.source import Source
from platform_assets.settings import load_settings
from platform_assets.sources.receive import COLUMNS_KEPT_AS, COLUMNS_NOT_DECLARED, LOOKED_FOR, NOTES, raw_table
from platform_assets.steps.figures import count_missing, waiting
from platform_assets.steps.key_checks import key_faults
from platform_assets.steps.layers import Graph
from platform_assets.steps.raw import receive_all
from platform_assets.steps.run import Run, name_of
from platform_assets.steps.silver import ACCEPTED_AS_IT_IS, make_silver, quarantine_table, silver_table
from platform_assets.stores.ledger import Entry
from platform_assets.stores.succession import entries_of_version


def raw_asset(source: Source, graph: Graph) -> dg.AssetsDefinition:
    """<source>/raw: received rows, by arrival."""
    table = raw_table(source)

    @dg.asset(
        key=list(table),
        partitions_def=partitions_definition(source.partitions),
        backfill_policy=ONE_RUN,
        description=f"{source.description}\n\nAs received, by arrival, delivery by delivery.",
        **shown(source, "raw", {"bronze", "deltalake"}),
    )
    def receive(context: dg.AssetExecutionContext, platform: PlatformResource) -> None:
        run = platform.run(context.run_id)
        done = receive_all(source, *selected_partitions(context, source.partitions), run)
        entries = {**done.entries, **done.unchanged}
        tell(context, table, entries, done, run, source.partitions, {}, {key: _came(entry) for key, entry in entries.items()})
        platform.summary.add(graph, [table], done, run, context.log)
        done.check()

    return receive


def _came(entry: Entry) -> dict[str, Any]:
    """Metadata of raw: undeclared columns, columns stored under another name, and where missing files were looked for."""
    told = {COLUMNS_NOT_DECLARED: "columns not declared", LOOKED_FOR: "nothing came, looked for"}
    said = {name: ", ".join(entry.details[detail]) for detail, name in told.items() if detail in entry.details}
    said |= entry.details.get(NOTES, {})
    if names := entry.details.get(COLUMNS_KEPT_AS):
        said["columns kept as"] = ", ".join(f"{came} as {kept}" for came, kept in names.items())
    return said


def silver_assets(source: Source, graph: Graph) -> dg.AssetsDefinition:
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
            metadata=source_schema(source, carried),
            **shown(source, "silver", {"silver", "deltalake", "polars"}),
        ),
        dg.AssetSpec(
            key_of(quarantine),
            description=f"Rows of {source.name} as received that were not accepted, and why, by arrival.",
            **upstream,
            metadata=quarantine_schema(source, carried),
            **shown(source, "quarantine", {"deltalake"}),
        ),
    ]
    lineage = _lineage(source)

    # can_subset makes the check outputs optional: we yield their events ourselves, with partitions.
    @dg.multi_asset(name=f"{source.name}__silver", specs=specs, check_specs=silver_checks(source), backfill_policy=ONE_RUN, can_subset=True)
    def judge(context: dg.AssetExecutionContext, platform: PlatformResource) -> Iterator[Any]:
        run = platform.run(context.run_id)
        if (there := to_judge(context, silver, source.partitions, run)) is not None:
            yield from evaluations(context, silver, _judged(source, there, run, made=False))
            yield from done_with_checks(context)
            return
        done = make_silver(source, *selected_partitions(context, source.partitions), run)
        if (source.when_blocked or load_settings().when_blocked) == "fail":
            done.failure = blocked_error(done.entries.values(), run.module)
        known = entries_of_version(run.lake, run.ledger, quarantine, source.version, source.partitions)
        aside = {key: entry for key, entry in known.items() if key in done.entries}
        for table, entries, more in ((silver, done.entries, lineage), (quarantine, aside, {})):
            tell(context, table, entries, done, run, source.partitions, more, {key: _quality(done.entries[key]) for key in entries})
        platform.summary.add(graph, [silver, quarantine], done, run, context.log)
        judged = []
        if context.selected_asset_check_keys and key_of(silver) in context.selected_asset_keys:
            judged = _judged(source, done.entries, run, made=True)
        if done.fails:  # then this step will fail, but its partitions are checked
            yield from evaluations(context, silver, judged)
            done.check()
        for table in (silver, quarantine):
            if key_of(table) in context.selected_asset_keys:
                yield dg.MaterializeResult(asset_key=key_of(table))
        yield from evaluations(context, silver, judged)
        yield from done_with_checks(context)

    return judge


def _judged(source: Source, entries: Mapping[str, Entry], run: Run, *, made: bool) -> list[Verdict]:
    """The checks of these partitions; with what was made, those of earlier ones that have waited for keys of another source."""
    faults, silver = key_faults(source, [source.partitions.number(key) for key in sorted(entries)], run), name_of(silver_table(source))
    if not source.checks:
        return verdicts(source, entries, run.ledger.entries(silver), faults)
    entries = count_missing(source, entries, run)
    before = {key: entry for key, entry in run.ledger.entries(silver).items() if key not in entries} if made else {}
    completed = count_missing(source, waiting(source, before, run), run)
    now = dict(sorted({**run.ledger.entries(silver), **entries, **completed}.items()))
    return verdicts(source, entries, now, faults) + quality_verdicts(source, completed, now, only="refers_to")


def _lineage(source: Source) -> dict[str, dg.TableColumnLineage]:
    raw = raw_table(source)
    columns = {column: [(raw, column)] for column in source.columns}
    columns |= {flag: [(raw, column) for column in expression.columns] for flag, expression in source.flags.items()}
    return column_lineage(columns)


def _quality(entry: Entry) -> dict[str, Any]:
    """The row counts of a partition: always numbers, so that the UI plots them without gaps."""
    counts: dict[str, Any] = {name: entry.details[name] for name in ("received", "quarantined", "duplicates")}
    if "compared_with" in entry.details:  # of a snapshot
        counts |= {name: entry.details[name] for name in ("unchanged", "removed")}
        counts["compared with"] = entry.details["compared_with"] or "no earlier picture: what has been removed since is not known"
    counts["accepted %"] = round(100 * entry.details["accepted_share"], 1)
    if decision := entry.details.get(ACCEPTED_AS_IT_IS):
        counts["accepted as it is"] = f"by {decision['by']} at {decision['at']}: {decision['why']}"
    return {**counts, "quarantined because": reasons_table(entry.details)} if entry.details["reasons"] else counts

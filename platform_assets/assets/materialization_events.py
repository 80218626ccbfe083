"""Reports a step's outcome to Dagster: one materialization per partition, with useful metadata."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from platform_assets.assets.asset_specs import key_of
from platform_assets.assets.data_versions import TAG, data_versions, newest
from platform_assets.assets.markdown import preview
from platform_assets.assets.markdown import table as figures
from platform_assets.assets.plots import bars, image, long_bars
from platform_assets.declare.partitions import Partitions
from platform_assets.steps.run import Done, Run, name_of, span_of
from platform_assets.stores.delta import Table
from platform_assets.stores.ledger import ROWS_SINCE, Entry
from platform_assets.stores.tables import table_named

ROWS_SHOWN = 5
PARTITIONS_DRAWN = 30
_SKEW, _ADVICE = ": task skew", ": what to change"
SKEW, ADVICE = f"Spark{_SKEW}", f"Spark{_ADVICE}"
"""Suffixes of metadata of steps on Spark, which checks read."""


def tell(
    context: dg.AssetExecutionContext,
    table: Table,
    entries: Mapping[str, Entry],
    done: Done,
    run: Run,
    partitions: Partitions,
    more: Mapping[str, Any],
    each: Mapping[str, Mapping[str, Any]] | None = None,
) -> None:
    """Records one materialization per partition: through the step's own result if all were made, otherwise event by event.

    more: metadata of every partition. each: metadata by partition key. The newest partition also shows its first rows, and the row counts
    of it and the previous ones: once per run, because Dagster keeps all metadata for ever.

    An entry may belong to a partition that was not requested: raw keeps a delivery that arrives now in the newest one. And a
    table may not have been selected: silver and quarantine are always written together.
    """
    asked, chosen = set(context.partition_keys), key_of(table) in context.selected_asset_keys
    # In the successor while a changed declaration is incomplete.
    written = table_named(next(iter(entries.values())).table) if entries else table
    sizes, work = _bytes(written, entries, done, run), _work(run)
    versions = data_versions(context.instance, key_of(table), entries, done.unchanged, run.lake.identity(written))
    own = [version for key, version in versions.items() if chosen and key in asked]
    if own and not done.fails:
        context.set_data_version(key_of(table), dg.DataVersion(newest(own)))
    for key, entry in entries.items():
        metadata = {**facts(entry, done, run.lake.uri(written), sizes.get(key, 0)), **more, **(each or {}).get(key, {})}
        if written != table:
            metadata["waits for"] = "the other partitions of this version of the declaration: until all are made, readers get the old ones"
        if key == max(entries) and table[1] != "model":  # a model's only row has its metrics
            metadata |= _at_a_glance(written, key, run, partitions)
        if key == max(entries):
            metadata |= work
        if done.fails or not chosen or key not in asked:  # if the step fails, only separately logged events are kept
            tags = {**_tags(context, table), TAG: versions[key]}
            context.log_event(dg.AssetMaterialization(key_of(table), partition=key, metadata=metadata, tags=tags))
        else:
            context.add_asset_metadata(metadata, asset_key=key_of(table), partition_key=key)


def facts(entry: Entry, done: Done, uri: str, size: int) -> dict[str, Any]:
    """The metadata of a partition that a step wrote or found up to date."""
    metadata: dict[str, Any] = {"dagster/row_count": entry.rows, "delta_version": entry.delta_version, "status": entry.status}
    if entry.tier:
        metadata["tier"] = entry.tier
    if ROWS_SINCE in entry.details:
        metadata["same rows since"] = f"Delta version {entry.rows_since}: its readers are up to date"
    if entry.partition in done.unchanged:
        return {**metadata, "unchanged": True}
    return {**metadata, "dagster/uri": uri, "bytes": size}


def _bytes(table: Table, entries: Mapping[str, Entry], done: Done, run: Run) -> dict[str, int]:
    """The bytes of the files that were written for each partition."""
    sizes: dict[str, int] = {}
    for version in {entry.delta_version for key, entry in entries.items() if key not in done.unchanged}:
        commit = run.lake.commit(table, version)
        for file in commit.added if commit else ():
            sizes[file.partition or ""] = sizes.get(file.partition or "", 0) + file.bytes
    return sizes


def _at_a_glance(table: Table, key: str, run: Run, partitions: Partitions) -> dict[str, Any]:
    """The first rows of a partition, and a plot of the row counts of the last partitions."""
    by = "arrival" if table[1].partition("/")[0] in ("raw", "silver", "quarantine") else "partition"
    index = partitions.number(key)
    rows = run.lake.scan(table, by=by, span=span_of(partitions, index, index)).head(ROWS_SHOWN).collect()
    known = {other: entry.rows for other, entry in run.ledger.entries(name_of(table)).items() if other <= key}
    last = dict(list(known.items())[-PARTITIONS_DRAWN:])
    drawn = image(bars(last), f"rows of the last {len(last)} partitions")
    return {"first rows": preview(rows), "rows by partition": dg.MetadataValue.md(drawn)}


def _work(run: Run) -> dict[str, Any]:
    """The engines' reports of their work: figures, a plot of the stages, and what to change."""
    told: dict[str, Any] = {}
    for done in run.engines.work_done():
        stages = long_bars({name: longest for name, (longest, _) in done.stages.items()})
        parts = [figures(["", ""], list(done.figures.items())), image(stages, "seconds of the longest task of each stage")]
        advice = "\n".join(f"- {one}" for one in done.advice)
        told[done.engine] = dg.MetadataValue.md("\n\n".join([*parts, advice] if advice else parts))
        told[f"{done.engine}{_SKEW}"] = round(done.skew, 2)
        if advice:
            told[f"{done.engine}{_ADVICE}"] = dg.MetadataValue.md(advice)
    return told


def _tags(context: dg.AssetExecutionContext, table: Table) -> dict[str, str]:
    """Tags that Dagster adds only to a step's own result."""
    version = context.assets_def.specs_by_key[key_of(table)].code_version
    return {"dagster/code_version": version} if version else {}

"""The online store's copy of a feature view."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import dagster as dg

from platform_assets.assets.asset_specs import ONE_RUN, REFRESH, key_of, reads, shown
from platform_assets.assets.checks import Verdict, done_with_checks, evaluations
from platform_assets.assets.columns import column_lineage, column_schema, features_made_of, meanings
from platform_assets.assets.partitions import partitions_definition, selected_partitions
from platform_assets.assets.resource import PlatformResource
from platform_assets.declare.attributes import View
from platform_assets.errors import NotReadyError
from platform_assets.steps.gold import gold_table, online_table

PARITY, COMPLETE = "offline_equals_online", "no_entity_is_missing"


def online_asset(view: View) -> dg.AssetsDefinition:
    """<view>/online: the values as of the watermark; any later partition also repairs an earlier failed one."""
    table, gold, partitions = online_table(view), gold_table(view), view.source.partitions
    lineage = column_lineage({**{key: [(gold, key)] for key in view.entity.keys}, **features_made_of(view)})
    spec = dg.AssetSpec(
        key_of(table),
        deps=[reads(gold)],
        partitions_def=partitions_definition(partitions),
        code_version=view.version,
        automation_condition=REFRESH,
        description=f"{view.description}\n\nThe latest values of each {view.entity.name}, for serving.",
        metadata=column_schema({**view.key_types, **view.served}, meanings(view)),
        **shown(view, "online", {"redis"}),
    )
    checks = [
        dg.AssetCheckSpec(name, asset=key_of(table), partitions_def=partitions_definition(partitions), description=description)
        for name, description in (
            (PARITY, "Sampled entities have the same features in gold and in the store, as of the watermark."),
            (COMPLETE, "All published entities are in the store."),
        )
    ]

    @dg.multi_asset(name=f"{view.name}__online", specs=[spec], check_specs=checks, backfill_policy=ONE_RUN, can_subset=True)
    def serve(context: dg.AssetExecutionContext, platform: PlatformResource) -> Iterator[Any]:
        # Redis and PyArrow take a third as long to load as Dagster itself, and most processes publish nothing.
        from platform_assets.steps.online import compare, counted, described, entities_of, make_online, marks_of, not_online, stale_online

        def judged(keys: Sequence[str], watermark: datetime) -> Iterator[dg.AssetCheckEvaluation]:
            entities = entities_of(view, store)  # first: missing entities are then reported by the following reads
            says = counted(entities, run.now - watermark)
            yield from evaluations(context, table, [Verdict(key, COMPLETE, not entities.lost, says) for key in keys])
            found = compare(view, run, store, watermark)
            says = {
                "entities": found.entities,
                "values": found.values,
                "mismatches": len(found.mismatches),
                "first": "; ".join(found.mismatches[:5]),
            }
            yield from evaluations(context, table, [Verdict(key, PARITY, not found.mismatches, says) for key in keys])

        run, store = platform.run(context.run_id), platform.online()
        if not context.selected_asset_keys:  # only the check: existing values are compared again
            if (marks := marks_of(view, store)) is not None:
                first, last = selected_partitions(context, partitions, newest=marks.watermark)
                keys = [partitions.key(p) for p in range(first, min(last, marks.watermark) + 1)]
                yield from judged(keys, view.valid_from(marks.watermark))
            yield from done_with_checks(context)
            return
        first, last = selected_partitions(context, partitions)
        behind = stale_online(view, partitions.first, partitions.index(run.now), run, store)
        published = make_online(view, run, store)
        watermark = None if published.watermark is None else partitions.index(published.watermark - view.source.data_delay) - 1
        refused = [error for p in range(first, last + 1) if (error := not_online(view, p, watermark))]
        metadata = {**described(published), "watermark": str(published.watermark), **lineage}
        keys = [partitions.key(p) for p in range(first, last + 1 - len(refused))]
        for key in keys:
            if refused:
                context.log_event(dg.AssetMaterialization(key_of(table), partition=key, metadata=metadata))
            else:
                context.add_asset_metadata(metadata, asset_key=key_of(table), partition_key=key)
        # A publication writes all of gold to the store: partitions whose own run failed, or that waited for a gap, are now published, too.
        for p in behind:
            if not first <= p <= last and not not_online(view, p, watermark):
                context.log_event(dg.AssetMaterialization(key_of(table), partition=partitions.key(p), metadata=metadata))
        platform.summary.add_published(table, keys, [partitions.key(p) for p in range(first + len(keys), last + 1)])
        if refused:
            raise NotReadyError(str(refused[0]))
        yield dg.MaterializeResult(asset_key=key_of(table))
        if context.selected_asset_check_keys and published.watermark is not None:
            yield from judged(keys, published.watermark)
        yield from done_with_checks(context)

    return serve

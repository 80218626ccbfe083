"""Checks with one evaluation per partition, even in a range run."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationTargetMaterializationData

from platform_assets.assets.asset_specs import key_of
from platform_assets.assets.partitions import selected_partitions
from platform_assets.declare.partitions import Partitions
from platform_assets.steps.run import Run, name_of
from platform_assets.stores.delta import Table
from platform_assets.stores.ledger import Entry


@dataclass(frozen=True)
class Verdict:
    """The outcome of one check for one partition."""

    partition: str
    check: str
    passed: bool
    metadata: Mapping[str, Any]
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR


def evaluations(context: dg.AssetExecutionContext, table: Table, verdicts: list[Verdict]) -> Iterator[dg.AssetCheckEvaluation]:
    """Check events with their partition, which an AssetCheckResult loses in a range run.

    Each refers to the materialization that it checked: otherwise the check's partition bar stays empty. Yield them after
    the table's result.
    """
    selected = {check.name for check in context.selected_asset_check_keys}
    verdicts = [verdict for verdict in verdicts if verdict.check in selected]
    judged = _newest(context.instance, key_of(table), sorted({verdict.partition for verdict in verdicts}))
    for verdict in verdicts:
        record = judged.get(verdict.partition)  # none for a partition made without Dagster, if only its checks are run
        target = record and AssetCheckEvaluationTargetMaterializationData(
            run_id=record.run_id, storage_id=record.storage_id, timestamp=record.timestamp
        )
        yield dg.AssetCheckEvaluation(
            asset_key=key_of(table),
            check_name=verdict.check,
            passed=verdict.passed,
            partition=verdict.partition,
            metadata=dict(verdict.metadata),
            severity=verdict.severity,
            blocking=False,
            target_materialization_data=target,
        )


def done_with_checks(context: dg.AssetExecutionContext) -> Iterator[dg.Output[None]]:
    """Marks the selected checks as done, as Dagster does after an AssetCheckResult; otherwise it would log them as missing."""
    specs = [spec for spec in context.assets_def.check_specs if spec.key in context.selected_asset_check_keys]
    for spec in specs:
        yield dg.Output(None, output_name=spec.get_python_identifier())


def _newest(instance: dg.DagsterInstance, asset: dg.AssetKey, keys: list[str]) -> dict[str | None, dg.EventLogRecord]:
    """The newest materialization of each of these partitions."""
    if not keys:
        return {}
    records = instance.fetch_materializations(dg.AssetRecordsFilter(asset, asset_partitions=keys), limit=len(keys)).records
    found = {record.partition_key: record for record in reversed(records)}
    for key in keys:
        if key not in found:  # another run has just materialized some of them, too
            for record in instance.fetch_materializations(dg.AssetRecordsFilter(asset, asset_partitions=[key]), limit=1).records:
                found[key] = record
    return found


def to_judge(context: dg.AssetExecutionContext, table: Table, partitions: Partitions, run: Run) -> dict[str, Entry] | None:
    """For a run of checks only, the existing partitions to check again: nothing is materialized. Otherwise None."""
    if context.selected_asset_keys:
        return None
    known = run.ledger.entries(name_of(table))
    first, last = selected_partitions(context, partitions, newest=partitions.number(max(known)) if known else partitions.first)
    wanted = {partitions.key(partition) for partition in range(first, last + 1)}
    return {key: entry for key, entry in known.items() if key in wanted}

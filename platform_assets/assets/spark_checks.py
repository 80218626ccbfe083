"""A check for tables computed by Spark: whether one task took much longer than the others."""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from platform_assets.assets.checks import Verdict, done_with_checks, evaluations
from platform_assets.assets.materialization_events import ADVICE, SKEW
from platform_assets.engines.spark.tuning.queries import SKEWED
from platform_assets.stores.delta import Table

TASK_SKEW = "task_skew"


def skew_check(table: Table, partitions: dg.PartitionsDefinition[Any]) -> dg.AssetChecksDefinition:
    """Warns if the longest task of a stage took more than SKEWED times the median, according to the newest run.

    It is a separate op, so that the steps of tables need not know about it; it materializes nothing.
    """
    spec = dg.AssetCheckSpec(
        TASK_SKEW,
        asset=list(table),
        partitions_def=partitions,
        description=f"On Spark no task takes more than {SKEWED:g} times the median of its stage, among those of a second or more.",
    )

    @dg.multi_asset_check(name="__".join((*table, TASK_SKEW)), specs=[spec])
    def check(context: dg.AssetCheckExecutionContext) -> Iterator[Any]:
        execution = context.op_execution_context
        known = execution.has_partition_key or execution.has_partition_key_range
        keys = list(execution.partition_keys) if known else _newest(execution.instance, spec.asset_key)
        told = _told(execution.instance, spec.asset_key, keys)
        yield from evaluations(execution, table, [_verdict(key, told) for key in keys])  # type: ignore[arg-type]
        yield from done_with_checks(execution)  # type: ignore[arg-type]

    return check


def _newest(instance: dg.DagsterInstance, asset: dg.AssetKey) -> list[str]:
    """The partition that was materialized last, for a run without a partition."""
    records = instance.fetch_materializations(asset, limit=1).records
    return [key for record in records if (key := record.partition_key)]


def _told(instance: dg.DagsterInstance, asset: dg.AssetKey, keys: Sequence[str]) -> dg.AssetMaterialization | None:
    """The materialization of the newest run over these partitions; it covers all stages of that run."""
    if not keys:
        return None
    found = instance.fetch_materializations(dg.AssetRecordsFilter(asset, asset_partitions=list(keys)), limit=len(keys)).records
    said = (record.asset_materialization for record in found)
    return next((one for one in said if one is not None and SKEW in one.metadata), None)


def _verdict(key: str, told: dg.AssetMaterialization | None) -> Verdict:
    if told is None:
        return Verdict(key, TASK_SKEW, True, {"says": "the last run over it was not on Spark, or Spark kept no log", "bound": SKEWED})
    value = told.metadata[SKEW].value
    assert isinstance(value, float | int), "it was written as a number"
    says = f"the longest task of a stage took {value:.1f} times the median" if value > 1 else "no stage has a task that is worth reporting"
    advice = {ADVICE: told.metadata[ADVICE]} if value > SKEWED and ADVICE in told.metadata else {}
    return Verdict(key, TASK_SKEW, value <= SKEWED, {"says": says, "value": value, "bound": SKEWED, **advice}, dg.AssetCheckSeverity.WARN)

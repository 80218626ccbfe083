"""Findings from the figures of a run, and what to change."""

from collections.abc import Iterator
from dataclasses import dataclass

from platform_assets.engines.spark.tuning.advice import PARTITION
from platform_assets.engines.spark.tuning.figures import Figures, Stage
from platform_assets.engines.spark.tuning.queries import SKEWED
from platform_assets.engines.spark.tuning.sizes import GB, MB, megabytes, size


@dataclass(frozen=True)
class Finding:
    """A problem in a run."""

    what: str
    change: str
    """What to do about it."""


def findings(run: Figures) -> list[Finding]:
    """The findings, worst first; empty if there is nothing to change."""
    return [*_skewed(run), *_of_joins(run), *_of_memory(run), *_of_tasks(run)]


def _skewed(run: Figures) -> Iterator[Finding]:
    for stage in run.skewed:
        what = (
            f"{_named(stage)}: the longest of {stage.tasks} tasks took {stage.longest:.1f} s, {stage.skew:.1f} x the median "
            f"({stage.median:.1f} s)"
        )
        if stage.largest > SKEWED * max(stage.middle, 1):
            what += f", with {stage.largest:,} rows against {stage.middle:,.0f}"
            yield Finding(what, "a few keys have most of the rows; platform-assets spark advise TABLE --column KEY shows which")
        else:
            yield Finding(what, "it has no more rows than other tasks: the machine is slow, or busy with other programs")


def _of_joins(run: Figures) -> Iterator[Finding]:
    for name in ("CartesianProduct", "BroadcastNestedLoopJoin"):
        if count := run.joins.get(name):
            yield Finding(
                f"{count} x {name}: every row of one side meets every row of the other", "join on equal keys, and filter after it"
            )


def _of_memory(run: Figures) -> Iterator[Finding]:
    if spilled := int(run.total("spilled")):
        worst = max(run.stages, key=lambda stage: stage.spilled)
        tasks = max(worst.tasks * 2, -(-worst.shuffle_read // PARTITION))
        yield Finding(
            f"{size(spilled)} were spilled to disk because tasks ran out of memory; most in {_named(worst)}",
            f"spark.sql.shuffle.partitions={tasks}, or more memory for each executor",
        )
    worked = sum(stage.median * stage.tasks for stage in run.stages)
    if worked > 10 and run.total("collecting") > 0.1 * worked:
        yield Finding(
            f"{run.total('collecting') / worked:.0%} of the tasks' time is garbage collection",
            f"a larger heap than {size(run.heap_given)}, or fewer cores per executor",
        )
    if run.heap_given >= 4 * GB and 0 < run.heap_used < run.heap_given / 4:
        enough = max(GB, -(-2 * run.heap_used // (256 * MB)) * 256 * MB)
        yield Finding(
            f"at most {size(run.heap_used)} of a heap of {size(run.heap_given)} were used", f"a heap of {megabytes(enough)} is enough"
        )


def _of_tasks(run: Figures) -> Iterator[Finding]:
    if run.failed:
        yield Finding(f"{run.failed} tasks failed and were retried", "the executors' logs say why; most often too little memory")
    few = [stage for stage in run.stages if stage.tasks < run.cores and stage.longest > 10]
    if few:
        worst = max(few, key=lambda stage: stage.longest)
        yield Finding(
            f"{_named(worst)}: {worst.tasks} tasks of up to {worst.longest:.0f} s on {run.cores} cores",
            f"spark.sql.shuffle.partitions of at least {run.cores}; files read in more parts: spark.sql.files.maxPartitionBytes",
        )
    small = [stage for stage in run.stages if stage.tasks > max(8 * run.cores, 32) and stage.median < 0.1]
    if small:
        worst = max(small, key=lambda stage: stage.tasks)
        yield Finding(
            f"{_named(worst)}: {worst.tasks} tasks of {worst.median * 1000:.0f} ms each, most of it starting them",
            f"spark.sql.shuffle.partitions={max(run.cores, worst.tasks // 10)}",
        )


def _named(stage: Stage) -> str:
    return f"stage {stage.number}" + (f" ({stage.name})" if stage.name else "")

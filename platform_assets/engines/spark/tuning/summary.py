"""The figures of a step as shown in its asset's metadata."""

from collections.abc import Sequence

from platform_assets.engines.engine import WorkDone
from platform_assets.engines.spark.tuning.figures import Figures
from platform_assets.engines.spark.tuning.findings import findings
from platform_assets.engines.spark.tuning.sizes import size


def work_of(run: Figures, told: Sequence[str] = ()) -> WorkDone:
    """A readable report of a step that Spark computed. told: the step's own messages, in addition to the figures."""
    tasks = sum(stage.tasks for stage in run.stages)
    worst = max((stage for stage in run.stages if stage.tasks > 1), key=lambda stage: stage.skew * stage.longest, default=None)
    joins = ", ".join(f"{count} x {name}" for name, count in sorted(run.joins.items())) or "none"
    shown = {
        "stages": f"{len(run.stages)} with {tasks:,} tasks" + (f", {run.failed} failed" if run.failed else ""),
        "task skew": "a task alone" if worst is None else f"{worst.skew:.1f} (longest {worst.longest:.1f} s, median {worst.median:.1f} s)",
        "shuffled": f"{size(int(run.total('shuffle_written')))} written, {size(int(run.total('shuffle_read')))} read",
        "spilled to disk": size(int(run.total("spilled"))),
        "joins": joins,
        "read": f"{run.rows:,} rows, {size(int(run.total('bytes')))} in {run.files:,} files",
        "rows a second": f"{run.rows / run.seconds:,.0f}" if run.seconds else "none",
        "CPU": f"{run.total('cpu'):.1f} s in the JVM, {run.python:.1f} s in Python workers; {run.cores} cores, busy {run.busy:.0%} of "
        f"{run.seconds:.1f} s",
        "memory": f"heap {size(run.heap_used)} of {size(run.heap_given)}; Python workers {size(run.python_used)}",
    }
    longest = sorted(run.stages, key=lambda stage: -stage.longest)[:8]
    bars = {f"stage {stage.number}: {stage.name}": (stage.longest, stage.median) for stage in sorted(longest, key=lambda s: s.number)}
    return WorkDone(
        "Spark",
        shown,
        bars,
        max((stage.skew for stage in run.skewed), default=1.0),
        [*told, *(f"{one.what}: {one.change}" for one in findings(run))],
    )

"""The cost of a part of a Spark run, read from the event log that Spark writes for its History Server."""

import json
import re
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from platform_assets.engines.spark.tuning.queries import SKEWED
from platform_assets.engines.spark.tuning.sizes import bytes_of
from platform_assets.errors import EngineError

WORTH_TELLING = 1.0
"""Seconds: skew is reported for stages whose longest task takes at least this long."""

_JOIN = re.compile(
    r"\b(BroadcastHashJoin|SortMergeJoin|ShuffledHashJoin|BroadcastNestedLoopJoin|CartesianProduct|FlatMapCoGroupsInArrow)\b"
)
_SQL = "org.apache.spark.sql.execution.ui.SparkListener"
_ROLLED = re.compile(r"events_(\d+)_")


@dataclass(frozen=True)
class Stage:
    """The successful tasks of a stage."""

    number: int
    name: str
    tasks: int
    longest: float
    """Seconds of the longest task."""
    median: float
    """Seconds of the median task."""
    largest: int
    """Rows read by the task with the most, from files or a shuffle."""
    middle: float
    """Rows of the median task."""
    smallest: int
    """Rows of the task with the fewest."""
    cpu: float
    """CPU seconds of the JVM's tasks, without their Python workers."""
    collecting: float
    """Seconds of garbage collection."""
    rows: int
    """Bytes read from files."""
    bytes: int
    shuffle_read: int
    shuffle_written: int
    spilled: int
    """Bytes spilled to disk."""

    @property
    def skew(self) -> float:
        """The longest task as a multiple of the median task; 1 for a single task."""
        return self.longest / self.median if self.median else 1.0

    @property
    def is_skewed(self) -> bool:
        return self.tasks > 2 and self.longest >= WORTH_TELLING and self.skew > SKEWED


@dataclass(frozen=True)
class Figures:
    """The total cost of some queries."""

    stages: tuple[Stage, ...]
    joins: Mapping[str, int]
    """How often each kind of join occurs in the final plans."""
    files: int
    """Read."""
    seconds: float
    """Seconds from the first task's start to the last one's end."""
    python: float
    """Seconds in Python workers, of all tasks together."""
    cores: int
    """The number of tasks that could have run at once."""
    heap_given: int
    """The heap size of each executor, in bytes."""
    heap_used: int
    """The peak heap usage of an executor, in bytes."""
    python_used: int
    """The peak memory of an executor's Python workers; 0 if Spark does not measure it (it does on Linux)."""
    failed: int
    """Tasks that failed and were retried."""

    @property
    def busy(self) -> float:
        """The share of the cores' time in which tasks ran."""
        worked = sum(stage.median * stage.tasks for stage in self.stages)
        return min(1.0, worked / (self.seconds * self.cores)) if self.seconds and self.cores else 0.0

    @property
    def rows(self) -> int:
        return sum(stage.rows for stage in self.stages)

    @property
    def skewed(self) -> list[Stage]:
        """The stages in which one task took much longer than others, the worst first."""
        return sorted((stage for stage in self.stages if stage.is_skewed), key=lambda stage: -stage.skew)

    def total(self, what: str) -> float:
        """The sum of a figure over all stages."""
        return float(sum(getattr(stage, what) for stage in self.stages))


@dataclass
class _Seen:
    """The events read from a log so far."""

    names: dict[int, str] = field(default_factory=dict)
    described: dict[int, str] = field(default_factory=dict)
    """The job's description, by stage."""
    tasks: dict[int, list[Mapping[str, Any]]] = field(default_factory=dict)
    plans: dict[int, str] = field(default_factory=dict)
    metrics: dict[int, str] = field(default_factory=dict)
    """The names of the SQL metrics in use, by id."""
    counted: Counter[str] = field(default_factory=Counter)
    failed: int = 0
    cores: dict[str, int] = field(default_factory=dict)
    heap_given: int = 0
    heap_used: int = 0
    python_used: int = 0

    def event(self, event: Mapping[str, Any]) -> None:
        if read := _READ.get(event["Event"].removeprefix(_SQL)):
            read(self, event)

    def task_ended(self, event: Mapping[str, Any]) -> None:
        if event["Task Info"]["Failed"] or not event.get("Task Metrics"):
            self.failed += bool(event["Task Info"]["Failed"])
            return
        self.tasks.setdefault(event["Stage ID"], []).append(event)
        for one in event["Task Info"].get("Accumulables", ()):
            if name := self.metrics.get(one["ID"]):
                self.counted[name] += int(one.get("Update") or 0)

    def stage(self, event: Mapping[str, Any]) -> None:
        self.names[event["Stage Info"]["Stage ID"]] = event["Stage Info"]["Stage Name"]

    def plan(self, event: Mapping[str, Any]) -> None:
        self.plans[event["executionId"]] = event["physicalPlanDescription"].partition("== Initial Plan ==")[0]
        self._note(event["sparkPlanInfo"])

    def driver_counts(self, event: Mapping[str, Any]) -> None:
        for number, value in event["accumUpdates"]:
            if name := self.metrics.get(number):
                self.counted[name] += int(value)

    def executor(self, event: Mapping[str, Any]) -> None:
        self.cores[event["Executor ID"]] = event["Executor Info"]["Total Cores"]

    def executor_gone(self, event: Mapping[str, Any]) -> None:
        self.cores.pop(event["Executor ID"], None)

    def job(self, event: Mapping[str, Any]) -> None:
        if told := (event.get("Properties") or {}).get("spark.job.description"):
            self.described |= dict.fromkeys(event["Stage IDs"], told)

    def given(self, event: Mapping[str, Any]) -> None:
        settings = event["Spark Properties"]
        is_local = settings.get("spark.master", "").startswith("local")
        self.heap_given = bytes_of(settings.get("spark.driver.memory" if is_local else "spark.executor.memory", "1g"))

    def memory(self, event: Mapping[str, Any]) -> None:
        for one in event.get("Executor Metrics Updated", ()):
            self.heap_used = max(self.heap_used, one["Executor Metrics"]["JVMHeapMemory"])
            self.python_used = max(self.python_used, one["Executor Metrics"]["ProcessTreePythonRSSMemory"])

    def _note(self, plan: Mapping[str, Any]) -> None:
        for metric in plan["metrics"]:
            if metric["name"] in ("number of files read", "time to run Python workers"):
                self.metrics[metric["accumulatorId"]] = metric["name"]
        for child in plan["children"]:
            self._note(child)

    def figures(self) -> Figures:
        stages = tuple(
            _stage(number, self.described.get(number) or self.names.get(number, ""), tasks) for number, tasks in sorted(self.tasks.items())
        )
        joins = Counter(name for plan in self.plans.values() for name in _JOIN.findall(_tree(plan)))
        times = [(one["Task Info"]["Launch Time"], one["Task Info"]["Finish Time"]) for tasks in self.tasks.values() for one in tasks]
        seconds = (max(end for _, end in times) - min(start for start, _ in times)) / 1000 if times else 0.0
        return Figures(
            stages,
            dict(joins),
            self.counted["number of files read"],
            seconds,
            self.counted["time to run Python workers"] / 1000,
            sum(self.cores.values()),
            self.heap_given,
            self.heap_used,
            self.python_used,
            self.failed,
        )

    def after(self) -> "_Seen":
        """The state that remains after a report: the executors, without their work."""
        return _Seen(cores=dict(self.cores), heap_given=self.heap_given)


_READ: dict[str, Callable[[_Seen, Mapping[str, Any]], None]] = {
    "SparkListenerTaskEnd": _Seen.task_ended,
    "SparkListenerStageSubmitted": _Seen.stage,
    "SQLExecutionStart": _Seen.plan,
    "SQLAdaptiveExecutionUpdate": _Seen.plan,
    "DriverAccumUpdates": _Seen.driver_counts,
    "SparkListenerExecutorAdded": _Seen.executor,
    "SparkListenerExecutorRemoved": _Seen.executor_gone,
    "SparkListenerEnvironmentUpdate": _Seen.given,
    "SparkListenerJobStart": _Seen.job,
    "SparkListenerExecutorMetricsUpdate": _Seen.memory,
}


def _tree(plan: str) -> str:
    """The operators of a plan, without their details."""
    return plan.partition("\n\n\n")[0]


def _stage(number: int, name: str, tasks: list[Mapping[str, Any]]) -> Stage:
    seconds = [(one["Task Info"]["Finish Time"] - one["Task Info"]["Launch Time"]) / 1000 for one in tasks]
    metrics = [one["Task Metrics"] for one in tasks]
    read = [one["Shuffle Read Metrics"] for one in metrics]
    rows = [one["Input Metrics"]["Records Read"] + shuffled["Total Records Read"] for one, shuffled in zip(metrics, read, strict=True)]
    return Stage(
        number,
        name,
        len(tasks),
        max(seconds),
        statistics.median(seconds),
        max(rows),
        statistics.median(rows),
        min(rows),
        sum(one["Executor CPU Time"] for one in metrics) / 1e9,
        sum(one["JVM GC Time"] for one in metrics) / 1000,
        sum(one["Input Metrics"]["Records Read"] for one in metrics),
        sum(one["Input Metrics"]["Bytes Read"] for one in metrics),
        sum(one["Local Bytes Read"] + one["Remote Bytes Read"] for one in read),
        sum(one["Shuffle Write Metrics"]["Shuffle Bytes Written"] for one in metrics),
        sum(one["Disk Bytes Spilled"] for one in metrics),
    )


class EventLog:
    """The log of an application, which may still be running: each read continues where the last one ended."""

    def __init__(self, place: Path) -> None:
        """place: the log file, or the folder of a log written in parts.

        Raises:
            EngineError: there is none, or it is compressed.
        """
        if not place.exists():
            raise EngineError(f"there is no event log {place}. Spark writes one into spark.eventLog.dir, if spark.eventLog.enabled=true.")
        self.place, self._seen = place, _Seen()
        self._read: dict[Path, int] = {}

    def since(self) -> Figures:
        """The figures since the last call."""
        for line in self._lines():
            self._seen.event(json.loads(line))
        found, self._seen = self._seen.figures(), self._seen.after()
        return found

    def _lines(self) -> Iterator[bytes]:
        for file in self._files():
            if file.suffix in (".zstd", ".lz4", ".snappy", ".lzf"):
                raise EngineError(f"{file} is compressed: have it written uncompressed, with spark.eventLog.compress=false.")
            with file.open("rb") as log:
                log.seek(self._read.get(file, 0))
                for line in log:
                    if not line.endswith(b"\n"):  # Spark is still writing it
                        break
                    self._read[file] = self._read.get(file, 0) + len(line)
                    yield line

    def _files(self) -> Iterable[Path]:
        if not self.place.is_dir():
            return [self.place]
        parts = {file: int(number[1]) for file in self.place.iterdir() if (number := _ROLLED.match(file.name))}
        return sorted(parts, key=parts.__getitem__)


def log_of(folder: Path, application: str) -> Path | None:
    """The log of an application, if it writes one. application: its id."""
    names = (f"eventlog_v2_{application}", f"{application}.inprogress", application)
    return next((folder / name for name in names if (folder / name).exists()), None)

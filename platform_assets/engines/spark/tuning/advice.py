"""Derives a Spark configuration from rows, bytes and machines, each value with its reason and its source."""

import os
from collections.abc import Iterator
from dataclasses import dataclass

from platform_assets.engines.spark.tuning.sizes import GB, MB, megabytes, size
from platform_assets.errors import EngineError

_TUNING = "https://spark.apache.org/docs/latest/tuning.html"
_SQL = "https://spark.apache.org/docs/latest/sql-performance-tuning.html"
_CONFIGURATION = "https://spark.apache.org/docs/latest/configuration.html"
_MEASURED = "docs/adr/0040-what-spark-is-given.md"

EXPANSION = 4
"""Rows in a task's memory take about this many times the bytes of their compressed Parquet files (ADR 40)."""
PARTITION = 128 * MB
"""The bytes of shuffled rows for one task."""
CORES_OF_AN_EXECUTOR = 4
LARGEST_HEAP = 31 * GB
"""Above this, pointers take 8 bytes instead of 4: 32 GB hold less than 31."""
PYTHON = GB
"""The memory of a task's Python worker with one bucket of rows and a dozen features."""


@dataclass(frozen=True)
class Workload:
    """The rows that a step reads and computes at once."""

    rows: int
    bytes: int
    """The compressed size of their files."""

    @property
    def shuffled(self) -> int:
        """Bytes shuffled between two stages."""
        return self.bytes * EXPANSION


UNKNOWN = Workload(rows=10_000_000, bytes=500 * MB)
"""The assumed workload of a session whose actual workload is not yet known."""


@dataclass(frozen=True)
class Machines:
    """Machines of one kind."""

    cores: int
    """Of each."""
    memory: int
    """Memory of each, in bytes."""
    workers: int | None = None
    """The number of machines for executors. None: only this machine, with driver and tasks in one JVM."""

    @staticmethod
    def here() -> "Machines":
        """This machine, or the part of it that this process may use."""
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        try:  # a container's limit
            with open("/sys/fs/cgroup/memory.max") as limit:
                memory = min(memory, int(limit.read()))
        except (OSError, ValueError):
            pass
        return Machines(cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1, memory=memory)


@dataclass(frozen=True)
class Advice:
    """One setting of Spark."""

    setting: str
    value: str
    reason: str
    source: str
    """The source that explains the reason or measures it."""


@dataclass(frozen=True)
class Executors:
    """How machines are divided into executors."""

    a_machine: int
    count: int
    """The number of executors on all machines."""
    cores: int
    """Of each."""
    heap: int
    overhead: int
    """Memory besides the heap: Python workers, network buffers, the JVM itself."""

    @property
    def tasks(self) -> int:
        """At once."""
        return self.count * self.cores


def advise(work: Workload, machines: Machines) -> list[Advice]:
    """A configuration for one step's rows on some machines.

    Raises:
        EngineError: the machines have too little memory for one task; it names the minimum.
    """
    return (
        [*_of_this_machine(work, machines), *_of_queries(work, _here(machines))]
        if machines.workers is None
        else _of_a_cluster(work, machines)
    )


def executors(machines: Machines) -> Executors:
    """The executors that fit on the machines: a few cores each, a heap below 31 GB, memory for as many Python workers as cores."""
    if machines.workers is None:
        return _here(machines)
    cores = machines.cores - 1 if machines.cores > CORES_OF_AN_EXECUTOR else machines.cores
    memory = machines.memory - max(GB, machines.memory // 16)
    each = min(CORES_OF_AN_EXECUTOR, cores)
    a_machine = max(1, cores // each)
    own = memory // a_machine
    overhead = max(384 * MB, each * PYTHON, own // 10)
    heap = min(own - overhead, LARGEST_HEAP)
    if heap < GB:
        raise _too_little(machines, a_machine * (each * PYTHON + GB) + GB)
    return Executors(a_machine, a_machine * machines.workers, each, heap, overhead)


def _here(machines: Machines) -> Executors:
    python = machines.cores * PYTHON
    rest = machines.memory - python - GB  # for the system
    if rest < GB:
        raise _too_little(machines, python + 2 * GB)
    return Executors(1, 1, machines.cores, min(rest, max(GB, machines.cores * 4 * GB), LARGEST_HEAP), python)


def _too_little(machines: Machines, needed: int) -> EngineError:
    return EngineError(
        f"{machines.cores} cores with {size(machines.memory)} of memory are too little for Spark: each core's task needs 1 GB in Python, "
        f"and the JVM at least 1 GB, {size(needed)} in all. Give it more memory or fewer cores, or compute with PLATFORM_ENGINE=polars."
    )


def _of_this_machine(work: Workload, machines: Machines) -> Iterator[Advice]:
    given = _here(machines)
    yield Advice("spark.master", f"local[{machines.cores}]", "tasks on all cores of this machine", _CONFIGURATION)
    reason = f"{size(machines.memory)} minus 1 GB for the system and 1 GB for each core's Python worker; at most 4 GB per core"
    yield Advice("spark.driver.memory", megabytes(given.heap), reason, _MEASURED)
    yield Advice("spark.dynamicAllocation.enabled", "false", "there is one executor, this process", _CONFIGURATION)


def _of_a_cluster(work: Workload, machines: Machines) -> list[Advice]:
    most = executors(machines)
    needed = max(1, min(most.count, -(-partitions(work, 1) // (2 * most.cores))))
    given = Executors(most.a_machine, needed, most.cores, most.heap, most.overhead)
    reason = f"of {most.count} that fit on {machines.workers} machines with {machines.cores} cores: "
    if needed < most.count:
        reason += f"{size(work.shuffled)} of shuffled rows are {partitions(work, 1)} tasks of {size(PARTITION)}, two for each core"
    else:
        reason += "all, since there are enough rows"
    found = [Advice("spark.executor.instances", f"{needed}", reason, _TUNING)]
    cores = "tasks of one executor share broadcast rows and connections; more than 5 wait for one another's reads and garbage collections"
    found.append(Advice("spark.executor.cores", f"{given.cores}", cores, _TUNING))
    a_machine = "one executor" if most.a_machine == 1 else f"{most.a_machine} executors"
    heap = f"a machine's {size(machines.memory)}, minus a sixteenth for the system, for {a_machine}, minus the overhead; never above 31 GB"
    found.append(Advice("spark.executor.memory", megabytes(given.heap), heap, _TUNING))
    overhead = "Python workers are outside the heap: 1 GB for each core, with a bucket of rows as an Arrow table"
    found.append(Advice("spark.executor.memoryOverhead", megabytes(given.overhead), overhead, _MEASURED))
    if needed < most.count:
        grows = f"grows to {most.count} executors when tasks wait, and releases idle ones"
        found.append(Advice("spark.dynamicAllocation.enabled", "true", grows, f"{_CONFIGURATION}#dynamic-allocation"))
        found.append(Advice("spark.dynamicAllocation.maxExecutors", f"{most.count}", "what fits on the machines", _CONFIGURATION))
        kept = "executors whose shuffled rows are still read are kept, without an external shuffle service"
        found.append(Advice("spark.dynamicAllocation.shuffleTracking.enabled", "true", kept, _CONFIGURATION))
    else:
        found.append(Advice("spark.dynamicAllocation.enabled", "false", "all executors have work from the first task on", _CONFIGURATION))
    return [*found, *_of_queries(work, given)]


def _of_queries(work: Workload, given: Executors) -> Iterator[Advice]:
    tasks = partitions(work, given.tasks)
    reason = f"{size(work.shuffled)} of shuffled rows, {size(PARTITION)} for a task, and at least one for each of {given.tasks} cores"
    yield Advice("spark.sql.shuffle.partitions", f"{tasks}", reason, _SQL)
    broadcast = threshold(given)
    reason = f"a table that each executor can hold in a fiftieth of its heap of {size(given.heap)}; from 10 to 256 MB"
    yield Advice("spark.sql.autoBroadcastJoinThreshold", f"{broadcast}", reason, f"{_SQL}#other-configuration-options")
    if work.rows < 1_000_000 and given.count == 1:
        reason = "replanning a query after each stage costs more than processing so few rows"
        yield Advice("spark.sql.adaptive.enabled", "false", reason, _MEASURED)
    else:
        reason = "joins small tables by broadcast, merges small tasks and splits large ones, based on what the previous stage wrote"
        yield Advice("spark.sql.adaptive.enabled", "true", reason, f"{_SQL}#adaptive-query-execution")
        reason = "a task of a join that is 5 times the median and above 256 MB is split"
        yield Advice("spark.sql.adaptive.skewJoin.enabled", "true", reason, f"{_SQL}#optimizing-skew-join")
    reason = "for cached or transferred objects; rows of tables and Arrow have their own formats"
    yield Advice("spark.serializer", "org.apache.spark.serializer.KryoSerializer", reason, f"{_TUNING}#data-serialization")


def partitions(work: Workload, tasks: int) -> int:
    """The number of shuffle partitions: PARTITION bytes each, and a multiple of the tasks that run at once."""
    needed = max(1, -(-work.shuffled // PARTITION))
    return -(-needed // tasks) * tasks


def threshold(given: Executors) -> int:
    """The maximum file size of a table that is broadcast to all executors."""
    return max(10 * MB, min(256 * MB, given.heap // 50))

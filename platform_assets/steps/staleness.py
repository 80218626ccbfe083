"""Compares a table with its inputs: which partitions are stale, why, and whether they can be computed now."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from platform_assets.declare.partitions import Partitions
from platform_assets.steps.run import Run, name_of
from platform_assets.stores.delta import Table
from platform_assets.stores.ledger import Entry
from platform_assets.stores.succession import succession

MISSING, OTHERWISE, OLDER = "missing", "declaration changed", "older than its inputs"

Needed = Mapping[Table, Sequence[int]]
"""The partitions of other tables that a partition reads."""


@dataclass(frozen=True)
class Reads:
    """An input table."""

    table: Table
    partitions: Partitions
    version: str | None
    """The current declaration version: partitions of other versions are not read. None: any version, as for raw."""
    blocked_too: bool = False
    """Whether a blocked partition can be read: for a state it means that there are no updates."""


@dataclass(frozen=True)
class Plan:
    """What is known about input tables beyond their current ledger entries."""

    waiting: Mapping[Table, Collection[int]] = field(default_factory=dict)
    """Stale partitions: their readers cannot be computed now."""
    made: Mapping[Table, Collection[int]] = field(default_factory=dict)
    """Partitions that will be computed first, so their readers can be computed after them."""
    as_made: bool = False
    """Whether existing readers of these already count as stale: they will be, once these are computed."""


NOTHING_PLANNED = Plan()


@dataclass(frozen=True)
class WaitsFor:
    """The first partition of an input table that cannot be read."""

    table: Table
    partitions: Partitions
    partition: int
    why: str
    """The text after "which is"."""


@dataclass(frozen=True)
class StalePartition:
    """A stale partition."""

    why: str
    """MISSING, OTHERWISE or OLDER."""
    can_be: bool
    """Whether a run would change anything: all inputs exist, have the current declaration version and are not stale. Or an input is
    newly blocked: then the run blocks this one, too."""
    of: str
    """The state of its inputs: if it has not changed, a new run ends like the last one."""
    is_taken_back: bool = False
    """Whether it exists, and one of its inputs has since been blocked: a run blocks it, too."""
    waits_for: WaitsFor | None = None
    """The input it waits for."""


def stale_partitions(
    table: Table,
    partitions: Partitions,
    version: str,
    needed: Mapping[int, Needed],
    reads: Sequence[Reads],
    run: Run,
    plan: Plan,
    *,
    is_withdrawn: bool = False,
) -> dict[int, StalePartition]:
    """The stale partitions of a table.

    Args:
        needed: what each partition reads.
        reads: the tables that it reads.
        plan: what else is known about their partitions.
        is_withdrawn: whether a run blocks an existing partition if one of its inputs has since been blocked.
    """
    own, found = _own(table, partitions, version, run), dict[int, StalePartition]()
    upstream = [_Upstream.of(one, run, plan) for one in reads]
    for partition, of in needed.items():
        entry = own.get(partitions.key(partition))
        taken_back = is_withdrawn and entry is not None and entry.status == "ok" and any(u.is_blocked(of[u.table]) for u in upstream)
        # A withdrawn partition keeps its Delta version: its readers would not seem older.
        if why := _why(entry, version, of, upstream) or (OLDER if taken_back else None):
            can_be = all(one.can_be_read(of[one.table]) for one in upstream)
            seen = " ".join(f"{one.newest(of[one.table])}" for one in upstream)
            waits_for = None if can_be else next(lacking for one in upstream if (lacking := one.lacking(of[one.table])))
            at = f"{version} {seen} {entry.delta_version if entry else -1}"
            found[partition] = StalePartition(why, can_be or taken_back, at, taken_back, waits_for)
    return found


def _own(table: Table, partitions: Partitions, version: str, run: Run) -> dict[str, Entry]:
    """The entries of a table, or of its successor where one exists.

    If the successor is complete, a run died before the table adopted it: one partition counts as stale, and its run completes the
        succession.
    """
    entries, beside = run.ledger.entries(name_of(table)), succession(run.lake, run.ledger, table, version, partitions)
    if beside is None:
        return entries
    made = dict(beside.made)
    if not beside.remaining:
        del made[max((key for key in made if key in entries), key=lambda key: (made[key].status == "ok", key))]
    return {**entries, **made}


def _why(entry: Entry | None, version: str, of: Needed, upstream: Sequence["_Upstream"]) -> str | None:
    if entry is None or entry.damage:
        return MISSING
    if entry.declaration_version != version:
        return OTHERWISE
    return OLDER if any(one.is_newer(entry, of[one.table]) for one in upstream) else None


_ABSENT, _BLOCKED, _GOOD = 0, 1, 2
_TO_COME = np.iinfo(np.int64).max
"""The Delta version of planned partitions: later than any that has been read."""


@dataclass(frozen=True)
class _Upstream:
    """The ledger's entries of an input table as arrays from its first partition on, so that whole windows are checked at once."""

    reads: Reads
    identity: str | None
    versions: np.ndarray
    """The Delta versions since which partitions have their rows; -1 if a partition is absent."""
    states: np.ndarray

    entries: Mapping[int, Entry]
    waiting: Collection[int]

    @staticmethod
    def of(reads: Reads, run: Run, plan: Plan) -> "_Upstream":
        entries = {reads.partitions.number(key): entry for key, entry in run.ledger.entries(name_of(reads.table)).items()}
        waiting, made = plan.waiting.get(reads.table, ()), plan.made.get(reads.table, ())
        first = reads.partitions.first
        size = max(max(entries, default=first - 1), max(made, default=first - 1)) - first + 1
        versions, states = np.full(max(size, 0), -1, np.int64), np.full(max(size, 0), _ABSENT, np.int8)
        for index, entry in entries.items():
            if index < first:  # from before `start` was moved
                continue
            versions[index - first] = entry.rows_since
            if index not in waiting and not entry.damage and reads.version in (None, entry.declaration_version):
                states[index - first] = _BLOCKED if entry.status == "blocked" and not reads.blocked_too else _GOOD
        for index in made:
            states[index - first] = _GOOD
            if plan.as_made:
                versions[index - first] = _TO_COME
        return _Upstream(reads, run.lake.identity(reads.table), versions, states, entries, waiting)

    @property
    def table(self) -> Table:
        return self.reads.table

    def newest(self, needed: Sequence[int]) -> int:
        """The newest Delta version of these partitions; -1 if none exists."""
        return int(self._at(self.versions, needed).max(initial=-1))

    def is_newer(self, entry: Entry, needed: Sequence[int]) -> bool:
        """Whether one of these partitions is newer than what the entry's step read, or belongs to a recreated table."""
        newest, name = self.newest(needed), name_of(self.table)
        if newest >= 0 and entry.details.get("read_from", {}).get(name) != self.identity:
            return True
        return newest > int(entry.details["read"].get(name, -1))

    def can_be_read(self, needed: Sequence[int]) -> bool:
        """Whether all of these exist and are readable, as far as they are partitions of the source."""
        states = self._at(self.states, needed)
        return states.size == len(self._there(needed)) and bool((states == _GOOD).all())

    def lacking(self, needed: Sequence[int]) -> WaitsFor | None:
        """The first of these that cannot be read; None if all can."""
        first = self.reads.partitions.first
        for index in self._there(needed):
            if index - first >= self.states.size or self.states[index - first] != _GOOD:
                return WaitsFor(self.table, self.reads.partitions, index, self._state(index))
        return None

    def _state(self, index: int) -> str:
        entry = self.entries.get(index)
        if entry is None:
            return MISSING
        if entry.damage:
            return "damaged"
        if index in self.waiting:
            return "stale"
        return OTHERWISE if self.reads.version not in (None, entry.declaration_version) else entry.status

    def is_blocked(self, needed: Sequence[int]) -> bool:
        """Whether all of these exist, and one of them is blocked."""
        states = self._at(self.states, needed)
        there = states.size == len(self._there(needed)) and bool((states != _ABSENT).all())
        return there and bool((states == _BLOCKED).any())

    def _there(self, needed: Sequence[int]) -> Sequence[int]:
        """Those that are partitions of the source, which has a first and may have a last one."""
        first, last = self.reads.partitions.first, self.reads.partitions.last
        if isinstance(needed, range):
            return range(max(needed.start, first), needed.stop if last is None else min(needed.stop, last + 1))
        return [index for index in needed if first <= index and (last is None or index <= last)]

    def _at(self, values: np.ndarray, needed: Sequence[int]) -> np.ndarray:
        there, first = self._there(needed), self.reads.partitions.first
        if isinstance(there, range):
            return values[there.start - first : max(there.stop, there.start) - first]
        return values[[index - first for index in there if index - first < values.size]]

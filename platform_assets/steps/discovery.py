"""Discovers new deliveries of a source.

Files are checked every time by name, size and modification time. They are read only if these differ from what raw was made from, to
distinguish a corrected file from one that was merely copied again; or if a function reads one file's rows before it asks for another and
nothing has been received yet. A function that reads anything else must be called, and is called less and
less often: whenever a partition's age has grown by a tenth, about a hundred times in its first week and forty in the following year.
"""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from platform_assets.declare.source import Source
from platform_assets.errors import PlatformError, is_failure
from platform_assets.sources.arrival import Shared
from platform_assets.sources.probe import Seen, probe, read_through
from platform_assets.sources.receive import FILES, is_new_delivery, raw_table
from platform_assets.steps.run import Run, name_of
from platform_assets.stores.ledger import Entry

EMPTY, CALLED, FAILED = "empty", "called", "failed"
"""States remembered for a partition besides its files: it was requested as empty; a function returned something (followed by the
Delta version that raw had of it); a function failed."""

SECONDS = 20.0
"""The seconds after which a scan stops, to continue the next time: Dagster limits a sensor to a minute."""


@dataclass(frozen=True)
class Memory:
    """The state kept between scans. It is small, because Dagster stores a copy of it for each scan."""

    looked: str | None = None
    """When the last complete scan began, by the platform's clock."""
    began: str | None = None
    """When the unfinished scan began, and the partition at which it continues."""
    at: int | None = None
    calls: bool = False
    """Whether the function reads anything other than files."""
    asked: Mapping[str, str] = field(default_factory=dict)
    """By partition key, what was requested and is not in raw, and since when: different files are requested at once, the same ones
    again with increasing intervals."""


@dataclass(frozen=True)
class NewDeliveries:
    """The result of a scan."""

    ready: list[int]
    """Partitions to receive, ascending."""
    failed: Mapping[str, PlatformError]
    """Partitions whose function failed. It is called again for them later."""
    memory: Memory


def find_new_deliveries(source: Source, run: Run, memory: Memory, stretches: int, *, seconds: float = SECONDS) -> NewDeliveries:
    """Scans the partitions that have ended, newest first.

    A partition is ready if something was delivered that is not in raw, or if nothing was and its end + empty_after has passed. After that
    it counts as requested. It is ready again as soon as its files change. If they do not, and the delivery is still not in raw, the
    requested run has failed or died: it is ready again after ten minutes, then after twice that time, and so on; for a function that
    reads anything else, when its age has doubled.

    Args:
        stretches: the scan stops when it has found this many ranges of consecutive partitions, to continue the next time.
        seconds: it also stops after this time.
    """
    partitions, look = source.partitions, _Look(source, run, memory)
    newest = partitions.index(min(run.now, datetime.now(UTC))) - 1  # Dagster has no partitions in the future
    newest = newest if partitions.last is None else min(newest, partitions.last)
    began = memory.began if memory.at is not None else run.now.isoformat(timespec="seconds")
    stop, found = time.monotonic() + seconds, 0
    for partition in range(newest if memory.at is None else memory.at, partitions.first - 1, -1):
        begins = partition + 1 not in look.ready
        if time.monotonic() > stop or (found == stretches and begins):
            return look.news(replace(memory, began=began, at=partition))
        found += look.at(partition) and begins
    return look.news(Memory(looked=began, calls=look.calls))


class _Look:
    """A scan of partitions, one after the other."""

    def __init__(self, source: Source, run: Run, memory: Memory) -> None:
        self.source, self.run, self.memory = source, run, memory
        self.known: Mapping[str, Entry] = run.ledger.entries(name_of(raw_table(source)))
        self.asked, self.calls = dict(memory.asked), memory.calls
        self.shared = Shared()
        self.ready: set[int] = set()
        self.failed: dict[str, PlatformError] = {}

    def news(self, memory: Memory) -> NewDeliveries:
        return NewDeliveries(sorted(self.ready), self.failed, replace(memory, asked=self.asked, calls=self.calls))

    def at(self, partition: int) -> bool:
        """Whether the partition is ready."""
        key = self.source.partitions.key(partition)
        asked, called = self.asked.get(key), f"{CALLED} {self.known[key].delta_version if key in self.known else -1}"
        before, _, since = (asked or "").partition(_SINCE) if asked is not None else (None, "", "")
        if before is not None and before.startswith(CALLED) and before != called:
            del self.asked[key]  # the requested delivery has since been received
            before = None
        if (self.memory.calls or before in (called, FAILED)) and not self._is_due(partition, before, key not in self.known):
            return False
        seen = probe(self.source, partition, self.known.get(key), self.shared, self.run.now)
        if seen.is_partial:
            if before is not None and not self._is_due(partition, None, is_missing=True):
                return False
            seen = read_through(self.source, partition)
        self.calls = seen.files is None
        if seen.failed:
            self.failed[key] = seen.failed
            if self.calls:
                self.asked[key] = FAILED
            return False
        wanted = self._wanted(partition, seen, self.known.get(key))
        if wanted is None:
            self.asked.pop(key, None)
            return False
        if wanted == CALLED:
            wanted = called
        elif wanted == before and not self._is_time_again(since):
            return False
        if wanted != called:
            wanted += _SINCE + (since if wanted == before else self.run.now.isoformat(timespec="seconds"))
        self.asked[key] = wanted
        if key in self.known and not self._is_new_delivery(partition):
            if wanted == called:
                del self.asked[key]
            return False
        self.ready.add(partition)
        return True

    def _wanted(self, partition: int, seen: Seen, entry: Entry | None) -> str | None:
        """What to request for the partition, if anything."""
        if seen.came:
            same = entry is not None and not entry.damage and seen.files is not None and entry.details.get(FILES) == seen.files
            return None if same else seen.files or CALLED
        wait = self.source.empty_after
        if entry is None and wait is not None and self.run.now >= self.source.partitions.ends_at(partition) + wait:
            return EMPTY
        return None

    def _is_new_delivery(self, partition: int) -> bool:
        try:
            return is_new_delivery(self.source, partition, self.run.lake, self.known)
        except BaseException as error:
            if not is_failure(error):
                raise
            return True  # receiving it will report why it cannot be read

    def _is_time_again(self, since: str) -> bool:
        """Whether to request an unreceived delivery again: its run may have died, or its function may have been fixed."""
        if self.memory.looked is None or not since:
            return False
        then, now = (at - datetime.fromisoformat(since) for at in (datetime.fromisoformat(self.memory.looked), self.run.now))
        return now >= _ASKED_AGAIN_AFTER and _power(then, 2.0) < _power(now, 2.0)

    def _is_due(self, partition: int, before: str | None, is_missing: bool) -> bool:
        """Whether to call the function. For missing partitions also once a day, because a history may be delivered all at once."""
        if self.memory.looked is None:
            return True
        ends = self.source.partitions.ends_at(partition)
        then, now = datetime.fromisoformat(self.memory.looked) - ends, self.run.now - ends
        if before is not None and before.startswith(CALLED):
            return _power(then, 2.0) < _power(now, 2.0)
        return _power(then, 1.1) < _power(now, 1.1) or (is_missing and then // _DAY < now // _DAY)


_DAY = timedelta(days=1)
_ASKED_AGAIN_AFTER = timedelta(minutes=10)
"""Minutes before the first repeated request; later ones double the interval: about fifteen in the first year."""
_SINCE = " since "
"""Separates what was requested from the time of the first request."""


def _power(age: timedelta, growth: float) -> int:
    """The last power of `growth`, in minutes, that an age has exceeded."""
    minutes = age / timedelta(minutes=1)
    return -1 if minutes < 0 else math.floor(math.log(max(minutes, 1), growth))

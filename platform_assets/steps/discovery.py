"""Which partitions of a source have something to receive.

Files are looked at every time: names, sizes and times of change. Only where these are not those that raw was made of are they read, to
tell a corrected file from one that was merely copied again; or where a function looks at one file's rows before it asks for another, and
nothing has been received yet. A function that reads something else has to be called, and is called ever
more rarely: when a partition's age has grown by a tenth, about a hundred times in its first week and forty in the year after.
"""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from platform_assets.declare.source import Source
from platform_assets.errors import PlatformError, is_failure
from platform_assets.sources.found_files import Files
from platform_assets.sources.probe import Seen, probe, read_through
from platform_assets.sources.receive import FILES, is_new_delivery, raw_table
from platform_assets.steps.run import Run, name_of
from platform_assets.stores.ledger import Entry

EMPTY, CALLED, FAILED = "empty", "called", "failed"
"""What is remembered of a partition beside its files: it was asked for as empty; a function returned something (behind it stands the
Delta version that raw had of it); a function failed."""

SECONDS = 20.0
"""After these a look stops, to go on the next time: Dagster gives a sensor a minute."""


@dataclass(frozen=True)
class Memory:
    """What is kept from one look to the next: little, since Dagster keeps a copy for each."""

    looked: str | None = None
    """When the last look that came to the end began, by the platform's clock."""
    began: str | None = None
    """When the one began that is not at its end, and the partition from which it goes on."""
    at: int | None = None
    calls: bool = False
    """Whether the function reads something else than files."""
    asked: Mapping[str, str] = field(default_factory=dict)
    """By partition key what was asked for and is not in raw, and since when: other files than these are asked for at once, the same ones
    again ever more rarely."""


@dataclass(frozen=True)
class NewDeliveries:
    """What a look has found."""

    ready: list[int]
    """Partitions to receive, ascending."""
    failed: Mapping[str, PlatformError]
    """Partitions whose function failed. It is called for them again later."""
    memory: Memory


def find_new_deliveries(source: Source, run: Run, memory: Memory, stretches: int, *, seconds: float = SECONDS) -> NewDeliveries:
    """Looks at the partitions that have ended, newest first.

    A partition is ready when something came that raw has not, or when nothing came and its end + empty_after has passed. After that it
    is taken for asked for. It is ready again at once when its files change. If they do not, and raw still has not what came, the run that
    was asked for has failed or died: it is ready again after ten minutes, and whenever twice that time has passed; of a function that
    reads something else when its age has doubled.

    Args:
        stretches: the look stops when it has found so many of consecutive partitions, to go on the next time.
        seconds: it also stops when these have passed.
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
    """A look at one partition after the other."""

    def __init__(self, source: Source, run: Run, memory: Memory) -> None:
        self.source, self.run, self.memory = source, run, memory
        self.known: Mapping[str, Entry] = run.ledger.entries(name_of(raw_table(source)))
        self.asked, self.calls = dict(memory.asked), memory.calls
        self.files = Files()
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
            del self.asked[key]  # what was asked for has been received since
            before = None
        if (self.memory.calls or before in (called, FAILED)) and not self._is_due(partition, before, key not in self.known):
            return False
        seen = probe(self.source, partition, self.known.get(key), self.files, self.run.now)
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
        """What there seems to be to ask for."""
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
            return True  # receiving it will say why it cannot be read

    def _is_time_again(self, since: str) -> bool:
        """Whether what has not been received is asked for again: its run may have died, or its function have been corrected."""
        if self.memory.looked is None or not since:
            return False
        then, now = (at - datetime.fromisoformat(since) for at in (datetime.fromisoformat(self.memory.looked), self.run.now))
        return now >= _ASKED_AGAIN_AFTER and _power(then, 2.0) < _power(now, 2.0)

    def _is_due(self, partition: int, before: str | None, is_missing: bool) -> bool:
        """Whether a function is to be called: a history may come all at once, so for what is missing also once a day."""
        if self.memory.looked is None:
            return True
        ends = self.source.partitions.ends_at(partition)
        then, now = datetime.fromisoformat(self.memory.looked) - ends, self.run.now - ends
        if before is not None and before.startswith(CALLED):
            return _power(then, 2.0) < _power(now, 2.0)
        return _power(then, 1.1) < _power(now, 1.1) or (is_missing and then // _DAY < now // _DAY)


_DAY = timedelta(days=1)
_ASKED_AGAIN_AFTER = timedelta(minutes=10)
"""Then after twice as long each time: about fifteen times in the first year."""
_SINCE = " since "
"""Stands between what was asked for and when that was for the first time."""


def _power(age: timedelta, growth: float) -> int:
    """The last power of `growth` minutes that an age has passed."""
    minutes = age / timedelta(minutes=1)
    return -1 if minutes < 0 else math.floor(math.log(max(minutes, 1), growth))

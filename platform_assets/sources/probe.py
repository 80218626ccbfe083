"""Whether something has come for a partition, seen without reading files."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import polars as pl

from platform_assets.declare.source import Source
from platform_assets.errors import PlatformError, SourceError, is_failure
from platform_assets.sources.arrival import Arrival, Shared
from platform_assets.sources.receive import FILES, SEVERAL, is_settled
from platform_assets.stores.ledger import Entry


@dataclass(frozen=True)
class Seen:
    """What a probe at a partition saw."""

    came: bool
    files: str | None
    """Which files these are, as `Arrival.files` says it; None of a function that asks for none."""
    failed: PlatformError | None = None
    """Why the function came to nothing."""
    is_partial: bool = False
    """Whether the function may ask for more files than these once it has the rows of those that it has found."""


class Probe(Arrival):
    """An arrival whose files are looked at, and not read."""

    def read_csv(self, path: str | Path, **_: Any) -> pl.LazyFrame | None:
        """A frame without columns in place of the files' rows; None when there is no file."""
        return pl.LazyFrame() if self.look_for_files(path) else None

    def read_json_lines(self, path: str | Path, **_: Any) -> Iterator[pl.DataFrame] | None:
        """As read_csv."""
        return iter([pl.DataFrame()]) if self.look_for_files(path) else None

    def read_parquet(self, path: str | Path, **_: Any) -> Iterator[pl.DataFrame] | None:
        """As read_csv."""
        return iter([pl.DataFrame()]) if self.look_for_files(path) else None

    def look_for(self, patterns: Sequence[str]) -> None:
        """Notes which files there are as if just these had been asked for, in this order, as `looked_for` has them."""
        self.looked_for, self.found = [], []
        for pattern in patterns:
            self.looked_for.append(pattern)
            self._note(self.shared.files.matching(pattern, f"source {self.source!r}, partition {self.partition}"))


def probe(source: Source, partition: int, entry: Entry | None, shared: Shared | None = None, now: datetime | None = None) -> Seen:
    """Asks a source's connector, or calls its function without letting it read files. A function that reads something else is called as it
    is.

    shared: by the partitions of one look. now: what time it is for the platform.
    entry: what the ledger says of the partition in raw. A function that looks at the rows of one file before it asks for another comes
    to nothing here: then the files are looked at that it asked for when the partition was received.
    """
    arrival = _arrival(Probe, source, partition)
    arrival.shared, arrival.now = shared or arrival.shared, now
    if source.connector is not None:
        return _look(source, arrival, entry)
    came, failed = _call(source, arrival)
    if not arrival.found:
        return Seen(came and arrival.files is None, arrival.files, failed)
    # Any error is that of a frame without columns, or will be told by receiving what is there.
    if came:
        return Seen(True, arrival.files)
    if entry is not None and SEVERAL in entry.details:
        arrival.look_for(entry.details[SEVERAL])
    return Seen(True, arrival.files, is_partial=entry is None or FILES not in entry.details)


def _look(source: Source, arrival: Arrival, entry: Entry | None) -> Seen:
    if entry is not None and is_settled(source, entry):
        return Seen(False, "")
    try:
        found = source.connector.look(arrival)
    except PlatformError as error:
        return Seen(False, "", error)
    except BaseException as error:
        if not is_failure(error):
            raise
        where = f"source {source.name!r}, partition {arrival.partition}"
        return Seen(False, "", SourceError(f"{where}: {source.connector.reader}: {type(error).__name__}: {error}"))
    return Seen(bool(found), found)


def read_through(source: Source, partition: int) -> Seen:
    """Calls a source's function with the rows of its files, to see which it asks for."""
    arrival = _arrival(Arrival, source, partition)
    _call(source, arrival)
    return Seen(True, arrival.files)


_AnyArrival = TypeVar("_AnyArrival", bound=Arrival)


def _arrival(kind: type[_AnyArrival], source: Source, partition: int) -> _AnyArrival:
    partitions = source.partitions
    return kind(
        source.name,
        partitions.key(partition),
        partitions.starts_at(partition),
        partitions.ends_at(partition),
        source.timezone,
        partitions.zone,
    )


def _call(source: Source, arrival: Arrival) -> tuple[bool, PlatformError | None]:
    """Whether something came, or why the function came to nothing."""
    try:
        return _came(source.read(arrival), arrival), None
    except PlatformError as error:
        return False, error
    except BaseException as error:
        if not is_failure(error):
            raise
        where = f"source {source.name!r}, partition {arrival.partition}"
        return False, SourceError(f"{where}: its function failed: {type(error).__name__}: {error}")


def _came(read: Any, arrival: Arrival) -> bool:
    """Whether a function has returned something. An iterator is asked for all that it gives if it is to be seen which files it reads."""
    if not isinstance(read, Iterator):
        return read is not None
    parts = (part for part in read if part is not None)
    came = next(parts, None) is not None
    if arrival.looked_for:
        deque(parts, maxlen=0)
    return came

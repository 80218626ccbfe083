"""Whether something has come for a partition, seen without reading files."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from platform_assets.declare.source import Source
from platform_assets.errors import PlatformError, SourceError
from platform_assets.sources.arrival import Arrival


@dataclass(frozen=True)
class Seen:
    """What a glance at a partition saw."""

    came: bool
    files: str | None
    """Which files these are, as `Arrival.files` says it; None of a function that asks for none."""
    failed: PlatformError | None = None
    """Why the function came to nothing."""


class Glance(Arrival):
    """An arrival whose files are looked at, and not read."""

    def read_csv(self, path: str | Path, **_: Any) -> pl.LazyFrame | None:
        """A frame without columns in place of the files' rows; None when there is no file."""
        return pl.LazyFrame() if self.find(path) else None


def glance(source: Source, partition: int) -> Seen:
    """Calls a source's function without letting it read files. A function that reads something else is called as it is."""
    partitions = source.partitions
    arrival = Glance(source.name, partitions.key(partition), partitions.starts_at(partition), partitions.ends_at(partition))
    came, failed = False, None
    try:
        came = source.read(arrival) is not None
    except PlatformError as error:
        failed = error
    except Exception as error:
        where = f"source {source.name!r}, partition {arrival.partition}"
        failed = SourceError(f"{where}: its function failed: {type(error).__name__}: {error}")
    if arrival.found:
        # Any error is that of a frame without columns, or will be told by receiving what is there.
        return Seen(True, arrival.files)
    return Seen(came and arrival.files is None, arrival.files, failed)

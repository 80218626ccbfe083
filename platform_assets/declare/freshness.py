"""How old the online values of a view may be, and what a reader gets when they are older (semantics.md 9).

A limit is declared by a view, by a service, or by the caller. The caller's overrides the service's, and that overrides the view's.
If none is declared, a view is stale one partition after the next snapshot should have been published.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, get_args

from platform_assets.declare.arguments import one_of
from platform_assets.declare.durations import positive
from platform_assets.declare.source import Source
from platform_assets.errors import DeclarationError

WhenStale = Literal["serve", "null", "fail"]
"""What a reader gets from a stale view: its values, nulls, or an error."""


@dataclass(frozen=True)
class Freshness:
    """When a view is stale, and what a reader then gets.

    max_staleness: how old its watermark may be; None: the limit follows from when its source's data arrives.
    when_stale: "serve" returns the values and lists the view in `stale`; "null" returns nulls instead, and lists it too; "fail"
        raises an OnlineError.
    source: the view's source; None: without max_staleness it is never stale.
    """

    max_staleness: timedelta | None = None
    when_stale: WhenStale = "serve"
    source: Source | None = None

    def stale_after(self, watermark: int, watermark_at: datetime) -> datetime | None:
        """When a view published up to this partition, readable from `watermark_at`, becomes stale; None: never."""
        if self.max_staleness is not None:
            return watermark_at + self.max_staleness
        return None if self.source is None else overdue_after(self.source, watermark)


def overdue_after(source: Source, partition: int) -> datetime | None:
    """When the partition after this one is overdue: one partition later than it should have been published. None: this is the last one.

    The next partition is published data_delay after its end, or empty_after if the source declares it: by then its
    rows have arrived, or it is known to be empty.
    """
    partitions = source.partitions
    if partitions.last is not None and partition >= partitions.last:
        return None
    return partitions.ends_at(partition + 2) + max(source.empty_after or timedelta(0), source.data_delay)


def declared_limit(max_staleness: Any, where: str) -> timedelta | None:
    """`max_staleness=` as declared."""
    return None if max_staleness is None else positive(max_staleness, f"{where}, max_staleness")


def declared_reaction(when_stale: Any, where: str) -> WhenStale | None:
    """`when_stale=` as declared."""
    if when_stale is not None:
        one_of(when_stale, get_args(WhenStale), f"{where}, when_stale", "reaction to a stale view")
    return when_stale  # type: ignore[no-any-return]


def check_is_online(is_online: bool, max_staleness: Any, when_stale: Any, where: str) -> None:
    """Refuses a staleness limit for a view that is not online."""
    if not is_online and (max_staleness is not None or when_stale is not None):
        raise DeclarationError(f"{where}: max_staleness and when_stale apply to online values only. Declare online=True as well.")

"""How old the online values of a view may be, and what a reader gets when they are older (semantics.md 9).

A limit is declared with a view, with a service, or by the caller; the caller's counts before the service's, and that before the view's.
Where none is declared, a view is stale one partition after the next snapshot should have been published.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, get_args

from platform_assets.declare.arguments import one_of
from platform_assets.declare.durations import positive
from platform_assets.declare.source import Source
from platform_assets.errors import DeclarationError

WhenStale = Literal["serve", "null", "fail"]
"""What a reader gets of a stale view: its values, nulls, or an error."""


@dataclass(frozen=True)
class Freshness:
    """When a view is stale, and what a reader gets then.

    max_staleness: how old its watermark may be; None: the limit follows from how its source arrives.
    when_stale: "serve" answers with the values and names the view in `stale`; "null" answers with nulls instead, and names it too; "fail"
        raises an OnlineError.
    source: of the view; None: without max_staleness it is never stale.
    """

    max_staleness: timedelta | None = None
    when_stale: WhenStale = "serve"
    source: Source | None = None

    def stale_after(self, watermark: int, watermark_at: datetime) -> datetime | None:
        """The moment after which a view is stale that is published up to this partition, readable from `watermark_at`; None: never."""
        if self.max_staleness is not None:
            return watermark_at + self.max_staleness
        return None if self.source is None else overdue_after(self.source, watermark)


def overdue_after(source: Source, partition: int) -> datetime | None:
    """When what follows a partition is overdue: one partition later than it should have been published. None: nothing follows.

    The next partition is published when its end has passed by data_delay, or, of a source that declares it, by empty_after: by then its
    rows have arrived, or it is known that there are none.
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
    """Refuses a limit on what is never served."""
    if not is_online and (max_staleness is not None or when_stale is not None):
        raise DeclarationError(f"{where}: max_staleness and when_stale are about online values. Declare online=True as well.")

"""When a table is too old: a promise that follows from how a source arrives."""

from datetime import timedelta

import dagster as dg

from platform_assets.declare.partitions import Partitions
from platform_assets.declare.source import Source

_MONTH = timedelta(days=31)


def freshness(source: Source, partitions: Partitions) -> dg.FreshnessPolicy | None:
    """What is expected of a table that has these partitions and is made of this source.

    Two partitions in a row that arrive as early and as late as is declared lie one partition and empty_after (or data_delay) apart.
    A quarter of a partition more is a warning, another partition a failure. A source that has ended is never too old.
    """
    if partitions.end is not None:
        return None
    step = _MONTH if partitions.unit == "month" else partitions.step
    apart = step + max(source.empty_after or timedelta(0), source.data_delay)
    return dg.FreshnessPolicy.time_window(fail_window=apart + step, warn_window=apart + step / 4)

"""The freshness policy of a table: derived from when its source's data arrives."""

from datetime import timedelta

import dagster as dg

from platform_assets.declare.partitions import Partitions
from platform_assets.declare.source import Source

_MONTH = timedelta(days=31)


def freshness(source: Source, partitions: Partitions) -> dg.FreshnessPolicy | None:
    """The freshness policy of a table with these partitions that is computed from this source.

    Two consecutive partitions that arrive as early and as late as declared are one partition plus empty_after (or data_delay) apart.
    A quarter of a partition more is a warning, a whole partition more is a failure. A source that has ended is never too old.
    """
    if partitions.end is not None:
        return None
    step = _MONTH if partitions.unit == "month" else partitions.step
    apart = step + max(source.empty_after or timedelta(0), source.data_delay)
    return dg.FreshnessPolicy.time_window(fail_window=apart + step, warn_window=apart + step / 4)

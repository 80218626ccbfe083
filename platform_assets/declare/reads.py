"""The partitions of a view's gold, or of silver, that reads at given times need."""

from datetime import datetime

from platform_assets.declare.attributes import View
from platform_assets.declare.training import FeaturesFrom


def partitions_read(view: View, layer: FeaturesFrom, first: datetime, last: datetime) -> range:
    """The partitions of a view's gold, or of silver, that reads at times from first to last need."""
    return snapshots_read(view, first, last) if layer == "gold" else view.arrivals_read(first, last)


def snapshots_read(view: View, first: datetime, last: datetime) -> range:
    """The partitions of a view's gold that reads at times from first to last need: valid then, and as far back as an entity's last row
    may be.

    Attributes never expire: for an attribute view that is every partition from the first one on.
    """
    newest, partitions = _newest(view, last), view.source.partitions
    if view.lookback is None:
        return range(partitions.first, newest + 1)
    return range(max(_newest(view, first) - view.lookback, partitions.first), newest + 1)


def _newest(view: View, at: datetime) -> int:
    """The last snapshot that may be read at a time; once a source has ended, its last one remains."""
    partitions = view.source.partitions
    newest = partitions.index(at - view.source.data_delay) - 1
    return newest if partitions.last is None else min(newest, partitions.last)

"""With which earlier partitions one is compared: those at the same hour of the day, or on the same day of the week."""

from collections.abc import Mapping

from platform_assets.declare.partitions import Partitions
from platform_assets.stores.ledger import Entry

LIKE = {
    "hour": (24, "the same hour of the last 8 days"),
    "day": (7, "the same weekday of the last 8 weeks"),
    "week": (1, "the last 8 weeks"),
}
LOOKS_BACK, AT_LEAST = 8, 4
"""With how many earlier partitions one is compared, and how many it takes to say anything."""


def like(partitions: Partitions, key: str, entries: Mapping[str, Entry]) -> list[Entry]:
    """The entries of the earlier partitions that one is compared with, newest first; those that are not there are left out."""
    step, number = LIKE[partitions.unit][0], partitions.number(key)
    found = [entries.get(partitions.key(number - step * back)) for back in range(1, LOOKS_BACK + 1)]
    return [entry for entry in found if entry is not None]

"""Descriptions of partitions in messages."""

from collections import Counter
from collections.abc import Iterable, Sequence

from platform_assets.declare.partitions import Partitions
from platform_assets.kernels.examples import with_example
from platform_assets.steps.run import counted, stretches
from platform_assets.stores.ledger import Entry

SHOWN = 5
"""How many partitions a summary lists; beyond that it gives their number."""


def described_block(entry: Entry, module: str) -> str:
    """A message about a blocked partition: the share of good rows, the most frequent reason, and the commands to run next."""
    source, details = entry.table.partition("/")[0], entry.details
    reasons = {reason: rows for reason, rows in details["reasons"].items() if not reason.startswith("blocked")}
    most = max(reasons, key=lambda reason: reasons[reason], default="")
    why = f" Most often: {with_example(most, details.get('examples', {}))} ({counted(reasons[most], 'row')})." if most else ""
    accept = f"Accept the good ones as they are: platform-assets accept {source} {entry.partition} -m {module} --why '...'"
    if not details["accepted_share"]:
        accept = "Once the delivery, or the way it is read, has been corrected, materialize its raw and silver again."
    return (
        f"{entry.table} {entry.partition} is blocked: {details['accepted_share']:.0%} of its {details['received']:,} rows were good, "
        f"{details['needed_share']:.0%} are required.{why} See them: platform-assets quarantine {source} {entry.partition} -m {module}. "
        + accept
    )


def described_medium(entries: Sequence[Entry]) -> str:
    """Partitions of a table that are used though more rows than are tolerated were set aside: how many, and why most often."""
    reasons: Counter[str] = Counter()
    for entry in entries:
        reasons.update(entry.details["reasons"])
    most = ", ".join(f"{reason}: {counted(rows, 'row')}" for reason, rows in reasons.most_common(3))
    keys = [entry.partition for entry in entries]
    named = ", ".join(keys) if len(keys) <= SHOWN else f"{keys[0]} to {keys[-1]}"
    said = (
        f"{entries[0].table}: {counted(len(keys), 'partition')} MEDIUM ({named}): used, though more rows than are tolerated were set aside"
    )
    return f"{said} ({most})."


def described_ranges(partitions: Partitions, indexes: Iterable[int]) -> str:
    """The keys of some partitions, as '2024-03-01 to 2024-03-02, 2024-03-07'."""
    keys = [(partitions.key(first), partitions.key(last)) for first, last in stretches(sorted(indexes))]
    shown = [first if first == last else f"{first} to {last}" for first, last in keys[:SHOWN]]
    return ", ".join(shown) + (f" and {counted(len(keys) - SHOWN, 'more range')}" if len(keys) > SHOWN else "")

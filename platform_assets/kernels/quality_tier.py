"""The quality of a partition of silver: its row counts, its tier, and whether it is blocked (semantics.md 7)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from platform_assets.declare.source import Source
from platform_assets.kernels.judge_rows import REPLAYED, Counts


@dataclass(frozen=True)
class Verdict:
    """The acceptable share of a partition. Duplicates count on neither side."""

    accepted: int
    share: float
    is_low: bool


def verdict_of(source: Source, accepted: int, bad: int) -> Verdict:
    """Judges a partition. accepted: the number of good rows that are not duplicates."""
    share = accepted / (accepted + bad) if accepted + bad else 1.0
    return Verdict(accepted, share, share < source.accepted_share)


def blocked_reason(source: Source) -> str:
    """The reason attached to the good rows of a blocked partition."""
    return f"blocked: fewer than {source.accepted_share:.0%} of the partition's rows were acceptable"


def beyond_tolerance(source: Source, received: int, reasons: Mapping[str, int]) -> list[str]:
    """The reasons that stand against more of a partition's rows than is tolerated, sorted: with one it is MEDIUM, if it is not LOW.

    reasons: how many rows each stands against. Those that say nothing of how good the rows are do not count: of rows that were replayed.
    """
    said = {reason: rows for reason, rows in reasons.items() if reason != REPLAYED}
    return sorted(reason for reason, rows in said.items() if rows > source.tolerates.get(reason, source.tolerates_otherwise) * received)


def told(source: Source, partition: int, verdict: Verdict, counts: Counts, duplicates: int, exact: int, is_blocked: bool) -> dict[str, Any]:
    """The ledger details of a partition.

    exact: for a source with a unique key, the duplicates equal to the earlier row; otherwise the rows that are copies of another.
    """
    reasons = sorted((reason, number) for (of, reason), number in counts.reasons.items() if of == partition)
    return {
        "received": counts.received[partition],
        "accepted": 0 if is_blocked else verdict.accepted,
        "quarantined": counts.bad[partition] + (verdict.accepted if is_blocked else 0),
        "duplicates": duplicates,
        "duplicates_exact": exact if source.unique_key or source.kind == "snapshot" else 0,
        "exact_copies": 0 if source.unique_key or is_blocked or source.kind == "snapshot" else exact,
        "not_finite": counts.not_finite[partition],
        "flags": {name: counts.flags[partition, name] for name in source.flags},
        "reasons": dict(reasons),
        "accepted_share": verdict.share,
        "tier": "LOW" if verdict.is_low else "MEDIUM" if beyond_tolerance(source, counts.received[partition], dict(reasons)) else "HIGH",
    }

"""Accepting a blocked partition as it is: a person's decision about a delivery, valid until it is revoked or a new delivery arrives."""

from dataclasses import replace

from platform_assets.declare.source import Source
from platform_assets.errors import NotReadyError
from platform_assets.sources.receive import raw_table
from platform_assets.steps.run import Run, name_of
from platform_assets.steps.silver import ACCEPTED_AS_IT_IS, silver_table

TAKEN_BACK = "acceptance_taken_back"
"""A detail of raw's ledger entry: who revoked the acceptance, when and why."""


def accept(source: Source, partition: int, run: Run, *, by: str, why: str) -> None:
    """Admits the good rows of a blocked partition to silver at its next materialization; the others stay in quarantine.

    The decision is a ledger entry about raw, so it applies to the rows that were inspected: rematerializing silver keeps it,
    and another delivery of the partition ends it.

    Raises:
        NotReadyError: there is nothing to accept: the partition has not been judged, is not blocked, or was delivered again since.
    """
    key, raw, silver = source.partitions.key(partition), name_of(raw_table(source)), name_of(silver_table(source))
    judged, came = run.ledger.entries(silver).get(key), run.ledger.entries(raw)
    received = came.get(key)
    if judged is None or received is None:
        raise NotReadyError(f"{silver} {key} has not been materialized, so there is nothing to accept yet. Materialize it first.")
    if judged.status != "blocked":
        raise NotReadyError(f"{silver} {key} is not blocked: {judged.rows:,} of its rows were accepted. There is nothing to do.")
    read = range(partition - source.duplicates_within, partition + 1)  # the earlier partitions decide which rows are duplicates
    newer = [k for p in read if (k := source.partitions.key(p)) in came and came[k].delta_version > judged.details["read"][raw]]
    if newer:
        raise NotReadyError(
            f"{raw} {newer[0]} was delivered again after {silver} {key} was judged: the rows to accept are not those that were inspected. "
            f"Materialize {silver} {key}, and inspect it again: platform-assets quarantine {source.name} {key}"
        )
    run.ledger.record([replace(received, run=run.id, details={**received.details, ACCEPTED_AS_IT_IS: _decision(run, by, why)})])


def take_back(source: Source, partition: int, run: Run, *, by: str, why: str) -> None:
    """Revokes the acceptance of a partition: its silver is blocked again at the next materialization.

    The command then blocks everything computed from it by withdraw_readers (invalidation.py); otherwise that happens when it is next
    computed.

    Raises:
        NotReadyError: the current rows of the partition were not accepted.
    """
    key, raw = source.partitions.key(partition), name_of(raw_table(source))
    received = run.ledger.entries(raw).get(key)
    if received is None or ACCEPTED_AS_IT_IS not in received.details:
        raise NotReadyError(
            f"the current rows of {raw} {key} were not accepted, so there is nothing to revoke. An acceptance ends when the partition is "
            "delivered again."
        )
    details = {name: said for name, said in received.details.items() if name != ACCEPTED_AS_IT_IS}
    run.ledger.record([replace(received, run=run.id, details={**details, TAKEN_BACK: _decision(run, by, why)})])


def _decision(run: Run, by: str, why: str) -> dict[str, str]:
    return {"by": by, "why": why, "at": run.now.isoformat(timespec="seconds")}

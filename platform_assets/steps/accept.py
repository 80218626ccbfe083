"""Accepting a blocked partition as it is: a person decides about what came, until it is taken back or something else comes."""

from dataclasses import replace

from platform_assets.declare.source import Source
from platform_assets.errors import NotReadyError
from platform_assets.sources.receive import raw_table
from platform_assets.steps.run import Run, name_of
from platform_assets.steps.silver import ACCEPTED_AS_IT_IS, silver_table

TAKEN_BACK = "acceptance_taken_back"
"""In the details of the ledger's entry of raw: who has taken the acceptance back, when and why."""


def accept(source: Source, partition: int, run: Run, *, by: str, why: str) -> None:
    """Lets the good rows of a blocked partition into silver the next time it is made; the others stay in quarantine.

    The decision is an entry of the ledger about raw, so it holds for the rows that were looked at: making silver again keeps it,
    and another delivery of the partition ends it.

    Raises:
        NotReadyError: there is nothing to accept: the partition was not judged yet, is not blocked, or came again since it was judged.
    """
    key, raw, silver = source.partitions.key(partition), name_of(raw_table(source)), name_of(silver_table(source))
    judged, came = run.ledger.entries(silver).get(key), run.ledger.entries(raw)
    received = came.get(key)
    if judged is None or received is None:
        raise NotReadyError(f"{silver} {key} has not been made yet, so nobody knows what there is to accept. Materialize it first.")
    if judged.status != "blocked":
        raise NotReadyError(f"{silver} {key} is not blocked: {judged.rows:,} of its rows were accepted. There is nothing to do.")
    read = range(partition - source.duplicates_within, partition + 1)  # the earlier ones decide which rows are duplicates
    newer = [k for p in read if (k := source.partitions.key(p)) in came and came[k].delta_version > judged.details["read"][raw]]
    if newer:
        raise NotReadyError(
            f"{raw} {newer[0]} was delivered again after {silver} {key} was judged: what would be accepted is not what was looked at. "
            f"Materialize {silver} {key}, and look again: platform-assets quarantine {source.name} {key}"
        )
    run.ledger.record([replace(received, run=run.id, details={**received.details, ACCEPTED_AS_IT_IS: _decision(run, by, why)})])


def take_back(source: Source, partition: int, run: Run, *, by: str, why: str) -> None:
    """Ends the acceptance of a partition: the next time its silver is made it is blocked again.

    What was made of it is blocked by withdraw_readers (invalidation.py), which the command calls then; else when it is made the next time.

    Raises:
        NotReadyError: nobody has accepted what the partition holds now.
    """
    key, raw = source.partitions.key(partition), name_of(raw_table(source))
    received = run.ledger.entries(raw).get(key)
    if received is None or ACCEPTED_AS_IT_IS not in received.details:
        raise NotReadyError(
            f"nobody has accepted what {raw} {key} holds now, so there is nothing to take back. An acceptance ends when the partition is "
            "delivered again."
        )
    details = {name: said for name, said in received.details.items() if name != ACCEPTED_AS_IT_IS}
    run.ledger.record([replace(received, run=run.id, details={**details, TAKEN_BACK: _decision(run, by, why)})])


def _decision(run: Run, by: str, why: str) -> dict[str, str]:
    return {"by": by, "why": why, "at": run.now.isoformat(timespec="seconds")}

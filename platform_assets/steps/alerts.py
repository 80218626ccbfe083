"""Which partitions a person should hear of, and telling them: once in a period, by every channel, later if it cannot be now (ADR 47)."""

import hashlib
import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from platform_assets.declare.source import Source
from platform_assets.errors import PlatformError
from platform_assets.kernels.quality_tier import beyond_tolerance
from platform_assets.sources.receive import raw_table
from platform_assets.steps.alert_channels import Send
from platform_assets.steps.messages import described_block, described_medium
from platform_assets.steps.run import Run, name_of
from platform_assets.steps.silver import silver_table
from platform_assets.stores.ledger import FAILURES
from platform_assets.stores.outbox import Alert, Outbox

SECONDS = 30.0
"""After so long a look sends no more; Dagster stops sensors after a minute."""


@dataclass
class Told:
    """What a look for alerts did."""

    raised: list[Alert] = field(default_factory=list)
    sent: int = 0
    failed: list[str] = field(default_factory=list)
    """Why alerts could not be sent; they are tried again."""


def alert(what: str, partition: str, reason: str, text: str, severity: str, at: datetime) -> Alert:
    id = hashlib.sha256("\x00".join((what, partition, reason)).encode()).hexdigest()[:16]
    return Alert(what, partition, reason, text, severity, id, at.isoformat(timespec="seconds"))


def alerts_of(sources: Iterable[Source], run: Run, since: datetime, now: datetime) -> list[Alert]:
    """What the ledger has recorded since a moment of partitions that are blocked, MEDIUM or FAILED, and still are."""
    found = []
    for source in sources:
        silver, raw = name_of(silver_table(source)), name_of(raw_table(source))
        for key, entry in run.ledger.recorded_since(silver, since).items():
            if entry.status == "blocked":
                found.append(alert(silver, key, "blocked", described_block(entry, run.module), "ERROR", now))
            elif entry.tier == "MEDIUM":
                beyond = beyond_tolerance(source, entry.details["received"], entry.details["reasons"])
                found.append(alert(silver, key, f"MEDIUM: {', '.join(beyond)}", described_medium([entry]), "WARN", now))
        for key, entry in run.ledger.recorded_since(raw + FAILURES, since).items():
            text = f"{raw} {key} is FAILED: its delivery could not be received at {entry.details['at']}: {entry.details['why']}"
            found.append(alert(raw, key, f"FAILED: {entry.details['why'][:200]}", text, "ERROR", now))
    return found


def tell(alerts: Sequence[Alert], channels: Mapping[str, Send], outbox: Outbox, now: datetime, log: logging.Logger) -> Told:
    """Raises alerts that were not raised within the period, and sends whatever waits. What cannot be sent is logged, and tried later."""
    told = Told()
    for one in alerts:
        if outbox.add(one, now):
            told.raised.append(one)
            log.log(logging.ERROR if one.severity == "ERROR" else logging.WARNING, one.text)
    up, stop = set(channels), time.monotonic() + SECONDS
    for waiting in outbox.claim(up, now):
        try:
            channels[waiting.channel](waiting.alert)
        except PlatformError as error:
            told.failed.append(str(error))
            up.discard(waiting.channel)  # the others of this channel wait for the next look: a server that hangs costs seconds
            one = waiting.alert
            log.warning(f"the alert of {one.what} {one.partition} ({one.reason}) was not sent, and will be tried again: {error}")
            continue
        outbox.sent(waiting, now)
        told.sent += 1
        if time.monotonic() > stop:
            break
    outbox.forget(list(channels), now)
    return told

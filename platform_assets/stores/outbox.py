"""Alerts that are to be sent, and what was sent: small files in the lake, each written once, so that processes need not know each other.

_platform/alerts/3f2a.../000002.json              the alert, raised for the second time
_platform/alerts/3f2a.../000002.webhook.try.1     somebody sends it, since the moment in the file
_platform/alerts/3f2a.../000002.webhook.sent      it was sent
"""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

from platform_assets.stores.delta import OWN, Lake

FOLDER = (OWN, "alerts")
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=1)
"""How long after an attempt that nobody has finished the next one is made; each takes twice as long as the one before."""
KEPT = timedelta(days=30)
"""How long an alert that was sent is kept, or twice the period for which it is not sent again."""
_TRY = re.compile(r"(\d{6})\.(\w+)\.try\.(\d+)")


@dataclass(frozen=True)
class Alert:
    """Something that a person should know. Two with the same name, partition and reason are the same."""

    what: str
    """The table, asset or job."""
    partition: str
    reason: str
    """In words that stay the same while it is the same trouble: no counts."""
    text: str
    """For people, with counts and what to do."""
    severity: str
    """ERROR or WARN."""
    id: str
    at: str
    """When it was found: ISO 8601, UTC."""


@dataclass(frozen=True)
class Waiting:
    """An alert that was not sent by a channel yet, and is to be tried now."""

    alert: Alert
    number: str
    channel: str
    attempt: int


class Outbox:
    """The alerts of a lake."""

    def __init__(self, lake: Lake, every: timedelta) -> None:
        """every: for so long the same alert is not raised again."""
        self._files, self._every = lake.storage(FOLDER), every

    def add(self, alert: Alert, now: datetime) -> bool:
        """Raises an alert, unless it was raised within the period; whether it did."""
        numbers = sorted(name.removesuffix(".json") for name in self._names(alert.id) if name.endswith(".json"))
        if numbers and now < datetime.fromisoformat(self._alert(alert.id, numbers[-1]).at) + self._every:
            return False
        number = f"{int(numbers[-1]) + 1 if numbers else 1:06}"
        return self._files.create(f"{alert.id}/{number}.json", _json(asdict(alert)))

    def claim(self, channels: Collection[str], now: datetime) -> Iterator[Waiting]:
        """The alerts to send now, each claimed for this process. One that is not sent is claimed again after a while.

        channels: one that is taken out meanwhile is left alone.

        Of two that claim at once one gets it. A process that dies between sending and `sent` makes it be sent twice.
        """
        for id, names in sorted(self._all().items()):
            for number in sorted(name.removesuffix(".json") for name in names if name.endswith(".json")):
                for channel in sorted(channels):
                    if channel not in channels or f"{number}.{channel}.sent" in names:
                        continue
                    attempt = 1 + _attempts(names, number, channel)
                    if attempt > 1 and now < self._tried(id, number, channel, attempt - 1) + wait_after(attempt - 1):
                        continue
                    if self._files.create(f"{id}/{number}.{channel}.try.{attempt}", now.isoformat().encode()):
                        yield Waiting(self._alert(id, number), number, channel, attempt)

    def sent(self, one: Waiting, now: datetime) -> None:
        """Notes that it was sent."""
        self._files.create(f"{one.alert.id}/{one.number}.{one.channel}.sent", now.isoformat().encode())

    def unsent(self, channels: Sequence[str]) -> int:
        """How many alerts wait, counted for each channel."""
        found = self._all().values()
        raised = [(names, name.removesuffix(".json")) for names in found for name in names if name.endswith(".json")]
        return sum(f"{number}.{channel}.sent" not in names for names, number in raised for channel in channels)

    def forget(self, channels: Sequence[str], now: datetime) -> None:
        """Deletes what was sent long ago."""
        for id, names in self._all().items():
            numbers = sorted(name.removesuffix(".json") for name in names if name.endswith(".json"))
            is_sent = all(f"{number}.{channel}.sent" in names for number in numbers for channel in channels)
            if numbers and is_sent and now > datetime.fromisoformat(self._alert(id, numbers[-1]).at) + max(KEPT, 2 * self._every):
                self._files.delete_folder(id)

    def _names(self, id: str) -> set[str]:
        return {path.partition("/")[2] for path in self._files.files(id)}

    def _all(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for path in self._files.files():
            id, _, name = path.partition("/")
            if not id.startswith("."):  # one that another process is deleting
                found.setdefault(id, set()).add(name)
        return found

    def _alert(self, id: str, number: str) -> Alert:
        return Alert(**json.loads(self._files.read(f"{id}/{number}.json")))

    def _tried(self, id: str, number: str, channel: str, attempt: int) -> datetime:
        return datetime.fromisoformat(self._files.read(f"{id}/{number}.{channel}.try.{attempt}").decode()).astimezone(UTC)


def _attempts(names: Iterable[str], number: str, channel: str) -> int:
    found = (match for name in names if (match := _TRY.fullmatch(name)) is not None)
    return max((int(match[3]) for match in found if match.group(1, 2) == (number, channel)), default=0)


def wait_after(attempt: int) -> timedelta:
    """
    >>> str(wait_after(1)), str(wait_after(3)), str(wait_after(100))
    ('0:01:00', '0:04:00', '1:00:00')
    """
    return min(FIRST_WAIT * (1 << min(attempt - 1, 10)), LONGEST_WAIT)


def _json(said: Mapping[str, str]) -> bytes:
    return json.dumps(said, ensure_ascii=False).encode()

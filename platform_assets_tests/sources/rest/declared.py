"""A source that is an API, and what became of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from platform_assets import daily, materialize, rest_api, source_from
from platform_assets.declare.source import Source
from platform_assets.stores.delta import Lake
from platform_assets.stores.ledger import Entry, Ledger
from platform_assets_tests.sources.rest.server import Asked, Behaviour, Says, Server, serving

__all__ = ["Asked", "Behaviour", "Says", "Server", "serving"]

NOW = datetime(2024, 3, 6, 1, tzinfo=UTC)
DAY = "2024-03-05"


class Rate:
    currency: str
    at: datetime
    rate: float | None


def rows(*numbers: int) -> list[dict[str, Any]]:
    return [{"currency": f"C{number}", "at": "2024-03-05T09:00Z", "rate": number / 4} for number in numbers]


def declared(url: str, *, name: str = "rates", source: dict[str, Any] | None = None, **options: Any) -> Source:
    """An API of one day that gives up quickly."""
    options = {"timeout": "1s", "attempts": 3, "first_wait": "0s", **options}
    more = {"schema": Rate, "event_time": "at", "key": ["currency"], "partitions": daily(DAY), "duplicates_within": 0, **(source or {})}
    return source_from(name, rest_api(f"{url}/rates", **options), **more)


def receive(source: Source, home: Path, now: datetime = NOW, first: str | None = None, last: str = DAY) -> Any:
    """Raw and silver of a stretch of days."""
    return materialize(source, lake=home / "lake", now=now, first=first, last=last)


def silver(home: Path, name: str = "rates") -> list[tuple[Any, ...]]:
    return pl.read_delta(str(home / "lake" / name / "silver")).sort("arrival", "row_number").select("currency", "rate").rows()


def quarantined(home: Path, name: str = "rates") -> pl.DataFrame:
    return pl.read_delta(str(home / "lake" / name / "quarantine")).sort("arrival", "row_number")


def raw_entries(home: Path, name: str = "rates") -> dict[str, Entry]:
    return dict(Ledger(Lake(str(home / "lake"))).entries(f"{name}/raw"))


def notes(home: Path, day: str = DAY, name: str = "rates") -> dict[str, Any]:
    """What the ledger says of the calls for a partition."""
    found: dict[str, Any] = raw_entries(home, name)[day].details["read_from"]
    return found


@contextmanager
def received(behaviour: Behaviour, home: Path, **options: Any) -> Iterator[Server]:
    """A server, and what it gave for a day."""
    with serving(behaviour) as server:
        receive(declared(server.url, **options), home).check()
        yield server

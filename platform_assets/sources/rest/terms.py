"""What is called and on which terms, and what the calls have cost."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal
from urllib.parse import urlsplit

from platform_assets.sources.rest.limits import Limits
from platform_assets.sources.rest.pages import Pages
from platform_assets.sources.rest.secret import Credentials, Identity

NotFound = Literal["error", "nothing"]
_PORTS = {"http": 80, "https": 443}


def origin_of(url: str) -> str:
    """The server of a URL: scheme, host and port.

    >>> origin_of("https://api.example.com:443/v1/rates?day=1")
    'https://api.example.com'
    """
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port not in (None, _PORTS.get(parts.scheme)) else ""
    return f"{parts.scheme}://{parts.hostname}{port}"


@dataclass(frozen=True)
class Retrying:
    """How a call is tried again."""

    attempts: int
    first_wait: timedelta
    """Then twice as long each time, and up to as much again by chance, so that processes do not come back together."""
    longest_wait: timedelta
    """Also of what the API asks for by Retry-After: beyond it the partition waits, not the process."""


@dataclass(frozen=True)
class Terms:
    """How an API is called for one partition."""

    where: str
    """For messages: source and partition."""
    headers: Mapping[str, str]
    credentials: Credentials | None
    identity: Identity
    limits: Limits
    retrying: Retrying
    timeout: timedelta
    largest: int
    """Bytes of an answer, unpacked."""
    cache: str | None
    """The name of the cache; None: none."""
    pages: Pages
    max_pages: int
    not_found: NotFound


@dataclass
class Spent:
    """What calls have cost."""

    calls: int = 0
    """Those that were sent: each try and each redirect is one."""
    cached: int = 0
    retries: int = 0
    seconds: float = 0.0
    today: int | None = None
    """The calls of the API on this day by all processes, with the newest of ours."""
    why: list[str] = field(default_factory=list)
    """Why calls were tried again."""

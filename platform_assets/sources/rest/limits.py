"""How often an API is asked: a rate and a number of calls a day, both shared by all processes of this machine."""

import hashlib
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from platform_assets.errors import NotReadyError, extra
from platform_assets.settings import load_settings


def folder() -> Path:
    """What this machine keeps of APIs: counts of calls, and answers for as long as their servers allow it."""
    found = load_settings().home / "rest"
    found.mkdir(parents=True, exist_ok=True, mode=0o700)
    return found


@dataclass(frozen=True)
class Limits:
    """What is allowed at one API."""

    api: str
    """By which sources of one API know each other: scheme, host and port."""
    rate: Mapping[timedelta, int]
    """The calls within each of these times."""
    calls_a_day: int | None

    def turns(self) -> "Turns | None":
        """Whoever waits for them calls no more often than the rate allows; None without a rate. To be closed."""
        return Turns(self.api, self.rate) if self.rate else None

    def count(self) -> int:
        """Counts a call, and says the how manyth of this day it is.

        Raises:
            NotReadyError: no more are allowed today; when they are.
        """
        now = datetime.now(UTC)  # the provider's clock, whatever PLATFORM_NOW says
        with closing(sqlite3.connect(folder() / "calls.sqlite", timeout=30, isolation_level=None)) as database:
            database.execute("pragma synchronous = full")
            database.execute("create table if not exists calls (api text, day text, calls integer, primary key (api, day))")
            counted = database.execute(
                "insert into calls values (?1, ?2, 1) "
                "on conflict do update set calls = calls + 1 where ?3 is null or calls < ?3 returning calls",
                (self.api, f"{now:%Y-%m-%d}", self.calls_a_day),
            ).fetchall()
        if counted:
            return int(counted[0][0])
        tomorrow = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        raise NotReadyError(
            f"the {self.calls_a_day:,} calls of {self.api} that calls_a_day= allows are used up for today (UTC). It goes on at "
            f"{tomorrow:%Y-%m-%d %H:%M} UTC by itself; declare more if the provider allows them."
        )


class Turns:
    """Calls of one API at a rate, by all processes of this machine."""

    def __init__(self, api: str, rate: Mapping[timedelta, int]) -> None:
        with extra("rest"):
            from pyrate_limiter import Limiter, Rate, SQLiteBucket
            from pyrate_limiter.limiter import SingleBucketFactory

        rates = [Rate(calls, int(time / timedelta(milliseconds=1))) for time, calls in sorted(rate.items())]
        name = f"rate_{hashlib.sha256(api.encode()).hexdigest()[:16]}"  # it becomes part of SQL
        self._bucket: Any = SQLiteBucket.init_from_file(rates, table=name, db_path=str(folder() / f"{name}.sqlite"), use_file_lock=True)
        # Given the bucket alone it would take the bucket's lock by itself, and start a thread that removes old calls.
        self._limiter: Any = Limiter(SingleBucketFactory(self._bucket, schedule_leak=False))
        self._limiter.lock = (self._bucket.lock, self._limiter.lock)

    def wait(self) -> None:
        """Returns when a call may be made."""
        self._bucket.leak(self._bucket.now())
        while not self._limiter.try_acquire("call"):
            pass

    def close(self) -> None:
        self._bucket.close()

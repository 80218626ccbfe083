"""Connections to the online store, and explanations of its errors."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from types import TracebackType
from typing import Any, Protocol

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from platform_assets.errors import OnlineError
from platform_assets.settings import without_secrets

CONNECT_SECONDS = 5.0
_DRIVER = redis.DriverInfo()
"""The library version that connections report to the server. Otherwise each would look it up in the installed files: 2 ms."""


@dataclass(frozen=True)
class OnlineStore:
    """The location of the online store.

    url: redis://[user:password@]host:6379/0, rediss:// with TLS, or unix:///path. A Valkey or Redis; not yet a cluster.
    project: the prefix of all keys, so that several projects can share a server.
    answer_seconds: how long to wait for an answer.
    """

    url: str
    project: str = "platform"
    answer_seconds: float = 60.0

    @cached_property
    def address(self) -> str:
        """The URL for messages, without user and password."""
        return without_secrets(self.url)

    def pool(self) -> redis.ConnectionPool:
        """Connections that fail at once if the server is unreachable: the caller decides whether to retry."""
        try:
            pool = redis.ConnectionPool.from_url(
                self.url,
                retry=Retry(NoBackoff(), 0),
                socket_connect_timeout=CONNECT_SECONDS,
                socket_timeout=self.answer_seconds,
                driver_info=_DRIVER,
            )
            pool.connection_class(**pool.connection_kwargs)  # checks the options after the ?, without connecting
            return pool
        except (ValueError, TypeError) as error:  # TypeError: an unknown option
            raise OnlineError(f"the online store {self.address} is not an address: {error}") from None

    def check(self) -> None:
        """Checks that the server answers. OnlineError: it does not answer, or refuses the user or password."""
        with self.session() as session:
            session.call(b"PING")

    def session(self) -> "Session":
        """A separate connection; close it, or use `with`."""
        return Session(self)


class Session:
    """One connection that is never reopened: after a break, earlier writes may be lost, so everything fails."""

    def __init__(self, store: OnlineStore) -> None:
        self.store = store
        self._pool = store.pool()
        with explained(store.address):
            self._connection: Any = self._pool.get_connection()

    def call(self, *command: bytes | str | int) -> Any:
        """One command and its answer."""
        self.send(self._connection.pack_command(*command))
        return self.answer()

    def calls(self, commands: Sequence[tuple[bytes | str | int, ...]]) -> list[Any]:
        """Several commands in one round trip, and their answers."""
        self.send([piece for command in commands for piece in self._connection.pack_command(*command)])
        return [self.answer() for _ in commands]

    def send(self, packed: Sequence[bytes]) -> None:
        """Sends commands in wire format; each has an answer to be read."""
        with explained(self.store.address):
            if not self._connection.is_connected:  # redis-py would silently open a new one
                raise redis.ConnectionError("the connection was lost")
            self._connection.send_packed_command(packed, check_health=False)

    def answer(self) -> Any:
        """The answer to the oldest unanswered command."""
        with explained(self.store.address):
            return self._connection.read_response()

    def close(self) -> None:
        self._connection.disconnect()
        self._pool.disconnect()

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


@contextmanager
def explained(address: str) -> Iterator[None]:
    """Turns the client library's errors into OnlineErrors that name the server, without user and password, and the fix."""
    try:
        yield
    except redis.AuthenticationError as error:
        raise OnlineError(f"the online store {address} refuses the user or password ({error}). Correct PLATFORM_REDIS_URL.") from None
    except (redis.ConnectionError, redis.TimeoutError, OSError) as error:
        raise OnlineError(
            f"the online store {address} does not answer ({_without_address(error)}). Start it, or correct PLATFORM_REDIS_URL; an "
            "interrupted run can be repeated."
        ) from None
    except redis.ResponseError as error:
        raise OnlineError(f"the online store {address} refuses a command: {str(error).rstrip('.')}.{_fix(error)}") from None


class Answering(Protocol):
    """The part of a connection that `answers` needs."""

    _parser: Any

    def read_response(self) -> Any: ...


def answers(connection: Answering, count: int) -> list[Any]:
    """The answers to `count` commands; an error among them is raised.

    The connection's own read_response costs a microsecond of bookkeeping per answer, a hundred for a hundred entities: all but the
    first are read from its parser (a test checks that redis-py has it).
    """
    found = [connection.read_response()]
    read = connection._parser.read_response
    found += [read() for _ in range(count - 1)]
    for answer in found:
        if isinstance(answer, redis.ResponseError):
            raise answer
    return found


def _without_address(error: Exception) -> str:
    text = str(error)
    return text.rstrip(".") if "://" not in text else type(error).__name__


_NO_CLUSTER = "It is a cluster, which is not supported: set PLATFORM_REDIS_URL to a single server."
_NO_REPLICA = "It is a replica: to publish, set PLATFORM_REDIS_URL to its primary."
_ANOTHERS = "Another program uses keys that begin with PLATFORM_PROJECT: set another project or database, or remove that key."
_PERMISSIONS = (
    "Give the user of PLATFORM_REDIS_URL the keys of the project (~platform:*). To read it needs HMGET, INFO and PING; to publish also "
    "HGET, HSET, HDEL, HGETALL, HINCRBY, HSTRLEN, HEXPIRE, DEL, SCAN, DBSIZE, EVAL, EVALSHA, SCRIPT and COMMAND."
)
_FIXES = {
    "used memory > 'maxmemory'": "Its memory is full: give it more (maxmemory), then run this again. Earlier publications are unaffected.",
    "don't hash to the same slot": _NO_CLUSTER,
    "MovedError": _NO_CLUSTER,
    "Hash slot not served": _NO_CLUSTER,
    "No matching script": "It was emptied or restarted in the meantime: run this again.",
    "no permissions": _PERMISSIONS,
    "cannot be called": _PERMISSIONS,
    "read only replica": _NO_REPLICA,
    "MISCONF": "It cannot save its data: free disk space there; see its log for details.",
    "Link with MASTER is down": "It is a replica that has lost its primary: wait until that is back, or set PLATFORM_REDIS_URL to another.",
    "wrong kind of value": _ANOTHERS,
    "DB index": "The last number of PLATFORM_REDIS_URL is the database: correct it.",
}
"""The fix for server errors, by a part of their text; redis-py removes most of the capitalized prefixes."""


def _fix(error: Exception) -> str:
    message = f"{type(error).__name__} {error}"
    return next((f" {fix}" for what, fix in _FIXES.items() if what in message), "")

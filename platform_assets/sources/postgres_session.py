"""A session of a PostgreSQL server, over ADBC. How to connect is a secret: it is read when it is needed, kept nowhere and shown nowhere."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import polars as pl

from platform_assets.errors import SourceError, extra

APPLICATION = "platform_assets"
"""Begins the application_name of all sessions, which only read."""
BATCH_BYTES = 1 << 23
"""About so much is in memory of what the server sends."""
_CONNECTS_WITHIN = 10
_PARAMETERS = {"connect_timeout": _CONNECTS_WITHIN, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
"""Of the connection, where the URL says nothing else: a server that has vanished is noticed within a minute."""


@dataclass(frozen=True)
class Connection:
    """Where the URL of a server stands: in an environment variable, or in a file."""

    environment: str | None
    file: str | None

    def __str__(self) -> str:
        return self.environment or f"the file {self.file}"

    def url(self, where: str) -> str:
        """The URL, whose password nobody may see.

        Raises:
            SourceError: there is none, or it is no URL of PostgreSQL. Nothing of it is quoted.
        """
        if self.file is not None:
            try:
                found = Path(self.file).read_text().strip()
            except (OSError, UnicodeDecodeError) as error:
                raise SourceError(
                    f"{where}: the file {self.file}, which holds the database's URL, cannot be read: {_reason(error)}."
                ) from None
        else:
            found = os.environ.get(self.environment or "", "").strip()
        if not found:
            raise SourceError(f"{where}: {self} is {'empty' if self.file else 'not set'}. It has to hold the database's URL: {_EXAMPLE}.")
        if why := _why_no_url(found):
            raise SourceError(f"{where}: what {self} holds cannot be used: {why}. Write {_EXAMPLE}.")
        return found


_EXAMPLE = "postgresql://user:password@host:5432/database"


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or type(error).__name__


def _why_no_url(url: str) -> str | None:
    """What is wrong with a URL, in words that hold nothing of it: libpq's quote parts of the password."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in ("postgresql", "postgres"):
        return "it does not begin with postgresql://"
    if re.search(r"[\s\x00-\x1f]", url):
        return "it has a blank or a line end. Write %20 for a blank in the password"
    if re.search(r"%(?![0-9A-Fa-f]{2})", rest):
        return "it has a % that two hexadecimal digits do not follow. Write %25 for a % in the password"
    user, _, place = rest.partition("?")[0].rpartition("@")
    if "@" in user or "/" in user or "#" in url:
        return "it has an @, / or # in the user or password. Write %40, %2F or %23 instead"
    if not re.fullmatch(r"[^/]*(/[^/]*)?", place):
        return "there is more than one / behind the host"
    return None


def _with_parameters(url: str) -> str:
    query = urlsplit(url).query
    more = "&".join(f"{name}={value}" for name, value in _PARAMETERS.items() if f"{name}=" not in query)
    return f"{url}{'&' if query else '?'}{more}" if more else url


def hidden(text: str, url: str) -> str:
    """A text without the URL and its password.

    >>> hidden("cannot reach postgresql://ann:hunter2@db/shop: hunter2?", "postgresql://ann:hunter2@db/shop")
    'cannot reach ***: ***?'
    """
    parts = urlsplit(url)
    passwords = [parts.password or "", *re.findall(r"(?:^|&)password=([^&]*)", parts.query)]
    secrets = {url, *(secret for password in passwords for secret in (password, unquote(password)))}
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


class Session:
    """A connection to a server, which commits each statement unless it is in `reading`."""

    def __init__(self, opened: Any, url: str, where: str, connection: Connection) -> None:
        self._opened, self._url, self._connection = opened, url, connection
        self.where = where
        self.reads = ""
        """What is read, for messages: "the table public.orders"."""
        self.limits: dict[str, str] = {}
        """statement_timeout and lock_timeout, as they were declared."""

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What a small query gives."""
        with self._words(), self._opened.cursor() as cursor:
            cursor.execute(sql)
            return [tuple(row) for row in cursor.fetchall()]

    def run(self, sql: str) -> None:
        with self._words(), self._opened.cursor() as cursor:
            cursor.execute(sql)
            cursor.fetchall()

    def names(self, sql: str) -> list[str]:
        """The columns of a query, which is not run."""
        with self._words(), self._opened.cursor() as cursor:
            return list(cursor.adbc_execute_schema(sql).names)

    def frames(self, sql: str, check_texts: bool) -> Iterator[pl.DataFrame]:
        """The rows of a query as they come, at least one frame.

        check_texts: whether the server may send texts that are no UTF-8.
        """
        with self._words(), self._opened.cursor(adbc_stmt_kwargs={"adbc.postgresql.batch_size_hint_bytes": str(BATCH_BYTES)}) as cursor:
            cursor.execute(sql)
            stream = cursor.fetch_record_batch()
            yield pl.DataFrame(pl.from_arrow(stream.schema.empty_table()))
            for batch in stream:
                if check_texts:
                    batch.validate(full=True)
                if batch.num_rows:
                    yield pl.DataFrame(pl.from_arrow(batch))

    @contextmanager
    def reading(self, settings: dict[str, str]) -> Iterator[None]:
        """One transaction that sees the tables as they are when it reads for the first time, and cannot write."""
        self.run("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        try:
            for name, value in settings.items():
                self.run(f"SET LOCAL {name} = '{value}'")
            yield
        finally:
            with self._quietly():
                self.run("ROLLBACK")

    def close(self) -> None:
        with self._quietly():
            self._opened.close()

    @contextmanager
    def _quietly(self) -> Iterator[None]:
        """What cannot be ended has been ended by the server."""
        try:
            yield
        except Exception:
            return

    @contextmanager
    def _words(self) -> Iterator[None]:
        """Errors of the server say what to do."""
        import adbc_driver_manager as adbc
        import pyarrow as pa

        try:
            yield
        except (adbc.Error, pa.ArrowException, OSError) as error:
            from platform_assets.sources.postgres_errors import while_reading

            said = hidden(str(error), self._url)
            state = getattr(error, "sqlstate", None)
            raise SourceError(f"{self.where}: {while_reading(said, state, self.reads, self.limits)}") from None


@contextmanager
def session(connection: Connection, where: str, application: str) -> Iterator[Session]:
    """Connects to a server.

    application: what the server's administrator sees the session as, behind "platform_assets: ".

    Raises:
        SourceError: it cannot be reached, or refuses: why, and what to do.
    """
    url = connection.url(where)
    with extra("postgres"):
        import adbc_driver_manager as adbc
        from adbc_driver_postgresql import dbapi
    try:
        opened = dbapi.connect(_with_parameters(url), autocommit=True)
    except adbc.Error as error:
        from platform_assets.sources.postgres_errors import while_connecting

        raise SourceError(f"{where}: {while_connecting(hidden(str(error), url), str(connection))}") from None
    found = Session(opened, url, where, connection)
    try:
        found.run(f"SET application_name = {literal(f'{APPLICATION}: {application}'[:63])}")
        yield found
    finally:
        found.close()


def literal(text: str) -> str:
    """A text in SQL.

    >>> literal("o'hara"), literal("a\\\\b")
    ("'o''hara'", " E'a\\\\\\\\b'")
    """
    quoted = text.replace("'", "''")
    return f"'{quoted}'" if "\\" not in quoted else " E'" + quoted.replace("\\", "\\\\") + "'"

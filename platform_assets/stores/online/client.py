"""Reading the online store: many entities and views in one round trip, with how fresh each view is."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import redis

from platform_assets.errors import OnlineError
from platform_assets.stores.online.connection import OnlineStore, answers, explained
from platform_assets.stores.online.keys import entity_key, marks_key
from platform_assets.stores.online.layout import Values, ViewLayout
from platform_assets.stores.online.marks import Marks, parsed

ANSWER_SECONDS = 1.0
"""Who waits for features waits no longer."""


@dataclass(frozen=True)
class Answer:
    """What a read found.

    views: by the view's name its values, for the entities asked for in their order.
    watermarks: from when the newest published snapshot of each view may be read: nothing is missing up to there. None: the view was
    never published.
    stale: the views that were older than allowed and are answered with the empty values.
    """

    views: dict[str, Values]
    watermarks: dict[str, datetime | None]
    stale: tuple[str, ...] = ()


@dataclass(frozen=True)
class Freshness:
    """How old a view may be, and what to do when it is older, or was never published.

    max_staleness: the age of its watermark, at most; None: any.
    when_stale: 'fail' raises an OnlineError; 'degrade' answers with the empty values and names the view in Answer.stale.
    """

    max_staleness: timedelta | None = None
    when_stale: Literal["fail", "degrade"] = "fail"


_ANY = Freshness()


class OnlineClient:
    """Reads feature values from the online store. Threads may share one.

    url: as PLATFORM_REDIS_URL. project: as PLATFORM_PROJECT.

        client = OnlineClient("redis://127.0.0.1:6379/0")
        reader = client.reader([layout_of(customer_spend)])
        reader.read([{"customer_id": 17850}]).views["customer_spend"].rows    # [(2, 61.5)]
    """

    def __init__(self, url: str, project: str = "platform", answer_seconds: float = ANSWER_SECONDS) -> None:
        self.store = OnlineStore(url, project, answer_seconds)
        self._pool = self.store.pool()

    def check(self) -> None:
        """Asks the server whether it is there. OnlineError: it does not answer, or refuses user or password."""
        self.store.check()

    def reader(self, layouts: Sequence[ViewLayout]) -> "Reader":
        """Prepares reads of these views."""
        return Reader(self.store, self._pool, layouts)

    def close(self) -> None:
        self._pool.disconnect()


class Reader:
    """Reads of some views, prepared: what they have in common is packed once."""

    def __init__(self, store: OnlineStore, pool: redis.ConnectionPool, layouts: Sequence[ViewLayout]) -> None:
        names = [layout.view for layout in layouts]
        if len(set(names)) < len(names) or not names:
            raise OnlineError(f"reading {', '.join(names) or 'nothing'}: name one version of each view.")
        self._store, self._pool, self._layouts = store, pool, tuple(layouts)
        self._ask_marks = _command(b"HMGET", marks_key(store.project), *(layout.name.encode() for layout in layouts))
        groups: dict[tuple[Any, ...], list[ViewLayout]] = {}
        for layout in layouts:
            groups.setdefault((layout.entity, layout.keys), []).append(layout)
        # An entity's views are in one hash: a question for each entity, with a field for each view.
        self._groups = [
            (
                entity_key(group[0], store.project),
                b"*%d\r\n$5\r\nHMGET\r\n$%%d\r\n%%b\r\n" % (2 + len(group)) + b"".join(_argument(layout.field) for layout in group),
                group,
            )
            for group in groups.values()
        ]

    def read(
        self, entities: Sequence[Mapping[str, Any]], now: datetime | None = None, freshness: Mapping[str, Freshness] | None = None
    ) -> Answer:
        """The values of the views for these entities, in one round trip.

        entities: key values by column; a row with keys of several entities serves the views of all of them. One with a null key
        has the empty values. now: when the watermarks' age is measured, by default the clock's time. freshness: by view; one that is
        not in it must be published, and may have any age.

        OnlineError: the server does not answer; a view was never published, or is older than allowed; a key has the wrong type.
        """
        commands, keys_of_groups = [self._ask_marks], []
        for key_of, command, _ in self._groups:
            keys = [key_of(entity) for entity in entities]
            keys_of_groups.append(keys)
            commands += [command % (len(key), key) for key in keys if key is not None]
        marks, *found = self._ask(commands)
        views: dict[str, Values] = {}
        start = 0
        for (_, _, group), keys in zip(self._groups, keys_of_groups, strict=True):
            end = start + len(keys) - keys.count(None)
            answers: Sequence[Sequence[bytes | None]] = found[start:end]
            start = end
            if None in keys:
                remaining: Iterator[Sequence[bytes | None]] = iter(answers)
                nothing = [None] * len(group)
                answers = [nothing if key is None else next(remaining) for key in keys]
            for layout, packed in zip(group, zip(*answers, strict=True) if answers else [()] * len(group), strict=True):
                views[layout.view] = layout.unpack(packed)
        return self._answer(views, [parsed(mark) for mark in marks], now, freshness or {})

    def _ask(self, commands: list[bytes]) -> list[list[bytes | None]]:
        with explained(self._store.address):
            connection: Any = self._pool.get_connection()
            try:
                # The marks come first: the values that follow are at least as new.
                connection.send_packed_command([b"".join(commands)], check_health=False)
                return answers(connection, len(commands))
            except BaseException:
                connection.disconnect()  # answers that nobody has read would be taken for those of the next question
                raise
            finally:
                self._pool.release(connection)

    def _answer(
        self, views: dict[str, Values], marks: list[Marks | None], now: datetime | None, freshness: Mapping[str, Freshness]
    ) -> Answer:
        stale = []
        watermarks: dict[str, datetime | None] = {}
        for layout, mark in zip(self._layouts, marks, strict=True):
            watermarks[layout.view] = mark.watermark_at if mark else None
            allowed = freshness.get(layout.view, _ANY)
            problem = _too_old(mark, allowed.max_staleness, now)
            if problem is None:
                continue
            if allowed.when_stale == "fail":
                raise OnlineError(f"{layout.name} {problem} in the online store {self._store.address}. Materialize {layout.view}/online.")
            stale.append(layout.view)
            views[layout.view] = layout.unpack([None] * len(views[layout.view].rows))
        return Answer(views, watermarks, tuple(stale))


def _too_old(mark: Marks | None, allowed: timedelta | None, now: datetime | None) -> str | None:
    if mark is None:
        return "was never published"
    if allowed is None:
        return None
    age = (now or datetime.now(UTC)) - mark.watermark_at
    return f"is {age} old, {allowed} is allowed" if age > allowed else None


def _command(*arguments: bytes) -> bytes:
    return b"*%d\r\n" % len(arguments) + b"".join(map(_argument, arguments))


def _argument(argument: bytes) -> bytes:
    return b"$%d\r\n%b\r\n" % (len(argument), argument)

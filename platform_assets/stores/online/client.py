"""Reads the online store: many entities and views in one round trip, with the freshness and completeness of each view."""

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import redis

from platform_assets.declare.durations import in_words
from platform_assets.declare.freshness import Freshness
from platform_assets.errors import OnlineError
from platform_assets.stores.online.connection import OnlineStore, answers, explained
from platform_assets.stores.online.value_layout import Values, ViewLayout
from platform_assets.stores.online.vectors import Answer, Question, ViewState, incomplete, view_state

ANSWER_SECONDS = 1.0
"""The time limit of a read."""

LOOK_SECONDS = 1.0
"""How often a read checks, in the same round trip, whether the server may have lost entities."""

LOOK_AGAIN_SECONDS = 0.05
"""A read with a missing entity also checks, in another round trip, unless it was checked within this time."""

_ANY = Freshness()


class OnlineClient:
    """Reads feature values from the online store. It is thread-safe.

    url: see PLATFORM_REDIS_URL. project: see PLATFORM_PROJECT.

        client = OnlineClient("redis://127.0.0.1:6379/0")
        reader = client.reader([layout_of(customer_spend)])
        reader.read([{"customer_id": 17850}]).views["customer_spend"].rows    # [(2, 61.5)]
    """

    def __init__(self, url: str, project: str = "platform", answer_seconds: float = ANSWER_SECONDS) -> None:
        self.store = OnlineStore(url, project, answer_seconds)
        self._pool = self.store.pool()

    def check(self) -> None:
        """Checks that the server answers. OnlineError: it does not answer, or refuses the user or password."""
        self.store.check()

    def reader(self, layouts: Sequence[ViewLayout], freshness: Mapping[str, Freshness] | None = None) -> "Reader":
        """Prepares reads of these views with their required freshness; views that are not listed may have any age."""
        return Reader(self.store, self._pool, layouts, freshness or {})

    def close(self) -> None:
        self._pool.disconnect()


class Reader:
    """Prepared reads of some views."""

    def __init__(
        self, store: OnlineStore, pool: redis.ConnectionPool, layouts: Sequence[ViewLayout], freshness: Mapping[str, Freshness]
    ) -> None:
        self._store, self._pool, self._layouts = store, pool, tuple(layouts)
        self._question = Question(self._layouts, store.project)
        self._freshness = [freshness.get(layout.view, _ANY) for layout in layouts]
        self._read: tuple[list[bytes | None], list[ViewState]] = ([], [])
        self._newest: dict[str, datetime] = {}
        self._looked_at = float("-inf")
        self._incomplete: dict[str, str] = {}

    def read(
        self, entities: Sequence[Mapping[str, Any]], now: datetime | None = None, freshness: Mapping[str, Freshness] | None = None
    ) -> Answer:
        """The values of the views for these entities, in one round trip.

        entities: key values by column; a row with keys of several entities serves the views of all of them. A row with a null key
        has the empty values. now: the time at which the watermarks' age is measured, by default the clock. freshness: by view, overrides
        what the reader was prepared with.

        OnlineError: the server does not answer; a view was never published, or, with when_stale="fail", is older than allowed or misses an
        entity that may be lost; a key has the wrong type.
        """
        question, started = self._question, time.monotonic()
        commands, keys = question.ask(entities)
        # The marks come first: the values that follow are at least as new. The server's losses come last.
        looks = started - self._looked_at > LOOK_SECONDS
        marks, *found = self._ask([question.marks, *commands, *(question.state if looks else ())])
        if looks:
            self._look(found[-2], found[-1], started)
        views, missing = question.values(found, keys)
        if missing and not looks and started - self._looked_at > LOOK_AGAIN_SECONDS:
            noted, info = self._ask(question.state)
            self._look(noted, info, started)
        allowed = self._freshness if freshness is None else [freshness.get(layout.view, _ANY) for layout in self._layouts]
        known = self._published(marks) if freshness is None else self._judged(marks, allowed)
        return self._answer(views, missing, known, allowed, now or datetime.now(UTC))

    def _ask(self, commands: list[bytes]) -> list[Any]:
        with explained(self._store.address):
            connection: Any = self._pool.get_connection()
            try:
                connection.send_packed_command([b"".join(commands)], check_health=False)
                return answers(connection, len(commands))
            except BaseException:
                connection.disconnect()  # unread answers would be mistaken for those of the next request
                raise
            finally:
                self._pool.release(connection)

    def _look(self, noted: Any, info: Any, at: float) -> None:
        self._looked_at, self._incomplete = at, incomplete(self._layouts, noted, info)

    def _published(self, marks: list[bytes | None]) -> list[ViewState]:
        """What is published, according to the marks: they change a few times a day, and are parsed only then."""
        if self._read[0] != marks:
            self._read = marks, self._judged(marks, self._freshness)
        return self._read[1]

    def _judged(self, marks: list[bytes | None], allowed: Sequence[Freshness]) -> list[ViewState]:
        found = []
        for layout, mark, fresh in zip(self._layouts, marks, allowed, strict=True):
            found.append(view_state(layout, mark, fresh, self._store))
            if (known := found[-1].marks) is not None:
                self._newest[layout.view] = max(known.watermark_at, self._newest.get(layout.view, known.watermark_at))
        return found

    def _answer(
        self,
        views: dict[str, Values],
        missing: dict[str, tuple[int, ...]],
        known: list[ViewState],
        freshness: Sequence[Freshness],
        now: datetime,
    ) -> Answer:
        answer = Answer(views, {}, {}, (), missing, dict(self._incomplete))
        stale = []
        for layout, state, allowed in zip(self._layouts, known, freshness, strict=True):
            view, marks = layout.view, state.marks
            answer.watermarks[view] = None if marks is None else marks.watermark_at
            answer.ages[view] = None if marks is None else now - marks.watermark_at
            if marks is None or (state.stale_after is not None and now > state.stale_after) or marks.watermark_at < self._newest[view]:
                stale.append(view)
                self._check(layout, state, allowed, now)
                if allowed.when_stale == "null":
                    views[view] = layout.nulls(views[view], range(len(views[view].rows)))
            if self._incomplete and view in self._incomplete and view in missing:
                if allowed.when_stale == "fail":
                    raise OnlineError(
                        f"{layout.view} has no values for {len(missing[view])} of the requested entities in the online store "
                        f"{self._store.address}, and may have lost them: {self._incomplete[view]}."
                    )
                views[view] = layout.nulls(views[view], missing[view])
        answer.stale = tuple(stale)
        return answer

    def _check(self, layout: ViewLayout, state: ViewState, allowed: Freshness, now: datetime) -> None:
        """Raises an OnlineError for a stale view that must not be served, or one that was never published."""
        if allowed.when_stale == "null" or (state.marks is not None and allowed.when_stale == "serve"):
            return
        where = f"the online store {self._store.address}"
        if state.marks is None:
            lost = layout.view in self._newest
            gone = f"is no longer in {where}: the server has lost its data" if lost else f"was never published in {where}, or is lost"
            undeclared = "" if layout.is_declared_online else "It is not declared with online=True: add that. "
            raise OnlineError(
                f"{layout.view} {gone} (project {self._store.project!r}). {undeclared}Materialize {layout.view}/online; if it is published "
                "elsewhere, correct PLATFORM_REDIS_URL (its last number is the database) or PLATFORM_PROJECT."
            )
        age = now - state.marks.watermark_at
        if state.stale_after is not None and now > state.stale_after:
            limit = state.stale_after - state.marks.watermark_at
            raise OnlineError(
                f"{layout.view} is {in_words(age)} old in {where}, the limit is {in_words(limit)}. Materialize {layout.view}/online."
            )
        raise OnlineError(
            f"{layout.view} is older than before in {where}: published up to {state.marks.watermark_at:%Y-%m-%d %H:%M} UTC, previously "
            f"up to {self._newest[layout.view]:%Y-%m-%d %H:%M}. The server was restored from an older copy. Materialize "
            f"{layout.view}/online."
        )

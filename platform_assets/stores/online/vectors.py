"""Encodes the requests of a read and decodes the server's answers: bytes in, values out, without a connection."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from platform_assets.declare.freshness import Freshness
from platform_assets.errors import OnlineError
from platform_assets.stores.online.connection import OnlineStore
from platform_assets.stores.online.key_layout import complete_field, entity_key, lost_field, marks_key
from platform_assets.stores.online.publication_state import PublicationState, parsed
from platform_assets.stores.online.server import parsed_complete, parsed_info
from platform_assets.stores.online.value_layout import Values, ViewLayout

Found = Sequence[Any]
"""The server's answers to the commands of a question, in order."""


@dataclass(slots=True)
class Answer:
    """The result of a read.

    views: values by view name, for the requested entities in order.
    watermarks: the time from which the newest published snapshot of each view may be read: nothing is missing before it. None: the view was
        never published.
    ages: the age of the watermark; None: the view was never published.
    stale: the views that are older than allowed, or older than in an earlier read.
    missing: by view, the positions of entities for which the store has neither values nor a tombstone.
    incomplete: the views that may have lost entities, and why. Their missing entities get nulls, not the empty values.
    """

    views: dict[str, Values]
    watermarks: dict[str, datetime | None]
    ages: dict[str, timedelta | None] = field(default_factory=dict)
    stale: tuple[str, ...] = ()
    missing: dict[str, tuple[int, ...]] = field(default_factory=dict)
    incomplete: dict[str, str] = field(default_factory=dict)


class Question:
    """The prepared commands for some views: the parts that all reads share are packed once."""

    def __init__(self, layouts: Sequence[ViewLayout], project: str) -> None:
        names = [layout.view for layout in layouts]
        if len(set(names)) < len(names) or not names:
            raise OnlineError(f"reading {', '.join(names) or 'nothing'}: name one version of each view.")
        self.marks = _command(b"HMGET", marks_key(project), *(layout.name.encode() for layout in layouts))
        noted = [field(layout) for layout in layouts for field in (complete_field, lost_field)]
        self.state = [_command(b"HMGET", marks_key(project), *noted), _command(b"INFO")]
        groups: dict[tuple[Any, ...], list[ViewLayout]] = {}
        for layout in layouts:
            groups.setdefault((layout.entity, layout.keys), []).append(layout)
        # An entity's views are in one hash: one command per entity, with one field per view.
        self._groups = [
            (
                entity_key(group[0], project),
                b"*%d\r\n$5\r\nHMGET\r\n$%%d\r\n%%b\r\n" % (2 + len(group)) + b"".join(_argument(layout.field) for layout in group),
                group,
            )
            for group in groups.values()
        ]

    def ask(self, entities: Sequence[Mapping[str, Any]]) -> tuple[list[bytes], list[list[bytes | None]]]:
        """The commands for these entities, and the keys of each group of views with one entity."""
        commands, keys_of_groups = list[bytes](), []
        for key_of, command, _ in self._groups:
            keys = [key_of(entity) for entity in entities]
            keys_of_groups.append(keys)
            commands += [command % (len(key), key) for key in keys if key is not None]
        return commands, keys_of_groups

    def values(self, found: Found, keys_of_groups: list[list[bytes | None]]) -> tuple[dict[str, Values], dict[str, tuple[int, ...]]]:
        """The values of the entities, and by view the positions of missing ones."""
        views: dict[str, Values] = {}
        missing: dict[str, tuple[int, ...]] = {}
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
                if None in packed:
                    places = tuple(n for n, field in enumerate(packed) if field is None and keys[n] is not None)
                    if places:
                        missing[layout.view] = places
        return views, missing


@dataclass(frozen=True)
class ViewState:
    """The parsed marks of a view, and when they become stale."""

    marks: PublicationState | None
    stale_after: datetime | None


def view_state(layout: ViewLayout, marks: bytes | None, freshness: Freshness, store: OnlineStore) -> ViewState:
    """The published state of a view. OnlineError: its marks cannot be read."""
    found = parsed(marks, layout, store.address)
    return ViewState(found, None if found is None else freshness.stale_after(found.watermark, found.watermark_at))


def incomplete(layouts: Sequence[ViewLayout], noted: Sequence[bytes | None], info: bytes) -> dict[str, str]:
    """The views that may have lost entities, and why: according to the marks of each and the server's state."""
    server = parsed_info(info)
    found: dict[str, str] = {}
    for place, layout in enumerate(layouts):
        complete, lost = parsed_complete(noted[2 * place]), noted[2 * place + 1]
        fix = f"platform-assets rebuild --missing {layout.view}"
        if server.may_evict:
            found[layout.view] = (
                f"the server may have evicted entities: its maxmemory-policy is {server.policy}. Set it to noeviction, then run {fix}"
            )
        elif lost is not None:
            found[layout.view] = f"{lost.split(b' ')[0].decode(errors='replace')} published entities are missing. Run {fix}"
        elif complete is not None and (evicted := server.has_evicted_since(complete)):
            found[layout.view] = f"the server has evicted {evicted} keys since all entities were known to exist. Run {fix}"
    return found


def _command(*arguments: bytes) -> bytes:
    return b"*%d\r\n" % len(arguments) + b"".join(map(_argument, arguments))


def _argument(argument: bytes) -> bytes:
    return b"$%d\r\n%b\r\n" % (len(argument), argument)

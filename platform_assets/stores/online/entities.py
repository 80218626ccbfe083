"""Checks that all published entities still exist: compares the count kept by publications with the store."""

from dataclasses import dataclass
from uuid import uuid4

from platform_assets.stores.online.connection import OnlineStore, Session
from platform_assets.stores.online.key_layout import complete_field, entities_field, entity_pattern, lost_field, marks_key, unfinished_field
from platform_assets.stores.online.server import Server, parsed_complete, parsed_info
from platform_assets.stores.online.value_layout import TOMBSTONE_BYTES, ViewLayout

_AT_ONCE = 1000
"""Keys checked per call of the script: the server is blocked while it runs (1 ms)."""

_TRIES = 3

_COUNT = f"""
local found, entities = redis.call('SCAN', ARGV[1], 'MATCH', ARGV[2], 'COUNT', {_AT_ONCE}), 0
for _, key in ipairs(found[2]) do
  local size = redis.pcall('HSTRLEN', key, ARGV[3])
  if type(size) == 'number' and size > {TOMBSTONE_BYTES} then entities = entities + 1 end
end
return {{found[1], entities}}
"""

# Only if the marks have not changed since they were read: a publication that began or ended in the meantime has newer information.
_NOTE = """
for i, field in ipairs({ARGV[1], ARGV[2], ARGV[3]}) do
  if (redis.call('HGET', KEYS[1], field) or '') ~= ARGV[i + 3] then return 0 end
end
if ARGV[9] == '' then redis.call('HDEL', KEYS[1], ARGV[7]) else redis.call('HSET', KEYS[1], ARGV[7], ARGV[9]) end
if ARGV[10] ~= '' then redis.call('HSET', KEYS[1], ARGV[8], ARGV[10] .. ' ' .. redis.call('DBSIZE')) end
return 1
"""


@dataclass(frozen=True)
class Entities:
    """The number of entities with values of a view.

    published: according to the count kept by publications; None: nothing is published, or an earlier release that kept no count published
    it. found: in the store; None: publications were running all the time, so that no consistent count was possible.
    """

    published: int | None
    found: int | None

    @property
    def lost(self) -> int:
        """How many are missing, as far as is known."""
        return 0 if self.published is None or self.found is None else max(0, self.published - self.found)


def count_entities(store: OnlineStore, layout: ViewLayout) -> Entities:
    """Counts the entities and records in the store how many are missing, for readers and for the next publication, which restores them.

    Scans every key of the view's entity once, a thousand at a time.
    """
    with store.session() as session:
        return _count(session, layout)


@dataclass(frozen=True)
class Losses:
    """Known losses before a publication.

    why: why all entities must be written; "" if nothing is known to be missing. noted: the losses recorded in the marks. server: its state.
    """

    why: str
    noted: bytes
    server: Server


def losses_of(session: Session, layout: ViewLayout) -> Losses:
    """Decides whether all entities of a view must be written, and why: nothing is published yet, or some may be lost.

    Makes only cheap checks: the server's count of evicted keys, the result of the last count, and whether the database has fewer keys than
    after the last publication. Only then are the entities counted.
    """
    info, noted, keys = session.calls(
        [
            ("INFO",),
            ("HMGET", marks_key(session.store.project), layout.name, complete_field(layout), lost_field(layout)),
            ("DBSIZE",),
        ]
    )
    server, (marks, known, lost) = parsed_info(info), noted
    complete = parsed_complete(known)
    if marks is None:
        why = "nothing was published"
    elif complete is None:
        why = "nothing is known of the entities that are published"
    elif lost is not None:
        why = f"{lost.split(b' ')[0].decode(errors='replace')} entities were missing"
    elif evicted := server.has_evicted_since(complete):
        why = f"the server has evicted {evicted} keys"
    elif keys < complete.keys and (missing := _count(session, layout).lost):
        why = f"{missing} entities were missing"
        lost = session.call("HGET", marks_key(session.store.project), lost_field(layout))
    else:
        why = ""
    return Losses(why, lost or b"", server)


def _count(session: Session, layout: ViewLayout) -> Entities:
    marks = marks_key(session.store.project)
    watched = (layout.name, unfinished_field(layout), entities_field(layout))
    published = None
    for _ in range(_TRIES):
        info = parsed_info(session.call("INFO"))
        before = [field or b"" for field in session.call("HMGET", marks, *watched)]
        published = int(before[2]) if before[0] and before[2].isdigit() else None
        if published is None:
            return Entities(None, None)
        if before[1]:  # a publication is running or has died: the next one counts again
            return Entities(published, None)
        found = _scanned(session, layout)
        lost = max(0, published - found)
        note = f"{lost} {uuid4().hex[:6]}" if lost else ""
        complete = "" if lost else f"{info.run_id} {info.evicted}"
        noted = session.call("EVAL", _NOTE, 1, marks, *watched, *before, lost_field(layout), complete_field(layout), note, complete)
        if noted:
            return Entities(published, found)
    return Entities(published, None)


def _scanned(session: Session, layout: ViewLayout) -> int:
    script = session.call("SCRIPT", "LOAD", _COUNT)
    cursor, pattern, found = b"0", entity_pattern(layout, session.store.project), 0
    while True:
        cursor, entities = session.call("EVALSHA", script, 0, cursor, pattern, layout.field)
        found += int(entities)
        if cursor == b"0":
            return found

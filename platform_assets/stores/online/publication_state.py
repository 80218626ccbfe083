"""The published state of each view, and its unfinished publications: one hash for all views of a project.

    customer_spend@3f2a90c81b77             '57 19786 1709596800000000 c1c8...': gold's Delta version, the watermark's partition
                                            and its valid_from, the id of gold's table
    customer_spend@3f2a90c81b77 unfinished  JSON: what each unfinished publication may write
    customer_spend@3f2a90c81b77 entities    '20000': how many entities have values
    customer_spend@3f2a90c81b77 complete    'b084a4d0 0 20001': the server's run id, its evicted keys and the keys of its database
                                            when all of them were known to exist (server.py)
    customer_spend@3f2a90c81b77 lost        '6420 c1f09e': how many were found missing since (entities.py)

A publication announces before its first write what it will write, and withdraws that when it sets the marks. If it dies, its
announcement stays: the next publication begins where the dead one did. That is why a crash, or concurrent publications,
cannot leave a wrong value behind:

- Since: the oldest version from which changes must be published: that of the marks, or of an unfinished publication.
  It never decreases, and overlapping publications have the same one; so one with a higher version and watermark writes everything
  that the others write, and withdraws their announcements.
- The marks are set only by a publication whose version and watermark are both at least those of the marks. Any other starts
  over: what it read is older than what is published.
- The number of entities is updated by each write. A publication that writes all entities (the first one, and one after losses) sets it to
  the number in gold, and records that nothing is lost; only if no other is running, whose writes it could miss.
- If a server loses its data, announcements are lost together with the values: the publication then writes nothing more, and ends
  with an error.
"""

import json
from dataclasses import dataclass
from datetime import datetime

from platform_assets.errors import OnlineError
from platform_assets.stores.online.connection import Session
from platform_assets.stores.online.key_layout import complete_field, entities_field, lost_field, marks_key, unfinished_field
from platform_assets.stores.online.server import Server
from platform_assets.stores.online.value_layout import ViewLayout, as_datetime, as_microseconds

_READ = """
local marks, said = redis.call('HGET', KEYS[1], ARGV[1]), redis.call('HGET', KEYS[1], ARGV[1] .. ' unfinished')
local readable, unfinished = pcall(cjson.decode, said or '{}')
local version, watermark, published_of
if marks then
  version, watermark, published_of = string.match(marks, '^(%d+) (%-?%d+) %-?%d+ (%S+)$')
  version, watermark = tonumber(version), tonumber(watermark)
end
local function say()
  if next(unfinished) then
    redis.call('HSET', KEYS[1], ARGV[1] .. ' unfinished', cjson.encode(unfinished))
  else
    redis.call('HDEL', KEYS[1], ARGV[1] .. ' unfinished')
  end
end
"""

BEGIN = f"""
{_READ}
local token, gold = ARGV[2], ARGV[3]
-- Here the watermark is chosen: the newest snapshot whose valid_from has come (timely), not before that of any other publication that
-- is under way or done, and not beyond the last one without a gap in the ledger (gapless). END sets it when all values are written.
local read, gapless, timely, first, back = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local everything = ARGV[9] == '1'
if not readable or (marks and not version) then return {{'unreadable', 0, 0, 0}} end
if published_of and published_of ~= gold then return {{'another table', 0, 0, 0}} end
if version and version > read then return {{'newer', version, 0, 0}} end
local upto = math.max(timely, watermark or timely)
for _, other in pairs(unfinished) do
  if other.gold ~= gold then return {{'another table', 0, 0, 0}} end
  upto = math.max(upto, other.watermark)
end
upto = math.min(upto, gapless)
if watermark and upto < watermark then return {{'gap', 0, 0, watermark}} end
if upto < first then return {{'nothing', 0, 0, 0}} end
if version == read and watermark == upto and not next(unfinished) and not everything then return {{'done', 0, 0, watermark}} end
local since, after = version or read, watermark or upto - back - 1
if everything then after = math.min(after, upto - back - 1) end
for _, other in pairs(unfinished) do since, after = math.min(since, other.since), math.min(after, other.after) end
unfinished[token] = {{version = read, watermark = upto, since = since, after = after, gold = gold}}
say()
return {{'begun', since, after, upto}}
"""

END = f"""
{_READ}
local token, gold, read, upto = ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local entities, complete, lost = ARGV[7], ARGV[8], ARGV[9]
local own = readable and unfinished[token]
if not own then
  if version and version >= read and watermark >= upto then return 'published' end
  return 'lost'
end
if version and (version > read or watermark > upto) then return 'again' end
redis.call('HSET', KEYS[1], ARGV[1], table.concat({{ARGV[4], ARGV[5], ARGV[6], gold}}, ' '))
for name, other in pairs(unfinished) do
  local covered = other.since >= own.since and other.after >= own.after
  local older = other.version < read and other.watermark <= upto
  local same = other.version == read and other.watermark == upto
  if covered and (older or same) then unfinished[name] = nil end
end
say()
-- How many keys the database has now, so that the next publication sees whether some have gone.
local known = redis.call('HGET', KEYS[1], ARGV[1] .. ' complete')
if entities ~= '' and not next(unfinished) then
  redis.call('HSET', KEYS[1], ARGV[1] .. ' entities', entities)
  if redis.call('HGET', KEYS[1], ARGV[1] .. ' lost') == lost then redis.call('HDEL', KEYS[1], ARGV[1] .. ' lost') end
  known = complete
end
if known then
  known = string.gsub(known, ' %d+$', '')
  redis.call('HSET', KEYS[1], ARGV[1] .. ' complete', known .. ' ' .. redis.call('DBSIZE'))
end
return 'published'
"""


@dataclass(frozen=True)
class PublicationState:
    """The published state of a view: gold's Delta version, the watermark's partition, and the time from which its values may be read."""

    version: int
    watermark: int
    watermark_at: datetime
    table: str
    """The id of gold's table."""


@dataclass(frozen=True)
class Readable:
    """The state of gold that a publication found before it began.

    table: the id of gold's table. version: its Delta version. gapless: the last partition that exists with
    all before it. timely: the last one whose valid_from has passed. first: the first of all. lookback: how many partitions before the
    watermark the row with an entity's values may be.
    """

    table: str
    version: int
    gapless: int
    timely: int
    first: int
    lookback: int


@dataclass(frozen=True)
class Begun:
    """The result of `begin`.

    state: 'begun', 'done' (everything is already published), 'nothing' (no partition may be read yet), 'newer' (a newer version is
    published than was read), 'gap' (a partition before the watermark no longer exists), 'another table' (the published values
    come from a different table), 'unreadable' (the marks were not set by a publication).
    since, after: what must be written: changes after version `since`, and partitions after `after`, up to the watermark.
    """

    state: str
    since: int
    after: int
    watermark: int


@dataclass(frozen=True)
class AllOf:
    """The state recorded by a publication that has written all entities.

    entities: how many have values. server: its state before the first write. lost: the losses recorded then; "" for none.
    """

    entities: int
    server: Server
    lost: bytes = b""


def parsed(marks: bytes | None, layout: ViewLayout, address: str) -> PublicationState | None:
    """The marks of a view, parsed. OnlineError: they were not set by a publication."""
    if marks is None:
        return None
    try:
        version, watermark, at, table = marks.split(b" ")
        return PublicationState(int(version), int(watermark), as_datetime(int(at)), table.decode())
    except (ValueError, OverflowError):
        raise unreadable(layout, address, marks) from None


def unreadable(layout: ViewLayout, address: str, marks: bytes | None = None) -> OnlineError:
    """The error for unreadable marks."""
    found = "" if marks is None else f", such as {marks[:60]!r}"
    return OnlineError(
        f"{layout.view}: its marks in the online store {address} cannot be read{found}. Another program, or another release of "
        f"the platform, has written them. Rebuild the view: platform-assets rebuild {layout.view}"
    )


def read_marks(session: Session, layout: ViewLayout) -> PublicationState | None:
    """The marks of a view; None if it was never published, or the server has lost its data."""
    return parsed(session.call("HGET", marks_key(session.store.project), layout.name), layout, session.store.address)


def begin(session: Session, layout: ViewLayout, token: str, gold: Readable, everything: bool = False) -> Begun:
    """Announces a publication before it writes; returns what it must write.

    everything: also unchanged values, because the store may have lost some.
    """
    known = (gold.version, gold.gapless, gold.timely, gold.first, gold.lookback, int(everything))
    state, *numbers = session.call("EVAL", BEGIN, 1, marks_key(session.store.project), layout.name, token, gold.table, *known)
    return Begun(state.decode(), *numbers)


def end(
    session: Session, layout: ViewLayout, token: str, gold: Readable, watermark: int, watermark_at: datetime, all_of: "AllOf | None" = None
) -> str:
    """Sets the marks. Returns 'published'; 'again' if newer ones were set in the meantime; 'lost' if the server lost the announcement."""
    marks = (gold.version, watermark, as_microseconds(watermark_at))
    known = (all_of.entities, f"{all_of.server.run_id} {all_of.server.evicted} 0", all_of.lost) if all_of else ("", "", "")
    return str(session.call("EVAL", END, 1, marks_key(session.store.project), layout.name, token, gold.table, *marks, *known).decode())


def begin_rebuild(session: Session, layout: ViewLayout) -> None:
    """Announces that all of a view is being removed: readers find no marks, and publications are refused until `forget_marks`.

    A rebuild that dies halfway leaves values that a publication could not distinguish from its own, possibly with higher versions.
    """
    said = json.dumps({"rebuild": {"gold": "being removed"}})  # like a publication of a nonexistent table
    key = marks_key(session.store.project)
    session.call("HSET", key, unfinished_field(layout), said)  # if a full server refuses this, the marks stay
    session.call("HDEL", key, layout.name)


def forget_marks(session: Session, layout: ViewLayout) -> None:
    """Resets a view to the state of never having been published."""
    fields = [unfinished_field(layout), entities_field(layout), complete_field(layout), lost_field(layout)]
    session.call("HDEL", marks_key(session.store.project), layout.name, *fields)

"""Publishing: brings the online store from one Delta version of gold to another (semantics.md 9).

Every entity that a change could affect is rewritten: those with a row, at any version from the one published to the one
read, in a partition that was rewritten in between or passed by the watermark. The value is the one as of the watermark, read at the new
version. The publication state (publication_state.py) records what is published; values are only replaced by values of a version that is not
older (loader.py).
"""

from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol
from uuid import uuid4

import polars as pl

from platform_assets.declare.partitions import Partitions
from platform_assets.errors import OnlineError
from platform_assets.stores.damage import Damage, damaged
from platform_assets.stores.delta import Lake, Span, Table
from platform_assets.stores.ledger import Entry, Ledger
from platform_assets.stores.online.connection import OnlineStore
from platform_assets.stores.online.entities import losses_of
from platform_assets.stores.online.key_layout import entity_keys, entity_pattern
from platform_assets.stores.online.loader import TOMBSTONE_SECONDS, Loader, Unannounced
from platform_assets.stores.online.publication_state import AllOf, Begun, Readable, begin, begin_rebuild, end, forget_marks, unreadable
from platform_assets.stores.online.server import check_keeps, check_kept, server_of
from platform_assets.stores.online.value_layout import ViewLayout, pack
from platform_assets.stores.tables import name_of

ROWS_AT_ONCE = 4_000_000
"""Rows of gold's lookback processed at once; more are split by a hash of the entity."""

_ATTEMPTS = 20


@dataclass(frozen=True)
class Gold:
    """Gold of a view, and when its partitions may be read.

    lookback: how many partitions before the watermark's the row with an entity's values may be; None: any number.
    data_delay: how long after a partition's end its values may be read. clock_skew: how far after the end a row's own time may be.
    rows_at_once: about how many rows are held in memory.
    latest_by: the row with the greatest value in this column counts, a time before its partition's end + clock_skew; among several rows,
        and if it is None, the one in the last partition counts.
    """

    lake: Lake
    ledger: Ledger
    table: Table
    partitions: Partitions
    lookback: int | None
    data_delay: timedelta = timedelta(0)
    clock_skew: timedelta = timedelta(0)
    rows_at_once: int = ROWS_AT_ONCE
    latest_by: str | None = None

    def oldest(self, watermark: int) -> int:
        """The first partition that may have the row with an entity's values at a watermark."""
        return self.partitions.first if self.lookback is None else max(self.partitions.first, watermark - self.lookback)


@dataclass(frozen=True)
class Published:
    """The result of a publication.

    version: gold's Delta version that the store has; None if nothing may be read yet. watermark: the time from which the newest published
    snapshot may be read. values, tombstones: how many entities were written; replaced: how many of these fields were not
    already newer. tombstones_expire: whether the server expires them; otherwise they stay. everything: why all entities were
    written, instead of only the changed ones; "" if only changed ones were.
    """

    version: int | None
    watermark: datetime | None
    values: int = 0
    tombstones: int = 0
    replaced: int = 0
    tombstones_expire: bool = True
    everything: str = ""


@dataclass(frozen=True)
class Changes:
    """The entities of a publication whose values may differ from the published ones."""

    layout: ViewLayout
    gold: Gold
    version: int
    """Gold's Delta version that values are read at."""
    begun: Begun
    rows: int
    """The rows in the lookback."""

    @property
    def keys(self) -> list[str]:
        return [name for name, _ in self.layout.keys]

    @property
    def among(self) -> range:
        """The partitions that may have the rows with the entities' values."""
        return range(self.gold.oldest(self.begun.watermark), self.begun.watermark + 1)

    @property
    def ordered(self) -> list[str]:
        """The columns by which an entity's rows are ordered: the greatest row counts."""
        return [*([self.gold.latest_by] if self.gold.latest_by else []), "partition"]

    @property
    def columns(self) -> list[str]:
        """The columns of gold that are read."""
        return list(dict.fromkeys([*self.keys, *self.ordered, "valid_from", "is_empty", *self.layout.names]))

    def touched_partitions(self) -> list[str]:
        """The partitions in which a changed entity can have a row, at any version from the one published to the one read."""
        gold, begun = self.gold, self.begun
        changed = set(gold.lake.changed_partitions(gold.table, begun.since, self.version))
        # Partitions before the lookback of everything that may already be published cannot have contributed a value.
        numbers = range(gold.oldest(begun.after), begun.watermark + 1)
        return [key for number in numbers if (key := gold.partitions.key(number)) in changed or number > begun.after]


@dataclass(frozen=True)
class Counted:
    """Counts of written entities, with values and with tombstones, and of replaced fields."""

    values: int = 0
    tombstones: int = 0
    replaced: int = 0


@dataclass(frozen=True)
class ValueWriter:
    """Writes values for a publication that has begun. It can be pickled: it opens its own connection wherever it writes."""

    store: OnlineStore
    layout: ViewLayout
    token: str
    version: int
    tombstone_seconds: int = TOMBSTONE_SECONDS

    @contextmanager
    def opened(self) -> Iterator[Loader]:
        """A connection to the store. OnlineError: it does not answer."""
        with self.store.session() as session:
            yield Loader(session, self.layout, self.token, self.tombstone_seconds)

    def write(self, loader: Loader, found: pl.DataFrame) -> int:
        """Writes the values of entities; returns how many fields were replaced.

        found: keys, valid_from and features, one row per entity.
        """
        return loader.write(entity_keys(self.layout, found, self.store.project), pack(self.layout, found, self.version), self.version)

    def bury(self, loader: Loader, gone: pl.DataFrame) -> int:
        """Writes tombstones for entities that no longer have values. gone: their keys."""
        return loader.bury(entity_keys(self.layout, gone, self.store.project), self.version)


class Publisher(Protocol):
    """Writes all changes of a publication from other processes."""

    def __call__(self, changes: Changes, writer: ValueWriter) -> Iterator[Counted] | None:
        """Counts of what was written, some entities at a time; None: there are few enough for this process.

        OnlineError: not all of it was written. Unannounced: the publication is no longer known.
        """
        ...


def publish(
    store: OnlineStore, layout: ViewLayout, gold: Gold, now: datetime, everything: bool = False, publisher: Publisher | None = None
) -> Published:
    """Brings the store to gold's newest version. Running it again, concurrently, or after a crash gives the same result.

    It writes the entities whose values may differ from the published ones; all of them if the store is known to have lost some, or
    with `everything`. publisher: writes them from other processes, if that is worthwhile.

    OnlineError: the server was lost in the meantime, cannot be written to or would not keep what is written, or the store has values of
    another gold table. NotReadyError and LakeError: gold
    does not exist, or its last published version has been removed. In all cases the values in the store stay readable, and
    the next publication repairs them.
    """
    steps = publication(store, layout, gold, now, everything=everything, publisher=publisher)
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            done: Published = stop.value
            return done


def rebuild(store: OnlineStore, layout: ViewLayout, gold: Gold, now: datetime, publisher: Publisher | None = None) -> Published:
    """Removes all values of a view from the store and publishes it again: after gold was recreated, or values were damaged.

    Until it ends, reads fail as if the view had never been published. Run it while nothing else publishes the view. If it dies,
    run it again: until then publications are refused.
    """
    with store.session() as session:
        check_keeps(server_of(session), store)
        begin_rebuild(session, layout)
        cursor, pattern = b"0", entity_pattern(layout, store.project)
        while True:
            cursor, keys = session.call("SCAN", cursor, "MATCH", pattern, "COUNT", 1000)
            session.calls([("HDEL", key, layout.field) for key in keys])
            if cursor == b"0":
                break
        forget_marks(session, layout)
    return publish(store, layout, gold, now, publisher=publisher)


def publication(
    store: OnlineStore,
    layout: ViewLayout,
    gold: Gold,
    now: datetime,
    tombstone_seconds: int = TOMBSTONE_SECONDS,
    everything: bool = False,
    publisher: Publisher | None = None,
) -> Generator[str, None, Published]:
    """The steps of `publish`, each one read of gold or one write to the store; it returns the result.

    It is a generator, so that tests can interleave two of them step by step, and end one anywhere.
    """
    token = uuid4().hex[:12]
    with store.session() as session:
        check_keeps(server_of(session), store)
        loader = Loader(session, layout, token, tombstone_seconds)
        for _ in range(_ATTEMPTS):
            readable, entries = _readable(layout, gold, now)
            yield "gold read"
            losses = losses_of(session, layout)
            why = "asked for" if everything else losses.why
            begun = begin(session, layout, token, readable, everything=bool(why))
            if begun.state == "newer":
                continue  # another publication was faster: the version read is older than the published one
            done = Published(readable.version, _valid_from(gold, begun.watermark), tombstones_expire=loader.expires, everything=why)
            if begun.state == "done":
                return done
            if begun.state == "nothing":
                return Published(None, None, tombstones_expire=loader.expires)
            if begun.state != "begun":
                raise _refused(store, layout, gold, begun, entries)
            yield "begun"
            changes = _changes(layout, gold, readable.version, begun, entries)
            writer = ValueWriter(store, layout, token, readable.version, tombstone_seconds)
            try:
                elsewhere = publisher(changes, writer) if publisher else None
                for counted in elsewhere or ():
                    yield "values written"
                    done = _added(done, counted)
                for found, gone in _values(changes) if elsewhere is None else ():
                    yield "values read"
                    replaced = writer.write(loader, found)
                    yield "values written"
                    replaced += writer.bury(loader, gone)
                    yield "tombstones written"
                    done = _added(done, Counted(found.height, gone.height, replaced))
            except Unannounced:
                pass  # another publication has written all of this, or the data was lost: `end` finds out which
            all_of = AllOf(done.values, losses.server, losses.noted) if why else None
            check_kept(losses.server, server_of(session), store)
            outcome = end(session, layout, token, readable, begun.watermark, _valid_from(gold, begun.watermark), all_of)
            if outcome == "published":
                return done
            if outcome == "lost":
                raise OnlineError(
                    f"{layout.view}: the online store {store.address} lost its data during the publication. Publish again: all of it is "
                    "written then."
                )
    raise OnlineError(
        f"{layout.view}: {_ATTEMPTS} times another publication to {store.address} was faster. Run it again when the others have ended."
    )


def _added(done: Published, more: Counted) -> Published:
    return replace(
        done, values=done.values + more.values, tombstones=done.tombstones + more.tombstones, replaced=done.replaced + more.replaced
    )


def _readable(layout: ViewLayout, gold: Gold, now: datetime) -> tuple[Readable, Mapping[str, Entry]]:
    """The part of gold that may be published now."""
    delta, partitions = gold.lake.open(gold.table), gold.partitions
    version = delta.version()
    entries = gold.ledger.entries(name_of(gold.table), at_version=version)
    gapless = partitions.first - 1
    while _is_good(entries.get(partitions.key(gapless + 1)), layout):
        gapless += 1
    timely = partitions.index(now - gold.data_delay) - 1
    lookback = gapless - partitions.first + 1 if gold.lookback is None else gold.lookback
    return Readable(str(delta.metadata().id), version, gapless, timely, partitions.first, lookback), entries


def _is_good(entry: Entry | None, layout: ViewLayout) -> bool:
    return entry is not None and not entry.damage and entry.status == "ok" and entry.declaration_version == layout.version


def _valid_from(gold: Gold, partition: int) -> datetime:
    return gold.partitions.ends_at(partition) + gold.data_delay


def _refused(store: OnlineStore, layout: ViewLayout, gold: Gold, begun: Begun, entries: Mapping[str, Entry]) -> OnlineError:
    table = name_of(gold.table)
    if begun.state == "unreadable":
        return unreadable(layout, store.address)
    if begun.state == "another table":
        return OnlineError(
            f"{layout.view}: its values in the online store {store.address} come from another {table}, which has been removed or is "
            f"in another lake; or a rebuild has not finished. Rebuild it: platform-assets rebuild {layout.view}"
        )
    key = next(
        key for key in gold.partitions.keys(gold.partitions.first, begun.watermark) if not _is_good(entries.get(key), layout)
    )  # fmt: skip
    entry = entries.get(key)
    if entry is not None and entry.damage:
        raise damaged([Damage(table, key, entry.damage)], f"{layout.view}, which stays unchanged in the online store {store.address},")
    found = "is missing" if entry is None else f"has the status {entry.status!r} and the declaration version {entry.declaration_version}"
    return OnlineError(
        f"{layout.view}: the online store {store.address} has been published up to {gold.partitions.key(begun.watermark)}, but {table} "
        f"{key} {found} now. The store is unchanged. Materialize {table} {key} again."
    )


def _changes(layout: ViewLayout, gold: Gold, version: int, begun: Begun, entries: Mapping[str, Entry]) -> Changes:
    rows = sum(entries[key].rows for key in gold.partitions.keys(gold.oldest(begun.watermark), begun.watermark))
    return Changes(layout, gold, version, begun, rows)


def _values(changes: Changes) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """Some entities at a time: the last rows of those with values as of the watermark, and the keys of the others."""
    keys, gold = changes.keys, changes.gold
    touched = gold.lake.rows_of_partitions_between(gold.table, changes.touched_partitions(), changes.begun.since, changes.version, keys)
    parts = -(-changes.rows // gold.rows_at_once) or 1
    for part in range(parts):
        mine = pl.lit(True) if parts == 1 else pl.struct(keys).hash(seed=0) % parts == part
        asked = touched.filter(mine).collect(engine="streaming")
        if asked.is_empty():
            continue
        found = _last_rows(changes, asked, mine)
        live = found.filter(~pl.col("is_empty"))
        yield live, asked.join(live, on=keys, how="anti")


def _last_rows(changes: Changes, asked: pl.DataFrame, mine: pl.Expr) -> pl.DataFrame:
    """The row that counts for each requested entity with a row in these partitions.

    Most have theirs in the newest partition: it is read first, then twice as many each time, until all are found. A row of an earlier
    partition has a time before that partition's end + clock_skew: it cannot count if a row with a later time is known.
    """
    gold, keys, ordered, among = changes.gold, changes.keys, changes.ordered, changes.among
    found, remaining, last, width = [], asked, among[-1], 1
    candidates: pl.DataFrame | None = None
    while not remaining.is_empty() and last >= among[0]:
        first = max(among[0], last - width + 1)
        span = Span(gold.partitions.value(first), gold.partitions.value(last + 1))
        rows = (
            gold.lake.scan(gold.table, by="partition", span=span, version=changes.version)
            .select(changes.columns)
            .filter(mine)
            .join(remaining.lazy(), on=keys, how="semi")
            .collect(engine="streaming")
        )
        rows = rows if candidates is None else pl.concat([candidates, rows])
        if first < last or candidates is not None:
            rows = rows.sort(ordered, descending=True).unique(keys, keep="first", maintain_order=True)
        if gold.latest_by is not None and first > among[0]:
            is_latest = pl.col(gold.latest_by) >= gold.partitions.starts_at(first) + gold.clock_skew
            candidates, rows = rows.filter(~is_latest), rows.filter(is_latest)
        found.append(rows)
        remaining = remaining.join(rows, on=keys, how="anti")
        last, width = first - 1, width * 2
    return pl.concat(found)

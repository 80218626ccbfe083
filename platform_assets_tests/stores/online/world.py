"""A small feature view whose gold is rewritten at random, and what the online store must hold of it, computed naively.

Gold is a change log of a sum over the last WINDOW days, or rows at will, of which the last counts or that of the greatest time. It
lies in memory, read through the same five functions as a Delta table, because thousands of commits would take hours; test_on_delta.py
runs the same worlds on real ones.
"""

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from platform_assets.declare.partitions import daily
from platform_assets.stores.delta import Span, Table
from platform_assets.stores.ledger import Entry
from platform_assets.stores.online.connection import OnlineStore
from platform_assets.stores.online.publish import Gold
from platform_assets.stores.online.value_layout import ViewLayout

DAYS, WINDOW, ENTITIES = 8, 3, 12
PARTITIONS = daily("2024-03-01")
FIRST = PARTITIONS.first
DELAY = timedelta(hours=3)
TABLE: Table = ("spend", "gold")
LAYOUT = ViewLayout("spend", "0123456789ab", "customer", (("customer_id", "int"),), (("total", "int", 0), ("last", "str", None)))

SCHEMA = pl.Schema(
    {
        "customer_id": pl.Int64(),
        "partition": pl.Date(),
        "valid_from": pl.Datetime("us", "UTC"),
        "is_empty": pl.Boolean(),
        "happened": pl.Datetime("us", "UTC"),
        "total": pl.Int64(),
        "last": pl.String(),
    }
)

Row = tuple[int, bool]
"""A value, and whether it is the empty one."""


@dataclass
class World:
    """Gold's versions: after each, the rows of each partition written so far, by entity."""

    rng: random.Random
    is_change_log: bool
    is_state: bool = False
    """Whether the row of the greatest time counts, and none is empty."""
    events: dict[tuple[int, int], int] = field(default_factory=dict)
    versions: list[dict[int, dict[int, Row]]] = field(default_factory=list)
    rewritten: list[set[int]] = field(default_factory=list)
    stale: set[int] = field(default_factory=set)
    """Partitions that are written and would be others now."""
    id: str = "memory"
    """What Delta gives a table when it is made."""

    def happen(self) -> None:
        """Other events on some day: what was written of the days after it is stale."""
        day = self.rng.randrange(DAYS)
        for entity in range(ENTITIES):
            self.events.pop((entity, day), None)
            if self.rng.random() < 0.15:
                self.events[entity, day] = self.rng.randrange(100)
        self.stale |= {d for d in range(day, min(DAYS, day + WINDOW + 1)) if self.versions and d in self.versions[-1]}

    def write(self) -> None:
        """One commit: a partition or two, not always the next ones."""
        last = self.versions[-1] if self.versions else {}
        missing = [day for day in range(DAYS) if day not in last]
        choices = [*self.stale, *missing[:2], self.rng.randrange(DAYS)]
        first = self.rng.choice(choices)
        self.commit(set(range(first, min(DAYS, first + self.rng.choice([1, 1, 2])))))

    def write_all(self) -> None:
        """What is stale or missing, in any order."""
        while todo := self.stale | (set(range(DAYS)) - set(self.versions[-1] if self.versions else {})):
            self.commit({self.rng.choice(sorted(todo))})

    def commit(self, days: set[int]) -> None:
        rows = {day: self._rows(day) for day in days}
        self.stale -= days
        self.rewritten.append(days)
        self.versions.append({**(self.versions[-1] if self.versions else {}), **rows})  # last: readers in other threads go by it

    def _rows(self, day: int) -> dict[int, Row]:
        if not self.is_change_log:
            empty = 0 if self.is_state else 0.3
            return {e: (self.rng.randrange(100), self.rng.random() < empty) for e in range(ENTITIES) if self.rng.random() < 0.2}
        found = {}
        for entity in range(ENTITIES):
            now, before = self._window(entity, day), self._window(entity, day - 1)
            if now != before:
                found[entity] = (sum(now.values()), not now)
        return found

    def _window(self, entity: int, day: int) -> dict[int, int]:
        return {d: self.events[entity, d] for d in range(day - WINDOW + 1, day + 1) if (entity, d) in self.events}

    @property
    def lookback(self) -> int | None:
        if self.is_state:
            return None
        return WINDOW + 1 if self.is_change_log else DAYS

    def as_of(self, version: int, watermark: int) -> dict[int, tuple[int, datetime]]:
        """What the store must hold: for each entity that has values the last row up to the watermark."""
        found: dict[int, tuple[int, datetime]] = {}
        if self.lookback is None:
            rows = self.versions[version]
            for entity in range(ENTITIES):
                mine = [(happened(day, rows[day][entity][0]), day) for day in rows if day <= watermark and entity in rows[day]]
                if mine:
                    day = max(mine)[1]
                    found[entity] = (rows[day][entity][0], PARTITIONS.ends_at(FIRST + day) + DELAY)
            return found
        for entity in range(ENTITIES):
            for day in range(watermark, watermark - self.lookback - 1, -1):
                row = self.versions[version].get(day, {}).get(entity)
                if row is not None:
                    if not row[1]:
                        found[entity] = (row[0], PARTITIONS.ends_at(FIRST + day) + DELAY)
                    break
        return found

    def gapless(self) -> int:
        day = -1
        while self.versions and day + 1 in self.versions[-1]:
            day += 1
        return day


def frame(rows: dict[int, dict[int, Row]]) -> pl.DataFrame:
    """Rows by day and entity as gold has them."""
    found = [
        (
            entity,
            PARTITIONS.value(FIRST + day),
            PARTITIONS.ends_at(FIRST + day) + DELAY,
            is_empty,
            happened(day, value),
            value,
            f"{value}é" if value % 3 else None,
        )
        for day, entities in rows.items()
        for entity, (value, is_empty) in entities.items()
    ]
    return pl.DataFrame(found, schema=SCHEMA, orient="row")


def happened(day: int, value: int) -> datetime:
    """When the update was made that a row is about: up to four days before its partition's end, now and then when another was."""
    return PARTITIONS.ends_at(FIRST + day) - timedelta(hours=6 + 6 * (value * 7 % 16))


def text(value: int) -> str | None:
    """A second column of the same row."""
    return f"{value}é" if value % 3 else None


def key(day: int) -> str:
    return PARTITIONS.key(FIRST + day)


@dataclass(frozen=True)
class MemoryTable:
    """What publishing asks an open Delta table."""

    newest: int
    id: str

    def version(self) -> int:
        return self.newest

    def metadata(self) -> "MemoryTable":
        return self


class MemoryLake:
    """A world's gold with the reading functions of `Lake`."""

    def __init__(self, world: World) -> None:
        self._world = world

    def open(self, table: Table) -> "MemoryTable":
        return MemoryTable(len(self._world.versions) - 1, self._world.id)

    def scan(self, table: Table, *, by: str, span: Span, version: int) -> pl.LazyFrame:
        return frame(self._world.versions[version]).lazy().filter(span.holds(by))

    def changed_partitions(self, table: Table, after: int, upto: int) -> list[str]:
        return sorted({key(day) for days in self._world.rewritten[after + 1 : upto + 1] for day in days})

    def rows_of_partitions_between(self, table: Table, partitions: list[str], first: int, last: int, columns: list[str]) -> pl.LazyFrame:
        asked = [
            frame({day: rows for day, rows in version.items() if key(day) in partitions})
            for version in self._world.versions[first : last + 1]
        ]
        return pl.concat(asked).lazy().select(columns).unique()


class MemoryLedger:
    """A world's ledger."""

    def __init__(self, world: World) -> None:
        self._world = world

    def entries(self, table: str, at_version: int | None = None) -> dict[str, Entry]:
        version = self._world.versions[at_version if at_version is not None else -1]
        return {key(day): Entry(table, key(day), 0, LAYOUT.version, len(rows)) for day, rows in version.items()}


def gold_of(world: World, rows_at_once: int = 1000) -> Gold:
    lake: Any = MemoryLake(world)
    ledger: Any = MemoryLedger(world)
    latest_by = "happened" if world.is_state else None
    return Gold(lake, ledger, TABLE, PARTITIONS, world.lookback, DELAY, rows_at_once=rows_at_once, latest_by=latest_by)


def at(day: float) -> datetime:
    """The clock when the snapshot of this day may just be read."""
    return PARTITIONS.ends_at(FIRST) + DELAY + timedelta(days=day)


NEVER = datetime(2024, 6, 1, tzinfo=UTC)
"""A clock by which everything may be read."""


def stored(store: OnlineStore) -> dict[int, tuple[int, datetime]]:
    """What the store holds, read directly: entities with a value that is not a tombstone."""
    found = {}
    with store.session() as session:
        for entity in range(ENTITIES):
            packed = session.call("HGET", f"{store.project}:{{customer:{entity}}}", LAYOUT.field)
            [(total, last)], [valid_from] = LAYOUT.unpack([packed])
            if valid_from is not None:
                assert last == text(total), "the columns of a row stay together"
                found[entity] = (total, valid_from)
    return found


def lose(store: OnlineStore) -> None:
    """As if the server had lost all data of the project."""
    with store.session() as session:
        for found in session.call("KEYS", f"{store.project}:*"):
            session.call("DEL", found)

"""Publishes gold to the online store, and compares the two."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from platform_assets.declare.attributes import EVENT_TIME, AttributeView, View
from platform_assets.declare.training import FeatureService
from platform_assets.errors import NotReadyError
from platform_assets.serving.features import online_features
from platform_assets.serving.plan import layout_of
from platform_assets.steps.gold import gold_table
from platform_assets.steps.reading import Origin
from platform_assets.steps.run import Run, name_of
from platform_assets.steps.staleness import MISSING, OTHERWISE, WaitsFor
from platform_assets.stores.damage import damage_named
from platform_assets.stores.online.client import OnlineClient
from platform_assets.stores.online.connection import OnlineStore
from platform_assets.stores.online.entities import Entities, count_entities
from platform_assets.stores.online.publication_state import PublicationState, read_marks
from platform_assets.stores.online.publish import Gold, Published, publish, rebuild

SAMPLE = 200
"""Entities compared after each publication."""
RELATIVE = 1e-9
"""The relative tolerance for floats: semantics.md 10."""


@dataclass(frozen=True)
class Parity:
    """Features of sampled entities read from gold and from the store, at the watermark."""

    entities: int
    values: int
    mismatches: list[str]


def make_online(view: View, run: Run, store: OnlineStore, everything: bool = False) -> Published:
    """Publishes everything in gold that the store does not have; with `everything` also what it may have lost."""
    with damage_named():
        return publish(store, layout_of(view), _gold(view, run), run.now, everything, run.engine(view).publisher)


def entities_of(view: View, store: OnlineStore) -> Entities:
    """How many entities of the view were published, and how many exist; missing ones are recorded for readers."""
    return count_entities(store, layout_of(view))


def rebuild_online(view: View, run: Run, store: OnlineStore) -> Published:
    """Removes the view from the store, and publishes it again."""
    with damage_named():
        return rebuild(store, layout_of(view), _gold(view, run), run.now, run.engine(view).publisher)


def _gold(view: View, run: Run) -> Gold:
    latest_by = EVENT_TIME if isinstance(view, AttributeView) else None
    source = view.source
    return Gold(
        run.lake, run.ledger, gold_table(view), source.partitions, view.lookback, source.data_delay, source.clock_skew, latest_by=latest_by
    )


def marks_of(view: View, store: OnlineStore) -> PublicationState | None:
    """The published state of the view."""
    with store.session() as session:
        return read_marks(session, layout_of(view))


def not_online(view: View, partition: int, watermark: int | None) -> NotReadyError | None:
    """Why a partition is not in the store after a publication; None if it is."""
    if watermark is not None and partition <= watermark:
        return None
    partitions = view.source.partitions
    reached = "there is none yet" if watermark is None else f"it is {partitions.key(watermark)}"
    return NotReadyError(
        f"{view.name}/online {partitions.key(partition)} is after the watermark: {reached}. The watermark stops before the first "
        f"partition of {view.name}/gold that is missing or may not be read yet. Materialize that one, then this one."
    )


def stale_online(view: View, first: int, last: int, run: Run, store: OnlineStore) -> list[int]:
    """The partitions that a publication would bring to the store: all changed since the last one, and those after the watermark."""
    entries = run.ledger.entries(name_of(gold_table(view)))
    marks = marks_of(view, store)
    # Versions published from another gold table are not comparable: a publication will report it, and the fix.
    ours = marks is not None and marks.table == run.lake.identity(gold_table(view))
    published, watermark = (marks.version, marks.watermark) if marks and ours else (-1, first - 1)
    keys = ((p, entries.get(view.source.partitions.key(p))) for p in range(first, last + 1))
    return [p for p, entry in keys if entry is not None and (p > watermark or entry.rows_since > published)]


def first_gap(view: View, last: int, run: Run, planned: Collection[int] = ()) -> WaitsFor | None:
    """The first partition of gold up to `last` that is missing or not good: the watermark stops before it. None if there is none.

    planned: partitions that will be materialized first.
    """
    days, entries = view.source.partitions, run.ledger.entries(name_of(gold_table(view)))
    for p in range(days.first, last + 1):
        entry = entries.get(days.key(p))
        if p in planned or (entry and entry.status == "ok" and not entry.damage and entry.declaration_version == view.version):
            continue
        why = MISSING if entry is None else "damaged" if entry.damage else entry.status if entry.status != "ok" else OTHERWISE
        return WaitsFor(gold_table(view), days, p, why)
    return None


def compare(view: View, run: Run, store: OnlineStore, watermark: datetime) -> Parity:
    """Reads entities from gold and online as of the watermark, and compares each feature."""
    service = FeatureService(view.name, [view])
    read = Origin(view, "gold", run.version(gold_table(view)), {}).slice(watermark, watermark)
    sample = run.engine(view).sample(view, read.rows, watermark, SAMPLE)
    online = online_features(service, sample.entities, OnlineClient(store.url, store.project), now=watermark).rows
    differ = []
    for entity, left, right in zip(sample.entities, sample.values, online, strict=True):
        keys = tuple(entity.values())
        differ += [f"{keys} {name}: offline {left[name]!r}, online {right[name]!r}" for name in left if not same(left[name], right[name])]
    return Parity(len(online), len(online) * len(service.features), differ)


def same(left: Any, right: Any) -> bool:
    """Equal by semantics.md 10: floats to 1e-9 relative, everything else exactly."""
    if isinstance(left, float) and isinstance(right, float):
        return left == right or abs(left - right) <= RELATIVE * max(abs(left), abs(right)) or (left != left and right != right)
    return bool(left == right)


def described(published: Published) -> Mapping[str, Any]:
    """A publication's metadata in Dagster."""
    return {
        "values": published.values,
        "tombstones": published.tombstones,
        "replaced": published.replaced,
        "gold version": published.version or 0,
        **({"all entities were written": published.everything} if published.everything else {}),
    }


def counted(entities: Entities, age: timedelta) -> Mapping[str, Any]:
    """Metadata about a view's entities in Dagster: numbers, which it plots."""
    return {
        "entities published": entities.published or 0,
        **({} if entities.found is None else {"entities found": entities.found}),
        "entities missing": entities.lost,
        "age in hours": round(age / timedelta(hours=1), 3),
    }

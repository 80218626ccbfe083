"""What the ledger says is stale: reports, and whatever the conditions have missed."""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import groupby
from typing import Any

import dagster as dg

from platform_assets.assets.asset_specs import key_of
from platform_assets.assets.automation import requests
from platform_assets.assets.resource import PlatformResource
from platform_assets.steps.layers import Graph, Layer
from platform_assets.steps.run import Run, counted, name_of, stretches
from platform_assets.steps.staleness import MISSING, OLDER, OTHERWISE, Plan, StalePartition
from platform_assets.stores.delta import Table
from platform_assets.stores.ledger import LEDGER

LOOKS = 3
"""So often in a row the same has to be stale, and nobody at work on it, before conditions are taken to have missed it."""


class StaleSensor(dg.SensorDefinition):
    """The sensor of what is stale. It also carries the declarations, so that whoever has the Definitions has them too."""

    def __init__(self, graph: Graph, **told: Any) -> None:
        super().__init__("platform_stale", **told)
        self.graph = graph


def stale_sensor(graph: Graph) -> StaleSensor:
    """Asks for what is stale by the ledger and can be made: for reports at once, for what conditions ask for when they have not.

    Conditions compare with what they saw last. They do not know of what was written before the daemon ever ran, or while what reads it
    was being made, nor that a month which was refused can be made now; nor can a report's event days be told by Dagster's mappings.
    What was asked for is asked for again only when there is something else to make it of. Nothing is asked for because it was declared
    otherwise, but for reports: all tables after it would follow, for all of its past. It is told.
    """
    layers = graph.layers

    def look(context: dg.SensorEvaluationContext, platform: PlatformResource) -> dg.SensorResult:
        run, memory = platform.run("sensor"), _Memory(**json.loads(context.cursor or "{}"))
        at = _versions(layers, run)
        if memory.at == at:
            return dg.SensorResult(skip_reason=memory.told, cursor=context.cursor)
        found = _look(layers, run, requests.under_way(context.instance), memory)
        told = " ".join(found.told) or "What the ledger has is made."
        return dg.SensorResult(
            run_requests=found.requests,
            skip_reason=None if found.requests else told,
            cursor=json.dumps(asdict(replace(found.memory, at="" if found.is_wanted else at, told=told))),
        )

    return StaleSensor(
        graph,
        evaluation_fn=look,
        asset_selection=dg.AssetSelection.assets(*(key_of(table) for layer in layers for table in layer.tables)),
        minimum_interval_seconds=requests.EVERY,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Makes the partitions of reports that new rows belong to, and what the ledger says is stale and no condition asks for.",
    )


def _to_make(layer: Layer, run: Run, waiting: Mapping[Table, Collection[int]]) -> dict[int, StalePartition]:
    """The stale partitions up to the newest of what they read."""
    newest = [max(run.ledger.entries(name_of(table)), default=None) for table in layer.reads]
    if not all(newest):
        return {}
    last = max(layer.partitions.number(key) for key in newest if key)
    return layer.stale_partitions(layer.partitions.first, last, run, Plan(waiting))


def _because(layer: Layer) -> tuple[str, ...]:
    """Why a partition of a layer has to be stale to be asked for."""
    if layer.by_event_time:
        return (MISSING, OLDER, OTHERWISE)  # of a report nobody would notice: no step reads it, and says that it is of another one
    return (MISSING,) if layer.is_pinned else (MISSING, OLDER)


Stretches = Sequence[tuple[int, int, str]]
"""Partitions for which the same is remembered, as (first, last, what): Dagster keeps a copy of the cursor for each look."""


@dataclass(frozen=True)
class _Memory:
    """What is kept from one look to the next, by the name of a table."""

    at: str = ""
    """At which versions of all tables there was nothing to ask for: at these there still is not."""
    told: str = ""
    """What was told then."""
    asked: Mapping[str, Stretches] = field(default_factory=dict)
    """What was asked for and is still stale, as it was then."""
    seen: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    """What else was stale, and at how many looks in a row it has been the same."""


@dataclass(frozen=True)
class _Found:
    requests: list[dg.RunRequest]
    is_wanted: bool
    """Whether something could be asked for, now or at another look."""
    told: list[str]
    memory: _Memory


def _versions(layers: Sequence[Layer], run: Run) -> str:
    """What a look depends on: the tables as they are, what the ledger says of them, and what they are declared to be."""
    tables = {LEDGER, *(table for layer in layers for table in (*layer.tables, *layer.reads))}
    at = [(name_of(table), run.version(table)) for table in sorted(tables)]
    return _digest([at, [layer.version for layer in layers]])


def _digest(what: object) -> str:
    return hashlib.sha256(json.dumps(what).encode()).hexdigest()[:16]


def _look(layers: Sequence[Layer], run: Run, under_way: Collection[dg.AssetKey], before: _Memory) -> _Found:
    """What to ask for now, and what to remember."""
    known: dict[Table, Collection[int]] = {}
    asked: dict[str, Stretches] = {}
    seen: dict[str, tuple[str, int]] = {}
    asking: list[dg.RunRequest] = []
    told: list[str] = []
    is_wanted = False
    run = replace(run, ledger=run.ledger.read_once())
    for layer in layers:
        stale_partitions, because = _to_make(layer, run, known), _because(layer)
        known |= dict.fromkeys(layer.tables, stale_partitions.keys())
        if otherwise := [p for p, other in stale_partitions.items() if other.why == OTHERWISE and OTHERWISE not in because]:
            told.append(_declared_otherwise(layer, otherwise))
        remembered = {
            p: of for p, of in _unpacked(before.asked.get(layer.name, ())).items() if p in stale_partitions and stale_partitions[p].of == of
        }
        wanted = {p: other.of for p, other in stale_partitions.items() if other.can_be and other.why in because and p not in remembered}
        is_wanted = is_wanted or bool(wanted)
        if wanted and not any(key_of(table) in under_way for table in (*layer.tables, *layer.reads)):
            digest = _digest(sorted(wanted.items()))
            same, looks = before.seen.get(layer.name, ("", 0))
            seen[layer.name] = digest, looks + 1 if same == digest else 1
            if layer.by_event_time or seen[layer.name][1] >= LOOKS:
                chosen = stretches(sorted(wanted))[: requests.MOST - len(asking)]
                wanted = {p: wanted[p] for first, last in chosen for p in range(first, last + 1)}
                asking.extend(requests.requests([key_of(table) for table in layer.tables], layer.partitions, wanted))
                remembered |= wanted
                wanted = {}
        if wanted:
            told.append(f"{layer.name} is stale; its conditions, or a run that goes on, come first.")
        if remembered:
            asked[layer.name] = _packed(remembered)
    return _Found(asking, is_wanted, told, _Memory(asked=asked, seen=seen))


def _packed(said: Mapping[int, str]) -> Stretches:
    """
    >>> _packed({1: "a", 2: "a", 3: "b", 5: "b"})
    [(1, 2, 'a'), (3, 3, 'b'), (5, 5, 'b')]
    """
    alike = (list(group) for _, group in groupby(sorted(said), lambda p: said[p]))
    return [(first, last, said[first]) for group in alike for first, last in stretches(group)]


def _unpacked(packed: Stretches) -> dict[int, str]:
    return {p: of for first, last, of in packed for p in range(first, last + 1)}


def _declared_otherwise(layer: Layer, partitions: Sequence[int]) -> str:
    keys = layer.partitions.key(min(partitions)), layer.partitions.key(max(partitions))
    return (
        f"{layer.name}: {counted(len(partitions), 'partition')} between {keys[0]} and {keys[1]} were made by another version of the "
        "declaration. Backfill them, and what reads them."
    )

"""The sensor for partitions that are stale according to the ledger: reports, and whatever the conditions missed."""

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
"""For how many evaluations in a row a partition must be stale, with no run in progress, to count as missed by the conditions."""


class StaleSensor(dg.SensorDefinition):
    """The sensor for stale partitions. It also carries the declarations, so that they are available from the Definitions."""

    def __init__(self, graph: Graph, **told: Any) -> None:
        super().__init__("platform_stale", **told)
        self.graph = graph


def stale_sensor(graph: Graph) -> StaleSensor:
    """Requests partitions that are stale by the ledger and can be computed: reports at once, others if the conditions have not requested
    them.

    Conditions compare with their last evaluation. They miss changes from before the daemon first ran, changes made while a reader
    was being computed, and that a refused month can be computed now; and Dagster's mappings cannot express a report's event days.
    A partition is requested again only if its inputs have changed. Changed declarations are not a reason to request a partition,
    except for reports: all downstream tables would follow, for all of their past. They are only reported.
    """
    layers = graph.layers

    def look(context: dg.SensorEvaluationContext, platform: PlatformResource) -> dg.SensorResult:
        run, memory = platform.run("sensor"), _Memory(**json.loads(context.cursor or "{}"))
        at = _versions(layers, run)
        if memory.at == at:
            return dg.SensorResult(skip_reason=memory.told, cursor=context.cursor)
        found = _look(layers, run, requests.under_way(context.instance), memory)
        told = " ".join(found.told) or "No partition is stale."
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
        description="Materializes report partitions with new rows, and partitions that are stale by the ledger but not requested by a "
        "condition.",
    )


def _to_make(layer: Layer, run: Run, waiting: Mapping[Table, Collection[int]]) -> dict[int, StalePartition]:
    """The stale partitions, up to the newest of their inputs."""
    newest = [max(run.ledger.entries(name_of(table)), default=None) for table in layer.reads]
    if not all(newest):
        return {}
    last = max(layer.partitions.number(key) for key in newest if key)
    return layer.stale_partitions(layer.partitions.first, last, run, Plan(waiting))


def _because(layer: Layer) -> tuple[str, ...]:
    """The reasons for which stale partitions of a layer are requested."""
    if layer.by_event_time:
        return (MISSING, OLDER, OTHERWISE)  # a report with an old declaration would go unnoticed: no step reads and refuses it
    return (MISSING,) if layer.is_pinned else (MISSING, OLDER)


Stretches = Sequence[tuple[int, int, str]]
"""Ranges of partitions with the same state, as (first, last, state): compact, since Dagster keeps a copy of the cursor per evaluation."""


@dataclass(frozen=True)
class _Memory:
    """The state kept between evaluations, by table name."""

    at: str = ""
    """The versions of all tables at which there was nothing to request: if unchanged, there still is nothing."""
    told: str = ""
    """The message of that evaluation."""
    asked: Mapping[str, Stretches] = field(default_factory=dict)
    """Requested partitions that are still stale, with the state of their inputs at the time."""
    seen: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    """Other stale partitions, and for how many evaluations in a row they have been the same."""


@dataclass(frozen=True)
class _Found:
    requests: list[dg.RunRequest]
    is_wanted: bool
    """Whether something can be requested, now or at a later evaluation."""
    told: list[str]
    memory: _Memory


def _versions(layers: Sequence[Layer], run: Run) -> str:
    """Everything an evaluation depends on: the tables' versions, their ledger entries, and their declarations."""
    tables = {LEDGER, *(table for layer in layers for table in (*layer.tables, *layer.reads))}
    at = [(name_of(table), run.version(table)) for table in sorted(tables)]
    return _digest([at, [layer.version for layer in layers]])


def _digest(what: object) -> str:
    return hashlib.sha256(json.dumps(what).encode()).hexdigest()[:16]


def _look(layers: Sequence[Layer], run: Run, under_way: Collection[dg.AssetKey], before: _Memory) -> _Found:
    """The partitions to request now, and the state to keep."""
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
            told.append(f"{layer.name} is stale; its conditions, or an unfinished run, come first.")
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
        "declaration. Backfill them and their readers."
    )

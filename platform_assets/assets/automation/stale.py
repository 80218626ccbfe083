"""What the ledger says is stale: reports, and whatever the conditions have missed."""

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from itertools import groupby

import dagster as dg

from platform_assets.assets.automation import requests
from platform_assets.assets.keys import key_of
from platform_assets.assets.resource import PlatformResource
from platform_assets.declare.attributes import AttributeView
from platform_assets.declare.checkpoints import months_of
from platform_assets.declare.model import Model
from platform_assets.declare.partitions import Partitions
from platform_assets.declare.report import GoldTable
from platform_assets.declare.source import Source
from platform_assets.declare.training import TrainingSet
from platform_assets.declare.view import FeatureView
from platform_assets.sources.receive import raw_table
from platform_assets.steps.checkpoints import checkpoints_table
from platform_assets.steps.gold import gold_table
from platform_assets.steps.model import model_table, predictions_table
from platform_assets.steps.reading import layer_of, table_of
from platform_assets.steps.run import Run, counted, name_of, stretches
from platform_assets.steps.silver import quarantine_table, silver_table
from platform_assets.steps.stale import (
    Stale,
    checkpoints_to_make,
    model_to_make,
    predictions_to_make,
    report_to_make,
    silver_to_make,
    training_to_make,
    view_to_make,
)
from platform_assets.steps.to_make import MISSING, OLDER, OTHERWISE, ToMake
from platform_assets.steps.training import training_table
from platform_assets.stores.delta import Table
from platform_assets.stores.ledger import LEDGER

LOOKS = 3
"""So often in a row the same has to be stale, and nobody at work on it, before conditions are taken to have missed it."""


def stale_sensor(declarations: Sequence[object]) -> dg.SensorDefinition:
    """Asks for what is stale by the ledger and can be made: for reports at once, for what conditions ask for when they have not.

    Conditions compare with what they saw last. They do not know of what was written before the daemon ever ran, or while what reads it
    was being made, nor that a month which was refused can be made now; nor can a report's event days be told by Dagster's mappings.
    What was asked for is asked for again only when there is something else to make it of. Nothing is asked for because it was declared
    otherwise, but for reports: all tables after it would follow, for all of its past. It is told.

    declarations: upstream first.
    """
    made = [one for declaration in declarations for one in _made(declaration)]

    @dg.sensor(
        name="platform_stale",
        asset_selection=dg.AssetSelection.assets(*(key_of(table) for one in made for table in one.tables)),
        minimum_interval_seconds=requests.EVERY,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Makes the partitions of reports that new rows belong to, and what the ledger says is stale and nobody asks for.",
    )
    def look(context: dg.SensorEvaluationContext, platform: PlatformResource) -> dg.SensorResult:
        run, memory = platform.run("sensor"), _Memory(**json.loads(context.cursor or "{}"))
        at = _versions(made, run)
        if memory.at == at:
            return dg.SensorResult(skip_reason=memory.told, cursor=context.cursor)
        found = _look(made, run, requests.under_way(context.instance), memory)
        told = " ".join(found.told) or "What the ledger has is made."
        return dg.SensorResult(
            run_requests=found.requests,
            skip_reason=None if found.requests else told,
            cursor=json.dumps(asdict(replace(found.memory, at="" if found.is_wanted else at, told=told))),
        )

    return look


@dataclass(frozen=True)
class _Made:
    """Tables that a run makes together."""

    tables: tuple[Table, ...]
    partitions: Partitions
    reads: tuple[Table, ...]
    version: str
    stale: Callable[[int, int, Run, Stale], dict[int, ToMake]]
    at_once: bool = False
    """Whether nobody else asks for them: they have no condition."""
    because: tuple[str, ...] = (MISSING, OLDER)

    @property
    def name(self) -> str:
        return name_of(self.tables[0])

    def to_make(self, run: Run, waiting: Stale) -> dict[int, ToMake]:
        """The stale partitions up to the newest of what they read."""
        newest = [max(run.ledger.entries(name_of(table)), default=None) for table in self.reads]
        if not all(newest):
            return {}
        last = max(self.partitions.number(key) for key in newest if key)
        return self.stale(self.partitions.first, last, run, waiting)


def _made(declaration: object) -> Iterable[_Made]:
    """The tables of a declaration downstream of raw."""
    if isinstance(declaration, Source):
        tables = (silver_table(declaration), quarantine_table(declaration))
        yield _Made(tables, declaration.partitions, (raw_table(declaration),), declaration.version, partial(silver_to_make, declaration))
    elif isinstance(declaration, FeatureView) and declaration.accuracy == "temporal":
        return
    elif isinstance(declaration, FeatureView | AttributeView):
        of, days = (silver_table(declaration.source),), declaration.source.partitions
        if isinstance(declaration, FeatureView) and declaration.lifetime:
            kept, make = checkpoints_table(declaration), partial(checkpoints_to_make, declaration)
            yield _Made((kept,), months_of(declaration), of, declaration.version, make)
        yield _Made((gold_table(declaration),), days, of, declaration.version, partial(view_to_make, declaration))
    elif isinstance(declaration, GoldTable):
        of, days = (silver_table(declaration.source),), declaration.source.partitions
        because = (MISSING, OLDER, OTHERWISE)  # of a report nobody would notice: no step reads it, and says that it is of another one
        yield _Made(
            (gold_table(declaration),), days, of, declaration.version, partial(report_to_make, declaration), at_once=True, because=because
        )
    elif isinstance(declaration, TrainingSet):
        features = (table_of(view, layer_of(view, declaration.features_from)) for view in declaration.features.views)
        joined = tuple(dict.fromkeys((silver_table(declaration.labels.source), *features)))
        # A restated day trains no old model again: what is there has pinned the versions that it read.
        yield _Made(
            (training_table(declaration),),
            declaration.partitions,
            joined,
            declaration.version,
            partial(training_to_make, declaration),
            because=(MISSING,),
        )
    elif isinstance(declaration, Model):
        data = declaration.training_set
        trained_on = (training_table(data),)
        yield _Made(
            (model_table(declaration),),
            data.partitions,
            trained_on,
            declaration.version,
            partial(model_to_make, declaration),
            because=(MISSING,),
        )
        features, days = (table_of(view, layer_of(view)) for view in data.features.views), data.features.views[0].source.partitions
        yield _Made(
            (predictions_table(declaration),),
            days,
            tuple(dict.fromkeys(features)),
            declaration.version,
            partial(predictions_to_make, declaration),
        )


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


def _versions(made: Sequence[_Made], run: Run) -> str:
    """What a look depends on: the tables as they are, what the ledger says of them, and what they are declared to be."""
    tables = {LEDGER, *(table for one in made for table in (*one.tables, *one.reads))}
    at = [(name_of(table), run.version(table)) for table in sorted(tables)]
    return _digest([at, [one.version for one in made]])


def _digest(what: object) -> str:
    return hashlib.sha256(json.dumps(what).encode()).hexdigest()[:16]


def _look(made: Sequence[_Made], run: Run, under_way: Collection[dg.AssetKey], before: _Memory) -> _Found:
    """What to ask for now, and what to remember."""
    known: dict[Table, Collection[int]] = {}
    asked: dict[str, Stretches] = {}
    seen: dict[str, tuple[str, int]] = {}
    asking: list[dg.RunRequest] = []
    told: list[str] = []
    is_wanted = False
    run = replace(run, ledger=run.ledger.read_once())
    for one in made:
        to_make = one.to_make(run, known)
        known |= dict.fromkeys(one.tables, to_make.keys())
        if otherwise := [p for p, other in to_make.items() if other.why == OTHERWISE and OTHERWISE not in one.because]:
            told.append(_declared_otherwise(one, otherwise))
        remembered = {p: of for p, of in _unpacked(before.asked.get(one.name, ())).items() if p in to_make and to_make[p].of == of}
        wanted = {p: other.of for p, other in to_make.items() if other.can_be and other.why in one.because and p not in remembered}
        is_wanted = is_wanted or bool(wanted)
        if wanted and not any(key_of(table) in under_way for table in (*one.tables, *one.reads)):
            digest = _digest(sorted(wanted.items()))
            same, looks = before.seen.get(one.name, ("", 0))
            seen[one.name] = digest, looks + 1 if same == digest else 1
            if one.at_once or seen[one.name][1] >= LOOKS:
                chosen = stretches(sorted(wanted))[: requests.MOST - len(asking)]
                wanted = {p: wanted[p] for first, last in chosen for p in range(first, last + 1)}
                asking.extend(requests.requests([key_of(table) for table in one.tables], one.partitions, wanted))
                remembered |= wanted
                wanted = {}
        if wanted:
            told.append(f"{one.name} is stale; its conditions, or a run that goes on, come first.")
        if remembered:
            asked[one.name] = _packed(remembered)
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


def _declared_otherwise(made: _Made, partitions: Sequence[int]) -> str:
    keys = made.partitions.key(min(partitions)), made.partitions.key(max(partitions))
    return (
        f"{made.name}: {counted(len(partitions), 'partition')} between {keys[0]} and {keys[1]} were made by another version of the "
        "declaration. Backfill them, and what reads them."
    )

"""A dry run names all that the run makes: what is outdated now, and what follows from making it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from platform_assets import materialize
from platform_assets.cli.stages import foreseen, good_when_made, stages
from platform_assets.declare.dependencies import reached
from platform_assets.steps.layers import Graph
from platform_assets.stores.tables import Table, name_of
from platform_assets_tests.steps.business import DAYS
from platform_assets_tests.steps.pipeline import Pipeline, delivered

Change = Callable[[Pipeline], None]


def _one_day(pipeline: Pipeline, number: int = 4) -> None:
    key = pipeline.day(number)
    pipeline.deliveries[key] = (pipeline.deliveries[key] or [])[3:]


def _a_day_is_missing(pipeline: Pipeline) -> None:
    pipeline.deliveries.pop(pipeline.day(4))


def _all_is_delivered(pipeline: Pipeline) -> None:
    delivered(pipeline, seed=2)


def _dry(pipeline: Pipeline, graph: Graph) -> dict[str, set[str]]:
    """The keys of the partitions that a dry run names, by table."""
    run, made, found = pipeline.run(), dict[Table, list[int]](), dict[str, set[str]]()
    for stage in stages(graph, run, None):
        outdated = foreseen(stage, stage.first, stage.last, run, made)
        made |= dict.fromkeys(stage.tables, good_when_made(outdated))
        found[name_of(stage.tables[0])] = {stage.partitions.key(p) for p, one in outdated.items() if one.can_be_made}
    return found


@pytest.mark.slow  # trains a model twice
@pytest.mark.parametrize(
    ("before", "change"),
    [(delivered, _one_day), (_a_day_is_missing, _all_is_delivered)],
    ids=["a day is restated", "a missing day comes, and all others again"],
)
def test_all_that_is_made_was_foreseen(tmp_path: Path, before: Change, change: Change) -> None:
    pipeline = Pipeline(tmp_path)
    delivered(pipeline)
    if before is not delivered:
        before(pipeline)
    declared = [pipeline.report, pipeline.history, pipeline.model]
    graph = Graph(reached(declared, "a test"))
    for _ in range(2):  # of nothing, then of what was there before the change
        dry = _dry(pipeline, graph)
        made = materialize(*declared, lake=pipeline.lake, now=pipeline.now).tables
        for name, outcome in made.items():
            assert {*outcome.made, *outcome.blocked} <= dry[name], name
            # A month's training set, or a report's day, may turn out with the rows that it had.
            if name not in ("takings/gold", "coming/model", "coming/predictions"):
                assert {*outcome.made, *outcome.blocked} == dry[name], name
        assert not any(dry for dry in _dry(pipeline, graph).values()), "all of it is made"
        change(pipeline)
    assert len(dry["sales/raw"]) < DAYS or change is _all_is_delivered

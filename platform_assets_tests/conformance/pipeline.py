"""One case from raw to the training set: what is declared, what is received and asked for, and every table that comes out."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from platform_assets.declare.report import GoldTable
from platform_assets.declare.source import Source
from platform_assets.declare.training import FeatureService, TrainingSet
from platform_assets.testing.equality import require_same_rows, require_same_table
from platform_assets_tests.conformance.engines import REFERENCE, Engine, Judged, Received, Row


@dataclass(frozen=True)
class Case:
    """A source with all that is made of it, and the rows."""

    about: str
    """What is declared, in short."""
    source: Source = field(repr=False)
    service: FeatureService = field(repr=False)
    training: TrainingSet = field(repr=False)
    table: GoldTable = field(repr=False)
    raw: Sequence[Received]
    asked: Sequence[Row]
    """Rows of a point-in-time join: keys and label_time."""
    first: int
    last: int
    cut: int
    """An engine makes the partitions before it and those from it on in two runs, the reference all at once."""
    months: Sequence[int]
    checkpoints: Sequence[int] = ()
    """Snapshots at which the states of lifetime windows are kept, ascending. Their values are made from these, and from the beginning."""


@dataclass(frozen=True)
class Outcome:
    """Every table."""

    judged: Judged
    logs: dict[str, list[Row]]
    joined: list[Row]
    labels: list[Row]
    report: list[Row]


def run(engine: Engine, case: Case, cuts: Sequence[int]) -> Outcome:
    """All tables by one engine; those with partitions in several runs, each from a cut to the next."""
    oldest = min([case.first, *(row.arrival for row in case.raw)])
    halves = [engine.silver(case.source, case.raw, run.start, run.stop - 1) for run in runs_between(oldest, cuts, case.last)]
    runs = runs_between(case.first, cuts, case.last)
    judged = Judged(
        [row for half in halves for row in half.accepted],
        [row for half in halves for row in half.quarantined],
        [row for half in halves for row in half.counts],
    )
    silver = judged.accepted
    logs = {
        view.name: [row for run in runs for row in engine.change_log(view, silver, run.start, run.stop - 1)] for view in case.service.views
    }
    return Outcome(
        judged,
        logs,
        engine.point_in_time(case.service, logs, case.asked),
        [row for month in case.months for row in engine.labels(case.training, silver, month)],
        [row for run in runs for row in engine.report(case.table, silver, run.start, run.stop - 1)],
    )


def runs_between(first: int, cuts: Sequence[int], last: int) -> list[range]:
    """The partitions first..last, cut before each of `cuts`.

    >>> runs_between(1, [3], 5)
    [range(1, 3), range(3, 6)]
    """
    bounds = [first, *(cut for cut in cuts if first < cut <= last), last + 1]
    return [range(start, stop) for start, stop in pairwise(bounds)]


def require_agreement(engine: Engine, case: Case) -> Outcome:
    """What the reference says of a case; a Disagreement if the engine says another thing."""
    expected = run(REFERENCE, case, [])
    got = run(engine, case, [case.cut])
    place = ("arrival", "delivery", "row_number")
    require_same_table("silver", expected.judged.accepted, got.judged.accepted, place)
    require_same_table("quarantine", expected.judged.quarantined, got.judged.quarantined, place)
    require_same_table("counts", expected.judged.counts, got.judged.counts, ("partition",))
    for view in case.service.views:
        keys, wanted = (*view.entity.keys, "partition"), expected.logs[view.name]
        require_same_table(f"change log of {view.name}", wanted, got.logs[view.name], keys)
        if case.checkpoints and view.lifetime:
            runs = runs_between(case.first, [case.cut], case.last)
            halves = [engine.change_log(view, expected.judged.accepted, r.start, r.stop - 1, case.checkpoints) for r in runs]
            log = [row for half in halves for row in half]
            require_same_table(f"change log of {view.name} from checkpoints at {case.checkpoints}", wanted, log, keys)
    require_same_rows("point-in-time join", expected.joined, got.joined)
    require_same_table("labels", expected.labels, got.labels, (*case.training.entity.keys, "label_time"))
    require_same_table("report", expected.report, got.report, (*case.table.by, "partition"))
    for row in expected.judged.counts:
        assert row["received"] == row["accepted"] + row["quarantined"] + row["duplicates"], "received = accepted + quarantined + duplicates"
    return expected

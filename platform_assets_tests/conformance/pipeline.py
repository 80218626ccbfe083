"""One case from raw to the training set: what is declared, what is received and asked for, and every table that comes out."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from platform_assets.declare.report import GoldTable
from platform_assets.declare.source import Source
from platform_assets.declare.training import FeatureService, TrainingSet
from platform_assets_tests.conformance.engines import REFERENCE, Engine, Judged, Received, Row
from platform_assets_tests.conformance.equality import require_same_rows, require_same_table


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
    """A partition of first..last: an engine makes first..cut-1 and cut..last in two runs, the reference all at once."""
    months: Sequence[int]


@dataclass(frozen=True)
class Outcome:
    """Every table."""

    judged: Judged
    logs: dict[str, list[Row]]
    joined: list[Row]
    labels: list[Row]
    report: list[Row]


def run(engine: Engine, case: Case, runs: Sequence[range]) -> Outcome:
    """All tables by one engine, those with partitions in several runs."""
    halves = [engine.silver(case.source, case.raw, run.start, run.stop - 1) for run in runs]
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


def require_agreement(engine: Engine, case: Case) -> Outcome:
    """What the reference says of a case; a Disagreement if the engine says another thing."""
    expected = run(REFERENCE, case, [range(case.first, case.last + 1)])
    got = run(engine, case, [half for half in (range(case.first, case.cut), range(case.cut, case.last + 1)) if half])
    place = ("arrival", "delivery", "row_number")
    require_same_table("silver", expected.judged.accepted, got.judged.accepted, place)
    require_same_table("quarantine", expected.judged.quarantined, got.judged.quarantined, place)
    require_same_table("counts", expected.judged.counts, got.judged.counts, ("partition",))
    for view in case.service.views:
        require_same_table(f"change log of {view.name}", expected.logs[view.name], got.logs[view.name], (*view.entity.keys, "partition"))
    require_same_rows("point-in-time join", expected.joined, got.joined)
    require_same_table("labels", expected.labels, got.labels, (*case.training.entity.keys, "label_time"))
    require_same_table("report", expected.report, got.report, (*case.table.by, "partition"))
    for row in expected.judged.counts:
        assert row["received"] == row["accepted"] + row["quarantined"] + row["duplicates"], "received = accepted + quarantined + duplicates"
    return expected

"""What generated cases have met: a row exactly on an edge of a window that has values, for each aggregation and way of closing."""

from collections import Counter
from collections.abc import Iterator
from itertools import product

from platform_assets.declare.view import StoredFeature
from platform_assets.engines import reference
from platform_assets_tests.conformance.declared import AGGREGATIONS, CLOSED
from platform_assets_tests.conformance.engines import Row
from platform_assets_tests.conformance.pipeline import Case, Outcome

Cell = tuple[str, str, str, str]
"""Aggregation, closed, edge, late or on time."""

GRID: list[Cell] = list(product(AGGREGATIONS, CLOSED, ("left", "right"), ("late", "on time")))


class Grid:
    """In how many cases each cell occurred."""

    def __init__(self) -> None:
        self.examined = 0
        self.cases: Counter[Cell] = Counter()

    def add(self, case: Case, outcome: Outcome) -> None:
        """A cell occurs in a case if a snapshot that is written has a row on the edge, with a value, and a window that is not empty.

        Without its value the row could be anywhere; with an empty window it would not matter what the aggregation does.
        """
        self.examined += 1
        self.cases.update(set(_met(case, outcome)))

    def rarer_than(self, times: int) -> dict[Cell, int]:
        """The cells that occurred less often."""
        return {cell: self.cases[cell] for cell in GRID if self.cases[cell] < times}


def _met(case: Case, outcome: Outcome) -> Iterator[Cell]:
    for view in case.service.views:
        for snapshot in outcome.logs[view.name]:
            arrived = [row for row in outcome.judged.accepted if row["arrival"] <= snapshot["partition"]]
            mine = [row for row in arrived if all(row[key] == snapshot[key] for key in view.entity.keys)]
            anchor = case.source.partitions.ends_at(snapshot["partition"])
            for feature in view.stored:
                end = anchor - feature.window.offset
                edges = {"right": end} | ({} if feature.window.length is None else {"left": end - feature.window.length})
                on_edge = [(edge, row) for row in mine for edge, at in edges.items() if row[case.source.event_time] == at]
                with_value = [(edge, row) for edge, row in on_edge if has_value(feature, row)]
                inside = (row for row in mine if reference.in_window(feature.window, row[case.source.event_time], anchor))
                if with_value and any(has_value(feature, row) for row in inside):
                    for edge, row in with_value:
                        late = row["arrival"] > case.source.partitions.index(row[case.source.event_time])
                        yield feature.measure.aggregation.name, feature.window.closed, edge, "late" if late else "on time"


def has_value(feature: StoredFeature, row: Row) -> bool:
    """Whether the aggregation looks at the row: its condition is true and its argument not null."""
    where, argument = feature.measure.where, feature.measure.argument
    return (where is None or where.closure()(row) is True) and (argument is None or argument.closure()(row) is not None)

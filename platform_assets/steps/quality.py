"""A check of quality judged: its figure in a partition, its bound, given or learnt, and whether it is kept. All of it from the ledger.

A learnt bound is the median of the figure in the earlier partitions like the one that is judged, and 4 robust standard deviations
(1.4826 times the median distance from the median: Rousseeuw & Croux 1993, "Alternatives to the Median Absolute Deviation"), or 3 standard
deviations of what chance makes of so few rows, whichever is more. With fewer than 4 such partitions nothing is judged.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from math import sqrt
from statistics import median
from typing import Any

from platform_assets.declare.checks import QualityCheck
from platform_assets.declare.durations import in_words
from platform_assets.declare.source import Source
from platform_assets.kernels.distributions import binned, by_chance, fences, outside, stability_index
from platform_assets.kernels.times import since_epoch
from platform_assets.steps.figures import COMPLETE, FIGURES
from platform_assets.steps.like_partitions import AT_LEAST, LIKE, like
from platform_assets.stores.ledger import Entry

ROBUST, SPREADS, CHANCE = 1.4826, 4.0, 3.0
_LEAST_AGE = 0.01
"""A learnt age is not judged more finely than to a hundredth of the partition."""


@dataclass(frozen=True)
class Judgement:
    """What a check says of a partition."""

    figure: float | None
    """A share of rows, a number of rows, seconds, or an index; None: there is nothing to judge."""
    low: float | None
    high: float | None
    passed: bool
    why: str = ""
    """Why nothing was judged, or what the bound is."""
    more: Mapping[str, Any] = field(default_factory=dict)
    usual: float | None = None
    """The median of what a bound was learnt from, in the unit of the figure."""


def judge(source: Source, check: QualityCheck, entry: Entry, entries: Mapping[str, Entry]) -> Judgement:
    """entries: all of silver, of which the earlier ones say what is usual."""
    if entry.status == "blocked":
        return _nothing("the partition is blocked, its silver is empty")
    if check.figure is not None and check.figure.id not in entry.details.get(FIGURES, {}):
        return _nothing("its figure was never counted: run this check alone, or materialize the partition again")
    earlier = [one for one in like(source.partitions, entry.partition, entries) if _is_there(check, one)]
    if check.kind == "volume":
        return _volume(source, check, entry, like(source.partitions, entry.partition, entries))
    if check.kind == "drift":
        return _drift(source, check, entry, earlier)
    usual = fences([_figure(check, one) for one in earlier]) if check.kind == "outliers" and len(earlier) >= AT_LEAST else None
    figure, of, more = measured(source, check, entry, usual)
    if figure is None or not of:
        return _nothing(more.get("why", "there are no rows"))
    if not check.is_learnt:
        assert check.at_most is not None, "only the volume has a lower bound"
        return Judgement(figure, None, check.at_most, figure <= check.at_most, "as declared", more)
    known = [value for one in earlier if (value := measured(source, check, one, usual)[0]) is not None]
    if len(known) < AT_LEAST:
        return Judgement(figure, None, None, True, _too_few(known), more)
    middle, spread = _usual(known)
    if check.kind == "fresh":
        chance = _LEAST_AGE * source.partitions.step / timedelta(seconds=1)
    else:
        expected = (middle * of + 1) / (of + 2)  # Laplace's: a share of 0 of few rows need not stay 0
        chance = CHANCE * sqrt(expected * (1 - expected) / max(of, 1))
    high = middle + max(SPREADS * spread, chance)
    return Judgement(figure, None, high, figure <= high, _learnt(source, known), more, middle)


def measured(
    source: Source, check: QualityCheck, entry: Entry, usual: tuple[float, float] | None
) -> tuple[float | None, int, dict[str, Any]]:
    """The figure of a partition, of how many rows it is a share, and what else is worth saying; None: why there is none.

    usual: the fences beyond which a number is an outlier; None: those of the partition.
    """
    details = entry.details
    match check.kind:
        case "duplicates":
            copies, received = details["duplicates"] + details["exact_copies"], details["received"]
            return copies / max(received, 1), received, {"copies": copies, "received": received}
        case "fresh":
            if (newest := _figure(check, entry)) is None:
                return None, 0, {"why": "no row has an event time before the partition's end"}
            end = since_epoch(source.partitions.ends_at(source.partitions.number(entry.partition)))
            return (end - newest) / 1e6, entry.rows, {"newest event before the end": in_words(timedelta(microseconds=end - newest))}
        case "refers_to":
            told = _figure(check, entry)
            if not told[COMPLETE]:
                assert check.figure is not None
                parent = getattr(check.figure, "parent").name  # noqa: B009 - only Orphans have one
                return None, 0, {"why": f"{parent}/silver {told['until']} is not there yet: it is judged when that has been made"}
            return told["rows"] / max(entry.rows, 1), entry.rows, {"rows": told["rows"], "of": entry.rows, "known until": told["until"]}
        case "outliers":
            cells = _figure(check, entry)
            low, high = usual or fences([cells]) or (0.0, 0.0)
            rows, of = outside(cells, low, high), sum(cells["rows"])
            more = {"outliers": rows, "of": of, "outliers are below": round(low, 6), "or above": round(high, 6)}
            return rows / max(of, 1), of, {**more, "quartiles of": "earlier partitions" if usual else "this partition"}
        case _:
            rows = _figure(check, entry)
            return rows / max(entry.rows, 1), entry.rows, {"rows": rows, "of": entry.rows}


def _volume(source: Source, check: QualityCheck, entry: Entry, earlier: Sequence[Entry]) -> Judgement:
    received = entry.details["received"]
    if not check.is_learnt:
        passed = (check.at_least is None or received >= check.at_least) and (check.at_most is None or received <= check.at_most)
        return Judgement(received, check.at_least, check.at_most, passed, "as declared")
    known = [one.details["received"] for one in earlier]
    if len(known) < AT_LEAST:
        return Judgement(received, None, None, True, _too_few(known))
    usual = median(known)
    # Of few rows chance alone makes half or twice as many: three standard deviations of a count are never an alarm.
    passed = usual / 2 <= received <= usual * 2 or abs(received - usual) <= CHANCE * sqrt(usual)
    return Judgement(received, usual / 2, usual * 2, passed, _learnt(source, known), {}, usual)


def _drift(source: Source, check: QualityCheck, entry: Entry, earlier: Sequence[Entry]) -> Judgement:
    mine, theirs = _figure(check, entry), [_figure(check, one) for one in earlier]
    if mine is None or None in theirs:
        return _nothing("there are too many different values: declare it of an expression with fewer, such as substr(code, 1, 2)")
    if len(theirs) < AT_LEAST:
        return _nothing(_too_few(theirs))
    bins, others = binned(mine, theirs)
    expected = [sum(column) for column in zip(*others, strict=True)]
    if not sum(bins) or not sum(expected):
        return _nothing("there are no rows to compare")
    index = stability_index(bins, expected)
    more = {"rows": sum(bins), "compared with": f"{sum(expected)} rows of {LIKE[source.partitions.unit][1]}"}
    if not check.is_learnt:
        assert check.at_most is not None, "only the volume has a lower bound"
        return Judgement(index, None, check.at_most, index <= check.at_most, "as declared", more)
    # Each of them beside the others together, as this one beside all of them.
    known = [stability_index(one, [all_ - mine for all_, mine in zip(expected, one, strict=True)]) for one in others if sum(one)]
    middle, spread = _usual(known)
    high = max(middle + SPREADS * spread, by_chance(bins, expected))
    return Judgement(index, None, high, index <= high, _learnt(source, known), more, middle)


def _is_there(check: QualityCheck, entry: Entry) -> bool:
    """Whether a partition has the check's figure, whole and of any rows."""
    if (
        entry.status != "ok"
        or not entry.details["received"]
        or (check.figure is not None and check.figure.id not in entry.details.get(FIGURES, {}))
    ):
        return False
    if check.kind in ("volume", "duplicates"):
        return True
    return bool(entry.rows) and (check.kind != "refers_to" or bool(_figure(check, entry)[COMPLETE]))


def _figure(check: QualityCheck, entry: Entry) -> Any:
    assert check.figure is not None, "the ledger has the others"
    return entry.details[FIGURES][check.figure.id]


def _usual(known: Sequence[float]) -> tuple[float, float]:
    """The median, and a robust standard deviation."""
    middle = median(known)
    return middle, ROBUST * median(abs(value - middle) for value in known)


def _nothing(why: str) -> Judgement:
    return Judgement(None, None, None, True, why)


def _too_few(known: Sequence[Any]) -> str:
    return f"nothing to compare with yet: it takes {AT_LEAST} earlier partitions, {len(known)} are there"


def _learnt(source: Source, known: Sequence[float]) -> str:
    return f"learnt from {LIKE[source.partitions.unit][1]}: {len(known)} are there"

"""What is read from distributions as the ledger keeps them (kernels/profile.packed): quartiles, outliers, the stability index."""

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from platform_assets.kernels.profile import DROPPED, coarser

BINS = 10
_FENCE = 1.5


def value_of(cell: int, step: int) -> float:
    """The number of a cell that is nearest to 0."""
    magnitude = float(np.array(abs(cell) << (DROPPED + step), np.int64).view(np.float64))
    return -magnitude if cell < 0 else magnitude


def pooled(distributions: Sequence[Mapping[str, Any]]) -> dict[int, int]:
    """How many rows of several partitions lie in each cell, and the coarsest step among them: see `step_of`."""
    step = step_of(distributions)
    found: dict[int, int] = {}
    for one in distributions:
        for cell, rows in zip(one["cells"], one["rows"], strict=True):
            joined = coarser(cell, step - one["step"])
            found[joined] = found.get(joined, 0) + rows
    return dict(sorted(found.items()))


def step_of(distributions: Sequence[Mapping[str, Any]]) -> int:
    """The step of the coarsest distribution, in which all of them can be told."""
    return max((int(one["step"]) for one in distributions), default=0)


def fences(distributions: Sequence[Mapping[str, Any]]) -> tuple[float, float] | None:
    """Tukey's fences of some partitions together: q1 - 1.5 iqr, q3 + 1.5 iqr; None when they have no value.

    A quartile is the value with the rank floor(q (n - 1)), counted from 0.
    """
    cells, step = pooled(distributions), step_of(distributions)
    number = sum(cells.values())
    if not number:
        return None
    low, high = (value_of(_ranked(cells, math.floor(q * (number - 1))), step) for q in (0.25, 0.75))
    return low - _FENCE * (high - low), high + _FENCE * (high - low)


def _ranked(cells: Mapping[int, int], rank: int) -> int:
    """The cell of the value with a rank, counted from 0."""
    before = 0
    for cell, rows in cells.items():
        before += rows
        if before > rank:
            return cell
    raise AssertionError("a rank is below the number of values")


def outside(distribution: Mapping[str, Any], low: float, high: float) -> int:
    """How many rows lie outside of fences; those without a value do not."""
    values = zip(distribution["cells"], distribution["rows"], strict=True)
    return sum(rows for cell, rows in values if not low <= value_of(cell, distribution["step"]) <= high)


def binned(distribution: Mapping[str, Any], others: Sequence[Mapping[str, Any]]) -> tuple[list[int], list[list[int]]]:
    """Rows by bin of a distribution, and of each of the others, whose bins they are; null is the last bin.

    Of numbers the bins are cut at tenths of the others together, of categories each value that the ledger keeps of any of them is one, and
    the rest another.
    """
    if "cells" in distribution:
        return _binned_numbers(distribution, others)
    names = sorted(set().union(*(one["rows"] for one in others)))
    return _of_names(distribution, names), [_of_names(one, names) for one in others]


def _of_names(distribution: Mapping[str, Any], names: Sequence[str]) -> list[int]:
    rows = distribution["rows"]
    rest = sum(number for name, number in rows.items() if name not in set(names)) + distribution["others"]
    return [*(rows.get(name, 0) for name in names), rest, distribution["null"]]


def _binned_numbers(distribution: Mapping[str, Any], others: Sequence[Mapping[str, Any]]) -> tuple[list[int], list[list[int]]]:
    step, cells = step_of([distribution, *others]), pooled([*others, {"cells": [], "rows": [], "step": step_of([distribution, *others])}])
    number = sum(cells.values())
    edges = sorted({_ranked(cells, number * tenth // BINS) for tenth in range(1, BINS)}) if number else []

    def bins(one: Mapping[str, Any]) -> list[int]:
        found = [0] * (len(edges) + 1)
        for cell, rows in zip(one["cells"], one["rows"], strict=True):
            found[bisect_right(edges, coarser(cell, step - one["step"]))] += rows
        return [*found, one["null"]]

    return bins(distribution), [bins(one) for one in others]


def stability_index(actual: Sequence[int], expected: Sequence[int]) -> float:
    """The population stability index of rows by bin: sum of (p - q) ln(p / q), p and q the shares of the two with half a row more a bin.

    Siddiqi (2006), "Credit Risk Scorecards". Bins that both lack are not bins.
    """
    both = [(a, e) for a, e in zip(actual, expected, strict=True) if a or e]
    if not both:
        return 0.0
    totals = [sum(column) + 0.5 * len(both) for column in zip(*both, strict=True)]
    shares = [((a + 0.5) / totals[0], (e + 0.5) / totals[1]) for a, e in both]
    return math.fsum((p - q) * math.log(p / q) for p, q in shares)


def by_chance(actual: Sequence[int], expected: Sequence[int]) -> float:
    """What the index of two samples of one distribution exceeds in about one of a hundred cases.

    It is then about (1/n + 1/m) times a chi-squared variable of as many degrees of freedom as there are bins, less one (Yurdakul 2018,
    "Statistical Properties of Population Stability Index"): its mean and three standard deviations.
    """
    bins = sum(1 for a, e in zip(actual, expected, strict=True) if a or e)
    n, m = sum(actual), sum(expected)
    if bins < 2 or not n or not m:
        return 0.0
    return (1 / n + 1 / m) * ((bins - 1) + 3 * math.sqrt(2 * (bins - 1)))

"""The checks of quality that a source declares: for each partition its figure, its bound, and a plot over the last partitions."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import dagster as dg

from platform_assets.assets.checks import Verdict
from platform_assets.assets.plots import bars, image
from platform_assets.declare.checks import QualityCheck
from platform_assets.declare.source import Source
from platform_assets.steps.like_partitions import LIKE
from platform_assets.steps.quality import Judgement, judge
from platform_assets.stores.ledger import Entry

DRAWN = 30
"""How many partitions a plot shows."""
_SEVERITY = {"warn": dg.AssetCheckSeverity.WARN, "error": dg.AssetCheckSeverity.ERROR}


def described(source: Source) -> dict[str, str]:
    """What each declared check says of itself, by its name."""
    return {check.name: f"{check.dimension}: {check.says}\n\n{_bound(source, check)}" for check in source.checks}


def quality_verdicts(source: Source, made: Mapping[str, Entry], now: Mapping[str, Entry], *, only: str = "") -> list[Verdict]:
    """What is said of these partitions. now: all entries of silver. only: the kind of check that is wanted; empty: all."""
    checks = [check for check in source.checks if only in ("", check.kind)]
    newest = max(made, default="")
    found = []
    for key, entry in made.items():
        for check in checks:
            judged = judge(source, check, entry, now)
            verdict = _verdict(check, key, judged)
            found.append(_with_plot(source, check, judged, verdict, now) if key == newest else verdict)
    return found


def _verdict(check: QualityCheck, partition: str, judged: Judgement) -> Verdict:
    name, factor, digits = _unit(check)
    figures = {name: judged.figure, "at least": judged.low, "at most": judged.high, "usual": judged.usual}
    # Numbers, not texts: the UI plots them over the partitions.
    metadata: dict[str, Any] = {what: round(factor * value, digits) for what, value in figures.items() if value is not None}
    metadata |= {"bound" if judged.figure is not None else "not judged": judged.why, **judged.more, "dimension": check.dimension}
    return Verdict(partition, check.name, judged.passed, metadata, _SEVERITY[check.severity])


def _with_plot(source: Source, check: QualityCheck, judged: Judgement, verdict: Verdict, now: Mapping[str, Entry]) -> Verdict:
    """With the figure and the bound over the last partitions, for the newest one of a run: Dagster plots over run times."""
    before = [entry for key, entry in now.items() if key <= verdict.partition][-DRAWN:]
    name, factor, _ = _unit(check)
    figures = {entry.partition: judge(source, check, entry, now).figure for entry in before if entry.partition != verdict.partition}
    values = {key: factor * value for key, value in {**figures, verdict.partition: judged.figure}.items() if value is not None}
    if not values:
        return verdict
    bound = judged.high if judged.high is not None else judged.low
    line = None if bound is None else float(f"{factor * bound:.4g}")
    says = f"{name} of the last {len(values)} partitions" + ("" if line is None else f", and the bound {line:g}")
    return replace(verdict, metadata={**verdict.metadata, "over partitions": dg.MetadataValue.md(image(bars(values, line), says))})


def _unit(check: QualityCheck) -> tuple[str, float, int]:
    """What a figure is called, by what it is multiplied to be read, and how many digits are worth it."""
    match check.kind:
        case "volume":
            return "received", 1.0, 0
        case "fresh":
            return "hours before the end", 1 / 3600, 3
        case "drift":
            return "stability index", 1.0, 4
        case _:
            return "rows %", 100.0, 3


def _bound(source: Source, check: QualityCheck) -> str:
    if check.is_learnt:
        return f"Its bound is learnt from {LIKE[source.partitions.unit][1]}."
    _, factor, digits = _unit(check)
    unit = "%" if factor == 100.0 else " hours" if check.kind == "fresh" else ""
    bounds = (("At least", check.at_least), ("At most", check.at_most))
    return " ".join(f"{what} {round(factor * value, digits):g}{unit}." for what, value in bounds if value is not None)

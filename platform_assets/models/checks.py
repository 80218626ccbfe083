"""The checks of a model, judged by its evaluation and the baseline's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from platform_assets.declare.model import AtLeast, Check

if TYPE_CHECKING:
    from platform_assets.models.metrics import Evaluation


@dataclass(frozen=True)
class CheckResult:
    """One check: it passes if value >= bound. `message` says it in one sentence."""

    name: str
    passed: bool
    value: float
    bound: float
    message: str


def judge(check: Check, model: Evaluation, baseline: Evaluation) -> CheckResult:
    """Judge one check.

    at_least: the model's metric against the declared bound. not_worse_than_baseline: against the baseline's metric less the tolerance.
    """
    value: float = getattr(model, check.metric)
    if isinstance(check, AtLeast):
        bound, against = check.bound, "the bound"
    else:
        bound, against = getattr(baseline, check.metric) - check.tolerance, "the logistic baseline"
        if check.tolerance:
            against += f" less {check.tolerance:g}"
    passed = value >= bound
    verb = "reaches" if passed else "is below"
    message = f"{check.metric} {value:.4f} {verb} {against}, {bound:.4f}, on {model.rows:,} test rows ({model.positive_share:.1%} true)."
    return CheckResult(name_of(check), passed, value, bound, message)


def name_of(check: Check) -> str:
    """How a check is called in results and in the asset graph; the bound is not part of it, so a changed bound keeps its history."""
    if isinstance(check, AtLeast):
        return f"{check.metric}_at_least"
    return "not_worse_than_baseline" if check.metric == "auc" else f"{check.metric}_not_worse_than_baseline"

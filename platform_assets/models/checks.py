"""Evaluates the checks of a model, from its evaluation, the baseline's, and the difference between the two."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from platform_assets.declare.metrics import STANDARD
from platform_assets.declare.model import AtLeast, AtMost, BetterThanBaseline, Check, OwnCheck
from platform_assets.errors import ModelError

if TYPE_CHECKING:
    from platform_assets.models.metrics import Evaluation, Gain
    from platform_assets.models.training_data import Tested


@dataclass(frozen=True)
class CheckResult:
    """The result of a check. `message`: the result in one sentence; `required`: whether a model that fails it makes no predictions.

    value and bound: of a check that compares numbers; None for other checks.
    """

    name: str
    passed: bool
    value: float | None
    bound: float | None
    message: str
    required: bool = True


def judge(check: Check, model: Evaluation, baseline: Evaluation, gains: Mapping[str, Gain], tested: Callable[[], Tested]) -> CheckResult:
    """Evaluates one check.

    at_least, at_most: the model's metric against the declared bound. not_worse_than_baseline: against the baseline's metric minus the
    tolerance. better_than_baseline: the lower end of the interval of the difference against 0. A user-defined check: by its function.
    """
    if isinstance(check, OwnCheck):
        return _own(check, tested())
    metric = check.metric or STANDARD[model.kind][0]
    name = metric.name
    on = f"on {model.rows:,} test rows{_true(model)}"
    if isinstance(check, BetterThanBaseline):
        gain = gains[name]
        says = {"better": "is better than", "worse": "is worse than"}.get(gain.verdict, "does not differ beyond chance from")
        message = f"By {name} the model {says} the baseline ({gain.value:+.3f}, 95% interval {gain.interval}), {on}."
        return CheckResult(name_of(check), gain.verdict == "better", gain.low, 0.0, message, check.required)
    value = model.metrics[name]
    if isinstance(check, AtLeast | AtMost):
        bound, against = check.bound, "the bound"
    else:
        tolerance = check.tolerance if metric.higher_is_better else -check.tolerance
        bound, against = baseline.metrics[name] - tolerance, "the baseline"
        if check.tolerance:
            against += f" {'minus' if metric.higher_is_better else 'plus'} {check.tolerance:g}"
    passed = value >= bound if metric.higher_is_better else value <= bound
    verb = ("reaches" if passed else "is below") if metric.higher_is_better else ("is within" if passed else "exceeds")
    return CheckResult(name_of(check), passed, value, bound, f"{name} {value:.4f} {verb} {against}, {bound:.4f}, {on}.")


def _true(model: Evaluation) -> str:
    return f" ({model.about['positive_share']:.1%} true)" if model.kind == "binary" else ""


def _own(check: OwnCheck, tested: Tested) -> CheckResult:
    try:
        answer: Any = check.function(tested)
    except Exception as error:
        raise ModelError(f"check {check.name!r} failed: {type(error).__name__}: {error}") from error
    passed, message = answer if isinstance(answer, tuple) and len(answer) == 2 else (answer, "")
    if passed is None or not hasattr(passed, "__bool__") or not isinstance(message, str):
        raise ModelError(f"check {check.name!r} returned {answer!r}: return whether it passes, optionally with an explanation.")
    return CheckResult(check.name, bool(passed), None, None, message or f"{check.name} {'passes' if passed else 'fails'}.")


def name_of(check: Check) -> str:
    """The name of a check in results and in the asset graph; it does not contain the bound, so a changed bound keeps its history."""
    if isinstance(check, OwnCheck):
        return check.name
    if isinstance(check, AtLeast):
        return f"{check.metric.name}_at_least"
    if isinstance(check, AtMost):
        return f"{check.metric.name}_at_most"
    if isinstance(check, BetterThanBaseline):
        return f"{check.metric.name}_better_than_baseline"
    if check.metric is None or any(check.metric == metrics[0] for metrics in STANDARD.values()):
        return "not_worse_than_baseline"
    return f"{check.metric.name}_not_worse_than_baseline"

"""Metrics of prediction quality, by the kind of the label; and user-defined ones."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from platform_assets.declare.arguments import boolean, checked_arguments, takes_arguments
from platform_assets.declare.labels import Kind
from platform_assets.declare.names import check_name
from platform_assets.declare.version import version_of_code
from platform_assets.errors import DeclarationError


@dataclass(frozen=True, repr=False)
class Metric:
    """A metric that compares predictions with actual outcomes.

    function: of a user-defined metric; None: it is built in. is_share: whether it is between 0 and 1.
    """

    name: str
    higher_is_better: bool
    function: Callable[[Any, Any], float] | None = None
    is_share: bool = False

    def __repr__(self) -> str:
        return repr(self.name)

    @property
    def meaning(self) -> list[Any]:
        return [self.name, self.higher_is_better, self.function and version_of_code(self.function)]


STANDARD: dict[Kind, tuple[Metric, ...]] = {
    "binary": (
        Metric("auc", True, is_share=True),
        Metric("average_precision", True, is_share=True),
        Metric("log_loss", False),
        Metric("brier", False, is_share=True),
    ),
    "numeric": (Metric("mae", False), Metric("rmse", False), Metric("r2", True)),
    "multiclass": (Metric("macro_f1", True, is_share=True), Metric("accuracy", True, is_share=True), Metric("log_loss", False)),
}
"""The metrics of each kind of label; the first one is the primary metric."""

KNOWN: dict[str, Metric] = {one.name: one for metrics in STANDARD.values() for one in metrics}


@checked_arguments("@metric")
def metric(*, higher_is_better: bool) -> Callable[[Callable[[Any, Any], float]], Metric]:
    """A user-defined metric: a function of the actual and the predicted values, both NumPy arrays, that returns a number.

    Actual values: 0 and 1, numbers, or class indexes. Predicted values: probabilities, numbers, or a column of
    probabilities for each class. Name it in a check, at_least(profit, 100), or show it with @model(..., metrics=[profit]). It is called
    several hundred times, on resampled rows, for the interval of its difference from the baseline.

    >>> @metric(higher_is_better=True)
    ... def found_in_first_tenth(truth, predicted):
    ...     first = predicted.argsort()[-len(predicted) // 10 :]
    ...     return truth[first].sum() / truth.sum()
    """
    better = boolean(higher_is_better, "@metric, higher_is_better")

    def declare(function: Callable[[Any, Any], float]) -> Metric:
        name = getattr(function, "__name__", "")
        where = f"metric {name!r}"
        takes_arguments(function, 2, where, f"def {name or 'profit'}(truth, predicted) -> float")
        check_name(name, where)
        if name in KNOWN:
            raise DeclarationError(f"{where}: there is a built-in metric of that name. Give the function another name.")
        return Metric(name, better, function)

    return declare

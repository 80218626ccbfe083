"""Plots and tables of a model: metrics, calibration, feature importance, and earlier scores."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import dagster as dg

from platform_assets.assets.markdown import table
from platform_assets.assets.plots import image, lines, long_bars
from platform_assets.declare.metrics import STANDARD
from platform_assets.stores.ledger import Entry
from platform_assets.stores.storage import Storage

if TYPE_CHECKING:
    from platform_assets.models.artifact import Record
    from platform_assets.models.metrics import Gain

MOST_FEATURES = 15
MOST_CLASSES = 12

Point = tuple[float, float]


def pictures(folder: Storage, earlier: Mapping[str, Entry]) -> dict[str, dg.MarkdownMetadataValue]:
    """Metrics, curves and importances of a saved model, and the scores of earlier models.

    folder: where it was saved. earlier: the ledger's entries of the model's table, up to this one.
    """
    from platform_assets.models.artifact import read_record  # scikit-learn, which a code location does not load
    from platform_assets.models.baseline import BASELINES
    from platform_assets.models.importance import LOST

    record = read_record(folder)
    base, lost = BASELINES[record.kind], LOST[record.kind].upper() if record.kind == "binary" else LOST[record.kind]
    most = dict(list(record.importance.items())[:MOST_FEATURES])
    found = {
        f"beside the {base} baseline": _side_by_side(record, base),
        **_curves(record, base),
        "scores over time": _scores(earlier, record, base),
    }
    if most:
        found["feature importance"] = f"{lost} lost without the feature.\n\n{image(long_bars(most), f'{lost} lost without each feature')}"
    return {name: dg.MetadataValue.md(text) for name, text in found.items()}


def _curves(record: "Record", base: str) -> dict[str, str]:
    if record.kind == "multiclass":
        return {"confusion": _confusion(record)}
    model, baseline = record.evaluation.curves, record.baseline.curves
    if record.kind == "numeric":
        curves, low, high = _to_unit({"model": model["calibration"], base: baseline["calibration"]})
        axes = f"mean prediction {low:.4g} to {high:.4g}", f"mean of the actual outcomes, {low:.4g} to {high:.4g}"
        drawn = lines({**curves, "right": ((0.0, 0.0), (1.0, 1.0))}, *axes)
        return {"calibration": image(drawn, "mean of the actual outcomes over mean prediction")}
    average = [one.metrics["average_precision"] for one in (record.evaluation, record.baseline)]
    right = ((0.0, 0.0), (1.0, 1.0))
    calibration = {"model": model["calibration"], base: baseline["calibration"], "right": right}
    return {
        "precision and recall": image(
            lines({"model": model["precision_recall"], base: baseline["precision_recall"]}, "recall 0 to 1", "precision"),
            f"precision over recall: average {average[0]:.3f}, {base} {average[1]:.3f}",
        ),
        "calibration": image(
            lines(calibration, "probability 0 to 1", "share that came true"), "share that came true over mean probability"
        ),
    }


def _to_unit(curves: Mapping[str, Sequence[Point]]) -> tuple[dict[str, list[Point]], float, float]:
    """Curves with both axes scaled to 0..1, and the original bounds."""
    every = [value for points in curves.values() for point in points for value in point]
    low, high = min(every), max(every)
    apart = (high - low) or 1.0
    return {name: [((x - low) / apart, (y - low) / apart) for x, y in points] for name, points in curves.items()}, low, high


def _confusion(record: "Record") -> str:
    """Row counts by true and predicted class, for the first classes."""
    names = [str(name) for name in record.classes][:MOST_CLASSES]
    rows = [[name, *row[: len(names)]] for name, row in zip(names, record.evaluation.confusion, strict=False)]
    if unknown := int(record.evaluation.about["rows_of_unknown_classes"]):
        rows.append(["(not learnt)", *record.evaluation.confusion[-1][: len(names)]])
    note = f"\n\n{unknown:,} test rows have classes that are not in the training split." if unknown else ""
    return f"True class down, predicted class across.{note}\n\n{table(['', *names], rows)}"


def _side_by_side(record: "Record", base: str) -> str:
    """Every metric with the baseline's and the significance of the difference, as a table and in words."""
    model, baseline = record.evaluation, record.baseline
    rows = [
        [name.replace("_", " "), f"{value:.3f}", f"{baseline.metrics[name]:.3f}", f"{gain.value:+.3f}", gain.interval, _WORDS[gain.verdict]]
        for name, value in model.metrics.items()
        for gain in [record.gains[name]]
    ]
    if record.kind == "binary":
        about = (
            f", {model.about['positive_share']:.1%} of them true; the mean probability is {model.about['mean_predicted']:.1%}, the slope "
            f"of calibration {model.about['calibration_slope']:.2f} (1: probabilities are neither overconfident nor too cautious)"
        )
    elif record.kind == "numeric":
        about = f"; their mean is {model.about['mean']:.4g}, the mean prediction {model.about['mean_predicted']:.4g}"
    else:
        about = ""
    head = ["", "model", base, "better by", "95% interval", ""]
    return f"On {model.rows:,} test rows{about}. {verdict(record.gains)}\n\n{table(head, rows)}"


_WORDS = {"better": "better", "worse": "worse", "unclear": "no clear difference"}


def verdict(gains: Mapping[str, "Gain"]) -> str:
    """In words, by which metrics a model is significantly better than its baseline, and by which it is not."""
    by: dict[str, list[str]] = {}
    for name, gain in gains.items():
        by.setdefault(gain.verdict, []).append(name.replace("_", " "))
    said = {"better": "better than the baseline by", "worse": "worse by", "unclear": "not clearly different by"}
    parts = [f"{said[word]} {', '.join(by[word])}" for word in said if word in by]
    return f"The model is {'; '.join(parts)} (95% intervals from resampled entities)."


def _scores(earlier: Mapping[str, Entry], record: "Record", base: str) -> str:
    first = STANDARD[record.kind][0].name
    trained = [(key, entry.details) for key, entry in sorted(earlier.items()) if entry.status == "ok" and first in entry.details]
    others = [metric.name for metric in STANDARD[record.kind][1:]]
    share = ["positive_share"] if record.kind == "binary" else []
    names = [first, f"baseline_{first}", *others, *share]
    head = ["partition", first.replace("_", " "), base, *(name.replace("_", " ") for name in (*others, *share)), "test rows", "good"]
    rows = [[key, *(f"{of[name]:.3f}" for name in names), of["test_rows"], "yes" if of["good"] else "no"] for key, of in trained]
    # A single partition makes no line.
    places = [i / (len(trained) - 1) for i in range(len(trained))] if len(trained) > 1 else []
    drawn = ""
    if places:
        values = {"model": [of[first] for _, of in trained], base: [of[f"baseline_{first}"] for _, of in trained]}
        every = [value for line in values.values() for value in line]
        low, high = (0.5, 1.0) if first == "auc" else (min(0.0, *every), max(*every, 1e-9))
        curves = {name: list(zip(places, line, strict=True)) for name, line in values.items()}
        title = first.replace("_", " ") if first != "auc" else "AUC"
        drawn = image(lines(curves, f"{trained[0][0]} to {trained[-1][0]}", title, low=low, high=high), f"{title} by partition")
    return f"{drawn}\n\n{table(head, rows)}"

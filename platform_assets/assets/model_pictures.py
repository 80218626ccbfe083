"""What a person wants to see of a model: how well it ranks, whether its probabilities hold, what it leans on, how it did before."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from platform_assets.assets.drawing import image, lines, long_bars
from platform_assets.assets.markdown import table
from platform_assets.stores.ledger import Entry

if TYPE_CHECKING:
    from platform_assets.models.metrics import Evaluation

MOST_FEATURES = 15
_METRICS = ("auc", "average_precision", "log_loss", "brier")


def pictures(folder: Path, earlier: Mapping[str, Entry]) -> dict[str, dg.MarkdownMetadataValue]:
    """Curves and importances of a saved model, and the scores of the models up to it.

    folder: where it was saved. earlier: the ledger's entries of the model's table, up to this one.
    """
    from platform_assets.models.artifact import read_record  # scikit-learn, which a code location does without

    record = read_record(folder)
    model, baseline = record.evaluation, record.baseline
    most = dict(list(record.importance.items())[:MOST_FEATURES])
    right = ((0.0, 0.0), (1.0, 1.0))
    found = {
        "beside the logistic baseline": _side_by_side(model, baseline),
        "precision and recall": image(
            lines({"model": model.precision_recall, "logistic": baseline.precision_recall}, "recall 0 to 1", "precision"),
            f"precision over recall: average {model.average_precision:.3f}, logistic {baseline.average_precision:.3f}",
        ),
        "calibration": image(
            lines(
                {"model": model.calibration, "logistic": baseline.calibration, "right": right}, "probability 0 to 1", "share that came true"
            ),
            "share that came true over mean probability",
        ),
        "scores over time": _scores(earlier),
    }
    if most:
        found["feature importance"] = f"AUC lost without the feature.\n\n{image(long_bars(most), 'AUC lost without each feature')}"
    return {name: dg.MetadataValue.md(text) for name, text in found.items()}


def _side_by_side(model: "Evaluation", baseline: "Evaluation") -> str:
    rows = [[name.replace("_", " "), f"{getattr(model, name):.3f}", f"{getattr(baseline, name):.3f}"] for name in _METRICS]
    return f"On {model.rows:,} test rows, {model.positive_share:.1%} of them true.\n\n{table(['', 'model', 'logistic'], rows)}"


def _scores(earlier: Mapping[str, Entry]) -> str:
    trained = [(key[:7], entry.details) for key, entry in sorted(earlier.items()) if entry.status == "ok"]
    head = ["month", "AUC", "logistic", "average precision", "share true", "test rows", "good"]
    rows = [
        [
            month,
            *(f"{of[name]:.3f}" for name in ("auc", "baseline_auc", "average_precision", "positive_share")),
            of["test_rows"],
            "yes" if of["good"] else "no",
        ]
        for month, of in trained
    ]
    # Of a single month there is no line to draw.
    places = [i / (len(trained) - 1) for i in range(len(trained))] if len(trained) > 1 else []
    curves = {
        name: [(x, of[metric]) for x, (_, of) in zip(places, trained, strict=True)]
        for name, metric in (("model", "auc"), ("logistic", "baseline_auc"))
        if places
    }
    drawn = image(lines(curves, f"{trained[0][0]} to {trained[-1][0]}", "AUC", low=0.5), "AUC by month") if curves else ""
    return f"{drawn}\n\n{table(head, rows)}"

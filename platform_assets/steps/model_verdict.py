"""Whether a trained model may predict, and why."""

from collections.abc import Iterable, Mapping
from typing import Any

from platform_assets.stores.ledger import Entry


def verdict(entry: Entry) -> str:
    """The verdict on a model in a sentence: good, with the checks it passed; not good, with those it failed; or not trained."""
    details = entry.details
    if "checks" not in details:
        return f"not trained: {details.get('reason', entry.status)}"
    if why := failed_checks(details["checks"]):
        return f"not good, so it makes no predictions: {why}"
    passed = [_figure(check) for check in details["checks"] if check["passed"]]
    warned = [check["message"] for check in details["checks"] if not check["passed"]]
    said = f"good: passed {', '.join(passed)}" if passed else "good: it has no required checks"
    return f"{said}. Beyond that: {' '.join(warned)}" if warned else said


def failed_checks(checks: Iterable[Mapping[str, Any]]) -> str:
    """Why a model is not good: the messages of the required checks that it failed; empty if it passed all of them."""
    return " ".join(check["message"] for check in checks if check["required"] and not check["passed"])


def _figure(check: Mapping[str, Any]) -> str:
    if check["value"] is None or check["bound"] is None:
        return str(check["name"])
    return f"{check['name']} ({check['value']:.3f}, bound {check['bound']:.3f})"

"""Whether a model may predict, and why, as the ledger has it."""

from typing import Any

from platform_assets.steps.model_verdict import failed_checks, verdict
from platform_assets.stores.ledger import Entry


def check(name: str, passed: bool, value: float | None, bound: float | None, *, required: bool = True) -> dict[str, Any]:
    return {"name": name, "passed": passed, "value": value, "bound": bound, "message": f"{name} says so.", "required": required}


def said(*checks: dict[str, Any]) -> str:
    return verdict(Entry("churn/model", "2024-03-01", 3, "1", 1, details={"good": True, "checks": list(checks)}))


def test_a_good_model_names_what_it_passed_and_what_it_need_not_pass() -> None:
    passed, own, warned = (
        check("auc_at_least", True, 0.76, 0.6),
        check("fair", True, None, None),
        check("brier", False, 0.2, 0.1, required=False),
    )
    assert said(passed, own, warned) == "good: passed auc_at_least (0.760, bound 0.600), fair. Beyond that: brier says so."
    assert said() == "good: it has no required checks"


def test_a_model_that_is_not_good_names_each_required_check_that_it_failed() -> None:
    checks = check("auc_at_least", False, 0.5, 0.6), check("fair", False, None, None), check("brier", False, 0.2, 0.1, required=False)
    assert said(*checks) == "not good, so it makes no predictions: auc_at_least says so. fair says so."
    assert failed_checks([check("auc_at_least", True, 0.7, 0.6)]) == ""


def test_a_model_that_was_not_trained_says_why() -> None:
    entry = Entry("churn/model", "2024-03-01", 3, "1", 1, "not trained", details={"good": False, "reason": "3 of 3 rows are in no split"})
    assert verdict(entry) == "not trained: 3 of 3 rows are in no split"

"""Every engine computes what other systems' tests expect, where it can be said in our words; where it cannot, the file says why."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from platform_assets.testing.cases import ENGINES, Case, read_cases, run_case

FOLDER = Path(__file__).parent
CASES = {path.stem: read_cases(path) for path in sorted(FOLDER.glob("*.yaml"))}
EXPRESSED = [pytest.param(case, id=f"{name}-{case.title}") for name, cases in CASES.items() for case in cases if case.cannot is None]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("case", EXPRESSED)
def test_an_engine_computes_what_the_case_expects(case: Case, engine: str) -> None:
    outcome = run_case(case, engine)
    assert outcome.status == "passed", outcome.message or outcome.differences


@pytest.mark.parametrize("case", [one for one in EXPRESSED if "expected" in one.values[0].words])  # type: ignore[attr-defined]
def test_a_value_that_is_changed_is_noticed(case: Case) -> None:
    """Each case compares something: its last value, changed, is found to be another one."""
    rows = case.words["expected"]
    if isinstance(rows, str):
        *others, last = rows.rstrip().splitlines()
        cells = last.split("|")
        cells[-1] = f" {_other(cells[-1].strip())}"
        changed: Any = "\n".join([*others, "|".join(cells)])
    else:
        name = list(rows[-1])[-1]
        changed = [*rows[:-1], {**rows[-1], name: _other(rows[-1][name])}]
    outcome = run_case(replace(case, words={**case.words, "expected": changed}), "polars")
    assert outcome.status == "failed"
    assert len(outcome.differences) == 1, outcome


def _other(value: Any) -> Any:
    """Another value of the same type."""
    if isinstance(value, str) and value.startswith("["):
        return "[7]" if value == "[]" else "[]"
    if value in ("", None):
        return "1" if value == "" else 1
    for changed in (lambda: int(value) + 1, lambda: float(value) * 1.001 + 1):
        try:
            return str(changed()) if isinstance(value, str) else type(value)(changed())
        except ValueError:
            continue
    return f"{value}x"


def test_the_peers_are_these_with_so_many_cases_each() -> None:
    """By hand, so that a case is not lost unnoticed: those that run, and those that are told as not expressible."""
    counted = {
        name: (sum(case.cannot is None for case in cases), sum(case.cannot is not None for case in cases)) for name, cases in CASES.items()
    }
    assert counted == {
        "chronon_windows": (6, 3),
        "contract": (26, 0),
        "feast_point_in_time": (8, 1),
        "openmldb_aggregations": (18, 3),
        "openmldb_attributes": (2, 3),
        "openmldb_row_range": (11, 2),
        "openmldb_windows": (15, 9),
        "pandas_rolling": (16, 5),
        "polars_rolling": (13, 3),
    }


@pytest.mark.parametrize("name", [name for name in CASES if name != "contract"])
def test_a_peers_file_names_where_its_values_come_from_and_the_licence(name: str) -> None:
    head = (FOLDER / f"{name}.yaml").read_text().split("\nabout:")[0]
    assert "# Source: " in head
    assert any(licence in head for licence in ("Apache-2.0", "BSD-3-Clause", "MIT"))

"""The command `python -m platform_assets.testing.cases`: what it ends with, and what it shows in 80 columns."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from platform_assets.testing.cases.__main__ import main
from platform_assets_tests.testing.test_cases import FILE, PASSES

FAILS = PASSES.replace("both amounts", "a wrong sum").replace("amount_sum_1d: 3", "amount_sum_1d: 4")
CANNOT = "  - case: windows of rows\n    cannot: A window is a stretch of time.\n"


def run(folder: Path, cases: str, *options: str) -> tuple[int, str]:
    path = folder / "some.yaml"
    path.write_text(f"{FILE}cases:\n{cases}")
    result = CliRunner().invoke(main, [str(path), *options], env={"COLUMNS": "80"})
    return result.exit_code, result.output


def test_it_ends_with_0_when_no_case_failed_and_counts_what_cannot_be_expressed(tmp_path: Path) -> None:
    code, output = run(tmp_path, PASSES + CANNOT)
    assert code == 0
    assert "passed both amounts" in output
    assert "cannot windows of rows" in output
    assert "A window is a stretch of time." in output
    assert output.endswith("2 cases: 1 passed, 0 failed, 1 cannot be expressed\nOn reference, polars, polars-silver\n")


def test_it_ends_with_1_when_one_did_and_shows_both_values(tmp_path: Path) -> None:
    code, output = run(tmp_path, PASSES + FAILS)
    assert code == 1
    assert "failed a wrong sum" in output
    lines = [line.split() for line in output.splitlines()]
    assert ["user", "at", "value", "expected", "found"] in lines
    assert ["ada", "2024-03-02", "00:00", "amount_sum_1d", "4.0", "3.0"] in lines
    assert "reference, polars, polars-silver: line 15, 1 value differs" in output
    assert output.endswith("2 cases: 1 passed, 1 failed, 0 cannot be expressed\nOn reference, polars, polars-silver\n")


def test_it_ends_with_2_when_a_file_cannot_be_read(tmp_path: Path) -> None:
    code, output = run(tmp_path, PASSES.replace("features", "feature"))
    assert code == 2
    assert "line 12, case 'both amounts': there is no word 'feature'. Did you mean 'features'?" in output
    assert CliRunner().invoke(main, [str(tmp_path / "nowhere.yaml")]).exit_code == 2
    assert CliRunner().invoke(main, []).exit_code == 2


@pytest.mark.parametrize("engine", ["reference", "polars", "polars-silver"])
def test_one_engine_may_be_chosen(tmp_path: Path, engine: str) -> None:
    assert run(tmp_path, PASSES, "--engine", engine)[1].endswith(f"1 case: 1 passed, 0 failed, 0 cannot be expressed\nOn {engine}\n")
    assert run(tmp_path, PASSES, "--engine", "spork")[0] == 2


def test_a_message_fits_into_80_columns_and_names_the_line(tmp_path: Path) -> None:
    code, output = run(tmp_path, PASSES.replace("sum: amount", "sum: amuont"))
    assert code == 1
    assert "line 12, case 'both amounts': feature view" in " ".join(output.split())
    assert "Did you mean 'amount'?" in " ".join(output.split())
    assert max(map(len, output.splitlines())) <= 80


def test_it_runs_as_a_module_without_dagster(tmp_path: Path) -> None:
    path = tmp_path / "some.yaml"
    path.write_text(f"{FILE}cases:\n{PASSES}")
    program = "import sys, runpy\nsys.argv[1:] = [sys.argv[1]]\n"
    program += "try:\n    runpy.run_module('platform_assets.testing.cases', run_name='__main__')\nexcept SystemExit as end:\n"
    program += "    print(end.code, sorted({name.split('.')[0] for name in sys.modules} & {'dagster', 'deltalake', 'redis', 'sklearn'}))"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    found = subprocess.run(
        [sys.executable, "-c", program, str(path)], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert found.stdout.splitlines()[-1] == "False []"
    assert found.stderr == ""

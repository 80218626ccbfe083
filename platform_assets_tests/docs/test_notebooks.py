"""Every example notebook runs, and its outputs are what it prints now."""

import json
import shutil
import tempfile
from pathlib import Path

import pytest

from platform_assets_tests.docs.notebooks import code_cells, run, shown, with_outputs

NOTEBOOKS = sorted((Path(__file__).parents[2] / "examples").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_runs_and_shows_what_it_prints(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for name in ("PLATFORM_HOME", "PLATFORM_REDIS_URL"):
        monkeypatch.setenv(name, "")  # what a notebook puts into the environment is taken back
    notebook = json.loads(path.read_text())
    printed = run(notebook, path.stem)
    for number, (cell, text) in enumerate(zip(code_cells(notebook), printed, strict=True), start=1):
        fix = f"cell {number}: if that is right, python -m platform_assets_tests.docs.notebooks examples/{path.name}"
        assert shown(cell) == text, fix
    assert len(printed) > 5
    shutil.rmtree(tmp_path)


def notebook(*cells: str) -> dict[str, object]:
    return {"cells": [{"cell_type": "code", "source": cell.splitlines(keepends=True), "outputs": []} for cell in cells]}


def test_cells_share_their_names_and_show_prints_and_the_last_value() -> None:
    cells = notebook("x = 1", "print(x)\nx + 1", "def f():\n    return 7\nimport inspect\ninspect.getsource(f)", "None")
    printed = run(cells, "example")
    assert printed == ["", "1\n2\n", "'def f():\\n    return 7\\n'\n", ""]
    assert [shown(cell) for cell in code_cells(with_outputs(cells, printed))] == printed


def test_an_error_in_a_cell_names_the_cell() -> None:
    with pytest.raises(ZeroDivisionError) as error:
        run(notebook("x = 0", "y = 1\n1 / x"), "example")
    assert (error.traceback[-1].path, error.traceback[-1].lineno + 1) == ("<example, cell 2>", 2)

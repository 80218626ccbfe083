"""The reference is what the docstrings say."""

import runpy
from pathlib import Path

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


def test_the_reference_is_what_the_docstrings_say(tmp_path: Path) -> None:
    written = runpy.run_path(str(REFERENCE / "write_api.py"))["api"](tmp_path / "draft.md")
    assert written == (REFERENCE / "api.md").read_text(), "run `make docs`, and commit docs/reference/api.md"

"""The lesson on features and a model runs, and prints what its page shows."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from platform_assets_tests.spark.session import JARS, SETTINGS

ROOT = JARS.parents[1]
PAGE = ROOT / "docs" / "how-to" / "spark-lesson.md"
RUN = "import sys; from pathlib import Path; from platform_assets_tests.docs.pages import run; assert run(Path(sys.argv[1])) >= 8"


@pytest.mark.slow
def test_the_lesson_runs(tmp_path: Path) -> None:
    """In a process of its own: its paths are relative, and Spark's are those of the folder in which it was started."""
    environment = {**os.environ, **SETTINGS, "PLATFORM_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(PAGE)], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr

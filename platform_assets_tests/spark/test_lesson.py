"""The lesson on features and a model runs, and prints what its page shows."""

from pathlib import Path

import pytest

from platform_assets_tests.docs.pages import run
from platform_assets_tests.spark.session import SETTINGS, spark

pytestmark = pytest.mark.slow


def test_the_lesson_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PLATFORM_HOME", str(tmp_path / "home"))
    for name, value in SETTINGS.items():  # the resource configures the session that is running
        monkeypatch.setenv(name, value)
    spark()
    assert run(Path(__file__).parents[2] / "docs" / "how-to" / "spark-lesson.md") >= 8

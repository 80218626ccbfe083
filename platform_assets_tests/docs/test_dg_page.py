"""The project of docs/how-to/dg.md, made as the page says, and its commands."""

import os
import re
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from platform_assets_tests.docs.test_commands import commands

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "dg.md"


@pytest.mark.slow
def test_the_project_of_the_page_is_checked_listed_and_launched(tmp_path: Path) -> None:
    text = PAGE.read_text()
    settings, module = re.search(r"```toml\n(.*?)```", text, re.DOTALL), re.search(r"```py [^\n]*\n(.*?)```", text, re.DOTALL)
    assert settings and module
    (tmp_path / "coffee").mkdir()
    (tmp_path / "coffee" / "__init__.py").touch()
    (tmp_path / "coffee" / "definitions.py").write_text(module[1])
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "coffee"\nversion = "0.1.0"\n\n' + settings[1])
    (tmp_path / "dagster").mkdir()
    (tmp_path / "dagster" / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    own = {"PLATFORM_HOME": str(tmp_path / "home"), "DAGSTER_HOME": str(tmp_path / "dagster")}
    environment = {**os.environ, **own, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    said = {}
    for command in commands(PAGE):
        done = subprocess.run(["bash", "-euc", command], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        said[command.split()[1]] = done.stdout
    assert "All definitions loaded successfully" in said["check"] and "sales/silver" in said["list"]
    assert pl.read_delta(str(tmp_path / "home/lake/sales/silver")).height == 4

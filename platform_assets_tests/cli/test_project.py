"""A command that names no module takes the one that Dagster loads in the folder: what pyproject.toml says."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from platform_assets.cli import MODULE
from platform_assets.cli.main import cli
from platform_assets.cli.project import default_module

SAID = {
    "dagster": ('[tool.dagster]\nmodule_name = "bikes.defs"', "bikes.defs"),
    "dg": ('[tool.dg.project]\nroot_module = "bikes"\ncode_location_target_module = "bikes.here"', "bikes.here"),
    "dg, with the package alone": ('[tool.dg.project]\nroot_module = "bikes"', "bikes.definitions"),
    "both": ('[tool.dagster]\nmodule_name = "a"\n[tool.dg.project]\nroot_module = "bikes"', "a"),
    "neither": ("[tool.ruff]\nline-length = 100", MODULE),
    "something else in its place": ("[tool]\ndagster = 7\ndg = []", MODULE),
    "no TOML": ("[tool", MODULE),
}


@pytest.mark.parametrize("case", SAID)
def test_the_module_is_what_pyproject_says(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text, module = SAID[case]
    (tmp_path / "pyproject.toml").write_text(text)
    monkeypatch.chdir(tmp_path)
    assert default_module() == module


def test_without_a_project_it_is_the_shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert default_module() == MODULE


@pytest.mark.parametrize(
    "command", ["status", "backfill --dry-run", "quarantine sales 2024-03-01", "accept sales 2024-03-01 --why so", "rebuild view"]
)
def test_every_command_takes_it(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.dg.project]\nroot_module = "a_bicycle_shop"')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PLATFORM_HOME", str(tmp_path))
    done = CliRunner().invoke(cli, command.split())
    assert "there is no module 'a_bicycle_shop.definitions'" in str(done.exception)

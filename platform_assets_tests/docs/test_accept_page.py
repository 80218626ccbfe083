"""The commands of the page on rules that accept a blocked day, take that back, and replay a row: they print what the page shows."""

import importlib
import re
import shlex
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from platform_assets.cli.main import cli

PAGE = Path(__file__).parents[2] / "docs" / "concepts" / "rules-and-quarantine.md"


def test_the_commands_accept_the_day_take_it_back_and_replay_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = PAGE.read_text()
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    found = re.findall(r"^```sh\n(platform-assets .*?)^```\n```text\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert [block.split()[1] for block, _ in found] == ["accept", "replay"]
    commands, printed = ("".join(parts) for parts in zip(*found, strict=True))
    defined = "from platform_assets import build_definitions\n\ndefs = build_definitions(paying)\n"
    (tmp_path / "payments_shop.py").write_text("\n".join([*blocks, defined]))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name, value in {"HOME": "home", "LAKE": "shop", "NOW": "2024-03-04T00:00:00Z"}.items():
        monkeypatch.setenv(f"PLATFORM_{name}", value if name == "NOW" else str(tmp_path / value))
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    importlib.invalidate_caches()
    importlib.import_module("payments_shop")  # what its blocks print is compared elsewhere
    said = [CliRunner().invoke(cli, shlex.split(command)[1:], catch_exceptions=False) for command in commands.splitlines()]
    monkeypatch.delitem(sys.modules, "payments_shop")
    assert "".join(one.stdout for one in said) == printed

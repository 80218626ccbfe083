"""The three runs that the page on feature views says a lifetime window needs: one by one they make all of its tables."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import polars as pl

from platform_assets_tests.docs.test_commands import commands
from platform_assets_tests.rotation import in_turn

PAGE = Path(__file__).parents[2] / "docs" / "concepts" / "feature-views.md"


@in_turn("docs/concepts/feature-views.md", "platform_assets/assets/checkpoints.py", "platform_assets/steps/checkpoints.py")
def test_the_commands_make_silver_checkpoints_and_gold(tmp_path: Path) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    lines = "\n".join([blocks[0], blocks[2].split("\nfor row in ")[0]]).splitlines()
    declared = [line for line in lines if not line.startswith("materialize(")]  # that is what the commands do
    defined = ["", "from platform_assets import build_definitions", "", "defs = build_definitions(history)", ""]
    (tmp_path / "your_module.py").write_text("\n".join(declared + defined))
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PLATFORM_", "DAGSTER_"))}
    environment |= {"PLATFORM_HOME": str(tmp_path), "PLATFORM_NOW": "2024-04-04T00:00:00Z", "DAGSTER_HOME": str(tmp_path / "dagster")}
    (tmp_path / "dagster").mkdir()
    for command in commands(PAGE):
        words = [str(Path(sys.executable).parent / "dagster"), *shlex.split(command)[1:]]
        done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=800)
        assert done.returncode == 0, f"{command}\n{done.stderr[-3000:]}"
    gold = pl.read_delta(str(tmp_path / "lake/history/gold")).sort("customer", "partition")
    shown = [f"{customer} {day} {total}" for customer, day, total in gold.select("customer", "partition", "amount_sum_lifetime").rows()]
    assert shown == ["ada 2024-03-01 10.0", "ada 2024-03-02 30.0", "ada 2024-04-02 35.0", "bob 2024-03-01 7.5", "bob 2024-03-03 10.0"]

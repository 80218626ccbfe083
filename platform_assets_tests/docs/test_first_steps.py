"""The first steps, as somebody follows them: files are made, commands run in a shell, and what is printed stands on the page."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "first-steps.md"
BLOCK = re.compile(r"^```(sh|python|py|text)(?: title=\"([^\"]+)\")?\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@pytest.mark.slow
def test_the_first_steps_can_be_followed(tmp_path: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PLATFORM_", "DAGSTER_"))}
    environment |= {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}",
        "PYTHONPATH": str(tmp_path),
        "DAGSTER_HOME": str(tmp_path / ".platform" / "dagster"),
    }

    def run(*command: str) -> str:
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=1200)
        assert done.returncode == 0, f"{command[-1]}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    printed, shown = "", 0
    for kind, title, text in BLOCK.findall(PAGE.read_text()):
        if title:
            (tmp_path / title).write_text(text)
        elif kind == "sh":
            run("bash", "-euc", text)
        elif kind == "py":
            printed = run(sys.executable, "-c", text)
        else:
            assert printed == text
            shown += 1
    assert shown == 3

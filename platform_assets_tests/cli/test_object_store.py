"""The demo, in small, with its lake in an object store: by the commands that people type, in processes of their own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from platform_assets.domains.retail.generate import generate
from platform_assets_tests.lakes import new_url
from platform_assets_tests.s3_server import SECRET, S3Server

pytestmark = [pytest.mark.slow, pytest.mark.rotating("platform_assets/stores/object_store.py", "platform_assets/cli/")]


def test_the_demo_in_small(s3: S3Server, tmp_path: Path) -> None:
    generate(tmp_path / "files", days=12, customers=60, orders_per_day=12)
    lake = f"{new_url()}/lake"
    environment = {**os.environ, "PLATFORM_HOME": str(tmp_path / "home"), "PLATFORM_LAKE": lake, "COLUMNS": "120"}
    environment |= {"PLATFORM_RETAIL_FILES": str(tmp_path / "files")}

    def said(*words: str, code: int = 0, **more: str) -> str:
        command = [sys.executable, "-c", "from platform_assets.cli.main import main; main()", *words]
        done = subprocess.run(command, env={**environment, **more}, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr
        assert SECRET not in done.stdout + done.stderr
        return done.stdout + done.stderr

    first = said("demo")
    assert f"Lake: {lake}" in first and "0 differ" in first and f"PLATFORM_LAKE={lake}" in first
    assert not (tmp_path / "home/lake").exists(), "nothing of the lake is on this machine"
    assert "Nothing to do" in said("demo")
    assert "orders/silver" in said("status", "orders")
    assert said("verify").strip() == "Nothing is damaged."
    assert "no server answers at http://127.0.0.1:9" in said("verify", code=2, AWS_ENDPOINT_URL="http://127.0.0.1:9")
    assert "there is no bucket 'nowhere'" in said("status", code=1, PLATFORM_LAKE="s3://nowhere/lake")

"""platform-assets ui: says what is missing, and when all is there serves the assets until Ctrl-C, leaving no process behind."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from platform_assets.cli.environment import use_dagster_home
from platform_assets.cli.ui import run_ui
from platform_assets.domains.retail.generate import generate
from platform_assets.errors import SettingsError
from platform_assets.settings import load_settings


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_without_data_it_says_what_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATFORM_HOME", str(tmp_path / "nothing"))
    with pytest.raises(SettingsError, match=r"there is no data in .*nothing/lake yet: run `make demo` first"):
        run_ui(free_port(), "platform_assets.definitions")


def test_a_port_that_is_taken_is_named_with_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATFORM_HOME", str(tmp_path))
    (tmp_path / "lake/orders").mkdir(parents=True)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=rf"another program listens on port {port}.*--port {port + 1}, or make ui PORT={port + 1}"):
            run_ui(port, "platform_assets.definitions")


def test_a_home_for_dagster_is_made_once_and_a_team_may_change_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATFORM_HOME", str(tmp_path))
    monkeypatch.setenv("DAGSTER_HOME", "/nowhere")
    use_dagster_home(load_settings())
    assert os.environ["DAGSTER_HOME"] == str(tmp_path / "dagster")
    monkeypatch.setenv("DAGSTER_HOME", "/ours")
    use_dagster_home(load_settings(), "our.module")
    assert os.environ["DAGSTER_HOME"] == "/ours", "a team's own module has its runs there"
    config = tmp_path / "dagster" / "dagster.yaml"
    assert "telemetry" in config.read_text()
    config.write_text("telemetry: {enabled: false}\n# ours\n")
    use_dagster_home(load_settings())
    assert "# ours" in config.read_text()


@pytest.mark.slow
def test_it_serves_the_assets_of_a_small_shop_until_ctrl_c(tmp_path: Path) -> None:
    generate(tmp_path / "shop", days=3, customers=50, orders_per_day=10)
    environment = {**os.environ, "PLATFORM_HOME": str(tmp_path / "home"), "PLATFORM_RETAIL_FILES": str(tmp_path / "shop")}
    program = [sys.executable, "-c", "from platform_assets.cli.main import main; main()"]
    made = subprocess.run([*program, "demo"], env=environment, capture_output=True, text=True, check=True, timeout=1800).stdout
    assert re.search(r"^  orders/raw: \d+ partitions?$", made, re.MULTILINE), "where no bar can be drawn it says how far it is"
    port = free_port()
    said = tmp_path / "said"
    with said.open("w") as out:
        ui = subprocess.Popen([*program, "ui", "--port", str(port)], env=environment, stdout=out, stderr=out, start_new_session=True)
    try:
        end = time.monotonic() + 600
        while "Ctrl-C" not in said.read_text() and ui.poll() is None and time.monotonic() < end:
            time.sleep(0.2)
        assert f"http://127.0.0.1:{port}" in said.read_text()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=300) as page:
            assert page.status == 200
        assert {"orders/silver", "customer_spend/online", "churn/model"} <= assets_of(port)
        children = descendants(ui.pid)
        commands = " ".join(command_of(pid) for pid in children)
        assert all(part in commands for part in ("valkey-server", "dagster_webserver", "dagster._daemon"))
        ui.send_signal(signal.SIGINT)
        assert ui.wait(300) == 0
    finally:
        ui.kill()
    assert [command_of(pid) for pid in children if command_of(pid)] == []


def assets_of(port: int) -> set[str]:
    query = json.dumps({"query": "{assetNodes {assetKey {path}}}"}).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}/graphql", query, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=300) as answer:
        return {"/".join(node["assetKey"]["path"]) for node in json.load(answer)["data"]["assetNodes"]}


def descendants(pid: int) -> list[int]:
    """The processes that a process has started, and those that they have started."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found = [child for child, parent in parents.items() if parent == pid]
    return found + [below for child in found for below in descendants(child)]


def command_of(pid: int) -> str:
    """What a process runs; nothing when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""

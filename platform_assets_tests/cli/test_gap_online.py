"""A blocked day is a gap in gold: what lies behind it waits to be published, and a backfill does not fail because of it."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from platform_assets.cli.main import cli
from platform_assets.cli.stages import by_reason, stages
from platform_assets.settings import load_settings
from platform_assets.steps.layers import Graph
from platform_assets.steps.run import Run
from platform_assets.steps.staleness import Plan
from platform_assets.stores.delta import Lake
from platform_assets.stores.ledger import Ledger
from platform_assets.stores.online.connection import OnlineStore
from platform_assets.stores.valkey import EmbeddedValkey
from platform_assets_tests.cli import gap_shop


def test_what_lies_behind_a_blocked_day_waits_to_be_published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATFORM_HOME", str(tmp_path))
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    with EmbeddedValkey(tmp_path / "valkey") as server:
        monkeypatch.setenv("PLATFORM_REDIS_URL", server.url)
        done = CliRunner().invoke(cli, ["backfill", "--module", gap_shop.__name__], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        assert "income/online: 1 partition made" in done.output
        assert "cannot be made yet: income/online: 2024-03-04 (1)" in done.output
        settings = load_settings()
        lake = Lake(str(settings.lake_root))
        run = Run(lake, Ledger(lake), "test", settings.clock())
        online = stages(Graph([gap_shop.receipts, gap_shop.income]), run, lambda: OnlineStore(server.url, settings.project))[-1]
        outdated = online.outdated(online.first, online.last, run, Plan())
        waits = "not published yet; waits for income/gold 2024-03-02, which is missing"
        assert by_reason(outdated, outdated) == [(waits, [online.first + 3])]
        filled = Plan(made={("income", "gold"): [online.first + 1, online.first + 2]})
        assert all(one.can_be_made for one in online.outdated(online.first, online.last, run, filled).values()), "once the gap is filled"

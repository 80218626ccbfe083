"""`platform-assets verify -m module` holds the online store against gold, and fills it again."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from platform_assets.cli.main import cli
from platform_assets.serving.plan import layout_of
from platform_assets.steps.gold import make_change_log
from platform_assets.steps.online import make_online
from platform_assets.steps.raw import make_raw
from platform_assets.steps.run import Run
from platform_assets.steps.silver import make_silver
from platform_assets.stores.delta import Lake
from platform_assets.stores.ledger import Ledger
from platform_assets.stores.online.connection import OnlineStore
from platform_assets.stores.valkey import EmbeddedValkey
from platform_assets_tests.cli import served_shop as shop

MODULE = "platform_assets_tests.cli.served_shop"


def verify(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli, ["verify", "-m", MODULE, *arguments])
    return done.exit_code, done.stdout


@pytest.mark.slow
def test_lost_entities_and_other_values_are_found_and_put_back(home: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from platform_assets.settings import load_settings

    monkeypatch.setenv("PLATFORM_LAKE", f"{home}/lake")
    with EmbeddedValkey(tmp_path / "valkey") as server:
        monkeypatch.setenv("PLATFORM_REDIS_URL", server.url)
        settings, partitions = load_settings(), shop.receipts.partitions
        lake = Lake(settings.lake_root)
        run, store = Run(lake, Ledger(lake), "run", settings.clock()), OnlineStore(server.url, settings.project)
        first, last = partitions.first, partitions.first + 1
        for step in (make_raw, make_silver):
            step(shop.receipts, first, last, run).check()
        make_change_log(shop.income, first, last, run).check()
        make_online(shop.income, run, store)
        assert verify() == (0, "Nothing is damaged.\n")

        field = layout_of(shop.income).field
        with store.session() as session:
            keys = sorted(key for key in session.call("KEYS", "*") if session.call("HEXISTS", key, field))
            assert len(keys) == 5
            session.call("DEL", keys[0])
        code, said = verify("income/online")
        assert code == 1 and "income/online" in said and "1 published entities are missing in the store" in said
        assert verify("--repair")[0] == 0 and verify()[0] == 0

        with store.session() as session:
            session.call("HSET", keys[1], field, session.call("HGET", keys[2], field))
        code, said = verify()
        assert code == 1 and "differ from gold" in said
        code, said = verify("--repair")
        assert code == 0 and "rebuilt income/online from gold: 5 entities" in said
        assert verify() == (0, "Nothing is damaged.\n")

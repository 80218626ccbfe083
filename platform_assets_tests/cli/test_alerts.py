"""Alerts at the command line and by the sensor: blocked days, failed checks and failed runs reach a server that is there."""

import os
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
from click.testing import CliRunner

from platform_assets import build_definitions
from platform_assets.assets.automation.alerts import SENSOR
from platform_assets.cli.lookup import platform_of
from platform_assets.cli.main import cli
from platform_assets.cli.materialize import materialize
from platform_assets.errors import PlatformError, SettingsError
from platform_assets.settings import load_settings
from platform_assets_tests.cli.blocked_shop import defs, receipts, takings
from platform_assets_tests.cli.test_blocked import DAY, FIRST, LAST, MODULE, instance
from platform_assets_tests.steps.alert_servers import webhook

__all__ = ["instance"]


def alerts(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli, ["alerts", *words, "--module", MODULE])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.stdout


def test_blocked_days_and_failed_runs_are_told_once(instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PlatformError, match="which is blocked"):
        materialize(defs, (("takings", "gold"),), takings.source.partitions, FIRST, LAST, instance)
    with webhook() as hook:
        monkeypatch.setenv("PLATFORM_ALERT_WEBHOOK", hook.url)
        assert alerts() == (0, "2 raised, 2 sent.\n")
        assert alerts() == (0, "0 raised, 0 sent.\n")
        told = {one["what"]: one for one in hook.got}
        assert (told["receipts/silver"]["partition"], told["receipts/silver"]["reason"]) == (DAY, "blocked")
        assert f"platform-assets accept receipts {DAY} -m {MODULE} --why '...'" in told["receipts/silver"]["text"]
        assert told["takings/gold"]["partition"] == "2024-03-01 to 2024-03-03"
        assert told["takings/gold"]["reason"].startswith("run failed: ")
        assert f"takings/gold {DAY} needs receipts/silver {DAY}, which is blocked" in told["takings/gold"]["text"]


def test_a_server_that_fails_is_said_and_the_alert_sent_later(instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> None:
    with webhook() as hook:
        monkeypatch.setenv("PLATFORM_ALERT_WEBHOOK", hook.url)
        hook.behaves = "fails"
        code, said = alerts()
        assert (code, said.partition(", tried")[0]) == (1, "1 raised, 0 sent, 1 not sent")
        assert "s3cr3t" not in said
        assert alerts("--test")[0] == 1
        hook.behaves = "ok"
        assert alerts("--test") == (0, "webhook: sent\n")


def test_without_a_channel_a_test_says_what_to_set(instance: dg.DagsterInstance) -> None:
    with pytest.raises(SettingsError, match="no channel is set: PLATFORM_ALERT_WEBHOOK"):
        alerts("--test")


def test_the_sensor_tells_of_failed_checks_too_and_of_nothing_twice(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A check of a user's own, of severity error."""

    @dg.asset_check(asset=dg.AssetKey(["receipts", "raw"]), name="till_is_closed")
    def till_is_closed() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=False, metadata={"open tills": 3})

    job = dg.define_asset_job("checks", selection=dg.AssetSelection.checks(till_is_closed))
    checked = dg.Definitions(asset_checks=[till_is_closed], assets=[dg.AssetSpec(["receipts", "raw"])], jobs=[job])
    assert checked.resolve_job_def("checks").execute_in_process(instance=instance).success
    with webhook() as hook:
        monkeypatch.setenv("PLATFORM_ALERT_WEBHOOK", hook.url)
        watched = build_definitions(receipts)
        sensor = watched.resolve_sensor_def(SENSOR)
        cursor = None
        for expected in ("2 raised, 2 sent.", "0 raised, 0 sent."):
            given = {"platform": platform_of(watched)}
            with dg.build_sensor_context(instance=instance, cursor=cursor, resources=given, definitions=watched) as context:
                ticked = sensor.evaluate_tick(context)
            assert ticked.skip_message == expected
            cursor = ticked.cursor
            assert cursor is not None and datetime.fromisoformat(cursor) <= datetime.now(UTC)
    assert {(one["what"], one["reason"]) for one in hook.got} == {("receipts/silver", "blocked"), ("receipts/raw", "check till_is_closed")}
    (check,) = [one for one in hook.got if one["what"] == "receipts/raw"]
    assert "the check till_is_closed failed. open tills 3" in check["text"]


def test_without_a_channel_there_is_no_sensor(instance: dg.DagsterInstance) -> None:
    assert SENSOR not in {sensor.name for sensor in build_definitions(receipts).sensors or ()}
    assert load_settings().alert_webhook is None
    assert "PLATFORM_ALERT_SMTP" not in os.environ

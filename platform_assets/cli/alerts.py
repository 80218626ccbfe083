"""Sending alerts once, for those who run no daemon, and trying the channels."""

import logging
import os
from datetime import UTC, datetime

import dagster as dg

from platform_assets.assets.automation.alerts import look_for_alerts, said
from platform_assets.cli.environment import use_dagster_home
from platform_assets.cli.lookup import definitions_of, graph_of, platform_of
from platform_assets.errors import PlatformError, SettingsError
from platform_assets.settings import load_settings
from platform_assets.steps.alert_channels import channels_of
from platform_assets.steps.alerts import alert


def send_alerts(module: str) -> bool:
    """Raises and sends what came up within the period; whether nothing was left unsent."""
    settings, definitions, now = load_settings(), definitions_of(module), datetime.now(UTC)
    use_dagster_home(settings, module)
    logging.basicConfig(format="%(message)s")
    instance = dg.DagsterInstance.get() if os.path.exists(os.environ.get("DAGSTER_HOME", "")) else None
    run, log = platform_of(definitions).run("alerts"), logging.getLogger("platform_assets.alerts")
    told = look_for_alerts(list(graph_of(definitions).sources), run, instance, settings, now - settings.alert_every, now, log)
    print(said(told))
    return not told.failed


def try_channels() -> bool:
    """Sends a test by each channel, past the outbox; whether all took it."""
    channels = channels_of(load_settings())
    if not channels:
        raise SettingsError("no channel is set: PLATFORM_ALERT_WEBHOOK, or PLATFORM_ALERT_EMAILS with PLATFORM_ALERT_SMTP")
    one = alert("platform-assets alerts --test", "", "test", "This is a test: alerts arrive here.", "WARN", datetime.now(UTC))
    failed = []
    for name, send in channels.items():
        try:
            send(one)
            print(f"{name}: sent")
        except PlatformError as error:
            failed.append(name)
            print(f"{name}: {error}")
    return not failed

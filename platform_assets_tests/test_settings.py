"""Settings: what the environment says, what a bad value says, and that no password is ever shown."""

import logging
import re
import traceback
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platform_assets.errors import PlatformError, SettingsError
from platform_assets.settings import Settings, UnknownSettingWarning, load_settings, without_secrets


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PLATFORM_HOME")


def test_without_variables_every_setting_has_its_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load_settings()
    assert settings.home == tmp_path / ".platform"
    assert (settings.redis_url, settings.redis_address, settings.project, settings.now) == (None, "not set", "platform", None)
    assert settings.retail_folder == tmp_path / ".platform/retail"
    assert settings.lake_root == str(tmp_path / ".platform/lake")
    assert settings.dagster_home == tmp_path / ".platform/dagster"


def test_a_variable_that_is_empty_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.setenv(f"PLATFORM_{name.upper()}", "")
    assert load_settings() == Settings()


def test_the_clock_is_the_wall_clock_unless_it_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    assert abs(load_settings().clock() - datetime.now(UTC)) < timedelta(minutes=1)
    monkeypatch.setenv("PLATFORM_NOW", "2024-03-05T06:00:00+02:00")
    assert load_settings().clock() == datetime(2024, 3, 5, 4, tzinfo=UTC)
    assert load_settings().clock().tzinfo is UTC


def test_the_clock_of_a_file_moves_when_it_is_written_anew(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "now"
    monkeypatch.setenv("PLATFORM_NOW", str(file))
    for day in (5, 6):
        file.write_text(f"2024-03-0{day}T06:00:00Z\n")
        assert load_settings().clock() == datetime(2024, 3, day, 6, tzinfo=UTC)
    file.write_text("soon")
    with pytest.raises(SettingsError, match=r"cannot be used: write a time with its time zone, .* or the path of a file that contains one"):
        load_settings()


def test_the_folder_of_the_shop_can_be_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PLATFORM_RETAIL_FILES", str(tmp_path))
    assert load_settings().retail_folder == tmp_path


def test_the_lake_may_be_a_folder_of_its_own_or_in_an_object_store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    places = {"lake": str(tmp_path / "lake"), "s3://bucket/a/lake/": "s3://bucket/a/lake", "gs://bucket": "gs://bucket"}
    azure = "abfss://container@account.dfs.core.windows.net/lake"
    for value, root in {**places, azure: azure}.items():
        monkeypatch.setenv("PLATFORM_LAKE", value)
        assert load_settings().lake_root == root
        assert load_settings().storage_options is None


@pytest.mark.parametrize(
    ("variable", "value", "fix"),
    [
        ("LAKE", "ftp://server/lake", "write a folder, or a URL with one of s3://,"),
        ("LAKE", "s3:///lake", "'' is not a valid bucket name: write s3://bucket/lake"),
        ("LAKE", "s3://bucket/my lake", "choose another place"),
        ("LAKE", "/data/my lake", "choose another"),
        ("NOW", "yesterday", "write a time with its time zone, such as 2024-03-05T06:00:00Z"),
        ("NOW", "2024", "write a time with its time zone"),
        ("NOW", "1709618400", "write a time with its time zone"),
        ("NOW", "2024-03-05", "write 2024-03-05T00:00:00Z if UTC is meant"),
        ("HOME", "/data/my lake", "choose another"),
        ("HOME", "/data/50%", "choose another"),
        ("HOME", "/data/käse", "choose another"),
        ("HOME", __file__, "name a folder"),
        ("RETAIL_FILES", "/no/such/folder", "create it, or unset the variable"),
        ("PROJECT", "My Shop", "use lower-case letters"),
        ("REDIS_URL", "localhost:6379", "write redis://"),
        ("REDIS_URL", "redis://", "write redis://"),
        ("REDIS_URL", "http://localhost", "write redis://"),
        ("REDIS_URL", "redis://localhost:99999", "from 1 to 65535"),
    ],
)
def test_a_bad_value_is_named_with_its_variable_and_the_mend(variable: str, value: str, fix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"PLATFORM_{variable}", value)
    with pytest.raises(SettingsError, match=f"^PLATFORM_{variable}={re.escape(repr(value))} cannot be used: .*{re.escape(fix)}") as error:
        load_settings()
    assert isinstance(error.value, PlatformError)


def test_all_bad_values_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATFORM_NOW", "never")
    monkeypatch.setenv("PLATFORM_PROJECT", "A")
    with pytest.raises(SettingsError) as error:
        load_settings()
    assert [line.split("=")[0] for line in str(error.value).splitlines()] == ["PLATFORM_NOW", "PLATFORM_PROJECT"]


def test_an_unknown_variable_is_warned_about_with_the_nearest_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATFORM_REDISURL", "redis://localhost")
    with pytest.warns(UnknownSettingWarning, match=r"PLATFORM_REDISURL is set.*Did you mean 'PLATFORM_REDIS_URL'\?"):
        load_settings()
    monkeypatch.delenv("PLATFORM_REDISURL")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_settings()


@pytest.mark.parametrize("url", ["redis://app:hunter2@cache:6379/0", "rediss://:hun/ter2@cache/0", "redis://cache/0?password=hunter2"])
def test_a_password_is_in_no_text_of_the_settings(url: str, caplog: pytest.LogCaptureFixture) -> None:
    settings = Settings(redis_url=url)
    with caplog.at_level(logging.INFO):
        logging.info("%s %r %s", settings, settings, settings.model_dump())
    shown = [repr(settings), str(settings), settings.redis_address, settings.model_dump_json(), caplog.text]
    assert not [text for text in shown if "ter2" in text]
    assert "cache" in settings.redis_address
    assert settings.redis_url is not None
    assert settings.redis_url.get_secret_value() == url


@pytest.mark.parametrize(
    "url",
    [
        "redis://:hunter2",
        "redis://:hunter2@",
        "redis://app:hunter2",
        "hunter2@cache",
        "redis:/app:hunter2@cache",
        "redis://a:hunter2@c:x/0",
        "redis://a://hunter2@cache:0/0",
        "http://a:hunter2@cache",
    ],
)
def test_a_password_is_not_in_the_error_about_its_url_nor_in_the_traceback(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATFORM_REDIS_URL", url)
    with pytest.raises(SettingsError) as error:
        load_settings()
    assert "hunter2" not in "".join(traceback.format_exception(error.value))


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("LAKE", "s3://key:hunter2@bucket/lake"),
        ("LAKE", "s3://bucket/lake?secret=hunter2"),
        ("LAKE_OPTIONS", "hunter2"),
        ("LAKE_OPTIONS", '["hunter2"]'),
        ("LAKE_OPTIONS", '{"aws_secret_access_key": ["hunter2"]}'),
    ],
)
def test_a_secret_of_the_lake_is_not_in_the_error_about_it(variable: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"PLATFORM_{variable}", value)
    with pytest.raises(SettingsError, match=f"^PLATFORM_{variable}=.* cannot be used: (credentials do not belong|write a JSON)") as error:
        load_settings()
    assert "hunter2" not in "".join(traceback.format_exception(error.value))


def test_options_of_the_lake_are_in_no_text_of_the_settings() -> None:
    settings = Settings(lake="s3://bucket/lake", lake_options='{"aws_secret_access_key": "hunter2", "max_retries": 3}')
    assert "hunter2" not in f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"
    assert settings.storage_options == {"aws_secret_access_key": "hunter2", "max_retries": "3"}


PRINTED = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1)


@given(PRINTED, PRINTED)
def test_whatever_a_password_holds_it_is_not_shown(user: str, password: str) -> None:
    marked = f"<{password}>"
    shown = without_secrets(f"redis://{user}:{marked}@cache:6379/0")
    assert shown == "redis://***@cache:6379/0"

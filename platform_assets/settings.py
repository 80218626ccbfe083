"""Every setting of the platform: an environment variable each, read once by `load_settings`.

A variable that is not set or is empty has its default. What each one means stands in its description, and in
docs/reference/settings.md, which a test holds to these.
"""

import os
import re
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from platform_assets.errors import SettingsError, suggestion

PREFIX = "PLATFORM_"
SCHEMES = ("redis", "rediss", "unix")


class UnknownSettingWarning(UserWarning):
    """A PLATFORM_ variable is set that no setting reads, most often a misspelt one."""


def without_secrets(url: str) -> str:
    """A URL that may be shown: user and password, and whatever could be one, are replaced by `***`.

    >>> without_secrets("rediss://app:hunter2@cache:6379/0")
    'rediss://***@cache:6379/0'
    >>> without_secrets("redis://cache:6379/0?password=hunter2")
    'redis://cache:6379/0?***'
    """
    scheme, separator, rest = url.partition("://") if "://" in url else ("", "", url)
    # The last @, since people forget to quote one in a password; a / or ? in it must not end the secret either.
    _, at, place = rest.rpartition("@")
    place, query, _ = place.partition("?")
    # 'redis://:hunter2' lacks its host: what stands after the colon is no port, so it is taken for a password.
    if not re.fullmatch(r"(/.*|[\w.-]*|\[[0-9a-fA-F:]+\])(:\d{1,5})?(/.*)?", place):
        place = "***"
    return f"{scheme}{separator}{'***@' if at else ''}{place}{'?***' if query else ''}"


def _home(value: str | Path) -> Path:
    home = Path(value).expanduser().absolute()
    # Readers of Delta percent-encode the root twice or refuse it: whatever needs encoding is not found again.
    if unreadable := re.search(r"[^A-Za-z0-9/._~!$&'()*+,;=:@-]", str(home)):
        raise ValueError(f"Delta tables cannot be read below a folder with {unreadable[0]!r} in its path, {home}: choose another")
    if home.exists() and not home.is_dir():
        raise ValueError("that is a file: name a folder; it is made when it is not there")
    return home


def _redis_url(value: str | SecretStr) -> str:
    url = value.get_secret_value() if isinstance(value, SecretStr) else value
    scheme, separator, place = url.partition("://")
    if not separator or scheme not in SCHEMES or not place.rpartition("@")[2]:
        raise ValueError("write redis://[user:password@]host:6379/0, rediss:// with TLS, or unix:///path/to/socket")
    port = re.search(r":([^:/\]]*)(/|$)", place.rpartition("@")[2].partition("?")[0])
    if scheme != "unix" and port and not (port[1].isdigit() and 0 < int(port[1]) < 65536):
        raise ValueError("its port is no number from 1 to 65535: write redis://[user:password@]host:6379/0")
    return url


def _existing_folder(value: str | Path) -> Path:
    folder = Path(value).expanduser().absolute()
    if not folder.is_dir():
        raise ValueError("there is no such folder: make it, or unset the variable to use the generated shop")
    return folder


def _moment(value: str | datetime) -> datetime:
    if isinstance(value, str) and os.path.isfile(value):
        value = Path(value).read_text().strip()
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except ValueError:
        raise ValueError("write a moment with its time zone, such as 2024-03-05T06:00:00Z, or the path of a file with one") from None
    if moment.tzinfo is None:
        raise ValueError(f"that has no time zone: write {moment.isoformat()}Z if UTC is meant")
    return moment.astimezone(UTC)


def _project(value: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_-]{0,62}", value):
        raise ValueError("use lower-case letters, digits, _ and -, beginning with a letter, 63 at most")
    return value


class Settings(BaseSettings):
    """The platform's settings. Made by `load_settings()`; a test may make one from arguments, named without the prefix.

    >>> Settings(redis_url="redis://:hunter2@cache:6379/0").redis_url
    SecretStr('**********')
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, frozen=True, hide_input_in_errors=True, validate_default=True
    )

    home: Annotated[Path, BeforeValidator(_home)] = Field(
        default=Path(".platform"),
        description="The folder of everything the platform keeps: the lake, trained models, Dagster's history, the embedded online "
        "store, the generated shop. A relative path counts from the current folder. Only ASCII letters, digits and signs that a URL "
        "keeps may stand in its path: no space, no %, no #.",
    )
    redis_url: Annotated[SecretStr, BeforeValidator(_redis_url)] | None = Field(
        default=None,
        description="The online store: a Valkey or Redis, as redis://user:password@host:6379/0, rediss:// with TLS, or unix:///path. "
        "Without it the demo, `backfill` and `ui` start one, an embedded Valkey under PLATFORM_HOME. Its password is shown nowhere.",
    )
    retail_files: Annotated[Path, BeforeValidator(_existing_folder)] | None = Field(
        default=None,
        description="The folder with the shop's order lines, one CSV file a day, named 2024-03-05.csv. "
        "Without it the generated shop under PLATFORM_HOME/retail is read.",
    )
    now: Annotated[datetime, BeforeValidator(_moment)] | None = Field(
        default=None,
        description="The moment that the platform takes for now, with its time zone, such as 2024-03-05T06:00:00Z, or the path of a "
        "file in which it stands: written anew, that moves the clock of processes that run. For tests and replays. Without it, the "
        "wall clock.",
    )
    project: Annotated[str, BeforeValidator(_project)] = Field(
        default="platform",
        description="What every key in the online store begins with, so that several projects may share a server. Lower-case letters, "
        "digits, _ and -.",
    )
    when_blocked: Literal["warn", "fail"] = Field(
        default="warn",
        description="What a run does that blocks a partition of silver, because too few of its rows were good: `warn` logs a warning with "
        "the count, the most frequent reason and the commands to run next, and succeeds; `fail` fails after everything has been written. "
        'A source may declare its own: `@source(when_blocked="fail")`.',
    )

    engine: Literal["polars"] = Field(
        default="polars",
        description="What computes tables: `polars`, in the process of the run. A source, view, training set or model may declare its own: "
        '`FeatureView(..., engine="polars")`. Values do not depend on it.',
    )

    @property
    def lake_root(self) -> Path:
        """Where the Delta tables lie."""
        return self.home / "lake"

    @property
    def dagster_home(self) -> Path:
        """Where Dagster keeps runs, events and schedules: what DAGSTER_HOME is set to."""
        return self.home / "dagster"

    @property
    def retail_folder(self) -> Path:
        """Where the shop's daily files lie: PLATFORM_RETAIL_FILES, or the generated ones."""
        return self.retail_files or self.home / "retail"

    @property
    def redis_address(self) -> str:
        """The online store as messages may show it, without user and password."""
        return without_secrets(self.redis_url.get_secret_value()) if self.redis_url else "not set"

    def clock(self) -> datetime:
        """What time it is for the platform (UTC): PLATFORM_NOW, or the wall clock."""
        return self.now or datetime.now(UTC)


def load_settings() -> Settings:
    """The settings, from the environment.

    SettingsError names each variable that cannot be used, its value and the mend. A PLATFORM_ variable that no setting
    reads is warned about, with the nearest name.
    """
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    for name in sorted(os.environ):
        if name.startswith(PREFIX) and name not in known:
            warnings.warn(f"{name} is set, but there is no such setting. {suggestion(name, known)}", UnknownSettingWarning, stacklevel=2)
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError("\n".join(_told(detail) for detail in error.errors(include_context=True))) from None


def _told(detail: ErrorDetails) -> str:
    field = str(detail["loc"][0])
    value = str(detail["input"])
    shown = without_secrets(value) if field == "redis_url" else value
    return f"{PREFIX}{field.upper()}={shown!r} cannot be used: {detail['msg'].removeprefix('Value error, ')}."

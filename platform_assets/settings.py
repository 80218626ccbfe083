"""Every setting of the platform: each is an environment variable, read once by `load_settings`.

An unset or empty variable has its default. Each one is explained in its description and in
docs/reference/settings.md; a test keeps the two in step.
"""

import json
import os
import re
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from platform_assets.errors import SettingsError, suggestion

PREFIX = "PLATFORM_"
SCHEMES = ("redis", "rediss", "unix")
LAKE_SCHEMES = ("s3", "s3a", "az", "abfs", "abfss", "gs")


class UnknownSettingWarning(UserWarning):
    """A PLATFORM_ variable is set that no setting reads, most often because it is misspelt."""


def without_secrets(url: str) -> str:
    """A URL that is safe to show: the user, the password, and anything that could be one are replaced by `***`.

    >>> without_secrets("rediss://app:hunter2@cache:6379/0")
    'rediss://***@cache:6379/0'
    >>> without_secrets("redis://cache:6379/0?password=hunter2")
    'redis://cache:6379/0?***'
    """
    scheme, separator, rest = url.partition("://") if "://" in url else ("", "", url)
    # The last @, since people forget to quote an @ in a password; nor must a / or ? in it end the secret.
    _, at, place = rest.rpartition("@")
    place, query, _ = place.partition("?")
    # 'redis://:hunter2' has no host: the text after the colon is not a port, so it is treated as a password.
    if not re.fullmatch(r"(/.*|[\w.-]*|\[[0-9a-fA-F:]+\])(:\d{1,5})?(/.*)?", place):
        place = "***"
    return f"{scheme}{separator}{'***@' if at else ''}{place}{'?***' if query else ''}"


def _folder(value: str | Path) -> Path:
    folder = Path(value).expanduser().absolute()
    # Delta readers percent-encode the root twice or refuse it: a path that needs encoding would not be found again.
    if unreadable := re.search(r"[^A-Za-z0-9/._~!$&'()*+,;=:@-]", str(folder)):
        raise ValueError(f"Delta tables cannot be read below a folder with {unreadable[0]!r} in its path, {folder}: choose another")
    if folder.exists() and not folder.is_dir():
        raise ValueError("that is a file: name a folder; it is created if it does not exist")
    return folder


def _lake(value: str | Path) -> str:
    scheme, is_url, place = str(value).partition("://")
    if not is_url:
        return str(_folder(value))
    if scheme not in LAKE_SCHEMES:
        raise ValueError(f"write a folder, or a URL with one of {', '.join(f'{one}://' for one in LAKE_SCHEMES)}, such as s3://bucket/lake")
    bucket = place.partition("/")[0]
    if "?" in place or ("@" in bucket and not scheme.startswith("abfs")):
        raise ValueError("credentials do not belong in a URL: set AWS_ACCESS_KEY_ID and the like, or PLATFORM_LAKE_OPTIONS")
    if not re.fullmatch(r"[A-Za-z0-9@._-]+", bucket):
        raise ValueError(f"{bucket!r} is not a valid bucket name: write {scheme}://bucket/lake")
    if unreadable := re.search(r"[^A-Za-z0-9/._~!$&'()+,;:@-]", place):
        raise ValueError(f"Delta tables cannot be read below a URL with {unreadable[0]!r} in it: choose another place")
    return str(value).rstrip("/")


def _lake_options(value: str | SecretStr) -> str:
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    try:
        options = json.loads(text)
    except ValueError:
        options = None
    if not isinstance(options, dict) or not all(isinstance(option, str | int | bool) for option in options.values()):
        raise ValueError("""write a JSON object of strings, such as {"aws_region": "eu-west-1"}""")
    return text


def _redis_url(value: str | SecretStr) -> str:
    url = value.get_secret_value() if isinstance(value, SecretStr) else value
    scheme, separator, place = url.partition("://")
    if not separator or scheme not in SCHEMES or not place.rpartition("@")[2]:
        raise ValueError("write redis://[user:password@]host:6379/0, rediss:// with TLS, or unix:///path/to/socket")
    port = re.search(r":([^:/\]]*)(/|$)", place.rpartition("@")[2].partition("?")[0])
    if scheme != "unix" and port and not (port[1].isdigit() and 0 < int(port[1]) < 65536):
        raise ValueError("its port is not a number from 1 to 65535: write redis://[user:password@]host:6379/0")
    return url


def _existing_folder(value: str | Path) -> Path:
    folder = Path(value).expanduser().absolute()
    if not folder.is_dir():
        raise ValueError("there is no such folder: create it, or unset the variable to use the generated shop")
    return folder


def _moment(value: str | datetime) -> datetime:
    if isinstance(value, str) and os.path.isfile(value):
        value = Path(value).read_text().strip()
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except ValueError:
        raise ValueError("write a time with its time zone, such as 2024-03-05T06:00:00Z, or the path of a file that contains one") from None
    if moment.tzinfo is None:
        raise ValueError(f"that has no time zone: write {moment.isoformat()}Z if UTC is meant")
    return moment.astimezone(UTC)


def _project(value: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_-]{0,62}", value):
        raise ValueError("use lower-case letters, digits, _ and -, beginning with a letter, 63 at most")
    return value


def _spark_conf(value: str | dict[str, Any]) -> dict[str, str]:
    conf = value
    if isinstance(value, str):
        try:
            conf = json.loads(value)
        except ValueError:
            conf = None  # type: ignore[assignment]
    if not isinstance(conf, dict) or not all(name.startswith("spark.") for name in conf):
        raise ValueError('write a JSON object of names that begin with spark., such as {"spark.executor.memory": "8g"}')
    return {name: str(one).lower() if isinstance(one, bool) else str(one) for name, one in conf.items()}


def _webhook(value: str | SecretStr) -> str:
    url = value.get_secret_value() if isinstance(value, SecretStr) else value
    if not re.fullmatch(r"https?://[^\s/]+\S*", url):
        raise ValueError("write a URL that begins with https:// or http://")
    return url


def _smtp(value: str | SecretStr) -> str:
    url = value.get_secret_value() if isinstance(value, SecretStr) else value
    if not re.fullmatch(r"smtps?://([^@/\s]+@)?(\[[0-9a-fA-F:]+\]|[\w.-]+)(:\d{1,5})?/?", url):
        raise ValueError("write smtps://user:password@host:465 with TLS, or smtp://host:587")
    return url


def _emails(value: str | tuple[str, ...]) -> tuple[str, ...]:
    found = tuple(one.strip() for one in value.split(",") if one.strip()) if isinstance(value, str) else value
    if wrong := [one for one in found if not re.fullmatch(r"[^@\s,]+@[^@\s,]+\.[^@\s,]+|[^@\s,]+@localhost", one)]:
        raise ValueError(f"{wrong[0]!r} is no e-mail address: write ops@example.org,ada@example.org")
    return found


def _period(value: str | timedelta) -> timedelta:
    if isinstance(value, timedelta):
        return value
    match = re.fullmatch(r"(\d+)\s*([smhd])", value.strip())
    if match is None or not int(match[1]):
        raise ValueError("write a number and s, m, h or d, such as 24h")
    return int(match[1]) * {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}[match[2]]


class Settings(BaseSettings):
    """The platform's settings, created by `load_settings()`. A test may create them from arguments, named without the prefix.

    >>> Settings(redis_url="redis://:hunter2@cache:6379/0").redis_url
    SecretStr('**********')
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, frozen=True, hide_input_in_errors=True, validate_default=True
    )

    home: Annotated[Path, BeforeValidator(_folder)] = Field(
        default=Path(".platform"),
        description="The folder for everything kept on this machine: Dagster's history, the embedded online store, the generated shop, "
        "and the lake, unless PLATFORM_LAKE is set. A relative path is relative to the current folder. Its path may contain only ASCII "
        "letters, digits and characters that a URL leaves unescaped: no space, no %, no #.",
    )
    lake: Annotated[str, BeforeValidator(_lake)] | None = Field(
        default=None,
        description="Where the tables and the trained models are: a folder, or an object store, such as s3://bucket/lake, "
        "abfss://container@account.dfs.core.windows.net/lake, az://container/lake or gs://bucket/lake, which needs the extra "
        "`object-store`. Default: the folder PLATFORM_HOME/lake. Do not put credentials in it.",
    )
    lake_options: Annotated[SecretStr, BeforeValidator(_lake_options)] | None = Field(
        default=None,
        description='How to reach the object store of the lake, as a JSON object: {"aws_endpoint_url": "https://minio.example:9000", '
        '"aws_region": "eu-west-1"}. Not needed if the variables of the store itself are set, such as AWS_ENDPOINT_URL, '
        "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AZURE_STORAGE_ACCOUNT_NAME, GOOGLE_APPLICATION_CREDENTIALS. Never shown.",
    )
    redis_url: Annotated[SecretStr, BeforeValidator(_redis_url)] | None = Field(
        default=None,
        description="The online store: a Valkey or Redis server, such as redis://user:password@host:6379/0, rediss:// with TLS, or "
        "unix:///path. If it is not set, the demo, `backfill` and `ui` start an embedded Valkey under PLATFORM_HOME. The password is "
        "never shown.",
    )
    retail_files: Annotated[Path, BeforeValidator(_existing_folder)] | None = Field(
        default=None,
        description="The folder with the shop's order lines, one CSV file per day, named 2024-03-05.csv. "
        "Default: the generated shop under PLATFORM_HOME/retail.",
    )
    now: Annotated[datetime, BeforeValidator(_moment)] | None = Field(
        default=None,
        description="The time that the platform uses as now, with its time zone, such as 2024-03-05T06:00:00Z, or the path of a "
        "file that contains it: rewriting the file moves the clock of running processes. For tests and replays. Default: the "
        "wall clock.",
    )
    project: Annotated[str, BeforeValidator(_project)] = Field(
        default="platform",
        description="The prefix of every key in the online store, so that several projects can share a server. Lower-case letters, "
        "digits, _ and -.",
    )
    when_blocked: Literal["warn", "fail"] = Field(
        default="warn",
        description="What a run does when it blocks a partition of silver because too few rows were good: `warn` logs a warning with "
        "the count, the most frequent reason and the commands to run next, and succeeds; `fail` fails once everything has been written. "
        'A source can override it: `@source(when_blocked="fail")`.',
    )

    engine: Literal["polars", "spark"] = Field(
        default="polars",
        description="What computes tables: `polars`, in the process of the run, or `spark`, in the tasks of a cluster or of this machine, "
        'which needs the extra `spark`. A source, view, training set or model can override it: `FeatureView(..., engine="spark")`. '
        "Values do not depend on it.",
    )
    spark_master: str | None = Field(
        default=None,
        description="Where Spark runs: `local[4]`, `spark://host:7077`, `k8s://https://host:443`, `yarn`, or `sc://host:15002` for a "
        "server of Spark Connect. Default: what spark-submit or SPARK_REMOTE says, else all cores of this machine.",
    )
    spark_jars: Annotated[Path, BeforeValidator(_existing_folder)] | None = Field(
        default=None,
        description="A folder with the jars that read and write Delta tables, for machines that cannot download anything. If it is not "
        "set, Spark downloads them when it first starts.",
    )
    spark_conf: Annotated[dict[str, str], NoDecode, BeforeValidator(_spark_conf)] = Field(
        default={},
        description='Additional Spark configuration, as a JSON object: {"spark.executor.memory": "8g", "spark.executor.cores": "4"}. It '
        "overrides our defaults, except for options that values depend on.",
    )

    alert_webhook: Annotated[SecretStr, BeforeValidator(_webhook)] | None = Field(
        default=None,
        description="Where alerts are posted to as JSON, with their text as `text`, as Slack, Mattermost and Teams take it: an https:// or "
        "http:// URL. It is a secret, and shown nowhere.",
    )
    alert_emails: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_emails)] = Field(
        default=(),
        description="To whom alerts are sent by e-mail: addresses separated by commas. Needs PLATFORM_ALERT_SMTP. The first one is the "
        "sender, too.",
    )
    alert_smtp: Annotated[SecretStr, BeforeValidator(_smtp)] | None = Field(
        default=None,
        description="The mail server: smtps://user:password@host:465 with TLS, or smtp://host:587, which turns to TLS when the server "
        "offers it, and always before a password is sent. Signs such as @ in a password are written as %40. Shown nowhere.",
    )
    alert_every: Annotated[timedelta, BeforeValidator(_period)] = Field(
        default=timedelta(hours=24),
        description="For how long the same alert, of the same thing, partition and reason, is not sent again: `24h`, `30m`, `7d`.",
    )

    @property
    def lake_root(self) -> str:
        """Where the tables and the trained models are: a folder, or a URL."""
        return self.lake or str(self.home / "lake")

    @property
    def storage_options(self) -> dict[str, str] | None:
        """PLATFORM_LAKE_OPTIONS, secrets included."""
        if self.lake_options is None:
            return None
        options = json.loads(self.lake_options.get_secret_value())
        return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in options.items()}

    @property
    def dagster_home(self) -> Path:
        """Where Dagster keeps runs, events and schedules: what DAGSTER_HOME is set to."""
        return self.home / "dagster"

    @property
    def retail_folder(self) -> Path:
        """The folder of the shop's daily files: PLATFORM_RETAIL_FILES, or the generated ones."""
        return self.retail_files or self.home / "retail"

    @property
    def redis_address(self) -> str:
        """The address of the online store for messages, without user and password."""
        return without_secrets(self.redis_url.get_secret_value()) if self.redis_url else "not set"

    def clock(self) -> datetime:
        """The current time for the platform (UTC): PLATFORM_NOW, or the wall clock."""
        return self.now or datetime.now(UTC)


def load_settings() -> Settings:
    """Reads the settings from the environment.

    SettingsError names each invalid variable, its value and the fix. A PLATFORM_ variable that no setting
    reads causes a warning that suggests the closest name.
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
    if field in ("lake_options", "alert_webhook", "alert_smtp"):
        shown = "***"
    else:
        shown = without_secrets(value) if field in ("redis_url", "lake") else value
    return f"{PREFIX}{field.upper()}={shown!r} cannot be used: {detail['msg'].removeprefix('Value error, ')}."

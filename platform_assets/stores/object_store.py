"""Files in an object store, through obstore: it wraps the Rust library that Delta and Polars use, so all three take the same options."""

import io
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from functools import lru_cache
from typing import Any
from uuid import uuid4

from platform_assets.errors import LakeError, extra
from platform_assets.stores.credentials import check_endpoints, hide_credentials
from platform_assets.stores.storage import Mark, Storage

with extra("object-store"):
    import obstore
    from obstore.exceptions import AlreadyExistsError, UnknownConfigurationKeyError
    from obstore.store import from_url

Options = tuple[tuple[str, str], ...]
_PREFIXES = ("aws_", "azure_", "google_")
_OF_THE_CLIENT = {
    *("allow_http", "allow_invalid_certificates", "connect_timeout", "default_content_type", "http1_only", "http2_only"),
    *("http2_keep_alive_interval", "http2_keep_alive_timeout", "http2_keep_alive_while_idle", "pool_idle_timeout", "proxy_url"),
    *("pool_max_idle_per_host", "proxy_ca_certificate", "proxy_excludes", "randomize_addresses", "read_timeout", "timeout", "user_agent"),
}
"""Options of the HTTP client, which obstore expects separately from those of the store."""
_RETRIES, _RETRIED_FOR = 3, timedelta(seconds=30)
_AT_ONCE = 16
_MOST_LOOKS = 64
"""For more files than this, sizes are listed, a thousand per request."""
_READ_AHEAD = 1 << 17


class Bucket(Storage):
    """The files below a URL."""

    is_local = False

    def __init__(self, uri: str, options: Mapping[str, str], what: str = "the lake") -> None:
        """what: the word for it in errors."""
        self.uri, self._what = uri, what
        scheme, _, rest = uri.partition("://")
        self._bucket, _, self._folder = rest.partition("/")
        self._options = options
        with self._named():
            self._store = _store(f"{scheme}://{self._bucket}", tuple(sorted(options.items())), environment_of_stores())

    def hide_credentials(self, text: str) -> str:
        return hide_credentials(text, {**dict(environment_of_stores()), **self._options})

    def below(self, folder: str) -> "Bucket":
        return Bucket(self.path(folder), self._options, self._what)

    def sizes(self, paths: Iterable[str]) -> dict[str, int | None]:
        asked = list(paths)
        if len(asked) > _MOST_LOOKS:
            there = self.files()
            return {path: there.get(path) for path in asked}
        if len(asked) <= 1:
            return {path: self._size(path) for path in asked}
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return dict(zip(asked, pool.map(self._size, asked), strict=True))

    def files(self, folder: str = "") -> dict[str, int]:
        below = len(self._key(""))
        with self._named():
            listed = obstore.list(self._store, self._key(folder).rstrip("/") or None)
            return {found["path"][below:]: found["size"] for chunk in listed for found in chunk}

    def mark(self, path: str) -> Mark:
        try:
            with self._named():
                return _mark(obstore.head(self._store, self._key(path)))
        except FileNotFoundError:
            return None

    def marks(self, folder: str, first: str = "") -> dict[str, Mark]:
        below = len(self._key(""))
        with self._named():
            # Listing starts after the offset.
            listed = obstore.list(self._store, self._key(folder), offset=self._key(first[:-1]) if first else None)
            found = {one["path"][below:]: _mark(one) for chunk in listed for one in chunk}
        return {path: mark for path, mark in found.items() if path >= first}

    def folders(self) -> list[str]:
        with self._named():
            found = obstore.list_with_delimiter(self._store, self._folder or None)["common_prefixes"]
        return sorted(prefix.rstrip("/").rpartition("/")[2] for prefix in found)

    def read(self, path: str) -> bytes:
        with self._named():
            return bytes(obstore.get(self._store, self._key(path)).bytes())

    def open(self, path: str) -> io.BufferedReader:
        with self._named():
            return io.BufferedReader(_Object(obstore.open_reader(self._store, self._key(path))), _READ_AHEAD)

    def write(self, path: str, content: bytes) -> None:
        with self._named():
            obstore.put(self._store, self._key(path), content)

    def create(self, path: str, content: bytes) -> bool:
        with self._named():
            try:
                obstore.put(self._store, self._key(path), content, mode="create")
            except FileExistsError:  # obstore's AlreadyExistsError is one
                return False
        return True

    def delete_folder(self, folder: str) -> None:
        paths = sorted(self.files(folder))
        entries = [path for path in paths if path.endswith(".json")]
        others = [path for path in paths if not path.endswith(".json")]
        if paths:  # up to a thousand per request; a log's last entry first, so that the rest is a valid log of an earlier version
            with self._named():
                obstore.delete(self._store, [self._key(path) for path in (*others, *reversed(entries))])

    def move(self, path: str, to: Storage, name: str) -> None:
        assert isinstance(to, Bucket), "a file is moved within its lake"
        target = to._key(to.free_name(name))
        with self._named():
            obstore.copy(self._store, self._key(path), target)
            obstore.delete(self._store, self._key(path))

    def check(self) -> None:
        """Checks that the store answers and has this bucket.

        Raises:
            LakeError: says why not, and which settings to check.
        """
        with self._named():
            next(iter(obstore.list(self._store, self._folder or None, chunk_size=1)), None)

    def check_writers(self) -> None:
        """Checks that the second of two writers of an object is refused, which Delta's commits rely on.

        Raises:
            LakeError: it is not.
        """
        key = self._key(f"_platform/check-{uuid4().hex}")
        with self._named():
            obstore.put(self._store, key, b"", mode="create")
            try:
                obstore.put(self._store, key, b"", mode="create")
            except AlreadyExistsError:
                return
            finally:
                obstore.delete(self._store, key)
        raise LakeError(
            f"the store of the lake {self.uri} overwrites an object despite a conditional write (If-None-Match): of two concurrent "
            "runs, one would be lost. Use a store with conditional writes, such as S3, MinIO, Azure or GCS."
        )

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Explains why a request failed; a missing file is passed through."""
        try:
            yield
        except FileNotFoundError:
            raise
        except Exception as error:
            why = str(error) if isinstance(error, LakeError) else _explained(str(error), self._bucket, self.uri)
            raise LakeError(f"{self._what} {self.uri} cannot be reached: {self.hide_credentials(why)}") from None

    def _key(self, path: str) -> str:
        return f"{self._folder}/{path}" if self._folder else path

    def _size(self, path: str) -> int | None:
        try:
            with self._named():
                return int(obstore.head(self._store, self._key(path))["size"])
        except FileNotFoundError:
            return None


class _Object(io.RawIOBase):
    """An object as a file for PyArrow."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return int(self._reader.tell())

    def seek(self, offset: int, whence: int = 0) -> int:
        return int(self._reader.seek(offset, whence))

    def readinto(self, buffer: Any) -> int:
        content = memoryview(self._reader.read(len(buffer)))
        buffer[: len(content)] = content
        return len(content)


def _mark(found: Mapping[str, Any]) -> Mark:
    return found["e_tag"], found["size"], found["last_modified"]


def environment_of_stores() -> Options:
    """The environment's settings for object stores: obstore reads them, as Delta and Polars do."""
    return tuple(sorted((name, value) for name, value in os.environ.items() if name.lower().startswith(_PREFIXES)))


@lru_cache(maxsize=32)
def _store(url: str, options: Options, environment: Options) -> Any:
    """The connections to a bucket, shared by all its files."""
    check_endpoints((*options, *environment))
    config: dict[str, Any] = {}
    client: dict[str, Any] = {}
    retries = {"max_retries": _RETRIES, "retry_timeout": _RETRIED_FOR}
    for name, value in options:
        lower = name.lower()
        bare = next((lower.removeprefix(prefix) for prefix in _PREFIXES if lower.startswith(prefix)), lower)
        if bare in _OF_THE_CLIENT:
            client[bare] = value
        elif bare == "max_retries":
            retries["max_retries"] = int(value)
        elif _is_known(url, lower, value):
            config[lower] = value
    if client and "allow_http" not in client:  # client options replace those of the environment
        client["allow_http"] = any(value.lower() == "true" for name, value in environment if name.lower().endswith("_allow_http"))
    return from_url(url, config=config or None, client_options=client or None, retry_config=retries)  # type: ignore[call-overload]


def _is_known(url: str, name: str, value: str) -> bool:
    """Whether the store has this option. Delta has some of its own.

    Raises:
        LakeError: its value is invalid.
    """
    try:
        from_url(url, config={name: value})  # type: ignore[call-overload]
    except UnknownConfigurationKeyError:
        return False
    except Exception as error:
        if f'"{value}"' in str(error):
            raise LakeError(f"{name}: {_misconfigured(str(error))}") from None
    return True


def check_reached(root: str, options: Mapping[str, str]) -> None:
    """Like `Bucket.check`, once per location and process, unless it fails."""
    _check_once(root, tuple(sorted(options.items())), environment_of_stores())


@lru_cache(maxsize=32)
def _check_once(root: str, options: Options, environment: Options) -> None:
    Bucket(root, dict(options)).check()


def _explained(said: str, bucket: str, uri: str) -> str:
    """Why a request failed, and which setting to check, for common failures. Never contains a query or a secret."""
    credentials = _CREDENTIALS.get(uri.partition("://")[0], "the credentials")
    if "Config error" in said:
        return _misconfigured(said)
    code = re.search(r"<Code>(\w+)</Code>", said)
    refused = re.search(r"\b(401 Unauthorized|403 Forbidden)|InvalidAccessKeyId|UserNotFound", said)
    if re.search(r"NoSuchBucket|ContainerNotFound|bucket does not exist", said):
        return f"there is no bucket {bucket!r}. Create it, or correct PLATFORM_LAKE."
    if re.search(r"169\.254\.169\.254|metadata\.google|Missing (AccessKeyId|SecretAccessKey)", said):
        return f"there are no credentials. Set {credentials}, or PLATFORM_LAKE_OPTIONS."
    if refused:
        return f"the server refuses the credentials ({code[1] if code else refused[0]}). Check {credentials}, or PLATFORM_LAKE_OPTIONS."
    if "builder error" in said:
        return "its endpoint is http://, without TLS. If that is intended, set AWS_ALLOW_HTTP=true."
    server = re.search(r"\w+://[^/\s?]+", said)
    if server and re.search(r"error sending request|timed out|Connect\b", said):
        return f"no server answers at {server[0].rpartition('@')[2]}. Check AWS_ENDPOINT_URL, the network, and whether the server runs."
    return next(iter(said.splitlines()), "")[:500]


def _misconfigured(said: str) -> str:
    """Why the value of an option is invalid, without the value: it may be a misplaced secret."""
    shown = re.sub(r'".*"', "'***'", said.partition("\n\n")[0], flags=re.DOTALL).removeprefix("Generic Config error: ")
    return f"{shown}. Correct that option in PLATFORM_LAKE_OPTIONS, or that variable of the store."


_S3 = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
_AZURE = "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY"
_CREDENTIALS = {
    **dict.fromkeys(("s3", "s3a"), _S3),
    **dict.fromkeys(("az", "azure", "abfs", "abfss", "adl"), _AZURE),
    "gs": "GOOGLE_APPLICATION_CREDENTIALS",
}

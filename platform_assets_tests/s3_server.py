"""A real S3 server, versitygw. It keeps objects as files in a folder, so that a test can harm them, and logs requests, to be counted."""

import os
import re
import shutil
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

KEY, SECRET, BUCKET = "key-of-the-tests", "secret-of-the-tests", "bucket"
_STARTS_WITHIN = 30.0


def program() -> str | None:
    """Where the server is installed; None where it is not."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "platform-assets", "bin", "versitygw")
    return os.environ.get("VERSITYGW_BIN") or shutil.which("versitygw") or (str(cache) if cache.is_file() else None)


class S3Server:
    """A server with one bucket. Its port stays the same when it is started again."""

    def __init__(self, folder: Path) -> None:
        found = program()
        if found is None:
            pytest.skip("no S3 server: `make s3-server` installs one, which needs Go; or name one: VERSITYGW_BIN=/path/to/versitygw")
        self._program, self._folder = found, folder
        self.data = folder / "data"
        (self.data / BUCKET).mkdir(parents=True, exist_ok=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which this server is reached."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
        }

    def start(self) -> None:
        environment = {**os.environ, "ROOT_ACCESS_KEY": KEY, "ROOT_SECRET_KEY": SECRET}
        command = [self._program, "--port", f"127.0.0.1:{self.port}", "--quiet", "--access-log", str(self._log), "posix", str(self.data)]
        with (self._folder / "server.log").open("ab") as said:
            self._process = subprocess.Popen(command, env=environment, stdout=said, stderr=said, stdin=subprocess.DEVNULL)
        end = time.monotonic() + _STARTS_WITHIN
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                if self._process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError(f"versitygw did not start: {(self._folder / 'server.log').read_text()[-2000:]}") from None
                time.sleep(0.02)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @property
    def _log(self) -> Path:
        return self._folder / "access.log"

    @contextmanager
    def requests(self) -> Iterator[Counter[str]]:
        """Counts the requests of a block by kind, such as GetObject; filled when the block has ended."""
        counted: Counter[str] = Counter()
        before = self._log.stat().st_size if self._log.exists() else 0
        yield counted
        time.sleep(0.05)  # the log is written after the answer
        with self._log.open() as log:
            log.seek(before)
            counted.update(re.findall(r" s3_(\w+) ", log.read()))


@contextmanager
def running(folder: Path) -> Iterator[S3Server]:
    """A server that the environment's variables name."""
    server = S3Server(folder)
    server.start()
    with pytest.MonkeyPatch.context() as environment:
        for name, value in server.environment.items():
            environment.setenv(name, value)
        try:
            yield server
        finally:
            server.kill()

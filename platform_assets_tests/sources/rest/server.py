"""A real HTTP server on this machine that answers as a test wants, also wrongly: late, cut off, as HTML, in a circle."""

import gzip
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Asked:
    """A request as it came in."""

    path: str
    params: dict[str, str]
    headers: dict[str, str]
    number: int
    """The how manyth of all requests it is, from 1 on."""
    at: float


@dataclass
class Says:
    """What is answered."""

    body: Any = b""
    """Bytes as they are; anything else as JSON."""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str | None = "application/json"
    after: float = 0.0
    """Seconds to wait first."""
    cut_at: int | None = None
    """The connection is reset after so many bytes of the body."""
    drip: float = 0.0
    """Seconds between two bytes."""
    gzip: bool = False

    @property
    def content(self) -> bytes:
        plain = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        return gzip.compress(plain) if self.gzip else plain


Behaviour = Callable[[Asked], Says | Any]


class Server(ThreadingHTTPServer):
    """Answers by a function; keeps what it was asked."""

    daemon_threads = True

    def __init__(self, behaviour: Behaviour) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behaviour = behaviour
        self.asked: list[Asked] = []
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has gone away is no news."""


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        with self.server.lock:
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(parts.path, dict(parse_qsl(parts.query)), headers, len(self.server.asked) + 1, time.monotonic())
            self.server.asked.append(asked)
        says = self.server.behaviour(asked)
        says = says if isinstance(says, Says) else Says(says)
        time.sleep(says.after)
        content = says.content
        self.send_response(says.status)
        if says.content_type is not None:
            self.send_header("Content-Type", says.content_type)
        if says.gzip:
            self.send_header("Content-Encoding", "gzip")
        for name, value in says.headers.items():
            self.send_header(name, value)
        if says.status not in (204, 304):
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if says.cut_at is not None:
            self.wfile.write(content[: says.cut_at])
            self.wfile.flush()
            # A reset, not an end: what waits to be sent is dropped.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True
        elif says.drip:
            for byte in content:
                self.wfile.write(bytes([byte]))
                time.sleep(says.drip)
        elif says.status not in (204, 304):
            self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: tests print what they need."""


@contextmanager
def serving(behaviour: Behaviour) -> Iterator[Server]:
    """A server that runs."""
    server = Server(behaviour)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

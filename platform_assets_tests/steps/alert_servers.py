"""Servers that take alerts, fail or hang: HTTP and SMTP, as real as a socket."""

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Taken:
    """What a server was given, and how it behaves: ok, fails or hangs."""

    def __init__(self) -> None:
        self.behaves = "ok"
        self.got: list[Any] = []
        self.asked = 0
        self.url = ""
        self.ends = threading.Event()


@contextmanager
def webhook() -> Iterator[Taken]:
    taken = Taken()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            taken.asked += 1
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if taken.behaves == "hangs":
                taken.ends.wait(30)
                return
            if taken.behaves == "drips":
                self.wfile.write(b"HTTP/1.1 200 OK\r\n")
                while not taken.ends.wait(0.05):
                    self.wfile.write(b"X: y\r\n")
                return
            if taken.behaves == "redirects":
                self.send_response(302)
                self.send_header("Location", f"{taken.url}/elsewhere")
            elif taken.behaves == "fails":
                self.send_response(500, f"no {self.path}")  # a server that says what it was told
            else:
                taken.got.append(json.loads(body))
                self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    taken.url = f"http://127.0.0.1:{server.server_port}/hooks/s3cr3t-t0ken"
    with _serving(server, taken):
        yield taken


@contextmanager
def mail_server() -> Iterator[Taken]:
    taken = Taken()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            taken.asked += 1
            if taken.behaves == "hangs":
                taken.ends.wait(30)
            self._say("220 mail")
            while line := self.rfile.readline().decode().strip():
                word = line.split()[0].upper()
                if word == "DATA":
                    self._say("354 go on")
                    lines = []
                    while (text := self.rfile.readline()) not in (b".\r\n", b""):
                        lines.append(text.decode())
                    taken.got.append("".join(lines))
                if word == "RCPT" and taken.behaves == "fails":
                    self._say("550 no such user")
                elif word == "QUIT":
                    self._say("221 bye")
                    return
                else:
                    self._say("250 fine")

        def _say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    server = Server(("127.0.0.1", 0), Handler)
    taken.url = f"smtp://127.0.0.1:{server.server_address[1]}"
    with _serving(server, taken):
        yield taken


@contextmanager
def _serving(server: socketserver.TCPServer, taken: Taken) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        taken.ends.set()
        server.shutdown()
        server.server_close()
        thread.join()

"""A server of HTTP on the loopback address, for tests of what fetches from the web."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Web = Callable[[dict[str, Any]], str]
"""Serves answers by path: a status and a body, or a function that is called with the handler. Gives
the port."""


@contextmanager
def local_web() -> Iterator[Web]:
    """A function that starts servers, which end with the context."""
    servers: list[ThreadingHTTPServer] = []

    def start(answers: dict[str, Any]) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                answer = answers.get(self.path, (404, b""))
                with suppress(OSError):  # the client left
                    answer(self) if callable(answer) else self.give(*answer)

            def give(self, status: int, body: bytes, **headers: str) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return str(server.server_address[1])

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()

"""A proxy that shows a service under a prefix, which it takes away, as nginx and Caddy can."""

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOP = ("connection", "transfer-encoding", "date", "server")  # of one connection, or sent here anew


@contextmanager
def under_prefix(port: int, prefix: str) -> Iterator[str]:
    """The address under which a proxy shows the service at a port of this machine.

    Args:
        port: of the service.
        prefix: what its paths begin with here, such as "/originid/"; all other paths are unknown.
    """

    class Proxy(BaseHTTPRequestHandler):
        """Passes a request on."""

        def do_GET(self) -> None:
            """Answer as the service does."""
            if not self.path.startswith(prefix):
                self.send_error(404)
                return
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            service = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            path = "/" + self.path.removeprefix(prefix)
            service.request(self.command, path, body, dict(self.headers))
            answer = service.getresponse()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in HOP:
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.read())
            service.close()

        def do_POST(self) -> None:
            """Answer as the service does."""
            self.do_GET()

        def do_DELETE(self) -> None:
            """Answer as the service does."""
            self.do_GET()

        def log_message(self, format: str, *arguments: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}{prefix}"
        server.shutdown()

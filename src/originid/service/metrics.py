"""What is counted, and what is logged, of each request: never a picture, and no name of a file."""

import json
import logging
import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOG = logging.getLogger("originid.service.requests")
SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)  # the bounds that are counted by
UNKNOWN = "other"  # what every request to no route is called, so that nobody can make up names


class Metrics:
    """Numbers for Prometheus."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        labels = ("method", "route", "status")
        self.requests = Counter(
            "originid_requests", "Requests answered.", labels, registry=self.registry
        )
        self.seconds = Histogram(
            "originid_request_seconds",
            "Seconds until the answer.",
            ("route",),
            buckets=SECONDS,
            registry=self.registry,
        )
        self.verdicts = Counter(
            "originid_verdicts", "Verdicts given.", ("verdict",), registry=self.registry
        )
        self.references = Gauge(
            "originid_references", "References of the collection.", registry=self.registry
        )
        self.busy = Gauge("originid_busy", "Requests at work or waiting.", registry=self.registry)


class Observed:
    """Counts and logs requests.

    Args:
        app: what it stands in front of.
        metrics: where they are counted.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request, as ASGI says."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, status = time.perf_counter(), 0

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            self._note(scope, status or 499, time.perf_counter() - begun)  # 499: the client left

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", UNKNOWN)
        method = scope["method"] if scope["method"] in METHODS else UNKNOWN
        self._metrics.requests.labels(method, route, status).inc()
        self._metrics.seconds.labels(route).observe(seconds)
        client = scope.get("state", {}).get("client")
        line = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "method": method,
            "route": route,
            "status": status,
            "ms": round(1000 * seconds, 1),
            "client": getattr(client, "name", None),
        }
        LOG.info(json.dumps(line))


METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

"""What stands in front of all routes: the size and speed of bodies, the rate, and foreign pages."""

import asyncio
import threading
import time
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from originid.service.access import is_loopback
from originid.service.errors import ApiError, too_large

BESIDE = 65_536  # bytes of a body beside the picture: its fields, and what divides them
MOST_CLIENTS = 10_000  # whose rates are remembered; more come only from an attack


class BodyLimits:
    """Refuses bodies that are too large, or that arrive too slowly.

    Args:
        app: what it stands in front of.
        most: bytes of a picture; a body may have `BESIDE` more.
        seconds: in which the body must have arrived.
    """

    def __init__(self, app: ASGIApp, most: int, seconds: float) -> None:
        self._app, self._most, self._seconds = app, most, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request, as ASGI says."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        stated = Headers(scope=scope).get("content-length", "0")
        if stated.isdigit() and int(stated) > self._most + BESIDE:
            await too_large(self._most).response()(scope, receive, send)
            return
        until, arrived, started, ended = time.monotonic() + self._seconds, 0, False, False

        async def limited() -> Message:
            nonlocal arrived, ended
            if ended:
                return await receive()  # waits until the client leaves
            try:
                left = max(until - time.monotonic(), 0)
                message = await asyncio.wait_for(receive(), left)
            except asyncio.TimeoutError as error:
                raise ApiError(
                    408,
                    f"a body that had not arrived after {self._seconds:g} seconds",
                    "expected it to arrive at once",
                    "use a faster connection, or a smaller picture",
                ) from error
            arrived += len(message.get("body", b""))
            if arrived > self._most + BESIDE:
                raise too_large(self._most)
            ended = message["type"] == "http.disconnect" or not message.get("more_body", False)
            return message

        async def noted(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, limited, noted)
        except ApiError as error:
            if not started:
                await error.response()(scope, receive, send)


class Rates:
    """Counts the requests of each client: a bucket that fills with time.

    Args:
        rate: requests a second that flow in.
        burst: requests that it holds at most.
    """

    def __init__(self, rate: float, burst: int) -> None:
        self._rate, self._burst = rate, burst
        self._lock = threading.Lock()
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, client: str) -> None:
        """Count a request.

        Raises:
            ApiError: the client made too many.
        """
        now = time.monotonic()
        with self._lock:
            left, then = self._buckets.pop(client, (float(self._burst), now))
            left = min(self._burst, left + (now - then) * self._rate)
            # Put back at the end: so the first one is that which was heard of longest ago.
            self._buckets[client] = max(left - 1, 0) if left >= 1 else left, now
            if len(self._buckets) > MOST_CLIENTS:
                del self._buckets[next(iter(self._buckets))]
        if left < 1:
            raise ApiError(
                429,
                "too many requests",
                f"expected at most {self._rate:g} a second, and {self._burst} at once",
                "wait as long as Retry-After says",
                retry_after=max(1, round((1 - left) / self._rate)),
            )


class SameSite:
    """Refuses what other web pages let a browser send, and names that are not this machine's.

    A page that a user visits may let the browser send requests to his own machine. Browsers say of
    each request which page it comes from. A service without tokens answers only to the names of the
    loopback address: another name that leads there would be a page's trick (DNS rebinding), or a
    proxy that lets others in.

    Args:
        app: what it stands in front of.
        local_only: whether the service has no tokens.
    """

    def __init__(self, app: ASGIApp, local_only: bool) -> None:
        self._app, self._local_only = app, local_only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request, as ASGI says."""
        refusal = self._refusal(Headers(scope=scope)) if scope["type"] == "http" else None
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            await refusal.response()(scope, receive, send)

    def _refusal(self, headers: Headers) -> ApiError | None:
        host = headers.get("host", "")
        if self._local_only and not is_loopback(urlsplit(f"//{host}").hostname or ""):
            return ApiError(
                421,
                "a request to another name than this machine's",
                "expected localhost, as this service has no tokens",
                "start it with --token-file to let others in",
            )
        origin = headers.get("origin")
        foreign = origin is not None and urlsplit(origin).netloc != host
        if foreign or headers.get("sec-fetch-site") in ("cross-site", "same-site"):
            return ApiError(
                403,
                "a request that another web page made",
                "expected one of this service's own page, or of a program",
                "use the page of the service",
            )
        return None

"""The application: routes, what stands in front of them, and the page."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.responses import FileResponse, Response
from fastapi.routing import APIRoute
from starlette.formparsers import MultiPartParser
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from originid import __version__
from originid.finder import Finder
from originid.service import asking, decisions, health, references, softbinding
from originid.service.access import Gate
from originid.service.desk import Desk
from originid.service.errors import explain_errors
from originid.service.limits import BodyLimits, Rates, SameSite
from originid.service.metrics import Metrics, Observed
from originid.service.settings import Settings
from originid.service.state import Calibrating, State

PAGE = Path(__file__).parent / "page"
# Nothing is loaded from elsewhere, and nothing inside of a page runs.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}


def create_app(finder: Finder, settings: Settings | None = None) -> FastAPI:
    """The application for a collection, for any ASGI server.

    Args:
        finder: an open collection; whoever opened it closes it after the application has ended.
        settings: limits, and who may use it.

    Raises:
        InputError: the file of tokens cannot be used.
    """
    settings = settings or Settings()
    # A picture that is sent stays in memory: its bytes are never written to a temporary file.
    MultiPartParser.spool_max_size = settings.max_bytes + 1
    shared = State(
        settings,
        Gate(settings.token_file),
        Rates(settings.rate, settings.burst),
        Desk(settings.workers, settings.waiting),
        finder,
        Metrics(),
    )

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        finder.collection.index()  # so that the first request does not wait for it
        yield
        shared.desk.close()

    app = FastAPI(
        title="originid",
        version=__version__,
        summary="Which photo of this collection was an AI edit made from?",
        docs_url=None,  # its page loads scripts from elsewhere
        redoc_url=None,
        generate_unique_id_function=_operation,
        lifespan=lifespan,
    )
    app.state.shared = shared
    app.state.calibrating = Calibrating(finder)
    for each in (asking, references, decisions, softbinding, health):
        app.include_router(each.router)
    if PAGE.is_dir():
        app.mount("/static", PageFiles(directory=PAGE), name="static")
        app.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)(_page)
    explain_errors(app)
    # The last one is the first that a request meets.
    app.add_middleware(BodyLimits, most=settings.max_bytes, seconds=settings.body_seconds)
    app.add_middleware(SameSite, local_only=shared.gate.open)
    app.add_middleware(SafeHeaders)
    app.add_middleware(Observed, metrics=shared.metrics)
    return app


class PageFiles(StaticFiles):
    """The files of the page; a browser asks each time whether one has changed."""

    def file_response(self, *arguments: Any, **options: Any) -> Response:
        """The answer for a file, which is short where the browser has it already."""
        response = super().file_response(*arguments, **options)
        response.headers["Cache-Control"] = "no-cache"
        return response


def _operation(route: APIRoute) -> str:
    """What a request is called in the description, from which programs make clients."""
    return route.name


def _page() -> Response:
    return FileResponse(PAGE / "index.html", headers={"Cache-Control": "no-cache"})


class SafeHeaders:
    """Gives every answer the headers that keep a browser from doing more with it.

    Args:
        app: what it stands in front of.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request, as ASGI says."""

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                known: list[Any] = list(message.get("headers", []))
                names = {name.lower() for name, _ in known}
                extra = [(k.encode(), v.encode()) for k, v in HEADERS.items()]
                message = {**message, "headers": known + [e for e in extra if e[0] not in names]}
            await send(message)

        await self._app(scope, receive, guarded)

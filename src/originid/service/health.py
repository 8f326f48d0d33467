"""Whether the service works, and what it holds."""

from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from originid import __version__
from originid.errors import OriginidError
from originid.service.access import Client, Role, needs
from originid.service.asking import MOST_MATCHES
from originid.service.errors import RESPONSES, ApiError, AsciiResponse
from originid.service.metrics import Metrics
from originid.service.schemas import StatsBody, StatusBody
from originid.service.state import Shared
from originid.verdict.presets import PRESETS

router = APIRouter(tags=["service"])


# Some load balancers ask with HEAD. It is not described: its answer is that of GET without a body.
@router.head("/health", include_in_schema=False)
@router.get("/health", summary="Whether the process lives", response_model=StatusBody)
async def health() -> Response:
    """For whoever restarts a service that does not answer."""
    return AsciiResponse({"status": "ok"})


@router.head("/ready", include_in_schema=False)
@router.get(
    "/ready",
    summary="Whether the collection can be searched",
    response_model=StatusBody,
    responses={503: RESPONSES[503]},
)
def ready(shared: Shared) -> Response:
    """For whoever sends requests to a service only when it can answer them."""
    try:
        shared.finder.collection.database.refuse_moved()
        len(shared.finder.collection.index())
    except OriginidError as error:
        raise ApiError(503, error.given, error.expected, error.todo) from error
    return AsciiResponse({"status": "ready"})


@router.get(
    "/v1/stats", summary="What the service holds", response_model=StatsBody, responses=RESPONSES
)
def stats(shared: Shared, client: Annotated[Client, Depends(needs(Role.FIND))]) -> Response:
    """The size of the collection, its model, the limits, and what the client may do."""
    collection, settings = shared.finder.collection, shared.settings
    return AsciiResponse(
        {
            "references": len(collection),
            "described": collection.database.count_described(),
            "model": collection.model.name,
            "fingerprint": collection.model.fingerprint,
            "version": __version__,
            "role": client.role.name.lower(),
            "writable": client.role >= Role.WRITE and not settings.read_only,
            "urls": settings.allow_urls,
            "limits": {
                "bytes": settings.max_bytes,
                "pixels": settings.max_pixels,
                "top": MOST_MATCHES,
            },
            "rates": dict(PRESETS),
        }
    )


@router.get(
    "/metrics",
    summary="Numbers for Prometheus",
    responses={**RESPONSES, 200: {"content": {"text/plain": {}}}},
    response_class=Response,
    dependencies=[Depends(needs(Role.ADMIN))],
)
def metrics(shared: Shared) -> Response:
    """Requests, their seconds, verdicts, and the size of the collection."""
    told: Metrics = shared.metrics
    told.references.set(len(shared.finder.collection))
    told.busy.set(shared.desk.busy)
    return Response(generate_latest(told.registry), media_type=CONTENT_TYPE_LATEST)

"""The C2PA Soft Binding Resolution API 1.0: content credentials of pictures that lost theirs.

A picture, or its fingerprint, is searched for; what is answered are the identifiers of manifests
that references carry, and then the manifests themselves. Names of routes, parameters and fields are
those of the specification; docs/c2pa.md says what of it is covered.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi import Path as InPath
from fastapi.responses import Response
from pydantic import BaseModel, Field

from originid.answer import Answer, Match
from originid.collection.manifest_table import LONGEST_LABEL, is_label
from originid.errors import ImageError, InputError, TooLargeError
from originid.images.manifest_store import active_part
from originid.index.fingerprint import ALGORITHM, PREFIX, read_fingerprint, refuse_other_model
from originid.latents.sources import Source
from originid.service.access import Role, needs
from originid.service.errors import RESPONSES, ApiError, AsciiResponse
from originid.service.pictures import checked
from originid.service.state import Shared, State
from originid.system.addresses import location_of
from originid.types import Verdict
from originid.verdict.presets import DEFAULT, PRESETS

BASE = "/c2pa/v1"
MOST_MATCHES = 100  # references that are looked at: of each, all with the same picture
LONGEST_IN_ADDRESS = 4000  # characters of a value that stands in an address
LONGEST_VALUE = 20_000  # characters of one in a body: the longest fingerprint has 10,943
LONGEST_NAME = 200  # characters of the name of an algorithm
C2PA = "application/c2pa"
RATE = PRESETS[DEFAULT]
MATCHES = Annotated[int, Query(ge=1, description="The most identifiers that are returned.")]
Name = Annotated[str, Query(max_length=LONGEST_NAME)]


async def whole_body(request: Request) -> bytes:
    """The body of a request, read before anything is refused: so the connection stays usable."""
    return await request.body()


router = APIRouter(prefix=BASE, tags=["C2PA soft binding"])
FETCH = [Depends(needs(Role.MANIFESTS))]
ANSWERS: dict[int | str, dict[str, Any]] = {
    key: value for key, value in RESPONSES.items() if key != 422
}


class SoftBindingQuery(BaseModel):
    """``c2pa.softBindingQuery`` of the specification."""

    alg: str = Field(max_length=LONGEST_NAME)
    value: str = Field(max_length=LONGEST_VALUE)


class SoftBindingMatch(BaseModel):
    """A manifest that matches; it is to be had from this service."""

    manifestId: str  # noqa: N815
    similarityScore: int = Field(ge=0, le=100)  # noqa: N815


class SoftBindingQueryResult(BaseModel):
    """``c2pa.softBindingQueryResult`` of the specification, the best match first."""

    matches: list[SoftBindingMatch]


class Algorithm(BaseModel):
    """The name of an algorithm."""

    alg: str


class SoftBindingAlgList(BaseModel):
    """``c2pa.softBindingAlgList`` of the specification."""

    watermarks: list[Algorithm]
    fingerprints: list[Algorithm]


@router.get(
    "/services/supportedAlgorithms",
    summary="Which soft bindings can be asked for",
    response_model=SoftBindingAlgList,
)
async def supported_algorithms() -> Response:
    """The one algorithm of originid. No token is needed, as the specification says."""
    return AsciiResponse({"watermarks": [], "fingerprints": [{"alg": ALGORITHM}]})


@router.get(
    "/matches/byBinding",
    summary="Find manifests by a soft binding",
    response_model=SoftBindingQueryResult,
    responses=ANSWERS | {414: {**RESPONSES[400], "description": "Use POST for such a value."}},
    dependencies=FETCH,
)
async def by_binding(
    shared: Shared, alg: Name, value: Annotated[str, Query()], maxResults: MATCHES = 10
) -> Response:
    """The value is the base64 of a fingerprint's bytes: what stands behind its colon."""
    if len(value) > LONGEST_IN_ADDRESS:
        raise ApiError(
            414,
            f"a value of {len(value):,} characters",
            f"expected at most {LONGEST_IN_ADDRESS:,} in an address",
            "send it by POST",
        )
    return await _matches(shared, _fingerprint(shared, alg, value), maxResults)


@router.post(
    "/matches/byBinding",
    summary="Find manifests by a large soft binding",
    response_model=SoftBindingQueryResult,
    responses=ANSWERS,
    dependencies=FETCH,
)
async def by_large_binding(
    shared: Shared, query: SoftBindingQuery, maxResults: MATCHES = 10
) -> Response:
    """The same, for a value of any length."""
    return await _matches(shared, _fingerprint(shared, query.alg, query.value), maxResults)


@router.post(
    "/matches/byContent",
    summary="Find manifests by a picture",
    response_model=SoftBindingQueryResult,
    responses=ANSWERS | {415: {**RESPONSES[400], "description": "The asset is no picture."}},
    dependencies=[Depends(whole_body), *FETCH],
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"image/*": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
async def by_content(
    shared: Shared,
    request: Request,
    alg: Name = ALGORITHM,
    maxResults: MATCHES = 10,
    hintAlg: Name = "",
    hintValue: Annotated[str, Query(max_length=LONGEST_IN_ADDRESS)] = "",
) -> Response:
    """The body is the file. It finds more than its fingerprint; hints add nothing to it."""
    _check_algorithm(alg)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not kind.startswith("image/"):
        raise _no_picture(f"an asset of the type {kind[:100] or 'unknown'}")
    data = await whole_body(request)
    if not data:
        raise ApiError(400, "an empty body", "expected the file of a picture", "send the file")
    try:
        source = checked("picture", data, shared.settings.max_pixels)
    except TooLargeError:
        raise
    except ImageError as error:
        raise _no_picture(error.given) from error
    return await _matches(shared, source, maxResults)


@router.get(
    "/manifests/{manifestId}",
    summary="A manifest store",
    responses={**ANSWERS, 200: {"content": {C2PA: {}}}},
    response_class=Response,
    dependencies=FETCH,
)
def manifest(
    shared: Shared,
    manifestId: Annotated[str, InPath(description="As a match says it.")],
    returnActiveManifest: Annotated[bool, Query(description="Leave the others out.")] = False,
) -> Response:
    """As the reference's file carries it; or a store with nothing but the active manifest."""
    if not is_label(manifestId):
        raise ApiError(
            400,
            "an identifier that no manifest can have",
            f"expected 1 to {LONGEST_LABEL} printable characters of ASCII, no space and no slash",
            "take it from a match",
        )
    store = shared.finder.collection.database.store_of(manifestId)
    if store is not None and returnActiveManifest:
        store = active_part(store)
    if store is None:
        raise ApiError(
            404, "no such manifest", "expected the identifier of a match", "ask for matches again"
        )
    return Response(store, media_type=C2PA)


def _check_algorithm(alg: str) -> None:
    if alg != ALGORITHM:
        raise ApiError(
            400,
            f"the algorithm {alg[:100]!r}",
            f"expected {ALGORITHM}",
            f"see {BASE}/services/supportedAlgorithms",
        )


def _fingerprint(shared: State, alg: str, value: str) -> Source:
    """The query that a soft binding is."""
    _check_algorithm(alg)
    # Both alphabets of base64 say the same bytes; the text of a fingerprint has the one for URLs.
    text = PREFIX + value.rstrip("=").replace("+", "-").replace("/", "_").replace(" ", "-")
    model = shared.finder.collection.model
    try:
        fingerprint = read_fingerprint(text)
    except InputError as error:
        raise ApiError(
            400,
            f"a value that is no fingerprint of {ALGORITHM}",
            "expected the base64 of its bytes, whole and unchanged",
            "send what stands behind the colon of what originid fingerprint prints",
        ) from error
    try:
        refuse_other_model(fingerprint, model.fingerprint, model.dim)
    except InputError as error:
        raise ApiError(400, error.given, error.expected, error.todo) from error
    return Source(text)


def _no_picture(given: str) -> ApiError:
    return ApiError(415, given, "expected a picture: image/jpeg or so", "send an image file")


async def _matches(shared: State, query: Source, most: int) -> Response:
    return AsciiResponse(await shared.desk.work(lambda: {"matches": _found(shared, query, most)}))


def _found(shared: State, query: Source, most: int) -> list[dict[str, Any]]:
    """The manifests of references that a query was made from, the best one first."""
    answer = shared.finder.find(query, MOST_MATCHES, RATE)
    if answer.error is not None:
        raise _no_picture(answer.error)
    database = shared.finder.collection.database
    found: dict[str, int] = {}
    for match in _origins(answer):
        labels = database.labels_at(map(location_of, (match.reference, *match.copies)))
        for label in labels.values():
            found.setdefault(label, similarity(match.score))
    return [{"manifestId": k, "similarityScore": v} for k, v in list(found.items())[:most]]


def _origins(answer: Answer) -> list[Match]:
    """The matches that are no chance: the one that the verdict is about, and those as sure."""
    if answer.verdict is not Verdict.ORIGIN:
        return []
    return [each for each in answer.matches if each.rank == 1 or each.false_match_rate <= RATE]


def similarity(score: float) -> int:
    """A cosine as an integer from 0, for 0 and below, to 100."""
    return round(100 * min(max(score, 0.0), 1.0))

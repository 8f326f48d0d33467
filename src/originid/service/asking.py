"""Asking: which reference a picture was made from, and where both agree."""

import io
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, File, Form, Query, UploadFile
from fastapi.responses import HTMLResponse, Response

from originid.answer import Answer
from originid.collection.row import Row
from originid.explain.drawing import draw_evidence
from originid.explain.evidence import Evidence
from originid.explain.page import to_html
from originid.explaining import Found, explain_match
from originid.latents.sources import Source
from originid.service.access import Role, needs
from originid.service.addresses import fetch
from originid.service.errors import RESPONSES, ApiError, AsciiResponse
from originid.service.pictures import checked, content_of, panels_of, read_upload
from originid.service.references import source_of, stored, thumbnail_address
from originid.service.schemas import AnswerBody, EvidenceBody
from originid.service.state import Shared, State
from originid.verdict.presets import PRESETS

MOST_MATCHES = 100  # of one answer: each is looked up and sent
Rate = Literal["strict", "balanced", "wide"]
Effort = Literal["quick", "normal", "thorough"]
Top = Annotated[int, Form(ge=1, le=MOST_MATCHES, description="Matches of the answer.")]
RateField = Annotated[
    Rate,
    Form(description="The share of pictures without an origin that may get the verdict origin."),
]
EffortField = Annotated[Effort, Form(description="How hard is searched, as find --effort says.")]
FIND = Depends(needs(Role.FIND))

router = APIRouter(prefix="/v1", tags=["ask"], responses=RESPONSES, dependencies=[FIND])


@router.post("/find", summary="Find the origin of a picture", response_model=AnswerBody)
async def find(
    shared: Shared,
    image: Annotated[UploadFile | None, File(description="The picture, a file.")] = None,
    url: Annotated[str | None, Form(max_length=2000, description="Its address.")] = None,
    reference: Annotated[int | None, Form(description="The number of a reference.")] = None,
    top: Top = 10,
    false_matches: RateField = "balanced",
    effort: EffortField = "normal",
) -> Response:
    """Give exactly one of image, url and reference. What is asked about is not stored."""
    given = [each for each in (image, url, reference) if each is not None]
    if len(given) != 1:
        raise ApiError(
            422,
            f"{len(given)} pictures in one request",
            "expected exactly one of image, url and reference",
            "ask for each picture by a request of its own",
        )
    settings = shared.settings
    if image is not None:
        source = await read_upload(image, settings.max_bytes, settings.max_pixels)
    elif url is not None:
        source = await shared.desk.work(lambda: _fetched(shared, url))
    else:
        source = await shared.desk.work(lambda: source_of(shared, reference))
    return await answered(shared, source, top, false_matches, effort)


@router.get("/find", summary="Find the origin of a reference", response_model=AnswerBody)
async def find_reference(
    shared: Shared,
    reference: Annotated[int, Query(description="The number of a reference.")],
    top: Annotated[int, Query(ge=1, le=MOST_MATCHES)] = 10,
    false_matches: Rate = "balanced",
    effort: Effort = "normal",
) -> Response:
    """Search with a reference of the collection itself, for its copies and edits."""
    source = await shared.desk.work(lambda: source_of(shared, reference))
    return await answered(shared, source, top, false_matches, effort)


@router.post(
    "/explain",
    summary="Show where a picture and a reference agree",
    response_model=EvidenceBody,
    responses={200: {"content": {"image/png": {}, "text/html": {}}}},
)
async def explain(
    shared: Shared,
    image: Annotated[UploadFile, File(description="The picture, a file.")],
    reference: Annotated[int, Form(description="The number of the reference.")],
    effort: EffortField = "normal",
    format: Annotated[Literal["json", "png", "html"], Query()] = "json",
) -> Response:
    """All numbers and pictures as JSON, or one picture, or one page to keep."""
    settings = shared.settings
    source = await read_upload(image, settings.max_bytes, settings.max_pixels)

    def work() -> Response:
        evidence = _explained(shared, source, stored(shared, reference), effort)
        return {"json": _as_json, "png": _as_png, "html": _as_page}[format](evidence)

    return await shared.desk.work(work)


async def answered(
    shared: State, source: Source, top: int, false_matches: Rate, effort: Effort
) -> Response:
    """The answer for one picture.

    Raises:
        ApiError: the picture cannot be read.
    """
    rate = PRESETS[false_matches]
    answer = await shared.desk.work(lambda: shared.finder.find(source, top, rate, effort))
    if answer.error is not None:
        raise ApiError(
            422, answer.error, "expected a picture that can be read", "choose another file"
        )
    if answer.verdict is not None:
        shared.metrics.verdicts.labels(answer.verdict.value).inc()
    return AsciiResponse(_body(answer, content_of(source)))


def _body(answer: Answer, content: str) -> dict[str, Any]:
    body = answer.to_json()
    for match in body["matches"]:
        match["thumbnail"] = thumbnail_address(match["id"])
    return {**body, "query_sha256": content}


def _explained(shared: State, source: Source, row: Row, effort: Effort) -> Evidence:
    """Explain a reference as it is found; one that is not found is compared in all views."""
    finder = shared.finder
    answer = finder.find(source, MOST_MATCHES, effort=effort)
    for match in answer.matches:
        if match.id == row.id:
            return explain_match(finder.collection, Found(source, match, answer.verdict))
    return finder.explain(source, row.location)


def _fetched(shared: State, url: str) -> Source:
    settings = shared.settings
    if not settings.allow_urls:
        raise ApiError(
            403,
            "an address of the web",
            "expected the picture itself: this service fetches nothing",
            "send the file, or start the service with --allow-urls",
        )
    name, data = fetch(url, settings.max_bytes, settings.url_seconds)
    return checked(name, data, settings.max_pixels)


def _as_json(evidence: Evidence) -> Response:
    return AsciiResponse({**evidence.to_json(), "pictures": panels_of(evidence)})


def _as_png(evidence: Evidence) -> Response:
    file = io.BytesIO()
    draw_evidence(evidence).save(file, "PNG")
    return Response(file.getvalue(), media_type="image/png")


def _as_page(evidence: Evidence) -> Response:
    return HTMLResponse(
        to_html(evidence),
        headers={
            "Content-Disposition": 'attachment; filename="evidence.html"',
            # What is kept runs its own script; served here, it may not.
            "Content-Security-Policy": "sandbox; default-src 'none'; img-src data:",
        },
    )

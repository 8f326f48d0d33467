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
from originid.fingerprinting import of_images
from originid.index.fingerprint import read_fingerprint
from originid.latents.sources import Source
from originid.service.access import Role, needs
from originid.service.addresses import fetch
from originid.service.errors import KNOWN, RESPONSES, ApiError, AsciiResponse
from originid.service.pictures import checked, content_of, panels_of, read_upload
from originid.service.references import (
    refuse_without_file,
    source_of,
    stored,
    thumbnail_address,
)
from originid.service.schemas import AnswerBody, EvidenceBody, FingerprintBody
from originid.service.state import Shared, State
from originid.types import Failure
from originid.verdict.presets import PRESETS

MOST_MATCHES = 100  # of one answer: each is looked up and sent
LONGEST = 20_000  # characters of a fingerprint; the longest one has 10,963
LONGEST_IN_ADDRESS = 4000  # characters; one of the packaged model has 392
BY_TEXT = "The fingerprint of a picture, as originid fingerprint prints it."
Rate = Literal["strict", "balanced", "wide"]
Effort = Literal["quick", "normal", "thorough"]
Top = Annotated[int, Form(ge=1, le=MOST_MATCHES, description="Matches of the answer.")]
RateField = Annotated[
    Rate,
    Form(description="The share of pictures without an origin that may get the verdict origin."),
]
EffortField = Annotated[Effort, Form(description="How hard is searched, as find --effort says.")]
FIND = Depends(needs(Role.FIND))

router = APIRouter(prefix="/v1", tags=["ask"], responses=RESPONSES, dependencies=[FIND, KNOWN])


@router.post("/find", summary="Find the origin of a picture", response_model=AnswerBody)
async def find(
    shared: Shared,
    image: Annotated[UploadFile | None, File(description="The picture, a file.")] = None,
    url: Annotated[str | None, Form(max_length=2000, description="Its address.")] = None,
    fingerprint: Annotated[str | None, Form(max_length=LONGEST, description=BY_TEXT)] = None,
    reference: Annotated[int | None, Form(description="The number of a reference.")] = None,
    top: Top = 10,
    false_matches: RateField = "balanced",
    effort: EffortField = "normal",
) -> Response:
    """Give exactly one of image, url, fingerprint and reference. Nothing of it is stored."""
    _refuse_several("image, url, fingerprint and reference", image, url, fingerprint, reference)
    settings = shared.settings
    if image is not None:
        source = await read_upload(image, settings.max_bytes, settings.max_pixels)
    elif url is not None:
        source = await shared.desk.work(lambda: _fetched(shared, url))
    elif fingerprint is not None:
        source = _of_fingerprint(fingerprint)
    else:
        source = await shared.desk.work(lambda: source_of(shared, reference))
    return await answered(shared, source, top, false_matches, effort)


@router.get(
    "/find", summary="Find the origin by a fingerprint or a reference", response_model=AnswerBody
)
async def find_known(
    shared: Shared,
    fingerprint: Annotated[
        str | None, Query(max_length=LONGEST_IN_ADDRESS, description=BY_TEXT)
    ] = None,
    reference: Annotated[int | None, Query(description="The number of a reference.")] = None,
    top: Annotated[int, Query(ge=1, le=MOST_MATCHES)] = 10,
    false_matches: Rate = "balanced",
    effort: Effort = "normal",
) -> Response:
    """Give exactly one of both. A reference is searched for its copies and edits."""
    _refuse_several("fingerprint and reference", fingerprint, reference)
    if fingerprint is not None:
        source = _of_fingerprint(fingerprint)
    else:
        source = await shared.desk.work(lambda: source_of(shared, reference))
    return await answered(shared, source, top, false_matches, effort)


@router.post(
    "/fingerprint", summary="Make the fingerprint of a picture", response_model=FingerprintBody
)
async def make_fingerprint(
    shared: Shared, image: Annotated[UploadFile, File(description="The picture, a file.")]
) -> Response:
    """A text that may be asked for in the place of the picture. Nothing is stored."""
    settings = shared.settings
    source = await read_upload(image, settings.max_bytes, settings.max_pixels)
    model = shared.finder.collection.model
    (made,) = await shared.desk.work(lambda: list(of_images(model, [source])))
    if isinstance(made, Failure):
        raise _unreadable(made.reason)
    return AsciiResponse({"fingerprint": made.fingerprint.text})


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
    answer = await shared.desk.work_together(
        (top, rate, effort), source, lambda some: shared.finder.find(some, top, rate, effort)
    )
    if answer.error is not None:
        raise _unreadable(answer.error)
    if answer.verdict is not None:
        shared.metrics.verdicts.labels(answer.verdict.value).inc()
    content = None if source.data is None else content_of(source)
    return AsciiResponse(_body(answer, content))


def _refuse_several(names: str, *values: object) -> None:
    given = [value for value in values if value is not None]
    if len(given) != 1:
        raise ApiError(
            422,
            f"{len(given)} pictures in one request",
            f"expected exactly one of {names}",
            "ask for each picture by a request of its own",
        )


def _of_fingerprint(text: str) -> Source:
    """The query that a fingerprint is; any other text would be taken for a path.

    Raises:
        InputError: it is none.
    """
    read_fingerprint(text)
    return Source(text)


def _unreadable(reason: str) -> ApiError:
    return ApiError(422, reason, "expected a picture that can be read", "choose another file")


def _body(answer: Answer, content: str | None) -> dict[str, Any]:
    body = answer.to_json()
    for match in body["matches"]:
        match["thumbnail"] = thumbnail_address(match["id"])
    return {**body, "query_sha256": content}


def _explained(shared: State, source: Source, row: Row, effort: Effort) -> Evidence:
    """Explain a reference as it is found; one that is not found is compared in all views."""
    finder = shared.finder
    refuse_without_file(shared, row)
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

"""Decisions: what people said about pictures and references."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, File, Form, Query, UploadFile
from fastapi.responses import Response

from originid.collection import deciding
from originid.collection.decision_rows import decision_row
from originid.errors import InputError
from originid.service.access import Role, needs
from originid.service.errors import KNOWN, RESPONSES, ApiError, AsciiResponse
from originid.service.pictures import read_upload
from originid.service.references import stored
from originid.service.schemas import DecisionBody, DecisionsBody
from originid.service.state import Shared

Digits = Annotated[str, Query(pattern="^[0-9a-fA-F]{64}$")]
router = APIRouter(
    prefix="/v1/decisions", tags=["decisions"], responses=RESPONSES, dependencies=[KNOWN]
)


@router.get(
    "",
    summary="List decisions",
    response_model=DecisionsBody,
    dependencies=[Depends(needs(Role.FIND))],
)
def decisions(shared: Shared) -> Response:
    """All that was decided, the oldest first."""
    collection = shared.finder.collection
    found = collection.database.decisions()
    return AsciiResponse({"decisions": [decision_row(collection, each) for each in found]})


@router.post(
    "",
    summary="Decide about a picture",
    status_code=201,
    response_model=DecisionBody,
    dependencies=[Depends(needs(Role.WRITE))],
)
async def decide(
    shared: Shared,
    image: Annotated[UploadFile, File(description="The picture, a file. It is not stored.")],
    reference: Annotated[int, Form(description="The number of the reference.")],
    decision: Annotated[Literal["yes", "no"], Form(description="Was it made from it?")],
    note: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Of the picture its name, SHA-256 and vector are stored, so that it is known again."""
    settings = shared.settings
    source = await read_upload(image, settings.max_bytes, settings.max_pixels)
    collection = shared.finder.collection

    def work() -> dict[str, Any]:
        content = stored(shared, reference).sha256.hex()
        made = deciding.decide(collection, source, content, decision == "yes", note)
        return decision_row(collection, made)

    return AsciiResponse(await shared.desk.work(work), 201)


@router.delete(
    "",
    summary="Take a decision back",
    status_code=204,
    response_class=Response,
    dependencies=[Depends(needs(Role.WRITE))],
)
async def forget(shared: Shared, query_sha256: Digits, reference_sha256: Digits) -> Response:
    """Later answers do not know of it."""
    collection = shared.finder.collection
    query, reference = query_sha256.lower(), reference_sha256.lower()
    try:
        await shared.desk.work(lambda: deciding.forget(collection, query, reference))
    except InputError as error:
        raise ApiError(404, error.given, error.expected, "see /v1/decisions") from error
    return Response(status_code=204)

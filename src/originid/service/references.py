"""The references of the collection: looked at, added and removed."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Form, Query, Request, UploadFile
from fastapi import Path as InPath
from fastapi.responses import Response

from originid.collection.row import Row
from originid.errors import ImageError
from originid.images.captions import clean
from originid.images.decode import read_bytes
from originid.images.preview import SIDE, small_jpeg
from originid.latents.sources import Source
from originid.service.access import Role, needs
from originid.service.adding import keep_picture
from originid.service.errors import KNOWN, RESPONSES, ApiError, AsciiResponse
from originid.service.pictures import checked, read_upload
from originid.service.schemas import AddedBody, ReferenceBody, ReferencesBody
from originid.service.state import Shared, State
from originid.system.addresses import is_address, whereabouts
from originid.types import Description

MOST_LISTED = 200  # references of one answer
LARGE = 1600  # pixels of the longer side of a picture that is looked at
KEPT = "private, max-age=86400"  # a day: the content of a reference's number never changes
LARGEST_ID = 2**63 - 1  # of SQLite
ReferenceId = Annotated[
    int, InPath(ge=0, le=LARGEST_ID, description="The number of the reference.")
]
Text = Annotated[str, Form(max_length=2000)]

router = APIRouter(
    prefix="/v1/references", tags=["references"], responses=RESPONSES, dependencies=[KNOWN]
)


@router.get(
    "",
    summary="List references",
    response_model=ReferencesBody,
    dependencies=[Depends(needs(Role.FIND))],
)
def references(
    shared: Shared,
    q: Annotated[str, Query(max_length=200)] = "",
    after: Annotated[int, Query(ge=0, le=LARGEST_ID)] = 0,
    limit: Annotated[int, Query(ge=1, le=MOST_LISTED)] = 50,
) -> Response:
    """In the order in which they came; ``q`` looks for a text in names and captions."""
    collection = shared.finder.collection
    rows = collection.database.matching(q, after, limit + 1)
    shown = rows[:limit]
    described = collection.database.descriptions([row.id for row in shown])
    return AsciiResponse(
        {
            "references": [_body(shared, row, described.get(row.id)) for row in shown],
            "next": shown[-1].id if len(rows) > limit else None,
            "total": len(collection),
        }
    )


@router.get(
    "/{id}",
    summary="Show a reference",
    response_model=ReferenceBody,
    dependencies=[Depends(needs(Role.FIND))],
)
def reference(shared: Shared, id: ReferenceId) -> Response:
    """What is stored of one reference."""
    return AsciiResponse(_whole(shared, stored(shared, id)))


@router.get(
    "/{id}/thumbnail",
    summary="A small picture of a reference",
    responses={200: {"content": {"image/jpeg": {}}}},
    response_class=Response,
    dependencies=[Depends(needs(Role.FIND))],
)
async def thumbnail(request: Request, shared: Shared, id: ReferenceId) -> Response:
    """A JPEG whose longer side has 256 pixels; 404 where there is no picture at hand."""
    return await _picture(request, shared, id, SIDE)


@router.get(
    "/{id}/picture",
    summary="The picture of a reference",
    responses={200: {"content": {"image/jpeg": {}}}},
    response_class=Response,
    dependencies=[Depends(needs(Role.FIND))],
)
async def picture(request: Request, shared: Shared, id: ReferenceId) -> Response:
    """A JPEG whose longer side has 1600 pixels at most; 404 where there is no picture at hand."""
    return await _picture(request, shared, id, LARGE)


@router.post(
    "",
    summary="Add a reference",
    status_code=201,
    response_model=AddedBody,
    dependencies=[Depends(needs(Role.WRITE))],
)
async def add(
    shared: Shared,
    request: Request,
    image: Annotated[UploadFile, File(description="The picture, a file.")],
    caption: Text = "",
    credit: Text = "",
    licence: Text = "",
    date: Text = "",
    link: Text = "",
) -> Response:
    """The file is kept in the folder of the collection. What is answered with 201 is stored."""
    settings = shared.settings
    source = await read_upload(image, settings.max_bytes, settings.max_pixels)
    description = Description(caption, credit, licence, date, link)
    if link.strip() and not clean(description).link:
        raise ApiError(
            422,
            f"link {link[:100]!r}",
            "expected an address of the web, which begins with http:// or https://",
            "correct the link, or leave it out",
        )

    def work() -> dict[str, Any]:
        row, added = keep_picture(shared, source, description)
        return {**_whole(shared, row), "added": added}

    body = await shared.desk.work(work)
    request.app.state.calibrating.start()
    return AsciiResponse(body, 201)


@router.delete(
    "/{id}",
    summary="Remove a reference",
    status_code=204,
    response_class=Response,
    dependencies=[Depends(needs(Role.ADMIN))],
)
async def remove(shared: Shared, id: ReferenceId) -> Response:
    """Files of your own stay where they are; one that was sent to be added is deleted."""

    def work() -> None:
        row = stored(shared, id)
        collection = shared.finder.collection
        names = collection.database.names([id]).get(id, [])
        collection.remove([row.location, *(name.location for name in names)])
        ours = Path(row.location).is_relative_to(shared.added_folder)
        if ours and collection.database.trusts(row.location):
            with suppress(OSError):
                os.unlink(row.location)
                os.rmdir(os.path.dirname(row.location))  # it was made for this picture

    await shared.desk.work(work)
    return Response(status_code=204)


def stored(shared: State, id: int) -> Row:
    """The reference with a number.

    Raises:
        ApiError: there is none.
    """
    rows = shared.finder.collection.database.rows([id]) if 0 <= id <= LARGEST_ID else {}
    if id not in rows or rows[id].id != id:  # the id of a second form is that of no reference
        raise ApiError(
            404,
            f"no reference {id}",
            "expected the number of a reference",
            "take one from an answer, or from /v1/references",
        )
    return rows[id]


def source_of(shared: State, id: int | None) -> Source:
    """The picture of a reference, to be searched for.

    Raises:
        ApiError: there is no such reference, or its file is not at hand.
    """
    row = stored(shared, -1 if id is None else id)
    refuse_without_file(shared, row)
    try:
        return checked(row.shown, read_bytes(row.location), shared.settings.max_pixels)
    except ImageError as error:
        raise ApiError(
            404, f"the file of reference {id}: {error.given}", "expected its file", "put it back"
        ) from error


def thumbnail_address(id: int) -> str:
    """Where the small picture of a reference is."""
    return f"/v1/references/{id}/thumbnail"


async def _picture(request: Request, shared: State, id: int, side: int) -> Response:
    row = stored(shared, id)
    tag = f'"{row.sha256.hex()[:32]}-{side}"'
    headers = {"ETag": tag, "Cache-Control": KEPT, "X-Content-Type-Options": "nosniff"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    data = await shared.desk.work(lambda: _small(shared, row, side))
    return Response(data, media_type="image/jpeg", headers=headers)


def refuse_without_file(shared: State, row: Row) -> None:
    """Refuse what needs the file of a reference, where it is not at hand or may not be opened.

    Raises:
        ApiError: the file is gone, is with its owner, or lies in a folder that this account never
            indexed.
    """
    there = shared.finder.collection.database.is_there(row.location)
    if there is None:
        raise ApiError(
            404,
            f"the file of reference {row.id} is not opened: this account did not index its folder",
            "expected a collection that was made here",
            "whoever runs the service can name the folder in ORIGINID_TRUSTED_FOLDERS",
        )
    if not there:
        where = f"is {whereabouts(row.location)}" if is_address(row.location) else "is not there"
        raise ApiError(
            404, f"the file of reference {row.id} {where}", "expected its file", "put it back"
        )


def _small(shared: State, row: Row, side: int) -> bytes:
    """A JPEG of a reference: the one that is stored, or one made of its file."""
    database = shared.finder.collection.database
    kept = database.thumbnail(row.id)
    if kept is not None and (side == SIDE or not database.is_there(row.location)):
        return kept
    refuse_without_file(shared, row)
    try:
        return small_jpeg(read_bytes(row.location), row.width, row.height, side)
    except ImageError as error:
        if kept is not None:
            return kept
        raise ApiError(
            404,
            f"the file of reference {row.id}: {error.given}",
            "expected its file, or a small picture that was stored",
            "put the file back, or index it once with --thumbnails",
        ) from error


def _whole(shared: State, row: Row) -> dict[str, Any]:
    description = shared.finder.collection.database.descriptions([row.id]).get(row.id)
    return _body(shared, row, description)


def _body(shared: State, row: Row, description: Description | None) -> dict[str, Any]:
    return {
        "id": row.id,
        "reference": row.shown,
        "name": os.path.basename(row.location),
        "width": row.width,
        "height": row.height,
        "bytes": row.bytes,
        "added_at": row.added_at,
        "sha256": row.sha256.hex(),
        "exists": shared.finder.collection.database.is_there(row.location) is not False,
        "description": vars(description) if description else None,
        "thumbnail": thumbnail_address(row.id),
    }

"""The one shape of errors, and which status says what."""

import json
import logging
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException

from originid.errors import (
    CollectionError,
    ImageError,
    InputError,
    ModelChangedError,
    OriginidError,
    StorageError,
    TooLargeError,
)
from originid.system.text import closest

LOG = logging.getLogger("originid.service")
FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")
# By status: a word for programs, for errors that come from elsewhere.
CODES = {
    400: "bad_request",
    401: "token_needed",
    403: "not_allowed",
    404: "not_found",
    405: "method_not_allowed",
    408: "too_slow",
    413: "too_large",
    414: "too_long",
    415: "wrong_type",
    421: "wrong_host",
    422: "not_usable",
    429: "too_many",
    500: "internal",
    503: "not_ready",
}


class ErrorText(BaseModel):
    """What went wrong, in a word for programs and in three lines for people."""

    code: str
    given: str
    expected: str
    todo: str


class ErrorAnswer(BaseModel):
    """The body of every answer that is no success."""

    error: ErrorText


class ApiError(HTTPException):
    """An answer that is no success.

    It is an `HTTPException`, as FastAPI would hide another error that comes while a body is read.

    Args:
        status: of HTTP, a key of `CODES`.
        given: what was given.
        expected: what was expected instead.
        todo: what the client can do about it.
        retry_after: whole seconds after which it makes sense to ask again.
    """

    def __init__(
        self, status: int, given: str, expected: str, todo: str, retry_after: int | None = None
    ) -> None:
        super().__init__(status, given)
        self.retry_after = retry_after
        self.given, self.expected, self.todo = given, expected, todo

    def response(self, more: Mapping[str, str] = MappingProxyType({})) -> JSONResponse:
        """The answer itself, with further headers."""
        headers = dict(more)
        if self.retry_after is not None:
            headers["Retry-After"] = str(self.retry_after)
        if self.status_code in (408, 413):  # the rest of the body is not waited for
            headers["Connection"] = "close"
        if self.status_code == 401:
            headers["WWW-Authenticate"] = "Bearer"
        text = ErrorText(
            code=CODES[self.status_code], given=self.given, expected=self.expected, todo=self.todo
        )
        body = ErrorAnswer(error=text).model_dump()
        return AsciiResponse(body, self.status_code, headers)


def too_large(most: int) -> ApiError:
    """The answer for a picture that has more bytes than a limit."""
    return ApiError(
        413,
        "a picture that is too large",
        f"expected at most {most:,} bytes",
        "send a smaller picture",
    )


class AsciiResponse(JSONResponse):
    """JSON in ASCII, so that names of any bytes come through."""

    def render(self, content: Any) -> bytes:
        return json.dumps(content, allow_nan=False).encode("ascii")


# What the description of the API says of every route.
RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorAnswer, "description": text}
    for status, text in {
        400: "The request is not well formed.",
        401: "A token is needed.",
        403: "The token, or this service, does not allow it.",
        404: "There is no such thing.",
        408: "The request took too long to arrive.",
        413: "The request or its picture is too large.",
        415: "The body is of another type than the route takes.",
        422: "A value or a picture cannot be used.",
        429: "Too many requests; ask again after Retry-After seconds.",
        503: "The collection cannot be used now.",
    }.items()
}


def explain_errors(app: FastAPI) -> None:
    """Give every error of an application the one shape."""
    app.add_exception_handler(OriginidError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


async def refuse_unknown(request: Request) -> None:
    """Refuse a request that has a field or a parameter which its route does not know, or one twice.

    A misspelt option would otherwise be passed over, and the answer be another than was asked for;
    of two pictures one would be.

    Raises:
        ApiError: it has one, or its body is no form where the route takes a form.
    """
    known = request.scope["route"].dependant
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if known.body_params and kind and kind not in FORMS:
        raise ApiError(
            415,
            f"a body of the type {kind[:100]!r}",
            f"expected a form, {' or '.join(FORMS)}",
            "send values and pictures as the fields of a form",
        )
    form = await request.form() if known.body_params else FormData()
    of_form = [field.alias for field in known.body_params]
    for given, fields in ((request.query_params, known.query_params), (form, known.body_params)):
        names = [field.alias for field in fields]
        twice = next((name for name in given if len(given.getlist(name)) > 1), None)
        if twice in names:
            raise ApiError(
                422,
                f"the field {twice!r} {len(given.getlist(twice))} times",
                "expected it once",
                "send what is further asked or added by a request of its own",
            )
        unknown = next((name for name in given if name not in names), None)
        if unknown is not None:
            raise ApiError(
                422,
                f"an unknown field {unknown[:100]!r}",
                f"expected only {', '.join(names)}" if names else "expected none here",
                "send it as a field of the form"
                if given is not form and unknown in of_form
                else closest(unknown, names, "leave it out"),
            )


KNOWN = Depends(refuse_unknown)


async def _ours(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, OriginidError)
    return from_ours(error).response()


def from_ours(error: OriginidError) -> ApiError:
    """The answer for one of our errors."""
    if isinstance(error, ModelChangedError):  # the next request finds the new model
        return ApiError(503, error.given, error.expected, "ask again", retry_after=1)
    status = 500
    if isinstance(error, TooLargeError):
        status = 413
    elif isinstance(error, ImageError | InputError):
        status = 422
    elif isinstance(error, CollectionError | StorageError):
        status = 503
    return ApiError(status, error.given, error.expected, error.todo)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    # The specification of the C2PA, see `softbinding`, says 400 for every wrong value.
    status = 400 if request.url.path.startswith("/c2pa/") else 422
    first = error.errors()[0]
    place, message = _place(first.get("loc", ())), str(first.get("msg", ""))
    if first.get("type") == "missing":
        given, expected = f"a request without {place}", f"expected the field {place}"
    else:
        given = f"{place} {str(first.get('input'))[:100]!r}"
        if "UploadFile" in message:
            return ApiError(
                status,
                f"{given}, which is a text",
                "expected a file",
                f"send it as a file of a form: curl -F {place}=@FILE",
            ).response()
        # Pydantic says for example "Input should be a valid integer, unable to parse ...".
        wanted = message.removeprefix("Input should be ").removeprefix("Value error, ")
        expected = f"expected {wanted.split(', unable')[0]}"
    return ApiError(
        status, given, expected, "correct the request, as /openapi.json describes it"
    ).response()


def _place(location: Sequence[object]) -> str:
    """The name of a field; the first part says only whether it came in the form or the address."""
    return " ".join(str(part) for part in location[1:] or location)[:200]


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    if isinstance(error, ApiError):
        return error.response()
    allowed = dict(error.headers or {})  # says which methods a route has
    status = error.status_code if error.status_code in CODES else 400
    known = "a request" if status == 400 else "a route and a method"
    return ApiError(
        status,
        f"{request.method} {request.url.path}: {error.detail}"[:300],
        f"expected {known} as /openapi.json describes them",
        "correct the request",
    ).response(allowed)


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    LOG.error("an unexpected error", exc_info=error)
    return ApiError(
        500,
        f"an unexpected error ({type(error).__name__})",
        "expected the service to work",
        "look into the log of the service, and report it",
    ).response()

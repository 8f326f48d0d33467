"""What a request brings as a picture, and the pictures that answers bring."""

import base64
import hashlib
import re
import unicodedata

from fastapi import UploadFile

from originid.explain.evidence import Evidence
from originid.explain.panels import (
    aligned_panel,
    checkerboard,
    fitted,
    heat_map,
    query_panel,
    reference_panel,
)
from originid.images.decode import read_size
from originid.images.limits import Limits
from originid.images.preview import jpeg
from originid.latents.sources import Source
from originid.service.errors import ApiError, too_large
from originid.types import Image

LONGEST_NAME = 120  # characters of the name of an uploaded file


async def read_upload(image: UploadFile, most: int, pixels: int) -> Source:
    """The picture that a request brings, with a name that is safe anywhere.

    Args:
        image: the file of the request.
        most: bytes that it may have.
        pixels: that it may have.

    Raises:
        ApiError: it is empty, or has too many bytes.
        TooLargeError: it has too many pixels.
        ImageError: it is no image.
    """
    data = await image.read(most + 1)
    if len(data) > most:
        raise too_large(most)
    return checked(safe_name(image.filename or ""), data, pixels)


def checked(name: str, data: bytes, pixels: int) -> Source:
    """A picture whose header is read: what is none, or too large, is refused before it waits."""
    if not data:
        raise ApiError(422, "an empty file", "expected a picture", "choose another file")
    read_size(data, Limits(max_pixels=pixels))
    return Source(name, data)


def safe_name(given: str) -> str:
    """The last part of a name, without what a path, a shell or a page could take for more."""
    last = unicodedata.normalize("NFC", re.split(r"[/\\]", given)[-1])
    kept = "".join(c if c.isprintable() and c not in '<>:"|?*\\/' else "_" for c in last)
    kept = kept.strip(" .")
    if len(kept.encode("utf-8", "replace")) > LONGEST_NAME:
        stem, dot, suffix = kept.rpartition(".")
        suffix = dot + suffix if stem and len(suffix) <= 8 else ""
        room = LONGEST_NAME - len(suffix)
        kept = kept.encode("utf-8", "replace")[:room].decode("utf-8", "ignore") + suffix
    return kept or "picture"


def content_of(source: Source) -> str:
    """The SHA-256 of the bytes of a picture, in hexadecimal digits."""
    return hashlib.sha256(source.data or b"").hexdigest()


def panels_of(evidence: Evidence) -> dict[str, str]:
    """The pictures of an explanation as data addresses, by name."""
    found: dict[str, Image | None] = {
        "query": query_panel(evidence),
        "reference": reference_panel(evidence),
        "reference_plain": fitted(evidence.reference_image),
        "aligned": aligned_panel(evidence),
        "checkerboard": checkerboard(evidence),
        "heat": heat_map(evidence),
    }
    return {name: data_address(image) for name, image in found.items() if image is not None}


def data_address(image: Image) -> str:
    """A picture as an address that holds it."""
    return "data:image/jpeg;base64," + base64.b64encode(jpeg(image, 88)).decode("ascii")

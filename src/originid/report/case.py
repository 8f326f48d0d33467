"""A case: all that a report holds of one query, as JSON values and pictures."""

import hashlib
import os
import stat
from dataclasses import asdict
from typing import Any

from originid.answer import Answer, Match
from originid.errors import InputError
from originid.explain.evidence import Evidence
from originid.explain.panels import shows_place
from originid.finder import Finder
from originid.images.credentials import can_read_credentials, read_credentials
from originid.images.decode import read_bytes
from originid.images.limits import LIMITS
from originid.latents.sources import Source
from originid.report.pictures import evidence_pictures, reduced_text, small_picture
from originid.types import Json, Verdict

NOT_LOOKED_FOR = {
    "state": "not looked for",
    "sentence": "Content credentials were not looked for: the extra [c2pa] is not installed.",
}
NO_CREDENTIALS = {"state": "none", "sentence": "The file carries no content credentials."}
UNREAD = {
    "state": "not looked for",
    "sentence": "The file could not be read, so content credentials were not looked for.",
}
BLOCK = 1 << 20  # bytes of a file that are hashed at once


def described(match: Match) -> dict[str, str]:
    """What its holder says of a reference: texts by what they are called in the report."""
    said = asdict(match.description) if match.description else {}
    return {field.capitalize(): text for field, text in said.items() if text}


def sha256_of(source: Source) -> str | None:
    """The SHA-256 of a query's content in hexadecimal digits; None if it cannot be read.

    Pipes, devices, and files that are larger than any image that is read, are not opened.
    """
    if source.data is not None:
        return hashlib.sha256(source.data).hexdigest()
    digest = hashlib.sha256()
    try:
        info = os.stat(source.name)
        if not stat.S_ISREG(info.st_mode) or info.st_size > LIMITS.max_bytes:
            return None
        with open(source.name, "rb") as file:
            while block := file.read(BLOCK):
                digest.update(block)
    except (OSError, ValueError):  # ValueError: a null character in the path
        return None
    return digest.hexdigest()


def make_case(
    finder: Finder,
    source: Source,
    answer: Answer,
    sha256: str | None,
    with_pictures: bool = True,
) -> Json:
    """All that a report holds of one query.

    Args:
        finder: of the collection that was searched.
        source: the query.
        answer: what was found for it.
        sha256: of its content, as `sha256_of` says it.
        with_pictures: whether pictures are made; evidence takes some 0.3 s.

    Returns:
        The fields of `Answer.to_json`, and "sha256", "described" (of the best match),
        "credentials", "evidence" (the sentence and where the query lies; None where nothing is
        explained) and "pictures": WebP files in base64 by name, empty without pictures.
    """
    case = answer.to_json()
    case |= {"sha256": sha256, "described": {}, "evidence": None, "pictures": {}}
    data = _bytes_of(source) if answer.error is None else None
    case["credentials"] = _credentials(data)
    if answer.matches:
        case["described"] = described(answer.matches[0])
    pictures: dict[str, str | None] = {}
    if answer.matches and answer.verdict in (Verdict.ORIGIN, Verdict.UNCERTAIN):
        try:
            evidence = finder.explain(source, answer)
        except InputError as error:  # the file of the reference is gone, say: the answer stays
            why = f"There are no pictures of it: {error.reason}."
            case["evidence"] = {"sentence": why, "outline": None, "part": None}
        else:
            case["evidence"] = _said(evidence)
            if with_pictures:
                pictures = evidence_pictures(evidence)
                pictures["query"] = reduced_text(evidence.query_image)
                pictures["reference"] = reduced_text(evidence.reference_image)
    if with_pictures and not pictures:
        pictures["query"] = small_picture(data)
        if answer.matches:
            pictures["reference"] = _reference_picture(finder, answer.matches[0])
    case["pictures"] = {name: picture for name, picture in pictures.items() if picture}
    return case


def _reference_picture(finder: Finder, match: Match) -> str | None:
    """A reference as it is shown in the list: the picture that is stored, or its file's."""
    kept = finder.collection.database.thumbnail(match.id)
    if kept is None and match.trusted and match.exists:
        kept = _bytes_of(Source(match.reference))
    return small_picture(kept)


def _said(evidence: Evidence) -> Json:
    """What an explanation says without its pictures: shares of the width and of the height."""
    outline = evidence.alignment.outline.tolist() if shows_place(evidence) else None
    whole = evidence.query_part == (0, 0, 1, 1)
    part = None if whole else list(evidence.query_part)
    return {"sentence": evidence.sentence, "outline": outline, "part": part}


def _credentials(data: bytes | None) -> dict[str, Any]:
    if not can_read_credentials():
        return NOT_LOOKED_FOR
    if data is None:
        return UNREAD
    found = read_credentials(data)
    return NO_CREDENTIALS if found is None else asdict(found) | {"sentence": found.sentence}


def _bytes_of(source: Source) -> bytes | None:
    try:
        return read_bytes(source.name) if source.data is None else source.data
    except InputError:
        return None

"""What a service answers, as frozen classes."""

import base64
from dataclasses import dataclass, fields
from typing import Any

from originid.answer import Answer, Match
from originid.types import Box, Description, Json, Verdict


@dataclass(frozen=True)
class Reference:
    """A reference of the collection that is served.

    Args:
        id: its number.
        reference: the path of its file, on the machine of the service.
        name: the name of its file.
        width: in pixels.
        height: in pixels.
        bytes: of its file.
        added_at: when it was added, in UTC as ISO 8601 writes it.
        sha256: of its file, 64 hexadecimal digits.
        exists: whether the file is there now.
        description: what its holder says of it; None where nothing is said.
        added: whether it is new, by the very request that this is the answer to.
    """

    id: int
    reference: str
    name: str
    width: int
    height: int
    bytes: int
    added_at: str
    sha256: str
    exists: bool
    description: Description | None = None
    added: bool = False


@dataclass(frozen=True)
class Decided:
    """A person's judgement on a query and a reference.

    Args:
        query: the name of the query's file.
        query_sha256: of that file, 64 hexadecimal digits.
        reference: the path of the reference; None if it is not in the collection any more.
        reference_sha256: of its file, 64 hexadecimal digits.
        decision: ``yes`` if the query was made from the reference, else ``no``.
        note: what the person wrote.
        decided_at: when, in UTC as ISO 8601 writes it.
    """

    query: str
    query_sha256: str
    reference: str | None
    reference_sha256: str
    decision: str
    note: str
    decided_at: str


@dataclass(frozen=True)
class Explanation:
    """Where a query and a reference agree.

    Args:
        reference: the path of the reference.
        verdict: the answer for the query; None where nothing was searched.
        score: the cosine of the two vectors, in [-1, 1].
        false_match_rate: the probability, in [0, 1], that the best stranger scores this high.
        view: what was done to the query before it matched, in words.
        box: where in the reference the query lies, or None, as in `originid.Match`.
        sentence: what can be seen, in one sentence.
        pictures: JPEG files by name: query, reference, aligned, checkerboard and heat among them.
    """

    reference: str
    verdict: Verdict | None
    score: float
    false_match_rate: float
    view: str
    box: Box | None
    sentence: str
    pictures: dict[str, bytes]


@dataclass(frozen=True)
class Stats:
    """What a service holds, and what this client may do.

    Args:
        references: of the collection.
        described: references that have a description.
        model: the name of the collection's model.
        fingerprint: the model's fingerprint.
        version: of originid that runs there.
        role: of this client's token: find, write or admin.
        writable: whether this client may add and decide.
        urls: whether the service fetches pictures from the web.
        limits: the most ``bytes`` and ``pixels`` of a picture, and the most matches, ``top``.
        rates: by preset, the share of strangers that may get the verdict origin.
    """

    references: int
    described: int
    model: str
    fingerprint: str
    version: str
    role: str
    writable: bool
    urls: bool
    limits: dict[str, int]
    rates: dict[str, float]


def to_answer(body: Json) -> Answer:
    """The answer for one query, of its JSON."""
    matches = [{**_known(Match, each), "copies": tuple(each["copies"])} for each in body["matches"]]
    return Answer(
        query=str(body["query"]),
        verdict=_verdict(body),
        matches=tuple(
            Match(**{**each, "box": _box(each), "description": _description(each)})
            for each in matches
        ),
        reason=str(body["reason"]),
        error=body["error"],
        note=str(body["note"]),
    )


def to_explanation(body: Json) -> Explanation:
    """An explanation, of its JSON."""
    pictures = {
        name: base64.b64decode(address.partition(",")[2])
        for name, address in body["pictures"].items()
    }
    given = {"verdict": _verdict(body), "box": _box(body), "pictures": pictures}
    return Explanation(**{**_known(Explanation, body), **given})


def to_reference(body: Json) -> Reference:
    """A reference, of its JSON."""
    return Reference(**{**_known(Reference, body), "description": _description(body)})


def to_references(body: Json) -> tuple[list[Reference], int | None]:
    """A page of references, and the number after which the next one begins; None at the end."""
    following = body["next"]
    return list(map(to_reference, body["references"])), None if following is None else int(
        following
    )


def to_decided(body: Json) -> Decided:
    """A decision, of its JSON."""
    return Decided(**_known(Decided, body))


def to_decisions(body: Json) -> list[Decided]:
    """Decisions, of their JSON."""
    return list(map(to_decided, body["decisions"]))


def to_stats(body: Json) -> Stats:
    """What a service holds, of its JSON."""
    return Stats(**_known(Stats, body))


def _known(kind: Any, body: Json) -> Json:
    """The values that a class has fields for: a later service may tell more."""
    names = [field.name for field in fields(kind)]
    return {name: body[name] for name in names if name in body}


def _verdict(body: Json) -> Verdict | None:
    return None if body["verdict"] is None else Verdict(body["verdict"])


def _box(body: Json) -> Box | None:
    if body["box"] is None:
        return None
    left, top, right, bottom = map(float, body["box"])
    return left, top, right, bottom


def _description(body: Json) -> Description | None:
    told = body["description"]
    return None if told is None else Description(**_known(Description, told))

"""From encoded images to answers: one search for all of them, then a judgement of each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from originid.answer import Answer, Match
from originid.collection.collection import Collection
from originid.collection.deciding import decided_pictures, decisions_for
from originid.collection.decisions import rejections
from originid.collection.pictures import Picture, find_pictures, other_paths
from originid.collection.row import Row
from originid.index.fingerprint import Fingerprint, packed_signs
from originid.latents.encode_files import Encoded
from originid.query_vectors import vectors_in
from originid.types import Box, Floats32, Vectors, Verdict
from originid.verdict.information import information
from originid.verdict.judge import Candidate, judge
from originid.verdict.presets import DEFAULT, PRESETS
from originid.views.words import FULL

EMPTY = "none: the collection is empty"
AS_IT_IS_ONLY = "; a fingerprint is compared as it is only: a search by the picture may find more"


def answers(
    collection: Collection, queries: Sequence[Encoded], top: int, stated: float, chances: float = 1
) -> Iterator[Answer]:
    """Answer queries by a search of each as it is, but for the frames of framed ones.

    Args:
        collection: what is searched.
        queries: the encoded queries, at least one.
        top: number of matches of each answer, at least 1.
        stated: the false-match rate up to which the verdict is `Verdict.ORIGIN`.
        chances: by how much false-match rates are multiplied, as for `judge`.

    Yields:
        The answer for each query, in order.
    """
    yield from _answers(collection, _asked(collection, queries), top, stated, chances)


def compared(collection: Collection, query: Encoded, row: Row, chances: float = 1) -> Match:
    """Compare a query as it is with one reference, whatever a person decided about the two.

    Args:
        collection: what holds the reference.
        query: the encoded query.
        row: the reference.
        chances: as for `answers`.
    """
    asked, database = _asked(collection, [query]), collection.database
    form = database.form_id(row.id)
    keys, codes = database.codes(np.array(sorted([row.id, *([form] if form else [])]), np.int64))
    if not len(keys):  # it was removed meanwhile, or its vector is damaged
        return Match(1, row.shown, 0.0, 1.0, id=row.id)
    cosines = collection.codec.scores(codes, collection.codec.rotate(asked.vectors)[0])
    best, score = int(keys[np.argmax(cosines)]), float(cosines.max())
    (nearest,) = find_pictures(collection, asked.vectors, 1)
    scores = nearest.scores
    if score not in scores:  # others are nearer, or it is a copy of the nearest
        scores = np.sort(np.append(scores, score))[::-1]
    picture = Picture((database.rows([best]).get(best, row),), score, best)
    candidate = Candidate(score, row.sha256 == query.sha256, row.information)
    judged = judge(
        collection.calibration(),
        scores,
        [candidate],
        float(asked.information[0]),
        PRESETS[DEFAULT],
        chances * collection.vectors_each,
    )
    seen = [Seen(score, FULL, picture.rows[0].box)]
    return as_matches(collection, [picture], judged.rates.tolist(), seen)[0]


def answers_by_fingerprints(
    collection: Collection, queries: Sequence[Fingerprint], top: int, stated: float
) -> Iterator[Answer]:
    """Answer queries of which only the fingerprints are known, by a search of each as it is.

    Args:
        collection: what is searched.
        queries: fingerprints by the collection's model, at least one.
        top: as for `answers`.
        stated: as for `answers`.

    Yields:
        The answer for each query, in order.
    """
    codec = collection.codec
    asked = Asked(
        [query.text for query in queries],
        codec.decode(codec.of_bits(packed_signs(queries, codec.dim))),
        np.array([query.information for query in queries], np.float32),
        [b""] * len(queries),
    )
    for answer in _answers(collection, asked, top, stated):
        only = "" if answer.verdict is Verdict.ORIGIN or not answer.matches else AS_IT_IS_ONLY
        yield replace(answer, reason=answer.reason + only)


@dataclass(frozen=True)
class Asked:
    """What is known of some queries.

    Args:
        names: what they are called, (q,).
        vectors: of them, (q, dim).
        information: of each, in [0, 1], (q,).
        contents: the SHA-256 of each file, or empty bytes where it is not known, (q,).
    """

    names: Sequence[str]
    vectors: Vectors
    information: Floats32
    contents: Sequence[bytes]


def _asked(collection: Collection, queries: Sequence[Encoded]) -> Asked:
    return Asked(
        [query.source.name for query in queries],
        vectors_in(collection, queries),
        information(np.stack([query.thumbnail for query in queries])),
        [query.sha256 for query in queries],
    )


def _answers(
    collection: Collection, asked: Asked, top: int, stated: float, chances: float = 1
) -> Iterator[Answer]:
    calibration = collection.calibration()
    chances *= collection.vectors_each  # each second form is one more chance to be deceived
    decided = decisions_for(collection.database, collection.codec, asked.contents, asked.vectors)
    most = max(map(len, decided))  # as many references may have been rejected
    found = find_pictures(collection, asked.vectors, top + most)
    for row, (decisions, nearest) in enumerate(zip(decided, found, strict=True)):
        vector, content = asked.vectors[row], asked.contents[row]
        pictures, confirming = decided_pictures(collection, nearest, decisions, vector)
        shown = pictures.shown[:top]
        candidates = [
            Candidate(
                picture.score,
                any(each.sha256 == content for each in picture.rows),
                picture.rows[0].information,
            )
            for picture in shown
        ]
        share = float(asked.information[row])
        judged = judge(calibration, pictures.scores, candidates, share, stated, chances)
        matches = as_matches(
            collection,
            shown,
            judged.rates.tolist(),
            [Seen(picture.score, FULL, picture.rows[0].box) for picture in shown],
        )
        verdict, reason = judged.verdict, judged.reason if matches or len(collection) else EMPTY
        reason += rejections(decisions.values())
        if confirming is not None:
            verdict, reason = Verdict.ORIGIN, confirming.sentence
        yield Answer(asked.names[row], verdict, matches, reason)


@dataclass(frozen=True)
class Seen:
    """How a query is seen in a picture.

    Args:
        score: the cosine of the two vectors.
        view: what was done to the query before it matched, as of `Match`.
        box: where in the picture it lies, as of `Match`.
    """

    score: float
    view: str
    box: Box | None


def as_matches(
    collection: Collection,
    pictures: Sequence[Picture],
    rates: Sequence[float],
    seen: Sequence[Seen],
) -> tuple[Match, ...]:
    """Pictures as the matches of an answer, (n,).

    Args:
        collection: that they were found in.
        pictures: the best first.
        rates: the false-match rate of each.
        seen: how the query is seen in each.
    """
    each = zip(pictures, rates, seen, other_paths(collection, pictures), strict=True)
    return tuple(
        Match(
            rank,
            picture.rows[0].shown,
            how.score,
            rate,
            how.view,
            copies,
            how.box,
            id=picture.rows[0].id,
        )
        for rank, (picture, rate, how, copies) in enumerate(each, start=1)
    )

"""Deciding about queries, and what decisions do to the answers of a search."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from originid.collection.collection import Collection
from originid.collection.decisions import Decision
from originid.collection.naming import content_of, content_of_file, find_reference
from originid.collection.pictures import Picture, Pictures, tidy
from originid.collection.row import Row
from originid.collection.store import Store
from originid.errors import InputError
from originid.index import Codec
from originid.index.fingerprint import is_fingerprint, shortened
from originid.latents.encode_files import Encoded, encode_sources
from originid.latents.sources import Source
from originid.system.text import shell_command
from originid.types import Failure, Floats32, Vectors

NEARLY_SAME = 0.95
"""The cosine of two queries from which a decision on one holds for the other one.

Measured by benchmarks/nearly_same.py with the packaged model, on one edit of each of 150 origins of
RealPairs, and in brackets of 120 origins of newer editors. Of edits that were saved again, and of
other edits of the same origin, so many percent reach a cosine with the edit:

====== ========= ========= ======= =========== =======================
cosine JPEG 90   JPEG 75   WebP 80 512 px wide another edit
====== ========= ========= ======= =========== =======================
0.98   95 (99)   73 (70)   59 (64) 70 (78)     1.5 (0)
0.95   99 (100)  95 (91)   87 (85) 95 (93)     3.9 (2.0)
0.90   100 (100) 100 (97)  97 (97) 100 (98)    10.5 (7.8)
====== ========= ========= ======= =========== =======================

Edits of different origins reached 0.32 at most.
"""
ROUGHLY = 0.02  # twice what a rough score may differ from the exact one

Candidate = tuple[Row, float]
"""A reference that a search found, and its score in [-1, 1]."""


def decide(
    collection: Collection, query: str | Source, reference: str, confirmed: bool, note: str = ""
) -> Decision:
    """Remember whether a query was made from a reference.

    Args:
        collection: the collection that the reference belongs to.
        query: the path of the query, or its bytes with a name.
        reference: the path of the reference, or of a file with the same content, or the SHA-256 of
            its content as 64 hexadecimal digits.
        confirmed: whether the query was made from the reference.
        note: a remark that is shown whenever the decision is.

    Returns:
        The decision, as it is stored.

    Raises:
        InputError: the query is no image that can be read, or the reference is not in the
            collection.
        StorageError: the collection cannot be written.
    """
    content = find_reference(collection, reference).sha256
    source = Source(query) if isinstance(query, str) else query
    sha256, code = code_of(collection, source)
    made = Decision(sha256, content, confirmed, source.name, note, code=code)
    with collection.database.writing():
        collection.database.record_decision(made)
        stored = collection.database.decisions_on(made.query)
    return next(decision for decision in stored if decision.reference == content)


def forget(collection: Collection, query: str, reference: str) -> Decision:
    """Remove a decision, so that later answers do not know of it.

    Args:
        collection: the collection that holds the decision.
        query: the path of the query, or the SHA-256 of its file as 64 hexadecimal digits.
        reference: the reference, named as for `decide`; it need not be in the collection.

    Returns:
        The decision that was removed.

    Raises:
        InputError: there is no decision on these two files.
        StorageError: the collection cannot be written.
    """
    database = collection.database
    asked = content_of_file(query)
    content = content_of(database, reference)
    with database.writing():
        for decision in database.decisions_on(asked) if asked else ():
            if decision.reference == content:
                database.forget_decision(decision.query, decision.reference)
                return decision
    raise InputError(
        f"there is no decision on {query} and {reference}",
        "expected the files of a decision, or their SHA-256",
        "see all decisions with their SHA-256: "
        f"{shell_command('show', collection.place, '--decisions', '--json')}",
    )


def decisions_for(
    database: Store, codec: Codec, contents: Sequence[bytes], vectors: Vectors
) -> list[dict[bytes, Decision]]:
    """Find the decisions that hold for some queries.

    These are the decisions on the same file, and those on files whose vector has a cosine of at
    least `NEARLY_SAME` with the query's. Where several are about one reference, that on the same
    file counts, and otherwise that on the file that is most alike.

    Args:
        database: the database of the collection.
        codec: the codec of the collection.
        contents: the SHA-256 of each query's file, 32 bytes each.
        vectors: the vectors of the queries, of shape (q, dim).

    Returns:
        For each query its decisions by the SHA-256 of their reference.
    """
    stored = database.decisions()
    if not stored:
        return [{} for _ in contents]
    coded = [decision for decision in stored if len(decision.code) == codec.size]
    codes = np.frombuffer(b"".join(decision.code for decision in coded), np.uint8)
    codes = codes.reshape(len(coded), codec.size)
    rotated = codec.rotate(vectors)
    close = codec.rough_scores(codes, rotated) >= NEARLY_SAME - ROUGHLY
    found = []
    for query, content in enumerate(contents):
        rows = np.flatnonzero(close[:, query])
        scores = codec.scores(codes[rows], rotated[query]).tolist()
        near = [
            replace(coded[row], likeness=score)
            for row, score in zip(rows.tolist(), scores, strict=True)
            if score >= NEARLY_SAME
        ]
        near.sort(key=lambda decision: decision.likeness)
        same = [decision for decision in stored if decision.query == content]
        # Of several decisions on one reference the last one stays.
        found.append({decision.reference: decision for decision in [*near, *same]})
    return found


def with_confirmed(
    database: Store,
    codec: Codec,
    candidates: Sequence[Candidate],
    decisions: Mapping[bytes, Decision],
    vector: Floats32,
) -> list[Candidate]:
    """Add the confirmed references that a search did not find among its best.

    Args:
        database: the database of the collection.
        codec: the codec of the collection.
        candidates: the references that the search found.
        decisions: the decisions that hold for the query, by the SHA-256 of their reference.
        vector: the vector of the query, of shape (dim,).

    Returns:
        The candidates, and after them the others that were confirmed, with their scores.
    """
    found = {row.sha256 for row, _ in candidates}
    rows = {
        row.id: row
        for content, decision in decisions.items()
        if decision.confirmed and content not in found
        for row in database.with_content(content)
    }
    if not rows:
        return list(candidates)
    ids, codes = database.codes(np.array(sorted(rows), np.int64))
    scores = codec.scores(codes, codec.rotate(vector[np.newaxis])[0])
    added = [(rows[key], float(score)) for key, score in zip(ids.tolist(), scores, strict=True)]
    return [*candidates, *added]


def apply_decisions(
    candidates: Sequence[Candidate], decisions: Mapping[bytes, Decision]
) -> tuple[list[Candidate], Decision | None]:
    """Leave out the references that were rejected, and put those that were confirmed first.

    A decision on nearly the same picture says nothing about a reference that this query is more
    like. So a photo that was rejected for an edit of its neighbour is still found by itself: such
    a rejection counts only if the query is at least as like the picture that was judged as it is
    like the rejected reference. Such a confirmation counts only if the query is at least as like
    the picture that was judged as it is like any other reference.

    Args:
        candidates: the references that a search found, in any order.
        decisions: the decisions that hold for the query, by the SHA-256 of their reference.

    Returns:
        The candidates that are left, the confirmed ones first and each part in the order in which
        it came, and the decision that confirms the first one, or None.
    """
    left = [
        (row, score) for row, score in candidates if not rejects(decisions.get(row.sha256), score)
    ]
    confirmed = {
        content
        for content, decision in decisions.items()
        if decision.confirmed
        and all(decision.likeness >= score for row, score in left if row.sha256 != content)
    }
    ordered = sorted(left, key=lambda candidate: candidate[0].sha256 not in confirmed)
    first = ordered[0][0].sha256 if ordered else b""
    return ordered, decisions[first] if first in confirmed else None


def decided_pictures(
    collection: Collection,
    pictures: Pictures,
    decisions: Mapping[bytes, Decision],
    vector: Floats32,
) -> tuple[Pictures, Decision | None]:
    """What is left of the pictures of a query, after the decisions that hold for it.

    Args:
        collection: what was searched.
        pictures: the pictures nearest to the query.
        decisions: the decisions that hold for the query, by the SHA-256 of their reference.
        vector: the vector of the query, of shape (dim,).

    Returns:
        The pictures, without those that were rejected, the confirmed ones first; their scores; and
        the decision that confirms the first one, or None.
    """
    if not decisions:
        return pictures, None
    named = [_named_by_confirmed(picture, decisions) for picture in pictures.shown]
    shown = {picture.rows[0].id: picture for picture in named}
    candidates = [(picture.rows[0], picture.score) for picture in named]
    found = with_confirmed(collection.database, collection.codec, candidates, decisions, vector)
    left, confirming = apply_decisions(found, decisions)
    groups: dict[bytes, list[Candidate]] = {}
    for candidate in left:  # a confirmed reference comes with its copies
        groups.setdefault(candidate[0].sha256, []).append(candidate)
    stay = [
        shown.get(group[0][0].id)
        or Picture(tidy([row for row, _ in group]), group[0][1], group[0][0].id)
        for group in groups.values()
    ]
    rejected = {picture.score for picture in pictures.shown} - {picture.score for picture in stay}
    added = {picture.score for picture in stay}.difference(pictures.scores.tolist())
    scores = pictures.scores[~np.isin(pictures.scores, list(rejected))]
    scores = np.sort(np.append(scores, list(added)))[::-1]
    if stay:  # the copies of what is the best one now are no strangers
        copies = np.flatnonzero(scores == stay[0].score)[1 : len(stay[0].rows)]
        scores = np.delete(scores, copies)
    return Pictures(tuple(stay), scores), confirming


def _named_by_confirmed(picture: Picture, decisions: Mapping[bytes, Decision]) -> Picture:
    """The picture, with a copy in front that was confirmed, where there is one."""
    confirmed = {content for content, decision in decisions.items() if decision.confirmed}
    rows = sorted(picture.rows, key=lambda row: row.sha256 not in confirmed)
    return replace(picture, rows=tuple(rows))


def rejects(decision: Decision | None, score: float) -> bool:
    """Whether a decision on a reference keeps it from being found with a score."""
    return decision is not None and not decision.confirmed and decision.likeness >= score


def code_of(collection: Collection, query: Source) -> tuple[bytes, bytes]:
    """The SHA-256 of a query's file, and the query's vector as a decision keeps it.

    Raises:
        InputError: the query is no image that can be read.
    """
    encoded = _encoded(collection, query)
    vectors = collection.model.vectors(encoded.latent[np.newaxis])
    return encoded.sha256, collection.codec.encode(vectors)[0].tobytes()


def _encoded(collection: Collection, query: Source) -> Encoded:
    if query.data is None and is_fingerprint(query.name):
        raise InputError(
            f"the fingerprint {shortened(query.name)}, which holds no picture",
            "expected the image whose origin was looked for",
            "name its file; the decision then holds for its fingerprint too",
        )
    chunks = encode_sources([query], collection.model.encoder, workers=1)
    entries = [entry for chunk in chunks for entry in chunk]
    for failure in entries:
        if isinstance(failure, Failure):
            raise InputError(
                f"{query.name} cannot be read: {failure.reason.partition('; ')[0]}",
                "expected the image whose origin was looked for",
                "check the path of the query",
            )
    return next(entry for entry in entries if isinstance(entry, Encoded))

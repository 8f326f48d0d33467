"""From encoded images to answers: one search for all of them, then a judgement of each."""

from collections.abc import Iterator, Sequence

import numpy as np

from originid.answer import Answer, Match
from originid.collection.collection import Collection
from originid.collection.deciding import decided_pictures, decisions_for
from originid.collection.pictures import find_pictures, other_paths
from originid.latents.encode_files import Encoded
from originid.model import Model
from originid.types import Vectors, Verdict
from originid.verdict.information import information
from originid.verdict.judge import Candidate, judge
from originid.verdict.margins import content_cells, framed, with_unknown

EMPTY = "none: the collection is empty"


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
    thumbnails = np.stack([query.thumbnail for query in queries])
    vectors = query_vectors(collection.model, queries)
    calibration = collection.calibration()
    chances *= collection.vectors_each  # each second form is one more chance to be deceived
    contents = [query.sha256 for query in queries]
    decided = decisions_for(collection.database, collection.codec, contents, vectors)
    most = max(map(len, decided))  # as many references may have been rejected
    found = find_pictures(collection, vectors, top + most)
    for query, share, vector, decisions, nearest in zip(
        queries, information(thumbnails), vectors, decided, found, strict=True
    ):
        pictures, confirming = decided_pictures(collection, nearest, decisions, vector)
        candidates = [
            Candidate(
                picture.score,
                any(row.sha256 == query.sha256 for row in picture.rows),
                picture.rows[0].information,
            )
            for picture in pictures.shown[:top]
        ]
        judged = judge(calibration, pictures.scores, candidates, float(share), stated, chances)
        matches = tuple(
            Match(
                rank,
                picture.rows[0].shown,
                picture.score,
                float(rate),
                copies=other_paths(collection, picture),
                box=picture.rows[0].box,
                id=picture.rows[0].id,
            )
            for rank, (picture, rate) in enumerate(
                zip(pictures.shown, judged.rates, strict=False), start=1
            )
        )
        verdict, reason = judged.verdict, judged.reason if len(collection) else EMPTY
        if confirming is not None:
            verdict, reason = Verdict.ORIGIN, confirming.sentence
        yield Answer(query.source.name, verdict, matches, reason)


def query_vectors(model: Model, queries: Sequence[Encoded]) -> Vectors:
    """The vectors (q, dim) of queries, without what framed pictures share: their frames."""
    latents = np.stack([query.latent for query in queries])
    thumbnails = np.stack([query.thumbnail for query in queries])
    mean = model.natural_mean
    rows = np.flatnonzero(framed(thumbnails))
    if mean is not None and len(rows):
        known = np.stack([content_cells(image) for image in thumbnails[rows]])
        latents[rows] = with_unknown(latents[rows], mean, known)
    return model.vectors(latents)

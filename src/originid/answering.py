"""From encoded images to answers: one search for all of them, then a judgement of each."""

from collections.abc import Iterator, Sequence

import numpy as np

from originid.collection.collection import Collection
from originid.collection.pictures import find_pictures
from originid.latents.encode_files import Encoded
from originid.model import Model
from originid.types import Answer, Image, Latents, Match
from originid.verdict.information import information
from originid.verdict.judge import Candidate, judge
from originid.verdict.margins import content_cells, is_framed, with_unknown


def answers(
    collection: Collection, queries: Sequence[Encoded], top: int, stated: float, tried: int = 1
) -> Iterator[Answer]:
    """Answer queries by a search of each as it is.

    Args:
        collection: what is searched.
        queries: the encoded queries, at least one.
        top: number of matches of each answer, at least 1.
        stated: the false-match rate up to which the verdict is `Verdict.ORIGIN`.
        tried: how many views of one image are tried, of which each query is one; at least 1.

    Yields:
        The answer for each query, in order.
    """
    latents = np.stack([query.latent for query in queries])
    thumbnails = np.stack([query.thumbnail for query in queries])
    vectors = collection.model.vectors(_evidence(collection.model, latents, thumbnails))
    calibration = collection.calibration()
    found = find_pictures(collection, vectors, top)
    for query, share, pictures in zip(queries, information(thumbnails), found, strict=True):
        candidates = [
            Candidate(
                picture.score,
                any(row.sha256 == query.sha256 for row in picture.rows),
                picture.rows[0].information,
            )
            for picture in pictures.shown
        ]
        judged = judge(calibration, pictures.scores, candidates, float(share), stated, tried)
        matches = tuple(
            Match(
                rank,
                picture.rows[0].shown,
                picture.score,
                float(rate),
                copies=tuple(row.shown for row in picture.rows[1:]),
            )
            for rank, (picture, rate) in enumerate(
                zip(pictures.shown, judged.rates, strict=True), start=1
            )
        )
        yield Answer(query.source.name, judged.verdict, matches, judged.reason)


def _evidence(model: Model, latents: Latents, thumbnails: Image) -> Latents:
    """The latents (q, latent_dim) without what framed pictures share: their frames."""
    mean = model.natural_mean
    framed = [row for row, image in enumerate(thumbnails) if is_framed(image)]
    if mean is None or not framed:
        return latents
    known = np.stack([content_cells(image) for image in thumbnails[framed]])
    changed = latents.copy()
    changed[framed] = with_unknown(latents[framed], mean, known)
    return changed

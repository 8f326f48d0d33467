"""A second look at a query that is not certain: it is searched again as other views of it.

A view undoes what somebody may have done to a picture: a view is mirrored, turned, or one block of
the picture without its frame. Each view is a picture of its own, so it is encoded, searched and
judged like any query. As the best of several chances is taken, its false-match rate is multiplied
by the number of the views, which bounds the chance that one of them reaches it (Bonferroni).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from PIL import Image as Pillow

from originid.answering import answers
from originid.collection.collection import Collection
from originid.errors import ImageError
from originid.images.decode import decode, read_bytes
from originid.images.lossless import lossless_file
from originid.latents.encode_files import Encoded, encode_sources
from originid.latents.sources import Source
from originid.types import Answer, Image, Verdict
from originid.views.looks import Effort, View, query_views

SIDE = 1024  # pixels of the longer side, in which blocks are found and from which they are cut
WHOLE = (0.0, 0.0, 1.0, 1.0)  # the box of a view that shows the whole reference


def escalated(
    collection: Collection,
    queries: Iterable[Encoded],
    first: Iterable[Answer],
    effort: Effort,
    top: int,
    stated: float,
) -> Iterator[Answer]:
    """Look again at the queries that have no origin yet.

    Args:
        collection: what is searched.
        queries: the encoded queries.
        first: the answer for each query as it is; one that has an origin stays.
        effort: which views are tried; with "quick" every answer stays.
        top: number of matches of each answer, at least 1.
        stated: the false-match rate up to which the verdict is `Verdict.ORIGIN`.

    Yields:
        The best answer for each query, in order.
    """
    for query, answer in zip(queries, first, strict=True):
        if effort == "quick" or answer.verdict is Verdict.ORIGIN or not answer.matches:
            yield answer
        else:
            views = _views(query, effort)
            yield best_answer(answer, _answers_of(collection, query, views, top, stated))


def best_answer(whole: Answer, seen: Iterable[tuple[str, Answer]]) -> Answer:
    """The answer with the smallest false-match rate; of equal ones the first.

    Args:
        whole: the answer for the query as it is.
        seen: the name of each further view and the answer for it, in which the rates are
            multiplied by the number of views already.
    """
    best, best_view = whole, ""
    for view, answer in seen:
        if answer.matches and _rate(answer) < _rate(best):
            best, best_view = answer, view
    if not best_view:
        return whole
    matches = tuple(replace(match, view=best_view, box=WHOLE) for match in best.matches)
    what = best_view if best_view.startswith("block") else f"the query {best_view}"
    reason = f"{best.reason}; what was compared is {what}"
    return replace(best, query=whole.query, matches=matches, reason=reason)


def _rate(answer: Answer) -> float:
    return answer.matches[0].false_match_rate if answer.matches else 1.0


def _views(query: Encoded, effort: Effort) -> tuple[View, ...]:
    """The views of a query, of which the first is the whole; none if it cannot be read again."""
    try:
        return query_views(_picture(query), effort)
    except ImageError:
        return ()


def _picture(query: Encoded) -> Image:
    """The image of a query in its own shape, with at most `SIDE` pixels on the longer side.

    Squashed first, a large JPEG is decoded at a part of its size, and no whole copy is made.
    """
    data = query.source.data
    side = min(SIDE, max(query.width, query.height))
    image = decode(read_bytes(query.source.name) if data is None else data, side).image
    scale = side / max(query.width, query.height)
    size = max(1, round(scale * query.width)), max(1, round(scale * query.height))
    return np.asarray(Pillow.fromarray(image).resize(size, Pillow.Resampling.BOX))


def _answers_of(
    collection: Collection, query: Encoded, views: Sequence[View], top: int, stated: float
) -> Iterator[tuple[str, Answer]]:
    """The answer for each view but the whole, which was searched already."""
    sources = (Source(view.name, lossless_file(view.image)) for view in views[1:])
    encoded = [
        replace(entry, sha256=query.sha256)  # decisions on the query hold for its views
        for chunk in encode_sources(sources, collection.model.encoder)
        for entry in chunk
        if isinstance(entry, Encoded)
    ]
    if encoded:
        for answer in answers(collection, encoded, top, stated, len(views)):
            yield answer.query, answer

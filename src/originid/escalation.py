"""A second look at a query that is not certain: it is searched again as other views of it.

A view undoes what somebody may have done to a picture. It is mirrored, turned, or one block of the
picture without its frame; then it is a picture of its own, which is encoded, searched and judged
like any query. If none of these has an origin, the query is taken for a part of a reference, and
put at places of it. Of a framed query only what the frame holds is looked at.

Whoever looks several times is deceived more often. So the stated false-match rate is shared among
the looks (Bonferroni's bound): the rate of each is divided by its share of the stated rate before
the best of them is the answer.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from PIL import Image as Pillow

from originid.answering import answers, answers_by_vectors
from originid.collection.collection import Collection
from originid.errors import ImageError, ModelError
from originid.images.decode import decode, read_bytes
from originid.images.lossless import lossless_file
from originid.latents.encode_files import Encoded, encode_sources
from originid.latents.sources import Source
from originid.types import Answer, Image, Verdict
from originid.verdict.margins import framed
from originid.views.looks import Effort, View, likely_places, query_views
from originid.views.places import Box, Placing, encode_sizes

SIDE = 1024  # pixels of the longer side, in which blocks are found and from which they are cut
WHOLE = (0.0, 0.0, 1.0, 1.0)  # the box of a view that shows the whole reference
PART = "as a part of the reference"
# The shares of the stated rate: most for the query as it is, which nearly every query is found by.
AS_IT_IS_SHARE, MOVED_SHARE, PLACED_SHARE = 0.6, 0.25, 0.15
DAMPING = 10.0  # see `Placing`: so a place need not fit to the cell


@dataclass(frozen=True)
class Seen:
    """A view that was searched.

    Args:
        view: what was done to the query, in words.
        box: where in the reference the query lies then.
        answer: what was found; its false-match rates are multiplied already.
    """

    view: str
    box: Box
    answer: Answer


class Escalation:
    """Looks again at the queries of one collection that have no origin.

    Args:
        collection: what is searched.
    """

    def __init__(self, collection: Collection) -> None:
        self._collection = collection

    def answers(
        self,
        queries: Iterable[Encoded],
        first: Iterable[Answer],
        effort: Effort,
        top: int,
        stated: float,
    ) -> Iterator[Answer]:
        """Look again at the queries that have no origin yet.

        Args:
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
                yield self._best(query, answer, effort, top, stated)

    def _best(
        self, query: Encoded, whole: Answer, effort: Effort, top: int, stated: float
    ) -> Answer:
        try:
            views = query_views(picture(query), effort)
        except ImageError:  # the file has changed since it was encoded
            return whole
        is_framed = bool(framed(query.thumbnail[np.newaxis])[0])
        if is_framed:  # other forms of the whole would be compared by the frame
            views = views[:1] + tuple(view for view in views if view.block)
        best = best_answer(whole, self._moved(query, views, top, stated))
        if best.verdict is Verdict.ORIGIN or is_framed:
            return best
        return best_answer(best, self._placed(query, views, top, stated))

    def _moved(
        self, query: Encoded, views: Sequence[View], top: int, stated: float
    ) -> Iterator[Seen]:
        """Every view but the first, which is the whole and was searched already."""
        sources = (Source(view.name, lossless_file(view.image)) for view in views[1:])
        encoded = [
            replace(entry, sha256=query.sha256)  # decisions on the query hold for its views
            for chunk in encode_sources(sources, self._collection.model.encoder)
            for entry in chunk
            if isinstance(entry, Encoded)
        ]
        if encoded:
            for answer in answers(
                self._collection, encoded, top, stated, len(encoded) / MOVED_SHARE
            ):
                yield Seen(answer.query, WHOLE, answer)

    def _placed(
        self, query: Encoded, views: Sequence[View], top: int, stated: float
    ) -> Iterator[Seen]:
        """The whole at each place."""
        placing = self._placing
        if placing is None:
            return
        encoder = self._collection.model.encoder
        vectors = placing.vectors(encode_sizes(views[0].image, placing.sizes, encoder))
        same, chances = [query] * len(vectors), len(vectors) / PLACED_SHARE
        found = answers_by_vectors(self._collection, same, vectors, top, stated, chances)
        for place, answer in zip(placing.places, found, strict=True):
            yield Seen(PART, place.box(placing.cells), answer)

    @cached_property
    def _placing(self) -> Placing | None:
        """None where the model's latents are not one square grid."""
        model_map = self._collection.model.map
        try:
            cells = Placing(model_map, ()).cells
            return Placing(model_map, likely_places(cells), DAMPING)
        except ModelError:
            return None


def chances_as_it_is(effort: Effort) -> float:
    """By how much the false-match rate of a query as it is is multiplied, for `judge`."""
    return 1.0 if effort == "quick" else 1 / AS_IT_IS_SHARE


def best_answer(first: Answer, seen: Iterable[Seen]) -> Answer:
    """The answer with the smallest false-match rate; of equal ones the first.

    Args:
        first: the answer so far.
        seen: the further views.
    """
    best, chosen = first, None
    for each in seen:
        if each.answer.matches and _rate(each.answer) < _rate(best):
            best, chosen = each.answer, each
    if chosen is None:
        return first
    matches = tuple(replace(match, view=chosen.view, box=chosen.box) for match in best.matches)
    what = chosen.view if chosen.view.startswith("block") else f"the query {chosen.view}"
    reason = f"{best.reason}; what was compared is {what}"
    return replace(best, query=first.query, matches=matches, reason=reason)


def _rate(answer: Answer) -> float:
    return answer.matches[0].false_match_rate if answer.matches else 1.0


def picture(query: Encoded) -> Image:
    """The image of a query in its own shape, with at most `SIDE` pixels on the longer side.

    Squashed first, a large JPEG is decoded at a part of its size, and no whole copy is made.
    """
    data = query.source.data
    side = min(SIDE, max(query.width, query.height))
    image = decode(read_bytes(query.source.name) if data is None else data, side).image
    scale = side / max(query.width, query.height)
    size = max(1, round(scale * query.width)), max(1, round(scale * query.height))
    return np.asarray(Pillow.fromarray(image).resize(size, Pillow.Resampling.BOX))

"""A second look at a query that is not certain: all its views and places, and local features.

Whoever looks twice is deceived more often. So the stated false-match rate is shared between both
looks (Bonferroni's bound): the rate of each is divided by its share of the stated rate before the
better of them is the answer.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice

import numpy as np

from originid.answer import Answer, Match
from originid.answering import Seen, as_matches
from originid.collection.collection import Collection
from originid.collection.deciding import decisions_for, rejects
from originid.collection.decisions import Decision, rejections
from originid.collection.pictures import Picture, Pictures, group_pictures
from originid.collection.row import Row
from originid.errors import ImageError
from originid.escalation.candidates import Candidates
from originid.escalation.looking import SecondLook
from originid.images.decode import read_bytes
from originid.images.reduced import decode_reduced
from originid.latents.encode_files import Encoded
from originid.query_vectors import query_vectors
from originid.system.parallel import available_cores, map_ordered, one_blas_thread
from originid.types import Image, Verdict
from originid.verdict.information import information
from originid.verdict.judge import judge_again
from originid.verdict.margins import framed
from originid.views.looks import Effort
from originid.views.words import FULL, described

SIDE = 1024  # pixels of the longer side, in which blocks are found and from which they are cut
# The shares of the stated rate: most for the query as it is, which nearly every query is found by.
AS_IT_IS_SHARE, AGAIN_SHARE = 0.6, 0.4
JUDGED = 80  # candidates whose strengths a judgement looks at, with room for copies


class Escalation:
    """Looks again at the queries of one collection that have no origin.

    Args:
        collection: what is searched.
    """

    def __init__(self, collection: Collection) -> None:
        self.collection = collection
        """What is searched."""

    @cached_property
    def _look(self) -> SecondLook:
        """What compares a query in all its views with the references."""
        return SecondLook(self.collection)

    def answers(
        self,
        queries: Iterable[Encoded],
        first: Iterable[Answer],
        effort: Effort,
        top: int,
        stated: float,
    ) -> Iterator[Answer]:
        """Look again at the queries that have no origin yet, a few at the same time.

        Args:
            queries: the encoded queries.
            first: the answer for each query as it is; one that has an origin stays.
            effort: which views are tried; with "quick" every answer stays.
            top: number of matches of each answer, at least 1.
            stated: the false-match rate up to which the verdict is `Verdict.ORIGIN`.

        Yields:
            The better answer for each query, in order.
        """

        def again(both: tuple[Encoded, Answer]) -> Answer:
            """The better of both looks at one query."""
            query, answer = both
            if not is_open(both):
                return answer
            return better(answer, self._again(query, effort, top, stated))

        def is_open(both: tuple[Encoded, Answer]) -> bool:
            """Whether a query is looked at again."""
            _, answer = both
            settled = answer.verdict is Verdict.ORIGIN or not answer.matches
            return effort != "quick" and not settled

        both, cores = zip(queries, first, strict=True), available_cores()
        while some := list(islice(both, cores)):
            if sum(map(is_open, some)) < 2:  # threads would cost more than they save
                yield from map(again, some)
                continue
            yield from list(map_ordered(again, some, cores))

    def match(self, query: Encoded, row: Row) -> Match:
        """Compare a query with one reference in all its views and places.

        Args:
            query: the encoded query.
            row: the reference.

        Raises:
            ImageError: the file of the query cannot be read any more.
        """
        database = self.collection.database
        form = database.form_id(row.id)
        candidates = self.candidates(query, "thorough", [row.id, *([form] if form else [])])
        if candidates is None:
            return Match(1, row.shown, 0.0, 1.0, id=row.id)
        strength = candidates.strength.astype(np.float64)
        own = np.flatnonzero(database.owners(candidates.ids) == row.id)
        if not len(own):  # it was removed meanwhile
            return Match(1, row.shown, 0.0, 1.0, id=row.id)
        place = int(own[np.argmax(strength[own])])
        strengths = np.sort(strength)[::-1][:JUDGED]
        chances = self.collection.vectors_each / AGAIN_SHARE
        rates = chances * self.collection.calibration().rates_again(strengths)
        rate = rates[strengths == strength[place]].min(initial=1.0)
        key = int(candidates.ids[place])
        picture = Picture((database.rows([key])[key],), float(strength[place]), key)
        return self._matches([picture], candidates, [float(rate)])[0]

    def candidates(
        self,
        query: Encoded,
        effort: Effort,
        also: Sequence[int] = (),
        without: int | None = None,
    ) -> Candidates | None:
        """The references that may be the origin of a query, and what speaks for each.

        None where the query has a frame, and nothing was found in it.

        Args:
            query: the encoded query.
            effort: "normal" or "thorough".
            also: ids of references that are compared in any case.
            without: the id of a reference that is left out, with all copies of it.

        Raises:
            ImageError: the file of the query cannot be read any more.
        """
        vectors = query_vectors(self.collection.model, [query])
        is_framed = bool(framed(query.thumbnail[np.newaxis])[0])
        picture = picture_of(query)
        # Products of a few looks are too small to share: more threads take five times as much of
        # the processor for them, and on a busy machine four times as long.
        with one_blas_thread():
            return self._look.candidates(picture, vectors, is_framed, effort, also, without=without)

    def _again(self, query: Encoded, effort: Effort, top: int, stated: float) -> Answer | None:
        """The answer of the second look; None where nothing can be said."""
        try:
            candidates = self.candidates(query, effort)
        except ImageError:  # the file has changed since it was encoded
            return None
        if candidates is None:
            return None
        vectors = query_vectors(self.collection.model, [query])
        decided = decisions_for(
            self.collection.database, self.collection.codec, [query.sha256], vectors
        )[0]
        pictures = self._pictures(candidates, decided, top)
        if not pictures.shown:
            return None
        judged = judge_again(
            self.collection.calibration(),
            pictures.scores,
            [(picture.score, picture.rows[0].information) for picture in pictures.shown],
            float(information(query.thumbnail[np.newaxis])[0]),
            stated,
            self.collection.vectors_each / AGAIN_SHARE,
        )
        matches = self._matches(pictures.shown, candidates, judged.rates.tolist())
        best = matches[0].view
        block = best.startswith("block")
        what = f"the query was compared {best}"
        if block:  # the picture that the query's page, frame or screen holds
            what = f"only a part of the query was compared, {best}"
        says = judged.verdict is not Verdict.NONE and best != FULL
        reason = f"{judged.reason}; {what}" if says else judged.reason
        reason += rejections(decided.values())
        return Answer(query.source.name, judged.verdict, matches, reason)

    def _pictures(
        self, candidates: Candidates, decided: Mapping[bytes, Decision], top: int
    ) -> Pictures:
        """The strongest pictures, without those that a person rejected for this query."""
        strength = candidates.strength
        order = np.argsort(-strength, kind="stable")[:JUDGED]
        if decided:
            rows = self.collection.database.rows(candidates.ids[order].tolist())
            cosines = candidates.cosines
            order = np.array(
                [
                    place
                    for place in order.tolist()
                    if (row := rows.get(int(candidates.ids[place]))) is None
                    or not rejects(decided.get(row.sha256), float(cosines[place]))
                ],
                np.int64,
            )
        # A picture with little information is never found by a second look.
        return group_pictures(
            self.collection, strength[order], candidates.ids[order], top, blank_from=np.inf
        )

    def _matches(
        self, pictures: Sequence[Picture], candidates: Candidates, rates: Sequence[float]
    ) -> tuple[Match, ...]:
        """Pictures as matches, the first one best, with the false-match rate of each."""
        seen = []
        for picture in pictures:
            place = int(np.searchsorted(candidates.ids, picture.best))
            form = picture.rows[0].box
            view, box = candidates.seen(place, form, self._look.cells)
            name = described(view, box)
            where = None if name == FULL and form is None else box
            seen.append(Seen(float(candidates.cosines[place]), name, where))
        return as_matches(self.collection, pictures, rates, seen)


def chances_as_it_is(effort: Effort) -> float:
    """By how much the false-match rate of a query as it is is multiplied, for `judge`."""
    return 1.0 if effort == "quick" else 1 / AS_IT_IS_SHARE


def better(first: Answer, again: Answer | None) -> Answer:
    """The answer with the smaller false-match rate; of equal ones the first."""
    if again is None or _rate(again) >= _rate(first):
        return first
    return again


def picture_of(query: Encoded) -> Image:
    """The image of a query in its own shape, with at most `SIDE` pixels on the longer side.

    Raises:
        ImageError: the file cannot be read any more.
    """
    data = query.source.data
    read = read_bytes(query.source.name) if data is None else data
    return decode_reduced(read, query.width, query.height, SIDE)


def _rate(answer: Answer) -> float:
    return answer.matches[0].false_match_rate if answer.matches else 1.0

"""The main job: which reference was each query made from?"""

import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, groupby
from numbers import Integral
from typing import overload

from originid.answer import Answer, Match
from originid.answering import answers, answers_by_fingerprints, compared
from originid.collection.collection import Collection, open_collection, refuse_unopened
from originid.collection.naming import find_reference
from originid.collection.stores import Place
from originid.encoders.base import Encoder
from originid.errors import ImageError, InputError, ModelChangedError
from originid.escalation.escalation import Escalation, chances_as_it_is
from originid.explain.evidence import Evidence
from originid.explaining import Found, explain_match
from originid.index.fingerprint import (
    is_fingerprint,
    read_fingerprint,
    refuse_other_model,
    shortened,
)
from originid.latents.encode_files import Encoded, encode_sources
from originid.latents.sources import ImageLike, Source, as_sources, is_one_image
from originid.system.addresses import location_of
from originid.types import Failure
from originid.verdict.presets import DEFAULT, read_rate
from originid.views.looks import Effort, check_effort

TOP = 10


class Finder:
    """Searches a collection with the model that made it.

    Usable from several threads; it sees what other processes add.

    Example:
        >>> import originid
        >>> from originid.testing import write_photos
        >>> photos = write_photos("photos", 3)
        >>> with originid.create_collection("finder-example", originid.open_model()) as stored:
        ...     added = originid.add_images(stored, ["photos"])
        >>> with originid.Finder.open("finder-example") as finder:
        ...     answer = finder.find(photos[1])
        >>> answer.matches[0].reference
        'photos/0001.png'
    """

    def __init__(self, collection: Collection) -> None:
        refuse_unopened(collection)
        self.escalation = Escalation(collection)
        self._before: list[Collection] = []  # other threads may still use them
        self._renewing = threading.Lock()

    @property
    def collection(self) -> Collection:
        """What is searched."""
        return self.escalation.collection

    @classmethod
    def open(cls, path: Place, encoder: Encoder | None = None) -> "Finder":
        """Open the collection at a path, as `open_collection` does."""
        return cls(open_collection(path, encoder=encoder))

    def __enter__(self) -> "Finder":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the collection, and those that `renew` left open; calling it again does nothing."""
        for each in (*self._before, self.collection):
            each.close()

    def renew(self) -> None:
        """Open the collection anew if it got another model (`originid upgrade`); it takes 20 us.

        What another thread has begun with the model before ends with `ModelChangedError`.
        """
        with self._renewing:
            try:
                self.collection.database.meta("fingerprint")
            except ModelChangedError:
                self._before.append(self.collection)
                self.escalation = Escalation(self.collection.opened_again())

    @overload
    def find(  # type: ignore[overload-overlap]  # a text is an iterable of texts
        self,
        queries: ImageLike | Source,
        top: int = TOP,
        false_matches: float | str = DEFAULT,
        effort: Effort = "normal",
    ) -> Answer:
        """Find the origin of one query."""

    @overload
    def find(
        self,
        queries: Iterable[ImageLike | Source],
        top: int = TOP,
        false_matches: float | str = DEFAULT,
        effort: Effort = "normal",
    ) -> Iterator[Answer]:
        """Find the origin of each of several queries, in order."""

    def find(
        self,
        queries: ImageLike | Source | Iterable[ImageLike | Source],
        top: int = TOP,
        false_matches: float | str = DEFAULT,
        effort: Effort = "normal",
    ) -> Answer | Iterator[Answer]:
        """Find the origin of one query, or of each of several.

        Args:
            queries: one image or several: paths, bytes of files, images of Pillow, or uint8 RGB
                arrays (h, w, 3); or a `Source`, which gives bytes a name. A text that begins with
                ``io.originid.signs.1:`` is a fingerprint, which is searched as it is.
            top: number of matches returned for each query, at least 1.
            false_matches: the share of queries without an origin in the collection that may get
                the verdict `Verdict.ORIGIN`: "strict" (1 in 10,000), "balanced" (1 in 1,000),
                "wide" (1 in 100), or a number above 0 and at most 0.1.
            effort: what is done for a query that has no origin as it is. "quick" does nothing more.
                "normal" looks at it again: mirrored, turned by quarters, by each block that a frame
                may hold, and as a part of the references, and compares local features of the best
                candidates. "thorough" also turns it by 5 degrees to both sides, and compares those
                of many more.

        Returns:
            The answer for one query; for several an iterator with one answer each, in order. A
            query that cannot be read has no verdict, and its reason in ``error``.

        Raises:
            InputError: ``top`` is below 1, a query is of another type, the rate is out of range, or
                the effort is unknown.
        """
        if not isinstance(top, Integral) or top < 1:
            given = f"top {top!r}"
            raise InputError(given, "expected a whole number from 1 on", "ask for 1 match or more")
        stated = read_rate(false_matches)
        check_effort(effort)
        found = self._find(as_sources(queries), top, stated, effort)
        return next(found) if is_one_image(queries) else found

    def explain(
        self,
        query: ImageLike | Source,
        of: str | Answer | Match | None = None,
        effort: Effort = "normal",
    ) -> Evidence:
        """Say where a query and a reference agree, with pictures that show it.

        Args:
            query: one image, as for `find`.
            of: the reference, as for `compare`; or a match of the answer for the query; or that
                answer, whose best match is explained; or None to search for it.
            effort: of that search.

        Raises:
            InputError: the query or the file of the reference cannot be read, the reference is
                not in the collection, or nothing was found.
        """
        source = _picture(query)
        if isinstance(of, str | Match):
            match = self.compare(source, of) if isinstance(of, str) else of
            return explain_match(self.collection, Found(source, match))
        answer = self.find(source, top=1, effort=effort) if of is None else of
        if not isinstance(answer, Answer):
            raise InputError(
                f"an object of the type {type(of).__name__} in the place of a match",
                "expected the path of a reference, a match, or an answer",
                "leave it out to explain the best match",
            )
        if answer.error is not None:
            raise _unreadable(answer.query, answer.error)
        if not answer.matches:
            given = f"{answer.query}: no reference was found"
            raise InputError(given, "expected a query with a match", "name a reference")
        return explain_match(self.collection, Found(source, answer.matches[0], answer.verdict))

    def compare(self, query: ImageLike | Source, reference: str) -> Match:
        """Compare a query with one reference, as it is and in all its views and places.

        Args:
            query: one image, as for `find`.
            reference: the path of the reference, or of a file with the same content, or the SHA-256
                of its content.

        Raises:
            InputError: the query cannot be read, or the reference is not in the collection.
        """
        source, escalation = _picture(query), self.escalation
        row = find_reference(escalation.collection, reference)
        ((entry,),) = encode_sources([source], escalation.collection.model.encoder)
        if not isinstance(entry, Encoded):
            reason = entry.reason if isinstance(entry, Failure) else "it cannot be read"
            raise _unreadable(source.name, reason)
        first = compared(escalation.collection, entry, row, chances_as_it_is("normal"))
        both = (first, escalation.match(entry, row))
        better = min(both, key=lambda match: (match.false_match_rate, -match.score))
        return self._looked_up([better])[0]

    def _find(
        self, sources: Iterable[Source], top: int, stated: float, effort: Effort
    ) -> Iterator[Answer]:
        for by_fingerprint, some in groupby(sources, _is_fingerprint):
            if by_fingerprint:
                for source in some:
                    yield self._find_fingerprint(source.name, top, stated)
            else:
                yield from self._find_images(some, top, stated, effort)

    def _find_fingerprint(self, text: str, top: int, stated: float) -> Answer:
        collection = self.collection
        model = collection.model
        try:
            fingerprint = read_fingerprint(text)
            refuse_other_model(fingerprint, model.fingerprint, model.dim)
        except InputError as error:
            return Answer(text, None, error=error.reason)
        (answer,) = answers_by_fingerprints(collection, [fingerprint], top, stated)
        return replace(answer, matches=self._looked_up(answer.matches))

    def _find_images(
        self, sources: Iterable[Source], top: int, stated: float, effort: Effort
    ) -> Iterator[Answer]:
        escalation = self.escalation  # one model from end to end, whatever `renew` does meanwhile
        for chunk in encode_sources(sources, escalation.collection.model.encoder):
            encoded = [entry for entry in chunk if isinstance(entry, Encoded)]
            found = _answers(escalation, encoded, top, stated, effort) if encoded else iter(())
            for entry in chunk:
                if isinstance(entry, Failure):
                    yield Answer(entry.path, None, error=entry.reason)
                else:
                    answer = next(found)
                    matches = self._looked_up(answer.matches)
                    note = entry.note if isinstance(entry, Encoded) else ""
                    yield replace(answer, matches=matches, note=note)

    def _looked_up(self, matches: Sequence[Match]) -> tuple[Match, ...]:
        """Matches with what is only asked for those that are shown."""
        database = self.collection.database
        descriptions = database.descriptions([match.id for match in matches])
        locations = [list(map(location_of, (each.reference, *each.copies))) for each in matches]
        labels = database.labels_at(chain.from_iterable(locations))
        found = []
        for match, places in zip(matches, locations, strict=True):
            there = database.is_there(places[0])
            match = replace(
                match,
                exists=there is not False,
                trusted=there is not None,
                description=descriptions.get(match.id),
                credentials=not labels.keys().isdisjoint(places),
            )
            found.append(match)
        return tuple(found)


def _answers(
    escalation: Escalation, queries: list[Encoded], top: int, stated: float, effort: Effort
) -> Iterator[Answer]:
    first = answers(escalation.collection, queries, top, stated, chances_as_it_is(effort))
    return escalation.answers(queries, first, effort, top, stated)


def _unreadable(name: str, reason: str) -> ImageError:
    given = f"{name}: {reason.partition('; expected')[0]}"
    return ImageError(given, "expected an image that can be read", "name another file")


def _is_fingerprint(source: Source) -> bool:
    return source.data is None and is_fingerprint(source.name)


def _picture(query: ImageLike | Source) -> Source:
    """The source of one query.

    Raises:
        InputError: it is a fingerprint.
    """
    (source,) = as_sources(query)
    if _is_fingerprint(source):
        raise InputError(
            f"the fingerprint {shortened(source.name)}, which holds no picture",
            "expected the image that it was made of",
            "name the file of the query",
        )
    return source

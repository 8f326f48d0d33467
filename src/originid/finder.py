"""The main job: which reference was each query made from?"""

import os
from collections.abc import Iterable, Iterator
from typing import overload

import numpy as np

from originid.collection.collection import Collection, open_collection
from originid.collection.deciding import decided_pictures, decisions_for
from originid.collection.pictures import find_pictures
from originid.encoders.base import Encoder
from originid.errors import InputError
from originid.latents.encode_files import Encoded, encode_sources
from originid.latents.sources import ImageLike, Source, as_sources, is_one_image
from originid.types import Answer, Failure, Image, Latents, Match, Verdict
from originid.verdict.information import information
from originid.verdict.judge import Candidate, judge
from originid.verdict.margins import content_cells, framed, with_unknown
from originid.verdict.presets import DEFAULT, PRESETS, UNCERTAIN

TOP = 10
STATED = PRESETS[DEFAULT]


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
        self.collection = collection

    @classmethod
    def open(cls, path: str | os.PathLike[str], encoder: Encoder | None = None) -> "Finder":
        """Open the collection at a path, as `open_collection` does."""
        return cls(open_collection(path, encoder=encoder))

    def __enter__(self) -> "Finder":
        return self

    def __exit__(self, *exception: object) -> None:
        self.collection.close()

    @overload
    def find(  # type: ignore[overload-overlap]  # a text is an iterable of texts
        self, queries: ImageLike | Source, top: int = TOP, false_matches: float = STATED
    ) -> Answer:
        """Find the origin of one query."""

    @overload
    def find(
        self,
        queries: Iterable[ImageLike | Source],
        top: int = TOP,
        false_matches: float = STATED,
    ) -> Iterator[Answer]:
        """Find the origin of each of several queries, in order."""

    def find(
        self,
        queries: ImageLike | Source | Iterable[ImageLike | Source],
        top: int = TOP,
        false_matches: float = STATED,
    ) -> Answer | Iterator[Answer]:
        """Find the origin of one query, or of each of several.

        Args:
            queries: one image or several: paths, bytes of files, images of Pillow, or uint8 RGB
                arrays (h, w, 3); or a `Source`, which gives bytes a name.
            top: number of matches returned for each query, at least 1.
            false_matches: the share of queries without an origin in the collection that may get
                the verdict `Verdict.ORIGIN`, above 0 and at most 0.1. `verdict.presets.PRESETS` has
                common values.

        Returns:
            The answer for one query; for several an iterator with one answer each, in order. A
            query that cannot be read has no verdict, and its reason in ``error``.

        Raises:
            InputError: ``top`` is below 1, a query is of another type, or the rate is out of range.
        """
        if top < 1:
            raise InputError(f"top {top}", "expected at least 1", "ask for 1 match or more")
        if not 0 < false_matches <= UNCERTAIN:
            raise InputError(
                f"a rate of false matches of {false_matches}",
                f"expected a number above 0 and at most {UNCERTAIN}",
                "for example 0.001, which allows 1 false origin in 1,000 queries without an origin",
            )
        answers = self._find(as_sources(queries), top, false_matches)
        return next(answers) if is_one_image(queries) else answers

    def _find(self, sources: Iterable[Source], top: int, stated: float) -> Iterator[Answer]:
        for chunk in encode_sources(sources, self.collection.model.encoder):
            encoded = [entry for entry in chunk if isinstance(entry, Encoded)]
            found = iter(self._answers(encoded, top, stated) if encoded else ())
            for entry in chunk:
                if isinstance(entry, Failure):
                    yield Answer(entry.path, None, error=entry.reason)
                else:
                    yield next(found)

    def _answers(self, queries: list[Encoded], top: int, stated: float) -> Iterator[Answer]:
        latents = np.stack([query.latent for query in queries])
        thumbnails = np.stack([query.thumbnail for query in queries])
        vectors = self.collection.model.vectors(self._evidence(latents, thumbnails))
        calibration = self.collection.calibration()
        contents = [query.sha256 for query in queries]
        decided = decisions_for(self.collection.database, self.collection.codec, contents, vectors)
        most = max(map(len, decided))  # as many references may have been rejected
        found = find_pictures(self.collection, vectors, top + most)
        for query, share, vector, decisions, nearest in zip(
            queries, information(thumbnails), vectors, decided, found, strict=True
        ):
            pictures, confirming = decided_pictures(self.collection, nearest, decisions, vector)
            candidates = [
                Candidate(
                    picture.score,
                    any(row.sha256 == query.sha256 for row in picture.rows),
                    picture.rows[0].information,
                )
                for picture in pictures.shown[:top]
            ]
            judged = judge(calibration, pictures.scores, candidates, float(share), stated)
            matches = tuple(
                Match(
                    rank,
                    picture.rows[0].shown,
                    picture.score,
                    float(rate),
                    copies=tuple(row.shown for row in picture.rows[1:]),
                )
                for rank, (picture, rate) in enumerate(
                    zip(pictures.shown, judged.rates, strict=False), start=1
                )
            )
            verdict, reason = judged.verdict, judged.reason
            if confirming is not None:
                verdict, reason = Verdict.ORIGIN, confirming.sentence
            yield Answer(query.source.name, verdict, matches, reason)

    def _evidence(self, latents: Latents, thumbnails: Image) -> Latents:
        """The latents (q, latent_dim) without what framed pictures share: their frames."""
        mean = self.collection.model.natural_mean
        rows = np.flatnonzero(framed(thumbnails))
        if mean is None or not len(rows):
            return latents
        known = np.stack([content_cells(image) for image in thumbnails[rows]])
        changed = latents.copy()
        changed[rows] = with_unknown(latents[rows], mean, known)
        return changed

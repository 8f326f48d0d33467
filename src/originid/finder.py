"""The main job: which reference was each query made from?"""

import os
from collections.abc import Iterable, Iterator
from typing import overload

import numpy as np

from originid.collection.collection import Collection, open_collection
from originid.collection.database import Row
from originid.encoders.base import Encoder
from originid.errors import InputError
from originid.latents.encode_files import Encoded, encode_sources
from originid.latents.sources import ImageLike, Source, as_sources, is_one_image
from originid.types import Answer, Failure, Match, Verdict

TOP = 10
BLANK = 4.0  # grey levels of 255: a picture of nearly one colour has no origin that can be told
SAME = 0.9  # a score that only a copy reaches


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
        self, queries: ImageLike | Source, top: int = TOP
    ) -> Answer:
        """Find the origin of one query."""

    @overload
    def find(self, queries: Iterable[ImageLike | Source], top: int = TOP) -> Iterator[Answer]:
        """Find the origin of each of several queries, in order."""

    def find(
        self, queries: ImageLike | Source | Iterable[ImageLike | Source], top: int = TOP
    ) -> Answer | Iterator[Answer]:
        """Find the origin of one query, or of each of several.

        Args:
            queries: one image or several: paths, bytes of files, images of Pillow, or uint8 RGB
                arrays (h, w, 3); or a `Source`, which gives bytes a name.
            top: number of matches returned for each query, at least 1.

        Returns:
            The answer for one query; for several an iterator with one answer each, in order. A
            query that cannot be read has no verdict, and its reason in ``error``.

        Raises:
            InputError: ``top`` is below 1, or a query is of another type.
        """
        if top < 1:
            raise InputError(f"top {top}", "expected at least 1", "ask for 1 match or more")
        answers = self._find(as_sources(queries), top)
        return next(answers) if is_one_image(queries) else answers

    def _find(self, sources: Iterable[Source], top: int) -> Iterator[Answer]:
        for chunk in encode_sources(sources, self.collection.model.encoder):
            encoded = [entry for entry in chunk if isinstance(entry, Encoded)]
            found = iter(self._answers(encoded, top) if encoded else ())
            for entry in chunk:
                if isinstance(entry, Failure):
                    yield Answer(entry.path, None, error=entry.reason)
                else:
                    verdict, matches = next(found)
                    yield Answer(entry.source.name, verdict, matches)

    def _answers(self, queries: list[Encoded], top: int) -> list[tuple[Verdict, tuple[Match, ...]]]:
        vectors = self.collection.model.vectors(np.stack([query.latent for query in queries]))
        size = len(self.collection.index())
        top = min(top, max(size, 1))
        found = self.collection.search(vectors, top)
        return [self._judge(query, hits, size) for query, hits in zip(queries, found, strict=True)]

    def _judge(
        self, query: Encoded, hits: list[tuple[Row, float]], size: int
    ) -> tuple[Verdict, tuple[Match, ...]]:
        if not hits:
            return Verdict.NONE, ()
        calibration = self.collection.model.calibration
        confidences = calibration.confidence(np.array([score for _, score in hits]), size)
        matches = tuple(
            Match(rank, row.shown, score, float(confidence))
            for rank, ((row, score), confidence) in enumerate(
                zip(hits, confidences, strict=True), start=1
            )
        )
        if query.contrast < BLANK and matches[0].score < SAME:
            return Verdict.NONE, matches  # as like to one dark photo as to any other
        return calibration.verdict(matches[0].confidence), matches

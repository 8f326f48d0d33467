"""Evidence: all that is shown of a query and a reference, as one object."""

from dataclasses import dataclass

import numpy as np

from originid.answer import Match
from originid.errors import ModelError
from originid.explain.alignment import Alignment, alignments, warp
from originid.explain.contributions import Cells, compare_cells
from originid.explain.placed import place, squashed
from originid.explain.undoing import undo
from originid.explain.words import BLANK, sentence
from originid.images.thumbnails import thumbnails
from originid.maps import DctMap
from originid.model import Model
from originid.types import Box, Image, Json, Mask, Vectors, Verdict
from originid.verdict.information import information, tells
from originid.views.moves import reduced
from originid.views.places import refuse_other

WITH_FRAME = 0.9  # a cosine that framed pictures reach only if the same frame counts in both
SIDE = 1024  # pixels of the longer side of the pictures that are compared and shown


@dataclass(frozen=True, eq=False)
class Evidence:
    """Where a query and a reference agree.

    Args:
        query: the name of the query.
        match: the reference, and how it was found.
        verdict: the answer for the query, or None where it was not searched for.
        query_image: the query, uint8 RGB (h, w, 3), its longer side `SIDE` pixels at most.
        query_part: the part of the query that was compared, as (left, top, right, bottom) in
            [0, 1]: a block where the match says so, otherwise all of it.
        reference_image: the reference, likewise.
        alignment: how the query lies in the reference.
        aligned: the query in the frame of the reference, uint8 of the same shape as
            ``reference_image``; where it does not lie, its border is repeated.
        covered: where it lies, (h, w).
        cells: where they agree; None where the model's map is not in the DCT of one square grid.
        sentence: what the numbers say, in words.

    Example:
        >>> import originid
        >>> from originid.testing import write_photos
        >>> photos = write_photos("photos", 3)
        >>> with originid.create_collection("explained", originid.open_model()) as stored:
        ...     added = originid.add_images(stored, ["photos"])
        >>> with originid.Finder.open("explained") as finder:
        ...     evidence = finder.explain(photos[1])
        >>> evidence.match.reference, f"{evidence.cells.share:.0%}"
        ('photos/0001.png', '100%')
    """

    query: str
    match: Match
    verdict: Verdict | None
    query_image: Image
    query_part: Box
    reference_image: Image
    alignment: Alignment
    aligned: Image
    covered: Mask
    cells: Cells | None
    sentence: str

    def to_json(self) -> Json:
        """All but the pictures, as JSON values; grids are lists of rows, top to bottom."""
        match, alignment = self.match, self.alignment
        return {
            "query": self.query,
            "reference": match.reference,
            "verdict": None if self.verdict is None else self.verdict.value,
            "score": match.score,
            "false_match_rate": match.false_match_rate,
            "view": match.view,
            "box": None if match.box is None else list(match.box),
            "sentence": self.sentence,
            "query_part": list(self.query_part),
            "alignment": {
                "by": "details" if alignment.by_details else "box",
                "affine": alignment.affine.tolist(),
                "outline": alignment.outline.tolist(),
                "covered": float(self.covered.mean()),
                "inliers": len(alignment.inliers),
                "inlier_places": alignment.inliers.tolist(),
                "statistic": alignment.statistic,
            },
            "cells": None if self.cells is None else _cells_json(self.cells),
        }


def explain_pair(
    query_image: Image,
    reference_image: Image,
    match: Match,
    model: Model,
    strangers: Vectors,
    query: str = "query",
    verdict: Verdict | None = None,
) -> Evidence:
    """Say where a query and a reference agree; some 0.3 s.

    Args:
        query_image: uint8 RGB (h, w, 3); if it is a block of a larger picture, the whole picture.
        reference_image: uint8 RGB (h, w, 3).
        match: how the reference was found; its ``view`` and ``box`` say how the query lies.
        model: of the collection.
        strangers: vectors (m, dim), of unit length, of references that the query was not made from;
            m may be 0.
        query: the name of the query.
        verdict: the answer for the query.

    Raises:
        InputError: the match has a view that this query does not have.
    """
    query_image, reference_image = reduced(query_image, SIDE), reduced(reference_image, SIDE)
    seen = undo(query_image, match.view)
    ways = alignments(seen.image, reference_image, match.box)
    alignment, cells = _best(seen.image, reference_image, ways, match, model, strangers)
    height, width = reference_image.shape[:2]
    aligned, covered = warp(seen.image, alignment.affine, width, height)
    squares = np.stack([squashed(image, model) for image in (seen.image, reference_image)])
    of_query, of_reference = information(thumbnails(squares)).tolist()
    tell = tells(of_query, of_reference, match.score)
    words = sentence(match.view, alignment, cells, covered) if tell else BLANK
    return Evidence(
        query,
        match,
        verdict,
        query_image,
        seen.part,
        reference_image,
        alignment,
        aligned,
        covered,
        cells,
        words,
    )


def _best(
    query: Image,
    reference: Image,
    ways: tuple[Alignment, ...],
    match: Match,
    model: Model,
    strangers: Vectors,
) -> tuple[Alignment, Cells | None]:
    """The way to lay the query with the largest cosine, and the cells of it.

    Without cells it is the last: local features, if enough of them agree.
    """
    map = _grid_map(model)
    if map is None:
        return ways[-1], None
    vector = model.encode(reference)[0]
    found = []
    with_frame = match.score >= WITH_FRAME
    for way in ways:
        placed = place(query, way, match.box, model, map, with_frame)
        if placed.known.any():
            cells = compare_cells(placed.vector, vector, strangers, placed.known, map.basis)
            found.append((way, cells))
    return max(found, key=lambda each: each[1].score) if found else (ways[-1], None)


def _grid_map(model: Model) -> DctMap | None:
    """The map of a model, if it is in the DCT of one square grid."""
    try:
        return refuse_other(model.map)
    except ModelError:
        return None


def _cells_json(cells: Cells) -> Json:
    return {
        "size": len(cells.known),
        "score": cells.score,
        "share": cells.share,
        "chance": cells.chance,
        "contributions": cells.contributions.tolist(),
        "expected": cells.expected.tolist(),
        "alike": cells.alike.tolist(),
        "known": np.asarray(cells.known).tolist(),
    }

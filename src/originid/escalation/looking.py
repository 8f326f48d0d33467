"""A second look: a query in all its views and places, compared with the likely references.

Stage by stage fewer references are compared with more of the query:

1. the signs of low frequencies of all references choose a shortlist for the coarse looks;
2. the shortlist's stored vectors are compared with coarse and dense looks, and with parts;
3. the local features of the best few are verified.
"""

import math
from collections.abc import Sequence

import numpy as np

from originid.collection.collection import Collection
from originid.details.features import find_features
from originid.details.verification import verify
from originid.escalation.candidates import Candidates
from originid.escalation.reference_features import ReferenceFeatures
from originid.types import Ids, Image, Vectors
from originid.verdict.cohort import COPY
from originid.views.looks import (
    COMPARED,
    Effort,
    Lookout,
    Looks,
    View,
    best_views,
    query_views,
)

LISTED = (600, 2000)  # references on the shortlist, in a small and in a large collection
LISTED_GROWTH = 2.0  # times the square root of the collection's size, between these two
WHOLE = 60  # of them from the search of the query as it is
# Candidates whose local features are compared: at most, and of them from files, each of which
# takes some 15 ms of a core, where 1 ms is enough for stored ones.
VERIFIED = {"normal": (40, 12), "thorough": (100, 40)}


class SecondLook:
    """Looks again at queries of one collection.

    Args:
        collection: what is searched.

    Raises:
        ModelError: the model's latents are not one square grid, or its map is not in the DCT.
    """

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self._lookout = Lookout(collection.model.encoder, collection.model.map)
        self._features = ReferenceFeatures(collection.database)

    @property
    def cells(self) -> int:
        """Cells on a side of the model's grid."""
        return self._lookout.cells

    def candidates(
        self,
        picture: Image,
        whole: Vectors,
        framed: bool,
        effort: Effort,
        also: Sequence[int] = (),
        without: int | None = None,
    ) -> Candidates:
        """The references that may be the origin of a query, and what speaks for each.

        Args:
            picture: the query, uint8 RGB (h, w, 3).
            whole: its vector as it is, (1, dim).
            framed: whether it has a frame.
            effort: "normal" or "thorough".
            also: ids of references that are compared in any case.
            without: the id of a reference that is left out, with all copies of it.
        """
        views = query_views(picture, effort, framed)
        looks = self._lookout.coarse(views)
        ordinary = self._collection.index().search(whole, WHOLE)[1][0]
        listed = self._collection.low_frequencies().shortlist(
            looks.vectors, self._collection.strangers(), most_listed(len(self._collection.index()))
        )
        ids = np.union1d(listed, ordinary[ordinary >= 0])
        ids = np.union1d(ids, np.array(also, np.int64))
        if without is not None:
            ids = self._strangers_of(without, ids)
        return self._compared(ids, views, looks, effort)

    def _strangers_of(self, key: int, ids: Ids) -> Ids:
        """Those of the ids that are neither of a reference nor of a copy of it."""
        codec, database = self._collection.codec, self._collection.database
        _, own = database.codes(np.array([key]))
        ids, codes = database.codes(ids[database.owners(ids) != key])
        return ids[(codec.units(codes) @ codec.units(own).T <= COPY).all(axis=1)]

    def _compared(
        self, ids: Ids, views: Sequence[View], looks: Looks, effort: Effort
    ) -> Candidates:
        """Compare references with all stages."""
        strangers = self._collection.strangers()
        few = strangers.first(COMPARED)
        ids, codes = self._collection.database.codes(ids)
        vectors = self._collection.codec.decode(codes)
        coarse = self._lookout.compare(looks, vectors, strangers)
        best = best_views(coarse, views)
        dense = self._lookout.compare(self._lookout.dense(best), vectors, few)
        parts = self._lookout.compare_parts(best[0], vectors, few)
        candidates = Candidates(ids, coarse, dense, parts, {})
        self._verify(candidates, best, *VERIFIED[effort])
        return candidates

    def _verify(
        self, candidates: Candidates, views: Sequence[View], count: int, files: int
    ) -> None:
        """Compare the local features of the best candidates with those of some views."""
        best = candidates.best(count)
        rows = self._collection.database.rows(candidates.ids[best].tolist())
        known = [place for place in best if int(candidates.ids[place]) in rows]
        of_views = [(view.name, find_features(view.image)) for view in views]
        found = self._features.of([rows[int(candidates.ids[place])] for place in known], files)
        for place, features in zip(known, found, strict=True):
            if features is not None:
                agreements = [(name, verify(of_view, features)) for name, of_view in of_views]
                candidates.agreements[place] = max(agreements, key=lambda each: each[1].statistic)


def most_listed(references: int) -> int:
    """How many references are on the shortlist of a collection."""
    least, most = LISTED
    return min(most, max(least, round(LISTED_GROWTH * math.sqrt(references))))

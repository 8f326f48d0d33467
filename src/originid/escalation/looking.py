"""A second look: a query in all its views and places, compared with the likely references.

Stage by stage fewer references are compared with more of the query:

1. the signs of low frequencies of all references choose a shortlist for the coarse looks;
2. the shortlist's stored vectors are compared with coarse and dense looks, and with parts;
3. the local features of the best few are verified.
"""

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from originid.collection.collection import Collection
from originid.details.features import Features, find_features
from originid.details.verification import Agreement, verify
from originid.errors import ModelError
from originid.escalation.candidates import Candidates
from originid.escalation.reference_features import ReferenceFeatures
from originid.index.sign_codes import cosines_between
from originid.system.parallel import available_cores
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
from originid.views.whole_looks import WholeLookout

LISTED = (600, 2000)  # references on the shortlist, in a small and in a large collection
LISTED_GROWTH = 2.0  # times the square root of the collection's size, between these two
WHOLE = 60  # references that the search of the query as it is adds to them
KEPT = 256  # of all these, that are compared with dense looks and parts
# Candidates whose local features are compared: at most, and of them from files, each of which
# takes some 15 ms of a core, where 1 ms is enough for stored ones.
VERIFIED = {"normal": (60, 6), "thorough": (200, 40)}
BOTH_VIEWS = 12  # of them that are compared in both of the query's best views, and not in one
# References whose details have most words of a view, where details are stored; all are compared.
WORDED = {"normal": 40, "thorough": 300}
WORDED_VIEWS = 2  # of a query, whose words are looked for
# References of a collection on a server that are followed here: 63 MB of memory, and 2 GB to read.
MOST_FOLLOWED = 1_000_000


def is_followed(collection: Collection) -> bool:
    """Whether second looks look for views and places; too many references on a server are not read.

    Args:
        collection: what is searched; one in a folder is always followed.
    """
    return not collection.is_searched_elsewhere or len(collection.index()) <= MOST_FOLLOWED


class SecondLook:
    """Looks again at queries of one collection.

    Args:
        collection: what is searched.
    """

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        # What it is given never waits for something else that it is given.
        self._pool = ThreadPoolExecutor(available_cores(), "originid-look")
        self._lookout: Lookout | WholeLookout
        encoder, map = collection.model.encoder, collection.model.map
        try:
            self._lookout = Lookout(encoder, map, self._pool)
        except ModelError:
            self._lookout = WholeLookout(encoder, map)
        self._features = ReferenceFeatures(collection.database, self._pool)

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
        also: Ids | Sequence[int] = (),
        without: int | None = None,
    ) -> Candidates | None:
        """The references that may be the origin of a query, and what speaks for each.

        None where there is none, or where the query has a frame and nothing was found in it.

        Args:
            picture: the query, uint8 RGB (h, w, 3).
            whole: its vector as it is, (1, dim).
            framed: whether it has a frame.
            effort: "normal" or "thorough".
            also: ids of references that are compared in any case.
            without: the id of a reference that is left out, with all copies of it.
        """
        views = tuple(
            view
            for view in query_views(picture, effort, framed)
            if view.known is None or self._lookout.has_places
        )
        if not views:
            return None
        looks = self._lookout.coarse(views)
        ordinary = self._collection.index().search(whole, WHOLE)[1][0]
        listed = self._listed(looks)
        features = FeaturesOfViews()
        by_words = self._by_words(views, features, WORDED[effort])
        kept = np.concatenate([np.array(also, np.int64), *by_words.values()])
        ids = np.unique(np.concatenate([listed, ordinary, kept]))
        ids = ids[ids >= 0]
        if without is not None:
            ids = self._strangers_of(without, ids)
        if not len(ids):
            return None
        candidates, best = self._compared(ids, kept, views, looks)
        self._verify(candidates, best, by_words, features, effort)
        return candidates

    def _listed(self, looks: Looks) -> Ids:
        """The shortlist of the coarse looks of a query."""
        collection = self._collection
        if not is_followed(collection):  # then only the nearest are looked at again
            return np.empty(0, np.int64)
        if not self._lookout.has_places:  # a vector of no frequencies; there are few looks
            return np.unique(collection.index().search(looks.vectors, WHOLE)[1])
        count = most_listed(len(collection.index()))
        return collection.low_frequencies().shortlist(looks.vectors, collection.strangers(), count)

    def _by_words(
        self, views: Sequence[View], features: "FeaturesOfViews", count: int
    ) -> dict[str, Ids]:
        """The references whose details have the words of a view, the best first, by the view."""
        if not is_followed(self._collection):
            return {}
        words = self._collection.detail_words()
        if not len(words):
            return {}
        asked = [view for view in views if view.placed][:WORDED_VIEWS]
        return {view.name: words.likely(features.of(view), count) for view in asked}

    def _strangers_of(self, key: int, ids: Ids) -> Ids:
        """Those of the ids that are neither of a reference nor of a copy of it."""
        codec, database = self._collection.codec, self._collection.database
        _, own = database.codes(np.array([key]))
        ids, codes = database.codes(ids[database.owners(ids) != key])
        return ids[(cosines_between(codec.units(codes), codec.units(own)) <= COPY).all(axis=1)]

    def _compared(
        self, ids: Ids, kept: Ids, views: Sequence[View], looks: Looks
    ) -> tuple[Candidates, tuple[View, ...]]:
        """Compare references with the stages that need their vectors; also the best views.

        Args:
            ids: of the shortlist, ascending, (n,).
            kept: those of them that are compared in all stages, however they do in the first.
            views: of the query.
            looks: the coarse looks of these views.
        """
        collection, strangers = self._collection, self._collection.strangers()
        ids, codes = collection.database.codes(ids)
        cosines = collection.codec.cosines(codes, looks.vectors)
        coarse = self._lookout.compare(looks, cosines, strangers)
        best = best_views(coarse, views)
        rows = np.union1d(np.argsort(-coarse.z)[:KEPT], np.flatnonzero(np.isin(ids, kept)))
        vectors, few = collection.codec.decode(codes[rows]), strangers.first(COMPARED)
        parts = self._pool.submit(self._lookout.compare_parts, best[0], vectors, few)
        dense = self._lookout.dense(best)
        compared = self._lookout.compare(dense, dense.vectors @ vectors.T, few)
        return Candidates(ids[rows], coarse.only(rows), compared, parts.result(), {}), best

    def _verify(
        self,
        candidates: Candidates,
        best: Sequence[View],
        by_words: Mapping[str, Ids],
        features: "FeaturesOfViews",
        effort: Effort,
    ) -> None:
        """Compare local features of the best candidates with those of the views they come from."""
        most, files = VERIFIED[effort]
        names = [view.name for view in best]
        likely = {
            place: names if rank < BOTH_VIEWS else [candidates.view(place, names)]
            for rank, place in enumerate(candidates.best(most))
        }
        places = {key: place for place, key in enumerate(candidates.ids.tolist())}
        for name, keys in by_words.items():
            for place in [places[key] for key in keys.tolist() if key in places]:
                likely.setdefault(place, [name])
        rows = self._collection.database.rows(candidates.ids[list(likely)].tolist())
        known = [place for place in likely if int(candidates.ids[place]) in rows]
        looked_at = self._pool.map(features.of, best)
        found = self._features.of([rows[int(candidates.ids[place])] for place in known], files)
        list(looked_at)  # waits until the views' features are there

        def agreement(place: int, of_reference: Features) -> tuple[str, Agreement]:
            """The view that agrees best with the reference at a place, and how well."""
            names = likely[place]
            agreements = [(name, verify(features.named(name), of_reference)) for name in names]
            return max(agreements, key=lambda each: each[1].statistic)

        seen = {place: each for place, each in zip(known, found, strict=True) if each is not None}
        agreements = self._pool.map(agreement, seen, seen.values())
        candidates.agreements.update(zip(seen, agreements, strict=True))


class FeaturesOfViews:
    """The local features of a query's views, each found once."""

    def __init__(self) -> None:
        self._found: dict[str, Features] = {}

    def of(self, view: View) -> Features:
        """The local features of a view, without those of its frame."""
        if view.name not in self._found:
            found = find_features(view.image)
            self._found[view.name] = found if view.known is None else found.within(view.known)
        return self._found[view.name]

    def named(self, name: str) -> Features:
        """The local features of a view that `of` was asked for."""
        return self._found[name]


def most_listed(references: int) -> int:
    """How many references are on the shortlist of a collection."""
    least, most = LISTED
    return min(most, max(least, round(LISTED_GROWTH * math.sqrt(references))))

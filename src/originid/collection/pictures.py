"""The pictures nearest to a query: references that are the same picture count once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from originid.collection.collection import Collection
from originid.collection.row import Row
from originid.images.find_files import tidiest
from originid.index.sign_codes import cosines_between
from originid.system.addresses import is_address
from originid.types import Floats64, Ids, Scores, Vectors
from originid.verdict.cohort import COPY
from originid.verdict.information import LITTLE
from originid.verdict.lead import LISTED, MOST_COPIES

SCORED = LISTED + MOST_COPIES  # the scores that a judgement looks at, with room for copies
COMPARED = 16  # references that are compared with each other at first, to find copies
MOST = 4096  # references that are looked at, however many copies there are


@dataclass(frozen=True)
class Picture:
    """References that are the same picture.

    Args:
        rows: the references, at least one; the first is the one that the picture is named by.
        score: the best score that one of them has.
        best: the id of the reference that has it.
    """

    rows: tuple[Row, ...]
    score: float
    best: int


@dataclass(frozen=True)
class Pictures:
    """The pictures nearest to one query.

    Args:
        shown: the best pictures, as many as were asked for or fewer.
        scores: the highest scores of the query, descending, of shape (k,), without those of
            further copies of the best picture.
    """

    shown: tuple[Picture, ...]
    scores: Floats64


def find_pictures(collection: Collection, queries: Vectors, top: int) -> Iterator[Pictures]:
    """Find the pictures nearest to each query.

    Args:
        collection: what is searched.
        queries: vectors of shape (q, dim).
        top: the number of pictures of each query, at least 1.
    """
    index = collection.index()
    twice = 2 if collection.forms else 1  # a reference may come by both of its forms
    count = twice * max(SCORED, 2 * top)
    count = min(count, max(len(index), 1))
    scores, ids = index.search(queries, count)
    for query, line, keys in zip(queries, scores, ids, strict=True):
        found = group_pictures(collection, line, keys, top)
        # A picture with very many copies fills the whole list; look further.
        wider = count
        while len(found.shown) < top and len(keys) < len(collection.index()) and wider < MOST:
            wider = min(4 * wider, MOST)
            line, keys = (part[0] for part in collection.index().search(query[None], wider))
            found = group_pictures(collection, line, keys, top)
        yield found


def group_pictures(
    collection: Collection, scores: Scores, ids: Ids, top: int, blank_from: float = COPY
) -> Pictures:
    """Group references that are the same picture.

    Args:
        collection: what was searched.
        scores: of the references that a search found, the best first, (k,).
        ids: of these references, (k,); -1 where there is none.
        top: the number of pictures, at least 1.
        blank_from: the score above which a picture with little information counts.
    """
    scores, ids = scores[ids >= 0], ids[ids >= 0]
    if collection.forms:  # of a reference that was found by both forms, the better one counts
        best = np.sort(np.unique(collection.database.owners(ids), return_index=True)[1])
        scores, ids = scores[best], ids[best]
    grouped, looked_at = _Grouped({}, [], []), 0
    while looked_at < len(ids) and (len(grouped.places) <= top or not looked_at):
        looked_at = min(len(ids), max(COMPARED, 2 * top, 2 * looked_at))
        grouped = _group(collection, ids[:looked_at], scores[:looked_at], blank_from)
    shown = [
        Picture(
            tidy([grouped.rows[int(ids[place])] for place in group]),
            float(scores[group[0]]),
            int(ids[group[0]]),
        )
        for group in grouped.places[:top]
    ]
    others = [*(grouped.places[0][1:] if grouped.places else []), *grouped.left_out]
    return Pictures(tuple(shown), np.delete(scores.astype(np.float64), others))


@dataclass(frozen=True)
class _Grouped:
    rows: dict[int, Row]  # by id
    places: list[list[int]]  # of the references of each picture, the best picture first
    left_out: list[int]  # places of references that are not shown


def _group(collection: Collection, ids: Ids, scores: Scores, blank_from: float) -> _Grouped:
    """Group references that are the same picture.

    What was removed meanwhile is left out, and so are references that tell nothing, unless the
    query is nearly a copy of them.
    """
    rows = collection.database.rows(ids.tolist())
    known, codes = collection.database.codes(np.sort(ids))
    units = dict(zip(known.tolist(), collection.codec.units(codes), strict=True))
    grouped = _Grouped(rows, [], [])
    leaders = np.empty((len(ids), collection.codec.dim), np.float32)  # of the pictures so far
    contents: list[bytes] = []
    for place, key in enumerate(ids.tolist()):
        blank = key in rows and _is_blank(rows[key])
        if key not in rows or key not in units or (blank and scores[place] <= blank_from):
            grouped.left_out.append(place)
            continue
        own, count = rows[key].sha256, len(contents)
        same = cosines_between(leaders[:count], units[key][None])[:, 0] > COPY
        group = next((g for g in range(count) if same[g] or contents[g] == own), None)
        if group is None:
            leaders[count] = units[key]
            contents.append(own)
            grouped.places.append([place])
        else:
            grouped.places[group].append(place)
    return grouped


def other_paths(collection: Collection, pictures: Sequence[Picture]) -> list[tuple[str, ...]]:
    """The paths of each picture beside its first reference's: of copies, and further names.

    Args:
        collection: what was searched.
        pictures: found in it.
    """
    names = collection.database.names([row.id for picture in pictures for row in picture.rows])
    return [
        (
            *(row.shown for row in picture.rows[1:]),
            *(name.shown for row in picture.rows for name in names.get(row.id, [])),
        )
        for picture in pictures
    ]


def tidy(rows: Sequence[Row]) -> tuple[Row, ...]:
    """Put the row first by which a picture is named.

    This is the tidiest one of the files that have the content of the first row. One whose picture
    is here is preferred.

    Args:
        rows: the rows of one picture, at least one, the nearest to the query first.
    """
    content = rows[0].sha256
    same = [row.location for row in rows if row.sha256 == content]
    named = tidiest([each for each in same if not is_address(each)] or same)
    return tuple(sorted(rows, key=lambda row: row.location != named))


def _is_blank(row: Row) -> bool:
    return row.information is not None and row.information < LITTLE

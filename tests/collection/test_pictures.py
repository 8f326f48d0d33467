"""References that are the same picture: grouped as a slow reference groups them, named tidily."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from originid.collection import pictures as module
from originid.collection.collection import Collection
from originid.collection.pictures import COMPARED, Pictures, find_pictures
from originid.collection.row import Row
from originid.types import Floats64, Ids, Scores, Vectors
from originid.verdict.cohort import COPY
from originid.verdict.information import LITTLE
from originid.verdict.lead import LISTED


@dataclass(frozen=True)
class Spec:
    """What a test stores: a name, whose content it has, and how much there is in it."""

    location: str
    content: int
    information: float | None = 0.5

    @property
    def row(self) -> Row:
        content = self.content.to_bytes(32, "big")
        name = self.location.lstrip("/")
        return Row(self.location, name, content, 1, 1, 1, 1, information=self.information)


def directions(count: int, dim: int, seed: int = 0) -> Vectors:
    vectors = np.random.default_rng(seed).standard_normal((count, dim)).astype(np.float32)
    unit: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def at_cosine(vectors: Vectors, cosine: float, seed: int = 9) -> Vectors:
    """Unit vectors that have this cosine with the given unit vectors."""
    others = directions(len(vectors), vectors.shape[1], seed).astype(np.float64)
    others -= (others * vectors).sum(axis=1, keepdims=True) * vectors
    others /= np.linalg.norm(others, axis=1, keepdims=True)
    return np.asarray(cosine * vectors + np.sqrt(1 - cosine**2) * others, np.float32)


def store(collection: Collection, specs: Sequence[Spec], vectors: Vectors) -> None:
    collection.add_vectors([spec.row for spec in specs], vectors)


def found_by(collection: Collection, query: Vectors, top: int) -> Pictures:
    (found,) = find_pictures(collection, query[None], top)
    return found


def names(found: Pictures) -> list[list[str]]:
    return [[row.name for row in picture.rows] for picture in found.shown]


def slow_pictures(
    collection: Collection, query: Vectors, top: int
) -> tuple[list[set[int]], list[float], list[float]]:
    """Every pair is compared: ids of the pictures, their scores, and the scores of the query."""
    rows = list(collection.references())
    ids, codes = collection.database.codes(np.array([row.id for row in rows], np.int64))
    units = collection.codec.decode(codes).astype(np.float64)
    direction = query.astype(np.float64) / np.linalg.norm(query.astype(np.float64))
    scores = dict(zip(ids.tolist(), (units @ direction).tolist(), strict=True))
    place = {key: i for i, key in enumerate(ids.tolist())}
    groups: list[list[Row]] = []
    kept: list[float] = []
    for row in sorted(rows, key=lambda row: (-scores[row.id], row.id)):
        if row.information is not None and row.information < LITTLE and scores[row.id] <= COPY:
            continue
        for group in groups:
            first = group[0]
            if first.sha256 == row.sha256 or units[place[first.id]] @ units[place[row.id]] > COPY:
                group.append(row)
                break
        else:
            groups.append([row])
        if row is groups[0][0] or row not in groups[0]:
            kept.append(scores[row.id])
    shown = groups[:top]
    return [{r.id for r in g} for g in shown], [scores[g[0].id] for g in shown], kept


@pytest.mark.parametrize("seed", range(6))
def test_pictures_are_those_of_the_slow_way(collection: Collection, seed: int) -> None:
    rng, dim = np.random.default_rng(seed), collection.model.dim
    origins = directions(9, dim, seed)
    which = rng.integers(0, 9, 45)
    # Some are saved again (a copy), some are edits of it (no copies), some lie on the other side.
    likeness = rng.choice([1.0, 0.99, 0.97, 0.9, 0.6, -0.5], 45)
    rows = zip(which, likeness, strict=True)
    vectors = np.concatenate(
        [at_cosine(origins[w : w + 1], c, seed=i) for i, (w, c) in enumerate(rows)]
    )
    content = np.where(rng.random(45) < 0.3, which, np.arange(100, 145))
    blank = rng.random(45) < 0.15
    store(
        collection,
        [
            Spec(f"/{'#recycle/' if i % 5 == 0 else ''}{i}.jpg", int(c), 0.01 if b else 0.5)
            for i, (c, b) in enumerate(zip(content, blank, strict=True))
        ],
        vectors,
    )
    top = 30  # so many that all references are looked at
    for query in [origins[0], *at_cosine(origins[1:4], 0.8), vectors[int(np.argmax(blank))]]:
        found = found_by(collection, query, top)
        groups, scores, kept = slow_pictures(collection, query, top)
        assert [{row.id for row in picture.rows} for picture in found.shown] == groups
        np.testing.assert_allclose([p.score for p in found.shown], scores, atol=2e-6)
        np.testing.assert_allclose(found.scores, kept, atol=2e-6)


def test_few_pictures_are_the_first_of_many(collection: Collection) -> None:
    vectors = directions(60, collection.model.dim)
    store(collection, [Spec(f"/{i}.jpg", i) for i in range(60)], vectors)
    many = names(found_by(collection, vectors[7], 60))
    assert len(many) == 60
    assert many[0] == ["7.jpg"]
    for top in (1, 2, COMPARED, COMPARED + 1, 59):
        assert names(found_by(collection, vectors[7], top)) == many[:top]


@pytest.mark.parametrize(("cosine", "pictures"), [(COPY + 0.005, 1), (COPY - 0.005, 2)])
def test_copies_are_alike_beyond_a_known_cosine(
    collection: Collection, cosine: float, pictures: int
) -> None:
    one = directions(1, collection.model.dim)
    store(
        collection,
        [Spec("/a.jpg", 1), Spec("/b.jpg", 2)],
        np.concatenate([one, at_cosine(one, cosine)]),
    )
    found = found_by(collection, one[0], 5)
    assert len(found.shown) == pictures
    assert sum(len(picture.rows) for picture in found.shown) == 2
    assert len(found.scores) == pictures


def test_the_same_content_is_one_picture_whatever_its_vectors_are(collection: Collection) -> None:
    vectors = directions(3, collection.model.dim)
    store(collection, [Spec("/a.jpg", 1), Spec("/b.jpg", 2), Spec("/c.jpg", 1)], vectors)
    assert {len(names) for names in names(found_by(collection, vectors[0], 5))} == {1, 2}


def test_a_chain_of_copies_is_grouped_by_the_nearest_one(collection: Collection) -> None:
    """The last of a chain is a copy of the middle, but not of the first, which leads."""
    basis = directions(2, collection.model.dim)
    basis[1] -= (basis[1] @ basis[0]) * basis[0]
    basis[1] /= np.linalg.norm(basis[1])
    angles = np.deg2rad([0, 14, 28])  # cosines 0.970 and 0.883
    chain = np.outer(np.cos(angles), basis[0]) + np.outer(np.sin(angles), basis[1])
    store(collection, [Spec(f"/{i}.jpg", i) for i in range(3)], chain.astype(np.float32))
    first, last = (np.asarray(chain[i], np.float32) for i in (0, 2))
    assert names(found_by(collection, first, 3)) == [["0.jpg", "1.jpg"], ["2.jpg"]]
    assert names(found_by(collection, last, 3)) == [["2.jpg", "1.jpg"], ["0.jpg"]]


@pytest.mark.parametrize(
    ("locations", "named"),
    [
        (["/p/#recycle/a.jpg", "/p/q/r/s/a.jpg"], "/p/q/r/s/a.jpg"),
        (["/p/long/way/a.jpg", "/p/a.jpg"], "/p/a.jpg"),
        (["/p/b.jpg", "/p/a.jpg"], "/p/a.jpg"),
        (["/p/@eaDir/b.jpg", "/p/.Trashes/a.jpg"], "/p/@eaDir/b.jpg"),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_the_tidiest_file_of_the_same_content_gives_its_name(
    collection: Collection, locations: list[str], named: str, turned: bool
) -> None:
    ordered = locations[::-1] if turned else locations
    one = directions(1, collection.model.dim)
    store(collection, [Spec(each, 1) for each in ordered], np.repeat(one, 2, axis=0))
    (picture,) = found_by(collection, one[0], 3).shown
    assert picture.rows[0].location == named
    assert {row.location for row in picture.rows} == set(locations)


def test_a_tidier_copy_of_other_content_does_not_take_the_name(collection: Collection) -> None:
    """A smaller copy in a tidy place is another file; the nearest content is what is shown."""
    one = directions(1, collection.model.dim)
    vectors = np.concatenate([one, at_cosine(one, 0.97)])
    store(collection, [Spec("/#recycle/a.jpg", 1), Spec("/b.jpg", 2)], vectors)
    (picture,) = found_by(collection, one[0], 3).shown
    assert [row.location for row in picture.rows] == ["/#recycle/a.jpg", "/b.jpg"]
    assert picture.score > 0.999


def test_very_many_copies_hide_no_other_picture_and_no_score(collection: Collection) -> None:
    copies, others = 300, 6
    origin = directions(1, collection.model.dim)
    vectors = np.concatenate([np.repeat(origin, copies, axis=0), at_cosine(
        np.repeat(origin, others, axis=0), 0.6)])  # fmt: skip
    store(collection, [Spec(f"/{i}.jpg", i) for i in range(copies + others)], vectors)
    found = found_by(collection, origin[0], 4)
    assert len(found.shown) == 4
    assert len(found.shown[0].rows) == copies
    assert found.shown[1].score == pytest.approx(0.6, abs=0.01)
    # The best score once, and then those of other pictures alone.
    assert (found.scores[1:] < COPY).all()
    assert len(found.scores) == 1 + others


def test_looking_further_ends(collection: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond `MOST` references nothing is looked for, even if all of them are one picture."""
    monkeypatch.setattr(module, "MOST", 128)
    origin = directions(1, collection.model.dim)
    store(collection, [Spec(f"/{i}.jpg", i) for i in range(200)], np.repeat(origin, 200, axis=0))
    (picture,) = found_by(collection, origin[0], 3).shown
    assert len(picture.rows) == 128


def test_a_blank_reference_is_shown_to_its_copy_alone(collection: Collection) -> None:
    vectors = directions(2, collection.model.dim)
    store(collection, [Spec("/blank.jpg", 1, LITTLE / 2), Spec("/photo.jpg", 2)], vectors)
    near = at_cosine(vectors[:1], COPY - 0.01)[0]
    assert names(found_by(collection, vectors[0], 2)) == [["blank.jpg"], ["photo.jpg"]]
    found = found_by(collection, near, 2)
    assert names(found) == [["photo.jpg"]]
    assert len(found.scores) == 1


@pytest.mark.parametrize("share", [None, LITTLE, 1.0])
def test_what_is_not_known_to_be_blank_is_shown(
    collection: Collection, share: float | None
) -> None:
    vectors = directions(1, collection.model.dim)
    store(collection, [Spec("/a.jpg", 1, share)], vectors)
    assert names(found_by(collection, at_cosine(vectors, 0.3)[0], 2)) == [["a.jpg"]]


def test_nothing_but_blank_references_is_no_picture(collection: Collection) -> None:
    vectors = directions(20, collection.model.dim)
    store(collection, [Spec(f"/{i}.jpg", i, 0.0) for i in range(20)], vectors)
    found = found_by(collection, directions(1, collection.model.dim, seed=3)[0], 5)
    assert found.shown == ()
    assert found.scores.shape == (0,)


def test_an_empty_collection_has_no_picture(collection: Collection) -> None:
    found: Pictures = found_by(collection, np.ones(collection.model.dim, np.float32), 5)
    assert found.shown == ()
    assert isinstance(found.scores, np.ndarray)
    assert list(find_pictures(collection, np.empty((0, collection.model.dim), np.float32), 5)) == []


Removing = Callable[[Vectors, int], tuple[Scores, Ids]]


@pytest.mark.parametrize("gone", [[0], [0, 1, 2], list(range(12))])
def test_what_is_removed_during_the_search_is_left_out(
    collection: Collection, monkeypatch: pytest.MonkeyPatch, gone: list[int]
) -> None:
    """Another thread removes references after the index named them, before they are read."""
    vectors = directions(12, collection.model.dim)
    store(collection, [Spec(f"/{i}.jpg", i) for i in range(12)], vectors)
    index = collection.index()
    search: Removing = index.search

    def late(queries: Vectors, k: int) -> tuple[Scores, Ids]:
        found = search(queries, k)
        with collection.database.writing():
            for i in gone:
                collection.database.free(f"/{i}.jpg")
        return found

    monkeypatch.setattr(index, "search", late)
    found = found_by(collection, vectors[0], 12)
    shown = {row.name for picture in found.shown for row in picture.rows}
    assert shown == {f"{i}.jpg" for i in range(12) if i not in gone}
    scores: Floats64 = found.scores
    assert len(scores) == 12 - len(gone)
    assert (np.diff(scores) <= 0).all()


def test_enough_scores_are_given_for_a_lead(collection: Collection, tmp_path: Path) -> None:
    """A judgement reads `LISTED` scores, also where only one picture is asked for."""
    vectors = directions(80, collection.model.dim)
    store(collection, [Spec(str(tmp_path / f"{i}.jpg"), i) for i in range(80)], vectors)
    found = found_by(collection, vectors[0], 1)
    assert len(found.shown) == 1
    assert len(found.scores) >= LISTED

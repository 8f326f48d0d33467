"""A collection works the same through any index: it uses nothing but the interface."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from originid import Finder, add_images, create_collection, open_collection
from originid.index import ExactIndex, OpenIndex, SignIndex
from originid.model import Model
from originid.testing import PlainIndex

WritePhotos = Callable[..., list[Path]]
ENGINES: dict[str, OpenIndex] = {
    "exact": ExactIndex.open,
    "plain": PlainIndex.open,
    "signs": SignIndex.open,
}


@pytest.fixture(params=list(ENGINES))
def engine(request: pytest.FixtureRequest) -> OpenIndex:
    return ENGINES[request.param]


def test_adding_finding_and_removing(
    tmp_path: Path, model: Model, write_photos: WritePhotos, engine: OpenIndex
) -> None:
    paths = write_photos(12)
    with create_collection(tmp_path / "c", model, engine) as collection:
        add_images(collection, paths)
        answers = list(Finder(collection).find(paths, top=2))
        assert [a.matches[0].reference for a in answers] == [str(path) for path in paths]
        collection.remove([str(paths[3])])
        assert len(collection.index()) == 11
        found = Finder(collection).find(paths[3])
        assert all(match.reference != str(paths[3]) for match in found.matches)


def test_it_catches_up_with_what_others_did(
    tmp_path: Path, model: Model, write_photos: WritePhotos, engine: OpenIndex
) -> None:
    first, second = write_photos(5), write_photos(4, first=5)
    with create_collection(tmp_path / "c", model, engine) as mine:
        add_images(mine, first)
        assert len(mine.index()) == 5
        with open_collection(tmp_path / "c", open_index=engine) as theirs:
            add_images(theirs, second)
            theirs.remove([str(first[0])])
        assert len(mine.index()) == 8
        answer = Finder(mine).find(second[2])
        assert answer.matches[0].reference == str(second[2])


def test_engines_agree(tmp_path: Path, model: Model, write_photos: WritePhotos) -> None:
    paths = write_photos(30)
    with create_collection(tmp_path / "c", model) as collection:
        add_images(collection, paths)
    found = []
    for engine in ENGINES.values():
        with open_collection(tmp_path / "c", open_index=engine) as collection:
            found.append(collection.index().search(model.encode(paths[:7]), 30))
    for scores, ids in found[1:]:
        np.testing.assert_array_equal(ids, found[0][1])
        np.testing.assert_allclose(scores, found[0][0], atol=2e-6)


def test_an_index_of_another_database_is_filled_again(
    tmp_path: Path, model: Model, write_photos: WritePhotos, engine: OpenIndex
) -> None:
    paths = write_photos(6)
    with create_collection(tmp_path / "c", model) as collection:
        add_images(collection, paths)

    def stale(folder: Path, dim: int, fetch: object) -> object:
        index = engine(folder, dim, fetch)  # type: ignore[arg-type]
        index.clear()
        codes = collection.codec.encode(np.ones((1, dim), np.float32))
        index.add(np.array([99], np.int64), codes)
        return index

    with open_collection(tmp_path / "c", open_index=stale) as again:  # type: ignore[arg-type]
        assert len(again.index()) == 6
        assert Finder(again).find(paths[5]).matches[0].reference == str(paths[5])

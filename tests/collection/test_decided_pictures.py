"""Pictures after decisions: copies stay together, and scores stay those of what is shown."""

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PILImage

from fixture_types import WritePhotos
from originid import Finder
from originid.collection.adding import store_images
from originid.collection.collection import Collection
from originid.collection.deciding import decide, decided_pictures, forget
from originid.collection.decisions import Decision
from originid.collection.pictures import Pictures, find_pictures
from originid.errors import InputError
from originid.testing import textured_image
from originid.types import Floats32


@pytest.fixture
def photos(collection: Collection, write_photos: WritePhotos, tmp_path: Path) -> list[Path]:
    """Twelve photos; the fourth one lies at three places."""
    paths = write_photos(12)
    for folder in ("a", "b"):
        (tmp_path / "photos" / folder).mkdir()
        shutil.copy(paths[3], tmp_path / "photos" / folder / "copy.png")
    store_images(collection, [tmp_path / "photos"])
    return paths


@pytest.fixture
def query(tmp_path: Path) -> Path:
    path = tmp_path / "query.png"
    PILImage.fromarray(textured_image(777)).save(path)
    return path


def vector_of(collection: Collection, path: Path) -> Floats32:
    return np.asarray(collection.model.encode([path])[0], np.float32)


def pictures_of(collection: Collection, path: Path, top: int) -> Pictures:
    (found,) = find_pictures(collection, vector_of(collection, path)[None], top)
    return found


def after(
    collection: Collection, path: Path, top: int, *decisions: tuple[Path, bool]
) -> tuple[Pictures, Decision | None]:
    judged = {}
    for reference, confirmed in decisions:
        content = hashlib.sha256(reference.read_bytes()).digest()
        judged[content] = Decision(b"q" * 32, content, confirmed, "q")
    vector = vector_of(collection, path)
    return decided_pictures(collection, pictures_of(collection, path, top), judged, vector)


def firsts(pictures: Pictures) -> list[str]:
    return [picture.rows[0].location for picture in pictures.shown]


def test_without_decisions_the_pictures_are_the_same(
    collection: Collection, photos: list[Path], query: Path
) -> None:
    found = pictures_of(collection, query, 12)
    assert decided_pictures(collection, found, {}, vector_of(collection, query)) == (found, None)


def test_a_rejected_picture_goes_with_its_score(
    collection: Collection, photos: list[Path], query: Path
) -> None:
    found = pictures_of(collection, query, 12)
    best = Path(found.shown[0].rows[0].location)
    left, confirming = after(collection, query, 12, (best, False))
    assert confirming is None
    assert firsts(left) == firsts(found)[1:]
    # The picture that is the best one now may have copies, whose scores are left out as well.
    copies = len(left.shown[0].rows) - 1
    np.testing.assert_array_equal(left.scores, found.scores[1 + copies :])


def test_a_confirmed_picture_leads_and_no_score_is_lost(
    collection: Collection, photos: list[Path], query: Path
) -> None:
    found = pictures_of(collection, query, 12)
    last = Path(found.shown[-1].rows[0].location)
    left, confirming = after(collection, query, 12, (last, True))
    assert confirming is not None
    assert firsts(left) == [str(last), *firsts(found)[:-1]]
    np.testing.assert_allclose(left.scores, np.sort(found.scores)[::-1], atol=1e-6)


def test_a_confirmed_picture_beyond_the_list_is_shown_once_with_its_copies(
    collection: Collection, photos: list[Path], query: Path
) -> None:
    everything = pictures_of(collection, query, 12)
    (whole,) = (picture for picture in everything.shown if len(picture.rows) == 3)
    top = everything.shown.index(whole)
    assert top > 0, "the test needs a query that is more like another photo"
    left, confirming = after(collection, query, top, (photos[3], True))
    assert confirming is not None
    assert len(left.shown) == top + 1
    assert {row.location for row in left.shown[0].rows} == {row.location for row in whole.rows}
    assert left.shown[0].score == pytest.approx(whole.score, abs=1e-6)
    assert firsts(left)[1:] == firsts(everything)[:top]


def test_a_confirmed_copy_names_its_picture_and_is_listed_once(
    collection: Collection, photos: list[Path], query: Path, tmp_path: Path
) -> None:
    """A photo that was saved again is another file of the same picture."""
    again = tmp_path / "photos" / "saved again with a longer name.jpg"
    PILImage.open(photos[7]).save(again, quality=95)
    store_images(collection, [again])
    finder = Finder(collection)
    (before, *others) = finder.find(photos[7], top=3).matches
    assert (before.reference, before.copies) == (str(photos[7]), (str(again),))
    decide(collection, str(photos[7]), str(again), True)
    (first, *rest) = finder.find(photos[7], top=3).matches
    assert (first.reference, first.copies) == (str(again), (str(photos[7]),))
    assert first.score == before.score
    assert [match.reference for match in rest] == [match.reference for match in others]


def test_everything_can_be_rejected(
    collection: Collection, photos: list[Path], query: Path
) -> None:
    left, confirming = after(collection, query, 12, *((photo, False) for photo in photos))
    assert left.shown == ()
    assert confirming is None
    assert len(left.scores) == 0


def test_an_answer_follows_decisions_and_their_end(
    collection: Collection, photos: list[Path], query: Path
) -> None:
    finder = Finder(collection)
    before = finder.find(query, top=3)
    worst = finder.find(query, top=12).matches[-1].reference
    decide(collection, str(query), worst, True, "seen there")
    decide(collection, str(query), before.matches[0].reference, False)
    answer = finder.find(query, top=3)
    assert answer.verdict == "origin"
    assert answer.reason is not None
    assert "seen there" in answer.reason
    assert [match.reference for match in answer.matches] == [
        worst,
        *(match.reference for match in before.matches[1:]),
    ]
    assert [match.rank for match in answer.matches] == [1, 2, 3]
    forget(collection, str(query), worst)
    forget(collection, str(query), before.matches[0].reference)
    assert finder.find(query, top=3) == before


def test_a_reference_that_left_is_neither_confirmed_nor_an_error(
    collection: Collection, photos: list[Path], query: Path
) -> None:
    decide(collection, str(query), str(photos[5]), True)
    collection.remove([str(photos[5])])
    answer = Finder(collection).find(query, top=12)
    assert str(photos[5]) not in {match.reference for match in answer.matches}
    with pytest.raises(InputError) as caught:
        decide(collection, str(query), str(photos[5]), False)
    assert str(photos[5]) in caught.value.given
    assert caught.value.expected.startswith("expected the path of a reference")
    assert f"originid find QUERY --in {collection.path}" in caught.value.todo
    # It is kept in mind, and holds again when the reference comes back.
    store_images(collection, [photos[5]])
    assert Finder(collection).find(query).matches[0].reference == str(photos[5])


def test_errors_of_deciding_have_three_parts(
    collection: Collection, photos: list[Path], query: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError) as unread:
        decide(collection, str(tmp_path / "gone.png"), str(photos[0]), True)
    with pytest.raises(InputError) as unknown:
        forget(collection, str(query), str(photos[0]))
    assert "gone.png cannot be read" in unread.value.given
    assert unread.value.expected == "expected the image whose origin was looked for"
    assert unknown.value.given == f"there is no decision on {query} and {photos[0]}"
    assert "--decisions" in unknown.value.todo
    for caught in (unread, unknown):
        assert len(str(caught.value).splitlines()) == 3

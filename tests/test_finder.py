"""The finder by itself: which answers come, in which order, and what they hold."""

import io
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PILImage

from fixture_types import WritePhotos
from image_files import encoded
from originid.answer import Answer, Match
from originid.collection.adding import store_images
from originid.collection.collection import Collection, create_collection
from originid.collection.row import Row
from originid.errors import CollectionError, ImageError, InputError
from originid.finder import TOP, Finder
from originid.indexing import add_images
from originid.latents.sources import Source
from originid.model import Model, open_model
from originid.testing import textured_image
from originid.types import Verdict
from originid.verdict.presets import PRESETS, verdict_at

PHOTOS = 12


@pytest.fixture
def photos(write_photos: WritePhotos) -> list[Path]:
    return write_photos(PHOTOS)


@pytest.fixture
def collection(tmp_path: Path, model: Model, photos: list[Path]) -> Iterator[Collection]:
    """A collection of all the photos."""
    with create_collection(tmp_path / "collection", model) as made:
        store_images(made, photos, workers=1)
        yield made


@pytest.fixture
def finder(collection: Collection) -> Finder:
    return Finder(collection)


@pytest.fixture
def stranger(tmp_path: Path) -> Path:
    """An image like nothing in the collection."""
    path = tmp_path / "stranger.png"
    PILImage.fromarray(textured_image(4711)).save(path)
    return path


def references(answer: Answer) -> list[str]:
    return [match.reference for match in answer.matches]


def test_answers_come_in_the_order_of_the_queries(finder: Finder, photos: list[Path]) -> None:
    queries = [photos[n] for n in (5, 0, 11, 5, 3)]
    answers = list(finder.find(queries, top=1))
    assert [answer.query for answer in answers] == [str(path) for path in queries]
    assert [references(answer) for answer in answers] == [[str(path)] for path in queries]


def test_answers_keep_their_order_over_many_chunks(finder: Finder, photos: list[Path]) -> None:
    """More queries than are encoded together, with one that cannot be read in each dozen."""
    data = [path.read_bytes() for path in photos]
    sources = [Source(str(n), b"no image" if n % 12 == 7 else data[n % PHOTOS]) for n in range(120)]
    answers = list(finder.find(sources, top=1))
    assert [answer.query for answer in answers] == [str(n) for n in range(120)]
    for n, answer in enumerate(answers):
        if n % 12 == 7:
            assert (answer.verdict, answer.matches) == (None, ())
        else:
            assert references(answer) == [str(photos[n % PHOTOS])]


def test_a_preset_is_a_rate(finder: Finder, stranger: Path) -> None:
    for name, rate in PRESETS.items():
        by_name = finder.find(stranger, false_matches=name)
        assert by_name == finder.find(stranger, false_matches=rate)
    with pytest.raises(InputError, match="expected strict, balanced, wide, or a number"):
        finder.find(stranger, false_matches="loose")


def test_a_match_can_be_explained(finder: Finder, photos: list[Path]) -> None:
    answer = finder.find(photos[3], top=3)
    second = answer.matches[1]
    assert finder.explain(photos[3], second).match == second
    assert finder.explain(photos[3], answer).match == answer.matches[0]
    with pytest.raises(ImageError, match=r"nowhere\.jpg: No such file"):
        finder.explain("nowhere.jpg")


def test_what_is_closed_or_not_open_is_told_as_that(
    tmp_path: Path, model: Model, photos: list[Path]
) -> None:
    with create_collection(tmp_path / "c", model) as made:
        store_images(made, photos[:3])
    finder = Finder.open(tmp_path / "c")
    finder.close()
    finder.close()
    for use in (lambda: len(made), lambda: finder.find(photos[0]), lambda: add_images(made, [])):
        with pytest.raises(CollectionError, match="is closed"):
            use()
    for wrong in (str(tmp_path / "c"), tmp_path / "c", None):
        with pytest.raises(InputError, match="expected one that is open"):
            Finder(wrong)  # type: ignore[arg-type]
        with pytest.raises(InputError, match="expected one that is open"):
            add_images(wrong, photos)  # type: ignore[arg-type]


@pytest.mark.parametrize("workers", [0, -1, 1.5, "2"])
def test_a_number_of_workers_that_is_none_is_refused(
    tmp_path: Path, model: Model, photos: list[Path], workers: object
) -> None:
    with (
        create_collection(tmp_path / "c", model) as made,
        pytest.raises(InputError, match="whole number from 1 on"),
    ):
        add_images(made, photos, workers=workers)  # type: ignore[arg-type]


def test_a_packaged_model_takes_the_place_of_a_lost_one(tmp_path: Path, photos: list[Path]) -> None:
    with create_collection(tmp_path / "c", open_model()) as made:
        store_images(made, photos[:3])
    shutil.rmtree(tmp_path / "c" / "model")
    with Finder.open(tmp_path / "c") as finder:
        assert references(finder.find(photos[1], top=1)) == [str(photos[1])]


def test_matches_are_ranked_from_one_and_fall_in_score(finder: Finder, stranger: Path) -> None:
    (answer,) = finder.find([stranger], top=PHOTOS)
    assert [match.rank for match in answer.matches] == list(range(1, PHOTOS + 1))
    scores = [match.score for match in answer.matches]
    assert scores == sorted(scores, reverse=True)
    confidences = [match.confidence for match in answer.matches]
    assert confidences == sorted(confidences, reverse=True)
    assert len(set(references(answer))) == PHOTOS


def test_scores_are_the_cosines_of_the_vectors(
    finder: Finder, collection: Collection, photos: list[Path], stranger: Path
) -> None:
    """The slow way: every vector by hand, and the stored ones rounded to their codes."""

    def pixels(path: Path) -> np.ndarray:
        size = collection.model.encoder.size
        with PILImage.open(path) as picture:
            return np.asarray(picture.resize((size, size), PILImage.Resampling.BILINEAR))

    latents = collection.model.encoder.encode(np.stack([pixels(p) for p in [stranger, *photos]]))
    mapped = collection.model.map.apply(latents).astype(np.float64)
    vectors = mapped / np.linalg.norm(mapped, axis=1, keepdims=True)
    expected = dict(zip(map(str, photos), vectors[1:] @ vectors[0], strict=True))
    (answer,) = finder.find([stranger], top=PHOTOS)
    for match in answer.matches:
        assert match.score == pytest.approx(expected[match.reference], abs=2e-3)


def test_the_verdict_follows_from_the_rate_of_the_first_match(
    finder: Finder, photos: list[Path], stranger: Path
) -> None:
    for answer in finder.find([*photos, stranger], false_matches=0.01):
        first = answer.matches[0]
        assert answer.verdict == verdict_at(first.false_match_rate, 0.01)
        assert first.confidence == 1 - first.false_match_rate


def test_a_rate_is_stated_by_the_model_where_the_collection_is_small(
    finder: Finder, collection: Collection, stranger: Path
) -> None:
    answer = finder.find(stranger, effort="quick")
    calibration = collection.calibration()
    assert calibration.strangers is None
    scores = np.array([match.score for match in answer.matches])
    expected = calibration.false_match_rates(scores)
    for match, rate in zip(answer.matches, expected, strict=True):
        assert match.false_match_rate == pytest.approx(rate, abs=1e-12)


def test_the_rate_rises_as_the_collection_grows(
    finder: Finder, collection: Collection, stranger: Path
) -> None:
    (before,) = finder.find([stranger], top=1)
    dim = collection.model.dim
    far = np.zeros((8, dim), np.float32)
    own = collection.model.vectors(
        collection.model.encoder.encode(np.stack([textured_image(4711, 64, 64)]))
    )[0]
    far[:] = -own  # as unlike the query as can be: no rank changes
    rows = [Row(f"/far/{n}.jpg", f"{n}", n.to_bytes(32, "big"), 1, 1, 1, 1) for n in range(8)]
    collection.add_vectors(rows, far)
    (after,) = finder.find([stranger], top=1)
    assert after.matches[0].reference == before.matches[0].reference
    assert after.matches[0].score == before.matches[0].score
    assert after.matches[0].false_match_rate > before.matches[0].false_match_rate


@pytest.mark.parametrize(("top", "shown"), [(1, 1), (5, 5), (PHOTOS, PHOTOS), (10**12, PHOTOS)])
def test_top_is_how_many_matches_there_are_at_most(
    top: int, shown: int, finder: Finder, stranger: Path
) -> None:
    (answer,) = finder.find([stranger], top=top)
    assert len(answer.matches) == shown


def test_fewer_matches_are_the_first_of_more(finder: Finder, stranger: Path) -> None:
    (few,), (many,) = finder.find([stranger], top=3), finder.find([stranger], top=9)
    assert few.matches == many.matches[:3]
    assert few.verdict == many.verdict


def test_ten_matches_are_shown_where_nothing_is_asked_for(finder: Finder, stranger: Path) -> None:
    (answer,) = finder.find([stranger])
    assert len(answer.matches) == TOP == 10


@pytest.mark.parametrize("top", [0, -1, -(10**9)])
def test_no_match_at_all_cannot_be_asked_for(top: int, finder: Finder, stranger: Path) -> None:
    with pytest.raises(InputError, match=f"top {top}\nexpected a whole number from 1 on"):
        next(finder.find([stranger], top=top))


@pytest.mark.parametrize("size", [0, 1, 2])
def test_small_collections_have_as_many_matches_as_references(
    size: int, tmp_path: Path, model: Model, photos: list[Path]
) -> None:
    with create_collection(tmp_path / "small", model) as small:
        if size:
            store_images(small, photos[:size], workers=1)
        answers = list(Finder(small).find(photos[:3]))
    assert [len(answer.matches) for answer in answers] == [size] * 3
    assert all(answer.error is None for answer in answers)
    verdicts = [answer.verdict for answer in answers]
    assert verdicts[:size] == [Verdict.ORIGIN] * size
    if not size:
        assert verdicts == [Verdict.NONE] * 3


def test_paths_bytes_and_sources_are_one_query(finder: Finder, photos: list[Path]) -> None:
    path = photos[4]
    by_text, by_path, by_bytes, by_name = finder.find(
        [str(path), path, Source("-", path.read_bytes()), Source(str(path))], top=2
    )
    assert by_text == by_path == by_name
    assert by_bytes == replace(by_text, query="-")


def test_a_single_path_is_one_query(finder: Finder, photos: list[Path]) -> None:
    """Not a text that is walked letter by letter."""
    assert finder.find(str(photos[0])) == next(finder.find([photos[0]]))
    assert finder.find(photos[0]).query == str(photos[0])


def test_no_query_has_no_answer(finder: Finder) -> None:
    assert list(finder.find([])) == []


def test_queries_are_taken_as_they_are_needed(finder: Finder, photos: list[Path]) -> None:
    """An endless list of queries is answered too."""

    def endless() -> Iterator[Path]:
        while True:
            yield from photos

    answers = finder.find(endless(), top=1)
    first = [next(answers) for _ in range(3)]
    answers.close()  # type: ignore[attr-defined]
    assert [references(answer) for answer in first] == [[str(path)] for path in photos[:3]]


def test_what_cannot_be_read_has_a_reason_and_the_others_an_answer(
    finder: Finder, photos: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "text.jpg").write_text("no image")
    (tmp_path / "empty.jpg").touch()
    torn = tmp_path / "torn.png"
    torn.write_bytes(photos[0].read_bytes()[:100])
    bad = [tmp_path / "text.jpg", tmp_path / "empty.jpg", torn, tmp_path / "none.jpg", tmp_path]
    answers = list(finder.find([photos[0], *bad, photos[1]], top=1))
    assert [answer.verdict for answer in answers] == ["origin", *[None] * 5, "origin"]
    for answer, path, reason in zip(
        answers[1:-1], bad, ("image", "0 bytes", "truncated", "No such", "folder"), strict=True
    ):
        assert answer.query == str(path)
        assert answer.matches == ()
        assert answer.error is not None
        assert reason in answer.error
        assert "\n" not in answer.error


def test_only_unreadable_queries_need_no_search(finder: Finder) -> None:
    answers = list(finder.find([Source(str(n), b"x") for n in range(60)]))
    assert [answer.verdict for answer in answers] == [None] * 60
    assert all(answer.error for answer in answers)


@pytest.mark.parametrize("colour", ["black", "white", "navy", "#7f7f7f"])
def test_a_blank_picture_has_no_origin(colour: str, finder: Finder) -> None:
    data = encoded(PILImage.new("RGB", (90, 60), colour), "PNG")
    (answer,) = finder.find([Source("blank", data)])
    assert answer.verdict == Verdict.NONE
    assert len(answer.matches) == TOP  # shown all the same


def test_a_picture_of_little_information_says_so(finder: Finder) -> None:
    image = np.full((64, 64, 3), 90, np.uint8)
    image[30:34, 30:36] = 200  # a small mark
    answer = finder.find(image)
    assert answer.verdict == Verdict.NONE
    assert answer.reason == "too little in this picture to tell"
    assert {match.false_match_rate for match in answer.matches} == {1.0}


def test_a_blank_picture_that_is_in_the_collection_is_found(
    finder: Finder, collection: Collection, tmp_path: Path
) -> None:
    blank = tmp_path / "blank.png"
    PILImage.new("RGB", (64, 64), "teal").save(blank)
    store_images(collection, [blank])
    (answer,) = finder.find([blank], top=1)
    assert references(answer) == [str(blank)]
    assert answer.matches[0].score > 0.99
    assert answer.verdict == "origin"


def test_copies_of_one_picture_are_one_match(
    finder: Finder, collection: Collection, photos: list[Path], tmp_path: Path
) -> None:
    shutil.copy(photos[2], tmp_path / "photos" / "twin.png")
    store_images(collection, [tmp_path / "photos"])
    (answer,) = finder.find([photos[2]], top=3)
    assert len(answer.matches) == 3
    first = answer.matches[0]
    assert {first.reference, *first.copies} == {
        str(photos[2]),
        str(tmp_path / "photos" / "twin.png"),
    }
    assert (answer.verdict, answer.reason) == ("origin", "the same file")
    assert first.false_match_rate == 0


def test_a_picture_saved_again_is_the_same_picture(
    finder: Finder, collection: Collection, photos: list[Path]
) -> None:
    again = encoded(np.asarray(PILImage.open(photos[4])), "JPEG")
    answer = finder.find(again, top=1)
    assert references(answer) == [str(photos[4])]
    assert (answer.verdict, answer.reason) == ("origin", "the same picture, saved again")


def test_more_copies_than_are_listed_hide_no_other_picture(
    finder: Finder, collection: Collection, photos: list[Path], tmp_path: Path
) -> None:
    for number in range(120):
        shutil.copy(photos[2], tmp_path / "photos" / f"copy{number}.png")
    store_images(collection, [tmp_path / "photos"])
    answer = finder.find(photos[2], top=2)
    assert len(answer.matches) == 2
    assert len(answer.matches[0].copies) == 120


def test_what_is_removed_is_found_no_more(
    finder: Finder, collection: Collection, photos: list[Path]
) -> None:
    assert references(next(finder.find([photos[6]], top=1))) == [str(photos[6])]
    collection.remove([str(photos[6])])
    assert str(photos[6]) not in references(next(finder.find([photos[6]], top=PHOTOS)))


ADD = """
import sys
from originid.collection.adding import store_images
from originid.collection.collection import open_collection
with open_collection(sys.argv[1]) as collection:
    store_images(collection, sys.argv[2:], workers=1)
"""


def test_what_another_process_adds_is_found(
    finder: Finder, collection: Collection, stranger: Path
) -> None:
    (before,) = finder.find([stranger], top=1)
    assert references(before) != [str(stranger)]
    command = [sys.executable, "-c", ADD, str(collection.path), str(stranger)]
    subprocess.run(command, check=True, timeout=120)
    (after,) = finder.find([stranger], top=1)
    assert references(after) == [str(stranger)]
    assert after.verdict == "origin"


def test_threads_share_a_finder(finder: Finder, photos: list[Path], stranger: Path) -> None:
    expected = list(finder.find([*photos, stranger], top=3))

    def work(start: int) -> list[Answer]:
        order = [(start + n) % (PHOTOS + 1) for n in range(PHOTOS + 1)]
        queries = [[*photos, stranger][n] for n in order]
        found = dict(zip(order, finder.find(queries, top=3), strict=True))
        return [found[n] for n in range(PHOTOS + 1)]

    with ThreadPoolExecutor(4) as pool:
        for got in pool.map(work, range(8)):
            assert got == expected


def test_opening_and_leaving(collection: Collection, photos: list[Path]) -> None:
    with Finder.open(collection.path) as opened:
        assert references(next(opened.find([photos[1]], top=1))) == [str(photos[1])]
    with Finder.open(str(collection.path)) as again:
        assert len(again.collection) == PHOTOS


def test_nothing_to_open_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(CollectionError, match="originid index "):
        Finder.open(tmp_path / "none")


def test_an_answer_shows_itself_in_a_notebook(finder: Finder, photos: list[Path]) -> None:
    found = finder.find(photos[0], top=2)
    assert found._repr_html_().count("<img") == 3
    assert len(repr(found)) < 400


def test_answers_are_values(finder: Finder, photos: list[Path]) -> None:
    """The same question twice gives equal answers, which cannot be changed."""
    (one,), (two,) = finder.find([photos[0]]), finder.find([photos[0]])
    assert one == two
    with pytest.raises(AttributeError):
        one.query = "other"  # type: ignore[misc]
    assert isinstance(one.matches[0], Match)
    assert isinstance(one.matches[0].score, float)
    assert isinstance(one.matches[0].confidence, float)


@pytest.mark.parametrize(
    "given", [None, 3, io.BytesIO(b"x"), memoryview(b"x"), {"a": 1}, np.zeros((9, 9), np.uint8)]
)
def test_what_holds_no_images_is_refused_at_once(finder: Finder, given: Any) -> None:
    with pytest.raises(InputError):
        finder.find(given)


def test_other_objects_in_the_place_of_names_are_refused(finder: Finder) -> None:
    picture = textured_image(3)
    for other in (3, b"a", object()):
        with pytest.raises(InputError, match="in the place of a match"):
            finder.explain(picture, other)  # type: ignore[arg-type]
        with pytest.raises(InputError, match="in the place of a reference"):
            finder.compare(picture, other)  # type: ignore[arg-type]
    for other in (None, 3, finder.collection):
        with pytest.raises(InputError, match="in the place of a collection"):
            Finder.open(other)  # type: ignore[arg-type]

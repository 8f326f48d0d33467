"""Queries that were mirrored, turned or framed are found by a second look, and nothing else is."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from originid.answering import answers
from originid.collection.adding import store_images
from originid.collection.collection import Collection, create_collection
from originid.collection.deciding import decide, forget
from originid.errors import InputError
from originid.escalation import AS_IT_IS_SHARE, MOVED_SHARE, PART, WHOLE, Seen, best_answer
from originid.evaluation.moves import letterbox, pad, side_by_side
from originid.finder import Finder
from originid.latents.sources import Source
from originid.model import open_model
from originid.testing import textured_image
from originid.types import Answer, Image, Match, Verdict

PHOTOS = 60


def scene(seed: int) -> Image:
    """A picture of 240 x 320 pixels without flat parts, like no other."""
    random = np.random.default_rng(seed)
    small = random.integers(0, 256, (6, 8, 3), np.uint8)
    smooth = np.asarray(Pillow.fromarray(small).resize((320, 240), Pillow.Resampling.BICUBIC))
    noise = random.integers(-12, 13, smooth.shape)
    return np.asarray(np.clip(smooth.astype(np.int16) + noise, 0, 255), np.uint8)


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collection]:
    """A collection of `PHOTOS` scenes under the packaged model."""
    folder = tmp_path_factory.mktemp("escalation")
    (folder / "photos").mkdir()
    for seed in range(PHOTOS):
        Pillow.fromarray(scene(seed)).save(folder / "photos" / f"{seed:02}.png")
    with create_collection(folder / "collection", open_model()) as made:
        store_images(made, [folder / "photos"], workers=1)
        yield made


@pytest.fixture
def finder(collection: Collection) -> Finder:
    return Finder(collection)


@pytest.fixture
def searches(collection: Collection, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Gets the number of vectors of each search."""
    counted: list[int] = []
    index = collection.index()
    search = type(index).search

    def count(self: object, queries: np.ndarray, k: int) -> object:
        counted.append(len(queries))
        return search(self, queries, k)  # type: ignore[arg-type]

    monkeypatch.setattr(type(index), "search", count)
    return counted


def found(answer: Answer) -> str:
    return Path(answer.matches[0].reference).stem


MOVED: dict[str, tuple[Callable[[Image], Image], str]] = {
    "mirrored": (lambda image: image[:, ::-1], "mirrored"),
    "turned": (lambda image: np.rot90(image), "turned by three quarters"),
    "turned twice": (lambda image: np.rot90(image, 2), "turned by a half"),
    "turned back": (lambda image: np.rot90(image, 3), "turned by a quarter"),
    "letterboxed": (lambda image: letterbox(image, 40), "block 1 of the picture"),
    "padded": (lambda image: pad(image, 40), "block 1 of the picture"),
    "padded and mirrored": (
        lambda image: pad(image[:, ::-1].copy(), 40),
        "block 1 of the picture, mirrored",
    ),
}


@pytest.mark.parametrize("move", MOVED)
def test_what_was_moved_is_found_and_the_view_says_how(finder: Finder, move: str) -> None:
    change, view = MOVED[move]
    answer = finder.find(np.ascontiguousarray(change(scene(7))))
    assert (answer.verdict, found(answer)) == (Verdict.ORIGIN, "07")
    assert {match.view for match in answer.matches} == {view}
    assert {match.box for match in answer.matches} == {WHOLE}
    assert answer.reason.endswith(view)


def test_a_picture_beside_another_is_found(finder: Finder) -> None:
    answer = finder.find(side_by_side(scene(9), 1), false_matches=0.05)
    assert (answer.verdict, found(answer)) == (Verdict.ORIGIN, "09")
    assert answer.matches[0].view.startswith("block ")


def test_quick_never_looks_again(finder: Finder, searches: list[int]) -> None:
    answer = finder.find(np.ascontiguousarray(scene(7)[:, ::-1]), effort="quick")
    assert answer.verdict is not Verdict.ORIGIN
    assert {match.view for match in answer.matches} == {"full"}
    assert searches == [1]


@pytest.mark.parametrize("effort", ["quick", "normal", "thorough"])
def test_a_query_that_is_certain_is_searched_once(
    finder: Finder, searches: list[int], effort: str
) -> None:
    answer = finder.find(scene(7), effort=effort)  # type: ignore[call-overload]
    assert (answer.verdict, found(answer)) == (Verdict.ORIGIN, "07")
    assert (answer.matches[0].view, answer.matches[0].box) == ("full", None)
    assert searches == [1]


def test_all_views_are_one_search(finder: Finder, searches: list[int]) -> None:
    finder.find(scene(1000))
    finder.find(scene(1000), effort="thorough")
    assert searches == [1, 4, 19, 1, 6, 19]  # a scene has no block


def test_a_part_is_found_where_it_lies(finder: Finder) -> None:
    part = scene(13)[:150, 110:].copy()  # 5/8 of the height, 21/32 of the width
    answer = finder.find(part, false_matches=0.1)
    assert (answer.verdict, found(answer)) == (Verdict.ORIGIN, "13")
    assert answer.matches[0].view == PART
    assert answer.matches[0].box == pytest.approx((0.34, 0, 1, 0.63), abs=0.1)
    assert answer.reason.endswith(PART)


def test_a_stranger_stays_one(finder: Finder) -> None:
    for seed in range(1000, 1020):
        quick, normal = (finder.find(scene(seed), effort=e) for e in ("quick", "normal"))
        assert normal.verdict is not Verdict.ORIGIN
        as_it_is = quick.matches[0].false_match_rate / AS_IT_IS_SHARE
        assert normal.matches[0].false_match_rate <= min(1, as_it_is) + 1e-12


def test_the_views_share_their_part_of_the_stated_rate(finder: Finder) -> None:
    image = (0.5 * scene(7)[:, ::-1] + 0.5 * scene(1003)).astype(np.uint8)
    normal = finder.find(image, false_matches=1e-6)
    alone = finder.find(np.ascontiguousarray(image[:, ::-1]), effort="quick")
    rate = alone.matches[0].false_match_rate
    assert normal.matches[0].view == "mirrored"
    assert 1e-5 < rate < 0.05
    # Reading the query again changes its grey levels a little.
    expected = 4 / MOVED_SHARE * rate  # mirrored, and three quarter turns
    assert normal.matches[0].false_match_rate == pytest.approx(expected, rel=0.2)


def test_one_uncertain_query_does_not_disturb_the_others(finder: Finder) -> None:
    mirrored = np.ascontiguousarray(scene(3)[:, ::-1])
    queries: list[Image | bytes] = [scene(1), mirrored, b"no image", scene(1001), scene(2)]
    answers = list(finder.find(queries, top=2))
    assert [answer.query for answer in answers] == [f"image {n}" for n in range(1, 6)]
    assert [found(answers[n]) for n in (0, 1, 4)] == ["01", "03", "02"]
    assert answers[2].verdict is None


@pytest.mark.parametrize("shape", [(1, 1), (1, 400), (3, 2), (8, 9)])
def test_tiny_images_get_an_answer(finder: Finder, shape: tuple[int, int]) -> None:
    answer = finder.find(textured_image(5, 64, 64)[: shape[0], : shape[1]], effort="thorough")
    assert answer.error is None
    assert answer.verdict is Verdict.NONE


def test_a_query_that_is_gone_keeps_its_first_answer(
    collection: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "query.png"
    Pillow.fromarray(scene(7)[:, ::-1]).save(path)
    finder = Finder(collection)
    first = finder.find(path, effort="quick", top=1)

    def and_remove(*arguments: object) -> object:
        path.unlink()
        return answers(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr("originid.finder.answers", and_remove)
    answer = finder.find(path, top=1)
    assert answer.matches[0].view == "full"
    assert found(answer) == found(first)


def test_an_effort_that_there_is_not_is_refused(finder: Finder) -> None:
    with pytest.raises(InputError, match="effort 'slow'"):
        finder.find([scene(1)], effort="slow")  # type: ignore[call-overload]


def answer(rate: float, reference: str = "a") -> Answer:
    return Answer("query", Verdict.NONE, (Match(1, reference, 0.3, rate),), "why")


def test_the_smallest_rate_wins_and_the_whole_stays_where_it_is_equal() -> None:
    whole = answer(0.3)
    assert best_answer(whole, []) is whole
    assert best_answer(whole, [Seen("mirrored", WHOLE, answer(0.3, "b"))]) is whole
    assert best_answer(whole, [Seen("mirrored", WHOLE, Answer("view", Verdict.NONE))]) is whole
    part = (0.0, 0.5, 0.5, 1.0)
    seen = [Seen("mirrored", WHOLE, answer(0.2, "b")), Seen("cut", part, answer(0.1, "c"))]
    best = best_answer(whole, seen)
    assert best.matches == (replace(answer(0.1, "c").matches[0], view="cut", box=part),)
    assert best.query == "query"


def test_a_source_with_bytes_is_looked_at_again(finder: Finder, tmp_path: Path) -> None:
    path = tmp_path / "query.png"
    Pillow.fromarray(scene(7)[:, ::-1]).save(path)
    answer = finder.find(Source("from a pipe", path.read_bytes()))
    assert (answer.query, answer.matches[0].view) == ("from a pipe", "mirrored")


def test_a_reference_that_was_rejected_is_not_found_in_another_view(
    collection: Collection, tmp_path: Path
) -> None:
    query = tmp_path / "query.png"
    Pillow.fromarray(np.ascontiguousarray(scene(11)[:, ::-1])).save(query)
    finder = Finder(collection)
    reference = finder.find(query).matches[0].reference
    assert Path(reference).stem == "11"
    decide(collection, str(query), reference, confirmed=False)
    try:
        left = finder.find(query)
        assert left.verdict is not Verdict.ORIGIN
        assert reference not in [match.reference for match in left.matches]
    finally:
        forget(collection, str(query), reference)

"""Queries that were mirrored, turned, cut or framed are found by a second look, and nothing else.

The collection is large enough to learn second leads of its own.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

import originid
from originid.answer import Answer, Match
from originid.answering import answers
from originid.collection.collection import Collection, create_collection
from originid.collection.deciding import decide, forget
from originid.errors import ImageError, InputError
from originid.escalation.escalation import (
    AGAIN_SHARE,
    AS_IT_IS_SHARE,
    Escalation,
    better,
    chances_as_it_is,
)
from originid.evaluation.moves import letterbox, pad, side_by_side
from originid.finder import Finder
from originid.latents.sources import Source
from originid.model import open_model
from originid.testing import textured_image
from originid.types import Box, Image, Verdict
from originid.verdict.second_look import sample_size
from originid.verdict.strangers import LEAST_LEADS
from originid.views.words import WHOLE
from scenes import scene, write_scenes

PHOTOS = 256


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collection]:
    """A collection of `PHOTOS` scenes under the packaged model, which learned second leads."""
    folder = tmp_path_factory.mktemp("escalation")
    write_scenes(folder / "photos", PHOTOS)
    with create_collection(folder / "collection", open_model()) as made:
        originid.add_images(made, [folder / "photos"])
        yield made


@pytest.fixture(scope="module")
def finder(collection: Collection) -> Finder:
    return Finder(collection)


@pytest.fixture
def looked_again(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Gets the name of each query that is looked at again."""
    names: list[str] = []
    again = Escalation._again

    def noted(self: Escalation, query: object, *arguments: object) -> object:
        names.append(query.source.name)  # type: ignore[attr-defined]
        return again(self, query, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Escalation, "_again", noted)
    return names


def found(answer: Answer) -> str:
    return Path(answer.matches[0].reference).stem


def flipped(image: Image) -> Image:
    return np.ascontiguousarray(image[:, ::-1])


def middle(image: Image) -> Image:
    """Half of the area."""
    return np.ascontiguousarray(image[36:206, 47:273])


MIDDLE: Box = (47 / 320, 36 / 240, 273 / 320, 206 / 240)
MOVED: dict[str, tuple[Callable[[Image], Image], str, Box]] = {
    "mirrored": (flipped, "mirrored", WHOLE),
    "turned": (np.rot90, "turned by three quarters", WHOLE),
    "turned twice": (lambda image: np.rot90(image, 2), "turned by a half", WHOLE),
    "turned back": (lambda image: np.rot90(image, 3), "turned by a quarter", WHOLE),
    "letterboxed": (lambda image: letterbox(image, 40), "block 1 of the picture", WHOLE),
    "framed": (lambda image: pad(image, 40), "block 1 of the picture", WHOLE),
    "framed and mirrored": (
        lambda image: pad(flipped(image), 40),
        "block 1 of the picture, mirrored",
        WHOLE,
    ),
    "the left half": (
        lambda image: image[:, :170],
        "as the left part of the reference",
        (0, 0, 170 / 320, 1),
    ),
    "half of the area": (middle, "as the middle part of the reference", MIDDLE),
    "a corner": (
        lambda image: image[:170, 90:],
        "as the upper right part of the reference",
        (90 / 320, 0, 1, 170 / 240),
    ),
    "cut and mirrored": (
        lambda image: flipped(middle(image)),
        "mirrored, as the middle part of the reference",
        MIDDLE,
    ),
}


@pytest.mark.parametrize("move", MOVED)
def test_what_was_moved_is_found_and_the_view_says_how(finder: Finder, move: str) -> None:
    change, view, box = MOVED[move]
    answer = finder.find(np.ascontiguousarray(change(scene(7))))
    assert (answer.verdict, found(answer)) == (Verdict.ORIGIN, "007")
    assert answer.matches[0].view == view
    assert answer.matches[0].box == pytest.approx(box, abs=0.06)
    assert view in answer.reason
    assert [match.rank for match in answer.matches] == list(range(1, 11))
    rates = [match.false_match_rate for match in answer.matches]
    assert rates == sorted(rates)
    assert rates[1] > 100 * rates[0]


def test_a_picture_beside_another_is_found(finder: Finder) -> None:
    answer = finder.find(side_by_side(scene(9), 1))
    assert (answer.verdict, found(answer)) == (Verdict.ORIGIN, "009")
    assert answer.matches[0].view.startswith("block ")


def test_it_learned_second_leads(collection: Collection) -> None:
    looks = collection.database.second_looks()
    assert len(looks) == sample_size(PHOTOS) >= LEAST_LEADS
    assert {among for _, among in looks.values()} == {PHOTOS}
    members = collection.database.cohort().cohort.members
    assert set(looks) == set(members[: len(looks)].tolist())
    assert collection.calibration().again is not None


def test_quick_never_looks_again(finder: Finder, looked_again: list[str]) -> None:
    answer = finder.find(flipped(scene(7)), effort="quick")
    assert answer.verdict is not Verdict.ORIGIN
    assert {match.view for match in answer.matches} == {"full"}
    assert looked_again == []


@pytest.mark.parametrize("effort", ["quick", "normal", "thorough"])
def test_a_query_that_is_certain_is_not_looked_at_again(
    finder: Finder, looked_again: list[str], effort: str
) -> None:
    answer = finder.find(scene(7), effort=effort)  # type: ignore[call-overload]
    assert (answer.verdict, found(answer)) == (Verdict.ORIGIN, "007")
    assert (answer.matches[0].view, answer.matches[0].box) == ("full", None)
    assert looked_again == []


def test_thorough_finds_what_was_turned_a_little(finder: Finder) -> None:
    turned = Pillow.fromarray(scene(31)).rotate(5, Pillow.Resampling.BICUBIC)
    query = np.ascontiguousarray(np.asarray(turned)[20:220, 25:295])
    answer = finder.find(query, effort="thorough")
    assert (answer.verdict, found(answer)) == (Verdict.ORIGIN, "031")


def test_strangers_stay_strangers(finder: Finder) -> None:
    queries = [scene(seed) for seed in range(1000, 1016)]
    quick = finder.find(queries, effort="quick", top=1)
    for first, answer in zip(quick, finder.find(queries, top=1), strict=True):
        assert answer.verdict is not Verdict.ORIGIN
        as_it_is = first.matches[0].false_match_rate / AS_IT_IS_SHARE
        assert answer.matches[0].false_match_rate <= min(1, as_it_is) + 1e-12


def test_answers_do_not_depend_on_how_many_are_asked_together(finder: Finder) -> None:
    queries: list[Image | bytes] = [
        scene(1),
        flipped(scene(3)),
        b"no image",
        scene(1001),
        middle(scene(4)),
        pad(scene(5), 40),
        scene(2),
    ]
    together = list(finder.find(queries, top=2))
    assert [answer.query for answer in together] == [f"image {n}" for n in range(1, 8)]
    assert together[2].verdict is None
    assert [found(together[n]) for n in (0, 1, 4, 5, 6)] == ["001", "003", "004", "005", "002"]
    for query, answer in zip(queries, together, strict=True):
        alone = finder.find(query, top=2)
        assert replace(alone, query=answer.query, matches=()) == replace(answer, matches=())
        for one, other in zip(alone.matches, answer.matches, strict=True):
            assert (one.reference, one.view) == (other.reference, other.view)
            assert one.false_match_rate == pytest.approx(other.false_match_rate, rel=1e-3)
            assert one.box == pytest.approx(other.box, abs=1e-6)


def test_fewer_matches_are_the_first_of_more(finder: Finder) -> None:
    query = flipped(scene(8))
    few, many = finder.find(query, top=1), finder.find(query, top=25)
    assert few.matches == many.matches[:1]
    assert (few.verdict, few.reason) == (many.verdict, many.reason)
    assert len({match.reference for match in many.matches}) == 25


@pytest.mark.parametrize("shape", [(1, 1), (1, 400), (3, 2), (8, 9)])
def test_tiny_images_get_an_answer(finder: Finder, shape: tuple[int, int]) -> None:
    answer = finder.find(textured_image(5, 64, 64)[: shape[0], : shape[1]], effort="thorough")
    assert answer.error is None
    assert answer.verdict is Verdict.NONE


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_blank_page_has_no_origin(finder: Finder, level: int) -> None:
    answer = finder.find(np.full((90, 120, 3), level, np.uint8), effort="thorough")
    assert answer.verdict is Verdict.NONE


def test_a_query_that_is_gone_keeps_its_first_answer(
    collection: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "query.png"
    Pillow.fromarray(flipped(scene(7))).save(path)
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


def test_a_source_with_bytes_is_looked_at_again(finder: Finder, tmp_path: Path) -> None:
    path = tmp_path / "query.png"
    Pillow.fromarray(flipped(scene(7))).save(path)
    answer = finder.find(Source("from a pipe", path.read_bytes()))
    assert (answer.query, answer.matches[0].view) == ("from a pipe", "mirrored")


def test_a_reference_that_was_rejected_is_not_found_in_another_view(
    collection: Collection, tmp_path: Path
) -> None:
    query = tmp_path / "query.png"
    Pillow.fromarray(flipped(scene(11))).save(query)
    finder = Finder(collection)
    reference = finder.find(query).matches[0].reference
    assert Path(reference).stem == "011"
    decide(collection, str(query), reference, confirmed=False)
    try:
        left = finder.find(query)
        assert left.verdict is not Verdict.ORIGIN
        assert reference not in [match.reference for match in left.matches]
        assert found(finder.find(flipped(scene(12)))) == "012"  # others are as before
    finally:
        forget(collection, str(query), reference)
    assert found(finder.find(query)) == "011"


# Comparing a query with one reference


def reference_path(collection: Collection, seed: int) -> str:
    (row,) = [row for row in collection.references() if Path(row.location).stem == f"{seed:03}"]
    return row.location


@pytest.mark.parametrize("move", ["mirrored", "turned", "framed", "half of the area"])
def test_comparing_with_the_origin_says_what_finding_says(
    finder: Finder, collection: Collection, move: str
) -> None:
    change, view, box = MOVED[move]
    query = np.ascontiguousarray(change(scene(17)))
    match = finder.compare(query, reference_path(collection, 17))
    assert (Path(match.reference).stem, match.view, match.rank) == ("017", view, 1)
    assert match.box == pytest.approx(box, abs=0.06)
    assert match.false_match_rate < 1e-3
    answer = finder.find(query, effort="thorough")
    # Comparing looks at the reference whether or not it is on the shortlist: nothing else differs.
    assert answer.matches[0].false_match_rate == pytest.approx(match.false_match_rate, rel=1e-3)


def test_comparing_a_query_as_it_is(finder: Finder, collection: Collection) -> None:
    match = finder.compare(scene(18), reference_path(collection, 18))
    assert (Path(match.reference).stem, match.view, match.box) == ("018", "full", None)
    assert match == finder.find(scene(18)).matches[0]


@pytest.mark.parametrize("edge", [0, 6], ids=["plain", "with a thin edge"])
def test_comparing_says_at_least_what_the_search_of_the_query_as_it_is_says(
    finder: Finder, edge: int
) -> None:
    query = pad(scene(24), edge) if edge else scene(24)
    matches = finder.find(query, top=4, effort="quick").matches
    assert len(matches) == 4
    for match in matches:
        compared = finder.compare(query, match.reference)
        most = min(1.0, chances_as_it_is("normal") * match.false_match_rate)
        assert compared.false_match_rate <= most + 1e-9
        assert compared.false_match_rate < most or compared.score >= match.score - 1e-6


def test_comparing_does_not_depend_on_what_was_decided(
    collection: Collection, tmp_path: Path
) -> None:
    query, finder = tmp_path / "query.png", Finder(collection)
    Pillow.fromarray(pad(scene(25), 6)).save(query)
    reference = reference_path(collection, 25)
    before = finder.compare(query, reference)
    assert before.false_match_rate < 1e-3
    decide(collection, str(query), reference, confirmed=False)
    try:
        assert finder.compare(query, reference) == before
    finally:
        forget(collection, str(query), reference)


def test_comparing_with_a_stranger_states_a_high_rate(
    finder: Finder, collection: Collection
) -> None:
    for seed in (20, 21, 22):
        match = finder.compare(flipped(scene(19)), reference_path(collection, seed))
        assert Path(match.reference).stem == f"{seed:03}"
        assert match.false_match_rate > 0.1


def test_a_reference_is_named_by_path_copy_or_content(
    finder: Finder, collection: Collection, tmp_path: Path
) -> None:
    path = Path(reference_path(collection, 23))
    copy = tmp_path / "copy.jpg"
    copy.write_bytes(path.read_bytes())
    row = collection.database.at(str(path))
    assert row is not None
    query = flipped(scene(23))
    expected = finder.compare(query, str(path))
    for name in (str(copy), row.sha256.hex(), row.sha256.hex().upper()):
        assert finder.compare(query, name).reference == expected.reference


@pytest.mark.parametrize("name", ["", ".", "nowhere.jpg", "0" * 64, "z" * 64, "null\0", "ä" * 5000])
def test_comparing_with_what_is_not_there_is_refused(finder: Finder, name: str) -> None:
    with pytest.raises(InputError, match="is not in the collection") as caught:
        finder.compare(scene(1), name)
    assert len(str(caught.value).splitlines()) == 3


@pytest.mark.parametrize("data", [b"", b"no image", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"])
def test_comparing_what_cannot_be_read_is_refused(
    finder: Finder, collection: Collection, data: bytes
) -> None:
    with pytest.raises(ImageError) as caught:
        finder.compare(Source("from a pipe", data), reference_path(collection, 1))
    assert caught.value.given.startswith("from a pipe: ")
    assert caught.value.expected == "expected an image that can be read"


def test_comparing_a_missing_file_is_refused(
    finder: Finder, collection: Collection, tmp_path: Path
) -> None:
    with pytest.raises(ImageError, match="missing"):
        finder.compare(tmp_path / "missing.png", reference_path(collection, 1))


# The better of both looks


def answer_of(rate: float, reference: str = "a") -> Answer:
    return Answer("query", Verdict.NONE, (Match(1, reference, 0.3, rate),), "why")


def test_the_smaller_rate_wins_and_the_first_stays_where_it_is_equal() -> None:
    first, nothing = answer_of(0.3), Answer("query", Verdict.NONE)
    assert better(first, None) is first
    assert better(first, answer_of(0.3, "b")) is first
    assert better(first, answer_of(0.4, "b")) is first
    assert better(first, nothing) is first
    again = answer_of(0.2, "b")
    assert better(first, again) is again
    assert better(nothing, again) is again
    assert better(nothing, answer_of(1.0)) is nothing


def test_the_shares_of_the_stated_rate_are_all_of_it() -> None:
    assert pytest.approx(1) == AS_IT_IS_SHARE + AGAIN_SHARE
    assert chances_as_it_is("quick") == 1
    assert chances_as_it_is("normal") == chances_as_it_is("thorough") == 1 / AS_IT_IS_SHARE

"""Answers against a search of every reference, shares of rates, and the order of what was seen."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from originid.answer import Answer, Match
from originid.answering import answers
from originid.collection.adding import store_images
from originid.collection.collection import Collection, create_collection
from originid.errors import ImageError, InputError, OriginidError
from originid.escalation.escalation import AS_IT_IS_SHARE, SIDE, Escalation, picture_of
from originid.finder import Finder
from originid.images.lossless import lossless_file
from originid.latents.encode_files import Encoded, encode_sources
from originid.latents.sources import Source
from originid.model import Model
from originid.query_vectors import query_vectors
from originid.testing import textured_image, write_photos
from originid.types import Image, Verdict
from originid.verdict.margins import framed
from originid.verdict.presets import UNCERTAIN

PHOTOS = 50


@pytest.fixture(scope="module")
def collection(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collection]:
    """Photos of blobs, and a second file of the photo with the seed 3."""
    folder = tmp_path_factory.mktemp("answering")
    write_photos(folder / "photos", PHOTOS)
    Pillow.fromarray(textured_image(3)).save(folder / "photos" / "copy.bmp")
    with create_collection(folder / "collection", model) as made:
        store_images(made, [folder / "photos"], workers=1)
        yield made


def encoded(model: Model, *images: Image) -> list[Encoded]:
    sources = [Source(f"query {n}", lossless_file(image)) for n, image in enumerate(images)]
    chunks = encode_sources(iter(sources), model.encoder)
    return [entry for chunk in chunks for entry in chunk if isinstance(entry, Encoded)]


def mixed(one: int, other: int, share: float = 0.5) -> Image:
    """A picture between two, like both."""
    levels = share * textured_image(one) + (1 - share) * textured_image(other)
    return np.asarray(levels, np.uint8)


def stems(answer: Answer) -> list[str]:
    return [Path(match.reference).stem for match in answer.matches]


# One search


def test_matches_are_those_of_comparing_with_every_photo(
    collection: Collection, model: Model
) -> None:
    queries = [mixed(n, n + 20, 0.6) for n in range(4, 10)]
    photos = model.encode([textured_image(n) for n in range(PHOTOS)])
    found = answers(collection, encoded(model, *queries), 5, 0.01)
    for answer, vector in zip(found, model.encode(queries), strict=True):
        cosines = photos @ vector
        expected = np.argsort(-cosines, kind="stable")[:5]
        assert [match.rank for match in answer.matches] == [1, 2, 3, 4, 5]
        scores = [match.score for match in answer.matches]
        # Stored vectors are compressed, so near ones may change places.
        np.testing.assert_allclose(scores, cosines[expected], atol=0.03)
        assert stems(answer)[0] == f"{expected[0]:04}"
        assert scores == sorted(scores, reverse=True)
        rates = [match.false_match_rate for match in answer.matches]
        assert rates == sorted(rates)


def test_queries_without_frames_are_searched_by_their_own_vectors(
    collection: Collection, model: Model
) -> None:
    images = [textured_image(1), mixed(5, 6), textured_image(900)]
    queries, vectors = encoded(model, *images), model.encode(images)
    assert not framed(np.stack([query.thumbnail for query in queries])).any()
    np.testing.assert_allclose(query_vectors(model, queries), vectors, atol=1e-6)
    for answer, line in zip(
        answers(collection, queries, 4, 0.01), collection.search(vectors, 4), strict=True
    ):
        expected = [row.shown for row, _ in line]
        copies = [name for match in answer.matches for name in (match.reference, *match.copies)]
        assert copies[: len(expected)] == expected


@pytest.mark.parametrize("top", [1, 2, 7, 200])
def test_no_more_matches_than_asked_for_and_the_first_stay_the_same(
    collection: Collection, model: Model, top: int
) -> None:
    (query,) = encoded(model, mixed(8, 9))
    (most,) = answers(collection, [query], 200, 0.01)
    (some,) = answers(collection, [query], top, 0.01)
    assert len(some.matches) == min(top, PHOTOS)
    assert some.matches == most.matches[:top]
    assert (some.verdict, some.reason) == (most.verdict, most.reason)


def test_two_files_of_one_picture_are_one_match(collection: Collection, model: Model) -> None:
    (answer,) = answers(collection, encoded(model, textured_image(3)), 3, 0.01)
    both = {Path(name).name for name in (answer.matches[0].reference, *answer.matches[0].copies)}
    assert both == {"0003.png", "copy.bmp"}
    assert all("copy" not in match.reference and not match.copies for match in answer.matches[1:])
    assert answer.verdict is Verdict.ORIGIN


@pytest.mark.parametrize("chances", [1, 2.5, 40, 1e9])
def test_chances_multiply_every_rate_up_to_one(
    collection: Collection, model: Model, chances: float
) -> None:
    queries = encoded(model, mixed(10, 31), mixed(12, 33, 0.8), textured_image(901))
    alone = answers(collection, queries, 5, 0.01)
    for one, many in zip(alone, answers(collection, queries, 5, 0.01, chances), strict=True):
        expected = [min(1, chances * match.false_match_rate) for match in one.matches]
        assert [match.false_match_rate for match in many.matches] == pytest.approx(expected)
        assert stems(one) == stems(many)


@pytest.mark.parametrize("stated", [1e-6, 0.001, 0.05, 0.1])
def test_the_verdict_is_where_the_rate_lies(
    collection: Collection, model: Model, stated: float
) -> None:
    queries = encoded(model, *(mixed(n, n + 20, share) for n, share in enumerate((1, 0.8, 0.5))))
    for answer in answers(collection, queries, 1, stated):
        rate = answer.matches[0].false_match_rate
        bound = Verdict.UNCERTAIN if rate <= UNCERTAIN else Verdict.NONE
        assert answer.verdict is (Verdict.ORIGIN if rate <= stated else bound)
        assert answer.matches[0].confidence == 1 - rate


def test_an_empty_collection_is_said_to_be_empty(model: Model, tmp_path: Path) -> None:
    with create_collection(tmp_path / "empty", model) as empty:
        (answer,) = answers(empty, encoded(model, textured_image(1)), 5, 0.01)
    assert (answer.verdict, answer.matches) == (Verdict.NONE, ())
    assert answer.reason == "none: the collection is empty"


# A second look


def answer(rate: float, verdict: Verdict = Verdict.NONE, reference: str = "a") -> Answer:
    matches = (Match(1, reference, 0.3, rate), Match(2, "z", 0.2, min(1, 2 * rate)))
    return Answer("query", verdict, matches, "why")


def test_what_needs_no_second_look_stays(collection: Collection, model: Model) -> None:
    escalation = Escalation(collection)
    queries = encoded(model, *(textured_image(n) for n in range(700, 703)))
    nothing = Answer("query 2", Verdict.NONE, ())
    first = [answer(0.2, Verdict.ORIGIN), answer(0.5), nothing]
    assert list(escalation.answers(queries, first, "quick", 1, 0.01)) == first
    kept = list(
        escalation.answers([queries[0], queries[2]], [first[0], nothing], "thorough", 1, 0.01)
    )
    assert kept == [first[0], nothing]
    with pytest.raises(ValueError, match="shorter"):
        list(escalation.answers(queries, first[:2], "quick", 1, 0.01))


def test_answers_come_before_all_queries_are_taken(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many queries are looked at together as there are cores, and no more are taken."""
    monkeypatch.setattr("originid.escalation.escalation.available_cores", lambda: 3)
    taken: list[int] = []

    def endless() -> Iterator[Answer]:
        for number in range(10):
            taken.append(number)
            yield replace(answer(0.1, Verdict.ORIGIN), query=str(number))

    query: Encoded = None  # type: ignore[assignment]  # an answer that stays needs no query
    found = Escalation(collection).answers([query] * 10, endless(), "normal", 1, 0.01)
    for number in range(9):
        assert next(found).query == str(number)
        assert taken == list(range(3 * (number // 3 + 1)))
    assert [each.query for each in found] == ["9"]


@pytest.mark.parametrize("cores", [1, 2, 5])
def test_answers_keep_their_order_and_each_is_looked_at_once(
    collection: Collection, model: Model, monkeypatch: pytest.MonkeyPatch, cores: int
) -> None:
    monkeypatch.setattr("originid.escalation.escalation.available_cores", lambda: cores)
    looked: list[str] = []

    def again(self: Escalation, query: Encoded, *arguments: object) -> Answer | None:
        looked.append(query.source.name)
        number = int(query.source.name.split()[1])
        return answer(0.1, reference="again") if number % 3 else None

    monkeypatch.setattr(Escalation, "_again", again)
    queries = encoded(model, *(textured_image(n) for n in range(7)))
    first = [answer(0.2, Verdict.ORIGIN if n == 4 else Verdict.NONE) for n in range(7)]
    found = list(Escalation(collection).answers(queries, first, "normal", 1, 0.01))
    kept = [each.matches[0].reference for each in found]
    assert kept == ["a", "again", "again", "a", "a", "again", "a"]
    assert sorted(looked) == [f"query {n}" for n in range(7) if n != 4]


@pytest.mark.parametrize("efforts", [("quick", "normal"), ("quick", "thorough")])
def test_a_second_look_costs_no_more_than_its_share(
    collection: Collection, efforts: tuple[str, str]
) -> None:
    finder = Finder(collection)
    for n in range(6):
        quick, long = (
            finder.find(mixed(n, n + 20, 0.6), effort=e, top=3)  # type: ignore[call-overload]
            for e in efforts
        )
        first = quick.matches[0].false_match_rate
        assert long.matches[0].false_match_rate <= min(1, first / AS_IT_IS_SHARE) + 1e-12
        assert len(long.matches) == 3


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((64, 48), (64, 48)),
        ((2048, 1024), (1024, 512)),
        ((30, 3000), (10, SIDE)),
        ((1, 5000), (1, SIDE)),
        ((1, 1), (1, 1)),
    ],
)
def test_a_query_is_looked_at_in_its_own_shape(
    model: Model, shape: tuple[int, int], expected: tuple[int, int]
) -> None:
    (query,) = encoded(model, np.full((*shape, 3), (10, 100, 200), np.uint8))
    got = picture_of(query)
    assert got.shape == (*expected, 3)
    assert (got == (10, 100, 200)).all()


def test_bytes_that_are_no_image_any_more_are_an_error_of_the_image(model: Model) -> None:
    (query,) = encoded(model, textured_image(1))
    with pytest.raises(ImageError):
        picture_of(replace(query, source=Source("query", b"changed")))


# What a finder refuses

REFUSED: dict[str, Callable[[Finder], object]] = {
    "top 0": lambda finder: finder.find(textured_image(1), top=0),
    "a rate of false matches of 0": lambda finder: finder.find(b"", false_matches=0),
    "a rate of false matches of 0.2": lambda finder: finder.find(b"", false_matches=0.2),
    "a rate of false matches of nan": lambda finder: finder.find(b"", false_matches=float("nan")),
    "effort 'fast'": lambda finder: finder.find(b"", effort="fast"),  # type: ignore[call-overload]
    "an image of 5 x 0 pixels": lambda finder: finder.find(np.zeros((0, 5, 3), np.uint8)),
    "an image of type float64 (4, 4, 3)": lambda finder: finder.find(np.zeros((4, 4, 3))),
}


@pytest.mark.parametrize("given_text", REFUSED)
def test_a_finder_says_what_was_given_what_is_expected_and_what_to_do(
    collection: Collection, given_text: str
) -> None:
    with pytest.raises(InputError) as caught:
        REFUSED[given_text](Finder(collection))
    error: OriginidError = caught.value
    assert error.given == given_text
    assert error.expected.startswith("expected ")
    assert error.todo
    assert str(error) == f"{given_text}\n{error.expected}\n{error.todo}"

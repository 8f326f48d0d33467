"""Deciding, and what decisions do to the answers of a search."""

import hashlib
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PILImage

from fixture_types import WritePhotos
from originid.collection.adding import store_images
from originid.collection.collection import Collection
from originid.collection.deciding import (
    NEARLY_SAME,
    Candidate,
    apply_decisions,
    decide,
    decisions_for,
    forget,
    with_confirmed,
)
from originid.collection.decisions import Decision
from originid.collection.row import Row
from originid.errors import InputError
from originid.testing import textured_image
from originid.types import Vectors


def row(name: str, content: str = "") -> Row:
    return Row(f"/{name}", name, sha256(content or name), 1, 1, 1, 1)


def sha256(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def judged(reference: str, confirmed: bool, likeness: float = 1.0) -> Decision:
    return Decision(b"q" * 32, sha256(reference), confirmed, "q.jpg", likeness=likeness)


def by_reference(*decisions: Decision) -> dict[bytes, Decision]:
    return {decision.reference: decision for decision in decisions}


def names(candidates: Sequence[Candidate]) -> list[str]:
    return [row.name for row, _ in candidates]


FOUND = [(row("a"), 0.9), (row("b"), 0.6), (row("c"), 0.5)]


def test_without_decisions_nothing_changes() -> None:
    assert apply_decisions(FOUND, {}) == (FOUND, None)
    assert apply_decisions([], by_reference(judged("a", True))) == ([], None)


def test_a_rejected_reference_is_left_out_with_all_its_copies() -> None:
    found = [*FOUND, (row("copy of a", "a"), 0.9)]
    left, confirming = apply_decisions(found, by_reference(judged("a", False)))
    assert (names(left), confirming) == (["b", "c"], None)


def test_a_confirmed_reference_comes_first_with_all_its_copies() -> None:
    decision = judged("c", True)
    found = [*FOUND, (row("copy of c", "c"), 0.5)]
    left, confirming = apply_decisions(found, by_reference(decision, judged("b", False)))
    assert names(left) == ["c", "copy of c", "a"]
    assert confirming == decision


def test_of_several_confirmed_references_the_first_one_leads() -> None:
    decisions = by_reference(judged("c", True), judged("b", True))
    left, confirming = apply_decisions(FOUND, decisions)
    assert names(left) == ["b", "c", "a"]
    assert confirming == judged("b", True)


def test_a_confirmed_reference_that_was_not_found_confirms_nothing() -> None:
    assert apply_decisions(FOUND, by_reference(judged("z", True))) == (FOUND, None)


@pytest.mark.parametrize(("likeness", "left"), [(0.96, ["b", "c"]), (0.9, ["b", "c"]),
                                                (0.89, ["a", "b", "c"])])  # fmt: skip
def test_a_reference_that_is_more_alike_than_the_judged_query_is_not_rejected(
    likeness: float, left: list[str]
) -> None:
    decisions = by_reference(judged("a", False, likeness))
    assert names(apply_decisions(FOUND, decisions)[0]) == left


@pytest.mark.parametrize(("likeness", "first"), [(0.96, "b"), (0.9, "b"), (0.89, "a")])
def test_nothing_is_confirmed_where_another_reference_is_more_alike(
    likeness: float, first: str
) -> None:
    decision = judged("b", True, likeness)
    left, confirming = apply_decisions(FOUND, by_reference(decision))
    assert names(left)[0] == first
    assert confirming == (decision if first == "b" else None)


def slow_apply(
    candidates: Sequence[Candidate], decisions: Mapping[bytes, Decision]
) -> list[Candidate]:
    """The rule, word by word, candidate by candidate."""
    left: list[Candidate] = []
    for row, score in candidates:
        decision = decisions.get(row.sha256)
        if decision is None or decision.confirmed or decision.likeness < score:
            left.append((row, score))
    first, rest = [], []
    for row, score in left:
        decision = decisions.get(row.sha256)
        others = [score for other, score in left if other.sha256 != row.sha256]
        leads = decision is not None and decision.confirmed
        if leads and decision is not None and decision.likeness >= max(others, default=-1):
            first.append((row, score))
        else:
            rest.append((row, score))
    return first + rest


contents = st.sampled_from("abcd")
scores = st.sampled_from([-1.0, 0.2, 0.95, 0.97, 1.0])
given_candidates = st.lists(st.builds(lambda c, s: (row(f"{c}{s}", c), s), contents, scores))
given_decisions = st.lists(
    st.builds(judged, contents, st.booleans(), st.sampled_from([0.95, 0.96, 0.97, 1.0]))
)


@given(given_candidates, given_decisions)
def test_the_rule_is_kept_whatever_was_found(
    candidates: list[Candidate], made: list[Decision]
) -> None:
    decisions = by_reference(*made)
    left, confirming = apply_decisions(candidates, decisions)
    assert left == slow_apply(candidates, decisions)
    if confirming is not None:
        assert left[0][0].sha256 == confirming.reference
        assert confirming.confirmed


@pytest.fixture
def photos(collection: Collection, write_photos: WritePhotos) -> list[Path]:
    paths = write_photos(8)
    store_images(collection, paths)
    return paths


@pytest.fixture
def query(tmp_path: Path) -> Path:
    """An image like nothing in the collection."""
    path = tmp_path / "query.png"
    PILImage.fromarray(textured_image(777)).save(path)
    return path


def vectors_of(collection: Collection, *paths: Path) -> Vectors:
    return collection.model.encode(list(paths))


def standing(collection: Collection, *paths: Path) -> list[dict[bytes, Decision]]:
    digests = [hashlib.sha256(path.read_bytes()).digest() for path in paths]
    vectors = vectors_of(collection, *paths)
    return decisions_for(collection.database, collection.codec, digests, vectors)


def test_a_decision_is_remembered_by_content(
    collection: Collection, photos: list[Path], query: Path, tmp_path: Path
) -> None:
    made = decide(collection, str(query), str(photos[2]), True, "seen there")
    assert made.query == hashlib.sha256(query.read_bytes()).digest()
    assert made.reference == hashlib.sha256(photos[2].read_bytes()).digest()
    assert (made.confirmed, made.note, made.name) == (True, "seen there", str(query))
    assert collection.database.decisions() == [made]
    moved = tmp_path / "elsewhere.png"
    shutil.move(photos[2], moved)
    assert store_images(collection, [moved]).moved == 1
    shutil.move(query, tmp_path / "renamed.png")
    (found,) = standing(collection, tmp_path / "renamed.png")
    assert found == {made.reference: made}
    assert collection.database.with_content(made.reference)[0].location == str(moved)


def test_a_copy_of_a_reference_or_its_digest_names_it(
    collection: Collection, photos: list[Path], query: Path, tmp_path: Path
) -> None:
    shutil.copy(photos[3], tmp_path / "copy.png")
    digest = hashlib.sha256(photos[3].read_bytes()).hexdigest()
    for name in (str(photos[3]), str(tmp_path / "copy.png"), digest, digest.upper()):
        assert decide(collection, str(query), name, False).reference.hex() == digest
    assert len(collection.database.decisions()) == 1


def test_nearly_the_same_query_is_known(
    collection: Collection, photos: list[Path], query: Path, tmp_path: Path
) -> None:
    made = decide(collection, str(query), str(photos[2]), True)
    saved_again = tmp_path / "again.jpg"
    PILImage.open(query).save(saved_again, quality=85)
    again, other = standing(collection, saved_again, photos[5])
    near = again[made.reference]
    assert NEARLY_SAME <= near.likeness <= 1
    assert near == replace(made, likeness=near.likeness)
    vectors = vectors_of(collection, query, saved_again)
    assert near.likeness == pytest.approx(float(vectors[0] @ vectors[1]), abs=1e-3)
    assert other == {}


def test_a_decision_on_the_same_file_outweighs_one_on_nearly_the_same(
    collection: Collection, photos: list[Path], query: Path, tmp_path: Path
) -> None:
    saved_again = tmp_path / "again.jpg"
    PILImage.open(query).save(saved_again, quality=85)
    yes = decide(collection, str(query), str(photos[2]), True)
    no = decide(collection, str(saved_again), str(photos[2]), False)
    assert standing(collection, query, saved_again) == [{yes.reference: yes}, {no.reference: no}]


def test_codes_of_another_length_are_passed_over(
    collection: Collection, photos: list[Path], query: Path, tmp_path: Path
) -> None:
    made = decide(collection, str(query), str(photos[2]), True)
    for code in (b"", made.code[:-1]):
        with collection.database.writing():
            collection.database.record_decision(replace(made, code=code))
        saved_again = tmp_path / "again.jpg"
        PILImage.open(query).save(saved_again, quality=85)
        same, near = standing(collection, query, saved_again)
        assert same == {made.reference: replace(made, code=code)}
        assert near == {}


def test_a_confirmed_reference_that_a_search_missed_is_added(
    collection: Collection, photos: list[Path], query: Path
) -> None:
    made = decide(collection, str(query), str(photos[2]), True)
    rejected = decide(collection, str(query), str(photos[4]), False)
    vector = vectors_of(collection, query)[0]
    everything = collection.search(vector[None], 8)[0]
    some = [hit for hit in everything if hit[0].sha256 not in (made.reference, rejected.reference)]
    decisions = by_reference(made, rejected)
    database, codec = collection.database, collection.codec
    found = with_confirmed(database, codec, some[:2], decisions, vector)
    assert found[:2] == some[:2]
    ((added, score),) = found[2:]
    assert added.location == str(photos[2])
    assert score == {row.id: score for row, score in everything}[added.id]
    assert with_confirmed(database, codec, found, decisions, vector) == found
    assert apply_decisions(found, decisions)[0][0][0] == added


def test_a_confirmed_reference_that_was_removed_is_not_added(
    collection: Collection, photos: list[Path], query: Path
) -> None:
    made = decide(collection, str(query), str(photos[2]), True)
    collection.remove([str(photos[2])])
    vector = np.ones(collection.model.dim, np.float32)
    assert with_confirmed(
        collection.database, collection.codec, [], by_reference(made), vector
    ) == []  # fmt: skip


def test_forgetting(collection: Collection, photos: list[Path], query: Path) -> None:
    made = decide(collection, str(query), str(photos[2]), True)
    assert forget(collection, str(query), str(photos[2])) == made
    assert standing(collection, query) == [{}]
    with pytest.raises(InputError, match="no decision on"):
        forget(collection, str(query), str(photos[2]))


def test_forgetting_when_the_files_are_gone(
    collection: Collection, photos: list[Path], query: Path
) -> None:
    made = decide(collection, str(query), str(photos[2]), True)
    query.unlink()
    photos[2].unlink()
    collection.remove([str(photos[2])])
    with pytest.raises(InputError, match="no decision on"):
        forget(collection, str(query), str(photos[2]))
    assert forget(collection, made.query.hex(), made.reference.hex()) == made


@pytest.mark.parametrize("name", ["nowhere.png", "0" * 64, "x" * 64, "", "null\0", "."])
def test_a_reference_of_another_collection_is_refused(
    collection: Collection, photos: list[Path], query: Path, name: str
) -> None:
    with pytest.raises(InputError, match="is not in the collection") as caught:
        decide(collection, str(query), name, True)
    assert f"originid find QUERY --in {collection.path}" in caught.value.todo
    assert collection.database.decisions() == []


def test_a_query_that_cannot_be_read_is_refused(
    collection: Collection, photos: list[Path], tmp_path: Path
) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_text("no image")
    for name in (broken, tmp_path / "missing.jpg"):
        with pytest.raises(InputError, match="cannot be read"):
            decide(collection, str(name), str(photos[0]), True)
    assert collection.database.decisions() == []


def test_many_decisions_give_what_the_slow_way_gives(collection: Collection) -> None:
    rng, codec = np.random.default_rng(0), collection.codec
    judged_vectors = rng.normal(size=(60, codec.dim)).astype(np.float32)
    steps = rng.uniform(0, 0.6, (60, 1)) * rng.normal(size=(60, codec.dim))
    queries = (judged_vectors + steps).astype(np.float32)[:25]
    made = [
        Decision(bytes([i]) * 32, bytes([i % 7]) * 32, i % 2 == 0, "q", code=code.tobytes())
        for i, code in enumerate(codec.encode(judged_vectors))
    ]
    with collection.database.writing():
        for decision in made:
            collection.database.record_decision(decision)
    found = decisions_for(collection.database, codec, [b"other"] * 25, queries)
    codes = codec.encode(judged_vectors)
    near = 0
    for query, decisions in zip(codec.rotate(queries), found, strict=True):
        scores = codec.scores(codes, query)
        expected: dict[bytes, tuple[bytes, float]] = {}
        for row in np.argsort(scores):
            if scores[row] >= NEARLY_SAME:
                expected[made[row].reference] = (made[row].query, float(scores[row]))
        assert {key: (d.query, d.likeness) for key, d in decisions.items()} == expected
        near += len(expected)
    assert 5 <= near <= 24  # some are near enough, and some are not

"""A collection's cohort follows what is added and removed, whoever does it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from originid import Finder, create_collection, open_collection
from originid.collection import calibrating
from originid.collection.collection import Collection
from originid.collection.row import Row
from originid.model import Model
from originid.types import Floats64
from originid.verdict import cohort as cohorts
from originid.verdict.cohort import COPY, KEPT, MEMBERS, keys
from originid.verdict.lead import LISTED


def rows(first: int, count: int) -> list[Row]:
    return [
        Row(f"/far/{n}.jpg", f"{n}.jpg", n.to_bytes(32, "big"), 1, 1, 1, 1)
        for n in range(first, first + count)
    ]


def vectors(count: int, dim: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, dim)).astype(np.float32)


def slow_lists(collection: Collection, members: list[int]) -> Floats64:
    """The best scores of each member with all others, from a plain product."""
    ids = collection.database.ids()
    if not len(ids):
        return np.empty((0, KEPT))
    units = collection.codec.units(collection.database.codes(ids)[1]).astype(np.float64)
    lists = np.full((len(members), KEPT), -1.0)
    for row, member in enumerate(members):
        scores = units @ units[np.searchsorted(ids, member)]
        scores = scores[(ids != member) & (scores <= COPY)]
        best = np.sort(scores)[::-1][:KEPT]
        lists[row, : len(best)] = best
    return lists


def assert_right(collection: Collection) -> None:
    stored = collection.database.cohort()
    ids = collection.database.ids()
    expected = ids[np.argsort(keys(ids), kind="stable")][:MEMBERS].tolist()
    assert stored.cohort.members.tolist() == expected
    for found, slow in zip(stored.cohort.scores, slow_lists(collection, expected), strict=True):
        # After removals a list may be shorter, but never than what is read of it.
        kept = int((found > -1).sum())
        assert kept >= min(LISTED, int((slow > -1).sum()))
        np.testing.assert_allclose(found[:kept], slow[:kept], atol=1e-5)
    assert stored.seen == collection.database.version()


@pytest.fixture(params=[2000, 1], ids=["compared", "searched"])
def collection(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    model: Model,
    monkeypatch: pytest.MonkeyPatch,
) -> Collection:
    """An empty collection; members that join are compared with all, or searched for."""
    monkeypatch.setattr(calibrating, "CODES_A_SEARCH", request.param)
    return create_collection(tmp_path / "c", model)


def add(collection: Collection, first: int, count: int) -> None:
    collection.add_vectors(rows(first, count), vectors(count, collection.model.dim, first))
    collection.calibrate()


def test_all_at_once(collection: Collection) -> None:
    add(collection, 0, 400)
    assert_right(collection)


def test_in_steps_it_is_as_all_at_once(collection: Collection) -> None:
    for first, count in ((0, 3), (3, 60), (63, 300), (363, 1), (364, 200)):
        add(collection, first, count)
        assert_right(collection)


def test_removing_members_and_others(collection: Collection) -> None:
    add(collection, 0, 500)
    members = set(collection.database.cohort().cohort.members.tolist())
    some = [row for row in collection.references() if row.id in members][:40]
    some += [row for row in collection.references() if row.id not in members][:40]
    collection.remove([row.location for row in some])
    assert_right(collection)


def test_nothing_is_done_twice(collection: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    add(collection, 0, 50)

    def fail(*arguments: object) -> None:
        raise AssertionError("codes were compared again")

    monkeypatch.setattr(cohorts.Cohort, "added", fail)
    collection.calibrate()


def test_what_others_add_is_seen(collection: Collection, tmp_path: Path) -> None:
    add(collection, 0, 300)
    before = collection.calibration()
    with open_collection(tmp_path / "c") as other:
        add(other, 300, 100)
    after = collection.calibration()
    assert (before.references, after.references) == (300, 400)
    assert before.strangers != after.strangers
    assert_right(collection)


def test_a_cohort_that_another_process_stored_first_stays(
    collection: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    collection.add_vectors(rows(0, 80), vectors(80, collection.model.dim, 0))
    caught_up = calibrating._caught_up

    def slower(*arguments: object) -> cohorts.Cohort:
        monkeypatch.setattr(calibrating, "_caught_up", caught_up)
        with open_collection(tmp_path / "c") as other:
            other.calibrate()
        return cohorts.empty_cohort(np.array([1], np.int64))

    monkeypatch.setattr(calibrating, "_caught_up", slower)
    collection.calibrate()
    assert_right(collection)


@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.tuples(st.booleans(), st.integers(1, 40)), min_size=1, max_size=6))
def test_any_history(
    tmp_path_factory: pytest.TempPathFactory, model: Model, steps: list[tuple[bool, int]]
) -> None:
    folder = tmp_path_factory.mktemp("history") / "c"
    with create_collection(folder, model) as made:
        total = 0
        for adding, count in steps:
            if adding:
                add(made, total, count)
                total += count
            else:
                made.remove([row.location for row in list(made.references())[:count]])
        assert_right(made)


def test_few_references_have_the_models_tail_and_many_their_own(
    tmp_path: Path, model: Model, write_photos: Callable[..., list[Path]]
) -> None:
    with create_collection(tmp_path / "c", model) as made:
        assert made.calibration().strangers is None
        add(made, 0, 10)
        assert made.calibration().strangers is None
        add(made, 10, 90)
        strangers = made.calibration().strangers
        assert strangers is not None
        assert strangers.sampled == 100
        query = write_photos(1)[0]
        rate = Finder(made).find(query).matches[0].false_match_rate
        assert 0 <= rate <= 1

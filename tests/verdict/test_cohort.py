"""The cohort that a collection keeps: a sample that stays right while references come and go."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from originid.verdict.cohort import COPY, KEPT, Cohort, chosen, empty_cohort, keys
from originid.verdict.lead import LISTED


def cosines(members: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """A symmetric stand-in for cosines that both ids determine; few are above `COPY`."""
    low, high = np.minimum.outer(members, ids), np.maximum.outer(members, ids)
    return np.asarray((low * 7919 + high * 104729) % 1000 / 1000, np.float32)


def slowly(members: np.ndarray, ids: np.ndarray) -> list[list[tuple[float, int]]]:
    """Each member's list, as its definition says."""
    table = cosines(members, ids)
    return [
        sorted(
            (
                (-float(score), int(other))
                for score, other in zip(row, ids, strict=True)
                if other != member and score <= COPY
            )
        )[:KEPT]
        for member, row in zip(members, table, strict=True)
    ]


def as_lists(cohort: Cohort) -> list[list[tuple[float, int]]]:
    return [
        [(-float(s), int(o)) for s, o in zip(scores, others, strict=True) if o >= 0]
        for scores, others in zip(cohort.scores, cohort.others, strict=True)
    ]


@given(st.integers(1, 6), st.integers(0, 2**32))
def test_adding_in_any_batches_equals_the_definition(batches: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    ids = np.arange(150)
    members = empty_cohort(ids[::30]).members
    cohort = empty_cohort(members)
    for batch in np.array_split(rng.permutation(ids), batches):
        cohort = cohort.added(batch, cosines(members, batch))
    assert as_lists(cohort) == slowly(members, ids)
    assert cohort.cut.all()


def test_removed_references_leave_the_lists() -> None:
    ids = np.arange(300)
    members = empty_cohort(ids[::60]).members
    cohort = empty_cohort(members).added(ids, cosines(members, ids))
    gone = np.array([60, *cohort.others[0, :5].tolist()])
    left = cohort.removed(gone)
    assert 60 not in left.members
    assert not np.isin(left.others, gone).any()
    assert (np.diff(left.scores, axis=1) <= 0).all()


def test_a_worn_list_asks_for_a_new_search() -> None:
    ids = np.arange(300)
    members = ids[:2]
    cohort = empty_cohort(members).added(ids, cosines(members, ids))
    assert len(cohort.worn) == 0
    enough = cohort.removed(cohort.others[0, : KEPT - LISTED])
    assert cohort.members[0] not in enough.worn
    assert cohort.members[0] in cohort.removed(cohort.others[0, : KEPT - LISTED + 1]).worn


def test_a_short_list_of_a_small_collection_is_not_worn() -> None:
    ids = np.arange(30)
    cohort = empty_cohort(ids).added(ids, cosines(empty_cohort(ids).members, ids))
    assert len(cohort.worn) == 0


def test_the_sample_does_not_depend_on_the_order() -> None:
    ids = np.arange(5000)
    shuffled = np.random.default_rng(0).permutation(ids)
    np.testing.assert_array_equal(chosen(ids, 64), chosen(shuffled, 64))
    first, second = empty_cohort(ids[:2500]), empty_cohort(ids[2500:])
    np.testing.assert_array_equal(first.joined(second).members, chosen(ids))


def test_keys_are_even_and_differ() -> None:
    found = keys(np.arange(20_000))
    assert len(np.unique(found)) == 20_000
    shares = np.histogram(found / 2**64, bins=10, range=(0, 1))[0] / 20_000
    assert shares == pytest.approx([0.1] * 10, abs=0.01)


def test_no_members() -> None:
    cohort = empty_cohort(np.empty(0, np.int64))
    grown = cohort.added(np.arange(3), np.empty((0, 3), np.float32))
    assert grown.scores.shape == (0, KEPT)
    assert len(grown.removed(np.arange(3)).members) == 0

"""The cohort in the database: what is stored comes back, and damage does no harm."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from originid import open_collection
from originid.collection.cohort_table import StoredCohort
from originid.collection.collection import Collection
from originid.collection.database import Database
from originid.collection.row import Row
from originid.errors import CollectionError
from originid.verdict.cohort import KEPT, MEMBERS, Cohort, empty_cohort, keys


def some_cohort(members: int, seed: int = 0) -> Cohort:
    """A cohort of random scores, in the order in which a database gives it."""
    rng = np.random.default_rng(seed)
    ids = rng.choice(10_000, members, replace=False).astype(np.int64)
    scores = np.sort(rng.uniform(-1, 0.95, (members, KEPT)).astype(np.float32))[:, ::-1]
    others = rng.integers(0, 2**62, (members, KEPT), dtype=np.int64)
    return Cohort(ids, scores.copy(), others, rng.random(members) < 0.5).ordered()


def assert_same(found: Cohort, expected: Cohort) -> None:
    for name in ("members", "scores", "others", "cut"):
        got, given = getattr(found, name), getattr(expected, name)
        np.testing.assert_array_equal(got, given)
        assert got.dtype == given.dtype
        assert got.dtype.isnative


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    path = tmp_path / "collection.sqlite"
    Database.create(path, {"model": "m"})
    with closing(Database(path)) as made:
        yield made


def put(database: Database, cohort: Cohort, seen: tuple[int, int] = (3, 4)) -> None:
    with database.writing():
        database.put_cohort(StoredCohort(cohort, seen))


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    members=st.sampled_from([0, 1, 2, 7, MEMBERS]),
    seed=st.integers(0, 99),
    seen=st.tuples(st.integers(1, 10**18 - 1), st.integers(0, 10**18 - 1)),
)
def test_what_is_stored_comes_back(
    database: Database, members: int, seed: int, seen: tuple[int, int]
) -> None:
    cohort = some_cohort(members, seed)
    put(database, cohort, seen)
    stored = database.cohort()
    assert_same(stored.cohort, cohort)
    assert stored.seen == seen == database.cohort_seen()


def test_before_the_first_one_there_is_an_empty_one(database: Database) -> None:
    stored = database.cohort()
    assert_same(stored.cohort, empty_cohort(np.empty(0, np.int64)))
    assert stored.seen == (0, 0)


def test_a_cohort_takes_the_place_of_the_one_before(database: Database) -> None:
    put(database, some_cohort(9, 1))
    put(database, some_cohort(4, 2), (5, 6))
    assert_same(database.cohort().cohort, some_cohort(4, 2))
    assert database.cohort_seen() == (5, 6)


def test_members_come_in_the_order_of_their_keys(database: Database) -> None:
    shuffled = some_cohort(50).only(np.arange(10_000))
    turned = Cohort(
        shuffled.members[::-1], shuffled.scores[::-1], shuffled.others[::-1], shuffled.cut[::-1]
    )
    put(database, turned)
    members = database.cohort().cohort.members
    assert (np.diff(keys(members).astype(object)) > 0).all()
    assert_same(database.cohort().cohort, some_cohort(50))


def test_a_transaction_that_fails_keeps_the_cohort_before(database: Database) -> None:
    put(database, some_cohort(3))
    database._connection.execute("PRAGMA query_only = OFF")
    database._connection.execute("CREATE TEMP TRIGGER full BEFORE INSERT ON meta BEGIN"
                                 " SELECT RAISE(ABORT, 'no more'); END")  # fmt: skip
    with pytest.raises(CollectionError, match="no more"):
        put(database, some_cohort(5, 8), (8, 8))
    database._connection.execute("PRAGMA query_only = OFF")
    database._connection.execute("DROP TRIGGER full")
    assert_same(database.cohort().cohort, some_cohort(3))
    assert database.cohort_seen() == (3, 4)


def test_the_bytes_are_little_endian(database: Database) -> None:
    """The documented form of the table, read without numpy's help in the order of the machine."""
    put(database, some_cohort(1))
    scores, others = database._one("SELECT scores, others FROM cohort")
    cohort = some_cohort(1)
    assert scores == b"".join(np.float32(x).astype("<f4").tobytes() for x in cohort.scores[0])
    assert others == b"".join(int(x).to_bytes(8, "little", signed=True) for x in cohort.others[0])


def test_what_another_process_stores_between_two_readings_is_never_older_than_its_note(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Members with a newer note would lack references for ever; with an older one they do not."""
    put(database, some_cohort(3, 1), (3, 0))
    read = Database.cohort_seen

    def slowly(self: Database) -> tuple[int, int]:
        seen = read(self)
        with closing(Database(database.path)) as other:
            put(other, some_cohort(4, 2), (7, 0))
        return seen

    monkeypatch.setattr(Database, "cohort_seen", slowly)
    stored = database.cohort()
    assert stored.seen == (3, 0)
    assert_same(stored.cohort, some_cohort(4, 2))


# Collections may come from somebody else: the next tests forge rows.


@pytest.fixture
def calibrated(collection: Collection) -> Collection:
    vectors = np.random.default_rng(0).standard_normal((120, collection.model.dim))
    rows = [Row(f"/{n}.jpg", "", n.to_bytes(32, "big"), 1, 1, 1, 1) for n in range(120)]
    collection.add_vectors(rows, vectors.astype(np.float32))
    collection.calibrate()
    return collection


def forge(collection: Collection, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(collection.path / "collection.sqlite")) as connection:
        connection.execute(statement, values)
        connection.commit()


GOOD_SCORES, GOOD_OTHERS = bytes(4 * KEPT), bytes(8 * KEPT)
NOT_A_NUMBER = np.full(KEPT, np.nan, "<f4").tobytes()
BEYOND = np.full(KEPT, 7, "<f4").tobytes()
FORGED: dict[str, tuple[object, object]] = {
    "scores too short": (GOOD_SCORES[:-4], GOOD_OTHERS),
    "scores of half a number": (GOOD_SCORES[:-1], GOOD_OTHERS),
    "scores too long": (GOOD_SCORES + bytes(4), GOOD_OTHERS),
    "no scores": (b"", GOOD_OTHERS),
    "others too short": (GOOD_SCORES, GOOD_OTHERS[:-8]),
    "no others": (GOOD_SCORES, b""),
    "scores of text": ("a" * 4 * KEPT, GOOD_OTHERS),
    "others that are a number": (GOOD_SCORES, 5),
    "scores that are no numbers": (NOT_A_NUMBER, GOOD_OTHERS),
    "infinite scores": (np.full(KEPT, np.inf, "<f4").tobytes(), GOOD_OTHERS),
    "scores that are no cosines": (BEYOND, GOOD_OTHERS),
}


@pytest.mark.parametrize("kind", list(FORGED))
def test_a_forged_row_is_passed_over_and_made_again(calibrated: Collection, kind: str) -> None:
    before = calibrated.database.cohort().cohort
    victim = int(before.members[5])
    sound = before.only(before.members[before.members != victim])
    forge(
        calibrated, "UPDATE cohort SET scores = ?, others = ? WHERE id = ?", *FORGED[kind], victim
    )
    with open_collection(calibrated.path) as again:
        assert_same(again.database.cohort().cohort, sound)
        strangers = again.calibration().strangers
        assert strangers is not None
        assert strangers.sampled == 119
        # The next run that changes the collection makes the member's list again.
        again.remove(["/119.jpg"])
        assert len(again.database.cohort().cohort.members) == 119
        assert victim in again.database.cohort().cohort.members


def test_two_wrong_lengths_that_make_up_for_each_other_are_noticed(calibrated: Collection) -> None:
    """Read as one stream of numbers, they would shift the lists of the members between them."""
    before = calibrated.database.cohort().cohort
    first, second = sorted(before.members.tolist())[:2]
    for member, length in ((first, 4 * KEPT - 4), (second, 4 * KEPT + 4)):
        forge(calibrated, "UPDATE cohort SET scores = ? WHERE id = ?", bytes(length), member)
    found = calibrated.database.cohort().cohort
    assert_same(found, before.only(np.setdiff1d(before.members, [first, second])))


@pytest.mark.parametrize(
    "seen", ["", "1", "x y", "1 2 3", "-1 -1", "1.5 2", "9" * 30 + " 0", "9" * 6000 + " 1", "\0"]
)
def test_a_forged_note_of_what_was_seen_begins_anew(calibrated: Collection, seen: str) -> None:
    before = calibrated.database.cohort().cohort
    forge(calibrated, "UPDATE meta SET value = ? WHERE key = 'cohort_seen'", seen)
    with open_collection(calibrated.path) as again:
        assert again.database.cohort_seen() == (0, 0)
        assert again.calibration().references == 120
        again.calibrate()
        found = again.database.cohort()
    assert found.seen == calibrated.database.version()
    np.testing.assert_array_equal(found.cohort.members, before.members)
    np.testing.assert_allclose(found.cohort.scores, before.scores, atol=1e-6)


@pytest.mark.parametrize("cut", ["yes", b"\1", 2, -1])
def test_any_value_is_true_or_false(calibrated: Collection, cut: object) -> None:
    forge(calibrated, "UPDATE cohort SET cut = ?", cut)
    found = calibrated.database.cohort().cohort.cut
    assert found.dtype == np.bool_
    assert len(found) == 120


def test_members_that_are_no_references_leave_the_sample(calibrated: Collection) -> None:
    """Forged members stand in for nothing: their lists do not outlive the next run."""
    forge(calibrated, "INSERT INTO cohort VALUES (?, ?, ?, 0)", 9_999_999, GOOD_SCORES, GOOD_OTHERS)
    forge(calibrated, "INSERT INTO cohort VALUES (?, ?, ?, 0)", -5, GOOD_SCORES, GOOD_OTHERS)
    calibrated.remove(["/3.jpg"])
    members = calibrated.database.cohort().cohort.members
    assert sorted(members.tolist()) == calibrated.database.ids().tolist()


def test_a_missing_table_is_an_error_in_three_parts(calibrated: Collection) -> None:
    forge(calibrated, "DROP TABLE cohort")
    with open_collection(calibrated.path) as again:
        with pytest.raises(CollectionError) as caught:
            again.calibration()
        error = caught.value
        assert str(calibrated.path) in error.given
        assert error.expected == "expected the database of a collection"
        assert "index the images again" in error.todo
        assert len(str(error).splitlines()) == 3

"""What follows a database: it is opened late, catches up, and is made again where it is wrong."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from originid.collection import following, vector_table
from originid.collection.collection import Collection, create_collection, open_collection
from originid.collection.following import Followed, stored_vectors
from originid.collection.row import Row
from originid.index import Codes, OfSigns
from originid.model import Model
from originid.types import Ids
from sqlite_of import sqlite_of

NO_FILE = Path("none")


def history(collection: Collection, last: int, place: int = 0, passed: int = 0) -> str:
    """What a follower keeps that knows ids up to one, and removals up to a place."""
    database = collection.database
    at = f"removed:{place}:{database.removed_at(place)} passed:{passed}"
    return f"{at} {database.history(last)}"


class Notes:
    """A follower that notes what it is told."""

    def __init__(
        self, known: tuple[int, ...] = (), disk_refuses: bool = False, history: str = ""
    ) -> None:
        self.known = dict.fromkeys(known, b"")
        self.last_id = max(known, default=-1)
        self.calls: list[str] = []
        self._refuses = disk_refuses
        self.history = history

    def __len__(self) -> int:
        return len(self.known)

    def add(self, ids: Ids, codes: Codes) -> None:
        assert not set(ids.tolist()) & set(self.known)
        self.calls.append(f"add {len(ids)}")
        self.known |= {key: code.tobytes() for key, code in zip(ids.tolist(), codes, strict=True)}
        self.last_id = max(self.last_id, int(ids.max()))

    def remove(self, ids: Ids) -> None:
        for key in ids.tolist():
            if self.known.pop(key, None) is not None:
                self.calls.append(f"remove {key}")

    def clear(self) -> None:
        self.calls.append("clear")
        self.known, self.last_id, self.history = {}, -1, ""

    def keep(self) -> None:
        self.calls.append("keep")
        if self._refuses:
            raise OSError("no space left")


@pytest.fixture
def collection(tmp_path: Path, model: Model) -> Iterator[Collection]:
    """Twelve references with the ids 1 to 12."""
    with create_collection(tmp_path / "made", model) as made:
        add(made, 0, 12)
        yield made


def add(collection: Collection, first: int, count: int) -> None:
    rows = [
        Row(f"/{n}.png", "", n.to_bytes(32, "big"), 1, 1, 1, 1) for n in range(first, first + count)
    ]
    drawn = np.random.default_rng(first).normal(size=(count, collection.model.dim))
    collection.add_vectors(rows, drawn.astype(np.float32))


def remove(collection: Collection, *numbers: int) -> None:
    """Without bringing up to date anything but the database."""
    with collection.database.writing():
        for n in numbers:
            collection.database.free(f"/{n}.png")


def check(collection: Collection, notes: Notes) -> None:
    ids, codes = collection.database.codes_after(-1, 1000)
    expected = {key: code.tobytes() for key, code in zip(ids.tolist(), codes, strict=True)}
    assert {key: code for key, code in notes.known.items() if code} == expected
    assert set(notes.known) == set(expected)


def test_it_is_opened_once_and_only_when_needed(collection: Collection) -> None:
    opened: list[Notes] = []

    def open_notes() -> Notes:
        opened.append(Notes())
        return opened[-1]

    followed = Followed(stored_vectors(collection.database), open_notes, NO_FILE)
    assert opened == []
    assert followed.up_to_date() is followed.up_to_date() is opened[0]
    assert opened[0].calls == ["add 12", "keep"]
    check(collection, opened[0])


def test_it_catches_up_in_batches(collection: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "BATCH", 5)
    notes = Notes()
    Followed(stored_vectors(collection.database), lambda: notes, NO_FILE).up_to_date()
    assert notes.calls == ["add 5", "add 5", "add 2", "keep"]
    check(collection, notes)


def test_only_what_changed_is_told(collection: Collection) -> None:
    notes = Notes()
    followed = Followed(stored_vectors(collection.database), lambda: notes, NO_FILE)
    followed.up_to_date()
    notes.calls.clear()
    followed.up_to_date()
    assert notes.calls == []
    add(collection, 20, 1)  # less than a tenth: not kept again
    followed.up_to_date()
    assert notes.calls == ["add 1"]
    remove(collection, 3)
    followed.up_to_date()
    assert notes.calls == ["add 1", "remove 4"]
    remove(collection, 5, 6)
    add(collection, 30, 3)
    followed.up_to_date()
    assert notes.calls[2:] == ["remove 6", "remove 7", "add 3", "keep"]
    check(collection, notes)


def test_what_was_added_and_removed_in_between_is_never_known(collection: Collection) -> None:
    notes = Notes()
    followed = Followed(stored_vectors(collection.database), lambda: notes, NO_FILE)
    followed.up_to_date()
    add(collection, 40, 2)
    remove(collection, 40, 41)
    followed.up_to_date()
    check(collection, notes)


def test_what_was_kept_is_not_made_again(collection: Collection) -> None:
    database = collection.database
    kept = Notes(tuple(range(1, 12)), history=history(collection, 11))
    followed = Followed(stored_vectors(database), lambda: kept, NO_FILE)
    notes = followed.up_to_date()
    assert notes.calls == ["add 1"]
    assert len(notes) == 12


@pytest.mark.parametrize(
    "known",
    [tuple(range(1, 14)), (1, 2, 3, 12), tuple(range(-3, 13)), (50,)],
    ids=["too many", "holes", "strange ones", "from the future"],
)
def test_what_is_not_of_this_database_is_made_again(
    collection: Collection, known: tuple[int, ...]
) -> None:
    notes = Notes(known, history=history(collection, 12))
    Followed(stored_vectors(collection.database), lambda: notes, NO_FILE).up_to_date()
    assert "clear" in notes.calls
    check(collection, notes)


def test_removals_before_it_was_kept_are_passed_over(collection: Collection) -> None:
    remove(collection, 0, 11)
    notes = Notes(tuple(range(2, 12)), history=history(collection, 11, 2))
    Followed(stored_vectors(collection.database), lambda: notes, NO_FILE).up_to_date()
    assert "clear" not in notes.calls
    assert len(notes) == 10


def test_a_disk_that_refuses_costs_nothing_else(collection: Collection) -> None:
    notes = Notes(disk_refuses=True)
    assert (
        Followed(stored_vectors(collection.database), lambda: notes, NO_FILE).up_to_date() is notes
    )
    check(collection, notes)


def test_an_empty_database_has_an_empty_follower(tmp_path: Path, model: Model) -> None:
    with create_collection(tmp_path / "empty", model) as empty:
        notes = Notes()
        followed = Followed(stored_vectors(empty.database), lambda: notes, NO_FILE)
        assert len(followed.up_to_date()) == 0
        add(empty, 0, 3)
        assert len(followed.up_to_date()) == 3
        check(empty, notes)


def test_what_was_removed_before_it_was_kept_is_not_read_again(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    remove(collection, 0, 11)
    notes = Notes(tuple(range(2, 13)), history=history(collection, 11, 1))
    read: list[int] = []
    removed = collection.database.removed

    def noted(place: int) -> Ids:
        """Note from which place on the list is read."""
        read.append(place)
        return removed(place)

    monkeypatch.setattr(collection.database, "removed", noted)
    Followed(stored_vectors(collection.database), lambda: notes, NO_FILE).up_to_date()
    assert (read, notes.calls) == ([1], ["remove 12"])


def test_another_removal_at_the_place_means_another_database(collection: Collection) -> None:
    """As if a backup was restored, and something else was removed from it."""
    remove(collection, 0, 11)
    notes = Notes((1, *range(3, 12)), history=history(collection, 11, 2).replace(":12 ", ":2 "))
    Followed(stored_vectors(collection.database), lambda: notes, NO_FILE).up_to_date()
    assert notes.calls[0] == "clear"
    check(collection, notes)


def test_who_missed_removals_that_are_pruned_is_made_again(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vector_table, "KEPT_REMOVALS", 2)
    notes, late = Notes(), Notes()
    follower = Followed(stored_vectors(collection.database), lambda: notes, NO_FILE)
    behind = Followed(stored_vectors(collection.database), lambda: late, NO_FILE)
    for each in (follower, behind):
        each.up_to_date()
    remove(collection, 0, 1)
    follower.up_to_date()
    remove(collection, 2, 3)
    with collection.database.writing():
        collection.database.prune_removed(3)
    assert collection.database.removed(0).tolist() == [3, 4]
    for each, known in ((follower, notes), (behind, late)):
        each.up_to_date()
        check(collection, known)
    assert ("clear" in notes.calls, "clear" in late.calls) == (False, True)
    assert collection.database.version() == (12, 4)


def test_only_what_the_cohort_saw_is_pruned(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vector_table, "KEPT_REMOVALS", 1)
    remove(collection, *range(5))
    with collection.database.writing():
        collection.database.prune_removed(2)
    assert collection.database.removed(0).tolist() == [3, 4, 5]
    assert collection.remove(["/7.png"]) == []
    assert collection.database.removed(0).tolist() == [8]


def test_damaged_vectors_are_passed_over_at_each_opening(collection: Collection) -> None:
    with collection.database.writing():
        sqlite_of(collection)._connection.execute("UPDATE vector SET code = x'00' WHERE id = 3")
    first = Notes()
    followed = Followed(stored_vectors(collection.database), lambda: first, NO_FILE)
    assert len(followed.up_to_date()) == 11
    assert followed.passed_over == 1
    again = Notes(tuple(first.known), history=first.history)
    followed = Followed(stored_vectors(collection.database), lambda: again, NO_FILE)
    assert len(followed.up_to_date()) == 11
    assert (again.calls, followed.passed_over) == ([], 1)


@pytest.mark.parametrize("file", ["index.bin", "shortlist.bin"])
def test_a_cache_that_says_something_else_is_told(collection: Collection, file: str) -> None:
    for followed in collection.followers[:2]:
        followed.up_to_date()
        assert followed.is_as_stored()
    add(collection, 50, 1)
    remove(collection, 3)
    assert not [each for each in collection.verify() if each.path.endswith(".bin")]
    follower = collection.followers[["index.bin", "shortlist.bin"].index(file)].up_to_date()
    assert isinstance(follower, OfSigns)
    follower._scan._parts[0].memory()[0][0] ^= 1  # a bit of the first reference
    follower.keep()
    with open_collection(collection.path) as again:
        told = [each.path for each in again.verify() if each.path.endswith(".bin")]
        assert told == [file]
        (again.path / file).unlink()
    with open_collection(collection.path) as again:
        assert not [each for each in again.verify() if each.path.endswith(".bin")]

"""What follows a database: it is opened late, catches up, and is made again where it is wrong."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from originid.collection import following
from originid.collection.collection import Collection, create_collection
from originid.collection.following import Followed, stored_vectors
from originid.collection.row import Row
from originid.index import Codes
from originid.model import Model
from originid.types import Ids


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

    followed = Followed(stored_vectors(collection.database), open_notes)
    assert opened == []
    assert followed.up_to_date() is followed.up_to_date() is opened[0]
    assert opened[0].calls == ["add 12", "keep"]
    check(collection, opened[0])


def test_it_catches_up_in_batches(collection: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "BATCH", 5)
    notes = Notes()
    Followed(stored_vectors(collection.database), lambda: notes).up_to_date()
    assert notes.calls == ["add 5", "add 5", "add 2", "keep"]
    check(collection, notes)


def test_only_what_changed_is_told(collection: Collection) -> None:
    notes = Notes()
    followed = Followed(stored_vectors(collection.database), lambda: notes)
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
    followed = Followed(stored_vectors(collection.database), lambda: notes)
    followed.up_to_date()
    add(collection, 40, 2)
    remove(collection, 40, 41)
    followed.up_to_date()
    check(collection, notes)


def test_what_was_kept_is_not_made_again(collection: Collection) -> None:
    database = collection.database
    kept = Notes(tuple(range(1, 12)), history=database.history(11))
    followed = Followed(stored_vectors(database), lambda: kept)
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
    notes = Notes(known, history=collection.database.history(12))
    Followed(stored_vectors(collection.database), lambda: notes).up_to_date()
    assert "clear" in notes.calls
    check(collection, notes)


def test_removals_before_it_was_kept_are_passed_over(collection: Collection) -> None:
    remove(collection, 0, 11)
    notes = Notes(tuple(range(2, 12)), history=collection.database.history(11))
    Followed(stored_vectors(collection.database), lambda: notes).up_to_date()
    assert "clear" not in notes.calls
    assert len(notes) == 10


def test_a_disk_that_refuses_costs_nothing_else(collection: Collection) -> None:
    notes = Notes(disk_refuses=True)
    assert Followed(stored_vectors(collection.database), lambda: notes).up_to_date() is notes
    check(collection, notes)


def test_an_empty_database_has_an_empty_follower(tmp_path: Path, model: Model) -> None:
    with create_collection(tmp_path / "empty", model) as empty:
        notes = Notes()
        followed = Followed(stored_vectors(empty.database), lambda: notes)
        assert len(followed.up_to_date()) == 0
        add(empty, 0, 3)
        assert len(followed.up_to_date()) == 3
        check(empty, notes)

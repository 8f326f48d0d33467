"""What is kept beside a database belongs to it, and is made again beside another one."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from originid.collection.collection import Collection, create_collection, open_collection
from originid.collection.row import Row
from originid.index import ExactIndex
from originid.model import Model
from originid.types import Vectors

FEW = 40


def some_vectors(model: Model, count: int, seed: int) -> Vectors:
    vectors = np.random.default_rng(seed).standard_normal((count, model.dim)).astype(np.float32)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def add(collection: Collection, vectors: Vectors, name: str) -> None:
    codes = collection.codec.encode(vectors)
    with collection.database.writing():
        for number, code in enumerate(codes):
            path = f"/{name}/{number}.jpg"
            content = f"{name}{number}".encode().ljust(32)
            row = Row(path, path, content, 1, 1, 8, 8)
            collection.database.insert(row, code.tobytes())
    collection.index()


def found(collection: Collection, vectors: Vectors) -> list[str]:
    _, ids = collection.index().search(vectors, 1)
    rows = collection.database.rows(ids[:, 0].tolist())
    return [rows[key].location for key in ids[:, 0].tolist()]


def restored(folder: Path, backup: Path) -> None:
    for end in ("", "-wal", "-shm"):
        (folder / f"collection.sqlite{end}").unlink(missing_ok=True)
    shutil.copy(backup, folder / "collection.sqlite")


def test_a_database_from_a_backup_is_not_searched_by_a_later_index(
    tmp_path: Path, model: Model
) -> None:
    folder, backup = tmp_path / "made", tmp_path / "backup"
    base, lost, new = (some_vectors(model, FEW, seed) for seed in range(3))
    with create_collection(folder, model) as opened:
        add(opened, base, "base")
    shutil.copy(folder / "collection.sqlite", backup)
    with open_collection(folder) as opened:
        add(opened, lost, "lost")
    restored(folder, backup)
    kept = (folder / "index.bin").read_bytes()
    with open_collection(folder) as opened:
        add(opened, new, "new")
    (folder / "index.bin").write_bytes(kept)  # as if another process had kept it a moment later
    with open_collection(folder) as opened:
        index = opened.index()
        assert isinstance(index, ExactIndex)
        assert opened.database.agrees(index.history)
        assert found(opened, new) == [f"/new/{number}.jpg" for number in range(FEW)]
        assert found(opened, base) == [f"/base/{number}.jpg" for number in range(FEW)]
        assert len(opened.index()) == 2 * FEW
    assert (folder / "index.bin").read_bytes() != kept


def test_an_index_is_written_again_only_when_that_pays(tmp_path: Path, model: Model) -> None:
    folder = tmp_path / "made"
    with create_collection(folder, model) as opened:
        add(opened, some_vectors(model, FEW, 0), "base")
        opened.remove([f"/base/{number}.jpg" for number in range(FEW // 4)])
        opened.index()
    written = (folder / "index.bin").stat().st_mtime_ns
    for _ in range(2):
        with open_collection(folder) as opened:
            assert len(opened.index()) == FEW - FEW // 4
        assert (folder / "index.bin").stat().st_mtime_ns == written


@pytest.mark.parametrize("history", ["", "1:2", "999:1", "nothing 1: :", "1:2 " * 9])
def test_a_history_of_something_else_does_not_agree(
    history: str, tmp_path: Path, model: Model
) -> None:
    with create_collection(tmp_path / "made", model) as opened:
        add(opened, some_vectors(model, FEW, 0), "base")
        assert not opened.database.agrees(history)
        whole = opened.database.history(FEW)
        assert opened.database.agrees(whole)
        opened.remove(["/base/39.jpg", "/base/3.jpg"])
        assert opened.database.agrees(whole)

"""An upgrade that dies at any moment leaves a collection of one model, and goes on later."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fixture_types import WritePhotos
from originid.collection.collection import create_collection, open_collection
from originid.indexing import add_images
from originid.model import Model
from originid.upgrading import upgrade_collection

STEPS = ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "shutil.rmtree")


class KilledError(BaseException):
    """Stands for the death of the process."""


class Death:
    """Ends a run before one of its steps on the disk, and lets no further one happen."""

    def __init__(self) -> None:
        self.left: int | None = None
        sys.addaudithook(self)  # for ever, so it does nothing while `left` is None

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        if self.left is not None and event in STEPS:
            self.left -= 1
            if self.left < 0:
                raise KilledError

    @contextmanager
    def after(self, steps: int) -> Iterator[None]:
        """Let so many steps happen."""
        self.left = steps
        try:
            yield
        finally:
            self.left = None


@pytest.fixture(scope="module")
def death() -> Death:
    return Death()


@pytest.fixture
def place(tmp_path: Path, model: Model, write_photos: WritePhotos) -> Path:
    photos = write_photos(4)
    with create_collection(tmp_path / "collection", model) as collection:
        add_images(collection, photos)
    return tmp_path / "collection"


def model_of(place: Path, references: int) -> str:
    """The fingerprint of the model of a collection whose vectors are all of it."""
    with open_collection(place) as collection:
        assert list(collection.verify()) == []
        assert len(collection) == references
        for row in collection.references():
            ((found, score),) = collection.search(collection.model.encode(row.location), 1)[0]
            assert (found.location, score > 0.999) == (row.location, True)
        return collection.model.fingerprint


def test_death_before_any_step_on_the_disk(
    tmp_path: Path, place: Path, model: Model, death: Death, twin_model: Model
) -> None:
    target = twin_model  # of the same size: its vectors could be taken for those of the other
    seen, steps, finished = set(), 0, False
    while not finished:
        copy = Path(shutil.copytree(place, tmp_path / f"copy {steps}"))
        with death.after(steps):
            try:
                finished = upgrade_collection(copy, target).finished
            except KilledError:
                finished = False
        found = model_of(copy, 4)
        seen.add((found == target.fingerprint, (copy / "upgrade").exists()))
        assert found in (model.fingerprint, target.fingerprint)
        assert upgrade_collection(copy, target).finished
        assert model_of(copy, 4) == target.fingerprint
        assert not [*copy.glob("upgrade*"), *copy.glob(".upgrade*")]
        steps += 1
    assert steps > 12
    # It died before anything was made, beside the old model, beside the new one, and after all.
    assert seen == {(False, False), (False, True), (True, True), (True, False)}


def test_another_upgrade_after_a_death_keeps_the_model_that_counts(
    place: Path, other_model: Model, twin_model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The collection's only model may lie in the folder that another upgrade would clear."""
    real = os.replace

    def replace(source: Path, to: Path) -> None:
        if source == place / "upgrade" / "model":
            raise KilledError
        real(source, to)

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(KilledError):
        upgrade_collection(place, other_model)
    monkeypatch.undo()
    assert not (place / "model").exists()
    assert model_of(place, 4) == other_model.fingerprint
    assert upgrade_collection(place, twin_model).finished
    assert model_of(place, 4) == twin_model.fingerprint


UPGRADE_SLOWLY = """
import sys
from originid.collection import image_writer
from originid.model import open_model
from originid.upgrading import upgrade_collection
image_writer.BATCH = 4
upgrade_collection(
    sys.argv[1], open_model(sys.argv[2]), workers=1,
    progress=lambda *counts: print(*counts, flush=True),
)
print("done", flush=True)
"""


def test_killed_while_vectors_are_made(
    tmp_path: Path, model: Model, other_model: Model, write_photos: WritePhotos
) -> None:
    place, photos = tmp_path / "collection", write_photos(30)
    with create_collection(place, model) as collection:
        add_images(collection, photos)
    for _ in range(2):
        process = subprocess.Popen(
            [sys.executable, "-c", UPGRADE_SLOWLY, str(place), str(other_model.folder)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip() != "done" and int(line.split()[0]) >= 8:
                process.send_signal(signal.SIGKILL)
                break
        process.stdout.close()
        process.wait(timeout=60)
        assert model_of(place, 30) in (model.fingerprint, other_model.fingerprint)
    assert upgrade_collection(place, other_model).finished
    assert model_of(place, 30) == other_model.fingerprint

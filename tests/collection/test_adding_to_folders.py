"""What adding makes of bins, links, unreadable and blank files, and of a collection in use."""

import os
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PILImage

from answers import counts
from fixture_types import WritePhotos
from originid import Finder
from originid.collection.added import Added
from originid.collection.adding import store_images
from originid.collection.collection import Collection, open_collection
from originid.images.decode import decode
from originid.images.thumbnails import thumbnails
from originid.testing import flat_image, textured_image
from originid.verdict.information import LITTLE, information


def save(image: np.ndarray, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    PILImage.fromarray(image).save(path)
    return path


def informations(collection: Collection) -> dict[str, float | None]:
    return {Path(row.location).name: row.information for row in collection.references()}


def test_information_is_that_of_the_thumbnail(
    collection: Collection, write_photos: WritePhotos, tmp_path: Path
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (90, 70, 3), np.uint8)
    paths = [
        *write_photos(2),
        save(flat_image((200, 10, 10), 80), tmp_path / "photos" / "flat.png"),
        save(noise, tmp_path / "photos" / "noise.png"),
    ]
    store_images(collection, paths)
    size = collection.model.encoder.size
    images = np.stack([decode(path.read_bytes(), size).image for path in paths])
    expected = information(thumbnails(images)).tolist()
    stored = informations(collection)
    assert [stored[path.name] for path in paths] == pytest.approx(expected)
    assert stored["flat.png"] == 0
    assert stored["noise.png"] == pytest.approx(1, abs=0.2)
    assert collection.database.count_blank() == sum(share < LITTLE for share in expected)


def test_moved_and_copied_files_keep_their_information(
    collection: Collection, tmp_path: Path
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    moved = save(noise, tmp_path / "a" / "moved.png")
    copied = save(flat_image((9, 9, 9), 64), tmp_path / "a" / "copied.png")
    store_images(collection, [tmp_path / "a"])
    before = informations(collection)
    (tmp_path / "b").mkdir()
    shutil.move(moved, tmp_path / "b" / "here.png")
    shutil.copy(copied, tmp_path / "b" / "twin.png")
    assert counts(store_images(collection, [tmp_path / "b"])) == (1, 0, 1, 0, 0)
    after = informations(collection)
    assert after["here.png"] == before["moved.png"] != 0
    assert after["twin.png"] == after["copied.png"] == before["copied.png"] == 0


def test_another_image_at_the_same_place_has_its_own_information(
    collection: Collection, tmp_path: Path
) -> None:
    path = save(flat_image((0, 0, 255), 64), tmp_path / "a.png")
    store_images(collection, [path])
    assert collection.database.count_blank() == 1
    save(np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8), path)
    assert counts(store_images(collection, [path])) == (0, 1, 0, 0, 0)
    assert collection.database.count_blank() == 0


def test_bins_are_passed_over_until_they_are_asked_for(
    collection: Collection, write_photos: WritePhotos, tmp_path: Path
) -> None:
    write_photos(2)
    write_photos(3, "photos/#recycle", first=10)
    write_photos(1, "photos/trip/@eaDir", first=20)
    tidy = store_images(collection, [tmp_path / "photos"])
    assert (tidy.added, tidy.passed_over, tidy.total) == (2, 2, 2)
    everything = store_images(collection, [tmp_path / "photos"], all_folders=True)
    assert (everything.added, everything.unchanged, everything.passed_over) == (4, 2, 0)
    # What is in the collection stays in it, though its folder is passed over.
    again = store_images(collection, [tmp_path / "photos"])
    assert (again.seen, again.passed_over, len(collection)) == (2, 2, 6)


def test_a_photo_that_went_to_the_bin_is_known_there(
    collection: Collection, write_photos: WritePhotos, tmp_path: Path
) -> None:
    photo = write_photos(1)[0]
    store_images(collection, [photo])
    (tmp_path / "photos" / ".Trash").mkdir()
    binned = shutil.move(photo, tmp_path / "photos" / ".Trash" / photo.name)
    assert counts(store_images(collection, [tmp_path / "photos"])) == (0, 0, 0, 0, 0)
    assert next(collection.references()).location == str(photo)
    assert store_images(collection, [tmp_path / "photos"], all_folders=True).moved == 1
    assert next(collection.references()).location == str(binned)


def test_a_copy_in_a_bin_does_not_give_the_picture_its_name(
    collection: Collection, write_photos: WritePhotos, tmp_path: Path
) -> None:
    binned = write_photos(1, "p/#recycle")[0]
    store_images(collection, [tmp_path / "p"], all_folders=True)
    tidy = tmp_path / "p" / "a much longer way" / "photo.png"
    tidy.parent.mkdir()
    shutil.copy(binned, tidy)
    store_images(collection, [tmp_path / "p"])
    (match,) = Finder(collection).find(binned).matches
    assert match.reference == str(tidy)
    assert match.copies == (str(binned),)


def test_unreadable_files_do_not_stop_the_run_and_are_tried_again(
    collection: Collection, write_photos: WritePhotos, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = write_photos(4)
    refused = os.fspath(paths[2])
    real = os.open

    def open_file(path: str, *arguments: int, **options: int) -> int:
        if os.fspath(path) == refused:
            raise PermissionError(13, "Permission denied", refused)
        return real(path, *arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", open_file)
        added = store_images(collection, paths)
    assert counts(added) == (3, 0, 0, 0, 1)
    (failure,) = collection.failures()
    assert failure.path == refused
    assert "Permission denied" in failure.reason
    assert counts(store_images(collection, paths)) == (1, 0, 0, 3, 0)
    assert collection.failures() == []


def test_a_good_file_that_becomes_unreadable_keeps_its_reference(
    collection: Collection, write_photos: WritePhotos
) -> None:
    photo = write_photos(1)[0]
    content = photo.read_bytes()
    store_images(collection, [photo])
    photo.write_bytes(content[:100])
    assert counts(store_images(collection, [photo])) == (0, 0, 0, 0, 1)
    assert len(collection) == 1
    assert {failure.path for failure in collection.failures()} == {str(photo)}
    photo.write_bytes(content)
    assert len(store_images(collection, [photo]).failures) == 0
    assert collection.failures() == []


def test_every_file_is_counted_once(collection: Collection, tmp_path: Path) -> None:
    """New, unchanged, moved, copied, changed and broken files in one run."""
    first = [save(textured_image(i), tmp_path / "p" / f"{i}.png") for i in range(4)]
    store_images(collection, first)
    shutil.move(first[0], tmp_path / "p" / "moved.png")
    shutil.copy(first[1], tmp_path / "p" / "copy.png")
    save(textured_image(50), first[2])
    save(textured_image(51), tmp_path / "p" / "new.png")
    (tmp_path / "p" / "broken.png").write_bytes(b"no image")
    reports: list[tuple[int, int]] = []
    added = store_images(
        collection, [tmp_path / "p"], progress=lambda seen, total: reports.append((seen, total))
    )
    assert counts(added) == (2, 1, 1, 2, 1)
    assert added.seen == added.total == 7
    assert reports[-1] == (7, 7)
    assert [seen for seen, _ in reports] == sorted(seen for seen, _ in reports)


def test_finding_while_others_add_and_remove(
    collection: Collection, write_photos: WritePhotos
) -> None:
    """One open collection, used by threads that find, while another one adds and removes."""
    paths = write_photos(40)
    store_images(collection, paths[:8])
    stays = paths[:4]
    finder = Finder(collection)
    errors: list[BaseException] = []
    done = threading.Event()

    def find(photo: Path) -> None:
        try:
            while True:
                last = done.is_set()
                answer = finder.find(photo)
                assert answer.matches[0].reference == str(photo)
                scores = [match.score for match in answer.matches]
                assert scores == sorted(scores, reverse=True)
                if last:
                    return
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=find, args=(photo,)) for photo in stays]
    for thread in threads:
        thread.start()
    try:
        with open_collection(collection.path) as other:
            for start in range(8, 40, 8):
                store_images(other, paths[start : start + 8], workers=1)
                other.remove([str(path) for path in paths[start - 4 : start]])
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert errors == []
    kept = {str(path) for i, path in enumerate(paths) if i % 8 < 4 or i >= 36}
    assert {row.location for row in collection.references()} == kept
    assert collection.calibration().references == len(kept)


def test_the_calibration_is_worked_out_once_until_something_changes(
    collection: Collection, write_photos: WritePhotos
) -> None:
    paths = write_photos(30)
    store_images(collection, paths[:25])
    first = collection.calibration()
    assert first.references == 25
    assert collection.calibration() is first
    assert store_images(collection, paths[:25]).unchanged == 25
    assert collection.calibration() is first
    store_images(collection, paths[25:])
    second = collection.calibration()
    assert second.references == 30
    collection.remove([str(paths[0])])
    store_images(collection, [paths[0]])
    third = collection.calibration()
    # As many references as before, but others: what was worked out is not used again.
    assert third is not second
    assert third.references == 30


def test_nothing_added_is_an_empty_count(collection: Collection, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert store_images(collection, []) == store_images(collection, [tmp_path / "empty"]) == Added()
    assert collection.database.count_blank() == 0
    assert collection.calibration().references == 1  # a rate needs at least one

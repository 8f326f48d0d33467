"""Which origins are for tests."""

import shutil
import sys
from collections import Counter
from pathlib import Path

from PIL import Image as PILImage

from fake_maker import FakeMaker, make
from fixture_types import WritePhotos
from originid.datasets.pairs import read_pairs
from originid.generation.sets.origins import find_origins, split_origins
from originid.model import open_model


def test_sides_follow_from_content_and_stay(tmp_path: Path, write_photos: WritePhotos) -> None:
    write_photos(40)
    few, _ = find_origins([tmp_path / "photos"])
    write_photos(40, first=40)
    (tmp_path / "photos").rename(tmp_path / "renamed")
    many, _ = find_origins([tmp_path / "renamed"])
    before, after = split_origins(few, 0.25)[0], split_origins(many, 0.25)[0]
    assert before == {sha256: after[sha256] for sha256 in before}
    assert 10 <= Counter(after.values())["test"] <= 30
    assert set(split_origins(few, 0.0)[0].values()) == {"train"}


def test_near_duplicates_are_on_one_side(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    shutil.copytree(Path(sys.modules["originid"].__path__[0]) / "data" / "demo_photos", photos)
    (photos / "SOURCES.md").unlink()
    for photo in sorted(photos.glob("*.jpg")):
        with PILImage.open(photo) as picture:
            smaller = picture.resize((picture.width // 2, picture.height // 2))
        smaller.save(photos / f"{photo.stem}-small.jpg", quality=60)
    origins, _ = find_origins([photos])
    name = {origin.sha256: Path(origin.path).stem.removesuffix("-small") for origin in origins}
    plain, none = split_origins(origins, 0.5)
    assert none == 0
    torn = {name[key] for key, side in plain.items() if side == "train"}
    assert torn & {name[key] for key, side in plain.items() if side == "test"}
    sides, leaks = split_origins(origins, 0.5, open_model())
    train, test = ({name[k] for k, side in sides.items() if side == s} for s in ("train", "test"))
    assert not train & test
    assert leaks == sum(plain[key] != side for key, side in sides.items()) > 0
    assert test


def test_each_side_has_a_manifest(tmp_path: Path, write_photos: WritePhotos) -> None:
    photos = write_photos(20)[0].parent
    done = make(tmp_path / "set", photos, FakeMaker(), test=0.3)
    train, test = (read_pairs(tmp_path / "set" / f"{side}.csv") for side in ("train", "test"))
    assert (len(train), len(test)) == (done.counts.train, done.counts.test)
    assert len(train) + len(test) == done.counts.pairs == 80
    assert not {pair.origin for pair in train} & {pair.origin for pair in test}
    assert not {pair.group for pair in train} & {pair.group for pair in test}

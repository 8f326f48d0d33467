"""Too few pairs are refused with the number that is needed, before anything is encoded."""

import csv
import shutil
from pathlib import Path

import pytest

from fixture_types import Run, WritePhotos
from originid.errors import InputError
from originid.training.enough import refuse_few
from originid.types import Pair


def pairs(count: int, groups: int = 0) -> list[Pair]:
    """Pairs of different origins, in as many groups, or in one group for each."""
    return [
        Pair(Path(f"o{n}"), Path(f"q{n}"), f"g{n % groups if groups else n}") for n in range(count)
    ]


def photos(count: int) -> list[Path]:
    return [Path(f"p{n}") for n in range(count)]


@pytest.mark.parametrize(
    ("given", "others", "comparisons"),
    [
        (pairs(20), [], 380),
        (pairs(1), photos(199), 199),
        (pairs(1), photos(399), 399),
        (pairs(100, 1), [], 0),
        (pairs(20, 2), [], 200),
        (pairs(3), [Path("o0"), Path("q1")], 6),  # these are no other photos
        (pairs(4), [*photos(96), *photos(96)], 396),
    ],
)
def test_too_few_are_refused_with_their_number(
    given: list[Pair], others: list[Path], comparisons: int
) -> None:
    with pytest.raises(InputError) as caught:
        refuse_few(given, others)
    assert f"which allow {comparisons} comparisons" in caught.value.given
    assert "at least 400 comparisons" in caught.value.expected
    assert "21 pairs of different origins" in caught.value.expected
    assert "--origins FOLDER" in caught.value.todo


@pytest.mark.parametrize(
    ("given", "others"),
    [(pairs(21), []), (pairs(10), photos(40)), (pairs(1), photos(400)), (pairs(29, 2), [])],
)
def test_enough_are_taken(given: list[Pair], others: list[Path]) -> None:
    refuse_few(given, others)


def manifest(path: Path, photos: list[Path]) -> Path:
    with open(path, "w", encoding="utf-8", newline="") as file:
        rows = [(photo, shutil.copy(photo, path.parent / f"edit {photo.name}")) for photo in photos]
        csv.writer(file).writerows([("origin", "query"), *rows])
    return path


def test_train_says_so_before_it_encodes(
    tmp_path: Path, write_photos: WritePhotos, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = manifest(tmp_path / "p.csv", write_photos(3))
    monkeypatch.setattr("originid.training.train.encode_paths", None)  # calling it would fail
    status, out, err = run("train", file, "-o", tmp_path / "m")
    assert (status, out) == (1, "")
    assert err.startswith("error: 3 pairs and 0 other photos, which allow 6 comparisons")
    assert not list(tmp_path.glob("m*"))


def test_evaluate_says_so_before_it_encodes(
    tmp_path: Path, write_photos: WritePhotos, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = manifest(tmp_path / "p.csv", write_photos(3))
    command = ("evaluate", file, "--references", tmp_path / "photos")
    said = (
        "the pairs are of 3 origin groups, which is few: one miss more moves Acc by 33 points; "
        "with 100 groups it is 1 point"
    )
    status, _, err = run(*command)
    assert (status, err.splitlines()) == (0, [said])
    monkeypatch.setattr("originid.evaluation.run.encode_all", None)  # calling it would fail
    status, out, err = run(*command, "--encoder", "tones")
    assert (status, out) == (1, "")
    assert err.splitlines()[0] == said
    assert "expected at least 4 clusters, one for each fold" in err

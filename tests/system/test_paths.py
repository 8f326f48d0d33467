"""One path or several: the characters of a text are no paths."""

from pathlib import Path

import pytest

import originid
from originid.errors import InputError
from originid.images.find_files import find_images, refuse_missing
from originid.system.paths import as_paths
from originid.testing import write_photos


def test_one_path_is_one_path() -> None:
    for one in ("a/b", Path("a/b")):
        assert as_paths(one) == as_paths([one]) == as_paths(iter([one])) == [str(Path("a/b"))]
    assert as_paths(["a", Path("b")]) == ["a", "b"]
    assert as_paths("") == [""]


def test_an_address_of_a_file_is_its_path(tmp_path: Path) -> None:
    odd = tmp_path / "a b#ü%.png"
    assert as_paths(odd.as_uri()) == [str(odd)]
    assert as_paths(odd.as_uri().replace("file://", "FILE://localhost")) == [str(odd)]
    for other in ("file://server/a.png", "file:a", "s3:///a", "files:///a"):
        assert as_paths(other) == [other]


def test_a_text_is_walked_as_one_folder(tmp_path: Path) -> None:
    write_photos(tmp_path / "photos", 2)
    refuse_missing(str(tmp_path / "photos"))
    found = list(find_images(str(tmp_path / "photos"), lambda failure: pytest.fail(str(failure))))
    assert len(found) == 2


def test_one_path_is_added_and_removed_and_nothing_else(tmp_path: Path) -> None:
    first, second = write_photos(tmp_path / "photos", 2)
    with originid.create_collection(tmp_path / "c", originid.open_model()) as collection:
        assert originid.add_images(collection, str(tmp_path / "photos")).added == 2
        assert collection.remove(str(first)) == []
        assert [row.location for row in collection.references()] == [str(second)]
        assert collection.remove("/nowhere/else") == ["/nowhere/else"]
        assert len(collection) == 1


@pytest.mark.parametrize("given", [5, b"\xff\xd8\xff\0", [5], [b"a\0b"], [object()], None])
def test_what_is_no_path_is_refused(given: object) -> None:
    with pytest.raises(InputError, match="expected a path, or several"):
        as_paths(given)  # type: ignore[arg-type]

"""Addresses of pictures that are not here, and paths."""

import os
from pathlib import Path

import pytest

from originid.system.addresses import is_address, location_of


@pytest.mark.parametrize(
    "text", ["https://example.org/1", "http://example.org/a b", "fingerprint:1.jpg"]
)
def test_addresses_stay_as_they_are(text: str) -> None:
    assert is_address(text)
    assert location_of(text) == text


@pytest.mark.parametrize(
    "text", ["photo.jpg", "/a/https://b", "C:\\a", "ftp:/a", "https:", "https:///a", "x/f:y", ""]
)
def test_all_else_is_a_path(text: str) -> None:
    assert not is_address(text)
    assert location_of(text) == os.path.abspath(text)


def test_no_path_as_it_is_stored_is_an_address(tmp_path: Path) -> None:
    for name in ("https://example.org", "fingerprint:1.jpg"):
        assert not is_address(os.path.abspath(tmp_path / name))

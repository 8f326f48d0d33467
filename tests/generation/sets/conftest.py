"""Seven origins to make pairs from."""

from pathlib import Path

import pytest

from fixture_types import WritePhotos


@pytest.fixture
def photos(tmp_path: Path, write_photos: WritePhotos) -> Path:
    return write_photos(7)[0].parent

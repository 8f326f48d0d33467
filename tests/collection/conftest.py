"""A collection of the small model, with nothing in it yet."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from originid.collection.collection import Collection, create_collection
from originid.model import Model


@pytest.fixture
def collection(tmp_path: Path, model: Model) -> Iterator[Collection]:
    with create_collection(tmp_path / "collection", model) as made:
        yield made

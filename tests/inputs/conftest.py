"""A collection of the small model, and a server of pictures."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local_web import Web, local_web
from originid.collection.collection import Collection, create_collection
from originid.model import Model


@pytest.fixture
def collection(tmp_path: Path, model: Model) -> Iterator[Collection]:
    with create_collection(tmp_path / "collection", model) as made:
        yield made


@pytest.fixture
def web() -> Iterator[Web]:
    with local_web() as start:
        yield start

"""A service of a small collection, called without a network."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="needs the extra [serve]")

from fastapi.testclient import TestClient

from descriptions import write_described
from originid.collection.adding import store_images
from originid.collection.collection import create_collection
from originid.finder import Finder
from originid.model import Model
from originid.service.app import create_app
from originid.service.settings import Settings
from originid.testing import write_photos
from served import PHOTOS, Serve


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """The references: photos of blobs, and one, the last, that says what it shows."""
    plain = write_photos(tmp_path / "photos", PHOTOS)
    return [*plain, write_described(tmp_path / "photos" / "pier.jpg", 77, "Ein Größenwahn")]


@pytest.fixture
def finder(tmp_path: Path, model: Model, photos: list[Path]) -> Iterator[Finder]:
    with create_collection(tmp_path / "collection", model) as collection:
        store_images(collection, [tmp_path / "photos"])
        yield Finder(collection)


@pytest.fixture
def serve(finder: Finder) -> Iterator[Serve]:
    """Starts services with other settings."""
    started: list[TestClient] = []

    def start(**settings: Any) -> TestClient:
        app = create_app(finder, Settings(**{"workers": 2, **settings}))
        client = TestClient(app, base_url="http://localhost", raise_server_exceptions=False)
        started.append(client.__enter__())
        return client

    yield start
    for client in started:
        client.__exit__(None, None, None)


@pytest.fixture
def client(serve: Serve) -> TestClient:
    made: TestClient = serve()
    return made

"""Models whose latents cannot be put at places: their views are looked at as wholes."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from originid.collection.adding import store_images
from originid.collection.collection import create_collection
from originid.encoders import open_encoder
from originid.escalation.looking import SecondLook
from originid.finder import Finder
from originid.maps import DenseMap
from originid.model import Model, open_model, save_model
from originid.testing import textured_image, write_photos
from originid.types import Image
from originid.views.places import Place


@pytest.fixture(scope="module")
def dense(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A model whose map is one matrix, as the paper's W."""
    encoder = open_encoder("pixels")
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(256, 3 * 32 * 32)).astype(np.float32)
    map = DenseMap(matrix, np.full(3 * 32 * 32, 0.5, np.float32))
    calibration = open_model().calibration
    return save_model(tmp_path_factory.mktemp("dense") / "model", encoder, map, calibration, {})


@pytest.mark.parametrize(
    ("move", "view"),
    [
        (lambda image: image[:, ::-1].copy(), "mirrored"),
        (lambda image: np.rot90(image).copy(), "turned by three quarters"),
    ],
)
def test_a_moved_query_is_found(
    dense: Model, tmp_path: Path, move: Callable[[Image], Image], view: str
) -> None:
    paths = write_photos(tmp_path / "photos", 40)
    with create_collection(tmp_path / "made", dense) as collection:
        store_images(collection, paths)
        answer = Finder(collection).find(move(textured_image(7)))
        match = answer.matches[0]
        assert (Path(match.reference).name, match.view) == ("0007.png", view)


def test_there_are_no_places_and_no_parts(dense: Model, tmp_path: Path) -> None:
    paths = write_photos(tmp_path / "photos", 12)
    with create_collection(tmp_path / "made", dense) as collection:
        store_images(collection, paths)
        image = textured_image(3)
        found = SecondLook(collection).candidates(image, dense.encode(image), False, "normal")
        assert found is not None
        assert {look.view for look in found.coarse.looks} >= {"full", "mirrored"}
        assert {look.place for look in found.coarse.looks} == {Place(1, 1, 0, 0)}
        assert not found.parts.any()
        assert found.seen(0, None, 1)[1] is not None
        assert not (collection.path / "shortlist.bin").exists()

"""The front door: everything that a user needs from Python, with types."""

import doctest
import importlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PILImage

import originid
from originid import Finder, add_images, create_collection, open_model
from originid.errors import ImageError, InputError
from originid.model import Model
from originid.testing import textured_image
from originid.types import Image
from user_script import origins

WritePhotos = Callable[..., list[Path]]


def test_the_script_of_a_user_runs(tmp_path: Path, write_photos: WritePhotos) -> None:
    paths = write_photos(5)
    found = origins(paths[0].parent, paths[:2], tmp_path / "c")
    assert found == {str(path): str(path) for path in paths[:2]}


def test_types_are_published() -> None:
    assert (Path(originid.__file__).parent / "py.typed").is_file()


FORMS: dict[str, Callable[[Path, Image], object]] = {
    "text": lambda path, image: str(path),
    "path": lambda path, image: path,
    "bytes": lambda path, image: path.read_bytes(),
    "array": lambda path, image: image,
    "Pillow": lambda path, image: PILImage.fromarray(image),
    "Pillow with a palette": lambda path, image: PILImage.open(path),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_an_image_has_the_vector_of_its_file(
    model: Model, tmp_path: Path, form: str
) -> None:
    image, path = textured_image(3, 90, 130), tmp_path / "photo.png"
    PILImage.fromarray(image).save(path)
    vector = model.encode(FORMS[form](path, image))  # type: ignore[arg-type]
    assert vector.shape == (1, model.dim)
    assert vector.dtype == np.float32
    assert np.array_equal(vector, model.encode([path]))


def test_a_turned_image_of_pillow_is_turned_as_its_file(model: Model, tmp_path: Path) -> None:
    image, path = PILImage.fromarray(textured_image(3, 90, 130)), tmp_path / "turned.png"
    exif = PILImage.Exif()
    exif[0x0112] = 6
    image.save(path, exif=exif)
    opened = PILImage.open(path)
    np.testing.assert_array_equal(model.encode(opened), model.encode(path))
    assert not np.allclose(model.encode(opened), model.encode(image))


def test_a_batch_array_is_several_images(model: Model) -> None:
    images = np.stack([textured_image(seed, 20, 30) for seed in range(3)])
    assert np.array_equal(model.encode(images), model.encode(list(images)))


@pytest.mark.parametrize(
    ("image", "given"),
    [
        (np.zeros((4, 4), np.uint8), "uint8 (4, 4)"),
        (np.zeros((4, 4, 4), np.uint8), "uint8 (4, 4, 4)"),
        (np.zeros((4, 4, 3), np.float32), "float32 (4, 4, 3)"),
        (7, "int"),
    ],
)
def test_what_is_no_image_is_refused(model: Model, image: object, given: str) -> None:
    with pytest.raises(InputError, match="image of type") as caught:
        model.encode([image])  # type: ignore[list-item]
    assert caught.value.given == f"an image of type {given}"


def test_an_unreadable_image_is_named(model: Model, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"image 2: not an image"):
        model.encode([textured_image(0), b"no image"])
    with pytest.raises(ImageError, match=r"missing\.jpg"):
        model.encode(tmp_path / "missing.jpg")


def test_vectors_of_latents_of_ones_own(model: Model) -> None:
    latents = model.encoder.encode(np.stack([textured_image(1, 64, 64)]))
    assert np.allclose(model.vectors(latents), model.encode(textured_image(1, 64, 64)))


def test_one_query_gives_one_answer_and_several_give_several(
    tmp_path: Path, model: Model, write_photos: WritePhotos
) -> None:
    paths = write_photos(3)
    with create_collection(tmp_path / "c", model) as collection:
        add_images(collection, paths)
        finder = Finder(collection)
        one = finder.find(paths[1])
        assert one == next(finder.find([paths[1]]))
        assert finder.find(textured_image(1)).matches[0].reference == str(paths[1])
        names = [a.query for a in finder.find([str(paths[0]), textured_image(1), b"x"])]
        assert names == [str(paths[0]), "image 2", "image 3"]
        assert finder.find(b"x").verdict is None


def public_modules() -> list[str]:
    """Modules whose docstrings hold examples."""
    package = Path(originid.__file__).parent
    return [
        ".".join(path.relative_to(package.parent).with_suffix("").parts)
        for path in sorted(package.rglob("*.py"))
        if ">>> " in path.read_text(encoding="utf-8")
    ]


@pytest.mark.parametrize("name", public_modules())
def test_examples_of_docstrings_run(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert result.attempted > 0
    assert result.failed == 0


def test_public_functions_and_classes_have_an_example() -> None:
    without = {"Added", "Answer", "Failure", "Match", "Pair", "Verdict", "OriginidError"}
    for name in sorted(set(originid.__all__) - without - {"__version__"}):
        assert ">>> " in (getattr(originid, name).__doc__ or ""), name


def test_the_packaged_models_keep_their_vectors() -> None:
    photos = Path(originid.__file__).parent / "data" / "demo_photos"
    vector = open_model().encode(photos / "dune.jpg")
    np.testing.assert_allclose(vector[0, :3], EXPECTED, atol=1e-6)


EXPECTED = (0.07060369104146957, -0.031861383467912674, 0.02969619259238243)

"""Encoders that a user brings, by name and as objects, and whom a stored model may make run."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from originid import open_encoder, open_model
from originid.encoders import JoinedEncoder
from originid.encoders.python import checked
from originid.encoders.trust import MODULES
from originid.errors import InputError, ModelError
from originid.latents.cached import FileLatent, encode_cached
from originid.latents.sources import as_sources
from originid.maps import DctBasis
from originid.model import Model, save_model
from originid.testing import QuadrantEncoder, textured_image, write_photos
from originid.training.closed_form import no_map
from originid.types import Image, Latents

CODE = """
import math
import numpy as np

class Grey:
    spec, size, shapes, cutoffs, identity = "python:grey:Grey", 8, ((1, 8, 8),), (math.inf,), "g-1"

    def encode(self, images):
        return images.mean(axis=3, dtype=np.float32).reshape(len(images), 64)

made = Grey()
half = object()

def broken():
    raise RuntimeError("no weights")
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module in the current folder; its name is the test's own, so none is imported twice."""
    name = f"grey_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(CODE.replace("python:grey", f"python:{name}"))
    monkeypatch.chdir(tmp_path)
    return name


@pytest.mark.parametrize("attribute", ["Grey", "made"])
def test_a_class_or_an_object_by_name(module: str, attribute: str) -> None:
    encoder = open_encoder(f"python:{module}:{attribute}")
    latents = encoder.encode(np.stack([textured_image(0, 8, 8)]))
    assert latents.shape == (1, 64)


def test_it_can_be_joined(module: str) -> None:
    encoder = open_encoder(f"pixels+python:{module}:Grey")
    assert isinstance(encoder, JoinedEncoder)
    assert encoder.shapes == ((3, 32, 32), (1, 8, 8))


@pytest.mark.parametrize(
    ("source", "given"),
    [
        ("", "encoder python:"),
        ("{}", "encoder python:{}"),
        ("nowhere_at_all:Grey", "ModuleNotFoundError"),
        ("{}:Missing", "AttributeError"),
        ("{}:broken", "RuntimeError: no weights"),
        ("{}:half", "has no spec, size, shapes, cutoffs, identity, encode"),
    ],
)
def test_what_is_no_encoder_is_refused(module: str, source: str, given: str) -> None:
    with pytest.raises(InputError) as caught:
        open_encoder(f"python:{source.format(module)}")
    assert given.format(module) in caught.value.given


def test_shapes_and_cutoffs_must_fit() -> None:
    with pytest.raises(InputError, match=r"cutoffs \(1\.0, 2\.0\)"):
        checked(QuadrantEncoder(cutoffs=(1.0, 2.0)), "quadrants")


@pytest.mark.parametrize("shapes", [((192,),), (), ((1, 2),), 7])
def test_a_block_has_three_numbers(shapes: object) -> None:
    encoder = QuadrantEncoder()
    object.__setattr__(encoder, "shapes", shapes)
    with pytest.raises(InputError, match="and a cutoff for each block"):
        checked(encoder, "quadrants")


WRONG: dict[str, Callable[[Latents], Latents]] = {
    "twice as long": lambda latents: np.hstack([latents, latents]),
    "half as long": lambda latents: latents[:, :6],
    "twice as many": lambda latents: np.vstack([latents, latents]),
    "one less": lambda latents: latents[1:],
    "one latent without its batch": lambda latents: latents[0],
}


@dataclass(frozen=True)
class Strange(QuadrantEncoder):
    """An encoder that does not return what it says."""

    change: Callable[[Latents], Latents] = np.copy

    def encode(self, images: Image) -> Latents:
        return self.change(super().encode(images))


@pytest.mark.parametrize("kind", list(WRONG))
def test_latents_of_another_shape_are_refused(kind: str, tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", 3)
    with pytest.raises(InputError, match=r"gave an array of shape .* for 3 images"):
        list(encode_cached(as_sources(photos), Strange(change=WRONG[kind])))


def test_latents_may_keep_the_shape_of_their_blocks(tmp_path: Path) -> None:
    photos = list(as_sources(write_photos(tmp_path / "photos", 3)))
    (kept,) = encode_cached(photos, Strange(change=lambda latents: latents.reshape(3, 3, 2, 2)))
    (plain,) = encode_cached(photos, QuadrantEncoder())
    for one, other in zip(kept, plain, strict=True):
        assert isinstance(one, FileLatent)
        assert isinstance(other, FileLatent)
        np.testing.assert_array_equal(one.latent, other.latent)


def stored(tmp_path: Path, spec: str, model: Model) -> Path:
    """A model whose encoder is named by a text, with a map and a calibration of some kind."""
    encoder = QuadrantEncoder(spec=spec)
    basis = DctBasis(encoder.shapes, encoder.cutoffs)
    map = no_map(basis, np.zeros(12, np.float32))
    return save_model(tmp_path / "model", encoder, map, model.calibration, {}).folder


def test_a_stored_model_runs_only_trusted_code(
    tmp_path: Path, model: Model, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = stored(tmp_path, f"python:{module}:Grey", model)
    with pytest.raises(InputError, match="wants to run the Python module") as caught:
        _ = open_model(folder).encoder
    assert f"{MODULES}={module}" in caught.value.todo
    monkeypatch.setenv(MODULES, f"other,{module}")
    with pytest.raises(ModelError, match="is g-1"):  # it runs, and is not what the map was made for
        _ = open_model(folder).encoder


def test_an_encoder_that_is_given_needs_no_trust(tmp_path: Path, model: Model) -> None:
    folder = stored(tmp_path, "python:never.imported:Quadrants", model)
    opened = open_model(folder, encoder=QuadrantEncoder())
    assert opened.encode(textured_image(0)).shape == (1, 12)
    with pytest.raises(ModelError, match="expected quadrants-1"):
        _ = open_model(folder, encoder=QuadrantEncoder(identity="quadrants-2")).encoder


def test_the_old_name_of_the_packaged_network_is_read() -> None:
    assert open_encoder("default").spec == open_encoder("distilled").spec == "distilled"
    assert open_encoder("default+edges").identity == open_encoder("distilled+edges").identity

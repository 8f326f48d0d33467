"""Model directories: complete or refused, and a fingerprint that means what it says."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from image_files import encoded, natural
from originid.encoders import open_encoder
from originid.errors import InputError, ModelError, StorageError
from originid.images import opened as images
from originid.images.decode import decode
from originid.model import Model, open_model, save_model
from originid.model_description import packaged_models
from originid.testing import textured_image


def textures(n: int = 3, size: int = 64) -> np.ndarray:
    return np.stack([textured_image(seed, size, size) for seed in range(n)])


def test_a_model_survives_its_directory(model: Model) -> None:
    again = open_model(model.folder)
    assert again.fingerprint == model.fingerprint
    assert again.calibration == model.calibration
    assert np.array_equal(again.encode(textures()), model.encode(textures()))


def test_vectors_have_unit_length(model: Model) -> None:
    vectors = model.encode(textures())
    assert vectors.shape == (3, model.dim)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_the_fingerprint_follows_what_fixes_a_vector(model: Model) -> None:
    fingerprints = {
        model.fingerprint,
        replace(model, map_sha256="0").fingerprint,
        replace(model, encoder_identity="x").fingerprint,
        replace(model, size=32).fingerprint,
    }
    assert len(fingerprints) == 4
    assert replace(model, name="x", training={"by": "me"}).fingerprint == model.fingerprint


def test_an_existing_folder_is_not_overwritten(model: Model) -> None:
    before = (model.folder / "model.json").read_bytes()
    with pytest.raises(InputError, match="exists"):
        save_model(model.folder, model.encoder, model.map, model.calibration, {})
    assert (model.folder / "model.json").read_bytes() == before


def test_a_failed_save_leaves_nothing(model: Model, tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        save_model(tmp_path / "new", model.encoder, model.map, model.calibration, {"x": object()})
    assert list(tmp_path.iterdir()) == []


def test_a_refusing_disk_is_said(model: Model, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot write"):
        save_model(tmp_path / "file" / "new", model.encoder, model.map, model.calibration, {})


def damage(folder: Path, how: str) -> None:
    file = folder / "model.json"
    description = json.loads(file.read_text())
    if how == "no map":
        (folder / "map.safetensors").unlink()
    elif how == "half a map":
        path = folder / "map.safetensors"
        path.write_bytes(path.read_bytes()[:500])
    elif how == "half a description":
        file.write_text(file.read_text()[:100])
        return
    elif how == "another format":
        description["format"] = 2
    elif how == "another preprocessing":
        description["preprocessing"] = "crop"
    elif how == "no encoder":
        del description["encoder"]
    elif how == "another map":
        description["map"]["sha256"] = "0" * 64
    elif how == "unknown calibration":
        description["calibration"]["mood"] = "good"
    file.write_text(json.dumps(description))


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("no map", "map.safetensors"),
        ("half a map", "cannot be read"),
        ("half a description", "cannot be used"),
        ("another format", "format 2"),
        ("another preprocessing", "crop"),
        ("no encoder", "lacks 'encoder'"),
        ("another map", "not the file that model.json describes"),
        ("unknown calibration", "mood"),
    ],
)
def test_half_written_models_are_refused(
    how: str, message: str, model: Model, tmp_path: Path
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(model.folder, folder)
    damage(folder, how)
    with pytest.raises(ModelError, match=message) as caught:
        open_model(folder)
    assert caught.value.todo


def test_an_unknown_name_lists_the_packaged_models() -> None:
    with pytest.raises(ModelError, match="default"):
        open_model("defualt")


def test_an_encoder_with_other_weights_is_refused(model: Model) -> None:
    with pytest.raises(ModelError, match="expected pixels-0, on which"):
        replace(model, encoder_identity="pixels-0").encoder  # noqa: B018


def test_an_encoder_of_another_size_is_refused(model: Model) -> None:
    identity = open_encoder("edges+pixels").identity
    with pytest.raises(ModelError, match="8192 components"):
        replace(model, spec="edges+pixels", encoder_identity=identity).encoder  # noqa: B018


@pytest.mark.parametrize("name", packaged_models())
def test_packaged_models_open_and_encode(name: str) -> None:
    packaged = open_model(name)
    vectors = packaged.encode(textures(size=packaged.size))
    assert vectors.shape == (3, packaged.dim)
    size = sum(file.stat().st_size for file in packaged.folder.iterdir())
    assert size < 5e6
    assert packaged.training["pairs"] > 1000


@pytest.mark.parametrize("seed", range(3))
def test_decoding_a_jpeg_at_reduced_size_leaves_the_vector_the_same(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To a cosine of 0.995; photos of one scene taken a second apart differ by more."""
    data = encoded(natural(1600, 2300, seed), "JPEG", quality=90)
    packaged = open_model()
    fast = packaged.encode(decode(data, packaged.size).image[None])
    monkeypatch.setattr(images, "DRAFT_MARGIN", 1000)
    whole = packaged.encode(decode(data, packaged.size).image[None])
    assert (fast * whole).sum() > 0.995
    assert not np.array_equal(fast, whole)


def test_latents_come_in_any_of_the_shapes_that_encoders_give(model: Model) -> None:
    size, (shape, *_) = model.size, model.encoder.shapes
    latents = model.encoder.encode(textures(size=size))
    expected = model.vectors(latents)
    blocks = latents.reshape(3, -1, *shape[1:])
    for given in (latents.astype(np.float64), blocks):
        assert np.array_equal(model.vectors(given), expected)
    assert np.array_equal(model.vectors(blocks[1]), expected[1:2])
    assert np.array_equal(model.vectors(latents[1]), expected[1:2])


def test_tensors_of_torch_are_latents(model: Model) -> None:
    torch = pytest.importorskip("torch")
    latents = model.encoder.encode(textures(size=model.size))
    expected = model.vectors(latents)
    tensor = torch.tensor(latents, requires_grad=True)
    assert np.array_equal(model.vectors(tensor), expected)
    assert model.vectors(tensor.to(torch.bfloat16)).shape == expected.shape


@pytest.mark.parametrize("shape", [(3, 7), (0,), (2, 4, 32), (7,)])
def test_other_shapes_are_refused_by_name(model: Model, shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"latents of shape \(.*\nexpected \(n, \d+\)"):
        model.vectors(np.zeros(shape))


def test_a_model_is_shown_in_one_line(model: Model) -> None:
    assert re.fullmatch(r"Model\('.+': .+, vectors of \d+ components\)", repr(model))

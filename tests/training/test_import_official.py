"""The official weights: read as a bare tensor, refused as anything else, calibrated, told of."""

import json
import os
import pickle
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from originid.encoders.trust import WEIGHTS
from originid.errors import InputError
from originid.model import open_model

torch: Any = pytest.importorskip("torch", reason="needs the extra [vae]")
diffusers: Any = pytest.importorskip("diffusers", reason="needs the extra [vae]")

from originid.training.import_official import import_official, read_official  # noqa: E402

LATENT_DIM = 4 * 32 * 32
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def vae(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random autoencoder with latents of the paper's size."""
    torch.manual_seed(0)
    widths = {"encoder_block_out_channels": (4,) * 4, "decoder_block_out_channels": (4,) * 4}
    folder = tmp_path_factory.mktemp("vae") / "tiny"
    diffusers.AutoencoderTiny(**widths).save_pretrained(folder)
    return folder


@pytest.fixture(autouse=True)
def trusted(vae: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Models may name the folder of this autoencoder."""
    monkeypatch.setenv(WEIGHTS, str(vae))


@pytest.fixture(scope="module")
def matrix() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(32, LATENT_DIM)).astype(np.float32)


@pytest.fixture
def weights(matrix: np.ndarray, tmp_path: Path) -> Path:
    path = tmp_path / "w.pth.tar"
    torch.save(torch.from_numpy(matrix), path)
    return path


def test_a_bare_tensor_becomes_a_model(
    run: Run, weights: Path, matrix: np.ndarray, vae: Path, tmp_path: Path
) -> None:
    status, out, err = run("import-official", weights, "--vae", vae, "-o", tmp_path / "m", "--json")
    assert status == 0
    assert "CC-BY-NC-4.0" in err
    assert "rough" in err
    model = open_model(tmp_path / "m")
    assert (model.map.kind, model.dim, model.map.latent_dim) == ("dense", 32, LATENT_DIM)
    assert model.training["licence"] == json.loads(out)["licence"] == "CC-BY-NC-4.0"
    latents = np.random.default_rng(1).normal(size=(3, LATENT_DIM)).astype(np.float32)
    # The recipe: f W^T, no mean, compared by cosine.
    expected = latents @ matrix.T
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    assert np.allclose(model.vectors(latents), expected, atol=1e-5)
    assert model.encoder.spec == f"diffusers:{vae}"


def test_origins_calibrate_and_copies_among_them_count_once(
    run: Run, weights: Path, vae: Path, tmp_path: Path, write_photos: Callable[..., list[Path]]
) -> None:
    photos = write_photos(40)
    (photos[0].parent / "copy.png").write_bytes(photos[0].read_bytes())
    (photos[0].parent / "broken.png").write_bytes(b"no image")
    status, out, err = run(
        *("import-official", weights, "--vae", vae, "-o", tmp_path / "m"),
        *("--origins", photos[0].parent),
    )
    assert status == 0
    assert "calibrated on 40 photos" in out
    assert "broken.png" in err
    assert "rough" not in err
    model = open_model(tmp_path / "m")
    # The threshold is the best twentieth of strangers' scores, and no copy is among them.
    latents = np.stack([model.encoder.encode(_image(path)[None])[0] for path in photos])
    vectors = model.vectors(latents)
    scores = (vectors @ vectors.T)[np.triu_indices(40, 1)]
    body = model.calibration.tail.body
    assert body[4] == pytest.approx(np.sort(scores)[-39], abs=1e-5)


def _image(path: Path) -> np.ndarray:
    from originid.images.decode import decode

    return decode(path.read_bytes(), 256).image.copy()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_other_precisions_become_float32(dtype: str, tmp_path: Path) -> None:
    torch.save(torch.full((2, 3), 0.5, dtype=getattr(torch, dtype)), tmp_path / "w")
    assert read_official(tmp_path / "w").dtype == np.float32
    assert (read_official(tmp_path / "w") == 0.5).all()


def test_the_old_format_of_torch_is_read(tmp_path: Path) -> None:
    torch.save(torch.ones(2, 3), tmp_path / "w", _use_new_zipfile_serialization=False)
    assert np.array_equal(read_official(tmp_path / "w"), np.ones((2, 3)))


class _Trap:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("sprung",)


@pytest.mark.parametrize("saved_by", ["torch", "pickle"])
def test_code_is_refused_and_not_run(
    saved_by: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if saved_by == "torch":
        torch.save(_Trap(), tmp_path / "w")
    else:
        (tmp_path / "w").write_bytes(pickle.dumps(_Trap(), protocol=2))
    with pytest.raises(InputError, match="refused") as caught:
        read_official(tmp_path / "w")
    assert "mkdir" in caught.value.given
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({"state_dict": 1}, "a dictionary with 'state_dict'"),
        ({"w": "tensor"}, "a dictionary with 'w'"),
        ([1.0], "a list"),
        ("vector", r"shape \(4,\)"),
        ("integers", "int64"),
        ("empty", r"shape \(0, 4\)"),
        ("sparse", "shape"),
        ("nan", "not finite"),
        ("zeros", "all 0"),
    ],
)
def test_what_is_no_bare_matrix_is_named(value: object, found: str, tmp_path: Path) -> None:
    tensors = {
        "vector": torch.ones(4),
        "integers": torch.ones(2, 4, dtype=torch.int64),
        "empty": torch.ones(0, 4),
        "sparse": torch.ones(2, 4).to_sparse(),
        "nan": torch.full((2, 4), float("nan")),
        "zeros": torch.zeros(2, 4),
    }
    value = {"w": torch.ones(2, 4)} if value == {"w": "tensor"} else value
    torch.save(tensors[value] if isinstance(value, str) else value, tmp_path / "w")
    with pytest.raises(InputError, match=found):
        read_official(tmp_path / "w")


@pytest.mark.parametrize("content", [b"", b"PK", b"not a tensor", b"\x89PNG\r\n\x1a\n" + b"0" * 99])
def test_other_files_are_not_taken(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "w").write_bytes(content)
    with pytest.raises(InputError, match="not a file of torch"):
        read_official(tmp_path / "w")


def test_a_missing_file_or_a_folder_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "absent", tmp_path):
        with pytest.raises(InputError, match=path.name):
            read_official(path)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_damaged_file_never_ends_in_a_traceback(zipped: bool, tmp_path: Path) -> None:
    path = tmp_path / "w"
    torch.save(torch.ones(4, 8), path, _use_new_zipfile_serialization=zipped)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for length in (4, 20, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match="w "):
            read_official(path)
    for _ in range(100):
        damaged = bytearray(whole)
        for place in rng.integers(4, len(whole), 8):
            damaged[place] = rng.integers(256)
        path.write_bytes(bytes(damaged))
        with suppress(InputError):
            read_official(path)


def test_dims_must_fit_the_vae(vae: Path, tmp_path: Path) -> None:
    for shape, advice in (((4, 100), "Stable Diffusion 2"), ((LATENT_DIM, 4), "transpose")):
        torch.save(torch.ones(shape), tmp_path / "w")
        with pytest.raises(InputError, match="4096") as caught:
            import_official(tmp_path / "w", str(vae), tmp_path / "m")
        assert advice in caught.value.todo
    assert not (tmp_path / "m").exists()


def test_nothing_is_overwritten_and_folders_must_exist(
    weights: Path, vae: Path, tmp_path: Path
) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "file").touch()
    with pytest.raises(InputError, match="exists"):
        import_official(weights, str(vae), tmp_path / "m")
    with pytest.raises(InputError, match="no folder"):
        import_official(weights, str(vae), tmp_path / "n", [tmp_path / "absent"])


def test_too_few_photos_are_refused(
    weights: Path, vae: Path, tmp_path: Path, write_photos: Callable[..., list[Path]]
) -> None:
    folder = write_photos(3)[0].parent
    with pytest.raises(InputError, match="give more images"):
        import_official(weights, str(vae), tmp_path / "m", [folder])
    (tmp_path / "none").mkdir()
    with pytest.raises(InputError, match="no photo"):
        import_official(weights, str(vae), tmp_path / "m", [tmp_path / "none"])
    assert not (tmp_path / "m").exists()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
def test_a_pipe_is_refused_at_once(run: Run, vae: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "w.pth")
    command = ("import-official", tmp_path / "w.pth", "--vae", vae, "-o", tmp_path / "m")
    status, _, err = run(*command)
    assert (status, "it is a pipe or a device" in err) == (1, True)

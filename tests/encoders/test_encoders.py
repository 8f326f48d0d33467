"""The contract of every encoder, and what each promises beside it."""

import importlib.util
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from originid.encoders import Encoder, JoinedEncoder, latent_dim, open_encoder, split_spec
from originid.encoders.grid import image_means
from originid.errors import ExtraError, InputError
from originid.testing import QuadrantEncoder, flat_image, textured_image

HAS_TORCH = importlib.util.find_spec("torch") and importlib.util.find_spec("diffusers")
HAS_HASHES = importlib.util.find_spec("imagehash") and importlib.util.find_spec("pdqhash")
needs_hashes = pytest.mark.skipif(not HAS_HASHES, reason="needs the extra [baselines]")
needs_torch = pytest.mark.skipif(not HAS_TORCH, reason="needs the extra [vae]")
VAES = ("AutoencoderKL", "AutoencoderTiny", "VQModel")


@pytest.fixture(scope="session")
def vae_folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A tiny random autoencoder of each class, as diffusers saves it."""
    import diffusers
    import torch

    torch.manual_seed(0)
    down = {"down_block_types": ("DownEncoderBlock2D",) * 4, "block_out_channels": (8,) * 4}
    up = {"up_block_types": ("UpDecoderBlock2D",) * 4, "norm_num_groups": 4, "latent_channels": 2}
    tiny = {"encoder_block_out_channels": (8,) * 4, "decoder_block_out_channels": (8,) * 4}
    networks = {
        "AutoencoderKL": diffusers.AutoencoderKL(**down, **up),
        "AutoencoderTiny": diffusers.AutoencoderTiny(**tiny),
        "VQModel": diffusers.VQModel(**down, **up, num_vq_embeddings=4),
    }
    folders = {}
    for name, network in networks.items():
        folders[name] = tmp_path_factory.mktemp("vae") / name
        network.save_pretrained(folders[name])
    return folders


@pytest.fixture(
    params=[
        "quadrants",
        "pixels",
        "colours",
        "tones",
        "edges",
        "tones+edges",
        "distilled",
        *(pytest.param(f"baseline:{name}", marks=needs_hashes) for name in ("phash", "pdq")),
        *(pytest.param(name, marks=needs_torch) for name in VAES),
    ]
)
def encoder(request: pytest.FixtureRequest) -> Encoder:
    if request.param == "quadrants":
        return QuadrantEncoder()
    if request.param in VAES:
        return open_encoder(f"diffusers:{request.getfixturevalue('vae_folders')[request.param]}")
    return open_encoder(request.param)


def images_for(encoder: Encoder, n: int = 5) -> np.ndarray:
    side = encoder.size
    return np.stack([textured_image(seed, side, side) for seed in range(n)])


def test_latents_have_the_promised_form(encoder: Encoder) -> None:
    latents = encoder.encode(images_for(encoder))
    assert latents.shape == (5, latent_dim(encoder.shapes))
    assert latents.dtype == np.float32
    assert np.isfinite(latents).all()
    assert len(encoder.cutoffs) == len(encoder.shapes)
    assert latents.std(axis=0).max() > 0


def test_a_latent_is_the_same_alone_and_in_any_batch(encoder: Encoder) -> None:
    images = images_for(encoder)
    together = encoder.encode(images)
    for i in range(len(images)):
        alone = encoder.encode(images[i : i + 1])[0]
        assert np.linalg.norm(alone - together[i]) <= 1e-4 * np.linalg.norm(alone)


def test_encoding_is_deterministic_and_leaves_the_images_alone(encoder: Encoder) -> None:
    images = images_for(encoder)
    before = images.copy()
    assert np.array_equal(encoder.encode(images), encoder.encode(images))
    assert np.array_equal(images, before)


def test_read_only_and_strided_images_are_taken(encoder: Encoder) -> None:
    images = images_for(encoder)
    images.flags.writeable = False
    assert np.array_equal(encoder.encode(images[::2]), encoder.encode(images[::2].copy()))


def test_extreme_images_stay_finite(encoder: Encoder) -> None:
    flat = np.stack([flat_image((v, v, v), encoder.size) for v in (0, 255)])
    assert np.isfinite(encoder.encode(flat)).all()


def test_two_openings_are_one_encoder(encoder: Encoder) -> None:
    if encoder.spec != "quadrants":
        again = open_encoder(encoder.spec)
        assert (again.identity, again.shapes, again.size) == (
            encoder.identity,
            encoder.shapes,
            encoder.size,
        )


def test_quadrants_by_hand() -> None:
    image = np.zeros((1, 8, 8, 3), np.uint8)
    image[0, :4, 4:, 0] = 100  # red, top right
    image[0, 4:, :4, 2] = 40  # blue, bottom left
    assert QuadrantEncoder().encode(image)[0].tolist() == [0, 100, 0, 0, 0, 0, 0, 0, 0, 0, 40, 0]


def test_pixels_are_box_means_in_minus_one_to_one() -> None:
    image = np.zeros((1, 64, 64, 3), np.uint8)
    image[0, :2, 2:4, 1] = 255  # green in the cell of row 0, column 1
    latent = open_encoder("pixels").encode(image).reshape(3, 32, 32)
    assert latent[1, 0, 1] == 1
    assert (np.delete(latent.ravel(), 1024 + 1) == -1).all()


def test_edges_ignore_the_sign_and_offset_of_tones() -> None:
    image = textured_image(3, 64, 64)[None] // 2
    encoder = open_encoder("edges")
    latent = encoder.encode(image)
    for other in (image + 100, 200 - image):
        assert np.linalg.norm(encoder.encode(other) - latent) < 0.05 * np.linalg.norm(latent)


def test_tones_by_hand() -> None:
    image = np.zeros((1, 64, 64, 3), np.uint8)
    image[0, :2, 2:4] = (255, 0, 0)  # a red cell at row 0, column 1
    image[0, 2:4, 0:1] = 255  # a cell at row 1, column 0, half white, half black
    luma, u, v, contrast = open_encoder("tones").encode(image).reshape(4, 32, 32)
    assert luma[0, 1] == pytest.approx(0.299, abs=1e-4)
    assert (u[0, 1], v[0, 1]) == (pytest.approx(1, abs=1e-4), pytest.approx(0, abs=1e-4))
    # Each colour is 0 or 1 by halves: variance 1/4, three times.
    assert contrast[1, 0] == pytest.approx(0.75**0.25, abs=1e-4)
    assert luma[5, 5] == u[5, 5] == contrast[5, 5] == 0


def test_colours_are_tones_and_what_their_roots_are_taken_of() -> None:
    images = images_for(open_encoder("colours"))
    luma, u, v, *roots = open_encoder("colours").encode(images).reshape(-1, 6, 1024).swapaxes(0, 1)
    tones = open_encoder("tones").encode(images).reshape(-1, 4, 1024).swapaxes(0, 1)
    assert np.array_equal([luma, *roots], tones)
    red, green, blue = image_means(images, 32).reshape(len(images), 1024, 3).transpose(2, 0, 1)
    assert np.abs(u - (red - (green + blue) / 2)).max() < 1e-6
    assert np.abs(v - 3**0.5 / 2 * (green - blue)).max() < 1e-6


def test_joined_latents_are_side_by_side() -> None:
    images = images_for(open_encoder("pixels"))
    joined = open_encoder("edges+pixels")
    parts = [open_encoder(name).encode(images) for name in ("edges", "pixels")]
    assert np.array_equal(joined.encode(images), np.concatenate(parts, axis=1))
    assert joined.identity != open_encoder("pixels+edges").identity
    assert joined.cutoffs == (20.0, 20.0)


@pytest.mark.parametrize("spec", ["", "pixel", "pixels+", "pixels:here", "default2"])
def test_unknown_encoders_are_refused_with_the_known_ones(spec: str) -> None:
    with pytest.raises(InputError, match="pixels"):
        open_encoder(spec)


# No part of a path here is the whole name of an encoder between + and the end.
pieces = st.lists(st.sampled_from(["a", "+", "/", ".", "pixels/", "+onnx.", "+edge"])).map("".join)
specs = st.sampled_from(["pixels", "edges", "distilled"]) | st.builds(
    "{}:{}".format, st.sampled_from(["onnx", "diffusers", "baseline"]), pieces
)


@given(parts=st.lists(specs, min_size=1))
def test_joined_texts_come_apart_again(parts: list[str]) -> None:
    assert split_spec("+".join(parts)) == parts


def test_a_source_may_hold_a_plus(tmp_path: Path) -> None:
    folder = tmp_path / "a+b" / "+edges x"
    folder.mkdir(parents=True)
    file = folder / "e+1.onnx"
    file.write_bytes(
        Path(str(files("originid") / "data" / "encoders" / "distilled.onnx")).read_bytes()
    )
    joined = open_encoder(f"onnx:{file}+edges")
    assert isinstance(joined, JoinedEncoder)
    assert joined.spec == f"onnx:{file}+edges"
    assert joined.identity == open_encoder("distilled+edges").identity


def test_an_unknown_name_is_refused_with_examples() -> None:
    with pytest.raises(InputError, match=r"distilled \(the packaged network\)"):
        open_encoder("neural")


def test_parts_take_the_largest_size_if_it_is_a_multiple_of_theirs() -> None:
    small, large = QuadrantEncoder(), QuadrantEncoder(size=16)
    joined = JoinedEncoder((small, large))
    assert joined.size == 16
    images = images_for(joined)
    assert np.array_equal(joined.encode(images)[:, :12], joined.encode(images)[:, 12:])
    with pytest.raises(InputError, match=r"\[8, 12\]"):
        JoinedEncoder((small, QuadrantEncoder(size=12)))


def test_the_packaged_network_sees_what_an_edit_keeps() -> None:
    encoder = open_encoder("distilled")
    assert (encoder.spec, encoder.shapes, encoder.size) == ("distilled", ((4, 32, 32),), 256)
    photos = images_for(encoder, 8)
    darker = (photos // 4 * 3 + 20).astype(np.uint8)
    latents, edited = (encoder.encode(each) for each in (photos, darker))
    centred, moved = latents - latents.mean(axis=0), edited - edited.mean(axis=0)
    cosines = centred @ moved.T
    assert (cosines.argmax(axis=1) == np.arange(8)).all()


def test_onnx_files_that_are_none_are_refused(tmp_path: Path) -> None:
    packaged = Path(str(files("originid") / "data" / "encoders" / "distilled.onnx")).read_bytes()
    bad = tmp_path / "bad.onnx"
    for content in (b"", b"no onnx", packaged[: len(packaged) // 2]):
        bad.write_bytes(content)
        with pytest.raises(InputError, match=r"bad\.onnx: damaged") as caught:
            open_encoder(f"onnx:{bad}")
        assert "ONNXRuntimeError" not in str(caught.value)
        assert "distill" in caught.value.todo
    bad.write_bytes(packaged.replace(b'"format": 1', b'"format": 7'))
    with pytest.raises(InputError, match="format 7, this version reads 1"):
        open_encoder(f"onnx:{bad}")
    bad.write_bytes(packaged.replace(b"originid", b"origin00"))
    with pytest.raises(InputError, match="lacks 'originid'"):
        open_encoder(f"onnx:{bad}")
    with pytest.raises(InputError, match="no such file"):
        open_encoder(f"onnx:{tmp_path / 'none.onnx'}")
    with pytest.raises(InputError, match="onnx:FILE"):
        open_encoder("onnx")


def test_what_to_do_about_a_damaged_file_depends_on_whose_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("originid.encoders.onnx.PACKAGED", tmp_path / "distilled.onnx")
    with pytest.raises(InputError, match="no such file") as caught:
        open_encoder("distilled")
    assert "pip install --force-reinstall originid" in caught.value.todo
    (tmp_path / "model.json").touch()
    (tmp_path / "encoder.onnx").write_bytes(b"damaged")
    with pytest.raises(InputError, match="encoder that this model was made with") as caught:
        open_encoder(f"onnx:{tmp_path / 'encoder.onnx'}")
    assert "restore it" in caught.value.todo


@pytest.mark.parametrize("spec", ["pixels", "colours", "tones", "edges"])
def test_grid_encoders_average_larger_images(spec: str) -> None:
    encoder = open_encoder(spec)
    images = images_for(encoder)
    enlarged = np.repeat(np.repeat(images, 4, axis=1), 4, axis=2)
    assert np.abs(encoder.encode(enlarged) - encoder.encode(images)).max() < 1e-4


@pytest.mark.skipif(bool(HAS_TORCH), reason="the extra [vae] is installed")
def test_a_missing_extra_names_the_install_line() -> None:
    with pytest.raises(ExtraError, match=r"pip install 'originid\[vae\]'"):
        open_encoder("diffusers:anything")


@needs_torch
def test_the_mode_of_the_posterior_is_the_latent(vae_folders: dict[str, Path]) -> None:
    import diffusers
    import torch

    folder = vae_folders["AutoencoderKL"]
    encoder = open_encoder(f"diffusers:{folder}")
    images = images_for(encoder, 2)
    network = diffusers.AutoencoderKL.from_pretrained(folder).eval()
    with torch.inference_mode():
        inputs = torch.from_numpy(images.astype(np.float32) / 127.5 - 1).permute(0, 3, 1, 2)
        expected = network.encode(inputs).latent_dist.mean.flatten(1).numpy()
    assert np.abs(encoder.encode(images) - expected).max() < 1e-5


@needs_torch
def test_identity_follows_the_weights(vae_folders: dict[str, Path], tmp_path: Path) -> None:
    import diffusers
    import torch

    network = diffusers.AutoencoderTiny.from_pretrained(vae_folders["AutoencoderTiny"])
    before = open_encoder(f"diffusers:{vae_folders['AutoencoderTiny']}").identity
    with torch.no_grad():
        next(iter(network.encoder.parameters())).add_(1e-3)
    network.save_pretrained(tmp_path / "other")
    assert open_encoder(f"diffusers:{tmp_path / 'other'}").identity != before


@needs_torch
def test_half_precision_keeps_the_direction(vae_folders: dict[str, Path]) -> None:
    import torch

    from originid.encoders.diffusers import DiffusersEncoder

    source = str(vae_folders["AutoencoderTiny"])
    half, full = DiffusersEncoder(source, "cpu", torch.bfloat16), DiffusersEncoder(source, "cpu")
    images = images_for(full)
    a, b = half.encode(images), full.encode(images)
    cosines = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    assert cosines.min() > 0.999
    assert half.identity == full.identity


@needs_torch
def test_a_pipeline_folder_leads_to_its_vae(vae_folders: dict[str, Path], tmp_path: Path) -> None:
    import shutil

    shutil.copytree(vae_folders["AutoencoderKL"], tmp_path / "pipeline" / "vae")
    inside = open_encoder(f"diffusers:{tmp_path / 'pipeline'}")
    assert inside.identity == open_encoder(f"diffusers:{vae_folders['AutoencoderKL']}").identity


@needs_torch
@pytest.mark.parametrize("damage", ["no such folder", "no config", "torn weights", "pickle only"])
def test_unusable_sources_are_named(
    damage: str, vae_folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    folder = tmp_path / "vae"
    if damage != "no such folder":
        shutil.copytree(vae_folders["AutoencoderTiny"], folder)
    weights = folder / "diffusion_pytorch_model.safetensors"
    if damage == "no config":
        (folder / "config.json").unlink()
    elif damage == "torn weights":
        weights.write_bytes(weights.read_bytes()[:1000])
    elif damage == "pickle only":
        weights.rename(folder / "diffusion_pytorch_model.bin")
    with pytest.raises(InputError, match="vae"):
        open_encoder(f"diffusers:{folder}")

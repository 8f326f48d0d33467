"""What all public models share: identity, precision, and the way from images to answers."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from extras import HAS_LITE, needs_hashes, needs_torch
from originid.encoders import Encoder, open_encoder
from originid.encoders.public import BASELINES
from originid.encoders.trust import WEIGHTS
from originid.testing import textured_image


@needs_torch
def test_identity_follows_the_weights_and_not_the_file(
    checkpoints: Callable[[str], tuple[Path, Any]], simclr_encoder: Encoder, tmp_path: Path
) -> None:
    import torch

    _, weights = checkpoints("simclr")
    bare = {key.removeprefix("module."): value for key, value in weights.items()}
    torch.save(bare, tmp_path / "bare.pt")
    assert open_encoder(f"baseline:simclr:{tmp_path / 'bare.pt'}").identity == (
        simclr_encoder.identity
    )
    bare["visual.norm.bias"] = bare["visual.norm.bias"] + 1e-3
    torch.save(bare, tmp_path / "other.pt")
    other = open_encoder(f"baseline:simclr:{tmp_path / 'other.pt'}")
    assert other.identity != simclr_encoder.identity
    assert other.identity.startswith("simclr-1:224:")


@needs_torch
def test_half_precision_keeps_the_direction(
    checkpoints: Callable[[str], tuple[Path, Any]], simclr_encoder: Encoder
) -> None:
    import torch

    from originid.encoders.public.encoder import BaselineEncoder

    path = str(checkpoints("simclr")[0])
    half = BaselineEncoder(BASELINES["simclr"], path, "cpu", torch.bfloat16)
    images = np.stack([textured_image(seed, 224, 224) for seed in range(3)])
    a, b = half.encode(images), simclr_encoder.encode(images)
    cosines = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    assert cosines.min() > 0.999
    assert half.identity == simclr_encoder.identity


@needs_torch
@pytest.mark.skipif(not HAS_LITE, reason="needs the weights of the extra [baselines]")
def test_real_weights_know_what_they_see() -> None:
    import torch

    import originid
    from originid.encoders.public.encoder import _packaged
    from originid.images.decode import decode, read_bytes

    baseline = BASELINES["efficientnet-lite0"]
    encoder = open_encoder("baseline:efficientnet-lite0")
    assert encoder.shapes == ((baseline.dim, 1, 1),)
    photos = Path(originid.__file__).parent / "data" / "demo_photos"
    classes = {"goldfish": 1, "balloon": 417, "coffee": 967, "shuttle": 812}  # of ImageNet
    images = [decode(read_bytes(photos / f"{name}.jpg"), 224).image for name in classes]
    latents = encoder.encode(np.stack(images))
    weights = torch.load(_packaged(baseline), weights_only=True)
    scores = latents @ weights["_fc.weight"].numpy().T + weights["_fc.bias"].numpy()
    assert scores.argmax(axis=1).tolist() == list(classes.values())


@needs_hashes
@needs_torch
@pytest.mark.parametrize("name", ["pdq", "simclr"])
def test_baselines_are_evaluated_trained_on_and_searched_with(
    name: str,
    checkpoints: Callable[[str], tuple[Path, Any]],
    material: Path,
    tmp_path: Path,
    run: Callable[..., tuple[int, str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spec = f"baseline:{name}" + ("" if name == "pdq" else f":{checkpoints(name)[0]}")
    # The models name weights that lie elsewhere, which is trusted by their folder.
    monkeypatch.setenv(WEIGHTS, str(checkpoints("simclr")[0].parent))
    photos, pairs = material / "photos", material / "pairs.csv"
    encoder = ("--encoder", spec, "--latents", tmp_path / "latents")
    for map in ("raw", "none", "full"):
        status, out, _ = run(
            "evaluate", pairs, "--references", photos, *encoder, "--map", map, "--json"
        )
        assert status == 0
        assert json.loads(out)["acc"] > 50
    for map in ("raw", "full"):
        model = tmp_path / map
        status, out, err = run(
            "train", pairs, "--origins", photos, *encoder, "--map", map, "-o", model
        )
        assert (status, err) == (0, "")
        assert f"{spec}, " in out
        assert run("index", photos, "--into", tmp_path / f"{map}-c", "--model", model)[0] == 0
        status, out, _ = run("find", photos / "3.png", "--in", tmp_path / f"{map}-c", "--json")
        assert status == 0
        match = json.loads(out)["matches"][0]
        assert Path(match["reference"]).name == "3.png"
        assert match["score"] == pytest.approx(1, abs=1e-3)
    assert json.loads((tmp_path / "raw" / "model.json").read_text())["training"]["method"] == "none"

"""Published checkpoints as first values of the trained networks."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("pytorch_metric_learning")
pytest.importorskip("transformers")

import torch

from originid.encoders.public.networks import VisionTransformer
from originid.errors import InputError
from originid.experiments.trained_networks.backbones import Vit, make_backbone
from originid.experiments.trained_networks.fit import fit_network
from originid.experiments.trained_networks.pretrained import load_backbone
from originid.experiments.trained_networks.settings import PAPER, PRESETS, NetworkSettings

VIT = replace(PRESETS["vit-cosface"], side=32, width=64, heads=1, patch=8, depth=(2,))
RESNET = replace(PRESETS["ibn-net"], side=32, width=8, depth=(1, 2, 1, 1), bottleneck=True)


@pytest.fixture(autouse=True)
def fixed() -> Iterator[None]:
    with torch.random.fork_rng():
        torch.manual_seed(5)
        yield


def timm_weights() -> dict[str, torch.Tensor]:
    """Random weights of a small vision transformer, in the names and shapes of timm."""
    width, patches, inner = VIT.width, 16, 4 * VIT.width
    shapes: dict[str, tuple[int, ...]] = {
        "cls_token": (1, 1, width),
        "pos_embed": (1, 1 + patches, width),
        "patch_embed.proj.weight": (width, 3, 8, 8),
        "patch_embed.proj.bias": (width,),
        "norm.weight": (width,),
        "norm.bias": (width,),
        "head.weight": (1000, width),  # of a classifier, which is left out
    }
    for block in range(2):
        for name, rows, columns in (
            ("attn.qkv", 3 * width, width),
            ("attn.proj", width, width),
            ("mlp.fc1", inner, width),
            ("mlp.fc2", width, inner),
        ):
            shapes[f"blocks.{block}.{name}.weight"] = (rows, columns)
            shapes[f"blocks.{block}.{name}.bias"] = (rows,)
        for name in ("norm1", "norm2"):
            shapes[f"blocks.{block}.{name}.weight"] = (width,)
            shapes[f"blocks.{block}.{name}.bias"] = (width,)
    return {name: 0.2 * torch.randn(shape) for name, shape in shapes.items()}


def ibn_weights(settings: NetworkSettings) -> dict[str, torch.Tensor]:
    """Random weights in the names and shapes of IBN-Net's ResNets."""

    def norm(name: str, channels: int, instance: bool = False) -> dict[str, tuple[int, ...]]:
        if instance:
            half = channels // 2
            first = {f"{name}.IN.{part}": (half,) for part in ("weight", "bias")}
            return first | norm(f"{name}.BN", channels - half)
        parts = ("weight", "bias", "running_mean", "running_var")
        return {f"{name}.{part}": (channels,) for part in parts}

    shapes: dict[str, tuple[int, ...]] = {"conv1.weight": (8, 3, 7, 7), **norm("bn1", 8)}
    inputs = 8
    for stage, blocks in enumerate(settings.depth):
        inner = 8 * 2**stage
        for block in range(blocks):
            name = f"layer{stage + 1}.{block}"
            shapes[f"{name}.conv1.weight"] = (inner, inputs, 1, 1)
            shapes[f"{name}.conv2.weight"] = (inner, inner, 3, 3)
            shapes[f"{name}.conv3.weight"] = (4 * inner, inner, 1, 1)
            shapes |= norm(f"{name}.bn1", inner, instance=stage < 3)
            shapes |= norm(f"{name}.bn2", inner) | norm(f"{name}.bn3", 4 * inner)
            if block == 0:
                shapes[f"{name}.downsample.0.weight"] = (4 * inner, inputs, 1, 1)
                shapes |= norm(f"{name}.downsample.1", 4 * inner)
            inputs = 4 * inner
    return {name: torch.rand(shape) + 0.1 for name, shape in shapes.items()}


def saved(tmp_path: Path, content: Any) -> str:
    path = tmp_path / "weights.pth"
    torch.save(content, path)
    return str(path)


def test_a_vision_transformer_computes_what_the_published_one_does(tmp_path: Path) -> None:
    weights = timm_weights()
    backbone = Vit(VIT).eval()
    load_backbone(backbone, saved(tmp_path, {"model": weights}))
    # That one has been held against plain arithmetic: tests/encoders/public/test_published.py.
    published = VisionTransformer(
        {name: value for name, value in weights.items() if not name.startswith("head")}
    )
    images = torch.randn(3, 3, 32, 32)
    with torch.inference_mode():
        np.testing.assert_allclose(backbone(images), published(images), atol=1e-3)


def test_every_value_of_a_resnet_comes_from_the_file(tmp_path: Path) -> None:
    weights = ibn_weights(RESNET)
    backbone = make_backbone(RESNET)
    load_backbone(backbone, saved(tmp_path, {f"module.{k}": v for k, v in weights.items()}))
    state = {
        name: value
        for name, value in backbone.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    assert len(state) == len(weights)
    for value in state.values():
        assert any(
            value.shape == given.shape and torch.equal(value, given) for given in weights.values()
        )
    first = backbone.layers[4].body
    assert torch.equal(first[0].weight, weights["layer1.0.conv1.weight"])
    assert torch.equal(first[1].instance.bias, weights["layer1.0.bn1.IN.bias"])
    assert torch.equal(first[1].batch.running_var, weights["layer1.0.bn1.BN.running_var"])
    assert torch.equal(first[3].weight, weights["layer1.0.conv2.weight"])
    assert torch.equal(first[7].running_mean, weights["layer1.0.bn3.running_mean"])
    second = backbone.layers[6]
    assert torch.equal(second.body[4].weight, weights["layer2.1.bn2.weight"])
    assert torch.equal(backbone.layers[5].skip[1].bias, weights["layer2.0.downsample.1.bias"])


def test_training_begins_from_the_file(tmp_path: Path) -> None:
    path = saved(tmp_path, timm_weights())
    images = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), np.uint8)
    settings = replace(VIT, weights=path, steps=0)
    network = fit_network(images, np.array([0, 0, 1, 1]), settings)
    backbone = Vit(VIT).eval()
    load_backbone(backbone, path)
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 127.5 - 1
    with torch.inference_mode():
        np.testing.assert_allclose(network.extract(images), backbone(pixels), atol=1e-5)


def test_colours_may_be_those_of_imagenet() -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
    settings = replace(RESNET, imagenet_colours=True, steps=0)
    network = fit_network(images, np.array([0, 1]), settings)
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    pixels = (images / 255 - mean) / deviation
    with torch.inference_mode():
        expected = network.network(torch.from_numpy(pixels).float().permute(0, 3, 1, 2))
    np.testing.assert_allclose(network.extract(images), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "lacks cls_token"),
        ({"cls_token": torch.zeros(1, 1, 3)}, r"cls_token has the shape \(1, 1, 3\), not"),
        ([1], "no weights by name"),
    ],
)
def test_other_files_are_refused(content: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        load_backbone(Vit(VIT), saved(tmp_path, content))


def test_a_missing_and_a_damaged_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        load_backbone(Vit(VIT), str(tmp_path / "none.pth"))
    (tmp_path / "text.pth").write_text("no weights")
    with pytest.raises(InputError, match=re.escape("text.pth")):
        load_backbone(Vit(VIT), str(tmp_path / "text.pth"))


@pytest.mark.parametrize(
    ("name", "parameters", "features"),
    [("vit-cosface", 85_798_656, 768), ("ibn-net", 23_508_032, 2048)],
)
def test_the_paper_s_networks_have_their_size(name: str, parameters: int, features: int) -> None:
    with torch.device("meta"):
        backbone = make_backbone(PAPER[name])
    assert sum(each.numel() for each in backbone.parameters()) == parameters
    assert backbone.channels == features


def test_a_file_that_would_run_code_is_refused_without_advice_to_run_it(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "ran",)

    with pytest.raises(InputError, match="holds code, which is never run") as caught:
        load_backbone(Vit(VIT), saved(tmp_path, {"cls_token": Evil()}))
    assert "weights_only" not in str(caught.value)
    assert not (tmp_path / "ran").exists()

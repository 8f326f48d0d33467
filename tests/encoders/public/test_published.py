"""Published checkpoints, made here in their layouts, against plain arithmetic."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from extras import needs_torch
from networks_by_hand import by_hand, normalised
from originid.encoders import open_encoder
from originid.encoders.public import BASELINES
from originid.errors import InputError
from originid.testing import textured_image
from published_checkpoints import MADE, Made, prefixed, resnet, vit

FILES = [name for name, each in BASELINES.items() if each.loader in ("checkpoint", "torchscript")]


@needs_torch
@pytest.mark.parametrize("name", MADE)
def test_a_checkpoint_in_its_published_layout(
    name: str, checkpoints: Callable[[str], tuple[Path, Any]]
) -> None:
    import torch

    path, weights = checkpoints(name)
    encoder = open_encoder(f"baseline:{name}:{path}")
    images = np.stack([textured_image(seed, encoder.size, encoder.size) for seed in range(2)])
    latents = encoder.encode(images)
    with torch.inference_mode():
        expected = by_hand(name, weights, normalised(images, BASELINES[name])).numpy()
    assert encoder.shapes == ((expected.shape[1], 1, 1),)
    assert np.abs(latents - expected).max() <= 1e-4 * np.abs(expected).max()
    assert np.abs(latents[0] - latents[1]).max() > 1e-3 * np.abs(expected).max()
    alone = encoder.encode(images[1:])[0]
    assert np.linalg.norm(alone - latents[1]) <= 1e-4 * np.linalg.norm(alone)


@needs_torch
def test_a_checkpoint_that_lacks_a_weight_is_refused(
    checkpoints: Callable[[str], tuple[Path, Any]], tmp_path: Path
) -> None:
    import torch

    for name, wanted in (("simclr", "blocks.1.norm2.weight"), ("bot", "bn2.running_var")):
        _, weights = checkpoints(name)
        dropped = next(key for key in reversed(weights) if key.endswith(wanted))
        path = tmp_path / f"{name}.pt"
        torch.save({key: value for key, value in weights.items() if key != dropped}, path)
        with pytest.raises(InputError, match="it lacks") as caught:
            open_encoder(f"baseline:{name}:{path}")
        assert wanted in caught.value.given
        assert f"baseline:{name}:FILE" in caught.value.todo


@needs_torch
def test_the_resnet_of_mocov3_is_taken_too(tmp_path: Path) -> None:
    import torch

    made = Made()
    resnet(made, prefixed("module.base_encoder."))
    torch.save({"state_dict": made.weights}, tmp_path / "r-50.pth.tar")
    assert open_encoder(f"baseline:mocov3:{tmp_path / 'r-50.pth.tar'}").shapes == ((48, 1, 1),)


@needs_torch
@pytest.mark.parametrize("name", FILES)
def test_without_a_file_the_error_says_where_it_is(name: str, tmp_path: Path) -> None:
    baseline = BASELINES[name]
    for text in (name, f"{name}:{tmp_path / 'none.pth'}"):
        with pytest.raises(InputError, match=r"no file is given|no such file") as caught:
            open_encoder(f"baseline:{text}")
        for part in (baseline.source, baseline.licence, f"baseline:{name}:FILE"):
            assert part in caught.value.todo


@needs_torch
def test_weights_that_were_never_published_are_said_to_be_so() -> None:
    with pytest.raises(InputError, match="no weights") as caught:
        open_encoder("baseline:asl")
    assert "github.com/WangWenhao0716/ASL" in caught.value.todo


@needs_torch
@pytest.mark.parametrize("name", ["simsiam", "sscd", "cnncl", "efficientnet-lite0"])
def test_damaged_and_hostile_files_are_refused(name: str, tmp_path: Path) -> None:
    import torch

    ran = tmp_path / "ran"

    class Hostile:
        def __reduce__(self) -> Any:
            return (Path.touch, (ran,))

    bad = tmp_path / "bad.pth"
    for content in (Hostile(), {"state_dict": {"weight": Hostile()}}, {"epoch": 3}, [1, 2]):
        torch.save(content, bad)
        with pytest.raises(InputError, match=r"bad\.pth"):
            open_encoder(f"baseline:{name}:{bad}")
    for data in (b"", b"no checkpoint", bad.read_bytes()[:50]):
        bad.write_bytes(data)
        with pytest.raises(InputError, match=r"bad\.pth"):
            open_encoder(f"baseline:{name}:{bad}")
    assert not ran.exists()


@needs_torch
def test_a_torchscript_file_runs_as_it_is(tmp_path: Path) -> None:
    import warnings

    import torch

    class Network(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Conv2d(3, 5, 32, 32)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.nn.functional.normalize(self.layer(x).mean((2, 3)))

    torch.manual_seed(1)
    network = Network().eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.trace(network, torch.zeros(1, 3, 320, 320)).save(tmp_path / "sscd.pt")
    encoder = open_encoder(f"baseline:sscd:{tmp_path / 'sscd.pt'}")
    images = np.stack([textured_image(seed, 320, 320) for seed in range(3)])
    with torch.inference_mode():
        expected = network(normalised(images, BASELINES["sscd"])).numpy()
    assert np.abs(encoder.encode(images) - expected).max() < 1e-5


@needs_torch
def test_a_network_for_other_images_is_refused(tmp_path: Path) -> None:
    import torch

    made = Made()
    vit(made, "module.visual.", size=448)
    torch.save({"state_dict": made.weights}, tmp_path / "large.pt")
    with pytest.raises(InputError, match="no use for images of 224 pixels"):
        open_encoder(f"baseline:simclr:{tmp_path / 'large.pt'}")

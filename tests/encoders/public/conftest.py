"""Checkpoints of public models, and images to judge the models on."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from originid.encoders import Encoder, open_encoder
from originid.testing import textured_image
from published_checkpoints import MADE, Made


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Path, Any]]:
    """The file of a model in the layout in which it was published, and its weights by name."""
    folder = tmp_path_factory.mktemp("checkpoints")

    def write(name: str) -> tuple[Path, Any]:
        import torch

        made = Made()
        content = MADE[name](made)
        path = folder / f"{name}.pth.tar"
        torch.save(content, path)
        return path, made.weights

    return write


@pytest.fixture
def simclr_encoder(checkpoints: Callable[[str], tuple[Path, Any]]) -> Encoder:
    return open_encoder(f"baseline:simclr:{checkpoints('simclr')[0]}")


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 origins of 4 sources, each with a darker copy, 70 other photos, and a manifest."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("material")
    (folder / "photos").mkdir()
    for seed in range(70):  # fewer than a collection looks at again, which takes a minute
        Image.fromarray(textured_image(seed + 500)).save(folder / "photos" / f"{seed}.png")
    with open(folder / "pairs.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["origin", "query", "source"])
        for i in range(20):
            origin = textured_image(i)
            Image.fromarray(origin).save(folder / f"o{i}.png")
            Image.fromarray(origin // 4 * 3 + 20).save(folder / f"q{i}.png")
            writer.writerow([f"o{i}.png", f"q{i}.png", f"source{i % 4}"])
    return folder

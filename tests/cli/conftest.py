"""Small material that commands work on."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PILImage

from fixture_types import Run, WritePhotos
from originid.model import Model
from originid.testing import textured_image


@pytest.fixture
def indexed(tmp_path: Path, model: Model, write_photos: WritePhotos, run: Run) -> Path:
    """A collection of 30 photos."""
    write_photos(30)
    status, _, err = run(
        "index", tmp_path / "photos", "--into", tmp_path / "c", "--model", model.folder
    )
    assert status == 0, err
    return tmp_path / "c"


@pytest.fixture
def stranger(tmp_path: Path) -> Path:
    """An image like nothing that is indexed."""
    path = tmp_path / "stranger.png"
    PILImage.fromarray(textured_image(12345)).save(path)
    return path


@pytest.fixture(scope="session")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A manifest of 24 pairs of 12 origins and 4 sources, with 40 photos in a folder beside it."""
    folder = tmp_path_factory.mktemp("pairs")
    (folder / "photos").mkdir()
    rng = np.random.default_rng(0)
    for seed in range(40):
        picture = PILImage.fromarray(textured_image(seed + 300))
        picture.save(folder / "photos" / f"{seed:02}.png")
    with open(folder / "pairs.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["origin", "query", "source", "kind", "strength"])
        for i in range(12):
            origin = textured_image(i)
            PILImage.fromarray(origin).save(folder / f"o{i}.png")
            for k in range(2):
                noise = rng.normal(0, 10 + 10 * k, origin.shape)
                query = np.clip(origin * rng.uniform(0.6, 1, 3) + noise, 0, 255).astype(np.uint8)
                PILImage.fromarray(query).save(folder / f"q{i}-{k}.png")
                row = [f"o{i}.png", f"q{i}-{k}.png", f"s{i % 4}", ["a", "b"][i % 2], f"0.{k + 3}"]
                writer.writerow(row)
    return folder / "pairs.csv"


@pytest.fixture
def run_json(run: Run) -> Callable[..., Any]:
    """Runs a command with ``--json``; gives the one line of JSON that it prints."""

    def call(*arguments: object) -> Any:
        status, out, err = run(*arguments, "--json")
        assert status == 0, err
        (line,) = out.splitlines()
        line.encode("ascii")
        return json.loads(line, parse_constant=pytest.fail)  # no NaN, which is not JSON

    return call

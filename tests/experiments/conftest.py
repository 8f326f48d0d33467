"""RealPairs in small, and what an experiment needs to run on it."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PILImage

from originid.experiments import (
    ExperimentContext,
    ExperimentInputs,
    ExperimentReport,
    open_experiment,
)
from originid.experiments.report.writing import write_report
from originid.experiments.scale import Scale
from originid.testing import textured_image
from small_context import SmallContext

MODELS = ("SD 1.4", "SDXL-Turbo")
METHODS = ("EDICT", "InstructPix2Pix", "img2img", "PnP")


@pytest.fixture(scope="session")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """RealPairs in small: 48 origins of 8 sources, two generators with an edit of each."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "photos").mkdir()
    (folder / "pairs").mkdir()
    rng = np.random.default_rng(0)
    for seed in range(30):
        PILImage.fromarray(textured_image(seed + 900)).save(folder / "photos" / f"{seed:02}.png")
    header = ["origin", "query", "origin_group", "source", "model", "method", "kind"]
    with open(folder / "pairs" / "manifest.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        for i in range(48):
            origin = textured_image(i)
            PILImage.fromarray(origin).save(folder / "pairs" / f"o{i}.png")
            for j, model in enumerate(MODELS):
                noise = rng.normal(0, 12 + 20 * j, origin.shape)
                query = np.clip(origin * rng.uniform(0.5, 1, 3) + noise, 0, 255).astype(np.uint8)
                PILImage.fromarray(query).save(folder / "pairs" / f"q{i}-{j}.png")
                kind = [f"g{i}", f"source{i % 8}", model, METHODS[i % 4], "inversion"]
                writer.writerow([f"o{i}.png", f"q{i}-{j}.png", *kind])
    return folder


@pytest.fixture
def context(material: Path, tmp_path: Path) -> ExperimentContext:
    """An experiment on it, with parts and latents in folders of the test."""
    inputs = ExperimentInputs(data=f"realpairs:{material}", scale=Scale(images=12))
    return SmallContext(inputs, tmp_path / "out", tmp_path / "latents")


@pytest.fixture
def write_report_of(context: ExperimentContext) -> Callable[[str], ExperimentReport]:
    """Runs an experiment and writes its report; each file must be what its name says."""
    pytest.importorskip("matplotlib", reason="needs the extra [experiments]")

    def make(name: str) -> ExperimentReport:
        report = open_experiment(name)(context)
        assert context.folder is not None
        write_report(context.folder, report)
        assert json.loads((context.folder / f"{name}.json").read_text())["summary"]
        for key in report.plots:
            with PILImage.open(context.folder / f"{name}-{key}.png") as plot:
                assert plot.width > 500
        for key in report.sheets:
            with PILImage.open(context.folder / f"{name}-{key}.jpg") as sheet:
                assert sheet.width > 200
        return report

    return make

"""What gpu.py does on each device: extraction, training, distillation, generation.

Each part returns the vectors of queries and references, the reference that each query was made
from, and the seconds of what runs on the device, without loading and without a first run.
"""

import csv
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from unittest.mock import patch

import numpy as np

from originid.images.decode import decode, read_bytes
from originid.maps import unit_length
from originid.model import open_model
from originid.types import Floats32, Image, Vectors

Arrays = dict[str, np.ndarray]
DATA = Path(str(files("originid") / "data"))
PHOTOS, EDITS = DATA / "demo_photos", DATA / "demo_edits"
SIDE = 256
NOISE = 25.0  # of a pixel's 255, in further queries
REPEATS = 2  # of all photos, in what is timed
LATENT, ORIGINS, COPIES, MOVED = 1024, 500, 6, 256  # of made-up latents; MOVED directions are noise
MADE = 24  # images that a generator makes
STRENGTH = 0.3


def save_tiny_vae(folder: Path) -> Path:
    """Save an AutoencoderTiny with random weights, always the same, and return its folder."""
    import diffusers
    import torch

    torch.manual_seed(0)
    diffusers.AutoencoderTiny().save_pretrained(folder)
    return folder


def photos() -> dict[str, Image]:
    """Return the photos of the package by their names, squashed: uint8 (256, 256, 3) each."""
    paths = sorted(PHOTOS.glob("*.jpg"))
    return {path.name: decode(read_bytes(path), SIDE).image for path in paths}


def queries(of: dict[str, Image]) -> tuple[Image, np.ndarray]:
    """Return the packaged edits and a noisy copy of each photo, and the photo of each."""
    names, rng = list(of), np.random.default_rng(0)
    with (EDITS / "edits.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    edits = [decode(read_bytes(EDITS / row["query"]), SIDE).image for row in rows]
    wanted = [names.index(Path(row["origin"]).name) for row in rows]
    noisy = [image + rng.normal(0, NOISE, image.shape) for image in of.values()]
    pictures = [*edits, *(image.clip(0, 255).astype(np.uint8) for image in noisy)]
    return np.stack(pictures), np.array([*wanted, *range(len(names))])


def timed(work: Callable[[], object]) -> float:
    """Return the seconds of a call; what runs on a device has ended when it returns arrays."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def centred(latents: Floats32, mean: Floats32) -> Vectors:
    """Return latents without their mean, of unit length."""
    return unit_length(latents - mean)


def extraction(device: str, half: bool, vae: Path) -> Arrays:
    """Encode the photos and the queries with an autoencoder."""
    import torch

    from originid.encoders.diffusers import DiffusersEncoder

    dtype = torch.bfloat16 if half else torch.float32
    encoder = DiffusersEncoder(str(vae), device, dtype)
    of = photos()
    pictures, truth = queries(of)
    known = np.stack(list(of.values()))
    references = encoder.encode(known)
    seconds = timed(lambda: encoder.encode(np.concatenate([known] * REPEATS)))
    mean = references.mean(axis=0)
    return {
        "queries": centred(encoder.encode(pictures), mean),
        "references": centred(references, mean),
        "truth": truth,
        "seconds": np.array(seconds),
    }


def training(device: str, half: bool, vae: Path) -> Arrays:
    """Learn a map by CosFace from made-up latents, whose copies are moved in some directions."""
    from originid.training.metric import learner
    from originid.training.metric.fit import fit_metric
    from originid.training.metric.settings import MetricLearning
    from originid.training.samples import LabelledRows

    if device == "cpu":  # half precision only to try this script
        patch.object(learner, "in_half_precision", return_value=half).start()
    rng = np.random.default_rng(0)
    moved = np.linalg.qr(rng.normal(size=(LATENT, LATENT)))[0][:MOVED].astype(np.float32)
    origins = rng.normal(size=(ORIGINS, LATENT)).astype(np.float32)

    def copies(count: int) -> Floats32:
        noise = rng.normal(size=(ORIGINS, count, MOVED)).astype(np.float32)
        return origins[:, None] + 3 * noise @ moved

    learned = np.concatenate([origins[:, None], copies(COPIES)], axis=1)
    rows = LabelledRows.of_array(
        learned.reshape(-1, LATENT), np.repeat(np.arange(ORIGINS), COPIES + 1)
    )
    settings = MetricLearning(
        dim=128, origins_per_batch=64, epochs=6, steps_per_epoch=25, rate=3e-3, warmup=1, hold=3,
        ema=0.9,
    )  # fmt: skip
    mean = np.zeros(LATENT, np.float32)
    fit_metric(rows, mean, replace(settings, epochs=1, steps_per_epoch=2, warmup=0, hold=0))
    maps = []
    seconds = timed(lambda: maps.append(fit_metric(rows, mean, settings)))
    return {
        "queries": unit_length(maps[0].apply(copies(1)[:, 0])),
        "references": unit_length(maps[0].apply(origins)),
        "truth": np.arange(ORIGINS),
        "seconds": np.array(seconds),
    }


def distillation(device: str, half: bool, vae: Path) -> Arrays:
    """Teach a small network the latents of the autoencoder, on the photos of the package."""
    from originid.encoders.diffusers import DiffusersEncoder
    from originid.encoders.onnx import OnnxEncoder
    from originid.training.distillation import learner
    from originid.training.distillation.fit import distill
    from originid.training.distillation.settings import Distillation

    if device == "cpu":
        patch.object(learner, "multiplies_bfloat16", return_value=half).start()
    settings = Distillation(fine=16, coarse=32, coarse_blocks=2, epochs=4, steps_per_epoch=20,
                            warmup=10, ema=0.9)  # fmt: skip
    of = photos()
    pictures, truth = queries(of)
    with tempfile.TemporaryDirectory() as folder:
        path, teacher = Path(folder) / "student.onnx", DiffusersEncoder(str(vae))
        seconds = timed(lambda: distill(path, [PHOTOS], teacher, settings))
        student = OnnxEncoder(str(path))
        references = student.encode(np.stack(list(of.values())))
        mean = references.mean(axis=0)
        return {
            "queries": centred(student.encode(pictures), mean),
            "references": centred(references, mean),
            "truth": truth,
            "seconds": np.array(seconds),
        }


def generation(device: str, half: bool, vae: Path) -> Arrays:
    """Make edits of the photos with a packaged generator, and encode them with the model."""
    from originid.generation.diffusion.making import open_maker
    from originid.generation.diffusion.presets import GENERATORS
    from originid.generation.diffusion.tasks import Task

    of = photos()
    origins = list(of.values())
    tasks = [Task(origins[i], "a photo at sunset", STRENGTH, seed=i) for i in range(MADE)]
    maker = open_maker(GENERATORS["small-ddpm"], device, half)
    maker.make(tasks[:1])
    made: list[Image | str] = []
    seconds = timed(lambda: made.extend(maker.make(tasks)))
    faults = [each for each in made if isinstance(each, str)]
    if faults:
        raise SystemExit(f"generation on {device}: {faults[0]}")
    model = open_model()
    return {
        "queries": model.encode([each for each in made if not isinstance(each, str)]),
        "references": model.encode(origins),
        "truth": np.arange(len(made)),
        "seconds": np.array(seconds),
    }


PARTS: dict[str, Callable[[str, bool, Path], Arrays]] = {
    "extraction": extraction,
    "training": training,
    "distillation": distillation,
    "generation": generation,
}

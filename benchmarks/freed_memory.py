"""How much time it saves on a CPU that a process keeps freed memory, and that Adam is fused.

usage: python benchmarks/freed_memory.py [--rounds 3] [--json]

Three jobs are timed: encoding images with a VAE of TAESD's size (random weights), training the
small IBN-Net, and steps of CosFace for a map of 4,096 components to 512 dims. Each runs in a
process of its own and in three ways: as originid does it, with freed memory given back, and with
Adam as torch runs it by default.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from statistics import median
from unittest.mock import patch

import numpy as np
import torch

from reporting import machine

WAYS = ("as it is", "memory given back", "Adam not fused")
IMAGES, STEPS, MAP_STEPS = 16, 15, 30
CLASSES = 1000


def encode() -> float:
    """Return the milliseconds of encoding an image of 256 x 256 pixels."""
    from tempfile import TemporaryDirectory

    from diffusers import AutoencoderTiny

    from originid.encoders.diffusers import DiffusersEncoder

    with TemporaryDirectory() as folder:
        AutoencoderTiny().save_pretrained(folder)
        encoder = DiffusersEncoder(folder, device="cpu")
    images = np.random.default_rng(0).integers(0, 256, (IMAGES, 256, 256, 3), np.uint8)
    encoder.encode(images[:2])
    start = time.perf_counter()
    encoder.encode(images)
    return 1000 * (time.perf_counter() - start) / IMAGES


def train_network() -> float:
    """Return the milliseconds of a training step of the small IBN-Net."""
    from originid.experiments.trained_networks.fit import fit_network
    from originid.experiments.trained_networks.settings import PRESETS

    settings = replace(PRESETS["ibn-net"], steps=STEPS + 1)
    classes = np.repeat(np.arange(CLASSES), 2)
    side = settings.side
    images = np.random.default_rng(0).integers(0, 256, (len(classes), side, side, 3), np.uint8)
    ends: list[float] = []
    fit_network(images, classes, settings, lambda done, total: ends.append(time.perf_counter()))
    return 1000 * (ends[-1] - ends[0]) / STEPS


def train_map() -> float:
    """Return the milliseconds of a step of CosFace."""
    from originid.training.metric.fit import fit_metric
    from originid.training.metric.settings import PRESETS
    from originid.training.samples import LabelledRows

    settings = replace(PRESETS["cosface"], epochs=2, steps_per_epoch=MAP_STEPS)
    classes = np.repeat(np.arange(CLASSES), 2)
    latents = np.random.default_rng(0).normal(size=(len(classes), 4096)).astype(np.float32)
    ends: list[float] = []
    fit_metric(
        LabelledRows.of_array(latents, classes),
        np.zeros(4096, np.float32),
        settings,
        progress=lambda done, total: ends.append(time.perf_counter()),
    )
    return 1000 * (ends[-1] - ends[0]) / (len(ends) - 1)


JOBS: dict[str, Callable[[], float]] = {
    "a VAE, an image": encode,
    "IBN-Net, a step": train_network,
    "CosFace, a step": train_map,
}


def measure(job: str, way: str) -> float:
    """Return the milliseconds of a job in this process.

    Args:
        job: a key of `JOBS`.
        way: one of `WAYS`.
    """
    adam = torch.optim.Adam
    changed: dict[str, AbstractContextManager[object]] = {
        "as it is": nullcontext(),
        "memory given back": patch("originid.system.malloc.ctypes", None),
        "Adam not fused": patch(
            "torch.optim.Adam", lambda tensors, rate, fused: adam(tensors, rate)
        ),
    }
    with changed[way]:
        return JOBS[job]()


def main() -> None:
    """Run every job in every way, in turns, and print the medians."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        print(measure(*options.only))
        return
    found: dict[str, dict[str, float]] = {}
    for job in JOBS:
        times: dict[str, list[float]] = {way: [] for way in WAYS}
        for _ in range(options.rounds):
            for way in WAYS:
                child = [sys.executable, __file__, "--only", job, way]
                output = subprocess.run(child, check=True, stdout=subprocess.PIPE).stdout
                times[way].append(float(output.split()[-1]))
        found[job] = {way: median(values) for way, values in times.items()}
    if options.json:
        print(json.dumps({"machine": machine("torch"), "milliseconds": found}))
        return
    print(machine("torch"))
    print(f"| milliseconds | {' | '.join(WAYS)} |")
    print("|---" * (len(WAYS) + 1) + "|")
    for job, values in found.items():
        print(f"| {job} | {' | '.join(f'{value:.0f}' for value in values.values())} |")


if __name__ == "__main__":
    main()

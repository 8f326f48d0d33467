"""Whether a GPU in half precision ranks as a CPU in single precision does, and how much faster.

usage: bash benchmarks/gpu.sh [VAE_FOLDER] [--cpu] [--json]

Each of extraction, training, distillation and generation is done twice, each time in a process of
its own: on the CPU in float32, and on CUDA in bfloat16 or float16, as originid does there by
itself. Both make vectors of queries and references. What is compared is the first reference of each
query. Photos are those that the package carries. With --cpu, the CPU in half precision stands for
the GPU, to try the script where there is none. See gpu_parts.py for what each part does.

The exit status is 1 if a part differs too much, and 77 if there is no CUDA.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from gpu_parts import PARTS, save_tiny_vae
from originid.types import Json
from reporting import figure, machine

NO_CUDA = 77  # the exit status by which test runners know that something was skipped
AGREE = {"extraction": 0.97, "training": 0.97, "distillation": 0.8, "generation": 0.9}
"""Least share of queries with the same first reference. Two students that were distilled on
different devices are different networks, and a generator's image is a new one each time."""


def main() -> int:
    """Run from the command line, and return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("vae", nargs="?", type=Path, help="a folder of an autoencoder of diffusers")
    parser.add_argument("--cpu", action="store_true", help="the CPU stands for the GPU")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--part", nargs=3, metavar=("NAME", "DEVICE", "FILE"))  # of ourselves
    options = parser.parse_args()
    if options.part is not None:
        name, device, file = options.part
        half = device != "cpu" or options.cpu
        save_file(PARTS[name](device, half, options.vae), file)
        return 0
    import torch

    if not options.cpu and not torch.cuda.is_available():
        print("there is no CUDA here, so that nothing was checked; --cpu tries this script without")
        return NO_CUDA
    gpu = "the CPU again, in half precision" if options.cpu else torch.cuda.get_device_name()
    where = f"{machine('torch', 'diffusers', 'accelerate')}; compared: {gpu}"
    with tempfile.TemporaryDirectory(prefix="originid-gpu-") as folder:
        vae = options.vae or save_tiny_vae(Path(folder) / "vae")
        rows = [compare(name, vae, Path(folder), options.cpu) for name in PARTS]
    if options.json:
        print(json.dumps({"machine": where, "parts": rows}))
    else:
        print_rows(where, rows)
    return 0 if all(row["agrees"] for row in rows) else 1


def compare(name: str, vae: Path, folder: Path, cpu: bool) -> Json:
    """Do a part on both devices, and compare them.

    Args:
        name: the name of the part.
        vae: the folder of the autoencoder.
        folder: a folder for results.
        cpu: whether the CPU stands for the GPU.
    """
    single = run(name, "cpu", vae, folder / f"{name}-cpu.safetensors", False)
    half = run(name, "cpu" if cpu else "cuda", vae, folder / f"{name}-gpu.safetensors", cpu)
    ours, theirs = (scores(each) for each in (half, single))
    same = float((ours.argmax(axis=1) == theirs.argmax(axis=1)).mean())
    return {
        "part": name,
        "queries": len(ours),
        "same_first": same,
        "first_is_origin": [
            float((s.argmax(axis=1) == single["truth"]).mean()) for s in (theirs, ours)
        ],
        "largest_difference": float(np.abs(ours - theirs).max()),
        "cpu_s": float(single["seconds"]),
        "gpu_s": float(half["seconds"]),
        "times_faster": float(single["seconds"] / half["seconds"]),
        "agrees": same >= AGREE[name],
    }


def run(name: str, device: str, vae: Path, file: Path, half: bool) -> dict[str, np.ndarray]:
    """Do a part in a process of its own, on one device, and return its arrays."""
    command = [sys.executable, __file__, os.fspath(vae), "--part", name, device, os.fspath(file)]
    environment = {**os.environ, "ORIGINID_DEVICE": device}
    subprocess.run(command + ["--cpu"] * half, check=True, env=environment)
    arrays: dict[str, np.ndarray] = load_file(file)
    return arrays


def scores(made: dict[str, np.ndarray]) -> np.ndarray:
    """Return the cosine of each query with each reference."""
    return np.asarray(made["queries"] @ made["references"].T)


def print_rows(where: str, rows: list[Json]) -> None:
    """Print a table for people."""
    print(f"{where}\n")
    print("| | queries | same first | origin first, CPU | GPU | CPU, s | GPU, s | times faster | |")
    print("|---|---|---|---|---|---|---|---|---|")
    for row in rows:
        shares = [f"{100 * each:.1f} %" for each in (row["same_first"], *row["first_is_origin"])]
        times = [figure(row[key]) for key in ("cpu_s", "gpu_s", "times_faster")]
        verdict = "as it should" if row["agrees"] else "DIFFERS"
        print(f"| {row['part']} | {row['queries']} | {' | '.join([*shares, *times, verdict])} |")


if __name__ == "__main__":
    sys.exit(main())

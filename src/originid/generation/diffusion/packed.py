"""The pipelines that originid carries: diffusers folders whose weights are stored in eight bits.

A tensor of two or more dimensions is stored as int8, with one float32 scale for each slice of its
first dimension. Other tensors are stored as they are. Such a folder takes a quarter of the space
that it takes in float32.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from originid.types import Floats32

PREFIX = "packaged:"
"""What the source of a pipeline that originid carries begins with."""
SUFFIX = ".int8.safetensors"
SCALE = "::scale"


def pack(folder: Path, target: Path) -> None:
    """Copy a diffusers folder and store its weights in eight bits.

    Args:
        folder: The folder that diffusers wrote.
        target: The folder to write. What was there before is removed.
    """
    shutil.rmtree(target, ignore_errors=True)
    for file in sorted(file for file in folder.rglob("*") if file.is_file()):
        copy = target / file.relative_to(folder)
        copy.parent.mkdir(parents=True, exist_ok=True)
        if file.suffix != ".safetensors":
            shutil.copyfile(file, copy)
            continue
        stored: dict[str, NDArray[np.generic]] = {}
        for name, tensor in load_file(file).items():
            stored |= _rounded(name, tensor.astype(np.float32))
        save_file(stored, copy.with_suffix(SUFFIX))


def unpack(folder: Path, target: Path) -> None:
    """Write a packed folder as one that diffusers can load, with weights in float32.

    Args:
        folder: The packed folder.
        target: The folder to write to.
    """
    for file in sorted(file for file in folder.rglob("*") if file.is_file()):
        copy = target / file.relative_to(folder)
        copy.parent.mkdir(parents=True, exist_ok=True)
        if not file.name.endswith(SUFFIX):
            shutil.copyfile(file, copy)
            continue
        weights = {
            name: tensor if (scale := stored.get(name + SCALE)) is None else tensor * scale
            for stored in [load_file(file)]
            for name, tensor in stored.items()
            if not name.endswith(SCALE)
        }
        name = file.name.removesuffix(SUFFIX) + ".safetensors"
        # The libraries refuse a file that does not say that it is for torch ("pt").
        save_file(weights, copy.with_name(name), metadata={"format": "pt"})


@contextmanager
def local_folder(source: str) -> Iterator[str]:
    """Yield the place from which diffusers loads a source, as a context manager.

    This is the source itself or, for a pipeline that originid carries, a temporary folder that is
    removed at the end.

    Args:
        source: A folder, a hub id, or `PREFIX` and the name of a carried pipeline.
    """
    if not source.startswith(PREFIX):
        yield source
        return
    packaged = files("originid") / "data" / "generators" / source.removeprefix(PREFIX)
    with (
        as_file(packaged) as folder,
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as target,
    ):
        unpack(folder, Path(target))
        yield target


def _rounded(name: str, tensor: Floats32) -> dict[str, NDArray[np.generic]]:
    """Round a tensor to eight bits; the error is at most 1 / 254 of a slice's largest value."""
    if tensor.ndim < 2:
        return {name: tensor}
    rows = np.abs(tensor).reshape(len(tensor), -1).max(axis=1)
    scale = (np.maximum(rows, 1e-12) / 127).astype(np.float32)  # never 0, also for zeros
    scale = scale.reshape(-1, *[1] * (tensor.ndim - 1))
    return {name: np.round(tensor / scale).astype(np.int8), name + SCALE: scale}

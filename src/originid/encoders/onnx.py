"""Encoders in ONNX files, which onnxruntime runs: the packaged one, and those that you distil."""

import hashlib
import math
import os
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import numpy as np

from originid.encoders.base import Shape, latent_dim
from originid.encoders.onnx_file import MOST_BYTES, read_network
from originid.encoders.onnx_network import MOST_VALUES, MOST_WORK
from originid.errors import InputError, cause
from originid.maps.limits import read_blocks
from originid.system.onnx_session import CPU, available_providers, open_session
from originid.system.small_files import read_small_file
from originid.types import Image, Json, Latents

FORMAT = 1
METADATA = "originid"  # the key of the description in the metadata of the file
INPUT, OUTPUT = "images", "latents"  # the names of the network's input and output
BATCH = 16  # images at a time; more of them would not fit into the caches of a processor
PACKAGED = Path(str(files("originid") / "data" / "encoders" / "distilled.onnx"))
REINSTALL = "install originid again: pip install --force-reinstall originid"
PROVIDERS = ("CUDAExecutionProvider", "DmlExecutionProvider", CPU)
"""The parts of onnxruntime that may run a network, best first; those not installed are skipped.

CoreML is left out. It comes with the plain package on macOS and computes in half precision, so
latents would change without anyone having asked for it. `OnnxEncoder` takes it on request.
"""


class OnnxEncoder:
    """An encoder that is a network in an ONNX file; the file describes its own sizes and shapes.

    One call of `encode` runs on one thread of the CPU. To encode many images, call it from many
    threads at the same time. That scales better than splitting the work on one image, and every
    image gets the same latent on any number of cores.

    Args:
        source: the path of the file; an empty text means the encoder that comes with originid.
        providers: the execution providers of onnxruntime to try, best first; by default
            `PROVIDERS`.
        links: whether the path may be a symbolic link.

    Raises:
        InputError: if the file is missing, damaged, or holds anything that ``originid distill``
            does not write: see `onnx_file`.
    """

    def __init__(
        self, source: str = "", providers: Sequence[str] | None = None, links: bool = True
    ) -> None:
        path = Path(os.path.abspath(source)) if source else PACKAGED
        self.spec = f"onnx:{path}" if source else "distilled"
        try:
            data = read_small_file(path, MOST_BYTES, links)
            network = read_network(data, METADATA, INPUT, OUTPUT)
            self.description: Json = network.description
            if self.description["format"] != FORMAT:
                raise ValueError(
                    f"format {self.description['format']}, this version reads {FORMAT}"
                )
            self.size = int(self.description["size"])
            self.shapes: tuple[Shape, ...] = read_blocks(self.description["shapes"])
            self.cutoffs = _cutoffs(self.description["cutoffs"], len(self.shapes))
            if math.prod(network.output) != latent_dim(self.shapes):
                raise ValueError(f"latents of {network.output}, described as {self.shapes}")
            present = available_providers()
            chosen = [p for p in providers or PROVIDERS if p in present]
            self._session = open_session(data, chosen)
        except Exception as error:  # onnxruntime raises a dozen kinds for a bad file
            raise _unusable(path, error) from error
        self._path = path
        # A batch costs no more than the largest network that is taken costs for one image, twice.
        costs = (MOST_WORK // network.values.work, 2 * MOST_VALUES // network.values.elements)
        self._batch = max(1, min(BATCH, *costs))
        self.identity = f"onnx-{FORMAT}:{hashlib.sha256(data).hexdigest()[:32]}"

    def encode(self, images: Image) -> Latents:
        """Encode images, as `Encoder.encode` says."""
        batches = [
            self._run(images[i : i + self._batch]) for i in range(0, len(images), self._batch)
        ]
        return np.concatenate(batches)

    def _run(self, images: Image) -> Latents:
        try:
            (latents,) = self._session.run([OUTPUT], {INPUT: np.ascontiguousarray(images)})
        except Exception as error:  # onnxruntime raises a dozen kinds
            raise _unusable(self._path, error) from error
        return np.asarray(latents, np.float32).reshape(len(images), -1)


def _cutoffs(given: object, blocks: int) -> tuple[float, ...]:
    """Return the cutoffs that a file states; JSON has no infinity, for which null stands."""
    cutoffs = given if isinstance(given, list) else []
    if len(cutoffs) != blocks or not all(isinstance(c, int | float | None) for c in cutoffs):
        raise ValueError(f"cutoffs {str(given)[:60]}, expected one for each of {blocks} blocks")
    return tuple(math.inf if c is None else float(c) for c in cutoffs)


def _unusable(path: Path, error: Exception) -> InputError:
    given = f"encoder file {path}: {_reason(error)}"
    expected, todo = (
        "an ONNX file that `originid distill` wrote",
        "check the path, or distill again",
    )
    if path == PACKAGED:
        expected, todo = "the encoder that comes with originid", REINSTALL
    elif (path.parent / "model.json").exists():
        expected, todo = "the encoder that this model was made with", "restore it from a copy"
    return InputError(given, f"expected {expected}", todo)


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        missing = isinstance(error, FileNotFoundError)
        return "no such file" if missing else error.strerror or str(error)
    if isinstance(error, KeyError | TypeError | ValueError):
        return cause(error)
    return "damaged, or not an ONNX file that this onnxruntime reads"

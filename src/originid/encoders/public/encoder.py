"""A public model as an encoder."""

import importlib.util
import math
import os
import warnings
from pathlib import Path

import numpy as np

from originid.encoders.base import Shape
from originid.encoders.public.presets import Baseline
from originid.errors import ExtraError, InputError
from originid.system.malloc import keep_freed_memory
from originid.types import Image, Latents

try:
    import torch
    from torch import nn
    from torch.nn import functional
except ImportError as error:
    raise ExtraError("a public model", "baselines") from error

from originid.encoders.public.published import LAYOUTS, read_weights
from originid.encoders.torch_networks import best_device, usual_precision, weights_sha256

VERSION = 1
BATCH = 16  # images at once
# What torch, its unpickler and the layouts raise for a file that is not what it should be.
FAULTS = (AttributeError, EOFError, KeyError, OSError, RuntimeError, TypeError, ValueError)


class BaselineEncoder:
    """A public model's latent of whole images: one block of dim x 1 x 1.

    Args:
        baseline: which model, and how it takes images.
        source: what to load in place of its usual weights: a file, a folder, or a hub id.
        device: where it runs; by default CUDA, else MPS, else the CPU.
        dtype: precision of the network; by default bfloat16 on CUDA, float32 elsewhere. It is not
            part of `identity`.

    Raises:
        InputError: its weights cannot be had.
        ExtraError: its packages are not installed.
    """

    def __init__(
        self,
        baseline: Baseline,
        source: str = "",
        device: str | None = None,
        dtype: "torch.dtype | None" = None,
    ) -> None:
        if os.path.exists(source):
            source = os.path.abspath(source)  # a model must find it from any folder
        self.baseline = baseline
        self.spec = f"baseline:{baseline.name}" + (f":{source}" if source else "")
        self.size = baseline.size
        self._device = torch.device(device or best_device())
        self._dtype = dtype or usual_precision(self._device)
        keep_freed_memory(self._device.type)
        network = _load(baseline, source)
        # Hashed as stored, so that the same weights have one identity on every device.
        weights = weights_sha256(baseline.name, network.state_dict())
        self.identity = f"{baseline.name}-{VERSION}:{baseline.size}:{weights}"
        self._network = network.to(self._device, self._dtype).eval()
        self._mean, self._std = (
            torch.tensor(colour, device=self._device)[:, None, None] * 255
            for colour in baseline.colours
        )
        blank = np.zeros((1, self.size, self.size, 3), np.uint8)
        try:
            _, dim = self._encode(blank).shape
        except FAULTS as error:
            raise _unusable(baseline, f"no use for images of {self.size} pixels") from error
        self.shapes: tuple[Shape, ...] = ((dim, 1, 1),)
        self.cutoffs = (math.inf,)

    def encode(self, images: Image) -> Latents:
        """Encode as `Encoder.encode` says."""
        parts = [self._encode(images[i : i + BATCH]) for i in range(0, len(images), BATCH)]
        return np.ascontiguousarray(torch.cat(parts).float().cpu().numpy(), dtype=np.float32)

    def _encode(self, images: Image) -> "torch.Tensor":
        batch = torch.from_numpy(np.ascontiguousarray(images)).to(self._device)
        batch = (batch.permute(0, 3, 1, 2).float() - self._mean) / self._std
        with torch.inference_mode():
            if not self.baseline.scales:
                return self._network(batch.to(self._dtype))
            return torch.stack([self._at(batch, side) for side in self.baseline.scales]).mean(0)

    def _at(self, batch: "torch.Tensor", side: int) -> "torch.Tensor":
        """The latents, of unit length, of images resized to a side."""
        resized = functional.interpolate(batch, (side, side), mode="bilinear", antialias=True)
        return functional.normalize(self._network(resized.to(self._dtype)).float())


def _load(baseline: Baseline, source: str) -> nn.Module:
    """Load a model in the way that suits it."""
    if baseline.loader == "hub":
        from originid.encoders.public.hub import load_hub  # imports transformers: seconds

        return load_hub(baseline, source or baseline.source)
    if baseline.loader == "none":
        raise InputError(
            f"baseline:{baseline.name}: {baseline.note}",
            "expected a model with public weights",
            f"train it with its authors' code ({baseline.source}, licence: {baseline.licence}), or "
            "take another copy detector",
        )
    path = Path(source) if source else _packaged(baseline)
    if not path.is_file():
        raise _unusable(baseline, f"{path}: {'a folder' if path.is_dir() else 'no such file'}")
    try:
        if baseline.loader == "torchscript":
            return _torchscript(path)
        return LAYOUTS[baseline.architecture](read_weights(path))
    except FAULTS as error:
        raise _unusable(baseline, f"{path}: {_reason(error)}") from error


def _torchscript(path: Path) -> nn.Module:
    with warnings.catch_warnings():  # torch advises against the format that these weights are in
        warnings.simplefilter("ignore", DeprecationWarning)
        return torch.jit.load(os.fspath(path), map_location="cpu")


def _packaged(baseline: Baseline) -> Path:
    """The file of weights in a Python package, which is not imported."""
    if baseline.loader != "package":
        raise _unusable(baseline, "no file is given")
    found = importlib.util.find_spec(baseline.source)
    if found is None or not found.submodule_search_locations:
        raise ExtraError(f"baseline:{baseline.name}", "baselines")
    folder = Path(found.submodule_search_locations[0])
    return next(iter(sorted(folder.rglob("*.pth"))), folder / "models")


def _unusable(baseline: Baseline, why: str) -> InputError:
    kind = "TorchScript file" if baseline.loader == "torchscript" else "checkpoint"
    advice = (
        f"download it from {baseline.source} (licence: {baseline.licence}) and name the file: "
        f"baseline:{baseline.name}:FILE"
    )
    if baseline.loader == "package":
        advice = f"leave the file out: its weights come with the package {baseline.source}"
    return InputError(
        f"the weights of baseline:{baseline.name}: {why}",
        f"expected the {kind} that its authors published",
        advice,
    )


def _reason(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"it lacks {error}, or has it in another shape"
    return (str(error).splitlines() or [""])[0] or type(error).__name__

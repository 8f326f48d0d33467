"""An encoder that runs the network of a public model."""

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
BATCH = 16  # images at a time
# torch, its unpickler and the layouts raise these for a file that is not what it should be.
FAULTS = (AttributeError, EOFError, KeyError, OSError, RuntimeError, TypeError, ValueError)


class BaselineEncoder:
    """An encoder that is a public model. Its latent is one block of the shape (dim, 1, 1).

    Args:
        baseline: the description of the model.
        source: a file, a folder or a hub id to load in place of the usual weights; an empty text
            means the usual weights.
        device: the device that the network runs on; by default that of `best_device`.
        dtype: the precision of the network; by default bfloat16 on CUDA and float32 elsewhere. It
            is not part of `identity`.
        local: whether nothing may be downloaded: a hub id is then looked up in the hub's cache.

    Raises:
        InputError: if the weights cannot be loaded.
        ExtraError: if the packages that the model needs are not installed.
    """

    def __init__(
        self,
        baseline: Baseline,
        source: str = "",
        device: str | None = None,
        dtype: "torch.dtype | None" = None,
        local: bool = False,
    ) -> None:
        if os.path.exists(source):
            source = os.path.abspath(source)  # the spec in a model must work from any folder
        self.baseline = baseline
        self.spec = f"baseline:{baseline.name}" + (f":{source}" if source else "")
        self.size = baseline.size
        self._device = torch.device(device or best_device())
        self._dtype = dtype or usual_precision(self._device)
        keep_freed_memory(self._device.type)
        network = _load(baseline, source, local)
        # The weights are hashed before the device changes their precision, so that the identity is
        # the same on every device.
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
        """Encode images, as `Encoder.encode` says."""
        batches = [self._encode(images[i : i + BATCH]) for i in range(0, len(images), BATCH)]
        return np.ascontiguousarray(torch.cat(batches).float().cpu().numpy(), dtype=np.float32)

    def _encode(self, images: Image) -> "torch.Tensor":
        batch = torch.from_numpy(np.ascontiguousarray(images)).to(self._device)
        batch = (batch.permute(0, 3, 1, 2).float() - self._mean) / self._std
        with torch.inference_mode():
            if not self.baseline.scales:
                return self._network(batch.to(self._dtype))
            return torch.stack([self._at(batch, side) for side in self.baseline.scales]).mean(0)

    def _at(self, batch: "torch.Tensor", side: int) -> "torch.Tensor":
        """Return the latents, scaled to unit length, of images resized to side x side pixels."""
        resized = functional.interpolate(batch, (side, side), mode="bilinear", antialias=True)
        return functional.normalize(self._network(resized.to(self._dtype)).float())


def _load(baseline: Baseline, source: str, local: bool) -> nn.Module:
    """Load the network of a model by the loader that its description names."""
    if baseline.loader == "hub":
        from originid.encoders.public.hub import load_hub  # imports transformers, takes seconds

        return load_hub(baseline, source or baseline.source, local)
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
    with warnings.catch_warnings():  # torch warns about the format, which its authors chose
        warnings.simplefilter("ignore", DeprecationWarning)
        return torch.jit.load(os.fspath(path), map_location="cpu")


def _packaged(baseline: Baseline) -> Path:
    """Find the file of weights in a Python package, without importing the package."""
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

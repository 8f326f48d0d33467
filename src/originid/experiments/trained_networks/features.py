"""What a trained network is used for: extracting features of images, and matching them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from originid.encoders.public.presets import IMAGENET
from originid.errors import ExtraError, InputError
from originid.experiments.trained_networks.settings import NetworkSettings
from originid.system.storage import storage_errors
from originid.types import Image, Scores

try:
    import torch
except ImportError as error:
    raise ExtraError("training networks", "train") from error


class Images(Protocol):
    """Images, uint8 (n, side, side, 3): an array, or an object that reads files when needed."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of all images, (n, side, side, 3)."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype, uint8."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, rows: Any, /) -> Image:
        """Return the images of some rows, which are a slice or an int64 array of numbers."""
        ...


Features = NDArray[np.float32]
"""Vectors, float32 (n, dim), or feature maps, float32 (n, c, h, w)."""
BATCH = 64  # images whose features are extracted at once
SCORED = 16_384  # references that are scored at once: 1.6 GB of feature maps at the paper's size


@dataclass(frozen=True)
class TrainedNetwork:
    """A network that extracts features and scores pairs of them. A higher score is more alike.

    Args:
        settings: the settings that it was trained with.
        network: the torch module, of a class in `MATCHERS`.
    """

    settings: NetworkSettings
    network: Any

    def extract(self, images: Images, file: Path | None = None) -> Features:
        """Return the features of images.

        Args:
            images: the images, uint8 (n, side, side, 3), n >= 1.
            file: the file that keeps the features, which may be larger than memory: at the
                paper's size, feature maps of a million images have 100 GB. With None the features
                are held in memory.

        Returns:
            Vectors, float32 (n, dim), or feature maps, float32 (n, c, h, w).

        Raises:
            InputError: the images have another size than the settings say.
            StorageError: the file cannot be written.
        """
        check_images(images, self.settings)
        features = np.empty(0, np.float32)
        for start in range(0, len(images), BATCH):
            pixels = to_pixels(images[start : start + BATCH], self._device, self.settings)
            with torch.inference_mode():
                part = self.network(pixels).cpu().numpy()
            if start == 0:
                features = _room((len(images), *part.shape[1:]), file)
            features[start : start + BATCH] = part
        return features

    def score(self, queries: Features, references: Features) -> Scores:
        """Return the score of every query with every reference, float32 (q, r).

        The scores are cosines, in [-1, 1], or logits, which have no bounds.

        Args:
            queries: the features of q queries.
            references: the features of r references.
        """
        scores = np.zeros((len(queries), len(references)), np.float32)
        if not len(queries):
            return scores
        with torch.inference_mode():
            ours = torch.from_numpy(queries).to(self._device)
            for start in range(0, len(references), SCORED):
                block = torch.from_numpy(np.array(references[start : start + SCORED]))
                matched = self.network.match(ours, block.to(self._device))
                scores[:, start : start + SCORED] = matched.cpu().numpy()
        return scores

    @property
    def _device(self) -> "torch.device":
        return next(self.network.parameters()).device


def to_pixels(images: Image, device: torch.device, settings: NetworkSettings) -> torch.Tensor:
    """Turn images into what a network takes.

    Args:
        images: the images, uint8 (n, side, side, 3).
        device: the device that the result is on.
        settings: the settings, which say how colours are scaled.

    Returns:
        float32 (n, 3, side, side).
    """
    pixels = torch.from_numpy(np.ascontiguousarray(images)).to(device)
    pixels = pixels.permute(0, 3, 1, 2).float().contiguous()
    if not settings.imagenet_colours:
        return pixels / 127.5 - 1
    mean, deviation = (torch.tensor(each, device=device)[:, None, None] * 255 for each in IMAGENET)
    return (pixels - mean) / deviation


def _room(shape: tuple[int, ...], file: Path | None) -> Features:
    """Return an array to be filled, in memory or in a file."""
    if file is None:
        return np.empty(shape, np.float32)
    with storage_errors(file):
        return np.lib.format.open_memmap(file, "w+", np.float32, shape)


def check_images(images: Images, settings: NetworkSettings) -> None:
    """Check that images have the size that a network takes.

    Args:
        images: the images, uint8 (n, side, side, 3).
        settings: the settings, which say the side.

    Raises:
        InputError: the images have another shape or dtype.
    """
    shape = (settings.side, settings.side, 3)
    if images.shape[1:] != shape or images.dtype != np.uint8:
        raise InputError(
            f"{images.dtype} images of shape {images.shape}",
            f"expected uint8 of shape (n, {', '.join(map(str, shape))})",
            "resize the images, or change side in the settings",
        )

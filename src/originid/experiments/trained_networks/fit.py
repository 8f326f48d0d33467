"""Training a network on images and their classes, and what a trained one can do."""

import copy
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from originid.encoders.public.presets import IMAGENET
from originid.errors import ExtraError, InputError, OriginidError
from originid.experiments.trained_networks.sampling import GraphBatches
from originid.experiments.trained_networks.settings import NetworkSettings
from originid.system.malloc import keep_freed_memory
from originid.system.progress import Progress, silent
from originid.system.storage import storage_errors
from originid.training.metric.batches import Batches
from originid.training.metric.settings import MetricLearning
from originid.types import Image, Rows, Scores

try:
    import torch
    from torch.nn import functional

    from originid.experiments.trained_networks.matching import MATCHERS
    from originid.experiments.trained_networks.pretrained import load_backbone
    from originid.training.metric.losses import make_loss
    from originid.training.state import move_average
except ImportError as error:
    raise ExtraError("training networks", "train") from error


class Images(Protocol):
    """Images (n, side, side, 3) of uint8: an array, or what reads them as they are taken."""

    @property
    def shape(self) -> tuple[int, ...]:
        """That of all of them."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """Uint8."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, rows: Any, /) -> Image:
        """Those of some rows, a slice or an array of numbers."""
        ...


Features = NDArray[np.float32]
"""Vectors (n, dim), or feature maps (n, c, h, w) of a matcher."""
BATCH = 64  # images extracted at once
SCORED = 16_384  # references scored at once: 1.6 GB of feature maps at the paper's size
GRAPH = 1024  # classes in a graph of similar classes, at most: it takes the square of them
CLIP = 8.0  # largest norm of a gradient, as in QAConv-GS


@dataclass(frozen=True)
class TrainedNetwork:
    """A network that extracts features and scores pairs of them; the higher, the more alike."""

    settings: NetworkSettings
    network: Any

    def extract(self, images: Images, file: Path | None = None) -> Features:
        """Features of uint8 images (n, side, side, 3), n >= 1: (n, dim), or (n, c, h, w).

        Args:
            images: see `Images`.
            file: where the features are kept, mapped into memory, that may be larger than it; None
                holds them. At the paper's size, feature maps of a million images are 100 GB.

        Raises:
            InputError: images of another size.
            StorageError: the disk refuses.
        """
        _check_images(images, self.settings)
        features = np.empty(0, np.float32)
        for start in range(0, len(images), BATCH):
            pixels = _pixels(images[start : start + BATCH], self._device, self.settings)
            with torch.inference_mode():
                part = self.network(pixels).cpu().numpy()
            if start == 0:
                features = _room((len(images), *part.shape[1:]), file)
            features[start : start + BATCH] = part
        return features

    def score(self, queries: Features, references: Features) -> Scores:
        """Score every pair, (q, r) float32: cosines, or a matcher's logits, without bounds."""
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


def fit_network(
    images: Images,
    classes: NDArray[np.int64],
    settings: NetworkSettings,
    progress: Progress = silent,
) -> TrainedNetwork:
    """Train a network; on a CPU the result is the same for the same seed and threads.

    Args:
        images: uint8 of shape (n, side, side, 3), see `Images`.
        classes: int64 of shape (n,), at least 0: an origin and its edits are of one class.
        settings: see `NetworkSettings`.
        progress: called with the steps done and the steps in all.

    Raises:
        InputError: images of another size, fewer than two classes, or unusable first values.
        OriginidError: the loss stops being finite.
        ExtraError: torch or pytorch-metric-learning are not installed.
    """
    _check_images(images, settings)
    if classes.shape != (len(images),):
        raise InputError(
            f"classes of shape {classes.shape} for {len(images)} images",
            "expected one class for each image",
            "number the origins, and give every image the number of its origin",
        )
    labels = np.unique(classes, return_inverse=True)[1].astype(np.int64)
    batches = GraphBatches(
        labels, settings.origins_per_batch, settings.images_per_origin, settings.seed
    )
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    keep_freed_memory(device.type)
    with torch.random.fork_rng():
        torch.manual_seed(settings.seed)
        learner = _Learner(settings, len(batches.present), device)
    rng = np.random.default_rng([settings.seed, 4])
    for rows in _batches(learner, images, labels, batches):
        chosen = rows.ravel()
        pixels = _pixels(images[chosen], device, settings)
        if settings.flip:
            mirrored = torch.from_numpy(rng.random(len(chosen)) < 0.5).to(device)
            pixels = torch.where(mirrored[:, None, None, None], pixels.flip(3), pixels)
        learner.step(pixels, torch.from_numpy(labels[chosen]).to(device))
        progress(learner.steps, settings.steps)
    return learner.trained()


def _batches(
    learner: "_Learner", images: Images, labels: NDArray[np.int64], batches: GraphBatches
) -> Iterator[Rows]:
    settings = learner.settings
    if not settings.graph_steps:
        yield from batches.epoch(0, settings.steps)
        return
    for epoch, start in enumerate(range(0, settings.steps, settings.graph_steps)):
        # One random image stands for each class.
        single = Batches(labels, min(GRAPH, len(batches.present)), 1, settings.seed)
        rows = next(single.epoch(epoch, 1)).ravel()
        network = learner.trained()
        features = network.extract(images[rows])
        steps = min(settings.graph_steps, settings.steps - start)
        yield from batches.near(labels[rows], network.score(features, features), epoch, steps)


class _Learner:
    """A network, class weights, Adam's moments for both, and the network's moving average."""

    def __init__(self, settings: NetworkSettings, classes: int, device: torch.device) -> None:
        self.settings = settings
        self.steps = 0
        network = MATCHERS[settings.matcher](settings)
        if settings.weights:
            load_backbone(network.backbone, settings.weights)
        self._network = network.to(device)
        self._average = copy.deepcopy(self._network).eval()
        parameters = list(self._network.parameters())
        self._weights = None
        if settings.loss in ("cosface", "softmax"):
            weights = torch.empty(classes, self._network.channels, device=device)
            self._weights = torch.nn.init.xavier_uniform_(weights).requires_grad_()
            parameters.append(self._weights)
        self._loss = _make_loss(settings, self._network)
        self._parameters = parameters
        self._optimizer = torch.optim.Adam(parameters, settings.rate, fused=True)

    def step(self, images: torch.Tensor, labels: torch.Tensor) -> None:
        """Take a step on images (n, 3, s, s) and their classes (n,)."""
        for group in self._optimizer.param_groups:
            group["lr"] = self.settings.rate_at(self.steps)
        loss = self._loss(self._network(images), labels, self._weights)
        if not math.isfinite(float(loss.detach())):
            raise OriginidError(
                f"loss {float(loss.detach())} in step {self.steps}",
                "expected a finite number",
                "choose a lower rate or scale, or a longer warmup",
            )
        self._optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._parameters, CLIP)
        self._optimizer.step()
        self.steps += 1
        average, values = self._average.state_dict(), self._network.state_dict()
        move_average(average, values, self.steps, self.settings.ema)

    def trained(self) -> TrainedNetwork:
        """The network of the averaged values, which further steps change."""
        return TrainedNetwork(self.settings, self._average)


def _make_loss(
    settings: NetworkSettings, network: Any
) -> Callable[[torch.Tensor, torch.Tensor, Any], torch.Tensor]:
    if settings.loss != "pairs":
        return make_loss(
            MetricLearning(loss=settings.loss, scale=settings.scale, margin=settings.margin)
        )
    return lambda features, labels, weights: pairs_loss(
        network.compare(features, features), labels, settings.margin
    )


def pairs_loss(scores: torch.Tensor, labels: torch.Tensor, margin: float) -> torch.Tensor:
    """Binary cross-entropy of pairs, and hardest triplets, as in QAConv-GS.

    Right and wrong pairs count the same, however many there are; an image with itself is no pair.

    Args:
        scores: logits of every pair of a batch, (n, n).
        labels: classes, (n,); each has at least two images.
        margin: by which the worst right pair of an image is to beat its best wrong one.
    """
    same = labels[:, None] == labels
    right = same & ~torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    matching = (
        functional.softplus(-scores[right]).mean() + functional.softplus(scores[~same]).mean()
    )
    worst = scores.masked_fill(~right, torch.inf).amin(dim=1)
    best = scores.masked_fill(same, -torch.inf).amax(dim=1)
    return matching + functional.relu(margin - worst + best).mean()


def _pixels(images: Image, device: torch.device, settings: NetworkSettings) -> torch.Tensor:
    """Uint8 (n, s, s, 3) to float32 (n, 3, s, s), scaled as the settings say."""
    pixels = torch.from_numpy(np.ascontiguousarray(images)).to(device)
    pixels = pixels.permute(0, 3, 1, 2).float().contiguous()
    if not settings.imagenet_colours:
        return pixels / 127.5 - 1
    mean, deviation = (torch.tensor(each, device=device)[:, None, None] * 255 for each in IMAGENET)
    return (pixels - mean) / deviation


def _room(shape: tuple[int, ...], file: Path | None) -> Features:
    """An array to be filled, in memory or in a file."""
    if file is None:
        return np.empty(shape, np.float32)
    with storage_errors(file):
        return np.lib.format.open_memmap(file, "w+", np.float32, shape)


def _check_images(images: Images, settings: NetworkSettings) -> None:
    shape = (settings.side, settings.side, 3)
    if images.shape[1:] != shape or images.dtype != np.uint8:
        raise InputError(
            f"{images.dtype} images of shape {images.shape}",
            f"expected uint8 of shape (n, {', '.join(map(str, shape))})",
            "resize the images, or change the side in the settings",
        )

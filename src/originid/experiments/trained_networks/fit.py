"""Training a network on images and their classes."""

import copy
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from originid.errors import ExtraError, InputError, OriginidError
from originid.experiments.trained_networks.features import (
    Images,
    TrainedNetwork,
    check_images,
    to_pixels,
)
from originid.experiments.trained_networks.sampling import GraphBatches
from originid.experiments.trained_networks.settings import NetworkSettings
from originid.system.malloc import keep_freed_memory
from originid.system.progress import Progress, silent
from originid.training.metric.batches import Batches
from originid.training.metric.settings import MetricLearning
from originid.types import Rows

try:
    import torch
    from torch.nn import functional

    from originid.encoders.torch_networks import training_device
    from originid.experiments.trained_networks.matching import MATCHERS
    from originid.experiments.trained_networks.pretrained import load_backbone
    from originid.training.metric.losses import make_loss
    from originid.training.state import move_average
except ImportError as error:
    raise ExtraError("training networks", "train") from error


GRAPH = 1024  # the most classes in a graph of similar classes, which costs the square of them
CLIP = 8.0  # the largest norm of a gradient, as in QAConv-GS


def fit_network(
    images: Images,
    classes: NDArray[np.int64],
    settings: NetworkSettings,
    progress: Progress = silent,
) -> TrainedNetwork:
    """Train a network.

    On a CPU the result is the same for the same seed and the same number of threads.

    Args:
        images: the images to learn from, uint8 (n, side, side, 3).
        classes: the class of each image, int64 (n,), at least 0. An origin and its edits are one
            class.
        settings: the settings of the network and of its training.
        progress: called with the number of steps done and the number of steps in all.

    Raises:
        InputError: the images have another size than the settings say, there are fewer than two
            classes, or the file of the first weights cannot be used.
        OriginidError: the loss is not finite after some steps.
        ExtraError: torch or pytorch-metric-learning are not installed.
    """
    check_images(images, settings)
    if classes.shape != (len(images),):
        raise InputError(
            f"classes of shape {classes.shape} for {len(images)} images",
            "expected one class for each image",
            "number the origins from 0, and give every image the number of its origin",
        )
    labels = np.unique(classes, return_inverse=True)[1].astype(np.int64)
    batches = GraphBatches(
        labels, settings.origins_per_batch, settings.images_per_origin, settings.seed
    )
    device = training_device()
    keep_freed_memory(device.type)
    # The first weights depend on the seed alone, and torch's global generator stays as it was.
    with torch.random.fork_rng():
        torch.manual_seed(settings.seed)
        learner = _Learner(settings, len(batches.present), device)
    # A source of its own, so that mirroring does not change which images are drawn.
    rng = np.random.default_rng([settings.seed, 4])
    for rows in _batches(learner, images, labels, batches):
        chosen = rows.ravel()
        pixels = to_pixels(images[chosen], device, settings)
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
    """A network in training: its weights, those of the classes, Adam, and the moving average.

    Args:
        settings: the settings of the network and of its training.
        classes: the number of classes, at least 2.
        device: the device that it is trained on.
    """

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
        """Take a step of gradient descent.

        Args:
            images: the images of the batch, float32 (n, 3, side, side).
            labels: the classes of the images, int64 (n,), from 0.

        Raises:
            OriginidError: the loss is not finite.
        """
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
        """Return the network with the moving average of the weights, which further steps change."""
        return TrainedNetwork(self.settings, self._average)


def _make_loss(
    settings: NetworkSettings, network: Any
) -> Callable[[torch.Tensor, torch.Tensor, Any], torch.Tensor]:
    """Return the loss as a function of features, classes and the classes' weights."""
    if settings.loss != "pairs":
        return make_loss(
            MetricLearning(loss=settings.loss, scale=settings.scale, margin=settings.margin)
        )
    return lambda features, labels, weights: pairs_loss(
        network.compare(features, features), labels, settings.margin
    )


def pairs_loss(scores: torch.Tensor, labels: torch.Tensor, margin: float) -> torch.Tensor:
    """Return the loss of QAConv-GS: binary cross-entropy of pairs, plus that of hardest triplets.

    Right pairs and wrong pairs weigh the same, however many there are of each. An image with
    itself is no pair.

    Args:
        scores: the logit of every two images of a batch, float32 (n, n).
        labels: the class of each image, int64 (n,); each class has at least two images.
        margin: by how much the worst right pair of an image should beat its best wrong pair, at
            least 0.

    Returns:
        A scalar.
    """
    same = labels[:, None] == labels
    right = same & ~torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    matching = (
        functional.softplus(-scores[right]).mean() + functional.softplus(scores[~same]).mean()
    )
    worst = scores.masked_fill(~right, torch.inf).amin(dim=1)
    best = scores.masked_fill(same, -torch.inf).amax(dim=1)
    return matching + functional.relu(margin - worst + best).mean()

"""One step of metric learning, and everything that a step changes."""

import math
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from numpy.typing import NDArray

from originid.encoders.torch_networks import multiplies_bfloat16
from originid.maps import Map
from originid.training.metric.losses import make_loss
from originid.training.metric.settings import MetricLearning
from originid.training.metric.transforms import Transform
from originid.training.state import Arrays, move_average, pack, unpack


class MapLearner:
    """A map that learns: its parameters, the class weights, Adam's moments, and the moving average.

    With sampled classes, the cost of a step is proportional to their number, because the weights
    and moments of the other classes do not change. So the moments of a class stand still until it
    is compared again, and a class is pushed away from a random part of the others, which seldom
    holds those that are most like it.

    Gradients are summed over the processes by hand: there are only two to a dozen tensors, and with
    sampled classes they are a small part of a large matrix.

    Args:
        transform: The map to learn, with its first values.
        weights: The first class weights, (classes, dim); None for a loss that has none.
        settings: How the map is learned.
        accelerator: What sums tensors over processes.
    """

    def __init__(
        self,
        transform: Transform,
        weights: Any,
        settings: MetricLearning,
        accelerator: Accelerator,
    ) -> None:
        self.transform = transform
        self.steps = 0
        self._accelerator = accelerator
        self._loss = make_loss(settings)
        self._decay = settings.ema
        self._weights = weights
        parameters = list(transform.parameters.values())
        self._sampled = settings.sampled_classes is not None
        self._optimizers: dict[str, torch.optim.Optimizer] = {}
        if weights is not None and self._sampled:
            # SparseAdam touches only the moments of the classes that a gradient names.
            self._optimizers["sparse"] = torch.optim.SparseAdam([weights], lr=settings.rate)
        elif weights is not None:
            parameters.append(weights.requires_grad_())
        self._optimizers["dense"] = torch.optim.Adam(parameters, settings.rate, fused=True)
        self.average: Arrays = {
            name: each.detach().clone() for name, each in transform.parameters.items()
        }

    def set_rate(self, rate: float) -> None:
        """Set the learning rate of the steps that follow.

        Args:
            rate: The learning rate, above 0.
        """
        for optimizer in self._optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = rate

    def step(
        self,
        latents: torch.Tensor,
        classes: NDArray[np.int64],
        share: float,
        compared: NDArray[np.int64] | None = None,
    ) -> float:
        """Take a step and return its loss over all processes.

        A loss that is not finite is returned before anything changes.

        Args:
            latents: The latents of this process: float32 of shape (n, latent_dim).
            classes: The class of each latent: int64 of shape (n,).
            share: The number n divided by the number of rows of all processes.
            compared: The sorted classes that the step is limited to, which are the same on every
                process and hold those of the batch. None is all classes.
        """
        rows = self._weights
        if rows is not None and compared is not None:
            # From here on a class is its place among the compared ones, which are sorted.
            chosen = torch.from_numpy(compared).to(rows.device)
            rows = rows[chosen].requires_grad_()
            classes = np.searchsorted(compared, classes)
        labels = torch.from_numpy(classes).to(latents.device)
        loss = self._loss(self._vectors(latents), labels, rows) * share
        total = float(self._sum(loss.detach()))
        if not math.isfinite(total):
            return total
        for optimizer in self._optimizers.values():
            optimizer.zero_grad()
        loss.backward()
        if rows is not None and self._weights is not rows:
            gradient = self._sum(rows.grad)
            self._weights.grad = torch.sparse_coo_tensor(
                chosen[None],
                gradient,
                self._weights.shape,
                check_invariants=False,
                is_coalesced=True,  # each class is compared once, so that no index comes twice
            )
        for group in self._optimizers["dense"].param_groups:
            for each in group["params"]:
                each.grad = self._sum(each.grad)
        for optimizer in self._optimizers.values():
            optimizer.step()
        self.steps += 1
        move_average(self.average, self.transform.parameters, self.steps, self._decay)
        return total

    def _vectors(self, latents: torch.Tensor) -> torch.Tensor:
        """Map latents; parameters and losses stay float32 where products are of bfloat16."""
        device = latents.device
        with torch.autocast(device.type, torch.bfloat16, enabled=in_half_precision(device)):
            return self.transform(latents).float()

    def _sum(self, tensor: torch.Tensor) -> torch.Tensor:
        if self._accelerator.num_processes == 1:
            return tensor
        return self._accelerator.reduce(tensor, reduction="sum")

    def finite(self) -> bool:
        """Return whether all averaged parameters are finite, and small enough to compute with."""
        return all(bool(each.square().sum().isfinite()) for each in self.average.values())

    def map(self) -> Map:
        """Return the map of the averaged parameters."""
        return self.transform.to_map(self.average)

    def tensors(self) -> Arrays:
        """Return everything that a step changes, as tensors by name, without copying them."""
        tensors = pack(self.steps, self.transform.parameters, self.average, self._optimizers)
        if self._weights is not None:
            tensors["weights"] = self._weights.detach()
        return tensors

    def load(self, tensors: Arrays) -> None:
        """Take over the state that `tensors` returned.

        Args:
            tensors: The tensors by name, as they were read from a checkpoint.

        Raises:
            KeyError: A tensor is missing.
            RuntimeError: A tensor has another shape than expected.
        """
        if self._weights is not None:
            self._weights.detach().copy_(tensors["weights"])
        parameters = self.transform.parameters
        self.steps = unpack(tensors, parameters, self.average, self._optimizers)


def in_half_precision(device: torch.device) -> bool:
    """Return whether maps are computed with products of bfloat16 while they learn.

    Not on a CPU, which gains little: there the same training gives the same map on any processor.

    Args:
        device: the device that the map is trained on.
    """
    return device.type == "cuda" and multiplies_bfloat16(device)

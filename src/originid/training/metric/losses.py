"""The losses of the paper's Table 6; two of them are from pytorch-metric-learning."""

from collections.abc import Callable
from typing import Any

import torch
from pytorch_metric_learning.losses import CircleLoss, CosFaceLoss
from torch.nn import functional

from originid.training.metric.settings import MetricLearning

Loss = Callable[[torch.Tensor, torch.Tensor, Any], torch.Tensor]
"""A function of vectors (n, dim), their classes (n,) and class weights (classes, dim) to a number.

A loss without class weights ignores the last."""


def make_loss(settings: MetricLearning) -> Loss:
    """Return the loss that the settings name.

    CosFace compares the cosines of vectors and class weights, less the margin for the right class
    (Wang et al. 2018). Softmax is a linear classifier without bias, norms and margin. Circle (Sun
    et al. 2020) compares the vectors of a batch with each other and has no class weights.

    Args:
        settings: The settings, whose loss, scale and margin are used.
    """
    if settings.loss == "circle":
        circle = CircleLoss(m=settings.margin, gamma=settings.scale)
        return lambda vectors, labels, weights: circle(vectors, labels)
    if settings.loss == "softmax":
        return lambda vectors, labels, weights: functional.cross_entropy(
            vectors @ weights.T, labels
        )
    # The library would keep weights of its own. It gets a placeholder of one number, and computes
    # with ours, which may be those of sampled classes.
    cosface = CosFaceLoss(1, 1, margin=settings.margin, scale=settings.scale)

    def loss(vectors: torch.Tensor, labels: torch.Tensor, weights: Any) -> torch.Tensor:
        """Return CosFace's mean loss of a batch."""
        cosface.num_classes = len(weights)
        return torch.func.functional_call(cosface, {"W": weights.T}, (vectors, labels))

    return loss

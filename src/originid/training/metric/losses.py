"""The losses of the paper's Table 6, from pytorch-metric-learning."""

from collections.abc import Callable
from typing import Any

import torch
from pytorch_metric_learning.losses import CircleLoss, CosFaceLoss
from torch.nn import functional

from originid.training.metric.settings import MetricLearning

Loss = Callable[[torch.Tensor, torch.Tensor, Any], torch.Tensor]
"""Vectors (n, dim), classes (n,) and class weights (classes, dim), if any, to a number."""


def make_loss(settings: MetricLearning) -> Loss:
    """The loss that the settings name.

    CosFace compares cosines of vectors and class weights, less the margin for the right class.
    Softmax is a linear classifier without bias, norms and margin, so it is plain torch.
    Circle compares the vectors of a batch with each other and has no class weights.
    """
    if settings.loss == "circle":
        circle = CircleLoss(m=settings.margin, gamma=settings.scale)
        return lambda vectors, labels, weights: circle(vectors, labels)
    if settings.loss == "softmax":
        return lambda vectors, labels, weights: functional.cross_entropy(
            vectors @ weights.T, labels
        )
    # The library's own weights are a placeholder of one number: ours take their place.
    cosface = CosFaceLoss(1, 1, margin=settings.margin, scale=settings.scale)

    def loss(vectors: torch.Tensor, labels: torch.Tensor, weights: Any) -> torch.Tensor:
        cosface.num_classes = len(weights)
        return torch.func.functional_call(cosface, {"W": weights.T}, (vectors, labels))

    return loss

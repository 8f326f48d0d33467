"""The map as a multilayer perceptron, for the paper's Figure 9."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from originid.maps.base import Tensors, in_batches
from originid.maps.limits import MOST_WIDTH
from originid.types import Floats32, Json, Latents


@dataclass(frozen=True)
class MlpMap:
    """A multilayer perceptron: hidden layers ``max(W x + b, 0)``, and a last layer ``W x``.

    If a hidden layer has as many outputs as inputs, its input is added to its output.

    Args:
        mean: float32 of shape (latent_dim,), which is subtracted from the latent first.
        weights: the matrix W of each layer, float32 of shape (outputs, inputs); at least one.
        biases: the bias b of each layer but the last, float32 of shape (outputs,).
    """

    mean: Floats32
    weights: tuple[Floats32, ...]
    biases: tuple[Floats32, ...]
    kind: ClassVar[str] = "mlp"

    @property
    def latent_dim(self) -> int:
        """The number of components of a latent."""
        return int(self.weights[0].shape[1])

    @property
    def dim(self) -> int:
        """The number of components of a vector."""
        return int(self.weights[-1].shape[0])

    def apply(self, latents: Latents) -> Floats32:
        """Map latents to vectors, as `Map.apply` says."""
        return in_batches(self._apply, latents, self.dim)

    def _apply(self, latents: Latents) -> Floats32:
        hidden = latents - self.mean
        for weight, bias in zip(self.weights[:-1], self.biases, strict=True):
            out = np.maximum(hidden @ weight.T + bias, 0)
            hidden = hidden + out if out.shape == hidden.shape else out
        return np.asarray(hidden @ self.weights[-1].T, np.float32)

    def pack(self) -> tuple[Tensors, Json]:
        """Return the arrays, of which those of a layer have its number in their name."""
        weights = {f"weight_{i}": weight for i, weight in enumerate(self.weights)}
        biases = {f"bias_{i}": bias for i, bias in enumerate(self.biases)}
        return {"mean": self.mean, **weights, **biases}, {"layers": len(self.weights)}

    @classmethod
    def unpack(cls, tensors: Tensors, header: Json) -> "MlpMap":
        """Make a map from what `pack` returned, as `Map.unpack` says."""
        layers = int(header["layers"])
        if layers < 1 or len(tensors) != 2 * layers:
            raise ValueError(f"{len(tensors)} arrays for {layers} layers")
        weights = tuple(tensors[f"weight_{i}"] for i in range(layers))
        biases = tuple(tensors[f"bias_{i}"] for i in range(layers - 1))
        width = tensors["mean"].shape
        for i, weight in enumerate(weights):
            if weight.ndim != 2 or weight.shape[1:] != width:
                raise ValueError(f"weight_{i} {weight.shape} after a layer {width}")
            width = weight.shape[:1]
            if not 1 <= width[0] <= MOST_WIDTH:
                raise ValueError(f"weight_{i} {weight.shape}, expected 1 to {MOST_WIDTH:,} outputs")
            if i < layers - 1 and biases[i].shape != width:
                raise ValueError(f"bias_{i} {biases[i].shape} of a layer {width}")
        return cls(tensors["mean"], weights, biases)

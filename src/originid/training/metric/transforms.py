"""Maps that torch can learn: their first values, and what they compute."""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch.nn import functional

from originid.errors import InputError
from originid.maps import AttentionMap, ConvolutionMap, DctMap, DenseMap, Map, MlpMap, dct_matrix
from originid.maps.base import Block
from originid.training.metric.settings import HIDDEN, MetricLearning
from originid.training.state import Arrays
from originid.types import Floats32

Forward = Callable[[Arrays, torch.Tensor], torch.Tensor]
"""A function of a map's arrays by name and of latents (n, latent_dim) to vectors (n, dim)."""
# Attention takes the first of each that divides the latent's sides, or the tokens' width.
PATCHES = (4, 2, 1)
HEADS = (8, 4, 2, 1)
TINY = 1e-30  # far below the square of any component that is not 0


def initial_map(settings: MetricLearning, mean: Floats32, shapes: tuple[Block, ...] | None) -> Map:
    """Return a map with random arrays.

    Each array is uniform in +-1/sqrt(inputs), as torch initialises its layers.

    Args:
        settings: The settings, whose transform, dim and seed are used.
        mean: What the map subtracts: float32 of shape (latent_dim,).
        shapes: The (C, H, W) blocks of the latent. Convolution and attention need exactly one
            block.

    Raises:
        InputError: The transform needs one block, and the latent has another number.
    """
    # The 2 keeps these draws apart from those of batches, sampled classes and class weights.
    rng = np.random.default_rng([settings.seed, 0, 0, 2])

    def uniform(*shape: int, inputs: int) -> Floats32:
        """Draw an array of this shape, for a layer with so many inputs."""
        return rng.uniform(-1, 1, shape).astype(np.float32) / np.float32(math.sqrt(inputs))

    dim = len(mean) if settings.dim is None else settings.dim
    if settings.transform == "linear":
        return DenseMap(uniform(dim, len(mean), inputs=len(mean)), mean)
    if settings.transform in HIDDEN:
        widths = [len(mean), *(factor * len(mean) for factor in HIDDEN[settings.transform])]
        layers = list(zip([*widths[1:], dim], widths, strict=True))
        weights = tuple(uniform(out, inputs, inputs=inputs) for out, inputs in layers)
        biases = tuple(uniform(out, inputs=inputs) for out, inputs in layers[:-1])
        return MlpMap(mean, weights, biases)
    c, h, w = _one_block(settings, len(mean), shapes)
    if settings.transform == "convolution":
        # A convolution has a vector of channels at each place, so dim is only met about.
        channels = max(1, round(dim / ConvolutionMap.places((c, h, w))))
        side = ConvolutionMap.side
        weight = uniform(channels, c, side, side, inputs=c * side**2)
        return ConvolutionMap((c, h, w), mean, weight)
    patch = next(p for p in PATCHES if h % p == w % p == 0)
    width = c * patch**2
    return AttentionMap(
        (c, h, w),
        patch,
        next(heads for heads in HEADS if width % heads == 0),
        mean,
        uniform(3 * width, width, inputs=width),
        uniform(3 * width, inputs=width),
        uniform(width, width, inputs=width),
        uniform(width, inputs=width),
        uniform(dim, len(mean), inputs=len(mean)),
    )


def _one_block(
    settings: MetricLearning, latent_dim: int, shapes: tuple[Block, ...] | None
) -> Block:
    if shapes is None or len(shapes) != 1 or math.prod(shapes[0]) != latent_dim:
        raise InputError(
            f"transform {settings.transform} of latents of {latent_dim} components "
            f"in blocks {shapes}",
            "expected one block (C, H, W) with as many components",
            "take one encoder, or the transform linear",
        )
    return shapes[0]


class Transform:
    """A map whose arrays, all except the mean, are learned.

    A parameter is an array divided by a unit, which is chosen so that the parameter is about as
    large as a random first value. A step of Adam does not depend on the size of the gradient, so
    with such units one learning rate fits every start.

    Args:
        map: The map with its first values.
        device: The torch device on which it is computed.
    """

    def __init__(self, map: Map, device: torch.device) -> None:
        self.device = device
        self._map = map
        packed, self._header = map.pack()
        arrays = {
            name: torch.from_numpy(np.array(array, np.float32)).to(device)
            for name, array in packed.items()
        }
        self._mean = arrays.pop("mean")
        self._units = {name: _unit(map, name, array) for name, array in arrays.items()}
        self.parameters: Arrays = {
            name: (array / self._units[name]).requires_grad_() for name, array in arrays.items()
        }
        self._forward = FORWARD[map.kind](map, device)
        self.dim = map.dim

    def __call__(self, latents: torch.Tensor) -> torch.Tensor:
        """Map latents to vectors, as the `apply` of the map does.

        Args:
            latents: float32 of shape (n, latent_dim), on the device.

        Returns:
            float32 of shape (n, dim), not scaled to unit length.
        """
        return self._forward(self._arrays(self.parameters), latents)

    def to_map(self, parameters: Arrays) -> Map:
        """Return the map that has these parameters.

        Args:
            parameters: The parameters by name, in the units of this transform.
        """
        arrays = {
            name: array.detach().cpu().numpy() for name, array in self._arrays(parameters).items()
        }
        return type(self._map).unpack(arrays, self._header)

    def _arrays(self, parameters: Arrays) -> Arrays:
        arrays = {name: each * self._units[name] for name, each in parameters.items()}
        return {"mean": self._mean, **arrays}


# Its divisions are exact: by the array itself, which gives 1, or by a power of 2.
def _unit(map: Map, name: str, array: torch.Tensor) -> torch.Tensor:
    """Return what a parameter of 1 stands for.

    Dividing by the unit loses no digit, so that the first map is reproduced exactly when no step is
    taken.
    """
    if isinstance(map, DctMap) and name in ("scale", "weight"):
        return torch.where(array == 0, torch.ones_like(array), array)
    if isinstance(map, (DctMap, DenseMap)) and array.ndim == 2 and array.numel():
        size = float(array.square().mean().sqrt()) * math.sqrt(3 * array.shape[1])
        # Dividing by a power of 2 changes no digit.
        return torch.tensor(2.0 ** round(math.log2(size)) if size else 1.0, device=array.device)
    return torch.ones((), device=array.device)


def _dense(map: DenseMap, device: torch.device) -> Forward:
    return lambda a, x: (x - a["mean"]) @ a["matrix"].T


def _dct(map: DctMap, device: torch.device) -> Forward:
    basis = map.basis
    sizes = [c * h * w for c, h, w in basis.shapes]
    sides = [
        tuple(torch.from_numpy(dct_matrix(n)).to(device) for n in (h, w))
        for _, h, w in basis.shapes
    ]
    kept = [torch.from_numpy(indices).to(device) for indices in basis.kept]

    def forward(a: Arrays, x: torch.Tensor) -> torch.Tensor:
        """Compute a `DctMap` of a batch of latents."""
        spectra = []
        parts = torch.split(x, sizes, dim=1)
        for part, shape, (down, across), indices in zip(
            parts, basis.shapes, sides, kept, strict=True
        ):
            # The 2-D DCT of every channel is a product with a matrix from each side.
            spectrum = down @ part.reshape(-1, *shape) @ across.T
            spectra.append(spectrum.flatten(1)[:, indices])
        scaled = (torch.cat(spectra, dim=1) - a["mean"]) * a["scale"]
        correction = ((scaled @ a["directions"].T) * a["gain"]) @ a["directions"]
        mapped = (scaled + correction) * a["weight"]
        if map.clip is None:
            return mapped
        # The gradient of the root is infinite at 0: one latent at the mean would make it all NaN.
        limit = map.clip * mapped.square().mean(dim=1, keepdim=True).clamp_min(TINY).sqrt()
        return mapped.clamp(-limit, limit)

    return forward


def _mlp(map: MlpMap, device: torch.device) -> Forward:
    def forward(a: Arrays, x: torch.Tensor) -> torch.Tensor:
        """Compute an `MlpMap` of a batch of latents."""
        hidden = x - a["mean"]
        for i in range(len(map.biases)):
            out = functional.relu(functional.linear(hidden, a[f"weight_{i}"], a[f"bias_{i}"]))
            # Where the width stays the same, the layer is residual, as in `MlpMap`.
            hidden = hidden + out if out.shape == hidden.shape else out
        return functional.linear(hidden, a[f"weight_{len(map.biases)}"])

    return forward


def _convolution(map: ConvolutionMap, device: torch.device) -> Forward:
    def forward(a: Arrays, x: torch.Tensor) -> torch.Tensor:
        """Compute a `ConvolutionMap` of a batch of latents."""
        blocks = (x - a["mean"]).reshape(-1, *map.shape)
        return functional.conv2d(
            blocks, a["weight"], stride=map.stride, padding=map.padding
        ).flatten(1)

    return forward


def _attention(map: AttentionMap, device: torch.device) -> Forward:
    (c, h, w), p = map.shape, map.patch

    def forward(a: Arrays, x: torch.Tensor) -> torch.Tensor:
        """Compute an `AttentionMap` of a batch of latents."""
        n = len(x)
        blocks = (x - a["mean"]).reshape(n, c, h // p, p, w // p, p)
        tokens = blocks.permute(0, 2, 4, 1, 3, 5).reshape(n, -1, map.width)
        inward = functional.linear(tokens, a["inward"], a["inward_bias"])
        inward = inward.reshape(n, -1, 3, map.heads, map.width // map.heads)
        query, key, value = inward.permute(2, 0, 3, 1, 4)
        heads = functional.scaled_dot_product_attention(query, key, value).transpose(1, 2)
        outward = functional.linear(heads.reshape(tokens.shape), a["outward"], a["outward_bias"])
        return functional.linear((tokens + outward).flatten(1), a["matrix"])

    return forward


FORWARD: dict[str, Callable[..., Forward]] = {
    DenseMap.kind: _dense,
    DctMap.kind: _dct,
    MlpMap.kind: _mlp,
    ConvolutionMap.kind: _convolution,
    AttentionMap.kind: _attention,
}
"""What torch computes for each kind of map, by the kind's name."""

"""The map as a product of sparse and small matrices.

The first factor is the 2-D discrete cosine transform (DCT) of each channel, of which only the low
frequencies are kept. Then follow a scale for each coefficient and a correction of low rank. The
product equals a dense matrix, but its file is about a hundred times smaller, and applying it takes
a fraction of the time.
"""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from originid.errors import ModelError
from originid.maps.base import Tensors, check_shapes
from originid.maps.limits import read_blocks
from originid.types import Floats32, Json, Latents


@dataclass(frozen=True)
class DctBasis:
    """The low frequencies of the orthonormal 2-D DCT of each channel of a latent.

    Args:
        shapes: the shape (C, H, W) of each block of the latent. A latent is the concatenation of
            its flattened blocks.
        cutoffs: for each block the radial frequency sqrt(u^2 + v^2), in half periods per side,
            below which a coefficient is kept; infinity keeps all coefficients.

    Raises:
        ModelError: if there are not as many cutoffs as blocks.
    """

    shapes: tuple[tuple[int, int, int], ...]
    cutoffs: tuple[float, ...]
    _kept: tuple[NDArray[np.intp], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.shapes) != len(self.cutoffs):
            raise ModelError(
                f"{len(self.cutoffs)} cutoffs for {len(self.shapes)} latent blocks",
                "expected one cutoff per block",
                "give as many cutoffs as blocks",
            )
        kept = []
        for (c, h, w), cutoff in zip(self.shapes, self.cutoffs, strict=True):
            # The corners of the spectrum go up to sqrt(h^2 + w^2), beyond the frequency of a side.
            radius = np.hypot(np.arange(h)[:, None], np.arange(w)[None, :])
            kept.append(np.flatnonzero(np.broadcast_to(radius < cutoff, (c, h, w))))
        object.__setattr__(self, "_kept", tuple(kept))  # the class is frozen

    @property
    def latent_dim(self) -> int:
        """The number of components of a latent."""
        return sum(c * h * w for c, h, w in self.shapes)

    @property
    def kept(self) -> tuple[NDArray[np.intp], ...]:
        """For each block the places, in its flattened spectrum, of the coefficients kept."""
        return self._kept

    @property
    def dims(self) -> tuple[int, ...]:
        """The number of coefficients of each block that are kept."""
        return tuple(len(kept) for kept in self._kept)

    @property
    def dim(self) -> int:
        """The number of all coefficients that are kept."""
        return sum(self.dims)

    def coefficients(self, latents: Latents) -> Floats32:
        """Transform latents.

        Args:
            latents: float32 of shape (n, latent_dim).

        Returns:
            Their DCT coefficients that are kept, float32 of shape (n, dim), block after block.
        """
        out, start = [], 0
        for (c, h, w), kept in zip(self.shapes, self._kept, strict=True):
            block = latents[:, start : start + c * h * w].reshape(-1, c, h, w)
            start += c * h * w
            spectrum = dct_matrix(h) @ block @ dct_matrix(w).T
            out.append(spectrum.reshape(len(latents), c * h * w)[:, kept])
        return np.concatenate(out, axis=1)

    def latents(self, coefficients: Floats32) -> Latents:
        """Transform coefficients back; the coefficients that are not kept count as zero.

        Args:
            coefficients: float32 of shape (n, dim), as `coefficients` returns them.

        Returns:
            The latents, float32 of shape (n, latent_dim).
        """
        out, start = [], 0
        for (c, h, w), kept in zip(self.shapes, self._kept, strict=True):
            spectrum = np.zeros((len(coefficients), c * h * w), np.float32)
            spectrum[:, kept] = coefficients[:, start : start + len(kept)]
            start += len(kept)
            # The transform is orthonormal, so its transpose is its inverse.
            block = dct_matrix(h).T @ spectrum.reshape(-1, c, h, w) @ dct_matrix(w)
            out.append(block.reshape(len(coefficients), -1))
        return np.concatenate(out, axis=1)


@dataclass(frozen=True)
class DctMap:
    """The map ``diag(weight) (I + V^T diag(gain) V) diag(scale) (DCT(x) - mean)`` of a latent x.

    Args:
        basis: the DCT, which says what coefficients are kept.
        mean: float32 of shape (dim,), which is subtracted from the coefficients.
        scale: float32 of shape (dim,), by which the coefficients are multiplied.
        directions: the matrix V of the correction, float32 of shape (rank, dim); the rank may be
            0. Its rows are orthonormal if the map was fitted in closed form.
        gain: float32 of shape (rank,), by how much each direction is stretched.
        weight: float32 of shape (dim,), by which the result is multiplied.
        clip: None, or a limit in units of the root mean square of a vector. A component beyond the
            limit is set to it, so that a few large components decide less. The map is then no
            longer affine.
    """

    basis: DctBasis
    mean: Floats32
    scale: Floats32
    directions: Floats32
    gain: Floats32
    weight: Floats32
    clip: float | None = None
    kind: ClassVar[str] = "dct"

    @property
    def latent_dim(self) -> int:
        """The number of components of a latent."""
        return self.basis.latent_dim

    @property
    def dim(self) -> int:
        """The number of components of a vector."""
        return self.basis.dim

    def apply(self, latents: Latents) -> Floats32:
        """Map latents to vectors, as `Map.apply` says."""
        return self.finish(self.basis.coefficients(latents) - self.mean)

    def finish(self, differences: Floats32) -> Floats32:
        """Map what is left of DCT coefficients without the mean.

        Args:
            differences: float32 of shape (n, dim).

        Returns:
            float32 of shape (n, dim).
        """
        scaled = differences * self.scale
        # From the left, so that no matrix of dim x dim is ever formed: 2 n rank dim products.
        mapped = ((scaled @ self.directions.T) * self.gain) @ self.directions
        mapped += scaled
        mapped *= self.weight
        if self.clip is not None:
            limit = np.float32(self.clip) * np.sqrt(np.square(mapped).mean(axis=1, keepdims=True))
            np.clip(mapped, -limit, limit, out=mapped)
        return np.asarray(mapped, np.float32)

    def pack(self) -> tuple[Tensors, Json]:
        """Return the arrays, and the settings of the basis and of the clipping."""
        return {
            "mean": self.mean,
            "scale": self.scale,
            # Half precision turns a vector by less than 0.02 degrees, and halves the file.
            "directions": self.directions.astype(np.float16),
            "gain": self.gain,
            "weight": self.weight,
        }, {
            "shapes": self.basis.shapes,
            # JSON has no infinity: null stands for "all frequencies".
            "cutoffs": [c if np.isfinite(c) else None for c in self.basis.cutoffs],
            "clip": self.clip,
        }

    @classmethod
    def unpack(cls, tensors: Tensors, header: Json) -> "DctMap":
        """Make a map from what `pack` returned, as `Map.unpack` says."""
        basis = DctBasis(
            read_blocks(header["shapes"]),
            tuple(np.inf if c is None else float(c) for c in header["cutoffs"]),
        )
        clip = header.get("clip")
        dct_map = cls(basis, **tensors, clip=None if clip is None else float(clip))
        rank = len(dct_map.gain)
        vector = (basis.dim,)
        check_shapes(tensors, {"mean": vector, "scale": vector, "weight": vector})
        check_shapes(tensors, {"gain": (rank,), "directions": (rank, *vector)})
        return dct_map


def dct_matrix(n: int) -> Floats32:
    """Return the matrix of the orthonormal DCT-II.

    Args:
        n: the number of values that are transformed, at least 1.

    Returns:
        float32 of shape (n, n); ``dct_matrix(n) @ x`` are the coefficients of x of shape (n,).
    """
    k, i = np.arange(n)[:, None], np.arange(n)[None, :]
    matrix = np.sqrt(2 / n) * np.cos(np.pi * k * (2 * i + 1) / (2 * n))
    matrix[0] /= np.sqrt(2)
    return np.asarray(matrix, np.float32)

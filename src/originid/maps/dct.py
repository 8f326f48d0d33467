"""The map as a product of sparse and small matrices.

It is the 2-D discrete cosine transform (DCT) of each channel, of which only low frequencies are
kept, a scale per coefficient, and a correction of low rank: some hundred times smaller than the
dense matrix that it equals, and applied in a fraction of the time.
"""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from originid.errors import ModelError
from originid.maps.base import Tensors
from originid.types import Floats32, Json, Latents


@dataclass(frozen=True)
class DctBasis:
    """The low frequencies of each channel's orthonormal 2-D DCT.

    Args:
        shapes: the (C, H, W) blocks of the latent.
        cutoffs: for each block, the radial frequency sqrt(u^2 + v^2) below which a coefficient
            is kept, in half periods per side; infinity keeps all.
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
            radius = np.hypot(np.arange(h)[:, None], np.arange(w)[None, :])
            kept.append(np.flatnonzero(np.broadcast_to(radius < cutoff, (c, h, w))))
        object.__setattr__(self, "_kept", tuple(kept))

    @property
    def latent_dim(self) -> int:
        """Components that it takes."""
        return sum(c * h * w for c, h, w in self.shapes)

    @property
    def kept(self) -> tuple[NDArray[np.intp], ...]:
        """For each block, the places in its flattened spectrum of what is kept."""
        return self._kept

    @property
    def dims(self) -> tuple[int, ...]:
        """How many coefficients of each block are kept."""
        return tuple(len(kept) for kept in self._kept)

    @property
    def dim(self) -> int:
        """Components that it gives."""
        return sum(self.dims)

    def coefficients(self, latents: Latents) -> Floats32:
        """The kept DCT coefficients of latents (n, latent_dim), float32 of shape (n, dim)."""
        out, start = [], 0
        for (c, h, w), kept in zip(self.shapes, self._kept, strict=True):
            block = latents[:, start : start + c * h * w].reshape(-1, c, h, w)
            start += c * h * w
            spectrum = dct_matrix(h) @ block @ dct_matrix(w).T
            out.append(spectrum.reshape(len(latents), c * h * w)[:, kept])
        return np.concatenate(out, axis=1)

    def latents(self, coefficients: Floats32) -> Latents:
        """The latents (n, latent_dim) that have these coefficients (n, dim) and no others."""
        out, start = [], 0
        for (c, h, w), kept in zip(self.shapes, self._kept, strict=True):
            spectrum = np.zeros((len(coefficients), c * h * w), np.float32)
            spectrum[:, kept] = coefficients[:, start : start + len(kept)]
            start += len(kept)
            block = dct_matrix(h).T @ spectrum.reshape(-1, c, h, w) @ dct_matrix(w)
            out.append(block.reshape(len(coefficients), -1))
        return np.concatenate(out, axis=1)


@dataclass(frozen=True)
class DctMap:
    """``diag(weight) (I + V^T diag(gain) V) diag(scale) (DCT(x) - mean)``.

    Args:
        basis: which DCT coefficients are kept.
        mean: float32 of shape (dim,), in coefficients.
        scale: float32 of shape (dim,).
        directions: V, float32 of shape (rank, dim), its rows orthonormal where the map was fitted
            in closed form; rank may be 0.
        gain: float32 of shape (rank,).
        weight: float32 of shape (dim,).
        clip: components of a result beyond this many times its root mean square are cut to it:
            few large ones decide less. None cuts nothing; with it the map is no longer affine.
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
        """Components that it takes."""
        return self.basis.latent_dim

    @property
    def dim(self) -> int:
        """Components that it gives."""
        return self.basis.dim

    def apply(self, latents: Latents) -> Floats32:
        """Map latents as `Map.apply` says."""
        scaled = (self.basis.coefficients(latents) - self.mean) * self.scale
        correction = ((scaled @ self.directions.T) * self.gain) @ self.directions
        mapped = np.asarray((scaled + correction) * self.weight, np.float32)
        if self.clip is None:
            return mapped
        limit = np.float32(self.clip) * np.sqrt(np.square(mapped).mean(axis=1, keepdims=True))
        return np.asarray(np.clip(mapped, -limit, limit), np.float32)

    def pack(self) -> tuple[Tensors, Json]:
        """The arrays, and the basis."""
        return {
            "mean": self.mean,
            "scale": self.scale,
            # Half precision turns a vector by less than 0.02 degrees and halves the file.
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
        """Make a map of what `pack` gave."""
        basis = DctBasis(
            tuple((int(c), int(h), int(w)) for c, h, w in header["shapes"]),
            tuple(np.inf if c is None else float(c) for c in header["cutoffs"]),
        )
        clip = header.get("clip")
        dct_map = cls(basis, **tensors, clip=None if clip is None else float(clip))
        rank = len(dct_map.gain)
        vector = (basis.dim,)
        wanted = {"mean": vector, "scale": vector, "weight": vector, "directions": (rank, *vector)}
        for name, shape in wanted.items():
            if tensors[name].shape != shape:
                raise ValueError(f"{name}: shape {tensors[name].shape}, expected {shape}")
        return dct_map


def dct_matrix(n: int) -> Floats32:
    """The orthonormal DCT-II: ``dct_matrix(n) @ x`` are the coefficients of x (n,)."""
    k, i = np.arange(n)[:, None], np.arange(n)[None, :]
    matrix = np.sqrt(2 / n) * np.cos(np.pi * k * (2 * i + 1) / (2 * n))
    matrix[0] /= np.sqrt(2)
    return np.asarray(matrix, np.float32)

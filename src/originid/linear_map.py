"""The map: the paper's matrix W, from latents to vectors.

Two forms stand behind one interface. `DenseMap` is W as the paper has it. `DctMap` is the same
kind of matrix written as a product of sparse and small ones: the 2-D discrete cosine transform
(DCT) of each channel, of which only low frequencies are kept, a scale per coefficient, and a
correction of low rank. It is some hundred times smaller and applies in a fraction of the time.
"""

import hashlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from originid.errors import ModelError
from originid.types import Latents

FORMAT = 1
Floats = NDArray[np.float32]


class LinearMap(Protocol):
    """An affine function of latents; its matrix is the paper's W (section 4)."""

    kind: ClassVar[str]

    @property
    def latent_dim(self) -> int:
        """Components that it takes."""
        ...

    @property
    def dim(self) -> int:
        """Components that it gives."""
        ...

    def apply(self, latents: Latents) -> Floats:
        """Map latents.

        Args:
            latents: float32 of shape (n, latent_dim).

        Returns:
            float32 of shape (n, dim), not scaled to unit length.
        """
        ...


@dataclass(frozen=True)
class DenseMap:
    """``W (x - mean)``.

    Args:
        matrix: float32 of shape (dim, latent_dim).
        mean: float32 of shape (latent_dim,).
    """

    matrix: Floats
    mean: Floats
    kind: ClassVar[str] = "dense"

    @property
    def latent_dim(self) -> int:
        """Components that it takes."""
        return int(self.matrix.shape[1])

    @property
    def dim(self) -> int:
        """Components that it gives."""
        return int(self.matrix.shape[0])

    def apply(self, latents: Latents) -> Floats:
        """Map latents as `LinearMap.apply` says."""
        return np.asarray((latents - self.mean) @ self.matrix.T, np.float32)


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
    def dims(self) -> tuple[int, ...]:
        """How many coefficients of each block are kept."""
        return tuple(len(kept) for kept in self._kept)

    @property
    def dim(self) -> int:
        """Components that it gives."""
        return sum(self.dims)

    def coefficients(self, latents: Latents) -> Floats:
        """The kept DCT coefficients of latents (n, latent_dim), float32 of shape (n, dim)."""
        out, start = [], 0
        for (c, h, w), kept in zip(self.shapes, self._kept, strict=True):
            block = latents[:, start : start + c * h * w].reshape(-1, c, h, w)
            start += c * h * w
            spectrum = dct_matrix(h) @ block @ dct_matrix(w).T
            out.append(spectrum.reshape(len(latents), -1)[:, kept])
        return np.concatenate(out, axis=1)

    def latents(self, coefficients: Floats) -> Latents:
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
        directions: V, float32 of shape (rank, dim) with orthonormal rows; rank may be 0.
        gain: float32 of shape (rank,).
        weight: float32 of shape (dim,).
    """

    basis: DctBasis
    mean: Floats
    scale: Floats
    directions: Floats
    gain: Floats
    weight: Floats
    kind: ClassVar[str] = "dct"

    @property
    def latent_dim(self) -> int:
        """Components that it takes."""
        return self.basis.latent_dim

    @property
    def dim(self) -> int:
        """Components that it gives."""
        return self.basis.dim

    def apply(self, latents: Latents) -> Floats:
        """Map latents as `LinearMap.apply` says."""
        scaled = (self.basis.coefficients(latents) - self.mean) * self.scale
        correction = ((scaled @ self.directions.T) * self.gain) @ self.directions
        return np.asarray((scaled + correction) * self.weight, np.float32)


def dct_matrix(n: int) -> Floats:
    """The orthonormal DCT-II: ``dct_matrix(n) @ x`` are the coefficients of x (n,)."""
    k, i = np.arange(n)[:, None], np.arange(n)[None, :]
    matrix = np.sqrt(2 / n) * np.cos(np.pi * k * (2 * i + 1) / (2 * n))
    matrix[0] /= np.sqrt(2)
    return np.asarray(matrix, np.float32)


def unit_length(vectors: Floats) -> Floats:
    """Scale rows (n, dim) to unit length; a row of zeros stays zero."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(norms, 1e-12), np.float32)


def save_map(linear_map: LinearMap, path: Path) -> str:
    """Write a map as safetensors whose header describes it; return the file's sha256."""
    tensors, header = _pack(linear_map)
    # safetensors writes the memory as it lies, whatever the strides say.
    tensors = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    data = save(tensors, metadata={"originid": json.dumps(header)})
    path.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def load_map(path: Path) -> LinearMap:
    """Read a map and check it against its header.

    Raises:
        ModelError: the file is absent, damaged, or of another format.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            header = json.loads((file.metadata() or {}).get("originid", "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, ValueError) as error:
        raise _bad(path, f"cannot be read: {error}") from error
    if header.get("format") != FORMAT:
        raise _bad(path, f"has format {header.get('format')}, this version reads {FORMAT}")
    try:
        linear_map = _unpack(header, tensors)
    except (KeyError, TypeError, ValueError) as error:
        raise _bad(path, f"lacks or misstates {error}") from error
    if (linear_map.dim, linear_map.latent_dim) != (header["dim"], header["latent_dim"]):
        raise _bad(
            path,
            f"maps {linear_map.latent_dim} -> {linear_map.dim}, its header says "
            f"{header['latent_dim']} -> {header['dim']}",
        )
    if not all(np.isfinite(tensor).all() for tensor in tensors.values()):
        raise _bad(path, "holds values that are not finite")
    return linear_map


def _pack(linear_map: LinearMap) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    header: dict[str, Any] = {
        "format": FORMAT,
        "kind": linear_map.kind,
        "dim": linear_map.dim,
        "latent_dim": linear_map.latent_dim,
    }
    if isinstance(linear_map, DenseMap):
        return {"matrix": linear_map.matrix, "mean": linear_map.mean}, header
    if isinstance(linear_map, DctMap):
        header["shapes"] = linear_map.basis.shapes
        # JSON has no infinity: null stands for "all frequencies".
        header["cutoffs"] = [c if np.isfinite(c) else None for c in linear_map.basis.cutoffs]
        return {
            "mean": linear_map.mean,
            "scale": linear_map.scale,
            # Half precision turns a vector by less than 0.02 degrees and halves the file.
            "directions": linear_map.directions.astype(np.float16),
            "gain": linear_map.gain,
            "weight": linear_map.weight,
        }, header
    raise TypeError(f"no file format for {type(linear_map).__name__}")


def _unpack(header: dict[str, Any], tensors: dict[str, NDArray[Any]]) -> LinearMap:
    floats = {name: tensor.astype(np.float32) for name, tensor in tensors.items()}
    if header["kind"] == "dense":
        return DenseMap(**floats)
    if header["kind"] == "dct":
        basis = DctBasis(
            tuple((int(c), int(h), int(w)) for c, h, w in header["shapes"]),
            tuple(np.inf if c is None else float(c) for c in header["cutoffs"]),
        )
        dct_map = DctMap(basis, **floats)
        rank = len(dct_map.gain)
        vector = (basis.dim,)
        wanted = {"mean": vector, "scale": vector, "weight": vector, "directions": (rank, *vector)}
        for name, shape in wanted.items():
            if floats[name].shape != shape:
                raise ValueError(f"{name}: shape {floats[name].shape}, expected {shape}")
        return dct_map
    raise ValueError(f"kind {header['kind']!r}")


def _bad(path: Path, what: str) -> ModelError:
    return ModelError(
        f"map {os.fspath(path)} {what}",
        f"expected a safetensors file that originid wrote, format {FORMAT}",
        "train the model again, or copy it again from where it came",
    )

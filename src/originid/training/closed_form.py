"""The map in closed form, from the scatter of pairs.

The paper looks for a W with ``E(g) W = E(o) W`` for every origin o and its translation g
(Theorem 1), that is T W = 0, where the rows of T are the differences E(g) - E(o) of the
training pairs. T has no exact null space, so W is asked to make the differences small against
what tells images apart. With the within-pair scatter::

    S_w = E[(E(g) - E(o)) (E(g) - E(o))^T] / 2

the map ``W = S_w^(-1/2)`` makes every direction's difference equally small: what edits change
most counts least. Few pairs do not fix a matrix of thousands of rows, so S_w is estimated in the
2-D DCT of each channel, where it is nearly diagonal (natural images and their edits are almost
stationary), and shrunk toward that diagonal D::

    S = D^(1/2) ((1 - blend) I + blend R) D^(1/2),    R = D^(-1/2) S_w D^(-1/2)

With R = V^T diag(lambda) V the inverse root has the form of a `DctMap`::

    W = D^tilt (I + V^T diag(gain) V) D^(-1/2)
    gain = (1 + blend / (1 - blend) lambda)^(-1/2) - 1

up to a factor that the cosine ignores. ``blend = 0`` or ``rank = 0`` is the structured map. A small
``tilt`` gives back a little of the weight that whitening takes from coefficients that edits change
much, which are those in which images differ most.
Asked for fewer dimensions, the fit returns the `DenseMap` of the directions with the largest
ratio of total to within-pair scatter, S_b / S_w.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from originid.errors import InputError
from originid.maps import DctBasis, DctMap, DenseMap, Map
from originid.types import Latents

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class ClosedForm:
    """Settings of the fit.

    Args:
        cutoff: radial frequency below which DCT coefficients are kept; infinity keeps all, None
            takes what each encoder says of itself.
        blend: share of the full scatter against its diagonal, in [0, 1).
        tilt: exponent of the diagonal that multiplies the result, each block's geometric mean 1.
        rank: how many directions of the full scatter are corrected; 0 fits the diagonal only.
        dim: how many dimensions the map has; None keeps every coefficient.
    """

    cutoff: float | None = None
    blend: float = 0.7
    tilt: float = 0.1
    rank: int = 512
    dim: int | None = None

    def __post_init__(self) -> None:
        checks = {
            "cutoff": self.cutoff is None or self.cutoff > 0,
            "blend": 0 <= self.blend < 1,
            "tilt": math.isfinite(self.tilt),
            "rank": self.rank >= 0,
            "dim": self.dim is None or self.dim >= 1,
        }
        for name, good in checks.items():
            if not good:
                raise InputError(
                    f"{name} = {getattr(self, name)}",
                    "expected cutoff > 0, 0 <= blend < 1, a finite tilt, rank >= 0 and dim >= 1",
                    f"choose another {name}",
                )


@dataclass
class Scatter:
    """Sums over one pass of a stream, in constant memory: k x k doubles for k coefficients.

    Args:
        basis: gives the coefficients of a latent.
        second: whether outer products are summed too, or only the mean.
    """

    basis: DctBasis
    second: bool = True

    def __post_init__(self) -> None:
        k = self.basis.dim
        self.weight = 0.0
        self.total = np.zeros(k)
        self.outer = np.zeros((k, k) if self.second else (0, 0))

    def add(self, latents: Latents, weights: Doubles | None = None) -> None:
        """Add rows (n, latent_dim), each with a weight, by default 1."""
        rows = self.basis.coefficients(latents).astype(np.float64)
        weights = np.ones(len(rows)) if weights is None else weights
        weighted = rows * weights[:, None]
        self.weight += float(weights.sum())
        self.total += weighted.sum(axis=0)
        if self.second:
            self.outer += weighted.T @ rows

    @property
    def mean(self) -> Doubles:
        """Weighted mean of the rows, (k,)."""
        return self.total / max(self.weight, 1e-300)

    def second_moment(self) -> Doubles:
        """Weighted mean of the outer products, (k, k)."""
        return self.outer / max(self.weight, 1e-300)

    def covariance(self) -> Doubles:
        """Second moment about the mean, (k, k)."""
        return self.second_moment() - np.outer(self.mean, self.mean)


def fit(within: Scatter, natural: Scatter, settings: ClosedForm) -> Map:
    """Fit the map from accumulated scatters.

    Args:
        within: scatter of the differences E(g) - E(o) of pairs.
        natural: scatter of the latents of natural images; its mean is subtracted by the map.
        settings: see `ClosedForm`.

    Raises:
        InputError: there are no pairs, no natural images, or values that are not finite.
    """
    _check(within, natural, settings)
    s_w = within.second_moment() / 2
    # A coefficient that no pair changes must not divide by zero.
    diagonal = np.maximum(np.diag(s_w), 1e-6 * np.diag(s_w).max())
    scale = diagonal**-0.5
    eigenvalues, vectors = _top_eigen(s_w * np.outer(scale, scale), settings)
    ratio = settings.blend / (1 - settings.blend)
    gain = (1 + ratio * eigenvalues) ** -0.5 - 1
    dct_map = DctMap(
        within.basis,
        natural.mean.astype(np.float32),
        scale.astype(np.float32),
        vectors.astype(np.float32),
        gain.astype(np.float32),
        _tilted(within.basis, diagonal, settings.tilt).astype(np.float32),
    )
    return dct_map if settings.dim is None else _cut(dct_map, natural.covariance(), settings.dim)


def no_map(natural: Scatter) -> DctMap:
    """The map that only subtracts the mean of natural images: cosine of centred latents."""
    k = natural.basis.dim
    empty = np.zeros((0, k), np.float32)
    mean = natural.mean.astype(np.float32)
    ones = np.ones(k, np.float32)
    return DctMap(natural.basis, mean, ones, empty, np.zeros(0, np.float32), ones)


def _check(within: Scatter, natural: Scatter, settings: ClosedForm) -> None:
    if within.weight == 0 or natural.weight == 0:
        what = "pairs" if within.weight == 0 else "natural images"
        raise InputError(
            f"no readable {what}",
            "expected at least one pair and one natural image",
            "check the manifest's paths and the folders of origins",
        )
    for name, scatter in (("pairs", within), ("natural images", natural)):
        if not (np.isfinite(scatter.total).all() and np.isfinite(scatter.outer).all()):
            raise InputError(
                f"latents of the {name} that are not finite",
                "expected finite numbers",
                "look for a broken encoder",
            )
    if np.diag(within.outer).max() == 0:
        raise InputError(
            "pairs whose origin and query are the same image",
            "expected queries that a generator changed",
            "check the manifest's columns origin and query",
        )
    if settings.dim is not None and settings.dim > within.basis.dim:
        raise InputError(
            f"dim {settings.dim}",
            f"expected at most {within.basis.dim}, the coefficients below the cutoff",
            "choose a smaller dim or a larger cutoff",
        )


def _tilted(basis: DctBasis, diagonal: Doubles, tilt: float) -> Doubles:
    """The diagonal to the power of the tilt, its geometric mean in each block 1."""
    blocks = np.split(diagonal, np.cumsum(basis.dims)[:-1])
    return np.concatenate([np.exp(tilt * (np.log(b) - np.log(b).mean())) for b in blocks])


def _top_eigen(correlation: Doubles, settings: ClosedForm) -> tuple[Doubles, Doubles]:
    """Largest eigenvalues (r,) and their eigenvectors as rows (r, k), signs fixed."""
    k = len(correlation)
    rank = min(settings.rank, k) if settings.blend else 0
    if rank == 0:
        return np.zeros(0), np.zeros((0, k))
    eigenvalues, vectors = np.linalg.eigh(correlation)
    eigenvalues, vectors = eigenvalues[::-1][:rank], vectors.T[::-1][:rank]
    # LAPACK leaves the sign open; fixing it makes two fits of the same pairs equal.
    largest = vectors[np.arange(rank), np.abs(vectors).argmax(axis=1)]
    return np.maximum(eigenvalues, 0), vectors * np.sign(largest)[:, None]


def _cut(dct_map: DctMap, total: Doubles, dim: int) -> DenseMap:
    """Keep the directions in which whitened natural images vary most (largest S_b / S_w)."""
    k = dct_map.dim
    whiten = np.eye(k) + dct_map.directions.T.astype(np.float64) * dct_map.gain @ dct_map.directions
    whiten = dct_map.weight[:, None] * whiten * dct_map.scale
    _, vectors = np.linalg.eigh(whiten @ total @ whiten.T)
    rows = vectors.T[::-1][:dim] @ whiten
    to_latents = dct_map.basis.latents
    return DenseMap(to_latents(rows.astype(np.float32)), to_latents(dct_map.mean[None])[0])
